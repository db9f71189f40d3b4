//! What can be told about the connection. What the API can verify is verified; of the rest it is said when it was last
//! seen at work, or that it is unknown.

use super::CHANNEL;
use super::access::AccessError;
use super::client::Kommo;
use super::inbound::Sign;
use super::transport::Reply;
use frontdesk_actors::ports::PortError;
use serde_json::{Value, json};
use std::sync::Arc;

impl Kommo {
    /// Returns the state of the integration.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn status(&self) -> Result<Value, PortError> {
        let sub = &self.settings.subdomain;
        let seen = async |sign: Sign| {
            let text = self.store.setting(&sign.setting(sub)).await?;
            Ok::<_, PortError>(text.and_then(|text| text.parse::<i64>().ok()))
        };
        let (request, webhook) = (seen(Sign::Request).await?, seen(Sign::Webhook).await?);
        let state = |seen: Option<i64>| if seen.is_some() { "seen" } else { "unknown" };
        Ok(json!({
            "channel": CHANNEL,
            "subdomain": sub,
            "connection": self.connection().await,
            "widget": { "installed": self.is_widget_installed().await?, "verified": "unknown" },
            "salesbot": { "state": state(request), "last_request_at": request },
            "webhook": {
                "configured": self.settings.webhook_secret.is_some(),
                "state": state(webhook),
                "last_event_at": webhook,
            },
        }))
    }

    /// Gets ready ahead of the first customer: reads the tokens, and asks the vendor for the account's number unless it is
    /// known. What fails here is found out when it is needed.
    pub fn prepare(self: &Arc<Self>) {
        self.access.prepare();
        let kommo = Arc::clone(self);
        tokio::spawn(async move {
            if kommo.account.number().await.is_none() {
                let connection = kommo.connection().await;
                tracing::debug!(state = %connection["state"], "the Kommo account was asked for its number");
            }
        });
    }

    /// Asks the vendor whose token this is, and pins the account's number.
    async fn connection(&self) -> Value {
        let method = self.access.method();
        let told = |state: &str, detail: &str| json!({ "method": method, "state": state, "account_id": null, "detail": detail });
        match self.get("api/v4/account").await {
            Ok(Reply::Answered { status: 200..=299, body, .. }) => {
                let account: Value = serde_json::from_slice(&body).unwrap_or_default();
                let name = account["subdomain"].as_str().unwrap_or(&self.settings.subdomain);
                if !name.eq_ignore_ascii_case(&self.settings.subdomain) {
                    return told("other_account", "the token belongs to another account than KOMMO_SUBDOMAIN");
                }
                let number = account["id"].as_u64();
                if let Some(number) = number {
                    self.account.pin(number);
                }
                json!({ "method": method, "state": "ok", "account_id": number, "detail": "" })
            }
            Ok(Reply::Answered { status: 401, .. }) => told("refused", "Kommo does not accept the token"),
            Ok(Reply::Answered { status: 402, .. }) => told("refused", "the Kommo account is not paid for"),
            Ok(Reply::Answered { status: 403, .. }) => told("refused", "Kommo forbids it to this token or address"),
            Ok(Reply::Answered { status, .. }) => told("unreachable", &format!("Kommo answered {status}")),
            Ok(Reply::Unreached(why) | Reply::Lost(why)) => told("unreachable", &why),
            Err(error @ AccessError::NotConnected) => told("not_connected", &error.to_string()),
            Err(error @ AccessError::Refused) => told("refused", &error.to_string()),
            Err(error @ (AccessError::Unreachable(_) | AccessError::Store(_))) => {
                told("unreachable", &error.to_string())
            }
        }
    }

    /// Returns whether an operator has said that the widget is installed.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn is_widget_installed(&self) -> Result<bool, PortError> {
        Ok(self.store.setting(&self.flag()).await?.as_deref() == Some("yes"))
    }

    /// Notes whether the widget is installed.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    pub async fn set_widget_installed(&self, installed: bool) -> Result<(), PortError> {
        self.store.put_setting(&self.flag(), if installed { "yes" } else { "no" }).await
    }

    fn flag(&self) -> String {
        format!("kommo_widget_installed:{}", self.settings.subdomain)
    }
}
