//! HTTP as the local stack's proxy reads it, for the suite's own.

pub use xtask::gateway_proxy::message::{Message, answer, http as read};

use xtask::fault::Gateway;
use xtask::gateway_proxy::message;

/// Sends a message on a connection of its own and reads the answer.
pub async fn exchange(port: u16, request: &[u8]) -> Message {
    message::exchange(Gateway::Stripe, port, request).await.unwrap()
}
