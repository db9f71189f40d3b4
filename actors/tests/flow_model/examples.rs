//! An example or more of every input and every event, in whatever phase a conversation is.
//!
//! Total by construction: what names a variant's examples is an arm of a match without wildcard, so a new variant does not
//! compile before it has some.

use super::rig::{Rig, settled};
use super::scenarios_outbox::unknown;
use frontdesk_actors::domain::{Assignee, Event, Inbound, Order, ProofKind, Status, Verified, Voice};
use frontdesk_actors::engine::Decision;
use frontdesk_actors::flow::Input;
use frontdesk_actors::ids::{MessageId, OutboundId, Ticket};
use frontdesk_actors::ports::{Author, Look, ModelError, ModelErrorKind, ModelReply, PortErrorKind};
use frontdesk_actors::ports::{TranscribeError, TranscribeErrorKind};
use std::time::Duration;

/// Brings a conversation to where the input means something, and makes the input.
pub(crate) type Example = fn(&mut Rig) -> Input;

/// Makes the examples of every variant, and the proof that they are of every variant.
macro_rules! examples {
    ($all:ident, $kind:ident: $type:ty => { $($pattern:pat => [$($name:literal: $example:expr),+ $(,)?]),+ $(,)? }) => {
        /// Returns the pattern of the variant.
        pub(crate) fn $kind(value: &$type) -> &'static str {
            // No wildcard: a new variant does not compile here.
            match value {
                $($pattern => stringify!($pattern)),+
            }
        }

        /// Returns name, pattern of the variant, and example.
        pub(crate) fn $all() -> Vec<(&'static str, &'static str, Example)> {
            vec![$($(($name, stringify!($pattern), $example as Example)),+),+]
        }
    };
}

examples!(inputs, input_kind: Input => {
    Input::Inbound(_) => ["a state that was heard before": |rig| event(rig, Event::StateChanged)],
    Input::ContactKnown(_) => ["the contact was verified elsewhere": |rig| {
        Input::ContactKnown(Verified { address: None, at: rig.now, by: ProofKind::Link })
    }],
    Input::LinkConfirmed(_) => [
        "the link of the last mail is confirmed": |rig| Input::LinkConfirmed(challenge(rig)),
        "a link of another conversation is confirmed": |_| Input::LinkConfirmed("of-nobody".to_owned()),
    ],
    Input::LinkDisowned(_) => [
        "the last mail is disowned": |rig| Input::LinkDisowned(challenge(rig)),
        "a mail of another conversation is disowned": |_| Input::LinkDisowned("of-nobody".to_owned()),
    ],
    Input::Ordered(_) => [
        "an operator says bot": |_| Input::Ordered(Order::Bot),
        "an operator says human": |_| Input::Ordered(Order::Human),
        "an operator says forget": |_| Input::Ordered(Order::Forget),
    ],
    Input::Erased => ["the person is erased": |_| Input::Erased],
    Input::Decided { .. } => [
        "a held row is sent again": |rig| Input::Decided { row: held(rig), decision: Decision::Resend },
        "a held row is dropped": |rig| Input::Decided { row: held(rig), decision: Decision::Drop },
        "a row that is not there is dropped": |_| {
            Input::Decided { row: OutboundId("00000007-99".to_owned()), decision: Decision::Drop }
        },
    ],
    Input::Poisoned => ["its own work failed again and again": |_| Input::Poisoned],
    Input::HumanModeOff => [
        "the switch is turned off that nobody had turned on": |_| Input::HumanModeOff,
        "the switch is turned off after it had taken the conversation": |rig| {
            rig.human_mode = true;
            rig.customer("is anybody there?");
            rig.human_mode = false;
            Input::HumanModeOff
        },
    ],
    Input::ModelReplied { .. } => [
        "the model answers": |rig| reply(rig, Ok(ModelReply::Text("ten euros".to_owned()))),
        "the model wants a person": |rig| reply(rig, Ok(ModelReply::RequestHuman { reason: "angry".to_owned(), summary: None })),
        "the model refuses the key": |rig| {
            let error = ModelError { kind: ModelErrorKind::Unauthorized, detail: String::new(), retry_after: None };
            reply(rig, Err(error))
        },
        "a call that nobody waits for answers": |_| {
            Input::ModelReplied { ticket: Ticket(u64::MAX), result: Ok(ModelReply::Text("late".to_owned())) }
        },
    ],
    Input::Transcribed { .. } => [
        "a recording was heard": |rig| Input::Transcribed { ticket: listening(rig), result: Ok("hello".to_owned()) },
        "a recording that asks for a person was heard": |rig| {
            Input::Transcribed { ticket: listening(rig), result: Ok("a human please".to_owned()) }
        },
        "a recording cannot be heard": |rig| {
            let error = TranscribeError::new(TranscribeErrorKind::Undecodable, "");
            Input::Transcribed { ticket: listening(rig), result: Err(error) }
        },
    ],
    Input::Cleared { .. } => [
        "the gate lets a row through": |rig| Input::Cleared { row: waiting(rig) },
        "the gate lets a row through that is gone": |_| Input::Cleared { row: 99 },
    ],
    Input::Sent { .. } => [
        "a send has landed": |rig| {
            let row = on_the_wire(rig);
            Input::Sent { row: row.0, attempt: row.1, outcome: settled() }
        },
        "a send has ended nobody knows how": |rig| {
            let row = on_the_wire(rig);
            Input::Sent { row: row.0, attempt: row.1, outcome: unknown(false) }
        },
        "a send of a row that is gone has landed": |_| Input::Sent { row: 99, attempt: 1, outcome: settled() },
    ],
    Input::Looked { .. } => [
        "a look shows nothing new": |rig| looked(rig, |_| {}),
        "a look shows that a person wrote": |rig| looked(rig, |rig| {
            rig.person_event("I have it");
        }),
        "a look cannot be had": |rig| {
            let ticket = look(rig).0;
            Input::Looked { ticket, result: Err(PortErrorKind::Broken) }
        },
    ],
    Input::LookAround => ["events may have been missed": |_| Input::LookAround],
    Input::DeadlineReached => [
        "a deadline that is not there": |_| Input::DeadlineReached,
        "the deadline of a burst": |rig| {
            rig.customer("and more");
            if let Some((at, _)) = rig.flow.deadline(&rig.policy) {
                rig.now = rig.now.max(at);
            }
            Input::DeadlineReached
        },
        "a day has passed": |rig| {
            rig.now = rig.now + Duration::from_secs(25 * 60 * 60);
            Input::DeadlineReached
        },
    ],
    Input::Recovered { .. } => [
        "it was taken from the wake index once": |_| Input::Recovered { takes: 1 },
        "it was taken from the wake index nine times": |_| Input::Recovered { takes: 9 },
    ],
});

