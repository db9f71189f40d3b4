//! The admin API: who may, and what it answers.

use crate::server::{Setup, server};
use frontdesk_actors::domain::Order;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const ROUTES: [(&str, &str); 21] = [
    ("POST", "/toggle-human"),
    ("GET", "/human-status"),
    ("GET", "/api/status"),
    ("POST", "/api/pause"),
    ("POST", "/api/resume"),
    ("GET", "/api/conversations"),
    ("GET", "/api/conversations/chatwoot:1:57"),
    ("GET", "/api/conversations/chatwoot:1:57/journal"),
    ("POST", "/api/conversations/chatwoot:1:57/handoff"),
    ("POST", "/api/conversations/chatwoot:1:57/resume"),
    ("POST", "/api/conversations/chatwoot:1:57/forget"),
    ("GET", "/api/outbox"),
    ("POST", "/api/conversations/chatwoot:1:57/outbox/0000002a-3/resend"),
    ("POST", "/api/conversations/chatwoot:1:57/outbox/0000002a-3/drop"),
    ("GET", "/api/quarantine"),
    ("POST", "/api/people"),
    ("POST", "/api/conversations/chatwoot:1:57/erase"),
    ("POST", "/api/unread/erase"),
    ("POST", "/api/conversations/chatwoot:1:57/summary"),
    ("GET", "/api/instructions"),
    ("POST", "/api/conversations/chatwoot:1:57/requeue"),
];

/// A body that the route takes.
fn body(path: &str) -> &'static str {
    if path == "/api/people" { r#"{"all":true}"# } else { r#"{"enabled":true}"# }
}

#[tokio::test]
async fn every_admin_route_asks_for_the_token() {
    let server = server(Setup::default()).await;
    for (method, path) in ROUTES {
        let without = server.send(server.request(method, path).body(body(path))).await;
        let wrong = server.request(method, path).bearer_auth("the-toke").body(body(path));
        for answer in [without, server.send(wrong).await] {
            assert_eq!((answer.status, answer.json()["code"].clone()), (401, json!("unauthorized")), "{method} {path}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
        }
    }
    assert!(!server.desk.human.load(Ordering::SeqCst) && !server.desk.paused.load(Ordering::SeqCst));
    assert!(server.desk.orders.lock().unwrap().is_empty());
}

#[tokio::test]
async fn demo_mode_is_open_to_this_machine_only() {
    let server = server(Setup { token: None, ..Setup::default() }).await;
    for (method, path) in ROUTES {
        let body = body(path);
        assert_eq!(server.send(server.request(method, path).body(body)).await.status, 200, "{method} {path}");
        let elsewhere = server.request(method, path).header("origin", "https://evil.example").body(body);
        assert_eq!(server.send(elsewhere).await.status, 403, "{method} {path}");
        let rebound = server.request(method, path).header("host", "evil.example").body(body);
        assert_eq!(server.send(rebound).await.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn wrong_tokens_wait_in_a_short_line_and_the_right_one_does_not() {
    let server = Arc::new(server(Setup { penalty: Duration::from_secs(600), ..Setup::default() }).await);
    let mut guesses: FuturesUnordered<_> = (0..5)
        .map(|guess| {
            let server = server.clone();
            async move { server.send(server.request("GET", "/human-status").bearer_auth(guess)).await }
        })
        .collect();
    // Four wait for longer than the test, so the first answer tells that the line is full.
    let first = guesses.next().await.unwrap();
    assert_eq!((first.status, first.json()["code"].clone()), (429, json!("slow_down")));
    assert_eq!(server.admin("GET", "/human-status", "").await.status, 200);
}

#[tokio::test]
async fn the_human_switch_is_turned_and_shown() {
    let server = server(Setup::default()).await;
    for on in [true, false] {
        let body = if on { r#"{"enabled":true}"# } else { r#"{ "enabled" : false }"# };
        let answer = server.admin("POST", "/toggle-human", body).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"human_mode": on})));
        assert_eq!(server.admin("GET", "/human-status", "").await.json(), json!({"human_mode": on}));
    }
    for body in ["", "{}", "true", r#"{"enabled":1}"#, r#"{"enabled":"true"}"#, r#"{"enabled":true,"x":1}"#] {
        let answer = server.admin("POST", "/toggle-human", body).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("malformed")), "{body}");
        assert!(answer.text.contains("enabled"), "{}", answer.text);
    }
    assert!(!server.desk.human.load(Ordering::SeqCst));
}

