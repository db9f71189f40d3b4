//! The real daemon that serves WhatsApp and Kommo, sent anything at the vendors' own ways in.

use super::{alone, json, report};
use frontdesk_actors::testkit::fuzz::{Dice, Fuzz, damage, kind_of};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::green_api::{GreenDouble, INSTANCE, Options, TOKEN as GREEN_TOKEN};
use frontdesk_sandbox::kommo::{CLIENT_SECRET, KommoDouble, SUBDOMAIN, TOKEN as KOMMO_TOKEN};
use frontdesk_sandbox::model::ModelDouble;
use frontdesk_sandbox::town::ADMIN_TOKEN;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::runtime::Runtime;

const WEBHOOK_TOKEN: &str = "a-webhook-token-for-tests";

/// The ways in, what proves the sender there, and whether anything but 200 would hold back everybody's messages.
const ROUTES: [(&str, &str, Option<&str>, bool); 8] = [
    ("POST", "/webhooks/green-api", Some(WEBHOOK_TOKEN), true),
    ("POST", "/webhook", Some(WEBHOOK_TOKEN), true),
    ("POST", "/webhooks/green-api", None, false),
    ("POST", "/api/kommo/chat/webhook", None, false),
    ("POST", "/webhooks/kommo/a-webhook-secret-of-some-length", None, false),
    ("GET", "/oauth/kommo?state=x&code=", None, false),
    ("POST", "/api/kommo/chat/test", Some(ADMIN_TOKEN), false),
    ("POST", "/api/kommo/widget/install", Some(ADMIN_TOKEN), false),
];

struct Desk {
    runtime: Runtime,
    daemon: Daemon,
    /// Opens a connection for every request: one that is kept may be closed by the other side just when it is used again.
    http: reqwest::Client,
    kommo: KommoDouble,
    /// They stop when dropped.
    _doubles: (GreenDouble, ModelDouble),
}

impl Desk {
    fn open() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let mut daemon = Daemon::new(env!("CARGO_BIN_EXE_frontdesk")).expect("a place");
        let (kommo, doubles) = runtime.block_on(async {
            let green = GreenDouble::start(Options::default()).await.expect("a double");
            let kommo = KommoDouble::start(&daemon.url("")).await.expect("a double");
            let model = ModelDouble::start().await;
            for (name, value) in [
                ("ADMIN_TOKEN", ADMIN_TOKEN.to_owned()),
                ("JWT_SECRET", "a-signing-secret-of-more-than-32-bytes".to_owned()),
                ("OPENAI_API_KEY", "sk-test".to_owned()),
                ("OPENAI_BASE_URL", model.base_url().to_owned()),
                ("OPENAI_MODEL", "test-model".to_owned()),
                ("GREEN_API_URL", green.base_url().to_owned()),
                ("GREEN_ID_INSTANCE", INSTANCE.to_string()),
                ("GREEN_API_TOKEN", GREEN_TOKEN.to_owned()),
                ("GREEN_WEBHOOK_TOKEN", WEBHOOK_TOKEN.to_owned()),
                ("KOMMO_SUBDOMAIN", SUBDOMAIN.to_owned()),
                ("KOMMO_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
                ("KOMMO_BASE_URL", kommo.base_url()),
                ("KOMMO_TOKEN", KOMMO_TOKEN.to_owned()),
                ("KOMMO_WEBHOOK_SECRET", "a-webhook-secret-of-some-length".to_owned()),
            ] {
                daemon.set(name, value);
            }
            daemon.start().await.expect("it starts");
            (kommo, (green, model))
        });
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        Self { runtime, daemon, http, kommo, _doubles: doubles }
    }

    async fn metric(&self, name: &str) -> f64 {
        let asked = self.daemon.http().get(self.daemon.url("/metrics")).bearer_auth(ADMIN_TOKEN).send().await;
        let text = asked.expect("an answer").text().await.expect("a text");
        let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit(' ').next());
        values.filter_map(|value| value.parse::<f64>().ok()).sum()
    }
}

/// A request as its bytes: the route, then the body.
fn request(dice: &mut Dice, bodies: &[Vec<u8>]) -> Vec<u8> {
    let route = u8::try_from(dice.below(ROUTES.len())).unwrap_or_default();
    let mut body = json::mutate(dice, bodies);
    if dice.one_in(8) {
        let other = dice.pick(bodies);
        damage(dice, &mut body, other);
    }
    [&[route][..], &body].concat()
}

async fn send(desk: &Desk, input: &[u8]) -> (usize, StatusCode) {
    let (head, body) = input.split_at(input.len().min(1));
    let number = usize::from(head.first().copied().unwrap_or_default()) % ROUTES.len();
    let (method, path, bearer, _) = ROUTES[number];
    let url = match method {
        "GET" => {
            let shown = &body[..body.len().min(2_000)];
            let shown = percent_encoding::percent_encode(shown, percent_encoding::NON_ALPHANUMERIC);
            desk.daemon.url(&format!("{path}{shown}"))
        }
        _ => desk.daemon.url(path),
    };
    let mut asked = desk.http.request(method.parse::<Method>().expect("a method"), url);
    if let Some(bearer) = bearer {
        asked = asked.bearer_auth(bearer);
    }
    if method == "POST" {
        asked = asked.body(body.to_vec());
    }
    (number, asked.send().await.expect("an answer").status())
}

#[test]
fn whatever_vendors_send_the_daemon_answers_and_goes_on() {
    let _alone = alone();
    let desk = Desk::open();
    let fixtures = ["green-api", "kommo"].into_iter().flat_map(super::parsers::fixtures_of);
    let genuine: Value = desk.kommo.body(desk.kommo.wait(20_000_001), "Do you ship?");
    let sample = br#"{"message":"Do you ship?"}"#.to_vec();
    let event = desk.kommo.user_event(20_000_001, "Kim here").1.into_bytes();
    let bodies: Vec<Vec<u8>> = fixtures.chain([genuine.to_string().into_bytes(), sample, event]).collect();
    let first = [&[3][..], genuine.to_string().as_bytes()].concat();
    let fuzz = Fuzz::new("vendors", 700, env!("CARGO_TARGET_TMPDIR"));
    let ran = fuzz.run(
        vec![first],
        |dice, _| request(dice, &bodies),
        |input| {
            let (route, status) = desk.runtime.block_on(send(&desk, input));
            let (_, path, _, only_200) = ROUTES[route];
            assert!(!only_200 || status == StatusCode::OK, "{path} held everybody up: {status}");
            // A trial that the model cannot answer says so.
            let failed = status.as_u16() >= 500 && status != StatusCode::SERVICE_UNAVAILABLE;
            assert!(!failed || status == StatusCode::BAD_GATEWAY && path.ends_with("/test"), "{path}: {status}");
            kind_of(&format!("{route} {status}"))
        },
    );
    report("vendors", &ran, 12);
    desk.runtime.block_on(async {
        assert_eq!(desk.metric("frontdesk_panics_total").await, 0.0);
        let health = desk.daemon.http().get(desk.daemon.url("/healthz")).send().await.expect("an answer");
        assert_eq!(health.status(), StatusCode::OK);
    });
    assert!(!desk.daemon.log().contains("panicked"), "something panicked");
}
