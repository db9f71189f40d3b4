//! What the difference between two states of a conversation means, and in which order that counts beside an event. Pure.

use crate::domain::{Assignee, ConversationState, Status};
use crate::flow::phase::{Back, Signal};
use crate::language::Reason;

/// Returns what an event and the state that came with it mean, in the order in which it counts. A person's words count first, and
/// outweigh a conversation that looks the bot's.
pub(super) fn in_turn(
    of_event: Vec<Signal>,
    mut of_state: Vec<Signal>,
    (missed, from_person): (bool, bool),
) -> Vec<Signal> {
    if from_person {
        // Whatever gave the conversation back came before these words: they were written in the state that comes with them.
        of_state.retain(|signal| !matches!(signal, Signal::HandedBack(_)));
    } else if of_event.contains(&Signal::TakenOver(Reason::PersonWrote)) {
        // The state is of later than these words; only that it was put away afterwards is certain.
        of_state.retain(|signal| !matches!(signal, Signal::HandedBack(Back::Pending | Back::Assigned)));
    }
    let event_first = missed || from_person;
    let (first, then) = if event_first { (of_event, of_state) } else { (of_state, of_event) };
    [first, then].concat()
}

/// What the difference between two states means. Whoever resolves is done, also if assigned in the same step. A person who
/// merely stays assigned means nothing: after a resolve the old one is still there. Another bot that stays has what is
/// pending: the vendor asks both. What the desk itself may have made pending (`pended`) it took with its eyes open.
pub(super) fn edges(old: Option<&ConversationState>, new: &ConversationState, pended: bool) -> Vec<Signal> {
    let mut signals = Vec::new();
    let status_changed = old.is_some_and(|old| old.status != new.status);
    let another = matches!(new.assignee, Assignee::OtherBot(_)) && old.is_some_and(|old| old.assignee == new.assignee);
    match new.status {
        Status::Pending if status_changed && another => {
            if !pended && old.is_some_and(|old| old.status == Status::Resolved) {
                signals.push(Signal::TakenOver(Reason::OtherBot));
            }
        }
        Status::Resolved if status_changed => signals.push(Signal::HandedBack(Back::Resolved)),
        Status::Pending if status_changed => signals.push(Signal::HandedBack(Back::Pending)),
        Status::Pending | Status::Resolved | Status::Open | Status::Snoozed => {}
    }
    let before = old.map(|old| &old.assignee);
    match (&new.assignee, before) {
        (Assignee::Person(person), Some(before))
            if *before != Assignee::Person(person.clone()) && new.status != Status::Resolved =>
        {
            signals.push(Signal::TakenOver(Reason::PersonAssigned));
        }
        (Assignee::Us, Some(Assignee::Person(_) | Assignee::OtherBot(_))) if new.status == Status::Pending => {
            signals.push(Signal::HandedBack(Back::Pending));
        }
        // Chatwoot up to 4.16.2 leaves what a bot is assigned to open, where nobody but people would see it. Opened in the same
        // step it is no hand-back: an automation that opens keeps the bot.
        (Assignee::Us, Some(before)) if *before != Assignee::Us && new.status == Status::Open && !status_changed => {
            signals.push(Signal::HandedBack(Back::Assigned));
        }
        (Assignee::OtherBot(other), before) if before != Some(&Assignee::OtherBot(other.clone())) => {
            signals.push(Signal::TakenOver(Reason::OtherBot));
        }
        (Assignee::Person(_) | Assignee::Us | Assignee::OtherBot(_) | Assignee::Nobody, _) => {}
    }
    signals
}
