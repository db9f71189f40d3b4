//! Shadow mode: people have every conversation, and the desk shows them what it would have said.

use super::ops::op;
use super::rig::Rig;
use super::sequences::drive;
use frontdesk_actors::domain::{Assignee, Order, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::shadow::Shadow;
use frontdesk_actors::flow::{Incident, Input};
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{ModelErrorKind, ModelReply};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A desk that only watches, with the gate on: it plays no part.
fn rig() -> Rig {
    let mut rig = Rig::new(true);
    rig.shadow(Shadow::On);
    rig
}

#[test]
fn an_answer_becomes_a_note_and_the_conversation_is_visible_to_people_at_once() {
    let mut rig = rig();
    rig.customer("what does it cost?");
    rig.flush();
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::ShadowMode)));
    assert_eq!(rig.state.status, Status::Open, "a pending conversation would be invisible");
    rig.pass(secs(2));
    rig.reply("ten euros. And twelve for two months. ".repeat(4).trim());
    rig.flush();
    assert!(rig.said().is_empty() && rig.mails.is_empty());
    let [note] = &rig.notes[..] else { panic!("one note: {:?}", rig.notes) };
    assert!(note.starts_with("[Draft] ten euros."), "{note}");
    assert_eq!(note.matches("ten euros").count(), 4, "whole, however long a message may be");
    assert_eq!(rig.view().memory.len(), 1, "nothing was said, so nothing is remembered");
}

#[test]
fn one_draft_per_burst_also_while_a_person_has_the_conversation() {
    let mut rig = rig();
    rig.customer("hello");
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.set_state(Status::Open, Assignee::Person("7".to_owned()));
    rig.customer("what does it cost?");
    rig.pass(secs(3));
    rig.reply("ten euros");
    rig.flush();
    rig.person("It is ten euros.");
    rig.customer("and shipping?");
    rig.pass(secs(3));
    rig.reply("free");
    rig.flush();
    assert_eq!(rig.notes, ["[Draft] ten euros", "[Draft] free"]);
    let last = rig.prompts.last().expect("it was asked");
    assert_eq!(last.unanswered, 1);
    assert!(last.history.iter().any(|said| said.text == "It is ten euros."));
}

#[test]
fn no_draft_after_a_person_has_answered_the_burst() {
    let mut rig = rig();
    rig.customer("what does it cost?");
    rig.pass(secs(2));
    assert!(rig.asked.is_some());
    rig.person("Ten euros.");
    assert_eq!(rig.asked, None, "the call ends");
    rig.pass(secs(60));
    rig.customer("and shipping?");
    rig.pass(secs(2));
    rig.reply("free");
    // The draft is made but has not left.
    rig.person("It is free.");
    rig.flush();
    assert!(rig.notes.is_empty(), "{:?}", rig.notes);
}

#[test]
fn what_a_person_answered_unheard_is_seen_before_the_model_is_asked() {
    let mut rig = rig();
    rig.customer("what does it cost?");
    rig.person_event("Ten euros.");
    rig.crash(false);
    rig.pass(secs(60));
    assert!(rig.prompts.is_empty() && rig.notes.is_empty());
}

#[test]
fn where_it_would_have_fetched_a_person_the_note_says_so_and_nothing_else_happens() {
    let mut rig = rig();
    rig.customer("a human please");
    rig.flush();
    rig.customer("what does it cost?");
    rig.pass(secs(2));
    let ticket = rig.asked.take().expect("the model is asked");
    let result = Ok(ModelReply::RequestHuman { reason: "a refund".to_owned(), summary: None });
    rig.step(Input::ModelReplied { ticket, result });
    rig.flush();
    rig.customer("hello?");
    rig.pass(secs(2));
    rig.fail(ModelErrorKind::Quota);
    rig.flush();
    assert_eq!(
        rig.notes,
        [
            "[Draft asked-by-customer] [HandoffAsked]",
            "[Draft asked-by-model] [HandoffAsked]",
            "[Draft model-quota] [HandoffSorry]"
        ]
    );
    assert!(rig.cards.is_empty() && rig.said().is_empty());
    assert_eq!(rig.incidents, [Incident::ModelQuota], "what is wrong with the desk itself is still told");
    assert_eq!(rig.view().owed, 0);
}

#[test]
fn a_picture_gets_one_note_for_a_burst() {
    let mut rig = rig();
    rig.customer("");
    rig.customer("");
    rig.flush();
    assert_eq!(rig.notes, ["[Draft] [CannotReadAttachment]"]);
}

#[test]
fn a_colleague_can_silence_the_drafts_of_one_conversation() {
    let mut rig = rig();
    rig.customer("hello");
    rig.step(Input::Ordered(Order::Human));
    rig.customer("what does it cost?");
    rig.pass(secs(60));
    assert!(rig.prompts.is_empty());
    rig.step(Input::Ordered(Order::Bot));
    rig.customer("anybody?");
    rig.pass(secs(3));
    rig.reply("ten euros");
    rig.flush();
    assert_eq!((rig.notes.len(), rig.phase()), (1, PhaseName::Human));
    assert_eq!(rig.state.status, Status::Open, "nothing of its status is taken from the team");
}

