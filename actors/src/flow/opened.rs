//! The desk opens a conversation for the people, and webhooks are late and out of order: a colleague may give it back, or put
//! it away, before the vendor has shown that opening. A state that is pending still looks like one that is pending again, and
//! one that was put away before our opening landed looks like an old story. Here both are told apart.

use crate::domain::{Assignee, ConversationState, Status};
use crate::flow::desk::Desk;
use crate::flow::outbox::{Row, Tie};
use crate::flow::phase::{Back, Human, Phase, Signal};
use crate::ids::MessageId;
use serde::{Deserialize, Serialize};

/// A row that opens the conversation has landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// The newest version of the conversation that was known before it landed.
    over: u64,
    /// The version in which the vendor has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown: Option<u64>,
    /// The newest message of a person that was known then.
    person: MessageId,
}

impl Desk<'_> {
    /// A row that opens the conversation landed, for certain.
    pub(crate) fn opening_landed(&mut self, row: &Row) {
        // A vendor that keeps no status shows no opening, whatever happened.
        if row.tie != Tie::Open || self.common.opened.is_some() || !self.has_versions() {
            return;
        }
        let pending = self.common.state.as_ref().is_none_or(|state| state.status == Status::Pending);
        let over = self.newest_version();
        let shown = self.common.state.as_ref().filter(|_| !pending).map(|state| state.version);
        self.common.opened = Some(Opened { over, shown, person: self.common.person });
        // A look that is running may show how things were before: its picture proves nothing.
        self.common.volatile.looking = None;
    }

    /// Returns whether the conversation is known to have been opened by the desk, and the vendor has not shown it: it may have
    /// been given back since, and only a look tells.
    pub(crate) fn is_opening_unshown(&self) -> bool {
        self.common.opened.is_some_and(|opened| opened.shown.is_none())
    }

    /// A state that is newer than the version that was known. Returns whether it says that a person has given the conversation back, which
    /// had been opened and was never seen open.
    pub(crate) fn is_back_unseen(
        &mut self,
        phase: &Phase,
        (known, new): (u64, &ConversationState),
        looked: bool,
    ) -> bool {
        if !matches!(phase, Phase::Human(_)) {
            self.common.volatile.back_doubted = false;
            return false;
        }
        if new.status != Status::Pending {
            self.common.volatile.back_doubted = false;
            self.opening_is_shown(known, new);
            return false;
        }
        // What the desk itself makes pending is no person's doing.
        let since = self.common.opened.is_some_and(|opened| new.version > opened.over);
        let unshown = since && self.is_opening_unshown() && self.common.pended.is_none();
        self.common.volatile.back_doubted = unshown && !looked;
        if unshown && !looked {
            self.why = Some("it was opened, and may have been given back since: a look tells");
            self.look();
        }
        if unshown && looked {
            self.common.opened = None;
        }
        // Whom it was given to is another matter.
        unshown && looked && !matches!(new.assignee, Assignee::OtherBot(_))
    }

    /// A person's words came in this state, or somebody was assigned. If it was given back after our opening, that was before: no
    /// look has to tell it any more, and one that is running shows how it was then.
    pub(crate) fn is_taken_in(&mut self, state: &ConversationState) {
        let back = |opened: &mut Opened| state.status == Status::Pending && state.version > opened.over;
        if self.common.opened.take_if(back).is_some() {
            self.common.volatile.back_doubted = false;
        }
    }

    fn opening_is_shown(&mut self, over: u64, new: &ConversationState) {
        match new.status {
            // What was put away may have been before our opening landed.
            Status::Snoozed => return,
            Status::Resolved => {}
            Status::Open | Status::Pending => self.opening_is_past(),
        }
        let (old, version) = (self.common.state.as_ref(), new.version);
        // Where the vendor had opened it itself, ours shows only in this: the bot is off it.
        let freed = |old: &&ConversationState| {
            old.status == new.status && old.assignee == Assignee::Us && new.assignee == Assignee::Nobody
        };
        let freed = old.filter(freed).map(|old| old.version);
        let tried = self.common.outbox.rows().iter().any(|row| row.tie == Tie::Open && row.tries > 0);
        let person = self.common.person;
        match &mut self.common.opened {
            Some(opened) if freed.is_some() && opened.shown == freed => opened.shown = Some(version),
            Some(opened) => opened.shown = opened.shown.or(Some(version)),
            None if tried => self.common.opened = Some(Opened { over, shown: Some(version), person }),
            None => {}
        }
    }

    /// A state from before what is known. Returns whether it says that a person has put the conversation away before our
    /// opening of it landed, and nobody has come since: then that opening has undone it.
    pub(crate) fn is_reopened_by_us(&mut self, phase: &Phase, old: &ConversationState) -> bool {
        let (Phase::Human(_), Some(opened)) = (phase, self.common.opened) else { return false };
        let stands = self.common.state.as_ref().map(|state| state.version);
        let alone = stands.is_some() && stands == opened.shown && self.common.person == opened.person;
        // Put away after the vendor had shown our opening, it was opened by somebody else since.
        let alone = alone && stands > Some(old.version);
        let since = old.version > opened.over || self.is_put_away_since(phase, old);
        let undone = alone && old.status == Status::Resolved && since;
        if undone {
            self.common.opened = None;
        }
        undone
    }

    /// A colleague gives the conversation back in a note: what is pending then and open in a newer version was opened by a
    /// person since, unless an opening of ours is on its way.
    pub(crate) fn note_order(&mut self, noted: Option<u64>) {
        let opens = self.common.outbox.rows().iter().any(|row| row.tie == Tie::Open && row.tries > 0);
        self.common.ordered = noted.filter(|_| !opens).unwrap_or_default();
    }

    /// Returns whether a state of this version came after the order by which the desk has the conversation.
    pub(crate) fn is_since_order(&self, version: u64) -> bool {
        self.common.ordered > 0 && version > self.common.ordered
    }

    /// Returns whether the vendor tells states at all.
    pub(super) fn has_versions(&self) -> bool {
        self.newest_version() > 0
    }

    pub(super) fn newest_version(&self) -> u64 {
        let known = self.common.state.as_ref().map_or(0, |state| state.version);
        known.max(self.common.volatile.version).max(self.common.heard)
    }
}

impl Human {
    /// Returns whether what the customer wrote is owed an answer, should the conversation come back: nobody has come, or they
    /// may have given it back already. What stands before their words is theirs, however late it is heard.
    pub(crate) fn owes(&self, desk: &Desk<'_>, message: MessageId) -> bool {
        !self.touched || desk.is_opening_unshown() && message.is_behind(desk.common.person)
    }
}

/// What a person's giving back means to the phase.
pub(crate) const fn given_back(done: bool) -> Signal {
    Signal::HandedBack(if done { Back::Resolved } else { Back::Pending })
}
