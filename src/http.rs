//! Everything that listens: every route on one page, and the state the handlers share.
//!
//! Handlers translate; they decide nothing about a conversation. The engine is reached through [`Desk`], so that tests
//! need no engine, and every other part of the daemon through a small trait beside the handler that needs it. The
//! middleware stack is in [`stack`], what a vendor is answered in [`ack`].

pub mod ack;
pub mod admin;
pub mod auth;
pub mod error;
pub mod green_api;
pub mod health;
pub mod hold;
pub mod instructions;
pub mod intake;
pub mod kommo;
pub mod metrics;
pub mod minimal;
pub mod page;
pub mod people;
mod run_on;
pub mod stack;
pub mod stuck;
pub mod verify;
pub mod verify_page;

use crate::shutdown::Lifecycle;
use async_trait::async_trait;
use axum::Router;
use axum::routing::{get, post};
use frontdesk_actors::domain::{Inbound, Lang, Order};
use frontdesk_actors::engine::{ChallengeView, DeliverError, EngineHandle, Receipt, SendStatus, Summary, View};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::journal::JournalEntry;
use frontdesk_actors::ports::PortError;
use frontdesk_actors::time::Clock;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Builds every route of the daemon. `pages` are the routes of the page at `/`, where it is served.
pub fn router(app: AppState, pages: Option<Router>) -> Router {
    let app = Arc::new(app);
    let webhooks = Router::new()
        // A vendor gives a conversation up on 404, so an address with a slash too many is served as well.
        .route("/webhooks/chatwoot", post(intake::chatwoot))
        .route("/webhooks/chatwoot/", post(intake::chatwoot))
        .route("/webhook/chatwoot", post(intake::chatwoot))
        .route("/webhook/chatwoot/", post(intake::chatwoot))
        .route("/webhooks/green-api", post(green_api::webhook))
        .route("/webhooks/green-api/", post(green_api::webhook))
        // Not behind the admin's token, although below /api: the request carries its own.
        .route("/api/kommo/chat/webhook", post(kommo::request))
        .route("/webhooks/kommo/{secret}", post(kommo::webhook))
        .route("/oauth/kommo", get(kommo::connected))
        .route("/webhook", post(intake::any_vendor))
        .route("/webhook/", post(intake::any_vendor));
    let verification = Router::new()
        .route("/verify", get(verify::show).post(verify::confirm))
        .route("/verify/disown", post(verify::disown));
    let admin = Router::new()
        .route("/toggle-human", post(admin::toggle_human))
        .route("/human-status", get(admin::human_status))
        .route("/api/status", get(admin::status))
        .route("/api/pause", post(admin::pause))
        .route("/api/resume", post(admin::resume_all))
        .route("/api/conversations", get(admin::list))
        .route("/api/conversations/{key}", get(admin::show))
        .route("/api/conversations/{key}/journal", get(admin::journal))
        .route("/api/conversations/{key}/handoff", post(admin::hand_off))
        .route("/api/conversations/{key}/resume", post(admin::resume))
        .route("/api/conversations/{key}/forget", post(admin::forget))
        .route("/api/outbox", get(stuck::outbox))
        .route("/api/conversations/{key}/outbox/{row}/resend", post(stuck::resend))
        .route("/api/conversations/{key}/outbox/{row}/drop", post(stuck::drop_row))
        .route("/api/people", post(people::find).get(people::find_in_address))
        .route("/api/conversations/{key}/erase", post(people::erase))
        .route("/api/unread/erase", post(people::erase_unread))
        .route("/api/conversations/{key}/summary", post(people::summary))
        .route("/api/instructions", get(instructions::show))
        .route("/api/instructions/reload", post(instructions::reload))
        .route("/api/quarantine", get(stuck::quarantine))
        .route("/api/conversations/{key}/requeue", post(stuck::requeue))
        .route("/api/kommo/chat/status", get(kommo::status))
        .route("/api/kommo/chat/test", post(kommo::test))
        .route("/api/kommo/widget/install", post(kommo::install))
        .route("/api/kommo/oauth/start", post(kommo::connect))
        .route_layer(axum::middleware::from_fn_with_state(Arc::clone(&app), auth::require_admin));
    // It tells one word about the instance; whoever sits at this machine may ask without a token.
    let from_here = Router::new()
        .route("/test-connection", get(green_api::test_connection))
        .route_layer(axum::middleware::from_fn_with_state(Arc::clone(&app), auth::require_admin_elsewhere));
    let operations = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::render));
    let routes = webhooks.merge(verification).merge(admin).merge(from_here).merge(operations);
    stack::assemble(routes, pages, app)
}

