//! The real daemon with its store, wired to the stand-ins by settings alone.

use crate::usage::{self, Stretch};
use crate::vendors::Vendors;
use crate::webhooks::{SECRET, Webhooks};
use anyhow::{Context, Result};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::redis::{Fsync, RedisOptions, RedisServer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where the daemon keeps its conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backing {
    /// Redis, `appendfsync everysec`.
    Everysec,
    /// Redis, `appendfsync always`: what is shipped.
    Always,
    /// SQLite in the daemon, `synchronous=FULL`: what is used without `REDIS_URL`.
    Embedded,
}

impl Backing {
    /// Returns the name, for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Backing::Everysec => "redis everysec",
            Backing::Always => "redis always",
            Backing::Embedded => "embedded",
        }
    }
}

/// A running desk.
#[derive(Debug)]
pub(crate) struct Desk {
    daemon: Daemon,
    redis: Option<RedisServer>,
    /// What it talks to.
    pub(crate) vendors: Arc<Vendors>,
    /// What makes its webhooks.
    pub(crate) webhooks: Arc<Webhooks>,
}

impl Desk {
    /// Starts a desk without a gate, whose vendors have no limits, as it is shipped otherwise. The pause after a burst is
    /// shortened: it costs no CPU, only time.
    pub(crate) async fn open(backing: Backing, passivate_after: &str) -> Result<Self> {
        let mut daemon =
            Daemon::new(std::env::var("BENCH_DAEMON").unwrap_or_else(|_| env!("CARGO_BIN_EXE_frontdesk").to_owned()))?;
        let redis = match backing {
            Backing::Embedded => None,
            Backing::Everysec => Some(Fsync::EverySecond),
            Backing::Always => Some(Fsync::Always),
        };
        let redis = match redis {
            Some(fsync) => Some(RedisServer::start_with(RedisOptions { fsync, ..RedisOptions::default() }).await?),
            None => None,
        };
        let webhooks = Arc::new(Webhooks::new(daemon.address().to_string()));
        let vendors = Arc::new(Vendors::start(daemon.address(), webhooks.clone()).await?);
        let settings = [
            ("PUBLIC_URL", "http://desk.localhost"),
            ("ADMIN_TOKEN", "an-admin-token-for-benches"),
            ("JWT_SECRET", "a-signing-secret-of-more-than-32-bytes"),
            ("GATE", "off"),
            ("CHATWOOT_ACCOUNT_ID", "1"),
            ("CHATWOOT_API_TOKEN", "a-bot-token"),
            ("CHATWOOT_WEBHOOK_SECRET", SECRET),
            ("OPENAI_API_KEY", "sk-bench"),
            ("OPENAI_MODEL", "stand-in"),
            ("DEBOUNCE_QUIET", "50ms"),
            ("CHATWOOT_RATE_PER_MINUTE", "60000000"),
            ("CHATWOOT_WIDTH", "512"),
            ("OPENAI_RATE_PER_MINUTE", "60000000"),
            ("OPENAI_WIDTH", "512"),
            ("FRONTDESK__LIMITS__PASSIVATE_AFTER", passivate_after),
        ];
        for (name, value) in settings {
            daemon.set(name, value);
        }
        daemon.set("CHATWOOT_BASE_URL", vendors.chatwoot());
        daemon.set("OPENAI_BASE_URL", vendors.model());
        if let Some(redis) = &redis {
            daemon.set("REDIS_URL", redis.url());
        }
        daemon.start().await?;
        Ok(Self { daemon, redis, vendors, webhooks })
    }

    /// Returns where its webhooks go.
    pub(crate) fn address(&self) -> SocketAddr {
        self.daemon.address()
    }

    /// Begins to measure engine and store.
    pub(crate) fn stretch(&self) -> Result<Stretch> {
        Stretch::begin(self.pid()?, self.redis.as_ref().map(RedisServer::pid))
    }

    /// Returns the daemon's resident memory, in bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        usage::resident(self.pid()?)
    }

    /// Stops it and starts it again on the same store.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.daemon.kill()?;
        self.daemon.start().await
    }

    /// Kills it without warning.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    /// Asks it to end, and returns whether it did so in order: only then an instrumented build has written what it counted.
    pub(crate) async fn stop(mut self) -> Result<bool> {
        self.daemon.signal("TERM")?;
        self.daemon.ended(Duration::from_secs(60)).await
    }

    /// Starts it without waiting.
    pub(crate) fn spawn(&mut self) -> Result<()> {
        self.daemon.spawn()
    }

    /// Waits until its port answers and the desk is open.
    pub(crate) async fn answers(&self, within: Duration) -> Result<()> {
        let began = Instant::now();
        loop {
            if let Ok(response) = self.daemon.http().get(self.daemon.url("/readyz")).send().await
                && response.text().await.unwrap_or_default().contains("ready")
            {
                return Ok(());
            }
            anyhow::ensure!(began.elapsed() < within, "the daemon was not open within {within:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until no conversation is in memory.
    pub(crate) async fn all_passivated(&self, within: Duration) -> Result<()> {
        let began = Instant::now();
        while self.live().await? > 0.0 {
            anyhow::ensure!(began.elapsed() < within, "conversations stay in memory: {}", self.live().await?);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Ok(())
    }

    /// Returns how many conversations are in memory, as the daemon last counted them.
    pub(crate) async fn live(&self) -> Result<f64> {
        self.sum_of("frontdesk_conversations_live").await
    }

    /// Returns how often the daemon has written to its store.
    pub(crate) async fn commits(&self) -> Result<f64> {
        self.sum_of("frontdesk_commits_total").await
    }

    /// Adds up a metric over its labels.
    pub(crate) async fn sum_of(&self, metric: &str) -> Result<f64> {
        let text = self.daemon.http().get(self.daemon.url("/metrics")).send().await?.text().await?;
        let ours = |line: &&str| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' ']));
        Ok(text.lines().filter(ours).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// Returns the daemon's log.
    pub(crate) fn log(&self) -> String {
        self.daemon.log()
    }

    /// Returns the daemon's process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.daemon.pid().context("the daemon runs")
    }
}