examples!(events, event_kind: Event => {
    Event::CustomerWrote(_) => [
        "the customer asks": |rig| wrapped(rig.customer_event("what does it cost?")),
        "the customer gives an address": |rig| wrapped(rig.customer_event("jane@example.com")),
        "the customer gives the code of the last mail": |rig| {
            let code = rig.mails.last().map(|mail| mail.code.clone()).unwrap_or_default();
            wrapped(rig.customer_event(&code))
        },
        "the customer asks for a person": |rig| wrapped(rig.customer_event("a human please")),
        "the customer sends a file": |rig| wrapped(rig.customer_event("")),
        "the customer sends a recording": |rig| {
            wrapped(rig.voice_event("", Voice::at("https://files.example/voice.ogg")))
        },
        "the customer's message comes again": |rig| {
            let event = rig.customer_event("what does it cost?");
            rig.step(Input::Inbound(Box::new(event.clone())));
            wrapped(event)
        },
    ],
    Event::PersonWrote { .. } => ["a person writes": |rig| wrapped(rig.person_event("I have it"))],
    Event::OtherWrote { .. } => ["a program writes": |rig| {
        let id = rig.next_id();
        event(rig, Event::OtherWrote { id })
    }],
    Event::Echo { .. } => [
        "our own words come back": |rig| {
            let (seq, _) = on_the_wire(rig);
            let row = row_id(rig, seq);
            let id = rig.next_id();
            event(rig, Event::Echo { row, id })
        },
        "words of ours come back that no record knows": |rig| {
            let id = rig.next_id();
            event(rig, Event::Echo { row: OutboundId("00000009-0".to_owned()), id })
        },
    ],
    Event::Carried { .. } => ["a message leaves through our account that is not ours": |rig| {
        let at = rig.now;
        event(rig, Event::Carried { id: MessageId::named("BAE5X"), at, text: "Your parcel is on its way".to_owned() })
    }],
    Event::Fared { .. } => [
        "a message of nobody has arrived": |rig| {
            event(rig, Event::Fared { id: MessageId::named("BAE5X"), reached: true })
        },
        "a message of nobody will never arrive": |rig| {
            event(rig, Event::Fared { id: MessageId::named("BAE5X"), reached: false })
        },
    ],
    Event::Ordered { .. } => [
        "a note says bot": |rig| noted(rig, Order::Bot),
        "a note says human": |rig| noted(rig, Order::Human),
        "a note says forget": |rig| noted(rig, Order::Forget),
    ],
    Event::Edited { .. } => [
        "the customer's last message is edited": |rig| {
            let id = customers_last(rig);
            event(rig, Event::Edited { id, text: "Do you ship to Sweden?".to_owned() })
        },
        "a message that nobody knows is edited": |rig| {
            event(rig, Event::Edited { id: MessageId::numeric(9999), text: "Do you ship?".to_owned() })
        },
    ],
    Event::Deleted { .. } => ["the customer's last message is deleted": |rig| {
        let id = customers_last(rig);
        event(rig, Event::Deleted { id })
    }],
    Event::Assigned => [
        "somebody is assigned, and the state does not say whom": |rig| event(rig, Event::Assigned),
        "a person is assigned": |rig| {
            turns(rig, Status::Pending, Assignee::Person("5".to_owned()));
            event(rig, Event::Assigned)
        },
    ],
    Event::StateChanged => [
        "it is opened": |rig| {
            turns(rig, Status::Open, Assignee::Us);
            event(rig, Event::StateChanged)
        },
        "it is resolved": |rig| {
            turns(rig, Status::Resolved, Assignee::Us);
            event(rig, Event::StateChanged)
        },
        "it was opened and becomes pending again": |rig| {
            rig.set_state(Status::Open, Assignee::Us);
            turns(rig, Status::Pending, Assignee::Us);
            event(rig, Event::StateChanged)
        },
    ],
    Event::StatusChanged { .. } => [
        "it was opened unheard and becomes pending again": |rig| {
            turns(rig, Status::Open, Assignee::Us);
            let before = rig.state.clone();
            turns(rig, Status::Pending, Assignee::Us);
            event(rig, Event::StatusChanged { before })
        },
        "it was resolved unheard and is opened": |rig| {
            turns(rig, Status::Resolved, Assignee::Us);
            let before = rig.state.clone();
            turns(rig, Status::Open, Assignee::Us);
            event(rig, Event::StatusChanged { before })
        },
    ],
    Event::Missed { .. } => [
        "the customer's question was missed": |rig| {
            let events = vec![rig.customer_event("what does it cost?").event];
            event(rig, Event::Missed { events, complete: true })
        },
        "a person's words were missed": |rig| {
            let events = vec![rig.person_event("I have it").event];
            event(rig, Event::Missed { events, complete: true })
        },
        "nothing was missed": |rig| event(rig, Event::Missed { events: Vec::new(), complete: true }),
    ],
});

