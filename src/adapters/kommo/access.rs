//! The token that requests carry: the operator's long-lived one, or the pair of OAuth, which is kept in the store.
//!
//! The refresh token is good once: whoever uses it gets the next pair. So one node refreshes at a time (a quota of the
//! store that gives one permit per pair and while), and the new pair is in the store before it is used. Were it used
//! first, a crash would leave the old one, which is worth nothing any more.

mod at_hand;

use super::transport::{Reply, Transport};
use at_hand::Fetching;
use frontdesk_actors::ports::{PortError, PortErrorKind, Quota, Store, Verdict};
use frontdesk_actors::time::{Clock, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// How long before its end a token is refreshed.
const EARLY: Duration = Duration::from_secs(300);

/// For how long one node has the right to refresh a pair; longer than a request may take.
const TURN: Duration = Duration::from_secs(30);

/// How often the others look whether it is done, and how often at most.
const LOOK: Duration = Duration::from_millis(200);
const LOOKS: usize = 60;

/// How often storing a new pair is tried.
const STORING: usize = 50;

/// The integration, as OAuth needs it.
#[derive(Clone)]
pub struct Integration {
    /// `KOMMO_CLIENT_ID`.
    pub client_id: String,
    /// `KOMMO_CLIENT_SECRET`.
    pub client_secret: SecretString,
    /// `KOMMO_REDIRECT_URI`.
    pub redirect_uri: Url,
}

impl fmt::Debug for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Integration").field("redirect_uri", &self.redirect_uri.as_str()).finish_non_exhaustive()
    }
}

/// A pair of tokens, as stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pair {
    access: String,
    refresh: String,
    expires: Timestamp,
    /// How many pairs came before.
    number: u64,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("number", &self.number).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Nobody has connected the account.
    #[error("no account is connected: set KOMMO_TOKEN, or connect Kommo in the console")]
    NotConnected,
    /// The vendor does not take our refresh token or code.
    #[error("Kommo does not accept the connection any more: connect Kommo again in the console")]
    Refused,
    /// The vendor cannot be asked now.
    #[error("Kommo cannot be asked for a token: {0}")]
    Unreachable(String),
    /// The store does not answer.
    #[error("the store with Kommo's tokens cannot be used")]
    Store(#[from] PortError),
}

impl AccessError {
    /// Returns what it means to a send: nothing was written.
    pub(super) fn verdict(&self) -> Verdict {
        let why = self.to_string();
        match self {
            AccessError::NotConnected | AccessError::Refused => Verdict::AccountFault { why },
            AccessError::Unreachable(_) | AccessError::Store(_) => Verdict::Transient { retry_after: None, why },
        }
    }
}

/// The ways to a token. What trades one pair for the next runs in a task of its own: a request or a send that is given up
/// must not take the only copy of the new pair with it.
pub struct Access(Arc<Ways>);

struct Ways {
    fixed: Option<SecretString>,
    integration: Option<Integration>,
    base: Url,
    subdomain: String,
    transport: Transport,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The pair that was read last, and one that the store has not taken yet.
    known: Mutex<Option<Pair>>,
    unstored: tokio::sync::Mutex<Option<Pair>>,
    fetching: Mutex<Fetching>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("method", &self.method()).finish_non_exhaustive()
    }
}

