//! The states of a scenario, and what may happen in each: which actor's question is carried out next, and how well that goes.

use crate::actors::{Actor, Actors};
use crate::line::{Answer, Asked};
use crate::pool::{No, Values};
use crate::program::Program;
use crate::scenario::{Before, Happening, Scenario};
use crate::shop::{Shop, seconds};
use crate::world::{Done, Effects, World};
use gateways::simulated::Order;

/// The most actors at a time: three, a run that each started, and two orders on their way.
const MOST_ACTORS: usize = 8;
/// After so many seconds a repeated request takes the first one's run to be dead.
const PATIENCE_SECONDS: u32 = 5;

/// A state of the whole. Actors that stand at the same place are alike; their order says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub world: World,
    pub actors: [Option<No<Actor>>; MOST_ACTORS],
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The question of the actor at that place is carried out, so.
    Step(u8, Fate),
    /// Time passes to that second.
    Leap(u32),
}

/// How a question fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It takes effect and is answered; an order on its way arrives.
    Done,
    /// It has no effect, and the actor is told so.
    Fails,
    /// It takes effect, and the answer is lost.
    Lost,
    /// The answer is lost, and the effect is yet to come.
    Late,
    /// The actor dies before it asks.
    Dies,
    /// The step's process dies before it asks, and the state machine tries the step again.
    Restarts,
    /// An order on its way never arrives.
    Vanishes,
}

/// A scenario with everything that is known of its actors.
pub struct Model<'v> {
    pub values: &'v Values,
    pub scenario: &'v Scenario,
    pub actors: Actors<'v>,
    effects: Effects<'v>,
}

impl State {
    /// Whoever still acts, by place.
    pub fn acting(&self) -> impl Iterator<Item = (usize, No<Actor>)> {
        self.actors.into_iter().enumerate().filter_map(|(place, actor)| Some((place, actor?)))
    }

    fn joined_by(mut self, actor: Option<No<Actor>>) -> Self {
        if actor.is_some() {
            let free = self.actors.iter_mut().find(|place| place.is_none());
            *free.expect("no more than the most at a time") = actor;
        }
        self
    }

    fn sorted(mut self) -> Self {
        self.actors.sort_unstable_by(|one, other| other.cmp(one));
        self
    }
}

impl<'v> Model<'v> {
    /// The scenario of that shop.
    pub fn new(values: &'v Values, shop: &'v Shop, scenario: &'v Scenario) -> Self {
        let (actors, effects) = (Actors::new(values, shop), Effects::new(values, scenario.table));
        Self { values, scenario, actors, effects }
    }

    /// Where the scenario begins.
    pub fn first(&mut self) -> State {
        let mut world = World::new(self.values, self.scenario.leaps);
        for before in self.scenario.before {
            world = self.past(world, before);
        }
        let mut state = State { world, actors: [None; MOST_ACTORS] };
        for happening in self.scenario.at_once {
            let program = self.program(world, happening);
            state = state.joined_by(self.actors.begin(program));
        }
        state.sorted()
    }

    /// What that made of the world before the scenario began.
    fn past(&mut self, mut world: World, before: &Before) -> World {
        match before {
            Before::Whole(happening) => {
                let program = self.program(world, happening);
                self.until_the_end(world, program)
            }
            Before::Alone(happening) => {
                let program = self.program(world, happening);
                self.run(world, program, false, |_| false)
            }
            Before::Until(happening, stage) => {
                let (program, values) = (self.program(world, happening), self.values);
                let there =
                    |world: World| world.payment(values).is_some_and(|payment| *stage == (&payment.stage).into());
                self.run(world, program, true, there)
            }
            Before::TakenOver(often) => {
                for _ in 0..*often {
                    let due = world.due(self.values).expect("it is not over");
                    world = self.run(world.at(due), Program::Sweep, false, |_| false);
                }
                world
            }
        }
    }

    fn program(&mut self, world: World, happening: &Happening) -> Program {
        match happening {
            Happening::Client(client) => Program::Client(*client),
            Happening::Sweep => Program::Sweep,
            Happening::Run => {
                let operation = world.payment(self.values).and_then(|payment| payment.next_operation());
                let operation = operation.expect("it is in the middle of something");
                self.actors.run_of(self.values.operations.number(operation))
            }
            Happening::Naive(naive) => Program::Naive(*naive),
        }
    }

    /// Runs a program, and what it starts, to the end and without faults.
    pub fn until_the_end(&mut self, world: World, program: Program) -> World {
        self.run(world, program, true, |_| false)
    }

    /// Runs a program without faults, and what it starts after it if `whole`, until the world is so.
    fn run(&mut self, mut world: World, program: Program, whole: bool, until: impl Fn(World) -> bool) -> World {
        let mut acting: Vec<_> = self.actors.begin(program).into_iter().collect();
        while let Some(actor) = acting.pop().filter(|_| !until(world)) {
            let Done { world: next, answer, started } = self.effects.of(world, self.actors.actor(actor).asks);
            world = next;
            if let Some(operation) = started.filter(|_| whole) {
                let run = self.actors.run_of(operation);
                acting.extend(self.actors.begin(run));
            }
            acting.extend(self.actors.hear(actor, answer, world.now));
        }
        world
    }

