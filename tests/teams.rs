//! Cards to Teams over HTTP: what the channel shows, and what every failure means.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests may")]

use frontdesk::adapters::teams::{
    CardShape, DemoAlerts, NoSink, Settings, SetupError, Teams, Tone, UtcOffset, Wording,
};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{AlertSink, Card, Verdict};
use frontdesk_actors::time::{Clock, Timestamp};
use frontdesk_sandbox::teams::{Fault, FlowKind, SIGNATURE, TeamsFlow};
use secrecy::SecretString;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_795_197_959);

/// A clock that stands still.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        NOW
    }
}

fn settings(url: &str) -> Settings {
    Settings {
        url: SecretString::from(url),
        shape: CardShape::Message,
        desk_locale: Lang::En,
        utc_offset: UtcOffset::parse("+05:00").unwrap(),
        timeout: Duration::from_secs(20),
    }
}

fn teams(settings: &Settings) -> Teams {
    Teams::new(settings, Arc::new(Noon)).unwrap()
}

fn handoff(message: &str) -> Card {
    Card::Handoff {
        reason: Reason::AskedByCustomer,
        customer: "Dana [x](https://evil.example) <dana@example.com>".to_owned(),
        message: message.to_owned(),
        at: NOW,
        link: Some("https://chat.example.com/app/accounts/1/conversations/57".to_owned()),
    }
}

const SETTLED: Verdict = Verdict::Settled { message: None };

/// Posts one card and returns the verdict, having checked that it shows neither the URL nor the customer.
async fn post(flow: &TeamsFlow) -> Verdict {
    let verdict = teams(&settings(&flow.url())).post(&handoff("Hello?")).await;
    quiet(&verdict);
    verdict
}

