//! Messages that are changed or taken back after they were heard.

use crate::flow::desk::Desk;
use crate::flow::phase::{Owed, Signal};
use crate::ids::MessageId;
use crate::view::Intake;

impl Desk<'_> {
    /// The customer changed a message. A model that is answering goes on: it answers what was said when it was asked, and
    /// remembers the change.
    pub(super) fn edited(&mut self, id: MessageId, text: &str) -> Intake {
        let mut changed = false;
        let mut recordings = self.common.unheard.iter_mut().chain(&mut self.common.theirs);
        if let Some(unheard) = recordings.find(|unheard| unheard.id == id && unheard.text != text) {
            text.clone_into(&mut unheard.text);
            changed = true;
        }
        // What was said stays said: only what was written can be changed.
        let is_it = |owed: &&mut Owed| owed.id == id && owed.text != text && !owed.voice;
        if let Some(owed) = self.common.owed.iter_mut().find(is_it) {
            text.clone_into(&mut owed.text);
            changed = true;
        }
        self.common.outbox.reword_question(id, text);
        let remembered = self.memory.amend(id, text);
        self.memory_dirty |= remembered;
        if changed || remembered {
            self.why = Some("the customer changed what they wrote");
            Intake::Accepted
        } else {
            Intake::Ignored("the message says what it said, or is not remembered")
        }
    }

    /// A message was taken back: it is not remembered, and nobody waits for an answer to it.
    pub(super) fn deleted(&mut self, id: MessageId) -> (Intake, Vec<Signal>) {
        let id = self.common.seen.placed(id);
        let remembered = self.memory.remove(id);
        self.common.outbox.forget_question(id);
        self.common.left.retain(|left| *left != id);
        self.memory_dirty |= remembered;
        let owed = self.common.owed.iter().any(|owed| owed.id == id);
        let mut recordings = self.common.unheard.iter().chain(&self.common.theirs);
        let owed = owed || recordings.any(|unheard| unheard.id == id);
        if owed || remembered {
            (Intake::Accepted, vec![Signal::Deleted(id)])
        } else {
            (Intake::Ignored("the deleted message was not remembered"), Vec::new())
        }
    }
}
