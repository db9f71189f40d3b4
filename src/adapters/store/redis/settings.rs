//! How Redis is reached and used.

use crate::adapters::store::DEFAULT_RETENTION;
use secrecy::SecretString;
use std::time::Duration;

/// How Redis is reached and used.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `REDIS_URL`: `redis://` or `rediss://` for one server; a comma list, `redis+cluster://` or `rediss+cluster://`
    /// for a cluster.
    pub url: SecretString,
    /// How many connections to keep; a conversation always uses the same one. Commands of the same moment leave a connection
    /// together, so that few connections cost less CPU than many. Redis reads about 16 kB per connection and turn, and syncs
    /// once per turn under `appendfsync always`: where a sync is slow, 8 let it sync less often.
    pub connections: usize,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long an answer may take. The client library's own default of 500 ms is shorter than one slow fsync.
    pub response_timeout: Duration,
    /// The certificates, in PEM, of those who may vouch for the server of a `rediss://` URL; the system's if absent.
    pub roots: Option<Vec<u8>>,
    /// What every key begins with.
    pub prefix: String,
    /// How long a control record lives after its last write.
    pub retention: Duration,
}

impl RedisSettings {
    /// Returns the default settings for a URL.
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            connections: 2,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(2),
            roots: None,
            prefix: "fd".to_owned(),
            retention: DEFAULT_RETENTION,
        }
    }
}
