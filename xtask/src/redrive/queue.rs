//! The letters of a dead-letter queue: held, and sent back one by one. Each is sent before it is deleted, so that a crash
//! leaves two of it and never none.
//!
//! Not `StartMessageMoveTask`: it knows no number of letters, moves nothing that a rule of the bus has put into the queue,
//! and the emulator has none.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName};

use super::Outcome;
use super::letter::Marks;
use super::place::{DeadQueue, Queue};
use super::tally::Tally;

/// How long nobody else sees a letter that is held: more than all of a run takes.
const HELD_SECONDS: i32 = 15 * 60;
/// How long an empty queue is listened to: only then all of its servers are asked.
const LISTEN_SECONDS: i32 = 1;
/// What SQS hands out at once.
const AT_ONCE: usize = 10;

/// A letter in our hands.
struct Letter {
    receipt: String,
    body: String,
    group: Option<String>,
    attributes: Option<HashMap<String, MessageAttributeValue>>,
    marks: Marks,
}

/// The letters of a queue in our hands.
pub struct Held<'a> {
    place: &'a DeadQueue,
    letters: Vec<Letter>,
}

/// How many letters lie in a queue, those included that somebody holds. On AWS, about.
pub async fn count(client: &Client, queue: &Queue) -> Result<u64> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let asked = client.get_queue_attributes().queue_url(&queue.url).set_attribute_names(Some(names.to_vec())).send();
    let counts = asked.await.with_context(|| format!("counting the letters in {}", queue.name))?;
    let count = |name| counts.attributes()?.get(name)?.parse::<u64>().ok();
    Ok(names.iter().filter_map(count).sum())
}

/// Takes the letters that are there now, so many at most; nobody else sees them for a while.
pub async fn take<'a>(client: &Client, place: &'a DeadQueue, limit: usize) -> Result<(Held<'a>, Tally)> {
    let (mut held, mut tally) = (Held { place, letters: Vec::new() }, Tally::default());
    while held.letters.len() < limit {
        let most = AT_ONCE.min(limit - held.letters.len());
        let received = client
            .receive_message()
            .queue_url(&place.queue.url)
            .max_number_of_messages(i32::try_from(most).unwrap_or(1))
            .visibility_timeout(HELD_SECONDS)
            .wait_time_seconds(LISTEN_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send();
        let received = received.await.with_context(|| format!("taking letters from {}", place.queue.name))?;
        if received.messages().is_empty() {
            break;
        }
        for message in received.messages.unwrap_or_default() {
            let sent = message.attributes().and_then(|marks| marks.get(&MessageSystemAttributeName::SentTimestamp));
            let sent = sent.and_then(|sent| sent.parse().ok()).unwrap_or_default();
            let letter = Letter::of(message)?;
            tally.add(sent, &letter.marks.reason());
            held.letters.push(letter);
        }
    }
    Ok((held, tally))
}

impl Letter {
    fn of(message: Message) -> Result<Self> {
        let system = message.attributes.unwrap_or_default();
        let own = message.message_attributes.unwrap_or_default();
        let text = |name| own.get(name).and_then(MessageAttributeValue::string_value).map(str::to_owned);
        let marks = Marks {
            source_arn: system.get(&MessageSystemAttributeName::DeadLetterQueueSourceArn).cloned(),
            target_arn: text("TARGET_ARN"),
            error_code: text("ERROR_CODE"),
        };
        // What a rule says about its failure is not part of what it sends.
        let attributes = (marks.target_arn.is_none() && !own.is_empty()).then_some(own);
        Ok(Self {
            receipt: message.receipt_handle.context("a message without a receipt")?,
            body: message.body.context("a message without a body")?,
            group: system.get(&MessageSystemAttributeName::MessageGroupId).cloned(),
            attributes,
            marks,
        })
    }
}

impl Held<'_> {
    /// Sends each back to where it came from, and deletes it then. A letter without a way back stays and is told; what fails
    /// ends the run for this place.
    pub async fn put_back(self, client: &Client) -> Outcome {
        let mut outcome = Outcome::default();
        let mut letters = self.letters.into_iter();
        let mut stays = Vec::new();
        for letter in letters.by_ref() {
            let target = match letter.marks.way_back(self.place) {
                Ok(target) => target,
                Err(reason) => {
                    outcome.failure = Some(reason);
                    stays.push(letter);
                    continue;
                }
            };
            if let Err(error) = move_one(client, &self.place.queue, target, &letter).await {
                outcome.failure = Some(format!("{error:#}"));
                stays.push(letter);
                break;
            }
            outcome.put_back += 1;
        }
        stays.extend(letters);
        if let Err(error) = release(client, &self.place.queue, &stays).await {
            outcome.failure.get_or_insert(format!("{error:#}"));
        }
        outcome
    }

    /// Lets everybody see them again.
    pub async fn release(self, client: &Client) -> Result<()> {
        release(client, &self.place.queue, &self.letters).await
    }
}

async fn move_one(client: &Client, from: &Queue, to: &Queue, letter: &Letter) -> Result<()> {
    let sent = client
        .send_message()
        .queue_url(&to.url)
        .message_body(&letter.body)
        .set_message_group_id(letter.group.clone())
        .set_message_attributes(letter.attributes.clone())
        .send();
    sent.await.with_context(|| format!("sending to {}", to.name))?;
    let deleted = client.delete_message().queue_url(&from.url).receipt_handle(&letter.receipt).send().await;
    deleted.with_context(|| format!("deleting from {} what is in {} again", from.name, to.name))?;
    Ok(())
}

async fn release(client: &Client, queue: &Queue, letters: &[Letter]) -> Result<()> {
    for letter in letters {
        let change = client.change_message_visibility().queue_url(&queue.url).receipt_handle(&letter.receipt);
        let released = change.visibility_timeout(0).send().await;
        released.with_context(|| format!("letting go of letters in {}", queue.name))?;
    }
    Ok(())
}
