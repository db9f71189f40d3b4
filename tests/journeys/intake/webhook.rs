//! What the journeys of the intake have in common: webhooks made from the recorded fixtures, posted as Chatwoot would,
//! and the question whether anything is still to come.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::hmac;
use frontdesk::utc::date_time;
use frontdesk_actors::time::Timestamp;
use frontdesk_sandbox::town::{ACCOUNT_SECRET, ADMIN_TOKEN, Backing, Town, Wiring};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The daemon under test.
pub(super) const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

/// How long something may take that happens at once on an idle machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Opens a town whose desk answers everybody: what is under test is the way in, not the gate.
pub(super) async fn open(backing: Backing) -> Result<Town> {
    let mut town = closed(backing).await?;
    town.daemon.start().await?;
    Ok(town)
}

/// Builds the same town with the desk still closed, so that its environment can be changed.
pub(super) async fn closed(backing: Backing) -> Result<Town> {
    let mut town = Town::build(BINARY, backing, Wiring::Full).await?;
    town.daemon.set("GATE", "off");
    Ok(town)
}

/// One webhook's body.
#[derive(Debug, Clone)]
pub(super) struct Webhook(Value);

impl Webhook {
    /// Reads a recorded one, as if its message had been written at this moment: an old one would be left to people.
    pub(super) fn fixture(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chatwoot").join(format!("{name}.json"));
        let text = std::fs::read_to_string(path).expect("the fixture is there");
        let mut body: Value = serde_json::from_str(&text).expect("the fixture is JSON");
        if let Some(Value::String(written)) = body.get_mut("created_at") {
            let now = Timestamp::from_secs(now() as i64);
            *written = format!("{}Z", date_time(now).replace(' ', "T"));
        }
        Self(body)
    }

    /// One that was not recorded.
    pub(super) fn made(body: Value) -> Self {
        Self(body)
    }

    /// A customer's message in a pending conversation, whose state is the newest there is.
    pub(super) fn message(conversation: u64, id: u64, text: &str) -> Self {
        let message = Self::fixture("message_created.incoming").of(conversation).with("/id", id).with("/content", text);
        message.with("/conversation/updated_at", now() + 1000.0)
    }

    /// A change of the conversation's status, with a moment of its own.
    pub(super) fn status(conversation: u64, status: &str, at: f64) -> Self {
        let event = Self::fixture("conversation_status_changed").of(conversation);
        let bot = json!({ "id": 7, "name": "Helper Bot", "type": "agent_bot" });
        let event = event.with("/meta/assignee", bot).with("/meta/assignee_type", "AgentBot");
        event.with("/status", status).with("/updated_at", at)
    }

    /// Moves it to a conversation.
    pub(super) fn of(self, conversation: u64) -> Self {
        let place = if self.0.get("conversation").is_some() { "/conversation/id" } else { "/id" };
        self.with(place, conversation)
    }

    /// Changes one field that is there.
    pub(super) fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        *self.0.pointer_mut(pointer).unwrap_or_else(|| panic!("the fixture has {pointer}")) = value.into();
        self
    }

    /// Adds one field.
    pub(super) fn and(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.as_object_mut().expect("a webhook is an object").insert(key.to_owned(), value.into());
        self
    }

    pub(super) fn event(&self) -> String {
        self.0["event"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }

    pub(super) fn json(&self) -> &Value {
        &self.0
    }
}

/// The present in seconds, with the microseconds that Chatwoot keeps.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs_f64()
}

/// How a webhook was answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) took: Duration,
}

impl Answer {
    /// Returns the one word that says what became of it.
    pub(super) fn word(&self) -> &str {
        self.body["status"].as_str().or(self.body["code"].as_str()).unwrap_or_default()
    }
}

/// How a body is sent.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    pub(super) path: &'static str,
    pub(super) timestamp: Option<String>,
    pub(super) signature: Option<String>,
}

impl Envelope {
    /// A body that nobody signed.
    pub(super) fn unsigned() -> Self {
        Self { path: "/webhooks/chatwoot", timestamp: None, signature: None }
    }

    /// A body signed `seconds` from the present.
    pub(super) fn signed(secret: &str, seconds: i64, body: &[u8]) -> Self {
        let at = (SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs() as i64
            + seconds)
            .to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[at.as_bytes(), b".", body].concat());
        let signature = Some(format!("sha256={}", hex::encode(tag)));
        Self { timestamp: Some(at), signature, ..Self::unsigned() }
    }
}

