//! The vendors' webhooks: what is taken, refused, held and repeated.

use crate::fake::{Mood, webhook};
use crate::server::{Server, Setup, eventually, server};
use frontdesk::http::intake::SignaturePolicy;
use frontdesk_actors::engine::Intake;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HOOK: &str = "/webhooks/chatwoot";
const HOOKS: [&str; 6] =
    [HOOK, "/webhooks/chatwoot/", "/webhook/chatwoot", "/webhook/chatwoot/", "/webhook", "/webhook/"];

#[tokio::test]
async fn a_signed_webhook_is_taken_at_every_address() {
    let server = server(Setup::default()).await;
    for path in HOOKS {
        let answer = server.signed(path, webhook(1)).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok"})), "{path}");
    }
    assert_eq!(server.desk.taken(), HOOKS.len());
    assert_eq!(server.get(HOOK).await.status, 405);
}

#[tokio::test]
async fn a_webhook_without_the_right_signature_is_refused_without_a_reason() {
    let server = server(Setup::default()).await;
    for path in HOOKS {
        let unsigned = server.post(path, webhook(1)).await;
        let request = server.request("POST", path).header("x-chatwoot-signature", "bad").body(webhook(1));
        let forged = server.send(request).await;
        let garbage = server.send(server.request("POST", HOOK).header("x-chatwoot-signature", "bad").body("{")).await;
        for answer in [unsigned, forged, garbage] {
            assert_eq!(answer.status, 401, "{path}");
            assert_eq!(answer.json(), json!({"code": "unauthorized", "detail": "refused"}), "{path}");
        }
    }
    assert_eq!(server.desk.begun(), 0);
}

#[tokio::test]
async fn unsigned_webhooks_follow_the_policy() {
    let waived = server(Setup { policy: Some(SignaturePolicy::Waived), ..Setup::default() }).await;
    assert_eq!(waived.post(HOOK, webhook(1)).await.status, 200);
    assert_eq!(waived.post("/webhook", webhook(1)).await.status, 200);
    let closed = server(Setup { policy: Some(SignaturePolicy::Closed), ..Setup::default() }).await;
    assert_eq!(closed.post(HOOK, webhook(1)).await.status, 401);
    assert_eq!(closed.signed(HOOK, webhook(1)).await.status, 401);
}

#[tokio::test]
async fn what_cannot_be_read_is_malformed_and_what_concerns_nobody_is_ignored() {
    let server = server(Setup::default()).await;
    for body in ["", "{", "nonsense", "\u{0}\u{1}", r#"{"event":"message_created""#, "7", r#"{"event":5}"#] {
        let answer = server.signed(HOOK, body).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("malformed")), "{body:?}");
    }
    let nested = "[".repeat(100_000);
    assert_eq!(server.signed(HOOK, nested).await.status, 400);
    let ignored = server.signed(HOOK, r#"{"event":"contact_created","account":{"id":1}}"#).await;
    assert_eq!((ignored.status, ignored.json()), (200, json!({"status": "ignored"})));
    assert_eq!(server.desk.begun(), 0);
}

#[tokio::test]
async fn a_channel_that_is_off_says_so_whatever_is_sent() {
    let server = server(Setup::default()).await;
    for body in ["{}".to_owned(), "x".repeat(1024 * 1024 + 1)] {
        let answer = server.post("/webhooks/green-api", body).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (404, json!("channel_off")));
    }
}

