//! Breadth first through all states of a scenario: first those without a fault, then those with one, and so on. So a state is
//! found by the fewest faults that lead to it, and looked at once; what follows it with more of them adds nothing.

use crate::pool::{Account, No};
use crate::rest::sweep_to_the_end;
use crate::rules::{Rule, always};
use crate::state::{Choice, Model, State};
use crate::world::World;
use payments::payment::Payment;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry;

/// States after which a scenario is cut off: more than any has within its bounds.
const MOST_STATES: usize = 20_000_000;

/// What came of a search.
#[derive(Debug)]
pub struct Report {
    /// Distinct states that were visited.
    pub states: usize,
    /// How many of them took how many faults.
    pub by_faults: Vec<usize>,
    /// Steps from one state to another.
    pub steps: usize,
    /// Distinct worlds in which nobody acted any more.
    pub ended: usize,
    /// Whether there is no state within the bounds that was not visited.
    pub exhaustive: bool,
    /// The first rule that was found broken, and the choices that lead there.
    pub violation: Option<(String, Vec<Choice>)>,
}

/// A search under way.
struct Search<'m, 'v> {
    model: &'m mut Model<'v>,
    seen: FxHashMap<State, u32>,
    /// How each state was reached first: from which, by what.
    reached: Vec<(u32, Choice)>,
    /// Pairs of payment and account that keep the rules.
    sound: FxHashSet<(Option<No<Payment>>, No<Account>)>,
    /// Worlds that come to their end without anyone acting.
    ending: FxHashSet<World>,
    steps: usize,
}

/// A state, and its number.
type Found = (State, u32);

/// Visits every state of the scenario, or those before a broken rule.
pub fn search(model: &mut Model<'_>) -> Report {
    let faults = model.scenario.faults;
    let first = model.first();
    let (seen, reached, sound, ending) = Default::default();
    let mut search = Search { model, seen, reached, sound, ending, steps: 0 };
    let mut by_faults = Vec::new();
    let mut layer = Vec::new();
    let mut outcome = search.visit(first, (0, Choice::Leap(0)), &mut layer);
    for fault in 0..=faults {
        if fault > 0 {
            layer = search.faults_of(layer, &mut outcome);
        }
        search.follow(&mut layer, &mut outcome);
        by_faults.push(layer.len());
    }
    let violation = outcome.err().map(|(broken, number)| (broken, search.path_to(number)));
    let exhaustive = violation.is_none() && search.reached.len() < MOST_STATES;
    let (states, steps, ended) = (search.reached.len(), search.steps, search.ending.len());
    Report { states, by_faults, steps, ended, exhaustive, violation }
}

/// All is well so far, or which rule is broken in which state.
type Outcome = Result<(), (String, u32)>;

impl Search<'_, '_> {
    /// All states that follow those of the layer without another fault, put behind them.
    fn follow(&mut self, layer: &mut Vec<Found>, outcome: &mut Outcome) {
        let mut place = 0;
        while outcome.is_ok() && place < layer.len() && self.reached.len() < MOST_STATES {
            let from = layer[place];
            *outcome = self.expand(from, false, layer);
            place += 1;
        }
    }

    /// The states that follow those of the layer by one more fault.
    fn faults_of(&mut self, layer: Vec<Found>, outcome: &mut Outcome) -> Vec<Found> {
        let mut next = Vec::new();
        for from in layer {
            if outcome.is_ok() && self.reached.len() < MOST_STATES {
                *outcome = self.expand(from, true, &mut next);
            }
        }
        next
    }

    fn expand(&mut self, (state, number): Found, faults: bool, found: &mut Vec<Found>) -> Outcome {
        let mut choices = Vec::new();
        self.model.choices(&state, faults, &mut choices);
        for choice in choices {
            debug_assert_eq!(choice.is_fault(), faults);
            let next = self.model.after(&state, choice);
            self.steps += 1;
            self.visit(next, (number, choice), found)?;
        }
        Ok(())
    }

    /// Looks at a state, if it is a new one.
    fn visit(&mut self, state: State, reached: (u32, Choice), found: &mut Vec<Found>) -> Outcome {
        let number = u32::try_from(self.reached.len()).expect("fewer states than are cut off");
        match self.seen.entry(state) {
            Entry::Occupied(_) => return Ok(()),
            Entry::Vacant(place) => place.insert(number),
        };
        self.reached.push(reached);
        found.push((state, number));
        self.check(&state).map_err(|broken| (broken, number))
    }

    fn check(&mut self, state: &State) -> Rule {
        let World { payment, account, .. } = state.world;
        if self.sound.insert((payment, account)) {
            let values = self.model.values;
            always(state.world.payment(values).as_deref(), &values.accounts.value(account))?;
        }
        if state.acting().next().is_none() && self.ending.insert(state.world) {
            sweep_to_the_end(self.model, state.world).map_err(|broken| format!("nobody acts any more: {broken}"))?;
        }
        Ok(())
    }

    /// The choices that lead from the first state to that one.
    fn path_to(&self, mut number: u32) -> Vec<Choice> {
        let mut path = Vec::new();
        while number > 0 {
            let (before, choice) = self.reached[number as usize];
            path.push(choice);
            number = before;
        }
        path.reverse();
        path
    }
}