/// Posts a body in an envelope.
pub(super) async fn send(town: &Town, envelope: Envelope, body: Vec<u8>) -> Result<Answer> {
    let began = Instant::now();
    let mut request =
        town.daemon.http().post(town.daemon.url(envelope.path)).header("content-type", "application/json");
    if let Some(timestamp) = envelope.timestamp {
        request = request.header("x-chatwoot-timestamp", timestamp);
    }
    if let Some(signature) = envelope.signature {
        request = request.header("x-chatwoot-signature", signature);
    }
    let response = request.body(body).send().await.context("the desk answers")?;
    let status = response.status().as_u16();
    let body = response.json().await.unwrap_or(Value::Null);
    Ok(Answer { status, body, took: began.elapsed() })
}

/// Posts a webhook as the account's webhook would.
pub(super) async fn post(town: &Town, webhook: &Webhook) -> Result<Answer> {
    let body = webhook.bytes();
    send(town, Envelope::signed(ACCOUNT_SECRET, 0, &body), body).await
}

/// Posts a webhook that must be taken.
pub(super) async fn taken(town: &Town, webhook: &Webhook) -> Result<()> {
    let answer = post(town, webhook).await?;
    ensure!(answer.status == 200 && answer.word() == "ok", "{} was answered {answer:?}", webhook.event());
    Ok(())
}

/// Returns how the desk sees a conversation; null if it knows none.
pub(super) async fn view(town: &Town, conversation: u64) -> Result<Value> {
    let (status, view) =
        town.admin("GET", &format!("/api/conversations/chatwoot:1:{conversation}"), Value::Null).await?;
    match status {
        200 => Ok(view),
        404 => Ok(Value::Null),
        _ => anyhow::bail!("the view of {conversation} was answered {status}: {view}"),
    }
}

/// Waits until the desk has nothing left to do for a conversation, and returns how it sees it.
pub(super) async fn settled(town: &Town, conversation: u64) -> Result<Value> {
    let began = Instant::now();
    loop {
        let view = view(town, conversation).await?;
        let owes = view["phase"] == "bot" && view["owed"] != 0;
        let rests = view["thinking"] != true && view["outbox"].as_array().is_none_or(Vec::is_empty);
        if !owes && rests {
            return Ok(view);
        }
        ensure!(began.elapsed() < PATIENCE, "{conversation} does not come to rest: {view}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the desk has said exactly this many things, and stays at that.
pub(super) async fn replied(town: &Town, conversation: u64, times: usize) -> Result<Vec<String>> {
    let what = format!("reply {times} in {conversation}");
    town.chatwoot.wait_for(&what, |world| world.replies(conversation).len() >= times).await?;
    town.chatwoot.wait_quiet().await?;
    settled(town, conversation).await?;
    let replies = town.chatwoot.see(|world| world.replies(conversation));
    ensure!(replies.len() == times, "not {times} replies but {replies:?}");
    Ok(replies)
}

/// Asserts that the desk neither said anything in a conversation nor is about to.
pub(super) async fn silent(town: &Town, conversation: u64) -> Result<Value> {
    town.chatwoot.wait_quiet().await?;
    let view = settled(town, conversation).await?;
    let replies = town.chatwoot.see(|world| world.replies(conversation));
    ensure!(replies.is_empty(), "the desk spoke: {replies:?}");
    Ok(view)
}

/// Asserts that nothing went wrong behind the scenes: no webhook was lost, nothing was opened by failure, nothing
/// panicked.
pub(super) async fn calm(town: &Town) -> Result<()> {
    town.chatwoot.wait_quiet().await?;
    let stats = town.chatwoot.stats();
    ensure!((stats.flipped, stats.lost) == (0, 0), "{stats:?}");
    ensure!(town.metric("frontdesk_panics_total", "").await? == 0.0, "something panicked");
    Ok(())
}

/// Asks the desk for a page that operators and proxies read.
pub(super) async fn get(town: &Town, path: &str) -> Result<(u16, Value)> {
    let response = town.daemon.http().get(town.daemon.url(path)).bearer_auth(ADMIN_TOKEN).send().await?;
    Ok((response.status().as_u16(), response.json().await.unwrap_or(Value::Null)))
}
