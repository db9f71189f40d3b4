//! A vendor with a transcript: what lands is kept, looks tell the truth about it, and webhooks are made from it.
//!
//! Sends and looks follow scripts; without one a send lands and a look shows everything.

mod list;
mod webhooks;

pub use list::ListScript;

use super::{Latch, Observer, lock};
use crate::domain::{Assignee, ConversationState, Status};
use crate::ids::{ConversationKey, MessageId, OutboundId};
use crate::ports::{Act, Active, Author, Channel, Destination, Events, Look, PortError, PortErrorKind, Seen, Verdict};
use crate::time::{Clock, Timestamp};
use async_trait::async_trait;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the vendor does to one send.
#[derive(Debug, Clone)]
pub enum SendScript {
    /// It lands, and says so.
    Land,
    /// Nothing lands; this is the answer.
    Answer(Verdict),
    /// It lands, but this is the answer.
    LandButAnswer(Verdict),
    /// It lands after this long.
    Slow(Duration),
    /// Connecting takes this long; what is claimed no longer by then is not written.
    Connect(Duration),
    /// It lands when the latch opens.
    Hang(Latch),
    /// It lands at once, and answers when the latch opens.
    LandAndHang(Latch),
    /// The adapter panics; nothing lands.
    Panic,
    /// It lands, then the adapter panics.
    LandAndPanic,
}

/// What the vendor does to one look.
#[derive(Debug, Clone)]
pub enum LookScript {
    /// It shows what is there.
    Show,
    /// It shows what is there at this moment, when the latch opens: a slow answer with an old picture.
    ShowLater(Latch),
    /// It fails.
    Fail(PortErrorKind),
    /// The adapter panics.
    Panic,
}

/// One send that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentAct {
    /// When it was begun.
    pub at: Timestamp,
    /// Where to.
    pub key: ConversationKey,
    /// What.
    pub act: Act,
    /// The row.
    pub id: OutboundId,
}

#[derive(Debug)]
struct Transcript {
    state: ConversationState,
    messages: Vec<Seen>,
    /// When something last happened in it.
    active: Timestamp,
}

#[derive(Debug, Default)]
struct Inner {
    conversations: BTreeMap<ConversationKey, Transcript>,
    last_id: u64,
    version: u64,
    sent: Vec<SentAct>,
    texts: VecDeque<SendScript>,
    others: VecDeque<SendScript>,
    looks: VecDeque<LookScript>,
    looked: u64,
    /// Whether conversations can be listed; if not even refused, there is nothing to list.
    lists: Option<bool>,
    listing: VecDeque<ListScript>,
    listed: u64,
    blind: bool,
    partial: bool,
}

/// The vendor. Its channel's name is `test`.
#[derive(Debug)]
pub struct ScriptedChannel {
    clock: Arc<dyn Clock>,
    observer: Arc<Observer>,
    inner: Mutex<Inner>,
}

impl Inner {
    fn transcript(&mut self, key: &ConversationKey) -> &mut Transcript {
        self.conversations.entry(key.clone()).or_insert_with(|| Transcript {
            state: ConversationState { status: Status::Pending, assignee: Assignee::Us, version: 1 },
            messages: Vec::new(),
            active: Timestamp::default(),
        })
    }

    fn add(&mut self, key: &ConversationKey, at: Timestamp, author: Author, text: &str) -> MessageId {
        self.last_id += 1;
        let id = MessageId::numeric(self.last_id);
        let transcript = self.transcript(key);
        transcript.messages.push(Seen { id, at, author, text: text.to_owned(), voice: None });
        transcript.active = at;
        id
    }

    fn change(&mut self, key: &ConversationKey, change: impl FnOnce(&mut ConversationState)) {
        self.version += 1;
        let version = 1 + self.version;
        let state = &mut self.transcript(key).state;
        change(state);
        state.version = version;
    }