impl Access {
    pub(super) fn new(
        settings: &super::Settings,
        transport: Transport,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Ways {
            fixed: settings.token.clone(),
            integration: settings.integration.clone(),
            base: settings.base_url.clone(),
            subdomain: settings.subdomain.clone(),
            transport,
            store,
            clock,
            known: Mutex::default(),
            unstored: tokio::sync::Mutex::default(),
            fetching: Mutex::default(),
        }))
    }

    /// Returns how the token is had: `token`, `oauth` or `none`.
    pub fn method(&self) -> &'static str {
        match (&self.0.fixed, &self.0.integration) {
            (Some(_), _) => "token",
            (None, Some(_)) => "oauth",
            (None, None) => "none",
        }
    }

    /// Returns a token that is good now.
    ///
    /// # Errors
    /// [`AccessError`] if there is none.
    pub async fn token(&self) -> Result<SecretString, AccessError> {
        if let Some(token) = &self.0.fixed {
            return Ok(token.clone());
        }
        if let Some(pair) = self.0.remembered().filter(|pair| self.0.is_good(pair)) {
            return Ok(pair.access.into());
        }
        let pair = self.0.load().await?.ok_or(AccessError::NotConnected)?;
        let pair = if self.0.is_good(&pair) { pair } else { self.0.renew(pair).await? };
        Ok(pair.access.into())
    }

    /// Returns another token than one that was refused, or nothing if there can be none.
    ///
    /// # Errors
    /// [`AccessError`] if no other can be had.
    pub async fn instead_of(&self, refused: &SecretString) -> Result<Option<SecretString>, AccessError> {
        if self.0.fixed.is_some() {
            return Ok(None);
        }
        let pair = self.0.load().await?.ok_or(AccessError::NotConnected)?;
        let pair = if pair.access == refused.expose_secret() { self.0.renew(pair).await? } else { pair };
        Ok(Some(pair.access.into()))
    }

    /// Trades the code of an authorisation for the first pair.
    ///
    /// # Errors
    /// [`AccessError`] if it cannot be had.
    pub async fn connect(&self, code: &str) -> Result<(), AccessError> {
        let (ways, grant) = (Arc::clone(&self.0), json!({ "grant_type": "authorization_code", "code": code }));
        detached(async move {
            let number = ways.load().await?.map_or(1, |pair| pair.number + 1);
            let pair = ways.ask(&grant, number).await?;
            ways.keep(pair).await
        })
        .await
    }
}

impl Ways {
    fn is_good(&self, pair: &Pair) -> bool {
        self.clock.now() + EARLY < pair.expires
    }

