//! Sentences, as an operator reads them at night.

use super::*;
use frontdesk_actors::domain::Status;
use frontdesk_actors::ids::{OutboundId, Ticket};
use frontdesk_actors::journal::{RowName, SeenState};
use frontdesk_actors::time::Timestamp;

fn entry(heard: Heard) -> JournalEntry {
    JournalEntry {
        at: Timestamp::from_secs(1_786_702_528),
        heard,
        state: None,
        from: PhaseName::Bot,
        to: PhaseName::Bot,
        person: None,
        facts: Vec::new(),
        did: Vec::new(),
        why: None,
        owed: 0,
        again: 0,
    }
}

fn row(kind: &'static str) -> RowName {
    RowName { id: OutboundId("0000002a-3".to_owned()), kind: kind.into() }
}

fn person(reason: &'static str) -> Option<PersonHasIt> {
    Some(PersonHasIt { since: Timestamp::from_secs(1_786_700_400), reason: reason.into(), touched: true })
}

#[test]
fn silence_names_who_has_it_and_since_when() {
    let silent = JournalEntry {
        from: PhaseName::Human,
        to: PhaseName::Human,
        person: person("person-wrote"),
        why: Some("a person has it".into()),
        ..entry(Heard::CustomerWrote { message: 57, words: true })
    };
    assert_eq!(
        sentence(&silent),
        "the customer wrote (message 57) → silent: a person has it since 2026-08-14 09:40:00 UTC (a colleague wrote)"
    );
    assert_eq!(tone(&silent), Tone::Silent);
}

#[test]
fn a_takeover_tells_what_was_dropped() {
    let taken = JournalEntry {
        to: PhaseName::Human,
        state: Some(SeenState { status: Status::Open, assignee: "person".into() }),
        person: person("person-wrote"),
        facts: vec![Fact::Dropped("person_has_it".into()), Fact::TakenOver("person-wrote".into())],
        did: vec![Did::AbortedModel, Did::Dropped(row("text"))],
        why: Some("dropped what was not yet sent".into()),
        ..entry(Heard::PersonWrote { message: 58 })
    };
    assert_eq!(
        sentence(&taken),
        "a colleague wrote to the customer (message 58) [open, a person assigned] → a person has it, the desk falls \
         silent: a colleague wrote; a running model call is ended; text 0000002a-3 is dropped unsent: the desk does not \
         have it any more"
    );
    assert_eq!(tone(&taken), Tone::Person);
}

#[test]
fn an_answer_is_followed_from_the_question_to_the_vendor() {
    let asked = JournalEntry { owed: 1, ..entry(Heard::CustomerWrote { message: 1, words: true }) };
    assert!(sentence(&asked).ends_with("an answer follows when the customer pauses (1 message is owed)"));
    let thinking = JournalEntry { did: vec![Did::AskedModel(Ticket(4))], owed: 1, ..entry(Heard::DeadlineReached) };
    assert_eq!(sentence(&thinking), "a deadline was reached → the model is asked (call 4)");
    let cleared = JournalEntry { did: vec![Did::Sent(row("text"))], ..entry(Heard::Cleared { row: row("text") }) };
    assert_eq!(sentence(&cleared), "text 0000002a-3 leaves");
    assert_eq!(tone(&cleared), Tone::Spoke);
    let landed = JournalEntry {
        facts: vec![Fact::AnswerLanded(1200)],
        ..entry(Heard::Sent { row: row("text"), attempt: 1, outcome: "settled".into() })
    };
    assert_eq!(sentence(&landed), "text 0000002a-3 has landed (try 1) → 1200 ms after the question");
    let more = JournalEntry { facts: Vec::new(), ..landed };
    assert_eq!(sentence(&more), "text 0000002a-3 has landed (try 1)");
}

