//! Which conversations the desk only watches, and what becomes of its words there.

#![deny(clippy::disallowed_methods)]

use crate::flow::desk::Desk;
use crate::flow::mark::Mark;
use crate::flow::outbox::{RowKind, Tie};
use crate::flow::phase::Phase;
use crate::flow::phases;
use crate::language::{Draft, Phrase, Reason};
use crate::ports::Act;
use crate::time::Timestamp;
use crate::view::DraftView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// In which inboxes of a channel the desk speaks to nobody and drafts for the team instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Shadow {
    /// In none: the desk speaks.
    #[default]
    Off,
    /// In these.
    Inboxes(Arc<BTreeSet<String>>),
    /// In all.
    On,
}

impl Shadow {
    /// Returns whether the desk only watches this inbox.
    pub fn covers(&self, inbox: &str) -> bool {
        match self {
            Shadow::Off => false,
            Shadow::Inboxes(inboxes) => inboxes.contains(inbox),
            Shadow::On => true,
        }
    }
}

/// How many drafts are kept: a team reads the last few beside what was said.
const KEPT: usize = 5;

/// How many characters of a draft are kept.
const KEPT_CHARS: usize = 4000;

/// What the desk would have said.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drafted {
    /// When.
    pub(crate) at: Timestamp,
    /// The words.
    pub(crate) text: String,
    /// Why it would have fetched a person, where it would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) because: Option<Reason>,
}

impl fmt::Debug for Drafted {
    /// Shows no word of the conversation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drafted").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Drafted {
    /// Returns it as operators see it.
    pub(crate) fn view(&self) -> DraftView {
        let because = self.because.as_ref().map(|reason| reason.name().to_owned());
        DraftView { at: self.at, text: self.text.clone(), because }
    }
}

impl Desk<'_> {
    /// Returns whether the desk only watches this conversation.
    pub(crate) fn in_shadow(&self) -> bool {
        let channel = self.ctx.policy.channels.get(self.common.key.channel());
        channel.is_some_and(|channel| channel.shadow.covers(&self.common.inbox))
    }

    /// Leaves the conversation to the people, where the desk only watches.
    pub(crate) fn stay_in_shadow(&mut self, phase: &mut Phase) {
        if self.in_shadow() {
            phases::shadow::enter(phase, self);
        } else {
            // The desk speaks for itself.
            self.common.drafts.clear();
        }
    }

    /// Shows colleagues what the desk would have said, and whether it would have fetched a person. Nothing of it was said,
    /// so nothing of it is remembered.
    pub(crate) fn draft(&mut self, text: &str, because: Option<Reason>) {
        let kind = if because.is_some() { "person" } else { "answer" };
        let clipped = text.chars().take(KEPT_CHARS).collect();
        let drafted = Drafted { at: self.ctx.now, text: clipped, because: because.clone() };
        let draft = Draft { text: text.to_owned(), because };
        let note = self.ctx.policy.phrases.say(self.ctx.policy.desk_lang, &Phrase::Draft(Box::new(draft)));
        let kept = RowKind::Act(Act::Note { text: note });
        // A burst of pictures leads to one note as long as that has not left.
        if self.common.outbox.rows().iter().any(|row| row.kind == kept) {
            return;
        }
        self.marks.push(Mark::Drafted(kind));
        self.push(kept, Tie::Draft);
        self.keep_draft(drafted);
    }

    /// Keeps a draft for operators, where they can see it whatever the channel does with notes.
    fn keep_draft(&mut self, drafted: Drafted) {
        let drafts = &mut self.common.drafts;
        drafts.push(drafted);
        let surplus = drafts.len().saturating_sub(KEPT);
        drafts.drain(..surplus);
    }
}

/// Returns whether a row may leave where the desk only watches: what nobody outside sees and nothing is taken away by.
pub(crate) fn may_leave(kind: &RowKind) -> bool {
    match kind {
        RowKind::Act(act) => match act {
            Act::Note { .. }
            | Act::Dismiss { .. }
            | Act::Open
            | Act::MarkVerified { .. }
            | Act::ContactEmail { .. } => true,
            Act::Text { .. } | Act::Pend | Act::AddLabel(_) | Act::Priority(_) | Act::Team(_) => false,
        },
        RowKind::Remember(_) | RowKind::Bar(_) => true,
        RowKind::Mail(_) | RowKind::Card(_) => false,
    }
}
