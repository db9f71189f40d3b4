//! WhatsApp through GREEN-API: chats without a status, one queue of notifications, messages that carry no id of ours, and
//! recordings. A colleague takes a chat by a word on the phone and gives it back by another.

use super::chatwoot::TO_VENDOR;
use super::{Heard, Venue};
use crate::chaos::evidence::Said;
use crate::chaos::ledger::{Deed, Micros, micros, when};
use crate::chaos::storm::{Hazard, LATE, Storm};
use crate::chaos::words::{announces, name_of};
use anyhow::Result;
use async_trait::async_trait;
use frontdesk_sandbox::green_api::{Delivery, Fault, GreenDouble, INSTANCE, Line, Side, Status};
use frontdesk_sandbox::link::Trouble;
use frontdesk_sandbox::voice::{Heard as Transcript, VoiceDouble, ogg};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What colleagues type to give a chat back.
const BACK: &str = "/bot";

/// The number before the first customer's.
const NUMBERS: u64 = 15_550_000_000;

/// Of how many of the latest notifications some come again.
const RECENT: usize = 40;

/// One notification at a time: each that fails holds up all others.
const HOOKS: Hazard = Hazard {
    permille: 25,
    troubles: &[
        ("webhook: delayed", Trouble::Delay(Duration::from_millis(150))),
        ("webhook: delayed", Trouble::Delay(Duration::from_millis(400))),
        ("webhook: cut", Trouble::Cut),
        ("webhook: cut", Trouble::Cut),
        ("webhook: taken, its answer lost", Trouble::ForwardThenReset),
        ("webhook: taken, its answer lost", Trouble::ForwardThenReset),
        ("webhook: taken, then closed", Trouble::ForwardThenClose),
        ("webhook: late", LATE),
    ],
};

/// An instance, its paired phone, and the customers.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) green: GreenDouble,
    pub(crate) voice: VoiceDouble,
    /// Where the desk fetches recordings.
    pub(crate) storage: String,
    pub(crate) customers: AtomicU64,
    pub(crate) recordings: AtomicU64,
}

impl Instance {
    pub(crate) fn new(green: GreenDouble, voice: VoiceDouble, storage: String) -> Self {
        Self { green, voice, storage, customers: AtomicU64::new(NUMBERS), recordings: AtomicU64::new(0) }
    }
}

fn chat(conversation: u64) -> String {
    format!("{conversation}@c.us")
}

