//! Conversations and messages.

use serde_json::{Map, Value};

/// The status of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::chatwoot) enum Status {
    Open,
    Resolved,
    Pending,
    Snoozed,
}

impl Status {
    pub(in crate::chatwoot) fn parse(name: &str) -> Option<Self> {
        [Status::Open, Status::Resolved, Status::Pending, Status::Snoozed].into_iter().find(|it| it.name() == name)
    }

    pub(in crate::chatwoot) const fn name(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Resolved => "resolved",
            Status::Pending => "pending",
            Status::Snoozed => "snoozed",
        }
    }
}

/// Who is assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::chatwoot) enum Assignee {
    Nobody,
    User(u64),
    Bot(u64),
}

impl Assignee {
    pub(in crate::chatwoot) fn only_if(self, condition: bool) -> Self {
        if condition { self } else { Assignee::Nobody }
    }
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The customer.
    Contact(u64),
    /// A person of the company.
    User(u64),
    /// An agent bot.
    Bot(u64),
    /// Nobody: a greeting, an automation, an activity line, an echo of a native app.
    Nobody,
}

/// A message to be saved.
#[derive(Debug, Clone)]
pub(in crate::chatwoot) struct NewMessage {
    pub(in crate::chatwoot) content: Option<String>,
    /// 0 incoming, 1 outgoing, 2 activity, 3 template.
    pub(in crate::chatwoot) kind: u8,
    pub(in crate::chatwoot) private: bool,
    pub(in crate::chatwoot) author: Author,
    pub(in crate::chatwoot) content_type: String,
    pub(in crate::chatwoot) content_attributes: Map<String, Value>,
    pub(in crate::chatwoot) additional_attributes: Map<String, Value>,
    pub(in crate::chatwoot) attachments: Vec<Value>,
}

impl NewMessage {
    pub(in crate::chatwoot) fn of(kind: u8, author: Author) -> Self {
        Self {
            content: None,
            kind,
            private: false,
            author,
            content_type: "text".to_owned(),
            content_attributes: Map::new(),
            additional_attributes: Map::new(),
            attachments: Vec::new(),
        }
    }
}

/// A saved message.
#[derive(Debug, Clone)]
pub(in crate::chatwoot) struct Message {
    pub(in crate::chatwoot) id: u64,
    pub(in crate::chatwoot) content: Option<String>,
    pub(in crate::chatwoot) kind: u8,
    pub(in crate::chatwoot) private: bool,
    pub(in crate::chatwoot) author: Author,
    pub(in crate::chatwoot) content_type: String,
    pub(in crate::chatwoot) content_attributes: Map<String, Value>,
    pub(in crate::chatwoot) additional_attributes: Map<String, Value>,
    pub(in crate::chatwoot) attachments: Vec<Value>,
    pub(in crate::chatwoot) created: u64,
    pub(in crate::chatwoot) updated: u64,
}

impl Message {
    pub(in crate::chatwoot) fn new(id: u64, new: NewMessage, now: u64) -> Self {
        Self {
            id,
            content: new.content,
            kind: new.kind,
            private: new.private,
            author: new.author,
            content_type: new.content_type,
            content_attributes: new.content_attributes,
            additional_attributes: new.additional_attributes,
            attachments: new.attachments,
            created: now,
            updated: now,
        }
    }

    pub(in crate::chatwoot) fn type_name(&self) -> &'static str {
        match self.kind {
            0 => "incoming",
            1 => "outgoing",
            2 => "activity",
            _ => "template",
        }
    }
}

/// A conversation.
#[derive(Debug, Clone)]
pub(in crate::chatwoot) struct Conversation {
    pub(in crate::chatwoot) id: u64,
    pub(in crate::chatwoot) contact: u64,
    pub(in crate::chatwoot) status: Status,
    pub(in crate::chatwoot) assignee: Assignee,
    pub(in crate::chatwoot) team: Option<u64>,
    pub(in crate::chatwoot) labels: Vec<String>,
    pub(in crate::chatwoot) priority: Option<String>,
    pub(in crate::chatwoot) custom_attributes: Map<String, Value>,
    pub(in crate::chatwoot) messages: Vec<Message>,
    pub(in crate::chatwoot) created: u64,
    pub(in crate::chatwoot) updated: u64,
    pub(in crate::chatwoot) last_activity: u64,
    pub(in crate::chatwoot) waiting_since: Option<u64>,
    pub(in crate::chatwoot) first_reply: Option<u64>,
}

impl Conversation {
    pub(in crate::chatwoot) fn new(id: u64, contact: u64, now: u64) -> Self {
        Self {
            id,
            contact,
            status: Status::Open,
            assignee: Assignee::Nobody,
            team: None,
            labels: Vec::new(),
            priority: None,
            custom_attributes: Map::new(),
            messages: Vec::new(),
            created: now,
            updated: now,
            last_activity: now / 1_000_000,
            waiting_since: None,
            first_reply: None,
        }
    }
}
