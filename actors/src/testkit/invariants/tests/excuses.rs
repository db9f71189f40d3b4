//! What excuses a finding, and what does not.

use super::*;

fn announced(row: &str) -> What {
    What::Claimed { row: row.to_owned(), speech: Speech::Announcement }
}

/// Returns how many promises are broken, and how many more would be, were they not excused.
fn excused(log: Log) -> (usize, usize) {
    let findings = check(&log.history, &Rules::default());
    (findings.violations.len(), findings.excused)
}

fn store_lost(since: i64) -> What {
    What::StoreLost { since: Timestamp::from_millis(since) }
}

#[test]
fn that_a_person_comes_may_be_said_until_that_person_has_written() {
    let taken = || Log::default().happened("s1", Happening::TakenOver).acked("s1");
    taken().then(announced("e-0")).is_fine();
    let wrote = || Log::default().happened("m2", Happening::PersonWrote { words: "hello".to_owned() });
    wrote().then(announced("e-0")).is_fine();
    wrote().acked("m2").then(announced("e-0")).violates(Invariant::NobodyTalkedOver);
}

#[test]
fn a_note_gives_back_once_it_was_heard() {
    let noted = || Log::default().happened("s1", Happening::TakenOver).acked("s1").happened("m2", Happening::AskedBack);
    noted().then(claimed("e-0")).violates(Invariant::NobodyTalkedOver);
    noted().acked("m2").then(claimed("e-0")).is_fine();
    noted().then(claimed("e-0")).soon(What::Acked { fact: "m2".to_owned() }).is_fine();
    noted().then(claimed("e-0")).acked("m2").violates(Invariant::NobodyTalkedOver);
}

#[test]
fn a_held_row_stands_for_what_was_written_before_it_was_begun() {
    let left = || Leftover { row: "e-0".to_owned(), held: true, words: Some("#1".to_owned()) };
    let rests = |log: Log| {
        let memory = Some(Vec::new());
        log.then(What::Rested(Box::new(Rest { hands: Hands::Desk, rows: vec![left()], memory, ..Rest::default() })))
    };
    let lost = |log: Log| {
        let found = rests(log).violated(&Rules::default());
        found.into_iter().filter(|found| *found == Invariant::NothingLost).count()
    };
    let begun = |log: Log| log.then(claimed("e-0")).soon(posted("e-0", false));
    assert_eq!(lost(begun(Log::default().wrote("m1"))), 0);
    assert_eq!(lost(begun(Log::default()).wrote("m1")), 1);
    assert_eq!(lost(Log::default().wrote("m1")), 0, "of a row that was never seen to leave nobody knows");
}

#[test]
fn whoever_is_verified_is_not_left_at_the_gate() {
    let greeted = |log: Log| {
        let (row, speech, words) = ("e-0".to_owned(), Speech::Words, "hello".to_owned());
        let said = log.then(claimed("e-0")).soon(posted("e-0", false));
        said.soon(What::Landed { row, speech, words, answer: None })
    };
    let memory = [(Role::Customer, "m1"), (Role::Desk, "hello")];
    let asked = || greeted(Log::default().wrote("m1"));
    asked().rests(Hands::Gate, &memory).is_fine();
    let told = || What::Told { press: "p1".to_owned(), page: Page::Done };
    asked().then(told()).rests(Hands::Gate, &memory).violates(Invariant::NothingLost);
    // The proof is told of at 4 s.
    let lost = |since: i64| asked().then(told()).then(store_lost(since)).rests(Hands::Gate, &memory);
    assert_eq!(excused(lost(3_500)), (0, 1), "the proof was lost with the store");
    assert_eq!(excused(lost(4_500)), (1, 0), "it was not");
}

#[test]
fn a_store_that_lost_a_forgetting_knows_again_who_was_verified() {
    let asked = || What::Asked { call: "c1".to_owned(), about: vec!["m2".to_owned()] };
    let forgotten = || Log::default().wrote("m1").then(What::Proved).then(What::Erased);
    let broken = |log: Log| {
        let findings = check(&log.wrote("m2").then(asked()).history, &Rules { gate: true, ..Rules::default() });
        findings.violations.iter().filter(|found| found.invariant == Invariant::GateFirst).count()
    };
    assert_eq!(broken(forgotten()), 1);
    // They were forgotten at 4 s.
    assert_eq!(broken(forgotten().then(store_lost(3_500))), 0, "that was lost");
    assert_eq!(broken(forgotten().then(store_lost(4_500))), 1, "it was not");
}

