//! What became of sends. The table of verdicts is the architecture's: 5xx and time-outs are unknown, never transient; an
//! unknown text is looked up, everything else may be repeated.

use crate::flow::desk::Desk;
use crate::flow::effect::{Effect, Incident};
use crate::flow::input::SendOutcome;
use crate::flow::mark::{GateMark, Mark};
use crate::flow::outbox::{Row, RowKind, RowState, Tie, look_pauses};
use crate::flow::phase::{MailNews, Signal};
use crate::flow::policy::backoff;
use crate::flow::{Ctx, Flow};
use crate::language::Reason;
use crate::ports::{Act, Verdict};
use std::time::Duration;

/// How long a row rests after the account was refused. The gate pauses the lane itself, and longer each time; this must not
/// outlast its first pause.
const FAULT_PAUSE: Duration = Duration::from_secs(30);

/// After how many tries of unknown outcome a mail counts as sent: once more under the same Message-ID, and no more.
const MAIL_UNKNOWN_TRIES: u32 = 2;

impl Desk<'_> {
    /// A send ended. Late outcomes of earlier tries are ignored.
    pub(crate) fn sent(&mut self, seq: u64, attempt: u32, outcome: SendOutcome) -> Vec<Signal> {
        let current = self.common.outbox.row(seq).is_some_and(|row| {
            // A try the record does not know of: the store has lost its claim, the wire has not.
            row.tries < attempt
                || row.tries == attempt && matches!(row.state, RowState::Sending { .. } | RowState::Unknown { .. })
        });
        if !current {
            self.why = Some("a late outcome of an earlier try");
            self.marks.push(Mark::Late("send"));
            return Vec::new();
        }
        match outcome {
            SendOutcome::Verdict(verdict) => self.landed(seq, verdict),
            SendOutcome::ClaimLapsed => {
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

    /// The verdict on a row is known, from the vendor's answer, an echo or a look.
    pub(crate) fn landed(&mut self, seq: u64, verdict: Verdict) -> Vec<Signal> {
        let Some(row) = self.common.outbox.row(seq).cloned() else { return Vec::new() };
        match verdict {
            Verdict::Settled { message } => self.settled(&row, message),
            Verdict::Transient { retry_after, why } => {
                let pause = retry_after.unwrap_or_else(|| backoff(self.policy().outbox.retry_pause, row.tries));
                self.wait(seq, pause, why);
                self.mail_trouble(&row)
            }
            Verdict::AccountFault { why } => {
                self.wait(seq, FAULT_PAUSE, why);
                self.effects.push(Effect::Alert(Incident::AccountFault));
                self.mail_trouble(&row)
            }
            Verdict::Rejected { why: _ } => self.rejected(&row),
            Verdict::Unknown { finished, why } => self.unknown(&row, finished, why),
        }
    }

    fn settled(&mut self, row: &Row, message: Option<crate::ids::MessageId>) -> Vec<Signal> {
        if let Some(message) = message {
            self.saw(message);
        }
        self.common.outbox.remove(row.seq);
        if row.kind.is_speech() && matches!(row.tie, Tie::Desk | Tie::Answer) && self.person_has_it {
            self.marks.push(Mark::SentAfterPerson);
        }
        if let Some(asked) = row.asked {
            self.marks.push(Mark::AnswerLanded(self.ctx.now.since(asked)));
        }
        match &row.kind {
            RowKind::Mail(_) => vec![Signal::Mail(MailNews::Sent)],
            RowKind::Act(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => Vec::new(),
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

    fn rejected(&mut self, row: &Row) -> Vec<Signal> {
        self.common.outbox.remove(row.seq);
        match &row.kind {
            RowKind::Mail(_) => {
                self.gate_mark(GateMark::MailFailed);
                vec![Signal::Mail(MailNews::Refused)]
            }
            RowKind::Act(Act::Text { handoff: false, .. }) => {
                self.effects.push(Effect::Alert(Incident::RowRejected));
                vec![Signal::FetchPerson(Reason::Interrupted)]
            }
            RowKind::Act(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => {
                self.effects.push(Effect::Alert(Incident::RowRejected));
                Vec::new()
            }
        }
    }

    fn unknown(&mut self, row: &Row, finished: bool, why: String) -> Vec<Signal> {
        let first = backoff(self.policy().outbox.retry_pause, row.tries);
        match &row.kind {
            kind if kind.is_speech() => {
                self.doubt(row.seq, finished, Some(why));
                Vec::new()
            }
            RowKind::Mail(_) if row.tries >= MAIL_UNKNOWN_TRIES => self.settled(row, None),
            RowKind::Act(_) | RowKind::Mail(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => {
                self.wait(row.seq, first, why);
                Vec::new()
            }
        }
    }

    /// Nobody knows whether the row landed: it is to be looked up.
    fn doubt(&mut self, seq: u64, finished: bool, why: Option<String>) {
        let (now, pause) = (self.ctx.now, look_pauses(self.policy().outbox.settle)[0]);
        let Some(row) = self.common.outbox.row_mut(seq) else { return };
        let since = match row.state {
            RowState::Sending { since, .. } | RowState::Unknown { since, .. } => since,
            RowState::Queued | RowState::Waiting { .. } | RowState::Held => now,
        };
        // A look that is running may have been answered before the row could be seen: its picture proves nothing.
        self.common.volatile.looking = None;
        let look_at = if finished { now } else { now + pause };
        row.state = RowState::Unknown { since, finished, look_at, looks: 0 };
        row.trouble = why.or(row.trouble.take());
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
        let doubted = |row: Row| self.unknown(&row, false, "interrupted on the wire".to_owned());
        claimed.into_iter().flat_map(doubted).collect()
    }
}

impl Flow {
    /// See [`Desk::doubt_the_wire`].
    pub(super) fn doubt_the_wire(&mut self, ctx: &Ctx<'_>) {
        let mut desk = Desk {
            ctx,
            common: &mut self.common,
            memory: &mut self.memory,
            memory_dirty: false,
            effects: Vec::new(),
            why: None,
            confirmed: false,
            marks: Vec::new(),
            person_has_it: false,
        };
        for signal in desk.doubt_the_wire() {
            super::apply(&mut self.phase, &mut desk, signal);
        }
    }
}
