//! What the double knows, and what changes do to it: the models of Chatwoot, as far as the desk meets them.

mod conversation;
mod options;

pub use conversation::Author;
pub(super) use conversation::{Assignee, Conversation, Message, NewMessage, Status};
pub use options::{Hook, Options, Stats, Target, Token};

use super::deliver::{Delivery, Event, Job};
use super::fault::{Faults, RequestKind};
use super::{liquid, payload, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The inbox of the double, a web widget.
pub(super) const INBOX: u64 = 3;
/// The id of the bot whose token the desk holds.
pub(super) const BOT: u64 = 7;
/// The id of a bot of somebody else.
pub(super) const OTHER_BOT: u64 = 8;
/// The id of the agent who writes in tests.
pub(super) const AGENT: u64 = 5;

/// A contact.
#[derive(Debug, Clone)]
pub(super) struct Contact {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) identifier: Option<String>,
    pub(super) hmac_verified: bool,
    pub(super) blocked: bool,
    pub(super) created: u64,
}

/// A request as it was received.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// When.
    pub at: Instant,
    /// What kind.
    pub kind: RequestKind,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Whose token it carried, if a known one.
    pub token: Option<Token>,
    /// The JSON body; null if there was none.
    pub body: Value,
    /// The status answered; 0 while it is not answered, or if the connection was cut.
    pub status: u16,
}

/// Everything the double knows.
#[derive(Debug)]
pub(super) struct World {
    pub(super) options: Options,
    pub(super) contacts: BTreeMap<u64, Contact>,
    pub(super) conversations: BTreeMap<u64, Conversation>,
    pub(super) teams: BTreeMap<u64, String>,
    pub(super) faults: Faults,
    pub(super) requests: Vec<Recorded>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) stats: Stats,
    pub(super) typing: Vec<(u64, bool)>,
    /// Every change of a status: of which conversation, when, to what, and by whom.
    pub(super) statuses: Vec<(u64, u64, Status, ChangedBy)>,
    pub(super) closed: bool,
    minute: (u64, u32),
    next_message: u64,
    next_delivery: u64,
    latest: u64,
    jobs: Vec<Job>,
}

/// Who changed a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedBy {
    /// Whoever holds a token: the desk.
    Api,
    /// A colleague.
    Person,
    /// Chatwoot itself: a new conversation, a customer who reopens one, a bot that failed on a webhook.
    Chatwoot,
}

impl World {
    pub(super) fn new(options: Options) -> Self {
        let mut world = Self {
            options,
            contacts: BTreeMap::new(),
            conversations: BTreeMap::new(),
            teams: BTreeMap::from([(2, "billing".to_owned())]),
            faults: Faults::default(),
            requests: Vec::new(),
            deliveries: Vec::new(),
            stats: Stats::default(),
            typing: Vec::new(),
            statuses: Vec::new(),
            closed: false,
            minute: (0, 0),
            next_message: 9100,
            next_delivery: 0,
            latest: 0,
            jobs: Vec::new(),
        };
        world.add_contact("Jane Doe", Some("jane@example.com"));
        world
    }

    /// Returns the present in microseconds, later than every moment returned before.
    pub(super) fn tick(&mut self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.latest = u64::try_from(since.as_micros()).unwrap_or(u64::MAX).max(self.latest + 1);
        self.latest
    }

    /// Takes the webhooks that changes have caused.
    pub(super) fn take_jobs(&mut self) -> Vec<Job> {
        std::mem::take(&mut self.jobs)
    }

    /// Counts a request against the limit per clock minute; `false` if it is used up.
    pub(super) fn admit(&mut self) -> bool {
        let minute = self.tick() / 60_000_000;
        if self.minute.0 != minute {
            self.minute = (minute, 0);
        }
        self.minute.1 += 1;
        self.options.requests_per_minute.is_none_or(|limit| self.minute.1 <= limit)
    }

    /// Adds a contact. The first is number 412.
    pub(super) fn add_contact(&mut self, name: &str, email: Option<&str>) -> u64 {
        let id = self.contacts.keys().next_back().map_or(412, |last| last + 1);
        let created = self.tick();
        let (name, email) = (name.to_owned(), email.map(str::to_owned));
        self.contacts
            .insert(id, Contact { id, name, email, identifier: None, hmac_verified: false, blocked: false, created });
        id
    }