#[test]
fn what_waited_to_be_said_when_the_mode_was_turned_on_is_shown_instead() {
    let mut rig = Rig::new(false);
    rig.customer("what does it cost?");
    rig.pass(secs(2));
    rig.reply("ten euros");
    assert!(!rig.acquiring.is_empty());
    rig.shadow(Shadow::On);
    rig.crash(false);
    rig.flush();
    assert_eq!((rig.said(), &rig.notes[..]), (vec![], &["[Draft] ten euros".to_owned()][..]));
    assert_eq!(rig.state.status, Status::Open);
}

#[test]
fn going_live_leaves_open_conversations_to_people_and_answers_the_next() {
    let mut rig = Rig::new(false);
    rig.shadow(Shadow::On);
    rig.customer("what does it cost?");
    rig.pass(secs(2));
    rig.reply("ten euros");
    rig.flush();
    rig.customer("and shipping?");
    rig.shadow(Shadow::Off);
    rig.crash(false);
    rig.pass(secs(60));
    assert!(rig.said().is_empty() && rig.asked.is_none(), "people have it");
    rig.set_state(Status::Resolved, Assignee::Nobody);
    rig.set_state(Status::Pending, Assignee::Nobody);
    rig.customer("one more thing");
    rig.pass(secs(2));
    rig.reply("of course");
    rig.flush();
    assert_eq!(rig.said(), ["of course"]);
}

#[test]
fn it_holds_per_inbox() {
    for (inboxes, said) in [(["1", "7"], 0), (["3", "7"], 1)] {
        let mut rig = Rig::new(false);
        let inboxes: BTreeSet<String> = inboxes.map(str::to_owned).into();
        rig.shadow(Shadow::Inboxes(Arc::new(inboxes)));
        rig.customer("what does it cost?");
        rig.pass(secs(2));
        rig.reply("ten euros");
        rig.flush();
        assert_eq!((rig.said().len(), rig.notes.len()), (said, 1 - said));
    }
}

/// Returns the drafts that operators see: why a person would have been fetched, and the words.
fn drafts(rig: &Rig) -> Vec<(Option<String>, String)> {
    rig.view().drafts.into_iter().map(|draft| (draft.because, draft.text)).collect()
}

#[test]
fn operators_see_the_last_drafts_whatever_became_of_their_notes() {
    let mut rig = rig();
    rig.customer("what does it cost?");
    rig.pass(secs(2));
    rig.reply("ten euros. And twelve for two months.");
    // A person is faster than the note; a channel without notes has none at all.
    rig.person("Ten.");
    rig.customer("a human please");
    rig.flow = rig.restored();
    let first = (None, "ten euros. And twelve for two months.".to_owned());
    let second = (Some("asked-by-customer".to_owned()), "[HandoffAsked]".to_owned());
    assert_eq!(drafts(&rig), [first, second]);
    for question in 0..9 {
        rig.customer("and then?");
        rig.pass(secs(3));
        rig.reply(&format!("answer {question}"));
        rig.flush();
    }
    assert_eq!(drafts(&rig).len(), 5, "a few");
    assert_eq!(drafts(&rig).last(), Some(&(None, "answer 8".to_owned())));
}

#[test]
fn drafts_go_with_the_person_who_is_forgotten_and_with_the_mode() {
    let ends = [
        |rig: &mut Rig| drop(rig.step(Input::Erased)),
        |rig: &mut Rig| drop(rig.step(Input::Ordered(Order::Forget))),
        |rig: &mut Rig| {
            rig.shadow(Shadow::Off);
            rig.step(Input::DeadlineReached);
        },
    ];
    for end in ends {
        let mut rig = rig();
        rig.customer("what does it cost?");
        rig.pass(secs(2));
        rig.reply("ten euros");
        rig.flush();
        assert_eq!(drafts(&rig).len(), 1);
        end(&mut rig);
        assert!(drafts(&rig).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::default() })]

    /// Whatever happens, nothing reaches the customer and people keep the conversation: the rig checks every step.
    #[test]
    fn nothing_ever_reaches_a_customer(gate in any::<bool>(), ops in prop::collection::vec(op(), 1..70)) {
        let mut rig = Rig::new(gate);
        rig.shadow(Shadow::On);
        drive(&mut rig, &ops);
        prop_assert!(rig.said().is_empty() && rig.mails.is_empty());
    }

    /// Colleagues are called again at most twice per hand-over, whatever happens.
    #[test]
    fn nobody_is_called_for_ever(back in any::<bool>(), ops in prop::collection::vec(op(), 1..70)) {
        let mut rig = Rig::new(false);
        rig.policy.handoff.pickup_after = Some(secs(60));
        rig.policy.handoff.pickup_handback = back;
        drive(&mut rig, &ops);
        let (fetched, called) = rig.calls();
        prop_assert!(called <= 2 * fetched, "{called} calls for {fetched} hand-overs");
    }
}
