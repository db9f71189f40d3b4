//! What can be made to go wrong, per kind of request.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The kinds of requests that faults can be told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// `POST …/messages`
    PostMessage,
    /// `POST …/toggle_status`
    ToggleStatus,
    /// `POST …/toggle_typing_status`
    Typing,
    /// `POST …/toggle_priority`
    Priority,
    /// `GET …/labels`
    GetLabels,
    /// `POST …/labels`
    PostLabels,
    /// `POST …/assignments`
    Assign,
    /// `POST …/custom_attributes`
    CustomAttributes,
    /// `GET /conversations/:id`
    GetConversation,
    /// `GET …/messages`
    GetMessages,
    /// `GET /conversations`
    ListConversations,
    /// `PATCH /contacts/:id`
    PatchContact,
    /// Anything else.
    Other,
    /// In [`super::ChatwootDouble::fail_next`]: whatever comes.
    Any,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing is done, and this is answered.
    Status(u16, String),
    /// It is done, and answered with 422 and an `error`: Chatwoot rescues every exception of a message post like that.
    Save422,
    /// The request hangs this long and is done then, whether or not the client still waits.
    HangThenLand(Duration),
    /// The request hangs until this says so, and is done then, whether or not the client still waits.
    HangUntil(tokio::sync::watch::Receiver<bool>),
    /// The connection is cut; nothing is done.
    Reset,
    /// It is done, and the connection is cut instead of an answer.
    LandThenReset,
    /// It is done, and never answered.
    LandThenHang,
    /// It is done, and this is answered: a proxy in front of Chatwoot gave up on it.
    LandThenStatus(u16),
    /// Nothing is done: 429 with this many seconds in `Retry-After`, as a proxy in front of Chatwoot answers.
    Throttle(u64),
    /// It is answered after this long, and not done at all if the client has gone by then.
    Delay(Duration),
}

/// Decides about each request whether it fails.
pub type Fate = Box<dyn FnMut(RequestKind) -> Option<Fault> + Send>;

/// Faults that wait for their request.
#[derive(Default)]
pub(super) struct Faults {
    next: BTreeMap<RequestKind, VecDeque<Fault>>,
    standing: BTreeMap<RequestKind, Fault>,
    fate: Option<Fate>,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("next", &self.next).field("standing", &self.standing).finish_non_exhaustive()
    }
}

impl Faults {
    /// Lets the next request of this kind fail.
    pub(super) fn push(&mut self, kind: RequestKind, fault: Fault) {
        self.next.entry(kind).or_default().push_back(fault);
    }

    /// Lets all requests of this kind fail until [`Faults::clear`].
    pub(super) fn stand(&mut self, kind: RequestKind, fault: Fault) {
        self.standing.insert(kind, fault);
    }

    /// Asks this about every request for which no fault was ordered.
    pub(super) fn leave_to(&mut self, fate: Fate) {
        self.fate = Some(fate);
    }

    /// Forgets all faults.
    pub(super) fn clear(&mut self) {
        self.next.clear();
        self.standing.clear();
        self.fate = None;
    }

    /// Takes the fault of a request, if it is to fail.
    pub(super) fn take(&mut self, kind: RequestKind) -> Option<Fault> {
        let mut once = |kind| self.next.get_mut(&kind).and_then(VecDeque::pop_front);
        let once = once(kind).or_else(|| once(RequestKind::Any));
        let standing = || self.standing.get(&kind).or_else(|| self.standing.get(&RequestKind::Any)).cloned();
        let ordered = once.or_else(standing);
        ordered.or_else(|| self.fate.as_mut().and_then(|fate| fate(kind)))
    }
}
