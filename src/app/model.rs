//! The account with the language model: as the settings name it, whether it works, and what is said about that at start.

use super::store::with_causes;
use crate::adapters::mock_model::MockModel;
use crate::adapters::openai::{self, Api, OpenAi, Probe};
use crate::config::{Config, ModelApi};
use crate::instructions::{Book, Watch};
use frontdesk_actors::domain::{Lang, Remembered, Role};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::ports::{Model, ModelReply, Prompt};
use frontdesk_actors::time::{Clock, SystemClock};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the check asks. It calls for a short answer and for no person.
const QUESTION: &str = "Hello! Is anybody there? Please answer in one short sentence.";

/// What `frontdesk check-model` found out.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The model's name, as set.
    pub(crate) model: String,
    /// What its provider lists, or why it would not say.
    pub(crate) listing: Result<Probe, String>,
    /// The answer to a question that no customer asked.
    pub(crate) answer: String,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Returns who answers: the account that is set, or the built-in mock where there is no key.
pub(super) fn model(config: &Config, instructions: &Arc<Book>) -> Result<Arc<dyn Model>, String> {
    let Some(account) = account(config, instructions.clone())? else { return Ok(Arc::new(MockModel::default())) };
    let account = Arc::new(account);
    tokio::spawn(tell_account(account.clone(), config.model.name.clone()));
    Ok(account)
}

/// Asks the model that is set one question, as the daemon would.
///
/// # Errors
/// One sentence for the operator: what is wrong, and what to do.
pub(crate) async fn check(config: &Config) -> Result<Checked, String> {
    let instructions = Watch::shipped(Arc::new(SystemClock)).book().clone();
    let account = account(config, instructions)?
        .ok_or("no OPENAI_API_KEY is set, so the built-in mock answers and there is nothing to check")?;
    let listing = account.probe().await.map_err(|error| error.detail);
    let begun = Instant::now();
    let answer = match account.reply(&question()).await.map_err(|error| error.detail)? {
        ModelReply::Text(text) => text,
        ModelReply::RequestHuman { reason, .. } => format!("(it asks for a person: {reason})"),
    };
    Ok(Checked { model: config.model.name.clone(), listing, answer, took: begun.elapsed() })
}

fn account(config: &Config, instructions: Arc<Book>) -> Result<Option<OpenAi>, String> {
    let section = &config.model;
    let Some(key) = &section.api_key else { return Ok(None) };
    let settings = openai::Settings {
        base_url: section.base_url.to_string(),
        api_key: Some(key.clone()),
        model: section.name.clone(),
        max_tokens: section.max_tokens,
        temperature: section.temperature,
        api: match section.api {
            ModelApi::Chat => Api::Chat,
            ModelApi::Responses => Api::Responses,
        },
        call_timeout: section.call_timeout,
        instructions,
    };
    OpenAi::new(settings).map(Some).map_err(|error| with_causes(&error))
}

/// Says at the start what would otherwise come out with the first customer.
async fn tell_account(account: Arc<OpenAi>, model: String) {
    match account.probe().await {
        Ok(Probe { listed: Some(false), .. }) => {
            tracing::warn!(
                model,
                "the provider does not list this model: check OPENAI_MODEL, or run frontdesk check-model"
            );
        }
        Ok(Probe { shutdown_date: Some(date), .. }) => {
            tracing::warn!(model, date, "the provider will switch this model off: choose a successor in OPENAI_MODEL");
        }
        Ok(Probe { listed: Some(true), .. }) => tracing::info!(model, "the model provider accepts the key"),
        Ok(Probe { listed: None, .. }) => {
            tracing::info!(model, "the model provider answers, in a form that does not tell its models");
        }
        Err(error) => tracing::warn!(
            model,
            error = error.detail,
            "the model provider could not be asked; customers will be handed to people while this lasts"
        ),
    }
}

/// A conversation that no customer can have and which is never stored.
fn question() -> Prompt {
    let asked =
        Remembered { id: None, role: Role::Customer, text: QUESTION.to_owned(), at: SystemClock.now(), voice: false };
    Prompt {
        key: ConversationKey::new("web", "check", "model"),
        inbox: String::new(),
        lang: Lang::En,
        name: None,
        history: vec![asked],
        unanswered: 1,
    }
}