#[tokio::test]
async fn conversations_are_listed_and_shown() {
    let server = server(Setup::default()).await;
    let listed = |path: &'static str| {
        let server = &server;
        async move { server.admin("GET", path, "").await.json()["conversations"].as_array().unwrap().len() }
    };
    assert_eq!(listed("/api/conversations").await, 50);
    assert_eq!(listed("/api/conversations?limit=3").await, 3);
    for bad in [
        "/api/conversations?limit=0",
        "/api/conversations?limit=many",
        "/api/conversations/chatwoot:1:57/journal?limit=-1",
    ] {
        let refused = server.admin("GET", bad, "").await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (400, json!("bad_limit")), "{bad}");
    }
    let shown = server.admin("GET", "/api/conversations/chatwoot:1:57", "").await;
    assert_eq!((shown.status, shown.json()["phase"].clone()), (200, json!("bot")));
    assert_eq!(shown.header("cache-control"), "no-store");
    let escaped = server.admin("GET", "/api/conversations/chatwoot%3A1%3A57", "").await;
    assert_eq!(escaped.json()["key"], "chatwoot:1:57");
    let none = server.admin("GET", "/api/conversations/chatwoot:1:404", "").await;
    assert_eq!((none.status, none.json()["code"].clone()), (404, json!("no_such_conversation")));
}

#[tokio::test]
async fn a_conversation_is_explained() {
    let server = server(Setup::default()).await;
    let path = "/api/conversations/chatwoot:1:57/journal";
    let told = server.admin("GET", &format!("{path}?limit=2"), "").await;
    assert_eq!(told.status, 200);
    let told = told.json();
    assert_eq!((&told["key"], &told["now"]), (&json!("chatwoot:1:57"), &json!("The desk has it; nothing is owed.")));
    let entries = told["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["heard"], json!({ "customer_wrote": { "message": 57, "words": true } }));
    assert!(entries[0]["text"].as_str().unwrap().starts_with("the customer wrote (message 57) → an answer follows"));
    assert_eq!(server.admin("GET", path, "").await.json()["entries"].as_array().unwrap().len(), 50);
    let none = server.admin("GET", "/api/conversations/chatwoot:1:404/journal", "").await;
    assert_eq!((none.status, none.json()["code"].clone()), (404, json!("no_such_conversation")));
    assert_eq!(server.admin("GET", "/api/conversations/57/journal", "").await.status, 400);
}

#[tokio::test]
async fn orders_reach_the_conversation() {
    let server = server(Setup::default()).await;
    for (verb, body) in [("handoff", ""), ("resume", "{}"), ("forget", "not json")] {
        let path = format!("/api/conversations/chatwoot:1:57/{verb}");
        let answer = server.admin("POST", &path, body).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok", "phase": "human"})), "{verb}");
    }
    let key = || "chatwoot:1:57".to_owned();
    let given = server.desk.orders.lock().unwrap().clone();
    assert_eq!(given, [(key(), Order::Human), (key(), Order::Bot), (key(), Order::Forget)]);
    for (key, status, code) in [
        ("chatwoot:1:404", 404, "no_such_conversation"),
        ("57", 400, "bad_key"),
        ("a:b:c%20d", 400, "bad_key"),
        ("%ff:1:2", 400, "bad_key"),
    ] {
        let answer = server.admin("POST", &format!("/api/conversations/{key}/handoff"), "").await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (status, json!(code)), "{key}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_named() {
    let server = server(Setup::default()).await;
    server.desk.store_up.store(false, Ordering::SeqCst);
    // These two ask nothing of it.
    for (method, path) in ROUTES.into_iter().filter(|(_, path)| !["/human-status", "/api/instructions"].contains(path))
    {
        let answer = server.admin(method, path, body(path)).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (503, json!("store_unavailable")), "{path}");
    }
    assert_eq!(server.admin("GET", "/human-status", "").await.status, 200);
}

#[tokio::test]
async fn the_emergency_stop_is_turned_shown_and_refused_while_the_store_is_away() {
    let server = server(Setup::default()).await;
    let waiting = json!({"rows": 3, "questions": 2, "conversations": 1});
    let off = json!({"paused": false, "paused_since": null, "human_mode": false, "waiting": waiting});
    let on = json!({"paused": true, "paused_since": 1_760_000_000_123_i64, "human_mode": false, "waiting": waiting});
    assert_eq!(server.admin("GET", "/api/status", "").await.json(), off);
    for (path, shown) in [("/api/pause", &on), ("/api/pause", &on), ("/api/resume", &off)] {
        let answer = server.admin("POST", path, "").await;
        assert_eq!((answer.status, &answer.json()), (200, shown), "{path}");
        assert_eq!(&server.admin("GET", "/api/status", "").await.json(), shown);
        let sends = if shown == &on { "paused" } else { "on" };
        assert_eq!(server.get("/readyz").await.json()["sends"], sends, "{path}");
    }
    server.desk.store_up.store(false, Ordering::SeqCst);
    for (method, path) in [("GET", "/api/status"), ("POST", "/api/pause"), ("POST", "/api/resume")] {
        assert_eq!(server.admin(method, path, "").await.status, 503, "{path}");
    }
}
