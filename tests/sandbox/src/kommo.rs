//! Kommo on loopback: an account with salesbots that wait for their answer, a user who writes to customers, and OAuth.
//!
//! As the real one: a request of a bot is signed with the client secret; its `return_url`
//! takes one answer and says 404 to every other; messages longer than 80 characters are refused; a refresh token is good
//! once; the account's webhooks are unsigned forms. The shapes are those of `tests/fixtures/kommo`.

mod again;
mod form;
mod server;
mod token;
mod world;

pub use server::shown;
pub use world::{Answered, Asked, Fate, Fault, TokenFault};

pub use token::Algorithm;

use again::Told;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;
use world::Inner;

/// The account's subdomain.
pub const SUBDOMAIN: &str = "fixture";
/// The account's number.
pub const ACCOUNT: u64 = 10_000_001;
/// The integration's id.
pub const CLIENT_ID: &str = "00000000-0000-4000-8000-0000000000aa";
/// The integration's secret.
pub const CLIENT_SECRET: &str = "fixture-client-secret-not-real";
/// A long-lived token that is always good.
pub const TOKEN: &str = "fixture-long-lived-token";
/// Where the integration's users are sent back to.
pub const REDIRECT_URI: &str = "http://desk.localhost/oauth/kommo";

/// How long something may take that should happen at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the salesbot waits for the acknowledgement of its request. The real one waits for two seconds, which a loaded
/// machine that builds and tests at once cannot promise.
const ACKNOWLEDGED: Duration = Duration::from_secs(20);

/// Kommo. It stops when dropped.
#[derive(Debug)]
pub struct KommoDouble {
    address: SocketAddr,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
    /// Where the desk takes requests.
    desk: String,
    /// Where the desk reaches the account.
    shown_at: String,
}

impl KommoDouble {
    /// Starts the account; its salesbots ask at `desk`, an address without a path.
    ///
    /// # Errors
    /// If loopback cannot be bound.
    pub async fn start(desk: &str) -> Result<Self> {
        let inner = Arc::new(Inner::default());
        let (address, serving) = server::start(&inner).await?;
        let shown_at = format!("http://{address}");
        Ok(Self { address, inner, serving, desk: desk.trim_end_matches('/').to_owned(), shown_at })
    }

    /// Lets salesbots and webhooks call here from now on, an address without a path.
    pub fn calls_at(&mut self, desk: &str) {
        desk.trim_end_matches('/').clone_into(&mut self.desk);
    }

    /// Lets requests be answered through this address, which leads here.
    pub fn stands_behind(&mut self, address: &str) {
        address.trim_end_matches('/').clone_into(&mut self.shown_at);
    }

    /// Returns what to put into `KOMMO_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Brings the account's events to the desk, also what its own bots say.
    pub fn deliver_to(&self, secret: &str) {
        self.inner.world().hook = Some(format!("{}/webhooks/kommo/{secret}", self.desk));
    }

    /// Orders what happens to the next answer that has no order yet.
    pub fn fault(&self, fault: Fault) {
        self.inner.world().faults.push_back(fault);
    }

    /// Asks this about every answer for which no fault was ordered.
    pub fn leave_to(&self, fate: Fate) {
        self.inner.world().fates.0 = Some(fate);
    }

    /// Ends all faults.
    pub fn recover(&self) {
        let mut world = self.inner.world();
        world.faults.clear();
        world.fates.0 = None;
    }

    /// Lets an administrator allow the integration: returns the code that the browser brings.
    pub fn allow(&self) -> String {
        let mut world = self.inner.world();
        let code = format!("code-{}", world.codes.len() + 1);
        world.codes.push(code.clone());
        code
    }

    /// Orders what happens to the next request for a pair of tokens.
    pub fn fault_tokens(&self, fault: TokenFault) {
        self.inner.world().token_faults.push_back(fault);
    }

    /// Answers requests for tokens that are held back.
    pub fn release_tokens(&self) {
        self.inner.world().holds_tokens = false;
        self.inner.changed.notify_waiters();
    }

