//! What the journeys share: a desk that serves an instance of GREEN-API and nothing else.

use anyhow::{Context, Result, bail, ensure};
use frontdesk::language::Locales;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::{Phrase, Phrasebook};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::green_api::{GreenDouble, INSTANCE, Options, TOKEN};
use frontdesk_sandbox::model::ModelDouble;
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::teams::TeamsFlow;
use frontdesk_sandbox::town::{ADMIN_TOKEN, metric};
use futures::StreamExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

/// What webhooks carry.
pub(crate) const WEBHOOK_TOKEN: &str = "Bearer a-webhook-token-for-tests";

/// The customer.
pub(crate) const DANA: &str = "15550100042@c.us";

/// How long a condition may take: restarts, settle time and a loaded machine included.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many journeys run side by side within one test.
const SIDE_BY_SIDE: usize = 6;

/// Returns what the desk says itself, in English.
pub(crate) fn english(phrase: &Phrase) -> String {
    static LOCALES: LazyLock<Locales> = LazyLock::new(|| Locales::load(None).expect("the shipped locales are whole"));
    LOCALES.say(Lang::En, phrase)
}

/// Where the daemon keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backing {
    Embedded,
    Redis,
}

/// The instance, everybody else, and the desk.
pub(crate) struct Shop {
    pub(crate) green: GreenDouble,
    pub(crate) model: ModelDouble,
    pub(crate) teams: TeamsFlow,
    /// Dies with the shop.
    _redis: Option<RedisServer>,
    pub(crate) daemon: Daemon,
}

impl Shop {
    /// Builds the shop; the desk is wired but does not run yet. Pauses are shortened by settings that operators have too.
    pub(crate) async fn build(backing: Backing) -> Result<Self> {
        Self::build_with(backing, Options::default()).await
    }

    pub(crate) async fn build_with(backing: Backing, options: Options) -> Result<Self> {
        let green = GreenDouble::start(options).await?;
        let model = ModelDouble::start().await;
        let teams = TeamsFlow::start().await?;
        let redis = match backing {
            Backing::Embedded => None,
            Backing::Redis => Some(RedisServer::start().await?),
        };
        let mut daemon = Daemon::new(BINARY)?
            .with("PUBLIC_URL", "http://desk.localhost")
            .with("ADMIN_TOKEN", ADMIN_TOKEN)
            .with("JWT_SECRET", "a-signing-secret-of-more-than-32-bytes")
            .with("GREEN_API_URL", green.base_url())
            .with("GREEN_ID_INSTANCE", INSTANCE)
            .with("GREEN_API_TOKEN", TOKEN)
            .with("GREEN_WEBHOOK_TOKEN", WEBHOOK_TOKEN)
            .with("OPENAI_API_KEY", "sk-test")
            .with("OPENAI_BASE_URL", model.base_url())
            .with("OPENAI_MODEL", "test-model")
            .with("TEAMS_WEBHOOK_URL", teams.url())
            .with("DEBOUNCE_QUIET", "300ms")
            .with("FRONTDESK__GREEN_API__TIMEOUT", "2s")
            .with("GREEN_SETTLE_TIME", "6s");
        if let Some(redis) = &redis {
            daemon.set("REDIS_URL", redis.url());
        }
        green.set_up(&daemon.url("/webhooks/green-api"), WEBHOOK_TOKEN);
        Ok(Self { green, model, teams, _redis: redis, daemon })
    }

    /// Builds the shop and opens the desk.
    pub(crate) async fn open(backing: Backing) -> Result<Self> {
        let mut shop = Self::build(backing).await?;
        shop.daemon.start().await?;
        Ok(shop)
    }

    pub(crate) async fn kill_and_restart(&mut self) -> Result<()> {
        self.daemon.kill()?;
        self.daemon.start().await
    }

    /// Calls the admin API and returns the status and the JSON.
    pub(crate) async fn admin(&self, path: &str) -> Result<(u16, Value)> {
        let response = self.daemon.http().get(self.daemon.url(path)).bearer_auth(ADMIN_TOKEN).send().await?;
        Ok((response.status().as_u16(), response.json().await.unwrap_or_default()))
    }