#[test]
fn trouble_is_told_by_kind() {
    let failed = JournalEntry {
        facts: vec![Fact::TurnFailed],
        why: Some("the model failed, it will be asked again".into()),
        again: 2,
        ..entry(Heard::ModelReplied { ticket: 4, outcome: "rate_limited".into() })
    };
    assert_eq!(
        sentence(&failed),
        "the model call 4 failed: rate limited (3 times) → the turn counts a failed call; because: the model failed, it \
         will be asked again"
    );
    assert_eq!(tone(&failed), Tone::Trouble);
    let late = JournalEntry {
        facts: vec![Fact::Late("model".into())],
        ..entry(Heard::ModelReplied { ticket: 4, outcome: "text".into() })
    };
    assert!(sentence(&late).contains("too late: that model call had been abandoned"));
    assert!(sentence(&entry(Heard::Unreadable)).contains("another version"));
}

#[test]
fn an_answer_that_its_echo_has_overtaken_alarms_nobody() {
    let told = |outcome: &'static str| JournalEntry {
        facts: vec![Fact::SettledBefore],
        why: Some("its outcome was known before".into()),
        ..entry(Heard::Sent { row: row("text"), attempt: 1, outcome: outcome.into() })
    };
    assert_eq!(
        sentence(&told("settled")),
        "text 0000002a-3 has landed (try 1) → it was known already, from the vendor itself"
    );
    assert_eq!((tone(&told("settled")), tone(&told("unknown"))), (Tone::Plain, Tone::Plain));
    let abandoned = JournalEntry { facts: vec![Fact::Late("send".into())], ..told("settled") };
    assert!(sentence(&abandoned).contains("too late: that send had been abandoned"), "{}", sentence(&abandoned));
    assert_eq!(tone(&abandoned), Tone::Trouble);
}

#[test]
fn every_reason_of_the_engine_has_words() {
    use frontdesk_actors::language::Reason;
    let reasons = [
        Reason::AskedByCustomer,
        Reason::AskedByModel(String::new()),
        Reason::ModelFailed,
        Reason::TurnDeadline,
        Reason::EmptyReply,
        Reason::CannotAnswer,
        Reason::ModelUnauthorized,
        Reason::ModelNotFound,
        Reason::ModelQuota,
        Reason::MailFailed,
        Reason::HumanMode,
        Reason::Operator,
        Reason::ColleagueNote,
        Reason::PersonWrote,
        Reason::PersonAssigned,
        Reason::NotPending,
        Reason::OtherBot,
        Reason::Interrupted,
        Reason::Poison,
    ];
    for reason in &reasons {
        assert_ne!(outcome::reason(reason.name()), reason.name());
    }
}

#[test]
fn what_an_operator_decides_about_a_row_is_told() {
    let decided = |decision: &'static str, fact: Fact, why: &'static str| {
        let heard = Heard::Decided { row: row("text"), decision: decision.into() };
        sentence(&JournalEntry { facts: vec![fact], why: Some(why.into()), ..entry(heard) })
    };
    let done = "an operator decided about a held row";
    assert_eq!(
        decided("resend", Fact::Resent, done),
        "an operator decided about text 0000002a-3: resend → it is sent again under its own id"
    );
    assert_eq!(
        decided("drop", Fact::Dropped("operator".into()), done),
        "an operator decided about text 0000002a-3: drop → it is dropped, whether it landed stays unknown"
    );
    let refused = entry(Heard::Decided { row: row("text"), decision: "resend".into() });
    let refused = sentence(&JournalEntry { why: Some("the row is not held".into()), ..refused });
    assert!(refused.ends_with("→ because: the row is not held"), "{refused}");
    assert_eq!(tone(&entry(Heard::Poisoned)), Tone::Trouble);
}

#[test]
fn a_stop_of_everything_is_the_first_thing_that_is_told() {
    let key = ConversationKey::new("chatwoot", 1, 57);
    let told = |paused| explain(&key, None, Vec::new(), paused).now;
    assert!(told(true).starts_with("Everything that leaves is stopped") && told(true).contains("frontdesk resume"));
    assert!(!told(false).contains("stopped"));
}
