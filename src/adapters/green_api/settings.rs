//! The settings of the instance: what the desk needs, what differs, and the change.
//!
//! `setSettings` restarts the instance, so it is called only where something differs, and only with that.

use super::client::{Call, GreenApi};
use super::json::text;
use super::token::{bare, schemed};
use frontdesk_actors::ports::PortError;
use serde_json::{Map, Value};
use std::fmt;

/// What the desk wants the instance to do.
#[derive(Clone)]
pub struct Wanted {
    /// Where webhooks are to go; empty for polling.
    pub webhook_url: String,
    /// What they are to carry in `Authorization`.
    pub webhook_token: Option<String>,
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted").field("webhook_url", &self.webhook_url).finish_non_exhaustive()
    }
}

/// The webhooks that the desk needs; every one is off in a new instance. Failures are always told.
const NEEDED: [&str; 7] = [
    "incomingWebhook",
    "outgoingWebhook",
    "outgoingMessageWebhook",
    "outgoingAPIMessageWebhook",
    "stateWebhook",
    "editedMessageWebhook",
    "deletedMessageWebhook",
];

/// One setting that is not as it must be.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// GREEN-API's name of it.
    pub key: &'static str,
    /// What it is, as may be shown.
    pub is: String,
    /// What it must be, as may be shown.
    pub must: String,
    value: String,
}

impl fmt::Debug for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Difference").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Wanted {
    /// Compares with what the instance says.
    fn compare(&self, current: &Value) -> Vec<Difference> {
        let is = |key: &str| text(current, &[key]).unwrap_or_default().to_owned();
        let differs = |key: &'static str, must: &str| {
            let is = is(key);
            (is != must).then(|| Difference { key, is, must: must.to_owned(), value: must.to_owned() })
        };
        let mut found: Vec<Difference> = differs("webhookUrl", &self.webhook_url).into_iter().collect();
        if let Some(token) = self.webhook_token.as_deref().filter(|_| !self.webhook_url.is_empty()) {
            let stored = is("webhookUrlToken");
            // With or without its scheme it is the same token to the desk, and every change restarts the instance.
            if bare(&stored) != bare(token) {
                found.push(Difference {
                    key: "webhookUrlToken",
                    is: if stored.is_empty() { "not set" } else { "set" }.to_owned(),
                    must: "GREEN_WEBHOOK_TOKEN".to_owned(),
                    value: schemed(token),
                });
            }
        }
        found.extend(NEEDED.into_iter().filter_map(|key| differs(key, "yes")));
        found
    }
}

impl GreenApi {
    /// Returns what differs from what the desk needs.
    ///
    /// # Errors
    /// [`PortError`] if the settings cannot be read.
    pub async fn compare_settings(&self, wanted: &Wanted) -> Result<Vec<Difference>, PortError> {
        let operation = "read the settings of the instance";
        let call = Call::get(operation, "getSettings");
        let current = self.call(call).await.map_err(|refusal| refusal.into_port_error(operation))?;
        Ok(wanted.compare(&current))
    }

    /// Changes what differs. The instance restarts; it may take up to five minutes.
    ///
    /// # Errors
    /// [`PortError`] if they cannot be written.
    pub async fn apply_settings(&self, differences: &[Difference]) -> Result<(), PortError> {
        let operation = "write the settings of the instance";
        let values = differences.iter().map(|it| (it.key.to_owned(), Value::from(it.value.clone())));
        let body = Value::Object(values.collect::<Map<String, Value>>());
        let call = Call::post(operation, "setSettings", body);
        self.call(call).await.map(drop).map_err(|refusal| refusal.into_port_error(operation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_named_and_no_token_is_shown() {
        let wanted = Wanted {
            webhook_url: "https://desk.example.test/webhooks/green-api".to_owned(),
            webhook_token: Some("Bearer s3cret".to_owned()),
        };
        let current = json!({
            "webhookUrl": "https://desk.example.test/webhooks/green-api", "webhookUrlToken": "old",
            "incomingWebhook": "yes", "outgoingWebhook": "no", "stateWebhook": "yes", "editedMessageWebhook": "yes",
            "outgoingMessageWebhook": "yes", "outgoingAPIMessageWebhook": "yes", "deletedMessageWebhook": "yes"
        });
        let found = wanted.compare(&current);
        let keys: Vec<&str> = found.iter().map(|it| it.key).collect();
        assert_eq!(keys, ["webhookUrlToken", "outgoingWebhook"]);
        assert!(found.iter().all(|it| !format!("{it:?}{}{}", it.is, it.must).contains("s3cret")));
        assert_eq!(found[0].value, "Bearer s3cret");
    }

    #[test]
    fn a_token_is_the_same_with_and_without_its_scheme_and_is_written_with_one() {
        let url = "https://desk.example.test/webhooks/green-api";
        let found = |ours: &str, theirs: &str| {
            let wanted = Wanted { webhook_url: url.to_owned(), webhook_token: Some(ours.to_owned()) };
            let mut current: Map<String, Value> = NEEDED.iter().map(|key| ((*key).to_owned(), json!("yes"))).collect();
            current.extend([("webhookUrl".to_owned(), json!(url)), ("webhookUrlToken".to_owned(), json!(theirs))]);
            wanted.compare(&Value::Object(current)).into_iter().map(|it| it.value).collect::<Vec<_>>()
        };
        for (ours, theirs) in
            [("s3cret", "Bearer s3cret"), ("Bearer s3cret", "s3cret"), ("Basic s3cret", "Bearer s3cret")]
        {
            assert!(found(ours, theirs).is_empty(), "{ours} is {theirs}: nothing need be written");
        }
        for (ours, written) in
            [("s3cret", "Bearer s3cret"), ("Basic s3cret", "Basic s3cret"), (" s3cret ", "Bearer s3cret")]
        {
            assert_eq!(found(ours, "old"), [written]);
            assert_eq!(found(ours, ""), [written]);
        }
    }
}
