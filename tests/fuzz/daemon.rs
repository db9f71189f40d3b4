//! The real daemon as a demo, asked anything over HTTP: the page's routes, the minimal webhook, `/verify` as a whole.

use super::{alone, json, report};
use frontdesk::links::Links;
use frontdesk_actors::testkit::fuzz::{Dice, Fuzz, damage, kind_of};
use frontdesk_sandbox::daemon::Daemon;
use reqwest::{Method, Response, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// How much the daemon may grow, whatever it is asked: its conversations and their memories, and one body at a time.
const GROWTH: u64 = 96 * 1024;

/// Everything that takes something from a visitor. Streams are left out: they do not end.
const ROUTES: [(&str, &str); 17] = [
    ("POST", "/webhook"),
    ("POST", "/webhook/chatwoot"),
    ("POST", "/webhooks/chatwoot"),
    ("POST", "/chat/messages"),
    ("POST", "/chat/messages"),
    ("POST", "/chat/reset"),
    ("GET", "/"),
    ("GET", "/verify?token="),
    ("HEAD", "/verify?token="),
    ("POST", "/verify"),
    ("POST", "/verify/disown"),
    ("GET", "/api/console/conversations/"),
    ("POST", "/api/console/conversations/KEY/reply"),
    ("POST", "/api/console/conversations/KEY/take"),
    ("POST", "/api/console/conversations/KEY/handback"),
    ("GET", "/api/console/mails/"),
    ("POST", "/toggle-human"),
];

/// How much of a body the page's routes read, in bytes.
const UNREAD: usize = 64 * 1024;

struct Desk {
    runtime: Runtime,
    daemon: Daemon,
    /// Opens a connection for every request: one that is kept may be closed by the other side just when it is used again.
    http: reqwest::Client,
    token: String,
}

impl Desk {
    /// Starts a demo in which somebody has a verification link.
    fn open() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let mut daemon = Daemon::new(env!("CARGO_BIN_EXE_frontdesk")).expect("a place").with("JWT_SECRET", SECRET);
        let token = runtime.block_on(async {
            daemon.start().await.expect("the demo starts");
            let say = |text: &str| {
                let body = json!({ "event": "message_created", "content": text, "message_type": "incoming" });
                daemon.http().post(daemon.url("/webhook")).json(&body).send()
            };
            say("Hello!").await.expect("taken");
            say("dana@example.com").await.expect("taken");
            let began = Instant::now();
            loop {
                let mails: Value = ask(&daemon, "GET", "/api/console/mails").await.json().await.expect("JSON");
                if let Some((_, token)) = mails["mails"][0]["link"].as_str().and_then(|link| link.split_once("token="))
                {
                    return token.to_owned();
                }
                assert!(began.elapsed() < Duration::from_secs(20), "there is no mail: {mails}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        Self { runtime, daemon, http, token }
    }

    /// What the daemon holds of the machine's memory at its highest, in KiB. Linux says it, others do not.
    fn peak(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.daemon.pid()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    async fn metric(&self, name: &str) -> f64 {
        let text = ask(&self.daemon, "GET", "/metrics").await.text().await.expect("a text");
        let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit(' ').next());
        values.filter_map(|value| value.parse::<f64>().ok()).sum()
    }
}

async fn ask(daemon: &Daemon, method: &str, path: &str) -> Response {
    let method = method.parse::<Method>().expect("a method");
    daemon.http().request(method, daemon.url(path)).send().await.expect("an answer")
}

/// A request as its bytes: route, header and body, apart by a byte that none of them begins with.
fn request(dice: &mut Dice, corpus: &[Vec<u8>], desk: &Desk) -> Vec<u8> {
    let route = dice.below(ROUTES.len());
    let body = match ROUTES[route].1 {
        path if path.starts_with("/verify") => token(dice, &desk.token),
        _ => json::mutate(dice, corpus),
    };
    let session = dice.below(24);
    [&[u8::try_from(route).unwrap_or_default(), u8::try_from(session).unwrap_or_default()][..], &body].concat()
}

/// A token: the real one, damaged, or with other claims that are signed as ours are.
fn token(dice: &mut Dice, genuine: &str) -> Vec<u8> {
    let mut token = genuine.as_bytes().to_vec();
    if dice.one_in(2) {
        damage(dice, &mut token, genuine.as_bytes());
        return token;
    }
    let url = "http://127.0.0.1/".parse().expect("an address");
    let links = Links::new(&SecretString::from(SECRET), &url).expect("a good secret");
    let Ok(claims) = links.read(genuine, frontdesk_actors::time::Timestamp::default()) else { return token };
    let mut payload = json!({
        "iss": "frontdesk", "aud": "verify", "key": claims.conversation, "sub": claims.contact, "chl": claims.challenge,
        "adr": claims.address_digest, "iat": claims.issued.as_secs(), "exp": claims.expires.as_secs(),
    });
    let same = payload.clone();
    json::change(dice, &mut payload, &same);
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    jsonwebtoken::encode(&header, &payload, &key).unwrap_or_default().into_bytes()
}

fn percent(bytes: &[u8]) -> String {
    percent_encoding::percent_encode(&bytes[..bytes.len().min(4_000)], percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Sends a request and returns its status.
async fn send(desk: &Desk, input: &[u8]) -> StatusCode {
    let (head, body) = input.split_at(input.len().min(2));
    let route = ROUTES[usize::from(head.first().copied().unwrap_or_default()) % ROUTES.len()];
    let session = format!("fd_session={:032x}", head.get(1).copied().unwrap_or_default());
    let path = match route.1 {
        path if path.ends_with('=') || path.ends_with("s/") => format!("{path}{}", percent(body)),
        path => path.replace("KEY", if body.len() % 2 == 0 { "web:page:demo" } else { "web:page:x%2F%00" }),
    };
    let method = route.0.parse::<Method>().expect("a method");
    let mut asked = desk.http.request(method, desk.daemon.url(&path)).header("cookie", session);
    if let Ok(value) = reqwest::header::HeaderValue::from_bytes(&body[..body.len().min(200)]) {
        asked = asked.header("accept-language", value);
    }
    if route.0 == "POST" && route.1.starts_with("/verify") {
        asked =
            asked.header("content-type", "application/x-www-form-urlencoded").body(format!("token={}", percent(body)));
    } else if route.0 == "POST" {
        asked = asked.header("content-type", "application/json").body(body.to_vec());
    }
    match asked.send().await {
        Ok(answer) => answer.status(),
        // A body that nobody reads to its end is refused while it is written, and the refusal may be lost with the
        // connection.
        Err(_) if body.len() > UNREAD => StatusCode::PAYLOAD_TOO_LARGE,
        Err(error) => panic!("no answer: {error:?}"),
    }
}

#[test]
fn whatever_is_asked_the_daemon_answers_and_goes_on() {
    let _alone = alone();
    let desk = Desk::open();
    let bodies = [
        json!({ "event": "message_created", "id": 1, "content": "Hi", "message_type": "incoming" }),
        json!({ "text": "Do you ship to Norway?", "id": "0123456789abcdef" }),
        json!({ "enabled": false }),
    ];
    let corpus: Vec<Vec<u8>> = bodies.iter().map(|body| body.to_string().into_bytes()).collect();
    let before = desk.peak();
    let fuzz = Fuzz::new("daemon", 1_500, env!("CARGO_TARGET_TMPDIR"));
    let ran = fuzz.run(
        vec![[&[0, 0][..], &corpus[0]].concat()],
        |dice, _| request(dice, &corpus, &desk),
        |input| {
            let status = desk.runtime.block_on(send(&desk, input));
            assert!(status.as_u16() < 500 || status == StatusCode::SERVICE_UNAVAILABLE, "answered {status}");
            kind_of(&format!("{:?} {status}", input.first()))
        },
    );
    report("daemon", &ran, 30);
    desk.runtime.block_on(async {
        assert_eq!(desk.metric("frontdesk_panics_total").await, 0.0);
        assert_eq!(desk.metric("frontdesk_conversations_quarantined").await, 0.0);
        assert_eq!(ask(&desk.daemon, "GET", "/healthz").await.status(), StatusCode::OK);
    });
    assert!(!desk.daemon.log().contains("panicked"), "something panicked");
    if let (Some(before), Some(after)) = (before, desk.peak()) {
        println!("daemon: {before} KiB before, {after} KiB at the highest");
        assert!(after <= before + GROWTH, "it grew from {before} to {after} KiB");
    }
}
