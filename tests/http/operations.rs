//! Health, metrics, unknown addresses, and the daemon's end.

use crate::fake::webhook;
use crate::server::{Setup, eventually, server};
use frontdesk::shutdown::{Farewell, Lifecycle, ListenError, listen};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Renders the metrics of the whole test process.
pub(crate) fn recorded() -> String {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        let handle = PrometheusBuilder::new().install_recorder().unwrap();
        frontdesk_actors::metrics::describe_all();
        handle
    });
    handle.render()
}

#[tokio::test]
async fn readiness_does_not_follow_the_store() {
    let server = server(Setup::default()).await;
    assert_eq!(server.get("/healthz").await.json(), json!({"status": "ok"}));
    server.desk.store_up.store(false, Ordering::SeqCst);
    let away = server.get("/readyz").await;
    assert_eq!((away.status, away.json()), (200, json!({"status": "ready", "store": "away", "sends": "on"})));
}

#[tokio::test]
async fn readiness_names_a_store_that_answers() {
    let server = server(Setup::default()).await;
    assert_eq!(server.get("/readyz").await.json(), json!({"status": "ready", "store": "up", "sends": "on"}));
}

#[tokio::test]
async fn metrics_are_counted_by_route_and_outcome_and_carry_no_token() {
    recorded();
    let server = server(Setup::default()).await;
    server.get("/verify?token=good").await;
    server.get("/no/such/secret-address").await;
    server.signed("/webhooks/chatwoot", webhook(1)).await;
    let answer = server.get("/metrics").await;
    assert!(answer.header("content-type").starts_with("text/plain"), "{:?}", answer.headers);
    let has = |parts: &[&str]| answer.text.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(has(&["frontdesk_http_requests_total{", "route=\"/verify\"", "method=\"GET\"", "status=\"200\""]));
    assert!(has(&["frontdesk_http_requests_total{", "route=\"unmatched\"", "status=\"404\""]));
    assert!(has(&["frontdesk_webhooks_total{", "channel=\"chatwoot\"", "outcome=\"accepted\""]));
    assert!(has(&["frontdesk_verify_pages_total{", "page=\"open\""]));
    assert!(!answer.text.contains("token=") && !answer.text.contains("secret-address"));
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_told_in_json_and_the_page_is_served() {
    let server = server(Setup::default()).await;
    let nowhere = server.get("/nowhere").await;
    assert_eq!((nowhere.status, nowhere.json()["code"].clone()), (404, json!("not_found")));
    let method = server.send(server.request("DELETE", "/human-status")).await;
    assert_eq!((method.status, method.json()["code"].clone()), (405, json!("method_not_allowed")));
    let page = server.get("/").await;
    assert_eq!((page.status, page.text.as_str()), (200, "the page"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_closing_daemon_says_so_and_takes_webhooks_to_the_end() {
    let farewell = Farewell { linger: Duration::from_secs(60), settle: Duration::ZERO, finish: Duration::from_secs(5) };
    let mut server = server(Setup { farewell, ..Setup::default() }).await;
    server.lifecycle.close();
    let ready = server.get("/readyz").await;
    assert_eq!((ready.status, ready.json()), (503, json!({"status": "closing"})));
    assert_eq!(server.get("/healthz").await.status, 200);
    assert_eq!(server.signed("/webhooks/chatwoot", webhook(1)).await.status, 200);
    assert!(!server.drained.load(Ordering::SeqCst), "webhooks are served on before the engine is drained");
    server.lifecycle.close();
    (&mut server.serving).await.unwrap().unwrap();
    assert!(server.drained.load(Ordering::SeqCst));
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_connection_that_was_accepted_is_answered_though_the_listener_is_closed() {
    let farewell = Farewell { linger: Duration::ZERO, settle: Duration::from_secs(60), finish: Duration::from_secs(5) };
    let mut server = server(Setup { farewell, ..Setup::default() }).await;
    let mut early = TcpStream::connect(server.address).await.unwrap();
    // Connections are accepted in order, so an answer on a later one means that the early one was accepted.
    assert_eq!(server.get("/healthz").await.status, 200);
    server.lifecycle.close();
    eventually("the engine is drained", || server.drained.load(Ordering::SeqCst)).await;
    let address = server.address;
    eventually("nobody listens", || std::net::TcpStream::connect(address).is_err()).await;
    early.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0_u8; 12];
    early.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 503");
    server.lifecycle.close();
    (&mut server.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn sigterm_begins_the_end() {
    let lifecycle = Lifecycle::new();
    lifecycle.close_on_signals().unwrap();
    let own_id = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &own_id]).status().unwrap().success());
    lifecycle.closing().await;
    assert!(lifecycle.is_closing());
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_the_way_out() {
    let first = listen("127.0.0.1:0".parse().unwrap()).unwrap().listener;
    let error = listen(first.local_addr().unwrap()).unwrap_err();
    assert!(matches!(error, ListenError::Taken(_)) && error.to_string().contains("LISTEN_ADDR"), "{error}");
    let foreign = listen("192.0.2.1:8080".parse().unwrap()).unwrap_err();
    assert!(matches!(foreign, ListenError::Bind(..)), "{foreign}");
}
