//! What of the page is open, asked of the real daemon over HTTP: everything in the demo, and outside it the console only
//! with the token and the chat only where it is switched on.

use anyhow::{Context, Result};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::town::{ADMIN_TOKEN, Backing, Town, Wiring};
use reqwest::{Method, Response, header};
use serde_json::{Value, json};
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

/// Everything that only colleagues may see or do.
const COLLEAGUES: [(&str, &str); 11] = [
    ("GET", "/api/console/events"),
    ("GET", "/api/console/conversations"),
    ("GET", "/api/console/conversations/web:page:demo"),
    ("POST", "/api/console/conversations/web:page:demo/take"),
    ("POST", "/api/console/conversations/web:page:demo/reply"),
    ("POST", "/api/console/conversations/web:page:demo/handback"),
    ("GET", "/api/console/mails"),
    ("GET", "/api/console/mails/1"),
    ("GET", "/api/console/cards"),
    ("GET", "/human-status"),
    ("POST", "/toggle-human"),
];

async fn town(settings: &[(&str, &str)]) -> Result<Town> {
    let mut town = Town::build(BINARY, Backing::Embedded, Wiring::Full).await?;
    for (name, value) in settings {
        town.daemon.set(name, value);
    }
    town.daemon.start().await?;
    Ok(town)
}

/// Asks with a token, a cookie, a body or without.
async fn ask(daemon: &Daemon, (method, path): (&str, &str), with: With<'_>) -> Result<Response> {
    let mut request = daemon.http().request(method.parse::<Method>()?, daemon.url(path));
    if let Some(token) = with.token {
        request = request.bearer_auth(token);
    }
    if let Some(cookie) = with.cookie {
        request = request.header(header::COOKIE, cookie);
    }
    if let Some(body) = with.body {
        request = request.json(&body);
    }
    Ok(request.send().await?)
}

#[derive(Default)]
struct With<'a> {
    token: Option<&'a str>,
    cookie: Option<&'a str>,
    body: Option<Value>,
}

async fn status(daemon: &Daemon, what: (&str, &str), token: Option<&str>) -> Result<u16> {
    Ok(ask(daemon, what, With { token, ..With::default() }).await?.status().as_u16())
}

