//! The minimal body: it belongs to the page's session and is answered with the reply.

use crate::fake::{away, webhook};
use crate::server::{Answer, Server, Setup, server};
use frontdesk::http::intake::SignaturePolicy;
use frontdesk::http::minimal::MinimalReply;
use frontdesk_actors::engine::DeliverError;
use serde_json::json;

const HI: &str = r#"{"event":"message_created","id":1,"content":"Hi","message_type":"incoming","content_type":"text"}"#;

fn demo() -> Setup {
    Setup { policy: None, web: true, token: None, ..Setup::default() }
}

async fn reply(server: &Server, reply: MinimalReply) -> Answer {
    *server.web.reply.lock().unwrap() = Some(reply);
    server.post("/webhook/chatwoot", HI).await
}

#[tokio::test]
async fn the_bot_answers_in_the_response() {
    let server = server(demo()).await;
    for path in ["/webhook/chatwoot", "/webhooks/chatwoot", "/webhook"] {
        let answer = server.post(path, HI).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.json(), json!({"status": "ok", "route": "bot", "reply": "You said: Hi"}), "{path}");
    }
    // The id is the client's own counter: the same one three times is three messages.
    assert_eq!(server.web.said.lock().unwrap().len(), 3);
    assert_eq!(server.desk.begun(), 0);
}

#[tokio::test]
async fn the_cookie_names_the_conversation() {
    let server = server(demo()).await;
    server.post("/webhook", HI).await;
    server.send(server.request("POST", "/webhook").header("cookie", "a=b; fd_session=s-1").body(HI)).await;
    let said = server.web.said.lock().unwrap().clone();
    assert_eq!(said, [(None, "Hi".to_owned()), (Some("s-1".to_owned()), "Hi".to_owned())]);
}

#[tokio::test]
async fn a_person_is_told_apart_from_the_bot() {
    let server = server(demo()).await;
    let answer = reply(&server, MinimalReply::HumanMode).await;
    let expected = json!({"status": "ok", "route": "human", "message": "Human mode is ON. No bot reply generated."});
    assert_eq!((answer.status, answer.json()), (200, expected.clone()));
    let answer = reply(&server, MinimalReply::Person).await;
    assert_eq!((answer.status, answer.json()["route"].clone()), (200, json!("human")));
    assert_ne!(answer.json(), expected);
}

#[tokio::test]
async fn a_message_that_was_not_taken_is_not_acknowledged() {
    let server = server(demo()).await;
    assert_eq!(reply(&server, MinimalReply::Refused(DeliverError::Busy)).await.status, 429);
    assert_eq!(reply(&server, MinimalReply::Refused(DeliverError::Unavailable(away()))).await.status, 500);
    assert_eq!(reply(&server, MinimalReply::Refused(DeliverError::Closing)).await.status, 500);
}

#[tokio::test]
async fn everything_but_an_incoming_message_is_ignored() {
    let server = server(demo()).await;
    for body in [
        r#"{"event":"message_updated","content":"Hi","message_type":"incoming"}"#,
        r#"{"event":"message_created","content":"Hi","message_type":"outgoing"}"#,
        r#"{"event":"message_created","content":"Hi"}"#,
        r#"{"event":"message_created","message_type":"incoming"}"#,
        r#"{"event":"message_created","content":" ","message_type":"incoming"}"#,
    ] {
        let answer = server.post("/webhook/chatwoot", body).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"status": "ignored"})), "{body}");
    }
    assert!(server.web.said.lock().unwrap().is_empty());
}

#[tokio::test]
async fn beside_chatwoot_only_the_minimal_body_may_be_unsigned() {
    let server = server(Setup { web: true, ..Setup::default() }).await;
    assert_eq!(server.post("/webhook", HI).await.json()["route"], "bot");
    assert_eq!(server.signed("/webhook", HI).await.json()["route"], "bot");
    let forged = server.request("POST", "/webhook").header("x-chatwoot-signature", "bad").body(HI);
    assert_eq!(server.send(forged).await.status, 401);
    for body in [webhook(1).as_str(), r#"{"event":"conversation_updated","meta":{}}"#, "{"] {
        assert_eq!(server.post("/webhooks/chatwoot", body.to_owned()).await.status, 401, "{body}");
    }
    assert_eq!(server.desk.begun(), 0);
}

#[tokio::test]
async fn a_page_that_is_off_says_how_to_turn_it_on() {
    let alone = server(Setup { policy: None, ..Setup::default() }).await;
    let waived = server(Setup { policy: Some(SignaturePolicy::Waived), ..Setup::default() }).await;
    for server in [&alone, &waived] {
        let answer = server.post("/webhook/chatwoot", HI).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (404, json!("web_chat_off")));
        assert!(answer.text.contains("WEB_CHAT=on"), "{}", answer.text);
    }
    let secret = server(Setup::default()).await;
    assert_eq!(secret.post("/webhook/chatwoot", HI).await.status, 401);
    assert_eq!(alone.post("/webhook", webhook(1)).await.json()["code"], "channel_off");
}
