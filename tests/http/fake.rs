//! The fakes and the server that the tests talk to.

use async_trait::async_trait;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use frontdesk::http::Desk;
use frontdesk::http::intake::{ChatwootEdge, Malformed, Parsed, SignatureRefused};
use frontdesk::http::minimal::{self, MinimalReply, WebDesk};
use frontdesk::http::verify::{Claims, TokenFault, TokenReader, VerifyPages, VerifyState};
use frontdesk_actors::domain::{Contact, CustomerMessage, Event, Inbound, Lang, Order};
use frontdesk_actors::engine::{
    ChallengeView, DeliverError, Intake, PhaseName, Receipt, SendStatus, Summary, View, Waiting,
};
use frontdesk_actors::ids::{ContactKey, ConversationKey, MessageId};
use frontdesk_actors::journal::{Heard, JournalEntry};
use frontdesk_actors::ports::{PortError, PortErrorKind};
use frontdesk_actors::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// How the fake desk takes a delivery.
#[derive(Debug, Clone)]
pub(crate) enum Mood {
    Take(Intake),
    Away,
    Busy,
    Closing,
    Quarantined,
    Unknown,
    Panic,
    /// Waits until a permit is added to [`FakeDesk::release`], then takes it.
    Hang,
}

#[derive(Debug)]
pub(crate) struct FakeDesk {
    /// The next deliveries, in order; after them, by account, else [`Mood::Take`].
    pub script: Mutex<VecDeque<Mood>>,
    pub moods: Mutex<HashMap<String, Mood>>,
    pub release: Semaphore,
    pub begun: AtomicUsize,
    pub taken: Mutex<Vec<Inbound>>,
    /// The conversations of which webhooks were not taken.
    pub missed: Mutex<Vec<String>>,
    pub orders: Mutex<Vec<(String, Order)>>,
    pub challenge: Mutex<ChallengeView>,
    pub contact: Mutex<Option<ContactKey>>,
    pub confirms: AtomicUsize,
    pub disowns: AtomicUsize,
    pub human: AtomicBool,
    pub paused: AtomicBool,
    pub store_up: AtomicBool,
    pub stuck: crate::stuck::Script,
    pub people: crate::people::Script,
}

pub(crate) fn away() -> PortError {
    PortError::new(PortErrorKind::Transient, "read the conversation")
}

