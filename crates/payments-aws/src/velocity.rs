//! Velocity counters in Valkey: a sorted set per card, the payment as member, the moment of its first count as score.

use crate::config::StartError;
use crate::valkey;
use payments::failure::Unavailable;
use payments::fraud::VELOCITY_WINDOW_SECONDS;
use payments::id::{CardFingerprint, Owner, PaymentId};
use payments::ports::Velocity;
use redis::aio::ConnectionManager;

/// Counts once, answers the same for ever: a payment's place is among those counted before it, within the window
/// before its own first count. Members are dropped after two windows, when no answer can need them. The server's clock
/// in microseconds orders the counts; two in the same microsecond are told apart by one more.
const COUNT: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window = tonumber(ARGV[2])
local own = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not own then
  local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  own = now
  if last[2] and tonumber(last[2]) >= own then own = tonumber(last[2]) + 1 end
  redis.call('ZADD', KEYS[1], string.format('%.0f', own), ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - 2 * window))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', 2 * window / 1000))
return redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', tonumber(own) - window), string.format('%.0f', tonumber(own)))
";

/// Velocity counters in Valkey.
#[derive(Clone)]
pub struct VelocityInValkey {
    connection: ConnectionManager,
    count: redis::Script,
}

impl VelocityInValkey {
    /// From `VALKEY_ENDPOINT` and `VALKEY_TLS`.
    pub async fn from_env() -> Result<Self, StartError> {
        Ok(Self { connection: valkey::connect().await?, count: redis::Script::new(COUNT) })
    }
}

impl Velocity for VelocityInValkey {
    async fn count(&self, owner: &Owner, card: &CardFingerprint, payment_id: &PaymentId) -> Result<u32, Unavailable> {
        self.count
            .key(format!("velocity:{}:{}:{card}", owner.merchant_id, owner.mode))
            .arg(payment_id.as_str())
            .arg(VELOCITY_WINDOW_SECONDS * 1_000_000)
            .invoke_async(&mut self.connection.clone())
            .await
            .map_err(|error| Unavailable::new("the velocity counters", error))
    }
}
