//! What the instance knows: its chats, its two queues, its settings, and what is to go wrong.

use super::INSTANCE;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The settings that switch notifications on.
pub(super) const SWITCHES: &[&str] = &[
    "incomingWebhook",
    "outgoingWebhook",
    "outgoingMessageWebhook",
    "outgoingAPIMessageWebhook",
    "stateWebhook",
    "editedMessageWebhook",
    "deletedMessageWebhook",
];

/// How the double behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a notification that was not taken waits for its repetition. GREEN-API: 60 s.
    pub repeat: Duration,
    /// The pause between two messages of the queue (`delaySendMessagesMilliseconds`). GREEN-API: at least 500 ms.
    pub pace: Duration,
    /// How long a message takes to appear in a journal. GREEN-API: up to two minutes.
    pub journal_lag: Duration,
    /// How long a fetch waits at most, whatever it asks for. GREEN-API: 5 to 60 s.
    pub longest_fetch: Duration,
    /// How long a notification's answer is waited for. GREEN-API: 180 s.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            repeat: Duration::from_millis(300),
            pace: Duration::from_millis(20),
            journal_lag: Duration::ZERO,
            longest_fetch: Duration::from_millis(500),
            patience: Duration::from_secs(180),
        }
    }
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The customer.
    Customer,
    /// Somebody on the paired phone.
    Phone,
    /// Whoever has the instance's token.
    Api,
}

/// How a message of ours has fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It reached the customer.
    Delivered,
    /// It never will.
    Failed,
    /// The number has no WhatsApp.
    NoAccount,
}

/// One line of a chat.
#[derive(Debug, Clone)]
pub struct Line {
    /// The chat.
    pub chat: String,
    /// The message's id.
    pub id: String,
    /// Who wrote it.
    pub side: Side,
    /// What it says.
    pub text: String,
    /// The `messageData`.
    pub data: Value,
    /// When it was written, in seconds.
    pub at: u64,
    /// The same, as precisely as the vendor never tells.
    pub written: SystemTime,
    /// When it appears in a journal.
    pub journalled: SystemTime,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing is done, and this is answered.
    Status(u16, String),
    /// It is done, and never answered.
    LandThenHang,
    /// It is never answered, and done after this long, whoever still waits.
    HangThenLand(Duration),
    /// It is done, and this is answered: a gateway gave up on it.
    LandThenStatus(u16),
    /// It is never answered, and never done.
    Hang,
    /// It is answered after this long.
    Delay(Duration),
    /// It is done, and will not reach the customer: the status comes as a notification.
    Fare(Status),
}

/// Decides about each call of a method whether it fails.
pub type Fate = Box<dyn FnMut(&str) -> Option<Fault> + Send>;

/// One attempt to deliver a notification.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// When its outcome was known.
    pub at: Instant,
    /// The body.
    pub body: String,
    /// The status it was answered with; 0 for none.
    pub status: u16,
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method's name.
    pub method: String,
    /// The body; null where there is none.
    pub body: Value,
}

/// A message that waits to be sent.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) chat: String,
    pub(super) id: String,
    pub(super) text: String,
    pub(super) status: Status,
}

/// A notification that waits to be taken.
#[derive(Debug, Clone)]
pub(super) struct Notification {
    pub(super) receipt: u64,
    pub(super) body: String,
}

/// What decides about calls for which no fault was ordered.
#[derive(Default)]
pub(super) struct Fates(pub(super) Option<Fate>);

impl std::fmt::Debug for Fates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fates").field(&self.0.is_some()).finish()
    }
}

/// The instance.
#[derive(Debug)]
pub struct World {
    pub(super) options: Options,
    pub(super) settings: Map<String, Value>,
    pub(super) state: String,
    pub(super) lines: Vec<Line>,
    pub(super) queue: VecDeque<Waiting>,
    pub(super) queue_held: bool,
    pub(super) notifications: VecDeque<Notification>,
    pub(super) cut: bool,
    pub(super) faults: Vec<(String, Fault)>,
    pub(super) fates: Fates,
    pub(super) requests: Vec<Request>,
    /// What was taken and never reached its chat.
    pub(super) failed: Vec<(String, String)>,
    /// The attempts to deliver notifications, in their order.
    pub(super) deliveries: Vec<Delivery>,
    counter: u64,
    receipts: u64,
}