impl FakeDesk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::default(),
            moods: Mutex::default(),
            release: Semaphore::new(0),
            begun: AtomicUsize::new(0),
            taken: Mutex::default(),
            missed: Mutex::default(),
            orders: Mutex::default(),
            challenge: Mutex::new(open()),
            contact: Mutex::new(Some(ContactKey::new("chatwoot", 1, 5))),
            confirms: AtomicUsize::new(0),
            disowns: AtomicUsize::new(0),
            human: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            store_up: AtomicBool::new(true),
            stuck: crate::stuck::Script::default(),
            people: crate::people::Script::default(),
        })
    }

    /// Sets how deliveries of an account are taken.
    pub(crate) fn mood(&self, account: &str, mood: Mood) {
        self.moods.lock().unwrap().insert(account.to_owned(), mood);
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    pub(crate) fn missed(&self) -> usize {
        self.missed.lock().unwrap().len()
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    pub(crate) fn reachable(&self) -> Result<(), DeliverError> {
        if self.store_up.load(Ordering::SeqCst) { Ok(()) } else { Err(DeliverError::Unavailable(away())) }
    }
}

#[async_trait]
impl Desk for FakeDesk {
    async fn deliver(&self, inbound: Inbound) -> Result<Receipt, DeliverError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let scripted = self.script.lock().unwrap().pop_front();
        let by_account = || self.moods.lock().unwrap().get(inbound.key.account()).cloned();
        let mood = scripted.or_else(by_account).unwrap_or(Mood::Take(Intake::Accepted));
        let intake = match mood {
            Mood::Take(intake) => intake,
            Mood::Away => return Err(DeliverError::Unavailable(away())),
            Mood::Busy => return Err(DeliverError::Busy),
            Mood::Closing => return Err(DeliverError::Closing),
            Mood::Quarantined => return Err(DeliverError::Quarantined),
            Mood::Unknown => return Err(DeliverError::Unknown),
            Mood::Panic => panic!("scripted"),
            Mood::Hang => {
                self.release.acquire().await.unwrap().forget();
                Intake::Accepted
            }
        };
        self.taken.lock().unwrap().push(inbound);
        Ok(Receipt { intake, phase: PhaseName::AwaitingEmail })
    }

    fn missed(&self, key: &ConversationKey) {
        self.missed.lock().unwrap().push(key.to_string());
    }

    async fn order(&self, key: &ConversationKey, order: Order) -> Result<Receipt, DeliverError> {
        self.reachable()?;
        if key.id() == "404" {
            return Err(DeliverError::Unknown);
        }
        self.orders.lock().unwrap().push((key.to_string(), order));
        Ok(Receipt { intake: Intake::Accepted, phase: PhaseName::Human })
    }

    async fn challenge(&self, _: &ConversationKey, _: &str) -> Result<ChallengeView, DeliverError> {
        self.reachable()?;
        Ok(self.challenge.lock().unwrap().clone())
    }

    async fn confirm(&self, _: &ConversationKey, _: &str) -> Result<ChallengeView, DeliverError> {
        self.reachable()?;
        self.confirms.fetch_add(1, Ordering::SeqCst);
        *self.challenge.lock().unwrap() = ChallengeView::Used { lang: Lang::Ru };
        Ok(ChallengeView::Done { lang: Lang::Ru })
    }

    async fn disown(&self, _: &ConversationKey, _: &str) -> Result<ChallengeView, DeliverError> {
        self.reachable()?;
        self.disowns.fetch_add(1, Ordering::SeqCst);
        *self.challenge.lock().unwrap() = ChallengeView::Disowned { lang: Lang::Ru };
        Ok(ChallengeView::Disowned { lang: Lang::Ru })
    }

    async fn view(&self, key: &ConversationKey) -> Result<Option<View>, DeliverError> {
        self.reachable()?;
        let contact = self.contact.lock().unwrap().clone();
        Ok((key.id() != "404").then(|| view(key, contact)))
    }

    async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<JournalEntry>, PortError> {
        self.reachable().map_err(|_| away())?;
        let heard = Heard::CustomerWrote { message: 57, words: true };
        let entry = JournalEntry {
            at: Timestamp::from_secs(1_786_702_528),
            heard,
            state: None,
            from: PhaseName::Bot,
            to: PhaseName::Bot,
            person: None,
            facts: Vec::new(),
            did: Vec::new(),
            why: None,
            owed: 1,
            again: 0,
        };
        Ok(vec![entry; if key.id() == "57" { limit.min(60) } else { 0 }])
    }

    async fn list(&self, limit: usize) -> Result<Vec<Summary>, PortError> {
        self.reachable().map_err(|_| away())?;
        let summary = |id| Summary {
            key: ConversationKey::new("chatwoot", 1, id),
            phase: PhaseName::Bot,
            reason: None,
            name: None,
            verified: true,
            owed: 0,
            held: 0,
            unsettled: 0,
            changed: Timestamp::from_secs(0),
        };
        Ok((0..limit.min(60)).map(summary).collect())
    }

    fn human_mode(&self) -> bool {
        self.human.load(Ordering::SeqCst)
    }

    async fn set_human_mode(&self, on: bool) -> Result<(), PortError> {
        self.reachable().map_err(|_| away())?;
        self.human.store(on, Ordering::SeqCst);
        Ok(())
    }

    fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    async fn status(&self) -> Result<SendStatus, PortError> {
        self.reachable().map_err(|_| away())?;
        let paused = self.is_paused();
        let paused_since = paused.then(|| Timestamp::from_millis(1_760_000_000_123));
        let waiting = Waiting { rows: 3, questions: 2, conversations: 1 };
        Ok(SendStatus { paused, paused_since, human_mode: self.human_mode(), waiting })
    }

    async fn set_paused(&self, on: bool) -> Result<SendStatus, PortError> {
        self.reachable().map_err(|_| away())?;
        self.paused.store(on, Ordering::SeqCst);
        self.status().await
    }
}

fn view(key: &ConversationKey, contact: Option<ContactKey>) -> View {
    View {
        key: key.clone(),
        phase: PhaseName::Bot,
        reason: None,
        lang: Lang::En,
        contact: contact.map(|key| Contact { key, name: None, email: None }),
        verified: None,
        status: None,
        assignee: None,
        owed: 0,
        thinking: false,
        failures: 0,
        outbox: Vec::new(),
        memory: Vec::new(),
        drafts: Vec::new(),
        next: None,
        version: 1,
    }
}

/// The address whose digest the good tokens carry.
pub(crate) const ADDRESS: &str = "asel@example.org";

pub(crate) fn open() -> ChallengeView {
    ChallengeView::Open {
        address: ADDRESS.to_owned(),
        issued: Timestamp::from_secs(1_800_000_000),
        first_words: "Where is my order".to_owned(),
        lang: Lang::Ru,
    }
}