// === Making examples ===

fn wrapped(inbound: Inbound) -> Input {
    Input::Inbound(Box::new(inbound))
}

fn event(rig: &mut Rig, event: Event) -> Input {
    wrapped(rig.inbound(event))
}

fn noted(rig: &mut Rig, order: Order) -> Input {
    let id = rig.next_id();
    event(rig, Event::Ordered { id, order })
}

/// The vendor's state becomes this, and nobody has told it yet.
fn turns(rig: &mut Rig, status: Status, assignee: Assignee) {
    (rig.state.status, rig.state.assignee) = (status, assignee);
    rig.state.version += 1;
}

fn customers_last(rig: &Rig) -> MessageId {
    rig.vendor.iter().rev().find(|seen| seen.author == Author::Customer).expect("the customer has written").id
}

fn challenge(rig: &Rig) -> String {
    rig.mails.last().map(|mail| mail.challenge.clone()).unwrap_or_default()
}

/// The call that runs ends like this; where none runs, one that ran once does.
fn reply(rig: &mut Rig, result: Result<ModelReply, ModelError>) -> Input {
    Input::ModelReplied { ticket: rig.asked.take().unwrap_or_default(), result }
}

/// The customer has sent a recording. Returns the call that listens to it; of none where people have the conversation.
fn listening(rig: &mut Rig) -> Ticket {
    rig.speaks();
    rig.hearing.pop().unwrap_or_default()
}

/// A row of the desk waits for its gate. Returns its number.
fn waiting(rig: &mut Rig) -> u64 {
    if rig.asked.is_some() {
        rig.reply("ten euros");
    }
    for text in ["resend", "a human please"] {
        if rig.acquiring.is_empty() {
            rig.customer(text);
        }
    }
    *rig.acquiring.first().expect("a row waits for its gate")
}

/// A row of the desk is on the wire. Returns its number and its try.
fn on_the_wire(rig: &mut Rig) -> (u64, u32) {
    waiting(rig);
    rig.clear_one();
    let row = rig.sending.first().expect("a row is on the wire");
    (row.seq, row.tries)
}

fn row_id(rig: &Rig, seq: u64) -> OutboundId {
    rig.sending.iter().find(|row| row.seq == seq).expect("it is on the wire").id.clone()
}

/// A look is under way. Returns its ticket and what it would show.
fn look(rig: &mut Rig) -> (Ticket, Look) {
    let (row, attempt) = on_the_wire(rig);
    rig.sending.clear();
    rig.step(Input::Sent { row, attempt, outcome: unknown(true) });
    let looking = rig.looking.take().expect("a row of unknown outcome is looked up");
    (looking.ticket, looking.look)
}

/// A look ends that shows what happened after it began, too.
fn looked(rig: &mut Rig, happens: fn(&mut Rig)) -> Input {
    let (ticket, mut look) = look(rig);
    let before = rig.vendor.len();
    happens(rig);
    look.messages.extend_from_slice(&rig.vendor[before..]);
    Input::Looked { ticket, result: Ok(Box::new(look)) }
}

/// A row is held: of unknown outcome, and the look could not prove anything. Returns its id.
fn held(rig: &mut Rig) -> OutboundId {
    let (ticket, look) = look(rig);
    rig.step(Input::Looked { ticket, result: Ok(Box::new(Look { complete: false, ..look })) });
    let rows = rig.view().outbox;
    rows.iter().find(|row| row.state == "held").expect("a row is held").id.clone()
}
