//! What must hold at every version of every payment, while faults last.

use crate::world::World;
use payments::payment::Payment;
use payments::stage::StageName::{self, *};

/// The stages that may follow each, itself aside, as docs/states.md has them.
fn may_follow(stage: StageName) -> &'static [StageName] {
    match stage {
        Created => &[Authorizing, Failed, Declined],
        Authorizing => &[Authorized, Authenticating, Declined, Voiding],
        Authenticating => &[Authorizing, Voiding],
        Authorized => &[Capturing, RequiresCapture, InReview, Voiding],
        Capturing => &[Captured, Voiding],
        Captured => &[Succeeded, RequiresCapture],
        Voiding => &[Declined, Canceled, Failed, Captured, Succeeded],
        RequiresCapture => &[Capturing, Voiding],
        InReview => &[Capturing, RequiresCapture, Voiding],
        Succeeded => &[Refunding],
        Refunding => &[Succeeded],
        Declined | Canceled | Failed => &[],
    }
}

/// Looks at a version that is about to be the latest.
pub fn step(world: &World, before: &Payment, after: &Payment) {
    let (from, to) = (StageName::from(&before.stage), StageName::from(&after.stage));
    let wrong = |invariant, what: String| {
        let versions = format!("version {} {from} -> {} {to}", before.version, after.version);
        world.violate(invariant, Some(&after.payment_id), format!("{what} ({versions})"));
    };
    let under_way = !from.is_rest();
    if !(may_follow(from).contains(&to) || from == to && under_way) {
        wrong("4 rest", "a step that no rule allows".to_owned());
    }
    let (captured, refunded) = (after.captured().minor(), after.refunded().minor());
    if captured > after.amount.minor() {
        wrong("2 captured", format!("captured {captured} of {}", after.amount.minor()));
    }
    if refunded > captured {
        wrong("2 refunded", format!("refunded {refunded} of {captured}"));
    }
    if captured < before.captured().minor() || refunded < before.refunded().minor() {
        wrong("2 captured", "money that had moved is forgotten".to_owned());
    }
    if after.operations.len() < before.operations.len() {
        wrong("6 idempotency", "an operation is forgotten".to_owned());
    }
    let waits = matches!(to, RequiresCapture | InReview | Authenticating);
    if after.due_at.is_some() != (waits || !to.is_rest()) {
        wrong("4 rest", format!("due at {:?}", after.due_at));
    }
    let same =
        before.owner == after.owner && before.amount == after.amount && before.request_hash == after.request_hash;
    if !same
        || before.created_at != after.created_at
        || before.first_rest.is_some_and(|rest| after.first_rest != Some(rest))
    {
        wrong("6 idempotency", "what is fixed has changed".to_owned());
    }
    for settled in before.operations.iter().filter(|operation| operation.settlement.is_some()) {
        if after.operation(&settled.id).is_none_or(|later| later.settlement != settled.settlement) {
            wrong("7 settlement", "a settlement has changed".to_owned());
        }
    }
}