/// Makes a number of the vendor's id: its last sixteen digits are in no other.
fn number_of(id: &str) -> u64 {
    let digits = id.get(id.len().saturating_sub(16)..).unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

#[async_trait]
impl Venue for Instance {
    fn arrives(&self) -> u64 {
        self.customers.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn customer_writes(&self, conversation: u64, words: &str) -> u64 {
        number_of(&self.green.customer_writes(&chat(conversation), words))
    }

    fn customer_speaks(&self, conversation: u64, words: &str) -> Option<u64> {
        let name = format!("{}.oga", self.recordings.fetch_add(1, Ordering::Relaxed));
        self.voice.put(&name, &ogg(words, 3), words);
        let data = json!({ "typeMessage": "audioMessage", "fileMessageData": {
            "downloadUrl": format!("http://{}/files/{name}", self.storage), "caption": "", "fileName": name,
            "jpegThumbnail": "", "mimeType": "audio/ogg; codecs=opus", "isForwarded": false, "forwardingScore": 0 } });
        Some(number_of(&self.green.customer_sends(&chat(conversation), data)))
    }

    fn agent_writes(&self, conversation: u64, words: &str) -> u64 {
        number_of(&self.green.phone_writes(&chat(conversation), words))
    }

    fn hands_back(&self, conversation: u64) -> Option<Deed> {
        Some(Deed::HandedBack(self.agent_writes(conversation, BACK)))
    }

    fn key(&self, conversation: u64) -> String {
        format!("green-api:{INSTANCE}:{}", chat(conversation))
    }

    fn link(&self, conversation: u64) -> String {
        format!("wa.me/{conversation}\"")
    }

    fn said(&self, conversation: u64) -> Vec<Said> {
        let chat = chat(conversation);
        let ours = |line: &&Line| line.chat == chat && line.side == Side::Api;
        self.green.see(|world| world.lines().iter().filter(ours).map(said).collect())
    }

    fn failed(&self, conversation: u64) -> Vec<String> {
        self.green.see(|world| world.failed(&chat(conversation)))
    }

    fn heard(&self) -> Heard {
        let mut heard = Heard::default();
        self.green.see(|world| world.deliveries().iter().for_each(|delivery| delivered(&mut heard, delivery)));
        heard
    }

    fn tell(&self, conversation: u64) -> Vec<(Micros, String)> {
        let chat = chat(conversation);
        let line = |line: &Line| {
            let text: String = line.text.chars().take(90).collect();
            let number = number_of(&line.id);
            (micros(line.written), format!("message {number} {:?} {} {text}", line.side, name_of(&line.text)))
        };
        let webhook = |delivery: &Delivery| {
            let body: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
            let id = number_of(body["idMessage"].as_str().unwrap_or_default());
            (when(delivery.at), format!("webhook {} {id} {}: {}", body["typeWebhook"], body["status"], delivery.status))
        };
        self.green.see(|world| {
            let lines = world.lines().iter().filter(|line| line.chat == chat).map(line);
            let of_chat = |delivery: &&Delivery| delivery.body.contains(&chat);
            lines.chain(world.deliveries().iter().filter(of_chat).map(webhook)).collect()
        })
    }

    fn posted(&self, burst: &[u8]) -> Vec<(u64, String)> {
        posted(burst).into_iter().collect()
    }

    fn hazards(&self) -> (&'static Hazard, &'static Hazard) {
        (&HOOKS, TO_VENDOR)
    }

    fn leave_to(&self, storm: &Storm) {
        let of_green = storm.clone();
        self.green.leave_to(Box::new(move |method| fault(&of_green, method)));
        let of_voice = storm.clone();
        self.voice.leave_to(Box::new(move || unheard(&of_voice)));
    }

    fn recover(&self) {
        self.green.recover();
        self.voice.recover();
    }

    fn repeat(&self, storm: &Storm) {
        if self.green.overtake() {
            storm.ledger.fault("webhook: delivered after a later one");
        }
        let latest: Vec<String> = self.green.see(|world| {
            let all = world.deliveries();
            all[all.len().saturating_sub(RECENT)..].iter().map(|delivery| delivery.body.clone()).collect()
        });
        for body in latest {
            if storm.chance.permille(100) {
                storm.ledger.fault("webhook: delivered twice");
                self.green.notify(body);
            }
        }
    }

    async fn wait_quiet(&self) -> Result<()> {
        self.green.wait_quiet().await
    }
}

fn said(line: &Line) -> Said {
    let text = line.text.clone();
    Said { row: name_of(&text), handoff: announces(&text), text, saved: micros(line.written) }
}

fn delivered(heard: &mut Heard, delivery: &Delivery) {
    let body: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
    let by_people = ["incomingMessageReceived", "outgoingMessageReceived"];
    let of_people = by_people.iter().any(|kind| body["typeWebhook"] == *kind);
    let message = body["idMessage"].as_str().filter(|_| of_people).map(number_of);
    heard.attempt(delivery.status == 200, message, when(delivery.at));
}

fn fault(storm: &Storm, method: &str) -> Option<Fault> {
    let status = |status: u16| Fault::Status(status, String::new());
    let throttled = || ("vendor: 429", status(429));
    if storm.is_throttled() {
        let (name, fault) = throttled();
        storm.ledger.fault(name);
        return Some(fault);
    }
    match method {
        "sendMessage" => {
            let late = Fault::HangThenLand(storm.chance.between(200, 1_200));
            // What the vendor has taken and will never bring, and a plan that is used up, are rare.
            let rare = &[
                ("GREEN-API: 466, the plan is used up", status(466)),
                ("GREEN-API: taken, and failed later", Fault::Fare(Status::Failed)),
            ];
            storm.befall(6, rare).or_else(|| {
                let some = &[
                    ("vendor: saved, then 502 or 504", Fault::LandThenStatus(502)),
                    ("vendor: saved, then 502 or 504", Fault::LandThenStatus(504)),
                    ("vendor: saved late", late),
                    ("vendor: saved, never answered", Fault::LandThenHang),
                    ("vendor: saved, never answered", Fault::LandThenHang),
                    ("vendor: never answered, not saved", Fault::Hang),
                    ("vendor: 5xx, not saved", status(500)),
                    ("vendor: 5xx, not saved", status(503)),
                    throttled(),
                ];
                storm.befall(200, some)
            })
        }
        "lastIncomingMessages" | "lastOutgoingMessages" | "showMessagesQueue" => {
            let some = &[
                ("vendor: 500 on a look", status(500)),
                ("vendor: slow look", Fault::Delay(Duration::from_millis(600))),
                throttled(),
            ];
            storm.befall(80, some)
        }
        // Nothing that customers see rests on the others.
        _ => None,
    }
}

/// Decides whether a recording is not heard this time.
fn unheard(storm: &Storm) -> Option<Transcript> {
    let some = &[
        ("transcription: hangs", Transcript::Hang),
        ("transcription: 500", Transcript::Error(500, "server_error")),
        ("transcription: 503", Transcript::Error(503, "service_unavailable_error")),
        ("transcription: 429", Transcript::Error(429, "rate_limit_exceeded")),
    ];
    storm.befall(if storm.is_model_out() { 1000 } else { 200 }, some)
}

/// Reads which text to which chat a request to GREEN-API sends.
fn posted(burst: &[u8]) -> Option<(u64, String)> {
    let text = std::str::from_utf8(burst).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    if !head.strip_prefix("POST ")?.split(' ').next()?.contains("/sendMessage/") {
        return None;
    }
    let body: Value = serde_json::from_str(body).ok()?;
    let chat = body["chatId"].as_str()?.strip_suffix("@c.us")?.parse().ok()?;
    Some((chat, name_of(body["message"].as_str()?)))
}

#[test]
fn a_send_is_read_from_the_wire() {
    let body = json!({ "chatId": "15550000001@c.us", "message": "In answer to q1x r7y: yes, we do." });
    let burst = format!("POST /waInstance1/sendMessage/secret HTTP/1.1\r\nhost: x\r\n\r\n{body}");
    assert_eq!(posted(burst.as_bytes()), Some((15_550_000_001, "said-28".to_owned())));
    assert_ne!(number_of("3A9E3779B97F4A7C15"), number_of("3A3C6EF372FE94F82A"));
}
