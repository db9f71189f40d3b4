//! Random sequences of inputs: the flow goes where the reference goes, and the rig's checks hold after every step.

use super::ops::{Eye, Fate, Op, Reply, Which, Word, op};
use super::reference::{Challenge, Reference, Said, Touch};
use super::rig::{Rig, is_text};
use frontdesk_actors::domain::{Event, Order};
use frontdesk_actors::engine::{Decided, Decision, PhaseName};
use frontdesk_actors::flow::outbox::Row;
use frontdesk_actors::flow::{Input, SendOutcome};
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{Author, ModelError, ModelErrorKind, ModelReply, PortErrorKind, Verdict};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

#[path = "telling.rs"]
mod telling;

/// The flow and its reference, side by side.
struct Pair {
    rig: Rig,
    reference: Reference,
    challenges: Vec<String>,
    confirmed: BTreeSet<String>,
    told_last: u64,
    /// Whether the reference knows these rules; else only the rig's checks count.
    compares: bool,
}

/// Drives a rig whose rules the reference does not know.
pub(crate) fn drive(rig: &mut Rig, ops: &[Op]) {
    let gate = rig.policy.channels.values().any(|channel| channel.gate);
    let mut pair = Pair { rig: rig.clone(), compares: false, ..Pair::new(gate) };
    for op in ops {
        pair.apply(op);
    }
    *rig = pair.rig;
}

/// Returns whether time or a failure gave it to people, which the reference does not foresee.
fn is_by_itself(reason: Option<&Reason>) -> bool {
    matches!(
        reason,
        Some(
            Reason::TurnDeadline
                | Reason::ModelFailed
                | Reason::Interrupted
                | Reason::MailFailed
                | Reason::AnswerTooLate
        )
    )
}

impl Pair {
    fn new(gate: bool) -> Self {
        let (rig, reference) = (Rig::new(gate), Reference::new(gate));
        Self { rig, reference, challenges: Vec::new(), confirmed: BTreeSet::new(), told_last: 0, compares: true }
    }

    fn fresh(&self, address: &str) -> Challenge {
        let seed = self.rig.seed;
        Challenge::new([seed[0] + 1, 0x5eed, seed[2] + 111_111], address, self.rig.now)
    }

    fn apply(&mut self, op: &Op) {
        let before = self.rig.phase();
        match op {
            Op::Wrote(word) => self.wrote(*word),
            Op::Again => self.again(),
            Op::Deleted(id) => {
                let id = frontdesk_actors::ids::MessageId::numeric(*id);
                self.event(Event::Deleted { id });
            }
            Op::PersonWrote => self.person_wrote(),
            Op::Told(status, who) => self.told(*status, *who),
            Op::Old => self.old(),
            Op::Noted(order) => self.noted(*order),
            Op::Ordered(order) => self.ordered(*order),
            Op::Mode(on) => self.rig.human_mode = *on,
            Op::Paused(on) => {
                self.rig.pause(*on);
            }
            Op::ModeOff => {
                self.reference.mode_off(self.rig.now);
                self.rig.step(Input::HumanModeOff);
            }
            Op::Press(which) => self.press(*which),
            Op::Disown(which) => {
                let id = self.which(*which);
                self.reference.disowned(&id);
                self.rig.step(Input::LinkDisowned(id));
            }
            Op::Replied(reply) => self.replied(*reply),
            Op::Clear if !self.rig.acquiring.is_empty() => drop(self.rig.clear_one()),
            Op::Sent(fate, lands) if !self.rig.sending.is_empty() => self.sent(*fate, *lands),
            Op::Looked(eye) if self.rig.looking.is_some() => self.looked(*eye),
            Op::Clear | Op::Sent(..) | Op::Looked(_) => {}
            Op::Recovered(takes) => self.recovered(*takes),
            Op::Decided(resend) => self.decided(*resend),
            Op::Poisoned => {
                self.reference.fetch(self.rig.now);
                self.rig.step(Input::Poisoned);
            }
            Op::Erased => {
                self.reference.erased();
                self.rig.step(Input::Erased);
            }
            Op::Crash(landed) => self.rig.crash(*landed),
            Op::Missed => self.rig.flow.suspect(),
            Op::Pass(millis) => self.pass(*millis),
            Op::Deadline => self.deadline(),
        }
        self.compare(op, before);
    }

