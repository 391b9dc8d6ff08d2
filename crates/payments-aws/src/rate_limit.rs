//! Requests by key in Valkey: for each key one value, the moment at which all that was admitted is worked off, and
//! forgotten then.

use crate::config::StartError;
use crate::valkey;
use payments::failure::Unavailable;
use payments::id::KeyId;
use payments::ports::{Admission, RateLimit};
use redis::aio::ConnectionManager;
use std::time::Duration;

/// How long a request waits for its admission: it goes on without, so the wait is short.
const PATIENCE: Duration = Duration::from_millis(250);

/// The generic cell rate algorithm: each request takes 1/limit of a second of the key's time, which may run ahead of the
/// server's clock by one second. So a key may send its limit at once, and so many per second from then on.
/// Answers 1 if the request is admitted. Microseconds; `%.0f` because Lua prints large numbers short.
const ADMIT: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ahead = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + math.floor(1000000 / tonumber(ARGV[1]))
if ahead > now + 1000000 then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f', ahead), 'PX', string.format('%.0f', math.ceil((ahead - now) / 1000)))
return 1
";

/// Requests by key in Valkey.
#[derive(Clone)]
pub struct RateLimitInValkey {
    connection: ConnectionManager,
    admit: redis::Script,
}

impl RateLimitInValkey {
    /// From `VALKEY_ENDPOINT` and `VALKEY_TLS`.
    pub async fn from_env() -> Result<Self, StartError> {
        let limit = Self { connection: valkey::connect().await?, admit: redis::Script::new(ADMIT) };
        // Opens the connection now, when a function has a whole processor. A server that is down hinders no start.
        let _ = limit.within(redis::cmd("PING").exec_async(&mut limit.connection.clone())).await;
        Ok(limit)
    }

    async fn within<T>(&self, call: impl Future<Output = redis::RedisResult<T>>) -> Result<T, Unavailable> {
        let unavailable = |source| Unavailable { what: "the rate limit", source };
        let answer = tokio::time::timeout(PATIENCE, call).await.map_err(|late| unavailable(late.into()))?;
        answer.map_err(|error| unavailable(error.into()))
    }
}

impl RateLimit for RateLimitInValkey {
    async fn admit(&self, key_id: &KeyId, limit_per_second: u32) -> Result<Admission, Unavailable> {
        let mut call = self.admit.key(format!("rate:{key_id}"));
        call.arg(limit_per_second);
        let admitted: bool = self.within(call.invoke_async(&mut self.connection.clone())).await?;
        Ok(if admitted { Admission::Admitted } else { Admission::Exceeded })
    }
}
