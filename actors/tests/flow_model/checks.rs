//! What must hold after every step of the rig, and that it outlives its process.

use super::rig::{Rig, key, settled};
use frontdesk_actors::audit::{Rules, Violation, conversation};
use frontdesk_actors::flow::{Flow, Input};
use frontdesk_actors::ids::{CommitId, Ticket};
use frontdesk_actors::ports::{Look, ModelReply, Scanned, Stored};
use frontdesk_actors::view::{PhaseName, View};
use std::time::Duration;

/// For how long a node has what it works on.
const LEASE: Duration = Duration::from_secs(30);

/// How long a row may be on the wire: the lease and the settle time.
const ON_THE_WIRE: Duration = Duration::from_secs(90);

impl Rig {
    pub(super) fn check(&self) {
        let view = self.view();
        assert!(view.memory.len() <= self.policy.memory_messages);
        assert!(!self.watches() || view.phase == PhaseName::Human, "people keep it in shadow mode: {view:?}");
        let deadline = self.flow.deadline(&self.policy);
        assert!(deadline.is_none_or(|(at, _)| at > self.now), "a deadline in the past: {deadline:?} at {:?}", self.now);
        let hears = self.hearing.iter().any(|ticket| self.flow.is_hearing(*ticket));
        let in_flight = hears
            || self.asked.is_some()
            || self.looking.is_some()
            || !self.sending.is_empty()
            || !self.acquiring.is_empty();
        assert!(!self.flow.has_work() || in_flight || deadline.is_some() || self.paused, "stuck with work: {view:?}");
        assert!(!(self.paused && view.thinking), "the model is waited for while everything is paused: {view:?}");
        assert!(!self.typing || view.phase == PhaseName::Bot, "the desk is shown to type beside a person: {view:?}");
        if let Some(ticket) = self.flow.thinking() {
            assert_eq!(self.asked, Some(ticket), "the flow waits for a call that was never made or was aborted");
        }
        self.check_round_trip(&view);
        self.check_audit();
        self.check_stale_inputs();
    }

    /// A stored conversation comes back as it was, but for what only a living process knows.
    fn check_round_trip(&self, view: &View) {
        let back = self.restored();
        let seen = back.view(&self.policy, 1);
        assert_eq!((seen.phase, &seen.reason, &seen.verified), (view.phase, &view.reason, &view.verified));
        let mail_is_out =
            |row: &frontdesk_actors::engine::RowView| row.kind == "mail" && row.state == "sending" && row.tries > 1;
        if view.outbox.iter().any(mail_is_out) {
            // Once more and no more: it counts as sent, and the customer is told so.
            return;
        }
        assert_eq!((seen.owed, &seen.memory, seen.failures), (view.owed, &view.memory, view.failures));
        assert_eq!((&seen.status, &seen.assignee, &seen.contact), (&view.status, &view.assignee, &view.contact));
        assert_eq!(seen.outbox.len(), view.outbox.len());
        for (after, before) in seen.outbox.iter().zip(&view.outbox) {
            let kept = after.state == before.state;
            let doubted = before.state == "sending" && matches!(after.state.as_str(), "unknown" | "waiting");
            // A place that has told nothing for that long is not tried once more.
            let placed = self.sending.iter().any(|row| row.id == before.id && row.reply_place().is_some());
            let given_up = placed && before.state == "sending" && after.state == "held" && before.tries >= 12;
            assert!(after.id == before.id && (kept || doubted || given_up), "{before:?} came back as {after:?}");
        }
        assert!(!seen.thinking, "nobody is asked right after a start");
    }

    /// What is stored is sound, in the middle of everything.
    fn check_audit(&self) {
        let gated = self.policy.channels.iter().filter(|(_, of)| of.gate).map(|(name, _)| name.clone()).collect();
        let rules = Rules { memory_messages: self.policy.memory_messages, on_the_wire: ON_THE_WIRE, gated };
        let wake = self.flow.wake(&self.policy, LEASE, self.now).map(|after| self.now + after);
        let (record, memory) = (self.flow.encode().into(), Some(self.stored_memory.clone().into()));
        let stored = Some(Stored { version: 1, commit: CommitId(1), record, memory });
        let mut violations = conversation(&rules, &Scanned { key: key(), stored, wake }, self.now).violations;
        // What stands at the vendor twice says nothing about the record; the rig judges it by itself.
        violations.retain(|violation| !matches!(violation, Violation::SentTwice { .. }));
        assert!(violations.is_empty(), "{violations:?}: {:?}", self.view());
    }

    /// Answers to abandoned attempts change nothing that time alone would not.
    fn check_stale_inputs(&self) {
        let ctx = self.ctx();
        let after = |input: Input| {
            let mut flow = self.flow.clone();
            flow.handle(&ctx, input);
            flow.encode()
        };
        let by_time = after(Input::DeadlineReached);
        let stale = Ticket(u64::MAX);
        let reply = Input::ModelReplied { ticket: stale, result: Ok(ModelReply::Text("late".to_owned())) };
        assert!(after(reply) == by_time, "a late answer changed something");
        let heard = Input::Transcribed { ticket: stale, result: Ok("late".to_owned()) };
        assert!(after(heard) == by_time, "a late transcription changed something");
        let look = Look { state: self.state.clone(), messages: Vec::new(), complete: true };
        let look = Input::Looked { ticket: stale, result: Ok(Box::new(look)) };
        assert!(after(look) == by_time, "a late look changed something");
        for row in self.view().outbox {
            let seq = row.id.0.split_once('-').and_then(|(_, seq)| seq.parse().ok()).expect("row ids end in a number");
            for attempt in 0..row.tries {
                let sent = Input::Sent { row: seq, attempt, outcome: settled() };
                assert!(after(sent) == by_time, "an outcome of an earlier try changed something: {row:?}");
            }
            // A try the record has lost, because the store has: what became of it counts all the same.
            let sent = Input::Sent { row: seq, attempt: row.tries + 1, outcome: settled() };
            assert!(after(sent) != by_time, "the outcome of a lost try was not heard: {row:?}");
        }
    }

    /// The process dies and another restores the conversation; what is on the wire has landed or not.
    pub(crate) fn crash(&mut self, landed: bool) {
        for row in std::mem::take(&mut self.sending) {
            if landed {
                self.land(&row);
            }
        }
        (self.asked, self.looking, self.typing) = (None, None, false);
        self.hearing.clear();
        self.acquiring.clear();
        self.node.boot += 1;
        self.flow = self.restored();
        self.flow.suspect();
        self.step(Input::DeadlineReached);
    }

    pub(crate) fn restored(&self) -> Flow {
        let ctx = self.ctx();
        Flow::restore(&ctx, &self.flow.encode(), Some(&self.stored_memory)).expect("what was encoded can be decoded")
    }
}
