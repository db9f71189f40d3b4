//! Connecting the account by OAuth: an operator starts it, Kommo asks the account's administrator, and sends the browser
//! back with a code. A state of our own, good once and for a while, ties the two together: nobody else can make the desk
//! connect to their account.

use super::access::AccessError;
use super::client::Kommo;
use frontdesk_actors::ports::PortError;
use frontdesk_actors::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use subtle::ConstantTimeEq;
use url::Url;

/// For how long a begun connection may be finished.
const LIFE: Duration = Duration::from_secs(20 * 60);

/// Why the account was not connected.
#[derive(Debug, thiserror::Error)]
pub enum OauthError {
    /// The settings for OAuth are missing.
    #[error("set KOMMO_CLIENT_ID, KOMMO_CLIENT_SECRET and KOMMO_REDIRECT_URI")]
    NotConfigured,
    /// The state is not the one that was begun, or it is too late.
    #[error("this connection was not begun here, or too long ago: begin it again in the console")]
    State,
    /// The administrator chose another account.
    #[error("another account was connected than KOMMO_SUBDOMAIN names: begin again, and choose that account")]
    OtherAccount,
    /// The code could not be traded for tokens.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store does not answer.
    #[error("the store cannot be used")]
    Store(#[from] PortError),
}

/// A begun connection, as stored.
#[derive(Serialize, Deserialize)]
struct Begun {
    state: String,
    until: Timestamp,
}

impl Kommo {
    /// Begins a connection and returns the page that the administrator must open. `state` is fresh and unguessable.
    ///
    /// # Errors
    /// [`OauthError`] if OAuth is not configured or the store does not answer.
    pub async fn begin_oauth(&self, state: &str) -> Result<Url, OauthError> {
        let integration = self.settings.integration.as_ref().ok_or(OauthError::NotConfigured)?;
        let begun = Begun { state: state.to_owned(), until: self.clock.now() + LIFE };
        let text = serde_json::to_string(&begun).expect("a begun connection has only encodable fields");
        self.store.put_setting(&self.begun(), &text).await?;
        let mut url = self.settings.oauth_url.clone();
        url.query_pairs_mut()
            .append_pair("client_id", &integration.client_id)
            .append_pair("state", state)
            .append_pair("mode", "popup");
        Ok(url)
    }

    /// Finishes a connection with what the browser brought back.
    ///
    /// # Errors
    /// [`OauthError`] if it was not begun here, or the code is not taken.
    pub async fn finish_oauth(&self, state: &str, code: &str, referer: Option<&str>) -> Result<(), OauthError> {
        let text = self.store.setting(&self.begun()).await?.unwrap_or_default();
        let begun: Begun = serde_json::from_str(&text).map_err(|_| OauthError::State)?;
        let same = bool::from(begun.state.as_bytes().ct_eq(state.as_bytes()));
        if !same || begun.state.is_empty() || begun.until <= self.clock.now() {
            return Err(OauthError::State);
        }
        // Good once, whatever comes of it.
        self.store.put_setting(&self.begun(), "").await?;
        let account = referer.and_then(|host| host.split('.').next());
        if account.is_some_and(|name| !name.eq_ignore_ascii_case(&self.settings.subdomain)) {
            return Err(OauthError::OtherAccount);
        }
        Ok(self.access.connect(code).await?)
    }

    fn begun(&self) -> String {
        format!("kommo_oauth:{}", self.settings.subdomain)
    }
}
