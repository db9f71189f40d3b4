//! Everything that listens: every route on one page, and the state the handlers share.
//!
//! Handlers translate; they decide nothing about a conversation. The engine is reached through [`Desk`], so that tests
//! need no engine, and every other part of the daemon through a small trait beside the handler that needs it. The
//! middleware stack is in [`stack`], what a vendor is answered in [`ack`].

pub mod ack;
pub mod admin;
pub mod auth;
pub mod error;
pub mod health;
pub mod hold;
pub mod intake;
pub mod metrics;
pub mod minimal;
pub mod page;
pub mod stack;
pub mod verify;
pub mod verify_page;

use crate::shutdown::Lifecycle;
use async_trait::async_trait;
use axum::Router;
use axum::routing::{get, post};
use frontdesk_actors::domain::{Inbound, Lang, Order};
use frontdesk_actors::engine::{ChallengeView, DeliverError, EngineHandle, Receipt, Summary, View};
use frontdesk_actors::ids::ConversationKey;
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
        .route("/webhook", post(intake::any_vendor))
        .route("/webhook/", post(intake::any_vendor));
    let verification = Router::new()
        .route("/verify", get(verify::show).post(verify::confirm))
        .route("/verify/disown", post(verify::disown));
    let admin = Router::new()
        .route("/toggle-human", post(admin::toggle_human))
        .route("/human-status", get(admin::human_status))
        .route("/api/conversations", get(admin::list))
        .route("/api/conversations/{key}", get(admin::show))
        .route("/api/conversations/{key}/handoff", post(admin::hand_off))
        .route("/api/conversations/{key}/resume", post(admin::resume))
        .route("/api/conversations/{key}/forget", post(admin::forget))
        .route_layer(axum::middleware::from_fn_with_state(Arc::clone(&app), auth::require_admin));
    let operations = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::render));
    let routes = webhooks.merge(verification).merge(admin).merge(operations);
    stack::assemble(routes, pages, app)
}

/// What every handler can reach.
#[derive(Debug)]
pub struct AppState {
    /// The engine.
    pub desk: Arc<dyn Desk>,
    /// Where handlers read the time.
    pub clock: Arc<dyn Clock>,
    /// Chatwoot's webhooks, where Chatwoot is configured.
    pub chatwoot: Option<intake::ChatwootIntake>,
    /// The page's conversations, in demo mode or with `WEB_CHAT=on`.
    pub web: Option<Arc<dyn minimal::WebDesk>>,
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
}

// The inherent functions are named in full: a plain method call would read as if the trait called itself.
#[async_trait]
impl Desk for EngineHandle {
    async fn deliver(&self, inbound: Inbound) -> Result<Receipt, DeliverError> {
        EngineHandle::deliver(self, inbound).await
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

    async fn list(&self, limit: usize) -> Result<Vec<Summary>, PortError> {
        EngineHandle::list(self, limit).await
    }

    fn human_mode(&self) -> bool {
        EngineHandle::human_mode(self)
    }

    async fn set_human_mode(&self, on: bool) -> Result<(), PortError> {
        EngineHandle::set_human_mode(self, on).await
    }
}