    fn event(&mut self, event: Event) {
        self.told_now();
        let inbound = self.rig.inbound(event);
        self.rig.step(Input::Inbound(Box::new(inbound)));
    }

    fn wrote(&mut self, word: Word) {
        let code = self.reference.challenge.as_ref().map(|open| open.code.clone());
        let right = code.unwrap_or_else(|| "123456".to_owned());
        let wrong = if right == "654321" { "111111" } else { "654321" };
        let (text, said) = match word {
            Word::Prose => ("what does it cost?".to_owned(), Said::Prose),
            Word::Attachment => (String::new(), Said::Prose),
            Word::Person => ("a human please".to_owned(), Said::Person),
            Word::Malformed => ("jane@example".to_owned(), Said::Malformed),
            Word::Jane => ("it is jane@example.com, thanks".to_owned(), Said::Address("jane@example.com".to_owned())),
            Word::John => ("john@example.com".to_owned(), Said::Address("john@example.com".to_owned())),
            Word::RightCode => (right.clone(), Said::Code(right)),
            Word::WrongCode => (wrong.to_owned(), Said::Code(wrong.to_owned())),
            Word::Resend => ("resend".to_owned(), Said::Resend),
        };
        let address = if let Said::Address(address) = &said { address.clone() } else { String::new() };
        let fresh = self.fresh(&address);
        self.told_now();
        self.reference.wrote(&said, self.rig.human_mode, fresh, self.rig.now);
        self.rig.customer(&text);
        if let Some(open) = &self.reference.challenge
            && self.challenges.last() != Some(&open.id)
        {
            self.challenges.push(open.id.clone());
        }
    }

    /// The vendor delivers the customer's first message once more.
    fn again(&mut self) {
        let id = frontdesk_actors::ids::MessageId::numeric(1);
        let known =
            self.rig.vendor.first().is_some_and(|seen| seen.author == frontdesk_actors::ports::Author::Customer);
        let heard = self.rig.view().version > 0 && known && self.reference.known.is_some();
        if heard {
            self.told_now();
            let message = frontdesk_actors::domain::CustomerMessage {
                id,
                at: self.rig.now,
                text: "a human please".to_owned(),
                attachments: 0,
                voice: None,
            };
            let inbound = self.rig.inbound(Event::CustomerWrote(message));
            self.rig.step(Input::Inbound(Box::new(inbound)));
        }
    }

    fn noted(&mut self, order: Order) {
        self.told_now();
        match order {
            Order::Bot => self.reference.back(self.rig.now),
            Order::Human => self.reference.taken(Touch::Hand, self.rig.now),
            Order::Forget => {}
        }
        let id = self.rig.next_id();
        let inbound = self.rig.inbound(Event::Ordered { id, order });
        self.rig.step(Input::Inbound(Box::new(inbound)));
    }

    fn ordered(&mut self, order: Order) {
        match order {
            Order::Bot => self.reference.back(self.rig.now),
            Order::Human => self.reference.ordered(self.rig.now),
            Order::Forget => {}
        }
        self.rig.step(Input::Ordered(order));
    }

    fn which(&self, which: Which) -> String {
        match which {
            Which::Open => self.challenges.last().cloned().unwrap_or_default(),
            Which::Earlier => self.challenges.first().cloned().unwrap_or_default(),
            Which::Foreign => "foreign".to_owned(),
        }
    }

    fn press(&mut self, which: Which) {
        let id = self.which(which);
        let expected = self.reference.pressed(&id, self.rig.now);
        let step = self.rig.step(Input::LinkConfirmed(id.clone()));
        assert!(step.confirmed == expected || !self.compares, "a press of {id}");
        assert!(!step.confirmed || self.confirmed.insert(id.clone()), "{id} verified twice");
    }

