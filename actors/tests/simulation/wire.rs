//! What lies between a node and its vendors: sends and looks that are slow, lost, or land late; and the performing of effects. Modelled on the engine's `conversation/effects.rs`.

use super::actor::{Batch, Message};
use super::dice::{Fault, Stream};
use super::kind::Kind;
use super::node::NodeEvent;
use super::sabotage::Sabotage;
use super::world::{Event, World};
use frontdesk_actors::domain::{Assignee, ConversationState, Status};
use frontdesk_actors::flow::outbox::{Lane, Row, RowKind};
use frontdesk_actors::flow::{Effect, Input, SendOutcome};
use frontdesk_actors::ids::{MessageId, Ticket};
use frontdesk_actors::ports::{Act, Look, PortErrorKind, Verdict};
use frontdesk_actors::testkit::history::{Answer, Speech, What};
use frontdesk_actors::testkit::recorder::speech_of;

/// For how long a claim is good.
const CLAIM: i64 = 1_000;

/// How long an adapter waits for its vendor.
const PATIENCE: i64 = 10_000;

/// After how long nothing that was sent lands any more: less than the settle time and a claim.
const LATEST: i64 = 38_000;

/// A request that reaches a vendor.
#[derive(Debug, Clone)]
pub(crate) enum AtVendor {
    /// A row lands. With an answer, unless that is lost.
    Row { n: usize, boot: u64, key: usize, row: Box<Row>, lane: Lane, answers: bool },
    /// A look takes its picture; the answer comes so much later.
    Look { n: usize, boot: u64, looking: Looking, later: i64 },
}

/// A claimed row on its way to the wire.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    key: usize,
    row: Box<Row>,
    lane: Lane,
    claimed: i64,
}

/// A look that waits or runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looking {
    pub(crate) key: usize,
    ticket: Ticket,
    after: MessageId,
}

pub(crate) fn words_of(row: &Row) -> String {
    match &row.kind {
        RowKind::Act(Act::Text { text, .. }) => text.clone(),
        RowKind::Act(_) | RowKind::Mail(_) | RowKind::Card(_) | RowKind::Remember(_) | RowKind::Bar(_) => String::new(),
    }
}

impl World {
    // === Effects ===

    pub(crate) fn perform(&mut self, n: usize, key: usize, batch: Batch) {
        // A claim that the store has forgotten is as old as one can be.
        let claimed = if batch.lapsed { i64::MIN / 2 } else { batch.claimed };
        for effect in batch.steps.into_iter().flat_map(|(_, step)| step.effects) {
            match effect {
                Effect::AskModel { ticket, prompt } => {
                    let flow = self.nodes[n].conversations[&key].loaded.as_ref().map(|loaded| loaded.flow.thinking());
                    if flow.flatten() == Some(ticket) {
                        self.ask_model(n, key, ticket, &prompt);
                    }
                }
                Effect::Acquire { row, lane } => self.acquire(n, key, row, lane),
                Effect::Send(row) => self.begin_send(n, key, row, claimed),
                Effect::Look { ticket, after } => self.look(n, Looking { key, ticket, after }),
                Effect::Transcribe { ticket, recording } => self.transcribe(n, key, ticket, &recording),
                Effect::AbortModel | Effect::Typing(_) | Effect::Alert(_) => {}
            }
        }
    }

    fn acquire(&mut self, n: usize, key: usize, row: u64, lane: Lane) {
        let actor = &self.nodes[n].conversations[&key];
        if !actor.loaded.as_ref().is_some_and(|loaded| loaded.flow.is_acquiring(row)) {
            return;
        }
        if lane == Lane::Store {
            self.put_on(n, 0, NodeEvent::Report { key, input: Box::new(Input::Cleared { row }) });
        } else {
            self.queue_row(n, lane, (key, row));
        }
    }