impl World {
    pub(super) fn new(options: Options) -> Self {
        let off = SWITCHES.iter().map(|key| ((*key).to_owned(), json!("no")));
        let empty = ["webhookUrl", "webhookUrlToken"].map(|key| (key.to_owned(), json!("")));
        Self {
            options,
            settings: off.chain(empty).collect(),
            state: "authorized".to_owned(),
            lines: Vec::new(),
            queue: VecDeque::new(),
            queue_held: false,
            notifications: VecDeque::new(),
            cut: false,
            faults: Vec::new(),
            fates: Fates::default(),
            requests: Vec::new(),
            failed: Vec::new(),
            deliveries: Vec::new(),
            counter: 0,
            receipts: 1_234_567,
        }
    }

    /// Returns all lines, in the order in which they were written.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns what stands in a chat that was sent through the API.
    pub fn said(&self, chat: &str) -> Vec<String> {
        let ours = self.lines.iter().filter(|line| line.chat == chat && line.side == Side::Api);
        ours.map(|line| line.text.clone()).collect()
    }

    /// Returns what was taken from us for a chat and never reached it.
    pub fn failed(&self, chat: &str) -> Vec<String> {
        self.failed.iter().filter(|(of, _)| of == chat).map(|(_, text)| text.clone()).collect()
    }

    /// Returns the requests of a method.
    pub fn requests(&self, method: &str) -> Vec<Request> {
        self.requests.iter().filter(|request| request.method == method).cloned().collect()
    }

    /// Returns the statuses that webhooks were answered with; 0 for none.
    pub fn answers(&self) -> Vec<u16> {
        self.deliveries.iter().map(|delivery| delivery.status).collect()
    }

