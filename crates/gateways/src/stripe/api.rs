//! Calls to Stripe, and what an answer says about their effect. The mode's key is read from its port for each call; neither it
//! nor what Stripe writes in words gets into an error.

use super::form::Form;
use super::wire::{Failed, StripeError};
use crate::https::{Answer, HttpsClient, NotAnswered};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use payments::gateway::NoAnswer;
use payments::id::Mode;
use payments::ports::GatewaySecret;
use payments::secret::{Secret, blot_digits};
use serde::de::DeserializeOwned;

/// The version of Stripe's API that this module was written for.
const VERSION: &str = "2024-06-20";
/// What an error shows of Stripe's own code.
const MAX_CODE: usize = 60;

/// Stripe, as our keys know it.
#[derive(Clone, Debug)]
pub(super) struct Api<Key> {
    http: HttpsClient,
    key: Key,
}

/// An answer whose effect is certain.
#[derive(Debug)]
pub(super) enum Reply<T> {
    /// Carried out.
    Done(T),
    /// Not carried out, and not because of the moment: the order, the card or the state stands against it.
    Refused(StripeError),
}

impl<Key: GatewaySecret> Api<Key> {
    pub(super) fn new(http: HttpsClient, key: Key) -> Self {
        Self { http, key }
    }

    /// The mode's key. One of the other mode is none: a test payment must not charge a live card.
    pub(super) async fn key(&self, mode: Mode) -> Result<Secret, NoAnswer> {
        let key = self.key.secret(mode).await;
        let key = key.map_err(|_| NoAnswer::Unavailable("the key could not be read".to_owned()))?;
        if opens(&key) == Some(mode) {
            return Ok(key);
        }
        // It was put there by mistake: when that is mended, nobody should have to wait.
        self.key.forget(mode);
        Err(NoAnswer::Unavailable(format!("the key does not open {mode} mode")))
    }

    /// Whether there is a key for that mode.
    pub(super) fn has_key(&self, mode: Mode) -> bool {
        self.key.is_there(mode)
    }

    /// Reads.
    pub(super) async fn get<T: DeserializeOwned>(&self, mode: Mode, path: &str) -> Result<Reply<T>, NoAnswer> {
        self.send(mode, Request::get(path), Bytes::new()).await
    }

    /// Acts, once per `key`.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        mode: Mode,
        path: &str,
        key: &str,
        form: Form,
    ) -> Result<Reply<T>, NoAnswer> {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("idempotency-key", key);
        self.send(mode, request, form.into_bytes()).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        mode: Mode,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<Reply<T>, NoAnswer> {
        let unwritable = || NoAnswer::Unavailable("the order could not be written".to_owned());
        let key = self.key(mode).await?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.expose())).map_err(|_| unwritable())?;
        bearer.set_sensitive(true);
        let request = request.header("authorization", bearer).header("stripe-version", VERSION);
        let request = request.body(Full::new(body)).map_err(|_| unwritable())?;
        let answer = self.http.send(request).await.map_err(|error| match error {
            NotAnswered::NotSent(_) => NoAnswer::Unavailable("no connection".to_owned()),
            NotAnswered::Lost(_) => NoAnswer::Unknown("no answer".to_owned()),
        })?;
        if answer.status == 401 {
            self.key.forget(mode);
        }
        read(&answer)
    }
}

/// What the status and the error's code say about the order's effect.
fn read<T: DeserializeOwned>(answer: &Answer) -> Result<Reply<T>, NoAnswer> {
    if (200..300).contains(&answer.status) {
        let read = serde_json::from_slice(&answer.body);
        return read.map(Reply::Done).map_err(|_| NoAnswer::Unknown("an answer that is not understood".to_owned()));
    }
    let error = serde_json::from_slice::<Failed>(&answer.body).ok().map(|body| body.error);
    let said = said(answer.status, error.as_ref());
    let lost = || Err(NoAnswer::Unknown(said.clone()));
    let nothing_done = || Err(NoAnswer::Unavailable(said.clone()));
    match (answer.status, error) {
        // An answer that Stripe did not write says nothing about what Stripe did.
        (_, None) => lost(),
        // The key was used for other parameters: what became of those is not known here.
        (400, Some(error)) if error.kind == "idempotency_error" => lost(),
        (400 | 402 | 404, Some(error)) => Ok(Reply::Refused(error)),
        (401 | 403, _) => nothing_done(),
        // Turned away before it was begun, for its number or for a lock on the object.
        (429, _) => nothing_done(),
        // 409 `idempotency_key_in_use`: the same order is being carried out right now. 5xx and the rest: anything may be.
        _ => lost(),
    }
}

