//! What becomes of a payment once faults have stopped and nobody acts: the sweep alone brings it to rest, and what rests until a
//! time ends when the time comes.

use crate::program::Program;
use crate::rules::{Rule, always, at_rest};
use crate::state::Model;
use crate::world::World;
use payments::stage::StageName;

/// Sweeps until a payment is at its end. It is given up after eight takeovers, and then undone.
const MOST_SWEEPS: u32 = 20;

/// Sweeps until the payment is at its end; says which rule is broken on the way.
pub fn sweep_to_the_end(model: &mut Model<'_>, mut world: World) -> Rule {
    for _ in 0..MOST_SWEEPS {
        let payment = world.payment(model.values);
        let account = model.values.accounts.value(world.account);
        always(payment.as_deref(), &account)?;
        let Some(payment) = payment else { return Ok(()) };
        if StageName::from(&payment.stage).is_rest() {
            at_rest(&payment, &account)?;
        }
        let Some(due) = world.due(model.values) else { return at_rest(&payment, &account) };
        world.now = due.max(world.now);
        world = model.until_the_end(world, Program::Sweep);
    }
    Err(format!("{MOST_SWEEPS} sweeps do not bring it to its end"))
}
