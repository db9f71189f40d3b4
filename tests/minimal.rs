//! The minimal webhook body of the first version, against the real daemon: no account, no conversation, no signature, and
//! the reply in the answer itself. Most of it runs on the demo, which needs no vendor at all.

use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::model::{ModelDouble, Reply};
use frontdesk_sandbox::on_both_stores;
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::town::Backing;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_both_stores!(
    the_mock_answers_in_the_answer_itself,
    whatever_is_not_a_customers_message_is_ignored,
    the_same_id_again_is_another_message,
    a_cookie_names_the_session_and_without_one_all_share_the_demo_conversation,
    the_gate_answers_every_message_soon,
    a_burst_is_answered_once_and_to_everybody,
    human_mode_silences_the_bot_and_gives_back,
    whoever_asks_for_a_person_is_told_and_then_has_one,
    with_a_key_the_mock_never_answers,
    a_message_that_is_too_long_is_told_so,
    where_the_chat_page_is_off_the_body_is_refused,
);

const ADA: &str = "0123456789abcdef0123456789abcdef";
const BOB: &str = "fedcba9876543210fedcba9876543210";

/// Far less than the limit of a turn, far more than an answer takes.
const SOON: Duration = Duration::from_secs(15);

/// A desk without a vendor, and the store it has.
struct Demo {
    daemon: Daemon,
    _redis: Option<RedisServer>,
}

async fn demo(backing: Backing) -> Result<Demo> {
    let daemon = Daemon::new(env!("CARGO_BIN_EXE_frontdesk"))?.with("DEBOUNCE_QUIET", "200ms");
    Ok(match backing {
        Backing::Embedded => Demo { daemon, _redis: None },
        Backing::Redis => {
            let redis = RedisServer::start().await?;
            Demo { daemon: daemon.with("REDIS_URL", redis.url()), _redis: Some(redis) }
        }
    })
}

impl Demo {
    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.daemon.set(name, value);
        self
    }

    async fn open(mut self) -> Result<Self> {
        self.daemon.start().await?;
        Ok(self)
    }
}

