//! The admin API for people, and the one for instructions.

use crate::fake::{FakeDesk, away};
use crate::server::{Setup, server};
use async_trait::async_trait;
use frontdesk::http::people::PeopleDesk;
use frontdesk_actors::engine::{DeliverError, Found, PhaseName, Phone, Summarised, Whose};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::ports::{ModelError, ModelErrorKind, PortError};
use serde_json::json;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// What the fake desk answers about people, and what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Script {
    asked: Mutex<Vec<Whose>>,
    erased: Mutex<Vec<String>>,
    summarised: Mutex<Option<Summarised>>,
}

#[async_trait]
impl PeopleDesk for FakeDesk {
    async fn find(&self, whose: &Whose) -> Result<Vec<Found>, PortError> {
        self.reachable().map_err(|_| away())?;
        self.people.asked.lock().unwrap().push(whose.clone());
        let key = ConversationKey::new("chatwoot", 1, 57);
        Ok(vec![Found { key, name: Some("Asel".to_owned()), phase: Some(PhaseName::Bot) }])
    }

    async fn erase(&self, key: &ConversationKey) -> Result<(), DeliverError> {
        self.reachable()?;
        if key.id() == "404" {
            return Err(DeliverError::Unknown);
        }
        self.people.erased.lock().unwrap().push(key.to_string());
        Ok(())
    }

    async fn erase_unread(&self) -> Result<usize, PortError> {
        self.reachable().map_err(|_| away())?;
        Ok(3)
    }

    async fn summarise(&self, _: &ConversationKey) -> Result<Summarised, DeliverError> {
        self.reachable()?;
        Ok(self.people.summarised.lock().unwrap().clone().unwrap_or(Summarised::Text("They want tea.".to_owned())))
    }
}

#[tokio::test]
async fn people_are_found_by_number_by_conversation_and_all_together() {
    let server = server(Setup::default()).await;
    let found = json!({ "conversations": [{ "key": "chatwoot:1:57", "name": "Asel", "phase": "bot" }] });
    for whose in [r#"{"phone":"+7 700 123-45-67"}"#, r#"{"key":"chatwoot:1:57"}"#, r#"{"all":true}"#] {
        let answer = server.admin("POST", "/api/people", whose).await;
        assert_eq!((answer.status, answer.json()), (200, found.clone()), "{whose}");
    }
    let phone = Phone::parse("77001234567").unwrap();
    let asked = [Whose::Phone(phone), Whose::ContactOf(ConversationKey::new("chatwoot", 1, 57)), Whose::Everybody];
    assert_eq!(*server.desk.people.asked.lock().unwrap(), asked);
    for whose in [
        "",
        "{}",
        "phone=77001234567",
        r#"{"phone":"57"}"#,
        r#"{"phone":"jane"}"#,
        r#"{"phone":77001234567}"#,
        r#"{"key":"57"}"#,
        r#"{"all":false}"#,
        r#"{"name":"Asel"}"#,
        r#"{"all":true,"key":"chatwoot:1:57"}"#,
    ] {
        let answer = server.admin("POST", "/api/people", whose).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("malformed")), "{whose}");
    }
    server.desk.store_up.store(false, Ordering::SeqCst);
    assert_eq!(server.admin("POST", "/api/people", r#"{"all":true}"#).await.status, 503);
}

#[tokio::test]
async fn a_number_in_the_address_is_refused_with_the_way_that_no_log_sees() {
    let server = server(Setup::default()).await;
    for query in ["phone=%2B77001234567", "key=chatwoot%3A1%3A57", "all=true"] {
        let answer = server.admin("GET", &format!("/api/people?{query}"), "").await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (405, json!("use_post")), "{query}");
        assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.contains("POST")));
    }
    assert!(server.desk.people.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_person_is_forgotten_by_the_conversation() {
    let server = server(Setup::default()).await;
    let answer = server.admin("POST", "/api/conversations/chatwoot:1:57/erase", "").await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "status": "ok" })));
    assert_eq!(*server.desk.people.erased.lock().unwrap(), ["chatwoot:1:57"]);
    let unread = server.admin("POST", "/api/unread/erase", "").await;
    assert_eq!((unread.status, unread.json()), (200, json!({ "erased": 3 })));
    assert_eq!(server.admin("POST", "/api/conversations/chatwoot:1:404/erase", "").await.status, 404);
    assert_eq!(server.admin("POST", "/api/conversations/57/erase", "").await.status, 400);
    server.desk.store_up.store(false, Ordering::SeqCst);
    assert_eq!(server.admin("POST", "/api/conversations/chatwoot:1:57/erase", "").await.status, 503);
}

#[tokio::test]
async fn a_summary_is_given_or_it_is_said_why_not() {
    let server = server(Setup::default()).await;
    let path = "/api/conversations/chatwoot:1:57/summary";
    let answer = server.admin("POST", path, "").await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "summary": "They want tea." })));
    let detail = "the model is gone: choose another".to_owned();
    let failed = ModelError { kind: ModelErrorKind::ModelNotFound, detail: detail.clone(), retry_after: None };
    for (summarised, status, code) in [
        (Summarised::NothingSaid, 409, "nothing_said"),
        (Summarised::Paused, 409, "paused"),
        (Summarised::Failed(failed), 502, "model_failed"),
    ] {
        *server.desk.people.summarised.lock().unwrap() = Some(summarised);
        let answer = server.admin("POST", path, "").await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (status, json!(code)));
    }
    assert_eq!(server.admin("POST", path, "").await.json()["detail"], json!(detail));
}

#[tokio::test]
async fn instructions_are_shown_and_read_anew() {
    let server = server(Setup::default()).await;
    for (method, path) in [("GET", "/api/instructions"), ("POST", "/api/instructions/reload")] {
        let answer = server.admin(method, path, "").await;
        let shown = answer.json()["instructions"][0].clone();
        assert_eq!((answer.status, &shown["source"], &shown["in_force"]), (200, &json!("shipped"), &json!(true)));
    }
    assert_eq!(server.admin("POST", "/api/instructions/reload", "{\"accept\": 1}").await.status, 400);
}
