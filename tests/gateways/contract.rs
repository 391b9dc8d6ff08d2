//! What every gateway does, as long as nothing is broken: each claim is a function, and holds for what the gateway declares.

use crate::proxy::Fault;
use crate::world::{World, euro};
use crate::{Row, Truth};
use payments::amount::Amount;
use payments::authentication::RedirectUrl;
use payments::gateway::*;
use payments::id::{Mode, OperationId, OperationKind, PaymentId};
use payments::payment::CaptureMethod;
use payments::ports::{Gateway, LoadCard, VerificationCodes};
use payments::token::PresentedCard;
use std::marker::PhantomData;
use std::time::Duration;

/// Nothing is broken here: however slow the machine, an answer comes.
const PATIENCE: Duration = Duration::from_secs(30);
const APPROVED: &str = "4242424242424242";
const TO_AUTHENTICATE: &str = "4000002500003155";
const MINOR: u64 = 1999;

/// Twice: before a peer that forgets keys, and before one that answers a key as it did first and refuses it for anything else.
pub async fn keeps_the_contract<R: Row>(_: PhantomData<R>) {
    for keeps_keys in [false, true] {
        let row = R::open(PATIENCE).await;
        row.proxy().keep_keys(keeps_keys);
        an_approved_hold_is_one_hold_however_often_it_is_asked_for(&row).await;
        a_decline_is_a_decline_however_often_it_is_asked_for(&row).await;
        what_was_never_ordered_did_nothing(&row).await;
        a_capture_takes_no_more_than_is_held(&row).await;
        several_captures_take_parts_or_are_refused(&row).await;
        a_void_lets_go_and_nothing_comes_after_it(&row).await;
        a_void_of_what_was_taken_lets_nothing_go(&row).await;
        refunds_give_back_no_more_than_was_taken(&row).await;
        a_cardholder_is_asked_to_authenticate_or_the_card_is_declined(&row).await;
        a_cardholder_decides_what_becomes_of_the_hold(&row).await;
        a_ping_says_whether_it_answers_and_moves_nothing(&row).await;
    }
}

async fn a_ping_says_whether_it_answers_and_moves_nothing<R: Row>(row: &R) {
    assert!(row.gateway().takes(Mode::Test, euros(MINOR)));
    row.gateway().ping(Mode::Test).await.unwrap();
    // Once and again: a connection that it kept may be tried first.
    row.proxy().plan(0, 10, Fault::CutBefore);
    let refused = row.gateway().ping(Mode::Test).await;
    row.proxy().heal();
    assert!(refused.is_err(), "cut before it arrives");
    row.gateway().ping(Mode::Test).await.unwrap();
    let id = PaymentId::derive(&crate::world::owner(), &"ping".parse().unwrap());
    assert_eq!(row.truth(&id).await, Truth::default());
}

fn euros(minor: u64) -> Amount {
    Amount::try_new(minor, euro()).unwrap()
}

/// What a look-up says; `None` where nothing can be looked up: then each is unknown.
async fn looked_up<R: Row>(row: &R, question: &Question) -> Option<Option<Effect>> {
    let found = row.gateway().look_up(question).await;
    if row.gateway().capabilities().look_up {
        return Some(found.unwrap());
    }
    assert!(matches!(found, Err(NoAnswer::Unknown(_))), "{found:?}");
    None
}

/// A payment that is ordered by hand, without the lifecycle.
struct Ordered<'a, R: Row> {
    row: &'a R,
    id: PaymentId,
    order: AuthorizeOrder,
}

impl<'a, R: Row> Ordered<'a, R> {
    /// Drafted where the gateway takes drafts.
    async fn new(row: &'a R, name: &str, number: &str) -> Self {
        Self::back_to(row, name, number, None).await
    }

