//! The scenarios: every stage in which operations can meet, with three who act at once.

use crate::client::{Client, Post};
use crate::scenario::{Before, Happening, Scenario};
use crate::shop::{REVIEWED, RISKY};
use Before::{Alone, TakenOver, Until, Whole};
use Happening::{Run, Sweep};
use payments::stage::StageName;

const PLAIN: Scenario = Scenario::PLAIN;

/// A hold that no capture is ever allowed of.
const CAPTURE_REFUSED: &str = "4000009900000608";
/// Captured, and no refund is ever allowed.
const REFUND_REFUSED: &str = "4000009900000707";
/// Its holder has to authenticate, and does.
const AUTHENTICATES: &str = "4000002500003155";
/// What most payments are of.
const AMOUNT: u64 = 1999;

const fn client(posts: Post, key: &'static str) -> Happening {
    Happening::Client(Client { posts, key })
}

const PAY: Happening = client(Post::Pay { minor: AMOUNT, by_hand: false }, "order");
const HOLD: Happening = client(Post::Pay { minor: AMOUNT, by_hand: true }, "order");
const PAY_REVIEWED: Happening = client(Post::Pay { minor: REVIEWED, by_hand: false }, "order");
const PAY_RISKY: Happening = client(Post::Pay { minor: RISKY, by_hand: false }, "order");
const PAY_ON_PAGE: Happening = client(Post::PayOnPage { minor: AMOUNT }, "order");
const CAPTURE: Happening = client(Post::Capture(None, true), "all");
const CAPTURE_PART: Happening = client(Post::Capture(Some(600), false), "part");
const CAPTURE_LAST: Happening = client(Post::Capture(Some(500), true), "last");
const CANCEL: Happening = client(Post::Cancel, "cancel");
const CONFIRM: Happening = client(Post::Confirm, "confirm");
const APPROVE: Happening = client(Post::Review("approve"), "approve");
const DECLINE: Happening = client(Post::Review("decline"), "decline");
const REFUND: Happening = client(Post::Refund(None), "rest");
const REFUND_SOME: Happening = client(Post::Refund(Some(600)), "some");
const REFUND_MOST: Happening = client(Post::Refund(Some(1500)), "most");