    pub(crate) fn begin_send(&mut self, n: usize, key: usize, row: Box<Row>, claimed: i64) {
        let lane = row.kind.lane();
        if let Some(actor) = self.nodes[n].conversations.get_mut(&key) {
            // The permit goes with the row.
            actor.permits.remove(&(row.seq, lane));
        }
        self.put_on(n, 0, NodeEvent::Check(Box::new(Sending { key, row, lane, claimed })));
    }

    pub(crate) fn check_claim(&mut self, n: usize, sending: Sending) {
        if self.now - sending.claimed > CLAIM {
            let (key, row, attempt, lane) = (sending.key, sending.row.seq, sending.row.tries, sending.lane);
            self.sent(n, key, (row, attempt), lane, SendOutcome::ClaimLapsed);
            return;
        }
        if self.crashes(Fault::CrashClaimed, n, sending.key) {
            return;
        }
        if let Some(how) = self.strikes(Fault::Standstill, n, sending.key) {
            let span = [500, 3_000, 20_000, 60_000][usize::try_from(how % 4).unwrap_or_default()];
            self.nodes[n].still_until = self.nodes[n].still_until.max(self.now + span);
        }
        self.put_on(n, 0, NodeEvent::Write(Box::new(sending)));
    }

    /// Writes a row to its vendor, and decides what becomes of it.
    pub(crate) fn transmit(&mut self, n: usize, sending: &Sending) {
        let (key, row, lane) = (sending.key, &sending.row, sending.lane);
        if lane == Lane::Channel {
            let stood_still = self.now - sending.claimed > CLAIM;
            self.log_on(n, key, What::Posted { row: row.id.0.clone(), speech: speech_of(row), stood_still });
        }
        if self.kind == Kind::Kommo {
            self.bot_is_tried(n, key, row);
        }
        let by_itself = lane == Lane::Store || self.kind.settles_itself(row);
        let fate = if by_itself { Fate::lands(2) } else { self.fate(n, key, row) };
        let boot = self.nodes[n].boot;
        if let Some(after) = fate.lands {
            let answers = fate.verdict.is_none();
            let request = AtVendor::Row { n, boot, key, row: row.clone(), lane, answers };
            self.put(after, Event::AtVendor(Box::new(request)));
        }
        if let Some((after, verdict)) = fate.verdict {
            let outcome = SendOutcome::Verdict(verdict);
            self.put_on(n, after, NodeEvent::Sent { key, row: row.seq, attempt: row.tries, lane, outcome });
        }
        self.crashes(Fault::CrashSending, n, key);
    }

    /// The node may die at this moment. Returns whether it does.
    fn crashes(&mut self, fault: Fault, n: usize, key: usize) -> bool {
        let struck = self.strikes(fault, n, key);
        if let Some(how) = struck {
            let rest = [10, 500, 5_000, 60_000][usize::try_from(how % 4).unwrap_or_default()];
            self.crash(n, rest);
        }
        struck.is_some()
    }

    fn fate(&mut self, n: usize, key: usize, row: &Row) -> Fate {
        let soon = self.latency(5, 60);
        let finishes = self.kind.finishes(row);
        let unknown = |finished| Verdict::Unknown { finished, why: String::new() };
        if self.strikes(Fault::Refused, n, key).is_some() {
            return Fate::answer(soon, Verdict::Transient { retry_after: None, why: String::new() });
        }
        if self.strikes(Fault::TooMany, n, key).is_some() {
            return Fate::answer(
                soon,
                Verdict::Transient { retry_after: self.kind.asks_for_rest(), why: String::new() },
            );
        }
        if self.strikes(Fault::ErrorLanded, n, key).is_some() {
            return Fate { lands: Some(soon), verdict: Some((soon + 20, unknown(finishes))) };
        }
        if self.strikes(Fault::ErrorLost, n, key).is_some() {
            return Fate::answer(soon, unknown(finishes));
        }
        if self.strikes(Fault::TimeoutLanded, n, key).is_some() {
            return Fate { lands: Some(soon), verdict: Some((PATIENCE, unknown(false))) };
        }
        if let Some(how) = self.strikes(Fault::TimeoutLate, n, key) {
            let late = PATIENCE + i64::try_from(how).unwrap_or_default().rem_euclid(LATEST - PATIENCE);
            return Fate { lands: Some(late), verdict: Some((PATIENCE, unknown(false))) };
        }
        if self.strikes(Fault::TimeoutLost, n, key).is_some() {
            return Fate::answer(PATIENCE, unknown(false));
        }
        if self.strikes(Fault::AccountRefused, n, key).is_some() {
            return Fate::answer(soon, Verdict::AccountFault { why: String::new() });
        }
        if speech_of(row) != Speech::None && self.strikes(Fault::Rejected, n, key).is_some() {
            return Fate::answer(soon, Verdict::Rejected { why: String::new() });
        }
        match self.strikes(Fault::Slow, n, key) {
            Some(how) => Fate::lands(i64::try_from(how % 9_000).unwrap_or_default()),
            None => Fate::lands(soon),
        }
    }

