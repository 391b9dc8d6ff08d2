//! What Stripe says, as far as we listen, and what it means. No I/O.

use super::decline::decline;
use payments::authentication::Liability;
use payments::gateway::{Authorization, Checks, DeclineCode, NoAnswer};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The metadata field that holds our key.
pub(super) const KEY_FIELD: &str = "florin_key";

/// Anything with an id.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
}

/// An error's body.
#[derive(Deserialize)]
pub(super) struct Failed {
    pub(super) error: StripeError,
}

/// Why something was not done. Its message is not read: it may repeat what was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct StripeError {
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) decline_code: Option<String>,
}

impl StripeError {
    pub(super) fn decline(&self) -> DeclineCode {
        decline(self.decline_code.as_deref().unwrap_or(&self.code))
    }

    /// Whether the card or its issuer said no, and not our order's form.
    pub(super) fn is_of_card(&self) -> bool {
        self.kind == "card_error" || self.decline_code.is_some()
    }

    /// The order was refused for what it is: it certainly had no effect.
    pub(super) fn not_done(&self) -> NoAnswer {
        let code = if self.code.is_empty() { &self.kind } else { &self.code };
        let code = code.chars().filter(|sign| sign.is_ascii_alphabetic() || *sign == '_').take(60);
        NoAnswer::Unavailable(format!("it was refused: {}", code.collect::<String>()))
    }
}

/// A PaymentIntent: the draft of a hold, then the hold, then the money.
#[derive(Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) amount: u64,
    /// What was captured. localstripe does not say.
    #[serde(default)]
    pub(super) amount_received: Option<u64>,
    #[serde(default)]
    last_payment_error: Option<StripeError>,
    #[serde(default)]
    next_action: Option<NextAction>,
    #[serde(default)]
    latest_charge: Option<Charge>,
}

/// What the cardholder has to do. Other ways than a page need Stripe's own script in the browser.
#[derive(Deserialize)]
struct NextAction {
    #[serde(default)]
    redirect_to_url: Option<Page>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    url: Option<String>,
}

/// A charge: its name, or itself where it was expanded.
#[derive(Deserialize)]
#[serde(untagged)]
enum Charge {
    Name(String),
    Whole(Box<WholeCharge>),
}

#[derive(Deserialize)]
struct WholeCharge {
    id: String,
    #[serde(default)]
    payment_method_details: Option<Method>,
}

#[derive(Deserialize)]
struct Method {
    #[serde(default)]
    card: Option<MethodCard>,
}

#[derive(Deserialize)]
struct MethodCard {
    #[serde(default)]
    checks: Option<CardChecks>,
    #[serde(default)]
    three_d_secure: Option<ThreeDSecure>,
}

/// What came of asking the cardholder; absent where nobody was asked.
#[derive(Deserialize)]
struct ThreeDSecure {
    #[serde(default)]
    result: Option<String>,
}

#[derive(Deserialize)]
struct CardChecks {
    #[serde(default)]
    cvc_check: Option<String>,
    #[serde(default)]
    address_line1_check: Option<String>,
}

/// Where a PaymentIntent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody confirmed it: nothing is held.
    Draft,
    /// The issuer said no: nothing is held.
    Declined(DeclineCode),
    /// The cardholder is asked to authenticate: nothing is held.
    ActionRequired,
    /// Money is held.
    Held,
    /// Money is taken, and what was left of the hold let go.
    Taken,
    /// Nothing is held, and nothing ever will be.
    Canceled,
    /// Stripe itself does not know yet, or says what we do not understand.
    Undecided,
}

impl Intent {
    pub(super) fn state(&self) -> State {
        match (self.status.as_str(), &self.last_payment_error) {
            ("requires_payment_method", Some(error)) => State::Declined(error.decline()),
            ("requires_payment_method" | "requires_confirmation", _) => State::Draft,
            ("requires_action", _) => State::ActionRequired,
            ("requires_capture", _) => State::Held,
            ("succeeded", _) => State::Taken,
            ("canceled", _) => State::Canceled,
            _ => State::Undecided,
        }
    }

