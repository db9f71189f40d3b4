//! What became of sends. The table of verdicts is the architecture's: 5xx and time-outs are unknown, never transient; an
//! unknown text is looked up, everything else may be repeated.

use crate::flow::desk::Desk;
use crate::flow::effect::{Effect, Incident};
use crate::flow::input::SendOutcome;
use crate::flow::mark::{GateMark, Mark};
use crate::flow::outbox::{Row, RowKind, RowState, Tie, look_pauses};
use crate::flow::phase::{MailNews, Signal};
use crate::flow::policy::{backoff, mail_pause};
use crate::flow::record::Waiting;
use crate::flow::replies::Place;
use crate::flow::unsent::MAIL_UNKNOWN_TRIES;
use crate::flow::{Ctx, Flow};
use crate::ids::MessageId;
use crate::language::Reason;
use crate::ports::{Act, Verdict};
use crate::time::Timestamp;
use std::time::Duration;

/// How long a row rests after the account was refused. The gate pauses the lane itself, and longer each time; this must not
/// outlast its first pause.
const FAULT_PAUSE: Duration = Duration::from_secs(30);

/// How long a card rests at most: a customer waits for whoever reads it.
const LONGEST_CARD_PAUSE: Duration = Duration::from_secs(60);

/// How often an answer is tried at a place that tells nothing: about twenty-five minutes with the pauses between.
const PLACE_TRIES: u32 = 12;

/// How long after an answer was first tried at a place it is certain that somebody still waited there, but for that answer: a
/// bot has just asked there, and waits for minutes at least.
const PLACE_WAITS: Duration = Duration::from_secs(120);

