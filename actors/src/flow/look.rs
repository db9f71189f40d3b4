//! Looking at the vendor: after a gap before speaking, and to find out what became of a row.

use crate::domain::CustomerMessage;
use crate::flow::desk::Desk;
use crate::flow::effect::{Effect, Incident};
use crate::flow::mark::Mark;
use crate::flow::outbox::{RowState, look_pauses};
use crate::flow::phase::{Phase, Signal};
use crate::flow::policy::backoff;
use crate::ids::Ticket;
use crate::language::Reason;
use crate::ports::{Author, Look, PortErrorKind, Seen, Verdict};
use crate::time::Timestamp;

impl Desk<'_> {
    /// Returns whether the vendor's state is too old to speak by.
    pub(crate) fn must_look(&self) -> bool {
        let volatile = &self.common.volatile;
        let limit = self.policy().outbox.fresh;
        let old = volatile.fresh.is_none_or(|seen| self.ctx.now.since(seen) > limit);
        volatile.gap || volatile.suspect || old || self.is_pend_doubted()
    }

    /// Starts a look, unless one is running or a failed one is resting.
    pub(crate) fn look(&mut self) {
        let resting = self.common.volatile.look_again.is_some_and(|at| at > self.ctx.now);
        if self.common.volatile.looking.is_some() || resting || self.ctx.paused {
            return;
        }
        let ticket = self.common.ticket();
        self.common.volatile.looking = Some((ticket, self.ctx.now));
        self.common.volatile.look_again = None;
        // The watermark may have moved since rows of unknown outcome were claimed: the customer goes on writing.
        let watermark = self.common.watermark;
        let after = self.common.outbox.unknown_after().map_or(watermark, |after| after.min(watermark));
        self.effects.push(Effect::Look { ticket, after });
    }

    /// From here on everything is known, up to the newest message seen.
    pub(crate) fn close_gap(&mut self) {
        let common = &mut *self.common;
        (common.volatile.gap, common.volatile.suspect) = (false, false);
        common.watermark = common.watermark.max(common.volatile.watermark);
    }

    pub(crate) fn looked(
        &mut self,
        phase: &Phase,
        ticket: Ticket,
        result: Result<Box<Look>, PortErrorKind>,
    ) -> Vec<Signal> {
        let Some((_, begun)) = self.common.volatile.looking.take_if(|(looking, _)| *looking == ticket) else {
            self.why = Some("a late look");
            self.marks.push(Mark::Late("look"));
            return Vec::new();
        };
        match result {
            Ok(look) => self.seen(phase, *look, begun),
            // Rejected: the conversation is gone. What is left to do ends visibly instead of waiting for ever.
            Err(PortErrorKind::Forbidden | PortErrorKind::Rejected) => self.blind(),
            Err(PortErrorKind::Transient | PortErrorKind::Throttled(_) | PortErrorKind::Broken) => {
                self.look_later();
                self.why = Some("the look failed, it will be repeated");
                Vec::new()
            }
        }
    }

    fn look_later(&mut self) {
        self.common.volatile.failed_looks += 1;
        let pause = backoff(self.policy().outbox.retry_pause, self.common.volatile.failed_looks);
        self.common.volatile.look_again = Some(self.ctx.now + pause);
    }

    fn seen(&mut self, phase: &Phase, look: Look, begun: Timestamp) -> Vec<Signal> {
        let missed = self.common.volatile.gap || self.common.volatile.suspect;
        let forgotten = self.forgotten_in(&look.messages);
        self.close_gap();
        self.common.volatile.fresh = Some(self.ctx.now);
        let version = look.state.version;
        let taken_since = self.resumption_is_seen(phase, &look.state);
        let (given_back, taken): (Vec<Signal>, Vec<Signal>) = self
            .hear_state(phase, look.state, (missed, true))
            .into_iter()
            .partition(|signal| matches!(signal, Signal::HandedBack(_)));
        self.common.volatile.resumed = false;
        if self.common.volatile.back_doubted {
            // It was begun before what it is to tell of was heard: its picture is older.
            self.look_later();
        } else {
            self.common.volatile.failed_looks = 0;
        }
        self.pend_is_seen();
        // Whoever wrote in it has not left it untouched, and outweighs a conversation that looks the bot's.
        let person_first = look.messages.iter().any(|message| message.author == Author::Person);
        let mut signals = given_back;
        if !person_first {
            signals.extend(taken.iter().cloned());
        }
        for message in look.messages {
            self.saw(message.id);
            match message.author {
                Author::Us(id) => match self.common.outbox.by_id(&id).map(|row| row.seq) {
                    Some(seq) => signals.extend(self.landed(seq, Verdict::Settled { message: Some(message.id) })),
                    None => self.echoed_again(&id, message.id),
                },
                Author::Carried => signals.extend(self.carried(message.id, message.at, &message.text).1),
                Author::Person => signals.extend(self.person_shown(message)),
                Author::Customer => signals.extend(self.customer_shown(phase, (message, version))),
                Author::Private | Author::Other => {}
            }
        }
        if person_first {
            signals.extend(taken);
        }
        signals.extend(taken_since);
        self.judge_absence(look.complete, Some(begun));
        signals.extend(self.said_and_forgotten(phase, &forgotten, &signals));
        self.outlive_forgetting();
        signals.push(Signal::Fresh { complete: look.complete });
        signals
    }

    /// A look has shown what a person wrote.
    fn person_shown(&mut self, message: Seen) -> Vec<Signal> {
        let signals = self.person_wrote(message.id, message.at, message.text).1;
        self.note_taken(&signals, self.newest_version());
        if !signals.is_empty() {
            self.read_back = true;
            self.is_shown(message.id);
        }
        signals
    }

    /// A look has shown what the customer wrote, beside this version of the vendor's state.
    fn customer_shown(&mut self, phase: &Phase, (message, version): (Seen, u64)) -> Vec<Signal> {
        let (id, attachments) = (message.id, u32::from(message.voice.is_some()));
        let wrote = CustomerMessage { id, at: message.at, text: message.text, attachments, voice: message.voice };
        self.is_untold(id);
        let signals = self.customer_wrote(wrote).1;
        if !signals.is_empty() {
            self.note_since_taken(phase, (id, version));
        }
        signals
    }

    /// Rows that the look did not show: absent for certain, absent so far, or not to be found out. What counts is when the
    /// look was begun: its answer may be slow and its picture old.
    fn judge_absence(&mut self, complete: bool, begun: Option<Timestamp>) {
        // Where no look is allowed none will ever tell, so waiting proves nothing.
        let blind = begun.is_none();
        let begun = begun.unwrap_or(self.ctx.now);
        let (now, settle) = (self.ctx.now, self.settle());
        let mut held = 0;
        let crate::flow::record::Common { outbox, volatile, .. } = &mut *self.common;
        for row in outbox.rows_mut() {
            let RowState::Unknown { since, waited, finished, looks, .. } = row.state else { continue };
            let waited = volatile.waited((row.seq, since), waited, (begun, now));
            let settled = finished || blind || waited >= settle;
            row.state = match (settled, complete) {
                (true, true) => RowState::Queued,
                (true, false) => {
                    held += 1;
                    RowState::Held
                }
                (false, _) => {
                    let pauses = look_pauses(settle);
                    let next = usize::try_from(looks).unwrap_or(usize::MAX).saturating_add(1).min(pauses.len() - 1);
                    let look_at = (begun + pauses[next].saturating_sub(waited)).max(now + pauses[0]);
                    RowState::Unknown { since, waited, finished, look_at, looks: looks + 1 }
                }
            };
        }
        if held > 0 {
            self.effects.push(Effect::Alert(Incident::RowHeld));
        }
    }

    /// The vendor does not let us look: unknown rows are held, and what crossed the gap goes to a person. Where nothing
    /// crossed it, the status that came with the customer's message must do, unless just that is in doubt.
    fn blind(&mut self) -> Vec<Signal> {
        let in_doubt = self.give_up_doubt();
        (self.common.volatile.back_doubted, self.common.volatile.resumed) = (false, false);
        let crossed = self.common.volatile.gap || !self.common.volatile.suspect || in_doubt;
        self.close_gap();
        self.common.volatile.fresh = Some(self.ctx.now);
        // An echo still settles a held row.
        self.judge_absence(false, None);
        if !crossed {
            return vec![Signal::Fresh { complete: false }];
        }
        self.effects.push(Effect::Alert(Incident::LookForbidden));
        vec![Signal::FetchPerson(Reason::Interrupted)]
    }
}
