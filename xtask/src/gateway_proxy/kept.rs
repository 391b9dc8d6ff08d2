//! Answers by idempotency key, as Stripe keeps them: the same request is answered as it was first, another one under its key is
//! refused, and what was turned away before it was begun is not kept.

use std::collections::{BTreeMap, VecDeque};

use super::message::{self, Message};

/// Older ones are forgotten, as Stripe's are after a day.
const MAX_KEYS: usize = 10_000;
/// What Stripe says to a key that was used for something else.
const REUSED: &[u8] = br#"{"error":{"type":"idempotency_error"}}"#;

/// What was answered, by key.
#[derive(Debug, Default)]
pub struct Kept {
    answers: BTreeMap<String, (Message, Message)>,
    order: VecDeque<String>,
}

impl Kept {
    /// The answer, if that key was answered before.
    pub fn answer(&self, key: &str, request: &Message) -> Option<Message> {
        let (first, answer) = self.answers.get(key)?;
        let same = (first.start(), first.body()) == (request.start(), request.body());
        Some(if same { answer.clone() } else { message::answer("400 Bad Request", "", REUSED) })
    }

    /// Remembers the answer, if the request was begun.
    pub fn keep(&mut self, key: &str, request: &Message, answer: &Message) {
        if ![" 200 ", " 402 "].iter().any(|status| answer.start().contains(status)) {
            return;
        }
        if self.order.len() == MAX_KEYS
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
        self.order.push_back(key.to_owned());
        self.answers.insert(key.to_owned(), (request.clone(), answer.clone()));
    }
}