#[test]
fn a_store_that_lost_something_excuses_nothing_that_it_kept() {
    let answered = || Log::default().wrote("m1").sent("e-0", "1", &["m1"]);
    // The entries stand at 1, 2 and 3 s, what comes next at 4 s.
    assert_eq!(excused(answered().then(store_lost(2_500)).sent("e-0", "1", &["m1"])), (0, 1), "the send was lost");
    assert_eq!(excused(answered().then(store_lost(3_500)).sent("e-0", "1", &["m1"])), (1, 0), "it was not");
    assert_eq!(excused(answered().then(store_lost(2_500)).sent("e-1", "2", &["m1"])), (0, 1));
    assert_eq!(excused(answered().then(store_lost(3_500)).sent("e-1", "2", &["m1"])), (1, 0));
    let taken = || Log::default().happened("s1", Happening::TakenOver).acked("s1");
    assert_eq!(excused(taken().then(store_lost(1_500)).then(claimed("e-0"))), (0, 1));
    assert_eq!(excused(taken().then(store_lost(2_500)).then(claimed("e-0"))), (1, 0));
}

#[test]
fn a_store_that_lost_an_order_excuses_that_it_stayed_with_people() {
    let rules = Rules { sees_calls: true, ..Rules::default() };
    let judged = |since: i64| {
        let log = Log::default()
            .happened("m1", Happening::PersonWrote { words: "hello".to_owned() })
            .happened("o1", Happening::AskedBack)
            .acked("o1")
            .then(store_lost(since))
            .wrote("m2")
            .rests(Hands::People, &[(Role::Person, "hello"), (Role::Customer, "m2")]);
        let findings = check(&log.history, &rules);
        (findings.violations.len(), findings.excused)
    };
    // The order was taken at 3 s.
    assert_eq!(judged(2_500), (0, 1), "the order was lost");
    assert_eq!(judged(3_500), (1, 0), "it was not");
}

/// What was joined for one place is claimed as one row, and read text by text.
#[test]
fn what_the_store_lost_of_a_joined_text_it_lost_of_each_of_its_parts() {
    let twice = |since| {
        let first = Log::default().wrote("m1").then(claimed("e-0")).soon(posted("e-0", false));
        let late = first
            .then(store_lost(since))
            .then(What::Note { text: String::new() })
            .landed("e-0", "0", &[])
            .landed("e-0-p1", "1", &["m1"]);
        late.sent("e-1", "2", &["m1"])
    };
    assert_eq!(excused(twice(1)), (0, 1));
    assert_eq!(excused(twice(4_000)), (1, 0), "its claim was written before");
}

#[test]
fn what_came_while_a_lost_order_was_unknown_was_left_to_the_people() {
    let ordered = |since| {
        let taken = Log::default().happened("s1", Happening::TakenOver).acked("s1");
        let ordered = taken.happened("o1", Happening::AskedBack).acked("o1");
        ordered.then(store_lost(since))
    };
    let rests = |log: Log| log.rests(Hands::Desk, &[(Role::Customer, "m1")]);
    assert_eq!(excused(rests(ordered(3_500).wrote("m1"))), (0, 1));
    assert_eq!(excused(rests(ordered(4_500).wrote("m1"))), (1, 0), "the order is known");
    let again = ordered(3_500).happened("o2", Happening::AskedBack).acked("o2");
    assert_eq!(excused(rests(again.wrote("m1"))), (1, 0), "it was given back once more before");
    let written = Happening::CustomerWrote { words: "m1".to_owned(), asks: true };
    let late = ordered(3_500).happened("m1", written).happened("o2", Happening::AskedBack).acked("o2").acked("m1");
    assert_eq!(excused(rests(late)), (1, 0), "the desk had it again when it heard of this");
}
