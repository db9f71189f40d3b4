//! WhatsApp through GREEN-API, put together: the channel, its webhooks, its notifications, and the watch over its instance.

use super::store::with_causes;
use crate::adapters::green_api::{
    self, GreenApi, Health, HealthPost, Notification, ParseContext, ParseError, Parsed, Wanted, WebhookToken,
};
use crate::config::Config;
use crate::http::green_api::{GreenEdge, Heard};
use crate::http::intake::Malformed;
use async_trait::async_trait;
use frontdesk_actors::engine::{DeliverError, EngineHandle};
use frontdesk_actors::flow::Incident;
use frontdesk_actors::ports::{PortError, PortErrorKind};
use frontdesk_actors::time::{Clock, SystemClock};
use std::sync::Arc;
use std::time::Duration;

/// How often the instance is asked for its state, besides its own webhooks about it.
const WATCH: Duration = Duration::from_secs(300);

/// How long one request waits for a notification.
const WAIT: Duration = Duration::from_secs(20);

/// The pause after a failure of polling, doubling up to the longest.
const PAUSE: Duration = Duration::from_millis(500);

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The channel before the engine runs.
#[derive(Debug)]
pub(super) struct Green {
    pub(super) api: Arc<GreenApi>,
    context: ParseContext,
    health: HealthPost,
}

/// Makes the channel from the settings; `None` if WhatsApp is not served.
pub(super) fn channel(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Green>, String> {
    let section = &config.green_api;
    let Some(access) = section.access() else { return Ok(None) };
    let settings = green_api::Settings {
        total_timeout: section.timeout,
        max_text: section.max_text,
        typing: section.typing.unwrap_or_default(),
        ..green_api::Settings::new(access.api_url.clone(), access.instance, access.token.clone())
    };
    let context =
        ParseContext { instance: access.instance, groups: section.groups, handback: section.handback_word.clone() };
    let health = HealthPost::default();
    let api = GreenApi::new(&settings, context.clone(), health.clone(), clock.clone());
    let api = Arc::new(api.map_err(|error| with_causes(&error))?);
    Ok(Some(Green { api, context, health }))
}

/// Returns what the instance is to be set to.
///
/// # Errors
/// What is missing for it.
pub(crate) fn wanted(config: &Config) -> Result<Wanted, String> {
    use secrecy::ExposeSecret;
    let webhook_token = config.green_api.webhook_token.as_ref().map(|token| token.expose_secret().to_owned());
    if config.green_api.polling {
        return Ok(Wanted { webhook_url: String::new(), webhook_token });
    }
    if config.listen.public_url.is_none() {
        return Err(
            "PUBLIC_URL is not set, so GREEN-API could not reach this desk: set it, or GREEN_POLLING=on".to_owned()
        );
    }
    Ok(Wanted { webhook_url: format!("{}/webhooks/green-api", config.public_base()), webhook_token })
}

/// Makes the channel for the command line.
///
/// # Errors
/// What is missing or wrong in the settings.
pub(crate) fn api(config: &Config) -> Result<Arc<GreenApi>, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let made = channel(config, &clock)?;
    let made = made.ok_or("GREEN-API is not configured: set GREEN_API_URL, GREEN_ID_INSTANCE and GREEN_API_TOKEN")?;
    Ok(made.api)
}

impl Green {
    /// Joins it to the running engine: its news are heard, and where that is configured notifications are fetched.
    pub(super) fn join(self, config: &Config, engine: &EngineHandle) -> Arc<Joined> {
        let (teller, instance) = (engine.clone(), self.context.instance);
        self.health.connect(move |health| tell(&teller, instance, health));
        let token = config.green_api.webhook_token.as_ref().map(WebhookToken::new);
        let joined = Arc::new(Joined {
            engine: engine.clone(),
            api: self.api,
            context: self.context,
            health: self.health,
            token,
        });
        tokio::spawn(joined.clone().watch(wanted(config).ok()));
        if config.green_api.polling {
            tokio::spawn(joined.clone().poll());
        }
        joined
    }
}

fn tell(engine: &EngineHandle, instance: u64, health: Health) {
    match health {
        Health::State(state) => {
            if let Some(trouble) = state.is_trouble() {
                if trouble {
                    tracing::error!(instance, state = state.name(), "the GREEN-API instance cannot send or receive");
                }
                engine.tell(Incident::ChannelDown, trouble);
            }
        }
        Health::QuotaUsed => {
            tracing::error!(instance, "the plan of the GREEN-API instance is used up");
            engine.tell(Incident::ChannelQuota, true);
        }
        Health::QuotaLeft => engine.tell(Incident::ChannelQuota, false),
    }
}

/// The channel beside the running engine.
#[derive(Debug)]
pub(super) struct Joined {
    engine: EngineHandle,
    api: Arc<GreenApi>,
    context: ParseContext,
    health: HealthPost,
    token: Option<WebhookToken>,
}

#[async_trait]
impl GreenEdge for Joined {
    fn permits(&self, authorization: Option<&str>) -> bool {
        self.token.as_ref().is_some_and(|token| token.permits(authorization))
    }

