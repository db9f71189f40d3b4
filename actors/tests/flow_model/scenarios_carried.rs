//! Vendors that cannot carry our ids: rows are known by the id the send was answered with, or by their words.

use super::rig::Rig;
use super::scenarios_outbox::{speaking, unknown};
use frontdesk_actors::domain::{CustomerMessage, Event, Order};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::{Incident, Input, Mark, SendOutcome};
use frontdesk_actors::ids::MessageId;
use frontdesk_actors::ports::{Author, Seen, Verdict};

const FIRST: &str = "The first part of the answer is here.";

fn settled(id: &str) -> SendOutcome {
    SendOutcome::Verdict(Verdict::Settled { message: Some(MessageId::named(id)) })
}

fn hear(rig: &mut Rig, event: Event) -> Vec<Mark> {
    let inbound = rig.inbound(event);
    rig.step(Input::Inbound(Box::new(inbound))).marks
}

fn carried(rig: &mut Rig, id: &str, text: &str) -> Vec<Mark> {
    let (at, order) = (rig.now, rig.now.as_secs().cast_unsigned());
    hear(rig, Event::Carried { id: MessageId::opaque(order, id), at, text: text.to_owned() })
}

fn first_is_out(rig: &Rig) -> bool {
    rig.view().outbox.iter().all(|row| row.text.as_deref() != Some(FIRST))
}

#[test]
fn an_echo_that_overtakes_the_answer_of_the_send_settles_the_row_and_the_answer_is_no_second_copy() {
    let mut rig = speaking();
    let row = rig.sending.remove(0);
    carried(&mut rig, "BAE5A", &format!(" {FIRST}\r\n"));
    assert!(first_is_out(&rig), "known by its words");
    let step = rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome: settled("BAE5A") });
    assert!(!step.marks.contains(&Mark::SentTwice));
}

#[test]
fn an_echo_settles_what_nobody_knew_the_outcome_of_and_a_foreign_message_settles_nothing() {
    let mut rig = speaking();
    rig.end_send(false, unknown(false));
    carried(&mut rig, "BAE5X", "Your parcel is on its way");
    assert!(!first_is_out(&rig), "another program's words");
    assert_eq!(rig.phase(), PhaseName::Bot, "and no takeover");
    carried(&mut rig, "BAE5A", FIRST);
    assert!(first_is_out(&rig));
}

#[test]
fn an_echo_that_comes_again_does_not_settle_a_later_row_of_the_same_words() {
    let mut rig = speaking();
    let row = rig.sending.remove(0);
    rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome: settled("BAE5A") });
    rig.flush();
    rig.customer("again");
    rig.pass(std::time::Duration::from_secs(10));
    rig.reply(FIRST);
    rig.clear_one();
    rig.end_send(false, unknown(false));
    carried(&mut rig, "BAE5A", FIRST);
    assert!(!first_is_out(&rig), "that was the first one's");
    carried(&mut rig, "BAE5B", FIRST);
    assert!(first_is_out(&rig));
}

#[test]
fn a_look_knows_a_row_by_its_words_at_a_vendor_that_cannot_carry_our_ids() {
    let mut rig = speaking();
    rig.end_send(false, unknown(true));
    assert!(rig.looking.is_some(), "it is looked up at once");
    let (id, at) = (MessageId::named("BAE5A"), rig.now);
    let seen = Seen { id, at, author: Author::Carried, text: FIRST.to_owned(), voice: None };
    rig.looking.as_mut().expect("it looks").look.messages.push(seen);
    rig.end_look(true);
    assert!(first_is_out(&rig));
}

#[test]
fn a_message_that_the_vendor_could_not_bring_fetches_a_person_in_whatever_order_the_news_comes() {
    for told_first in [true, false] {
        let mut rig = speaking();
        let row = rig.sending[0].clone();
        let fared = |reached| Event::Fared { id: MessageId::named("BAE5A"), reached };
        let answer = Input::Sent { row: row.seq, attempt: row.tries, outcome: settled("BAE5A") };
        if told_first {
            hear(&mut rig, fared(false));
            rig.sending.clear();
            rig.step(answer);
        } else {
            rig.sending.clear();
            rig.step(answer);
            hear(&mut rig, fared(true));
            assert_eq!(rig.phase(), PhaseName::Bot);
            hear(&mut rig, fared(false));
        }
        assert_eq!(rig.phase(), PhaseName::Human, "{told_first}");
        assert_eq!(rig.incidents.iter().filter(|it| **it == Incident::RowRejected).count(), 1);
        hear(&mut rig, fared(false));
        assert_eq!(rig.incidents.iter().filter(|it| **it == Incident::RowRejected).count(), 1, "told once");
    }
}

