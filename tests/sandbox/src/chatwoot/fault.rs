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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and this is answered.
    Status(u16, String),
    /// It is done, and answered with 422 and an `error`: Chatwoot rescues every exception of a message post like that.
    Save422,
    /// The request hangs this long and is done then, whether or not the client still waits.
    HangThenLand(Duration),
    /// The connection is cut; nothing is done.
    Reset,
    /// It is done, and the connection is cut instead of an answer.
    LandThenReset,
    /// It is done, and never answered.
    LandThenHang,
    /// Nothing is done: 429 with this many seconds in `Retry-After`, as a proxy in front of Chatwoot answers.
    Throttle(u64),
    /// It is answered after this long, and not done at all if the client has gone by then.
    Delay(Duration),
}

/// Faults that wait for their request.
#[derive(Debug, Default)]
pub(super) struct Faults {
    next: BTreeMap<RequestKind, VecDeque<Fault>>,
    standing: BTreeMap<RequestKind, Fault>,
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

    /// Forgets all faults.
    pub(super) fn clear(&mut self) {
        self.next.clear();
        self.standing.clear();
    }

    /// Takes the fault of a request, if it is to fail.
    pub(super) fn take(&mut self, kind: RequestKind) -> Option<Fault> {
        let mut once = |kind| self.next.get_mut(&kind).and_then(VecDeque::pop_front);
        let once = once(kind).or_else(|| once(RequestKind::Any));
        let standing = || self.standing.get(&kind).or_else(|| self.standing.get(&RequestKind::Any)).cloned();
        once.or_else(standing)
    }
}