    /// The same for a cardholder who comes back there.
    async fn back_to(row: &'a R, name: &str, number: &str, return_url: Option<&str>) -> Self {
        let world = World::new();
        let id = world.open(name, number, MINOR, CaptureMethod::Manual);
        let return_url = return_url.map(|url| RedirectUrl::parse(url).unwrap());
        let payment = world.payment(&id);
        let sealed = LoadCard::load(&world, &payment.token_id).await.unwrap().unwrap();
        let verification = world.find(&payment.token_id).await.unwrap();
        let card = PresentedCard { sealed, verification, expiry: payment.card.expiry };
        let key = GatewayKey::new(&id, GatewayOperation::Authorize, 1);
        let (mode, amount) = (Mode::Test, payment.amount);
        let on = if row.gateway().capabilities().drafts {
            let draft = DraftOrder { key: key.clone(), mode, amount, card: card.clone() };
            match row.gateway().draft(&draft).await.unwrap() {
                Drafted::Ready { reference: draft } if row.gateway().capabilities().draft_forgets_card => {
                    HoldOn::DraftedCard { draft, card }
                }
                Drafted::Ready { reference } => HoldOn::Draft(reference),
                declined => panic!("{declined:?}"),
            }
        } else {
            HoldOn::Card(card)
        };
        Self { row, id, order: AuthorizeOrder { key, mode, amount, on, return_url } }
    }

    async fn held(row: &'a R, name: &str) -> Self {
        let ordered = Self::new(row, name, APPROVED).await;
        let answer = ordered.authorize().await;
        assert!(matches!(answer, Authorization::Approved { .. }), "{answer:?}");
        ordered
    }

    fn key(&self, kind: OperationKind, name: &str) -> GatewayKey {
        let id = OperationId::derive(&self.id, kind, &name.parse().unwrap());
        let operation = match kind {
            OperationKind::Refund => GatewayOperation::Refund(&id),
            _ => GatewayOperation::Capture(&id),
        };
        GatewayKey::new(&self.id, operation, 1)
    }

    fn reference(&self) -> Option<String> {
        self.order.question().reference
    }

