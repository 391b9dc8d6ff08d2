//! `redrive`: looks at every dead-letter place of a deployed stack, and puts the letters back to where they came from.
//!
//! Only letters that are there when it starts: one that dies again is there for the next run. A letter may be sent twice if a
//! run is killed, and every reader knows an event by its id. Where dead letters are is said by the deployed template; what
//! is in them, this does not know.

pub mod letter;
pub mod place;
mod queue;
pub mod tally;
mod topic;

use anyhow::{Context, Result, bail};
use aws_types::SdkConfig;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use krafka::Kafka;

use self::place::{DeadQueue, Place, Places};
use self::tally::Tally;
pub use self::topic::GROUP;
use crate::aws;
use crate::poller::clock;
use crate::poller::discovery;
use crate::progress;
use crate::stack::Stack;
use crate::workspace::Workspace;

/// Which letters are put back, and where.
#[derive(Args, Clone, Debug)]
pub struct Redrive {
    /// Such as bill-dead-letter or payment-events-dlq; all places by default
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Only say what is there
    #[arg(long)]
    pub dry_run: bool,
    /// So many letters of each place at most
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub limit: usize,
    /// A stack on AWS, by the shell's credentials, AWS_REGION and AWS_ENDPOINT_URL; the local stack by default
    #[arg(long, value_name = "NAME")]
    pub stack_name: Option<String>,
}

/// A deployed stack, local or not.
pub struct Site {
    config: SdkConfig,
    stack: String,
}

/// What putting back came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// So many are where they came from.
    pub put_back: u64,
    /// Why not all of them.
    pub failure: Option<String>,
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The place's short name.
    pub place: String,
    /// Letters that were there.
    pub found: u64,
    /// Letters that were put back.
    pub put_back: u64,
    /// Why the others were not.
    pub why: String,
    /// Whether somebody has to look.
    pub failed: bool,
}

/// A place's letters between looking and putting back.
enum Held<'a> {
    Queue(queue::Held<'a>),
    Topic(topic::Held<'a>, &'a Kafka),
    /// Not ours to move, with the reason.
    Left(String),
}

/// Lists, moves, and prints the table; answers whether nothing failed.
pub async fn redrive(workspace: &Workspace, what: &Redrive) -> Result<bool> {
    let site = match &what.stack_name {
        Some(stack) => Site { config: aws::sdk_config_of_shell()?, stack: stack.clone() },
        None => Site::of(&Stack::open(workspace).await?),
    };
    let rows = site.redrive(what).await?;
    table(&rows).iter().for_each(progress::answer);
    Ok(rows.iter().all(|row| !row.failed))
}

impl Site {
    /// The local stack.
    pub fn of(stack: &Stack) -> Self {
        Self { config: stack.sdk_config(), stack: stack.name.clone() }
    }

    /// Looks at all places first, so that no letter that dies again meanwhile is seen; then puts back.
    pub async fn redrive(&self, what: &Redrive) -> Result<Vec<Row>> {
        let client = aws_sdk_cloudformation::Client::new(&self.config);
        let (template, scope) = discovery::deployed(&client, &self.stack).await?;
        let places = choose(place::parse(&template, &scope)?, &what.names)?;
        let kafka = if places.values().any(|place| matches!(place, Place::Topic(_))) {
            let parameter = |name: &str| scope.parameters.get(name).with_context(|| format!("no parameter {name}"));
            Some(topic::connect(parameter("KafkaBootstrapServers")?, parameter("KafkaAuthentication")?).await?)
        } else {
            None
        };
        let sqs = aws_sdk_sqs::Client::new(&self.config);
        let mut looked = Vec::new();
        for (name, place) in &places {
            let seen = look(&sqs, kafka.as_ref(), place, what.limit).await;
            if let Ok((_, found, tally)) = &seen {
                progress::answer(format!("{name}: {found} found"));
                tally.lines(clock::now_milliseconds()).iter().for_each(|line| progress::answer(format!("    {line}")));
            }
            looked.push((name, seen));
        }
        let mut rows = Vec::new();
        for (name, seen) in looked {
            let row = match seen {
                Ok((held, found, tally)) => finish(&sqs, held, name, (found, tally.letters), what).await,
                Err(error) => Row::failed(name, format!("{error:#}")),
            };
            rows.push(row);
        }
        Ok(rows)
    }
}

/// The places of these names, or all.
fn choose(all: Places, names: &[String]) -> Result<Places> {
    if let Some(unknown) = names.iter().find(|name| !all.contains_key(*name)) {
        let known = all.into_keys().collect::<Vec<_>>().join(", ");
        bail!("no dead-letter place {unknown}; there are: {known}");
    }
    Ok(all.into_iter().filter(|(name, _)| names.is_empty() || names.contains(name)).collect())
}

/// What is in a place, and how many letters that are; letters of queues are held from now on.
async fn look<'a>(
    sqs: &aws_sdk_sqs::Client,
    kafka: Option<&'a Kafka>,
    place: &'a Place,
    limit: usize,
) -> Result<(Held<'a>, u64, Tally)> {
    match place {
        Place::Queue(DeadQueue { queue, worked_off_by: Some(function), .. }) => {
            let found = queue::count(sqs, queue).await?;
            Ok((Held::Left(format!("{function} works them off")), found, Tally::default()))
        }
        Place::Queue(place) => {
            let counted = queue::count(sqs, &place.queue).await?;
            let (held, tally) = queue::take(sqs, place, limit).await?;
            Ok((Held::Queue(held), counted.max(tally.letters), tally))
        }
        Place::Topic(place) => {
            let kafka = kafka.context("no connection to the brokers")?;
            let (held, tally) = topic::read(kafka, place, limit).await?;
            Ok((Held::Topic(held, kafka), tally.letters, tally))
        }
    }
}