    fn hear(&self, body: &[u8]) -> Result<Heard, Malformed> {
        match green_api::parse(body, &self.context) {
            Ok(Parsed::Inbound(inbound)) => Ok(Heard::Inbound(inbound)),
            Ok(Parsed::Health(health)) => {
                self.health.tell(health);
                Ok(Heard::Ignored("it concerns the instance; operators are told"))
            }
            Ok(Parsed::Ignored(why)) => Ok(Heard::Ignored(why)),
            Err(ParseError::Json) => Err(Malformed("not JSON")),
            Err(ParseError::Lacks(what)) => Err(Malformed(what)),
        }
    }

    async fn park(&self, body: &[u8]) -> Result<(), PortError> {
        let key = green_api::unread_key(self.context.instance);
        self.engine.park_unread(&key, String::from_utf8_lossy(body).into_owned()).await
    }

    async fn state(&self) -> Result<(&'static str, bool), String> {
        let state = self.api.state().await.map_err(|error| with_causes(&error))?;
        Ok((state.name(), state.is_trouble() == Some(false)))
    }
}

impl Joined {
    /// Watches the instance: a state that changed while nobody heard of it is found out. At the start its settings are
    /// compared as well, because without its webhooks the desk hears nothing.
    async fn watch(self: Arc<Self>, wanted: Option<Wanted>) {
        let mut unread = wanted;
        loop {
            match self.api.state().await {
                Ok(state) => self.health.tell(Health::State(state)),
                Err(error) => {
                    tracing::warn!(error = with_causes(&error), "the state of the GREEN-API instance is not known");
                    if error.kind == PortErrorKind::Forbidden {
                        self.engine.tell(Incident::AccountFault, true);
                    }
                }
            }
            if let Some(wanted) = unread.take() {
                // Both may be asked for once a second.
                tokio::time::sleep(Duration::from_secs(1)).await;
                self.compare(&wanted).await;
            }
            tokio::time::sleep(WATCH).await;
        }
    }

    async fn compare(&self, wanted: &Wanted) {
        match self.api.compare_settings(wanted).await {
            Ok(differences) if differences.is_empty() => {}
            Ok(differences) => {
                let keys: Vec<&str> = differences.iter().map(|it| it.key).collect();
                tracing::warn!(
                    ?keys,
                    "the GREEN-API instance is not set as the desk needs it: run `frontdesk green-api setup`"
                );
            }
            Err(error) => {
                tracing::warn!(error = with_causes(&error), "the settings of the GREEN-API instance are not known")
            }
        }
    }

    /// Fetches notifications one after another. Each is deleted only when what it demands is durable.
    async fn poll(self: Arc<Self>) {
        let mut pause = PAUSE;
        loop {
            let fetched = match self.api.receive(WAIT).await {
                Ok(None) => Ok(()),
                Ok(Some(notification)) => self.take(notification).await,
                Err(error) => Err(Some(error)),
            };
            match fetched {
                Ok(()) => {
                    pause = PAUSE;
                    continue;
                }
                Err(None) => return,
                Err(Some(error)) if error.kind == PortErrorKind::Rejected => tracing::warn!(
                    "GREEN-API hands out no notifications while the instance has a webhook address: run `frontdesk green-api setup`"
                ),
                Err(Some(error)) => {
                    tracing::warn!(error = with_causes(&error), "polling GREEN-API failed; it is repeated")
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Takes one notification. `Err(None)`: the engine is stopping.
    async fn take(&self, notification: Notification) -> Result<(), Option<PortError>> {
        if !notification.readable {
            tracing::warn!(bytes = notification.body.len(), "a notification of GREEN-API is not JSON");
            self.park_or_drop(&notification.body).await?;
            return self.api.delete(notification.receipt).await.map_err(Some);
        }
        match self.hear(&notification.body) {
            Ok(Heard::Inbound(inbound)) => match self.engine.deliver(*inbound).await {
                Ok(_) => {}
                Err(DeliverError::Quarantined) => self.park_or_drop(&notification.body).await?,
                Err(DeliverError::Closing) => return Err(None),
                Err(DeliverError::Unavailable(error)) => return Err(Some(error)),
                Err(DeliverError::Busy | DeliverError::Unknown) => {
                    return Err(Some(PortError::new(PortErrorKind::Transient, "take a notification")));
                }
            },
            Ok(Heard::Ignored(why)) => tracing::debug!(why, "a notification of GREEN-API concerns no conversation"),
            Err(malformed) => {
                tracing::warn!(reason = %malformed, "a notification of GREEN-API cannot be read");
                self.park_or_drop(&notification.body).await?;
            }
        }
        self.api.delete(notification.receipt).await.map_err(Some)
    }

    /// Where too many are kept one more is given up, loudly: left in the queue, it would hold back all others.
    async fn park_or_drop(&self, body: &[u8]) -> Result<(), Option<PortError>> {
        match self.park(body).await {
            Err(error) if error.kind == PortErrorKind::Rejected => {
                tracing::error!("too many notifications of GREEN-API are parked; one more is lost");
                Ok(())
            }
            parked => parked.map_err(Some),
        }
    }
}
