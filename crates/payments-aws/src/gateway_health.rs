//! What all processes know together of the gateways, in Valkey: breakers, and the cards that were declined of late.
//!
//! A breaker is four kinds of keys: `breaker:<gateway>:<mode>:<span>` counts a span's calls, `...:failed` those that failed in a row,
//! `...:open` stands while it is open, and `...:probe` while a caller of late tries the gateway. Declines are a sorted set a merchant and card: the order as member, the moment of its
//! first decline as score.

use crate::config::StartError;
use crate::valkey;
use payments::breaker::{Breaker, COOL_OFF_MILLIS, Call, OPEN_MILLIS, SPAN_MILLIS, Window};
use payments::failure::Unavailable;
use payments::gateway::{GatewayKey, GatewayName};
use payments::id::{CardFingerprint, Mode, Owner};
use payments::ports::{Breakers, DeclinedCards};
use payments::retry::{DAY_MILLIS, Declines, REMEMBERED_MILLIS};
use payments::timestamp::Timestamp;
use redis::aio::ConnectionManager;
use redis::{ExistenceCheck, RedisResult, SetExpiry, SetOptions};

const ANSWERED: &str = "answered";
const FAILED: &str = "failed";
/// Declines that are remembered of one card; the newest.
const MOST_REMEMBERED: i64 = 100;

/// Breakers and declined cards in Valkey.
#[derive(Clone)]
pub struct GatewayHealthInValkey {
    connection: ConnectionManager,
}

impl GatewayHealthInValkey {
    /// From `VALKEY_ENDPOINT` and `VALKEY_TLS`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self { connection: valkey::connect().await? })
    }

    async fn try_is_open(&self, side: &str) -> RedisResult<bool> {
        redis::cmd("EXISTS").arg(open_key(side)).query_async(&mut self.connection.clone()).await
    }

    async fn try_ask(&self, side: &str) -> RedisResult<Breaker> {
        if !self.try_is_open(side).await? {
            return Ok(Breaker::Closed);
        }
        let mut connection = self.connection.clone();
        let first = probe(&mut redis::pipe(), side).query_async::<(Option<String>,)>(&mut connection).await?;
        Ok(if first.0.is_some() { Breaker::Probe } else { Breaker::Open })
    }

    async fn try_record(&self, side: &str, call: Call, now: Timestamp) -> RedisResult<()> {
        let mut connection = self.connection.clone();
        let span = now.as_millis() / SPAN_MILLIS;
        let (this, before) = (span_key(side, span), span_key(side, span - 1));
        let mut pipe = redis::pipe();
        match call {
            Call::Answered => {
                let counted = count(&mut pipe, &this, ANSWERED);
                counted.del(failed_key(side)).ignore().query_async(&mut connection).await
            }
            Call::TrialAnswered => {
                pipe.del(open_key(side)).del(failed_key(side)).del(this).del(before).query_async(&mut connection).await
            }
            Call::TrialFailed => open(&mut pipe, side).query_async(&mut connection).await,
            Call::Failed => {
                let counted = count(&mut pipe, &this, FAILED);
                counted.incr(failed_key(side), 1).pexpire(failed_key(side), OPEN_MILLIS).ignore();
                for key in [&this, &before] {
                    counted.cmd("HMGET").arg(key).arg(ANSWERED).arg(FAILED);
                }
                type Counts = (Option<u32>, Option<u32>);
                let (in_a_row, this, before): (u32, Counts, Counts) = counted.query_async(&mut connection).await?;
                let sum = |a: Option<u32>, b: Option<u32>| a.unwrap_or_default() + b.unwrap_or_default();
                let window = Window { answered: sum(this.0, before.0), failed: sum(this.1, before.1), in_a_row };
                if !window.trips() {
                    return Ok(());
                }
                let mut pipe = redis::pipe();
                probe(open(&mut pipe, side), side).query_async(&mut connection).await
            }
        }
    }

    async fn try_declined(&self, key: &str, order: &GatewayKey, now: Timestamp) -> RedisResult<Declines> {
        let now = now.as_millis();
        let mut pipe = redis::pipe();
        pipe.atomic();
        pipe.cmd("ZADD").arg(key).arg("NX").arg(now).arg(order.as_str()).ignore();
        pipe.cmd("ZREMRANGEBYSCORE").arg(key).arg("-inf").arg(now - REMEMBERED_MILLIS).ignore();
        // More than any scheme's bound say nothing more.
        pipe.cmd("ZREMRANGEBYRANK").arg(key).arg(0).arg(-MOST_REMEMBERED - 1).ignore();
        pipe.cmd("PEXPIRE").arg(key).arg(REMEMBERED_MILLIS).ignore();
        pipe.cmd("ZCOUNT").arg(key).arg(format!("({}", now - DAY_MILLIS)).arg("+inf");
        pipe.cmd("ZCARD").arg(key);
        let (day, month) = pipe.query_async(&mut self.connection.clone()).await?;
        Ok(Declines { day, month })
    }
}

