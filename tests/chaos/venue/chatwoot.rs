//! Chatwoot: conversations with a status and an assignee, webhooks side by side, messages that carry our ids.

use super::{Heard, Venue, first};
use crate::chaos::evidence::Said;
use crate::chaos::ledger::{Micros, when};
use crate::chaos::storm::{Hazard, LATE, Storm};
use anyhow::Result;
use async_trait::async_trait;
use frontdesk_sandbox::chatwoot::{Author, ChangedBy, ChatwootDouble, Delivery, Fault, Line, RequestKind};
use frontdesk_sandbox::link::Trouble;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How many of the latest webhooks may come twice.
const RECENT: usize = 60;

const HOOKS: Hazard = Hazard {
    permille: 50,
    troubles: &[
        ("webhook: delayed", Trouble::Delay(Duration::from_millis(150))),
        ("webhook: delayed", Trouble::Delay(Duration::from_millis(400))),
        ("webhook: delayed past the next ones", Trouble::Delay(Duration::from_millis(1_500))),
        ("webhook: cut", Trouble::Cut),
        ("webhook: taken, its answer lost", Trouble::ForwardThenReset),
        ("webhook: taken, then closed", Trouble::ForwardThenClose),
        ("webhook: late", LATE),
    ],
};

const VENDOR: Hazard = Hazard {
    permille: 50,
    troubles: &[
        ("to the vendor: cut", Trouble::Cut),
        ("to the vendor: delayed", Trouble::Delay(Duration::from_millis(300))),
        ("to the vendor: black hole", Trouble::BlackHole),
        ("to the vendor: done, answer reset", Trouble::ForwardThenReset),
        ("to the vendor: done, no answer", Trouble::ForwardThenSilence),
        ("to the vendor: done, half-closed", Trouble::ForwardThenClose),
        ("to the vendor: lands late", LATE),
    ],
};

/// What can happen to calls of any vendor on the wire.
pub(super) const TO_VENDOR: &Hazard = &VENDOR;

/// Chatwoot, as everybody in the campaign sees it.
#[derive(Debug)]
pub(crate) struct Office(pub(crate) Arc<ChatwootDouble>);

#[async_trait]
impl Venue for Office {
    fn arrives(&self) -> u64 {
        self.0.new_conversation(self.0.new_contact("Ada", None))
    }

    fn customer_writes(&self, conversation: u64, words: &str) -> u64 {
        self.0.customer_writes(conversation, words)
    }

    fn replies(&self, conversation: u64) -> Vec<String> {
        self.0.see(|world| world.replies(conversation))
    }

    fn agent_writes(&self, conversation: u64, words: &str) -> u64 {
        self.0.agent_writes(conversation, words)
    }

    fn agent_assigns(&self, conversation: u64) -> bool {
        self.0.agent_assigns(conversation);
        true
    }

    fn resolves(&self, conversation: u64) -> bool {
        self.0.resolve(conversation);
        true
    }

    fn key(&self, conversation: u64) -> String {
        format!("chatwoot:1:{conversation}")
    }

    fn link(&self, conversation: u64) -> String {
        format!("/conversations/{conversation}\"")
    }

    fn carries_ids(&self) -> bool {
        true
    }

    fn said(&self, conversation: u64) -> Vec<Said> {
        self.0.see(|world| world.transcript(conversation).iter().filter_map(said).collect())
    }

    fn statuses(&self, conversation: u64) -> Vec<(Micros, &'static str, ChangedBy)> {
        self.0.see(|world| world.statuses(conversation))
    }

    fn notes(&self, conversation: u64) -> usize {
        let is_note = |line: &&Line| line.private && line.row.is_some();
        self.0.see(|world| world.transcript(conversation).iter().filter(is_note).count())
    }

    fn heard(&self) -> Heard {
        let mut heard = Heard::default();
        self.0.see(|world| {
            heard.webhooks.flipped = world.stats().flipped;
            world.deliveries().iter().for_each(|delivery| delivered(&mut heard, delivery));
        });
        heard
    }

    fn tell(&self, conversation: u64) -> Vec<(Micros, String)> {
        let mut told = Vec::new();
        self.0.see(|world| {
            for line in world.transcript(conversation) {
                let text: String = line.text.chars().take(90).collect();
                let row = line.row.as_deref().unwrap_or_default();
                told.push((line.created, format!("message {} {:?} {row} {text}", line.id, line.author)));
            }
            for (at, status, by) in world.statuses(conversation) {
                told.push((at, format!("status {status} by {by:?}")));
            }
            for delivery in world.deliveries().iter().filter(|delivery| delivery.conversation == conversation) {
                let (to, event, outcome) = (delivery.target, &delivery.event, delivery.outcome);
                let id = serde_json::from_str::<Value>(&delivery.body).unwrap_or_default()["id"].clone();
                let text = format!("webhook {event} {id} to {to:?}: {outcome:?} in {:?}", delivery.took);
                told.push((when(delivery.at), text));
            }
        });
        told
    }

    fn posted(&self, burst: &[u8]) -> Vec<(u64, String)> {
        posted(burst).into_iter().map(|(conversation, row)| (conversation, row.to_owned())).collect()
    }

    fn hazards(&self) -> (&'static Hazard, &'static Hazard) {
        (&HOOKS, &VENDOR)
    }

