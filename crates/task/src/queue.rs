//! Lambda's SQS events, and its partial answer: which items have to come again. A DynamoDB stream is answered in the same
//! form, with sequence numbers for names.

use serde::{Deserialize, Serialize};

/// A queue's batch.
#[derive(Debug, Deserialize)]
pub struct QueueRequest {
    /// Its messages.
    #[serde(rename = "Records")]
    pub records: Vec<QueueMessage>,
}

/// A message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueMessage {
    /// Its name in the queue.
    pub message_id: String,
    /// What was put into the queue.
    pub body: String,
}

/// What was not done: a queue delivers these messages again and in the end puts them aside, a stream begins again at the
/// first of these records.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemsAnswer {
    /// Each item that failed.
    pub batch_item_failures: Vec<ItemFailure>,
}

/// An item that failed.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// A message's name in its queue, or a record's sequence number.
    pub item_identifier: String,
}

impl ItemsAnswer {
    /// Each of these items again.
    pub fn again(items: impl IntoIterator<Item = String>) -> Self {
        let failure = |item_identifier| ItemFailure { item_identifier };
        Self { batch_item_failures: items.into_iter().map(failure).collect() }
    }
}