    pub(crate) fn at_vendor(&mut self, request: AtVendor) {
        match request {
            AtVendor::Row { n, boot, key, row, lane, answers } => {
                let verdict = self.row_lands(n, key, &row);
                if answers {
                    let outcome = SendOutcome::Verdict(verdict);
                    let sent = NodeEvent::Sent { key, row: row.seq, attempt: row.tries, lane, outcome };
                    let back = self.latency(2, 30);
                    self.put(back, Event::Node(n, boot, Box::new(sent)));
                }
            }
            AtVendor::Look { n, boot, looking, later } => {
                let look = self.look_at(looking.key, looking.after);
                let result = Input::Looked { ticket: looking.ticket, result: Ok(Box::new(look)) };
                let event = NodeEvent::LookEnd { looking, result: Box::new(result) };
                self.put(later, Event::Node(n, boot, Box::new(event)));
            }
        }
    }

    /// A row has come to its vendor. Returns what is answered.
    fn row_lands(&mut self, n: usize, key: usize, row: &Row) -> Verdict {
        let mut message = None;
        match (&row.kind, self.kind) {
            (RowKind::Act(act), Kind::Chatwoot) => {
                message = self.land(key, act, &row.id);
                if let Act::Text { text, .. } = act {
                    self.text_lands(key, row, (row.id.0.clone(), text));
                }
            }
            (RowKind::Act(Act::Text { text, .. }), Kind::GreenApi) => {
                let (id, brought) = self.phone_sends(n, key, text);
                message = Some(id);
                if brought {
                    self.text_lands(key, row, (row.id.0.clone(), text));
                } else {
                    let (row, words, answer) = (row.id.0.clone(), text.clone(), None);
                    self.log("", Some(key), What::Doubted { row, words, answer });
                }
            }
            (RowKind::Act(_), Kind::GreenApi) => {}
            (RowKind::Act(_), Kind::Kommo) => return self.bot_goes_on(key, row),
            (RowKind::Mail(mail), _) => {
                let mails = &mut self.vendor.customers[key].mails;
                mails.push((mail.challenge.clone(), mail.code.clone()));
            }
            (RowKind::Remember(verified), _) => {
                self.store.contacts.insert(key % 2, verified.clone());
            }
            (RowKind::Card(_), _) => self.log("", Some(key), What::Called { row: row.id.0.clone() }),
            (RowKind::Bar(_), _) => {}
        }
        Verdict::Settled { message }
    }

    /// A text of ours stands at the vendor, under the name of its row.
    pub(crate) fn text_lands(&mut self, key: usize, of: &Row, (row, words): (String, &str)) {
        let answer = self.answer_in(words);
        self.log("", Some(key), What::Landed { row, speech: speech_of(of), words: words.to_owned(), answer });
    }

