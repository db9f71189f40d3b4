//! Recordings: what is heard, in every phase; what is not; and that nothing of it is lost or answered twice.

use super::rig::Rig;
use super::scenarios_gate::pending;
use frontdesk_actors::domain::{Assignee, Event, Order, Status, Voice, VoiceSource};
use frontdesk_actors::engine::{Intake, PhaseName};
use frontdesk_actors::flow::shadow::Shadow;
use frontdesk_actors::flow::{Incident, Input};
use frontdesk_actors::ids::MessageId;
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::TranscribeErrorKind;
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A known customer whose recording is being listened to.
fn spoken() -> Rig {
    let mut rig = Rig::new(false);
    rig.speaks();
    assert_eq!((rig.hearing.len(), rig.view().owed), (1, 1));
    rig
}

/// Returns what the model was asked last, as `(voice, text)`.
pub(super) fn asked(rig: &Rig) -> Vec<(bool, String)> {
    let prompt = rig.prompts.last().expect("the model was asked");
    let unanswered = prompt.history.iter().skip(prompt.history.len() - prompt.unanswered);
    unanswered.map(|message| (message.voice, message.text.clone())).collect()
}

#[test]
fn what_is_said_is_answered_like_what_is_written_and_marked_as_voice() {
    let mut rig = spoken();
    rig.pass(secs(10));
    assert!(rig.prompts.is_empty(), "nobody knows yet what was said");
    rig.heard(Ok(" what does it cost? "));
    rig.pass(secs(2));
    assert_eq!(asked(&rig), [(true, "what does it cost?".to_owned())]);
    rig.reply("ten euros");
    rig.flush();
    assert_eq!((rig.said(), rig.view().owed), (vec!["ten euros"], 0));
    let remembered = rig.view().memory;
    assert!(remembered[0].voice && !remembered[1].voice, "{remembered:?}");
}

#[test]
fn a_turn_waits_for_a_recording_and_keeps_the_order_of_the_burst() {
    let mut rig = Rig::new(false);
    rig.customer("first");
    rig.speaks();
    rig.customer("third");
    rig.pass(secs(20));
    assert!(rig.prompts.is_empty());
    rig.heard(Ok("second"));
    rig.pass(secs(2));
    let texts: Vec<_> = asked(&rig).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["first", "second", "third"]);
}

#[test]
fn a_recording_during_a_model_call_starts_the_turn_over() {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.pass(secs(2));
    assert!(rig.asked.is_some());
    rig.speaks();
    assert!(rig.asked.is_none(), "it is not answered before it is known what was said");
    rig.pass(secs(60));
    rig.heard(Ok("and a box"));
    rig.pass(secs(2));
    assert_eq!(asked(&rig).len(), 2);
    assert_eq!(rig.phase(), PhaseName::Bot, "the time of listening is not the turn's");
}

#[test]
fn words_beside_a_recording_are_heard_with_it_and_words_for_a_person_at_once() {
    let mut rig = Rig::new(false);
    let inbound = rig.voice_event("about order 7", Voice::at("https://files.example/1"));
    rig.step(Input::Inbound(Box::new(inbound)));
    rig.heard(Ok("where is it"));
    rig.pass(secs(2));
    assert_eq!(asked(&rig), [(true, "about order 7\nwhere is it".to_owned())]);
    let inbound = rig.voice_event("a human please", Voice::at("https://files.example/2"));
    rig.step(Input::Inbound(Box::new(inbound)));
    assert_eq!((rig.phase(), rig.hearing.len()), (PhaseName::Human, 0));
}

#[test]
fn words_for_a_person_are_heard_in_every_phase() {
    let rigs = [Rig::new(false), Rig::new(true), pending().0];
    for mut rig in rigs {
        rig.speaks();
        rig.heard(Ok("I want a human"));
        assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::AskedByCustomer)));
        rig.flush();
        assert!(rig.said().contains(&"[HandoffAsked]"), "{:?}", rig.said());
    }
}

