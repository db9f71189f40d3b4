//! The Kommo channel, from its settings.

use super::store::with_causes;
use crate::adapters::kommo::{self, Edge, Integration, Kommo};
use crate::config::Config;
use crate::http::kommo::{KommoRoutes, Trial, Tried};
use async_trait::async_trait;
use frontdesk_actors::domain::{Remembered, Role};
use frontdesk_actors::engine::{Crypto, EngineHandle, TrialError};
use frontdesk_actors::flow::Policy;
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::language::Phrase;
use frontdesk_actors::ports::{Channel, ModelReply, Prompt, Store};
use frontdesk_actors::time::Clock;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The channel and its ways in.
#[derive(Debug)]
pub(super) struct Parts {
    client: Arc<Kommo>,
    edge: Arc<Edge>,
    subdomain: String,
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
        oauth_url: section.oauth_url.clone(),
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
    let subdomain = settings.subdomain.clone();
    let edge = Arc::new(Edge::new(settings.clone(), store.clone(), clock.clone()));
    let client = Arc::new(Kommo::new(settings, store.clone(), clock.clone()).map_err(|error| with_causes(&error))?);
    client.prepare();
    channels.insert(kommo::CHANNEL.to_owned(), client.clone());
    Ok(Some(Parts { client, edge, subdomain }))
}

impl Parts {
    /// Makes the routes' part.
    pub(super) fn routes(self, engine: EngineHandle, policy: Policy, means: Means) -> Arc<KommoRoutes> {
        let trial = Trying { engine, policy, means, subdomain: self.subdomain };
        Arc::new(KommoRoutes::new(self.client, self.edge, Arc::new(trial)))
    }
}

/// What samples are made with.
pub(super) type Means = (Arc<dyn Clock>, Arc<dyn Crypto>);

/// Answers samples as the account's customers are answered: with their instructions, through the same gate.
struct Trying {
    engine: EngineHandle,
    policy: Policy,
    means: Means,
    subdomain: String,
}

impl fmt::Debug for Trying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trying").field("subdomain", &self.subdomain).finish_non_exhaustive()
    }
}

#[async_trait]
impl Trial for Trying {
    async fn answer(&self, text: &str) -> Result<Tried, String> {
        let policy = &self.policy;
        let told = policy.analyzer.language(text).or_else(|| policy.presumed(text));
        let lang = told.unwrap_or(policy.default_lang);
        let hands_over = |phrase| Tried { text: policy.phrases.say(lang, &phrase), handoff: true };
        if policy.analyzer.wants_person(text) {
            return Ok(hands_over(Phrase::HandoffAsked));
        }
        // A conversation of its own each time, which no customer can have and which is never stored.
        let (clock, crypto) = &self.means;
        let [number, ..] = crypto.random();
        let asked = Remembered { id: None, role: Role::Customer, text: text.to_owned(), at: clock.now(), voice: false };
        let prompt = Prompt {
            key: ConversationKey::new(kommo::CHANNEL, &self.subdomain, format!("test-{number:016x}")),
            inbox: kommo::CHANNEL.to_owned(),
            lang,
            name: None,
            history: vec![asked],
            unanswered: 1,
        };
        match self.engine.try_model(&prompt).await {
            Ok(ModelReply::Text(text)) if text.trim().is_empty() || policy.analyzer.gives_up(&text) => {
                Ok(hands_over(Phrase::HandoffSorry))
            }
            Ok(ModelReply::Text(text)) => Ok(Tried { text, handoff: false }),
            Ok(ModelReply::RequestHuman { .. }) => Ok(hands_over(Phrase::HandoffAsked)),
            Err(TrialError::Failed(error)) => Err(error.detail),
            Err(TrialError::Busy) => Err("the model is busy with customers: try again in a while".to_owned()),
            Err(TrialError::Paused) => Err("everything that leaves the desk is paused; resume first".to_owned()),
        }
    }
}