impl std::ops::Deref for Demo {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

fn message(id: u64, content: &str) -> Value {
    json!({"event": "message_created", "id": id, "content": content, "message_type": "incoming", "content_type": "text"})
}

/// Posts a body, in a session or in none, and returns status and text of the answer.
async fn post(daemon: &Daemon, session: Option<&str>, body: &Value) -> Result<(u16, String)> {
    post_to(daemon, "/webhook/chatwoot", session, body).await
}

async fn post_to(daemon: &Daemon, path: &str, session: Option<&str>, body: &Value) -> Result<(u16, String)> {
    let mut request = daemon.http().post(daemon.url(path)).json(body);
    if let Some(session) = session {
        request = request.header("cookie", format!("theme=dark; fd_session={session}"));
    }
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

/// Says something and returns the bot's reply; nothing else may stand in the answer.
async fn reply(daemon: &Daemon, session: Option<&str>, content: &str) -> Result<String> {
    let (status, text) = post(daemon, session, &message(1, content)).await?;
    let answer: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
    let reply = answer["reply"].as_str().unwrap_or_default().to_owned();
    ensure!(status == 200 && !reply.is_empty(), "{status} {text}");
    ensure!(answer == json!({ "status": "ok", "route": "bot", "reply": reply }), "{text}");
    Ok(reply)
}

async fn toggle(daemon: &Daemon, enabled: bool) -> Result<Value> {
    let request = daemon.http().post(daemon.url("/toggle-human")).json(&json!({ "enabled": enabled }));
    Ok(request.send().await?.json().await?)
}

/// `WEB_GATE=off` skips the gate; without a key the mock answers, synchronously, at every address.
async fn the_mock_answers_in_the_answer_itself(backing: Backing) -> Result<()> {
    let daemon = demo(backing).await?.with("WEB_GATE", "off").open().await?;
    for path in ["/webhook/chatwoot", "/webhooks/chatwoot", "/webhook"] {
        let (status, text) = post_to(&daemon, path, None, &message(1, "Do you ship to Norway?")).await?;
        let answer: Value = serde_json::from_str(&text)?;
        assert_eq!((status, &answer["status"], &answer["route"]), (200, &json!("ok"), &json!("bot")), "{path}: {text}");
        assert!(answer["reply"].as_str().is_some_and(|reply| !reply.is_empty()), "{text}");
    }
    Ok(())
}

async fn whatever_is_not_a_customers_message_is_ignored(backing: Backing) -> Result<()> {
    let daemon = demo(backing).await?.open().await?;
    let hi = message(1, "Hi");
    let with = |key: &str, value: Value| {
        let mut body = hi.clone();
        body[key] = value;
        body
    };
    for body in [
        with("event", json!("message_updated")),
        with("event", json!("conversation_created")),
        with("message_type", json!("outgoing")),
        with("message_type", Value::Null),
        with("content", json!("   ")),
        with("content", Value::Null),
        with("content", json!("\u{0}\u{7}")),
    ] {
        assert_eq!(post(&daemon, None, &body).await?, (200, r#"{"status":"ignored"}"#.to_owned()), "{body}");
    }
    Ok(())
}

/// The id is the client's own counter.
async fn the_same_id_again_is_another_message(backing: Backing) -> Result<()> {
    let daemon = demo(backing).await?.with("WEB_GATE", "off").open().await?;
    let first = reply(&daemon, Some(ADA), "My name is Ada").await?;
    let second = reply(&daemon, Some(ADA), "Do you deliver to Norway?").await?;
    assert!(second.contains("Norway") && first != second, "{first} / {second}");
    Ok(())
}

async fn a_cookie_names_the_session_and_without_one_all_share_the_demo_conversation(backing: Backing) -> Result<()> {
    let daemon = demo(backing).await?.with("WEB_GATE", "off").open().await?;
    reply(&daemon, Some(ADA), "My name is Ada").await?;
    reply(&daemon, None, "My name is Grace").await?;
    assert!(reply(&daemon, Some(ADA), "What is my name?").await?.contains("Ada"));
    let stranger = reply(&daemon, Some(BOB), "What is my name?").await?;
    assert!(!stranger.contains("Ada") && !stranger.contains("Grace"), "{stranger}");
    assert!(reply(&daemon, None, "What is my name?").await?.contains("Grace"));
    // What the page would never have set names no session.
    assert!(reply(&daemon, Some("../etc"), "What is my name?").await?.contains("Grace"));
    Ok(())
}

/// The second message of a burst is asked for nothing again; it is answered all the same, and soon.
async fn the_gate_answers_every_message_soon(backing: Backing) -> Result<()> {
    let daemon = demo(backing).await?.open().await?;
    let asked = reply(&daemon, Some(ADA), "Do you ship to Norway?").await?;
    assert!(asked.contains("e-mail address"), "{asked}");
    for more in ["and to Sweden?", "and how long does it take?"] {
        let began = Instant::now();
        assert_eq!(reply(&daemon, Some(ADA), more).await?, asked);
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    }
    let mailed = reply(&daemon, Some(ADA), "ada@example.com").await?;
    assert!(mailed.contains("ada@example.com"), "{mailed}");
    let began = Instant::now();
    let reminded = reply(&daemon, Some(ADA), "hello?").await?;
    assert!(!reminded.is_empty() && began.elapsed() < SOON, "{reminded} after {:?}", began.elapsed());
    Ok(())
}

/// Two at once in one session are one burst with one answer, which both hear.
async fn a_burst_is_answered_once_and_to_everybody(backing: Backing) -> Result<()> {
    let daemon = demo(backing).await?.with("WEB_GATE", "off").with("DEBOUNCE_QUIET", "1500ms").open().await?;
    let began = Instant::now();
    let (first, second) =
        tokio::try_join!(reply(&daemon, Some(ADA), "Do you ship"), reply(&daemon, Some(ADA), "to Norway?"))?;
    assert_eq!(first, second);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    Ok(())
}

async fn human_mode_silences_the_bot_and_gives_back(backing: Backing) -> Result<()> {
    let daemon = demo(backing).await?.with("WEB_GATE", "off").open().await?;
    let status =
        async || -> Result<Value> { Ok(daemon.http().get(daemon.url("/human-status")).send().await?.json().await?) };
    assert_eq!(status().await?, json!({ "human_mode": false }));
    reply(&daemon, Some(ADA), "Hi").await?;
    assert_eq!(toggle(&daemon, true).await?, json!({ "human_mode": true }));
    assert_eq!(status().await?, json!({ "human_mode": true }));
    let human = r#"{"status":"ok","route":"human","message":"Human mode is ON. No bot reply generated."}"#;
    for session in [Some(ADA), Some(BOB), None] {
        let began = Instant::now();
        assert_eq!(post(&daemon, session, &message(2, "Is anybody there?")).await?, (200, human.to_owned()));
        assert!(began.elapsed() < SOON);
    }
    assert_eq!(toggle(&daemon, false).await?, json!({ "human_mode": false }));
    assert_eq!(status().await?, json!({ "human_mode": false }));
    assert!(!reply(&daemon, Some(ADA), "And now?").await?.is_empty());
    let odd = daemon.http().post(daemon.url("/toggle-human")).json(&json!({ "enabled": "yes" })).send().await?;
    assert_eq!(odd.status(), 400);
    Ok(())
}

/// Only this conversation has a person: its customer is told so, once.
async fn whoever_asks_for_a_person_is_told_and_then_has_one(backing: Backing) -> Result<()> {
    let daemon = demo(backing).await?.with("WEB_GATE", "off").open().await?;
    let told = reply(&daemon, Some(ADA), "I want to talk to a human").await?;
    assert!(told.contains("colleague"), "{told}");
    let (status, text) = post(&daemon, Some(ADA), &message(2, "Hello?")).await?;
    let answer: Value = serde_json::from_str(&text)?;
    assert_eq!((status, &answer["status"], &answer["route"]), (200, &json!("ok"), &json!("human")), "{text}");
    assert!(answer["message"].as_str().is_some_and(|message| message.ends_with("No bot reply generated.")), "{text}");
    assert!(!reply(&daemon, Some(BOB), "Hi").await?.is_empty());
    Ok(())
}

/// With a key the real model answers; if it fails, a person is fetched, and the mock never stands in.
async fn with_a_key_the_mock_never_answers(backing: Backing) -> Result<()> {
    let model = ModelDouble::start().await;
    let daemon = demo(backing)
        .await?
        .with("WEB_GATE", "off")
        .with("WEB_CHAT", "on")
        .with("OPENAI_API_KEY", "sk-test")
        .with("OPENAI_BASE_URL", model.base_url())
        .with("MAX_AI_RETRIES", 0)
        .open()
        .await?;
    assert_eq!(reply(&daemon, Some(ADA), "Do you ship to Norway?").await?, "You said: Do you ship to Norway?");
    assert_eq!(model.calls().len(), 1);
    assert_eq!(model.calls()[0].body["model"], "gpt-4o-mini");
    model.set_default(|_| Reply::Error(500, "server_error", "internal"));
    let sorry = reply(&daemon, Some(ADA), "And to Sweden?").await?;
    assert!(sorry.contains("colleague") && !sorry.contains("demo"), "{sorry}");
    model.set_default(|_| Reply::Error(401, "invalid_request_error", "invalid_api_key"));
    let sorry = reply(&daemon, Some(BOB), "And to Finland?").await?;
    assert!(sorry.contains("colleague") && !sorry.contains("demo"), "{sorry}");
    assert_eq!(model.calls().len(), 3);
    Ok(())
}

/// What cannot be said is told so at once, in the vendor's way of counting: characters.
async fn a_message_that_is_too_long_is_told_so(backing: Backing) -> Result<()> {
    let daemon = demo(backing).await?.open().await?;
    let (status, text) = post(&daemon, Some(ADA), &message(1, &"ы".repeat(4001))).await?;
    assert_eq!((status, serde_json::from_str::<Value>(&text)?["code"].as_str().unwrap_or_default()), (413, "too_long"));
    assert_eq!(post(&daemon, Some(ADA), &message(1, &"ы".repeat(4000))).await?.0, 200);
    Ok(())
}

/// Where the chat page is off, the body that belongs to it is refused with what to do.
async fn where_the_chat_page_is_off_the_body_is_refused(backing: Backing) -> Result<()> {
    let daemon = demo(backing)
        .await?
        .with("GATE", "off")
        .with("CHATWOOT_BASE_URL", "http://127.0.0.1:9")
        .with("CHATWOOT_ACCOUNT_ID", 1)
        .with("CHATWOOT_API_TOKEN", "a-token")
        .open()
        .await?;
    let (status, text) = post(&daemon, None, &message(1, "Hi")).await?;
    assert!(status == 404 && text.contains("WEB_CHAT=on"), "{status} {text}");
    Ok(())
}
