//! What the search finds wrong with variants that anyone might write first: the shortest of the paths with the fewest faults.

use crate::check;
use crate::client::{Client, Post};
use crate::naive::Naive;
use crate::scenario::{Before, Happening, Scenario};
use crate::world::Table;
use expect_test::{Expect, expect};

const HOLD: Before = Before::Whole(client(Post::Pay { minor: 1999, by_hand: true }, "order"));
const CAPTURE: Happening = client(Post::Capture(None, true), "all");
const CANCEL: Happening = client(Post::Cancel, "cancel");

const fn client(posts: Post, key: &'static str) -> Happening {
    Happening::Client(Client { posts, key })
}

fn finds(scenario: &Scenario, trace: Expect) {
    let (report, found) = check(scenario);
    assert!(!report.exhaustive);
    trace.assert_eq(&found.expect("it breaks a rule"));
}

#[test]
fn a_capture_without_an_intent_takes_money_that_nobody_knows_of() {
    finds(
        &Scenario { before: &[HOLD], at_once: &[Happening::Naive(Naive::Capture), CANCEL], ..Scenario::PLAIN },
        expect![[r#"
            naive capture: load: version 4, requires_capture
            naive capture: gateway, capture 1999, the last by cap_4849:1: captured
            the acquirer took 1999; the payment knows of 0 and intends 0 more
        "#]],
    );
}

#[test]
fn a_capture_without_an_intent_meets_a_cancel_and_neither_can_end() {
    finds(
        &Scenario {
            before: &[HOLD],
            at_once: &[Happening::Naive(Naive::Capture), CANCEL],
            ends_only: true,
            ..Scenario::PLAIN
        },
        expect![[r#"
            cancel `cancel`: load: version 4, requires_capture
            naive capture: load: version 4, requires_capture
            naive capture: gateway, capture 1999, the last by cap_4849:1: captured
            cancel `cancel`: save version 5, voiding: done
            naive capture: save version 5, captured: conflict
            cancel `cancel`: start a run of cancel: done
            run of cancel, Void: load: version 5, voiding
            run of cancel, Void: gateway, void all but 0 by void:1: already_captured
            run of cancel, Void, again: load: version 5, voiding
            run of cancel, Void, again: gateway, void all but 0 by void:1: already_captured
            run of cancel, Void, again: load: version 5, voiding
            run of cancel, Void, again: gateway, void all but 0 by void:1: already_captured
            run of cancel, Void, again: load: version 5, voiding
            run of cancel, Void, again: gateway, void all but 0 by void:1: already_captured
            nobody acts any more: the acquirer took 1999; the payment knows of 0 and intends 0 more
        "#]],
    );
}

#[test]
fn a_cancel_that_does_not_see_the_intent_of_a_capture_denies_what_was_taken() {
    finds(
        &Scenario { before: &[HOLD], at_once: &[Happening::Naive(Naive::Cancel), CAPTURE], ..Scenario::PLAIN },
        expect![[r#"
            capture `all`: load: version 4, requires_capture
            capture `all`: save version 5, capturing: done
            capture `all`: start a run of capture: done
            run of capture, Execute: load: version 5, capturing
            run of capture, Execute: gateway, capture 1999, the last by cap_3e90:1: captured
            naive cancel: load: version 5, capturing
            naive cancel: gateway, void all but 0 by void:1: already_captured
            naive cancel: save version 6, canceled: done
            the acquirer took 1999; the payment knows of 0 and intends 0 more
        "#]],
    );
}

#[test]
fn a_table_without_a_condition_loses_an_intent() {
    finds(
        &Scenario {
            before: &[HOLD],
            at_once: &[CAPTURE, CANCEL, Happening::Sweep],
            table: Table::Careless,
            ..Scenario::PLAIN
        },
        expect![[r#"
            cancel `cancel`: load: version 4, requires_capture
            capture `all`: load: version 4, requires_capture
            capture `all`: save version 5, capturing: done
            capture `all`: start a run of capture: done
            run of capture, Execute: load: version 5, capturing
            run of capture, Execute: gateway, capture 1999, the last by cap_3e90:1: captured
            cancel `cancel`: save version 5, voiding: done
            the acquirer took 1999; the payment knows of 0 and intends 0 more
        "#]],
    );
}