/// Reads `{"event", "conversation": {"id"}, "account": {"id"}}`, signed by the word "good".
#[derive(Debug)]
pub(crate) struct FakeChatwoot;

impl ChatwootEdge for FakeChatwoot {
    fn verify(&self, headers: &HeaderMap, _: &[u8], _: Timestamp) -> Result<(), SignatureRefused> {
        match headers.get("x-chatwoot-signature") {
            Some(value) if value == "good" => Ok(()),
            Some(_) => Err(SignatureRefused::Wrong),
            None => Err(SignatureRefused::Missing),
        }
    }

    fn parse(&self, body: &[u8]) -> Result<Parsed, Malformed> {
        if let Some(message) = minimal::read(body) {
            return Ok(Parsed::Minimal(message));
        }
        let value: serde_json::Value = serde_json::from_slice(body).map_err(|_| Malformed("not JSON"))?;
        assert!(value["content"] != "break the parser", "scripted");
        let (Some(account), Some(event)) = (value["account"]["id"].as_u64(), value["event"].as_str()) else {
            return Err(Malformed("not a webhook of Chatwoot"));
        };
        if event != "message_created" {
            return Ok(Parsed::Ignored("an event that concerns nobody"));
        }
        let message = CustomerMessage {
            id: MessageId::numeric(value["id"].as_u64().unwrap_or(1)),
            at: Timestamp::from_secs(0),
            text: value["content"].as_str().unwrap_or_default().to_owned(),
            attachments: 0,
            voice: None,
        };
        Ok(Parsed::Inbound(Box::new(Inbound {
            key: ConversationKey::new("chatwoot", account, value["conversation"]["id"].as_u64().unwrap_or(1)),
            inbox: "1".to_owned(),
            contact: None,
            state: None,
            proof: None,
            reply: None,
            event: Event::CustomerWrote(message),
        })))
    }
}

/// A message from Chatwoot, as the fake edge reads it.
pub(crate) fn webhook(account: u64) -> String {
    format!(
        r#"{{"event":"message_created","id":7,"content":"Hi","account":{{"id":{account}}},"conversation":{{"id":57}}}}"#
    )
}

#[derive(Debug, Default)]
pub(crate) struct FakeWeb {
    pub said: Mutex<Vec<(Option<String>, String)>>,
    pub reply: Mutex<Option<MinimalReply>>,
}

#[async_trait]
impl WebDesk for FakeWeb {
    async fn say_and_wait(&self, session: Option<&str>, text: &str) -> MinimalReply {
        self.said.lock().unwrap().push((session.map(str::to_owned), text.to_owned()));
        self.reply.lock().unwrap().clone().unwrap_or_else(|| MinimalReply::Bot(format!("You said: {text}")))
    }
}

/// Tokens are plain words here: `good`, `foreign`, `old`, `other-address`, `other-contact`; the rest is malformed.
#[derive(Debug)]
pub(crate) struct FakeLinks;

impl TokenReader for FakeLinks {
    fn read(&self, token: &str, _: Timestamp) -> Result<Claims, TokenFault> {
        let claims = Claims {
            key: ConversationKey::new("chatwoot", 1, 57),
            challenge: "c1".to_owned(),
            contact: Some(ContactKey::new("chatwoot", 1, 5)),
            address_digest: self.address_digest(ADDRESS),
        };
        match token {
            "good" => Ok(claims),
            "other-address" => Ok(Claims { address_digest: self.address_digest("else@example.org"), ..claims }),
            "other-contact" => Ok(Claims { contact: Some(ContactKey::new("chatwoot", 1, 6)), ..claims }),
            "old" => Err(TokenFault::Expired(claims)),
            "foreign" => Err(TokenFault::Foreign),
            _ => Err(TokenFault::Malformed),
        }
    }

    fn address_digest(&self, address: &str) -> String {
        address.chars().rev().collect()
    }
}

#[derive(Debug)]
pub(crate) struct FakePages;

impl VerifyPages for FakePages {
    /// A page of its own brings its own policy; a broken link's page brings none and gets the strictest.
    fn respond(&self, state: VerifyState, lang: Lang) -> Response {
        let mut details = String::new();
        if let VerifyState::Open { token, address, first_words, .. } = &state {
            details = format!("{token} {address} {first_words}");
        }
        let page = Html(format!("{} {} {details}", state.label(), lang.code()));
        let policy = [(header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'sha256-abc'")];
        match state == VerifyState::Malformed {
            true => (state.status(), page).into_response(),
            false => (state.status(), policy, page).into_response(),
        }
    }
}
