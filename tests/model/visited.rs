//! The states that were visited, each once, in the order in which they were found.

use crate::state::{Choice, State};
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

/// A place of the table that no state has.
const FREE: u32 = u32::MAX;

/// Visited states: a list, and a table of places in it that is at most half full.
pub struct Visited {
    states: Vec<State>,
    /// How each state was reached first: from which, by what.
    reached: Vec<(u32, Choice)>,
    table: Vec<u32>,
}

impl Visited {
    /// The first state alone.
    pub fn new(first: State) -> Self {
        let mut visited = Self { states: Vec::new(), reached: Vec::new(), table: vec![FREE; 1 << 10] };
        visited.add(first, 0, Choice::Leap(0));
        visited
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// The state that was found at that place.
    pub fn state(&self, place: usize) -> State {
        self.states[place]
    }

    /// Adds a state that was reached from that place by that choice; answers whether it is a new one.
    pub fn add(&mut self, state: State, from: usize, by: Choice) -> bool {
        let Err(free) = self.find(&state) else { return false };
        self.table[free] = number(self.states.len());
        self.states.push(state);
        self.reached.push((number(from), by));
        if self.states.len() * 2 > self.table.len() {
            self.grow();
        }
        true
    }

    /// The choices that lead from the first state to the one at that place.
    pub fn path_to(&self, mut place: usize) -> Vec<Choice> {
        let mut path = Vec::new();
        while place > 0 {
            let (from, by) = self.reached[place];
            path.push(by);
            place = from as usize;
        }
        path.reverse();
        path
    }

    /// Where in the table the state is, or a place for it.
    fn find(&self, state: &State) -> Result<usize, usize> {
        let mask = self.table.len() - 1;
        let mut slot = FxBuildHasher.hash_one(state) as usize & mask;
        loop {
            match self.table[slot] {
                FREE => return Err(slot),
                place if self.states[place as usize] == *state => return Ok(slot),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        self.table = vec![FREE; self.table.len() * 2];
        for place in 0..self.states.len() {
            let slot = self.find(&self.states[place]).expect_err("each state is there once");
            self.table[slot] = number(place);
        }
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).expect("fewer states than 2^32")
}
