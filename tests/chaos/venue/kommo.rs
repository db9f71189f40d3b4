//! Kommo: salesbots that wait, each for the one answer to its request, and colleagues whose words come as webhooks. Nothing
//! can be looked at, and nothing carries an id of ours.

use super::chatwoot::TO_VENDOR;
use super::{Heard, Venue};
use crate::chaos::evidence::Said;
use crate::chaos::ledger::{Micros, micros, now, when};
use crate::chaos::storm::{Hazard, LATE, Storm};
use crate::chaos::words::{bare, name_of, pieces};
use anyhow::{Result, ensure};
use async_trait::async_trait;
use frontdesk_sandbox::kommo::{Answered, Fault, KommoDouble, SUBDOMAIN, shown};
use frontdesk_sandbox::link::Trouble;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What stands at the end of the webhook's address.
pub(crate) const HOOK: &str = "a-webhook-secret-of-some-length";

/// The number before the first lead's.
const LEADS: u64 = 20_000_000;

/// What tells messages of colleagues from requests of salesbots.
const MESSAGES: u64 = 1_000_000_000;

/// How long the vendor waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often something is sent again that was not taken, and how soon. The real one waits for minutes.
const TRIES: usize = 4;
const AGAIN: Duration = Duration::from_millis(400);

/// How many of the latest events may come twice.
const RECENT: usize = 30;

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

/// Something that is sent to the desk.
#[derive(Debug, Clone)]
struct Event {
    message: u64,
    conversation: u64,
    path: String,
    form: bool,
    body: String,
}

/// An attempt to deliver it.
#[derive(Debug, Clone)]
struct Attempt {
    event: Event,
    at: Instant,
    status: u16,
}

/// The account, with its salesbots and users.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) kommo: KommoDouble,
    leads: AtomicU64,
    post: Arc<Post>,
    posts: Posts,
}

/// The way to the desk.
#[derive(Debug)]
struct Post {
    desk: SocketAddr,
    http: reqwest::Client,
    attempts: Mutex<Vec<Attempt>>,
    under_way: AtomicUsize,
}

/// What was seen on the wire to each request, oldest first: the texts of each answer.
type Posts = Arc<Mutex<BTreeMap<u64, Vec<Vec<String>>>>>;

impl Account {
    /// Lets the account call the desk at this address.
    pub(crate) fn new(kommo: KommoDouble, desk: SocketAddr) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let post = Post { desk, http, attempts: Mutex::default(), under_way: AtomicUsize::new(0) };
        Ok(Self { kommo, leads: AtomicU64::new(LEADS), post: Arc::new(post), posts: Posts::default() })
    }
}

impl Post {
    /// Sends something until it is taken, or often enough.
    fn send(self: &Arc<Self>, event: Event, tries: usize) {
        let post = self.clone();
        post.under_way.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            for _ in 0..tries {
                if post.attempt(&event).await == 200 {
                    break;
                }
                tokio::time::sleep(AGAIN).await;
            }
            post.under_way.fetch_sub(1, Ordering::SeqCst);
        });
    }

    async fn attempt(&self, event: &Event) -> u16 {
        let kind = if event.form { "application/x-www-form-urlencoded" } else { "application/json" };
        let request = self.http.post(format!("http://{}{}", self.desk, event.path)).header("content-type", kind);
        let status = request.body(event.body.clone()).send().await.map_or(0, |answer| answer.status().as_u16());
        let attempt = Attempt { event: event.clone(), at: Instant::now(), status };
        read(&self.attempts).push(attempt);
        status
    }

    fn attempts(&self) -> Vec<Attempt> {
        read(&self.attempts).clone()
    }
}

