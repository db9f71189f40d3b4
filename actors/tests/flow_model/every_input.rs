//! Every input and every event in every phase: where the conversation stands afterwards, and what became of the event.
//!
//! The examples are total (`examples.rs`), and one without a row in [`TABLE`] fails.

use super::examples::{Example, event_kind, events, input_kind, inputs};
use super::rig::Rig;
use super::scenarios_gate::pending;
use frontdesk_actors::engine::{Intake, PhaseName};
use frontdesk_actors::flow::Input;
use std::time::Duration;

/// What becomes of each input in `AwaitingEmail`, `PendingVerification`, `Bot` and `Human`: the phase afterwards (`=` if it
/// is the same), and what the intake says of it. One outcome alone is that of all four.
const TABLE: &[(&str, &[&str])] = &[
    ("a state that was heard before", &["= ignored: nothing changed for the desk"]),
    ("the contact was verified elsewhere", &["bot accepted", "bot accepted", "= accepted", "= accepted"]),
    ("the link of the last mail is confirmed", &["= accepted", "bot accepted", "= accepted", "= accepted"]),
    ("a link of another conversation is confirmed", &["= accepted"]),
    ("the last mail is disowned", &["= accepted", "awaiting_email accepted", "= accepted", "= accepted"]),
    ("a mail of another conversation is disowned", &["= accepted"]),
    ("an operator says bot", &["= accepted", "= accepted", "= accepted", "bot accepted"]),
    ("an operator says human", &["human accepted", "human accepted", "human accepted", "= accepted"]),
    ("an operator says forget", &["= accepted"]),
    ("the person is erased", &["= accepted", "awaiting_email accepted", "= accepted", "= accepted"]),
    ("a held row is sent again", &["= accepted"]),
    ("a held row is dropped", &["= accepted"]),
    ("a row that is not there is dropped", &["= accepted"]),
    ("its own work failed again and again", &["human accepted", "human accepted", "human accepted", "= accepted"]),
    ("the switch is turned off that nobody had turned on", &["= accepted"]),
    ("the switch is turned off after it had taken the conversation", &["= accepted"]),
    ("the model answers", &["= accepted"]),
    ("the model wants a person", &["= accepted", "= accepted", "human accepted", "= accepted"]),
    ("the model refuses the key", &["= accepted", "= accepted", "human accepted", "= accepted"]),
    ("a call that nobody waits for answers", &["= accepted"]),
    ("a recording was heard", &["= accepted"]),
    (
        "a recording that asks for a person was heard",
        &["human accepted", "human accepted", "human accepted", "= accepted"],
    ),
    ("a recording cannot be heard", &["= accepted"]),
    ("the gate lets a row through", &["= accepted"]),
    ("the gate lets a row through that is gone", &["= accepted"]),
    ("a send has landed", &["= accepted"]),
    ("a send has ended nobody knows how", &["= accepted"]),
    ("a send of a row that is gone has landed", &["= accepted"]),
    ("a look shows nothing new", &["= accepted"]),
    ("a look shows that a person wrote", &["human accepted", "human accepted", "human accepted", "= accepted"]),
    ("a look cannot be had", &["= accepted"]),
    ("events may have been missed", &["= accepted"]),
    ("a deadline that is not there", &["= accepted"]),
    ("the deadline of a burst", &["= accepted"]),
    // A request for the address that nobody could say for a day is not said any more: people are called.
    ("a day has passed", &["human accepted", "= accepted", "human accepted", "= accepted"]),
    ("it was taken from the wake index once", &["= accepted"]),
    (
        "it was taken from the wake index nine times",
        &["human accepted", "human accepted", "human accepted", "= accepted"],
    ),
    ("the customer asks", &["= accepted"]),
    ("the customer gives an address", &["pending_verification accepted", "= accepted", "= accepted", "= accepted"]),
    ("the customer gives the code of the last mail", &["= accepted", "bot accepted", "= accepted", "= accepted"]),
    ("the customer asks for a person", &["human accepted", "human accepted", "human accepted", "= accepted"]),
    ("the customer sends a file", &["= accepted"]),
    ("the customer sends a recording", &["= accepted"]),
    ("the customer's message comes again", &["= duplicate"]),
    ("a person writes", &["human accepted", "human accepted", "human accepted", "= accepted"]),
    ("a program writes", &["= ignored: neither the customer nor a person wrote it"]),
    ("our own words come back", &["= accepted"]),
    ("words of ours come back that no record knows", &["= ignored: our own message"]),
    (
        "a message leaves through our account that is not ours",
        &["= ignored: another program sent it through the desk's account"],
    ),
    ("a message of nobody has arrived", &["= ignored: a message is on its way"]),
    ("a message of nobody will never arrive", &["= accepted"]),
    ("a note says bot", &["= accepted", "= accepted", "= accepted", "bot accepted"]),
    ("a note says human", &["human accepted", "human accepted", "human accepted", "= accepted"]),
    ("a note says forget", &["= accepted"]),
    ("the customer's last message is edited", &["= accepted"]),
    ("a message that nobody knows is edited", &["= ignored: the message says what it said, or is not remembered"]),
    ("the customer's last message is deleted", &["= accepted"]),
    ("somebody is assigned, and the state does not say whom", &["= ignored: nothing changed for the desk"]),
    ("a person is assigned", &["human accepted", "human accepted", "human accepted", "= accepted"]),
    (
        "it is opened",
        &["human accepted", "human accepted", "human accepted", "= ignored: nothing changed for the desk"],
    ),
    ("it is resolved", &["= accepted", "= accepted", "= accepted", "bot accepted"]),
    ("it was opened and becomes pending again", &["= accepted", "= accepted", "= accepted", "bot accepted"]),
    (
        "it was opened unheard and becomes pending again",
        &[
            "= ignored: nothing changed for the desk",
            "= ignored: nothing changed for the desk",
            "= ignored: nothing changed for the desk",
            "bot accepted",
        ],
    ),
    ("it was resolved unheard and is opened", &["human accepted", "human accepted", "human accepted", "= accepted"]),
    ("the customer's question was missed", &["= accepted"]),
    ("a person's words were missed", &["human accepted", "human accepted", "human accepted", "= accepted"]),
    ("nothing was missed", &["= ignored: nothing was missed"]),
];