    fn replied(&mut self, reply: Reply) {
        let Some(ticket) = self.rig.asked.take() else { return };
        // A call that was given up when its end went unheard.
        let late = self.rig.flow.thinking() != Some(ticket);
        let call = self.rig.prompts.len();
        let failed = |kind| Err(ModelError { kind, detail: String::new(), retry_after: None });
        let (result, person) = match reply {
            Reply::Short => (Ok(ModelReply::Text(format!("ten euros {call:04}"))), Some(false)),
            Reply::Long => (Ok(ModelReply::Text(format!("ten euros {call:04} a month. ").repeat(6))), Some(false)),
            Reply::Empty => (Ok(ModelReply::Text(" ".to_owned())), Some(true)),
            Reply::GivesUp => (Ok(ModelReply::Text("I don't know".to_owned())), Some(true)),
            Reply::Person => (Ok(ModelReply::RequestHuman { reason: String::new(), summary: None }), Some(true)),
            Reply::Fails(ModelErrorKind::Quota) => (failed(ModelErrorKind::Quota), Some(true)),
            Reply::Fails(kind) => (failed(kind), None),
        };
        let failures = self.rig.view().failures;
        let person = person.unwrap_or(failures >= self.rig.policy.turn.max_retries);
        if person && !late {
            self.reference.fetch(self.rig.now);
        }
        self.rig.step(Input::ModelReplied { ticket, result });
    }

    fn sent(&mut self, fate: Fate, lands: bool) {
        let why = String::new();
        let mut lands = lands;
        let outcome = SendOutcome::Verdict(match fate {
            Fate::Settled => {
                lands = true;
                Verdict::Settled { message: None }
            }
            Fate::Unknown(finished) => Verdict::Unknown { finished, why },
            Fate::Transient | Fate::Rejected | Fate::Fault | Fate::Lapsed => {
                lands = false;
                match fate {
                    Fate::Transient => Verdict::Transient { retry_after: None, why },
                    Fate::Rejected => Verdict::Rejected { why },
                    Fate::Settled | Fate::Unknown(_) | Fate::Fault | Fate::Lapsed => Verdict::AccountFault { why },
                }
            }
        });
        let outcome = if matches!(fate, Fate::Lapsed) { SendOutcome::ClaimLapsed } else { outcome };
        self.rig.end_send(lands, outcome);
    }

    fn looked(&mut self, eye: Eye) {
        let shows = matches!(eye, Eye::Complete | Eye::Partial);
        let state = self.rig.looking.as_ref().filter(|_| shows).map(|looking| looking.look.state.clone());
        if let Some(state) = state {
            self.told_of(&state);
        }
        let error = match eye {
            Eye::Complete => return drop(self.rig.end_look(true)),
            Eye::Partial => return drop(self.rig.end_look(false)),
            Eye::Failed => PortErrorKind::Transient,
            Eye::Refused => PortErrorKind::Forbidden,
        };
        let ticket = self.rig.looking.take().expect("asked for by the caller").ticket;
        self.rig.step(Input::Looked { ticket, result: Err(error) });
    }

    fn recovered(&mut self, takes: u32) {
        if takes >= 3 {
            self.reference.fetch(self.rig.now);
        }
        self.rig.step(Input::Recovered { takes });
    }

    /// An operator decides about the oldest held row, having looked at the conversation: what has landed is dropped.
    fn decided(&mut self, resend: bool) {
        let Some(held) = self.rig.view().outbox.into_iter().find(|row| row.state == "held") else { return };
        let landed = self.rig.vendor.iter().any(|seen| seen.author == Author::Us(held.id.clone()));
        let decision = if resend && !landed { Decision::Resend } else { Decision::Drop };
        let step = self.rig.step(Input::Decided { row: held.id.clone(), decision });
        let refused = matches!(step.decided, Some(Decided::Unwanted(_)));
        assert!(step.decided == Some(Decided::Done) || refused, "{:?}", step.decided);
        let kept = self.rig.view().outbox.into_iter().find(|row| row.id == held.id).map(|row| row.state);
        let expected = match (decision, refused) {
            (Decision::Drop, _) => None,
            (Decision::Resend, true) => Some("held".to_owned()),
            (Decision::Resend, false) => Some("queued".to_owned()),
        };
        assert_eq!(kept, expected, "after {decision:?} was {:?}", step.decided);
    }

