//! The page's routes, over HTTP without a socket.

use crate::page::{Events, LONG, demo, json_of, mail, page, text_of};
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk::adapters::web::Session;
use frontdesk::http::page::PageMode;
use frontdesk_actors::domain::{Event, Order, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId};
use frontdesk_actors::journal::{Heard, JournalEntry, PersonHasIt};
use frontdesk_actors::ports::{Act, Channel, Destination, Store};
use frontdesk_actors::time::Timestamp;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn the_page_is_one_file_that_loads_nothing_and_its_policy_names_what_is_in_it() {
    let page = demo();
    let response = page.ask(Request::get("/").body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    let cookie = headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("fd_session=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    let body = text_of(response).await;
    assert!(body.contains("<title>Ordo &lt;Co&gt;</title>"), "the company's name is escaped");
    assert!(!body.contains("{{"), "every mark is filled in");
    for (start, end, directive) in [("<script>", "</script>", "script-src"), ("<style>", "</style>", "style-src")] {
        assert_eq!(body.matches(start).count(), 1);
        let content = body.split(start).nth(1).and_then(|rest| rest.split(end).next()).unwrap();
        let source = format!("{directive} 'sha256-{}'", STANDARD.encode(digest(&SHA256, content.as_bytes())));
        assert!(policy.contains(&source), "{source} in {policy}");
    }
    assert!(
        policy.starts_with("default-src 'none'")
            && !policy.contains("'unsafe-inline'")
            && !policy.contains("unsafe-eval")
            && !policy.contains('*')
    );
    // The namespace of SVG is a name and not an address; everything else would be one.
    let without_names = body.replace("http://www.w3.org/2000/svg", "").replace("https?:", "");
    for foreign in ["http://", "https://", "src=", "@import", "url(", "innerHTML", " style=", " onclick="] {
        assert!(!without_names.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn a_known_visitor_keeps_the_session_until_they_ask_for_another() {
    let page = demo();
    let response = page.get("/").await;
    assert!(response.headers().get(header::SET_COOKIE).is_none());
    assert!(text_of(response).await.contains(&format!("data-conversation=\"{}\"", page.session.key())));
    let request = Request::post("/chat/reset").header("cookie", page.cookie()).body(Body::empty()).unwrap();
    let response = page.ask(request).await;
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    let fresh = Session::from_cookies(cookie.split(';').next().unwrap()).unwrap();
    assert_ne!(fresh, page.session);
    assert_eq!(json_of(response).await["conversation"], fresh.key().as_str());
}

#[tokio::test]
async fn a_message_is_told_to_the_desk_and_answered_with_its_route() {
    let page = demo();
    let (status, body) = page.post("/chat/messages", json!({ "text": " Hi ", "id": "one" })).await;
    assert_eq!((status, &body["route"], &body["seq"]), (StatusCode::OK, &json!("bot"), &json!(1)));
    let delivered = page.desk.delivered.lock().unwrap().clone();
    assert_eq!(delivered[0].key, page.session.key());
    assert_eq!(delivered[0].state.as_ref().map(|state| state.status), Some(Status::Pending));
    let Event::CustomerWrote(message) = &delivered[0].event else { panic!("a customer wrote") };
    assert_eq!((message.id, message.text.as_str()), (MessageId::numeric(1), "Hi"));
}

#[tokio::test]
async fn a_message_that_the_desk_refused_is_the_same_one_when_it_comes_again() {
    let page = demo();
    page.desk.busy.store(true, Ordering::Relaxed);
    let message = json!({ "text": "Hi", "id": "one" });
    assert_eq!(page.post("/chat/messages", message.clone()).await.0, StatusCode::TOO_MANY_REQUESTS);
    page.desk.busy.store(false, Ordering::Relaxed);
    let (status, body) = page.post("/chat/messages", message).await;
    assert_eq!((status, &body["seq"]), (StatusCode::OK, &json!(1)));
    page.store.set_away(true);
    let (status, body) = page.post("/chat/messages", json!({ "text": "Hi" })).await;
    assert_eq!((status, &body["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
}

#[tokio::test]
async fn what_is_not_a_message_is_refused_clearly() {
    let page = demo();
    for (body, expected, code) in [
        (json!({ "text": "ү".repeat(4001) }), StatusCode::UNPROCESSABLE_ENTITY, "too_long"),
        (json!({ "text": "  " }), StatusCode::UNPROCESSABLE_ENTITY, "empty"),
        (json!({ "words": "Hi" }), StatusCode::BAD_REQUEST, "bad_body"),
        (json!({ "text": 7 }), StatusCode::BAD_REQUEST, "bad_body"),
        (json!({ "text": "x".repeat(100_000) }), StatusCode::BAD_REQUEST, "bad_body"),
    ] {
        let (status, answer) = page.post("/chat/messages", body).await;
        assert_eq!((status, answer["code"].as_str()), (expected, Some(code)));
        assert!(answer["detail"].as_str().is_some_and(|detail| detail.len() > 10));
    }
    let plain =
        Request::post("/chat/messages").header("content-type", "text/plain").body(Body::from(r#"{"text":"Hi"}"#));
    let response = page.ask(plain.unwrap()).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST, "a foreign site can post text/plain without being asked");
    assert!(page.desk.delivered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_message_that_finds_a_person_is_noted_for_the_customer() {
    let page = demo();
    *page.desk.phase.lock().unwrap() = PhaseName::Human;
    let (_, body) = page.post("/chat/messages", json!({ "text": "a person, please" })).await;
    assert_eq!(body["route"], "human");
    assert_eq!(page.web.transcript(&page.session.key(), 0).await.unwrap().len(), 1, "the desk announces it itself");
    page.desk.human.store(true, Ordering::Relaxed);
    page.post("/chat/messages", json!({ "text": "hello?" })).await;
    let last = page.web.transcript(&page.session.key(), 0).await.unwrap().pop().unwrap();
    assert_eq!((last.to_json()["who"].as_str(), last.to_json()["kind"].as_str()), (Some("system"), Some("routed")));
}

#[tokio::test]
async fn the_stream_shows_the_backlog_then_what_comes_and_goes_on_where_it_was() {
    let page = demo();
    page.post("/chat/messages", json!({ "text": "one" })).await;
    let mut events = Events::of(page.get("/chat/events").await);
    let (name, _, data) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &data["text"], &data["who"]), ("message", &json!("one"), &json!("you")));
    let to = Destination { key: page.session.key(), contact: None, reply: None, by: None };
    page.web.send(&to, &Act::Note { text: "private".into() }, &OutboundId("n".into())).await;
    page.web.typing(&page.session.key(), true).await.unwrap();
    page.say("two", "r1").await;
    assert_eq!(events.until("typing").await["on"], true);
    let (name, id, data) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &data["text"]), ("message", &json!("two")), "the note stays private");
    drop(events);
    page.web.agent_connects(&page.session.key()).await.unwrap();
    let request = Request::get("/chat/events").header("cookie", page.cookie()).header("last-event-id", id);
    let mut resumed = Events::of(page.ask(request.body(Body::empty()).unwrap()).await);
    let (name, _, data) = resumed.next().await.unwrap();
    assert_eq!((name.as_str(), &data["assignee"]), ("status", &json!("person")));
    page.store.erase(&page.session.key()).await.unwrap();
    assert_eq!(resumed.until("cleared").await, json!({}));
    page.closing.cancel();
    assert!(resumed.next().await.is_none(), "a stopping daemon ends its streams");
}

#[tokio::test]
async fn without_the_demo_the_console_wants_the_token_and_the_chat_a_session() {
    let page = page(PageMode { demo: false, chat: true, secure: true, ..PageMode::default() });
    for path in ["events", "conversations", "mails", "cards", "conversations/web:page:demo"] {
        let response = page.get(&format!("/api/console/{path}")).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
    let request = Request::get("/api/console/conversations").header("authorization", "Bearer right");
    assert_eq!(page.ask(request.body(Body::empty()).unwrap()).await.status(), StatusCode::OK);
    let stranger = Request::get("/chat/events").body(Body::empty()).unwrap();
    assert_eq!(page.ask(stranger).await.status(), StatusCode::FORBIDDEN, "strangers share no conversation");
    let response = page.ask(Request::get("/").body(Body::empty()).unwrap()).await;
    assert!(response.headers()[header::SET_COOKIE].to_str().unwrap().ends_with("; Secure"));
    assert!(text_of(response).await.contains("data-demo=\"no\" data-chat=\"yes\""));
}

#[tokio::test]
async fn a_chat_that_is_off_has_no_session_and_no_routes() {
    let page = page(PageMode::default());
    let response = page.ask(Request::get("/").body(Body::empty()).unwrap()).await;
    assert!(response.headers().get(header::SET_COOKIE).is_none());
    assert!(text_of(response).await.contains("data-chat=\"no\" data-conversation=\"\""));
    assert_eq!(page.get("/chat/events").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(page.post("/chat/messages", json!({ "text": "Hi" })).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn in_the_demo_a_foreign_name_for_this_machine_opens_nothing() {
    let page = demo();
    for (host, expected) in [("rebound.example:8080", StatusCode::FORBIDDEN), ("127.0.0.1:8080", StatusCode::OK)] {
        for path in ["/", "/api/console/conversations"] {
            let request = Request::get(path).header("host", host).body(Body::empty()).unwrap();
            assert_eq!(page.ask(request).await.status(), expected, "{host} {path}");
        }
    }
}

#[tokio::test]
async fn a_colleague_reads_takes_answers_and_hands_back() {
    let page = demo();
    page.post("/chat/messages", json!({ "text": "Hi" })).await;
    let base = format!("/api/console/conversations/{}", page.session.key());
    let list = json_of(page.get("/api/console/conversations").await).await;
    let row = &list["conversations"][0];
    let user = format!("user-{}", &page.session.key().id()[..6]);
    assert_eq!((&row["text"], &row["user"], &row["owed"]), (&json!("Hi"), &json!(user), &json!(1)));
    assert_eq!(page.post(&format!("{base}/take"), json!({})).await.0, StatusCode::OK);
    assert_eq!(json_of(page.get(&base).await).await["agent"], true);
    assert_eq!(page.post(&format!("{base}/reply"), json!({ "text": "Hello, I am Ana" })).await.0, StatusCode::OK);
    assert_eq!(page.post(&format!("{base}/handback"), json!({})).await.0, StatusCode::OK);
    let delivered = page.desk.delivered.lock().unwrap().clone();
    let seen: Vec<(bool, Option<Status>)> = delivered[1..]
        .iter()
        .map(|inbound| {
            (matches!(inbound.event, Event::PersonWrote { .. }), inbound.state.as_ref().map(|state| state.status))
        })
        .collect();
    assert_eq!(seen, [(false, Some(Status::Open)), (true, Some(Status::Open)), (false, Some(Status::Pending))]);
    let whole = json_of(page.get(&base).await).await;
    assert_eq!((&whole["agent"], &whole["replyable"], &whole["phase"]), (&json!(false), &json!(true), &json!("bot")));
    let said: Vec<&Value> = whole["entries"].as_array().unwrap().iter().map(|entry| &entry["who"]).collect();
    assert_eq!(said, ["you", "system", "agent", "system"]);
}

#[tokio::test]
async fn the_console_explains_why_the_desk_is_silent() {
    let page = demo();
    let key = ConversationKey::new("chatwoot", 1, 57);
    page.desk.known.lock().unwrap().push(key.clone());
    *page.desk.phase.lock().unwrap() = PhaseName::Human;
    let since = Timestamp::from_secs(1_786_700_400);
    let silent = JournalEntry {
        at: Timestamp::from_secs(1_786_702_528),
        heard: Heard::CustomerWrote { message: 9, words: true },
        state: None,
        from: PhaseName::Human,
        to: PhaseName::Human,
        person: Some(PersonHasIt { since, reason: "person-wrote".into(), touched: true }),
        facts: Vec::new(),
        did: Vec::new(),
        why: Some("a person has it".into()),
        owed: 0,
        again: 0,
    };
    page.desk.journal.lock().unwrap().push(silent);
    let told = json_of(page.get(&format!("/api/console/conversations/{key}/journal")).await).await;
    assert!(told["now"].as_str().unwrap().starts_with("A person has it since 2026-08-14 09:40:00 UTC"), "{told}");
    let line = &told["lines"][0];
    assert_eq!((&line["at"], &line["tone"]), (&json!(1_786_702_528_000_i64), &json!("silent")));
    assert!(line["text"].as_str().unwrap().contains("silent: a person has it since"), "{line}");
    let nobody = page.get("/api/console/conversations/chatwoot:1:58/journal").await;
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_conversation_of_another_channel_is_read_and_ordered_but_not_answered_here() {
    let page = demo();
    let key = ConversationKey::new("chatwoot", 1, 57);
    page.desk.known.lock().unwrap().push(key.clone());
    let base = format!("/api/console/conversations/{key}");
    let whole = json_of(page.get(&base).await).await;
    assert_eq!((&whole["replyable"], &whole["entries"][0]["text"]), (&json!(false), &json!("from elsewhere")));
    let (status, body) = page.post(&format!("{base}/reply"), json!({ "text": "Hi" })).await;
    assert_eq!((status, &body["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("answered_elsewhere")));
    page.post(&format!("{base}/take"), json!({})).await;
    page.post(&format!("{base}/handback"), json!({})).await;
    assert_eq!(*page.desk.orders.lock().unwrap(), [(key.clone(), Order::Human), (key, Order::Bot)]);
    for unknown in ["chatwoot:1:58", "web:page:nobody", "rubbish"] {
        let path = format!("/api/console/conversations/{unknown}/take");
        assert_eq!(page.post(&path, json!({})).await.0, StatusCode::NOT_FOUND, "{unknown}");
    }
}

#[tokio::test]
async fn the_console_stream_shows_the_list_the_switch_the_mails_and_what_changes() {
    let page = demo();
    let mut events = Events::of(page.get("/api/console/events").await);
    assert_eq!(events.until("human").await, json!({ "human_mode": false }));
    assert_eq!(events.until("mails").await, json!({ "mails": [] }));
    assert_eq!(events.until("conversations").await, json!({ "conversations": [] }));
    page.post("/chat/messages", json!({ "text": "Hi" })).await;
    assert_eq!(events.until("changed").await["key"], page.session.key().as_str());
    assert_eq!(events.until("conversations").await["conversations"][0]["text"], "Hi");
    page.mailbox.0.lock().unwrap().push(mail());
    let mails = events.until("mails").await;
    assert_eq!((&mails["mails"][0]["code"], &mails["mails"][0]["html"]), (&json!("123456"), &Value::Null));
    assert_eq!(json_of(page.get("/api/console/mails/m1").await).await["html"], "<p>Hello</p>");
    assert_eq!(page.get("/api/console/mails/m2").await.status(), StatusCode::NOT_FOUND);
    page.desk.human.store(true, Ordering::Relaxed);
    assert_eq!(events.until("human").await, json!({ "human_mode": true }));
    page.closing.cancel();
    assert!(tokio::time::timeout(LONG, async { while events.next().await.is_some() {} }).await.is_ok());
}
