//! The desk that a clause gets: the real daemon, wired to one channel and nothing else, with a model that says what it is
//! told to.

use crate::vendor::{Cannot, Customer, Vendor};
use anyhow::{Context, Result, bail, ensure};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::model::{ModelDouble, Reply};
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::town::{ADMIN_TOKEN, metric};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

/// How long a condition may take: restarts, settle times and a loaded machine included.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where the daemon keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backing {
    Embedded,
    Redis,
}

/// The channel, the model, and the desk between them.
pub(crate) struct Desk<V> {
    pub(crate) vendor: V,
    pub(crate) model: ModelDouble,
    pub(crate) daemon: Daemon,
    /// Dies with the desk.
    _redis: Option<RedisServer>,
}

impl<V: Vendor> Desk<V> {
    /// Opens a desk that asks nobody for an address and is quick to answer.
    pub(crate) async fn open(backing: Backing) -> Result<Self> {
        let model = ModelDouble::start().await;
        let redis = match backing {
            Backing::Embedded => None,
            Backing::Redis => Some(RedisServer::start().await?),
        };
        let mut daemon = Daemon::new(BINARY)?
            // Not a name of this machine: where only the page is served, that would be the demo, which is open to all.
            .with("PUBLIC_URL", "https://desk.example.test")
            .with("ADMIN_TOKEN", ADMIN_TOKEN)
            .with("JWT_SECRET", "a-signing-secret-of-more-than-32-bytes")
            .with("OPENAI_API_KEY", "sk-test")
            .with("OPENAI_BASE_URL", model.base_url())
            .with("OPENAI_MODEL", "test-model")
            .with("GATE", "off")
            .with("DEBOUNCE_QUIET", "50ms");
        if let Some(redis) = &redis {
            daemon.set("REDIS_URL", redis.url());
        }
        let vendor = V::open(&mut daemon).await?;
        daemon.start().await?;
        Ok(Self { vendor, model, daemon, _redis: redis })
    }

    /// Returns how long one message to a customer may be.
    pub(crate) fn longest(&self) -> usize {
        V::LONGEST
    }

    /// Returns whether this is how the vendor may be answered a body that nobody can read.
    pub(crate) fn may_answer_rubbish(&self, status: u16) -> bool {
        V::may_answer_rubbish(status)
    }

    /// Lets the model answer the next question with this.
    pub(crate) fn answers(&self, text: &str) {
        self.model.push(Reply::Text(text.to_owned()));
    }

    pub(crate) async fn kill_and_restart(&mut self) -> Result<()> {
        self.daemon.kill()?;
        self.daemon.start().await
    }

    /// Returns what the desk shows of a conversation; null if it has never heard of it.
    pub(crate) async fn view(&self, customer: Customer) -> Result<Value> {
        let path = format!("/api/conversations/{}", self.vendor.key(customer));
        let response = self.daemon.http().get(self.daemon.url(&path)).bearer_auth(ADMIN_TOKEN).send().await?;
        match response.status().as_u16() {
            200 => Ok(response.json().await?),
            404 => Ok(Value::Null),
            other => bail!("the desk answered {other}: {}", response.text().await?),
        }
    }

    /// Waits until a view fulfils a condition, and returns it.
    pub(crate) async fn viewed(&self, customer: Customer, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let began = Instant::now();
        loop {
            let shown = self.view(customer).await;
            if shown.as_ref().is_ok_and(&holds) {
                return shown;
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "waited in vain for: {what}\n{shown:?}\n{}",
                self.story(customer).await
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn in_phase(&self, customer: Customer, phase: &str) -> Result<Value> {
        self.viewed(customer, &format!("the phase is {phase}"), |view| view["phase"] == phase).await
    }

    /// Waits until the desk has nothing left to do for a customer, and the vendor neither.
    pub(crate) async fn at_rest(&self, customer: Customer) -> Result<Value> {
        let rested = |view: &Value| {
            let rows = view["outbox"].as_array().is_some_and(Vec::is_empty);
            rows && view["thinking"] == false && (view["phase"] != "bot" || view["owed"] == 0)
        };
        loop {
            self.viewed(customer, "the desk has nothing left to do, and holds nothing", rested).await?;
            let quiet = self.vendor.quiet().await;
            quiet.with_context(|| format!("the log ends with:\n{}", self.tail()))?;
            let still = self.view(customer).await?;
            if rested(&still) {
                return Ok(still);
            }
        }
    }

    /// Returns everything that a customer has read, as one text, however it was cut.
    pub(crate) async fn read(&self, customer: Customer) -> Result<String> {
        Ok(bare(&self.vendor.read(customer).await?.join(" ")))
    }

    /// Waits until a customer has read these words.
    pub(crate) async fn reads(&self, customer: Customer, words: &str) -> Result<()> {
        let began = Instant::now();
        while !self.read(customer).await.is_ok_and(|read| read.contains(&bare(words))) {
            let waited = began.elapsed() < PATIENCE;
            ensure!(waited, "nobody ever read {words:?}\n{}", self.story(customer).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Waits until all is done, and fails unless a customer has read exactly these texts, in this order.
    pub(crate) async fn has_read(&self, customer: Customer, texts: &[&str]) -> Result<Value> {
        if let Some(last) = texts.last() {
            self.reads(customer, last).await?;
        }
        let view = self.at_rest(customer).await?;
        let (read, expected) = (self.read(customer).await?, bare(&texts.join(" ")));
        ensure!(read == expected, "read: {read:?}\nexpected: {expected:?}\n{}", self.story(customer).await);
        Ok(view)
    }

    /// Says in the output that this clause does not hold for this vendor, and fails if nothing stands in its place.
    pub(crate) fn excuses(&self, cannot: Cannot) -> Result<()> {
        #[expect(clippy::print_stderr, reason = "what is not tested is said")]
        {
            eprintln!("{}: {}; instead: {}", V::NAME, cannot.why, cannot.instead);
        }
        ensure!(V::CANNOT.contains(&cannot), "{cannot:?} is missing in the list of {}", V::NAME);
        stands(cannot)
    }

    /// Reads one counter of the desk.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64> {
        metric(&self.daemon, name, "").await
    }

    /// Returns how many questions the model has answered.
    pub(crate) fn answered(&self) -> usize {
        self.model.calls().iter().filter(|call| call.answered).count()
    }

    /// What there is to know when something went wrong.
    async fn story(&self, customer: Customer) -> String {
        let read = self.vendor.read(customer).await;
        let view = self.view(customer).await.map(|view| view.to_string());
        format!("read: {read:?}\nview: {view:?}\nmodel calls: {}\n{}", self.model.calls().len(), self.tail())
    }

    fn tail(&self) -> String {
        let log = self.daemon.log();
        let lines: Vec<&str> = log.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// Fails if the test that stands in the place of what a vendor cannot do does not exist.
pub(crate) fn stands(cannot: Cannot) -> Result<()> {
    let (file, test) = cannot.instead.split_once("::").context("a test is named as file::function")?;
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).context(file)?;
    ensure!(text.contains(&format!("fn {test}(")), "there is no {test} in {file}");
    Ok(())
}

/// A text without regard to where it was broken.
pub(crate) fn bare(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