    /// What may happen in that state: the faults, or all else.
    pub fn choices(&self, state: &State, faults: bool, choices: &mut Vec<Choice>) {
        choices.clear();
        // What nobody ever changes reads the same before and after anything else: it is read first, and only how it fares counts.
        let reading = state.acting().find(|(_, number)| self.actors.actor(*number).asks.is_constant());
        let mut before = None;
        for (place, number) in state.acting() {
            // Of two that stand at the same place it does not matter which one acts.
            let same = before.replace(number) == Some(number);
            if same || reading.is_some_and(|(reader, _)| reader != place) {
                continue;
            }
            let fates = self.fates(self.actors.actor(number), faults);
            let place = u8::try_from(place).expect("few places");
            choices.extend(fates.iter().map(|fate| Choice::Step(place, *fate)));
        }
        if !faults && reading.is_none() && state.world.leaps > 0 {
            self.leaps(&state.world, choices);
        }
    }

    fn leaps(&self, world: &World, choices: &mut Vec<Choice>) {
        let Some(payment) = world.payment(self.values) else { return };
        let patience = seconds(payment.latest_change().at) + PATIENCE_SECONDS;
        let leaps = [world.due(self.values), Some(patience).filter(|_| self.scenario.patience)];
        choices.extend(leaps.into_iter().flatten().filter(|second| *second > world.now).map(Choice::Leap));
    }

    fn fates(&self, actor: &Actor, faults: bool) -> &'static [Fate] {
        use Fate::{Dies, Done, Fails, Late, Lost, Restarts, Vanishes};
        let reads = match actor.asks {
            Asked::Order(order) => matches!(*self.values.orders.value(order), Order::LookUp { .. }),
            Asked::Open(_) | Asked::Save(_) | Asked::Start(_) | Asked::Turn(_) => false,
            asked => asked.is_constant() || matches!(asked, Asked::Load | Asked::Due),
        };
        // What comes late is a lost answer whose effect comes after others'. A started run may be slow anyway.
        let late = matches!(actor.asks, Asked::Open(_) | Asked::Save(_) | Asked::Order(_));
        match (actor.program, faults) {
            (Program::OnItsWay(_), false) => &[Done, Vanishes],
            (Program::OnItsWay(_), true) => &[],
            (_, false) => &[Done],
            (Program::Step { .. }, true) if reads => &[Fails, Dies, Restarts],
            (Program::Step { .. }, true) if late => &[Fails, Lost, Late, Dies, Restarts],
            (Program::Step { .. }, true) => &[Fails, Lost, Dies, Restarts],
            (_, true) if reads => &[Fails, Dies],
            (_, true) if late => &[Fails, Lost, Late, Dies],
            (_, true) => &[Fails, Lost, Dies],
        }
    }

    /// The state that the choice makes of this one.
    pub fn after(&mut self, state: &State, choice: Choice) -> State {
        match choice {
            Choice::Leap(now) => {
                let mut world = state.world.at(now);
                world.leaps -= 1;
                State { world, ..*state }
            }
            Choice::Step(place, fate) => self.step(*state, usize::from(place), fate).sorted(),
        }
    }

    fn step(&mut self, mut state: State, place: usize, fate: Fate) -> State {
        let number = state.actors[place].take().expect("someone acts there");
        let Actor { program, asks, .. } = *self.actors.actor(number);
        let takes_effect = match fate {
            Fate::Done | Fate::Lost => true,
            Fate::Fails | Fate::Late | Fate::Dies | Fate::Restarts | Fate::Vanishes => false,
        };
        let mut answered = None;
        if takes_effect {
            let Done { world, answer, started } = self.effects.of(state.world, asks);
            state.world = world;
            answered = Some(answer);
            if let Some(operation) = started {
                let run = self.actors.run_of(operation);
                state = state.joined_by(self.actors.begin(run));
            }
        }
        let now = state.world.now;
        let goes_on = match (fate, program) {
            (_, Program::OnItsWay(_)) | (Fate::Dies | Fate::Vanishes, _) => None,
            (Fate::Restarts, _) => program.again().and_then(|again| self.actors.begin(again)),
            (Fate::Done, _) => self.actors.hear(number, answered.expect("it took effect"), now),
            (Fate::Fails, _) => self.actors.hear(number, self.refusal(asks), now),
            (Fate::Lost | Fate::Late, _) => self.actors.hear(number, silence(asks), now),
        };
        if fate == Fate::Late {
            state = state.joined_by(self.actors.begin(Program::OnItsWay(asks)));
        }
        state.joined_by(goes_on)
    }

    /// What an actor hears whose question had no effect.
    fn refusal(&self, asked: Asked) -> Answer {
        match asked {
            Asked::Order(order) if !matches!(*self.values.orders.value(order), Order::LookUp { .. }) => {
                Answer::NotTaken
            }
            _ => silence(asked),
        }
    }
}

/// What an actor hears whose answer is lost.
fn silence(asked: Asked) -> Answer {
    if matches!(asked, Asked::Order(_)) { Answer::Unknown } else { Answer::Silence }
}
