//! The desk answers: it gathers a burst, asks the model, and says what it got. A turn closes exactly the messages its
//! prompt contained.

use crate::domain::CustomerMessage;
use crate::flow::age::Age;
use crate::flow::desk::{Desk, Next};
use crate::flow::effect::{Effect, Incident};
use crate::flow::mark::Mark;
use crate::flow::outbox::Tie;
use crate::flow::phase::{Bot, Doing, Owed, Signal, Stage, Turn};
use crate::flow::policy::backoff;
use crate::ids::{MessageId, Ticket};
use crate::language::{Phrase, Reason};
use crate::ports::{ModelError, ModelErrorKind, ModelReply, Prompt};
use crate::time::Timestamp;
use std::time::Duration;

/// How much longer than the call's own time-out its end is waited for.
const GRACE: Duration = Duration::from_secs(5);

impl Bot {
    pub(crate) fn on(&mut self, desk: &mut Desk<'_>, signal: Signal) -> Next {
        match signal {
            Signal::Wrote(message) => self.wrote(desk, &message),
            Signal::Spoke(_) => self.spoke(desk),
            Signal::Deleted(id) => self.deleted(desk, id),
            Signal::TakenOver(reason) => Next::Go(desk.give_way(reason, None)),
            Signal::FetchPerson(reason) => Next::Go(desk.fetch_person(reason, None)),
            Signal::HandedBack(crate::flow::phase::Back::Resolved) => self.resolved(desk),
            Signal::HandedBack(_) => desk.ignore("the desk has it already"),
            Signal::Proven(verified) => {
                if desk.common.verified.is_none() {
                    desk.admit(verified);
                }
                Next::Stay
            }
            Signal::Confirmed(_) | Signal::Disowned(_) => desk.ignore("no challenge is open"),
            Signal::Mail(_) => desk.ignore("the mail belongs to an ended challenge"),
            Signal::Replied { ticket, result } => self.replied(desk, ticket, result),
            Signal::Fresh { .. } => self.fresh(desk),
            Signal::Forgotten => self.forgotten(desk),
            Signal::Tick => self.tick(desk),
        }
    }

    pub(super) fn wrote(&mut self, desk: &mut Desk<'_>, message: &CustomerMessage) -> Next {
        if desk.policy().analyzer.wants_person(&message.text) {
            desk.lang_of(&message.text);
            return Next::Go(desk.fetch_person(Reason::AskedByCustomer, None));
        }
        if message.text.trim().is_empty() {
            desk.say_once(&Phrase::CannotReadAttachment);
            return Next::Stay;
        }
        desk.owe(Owed::of(message));
        self.gather(desk);
        Next::Stay
    }

    /// The customer said something: a turn in progress waits until it is known what.
    pub(super) fn spoke(&mut self, desk: &mut Desk<'_>) -> Next {
        if let Some(turn) = &mut self.turn {
            turn.deadline = None;
            self.gather(desk);
        }
        desk.ignore("a recording is listened to first")
    }

    /// Waits a little for more; starts a running turn over, but only so often.
    fn gather(&mut self, desk: &mut Desk<'_>) {
        let (channel, now, limit) = (desk.channel(), desk.ctx.now, desk.policy().turn.restarts);
        let due = |first: Timestamp| (now + channel.debounce_quiet).min(first + channel.debounce_max);
        let Some(turn) = &mut self.turn else {
            self.turn = Some(Box::new(Turn {
                stage: Stage::Gathering { first: now, due: due(now) },
                failures: 0,
                restarts: 0,
                deadline: None,
                doing: Doing::Waiting,
            }));
            return;
        };
        match (&turn.doing, &mut turn.stage) {
            (Doing::Waiting, Stage::Gathering { first, due: when }) => {
                if desk.common.volatile.elsewhere && *when <= now && turn.restarts < limit {
                    // Another node is asking the model: here too the turn starts over, and only so often.
                    turn.restarts += 1;
                    desk.marks.push(Mark::TurnRestarted);
                    *first = now;
                }
                *when = due(*first);
            }
            (Doing::Thinking { .. }, _) if turn.restarts < limit => {
                turn.restarts += 1;
                desk.marks.push(Mark::TurnRestarted);
                turn.doing = Doing::Waiting;
                turn.stage = Stage::Gathering { first: now, due: due(now) };
                desk.effects.push(Effect::AbortModel);
            }
            (Doing::Thinking { .. }, _) => desk.why = Some("the rest is the next turn"),
            (Doing::Looking, _) | (Doing::Waiting, Stage::Retrying { .. }) => {}
        }
    }