    fn land(&mut self, key: &ConversationKey, act: &Act, id: &OutboundId, now: Timestamp) -> Option<MessageId> {
        match act {
            Act::Text { text, .. } => Some(self.add(key, now, Author::Us(id.clone()), text)),
            Act::Note { text } => Some(self.add(key, now, Author::Private, text)),
            Act::Open => {
                self.change(key, |state| state.status = Status::Open);
                None
            }
            Act::Pend => {
                self.change(key, |state| state.status = Status::Pending);
                None
            }
            Act::Dismiss { .. }
            | Act::AddLabel(_)
            | Act::Priority(_)
            | Act::Team(_)
            | Act::MarkVerified { .. }
            | Act::ContactEmail { .. } => None,
        }
    }
}

impl ScriptedChannel {
    /// The name.
    pub const NAME: &'static str = "test";

    /// Makes a vendor without conversations.
    pub(super) fn new(clock: Arc<dyn Clock>, observer: Arc<Observer>) -> Self {
        Self { clock, observer, inner: Mutex::default() }
    }

    // === Scripts ===

    /// Says what happens to the next texts, in order.
    pub fn script_texts(&self, steps: impl IntoIterator<Item = SendScript>) {
        lock(&self.inner).texts.extend(steps);
    }

    /// Says what happens to the next acts that are no texts, in order.
    pub fn script_others(&self, steps: impl IntoIterator<Item = SendScript>) {
        lock(&self.inner).others.extend(steps);
    }

    /// Says what happens to the next looks, in order.
    pub fn script_looks(&self, steps: impl IntoIterator<Item = LookScript>) {
        lock(&self.inner).looks.extend(steps);
    }

    /// Refuses all looks, as a vendor that does not let bots look.
    pub fn refuse_looks(&self, refuse: bool) {
        lock(&self.inner).blind = refuse;
    }

    /// Shows only the state and the messages of others: looks that cannot prove that something is absent.
    pub fn show_partially(&self, partial: bool) {
        lock(&self.inner).partial = partial;
    }

    // === What was seen ===

    /// Returns every send that was begun, in order.
    pub fn sent(&self) -> Vec<SentAct> {
        lock(&self.inner).sent.clone()
    }

    /// Returns how many looks were answered or failed.
    pub fn looked(&self) -> u64 {
        lock(&self.inner).looked
    }

    /// Returns the desk's texts that landed in a conversation, in order.
    pub fn said(&self, key: &ConversationKey) -> Vec<String> {
        self.landed(key).into_iter().map(|(_, text)| text).collect()
    }

    /// Returns the desk's texts that landed in a conversation, with their rows, in order.
    pub fn landed(&self, key: &ConversationKey) -> Vec<(OutboundId, String)> {
        let inner = lock(&self.inner);
        let messages = inner.conversations.get(key).map(|transcript| transcript.messages.as_slice());
        let ours = |seen: &Seen| match &seen.author {
            Author::Us(id) => Some((id.clone(), seen.text.clone())),
            Author::Carried | Author::Customer | Author::Person | Author::Private | Author::Other => None,
        };
        messages.unwrap_or_default().iter().filter_map(ours).collect()
    }

    /// Returns how often acts of this kind were begun in a conversation.
    pub fn begun(&self, key: &ConversationKey, of: impl Fn(&Act) -> bool) -> usize {
        lock(&self.inner).sent.iter().filter(|sent| sent.key == *key && of(&sent.act)).count()
    }

    /// Returns the vendor's state of a conversation.
    pub fn state(&self, key: &ConversationKey) -> ConversationState {
        lock(&self.inner).transcript(key).state.clone()
    }

    /// Returns the conversations.
    pub fn keys(&self) -> Vec<ConversationKey> {
        lock(&self.inner).conversations.keys().cloned().collect()
    }