    /// Posts to the admin API.
    pub(crate) async fn order(&self, path: &str) -> Result<(u16, Value)> {
        let request = self.daemon.http().post(self.daemon.url(path)).bearer_auth(ADMIN_TOKEN).json(&json!({}));
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.json().await.unwrap_or_default()))
    }

    /// Returns what the desk shows of a chat; null if it has never heard of it.
    pub(crate) async fn view(&self, chat: &str) -> Result<Value> {
        match self.admin(&format!("/api/conversations/green-api:{INSTANCE}:{chat}")).await? {
            (200, view) => Ok(view),
            (404, _) => Ok(Value::Null),
            (other, view) => bail!("the desk answered {other}: {view}"),
        }
    }

    /// Waits until a view fulfils a condition, and returns it.
    pub(crate) async fn viewed(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let began = Instant::now();
        loop {
            let shown = self.view(DANA).await;
            if let Ok(view) = &shown
                && holds(view)
            {
                return shown;
            }
            let said = self.green.said(DANA);
            ensure!(
                began.elapsed() < PATIENCE,
                "waited in vain for: {what}\n{shown:?}\nsaid: {said:?}\n{}",
                self.tail()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn in_phase(&self, phase: &str) -> Result<Value> {
        self.viewed(&format!("the phase is {phase}"), |view| view["phase"] == phase).await
    }

    /// Waits until the desk has nothing left to do in the chat, and the instance neither.
    pub(crate) async fn at_rest(&self) -> Result<Value> {
        let rested = |view: &Value| {
            let rows = view["outbox"].as_array().into_iter().flatten();
            let idle = view["thinking"] == false && rows.into_iter().all(|row| row["state"] == "held");
            idle && (view["phase"] != "bot" || view["owed"] == 0)
        };
        loop {
            self.viewed("the desk has nothing left to do", rested).await?;
            self.green.wait_quiet().await?;
            let still = self.view(DANA).await?;
            if rested(&still) {
                return Ok(still);
            }
        }
    }

    /// The promise: these words, once, and nothing held.
    pub(crate) async fn said_once(&self, words: &str) -> Result<()> {
        let view = self.at_rest().await?;
        let said = self.green.said(DANA);
        let times = said.iter().filter(|text| text.contains(words)).count();
        ensure!(times == 1, "said {times} times: {said:?}\n{view}\n{}", self.tail());
        let held = view["outbox"].as_array().is_some_and(|rows| !rows.is_empty());
        ensure!(!held, "something is held: {view}");
        Ok(())
    }

    /// Waits until these words stand in the chat.
    pub(crate) async fn hears(&self, words: &str) -> Result<()> {
        let words = words.to_owned();
        let what = format!("the customer reads {words:?}");
        let heard = self.green.wait_for(&what, |world| world.said(DANA).iter().any(|text| text.contains(&words))).await;
        heard.with_context(|| format!("the log ends with:\n{}", self.tail()))
    }

    /// Waits until an incident was raised.
    pub(crate) async fn alerted(&self, key: &str) -> Result<()> {
        let began = Instant::now();
        let labels = format!("key=\"{key}\"");
        while metric(&self.daemon, "frontdesk_alerts_total", &labels).await? < 1.0 {
            ensure!(began.elapsed() < PATIENCE, "nobody was told of {key}\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Runs a subcommand with the settings of this desk; returns whether it succeeded and what it said.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<(bool, String)> {
        let mut command = Command::new(BINARY);
        let home = tempfile::tempdir()?;
        command.args(arguments).env_clear().envs(self.daemon.environment()).current_dir(home.path());
        let output = command.stdin(Stdio::null()).output()?;
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        Ok((output.status.success(), said.concat()))
    }

    fn tail(&self) -> String {
        let log = self.daemon.log();
        let lines: Vec<&str> = log.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// A journey and its name.
pub(crate) type Journey = (&'static str, fn(Backing) -> BoxFuture<'static, Result<()>>);

/// Lists journeys with their names.
macro_rules! journeys {
    ($($name:ident),+ $(,)?) => {{
        let journeys: &[crate::green_api::support::Journey] = &[$((stringify!($name), |backing| Box::pin($name(backing)))),+];
        journeys
    }};
}
pub(crate) use journeys;

/// Runs journeys in both stores side by side, because they mostly wait; the error names each that failed and where.
pub(crate) async fn run(journeys: &[Journey]) -> Result<()> {
    let both = [Backing::Embedded, Backing::Redis];
    let cases =
        journeys.iter().flat_map(|(name, journey)| both.into_iter().map(move |backing| (name, backing, journey)));
    let outcomes: Vec<Option<String>> = futures::stream::iter(cases)
        .map(|(name, backing, journey)| async move {
            journey(backing).await.err().map(|error| format!("{name} in {backing:?}: {error:#}"))
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    let failed: Vec<String> = outcomes.into_iter().flatten().collect();
    ensure!(failed.is_empty(), "{}", failed.join("\n\n"));
    Ok(())
}