#[test]
fn before_the_gate_what_is_said_is_kept_and_answered_after_it() {
    let mut rig = Rig::new(true);
    rig.speaks();
    rig.flush();
    assert!(rig.said().is_empty(), "it may be an address, or words for a person");
    rig.heard(Ok("what does delivery cost?"));
    rig.flush();
    assert_eq!(rig.said(), ["[AskEmail]"]);
    rig.customer("jane@example.com");
    rig.flush();
    let code = rig.mails[0].code.clone();
    rig.customer(&code);
    rig.pass(secs(5));
    assert_eq!(asked(&rig), [(true, "what does delivery cost?".to_owned())]);
    assert_eq!(rig.prompts.len(), 1);
}

#[test]
fn a_recording_before_the_gate_that_is_heard_after_it_is_answered_once() {
    let mut rig = Rig::new(true);
    rig.speaks();
    rig.customer("jane@example.com");
    rig.flush();
    let code = rig.mails[0].code.clone();
    rig.customer(&code);
    rig.pass(secs(5));
    assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Bot, 0));
    rig.heard(Ok("what does it cost?"));
    rig.pass(secs(5));
    assert_eq!(asked(&rig).len(), 1);
}

#[test]
fn what_cannot_be_heard_is_said_and_what_was_written_beside_it_is_answered() {
    for (result, phrase) in [
        (Ok(" \n"), "[VoiceSilent]"),
        (Err(TranscribeErrorKind::TooLong), "[VoiceTooLong]"),
        (Err(TranscribeErrorKind::Undecodable), "[VoiceUnreadable]"),
        (Err(TranscribeErrorKind::Gone), "[VoiceUnreadable]"),
        (Err(TranscribeErrorKind::Forbidden), "[VoiceUnreadable]"),
    ] {
        let mut rig = spoken();
        rig.heard(result);
        rig.flush();
        assert_eq!((rig.said(), rig.view().owed), (vec![phrase], 0), "{result:?}");
        assert_eq!(rig.phase(), PhaseName::Bot);
        let inbound = rig.voice_event("what is this?", Voice::at("https://files.example/1"));
        rig.step(Input::Inbound(Box::new(inbound)));
        rig.heard(result);
        rig.pass(secs(2));
        assert_eq!(asked(&rig), [(false, "what is this?".to_owned())]);
    }
    for (source, phrase) in [(VoiceSource::TooLarge, "[VoiceTooLong]"), (VoiceSource::Unreadable, "[VoiceUnreadable]")]
    {
        let mut rig = Rig::new(false);
        let inbound = rig.voice_event("", Voice::of(source));
        rig.step(Input::Inbound(Box::new(inbound)));
        rig.flush();
        assert_eq!((rig.said(), rig.hearing.len()), (vec![phrase], 0));
    }
}

#[test]
fn a_transcriber_that_stays_down_is_tried_within_bounds_and_then_a_person_is_fetched() {
    let mut rig = spoken();
    let begun = rig.now;
    let mut tries = 0;
    while rig.phase() == PhaseName::Bot {
        tries += 1;
        assert!(tries <= rig.policy.voice.as_ref().unwrap().tries, "tried for ever");
        rig.heard(Err(TranscribeErrorKind::Unreachable));
        rig.pass(secs(40));
    }
    assert!(tries > 1 && rig.now.since(begun) <= secs(200), "{tries} tries in {:?}", rig.now.since(begun));
    assert_eq!(rig.view().reason, Some(Reason::VoiceUnheard));
    rig.flush();
    assert_eq!(rig.said(), ["[HandoffSorry]"]);
    assert_eq!(rig.view().owed, 1, "should nobody come, it is heard when the desk has it again");
}

