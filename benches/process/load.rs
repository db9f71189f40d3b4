//! The load generator: raw HTTP/1.1 over kept-alive connections, one request at a time on each.
//!
//! It runs on the cores that it measures, so it does as little as it can: no HTTP library, no parsing but of the status
//! and the length.

use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Makes request number `n`.
pub(crate) type Make = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// One kept-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and returns the status of its answer, once all of it is here.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head])?.to_ascii_lowercase();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).context("a status")?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        Ok(status)
    }
}

/// What a run of the generator saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How many requests were answered with 2xx.
    pub(crate) accepted: u64,
    /// How many were not.
    pub(crate) refused: u64,
    /// How long it ran.
    pub(crate) took: Duration,
    /// From request to answer, in microseconds, sorted.
    latencies: Vec<u32>,
}

impl Seen {
    /// Returns how many were accepted in a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.accepted as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// Returns a percentile of the latencies, in milliseconds.
    pub(crate) fn percentile(&self, of_hundred: f64) -> f64 {
        let at = (self.latencies.len() as f64 * of_hundred / 100.0) as usize;
        self.latencies.get(at.min(self.latencies.len().saturating_sub(1))).map_or(0.0, |us| f64::from(*us) / 1000.0)
    }

    /// Makes the result of what the workers saw.
    pub(crate) fn of(parts: impl IntoIterator<Item = Seen>, took: Duration) -> Self {
        let mut whole = Seen { took, ..Seen::default() };
        for part in parts {
            whole.accepted += part.accepted;
            whole.refused += part.refused;
            whole.latencies.extend(part.latencies);
        }
        whole.latencies.sort_unstable();
        whole
    }

    /// Notes one answer.
    pub(crate) fn note(&mut self, status: u16, since: Instant) {
        match status {
            200..300 => self.accepted += 1,
            _ => self.refused += 1,
        }
        self.latencies.push(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

/// When a closed loop ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After this long.
    Elapsed(Duration),
    /// After so many requests.
    Count(u64),
}

/// Asks as fast as the answers come, on so many connections.
pub(crate) async fn closed(address: SocketAddr, connections: usize, until: Until, make: Make) -> Result<Seen> {
    let (next, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let (next, make) = (next.clone(), make.clone());
        workers.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut seen = Seen::default();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                match until {
                    Until::Elapsed(limit) if began.elapsed() >= limit => break,
                    Until::Count(limit) if n >= limit => break,
                    Until::Elapsed(_) | Until::Count(_) => {}
                }
                let request = make(n);
                let sent = Instant::now();
                let status = connection.ask(&request).await?;
                seen.note(status, sent);
            }
            anyhow::Ok(seen)
        });
    }
    collect(workers, began).await
}

/// Asks at a fixed rate, however slow the answers are. An answer that makes its connection late for the next request
/// counts against the server: that request's time starts when it was due.
pub(crate) async fn open(address: SocketAddr, rate: u64, limit: Duration, make: Make) -> Result<Seen> {
    const CONNECTIONS: u64 = 128;
    let total = rate * limit.as_millis() as u64 / 1000;
    // The first requests are due when all connections stand.
    let began = Instant::now() + Duration::from_millis(200);
    let mut workers = JoinSet::new();
    for worker in 0..CONNECTIONS {
        let make = make.clone();
        workers.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut seen = Seen::default();
            for n in (worker..total).step_by(CONNECTIONS as usize) {
                let due = began + Duration::from_nanos(n * 1_000_000_000 / rate);
                let late = Instant::now() > due;
                let request = make(n);
                tokio::time::sleep_until(due.into()).await;
                let since = if late { due } else { Instant::now() };
                let status = connection.ask(&request).await?;
                seen.note(status, since);
            }
            anyhow::Ok(seen)
        });
    }
    collect(workers, began).await
}

async fn collect(mut workers: JoinSet<Result<Seen>>, began: Instant) -> Result<Seen> {
    let mut parts = Vec::new();
    while let Some(part) = workers.join_next().await {
        parts.push(part??);
    }
    Ok(Seen::of(parts, began.elapsed()))
}