    /// Time passes. No send outlives the settle time: the shell cuts it off and does not know what became of it.
    fn pass(&mut self, millis: u64) {
        if millis > 30_000 {
            let sending: Vec<Row> = self.rig.sending.clone();
            for (at, row) in sending.iter().enumerate() {
                let verdict = Verdict::Unknown { finished: false, why: String::new() };
                self.rig.end_send(is_text(row) && at % 2 == 0, SendOutcome::Verdict(verdict));
            }
        }
        let span = Duration::from_millis(millis);
        if self.rig.pended {
            self.rig.log.is_away(span);
        }
        self.rig.now = self.rig.now + span;
    }

    fn deadline(&mut self) {
        if let Some((at, _)) = self.rig.flow.deadline(&self.rig.policy) {
            let far = at.since(self.rig.now) > Duration::from_secs(30);
            if !far || self.rig.sending.is_empty() {
                self.rig.now = self.rig.now.max(at);
            }
        }
        self.rig.step(Input::DeadlineReached);
    }

    /// What time, a vendor's verdict or a look leads to is checked for being allowed; everything else must be foreseen.
    fn compare(&mut self, op: &Op, before: PhaseName) {
        if !self.compares {
            return;
        }
        let view = self.rig.view();
        assert_eq!(view.verified.is_some(), self.reference.verified, "after {op:?}");
        if view.phase == self.reference.phase {
            self.follow();
            return;
        }
        let by_switch = self.rig.human_mode && view.reason == Some(Reason::HumanMode);
        let by_itself = view.phase == PhaseName::Human && (by_switch || is_by_itself(view.reason.as_ref()));
        let refused = matches!(op, Op::Sent(Fate::Rejected, _))
            && before == PhaseName::PendingVerification
            && view.phase == PhaseName::AwaitingEmail;
        let seen = matches!(op, Op::Looked(_));
        assert!(by_itself || refused || seen, "after {op:?}: {:?}, expected {:?}", view, self.reference);
        if matches!(op, Op::Sent(Fate::Rejected, _)) && view.reason == Some(Reason::MailFailed) {
            // Nobody has the mail, so nothing is parked.
            self.reference.challenge = None;
        }
        self.resync();
    }

    /// A look tells a state, too; the reference learns it from the flow.
    fn follow(&mut self) {
        let view = self.rig.view();
        self.reference.known = view.status.zip(view.assignee);
        self.touched();
    }

    fn touched(&mut self) {
        let person = self.rig.view().reason;
        let touching = matches!(person, Some(Reason::PersonWrote | Reason::PersonAssigned | Reason::ColleagueNote));
        self.reference.touched |= touching && self.reference.phase == PhaseName::Human;
    }

    fn resync(&mut self) {
        let view = self.rig.view();
        if !matches!(view.phase, PhaseName::Human | PhaseName::PendingVerification) {
            self.reference.challenge = None;
        }
        if view.phase == PhaseName::Human && self.reference.phase != PhaseName::PendingVerification {
            self.reference.challenge = None;
        }
        self.reference.phase = view.phase;
        (self.reference.touched, self.reference.by_mode) = (false, view.reason == Some(Reason::HumanMode));
        self.reference.since = self.rig.now;
        self.reference.known = view.status.zip(view.assignee);
        self.touched();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_flow_goes_where_its_reference_goes(gate in any::<bool>(), ops in prop::collection::vec(op(), 1..70)) {
        let mut pair = Pair::new(gate);
        for op in &ops {
            pair.apply(op);
        }
        pair.rig.judge(false);
    }
}