#[async_trait]
impl Venue for Account {
    fn arrives(&self) -> u64 {
        self.leads.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn customer_writes(&self, conversation: u64, words: &str) -> u64 {
        let message = self.kommo.wait(conversation);
        let body = self.kommo.body(message, words).to_string();
        let path = "/api/kommo/chat/webhook".to_owned();
        self.post.send(Event { message, conversation, path, form: false, body }, TRIES);
        message
    }

    fn agent_writes(&self, conversation: u64, words: &str) -> u64 {
        let (number, body) = self.kommo.user_event(conversation, words);
        let (message, path) = (MESSAGES + number, format!("/webhooks/kommo/{HOOK}"));
        self.post.send(Event { message, conversation, path, form: true, body }, TRIES);
        message
    }

    fn key(&self, conversation: u64) -> String {
        format!("kommo:{SUBDOMAIN}:{conversation}")
    }

    fn link(&self, conversation: u64) -> String {
        format!("/leads/detail/{conversation}\"")
    }

    fn said(&self, conversation: u64) -> Vec<Said> {
        self.kommo.answered().iter().filter(|answer| answer.lead == conversation).flat_map(said).collect()
    }

    fn failed(&self, conversation: u64) -> Vec<String> {
        let read_of = read(&self.posts);
        let of_lead = read_of.iter().filter(|(request, _)| self.kommo.lead_of(**request) == Some(conversation));
        of_lead.flat_map(|(_, answers)| answers.iter().flatten().cloned()).collect()
    }

    fn stopped(&self, conversation: u64) -> Vec<String> {
        let expired = self.kommo.expired().into_iter();
        let expired = expired.filter(|request| self.kommo.lead_of(*request) == Some(conversation));
        let posts = read(&self.posts);
        // Of one that was tried once the desk hears that nobody waits, and goes on from there.
        let again = expired.filter_map(|request| posts.get(&request).filter(|answers| answers.len() > 1));
        again.flat_map(|answers| answers.iter().flatten().cloned()).collect()
    }

    fn owes_nothing(&self, conversation: u64) -> bool {
        self.heard().hanging.iter().all(|(lead, _)| *lead != conversation)
    }

    fn heard(&self) -> Heard {
        let mut heard = Heard::default();
        for attempt in self.post.attempts() {
            heard.attempt(attempt.status == 200, Some(attempt.event.message), when(attempt.at));
        }
        let expired: BTreeSet<u64> = self.kommo.expired().into_iter().collect();
        let waits = |request: &u64| heard.acked.contains_key(request) && !expired.contains(request);
        let hanging = self.kommo.waiting().into_iter().filter(waits);
        heard.hanging = hanging.map(|request| (self.kommo.lead_of(request).unwrap_or_default(), request)).collect();
        heard
    }

    fn tell(&self, conversation: u64) -> Vec<(Micros, String)> {
        let answers = self.kommo.answered().into_iter().filter(|answer| answer.lead == conversation).map(|answer| {
            let text: String = answer.shown.join(" | ").chars().take(90).collect();
            (micros(answer.at), format!("message request {} goes on as {}: {text}", answer.request, answer.status))
        });
        let attempts = self.post.attempts().into_iter().filter(|one| one.event.conversation == conversation);
        let attempts = attempts.map(|one| (when(one.at), format!("webhook {}: {}", one.event.message, one.status)));
        let mut told: Vec<_> = answers.chain(attempts).collect();
        let of_lead = |request: &u64| self.kommo.lead_of(*request) == Some(conversation);
        let ended = |what: &str, requests: Vec<u64>| {
            let requests: Vec<u64> = requests.into_iter().filter(of_lead).collect();
            (now(), format!("{what}: {requests:?}"))
        };
        told.push(ended("stopped before they were answered", self.kommo.expired()));
        told.push(ended("called again although they had gone on", self.kommo.surplus()));
        told.push(ended("waiting in the end", self.kommo.waiting()));
        told
    }

    fn posted(&self, burst: &[u8]) -> Vec<(u64, String)> {
        let Some((request, texts)) = posted(burst) else { return Vec::new() };
        let Some(lead) = self.kommo.lead_of(request) else { return Vec::new() };
        let pieces = pieces(&texts);
        let names = pieces.iter().map(|piece| (lead, name_of(piece))).collect();
        read(&self.posts).entry(request).or_default().push(pieces);
        names
    }

    fn hazards(&self) -> (&'static Hazard, &'static Hazard) {
        (&HOOKS, TO_VENDOR)
    }

    fn leave_to(&self, storm: &Storm) {
        let (storm, posts) = (storm.clone(), self.posts.clone());
        self.kommo.leave_to(Box::new(move |request| {
            let tries = read(&posts).get(&request).map_or(0, Vec::len);
            fault(&storm, tries <= 1 && !storm.ledger.has_returned_since(request))
        }));
    }

    fn recover(&self) {
        self.kommo.recover();
    }

    fn repeat(&self, storm: &Storm) {
        let all = self.post.attempts();
        for attempt in &all[all.len().saturating_sub(RECENT)..] {
            if storm.chance.permille(150) {
                storm.ledger.fault("webhook: delivered twice");
                self.post.send(attempt.event.clone(), 1);
            }
        }
    }

    async fn wait_quiet(&self) -> Result<()> {
        let began = Instant::now();
        while self.post.under_way.load(Ordering::SeqCst) > 0 {
            ensure!(began.elapsed() < Duration::from_secs(60), "events are under way for ever");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

/// What a customer reads of an answer, text by text.
fn said(answer: &Answered) -> Vec<Said> {
    let saved = micros(answer.at);
    let handoff = answer.status == "human";
    let said = |text: String| Said { row: name_of(&text), text, saved, handoff };
    pieces(&answer.shown.join(" ")).into_iter().map(said).collect()
}

fn read<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Decides about an answer. A salesbot is stopped only before its `first`: after one in doubt nobody could tell that it had
/// not landed. A desk that died may have claimed one before it was seen on the wire.
fn fault(storm: &Storm, first: bool) -> Option<Fault> {
    if storm.is_throttled() {
        storm.ledger.fault("vendor: 429");
        return Some(Fault::Refuse(429));
    }
    let stopped = &[("Kommo: the salesbot was stopped, 404", Fault::Expire)];
    let late = Fault::GoOnLate(storm.chance.between(200, 1_200));
    let some = &[
        ("vendor: saved, then 502 or 504", Fault::GoOnThen(502)),
        ("vendor: saved, then 502 or 504", Fault::GoOnThen(504)),
        ("vendor: saved late", late),
        ("vendor: saved, never answered", Fault::GoOnThenHang),
        ("vendor: never answered, not saved", Fault::Hang),
        ("vendor: 5xx, not saved", Fault::Refuse(500)),
        ("vendor: 5xx, not saved", Fault::Refuse(503)),
        ("vendor: 429", Fault::Refuse(429)),
    ];
    let stops = if first { storm.befall(10, stopped) } else { None };
    stops.or_else(|| storm.befall(200, some))
}

/// Reads which request a call answers, and with which words.
fn posted(burst: &[u8]) -> Option<(u64, String)> {
    let text = std::str::from_utf8(burst).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let path = head.strip_prefix("POST ")?.split(' ').next()?;
    let request = path.split_once("/continue/")?.1.parse().ok()?;
    let body: Value = serde_json::from_str(body).ok()?;
    Some((request, bare(&shown(&body)?.join(" "))))
}

#[test]
fn an_answer_is_read_from_the_wire() {
    let show = |value: &str| serde_json::json!({ "handler": "show", "params": { "type": "text", "value": value } });
    let handlers = [show("In answer to q1x r7y: yes, we do."), show("More.")];
    let body = serde_json::json!({ "data": { "status": "success", "long": "no" }, "execute_handlers": handlers });
    let burst = format!("POST /api/v4/salesbot/40001/continue/50001 HTTP/1.1\r\nhost: x\r\n\r\n{body}");
    assert_eq!(posted(burst.as_bytes()), Some((50_001, "In answer to q1x r7y: yes, we do. More.".to_owned())));
}