#[test]
fn a_message_is_known_again_under_another_time_and_named_without_one() {
    let mut rig = Rig::new(false);
    let wrote = |order, at| {
        let id = MessageId::opaque(order, "3AF1");
        let text = "hello".to_owned();
        Event::CustomerWrote(CustomerMessage { id, at, text, attachments: 0, voice: None })
    };
    let at = rig.now;
    hear(&mut rig, wrote(100, at));
    hear(&mut rig, wrote(107, at));
    assert_eq!(rig.view().owed, 1, "the vendor tells of the last thing that happened to it");
    hear(&mut rig, Event::Edited { id: MessageId::named("3AF1"), text: "goodbye".to_owned() });
    assert_eq!(rig.view().memory[0].text, "goodbye");
    hear(&mut rig, Event::Deleted { id: MessageId::named("3AF1") });
    assert_eq!(rig.view().owed, 0);
}

#[test]
fn a_colleague_who_gives_it_back_within_the_second_of_their_words_is_obeyed() {
    for id in ["a", "b", "c", "d"] {
        let mut rig = Rig::new(false);
        let at = rig.now;
        hear(&mut rig, Event::PersonWrote { id: MessageId::opaque(100, "3EB0"), at, text: "I am here".to_owned() });
        assert_eq!(rig.phase(), PhaseName::Human);
        hear(&mut rig, Event::Ordered { id: MessageId::opaque(100, id), order: Order::Bot });
        assert_eq!(rig.phase(), PhaseName::Bot, "{id}");
    }
}

#[test]
fn the_echo_of_a_row_whose_claim_the_store_forgot_settles_it() {
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.pass(std::time::Duration::from_secs(2));
    rig.reply(FIRST);
    assert!(!first_is_out(&rig));
    // The store has lost the claim: the row waits again, as if it had never been tried.
    rig.acquiring.clear();
    let seen = rig.clone();
    rig.flow.distrust(&seen.ctx());
    rig.step(Input::DeadlineReached);
    carried(&mut rig, "BAE5A", FIRST);
    assert!(first_is_out(&rig), "{:?}", rig.view());
}

/// Vendors that tell seconds: the question, the colleague's words and the word that gives it back may all be of the same one.
#[test]
fn what_was_answered_in_the_second_of_a_hand_back_is_not_answered_again() {
    for id in ["3A", "3B", "3C", "3D"] {
        let mut rig = Rig::new(false);
        let at = rig.now;
        let heard = |rig: &mut Rig, name: &str, event: fn(MessageId, frontdesk_actors::time::Timestamp) -> Event| {
            hear(rig, event(MessageId::opaque(100, &format!("{name}{id}")), at))
        };
        heard(&mut rig, "question", |id, at| {
            Event::CustomerWrote(CustomerMessage { id, at, text: "Do you ship?".into(), attachments: 0, voice: None })
        });
        rig.pass(std::time::Duration::from_secs(10));
        rig.reply("We do.");
        rig.flush();
        assert_eq!(rig.view().owed, 0);
        heard(&mut rig, "person", |id, at| Event::PersonWrote { id, at, text: "Kim here".to_owned() });
        assert_eq!(rig.phase(), PhaseName::Human);
        heard(&mut rig, "order", |id, _| Event::Ordered { id, order: Order::Bot });
        assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Bot, 0), "{id}");
    }
}

#[test]
fn a_word_that_a_journal_shows_too_late_does_not_make_the_order_after_it_late() {
    let word = |order| MessageId::opaque(order, "3EB0");
    for told in [true, false] {
        let mut rig = speaking();
        rig.end_send(false, unknown(true));
        // The colleague wrote in second 100, and the customer read it in second 130: a journal shows it there.
        let seen = Seen { id: word(130), at: rig.now, author: Author::Person, text: "hi".to_owned(), voice: None };
        rig.looking.as_mut().expect("it looks").look.messages.push(seen);
        rig.end_look(true);
        assert_eq!(rig.phase(), PhaseName::Human);
        if told {
            let at = rig.now;
            hear(&mut rig, Event::PersonWrote { id: word(100), at, text: "hi".to_owned() });
        }
        hear(&mut rig, Event::Ordered { id: MessageId::opaque(110, "3EB1"), order: Order::Bot });
        let phase = if told { PhaseName::Bot } else { PhaseName::Human };
        assert_eq!(rig.phase(), phase, "where the word itself has not been told of, it may have come after the order");
    }
}