    fn begin(&self, to: &Destination, act: &Act, id: &OutboundId) -> SendScript {
        let at = self.clock.now();
        let mut inner = lock(&self.inner);
        inner.sent.push(SentAct { at, key: to.key.clone(), act: act.clone(), id: id.clone() });
        self.observer.sees(|log| log.posted(&to.key, act, id));
        let is_text = matches!(act, Act::Text { .. });
        let script = if is_text { &mut inner.texts } else { &mut inner.others };
        script.pop_front().unwrap_or(SendScript::Land)
    }

    fn land(&self, to: &Destination, act: &Act, id: &OutboundId) -> Verdict {
        let now = self.clock.now();
        self.observer.sees(|log| log.landed(&to.key, act, id));
        Verdict::Settled { message: lock(&self.inner).land(&to.key, act, id, now) }
    }

    fn show(&self, key: &ConversationKey, after: MessageId) -> Look {
        let mut inner = lock(&self.inner);
        let partial = inner.partial;
        let transcript = inner.transcript(key);
        let shown = |seen: &&Seen| seen.id > after && !(partial && matches!(seen.author, Author::Us(_)));
        let messages = transcript.messages.iter().filter(shown).cloned().collect();
        Look { state: transcript.state.clone(), messages, complete: !partial }
    }
}

#[async_trait]
impl Channel for ScriptedChannel {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn max_text(&self) -> usize {
        4000
    }

    async fn send(&self, to: &Destination, act: &Act, id: &OutboundId) -> Verdict {
        let script = self.begin(to, act, id);
        tokio::task::yield_now().await;
        match script {
            SendScript::Land => self.land(to, act, id),
            SendScript::Answer(verdict) => verdict,
            SendScript::LandButAnswer(verdict) => {
                self.land(to, act, id);
                verdict
            }
            SendScript::Slow(span) => {
                tokio::time::sleep(span).await;
                self.land(to, act, id)
            }
            SendScript::Connect(span) => {
                tokio::time::sleep(span).await;
                match to.by {
                    Some(by) if tokio::time::Instant::now().into_std() > by => {
                        Verdict::Transient { retry_after: None, why: "connecting took too long".to_owned() }
                    }
                    Some(_) | None => self.land(to, act, id),
                }
            }
            SendScript::Hang(latch) => {
                latch.wait().await;
                self.land(to, act, id)
            }
            SendScript::LandAndHang(latch) => {
                let landed = self.land(to, act, id);
                latch.wait().await;
                landed
            }
            SendScript::Panic => panic!("a scripted panic of the channel"),
            SendScript::LandAndPanic => {
                self.land(to, act, id);
                panic!("a scripted panic of the channel")
            }
        }
    }

    async fn look(&self, key: &ConversationKey, after: MessageId) -> Result<Look, PortError> {
        tokio::task::yield_now().await;
        let step = {
            let mut inner = lock(&self.inner);
            inner.looked += 1;
            if inner.blind {
                LookScript::Fail(PortErrorKind::Forbidden)
            } else {
                inner.looks.pop_front().unwrap_or(LookScript::Show)
            }
        };
        match step {
            LookScript::Show => Ok(self.show(key, after)),
            LookScript::ShowLater(latch) => {
                let look = self.show(key, after);
                latch.wait().await;
                Ok(look)
            }
            LookScript::Fail(kind) => Err(PortError::new(kind, "look at the conversation")),
            LookScript::Panic => panic!("a scripted panic of the channel"),
        }
    }

    async fn active(&self, since: Timestamp, page: u32) -> Result<Active, PortError> {
        tokio::task::yield_now().await;
        self.list(since, page)
    }

    async fn events(
        &self,
        key: &ConversationKey,
        after: Option<MessageId>,
        since: Timestamp,
    ) -> Result<Events, PortError> {
        tokio::task::yield_now().await;
        Ok(self.read_back(key, after, since))
    }

    async fn typing(&self, _: &ConversationKey, _: bool) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        Ok(())
    }

    fn link(&self, key: &ConversationKey) -> Option<String> {
        Some(format!("https://desk.test/{}", key.id()))
    }
}