/// Puts back, or lets go if it was only to look.
async fn finish(
    sqs: &aws_sdk_sqs::Client,
    held: Held<'_>,
    name: &str,
    (found, seen): (u64, u64),
    what: &Redrive,
) -> Row {
    let outcome = match held {
        Held::Left(why) => return Row { place: name.to_owned(), found, put_back: 0, why, failed: false },
        Held::Queue(held) if what.dry_run => {
            let failure = held.release(sqs).await.err().map(|error| format!("{error:#}"));
            Outcome { put_back: 0, failure }
        }
        Held::Topic(..) if what.dry_run => Outcome::default(),
        Held::Queue(held) => held.put_back(sqs).await,
        Held::Topic(held, kafka) => held.put_back(kafka).await,
    };
    Row::of(name, found, seen, outcome, what)
}

impl Row {
    fn failed(place: &str, why: String) -> Self {
        Self { place: place.to_owned(), found: 0, put_back: 0, why, failed: true }
    }

    fn of(place: &str, found: u64, seen: u64, outcome: Outcome, what: &Redrive) -> Self {
        let (put_back, failed) = (outcome.put_back, outcome.failure.is_some());
        let why = outcome.failure.unwrap_or_else(|| {
            let why = match found.saturating_sub(put_back) {
                0 => "",
                _ if what.dry_run => "a dry run",
                _ if u64::try_from(what.limit).is_ok_and(|limit| limit <= put_back) => "beyond --limit",
                _ if seen < found => "others hold them: look again in 15 minutes",
                _ => "not reached",
            };
            why.to_owned()
        });
        Self { place: place.to_owned(), found, put_back, why, failed }
    }

    /// Letters that are still there.
    pub fn left(&self) -> u64 {
        self.found.saturating_sub(self.put_back)
    }
}

/// The rows as lines of text.
fn table(rows: &[Row]) -> Vec<String> {
    let width = rows.iter().map(|row| row.place.len()).chain([5]).max().unwrap_or_default();
    let head = format!("{:<width$}  {:>7}  {:>8}  {:>7}  why", "place", "found", "put back", "left");
    let line = |row: &Row| {
        let Row { place, found, put_back, why, .. } = row;
        format!("{place:<width$}  {found:>7}  {put_back:>8}  {:>7}  {why}", row.left()).trim_end().to_owned()
    };
    std::iter::once(head).chain(rows.iter().map(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::place::DeadTopic;
    use super::*;

    fn asked(dry_run: bool) -> Redrive {
        Redrive { names: Vec::new(), dry_run, limit: 10, stack_name: None }
    }

    #[test]
    fn a_row_says_why_letters_are_left() {
        let rows = [
            (false, 0, 0, Ok(0), "", false),
            (false, 3, 3, Ok(3), "", false),
            (true, 3, 3, Ok(0), "a dry run", false),
            (false, 12, 10, Ok(10), "beyond --limit", false),
            (false, 12, 12, Ok(10), "beyond --limit", false),
            (false, 5, 3, Ok(3), "others hold them: look again in 15 minutes", false),
            (false, 5, 5, Err(2), "no queue", true),
            (true, 5, 5, Err(0), "no queue", true),
        ];
        for (dry_run, found, seen, outcome, why, failed) in rows {
            let outcome = match outcome {
                Ok(put_back) => Outcome { put_back, failure: None },
                Err(put_back) => Outcome { put_back, failure: Some("no queue".to_owned()) },
            };
            let row = Row::of("a", found, seen, outcome, &asked(dry_run));
            assert_eq!((row.why.as_str(), row.failed, row.left()), (why, failed, found - row.put_back), "{row:?}");
        }
    }

    #[test]
    fn an_unknown_place_is_refused_with_those_that_there_are() {
        let place =
            |name: &str| (name.to_owned(), Place::Topic(DeadTopic { name: name.to_owned(), topic: "t".to_owned() }));
        let all = Places::from([place("a-dlq"), place("b-dlq")]);
        assert_eq!(choose(all.clone(), &[]).unwrap(), all);
        assert_eq!(choose(all.clone(), &["b-dlq".to_owned()]).unwrap(), Places::from([place("b-dlq")]));
        let error = choose(all, &["b".to_owned()]).unwrap_err().to_string();
        assert_eq!(error, "no dead-letter place b; there are: a-dlq, b-dlq");
    }

    #[test]
    fn the_table_is_lined_up() {
        let row = |place: &str, found, put_back, why: &str| Row {
            place: place.to_owned(),
            found,
            put_back,
            why: why.to_owned(),
            failed: false,
        };
        let lines = table(&[row("bill-dead-letter", 12, 10, "beyond --limit"), row("a", 0, 0, "")]);
        assert_eq!(
            lines,
            [
                "place               found  put back     left  why",
                "bill-dead-letter       12        10        2  beyond --limit",
                "a                       0         0        0",
            ]
        );
    }
}