    /// Returns how often a pair of tokens was asked for.
    pub fn token_calls(&self) -> usize {
        self.inner.world().token_calls
    }

    /// Makes every access token of OAuth worthless, as if its time had passed.
    pub fn expire_access(&self) {
        if let Some((access, _)) = &mut self.inner.world().pair {
            access.push_str("-expired");
        }
    }

    /// Makes a request that waits, without sending it.
    pub fn wait(&self, lead: u64) -> u64 {
        let mut world = self.inner.world();
        world.last_request += 1;
        let request = 50_000 + world.last_request;
        world.waiting.insert(request, lead);
        world.leads.insert(request, lead);
        request
    }

    /// Makes the body of a request.
    pub fn body(&self, request: u64, text: &str) -> Value {
        let lead = self.lead_of(request).unwrap_or_default();
        json!({
            "token": self.token(lead, Algorithm::Hs512, &json!({})),
            "data": {
                "message": text,
                "lead_id": lead.to_string(),
                "contact_id": (lead + 10_000_000).to_string(),
                "contact_name": "Dana Example",
            },
            "return_url": format!("{}/api/v4/salesbot/40001/continue/{request}", self.shown_at),
        })
    }

    /// Signs the token of a request about a lead, with some of its claims changed.
    pub fn token(&self, lead: u64, algorithm: Algorithm, changes: &Value) -> String {
        let mut claims = self.claims(lead);
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        token::sign(algorithm, CLIENT_SECRET, &claims)
    }

