//! The gateways' breakers and the declined cards in memory: what Valkey keeps, by the same rules. For every world in memory:
//! tests/simulation takes this file too.

use payments::breaker::{Breaker, COOL_OFF_MILLIS, Call, OPEN_MILLIS, SPAN_MILLIS, Window};
use payments::gateway::{GatewayKey, GatewayName};
use payments::id::CardFingerprint;
use payments::retry::{DAY_MILLIS, Declines, REMEMBERED_MILLIS};
use payments::timestamp::Timestamp;
use std::collections::BTreeMap;

/// Breakers and declined cards.
#[derive(Default)]
pub struct Health {
    calls: BTreeMap<(GatewayName, i64), Window>,
    in_a_row: BTreeMap<GatewayName, u32>,
    /// Until when a breaker is open.
    open: BTreeMap<GatewayName, i64>,
    /// Until when somebody has the permit to try the gateway.
    probed: BTreeMap<GatewayName, i64>,
    declines: BTreeMap<CardFingerprint, BTreeMap<GatewayKey, i64>>,
}

impl Health {
    pub fn is_open(&self, gateway: &GatewayName, now: Timestamp) -> bool {
        self.open.get(gateway).is_some_and(|until| now.as_millis() < *until)
    }

    pub fn ask(&mut self, gateway: &GatewayName, now: Timestamp) -> Breaker {
        if !self.is_open(gateway, now) {
            Breaker::Closed
        } else if self.permit(gateway, now) {
            Breaker::Probe
        } else {
            Breaker::Open
        }
    }

    /// Takes the one permit to try the gateway, if it is free.
    fn permit(&mut self, gateway: &GatewayName, now: Timestamp) -> bool {
        let until = self.probed.entry(gateway.clone()).or_default();
        let free = *until <= now.as_millis();
        if free {
            *until = now.as_millis() + COOL_OFF_MILLIS;
        }
        free
    }

    pub fn record(&mut self, gateway: &GatewayName, call: Call, now: Timestamp) {
        let span = now.as_millis() / SPAN_MILLIS;
        self.calls.retain(|(_, counted), _| *counted >= span - 1);
        let window = self.calls.entry((gateway.clone(), span)).or_default();
        match call {
            Call::Answered => {
                window.answered += 1;
                self.in_a_row.remove(gateway);
            }
            Call::TrialAnswered => {
                self.open.remove(gateway);
                self.in_a_row.remove(gateway);
                self.calls.retain(|(counted, _), _| counted != gateway);
            }
            Call::TrialFailed => drop(self.open.insert(gateway.clone(), now.as_millis() + OPEN_MILLIS)),
            Call::Failed => {
                window.failed += 1;
                let in_a_row = self.in_a_row.entry(gateway.clone()).or_default();
                *in_a_row += 1;
                let own = self.calls.iter().filter(|((counted, _), _)| counted == gateway);
                let calm = Window { in_a_row: *in_a_row, ..Window::default() };
                let sum = own.fold(calm, |sum, (_, window)| Window {
                    answered: sum.answered + window.answered,
                    failed: sum.failed + window.failed,
                    ..sum
                });
                if sum.trips() {
                    self.open.insert(gateway.clone(), now.as_millis() + OPEN_MILLIS);
                    self.permit(gateway, now);
                }
            }
        }
    }

    pub fn declined(&mut self, card: &CardFingerprint, order: &GatewayKey, now: Timestamp) -> Declines {
        let now = now.as_millis();
        let declines = self.declines.entry(card.clone()).or_default();
        declines.entry(order.clone()).or_insert(now);
        declines.retain(|_, at| *at > now - REMEMBERED_MILLIS);
        let since = |from: i64| u32::try_from(declines.values().filter(|at| **at > from).count()).unwrap_or(u32::MAX);
        Declines { day: since(now - DAY_MILLIS), month: since(i64::MIN) }
    }
}