#[tokio::test]
async fn the_common_address_tells_vendors_apart() {
    let server = server(Setup { policy: Some(SignaturePolicy::Waived), ..Setup::default() }).await;
    // GREEN-API is not served here, and is told so instead of being taken for Chatwoot.
    let off = server.post("/webhook", r#"{"typeWebhook":"incomingMessageReceived"}"#).await;
    assert_eq!((off.status, off.json()["code"].clone()), (404, json!("channel_off")));
    let unknown = server.post("/webhook", r#"{"object":"page"}"#).await;
    assert_eq!((unknown.status, unknown.json()["code"].clone()), (400, json!("unknown_vendor")));
    let malformed = server.post("/webhook", "leads[add][0][id]=1").await;
    assert_eq!((malformed.status, malformed.json()["code"].clone()), (400, json!("malformed")));
}

#[tokio::test]
async fn a_huge_body_is_told_so_however_it_is_sent() {
    let server = server(Setup::default()).await;
    let huge = "x".repeat(1024 * 1024 + 1);
    let whole = server.signed(HOOK, huge).await;
    assert_eq!((whole.status, whole.json()["code"].clone()), (413, json!("too_large")));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST /webhook HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..24 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut status = [0_u8; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 413");
    assert_eq!(server.desk.begun(), 0);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_asked_for_again() {
    let mut setup = Setup::default();
    setup.settings.body_within = Duration::from_millis(50);
    let server = server(setup).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
    let mut answer = [0_u8; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 500");
}

#[tokio::test]
async fn every_outcome_of_a_delivery_has_its_answer() {
    let server = server(Setup::default()).await;
    let table = [
        (Mood::Take(Intake::Accepted), 200),
        (Mood::Take(Intake::Duplicate), 200),
        (Mood::Take(Intake::Parked), 200),
        (Mood::Take(Intake::Ignored("an activity")), 200),
        (Mood::Busy, 429),
        (Mood::Closing, 500),
        (Mood::Quarantined, 500),
        (Mood::Unknown, 500),
        (Mood::Panic, 500),
    ];
    for (mood, status) in table {
        server.desk.script.lock().unwrap().push_back(mood.clone());
        let answer = server.signed(HOOK, webhook(1)).await;
        assert_eq!(answer.status, status, "{mood:?}");
        assert_eq!(answer.header("retry-after").is_empty(), status != 429, "{mood:?}");
    }
}

#[tokio::test]
async fn a_parser_that_breaks_takes_nothing_with_it() {
    let server = server(Setup::default()).await;
    let answer = server.signed(HOOK, r#"{"content":"break the parser"}"#).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (500, json!("internal")));
    assert_eq!(server.signed(HOOK, webhook(1)).await.status, 200);
}

#[tokio::test]
async fn a_store_that_comes_back_in_time_is_waited_for() {
    let server = server(Setup::default()).await;
    server.desk.script.lock().unwrap().extend([Mood::Away, Mood::Away]);
    let answer = server.signed(HOOK, webhook(1)).await;
    assert_eq!((answer.status, server.desk.begun(), server.desk.taken()), (200, 3, 1));
    assert_eq!(server.desk.missed(), 0, "it was taken");
}

#[tokio::test]
async fn a_store_that_stays_away_is_waited_for_and_then_the_vendor_repeats() {
    let server = server(Setup::default().patience(300, 300)).await;
    server.desk.mood("1", Mood::Away);
    let started = Instant::now();
    let answer = server.signed(HOOK, webhook(1)).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (500, json!("store_unavailable")));
    assert!(started.elapsed() >= Duration::from_millis(200), "it was not held: {:?}", started.elapsed());
    assert!(server.desk.begun() > 1, "it was not tried again: {}", server.desk.begun());
    assert_eq!(server.desk.missed(), 1, "it may be lost");
}

#[tokio::test]
async fn only_a_few_webhooks_of_an_account_are_held_and_the_rest_come_again() {
    let server = Arc::new(server(Setup { places: 2, ..Setup::default() }.patience(60_000, 60_000)).await);
    server.desk.mood("1", Mood::Away);
    let held: Vec<_> = (0..2).map(|_| tokio::spawn(signed(server.clone(), 1))).collect();
    // Each held webhook has been tried at least once, so both places are taken.
    eventually("both are tried", || server.desk.begun() >= 4).await;
    let third = server.signed(HOOK, webhook(1)).await;
    assert_eq!((third.status, third.json()["code"].clone()), (429, json!("busy")));
    assert_eq!(server.desk.missed(), 1, "the third may be lost");
    assert_eq!(server.signed(HOOK, webhook(2)).await.status, 200, "another account has its own places");
    server.desk.mood("1", Mood::Take(Intake::Accepted));
    for held in held {
        assert_eq!(held.await.unwrap(), 200);
    }
    server.desk.script.lock().unwrap().push_back(Mood::Away);
    assert_eq!(server.signed(HOOK, webhook(1)).await.status, 200, "the places are given back");
}

async fn signed(server: Arc<Server>, account: u64) -> u16 {
    server.signed(HOOK, webhook(account)).await.status
}

#[tokio::test]
async fn a_delivery_that_hangs_is_answered_in_time_and_lands_later() {
    let server = server(Setup::default().patience(150, 50)).await;
    server.desk.mood("1", Mood::Hang);
    let answer = server.signed(HOOK, webhook(1)).await;
    assert_eq!((answer.status, server.desk.taken()), (500, 0));
    assert_eq!(server.desk.missed(), 1, "Chatwoot takes it for lost, and may open the conversation");
    server.desk.release.add_permits(1);
    eventually("the delivery lands", || server.desk.taken() == 1).await;
}

#[tokio::test]
async fn slow_deliveries_take_places_too() {
    let server = Arc::new(server(Setup { places: 1, ..Setup::default() }.patience(60_000, 30)).await);
    server.desk.mood("1", Mood::Hang);
    let first = tokio::spawn(signed(server.clone(), 1));
    eventually("the first is tried", || server.desk.begun() == 1).await;
    let second = tokio::spawn(signed(server.clone(), 1));
    eventually("the second is tried", || server.desk.begun() == 2).await;
    let third = signed(server.clone(), 1).await;
    assert_eq!(third, 429);
    server.desk.release.add_permits(3);
    let mut both = [first.await.unwrap(), second.await.unwrap()];
    both.sort_unstable();
    assert_eq!(both, [200, 429], "one place, one held");
    eventually("what was answered 429 lands as well", || server.desk.taken() == 3).await;
}

#[tokio::test]
async fn a_vendor_that_hangs_up_does_not_stop_the_delivery() {
    let server = server(Setup::default()).await;
    server.desk.script.lock().unwrap().extend([Mood::Away, Mood::Hang]);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let body = webhook(1);
    let head = "POST /webhook HTTP/1.1\r\nhost: x\r\nx-chatwoot-signature: good\r\ncontent-length";
    stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    eventually("the delivery is under way", || server.desk.begun() >= 1).await;
    drop(stream);
    eventually("the handler is gone", || server.abandoned.load(Ordering::SeqCst) == 1).await;
    assert_eq!(server.desk.taken(), 0);
    server.desk.release.add_permits(1);
    eventually("the delivery lands", || server.desk.taken() == 1).await;
}

/// Whatever arrives, the answer is one of the few, and the server goes on.
#[test]
fn no_body_breaks_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(server(Setup { policy: Some(SignaturePolicy::Waived), ..Setup::default() }));
    let keys = prop::sample::select(vec!["event", "content", "account", "conversation", "id", "x"]);
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(|yes| json!(yes)),
        Just(json!(null)),
        ".{0,12}".prop_map(|text| json!(text)),
        Just(json!("message_created")),
    ];
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| json!(list)),
            prop::collection::btree_map(keys.clone(), inner, 0..5).prop_map(|map| json!(map)),
        ]
    });
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        value.clone().prop_map(|value| value.to_string().into_bytes()),
        (value, any::<prop::sample::Index>()).prop_map(|(value, at)| {
            let text = value.to_string().into_bytes();
            text[..at.index(text.len())].to_vec()
        }),
    ];
    let case = (body, prop::sample::select(vec![HOOK, "/webhook", "/toggle-human", "/verify", "/verify/disown"]));
    let mut runner = TestRunner::new(Config { cases: 256, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&case, |(body, path)| {
        let answer = runtime.block_on(server.send(server.request("POST", path).bearer_auth("the-token").body(body)));
        let expected =
            matches!(answer.status, 200 | 400) || (path == HOOK || path == "/webhook") && answer.status == 404;
        prop_assert!(expected, "{path} answered {}", answer.status);
        Ok(())
    });
    outcome.unwrap();
    runtime.block_on(async {
        assert_eq!(server.post(HOOK, webhook(1)).await.status, 200);
    });
}