/// A conversation in each phase, with something going on in it.
fn phases() -> [Rig; 4] {
    let mut awaiting = Rig::new(true);
    awaiting.customer("hello, what does it cost?");
    let mut thinking = Rig::new(false);
    thinking.customer("hello");
    thinking.pass(Duration::from_secs(2));
    assert!(thinking.asked.is_some());
    let mut human = thinking.clone();
    human.customer("a human please");
    let all = [awaiting, pending().0, thinking, human];
    assert_eq!(
        all.each_ref().map(Rig::phase),
        [PhaseName::AwaitingEmail, PhaseName::PendingVerification, PhaseName::Bot, PhaseName::Human]
    );
    all
}

/// Lets a conversation hear an example, and says what came of it.
fn outcome(start: &Rig, example: Example) -> (Input, String) {
    let mut rig = start.clone();
    let input = example(&mut rig);
    let step = rig.step(input.clone());
    let phase = if step.to == start.phase() { "=" } else { step.to.as_str() };
    let intake = match step.intake {
        Intake::Accepted => "accepted".to_owned(),
        Intake::Duplicate => "duplicate".to_owned(),
        Intake::Ignored(why) => format!("ignored: {why}"),
        Intake::Parked => "parked".to_owned(),
    };
    (input, format!("{phase} {intake}"))
}

#[test]
fn every_phase_answers_every_input_as_the_table_says() {
    let starts = phases();
    let of_events = events().into_iter().map(|(name, pattern, example)| (name, pattern, example, true));
    let of_inputs = inputs().into_iter().map(|(name, pattern, example)| (name, pattern, example, false));
    let mut found = Vec::new();
    for (name, pattern, example, is_event) in of_inputs.chain(of_events) {
        let outcomes = starts.each_ref().map(|start| {
            let (input, outcome) = outcome(start, example);
            let of_event = if let Input::Inbound(inbound) = &input { Some(event_kind(&inbound.event)) } else { None };
            let kind = of_event.filter(|_| is_event).unwrap_or(input_kind(&input));
            assert_eq!(kind, pattern, "{name} is no example of this");
            outcome
        });
        found.push((name, outcomes));
    }
    assert_eq!(found.len(), TABLE.len(), "each example has a row, and each row an example");
    let mut wrong = Vec::new();
    for ((name, outcomes), (listed, expected)) in found.iter().zip(TABLE) {
        let expected = if let [same] = expected { [*same; 4].to_vec() } else { expected.to_vec() };
        if (name, outcomes.each_ref().map(String::as_str).to_vec()) != (listed, expected) {
            wrong.push(format!("{name}: {outcomes:?}"));
        }
    }
    assert!(wrong.is_empty(), "the table says otherwise of\n{}", wrong.join("\n"));
}
