//! What people do on the page, written into the feed first and then told to the engine.
//!
//! The entry comes before the engine so that a message has a number to be deduplicated by. If the engine then refuses
//! it, the page says so and the browser repeats it under the same id: the same entry, the same number.

use super::entry::Line;
use super::{ACCOUNT, Entry, Kind, MAX_TEXT, NAME, Session, Standing, Web, Who};
use frontdesk_actors::domain::{Assignee, CustomerMessage, Event, Inbound, Status};
use frontdesk_actors::ids::{ConversationKey, MessageId};
use frontdesk_actors::ports::{PortError, Quota};
use std::fmt;
use std::time::Duration;

/// The name under which a colleague at the console is assigned.
const CONSOLE: &str = "console";

/// How many entries may follow the last word on the status before it is repeated: half of what a feed keeps.
const REPEAT_AFTER: u64 = 250;

/// How long an id may be that a browser gives its message.
const MAX_ID: usize = 64;

/// A text somebody typed.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    text: String,
    id: Option<String>,
}

impl Draft {
    /// Cleans and bounds a text.
    ///
    /// # Errors
    /// [`WebError::Empty`] or [`WebError::TooLong`].
    pub fn new(text: &str) -> Result<Self, WebError> {
        let text: String = text
            .replace("\r\n", "\n")
            .chars()
            .filter(|character| !character.is_control() || matches!(character, '\n' | '\t'))
            .collect();
        let text = text.trim();
        match text.chars().count() {
            0 => Err(WebError::Empty),
            1..=MAX_TEXT => Ok(Self { text: text.to_owned(), id: None }),
            _ => Err(WebError::TooLong),
        }
    }

    /// Gives it the browser's own id, so that a repeated post is the same message. An id that is not short and plain is
    /// left out.
    #[must_use]
    pub fn with_id(mut self, id: Option<&str>) -> Self {
        let plain = |id: &&str| {
            (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        self.id = id.filter(plain).map(str::to_owned);
        self
    }

    fn feed_id(&self, prefix: &str) -> String {
        match &self.id {
            Some(id) => format!("{prefix}:{id}"),
            None => random_id(prefix),
        }
    }
}

impl fmt::Debug for Draft {
    /// Shows no words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A customer's message that stands in the feed.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Its number in the feed.
    pub seq: u64,
    /// Whether a person had the conversation when it was written.
    pub with_person: bool,
    /// What the engine is to be told.
    pub inbound: Inbound,
}

/// Why something typed was not taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WebError {
    /// There is nothing in it.
    #[error("the message is empty")]
    Empty,
    /// It is longer than [`MAX_TEXT`].
    #[error("the message is longer than {MAX_TEXT} characters")]
    TooLong,
    /// This visitor, or all together, write too fast.
    #[error("too many messages in a minute")]
    TooFast,
    /// The store is away.
    #[error("the message could not be stored")]
    Store(#[from] PortError),
}

impl Web {
    /// The visitor wrote.
    ///
    /// # Errors
    /// [`WebError::TooFast`] and [`WebError::Store`]: nothing was taken, or the same draft may be posted again.
    pub async fn customer_wrote(&self, session: &Session, draft: Draft) -> Result<Posted, WebError> {
        let key = session.key();
        self.take_turn(&key).await?;
        let (id, at) = (draft.feed_id("in"), self.clock.now());
        let line = Line { id, who: Who::You, text: draft.text, at, kind: Kind::Text };
        let seq = self.append(&key, &line.id, &line).await?;
        let entries = self.transcript(&key, 0).await?;
        let standing = Standing::of(&entries);
        self.repeat_standing(&key, &standing).await?;
        // What stands in the feed under this id is the message: a repeated post may not change it.
        let stands = entries.into_iter().find(|entry| entry.seq == seq);
        let (text, at) = stands.map_or((line.text, line.at), |entry| (entry.text, entry.at));
        let event = Event::CustomerWrote(CustomerMessage {
            id: MessageId::numeric(seq),
            at,
            text,
            attachments: 0,
            voice: None,
        });
        let mut inbound = inbound(&key, &standing, event);
        inbound.contact = Some(session.contact());
        Ok(Posted { seq, with_person: standing.status == Status::Open, inbound })
    }

    /// Tells the engine that the desk has a conversation again. For a message that met a person: the conversation may have
    /// been given back between the reading of its status and the engine's hearing of it, and nobody else would say so.
    /// `None` if it was not.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be read.
    pub async fn back_by_now(&self, key: &ConversationKey) -> Result<Option<Inbound>, PortError> {
        let standing = self.standing(key).await?;
        let back = standing.status == Status::Pending;
        Ok(back.then(|| inbound(key, &standing, Event::StateChanged)))
    }

    /// A colleague wrote to the customer. They are assigned if nobody was, but not by a post that is repeated: the
    /// conversation may have been handed back since.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    pub async fn agent_wrote(&self, key: &ConversationKey, draft: Draft) -> Result<Inbound, PortError> {
        let (id, at) = (draft.feed_id("agent"), self.clock.now());
        let entries = self.transcript(key, 0).await?;
        let is_repeated = entries.iter().any(|entry| entry.id == id);
        if !is_repeated && !Standing::of(&entries).has_person() {
            self.assign(key).await?;
        }
        let line = Line { id, who: Who::Agent, text: draft.text, at, kind: Kind::Text };
        let seq = self.append(key, &line.id, &line).await?;
        let standing = self.standing(key).await?;
        Ok(inbound(key, &standing, Event::PersonWrote { id: MessageId::numeric(seq), at, text: line.text }))
    }

    /// A colleague takes the conversation.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    pub async fn agent_connects(&self, key: &ConversationKey) -> Result<Inbound, PortError> {
        self.assign(key).await?;
        Ok(inbound(key, &self.standing(key).await?, Event::StateChanged))
    }