    fn leave_to(&self, storm: &Storm) {
        let storm = storm.clone();
        self.0.leave_to(Box::new(move |kind| fault(&storm, kind)));
    }

    fn recover(&self) {
        self.0.recover();
    }

    fn repeat(&self, storm: &Storm) {
        let latest: Vec<Delivery> = self.0.see(|world| {
            let all = world.deliveries();
            all[all.len().saturating_sub(RECENT)..].to_vec()
        });
        for delivery in latest {
            if storm.chance.permille(150) {
                storm.ledger.fault("webhook: delivered twice");
                let chatwoot = self.0.clone();
                tokio::spawn(async move { chatwoot.redeliver(&delivery).await });
            }
        }
    }

    async fn wait_quiet(&self) -> Result<()> {
        self.0.wait_quiet().await
    }
}

fn delivered(heard: &mut Heard, delivery: &Delivery) {
    let (accepted, at) = (delivery.outcome.is_accepted(), when(delivery.at));
    let body: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
    let message = if delivery.event == "message_created" { body["id"].as_u64() } else { None };
    heard.attempt(accepted, message, at);
    if accepted && delivery.event == "conversation_updated" && body["meta"]["assignee_type"] == "User" {
        first(&mut heard.assigned, delivery.conversation, at);
    }
}

fn said(line: &Line) -> Option<Said> {
    let by_us = matches!(line.author, Author::Bot(_)) && !line.private && !line.activity;
    let row = line.row.clone().filter(|_| by_us)?;
    let handoff = line.content_attributes["action"] == "handoff";
    Some(Said { row, text: line.text.clone(), saved: line.created, handoff })
}

fn fault(storm: &Storm, kind: RequestKind) -> Option<Fault> {
    if storm.is_throttled() {
        storm.ledger.fault("vendor: 429");
        return Some(Fault::Throttle(1));
    }
    let status = |status: u16| Fault::Status(status, String::new());
    let late = Fault::HangThenLand(storm.chance.between(200, 1_200));
    let some: &[(&'static str, Fault)] = match kind {
        RequestKind::PostMessage => &[
            ("Chatwoot: saved, then 422", Fault::Save422),
            ("vendor: saved, then 502 or 504", Fault::LandThenStatus(502)),
            ("vendor: saved, then 502 or 504", Fault::LandThenStatus(504)),
            ("vendor: saved late", late),
            ("vendor: reset, not saved", Fault::Reset),
            ("vendor: saved, then reset", Fault::LandThenReset),
            ("vendor: saved, never answered", Fault::LandThenHang),
            ("vendor: 5xx, not saved", status(500)),
            ("vendor: 5xx, not saved", status(503)),
            ("vendor: 429", Fault::Throttle(1)),
        ],
        RequestKind::Typing => &[("Chatwoot: 500 on typing", status(500))],
        RequestKind::GetConversation | RequestKind::GetMessages => &[
            ("vendor: 500 on a look", status(500)),
            ("vendor: reset on a look", Fault::Reset),
            ("vendor: slow look", Fault::Delay(Duration::from_millis(600))),
            ("vendor: 429", Fault::Throttle(1)),
        ],
        RequestKind::ToggleStatus
        | RequestKind::Priority
        | RequestKind::GetLabels
        | RequestKind::PostLabels
        | RequestKind::Assign
        | RequestKind::CustomAttributes
        | RequestKind::ListConversations
        | RequestKind::PatchContact
        | RequestKind::Other
        | RequestKind::Any => &[
            ("Chatwoot: 500 on another call", status(500)),
            ("Chatwoot: done and reset on another call", Fault::LandThenReset),
        ],
    };
    let permille = match kind {
        RequestKind::PostMessage => 200,
        RequestKind::Typing => 20,
        RequestKind::GetConversation
        | RequestKind::GetMessages
        | RequestKind::ToggleStatus
        | RequestKind::Priority
        | RequestKind::GetLabels
        | RequestKind::PostLabels
        | RequestKind::Assign
        | RequestKind::CustomAttributes
        | RequestKind::ListConversations
        | RequestKind::PatchContact
        | RequestKind::Other
        | RequestKind::Any => 80,
    };
    storm.befall(permille, some)
}

/// Reads which row of which conversation a request to Chatwoot posts.
fn posted(burst: &[u8]) -> Option<(u64, &str)> {
    let text = std::str::from_utf8(burst).ok()?;
    let path = text.strip_prefix("POST ")?.split(' ').next()?;
    let mut parts = path.trim_start_matches('/').split('/').skip(4);
    let (kind, id, what) = (parts.next()?, parts.next()?, parts.next()?);
    let (_, row) = text.split_once("\"frontdesk_id\":\"")?;
    if kind != "conversations" || what != "messages" {
        return None;
    }
    Some((id.parse().ok()?, row.split('"').next()?))
}

#[test]
fn a_post_is_read_from_the_wire() {
    let body = serde_json::json!({ "content": "hello", "content_attributes": { "frontdesk_id": "0a-3" } });
    let burst = format!("POST /api/v1/accounts/1/conversations/57/messages HTTP/1.1\r\nhost: x\r\n\r\n{body}");
    assert_eq!(posted(burst.as_bytes()), Some((57, "0a-3")));
}