/// All of them.
pub const SCENARIOS: [Scenario; 29] = [
    Scenario {
        faults: 1,
        name: "a payment run twice, and the sweep",
        before: &[Alone(PAY)],
        at_once: &[Run, Run, Sweep],
        ..PLAIN
    },
    Scenario {
        name: "a payment, the same again, and the sweep",
        at_once: &[PAY, PAY, Sweep],
        patience: true,
        faults: 0,
        ..PLAIN
    },
    Scenario { name: "a payment, and the same again", at_once: &[PAY, PAY], patience: true, ..PLAIN },
    Scenario {
        name: "a hold, its cancel, and the sweep",
        before: &[Alone(HOLD)],
        at_once: &[Run, CANCEL, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a capture, a cancel, and the expiry",
        before: &[Whole(HOLD)],
        at_once: &[CAPTURE, CANCEL, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a capture, the same again, and a cancel",
        before: &[Whole(HOLD)],
        at_once: &[CAPTURE, CAPTURE, CANCEL],
        patience: true,
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a part, the last part, and a cancel",
        before: &[Whole(HOLD)],
        at_once: &[CAPTURE_PART, CAPTURE_LAST, CANCEL],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "after a part: the last part, a cancel, and the expiry",
        before: &[Whole(HOLD), Whole(CAPTURE_PART)],
        at_once: &[CAPTURE_LAST, CANCEL, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "two refunds, and the sweep",
        before: &[Whole(PAY)],
        at_once: &[REFUND_MOST, REFUND_SOME, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a capture, a refund, and a cancel",
        before: &[Whole(HOLD)],
        at_once: &[CAPTURE, REFUND, CANCEL],
        ..PLAIN
    },
    Scenario {
        name: "refunds that are refused",
        card: REFUND_REFUSED,
        before: &[Whole(PAY)],
        at_once: &[REFUND, REFUND_SOME, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a review's approval, a cancel, and the expiry",
        before: &[Whole(PAY_REVIEWED)],
        at_once: &[APPROVE, CANCEL, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a review's approval, its decline, and the expiry",
        before: &[Whole(PAY_REVIEWED)],
        at_once: &[APPROVE, DECLINE, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 0,
        name: "a declined risk run twice, and the sweep",
        before: &[Alone(PAY_RISKY)],
        at_once: &[Run, Run, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 0,
        name: "a refused capture run twice, and the sweep",
        card: CAPTURE_REFUSED,
        before: &[Alone(PAY)],
        at_once: &[Run, Run, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a capture that is given up, while it still runs",
        before: &[Whole(HOLD), Alone(CAPTURE), TakenOver(8)],
        at_once: &[Run, Sweep, Sweep],
        ..PLAIN
    },
    Scenario {
        name: "an authorisation that is given up, while it still runs",
        before: &[Until(PAY, StageName::Authorizing), TakenOver(8)],
        at_once: &[Run, Sweep, Sweep],
        ..PLAIN
    },
    Scenario {
        name: "a part that is given up, while it still runs",
        before: &[Whole(HOLD), Alone(CAPTURE_PART), TakenOver(8)],
        at_once: &[Run, Sweep, CANCEL],
        ..PLAIN
    },
    Scenario {
        name: "a payment that is given up, while it still runs",
        before: &[Alone(PAY), TakenOver(8)],
        at_once: &[Run, Sweep, CANCEL],
        ..PLAIN
    },
    Scenario {
        name: "a confirmation, a cancel, and the end of the cardholder's time",
        card: AUTHENTICATES,
        before: &[Whole(PAY_ON_PAGE)],
        at_once: &[CONFIRM, CANCEL, Sweep],
        ..PLAIN
    },
    Scenario {
        name: "an authorisation in doubt: run twice, and the sweep",
        before: &[Until(PAY, StageName::Authorizing)],
        at_once: &[Run, Run, Sweep],
        faults: 1,
        ..PLAIN
    },
    Scenario {
        name: "an authorised hold: run twice, and the sweep",
        before: &[Until(PAY, StageName::Authorized)],
        at_once: &[Run, Run, Sweep],
        faults: 1,
        ..PLAIN
    },
    Scenario {
        name: "a capture in doubt: run twice, and the sweep",
        before: &[Until(PAY, StageName::Capturing)],
        at_once: &[Run, Run, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a capture that is not settled: run twice, and the sweep",
        before: &[Until(PAY, StageName::Captured)],
        at_once: &[Run, Run, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a declined risk in doubt: run twice, and the sweep",
        before: &[Until(PAY_RISKY, StageName::Voiding)],
        at_once: &[Run, Run, Sweep],
        ..PLAIN
    },
    Scenario {
        name: "a refused capture in doubt: run twice, and the sweep",
        card: CAPTURE_REFUSED,
        before: &[Until(PAY, StageName::Capturing)],
        at_once: &[Run, Run, Sweep],
        ..PLAIN
    },
    Scenario {
        name: "a part in doubt: run twice, and the sweep",
        before: &[Whole(HOLD), Until(CAPTURE_PART, StageName::Capturing)],
        at_once: &[Run, Run, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a cancel in doubt: run twice, and the sweep",
        before: &[Whole(HOLD), Until(CANCEL, StageName::Voiding)],
        at_once: &[Run, Run, Sweep],
        ..PLAIN
    },
    Scenario {
        faults: 3,
        name: "a refund in doubt: run twice, and the sweep",
        before: &[Whole(PAY), Until(REFUND_SOME, StageName::Refunding)],
        at_once: &[Run, Run, Sweep],
        ..PLAIN
    },
];