    /// What the order to hold it came to; `None` while nobody knows or nothing was asked.
    pub(super) fn authorization(&self) -> Option<Authorization> {
        match self.state() {
            State::Held | State::Taken => {
                Some(Authorization::Approved { reference: self.id.clone(), checks: self.checks() })
            }
            State::Declined(code) => Some(Authorization::Declined { code }),
            State::ActionRequired => {
                Some(Authorization::ActionRequired { reference: self.id.clone(), url: self.page() })
            }
            State::Draft | State::Canceled | State::Undecided => None,
        }
    }

    /// The page on which the cardholder authenticates.
    fn page(&self) -> Option<String> {
        self.next_action.as_ref()?.redirect_to_url.as_ref()?.url.clone()
    }

    /// Stripe's name for the money that was taken.
    pub(super) fn charge(&self) -> String {
        match &self.latest_charge {
            Some(Charge::Name(name)) => name.clone(),
            Some(Charge::Whole(charge)) => charge.id.clone(),
            None => self.id.clone(),
        }
    }

    fn checks(&self) -> Checks {
        let whole = match &self.latest_charge {
            Some(Charge::Whole(charge)) => Some(charge),
            Some(Charge::Name(_)) | None => None,
        };
        let card = whole.and_then(|charge| charge.payment_method_details.as_ref()).and_then(|of| of.card.as_ref());
        let Some(card) = card else { return Checks::default() };
        let liability_shift = card.three_d_secure.as_ref().and_then(|asked| bears(asked.result.as_deref()?));
        let Some(checks) = &card.checks else { return Checks { liability_shift, ..Checks::default() } };
        Checks { cvc: passed(&checks.cvc_check), address: passed(&checks.address_line1_check), liability_shift }
    }
}

/// Who bears a fraud, by the result of 3-D Secure. A word that is not known shifts nothing.
fn bears(result: &str) -> Option<Liability> {
    match result {
        "authenticated" | "attempt_acknowledged" => Some(Liability::Issuer),
        "" => None,
        _ => Some(Liability::Merchant),
    }
}

fn passed(check: &Option<String>) -> Option<bool> {
    match check.as_deref() {
        Some("pass") => Some(true),
        Some("fail") => Some(false),
        _ => None,
    }
}