    fn claims(&self, lead: u64) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        json!({
            "iss": "https://fixture.kommo.com",
            "aud": "https://desk.example.test",
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "account_id": ACCOUNT,
            "subdomain": SUBDOMAIN,
            "client_uuid": CLIENT_ID,
            "entity_type": "2",
            "entity_id": lead,
            "bot_type": "salesbot",
        })
    }

    /// A customer writes about a lead: a salesbot asks the desk.
    ///
    /// # Errors
    /// If the desk cannot be reached at all.
    pub async fn asks(&self, lead: u64, text: &str) -> Result<Asked> {
        let request = self.wait(lead);
        self.sends(request, &self.body(request, text)).await
    }

    /// Like [`Self::asks`], at another node of the desk.
    ///
    /// # Errors
    /// If that node cannot be reached at all.
    pub async fn asks_at(&self, desk: &str, lead: u64, text: &str) -> Result<Asked> {
        let request = self.wait(lead);
        let url = format!("{}/api/kommo/chat/webhook", desk.trim_end_matches('/'));
        let sending = self.inner.http.post(url).json(&self.body(request, text)).timeout(ACKNOWLEDGED).send().await;
        Self::acknowledged(request, sending)
    }

    /// Sends the body of a request, which may have been changed.
    ///
    /// # Errors
    /// If the desk cannot be reached at all.
    pub async fn sends(&self, request: u64, body: &Value) -> Result<Asked> {
        self.inner.world().remember(Told::request(self.chat_url(), body));
        let sending = self.inner.http.post(self.chat_url()).json(body).timeout(ACKNOWLEDGED).send().await;
        Self::acknowledged(request, sending)
    }

    /// Sends the body of a request as a form.
    ///
    /// # Errors
    /// If the desk cannot be reached at all.
    pub async fn sends_form(&self, request: u64, body: &Value) -> Result<Asked> {
        let text = form::encode(body);
        let sending = self.inner.http.post(self.chat_url()).body(text);
        let sending = sending.header("content-type", "application/x-www-form-urlencoded").timeout(ACKNOWLEDGED);
        Self::acknowledged(request, sending.send().await)
    }

    fn chat_url(&self) -> String {
        format!("{}/api/kommo/chat/webhook", self.desk)
    }

    fn acknowledged(request: u64, sent: reqwest::Result<reqwest::Response>) -> Result<Asked> {
        match sent {
            Ok(response) => Ok(Asked { request, status: Some(response.status().as_u16()) }),
            Err(error) if error.is_timeout() => Ok(Asked { request, status: None }),
            Err(error) => Err(error).context("send a request of a salesbot"),
        }
    }

    /// A user of the account writes to a lead's customer. Returns the status of the webhook.
    ///
    /// # Errors
    /// If there is no webhook, or the desk cannot be reached.
    pub async fn user_writes(&self, lead: u64, text: &str) -> Result<u16> {
        self.tells(&self.event(lead, text, "internal")).await
    }

    /// The account tells of something. Returns the status of the webhook.
    ///
    /// # Errors
    /// If there is no webhook, or the desk cannot be reached.
    pub async fn tells(&self, event: &Value) -> Result<u16> {
        let hook = self.inner.world().hook.clone().context("the account has no webhook")?;
        let event = form::encode(event);
        self.inner.world().remember(Told::event(hook.clone(), event.clone(), false));
        let request = self.inner.http.post(hook).body(event);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Ok(request.send().await?.status().as_u16())
    }

    /// Makes the event of a message to a lead's customer, by an author of this type, before it becomes a form.
    pub fn event(&self, lead: u64, text: &str, author: &str) -> Value {
        server::outgoing((lead, self.next_message()), text, author)
    }

    fn next_message(&self) -> u64 {
        let mut world = self.inner.world();
        world.last_message += 1;
        world.last_message
    }

    /// A user of the account writes to a lead's customer. Returns the message's number and the form that tells of it, which is
    /// the caller's to send.
    pub fn user_event(&self, lead: u64, text: &str) -> (u64, String) {
        let number = self.next_message();
        (number, form::encode(&server::outgoing((lead, number), text, "internal")))
    }

    /// Returns the lead of a request.
    pub fn lead_of(&self, request: u64) -> Option<u64> {
        self.inner.world().leads.get(&request).copied()
    }

    /// Returns the requests whose bot was stopped before it was answered.
    pub fn expired(&self) -> Vec<u64> {
        self.inner.world().expired.clone()
    }

    /// Returns the salesbots that have gone on, in order.
    pub fn answered(&self) -> Vec<Answered> {
        self.inner.world().answered.clone()
    }

    /// Returns the requests that nobody has answered.
    pub fn waiting(&self) -> Vec<u64> {
        self.inner.world().waiting.keys().copied().collect()
    }

    /// Returns the requests that were answered although they waited no more.
    pub fn surplus(&self) -> Vec<u64> {
        self.inner.world().surplus.clone()
    }

    /// Returns what the customer of a lead has read, in order.
    pub fn read(&self, lead: u64) -> Vec<String> {
        let answered = self.answered().into_iter().filter(|answer| answer.lead == lead);
        answered.flat_map(|answer| answer.shown).collect()
    }

    /// Returns the notes on leads.
    pub fn notes(&self) -> Vec<(u64, String)> {
        self.inner.world().notes.clone()
    }

    /// Returns how often a pair was refreshed, and how often a used refresh token was tried again.
    pub fn refreshes(&self) -> (usize, usize) {
        let world = self.inner.world();
        (world.refreshes, world.reused)
    }

    /// Returns how many calls of the API came.
    pub fn calls(&self) -> usize {
        self.inner.world().calls
    }

    /// Waits until something holds.
    ///
    /// # Errors
    /// If it does not within half a minute.
    pub async fn wait_for(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<()> {
        let waiting = async {
            loop {
                let changed = self.inner.changed.notified();
                if holds(self) {
                    return;
                }
                // A change between the look and the wait is seen a little later.
                let _ = tokio::time::timeout(Duration::from_millis(50), changed).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            bail!("waited in vain for: {what}; answered: {:?}, waiting: {:?}", self.answered(), self.waiting());
        }
        Ok(())
    }

    /// Waits until a request has been answered, and returns how.
    ///
    /// # Errors
    /// If it is not within half a minute.
    pub async fn answer_to(&self, asked: Asked) -> Result<Answered> {
        let of = |double: &Self| double.answered().into_iter().find(|answer| answer.request == asked.request);
        self.wait_for("the answer to a request", |double| of(double).is_some()).await?;
        of(self).context("it was there a moment ago")
    }
}

impl Drop for KommoDouble {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
