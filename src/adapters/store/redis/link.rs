//! Connections to Redis: opened when first needed, replaced when they fail, never waited for longer than configured.
//!
//! A conversation always uses the connection of its shard. Nothing here repeats a command that may have been executed:
//! the cluster client's own retries are off for that reason, and redirects are followed here.

use super::address::{Address, AddressError};
use super::client::{certificates, server, single_config};
use super::examine;
use super::fault::{Cause, Fault};
use super::keys::Keys;
use super::runs::Runs;
use super::scripts::Call;
use super::wire::Wire;
use frontdesk_actors::ids::SHARDS;
use redis::aio::ConnectionLike;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, Value, cmd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

/// The format of what is stored. A newer one is refused rather than misread; an older one is read as well, and marked as this.
/// 2: a memory may be a list.
const FORMAT: u32 = 2;
const OLDEST_FORMAT: u32 = 1;

/// How long to wait before following a cluster that is rearranging itself.
const REDIRECT_PAUSE: Duration = Duration::from_millis(50);

/// How long connecting and answering may take, and how many connections there are.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
}

/// All connections to one server or cluster.
pub(super) struct Links {
    server: Server,
    slots: Vec<Mutex<Slot>>,
    limits: Limits,
    keys: Keys,
    opened: AtomicU64,
    runs: Arc<Runs>,
}

pub(super) enum Server {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>, Vec<Client>),
}

/// One place for a connection.
#[derive(Default)]
struct Slot {
    live: Option<Live>,
    failed: Option<(Instant, Fault)>,
}

#[derive(Clone)]
struct Live {
    connection: Connection,
    /// Set by the connection itself when its peer goes away, so that a call made afterwards is known to be unsent.
    closed: Arc<AtomicBool>,
    number: u64,
}