/// Which world a key of Stripe's opens.
fn opens(key: &Secret) -> Option<Mode> {
    let is = |prefixes: [&str; 2]| prefixes.iter().any(|prefix| key.expose().starts_with(prefix));
    if is(["rk_live_", "sk_live_"]) {
        Some(Mode::Live)
    } else if is(["rk_test_", "sk_test_"]) {
        Some(Mode::Test)
    } else {
        None
    }
}

fn said(status: u16, error: Option<&StripeError>) -> String {
    let code = error.map_or("", |error| if error.code.is_empty() { &error.kind } else { &error.code });
    let code: String =
        code.chars().filter(|sign| sign.is_ascii_alphanumeric() || *sign == '_').take(MAX_CODE).collect();
    blot_digits(format!("it answered {status} {code}").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_key_opens_its_own_world_only() {
        let check = |key: &str, mode| assert_eq!(opens(&Secret::new(key.to_owned())), mode, "{key}");
        check("rk_live_a", Some(Mode::Live));
        check("sk_live_a", Some(Mode::Live));
        check("rk_test_a", Some(Mode::Test));
        check("sk_test_a", Some(Mode::Test));
        check("pk_test_a", None);
        check("", None);
    }

    #[test]
    fn each_status_says_whether_the_order_had_an_effect() {
        let check = |status, kind: &str, code: &str, expected: &str| {
            let body = json!({ "error": { "type": kind, "code": code, "message": "sk_live_secret 4242424242424242" } });
            let answer = Answer { status, body: Bytes::from(body.to_string()) };
            let read = match read::<Value>(&answer) {
                Ok(Reply::Done(_)) => "done".to_owned(),
                Ok(Reply::Refused(error)) => format!("refused: {}", error.code),
                Err(error) => error.to_string(),
            };
            assert_eq!(read, expected, "{status} {code}");
        };
        check(200, "", "", "done");
        check(402, "card_error", "card_declined", "refused: card_declined");
        check(
            400,
            "invalid_request_error",
            "payment_intent_unexpected_state",
            "refused: payment_intent_unexpected_state",
        );
        check(404, "invalid_request_error", "resource_missing", "refused: resource_missing");
        check(400, "idempotency_error", "", "the gateway's answer was lost: it answered 400 idempotency_error");
        let nothing = "the gateway did not take the order: it answered";
        check(401, "invalid_request_error", "", &format!("{nothing} 401 invalid_request_error"));
        check(
            403,
            "invalid_request_error",
            "more_permissions_required",
            &format!("{nothing} 403 more_permissions_required"),
        );
        check(429, "invalid_request_error", "rate_limit", &format!("{nothing} 429 rate_limit"));
        check(429, "invalid_request_error", "lock_timeout", &format!("{nothing} 429 lock_timeout"));
        let lost = "the gateway's answer was lost: it answered";
        check(409, "idempotency_error", "idempotency_key_in_use", &format!("{lost} 409 idempotency_key_in_use"));
        check(424, "api_error", "", &format!("{lost} 424 api_error"));
        check(500, "api_error", "", &format!("{lost} 500 api_error"));
        check(503, "api_error", "4242424242424242", &format!("{lost} 503 [digits]"));
        check(302, "", "", &format!("{lost} 302"));
    }

    #[test]
    fn an_answer_that_stripe_did_not_write_is_a_lost_one() {
        for (status, body) in [(200, "<html>"), (400, "<html>"), (402, ""), (404, "not here"), (502, "Bad Gateway")] {
            let answer = Answer { status, body: Bytes::from(body) };
            assert!(matches!(read::<Value>(&answer), Err(NoAnswer::Unknown(_))), "{status} {body}");
        }
    }
}