#[test]
fn a_call_that_never_ends_is_given_up_at_the_stored_deadline() {
    let mut rig = spoken();
    rig.pass(secs(60));
    rig.crash(false);
    rig.flush();
    assert!(rig.hearing.iter().any(|ticket| rig.flow.is_hearing(*ticket)), "whoever takes it over listens");
    rig.pass(secs(61));
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::VoiceUnheard)));
}

#[test]
fn crashes_alone_use_the_tries_up() {
    let mut rig = spoken();
    for _ in 0..10 {
        rig.crash(false);
        rig.flush();
    }
    assert_eq!(rig.view().reason, Some(Reason::VoiceUnheard));
}

#[test]
fn a_refused_account_is_an_incident_and_a_person_is_fetched_at_once() {
    for kind in [TranscribeErrorKind::Unauthorized, TranscribeErrorKind::ModelNotFound, TranscribeErrorKind::Quota] {
        let mut rig = spoken();
        rig.heard(Err(kind));
        assert_eq!(rig.view().reason, Some(Reason::VoiceUnheard));
        assert!(rig.incidents.contains(&Incident::TranscriberRefused));
    }
}

#[test]
fn without_a_transcriber_a_recording_is_an_attachment_also_one_that_waited() {
    let mut rig = spoken();
    rig.policy.voice = None;
    rig.crash(false);
    rig.flush();
    assert_eq!(rig.said(), ["[CannotReadAttachment]"]);
    rig.pass(secs(10));
    rig.speaks();
    rig.flush();
    assert_eq!((rig.said().len(), rig.view().owed), (2, 0));
}

#[test]
fn more_recordings_than_can_wait_are_attachments() {
    let mut rig = Rig::new(false);
    for _ in 0..12 {
        rig.speaks();
    }
    rig.flush();
    assert_eq!((rig.hearing.len(), rig.said()), (10, vec!["[CannotReadAttachment]"]));
}

#[test]
fn a_deleted_recording_is_not_answered() {
    let mut rig = spoken();
    let inbound = rig.inbound(Event::Deleted { id: MessageId::numeric(1) });
    let step = rig.step(Input::Inbound(Box::new(inbound)));
    assert_eq!(step.intake, Intake::Accepted);
    rig.pass(secs(300));
    assert_eq!((rig.view().owed, rig.said().len(), rig.phase()), (0, 0, PhaseName::Bot));
}

#[test]
fn a_duplicate_is_listened_to_once() {
    let mut rig = Rig::new(false);
    let inbound = rig.voice_event("", Voice::at("https://files.example/1"));
    rig.step(Input::Inbound(Box::new(inbound.clone())));
    let step = rig.step(Input::Inbound(Box::new(inbound.clone())));
    assert_eq!((step.intake, rig.hearing.len()), (Intake::Duplicate, 1));
    rig.heard(Ok("hello"));
    let step = rig.step(Input::Inbound(Box::new(inbound)));
    assert_eq!((step.intake, rig.hearing.len()), (Intake::Duplicate, 0));
}

#[test]
fn whoever_takes_over_hears_it_themselves_and_the_transcription_ends() {
    for takes in [
        |rig: &mut Rig| rig.person("I have it"),
        |rig: &mut Rig| rig.set_state(Status::Open, Assignee::Person("7".to_owned())),
        |rig: &mut Rig| rig.step(Input::Ordered(Order::Human)),
    ] {
        let mut rig = spoken();
        let ticket = rig.hearing[0];
        takes(&mut rig);
        assert!(!rig.flow.is_hearing(ticket), "it ends");
        rig.step(Input::Transcribed { ticket, result: Ok("a late word".to_owned()) });
        rig.pass(secs(300));
        assert!(rig.prompts.is_empty() && !rig.said().contains(&"a late word"));
        assert_eq!(rig.phase(), PhaseName::Human);
    }
}