#[derive(Clone)]
pub(super) enum Connection {
    Single(Wire),
    Cluster(ClusterConnection),
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links")
            .field("cluster", &self.is_cluster())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Links {
    /// Prepares connections without opening one.
    pub(super) fn new(
        address: &Address,
        roots: Option<&[u8]>,
        limits: Limits,
        keys: Keys,
    ) -> Result<Self, AddressError> {
        let certificates = certificates(roots)?;
        let runs = Arc::new(Runs::default());
        let server =
            server(address, certificates, &limits, &runs).map_err(|error| AddressError::Refused(error.to_string()))?;
        let slots = (0..limits.connections).map(|_| Mutex::new(Slot::default())).collect();
        Ok(Self { server, slots, limits, keys, opened: AtomicU64::new(0), runs })
    }

    pub(super) fn is_cluster(&self) -> bool {
        match self.server {
            Server::Single(_) => false,
            Server::Cluster(..) => true,
        }
    }

    /// The clients through which one server, or each known node of a cluster, is reached directly.
    pub(super) fn nodes(&self) -> Vec<Client> {
        match &self.server {
            Server::Single(client) => vec![client.as_ref().clone()],
            Server::Cluster(_, nodes) => nodes.clone(),
        }
    }

    /// Names the run of the server, or of all masters.
    pub(super) fn run_name(&self) -> Option<u64> {
        self.runs.name()
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.limits.connect_timeout
    }

    /// Runs a script on the connection of a shard.
    pub(super) async fn run<T: FromRedisValue>(&self, shard: u16, call: &Call) -> Result<T, Fault> {
        let value = match self.answer(shard, call.by_digest()).await {
            Err(error) if is_unknown_script(&error) => self.answer(shard, &call.by_text()).await,
            answered => answered,
        };
        self.read(value)
    }

    /// Sends one command on the connection of a shard.
    pub(super) async fn send<T: FromRedisValue>(&self, shard: u16, command: &Cmd) -> Result<T, Fault> {
        let value = self.answer(shard, command).await;
        self.read(value)
    }

    /// Lends the connection of a shard, and the number to give it back by if it fails.
    pub(super) async fn borrow(&self, shard: u16) -> Result<(Connection, u64), Fault> {
        let live = self.live(self.slot(shard)).await?;
        Ok((live.connection, live.number))
    }

    /// Gives back a lent connection that failed, so that nobody waits for it again if it is of no use any more.
    pub(super) async fn give_back(&self, shard: u16, number: u64, error: RedisError) -> Fault {
        let fault = Fault::sent(error, self.is_cluster());
        if fault.ends_connection(self.is_cluster()) {
            self.drop_connection(self.slot(shard), number).await;
        }
        fault
    }

    fn read<T: FromRedisValue>(&self, value: Result<Value, Failure>) -> Result<T, Fault> {
        let value = match value {
            Ok(value) => value,
            Err(Failure::Unsent(fault)) => return Err(fault),
            Err(Failure::Sent(error)) => return Err(Fault::sent(error, self.is_cluster())),
        };
        redis::from_redis_value(value).map_err(|error| Fault::sent(RedisError::from(error), self.is_cluster()))
    }

    /// Sends, and follows a cluster that answers "elsewhere" or "not yet": those commands were not executed.
    async fn answer(&self, shard: u16, command: &Cmd) -> Result<Value, Failure> {
        let began = Instant::now();
        loop {
            let answered = self.once(shard, command).await;
            match &answered {
                Err(Failure::Sent(error)) if self.is_cluster() && is_elsewhere(error) => {}
                Ok(_) | Err(_) => return answered,
            }
            if began.elapsed() + REDIRECT_PAUSE >= self.limits.response_timeout {
                return answered;
            }
            sleep(REDIRECT_PAUSE).await;
        }
    }

    async fn once(&self, shard: u16, command: &Cmd) -> Result<Value, Failure> {
        let slot = self.slot(shard);
        let mut live = self.live(slot).await.map_err(Failure::Unsent)?;
        self.runs.refresh(&live.connection).await;
        let answered = live.connection.send(command).await;
        if let Err(error) = &answered
            && Fault::sent(error.clone(), self.is_cluster()).ends_connection(self.is_cluster())
        {
            self.drop_connection(slot, live.number).await;
        }
        answered.map_err(Failure::Sent)
    }

    fn slot(&self, shard: u16) -> &Mutex<Slot> {
        &self.slots[usize::from(shard) % self.slots.len()]
    }

    async fn drop_connection(&self, slot: &Mutex<Slot>, number: u64) {
        let mut slot = slot.lock().await;
        if slot.live.as_ref().is_some_and(|live| live.number == number) {
            slot.live = None;
        }
    }

    /// Returns the slot's connection, opening it if needed. Callers that waited for the same failed attempt share its
    /// failure: an unreachable server costs each of them one connect time-out, not one per caller before them.
    async fn live(&self, slot: &Mutex<Slot>) -> Result<Live, Fault> {
        let asked = Instant::now();
        let mut slot = slot.lock().await;
        if let Some(live) = slot.live.as_ref().filter(|live| !live.closed.load(Ordering::Acquire)) {
            return Ok(live.clone());
        }
        slot.live = None;
        if let Some((_, fault)) = slot.failed.as_ref().filter(|(at, _)| *at >= asked) {
            return Err(fault.clone());
        }
        match self.open().await {
            Ok(live) => {
                slot.failed = None;
                slot.live = Some(live.clone());
                Ok(live)
            }
            Err(fault) => {
                slot.failed = Some((Instant::now(), fault.clone()));
                Err(fault)
            }
        }
    }

    async fn open(&self) -> Result<Live, Fault> {
        let opening = Box::pin(async {
            let mut live = self.connect().await.map_err(|error| Fault::connecting(error, self.is_cluster()))?;
            self.check_format(live.connection.clone()).await?;
            self.read_run(&mut live.connection).await?;
            Ok(live)
        });
        // A cluster is met through one node and then asked for the others.
        let within = self.limits.connect_timeout * if self.is_cluster() { 3 } else { 1 };
        match timeout(within, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(Fault::unsent(Cause::ConnectTimeout)),
        }
    }

    async fn connect(&self) -> RedisResult<Live> {
        let closed = Arc::new(AtomicBool::new(false));
        let connection = match &self.server {
            Server::Single(client) => {
                let config = single_config(&self.limits, closed.clone());
                Connection::Single(Wire::over(client.get_multiplexed_async_connection_with_config(&config).await?))
            }
            Server::Cluster(client, _) => Connection::Cluster(client.get_async_connection().await?),
        };
        Ok(Live { connection, closed, number: self.opened.fetch_add(1, Ordering::Relaxed) })
    }

    /// Before anything else is asked: what was acknowledged by an earlier run may be forgotten.
    async fn read_run(&self, connection: &mut Connection) -> Result<(), Fault> {
        if self.is_cluster() {
            self.runs.refresh(connection).await;
            return Ok(());
        }
        match self.runs.read_single(connection).await {
            // A service that forbids INFO is used without; it is not known then when it restarts.
            Err(error) if examine::is_forbidden(&error) => Ok(()),
            read => read.map_err(|error| Fault::connecting(error, self.is_cluster())),
        }
    }

    /// Makes sure that what is stored there is ours to read, and marks an empty database as ours.
    async fn check_format(&self, mut connection: Connection) -> Result<(), Fault> {
        let failed = |error| Fault::connecting(error, self.is_cluster());
        let meta = self.keys.meta();
        let mut read = cmd("HMGET");
        read.arg(&meta).arg("shards").arg("format");
        let (mut shards, mut format): (Option<u32>, Option<u32>) = connection.ask(&read).await.map_err(failed)?;
        if shards.is_none() || format.is_none() {
            for (field, value) in [("shards", u32::from(SHARDS)), ("format", FORMAT)] {
                let set: i64 = connection.ask(cmd("HSETNX").arg(&meta).arg(field).arg(value)).await.map_err(failed)?;
                tracing::debug!(field, set, "marked the Redis database as frontdesk's");
            }
            (shards, format) = connection.ask(&read).await.map_err(failed)?;
        }
        if shards == Some(u32::from(SHARDS)) && format.is_some_and(|format| (OLDEST_FORMAT..=FORMAT).contains(&format))
        {
            if format != Some(FORMAT) {
                let _: i64 = connection.ask(cmd("HSET").arg(&meta).arg("format").arg(FORMAT)).await.map_err(failed)?;
            }
            return Ok(());
        }
        let told = format!("it has {} shards in format {}", shards.unwrap_or(0), format.unwrap_or(0));
        Err(Fault::unsent(Cause::Foreign(told)))
    }
}

/// A call that failed, before or after it was handed to a connection.
enum Failure {
    Unsent(Fault),
    Sent(RedisError),
}

impl Connection {
    async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let value = match self {
            Connection::Single(wire) => wire.send(command).await?,
            Connection::Cluster(connection) => connection.req_packed_command(command).await?,
        };
        value.extract_error()
    }

    /// Sends a command and reads its answer.
    pub(super) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        Ok(redis::from_redis_value(self.send(command).await?)?)
    }
}

fn is_unknown_script(failure: &Failure) -> bool {
    matches!(failure, Failure::Sent(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript))
}

/// Whether the cluster said that the command belongs elsewhere or later.
fn is_elsewhere(error: &RedisError) -> bool {
    error.kind() == ErrorKind::ClusterConnectionNotFound
        || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
        || error.is_cluster_error()
}

/// Checks what `address::parse` cannot: numbers and the prefix.
pub(super) fn check(limits: &Limits, prefix: &str) -> Result<(), AddressError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if prefix.is_empty() || prefix.len() > 32 || !prefix.bytes().all(plain) {
        return Err(AddressError::Prefix);
    }
    if limits.connections == 0 || limits.connections > 64 {
        return Err(AddressError::Connections);
    }
    Ok(())
}
