//! A whole town for the desk: Chatwoot with an account webhook and a connected agent bot, a model, a mail server, Teams,
//! a store, and the real binary wired to all of them by its environment alone.

use crate::chatwoot::{ChatwootDouble, Hook, Options, Target};
use crate::daemon::Daemon;
use crate::model::ModelDouble;
use crate::redis::RedisServer;
use crate::smtp::{Mail, SmtpServer};
use crate::teams::TeamsFlow;
use anyhow::{Context, Result};
use std::path::Path;
use std::time::Duration;

/// What the account webhook is signed with.
pub const ACCOUNT_SECRET: &str = "account-webhook-secret-24";

/// What the agent bot's webhook is signed with.
pub const BOT_SECRET: &str = "agent-bot-webhook-secret";

/// What opens the admin API.
pub const ADMIN_TOKEN: &str = "an-admin-token-for-tests";

/// Where the daemon keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    /// On its own disk.
    Embedded,
    /// In a Redis server of its own, `appendfsync always`.
    Redis,
}

/// Lets every journey run on both stores: `name::on_redis` and `name::embedded`. A journey takes the [`Backing`] of its town.
#[macro_export]
macro_rules! on_both_stores {
    ($($journey:ident),+ $(,)?) => {$(
        mod $journey {
            #[tokio::test(flavor = "multi_thread")]
            async fn on_redis() -> anyhow::Result<()> {
                super::$journey($crate::town::Backing::Redis).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() -> anyhow::Result<()> {
                super::$journey($crate::town::Backing::Embedded).await
            }
        }
    )+};
}

/// Who tells the desk what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wiring {
    /// Account webhook and agent bot webhook, and a user token: everything Chatwoot offers.
    Full,
    /// The agent bot webhook and the bot's token only.
    BotOnly,
}

/// The town.
#[derive(Debug)]
pub struct Town {
    /// Chatwoot.
    pub chatwoot: ChatwootDouble,
    /// The model.
    pub model: ModelDouble,
    /// The mail server.
    pub smtp: SmtpServer,
    /// Teams.
    pub teams: TeamsFlow,
    /// Redis, where the daemon uses it.
    pub redis: Option<RedisServer>,
    /// The desk.
    pub daemon: Daemon,
}

impl Town {
    /// Builds the town; the daemon is wired but does not run yet, so that its environment can still be changed. Timings
    /// are shortened by settings that operators have too.
    ///
    /// # Errors
    /// If a server cannot be started.
    pub async fn build(binary: impl AsRef<Path>, backing: Backing, wiring: Wiring) -> Result<Self> {
        let options = Options { bot_retry_interval: Duration::from_millis(300), ..Options::default() };
        let chatwoot = ChatwootDouble::start(options).await.context("start Chatwoot's double")?;
        let model = ModelDouble::start().await;
        let smtp = SmtpServer::start().context("start the mail server")?;
        let teams = TeamsFlow::start().await.context("start Teams")?;
        let redis = match backing {
            Backing::Embedded => None,
            Backing::Redis => Some(RedisServer::start().await?),
        };
        let mut daemon = Daemon::new(binary.as_ref())?
            .with("PUBLIC_URL", "http://desk.localhost")
            .with("ADMIN_TOKEN", ADMIN_TOKEN)
            .with("JWT_SECRET", "a-signing-secret-of-more-than-32-bytes")
            .with("CHATWOOT_BASE_URL", chatwoot.base_url())
            .with("CHATWOOT_ACCOUNT_ID", 1)
            .with("CHATWOOT_API_TOKEN", Options::default().bot_token)
            .with("CHATWOOT_WEBHOOK_SECRET", format!("{ACCOUNT_SECRET},{BOT_SECRET}"))
            .with("OPENAI_API_KEY", "sk-test")
            .with("OPENAI_BASE_URL", model.base_url())
            .with("OPENAI_MODEL", "test-model")
            .with("SMTP_URL", smtp.url())
            .with("SENDER_EMAIL", "desk@example.test")
            .with("TEAMS_WEBHOOK_URL", teams.url())
            .with("DEBOUNCE_QUIET", "300ms")
            .with("FRONTDESK__CHATWOOT__TIMEOUT", "2s")
            .with("SETTLE_TIME", "3s");
        if let Some(redis) = &redis {
            daemon.set("REDIS_URL", redis.url());
        }
        let url = daemon.url("/webhooks/chatwoot");
        let hook = |secret: &str| Some(Hook { url: url.clone(), secret: Some(secret.to_owned()) });
        chatwoot.deliver_to(Target::AgentBot, hook(BOT_SECRET));
        if wiring == Wiring::Full {
            chatwoot.deliver_to(Target::Account, hook(ACCOUNT_SECRET));
            daemon.set("CHATWOOT_USER_TOKEN", Options::default().user_token);
        }
        Ok(Self { chatwoot, model, smtp, teams, redis, daemon })
    }

    /// Builds the town and opens the desk.
    ///
    /// # Errors
    /// If something does not start.
    pub async fn open(binary: impl AsRef<Path>, backing: Backing, wiring: Wiring) -> Result<Self> {
        let mut town = Self::build(binary, backing, wiring).await?;
        town.daemon.start().await?;
        Ok(town)
    }

    /// Presses the button behind the link of a mail and returns the status and the page.
    ///
    /// # Errors
    /// If the desk does not answer.
    pub async fn press(&self, mail: &Mail) -> Result<(u16, String)> {
        self.post_form("/verify", &token(mail)?).await
    }

    /// Opens the link of a mail as a browser would.
    ///
    /// # Errors
    /// If the desk does not answer.
    pub async fn visit(&self, mail: &Mail) -> Result<(u16, String)> {
        let url = self.daemon.url(&format!("/verify?token={}", token(mail)?));
        let response = self.daemon.http().get(url).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Posts a token to a path of the desk, as the forms of the page do.
    ///
    /// # Errors
    /// If the desk does not answer.
    pub async fn post_form(&self, path: &str, token: &str) -> Result<(u16, String)> {
        let request = self.daemon.http().post(self.daemon.url(path)).body(format!("token={token}"));
        let response = request.header("content-type", "application/x-www-form-urlencoded").send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Calls the admin API and returns the status and the JSON.
    ///
    /// # Errors
    /// If the desk does not answer.
    pub async fn admin(&self, method: &str, path: &str, body: serde_json::Value) -> Result<(u16, serde_json::Value)> {
        let method = method.parse().context("an HTTP method")?;
        let request = self.daemon.http().request(method, self.daemon.url(path)).bearer_auth(ADMIN_TOKEN).json(&body);
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.json().await.unwrap_or_default()))
    }

    /// Reads one counter or gauge of the desk; the sum over all its labels that contain `labels`.
    ///
    /// # Errors
    /// If the desk does not answer.
    pub async fn metric(&self, name: &str, labels: &str) -> Result<f64> {
        metric(&self.daemon, name, labels).await
    }
}

/// Reads one counter or gauge of a desk; the sum over all its labels that contain `labels`.
///
/// # Errors
/// If the desk does not answer.
pub async fn metric(daemon: &Daemon, name: &str, labels: &str) -> Result<f64> {
    let text = daemon.http().get(daemon.url("/metrics")).send().await?.text().await?;
    let of_name =
        |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(labels);
    Ok(text.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// Returns the token of a mail's link.
///
/// # Errors
/// If the mail has no link.
pub fn token(mail: &Mail) -> Result<String> {
    let link = mail.link().context("the mail has no link")?;
    let (_, token) = link.split_once("token=").context("the link has no token")?;
    Ok(token.to_owned())
}
