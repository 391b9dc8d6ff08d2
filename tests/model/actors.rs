//! Where actors stand. A handler is asked only once what it does after the same answers: what it does then is remembered.

use crate::line::{Answer, Asked, Line};
use crate::pool::{No, Values};
use crate::program::{Exchange, Program, Stand};
use crate::shop::Shop;
use payments::id::OperationId;
use rustc_hash::FxHashMap;

/// Where an actor stands: its program, what it has heard since it began, and what it waits for.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    pub program: Program,
    /// Where it stood before, what it heard then, and the second, if it read the clock after that.
    heard: Option<Heard>,
    pub asks: Asked,
}

type Heard = (No<Actor>, Answer, Option<u32>);

/// All places where an actor ever stood.
pub struct Actors<'v> {
    values: &'v Values,
    shop: &'v Shop,
    places: Vec<Actor>,
    began: FxHashMap<Program, Option<No<Actor>>>,
    by_heard: FxHashMap<Heard, No<Actor>>,
    next: FxHashMap<(No<Actor>, Answer, u32), Option<No<Actor>>>,
}

impl<'v> Actors<'v> {
    /// None yet.
    pub fn new(values: &'v Values, shop: &'v Shop) -> Self {
        let (places, began, by_heard, next) = Default::default();
        Self { values, shop, places, began, by_heard, next }
    }

    /// Where the actor of that number stands.
    pub fn actor(&self, number: No<Actor>) -> &Actor {
        &self.places[number.place()]
    }

    /// An actor that begins with that program; `None` if it is over before it asks for anything.
    pub fn begin(&mut self, program: Program) -> Option<No<Actor>> {
        if let Some(known) = self.began.get(&program) {
            return *known;
        }
        let number = match program.stand(&self.line(), &[]).0 {
            Stand::Asks(asks) => Some(self.add(Actor { program, heard: None, asks })),
            Stand::Over => None,
            Stand::GoesOn(next) => self.begin(next),
        };
        self.began.insert(program, number);
        number
    }

    /// A run of that operation.
    pub fn run_of(&self, operation: No<OperationId>) -> Program {
        Program::run_of(&self.line(), operation)
    }

    /// Where an actor stands once it heard that answer at that second; `None` if it is over.
    pub fn hear(&mut self, number: No<Actor>, answer: Answer, now: u32) -> Option<No<Actor>> {
        if let Some(known) = self.next.get(&(number, answer, now)) {
            return *known;
        }
        let Actor { program, asks, .. } = *self.actor(number);
        let mut exchanges = self.exchanges(number);
        exchanges.push(Exchange { asked: asks, answer, now });
        let (stand, read) = program.stand(&self.line(), &exchanges);
        let next = match stand {
            Stand::Asks(asks) => {
                let heard = (number, answer, read.then_some(now));
                Some(self.by_heard.get(&heard).copied().unwrap_or_else(|| {
                    let next = self.add(Actor { program, heard: Some(heard), asks });
                    self.by_heard.insert(heard, next);
                    next
                }))
            }
            Stand::Over => None,
            Stand::GoesOn(next) => self.begin(next),
        };
        self.next.insert((number, answer, now), next);
        next
    }

    /// What the actor has heard, the oldest first. Where the clock was not read, any second will do.
    fn exchanges(&self, number: No<Actor>) -> Vec<Exchange> {
        let mut exchanges = Vec::new();
        let mut place = number;
        while let Some((before, answer, now)) = self.actor(place).heard {
            exchanges.push(Exchange { asked: self.actor(before).asks, answer, now: now.unwrap_or_default() });
            place = before;
        }
        exchanges.reverse();
        exchanges
    }

    fn add(&mut self, actor: Actor) -> No<Actor> {
        self.places.push(actor);
        No::of(self.places.len() - 1)
    }

    fn line(&self) -> Line<'v> {
        Line::new(self.values, self.shop)
    }
}