#[test]
fn what_nobody_touched_is_heard_when_the_desk_has_it_again() {
    let mut rig = Rig::new(false);
    rig.customer("a human please");
    rig.flush();
    rig.speaks();
    assert!(rig.hearing.is_empty(), "people have it");
    rig.pass(secs(600));
    rig.step(Input::Ordered(Order::Bot));
    rig.flush();
    rig.heard(Ok("what does it cost?"));
    rig.pass(secs(5));
    assert_eq!(asked(&rig), [(true, "what does it cost?".to_owned())]);
}

#[test]
fn resolved_and_forgotten_conversations_owe_no_ear() {
    let ends = [
        |rig: &mut Rig| rig.set_state(Status::Resolved, Assignee::Nobody),
        |rig: &mut Rig| rig.step(Input::Ordered(Order::Forget)),
    ];
    for gate in [false, true] {
        for end in ends {
            let mut rig = Rig::new(gate);
            rig.speaks();
            end(&mut rig);
            assert_eq!(rig.view().owed, 0);
        }
    }
}

#[test]
fn an_edit_changes_what_was_written_beside_it_and_not_what_was_said() {
    let mut rig = Rig::new(false);
    let inbound = rig.voice_event("ordr 7", Voice::at("https://files.example/1"));
    rig.step(Input::Inbound(Box::new(inbound)));
    let edit = |rig: &mut Rig, text: &str| {
        let inbound = rig.inbound(Event::Edited { id: MessageId::numeric(1), text: text.to_owned() });
        rig.step(Input::Inbound(Box::new(inbound)))
    };
    assert_eq!(edit(&mut rig, "order 7").intake, Intake::Accepted);
    rig.heard(Ok("where is it"));
    assert!(matches!(edit(&mut rig, "order 7").intake, Intake::Accepted | Intake::Ignored(_)));
    rig.pass(secs(2));
    assert_eq!(asked(&rig), [(true, "order 7\nwhere is it".to_owned())]);
}

#[test]
fn nothing_is_listened_to_while_everything_is_paused_and_the_pause_costs_no_try() {
    let mut rig = spoken();
    rig.pause(true);
    assert!(!rig.flow.is_hearing(rig.hearing[0]));
    rig.speaks();
    rig.now = rig.now + secs(3600);
    rig.pause(false);
    rig.hearing.retain(|ticket| rig.flow.is_hearing(*ticket));
    assert_eq!(rig.hearing.len(), 2);
    rig.heard(Ok("one"));
    rig.heard(Ok("two"));
    rig.pass(secs(5));
    assert_eq!(asked(&rig).len(), 2);
}

#[test]
fn in_shadow_mode_a_draft_is_made_of_what_was_said() {
    let mut rig = Rig::new(false);
    rig.shadow(Shadow::On);
    rig.speaks();
    rig.heard(Ok("what does it cost?"));
    rig.pass(secs(5));
    assert_eq!(asked(&rig), [(true, "what does it cost?".to_owned())]);
    rig.reply("ten euros");
    rig.flush();
    assert!(rig.notes.iter().any(|note| note.ends_with("ten euros")), "{:?}", rig.notes);
    assert!(rig.said().is_empty());
    rig.speaks();
    rig.heard(Err(TranscribeErrorKind::Quota));
    rig.flush();
    assert!(rig.said().is_empty());
    assert_eq!(rig.view().owed, 0, "a note says so");
}

#[test]
fn a_colleague_sees_that_something_was_said_which_nobody_heard() {
    let mut rig = spoken();
    rig.step(Input::Poisoned);
    rig.flush();
    assert_eq!(rig.view().owed, 1);
    assert_eq!(rig.said(), ["[HandoffSorry]"]);
}

#[test]
fn a_forgotten_customers_recordings_are_forgotten() {
    let mut rig = spoken();
    rig.step(Input::Erased);
    rig.pass(secs(300));
    assert_eq!((rig.view().owed, rig.said().len(), rig.prompts.len()), (0, 0, 0));
}