fn cookie_of(page: &Response) -> Result<String> {
    let set = page.headers().get(header::SET_COOKIE).context("the page sets no cookie")?.to_str()?;
    Ok(set.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_demo_colleagues_need_the_token() -> Result<()> {
    let town = town(&[]).await?;
    for what in COLLEAGUES {
        assert_eq!(status(&town.daemon, what, None).await?, 401, "{what:?}");
        assert_eq!(status(&town.daemon, what, Some("another-token-of-the-same-size")).await?, 401, "{what:?}");
        assert_ne!(status(&town.daemon, what, Some(ADMIN_TOKEN)).await?, 401, "{what:?}");
    }
    let (_, mails) = town.admin("GET", "/api/console/mails", Value::Null).await?;
    assert_eq!(mails, json!({ "mails": null }), "mails go to the mail server, and the page keeps none");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_asks_for_no_address_has_no_mailbox() -> Result<()> {
    for (gate, kept) in [("off", false), ("on", true)] {
        let mut daemon = Daemon::new(BINARY)?
            .with("PUBLIC_URL", "https://desk.example")
            .with("ADMIN_TOKEN", ADMIN_TOKEN)
            .with("WEB_CHAT", "on")
            .with("GATE", gate);
        daemon.start().await?;
        let asked = With { token: Some(ADMIN_TOKEN), ..With::default() };
        let mails: Value = ask(&daemon, ("GET", "/api/console/mails"), asked).await?.json().await?;
        assert_eq!(mails["mails"].is_array(), kept, "GATE={gate}: {mails}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_demo_the_chat_is_off() -> Result<()> {
    let town = town(&[]).await?;
    let page = ask(&town.daemon, ("GET", "/"), With::default()).await?;
    assert_eq!((page.status().as_u16(), page.headers().get(header::SET_COOKIE)), (200, None));
    let body = page.text().await?;
    assert!(body.contains("data-demo=\"no\" data-chat=\"no\" data-conversation=\"\""));
    for what in [("POST", "/chat/messages"), ("GET", "/chat/events"), ("POST", "/chat/reset")] {
        assert_eq!(status(&town.daemon, what, None).await?, 404, "{what:?}");
    }
    let minimal = json!({ "event": "message_created", "id": 1, "content": "Hi", "message_type": "incoming" });
    let with = With { body: Some(minimal), ..With::default() };
    assert!(ask(&town.daemon, ("POST", "/webhook/chatwoot"), with).await?.status().is_client_error());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_on_gives_each_visitor_a_session_of_their_own_and_a_secure_cookie() -> Result<()> {
    let town = town(&[("WEB_CHAT", "on"), ("PUBLIC_URL", "https://desk.example")]).await?;
    let page = ask(&town.daemon, ("GET", "/"), With::default()).await?;
    let set = cookie_of(&page)?;
    for part in ["HttpOnly", "SameSite=Lax", "Secure"] {
        assert!(set.split("; ").any(|have| have == part), "{part} in {set}");
    }
    let body = page.text().await?;
    assert!(body.contains("data-demo=\"no\" data-chat=\"yes\""));
    let cookie = set.split(';').next();
    let hello = || Some(json!({ "text": "Hello!" }));
    let stranger = With { body: hello(), ..With::default() };
    assert_eq!(ask(&town.daemon, ("POST", "/chat/messages"), stranger).await?.status().as_u16(), 403);
    let visitor = With { cookie, body: hello(), ..With::default() };
    assert_eq!(ask(&town.daemon, ("POST", "/chat/messages"), visitor).await?.status().as_u16(), 200);
    let visitor = With { cookie, ..With::default() };
    assert_eq!(ask(&town.daemon, ("GET", "/api/console/conversations"), visitor).await?.status().as_u16(), 401);
    let (_, listed) = town.admin("GET", "/api/console/conversations", Value::Null).await?;
    assert_eq!(listed["conversations"][0]["text"], "Hello!");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_open_to_this_machine_under_its_own_names_only() -> Result<()> {
    let mut daemon = Daemon::new(BINARY)?;
    daemon.start().await?;
    for what in
        [("GET", "/"), ("GET", "/api/console/conversations"), ("GET", "/api/console/mails"), ("GET", "/human-status")]
    {
        assert_eq!(status(&daemon, what, None).await?, 200, "{what:?}");
        let rebound = daemon.http().get(daemon.url(what.1)).header(header::HOST, "rebound.example");
        assert!(rebound.send().await?.status().is_client_error(), "{what:?}");
    }
    let page = ask(&daemon, ("GET", "/"), With::default()).await?;
    assert!(!cookie_of(&page)?.contains("Secure"), "a cookie for https only would be lost on http");
    Ok(())
}

/// Only people assign here, so that it counts at once: on Chatwoot an assignment so soon may be the vendor's rule.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_a_conversation_in_the_console_has_it_also_when_the_switch_is_turned_back_at_once() -> Result<()>
{
    let mut daemon = Daemon::new(BINARY)?.with("WEB_GATE", "off");
    daemon.start().await?;
    switch(&daemon, true).await?;
    let cookie = cookie_of(&ask(&daemon, ("GET", "/"), With::default()).await?)?;
    let cookie = cookie.split(';').next();
    let body = Some(json!({ "text": "Do you ship?" }));
    assert_eq!(ask(&daemon, ("POST", "/chat/messages"), With { cookie, body, token: None }).await?.status(), 200);
    let listed: Value = ask(&daemon, ("GET", "/api/conversations"), With::default()).await?.json().await?;
    let key = listed["conversations"][0]["key"].as_str().context("it is listed")?.to_owned();
    let take = format!("/api/console/conversations/{key}/take");
    assert_eq!(status(&daemon, ("POST", &take), None).await?, 200);
    switch(&daemon, false).await?;
    let body = Some(json!({ "text": "And where to?" }));
    assert_eq!(ask(&daemon, ("POST", "/chat/messages"), With { cookie, body, token: None }).await?.status(), 200);
    let view = format!("/api/conversations/{key}");
    let view: Value = ask(&daemon, ("GET", &view), With::default()).await?.json().await?;
    assert_eq!((&view["phase"], &view["owed"]), (&json!("human"), &json!(0)), "{view}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_its_notes_speak_the_customers_language() -> Result<()> {
    let mut daemon = Daemon::new(BINARY)?.with("WEB_GATE", "off");
    daemon.start().await?;
    for (accepted, lang, hello) in [
        ("ru-RU,ru;q=0.9", "ru", "Здравствуйте! Чем помочь?"),
        ("kk", "kk", "Сәлеметсіз бе! Қалай көмектесейік?"),
        ("mn,en;q=0.5", "mn", "Сайн байна уу! Юугаар туслах вэ?"),
        ("de", "en", "Hello! How can we help?"),
    ] {
        let request = daemon.http().get(daemon.url("/")).header(header::ACCEPT_LANGUAGE, accepted);
        let body = request.send().await?.text().await?;
        assert!(body.contains(&format!("<html lang=\"{lang}\"")) && body.contains(hello), "{accepted}");
    }
    switch(&daemon, true).await?;
    let page = ask(&daemon, ("GET", "/"), With::default()).await?;
    let cookie = cookie_of(&page)?;
    let cookie = cookie.split(';').next();
    let wrote =
        With {
            cookie, body: Some(json!({ "text": "Здравствуйте, вы сегодня работаете?" })), ..With::default()
        };
    let answer: Value = ask(&daemon, ("POST", "/chat/messages"), wrote).await?.json().await?;
    assert_eq!(answer["route"], "human");
    let body = page.text().await?;
    let key = body.split("data-conversation=\"").nth(1).and_then(|rest| rest.split('"').next()).context("the key")?;
    let path = format!("/api/console/conversations/{key}");
    let whole: Value = ask(&daemon, ("GET", &path), With::default()).await?.json().await?;
    let entries = whole["entries"].as_array().context("entries")?;
    let note =
        entries.iter().find(|entry| entry["kind"] == "routed").with_context(|| format!("the note in {whole}"))?;
    assert_eq!(note["text"], "Ваше сообщение передано сотруднику. Он ответит вам здесь.");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn turning_human_mode_off_gives_the_conversation_back_for_good() -> Result<()> {
    let mut daemon = Daemon::new(BINARY)?.with("WEB_GATE", "off");
    daemon.start().await?;
    let say = async |text: &str| -> Result<Value> {
        let body = json!({ "event": "message_created", "id": 1, "content": text, "message_type": "incoming" });
        let with = With { body: Some(body), ..With::default() };
        Ok(ask(&daemon, ("POST", "/webhook/chatwoot"), with).await?.json().await?)
    };
    assert_eq!(say("Hello!").await?["route"], "bot");
    switch(&daemon, true).await?;
    assert_eq!(say("Hello?").await?["route"], "human");
    switch(&daemon, false).await?;
    let began = std::time::Instant::now();
    let path = ("GET", "/api/console/conversations/web:page:demo");
    loop {
        let whole: Value = ask(&daemon, path, With::default()).await?.json().await?;
        let answered = whole["owed"] == 0 && whole["outbox"] == json!([]);
        if whole["phase"] == "bot" && answered {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "the bot does not have it again: {whole}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(say("And again, hello!").await?["route"], "bot");
    Ok(())
}

async fn switch(daemon: &Daemon, on: bool) -> Result<()> {
    let with = With { body: Some(json!({ "enabled": on })), ..With::default() };
    let answer: Value = ask(daemon, ("POST", "/toggle-human"), with).await?.json().await?;
    assert_eq!(answer, json!({ "human_mode": on }));
    Ok(())
}