    /// Returns the attempts to deliver notifications, in their order.
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// Returns the bodies of the notifications that were taken as webhooks, each once.
    pub fn taken(&self) -> Vec<String> {
        let mut taken: Vec<String> = Vec::new();
        for delivery in self.deliveries.iter().filter(|delivery| delivery.status == 200) {
            if !taken.contains(&delivery.body) {
                taken.push(delivery.body.clone());
            }
        }
        taken
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// Returns how many notifications wait.
    pub fn waiting(&self) -> usize {
        self.notifications.len()
    }

    /// Returns whether every notification was taken and everything sent.
    pub fn is_quiet(&self) -> bool {
        self.notifications.is_empty() && (self.queue.is_empty() || self.queue_held)
    }

    pub(super) fn shown(&self) -> (Vec<String>, usize, usize, Vec<u16>) {
        let line = |line: &Line| format!("{:?} {} {}", line.side, line.id, line.text);
        let lines = self.lines.iter().map(line).collect();
        (lines, self.notifications.len(), self.queue.len(), self.answers())
    }

    pub(super) fn is_on(&self, key: &str) -> bool {
        self.settings.get(key).and_then(Value::as_str) == Some("yes")
    }

    fn fresh_id(&mut self, prefix: &str) -> String {
        self.counter += 1;
        format!("{prefix}{:016X}", self.counter.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// Somebody writes on a phone: the customer's, or the paired one.
    pub(super) fn hear(&mut self, chat: &str, side: Side, data: Value) -> String {
        let id = self.fresh_id(if side == Side::Customer { "3A" } else { "3EB0" });
        self.write(chat, &id, side, data);
        id
    }

    /// A message goes into the queue.
    pub(super) fn enqueue(&mut self, chat: &str, text: &str) -> String {
        self.enqueue_as(chat, text, Status::Delivered)
    }

    pub(super) fn enqueue_as(&mut self, chat: &str, text: &str, status: Status) -> String {
        let id = self.fresh_id("BAE5");
        self.queue.push_back(Waiting { chat: chat.to_owned(), id: id.clone(), text: text.to_owned(), status });
        id
    }

    /// The head of the queue leaves.
    pub(super) fn send_next(&mut self) {
        let Some(next) = self.queue.pop_front() else { return };
        let reached = next.status == Status::Delivered;
        if reached {
            let data = json!({ "typeMessage": "extendedTextMessage",
                "extendedTextMessageData": { "text": next.text, "previewType": "None", "jpegThumbnail": "" } });
            self.write(&next.chat, &next.id, Side::Api, data);
        } else {
            self.failed.push((next.chat.clone(), next.text.clone()));
        }
        let statuses: &[&str] = match next.status {
            Status::Delivered => &["sent", "delivered"],
            Status::Failed => &["failed"],
            Status::NoAccount => &["noAccount"],
        };
        for status in statuses {
            if self.is_on("outgoingWebhook") || !reached {
                self.notify(json!({ "typeWebhook": "outgoingMessageStatus", "chatId": next.chat, "timestamp": now(),
                    "idMessage": next.id, "status": status, "sendByApi": true }));
            }
        }
    }

    fn write(&mut self, chat: &str, id: &str, side: Side, data: Value) {
        let (kind, switch) = match side {
            Side::Customer => ("incomingMessageReceived", "incomingWebhook"),
            Side::Phone => ("outgoingMessageReceived", "outgoingMessageWebhook"),
            Side::Api => ("outgoingAPIMessageReceived", "outgoingAPIMessageWebhook"),
        };
        let sender = if side == Side::Customer { chat } else { "15550100001@c.us" };
        let body = json!({ "typeWebhook": kind, "timestamp": now(), "idMessage": id,
            "senderData": { "chatId": chat, "sender": sender, "chatName": "Dana Example", "senderName": "Dana",
                "senderContactName": "" },
            "messageData": data });
        let text = text_of(&data);
        let written = SystemTime::now();
        let journalled = written + self.options.journal_lag;
        let (chat, id) = (chat.to_owned(), id.to_owned());
        self.lines.push(Line { chat, id, side, text, data, at: now(), written, journalled });
        if self.is_on(switch) {
            self.notify(body);
        }
    }

    pub(super) fn set_state(&mut self, state: &str) {
        state.clone_into(&mut self.state);
        if self.is_on("stateWebhook") {
            self.notify(json!({ "typeWebhook": "stateInstanceChanged", "timestamp": now(), "stateInstance": state }));
        }
    }

    fn notify(&mut self, mut body: Value) {
        body["instanceData"] = json!({ "idInstance": INSTANCE, "wid": "15550100001@c.us", "typeInstance": "whatsapp" });
        self.notify_raw(body.to_string());
    }

    pub(super) fn notify_raw(&mut self, body: String) {
        self.receipts += 1;
        self.notifications.push_back(Notification { receipt: self.receipts, body });
    }

    /// A notification was answered; only exactly 200 takes it away.
    pub(super) fn answered(&mut self, receipt: u64, body: String, status: u16) {
        if status == 200 {
            // Another may have come before it meanwhile.
            self.notifications.retain(|waiting| waiting.receipt != receipt);
        }
        self.deliveries.push(Delivery { at: Instant::now(), body, status });
    }

    pub(super) fn take_fault(&mut self, method: &str) -> Option<Fault> {
        match self.faults.iter().position(|(of, _)| of == method) {
            Some(at) => Some(self.faults.remove(at).1),
            None => self.fates.0.as_mut().and_then(|fate| fate(method)),
        }
    }

    /// Lets the foremost notification that may be overtaken go behind the next one: a status or an echo, or words of another
    /// chat. What people wrote in one chat keeps its order. Returns whether there was one.
    pub(super) fn overtake(&mut self) -> bool {
        let words = |body: &str| {
            let read: Value = serde_json::from_str(body).unwrap_or_default();
            let people = ["incomingMessageReceived", "outgoingMessageReceived"];
            let by_people = people.iter().any(|kind| read["typeWebhook"] == *kind);
            by_people.then(|| read["senderData"]["chatId"].to_string())
        };
        let chats: Vec<Option<String>> = self.notifications.iter().map(|one| words(&one.body)).collect();
        let at = chats.windows(2).position(|pair| pair[0].is_none() || pair[0] != pair[1]);
        at.inspect(|at| self.notifications.swap(*at, at + 1)).is_some()
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn text_of(data: &Value) -> String {
    let text = data["textMessageData"]["textMessage"].as_str();
    let text = text.or_else(|| data["extendedTextMessageData"]["text"].as_str());
    text.or_else(|| data["fileMessageData"]["caption"].as_str()).unwrap_or_default().to_owned()
}