fn quiet(verdict: &Verdict) {
    let shown = format!("{verdict:?}");
    for secret in [SIGNATURE, "127.0.0.1", "http", "Dana", "Hello?"] {
        let relayed = secret == "http" && shown.contains("HTTP error");
        assert!(relayed || !shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn a_hand_over_appears_in_the_channel() {
    let flow = TeamsFlow::start().await.unwrap();
    let teams = teams(&settings(&flow.url()));
    assert_eq!(teams.last_accepted_at(), None);
    assert_eq!(teams.post(&handoff("Where is\nmy *money*?")).await, SETTLED);
    assert_eq!(teams.last_accepted_at(), Some(NOW));
    let card = flow.wait_for_cards(1).await.unwrap().remove(0);
    assert_eq!(card["version"], "1.4");
    assert_eq!(card["body"][0]["items"][0]["text"], "A customer is waiting for a person");
    let facts: Vec<&Value> = card["body"][1]["facts"].as_array().unwrap().iter().map(|fact| &fact["value"]).collect();
    assert_eq!(facts[0], "The customer asked for a person.");
    assert_eq!(facts[1], "Dana \\[x\\](https://evil.example) <\u{200b}dana@example.com>");
    assert_eq!(facts[2], "2026-11-20 23:05 (UTC+05:00)");
    assert_eq!(card["body"][2]["text"], "Where is\n\nmy \\*money\\*?");
    assert_eq!(card["actions"][0]["type"], "Action.OpenUrl");
    assert_eq!(card["actions"][0]["title"], "Open conversation");
    assert_eq!(card["actions"][0]["url"], "https://chat.example.com/app/accounts/1/conversations/57");
}

#[tokio::test]
async fn every_card_is_posted_in_every_language_and_shape() {
    for (kind, shape) in [(FlowKind::Template, CardShape::Message), (FlowKind::BareCard, CardShape::Card)] {
        let flow = TeamsFlow::start_kind(kind).await.unwrap();
        for lang in Lang::ALL {
            let teams = teams(&Settings { shape, desk_locale: lang, ..settings(&flow.url()) });
            let incident = Card::Incident { text: "The store is away.".to_owned(), repeats: 3, at: NOW };
            let resolved = Card::Resolved { text: "The store is away.".to_owned(), at: NOW };
            for card in [handoff("Hi"), handoff(&"өө ".repeat(20_000)), incident, resolved] {
                assert_eq!(teams.post(&card).await, SETTLED, "{lang:?}");
            }
        }
        assert_eq!((flow.cards().len(), flow.failed_runs()), (16, 0), "{kind:?}");
    }
}

#[tokio::test]
async fn the_wrong_shape_is_accepted_and_never_seen() {
    let flow = TeamsFlow::start_kind(FlowKind::BareCard).await.unwrap();
    assert_eq!(post(&flow).await, SETTLED, "Teams says 202 to anything: the guide must tell how to test the shape");
    assert_eq!((flow.cards().len(), flow.failed_runs()), (0, 1));
}

#[tokio::test]
async fn throttling_is_waited_out_as_told() {
    let flow = TeamsFlow::start().await.unwrap();
    flow.fault(Fault::Throttle { retry_after: Some(17) });
    flow.fault(Fault::Throttle { retry_after: None });
    flow.fault(Fault::ThrottleInBody);
    for expected in [Some(Duration::from_secs(17)), None, None] {
        let verdict = post(&flow).await;
        let Verdict::Transient { retry_after, .. } = &verdict else { panic!("{verdict:?}") };
        assert_eq!(*retry_after, expected);
    }
    assert_eq!(post(&flow).await, SETTLED);
    assert_eq!((flow.cards().len(), flow.requests()), (1, 4), "the client itself never tries again");
}

#[tokio::test]
async fn failures_after_posting_are_unknown() {
    let flow = TeamsFlow::start().await.unwrap();
    flow.fault(Fault::PostThenFail);
    let verdict = post(&flow).await;
    assert!(matches!(verdict, Verdict::Unknown { finished: true, .. }), "{verdict:?}");
    flow.fault(Fault::PostThenHang);
    let impatient = teams(&Settings { timeout: Duration::from_secs(2), ..settings(&flow.url()) });
    let verdict = impatient.post(&handoff("Hello?")).await;
    assert!(matches!(verdict, Verdict::Unknown { finished: false, .. }), "{verdict:?}");
    quiet(&verdict);
    assert_eq!(impatient.last_accepted_at(), None);
    assert_eq!((flow.cards().len(), flow.requests()), (2, 2));
}

#[tokio::test]
async fn a_dead_or_disabled_flow_is_the_accounts_fault() {
    let flow = TeamsFlow::start().await.unwrap();
    let off = r#"{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"sandbox-signature Hello?"}}"#;
    for (status, body, advice) in
        [(404, "", "deleted"), (410, "", "co-owner"), (400, off, "turned off"), (302, "", "copy")]
    {
        flow.fault(Fault::Answer(status, body.to_owned()));
        let verdict = post(&flow).await;
        let Verdict::AccountFault { why } = &verdict else { panic!("{status}: {verdict:?}") };
        assert!(why.contains(advice), "{why}");
    }
    let unsigned = flow.url().replace(SIGNATURE, "wrong");
    let verdict = teams(&settings(&unsigned)).post(&handoff("Hello?")).await;
    assert!(matches!(verdict, Verdict::AccountFault { .. }), "{verdict:?}");
    for status in [400, 413] {
        flow.fault(Fault::Answer(status, String::new()));
        assert!(matches!(post(&flow).await, Verdict::Rejected { .. }), "{status}");
    }
}

#[tokio::test]
async fn a_refused_connection_wrote_nothing() {
    // Bound without listening: nobody else gets the port, and connections are refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/?sig={SIGNATURE}", socket.local_addr().unwrap());
    let verdict = teams(&settings(&url)).post(&handoff("Hello?")).await;
    assert!(matches!(verdict, Verdict::Transient { retry_after: None, .. }), "{verdict:?}");
    quiet(&verdict);
}

#[test]
fn retired_addresses_are_refused_at_start_and_secrets_stay_hidden() {
    let retired = settings("https://contoso.webhook.office.com/webhookb2/s3cret");
    let error = Teams::new(&retired, Arc::new(Noon)).unwrap_err();
    assert!(matches!(error, SetupError::Retired(_)) && error.to_string().contains("Workflows"), "{error}");
    let good = settings("https://x.environment.api.powerplatform.com/a?sig=s3cret");
    assert!(!format!("{:?} {good:?} {error} {retired:?}", teams(&good)).contains("s3cret"));
    assert_eq!(CardShape::parse("Card"), Some(CardShape::Card));
    assert_eq!(CardShape::parse("message "), Some(CardShape::Message));
    assert_eq!(CardShape::parse("x"), None);
}

#[tokio::test]
async fn a_desk_without_teams_counts_or_shows_its_cards() {
    let none = NoSink::default();
    assert_eq!(none.post(&handoff("Hi")).await, SETTLED);
    assert_eq!(none.dropped(), 1);

    let demo = DemoAlerts::new(Wording::new(Lang::En, UtcOffset::default()), Arc::new(Noon));
    assert_eq!(demo.post(&handoff("Hi")).await, SETTLED);
    let shown = demo.list().pop().unwrap();
    assert_eq!((shown.face.tone, shown.face.text.as_str()), (Tone::Customer, "Hi"));
    assert_eq!(shown.face.facts[0].1, "The customer asked for a person.");
    assert!(!format!("{shown:?}").contains("Dana"));
}