    /// What a look-up says of the hold: a gateway may answer the order itself as it did first.
    async fn asked(&self) -> Authorization {
        match looked_up(self.row, &self.order.question()).await.flatten() {
            Some(Effect::Authorized(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    async fn authorize(&self) -> Authorization {
        let answer = self.row.gateway().authorize(&self.order).await.unwrap();
        if let Some(Some(found)) = looked_up(self.row, &self.order.question()).await {
            assert_eq!(found, Effect::Authorized(answer.clone()));
        }
        answer
    }

    /// Twice: the second answer is the first. The look-up says the same, unless it was refused: then it may know nothing.
    async fn capture(&self, name: &str, minor: u64, last: bool) -> CaptureAnswer {
        let (hold_key, hold_reference) = (self.order.key.clone(), self.reference());
        let key = self.key(OperationKind::Capture, name);
        let order = CaptureOrder { key, mode: Mode::Test, hold_key, hold_reference, amount: euros(minor), last };
        let answer = self.row.gateway().capture(&order).await.unwrap();
        assert_eq!(self.row.gateway().capture(&order).await.unwrap(), answer);
        let found = looked_up(self.row, &order.question()).await;
        if let Some(found) = found.filter(|_| answer != CaptureAnswer::Refused) {
            assert_eq!(found, Some(Effect::Captured(answer.clone())));
        }
        answer
    }

    async fn void(&self, captured: u64) -> VoidAnswer {
        let (hold_key, hold_reference) = (self.order.key.clone(), self.reference());
        let key = GatewayKey::new(&self.id, GatewayOperation::Void, 1);
        let order = VoidOrder { key, mode: Mode::Test, hold_key, hold_reference, captured: euros(captured) };
        let answer = self.row.gateway().void(&order).await.unwrap();
        assert_eq!(self.row.gateway().void(&order).await.unwrap(), answer);
        answer
    }

    async fn refund(&self, name: &str, minor: u64) -> RefundAnswer {
        let (hold_key, hold_reference) = (self.order.key.clone(), self.reference());
        let key = self.key(OperationKind::Refund, name);
        let order = RefundOrder { key, mode: Mode::Test, hold_key, hold_reference, amount: euros(minor) };
        let answer = self.row.gateway().refund(&order).await.unwrap();
        assert_eq!(self.row.gateway().refund(&order).await.unwrap(), answer);
        let found = looked_up(self.row, &order.question()).await;
        if let Some(found) = found.filter(|_| answer != RefundAnswer::Refused) {
            assert_eq!(found, Some(Effect::Refunded(answer.clone())));
        }
        answer
    }

    async fn check(&self, expected: Truth) {
        assert_eq!(self.row.truth(&self.id).await, expected);
    }
}

async fn an_approved_hold_is_one_hold_however_often_it_is_asked_for<R: Row>(row: &R) {
    let ordered = Ordered::new(row, "approved", APPROVED).await;
    let first = ordered.authorize().await;
    assert!(matches!(&first, Authorization::Approved { reference, .. } if !reference.is_empty()), "{first:?}");
    assert_eq!(ordered.authorize().await, first);
    ordered.check(Truth { holds: 1, held: MINOR, ..Truth::default() }).await;
}

async fn a_decline_is_a_decline_however_often_it_is_asked_for<R: Row>(row: &R) {
    let ordered = Ordered::new(row, "declined", R::DECLINED_CARD).await;
    for _ in 0..2 {
        assert_eq!(ordered.authorize().await, Authorization::Declined { code: DeclineCode::DoNotHonor });
    }
    assert_eq!(ordered.void(0).await, VoidAnswer::Voided);
    ordered.check(Truth::default()).await;
}

async fn what_was_never_ordered_did_nothing<R: Row>(row: &R) {
    let ordered = Ordered::new(row, "never-ordered", APPROVED).await;
    for order in [OrderKind::Authorize, OrderKind::Capture, OrderKind::Void, OrderKind::Refund] {
        let question = Question { order, ..ordered.order.question() };
        assert_eq!(looked_up(row, &question).await.flatten(), None, "{order:?}");
    }
    ordered.check(Truth::default()).await;
}

async fn a_capture_takes_no_more_than_is_held<R: Row>(row: &R) {
    let ordered = Ordered::held(row, "captured").await;
    assert_eq!(ordered.capture("more", MINOR + 1, true).await, CaptureAnswer::Refused);
    ordered.check(Truth { holds: 1, held: MINOR, ..Truth::default() }).await;
    assert!(matches!(ordered.capture("all", MINOR, true).await, CaptureAnswer::Captured { .. }));
    ordered.check(Truth { holds: 1, captured: MINOR, ..Truth::default() }).await;
    let part = Ordered::held(row, "captured-in-part").await;
    assert!(matches!(part.capture("part", 500, true).await, CaptureAnswer::Captured { .. }));
    part.check(Truth { holds: 1, captured: 500, ..Truth::default() }).await;
}

async fn several_captures_take_parts_or_are_refused<R: Row>(row: &R) {
    let ordered = Ordered::held(row, "several").await;
    let first = ordered.capture("first", 500, false).await;
    if !row.gateway().capabilities().several_captures {
        assert_eq!(first, CaptureAnswer::Refused, "the rest would be let go against the order");
        return ordered.check(Truth { holds: 1, held: MINOR, ..Truth::default() }).await;
    }
    ordered.check(Truth { holds: 1, held: MINOR - 500, captured: 500, ..Truth::default() }).await;
    assert!(matches!(ordered.capture("second", 700, true).await, CaptureAnswer::Captured { .. }));
    ordered.check(Truth { holds: 1, captured: 1200, ..Truth::default() }).await;
}

async fn a_void_lets_go_and_nothing_comes_after_it<R: Row>(row: &R) {
    let ordered = Ordered::held(row, "voided").await;
    assert_eq!(ordered.void(0).await, VoidAnswer::Voided);
    assert_eq!(ordered.capture("late", MINOR, true).await, CaptureAnswer::Refused);
    assert_eq!(ordered.refund("never", 1).await, RefundAnswer::Refused);
    ordered.check(Truth { holds: 1, ..Truth::default() }).await;
    let early = Ordered::new(row, "voided-first", APPROVED).await;
    assert_eq!(early.void(0).await, VoidAnswer::Voided);
    if row.gateway().capabilities().refuses_late_orders {
        assert!(matches!(early.authorize().await, Authorization::Declined { .. }));
        early.check(Truth::default()).await;
    }
}

async fn a_void_of_what_was_taken_lets_nothing_go<R: Row>(row: &R) {
    let ordered = Ordered::held(row, "taken").await;
    assert!(matches!(ordered.capture("all", MINOR, true).await, CaptureAnswer::Captured { .. }));
    assert!(matches!(ordered.void(0).await, VoidAnswer::AlreadyCaptured { .. }));
    ordered.check(Truth { holds: 1, captured: MINOR, ..Truth::default() }).await;
    let known = Ordered::held(row, "taken-in-part").await;
    assert!(matches!(known.capture("part", 500, true).await, CaptureAnswer::Captured { .. }));
    assert_eq!(known.void(500).await, VoidAnswer::Voided);
    known.check(Truth { holds: 1, captured: 500, ..Truth::default() }).await;
}

async fn refunds_give_back_no_more_than_was_taken<R: Row>(row: &R) {
    let ordered = Ordered::held(row, "refunded").await;
    assert_eq!(ordered.refund("too-early", 1).await, RefundAnswer::Refused);
    assert!(matches!(ordered.capture("part", 1000, true).await, CaptureAnswer::Captured { .. }));
    assert_eq!(ordered.refund("more", 1001).await, RefundAnswer::Refused);
    let mut expected = Truth { holds: 1, captured: 1000, ..Truth::default() };
    if row.gateway().capabilities().partial_refund {
        assert!(matches!(ordered.refund("a", 400).await, RefundAnswer::Refunded { .. }));
        assert_eq!(ordered.refund("too-much", 601).await, RefundAnswer::Refused);
        expected.refunds = (1, 400);
        ordered.check(expected).await;
    }
    let left = 1000 - expected.refunds.1;
    assert!(matches!(ordered.refund("b", left).await, RefundAnswer::Refunded { .. }));
    assert_eq!(ordered.refund("nothing-left", 1).await, RefundAnswer::Refused);
    expected.refunds = (expected.refunds.0 + 1, 1000);
    ordered.check(expected).await;
}

async fn a_cardholder_is_asked_to_authenticate_or_the_card_is_declined<R: Row>(row: &R) {
    let ordered = Ordered::new(row, "to-authenticate", TO_AUTHENTICATE).await;
    for _ in 0..2 {
        match (row.gateway().capabilities().authentication, ordered.authorize().await) {
            // Whoever cannot be sent back is sent nowhere.
            (true, Authorization::ActionRequired { url: None, .. }) => {}
            (false, Authorization::Declined { code: DeclineCode::AuthenticationRequired }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ordered.void(0).await, VoidAnswer::Voided);
    ordered.check(Truth::default()).await;
}

async fn a_cardholder_decides_what_becomes_of_the_hold<R: Row>(row: &R) {
    if !row.gateway().capabilities().authentication {
        return;
    }
    let (authenticates, fails) = R::CARDHOLDERS;
    let asked = async |name: &str, number: &str| {
        let ordered = Ordered::back_to(row, name, number, Some("https://shop.example/return?order=7")).await;
        for _ in 0..2 {
            let answer = ordered.authorize().await;
            let Authorization::ActionRequired { url: Some(url), .. } = &answer else { panic!("{answer:?}") };
            assert!(RedirectUrl::parse(url).is_ok(), "{url}");
        }
        ordered.check(Truth::default()).await;
        ordered
    };
    let came = asked("authenticates", authenticates).await;
    row.authenticate(&came.id, true).await;
    for _ in 0..2 {
        assert!(matches!(came.asked().await, Authorization::Approved { .. }));
    }
    came.check(Truth { holds: 1, held: MINOR, ..Truth::default() }).await;
    assert!(matches!(came.capture("all", MINOR, true).await, CaptureAnswer::Captured { .. }));
    came.check(Truth { holds: 1, captured: MINOR, ..Truth::default() }).await;

    let failed = asked("fails-to-authenticate", fails).await;
    row.authenticate(&failed.id, false).await;
    assert_eq!(failed.asked().await, Authorization::Declined { code: DeclineCode::AuthenticationRequired });
    failed.check(Truth::default()).await;

    let stayed = asked("stays-away", authenticates).await;
    assert_eq!(stayed.void(0).await, VoidAnswer::Voided);
    row.authenticate(&stayed.id, true).await;
    stayed.check(Truth::default()).await;
}