    /// Opens a conversation. In an inbox with an active bot it is pending, and the bot is assigned (4.16.2 and later).
    pub(super) fn add_conversation(&mut self, contact: u64) -> u64 {
        let id = self.conversations.keys().next_back().map_or(57, |last| last + 1);
        let now = self.tick();
        let with_bot = self.options.bot_connected;
        let mut conversation = Conversation::new(id, contact, now);
        conversation.status = if with_bot { Status::Pending } else { Status::Open };
        conversation.assignee = Assignee::Bot(BOT).only_if(with_bot && self.options.version >= (4, 16, 2));
        self.statuses.push((id, now, conversation.status, ChangedBy::Chatwoot));
        self.conversations.insert(id, conversation);
        self.emit(id, Event::ConversationCreated);
        id
    }

    /// Returns a conversation, if there is one of this number.
    pub(super) fn conversation(&self, id: u64) -> Option<&Conversation> {
        self.conversations.get(&id)
    }

    /// Saves a message, as the model does on create, and causes its webhooks. `None` without such a conversation.
    pub(super) fn add_message(&mut self, id: u64, new: NewMessage) -> Option<u64> {
        let now = self.tick();
        self.conversations.get(&id)?;
        if new.kind == 0 {
            self.reopen(id);
        }
        let content = match (&new.content, new.kind) {
            (Some(content), 1) => Some(liquid::render(content)),
            (content, _) => content.clone(),
        };
        self.next_message += 1;
        let number = self.next_message;
        let message = Message::new(number, NewMessage { content, ..new }, now);
        let (kind, private, by_user) = (message.kind, message.private, matches!(message.author, Author::User(_)));
        let conversation = self.conversations.get_mut(&id)?;
        conversation.messages.push(message);
        conversation.last_activity = now / 1_000_000;
        conversation.updated = now;
        if kind != 2 {
            self.emit(id, Event::MessageCreated(number));
        }
        self.after_message(id, kind, private, by_user);
        Some(number)
    }

    /// Changes what a new message changes about its conversation, which is a webhook of its own.
    fn after_message(&mut self, id: u64, kind: u8, private: bool, by_user: bool) {
        let now = self.tick();
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let waiting_before = conversation.waiting_since;
        match kind {
            0 if waiting_before.is_none() => conversation.waiting_since = Some(now / 1_000_000),
            1 if !private => {
                conversation.waiting_since = None;
                if by_user && conversation.first_reply.is_none() {
                    conversation.first_reply = Some(now);
                }
            }
            _ => {}
        }
        if conversation.waiting_since != waiting_before {
            let now_waiting = conversation.waiting_since;
            conversation.updated = now;
            let moment = |secs: Option<u64>| secs.map_or(Value::Null, |secs| text::iso(secs * 1_000_000).into());
            let change = payload::change("waiting_since", moment(waiting_before), moment(now_waiting));
            self.emit(id, Event::ConversationUpdated(vec![change]));
        }
    }

    /// A customer's message reopens: to the bot if the inbox has one.
    fn reopen(&mut self, id: u64) {
        let with_bot = self.options.bot_connected;
        let status = self.conversation(id).map(|conversation| conversation.status);
        match status {
            Some(Status::Resolved) => {
                let status = if with_bot { Status::Pending } else { Status::Open };
                self.set_status(id, status, ChangedBy::Chatwoot);
            }
            Some(Status::Snoozed) => self.set_status(id, Status::Open, ChangedBy::Chatwoot),
            Some(Status::Open | Status::Pending) | None => {}
        }
    }

    /// Changes the status and causes what a change of status causes.
    pub(super) fn set_status(&mut self, id: u64, status: Status, by: ChangedBy) {
        self.set_status_and_assignee(id, (status, by), None);
    }