/// What every handler can reach.
#[derive(Debug)]
pub struct AppState {
    /// The engine.
    pub desk: Arc<dyn Desk>,
    /// The engine, for what is stuck in it.
    pub stuck: Arc<dyn stuck::StuckDesk>,
    /// The engine, for what is known about people.
    pub people: Arc<dyn people::PeopleDesk>,
    /// Where handlers read the time.
    pub clock: Arc<dyn Clock>,
    /// Chatwoot's webhooks, where Chatwoot is configured.
    pub chatwoot: Option<intake::ChatwootIntake>,
    /// GREEN-API's webhooks, where WhatsApp is configured.
    pub green_api: Option<green_api::GreenIntake>,
    /// Kommo, where it is configured.
    pub kommo: Option<Arc<kommo::KommoRoutes>>,
    /// The page's conversations, in demo mode or with `WEB_CHAT=on`.
    pub web: Option<Arc<dyn minimal::WebDesk>>,
    /// The model's instructions.
    pub instructions: Arc<crate::instructions::Watch>,
    /// The verification links.
    pub links: Arc<dyn verify::TokenReader>,
    /// The verification pages.
    pub pages: Arc<dyn verify::VerifyPages>,
    /// Who may use the admin API.
    pub auth: auth::AdminAuth,
    /// Whether the daemon is closing.
    pub lifecycle: Lifecycle,
    /// The text behind `/metrics`.
    pub metrics: metrics::MetricsText,
    /// The deliveries that wait for the store.
    pub holds: Arc<hold::Holds>,
    /// What `/readyz` tells a person about the store.
    pub store: health::StoreProbe,
    /// Limits.
    pub settings: HttpSettings,
}

/// What handlers share, as axum passes it.
pub type Shared = Arc<AppState>;

/// The limits of the HTTP side.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The largest body that is read.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_within: Duration,
    /// How long and how many deliveries wait for a store that is away.
    pub patience: hold::Patience,
    /// The language of pages for readers whose language is unknown.
    pub lang: Lang,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            body_limit: 1024 * 1024,
            body_within: Duration::from_secs(3),
            patience: hold::Patience::default(),
            lang: Lang::default(),
        }
    }
}

/// The engine as HTTP needs it: the same functions, the same meaning.
#[async_trait]
pub trait Desk: Send + Sync + fmt::Debug {
    /// Takes one inbound event; durable when it returns `Ok`.
    ///
    /// # Errors
    /// [`DeliverError`]: nothing was taken.
    async fn deliver(&self, inbound: Inbound) -> Result<Receipt, DeliverError>;

    /// Whoever sent a webhook of this conversation was told that it was not taken.
    fn missed(&self, key: &ConversationKey);

    /// Gives an operator's order to a conversation.
    ///
    /// # Errors
    /// [`DeliverError`]; [`DeliverError::Unknown`] if there is no such conversation.
    async fn order(&self, key: &ConversationKey, order: Order) -> Result<Receipt, DeliverError>;

    /// Shows what a verification link leads to, changing nothing.
    ///
    /// # Errors
    /// [`DeliverError`] if the conversation cannot be read.
    async fn challenge(&self, key: &ConversationKey, challenge: &str) -> Result<ChallengeView, DeliverError>;