    /// Refreshes a pair, or waits until somebody else has.
    async fn renew(self: &Arc<Self>, old: Pair) -> Result<Pair, AccessError> {
        for _ in 0..LOOKS {
            if let Some(pair) = self.load().await?.filter(|pair| pair.number > old.number) {
                return Ok(pair);
            }
            let key = format!("kommo:refresh:{}:{}", self.subdomain, old.number);
            let turn = Quota { key, limit: 1, window: TURN };
            if self.store.take_quota(std::slice::from_ref(&turn)).await?.is_none() {
                return detached(Arc::clone(self).refresh(old)).await;
            }
            if self.is_refused(&old).await? {
                return Err(AccessError::Refused);
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(AccessError::Unreachable(
            "a refresh of the token has not ended; it is tried again within a minute".to_owned(),
        ))
    }

    /// Returns whether whoever had the last turn with a pair heard that it is not accepted: everybody is told so while that turn
    /// lasts, not that it has not ended.
    async fn is_refused(&self, pair: &Pair) -> Result<bool, AccessError> {
        let refused = self.store.setting(&self.refusal()).await?;
        Ok(refused.is_some_and(|number| number == pair.number.to_string()))
    }

    async fn refresh(self: Arc<Self>, old: Pair) -> Result<Pair, AccessError> {
        // Whoever had the turn before may have ended between the look and this one.
        if let Some(pair) = self.load().await?.filter(|pair| pair.number > old.number) {
            return Ok(pair);
        }
        if self.is_refused(&old).await? {
            // The operator may have mended the integration's settings: it is not known any more.
            self.store.put_setting(&self.refusal(), "").await?;
        }
        let asked = json!({ "grant_type": "refresh_token", "refresh_token": old.refresh });
        let pair = match self.ask(&asked, old.number + 1).await {
            Err(AccessError::Refused) => {
                self.store.put_setting(&self.refusal(), &old.number.to_string()).await?;
                return Err(AccessError::Refused);
            }
            asked => asked?,
        };
        self.keep(pair.clone()).await?;
        Ok(pair)
    }

    async fn ask(&self, grant: &Value, number: u64) -> Result<Pair, AccessError> {
        let integration = self.integration.as_ref().ok_or(AccessError::NotConnected)?;
        let body = request_of(integration, grant);
        let url = self.base.join("oauth2/access_token").map_err(|error| AccessError::Unreachable(error.to_string()))?;
        match self.transport.post(url, None, &body, None).await {
            Reply::Answered { status: 200..=299, body, .. } => {
                read_pair(&body, number, self.clock.now()).ok_or_else(unreadable)
            }
            Reply::Answered { status: 400..=403, .. } => Err(AccessError::Refused),
            Reply::Answered { status, .. } => Err(AccessError::Unreachable(format!("it answered {status}"))),
            Reply::Unreached(why) | Reply::Lost(why) => Err(AccessError::Unreachable(why)),
        }
    }

    /// Stores a pair; only then it may be used. One that the store does not take is kept in hand, and stored first of all
    /// next time: the one before it is worth nothing any more.
    async fn keep(&self, pair: Pair) -> Result<(), AccessError> {
        let mut unstored = self.unstored.lock().await;
        *unstored = Some(pair);
        self.store_in_hand(&mut unstored).await
    }

    async fn store_in_hand(&self, unstored: &mut Option<Pair>) -> Result<(), AccessError> {
        let Some(pair) = unstored.clone() else { return Ok(()) };
        let text = serde_json::to_string(&pair).expect("a pair has only encodable fields");
        let mut failed = PortError::new(PortErrorKind::Transient, "store Kommo's tokens");
        for _ in 0..STORING {
            match self.store.put_setting(&self.setting(), &text).await {
                Ok(()) => {
                    *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(pair);
                    *unstored = None;
                    return Ok(());
                }
                Err(error) => failed = error,
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(AccessError::Store(failed))
    }

    async fn load(&self) -> Result<Option<Pair>, AccessError> {
        {
            let mut unstored = self.unstored.lock().await;
            self.store_in_hand(&mut unstored).await?;
        }
        let text = self.store.setting(&self.setting()).await?;
        let pair: Option<Pair> = text.and_then(|text| serde_json::from_str(&text).ok());
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = pair.clone();
        Ok(pair)
    }

    fn remembered(&self) -> Option<Pair> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn setting(&self) -> String {
        format!("kommo_tokens:{}", self.subdomain)
    }

    /// Where the number of a pair stands that was not accepted.
    fn refusal(&self) -> String {
        format!("kommo_refused:{}", self.subdomain)
    }
}

/// Does something to its end, whether or not somebody still waits for it.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, AccessError>> + Send + 'static,
) -> Result<T, AccessError> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|_| Err(AccessError::Unreachable("it was cut short, because the desk is stopping".to_owned())))
}

/// Makes the request for a pair of tokens.
pub(super) fn request_of(integration: &Integration, grant: &Value) -> Value {
    let mut body = json!({
        "client_id": integration.client_id,
        "client_secret": integration.client_secret.expose_secret(),
        "redirect_uri": integration.redirect_uri.as_str(),
    });
    if let (Some(body), Some(grant)) = (body.as_object_mut(), grant.as_object()) {
        body.extend(grant.clone());
    }
    body
}

fn unreadable() -> AccessError {
    AccessError::Unreachable("its answer is no pair of tokens: check KOMMO_BASE_URL".to_owned())
}

fn read_pair(body: &[u8], number: u64, now: Timestamp) -> Option<Pair> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        refresh_token: String,
        expires_in: u64,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    // The end is counted by our own clock, from our own moment.
    let expires = now + Duration::from_secs(answer.expires_in.min(10 * 365 * 86_400));
    Some(Pair { access: answer.access_token, refresh: answer.refresh_token, expires, number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_is_detached_ends_although_nobody_waits() {
        let (go, gone) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel::<()>();
        let mut work = Box::pin(detached(async move {
            gone.await.expect("it is told to go on");
            done.send(()).expect("somebody waits");
            Ok(())
        }));
        assert!(futures::poll!(&mut work).is_pending(), "it waits");
        drop(work);
        go.send(()).expect("it still waits");
        ended.await.expect("it ran on");
    }

    #[test]
    fn the_fixture_is_a_pair_and_shows_no_token() {
        let body = include_bytes!("../../../tests/fixtures/kommo/oauth_token_response.json");
        let pair = read_pair(body, 7, Timestamp::from_secs(1_000)).expect("a pair");
        assert_eq!((pair.access.as_str(), pair.refresh.as_str()), ("fixture-access-token", "fixture-refresh-token-2"));
        assert_eq!(pair.expires, Timestamp::from_secs(87_400));
        assert!(!format!("{pair:?}").contains("fixture"));
        assert_eq!(read_pair(b"{}", 1, Timestamp::default()), None);
    }
}