#[test]
fn of_two_words_that_a_journal_shows_too_late_the_second_still_outweighs_an_order_between_them() {
    let (first, second) = ("3EB0", "3EB1");
    let mut rig = speaking();
    rig.end_send(false, unknown(true));
    for (order, name) in [(150, first), (140, second)] {
        let (id, at) = (MessageId::opaque(order, name), rig.now);
        let seen = Seen { id, at, author: Author::Person, text: name.to_owned(), voice: None };
        rig.looking.as_mut().expect("it looks").look.messages.push(seen);
    }
    rig.end_look(true);
    let wrote =
        |order, name: &str, at| Event::PersonWrote { id: MessageId::opaque(order, name), at, text: name.to_owned() };
    let order = |order, name| Event::Ordered { id: MessageId::opaque(order, name), order: Order::Bot };
    let at = rig.now;
    hear(&mut rig, wrote(100, first, at));
    hear(&mut rig, order(110, "3EB2"));
    assert_eq!(rig.phase(), PhaseName::Human, "they wrote again since");
    hear(&mut rig, wrote(120, second, at));
    hear(&mut rig, order(130, "3EB3"));
    assert_eq!(rig.phase(), PhaseName::Bot);
}

#[test]
fn what_the_desk_has_answered_is_not_answered_again_when_a_hand_back_from_before_is_heard() {
    let mut rig = Rig::new(false);
    let at = rig.now;
    let (id, text) = (MessageId::opaque(235, "3AF1"), "do you ship?".to_owned());
    hear(&mut rig, Event::CustomerWrote(CustomerMessage { id, at, text, attachments: 0, voice: None }));
    rig.pass(std::time::Duration::from_secs(2));
    rig.reply(FIRST);
    rig.flush();
    // Notifications come one at a time, and were held up: both are from before the question.
    hear(&mut rig, Event::PersonWrote { id: MessageId::opaque(200, "3EB0"), at, text: "I am here".to_owned() });
    assert_eq!(rig.phase(), PhaseName::Human);
    hear(&mut rig, Event::Ordered { id: MessageId::opaque(203, "3EB1"), order: Order::Bot });
    assert_eq!((rig.phase(), rig.view().owed, rig.asked), (PhaseName::Bot, 0, None));
}

#[test]
fn what_was_left_to_people_after_a_hand_back_that_is_heard_when_they_are_idle_already_is_answered() {
    let mut rig = Rig::new(false);
    let rules = rig.policy.channels.get_mut("test").expect("the rig has one channel");
    rules.human_idle = Some(std::time::Duration::from_secs(40));
    let at = rig.now;
    hear(&mut rig, Event::PersonWrote { id: MessageId::opaque(200, "3EB0"), at, text: "I am here".to_owned() });
    rig.flush();
    // A look shows what the customer wrote after the hand-back, whose notification is held up.
    let (id, text) = (MessageId::opaque(235, "3AF1"), "do you ship?".to_owned());
    hear(&mut rig, Event::CustomerWrote(CustomerMessage { id, at, text, attachments: 0, voice: None }));
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Human, 0));
    rig.pass(std::time::Duration::from_secs(41));
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Bot, 0), "so far it is the people's");
    hear(&mut rig, Event::Ordered { id: MessageId::opaque(225, "3EB1"), order: Order::Bot });
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Bot, 1));
}

#[test]
fn what_the_customer_wrote_in_the_second_of_a_hand_back_and_nobody_answered_is_answered() {
    for answered in [false, true] {
        let mut rig = Rig::new(false);
        let at = rig.now;
        let person = |second, name: &str| {
            let text = format!("Kim here, {name}");
            Event::PersonWrote { id: MessageId::opaque(second, name), at, text }
        };
        hear(&mut rig, person(190, "3EB0"));
        rig.flush();
        let (id, text) = (MessageId::opaque(200, "3AF1"), "do you ship?".to_owned());
        hear(&mut rig, Event::CustomerWrote(CustomerMessage { id, at, text, attachments: 0, voice: None }));
        if answered {
            hear(&mut rig, person(200, "3EB1"));
        }
        hear(&mut rig, Event::Ordered { id: MessageId::opaque(200, "3EB2"), order: Order::Bot });
        assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Bot, usize::from(!answered)));
    }
}