/// A page of a PaymentIntent's refunds.
#[derive(Deserialize)]
pub(super) struct Refunds {
    pub(super) data: Vec<Refund>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// Money on its way back.
#[derive(Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: u64,
    pub(super) status: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl Refund {
    pub(super) fn is_of(&self, key: &str) -> bool {
        self.metadata.get(KEY_FIELD).is_some_and(|of| of == key)
    }

    fn is_ours(&self) -> bool {
        self.metadata.contains_key(KEY_FIELD)
    }

    /// Whether nothing was given back, and nothing will be.
    pub(super) fn is_off(&self) -> bool {
        matches!(self.status.as_str(), "failed" | "canceled")
    }
}

/// What can still be given back. Where the PaymentIntent does not say what was captured of it, what was let go is listed
/// among the refunds, and all of them count.
pub(super) fn refundable(intent: &Intent, refunds: &[Refund]) -> u64 {
    let (taken, all) = intent.amount_received.map_or((intent.amount, true), |received| (received, false));
    let given = refunds.iter().filter(|refund| (all || refund.is_ours()) && !refund.is_off());
    given.fold(taken, |left, refund| left.saturating_sub(refund.amount))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn intent(value: Value) -> Intent {
        serde_json::from_value(value).expect("a PaymentIntent")
    }

    #[test]
    fn a_status_is_read_for_what_it_means() {
        let check = |status: &str, error: Value, state: State| {
            let read = intent(json!({ "id": "pi_1", "status": status, "amount": 5, "last_payment_error": error }));
            assert_eq!(read.state(), state, "{status}");
        };
        let none = || Value::Null;
        check("requires_confirmation", none(), State::Draft);
        check("requires_payment_method", none(), State::Draft);
        let error =
            json!({ "type": "card_error", "code": "card_declined", "decline_code": "lost_card", "doc_url": "" });
        check("requires_payment_method", error, State::Declined(DeclineCode::LostCard));
        check("requires_payment_method", json!({ "code": "expired_card" }), State::Declined(DeclineCode::ExpiredCard));
        check("requires_action", none(), State::ActionRequired);
        check("requires_capture", none(), State::Held);
        check("succeeded", none(), State::Taken);
        check("canceled", none(), State::Canceled);
        check("processing", none(), State::Undecided);
        check("a_word_of_next_year", none(), State::Undecided);
    }

    #[test]
    fn what_the_issuer_checked_is_in_the_whole_charge() {
        let check = |charge: Value, cvc, address, liability_shift| {
            let read =
                intent(json!({ "id": "pi_1", "status": "requires_capture", "amount": 5, "latest_charge": charge }));
            let checks = Checks { cvc, address, liability_shift };
            let reference = "pi_1".to_owned();
            assert_eq!(read.authorization(), Some(Authorization::Approved { reference, checks }));
        };
        let whole = |cvc: &str, address: &str| {
            let checks = json!({ "cvc_check": cvc, "address_line1_check": address });
            json!({ "id": "ch_1", "payment_method_details": { "card": { "checks": checks } } })
        };
        check(json!("ch_1"), None, None, None);
        check(json!({ "id": "ch_1" }), None, None, None);
        check(whole("pass", "fail"), Some(true), Some(false), None);
        check(whole("unavailable", "unchecked"), None, None, None);
        let asked = |result: Value| {
            let card = json!({ "three_d_secure": { "result": result, "version": "2.2.0" } });
            json!({ "id": "ch_1", "payment_method_details": { "card": card } })
        };
        for (result, liability) in [
            (json!("authenticated"), Some(Liability::Issuer)),
            (json!("attempt_acknowledged"), Some(Liability::Issuer)),
            (json!("exempted"), Some(Liability::Merchant)),
            (json!("failed"), Some(Liability::Merchant)),
            (json!("not_supported"), Some(Liability::Merchant)),
            (json!("processing_error"), Some(Liability::Merchant)),
            (json!("a_word_of_next_year"), Some(Liability::Merchant)),
            (Value::Null, None),
        ] {
            check(asked(result), None, None, liability);
        }
    }

    #[test]
    fn the_page_that_asks_is_read_and_no_other_way_to_ask() {
        let check = |action: Value, page: Option<&str>| {
            let read = intent(json!({ "id": "pi_1", "status": "requires_action", "amount": 5, "next_action": action }));
            let (reference, url) = ("pi_1".to_owned(), page.map(str::to_owned));
            assert_eq!(read.authorization(), Some(Authorization::ActionRequired { reference, url }));
        };
        let page = "https://hooks.stripe.com/3d_secure_2/hosted?merchant=acct_1";
        let redirect = json!({ "url": page, "return_url": "https://shop.example/" });
        check(json!({ "type": "redirect_to_url", "redirect_to_url": redirect }), Some(page));
        check(json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect" } }), None);
        check(Value::Null, None);
    }

    #[test]
    fn what_can_be_given_back_is_what_was_captured_less_what_was() {
        let refunds = |rows: Value| serde_json::from_value::<Vec<Refund>>(rows).expect("refunds");
        let ours = json!({ "florin_key": "a:ref_1:1" });
        let rows = || {
            json!([
                { "id": "re_1", "amount": 300, "status": "succeeded", "metadata": ours },
                { "id": "re_2", "amount": 200, "status": "pending", "metadata": ours },
                { "id": "re_3", "amount": 50, "status": "failed", "metadata": ours },
                { "id": "re_4", "amount": 1000, "status": "succeeded", "metadata": {} },
            ])
        };
        let said = intent(json!({ "id": "pi_1", "status": "succeeded", "amount": 2000, "amount_received": 1000 }));
        assert_eq!(refundable(&said, &refunds(rows())), 500);
        let unsaid = intent(json!({ "id": "pi_1", "status": "succeeded", "amount": 2000 }));
        assert_eq!(refundable(&unsaid, &refunds(rows())), 500);
    }
}
