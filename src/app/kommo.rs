//! The Kommo channel, from its settings.

use super::store::with_causes;
use crate::adapters::kommo::{self, Edge, Integration, Kommo};
use crate::config::Config;
use crate::http::kommo::{KommoRoutes, Trial, Tried};
use async_trait::async_trait;
use frontdesk_actors::domain::{Remembered, Role};
use frontdesk_actors::engine::Crypto;
use frontdesk_actors::flow::Policy;
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::language::Phrase;
use frontdesk_actors::ports::{Channel, Model, ModelReply, Prompt, Store};
use frontdesk_actors::time::Clock;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The channel and its ways in.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    client: Arc<Kommo>,
    edge: Arc<Edge>,
}

/// Makes the channel, where Kommo is configured.
pub(super) fn channel(
    config: &Config,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    channels: &mut BTreeMap<String, Arc<dyn Channel>>,
) -> Result<Option<Parts>, String> {
    let Some(access) = config.kommo.access() else { return Ok(None) };
    let section = &config.kommo;
    let integration = section.client_id.clone().zip(section.redirect_uri.clone());
    let settings = kommo::Settings {
        subdomain: access.subdomain.to_ascii_lowercase(),
        base_url: access.base_url,
        client_secret: access.client_secret.clone(),
        client_id: section.client_id.clone(),
        token: section.token.clone(),
        integration: integration.map(|(client_id, redirect_uri)| Integration {
            client_id,
            client_secret: access.client_secret.clone(),
            redirect_uri,
        }),
        webhook_secret: section.webhook_secret.clone(),
        timeout: section.timeout,
    };
    let edge = Arc::new(Edge::new(settings.clone(), store.clone(), clock.clone()));
    let client = Arc::new(Kommo::new(settings, store.clone(), clock.clone()).map_err(|error| with_causes(&error))?);
    channels.insert(kommo::CHANNEL.to_owned(), client.clone());
    Ok(Some(Parts { client, edge }))
}

impl Parts {
    /// Makes the routes' part.
    pub(super) fn routes(&self, trial: Trying) -> Arc<KommoRoutes> {
        Arc::new(KommoRoutes::new(self.client.clone(), self.edge.clone(), Arc::new(trial)))
    }
}

/// Answers samples with the desk's own model and words.
pub(super) struct Trying {
    pub(super) model: Arc<dyn Model>,
    pub(super) policy: Policy,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) crypto: Arc<dyn Crypto>,
}

impl fmt::Debug for Trying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trying").field("model", &self.model).finish_non_exhaustive()
    }
}

#[async_trait]
impl Trial for Trying {
    async fn answer(&self, text: &str) -> Result<Tried, String> {
        let policy = &self.policy;
        let lang = policy.analyzer.language(text).unwrap_or(policy.default_lang);
        let hands_over = |phrase| Tried { text: policy.phrases.say(lang, &phrase), handoff: true };
        if policy.analyzer.wants_person(text) {
            return Ok(hands_over(Phrase::HandoffAsked));
        }
        // A conversation of its own each time, which no customer can have and which is never stored.
        let [number, ..] = self.crypto.random();
        let asked =
            Remembered { id: None, role: Role::Customer, text: text.to_owned(), at: self.clock.now(), voice: false };
        let prompt = Prompt {
            key: ConversationKey::new(kommo::CHANNEL, "test", format!("{number:016x}")),
            inbox: String::new(),
            lang,
            name: None,
            history: vec![asked],
            unanswered: 1,
        };
        let limit = policy.turn.call_timeout + Duration::from_secs(1);
        let replied = tokio::time::timeout(limit, self.model.reply(&prompt)).await;
        match replied.map_err(|_| "the model gave no answer in time".to_owned())? {
            Ok(ModelReply::Text(text)) if text.trim().is_empty() || policy.analyzer.gives_up(&text) => {
                Ok(hands_over(Phrase::HandoffSorry))
            }
            Ok(ModelReply::Text(text)) => Ok(Tried { text, handoff: false }),
            Ok(ModelReply::RequestHuman { .. }) => Ok(hands_over(Phrase::HandoffAsked)),
            Err(error) => Err(error.detail),
        }
    }
}