fn wrote(rig: &mut Rig, (second, name): (u64, &str)) {
    let (id, at) = (MessageId::opaque(second, name), rig.now);
    let text = format!("do you ship {name}?");
    hear(rig, Event::CustomerWrote(CustomerMessage { id, at, text, attachments: 0, voice: None }));
}

fn person_wrote(rig: &mut Rig, (second, name): (u64, &str)) {
    let (id, at) = (MessageId::opaque(second, name), rig.now);
    hear(rig, Event::PersonWrote { id, at, text: format!("Kim here, {name}") });
}

fn gave_back(rig: &mut Rig, (second, name): (u64, &str)) {
    hear(rig, Event::Ordered { id: MessageId::opaque(second, name), order: Order::Bot });
}

/// A look shows messages, each under a second.
fn shows(rig: &mut Rig, messages: &[(Author, u64, &str)]) {
    rig.step(Input::LookAround);
    for (author, second, name) in messages {
        let words = if *author == Author::Person { "Kim here," } else { "do you ship" };
        let (id, at, text) = (MessageId::opaque(*second, name), rig.now, format!("{words} {name}?"));
        let seen = Seen { id, at, author: author.clone(), text, voice: None };
        rig.looking.as_mut().expect("it looks").look.messages.push(seen);
    }
    rig.end_look(true);
}

#[test]
fn what_was_left_to_people_after_a_hand_back_is_answered_also_where_the_desk_has_spoken_since() {
    let mut rig = Rig::new(false);
    let rules = rig.policy.channels.get_mut("test").expect("the rig has one channel");
    rules.human_idle = Some(std::time::Duration::from_secs(40));
    // Notifications are held up. The word of second 200 was read in second 290.
    let (question, word, later) =
        ((Author::Customer, 235, "3AF1"), (Author::Person, 290, "3EB0"), (Author::Customer, 295, "3AF2"));
    shows(&mut rig, &[question, word, later]);
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Human, 1), "the later one may wait for the desk");
    rig.pass(std::time::Duration::from_secs(41));
    rig.reply(FIRST);
    rig.flush();
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Bot, 0));
    person_wrote(&mut rig, (200, "3EB0"));
    gave_back(&mut rig, (225, "3EB1"));
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Bot, 1), "nobody has answered the first one");
    rig.pass(std::time::Duration::from_secs(10));
    rig.reply("We do.");
    rig.flush();
    gave_back(&mut rig, (226, "3EB2"));
    assert_eq!(rig.view().owed, 0, "it is answered once");
}

#[test]
fn what_a_person_has_written_after_is_theirs_as_soon_as_it_is_known_where_that_stands() {
    let mut rig = Rig::new(false);
    shows(&mut rig, &[(Author::Customer, 235, "3AF1"), (Author::Person, 290, "3EB1")]);
    person_wrote(&mut rig, (200, "3EB0"));
    gave_back(&mut rig, (225, "3EB2"));
    assert_eq!(rig.phase(), PhaseName::Human, "they wrote again since");
    person_wrote(&mut rig, (240, "3EB1"));
    gave_back(&mut rig, (250, "3EB3"));
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Bot, 0));
}

#[test]
fn what_a_look_showed_of_the_second_of_a_hand_back_is_answered_unless_it_was_told_of_before_the_persons_words() {
    for told in [false, true] {
        let mut rig = Rig::new(false);
        person_wrote(&mut rig, (190, "3EB0"));
        shows(&mut rig, &[(Author::Customer, 200, "3AF1")]);
        if told {
            wrote(&mut rig, (200, "3AF1"));
        }
        person_wrote(&mut rig, (200, "3EB1"));
        gave_back(&mut rig, (200, "3EB2"));
        assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Bot, usize::from(!told)));
    }
}

#[test]
fn what_was_left_to_people_and_is_not_remembered_any_more_fetches_a_person() {
    let mut rig = Rig::new(false);
    person_wrote(&mut rig, (200, "3EB0"));
    let messages: Vec<String> = (0..30).map(|number| format!("3A{number:02}")).collect();
    messages.iter().for_each(|name| wrote(&mut rig, (235, name)));
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::Human, 0));
    gave_back(&mut rig, (225, "3EB1"));
    assert_eq!(rig.phase(), PhaseName::Human);
    assert!(rig.view().outbox.iter().any(|row| row.kind == "text"), "the customer is told: {:?}", rig.view().outbox);
}