    fn look_at(&self, key: usize, after: MessageId) -> Look {
        match self.kind {
            Kind::Chatwoot => self.vendor.look(key, after),
            Kind::GreenApi => self.phone_shows(key, after, self.kind.begins()),
            Kind::Kommo => Look { state: self.kind.begins(), messages: Vec::new(), complete: false },
        }
    }

    /// Finds the call whose words these are. A late one may begin with an apology.
    pub(crate) fn answer_in(&self, text: &str) -> Option<Answer> {
        let (_, words) = text.split_once('#')?;
        let number: usize = words.split(' ').next()?.parse().ok()?;
        let call = self.vendor.calls.get(number)?;
        Some(Answer { call: format!("call{number}"), about: call.about.clone() })
    }

    pub(crate) fn sent(&mut self, n: usize, key: usize, of: (u64, u32), lane: Lane, outcome: SendOutcome) {
        let outcome = Sabotage::bend_outcome(self.sabotage, outcome);
        let now = self.now;
        if let (Some(gate), SendOutcome::Verdict(Verdict::AccountFault { .. })) =
            (self.nodes[n].gates.get_mut(&lane), &outcome)
        {
            gate.rest_until(now + 30_000);
        }
        self.release(n, lane);
        let (row, attempt) = of;
        if matches!(outcome, SendOutcome::Verdict(Verdict::Rejected { .. } | Verdict::Gone { .. })) {
            self.vendor.bots.refused(key, row);
        }
        self.send(n, key, Message::Hear(Input::Sent { row, attempt, outcome }, None));
    }

    // === Looks ===

    fn look(&mut self, n: usize, looking: Looking) {
        if self.sabotage == Some(Sabotage::SkipLook) {
            let state = ConversationState { status: Status::Pending, assignee: Assignee::Us, version: 0 };
            let look = Look { state, messages: Vec::new(), complete: true };
            let input = Input::Looked { ticket: looking.ticket, result: Ok(Box::new(look)) };
            self.put_on(n, 0, NodeEvent::Report { key: looking.key, input: Box::new(input) });
            return;
        }
        self.queue_look(n, looking);
    }

    pub(crate) fn begin_look(&mut self, n: usize, looking: Looking) {
        let (key, ticket) = (looking.key, looking.ticket);
        if self.kind == Kind::Kommo {
            // There is nothing to look at, so nothing to fail.
            let look = self.look_at(key, looking.after);
            let result = Box::new(Input::Looked { ticket, result: Ok(Box::new(look)) });
            self.put_on(n, 1, NodeEvent::LookEnd { looking, result });
            return;
        }
        let there = self.latency(2, 30);
        let refused = if self.strikes(Fault::LookFails, n, key).is_some() {
            Some((PortErrorKind::Transient, 1_000))
        } else if self.strikes(Fault::LookForbidden, n, key).is_some() {
            Some((self.kind.refuses_looks(), 0))
        } else {
            None
        };
        if let Some((kind, after)) = refused {
            let result = Box::new(Input::Looked { ticket, result: Err(kind) });
            self.put_on(n, there + after, NodeEvent::LookEnd { looking, result });
            return;
        }
        let slow =
            self.strikes(Fault::LookSlow, n, key).map_or(0, |how| i64::try_from(how % 18_000).unwrap_or_default());
        let later = slow + self.latency(2, 30);
        let boot = self.nodes[n].boot;
        self.put(there, Event::AtVendor(Box::new(AtVendor::Look { n, boot, looking, later })));
    }

    pub(crate) fn draw_model(&mut self, low: i64, high: i64) -> i64 {
        self.dice.between(Stream::Model, low, high)
    }
}

/// What becomes of a send: when it lands, if it does, and what is answered instead of "landed".
struct Fate {
    lands: Option<i64>,
    verdict: Option<(i64, Verdict)>,
}

impl Fate {
    const fn lands(after: i64) -> Self {
        Self { lands: Some(after), verdict: None }
    }

    const fn answer(after: i64, verdict: Verdict) -> Self {
        Self { lands: None, verdict: Some((after, verdict)) }
    }
}
