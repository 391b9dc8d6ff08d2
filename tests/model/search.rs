//! Breadth first through all states of a scenario: first those without a fault, then those with one, and so on. So a state is
//! found by the fewest faults that lead to it, and looked at once; what follows it with more of them adds nothing.

use crate::pool::{Account, No};
use crate::rest::sweep_to_the_end;
use crate::rules::{Rule, always};
use crate::state::{Choice, Model, State};
use crate::visited::Visited;
use crate::world::World;
use payments::payment::Payment;
use rustc_hash::FxHashSet;
use std::ops::Range;

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
    pub ends: usize,
    /// Whether there is no state within the bounds that was not visited.
    pub exhaustive: bool,
    /// The first rule that was found broken, and the choices that lead there.
    pub violation: Option<(String, Vec<Choice>)>,
}

/// A search under way.
struct Search<'m, 'v> {
    model: &'m mut Model<'v>,
    visited: Visited,
    /// Pairs of payment and account that keep the rules.
    sound: FxHashSet<(Option<No<Payment>>, No<Account>)>,
    /// Worlds that come to their end without anyone acting.
    ends: FxHashSet<World>,
    steps: usize,
}

/// Visits every state of the scenario, or those before the first broken rule.
pub fn search(model: &mut Model<'_>) -> Report {
    let faults = model.scenario.faults;
    let first = model.first();
    let mut search = Search {
        model,
        visited: Visited::new(first),
        sound: FxHashSet::default(),
        ends: FxHashSet::default(),
        steps: 0,
    };
    let mut by_faults = Vec::new();
    let mut outcome = search.check(0);
    let mut layer = 0..1;
    for fault in 0..=faults {
        let begin = search.visited.len();
        if fault > 0 && outcome.is_ok() {
            outcome = search.expand(layer, true);
            layer = begin..search.visited.len();
        }
        if outcome.is_ok() {
            outcome = search.follow(&mut layer);
        }
        by_faults.push(layer.len());
        layer = layer.start..search.visited.len();
    }
    let states = search.visited.len();
    let violation = outcome.err().map(|broken| (broken, search.visited.path_to(states - 1)));
    let exhaustive = violation.is_none() && states < MOST_STATES;
    Report { states, by_faults, steps: search.steps, ends: search.ends.len(), exhaustive, violation }
}

impl Search<'_, '_> {
    /// All states that follow those of the layer without another fault, until there are no new ones: they are the layer's too.
    fn follow(&mut self, layer: &mut Range<usize>) -> Rule {
        let mut open = layer.clone();
        while !open.is_empty() {
            self.expand(open.clone(), false)?;
            open = open.end..self.visited.len();
            layer.end = self.visited.len();
        }
        Ok(())
    }

    /// The states that follow those by one choice: a fault, or anything else. The one that breaks a rule is the last.
    fn expand(&mut self, places: Range<usize>, faults: bool) -> Rule {
        let mut choices = Vec::new();
        for place in places {
            let state = self.visited.state(place);
            self.model.choices(&state, faults, &mut choices);
            for choice in &choices {
                self.steps += 1;
                let next = self.model.after(&state, *choice);
                if self.visited.len() < MOST_STATES && self.visited.add(next, place, *choice) {
                    self.check(self.visited.len() - 1)?;
                }
            }
        }
        Ok(())
    }

    fn check(&mut self, place: usize) -> Rule {
        let state: State = self.visited.state(place);
        let World { payment, account, .. } = state.world;
        if !self.model.scenario.ends_only && self.sound.insert((payment, account)) {
            let values = self.model.values;
            always(state.world.payment(values).as_deref(), &values.accounts.value(account))?;
        }
        if state.acting().next().is_none() && self.ends.insert(state.world) {
            sweep_to_the_end(self.model, state.world).map_err(|broken| format!("nobody acts any more: {broken}"))?;
        }
        Ok(())
    }
}
