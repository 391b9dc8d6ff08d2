//! A path through a scenario as anyone can read it: who asked for what, how it fared, what came back.

use crate::actors::Actor;
use crate::line::Asked;
use crate::pool::{No, Values};
use crate::program::Program;
use crate::state::{Choice, Fate, Model};
use crate::world::World;
use gateways::simulated::Order;
use payments::gateway::GatewayKey;
use payments::id::OperationId;
use payments::payment::Payment;
use payments::stage::StageName;
use std::fmt::Write;

/// One line for each choice, and the rule that is broken at the end of them.
pub fn trace(model: &mut Model<'_>, choices: &[Choice], broken: &str) -> String {
    let mut text = String::new();
    let mut state = model.first();
    for choice in choices {
        let next = model.after(&state, *choice);
        match *choice {
            Choice::Leap(second) => writeln!(text, "time passes to second {second}"),
            Choice::Step(place, fate) => {
                let actor = *model.actors.actor(state.actors[usize::from(place)].expect("someone acts there"));
                let fared = fared(model.values, &actor, fate, (state.world, next.world));
                writeln!(text, "{}: {}: {fared}", named(model.values, actor.program), asked(model.values, actor.asks))
            }
        }
        .expect("a text takes every line");
        state = next;
    }
    text + broken + "\n"
}

fn named(values: &Values, program: Program) -> String {
    match program {
        Program::Client(client) => client.to_string(),
        Program::Sweep => "sweep".to_owned(),
        Program::Step { operation, step, tried } => {
            let again = if tried > 0 { ", again" } else { "" };
            format!("run of {}, {step:?}{again}", kind(values, operation))
        }
        Program::OnItsWay(_) => "on its way".to_owned(),
        Program::Naive(naive) => format!("naive {}", format!("{naive:?}").to_lowercase()),
    }
}

fn asked(values: &Values, asked: Asked) -> String {
    match asked {
        Asked::Load => "load".to_owned(),
        Asked::Open(payment) => format!("open {}", version(values, payment)),
        Asked::Save(payment) => format!("save {}", version(values, payment)),
        Asked::Due => "what is due".to_owned(),
        Asked::Merchant => "the merchant".to_owned(),
        Asked::Token => "the token".to_owned(),
        Asked::Card => "the card".to_owned(),
        Asked::FindCode => "the code".to_owned(),
        Asked::ForgetCode => "forget the code".to_owned(),
        Asked::Count => "count".to_owned(),
        Asked::Start(operation) => format!("start a run of {}", kind(values, operation)),
        Asked::Turn(_) => "take the turn".to_owned(),
        Asked::Order(order) => match &*values.orders.value(order) {
            Order::Authorize { amount, key, .. } => format!("gateway, hold {} by {}", amount.minor(), short(key)),
            Order::Capture { amount, last, key, .. } => {
                let last = if *last { ", the last" } else { "" };
                format!("gateway, capture {}{last} by {}", amount.minor(), short(key))
            }
            Order::Void { captured, key, .. } => {
                format!("gateway, void all but {} by {}", captured.minor(), short(key))
            }
            Order::Refund { amount, key, .. } => format!("gateway, refund {} by {}", amount.minor(), short(key)),
            Order::LookUp { key } => format!("gateway, look up {}", short(key)),
            Order::Report { .. } => "gateway, report".to_owned(),
        },
    }
}

/// How it fared, between these two worlds.
fn fared(values: &Values, actor: &Actor, fate: Fate, (before, after): (World, World)) -> String {
    let effect = || match actor.asks {
        Asked::Load => before.payment.map_or("there is none".to_owned(), |payment| version(values, payment)),
        Asked::Save(payment) if after.payment != Some(payment) => "conflict".to_owned(),
        Asked::Order(order) => match gateway_said(values, order, after) {
            Some(effect) => effect,
            None => "nothing".to_owned(),
        },
        _ => "done".to_owned(),
    };
    match fate {
        Fate::Done => effect(),
        Fate::Fails => "FAILS".to_owned(),
        Fate::Lost => format!("{}, ANSWER LOST", effect()),
        Fate::Late => "ANSWER LOST, effect yet to come".to_owned(),
        Fate::Dies => "DIES before it asks".to_owned(),
        Fate::Restarts => "PROCESS DIES before it asks, the step is tried again".to_owned(),
        Fate::Vanishes => "never arrives".to_owned(),
    }
}

/// What the acquirer has noted for the order's key.
fn gateway_said(values: &Values, order: No<Order>, world: World) -> Option<String> {
    let order = values.orders.value(order);
    let (Order::Authorize { key, .. }
    | Order::Capture { key, .. }
    | Order::Void { key, .. }
    | Order::Refund { key, .. }
    | Order::LookUp { key }) = &*order
    else {
        return None;
    };
    let account = values.accounts.value(world.account);
    let effect = account.values().find_map(|entry| entry.effects.get(key.as_str()))?;
    let text = serde_json::to_value(effect).expect("an effect can be written");
    let answer = text.as_object()?.values().next()?.clone();
    Some(answer.as_str().map_or_else(|| answer.as_object().unwrap().keys().next().unwrap().clone(), str::to_owned))
}

fn version(values: &Values, payment: No<Payment>) -> String {
    let payment = values.payments.value(payment);
    format!("version {}, {}", payment.version, StageName::from(&payment.stage))
}

/// A key without the payment's id.
fn short(key: &GatewayKey) -> String {
    let (_, rest) = key.as_str().split_once(':').unwrap_or_default();
    let (operation, attempt) = rest.rsplit_once(':').unwrap_or_default();
    format!("{}:{attempt}", operation.get(..8).filter(|_| operation.contains('_')).unwrap_or(operation))
}

fn kind(values: &Values, operation: No<OperationId>) -> String {
    format!("{:?}", values.operations.value(operation).kind()).to_lowercase()
}