    /// Presses the button behind the link.
    ///
    /// # Errors
    /// [`DeliverError`] if the conversation cannot be read or written.
    async fn confirm(&self, key: &ConversationKey, challenge: &str) -> Result<ChallengeView, DeliverError>;

    /// Presses "this was not me".
    ///
    /// # Errors
    /// [`DeliverError`] if the conversation cannot be read or written.
    async fn disown(&self, key: &ConversationKey, challenge: &str) -> Result<ChallengeView, DeliverError>;

    /// Shows a conversation; `None` if there is none.
    ///
    /// # Errors
    /// [`DeliverError`] if it cannot be read.
    async fn view(&self, key: &ConversationKey) -> Result<Option<View>, DeliverError>;

    /// Returns the newest journal entries of a conversation, oldest first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<JournalEntry>, PortError>;

    /// Lists conversations, the most recently changed first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn list(&self, limit: usize) -> Result<Vec<Summary>, PortError>;

    /// Returns whether the global human switch is on.
    fn human_mode(&self) -> bool;

    /// Turns the global human switch.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    async fn set_human_mode(&self, on: bool) -> Result<(), PortError>;

    /// Returns whether nothing leaves the house.
    fn is_paused(&self) -> bool;

    /// Returns what operators ask first.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    async fn status(&self) -> Result<SendStatus, PortError>;

    /// Stops everything that leaves the house, or lets it leave again. Returns the status after it, with what waits, or
    /// had waited.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read or written.
    async fn set_paused(&self, on: bool) -> Result<SendStatus, PortError>;
}

// The inherent functions are named in full: a plain method call would read as if the trait called itself.
#[async_trait]
impl Desk for EngineHandle {
    async fn deliver(&self, inbound: Inbound) -> Result<Receipt, DeliverError> {
        EngineHandle::deliver(self, inbound).await
    }

    fn missed(&self, key: &ConversationKey) {
        EngineHandle::missed(self, key);
    }

    async fn order(&self, key: &ConversationKey, order: Order) -> Result<Receipt, DeliverError> {
        EngineHandle::order(self, key, order).await
    }

    async fn challenge(&self, key: &ConversationKey, challenge: &str) -> Result<ChallengeView, DeliverError> {
        EngineHandle::challenge(self, key, challenge).await
    }

    async fn confirm(&self, key: &ConversationKey, challenge: &str) -> Result<ChallengeView, DeliverError> {
        EngineHandle::confirm(self, key, challenge).await
    }

    async fn disown(&self, key: &ConversationKey, challenge: &str) -> Result<ChallengeView, DeliverError> {
        EngineHandle::disown(self, key, challenge).await
    }

    async fn view(&self, key: &ConversationKey) -> Result<Option<View>, DeliverError> {
        EngineHandle::view(self, key).await
    }

    async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<JournalEntry>, PortError> {
        EngineHandle::journal(self, key, limit).await
    }

    async fn list(&self, limit: usize) -> Result<Vec<Summary>, PortError> {
        EngineHandle::list(self, limit).await
    }

    fn human_mode(&self) -> bool {
        EngineHandle::human_mode(self)
    }

    async fn set_human_mode(&self, on: bool) -> Result<(), PortError> {
        EngineHandle::set_human_mode(self, on).await
    }

    fn is_paused(&self) -> bool {
        EngineHandle::is_paused(self)
    }

    async fn status(&self) -> Result<SendStatus, PortError> {
        EngineHandle::status(self).await
    }

    async fn set_paused(&self, on: bool) -> Result<SendStatus, PortError> {
        if on {
            EngineHandle::pause(self).await?;
            return EngineHandle::status(self).await;
        }
        let waiting = EngineHandle::resume(self).await?;
        Ok(SendStatus { paused: false, paused_since: None, human_mode: EngineHandle::human_mode(self), waiting })
    }
}