    /// Changes status and assignee in one save.
    pub(super) fn set_status_and_assignee(
        &mut self,
        id: u64,
        (status, by): (Status, ChangedBy),
        assignee: Option<Assignee>,
    ) {
        let now = self.tick();
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let (before, assigned_before) = (conversation.status, conversation.assignee);
        conversation.status = status;
        conversation.assignee = assignee.unwrap_or(assigned_before);
        let (changed, reassigned) = (before != status, conversation.assignee != assigned_before);
        if !changed && !reassigned {
            return;
        }
        if changed && status == Status::Open && before == Status::Pending {
            conversation.waiting_since = Some(now / 1_000_000);
        }
        let mut changes = Vec::new();
        if changed {
            changes.push(payload::change("status", before.name().into(), status.name().into()));
        }
        changes.extend(payload::assignee_changes(assigned_before, conversation.assignee));
        changes.push(payload::change("updated_at", text::iso(conversation.updated).into(), text::iso(now).into()));
        conversation.updated = now;
        // Chatwoot writes an activity line about it, and every message moves this.
        conversation.last_activity = now / 1_000_000;
        if changed {
            self.statuses.push((id, now, status, by));
            match status {
                Status::Open => self.emit(id, Event::ConversationOpened),
                Status::Resolved => self.emit(id, Event::ConversationResolved),
                Status::Pending | Status::Snoozed => {}
            }
            self.emit(id, Event::StatusChanged);
        }
        self.emit(id, Event::ConversationUpdated(changes));
    }

    /// Writes a line about the conversation, which no webhook tells.
    pub(super) fn add_activity(&mut self, id: u64, line: &str) {
        self.add_message(id, NewMessage { content: Some(line.to_owned()), ..NewMessage::of(2, Author::Nobody) });
    }

    /// Changes something about a conversation that `conversation_updated` tells.
    pub(super) fn update(&mut self, id: u64, column: &str, update: impl FnOnce(&mut Conversation)) {
        let now = self.tick();
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        update(conversation);
        conversation.updated = now;
        let change = payload::change(column, Value::Null, Value::Null);
        self.emit(id, Event::ConversationUpdated(vec![change]));
    }

    /// Changes a message, which `message_updated` tells.
    pub(super) fn update_message(&mut self, id: u64, message: u64, update: impl FnOnce(&mut Message)) {
        let now = self.tick();
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let Some(found) = conversation.messages.iter_mut().find(|found| found.id == message) else { return };
        update(found);
        found.updated = now;
        self.emit(id, Event::MessageUpdated(message));
    }

    /// Assigns somebody. From 4.17 a bot makes the conversation pending and a person opens what a bot had.
    pub(super) fn assign(&mut self, id: u64, assignee: Assignee, by: ChangedBy) {
        let Some(conversation) = self.conversation(id) else { return };
        let (status, by_bot) = (conversation.status, matches!(conversation.assignee, Assignee::Bot(_)));
        let status = match assignee {
            Assignee::Bot(_) if self.options.version >= (4, 17, 0) => Status::Pending,
            Assignee::User(_) if self.options.version >= (4, 17, 0) && by_bot && status == Status::Pending => {
                Status::Open
            }
            Assignee::Bot(_) | Assignee::User(_) | Assignee::Nobody => status,
        };
        self.set_status_and_assignee(id, (status, by), Some(assignee));
    }

    /// A message of a contact touches the contact, which is an event of its own.
    pub(super) fn contact_seen(&mut self, conversation: u64) {
        self.emit(conversation, Event::ContactUpdated);
    }

    /// Returns whether no webhook is queued or under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.jobs.is_empty() && self.stats.running == 0
    }

    /// Queues the webhooks of an event. The bot's body is made here, at the commit; the account's when its job runs.
    fn emit(&mut self, conversation: u64, event: Event) {
        for target in [Target::AgentBot, Target::Account] {
            let wanted = match target {
                Target::AgentBot => event.is_for_bots() && self.bot_listens(conversation),
                Target::Account => event.is_for_accounts(),
            };
            if !wanted || self.options.hook(target).is_none() {
                continue;
            }
            self.next_delivery += 1;
            let id = format!("00000000-0000-4000-8000-{:012x}", self.next_delivery);
            let body = match target {
                Target::AgentBot => payload::body(self, conversation, &event),
                Target::Account => None,
            };
            self.stats.running += 1;
            self.jobs.push(Job { id, target, conversation, event: event.clone(), body });
        }
    }

    /// A bot hears of a conversation if it is connected to the inbox or assigned, whatever the status.
    fn bot_listens(&self, conversation: u64) -> bool {
        let assigned = self.conversation(conversation).map(|conversation| conversation.assignee);
        self.options.bot_connected || assigned == Some(Assignee::Bot(BOT))
    }
}
