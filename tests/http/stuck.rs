//! The admin API for what is stuck: held rows, and what was set aside.

use crate::fake::{FakeDesk, away};
use crate::server::{Setup, server};
use async_trait::async_trait;
use frontdesk::http::stuck::StuckDesk;
use frontdesk_actors::engine::{Decided, Decision, DeliverError, OutboxRow, Requeued, RowView, SetAside};
use frontdesk_actors::ids::{ConversationKey, OutboundId};
use frontdesk_actors::ports::PortError;
use frontdesk_actors::time::Timestamp;
use serde_json::json;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// What the fake desk answers about what is stuck, and what it was told.
#[derive(Debug, Default)]
pub(crate) struct Script {
    decided: Mutex<Option<Decided>>,
    decisions: Mutex<Vec<(String, String, Decision)>>,
    requeued: Mutex<Option<Option<Requeued>>>,
}

fn row(key: u32, state: &str) -> OutboxRow {
    let row = RowView {
        id: OutboundId("0000002a-3".to_owned()),
        kind: "text".to_owned(),
        state: state.to_owned(),
        tries: 1,
        created: Timestamp::from_secs(5),
        trouble: Some("no answer".to_owned()),
        text: Some("We ship to Norway.".to_owned()),
    };
    OutboxRow { key: ConversationKey::new("chatwoot", 1, key), name: Some("Asel".to_owned()), row }
}

#[async_trait]
impl StuckDesk for FakeDesk {
    async fn outbox(&self) -> Result<Vec<OutboxRow>, PortError> {
        self.reachable().map_err(|_| away())?;
        Ok(vec![row(57, "held"), row(58, "waiting")])
    }

    async fn decide(
        &self,
        key: &ConversationKey,
        row: &OutboundId,
        decision: Decision,
    ) -> Result<Decided, DeliverError> {
        self.reachable()?;
        if key.id() == "404" {
            return Err(DeliverError::Unknown);
        }
        self.stuck.decisions.lock().unwrap().push((key.to_string(), row.to_string(), decision));
        Ok(self.stuck.decided.lock().unwrap().unwrap_or(Decided::Done))
    }

    async fn set_aside(&self) -> Result<Vec<SetAside>, PortError> {
        self.reachable().map_err(|_| away())?;
        let (key, since) = (ConversationKey::new("chatwoot", 1, 57), Some(Timestamp::from_secs(5)));
        let quarantined = Some("its record cannot be read".to_owned());
        Ok(vec![SetAside { key, quarantined, events: 2, since, rescued: true }])
    }

    async fn requeue(&self, _: &ConversationKey) -> Result<Option<Requeued>, DeliverError> {
        self.reachable()?;
        let scripted = *self.stuck.requeued.lock().unwrap();
        Ok(scripted.unwrap_or(Some(Requeued { taken: 2, left: 0, quarantined: false })))
    }
}

#[tokio::test]
async fn rows_are_listed_with_what_an_operator_needs_to_decide() {
    let server = server(Setup::default()).await;
    let all = server.admin("GET", "/api/outbox", "").await.json();
    assert_eq!(all["rows"].as_array().unwrap().len(), 2);
    let held = server.admin("GET", "/api/outbox?state=held", "").await.json();
    let expected = json!({
        "key": "chatwoot:1:57", "name": "Asel", "id": "0000002a-3", "kind": "text", "state": "held", "tries": 1,
        "created": all["rows"][0]["created"], "trouble": "no answer", "text": "We ship to Norway.",
    });
    assert_eq!(held["rows"], json!([expected]));
    assert_eq!(server.admin("GET", "/api/outbox?state=unknown", "").await.json()["rows"], json!([]));
    let refused = server.admin("GET", "/api/outbox?state=zzz", "").await;
    assert_eq!((refused.status, refused.json()["code"].clone()), (400, json!("bad_state")));
}

#[tokio::test]
async fn decisions_reach_the_row_and_refusals_say_why() {
    let server = server(Setup::default()).await;
    let path = |verb: &str| format!("/api/conversations/chatwoot:1:57/outbox/0000002a-3/{verb}");
    let answer = server.admin("POST", &path("resend"), "").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok", "row": "queued"})));
    let answer = server.admin("POST", &path("drop"), "").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"status": "ok", "row": "dropped"})));
    let decided = |decision| ("chatwoot:1:57".to_owned(), "0000002a-3".to_owned(), decision);
    let told = server.desk.stuck.decisions.lock().unwrap().clone();
    assert_eq!(told, [decided(Decision::Resend), decided(Decision::Drop)]);
    for (decided, status, code, says) in [
        (Decided::NoSuchRow, 404, "no_such_row", "no such row"),
        (Decided::NotHeld("sending"), 409, "not_held", "the row is sending, not held"),
        (Decided::Unwanted("a person has it"), 409, "unwanted", "a person has it; hand the conversation back"),
    ] {
        *server.desk.stuck.decided.lock().unwrap() = Some(decided);
        let answer = server.admin("POST", &path("resend"), "").await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (status, json!(code)));
        assert!(answer.text.contains(says), "{}", answer.text);
    }
    for (path, status, code) in [
        ("/api/conversations/chatwoot:1:404/outbox/1-1/drop", 404, "no_such_conversation"),
        ("/api/conversations/57/outbox/1-1/drop", 400, "bad_key"),
    ] {
        let answer = server.admin("POST", path, "").await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (status, json!(code)), "{path}");
    }
}

#[tokio::test]
async fn what_was_set_aside_is_listed_and_taken_back() {
    let server = server(Setup::default()).await;
    let listed = server.admin("GET", "/api/quarantine", "").await.json();
    let one = &listed["conversations"][0];
    assert_eq!((&one["key"], &one["events"], &one["rescued"]), (&json!("chatwoot:1:57"), &json!(2), &json!(true)));
    let path = "/api/conversations/chatwoot:1:57/requeue";
    let answer = server.admin("POST", path, "").await;
    let expected = json!({"status": "ok", "taken": 2, "left": 0, "quarantined": false});
    assert_eq!((answer.status, answer.json()), (200, expected));
    *server.desk.stuck.requeued.lock().unwrap() = Some(Some(Requeued { taken: 1, left: 1, quarantined: false }));
    assert_eq!(server.admin("POST", path, "").await.json()["status"], "partly");
    *server.desk.stuck.requeued.lock().unwrap() = Some(None);
    let answer = server.admin("POST", path, "").await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (404, json!("nothing_set_aside")));
    server.desk.store_up.store(false, Ordering::SeqCst);
    assert_eq!(server.admin("POST", path, "").await.json()["code"], "store_unavailable");
}