    pub(super) fn tick(&mut self, desk: &mut Desk<'_>) -> Next {
        let now = desk.ctx.now;
        if self.turn.is_none() && !desk.common.owed.is_empty() {
            let stage = Stage::Gathering { first: now, due: now };
            self.turn = Some(Box::new(Turn { stage, failures: 0, restarts: 0, deadline: None, doing: Doing::Waiting }));
        }
        if desk.ctx.paused {
            self.rest(desk);
            return Next::Stay;
        }
        let Some(turn) = &mut self.turn else { return Next::Stay };
        if desk.common.volatile.elsewhere {
            return Next::Stay;
        }
        if turn.deadline.is_some_and(|deadline| deadline <= now) {
            return Next::Go(desk.fetch_person(Reason::TurnDeadline, None));
        }
        match (&turn.doing, &turn.stage) {
            (Doing::Thinking { until, .. }, _) if *until <= now => self.failed(desk, &unheard()),
            (Doing::Looking, _) => {
                desk.look();
                Next::Stay
            }
            (Doing::Waiting, Stage::Gathering { due: at, .. } | Stage::Retrying { at }) if *at <= now => self.ask(desk),
            (Doing::Waiting | Doing::Thinking { .. }, _) => Next::Stay,
        }
    }

    /// Asks the model about everything that is owed; looks first where work crossed a gap.
    fn ask(&mut self, desk: &mut Desk<'_>) -> Next {
        if desk.common.owed.is_empty() {
            self.turn = None;
            return Next::Stay;
        }
        if desk.ctx.paused {
            self.rest(desk);
            return Next::Stay;
        }
        let Some(turn) = &mut self.turn else { return Next::Stay };
        if desk.is_listening() {
            turn.doing = Doing::Waiting;
            return Next::Stay;
        }
        if desk.must_look() {
            turn.doing = Doing::Looking;
            desk.look();
            return Next::Stay;
        }
        if desk.age_of_owed() == Age::Stale {
            return Next::Go(desk.fetch_person(Reason::AnswerTooLate, None));
        }
        let (now, policy) = (desk.ctx.now, &desk.policy().turn);
        turn.deadline = turn.deadline.or(Some(now + policy.deadline));
        let until = now + policy.call_timeout + GRACE;
        let ticket = desk.common.ticket();
        let ids = desk.common.owed.iter().map(|owed| owed.id).collect();
        turn.doing = Doing::Thinking { ticket, ids, until };
        let prompt = Box::new(prompt(desk));
        desk.effects.push(Effect::AskModel { ticket, prompt });
        desk.effects.push(Effect::Typing(true));
        Next::Stay
    }

    pub(super) fn fresh(&mut self, desk: &mut Desk<'_>) -> Next {
        let looked = self.turn.as_ref().is_some_and(|turn| turn.doing == Doing::Looking);
        if looked { self.ask(desk) } else { Next::Stay }
    }

    pub(super) fn replied(
        &mut self,
        desk: &mut Desk<'_>,
        ticket: Ticket,
        result: Result<ModelReply, ModelError>,
    ) -> Next {
        let current = match self.turn.as_ref().map(|turn| &turn.doing) {
            Some(Doing::Thinking { ticket: asked, ids, .. }) if *asked == ticket => ids.clone(),
            Some(_) | None => {
                desk.marks.push(Mark::Late("model"));
                return desk.ignore("a late answer to an abandoned call");
            }
        };
        match result {
            Ok(ModelReply::RequestHuman { reason, summary }) => {
                Next::Go(desk.fetch_person_for(Reason::AskedByModel(reason), None, summary))
            }
            Ok(ModelReply::Text(text)) if text.trim().is_empty() => {
                Next::Go(desk.fetch_person(Reason::EmptyReply, None))
            }
            Ok(ModelReply::Text(text)) if desk.policy().analyzer.gives_up(&text) => {
                Next::Go(desk.fetch_person(Reason::CannotAnswer, None))
            }
            Ok(ModelReply::Text(text)) => self.answer(desk, &text, &current),
            Err(error) => self.failed(desk, &error),
        }
    }

    /// Says the answer and closes exactly the messages it was asked about.
    fn answer(&mut self, desk: &mut Desk<'_>, text: &str, ids: &[MessageId]) -> Next {
        let asked = desk.common.owed.iter().filter(|owed| ids.contains(&owed.id)).map(|owed| owed.at).min();
        let sorry = desk.apologise_if_late(asked);
        // The answer itself begins after the apology.
        let first = desk.common.outbox.next_seq();
        desk.speak(text, &Tie::Answer);
        if !desk.in_shadow() {
            desk.marks.push(Mark::Answered);
        }
        desk.effects.push(Effect::Typing(false));
        let answered = desk.common.owed.extract_if(.., |owed| ids.contains(&owed.id)).collect();
        desk.common.outbox.close_with_answer(first, answered, sorry);
        self.turn = None;
        if !desk.common.owed.is_empty() {
            self.gather(desk);
        }
        Next::Stay
    }