impl Desk<'_> {
    /// A send ended. What an echo or a look has told before, and late outcomes of earlier tries, change nothing.
    pub(crate) fn sent(&mut self, seq: u64, attempt: u32, outcome: SendOutcome) -> Vec<Signal> {
        let current = self.common.outbox.row(seq).is_some_and(|row| {
            // A try the record does not know of: the store has lost its claim, the wire has not. One that waits may have been
            // given up for lost by another node, which read the record while this try was on the wire.
            let open = match row.state {
                RowState::Sending { .. } | RowState::Unknown { .. } | RowState::Waiting { .. } => true,
                RowState::Queued | RowState::Held => false,
            };
            row.tries < attempt || row.tries == attempt && open
        });
        if current || self.common.outbox.row(seq).is_none() {
            self.pend_is_heard(seq, attempt);
        }
        if !current {
            let (why, mark) = if self.common.has_settled(seq) {
                ("its outcome was known before", Mark::SettledBefore)
            } else {
                ("a late outcome of an earlier try", Mark::Late("send"))
            };
            self.why = Some(why);
            self.marks.push(mark);
            if let SendOutcome::Verdict(Verdict::Settled { message: Some(id) }) = &outcome {
                self.stands_again(seq, *id);
            }
            return Vec::new();
        }
        self.is_heard_after_all(seq, attempt);
        match outcome {
            SendOutcome::Verdict(verdict) => self.landed(seq, verdict),
            SendOutcome::ClaimLapsed => {
                self.why = Some("the claim was too old when its turn came: nothing was sent, it is claimed again");
                if let Some(row) = self.common.outbox.row(seq).cloned() {
                    self.did_nothing(&row);
                }
                if let Some(row) = self.common.outbox.row_mut(seq) {
                    row.state = RowState::Queued;
                    row.tries = row.tries.saturating_sub(1);
                }
                Vec::new()
            }
            SendOutcome::Capped { by_address } => {
                self.common.outbox.remove(seq);
                self.gate_mark(GateMark::Capped);
                vec![Signal::Mail(if by_address { MailNews::Sent } else { MailNews::Capped })]
            }
        }
    }

    /// The end of a try is heard that had put its row in doubt because nobody had heard it.
    fn is_heard_after_all(&mut self, seq: u64, attempt: u32) {
        if let Some(row) = self.common.outbox.row_mut(seq).filter(|row| row.unheard == Some(attempt)) {
            (row.doubted, row.unheard) = (false, None);
        }
    }

    /// The verdict on a row is known, from the vendor's answer, an echo or a look.
    pub(crate) fn landed(&mut self, seq: u64, verdict: Verdict) -> Vec<Signal> {
        let Some(row) = self.common.outbox.row(seq).cloned() else { return Vec::new() };
        match verdict {
            Verdict::Settled { message } => self.settled(&row, message),
            Verdict::Transient { retry_after, why } => {
                self.did_nothing(&row);
                let pause = retry_after.unwrap_or_else(|| self.rest(&row));
                self.wait(seq, pause, why);
                self.mail_trouble(&row)
            }
            Verdict::AccountFault { why } => {
                self.did_nothing(&row);
                self.wait(seq, FAULT_PAUSE, why);
                self.effects.push(Effect::Alert(Incident::AccountFault));
                self.mail_trouble(&row)
            }
            Verdict::Rejected { why: _ } => {
                self.did_nothing(&row);
                self.rejected(&row, false)
            }
            Verdict::Gone { why: _ } => {
                self.did_nothing(&row);
                self.rejected(&row, true)
            }
            Verdict::Unknown { finished, why } => self.unknown(&row, finished, why),
        }
    }

    /// A try did not do what it was to do, for certain.
    fn did_nothing(&mut self, row: &Row) {
        self.pend_failed(row);
        self.opening_failed(row);
    }

    fn settled(&mut self, row: &Row, message: Option<MessageId>) -> Vec<Signal> {
        let mut failed = Vec::new();
        if let Some(message) = message {
            self.saw(message);
            if row.kind.is_speech() {
                self.stands(row.seq, message);
                failed = self.failed_before(message);
            }
        }
        self.common.outbox.close(row.seq);
        self.common.note_settled(row.seq);
        self.pend_settled(row);
        self.opening_lands(row);
        self.opening_landed(row);
        if row.kind.is_speech() && matches!(row.tie, Tie::Desk | Tie::Answer | Tie::Pickup) && self.person_has_it {
            self.marks.push(Mark::SentAfterPerson);
        }
        if let Some(asked) = row.asked {
            self.marks.push(Mark::AnswerLanded(self.ctx.now.since(asked)));
        }
        match &row.kind {
            RowKind::Mail(_) => vec![Signal::Mail(MailNews::Sent)],
            RowKind::Act(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => failed,
        }
    }

    /// Returns how long a row rests before it is tried again.
    fn rest(&self, row: &Row) -> Duration {
        let pause = backoff(self.policy().outbox.retry_pause, row.tries);
        match &row.kind {
            RowKind::Mail(_) => mail_pause(self.policy().gate.mail_retry_pause, row.tries),
            RowKind::Card(_) => pause.min(LONGEST_CARD_PAUSE),
            RowKind::Act(_) | RowKind::Remember(_) | RowKind::Bar(_) => pause,
        }
    }

    fn wait(&mut self, seq: u64, pause: Duration, why: String) {
        let until = self.ctx.now + pause;
        if let Some(row) = self.common.outbox.row_mut(seq) {
            row.state = RowState::Waiting { until };
            row.trouble = Some(why);
        }
    }

    /// A mail that does not get through is told about, and given up after enough tries.
    fn mail_trouble(&mut self, row: &Row) -> Vec<Signal> {
        match &row.kind {
            RowKind::Mail(_) if row.tries >= self.policy().gate.mail_tries => {
                self.common.outbox.remove(row.seq);
                self.gate_mark(GateMark::MailFailed);
                vec![Signal::Mail(MailNews::GivenUp)]
            }
            RowKind::Mail(_) => vec![Signal::Mail(MailNews::Delayed)],
            RowKind::Act(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => Vec::new(),
        }
    }

    /// It will not be accepted; `gone` says that nothing else will be there either.
    fn rejected(&mut self, row: &Row, gone: bool) -> Vec<Signal> {
        if matches!(row.kind, RowKind::Act(Act::Dismiss { .. })) {
            // Nobody can be let go there.
            self.common.outbox.close(row.seq);
            return Vec::new();
        }
        if row.reply.is_some() && !row.doubted && self.finds_another_place(row, gone) {
            return Vec::new();
        }
        self.common.outbox.remove(row.seq);
        self.unsay(row);
        match &row.kind {
            RowKind::Mail(_) => {
                self.gate_mark(GateMark::MailFailed);
                vec![Signal::Mail(MailNews::Refused)]
            }
            RowKind::Act(Act::Text { handoff: false, .. }) => {
                self.effects.push(Effect::Alert(Incident::RowRejected));
                // Where there are places the customer's next request brings another.
                self.unreachable = gone && row.reply.is_none();
                vec![Signal::FetchPerson(Reason::Interrupted)]
            }
            RowKind::Act(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => {
                self.effects.push(Effect::Alert(Incident::RowRejected));
                Vec::new()
            }
        }
    }

    /// The place took no text; the text leaves where somebody else waits. Who still waits at the place that refused it is let
    /// go, once it is known whose the conversation is then; where nobody waits the place is `gone`, and not called again.
    /// Returns whether there is another place, or will be with the answer that is being made.
    fn finds_another_place(&mut self, row: &Row, gone: bool) -> bool {
        let place = self.common.outbox.row_mut(row.seq).and_then(|row| {
            (row.state, row.doubted) = (RowState::Queued, false);
            row.reply.take()
        });
        self.common.outbox.give_precedence(row.seq);
        let open = &mut self.common.outbox.replies.open;
        let another = open.iter().any(|place| !place.spent);
        if let Some(place) = place.filter(|_| !gone) {
            open.insert(0, Place { spent: true, ..place });
        }
        self.why = Some(if gone { "nobody waits for the text there any more" } else { "the text was refused there" });
        another
    }

    fn unknown(&mut self, row: &Row, finished: bool, why: String) -> Vec<Signal> {
        if !finished {
            self.pend_is_loose(row);
            self.opening_is_loose(row);
        }
        if let Some(place) = &row.reply {
            if finished && row.doubted {
                return self.place_is_gone(row, place.tried);
            }
            if row.tries >= PLACE_TRIES {
                return self.give_up_place(row);
            }
            // Its place takes one answer: if this one landed, the next is refused.
            if let Some(row) = self.common.outbox.row_mut(row.seq) {
                row.doubted = true;
            }
            self.wait(row.seq, self.rest(row), why);
            return Vec::new();
        }
        match &row.kind {
            kind if kind.is_speech() => {
                self.doubt(row.seq, finished, Some(why));
                Vec::new()
            }
            RowKind::Mail(_) if row.tries >= MAIL_UNKNOWN_TRIES => self.settled(row, None),
            RowKind::Act(_) | RowKind::Mail(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => {
                let counts = |row: &&mut Row| row.tie == Tie::Pend || matches!(row.kind, RowKind::Mail(_));
                if let Some(row) = self.common.outbox.row_mut(row.seq).filter(counts) {
                    row.doubted = true;
                }
                self.wait(row.seq, self.rest(row), why);
                Vec::new()
            }
        }
    }

    /// A place has told nothing for long. What was to be said there is for an operator to decide; whoever waits there without
    /// words is given up.
    fn give_up_place(&mut self, row: &Row) -> Vec<Signal> {
        if row.kind.is_speech() {
            if let Some(row) = self.common.outbox.row_mut(row.seq) {
                (row.state, row.doubted) = (RowState::Held, true);
            }
            self.effects.push(Effect::Alert(Incident::RowHeld));
        } else {
            self.common.outbox.close(row.seq);
        }
        Vec::new()
    }

    /// Nobody waits at the place any more, after a try of unknown outcome there. Soon after it that try was the answer; later
    /// on whoever waited may have gone on without it, and an operator decides: sent again, it leaves where the customer asks
    /// next.
    fn place_is_gone(&mut self, row: &Row, tried: Option<Timestamp>) -> Vec<Signal> {
        if tried.is_some_and(|tried| self.ctx.now.since(tried) <= PLACE_WAITS) {
            return self.settled(row, None);
        }
        if let Some(row) = self.common.outbox.row_mut(row.seq) {
            row.reply = None;
        }
        self.give_up_place(row)
    }

    /// Nobody knows whether the row landed: it is to be looked up.
    fn doubt(&mut self, seq: u64, finished: bool, why: Option<String>) {
        let (now, pause) = (self.ctx.now, look_pauses(self.settle())[0]);
        let Some(row) = self.common.outbox.row_mut(seq) else { return };
        let (since, waited) = match row.state {
            RowState::Sending { since, .. } => (since, Duration::ZERO),
            RowState::Unknown { since, waited, .. } => (since, waited),
            RowState::Queued | RowState::Waiting { .. } | RowState::Held => (now, Duration::ZERO),
        };
        // What another node wrote stands in the record by that one's clock.
        let waiting = &mut self.common.volatile.waiting;
        let before = waiting.extract_if(.., |waiting| waiting.of.0 == seq);
        let goes_on = |known: &Waiting| known.of.1 == since && known.before == waited;
        let known = before.filter(goes_on).map(|known| known.since).min();
        let own = matches!(&row.state, RowState::Sending { node, .. } if *node == *self.ctx.node).then_some(since);
        waiting.push(Waiting { of: (seq, since), before: waited, since: own.or(known).unwrap_or(now) });
        // A look that is running may have been answered before the row could be seen: its picture proves nothing.
        self.common.volatile.looking = None;
        let look_at = if finished { now } else { now + pause };
        row.state = RowState::Unknown { since, waited, finished, look_at, looks: 0 };
        row.trouble = why.or(row.trouble.take());
    }

    /// Texts that wait to leave may have left, in a claim that the store has forgotten.
    fn doubt_what_waits(&mut self) {
        let rows = self.common.outbox.rows().iter();
        let waits =
            |row: &&Row| row.kind.is_speech() && matches!(row.state, RowState::Queued | RowState::Waiting { .. });
        let placed = !self.common.outbox.replies.is_unused();
        let waiting: Vec<u64> = rows.filter(waits).map(|row| row.seq).collect();
        if placed {
            // Their place tells: it takes one answer.
            self.common
                .outbox
                .rows_mut()
                .iter_mut()
                .filter(|row| row.reply.is_some() && waiting.contains(&row.seq))
                .for_each(|row| row.doubted = true);
            return;
        }
        let watermark = self.common.watermark;
        for seq in waiting {
            // As rows of earlier versions stand that were never claimed: no look reaches back to the beginning.
            if let Some(row) = self.common.outbox.row_mut(seq).filter(|row| row.after == MessageId::default()) {
                row.after = watermark;
            }
            self.doubt(seq, false, Some("the store was started again and may have forgotten a claim".to_owned()));
        }
    }

    /// Whoever had claimed rows is gone, or may be: their outcome is unknown.
    pub(crate) fn doubt_the_wire(&mut self) -> Vec<Signal> {
        let claimed: Vec<Row> = self
            .common
            .outbox
            .rows()
            .iter()
            .filter(|row| matches!(row.state, RowState::Sending { .. }))
            .cloned()
            .collect();
        let doubted = |row: Row| {
            self.pend_is_unheard(&row);
            let signals = self.unknown(&row, false, "interrupted on the wire".to_owned());
            if let Some(now) = self.common.outbox.row_mut(row.seq) {
                now.unheard = Some(row.tries).filter(|_| now.doubted && !row.doubted);
            }
            signals
        };
        claimed.into_iter().flat_map(doubted).collect()
    }
}

impl Flow {
    /// See [`Desk::doubt_the_wire`].
    pub(super) fn doubt_the_wire(&mut self, ctx: &Ctx<'_>) {
        self.doubting(ctx, |desk| desk.doubt_the_wire());
    }

    /// See [`Desk::doubt_what_waits`].
    pub(super) fn doubt_what_waits(&mut self, ctx: &Ctx<'_>) {
        self.doubting(ctx, |desk| {
            desk.doubt_what_waits();
            Vec::new()
        });
    }

    fn doubting(&mut self, ctx: &Ctx<'_>, doubt: impl FnOnce(&mut Desk<'_>) -> Vec<Signal>) {
        let found = self.found.take();
        let mut desk = Desk::begin(ctx, (&mut self.common, &mut self.memory), &self.phase, found);
        for signal in doubt(&mut desk) {
            super::apply(&mut self.phase, &mut desk, signal);
        }
        self.found = desk.found();
    }
}