/// A gateway in one mode.
fn side(gateway: &GatewayName, mode: Mode) -> String {
    format!("{gateway}:{mode}")
}

fn open_key(side: &str) -> String {
    format!("breaker:{side}:open")
}

fn failed_key(side: &str) -> String {
    format!("breaker:{side}:failed")
}

fn span_key(side: &str, span: i64) -> String {
    format!("breaker:{side}:{span}")
}

fn lasting(millis: i64) -> SetExpiry {
    SetExpiry::PX(u64::try_from(millis).expect("spans are positive"))
}

/// One call more in that span, which is forgotten when the one after it is over.
fn count<'p>(pipe: &'p mut redis::Pipeline, span: &str, field: &str) -> &'p mut redis::Pipeline {
    pipe.hincr(span, field, 1).ignore().pexpire(span, 2 * SPAN_MILLIS).ignore()
}

fn open<'p>(pipe: &'p mut redis::Pipeline, side: &str) -> &'p mut redis::Pipeline {
    pipe.set_options(open_key(side), 1, SetOptions::default().with_expiration(lasting(OPEN_MILLIS))).ignore()
}

/// Takes the one permit to try the gateway, if it is free.
fn probe<'p>(pipe: &'p mut redis::Pipeline, side: &str) -> &'p mut redis::Pipeline {
    let options = SetOptions::default().conditional_set(ExistenceCheck::NX).with_expiration(lasting(COOL_OFF_MILLIS));
    pipe.set_options(format!("breaker:{side}:probe"), 1, options)
}

impl Breakers for GatewayHealthInValkey {
    async fn ask(&self, gateway: &GatewayName, mode: Mode, _: Timestamp) -> Result<Breaker, Unavailable> {
        self.try_ask(&side(gateway, mode)).await.map_err(|error| Unavailable::new("the gateway's breaker", error))
    }

    async fn is_open(&self, gateway: &GatewayName, mode: Mode, _: Timestamp) -> Result<bool, Unavailable> {
        self.try_is_open(&side(gateway, mode)).await.map_err(|error| Unavailable::new("the gateway's breaker", error))
    }

    async fn record(&self, gateway: &GatewayName, mode: Mode, call: Call, now: Timestamp) -> Result<(), Unavailable> {
        let noted = self.try_record(&side(gateway, mode), call, now).await;
        noted.map_err(|error| Unavailable::new("the gateway's breaker", error))
    }
}

impl DeclinedCards for GatewayHealthInValkey {
    async fn declined(
        &self,
        owner: &Owner,
        card: &CardFingerprint,
        order: &GatewayKey,
        now: Timestamp,
    ) -> Result<Declines, Unavailable> {
        let counted = self.try_declined(&format!("declines:{owner}:{card}"), order, now).await;
        counted.map_err(|error| Unavailable::new("the card's declines", error))
    }
}