    fn failed(&mut self, desk: &mut Desk<'_>, error: &ModelError) -> Next {
        if let Some((reason, incident)) = hopeless(error.kind) {
            desk.effects.push(Effect::Alert(incident));
            return Next::Go(desk.fetch_person(reason, None));
        }
        let policy = desk.policy().turn.clone();
        let Some(turn) = &mut self.turn else { return Next::Stay };
        turn.failures += 1;
        desk.marks.push(Mark::TurnFailed);
        // What is wrong with the request itself no repetition mends.
        if turn.failures > policy.max_retries || error.kind == ModelErrorKind::BadRequest {
            return Next::Go(desk.fetch_person(Reason::ModelFailed, None));
        }
        let pause = error.retry_after.unwrap_or_else(|| backoff(policy.retry_pause, turn.failures));
        let at = desk.ctx.now + pause;
        if turn.deadline.is_some_and(|deadline| deadline <= at) {
            return Next::Go(desk.fetch_person(Reason::TurnDeadline, None));
        }
        turn.stage = Stage::Retrying { at };
        turn.doing = Doing::Waiting;
        desk.why = Some("the model failed, it will be asked again");
        Next::Stay
    }

    /// Everything is stopped: the model is not asked, a running call ends, and no deadline counts against the customer. The
    /// turn begins again when the desk may go on.
    fn rest(&mut self, desk: &mut Desk<'_>) {
        let Some(turn) = &mut self.turn else { return };
        turn.deadline = None;
        if matches!(turn.doing, Doing::Thinking { .. }) {
            desk.effects.push(Effect::AbortModel);
        }
        let gathers = matches!((&turn.doing, &turn.stage), (Doing::Waiting, Stage::Gathering { .. }));
        if !gathers {
            let now = desk.ctx.now;
            turn.doing = Doing::Waiting;
            turn.stage = Stage::Gathering { first: now, due: now };
            desk.why = Some("everything is paused");
        }
    }

    pub(super) fn deleted(&mut self, desk: &mut Desk<'_>, id: MessageId) -> Next {
        desk.owe_no_more(id);
        let asked = matches!(self.turn.as_ref().map(|turn| &turn.doing), Some(Doing::Thinking { ids, .. }) if ids.contains(&id));
        if asked || desk.common.owed.is_empty() {
            self.turn = None;
            desk.effects.push(Effect::AbortModel);
        }
        Next::Stay
    }

    /// The vendor says that it is done: nothing is owed any more.
    fn resolved(&mut self, desk: &mut Desk<'_>) -> Next {
        if self.turn.take().is_some() {
            desk.effects.push(Effect::AbortModel);
        }
        // In this order: what is dropped unsent would be owed again.
        desk.fall_silent();
        desk.owe_nothing();
        Next::Stay
    }

    fn forgotten(&mut self, desk: &mut Desk<'_>) -> Next {
        self.resolved(desk)
    }
}

/// Returns the reason and the incident of failures that no repetition mends.
const fn hopeless(kind: ModelErrorKind) -> Option<(Reason, Incident)> {
    match kind {
        ModelErrorKind::Unauthorized => Some((Reason::ModelUnauthorized, Incident::ModelUnauthorized)),
        ModelErrorKind::ModelNotFound => Some((Reason::ModelNotFound, Incident::ModelNotFound)),
        ModelErrorKind::Quota => Some((Reason::ModelQuota, Incident::ModelQuota)),
        ModelErrorKind::RateLimited
        | ModelErrorKind::Overloaded
        | ModelErrorKind::ContextTooLong
        | ModelErrorKind::BadRequest
        | ModelErrorKind::Timeout
        | ModelErrorKind::Unreachable
        | ModelErrorKind::Garbled => None,
    }
}

/// The end of the call was never heard.
fn unheard() -> ModelError {
    ModelError { kind: ModelErrorKind::Timeout, detail: "the call's end was never heard".to_owned(), retry_after: None }
}

/// What the model is asked: the memory, then everything that is owed, in the vendor's order.
fn prompt(desk: &mut Desk<'_>) -> Prompt {
    use crate::domain::{Remembered, Role};
    let text = desk.common.owed.iter().map(|owed| owed.text.as_str()).collect::<Vec<_>>().join("\n");
    let lang = desk.lang_of(&text);
    let common = &desk.common;
    let is_owed = |message: &Remembered| message.id.is_some_and(|id| common.owed.iter().any(|owed| owed.id == id));
    let mut history = desk.memory.messages();
    history.retain(|message| !is_owed(message));
    history.extend(common.owed.iter().map(|owed| Remembered {
        id: Some(owed.id),
        role: Role::Customer,
        text: owed.text.clone(),
        at: owed.at,
        voice: owed.voice,
    }));
    let surplus = history.len().saturating_sub(desk.policy().memory_messages.max(common.owed.len()));
    history.drain(..surplus);
    Prompt {
        key: common.key.clone(),
        inbox: common.inbox.clone(),
        lang,
        name: common.contact.as_ref().and_then(|contact| contact.name.clone()),
        unanswered: common.owed.len(),
        history,
    }
}