    /// A colleague gives the conversation back to the desk.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be written.
    pub async fn hand_back(&self, key: &ConversationKey) -> Result<Inbound, PortError> {
        self.set_status(key, random_id("console"), (Status::Pending, Some(Assignee::Nobody))).await?;
        Ok(inbound(key, &self.standing(key).await?, Event::StateChanged))
    }

    /// Notes for the customer that their message number `seq` went to a person, unless they can see that: a person was
    /// just announced, noted or speaking. `text` says so in the customer's language.
    ///
    /// # Errors
    /// [`PortError`] if the store cannot be reached.
    pub async fn routed(&self, key: &ConversationKey, seq: u64, text: String) -> Result<(), PortError> {
        let entries = self.transcript(key, 0).await?;
        if entries.iter().rev().find_map(shows_person) == Some(true) {
            return Ok(());
        }
        let line =
            Line { id: format!("routed:{seq}"), who: Who::System, text, at: self.clock.now(), kind: Kind::Routed };
        self.append(key, &line.id, &line).await.map(drop)
    }

    pub(super) async fn set_status(
        &self,
        key: &ConversationKey,
        id: String,
        (status, assignee): (Status, Option<Assignee>),
    ) -> Result<u64, PortError> {
        let kind = Kind::Status { status, assignee, repeats: None };
        let line = Line { id, who: Who::System, text: String::new(), at: self.clock.now(), kind };
        self.append(key, &line.id, &line).await
    }

    async fn assign(&self, key: &ConversationKey) -> Result<(), PortError> {
        let person = Assignee::Person(CONSOLE.to_owned());
        self.set_status(key, random_id("console"), (Status::Open, Some(person))).await.map(drop)
    }

    /// Repeats who has the conversation before the feed, which is capped, forgets it. The repetition counts as old as
    /// what it repeats, so that it cannot overrule a change made meanwhile.
    async fn repeat_standing(&self, key: &ConversationKey, standing: &Standing) -> Result<(), PortError> {
        if standing.since == 0 || standing.newest - standing.since < REPEAT_AFTER {
            return Ok(());
        }
        let round = standing.newest / REPEAT_AFTER;
        let kind = Kind::Status {
            status: standing.status,
            assignee: Some(standing.assignee.clone()),
            repeats: Some(standing.since),
        };
        let id = format!("repeat:{}:{round}", standing.since);
        let line = Line { id, who: Who::System, text: String::new(), at: self.clock.now(), kind };
        self.append(key, &line.id, &line).await.map(drop)
    }

    async fn take_turn(&self, key: &ConversationKey) -> Result<(), WebError> {
        let window = Duration::from_secs(60);
        let quotas = [
            Quota { key: format!("web:{}", key.id()), limit: self.settings.per_session, window },
            Quota { key: "web:all".to_owned(), limit: self.settings.all_sessions, window },
        ];
        match self.store.take_quota(&quotas).await? {
            None => Ok(()),
            Some(_) => Err(WebError::TooFast),
        }
    }
}

/// Tells whether this entry shows the customer that a person has the conversation; `None` if it says nothing of it.
fn shows_person(entry: &Entry) -> Option<bool> {
    match (&entry.kind, entry.who) {
        (Kind::Handoff | Kind::Routed, _) | (Kind::Text, Who::Agent) => Some(true),
        (Kind::Text, Who::Bot) | (Kind::Status { status: Status::Pending, repeats: None, .. }, _) => Some(false),
        (Kind::Text, Who::You | Who::System) | (Kind::Status { .. }, _) => None,
        (Kind::Note | Kind::Activity | Kind::Unreadable, _) => None,
    }
}

fn inbound(key: &ConversationKey, standing: &Standing, event: Event) -> Inbound {
    Inbound {
        key: key.clone(),
        inbox: format!("{NAME}:{ACCOUNT}"),
        contact: None,
        state: Some(standing.state()),
        proof: None,
        reply: None,
        event,
    }
}

fn random_id(prefix: &str) -> String {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives random bytes");
    format!("{prefix}:{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_are_cleaned_and_bounded_in_characters() {
        assert_eq!(Draft::new("  a\r\nb\u{0}\u{7}  ").map(|draft| draft.text).ok().as_deref(), Some("a\nb"));
        assert!(matches!(Draft::new(" \n\u{0} "), Err(WebError::Empty)));
        assert!(Draft::new(&"ү".repeat(MAX_TEXT)).is_ok());
        assert!(matches!(Draft::new(&"ү".repeat(MAX_TEXT + 1)), Err(WebError::TooLong)));
    }

    #[test]
    fn an_id_that_is_not_plain_is_left_out() {
        let draft = Draft::new("hi").expect("a good text");
        assert_eq!(draft.clone().with_id(Some("a-1")).feed_id("in"), "in:a-1");
        for bad in ["", "a b", "out:1", &"x".repeat(65)] {
            assert_ne!(draft.clone().with_id(Some(bad)).feed_id("in"), format!("in:{bad}"), "{bad:?}");
        }
    }
}
