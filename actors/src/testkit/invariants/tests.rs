//! Each invariant sees its own violation and nothing else.

use super::*;
use crate::domain::Role;
use crate::testkit::history::{Answer, Hands, Happening, Leftover, Page, Recalled, Rest, Speech};
use crate::time::Timestamp;

const KEY: &str = "test:1:57";

/// A log in the making: every entry a second after the one before.
#[derive(Default)]
struct Log {
    history: History,
    now: i64,
}

impl Log {
    fn then(mut self, what: What) -> Self {
        self.now += 1000;
        self.history.note(Timestamp::from_millis(self.now), "a", KEY, what);
        self
    }

    fn soon(mut self, what: What) -> Self {
        self.history.note(Timestamp::from_millis(self.now), "a", KEY, what);
        self
    }

    fn wrote(self, fact: &str) -> Self {
        let happening = Happening::CustomerWrote { words: fact.to_owned(), asks: true };
        self.then(What::Happened { fact: fact.to_owned(), happening }).then(What::Acked { fact: fact.to_owned() })
    }

    fn happened(self, fact: &str, happening: Happening) -> Self {
        self.then(What::Happened { fact: fact.to_owned(), happening })
    }

    fn acked(self, fact: &str) -> Self {
        self.then(What::Acked { fact: fact.to_owned() })
    }

    fn asked(self, call: &str, about: &[&str]) -> Self {
        self.then(What::Asked { call: call.to_owned(), about: strings(about) })
    }

    fn sent(self, row: &str, call: &str, about: &[&str]) -> Self {
        let (speech, stood_still) = (Speech::Words, false);
        self.then(What::Claimed { row: row.to_owned(), speech })
            .soon(What::Posted { row: row.to_owned(), speech, stood_still })
            .landed(row, call, about)
    }

    fn landed(self, row: &str, call: &str, about: &[&str]) -> Self {
        let answer = Some(Answer { call: call.to_owned(), about: strings(about) });
        self.soon(What::Landed { row: row.to_owned(), speech: Speech::Words, words: format!("#{call}"), answer })
    }

    fn rests(self, hands: Hands, memory: &[(Role, &str)]) -> Self {
        let recall = |(by, words): &(Role, &str)| Recalled { by: *by, words: (*words).to_owned() };
        let memory = Some(memory.iter().map(recall).collect());
        self.then(What::Rested(Box::new(Rest { hands, memory, ..Rest::default() })))
    }

    fn violated(&self, rules: &Rules) -> Vec<Invariant> {
        check(&self.history, rules).violations.iter().map(|violation| violation.invariant).collect()
    }

    fn is_fine(&self) {
        check(&self.history, &Rules::default()).expect_none("a log without a fault");
    }

    fn violates(&self, invariant: Invariant) {
        assert_eq!(self.violated(&Rules::default()), [invariant]);
    }
}

fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

fn claimed(row: &str) -> What {
    What::Claimed { row: row.to_owned(), speech: Speech::Words }
}

fn posted(row: &str, stood_still: bool) -> What {
    What::Posted { row: row.to_owned(), speech: Speech::Words, stood_still }
}

const ANSWERED: [(Role, &str); 2] = [(Role::Customer, "m1"), (Role::Desk, "#1")];

#[test]
fn an_answered_question_is_fine_and_an_unanswered_one_is_lost() {
    let asked = || Log::default().wrote("m1").asked("1", &["m1"]);
    asked().sent("e-0", "1", &["m1"]).rests(Hands::Desk, &ANSWERED).is_fine();
    asked().rests(Hands::Desk, &[(Role::Customer, "m1")]).violates(Invariant::NothingLost);
    asked().rests(Hands::People, &[(Role::Customer, "m1")]).is_fine();
    let resolved = asked().happened("s1", Happening::HandedBack { done: true });
    resolved.rests(Hands::Desk, &[(Role::Customer, "m1")]).is_fine();
    let lost = asked().then(What::StoreLost { since: Timestamp::from_millis(1) });
    let findings = check(&lost.rests(Hands::Desk, &[(Role::Customer, "m1")]).history, &Rules::default());
    assert_eq!((findings.violations.len(), findings.excused), (0, 1), "what the store lost is counted apart");
}

#[test]
fn a_second_copy_and_a_second_answer_are_seen() {
    let answered = || Log::default().wrote("m1").asked("1", &["m1"]).sent("e-0", "1", &["m1"]);
    let memory = [(Role::Customer, "m1"), (Role::Desk, "#1"), (Role::Desk, "#1")];
    answered().landed("e-0", "1", &["m1"]).rests(Hands::Desk, &memory).violates(Invariant::NothingTwice);
    let memory = [(Role::Customer, "m1"), (Role::Desk, "#1"), (Role::Desk, "#2")];
    answered().sent("e-1", "2", &["m1"]).rests(Hands::Desk, &memory).violates(Invariant::OneAnswer);
    let parts = answered().sent("e-1", "1", &["m1"]);
    parts.rests(Hands::Desk, &[(Role::Customer, "m1"), (Role::Desk, "#1"), (Role::Desk, "#1")]).is_fine();
}

#[test]
fn talking_over_a_person_is_seen_and_a_standstill_is_counted_apart() {
    let person = || Happening::PersonWrote { words: "hello".to_owned() };
    let taken = || Log::default().wrote("m1").happened("m2", person());
    taken().sent("e-0", "1", &["m1"]).acked("m2").is_fine();
    taken().acked("m2").sent("e-0", "1", &["m1"]).violates(Invariant::NobodyTalkedOver);
    let back = taken().acked("m2").happened("s3", Happening::HandedBack { done: false });
    back.sent("e-0", "1", &["m1"]).is_fine();
    let late = || Log::default().wrote("m1").then(claimed("e-0")).then(What::Note { text: String::new() });
    late().then(posted("e-0", false)).violates(Invariant::NobodyTalkedOver);
    Log::default().then(claimed("e-1")).soon(posted("e-0", false)).violates(Invariant::NobodyTalkedOver);
    let findings = check(&late().then(posted("e-0", true)).history, &Rules::default());
    assert_eq!((findings.violations.len(), findings.holes), (0, 1));
    let unseen = taken().acked("m2").soon(posted("e-0", false));
    unseen.is_fine();
    let unseen = taken().acked("m2").then(posted("e-0", false));
    unseen.violates(Invariant::NobodyTalkedOver);
}

#[test]
fn order_memory_and_rest_are_judged() {
    let swapped = Log::default().wrote("m1").sent("e-1", "1", &["m1"]).sent("e-0", "1", &["m1"]);
    let memory = [(Role::Customer, "m1"), (Role::Desk, "#1"), (Role::Desk, "#1")];
    swapped.rests(Hands::Desk, &memory).violates(Invariant::InOrder);
    let answered = || Log::default().wrote("m1").sent("e-0", "1", &["m1"]);
    answered().rests(Hands::Desk, &ANSWERED[..1]).violates(Invariant::TrueMemory);
    let dreamt = [ANSWERED[0], ANSWERED[1], (Role::Desk, "never said")];
    answered().rests(Hands::Desk, &dreamt).violates(Invariant::TrueMemory);
    let stuck = Leftover { row: "e-1".to_owned(), held: false, words: None };
    let rest = |rows| Rest { hands: Hands::Desk, rows, ..Rest::default() };
    answered().then(What::Rested(Box::new(rest(vec![stuck.clone()])))).violates(Invariant::Drained);
    answered().then(What::Rested(Box::new(rest(vec![Leftover { held: true, ..stuck }])))).is_fine();
}

#[test]
fn a_note_that_nobody_heard_gives_nothing_back() {
    let noted = || Log::default().happened("s1", Happening::TakenOver).acked("s1").happened("m2", Happening::AskedBack);
    let rests = |log: Log| log.rests(Hands::Desk, &[(Role::Customer, "m3")]);
    rests(noted().wrote("m3")).is_fine();
    rests(noted().acked("m2").wrote("m3")).violates(Invariant::NothingLost);
}

#[test]
fn nothing_is_left_to_people_whom_nobody_called() {
    let all = Rules { sees_calls: true, ..Rules::default() };
    let given = || Log::default().wrote("m1").happened("s1", Happening::GivenAway);
    let uncalled = |log: Log| {
        let log = log.rests(Hands::People, &[(Role::Customer, "m1")]);
        log.is_fine();
        log.violated(&all) == [Invariant::SomebodyCalled]
    };
    assert!(uncalled(given()));
    assert!(!uncalled(given().then(What::Called { row: "e-0".to_owned() })));
    assert!(!uncalled(given().happened("s2", Happening::TakenOver)));
    let back = Happening::HandedBack { done: false };
    let before = || Log::default().happened("s0", Happening::TakenOver).happened("s1", back.clone());
    assert!(uncalled(before().wrote("m1").happened("s2", Happening::GivenAway)));
    assert!(
        uncalled(before().wrote("m1").acked("s0").happened("s2", Happening::GivenAway)),
        "whoever took it had given it back"
    );
}

#[test]
fn a_person_was_fetched_also_where_the_vendor_refuses_to_tell_the_customer() {
    let (row, speech, stood_still) = ("e-1".to_owned(), Speech::Announcement, false);
    let tells = || {
        Log::default().wrote("m1").then(What::Claimed { row: row.clone(), speech }).soon(What::Posted {
            row: row.clone(),
            speech,
            stood_still,
        })
    };
    let memory = [(Role::Customer, "m1")];
    tells().rests(Hands::Desk, &memory).violates(Invariant::NothingLost);
    tells().then(What::Called { row: "e-2".to_owned() }).rests(Hands::Desk, &memory).is_fine();
}

#[test]
fn whoever_was_forgotten_is_not_remembered_and_proves_themselves_anew() {
    let erased = || Log::default().wrote("m1").then(What::Erased);
    erased().rests(Hands::Desk, &[]).is_fine();
    erased().rests(Hands::Desk, &[(Role::Customer, "m1")]).violates(Invariant::TrueMemory);
    erased().wrote("m2").rests(Hands::Desk, &[(Role::Customer, "m2")]).violates(Invariant::NothingLost);
    let gate = Rules { gate: true, ..Rules::default() };
    let proved = || Log::default().then(What::Proved).wrote("m1").then(What::Erased).wrote("m2");
    assert_eq!(proved().asked("1", &["m2"]).violated(&gate), [Invariant::GateFirst]);
    assert_eq!(proved().then(What::Proved).asked("1", &["m2"]).violated(&gate), []);
}

#[test]
fn the_gate_tokens_and_limits_are_judged() {
    let gate = Rules { gate: true, ..Rules::default() };
    let asked = Log::default().wrote("m1").asked("1", &["m1"]);
    assert_eq!(asked.violated(&gate), [Invariant::GateFirst]);
    let proved = Log::default().wrote("m1").then(What::Proved).asked("1", &["m1"]);
    assert_eq!(proved.violated(&gate), []);
    let press = |log: Log, press: &str, page| {
        let press = press.to_owned();
        log.then(What::Pressed { press: press.clone(), challenge: "c".to_owned() }).then(What::Told { press, page })
    };
    press(press(Log::default(), "p1", Page::Done), "p2", Page::Used).is_fine();
    press(press(Log::default(), "p1", Page::Done), "p2", Page::Done).violates(Invariant::TokenOnce);
    press(Log::default(), "p1", Page::Used).violates(Invariant::TokenOnce);
    let pressed = What::Pressed { press: "p1".to_owned(), challenge: "c".to_owned() };
    let used = What::Told { press: "p1".to_owned(), page: Page::Used };
    // Its own write had landed; then another node has written.
    let verified = || Log::default().then(pressed.clone()).then(What::Verified { press: "p1".to_owned() });
    verified().then(used.clone()).violates(Invariant::TokenOnce);
    let mut overtaken = verified();
    overtaken.history.note(Timestamp::from_millis(overtaken.now), "b", KEY, What::Note { text: String::new() });
    overtaken.then(used.clone()).is_fine();
    let another = What::Fault { name: "another writer first".to_owned() };
    verified().then(another.clone()).then(used.clone()).is_fine();
    Log::default().then(pressed.clone()).then(another).then(used).violates(Invariant::TokenOnce);
    let limit = Rules { limit: Some((1, Duration::from_secs(5))), ..Rules::default() };
    let two = Log::default().sent("e-0", "1", &[]).sent("e-1", "1", &[]);
    assert_eq!(two.violated(&limit), [Invariant::UnderLimit]);
    assert_eq!(two.violated(&Rules { limit: Some((2, Duration::from_secs(5))), ..limit }), []);
}

#[test]
fn a_hand_back_in_the_store_counts_although_its_acknowledgement_is_lost() {
    let asked = || {
        let wrote = Happening::PersonWrote { words: "p1".to_owned() };
        Log::default().happened("p1", wrote).acked("p1").happened("b1", Happening::AskedBack)
    };
    let claims = |log: Log| {
        let (row, speech) = ("e-0".to_owned(), Speech::Words);
        log.then(What::Claimed { row, speech }).acked("b1").violated(&Rules::default())
    };
    assert_eq!(claims(asked()), [Invariant::NobodyTalkedOver]);
    assert_eq!(claims(asked().then(What::TakenBack { fact: "b1".to_owned() })), []);
}

#[test]
fn every_request_is_answered_exactly_once() {
    let place = || "p1".to_owned();
    let went_on = |row: &str| What::WentOn { place: place(), row: row.to_owned() };
    let asked = || {
        let waits = What::Waits { place: place(), fact: "m1".to_owned() };
        Log::default().wrote("m1").then(waits).asked("1", &["m1"]).sent("e-1", "1", &["m1"])
    };
    let rests = |log: Log| log.rests(Hands::Desk, &[(Role::Customer, "m1"), (Role::Desk, "#1")]);
    rests(asked().then(went_on("e-1"))).is_fine();
    rests(asked()).violates(Invariant::AnsweredOnce);
    rests(asked().then(What::Stopped { place: place() })).is_fine();
    rests(asked().then(went_on("e-1")).then(went_on("e-2"))).violates(Invariant::AnsweredOnce);
}

#[test]
fn an_answer_that_can_leave_only_when_the_customer_writes_again_is_counted_apart() {
    let left = |log: Log| {
        let answer = Some(Answer { call: "1".to_owned(), about: strings(&["m1"]) });
        let log =
            log.asked("1", &["m1"]).then(What::Stranded { row: "e-1".to_owned(), words: "#1".to_owned(), answer });
        let rows = vec![Leftover { row: "e-1".to_owned(), held: false, words: None }];
        let recall = |by, words: &str| Recalled { by, words: words.to_owned() };
        let memory = Some(vec![recall(Role::Customer, "m1"), recall(Role::Desk, "#1")]);
        log.then(What::Rested(Box::new(Rest { hands: Hands::Desk, rows, memory, ..Rest::default() })))
    };
    let waits = || Log::default().wrote("m1").then(What::Waits { place: "p1".to_owned(), fact: "m1".to_owned() });
    let let_go = left(waits().then(What::WentOn { place: "p1".to_owned(), row: "e-0".to_owned() }));
    let findings = check(&let_go.history, &Rules::default());
    assert_eq!((findings.violations.len(), findings.stranded), (0, 1));
    let violated = left(waits()).violated(&Rules::default());
    assert!(violated.contains(&Invariant::NothingLost) && violated.contains(&Invariant::Drained), "{violated:?}");
}

#[test]
fn what_nobody_can_find_out_may_be_remembered_or_not() {
    let doubted = |answer: Option<Answer>| What::Doubted { row: "e-1".to_owned(), words: "#1".to_owned(), answer };
    let asked = || Log::default().wrote("m1").asked("1", &["m1"]);
    let about = Some(Answer { call: "1".to_owned(), about: strings(&["m1"]) });
    asked().then(doubted(about.clone())).rests(Hands::Desk, &[(Role::Customer, "m1"), (Role::Desk, "#1")]).is_fine();
    asked().then(doubted(about)).rests(Hands::Desk, &[(Role::Customer, "m1")]).is_fine();
    asked().then(doubted(None)).rests(Hands::Desk, &[(Role::Customer, "m1")]).violates(Invariant::NothingLost);
}

#[test]
fn messages_must_stand_in_the_order_that_their_vendor_tells() {
    let swapped = |span| {
        let mut log = Log::default().wrote("m1");
        log.now += span;
        log.wrote("m2").rests(Hands::People, &[(Role::Customer, "m2"), (Role::Customer, "m1")])
    };
    let rules = |order| Rules { order, ..Rules::default() };
    // Each step of the log takes a second.
    let seconds = rules(Told::Within(Duration::from_secs(4)));
    assert_eq!(swapped(0).violated(&seconds), []);
    assert_eq!(swapped(3_000).violated(&seconds), [Invariant::TrueMemory]);
    assert_eq!(swapped(0).violated(&rules(Told::Always)), [Invariant::TrueMemory]);
    assert_eq!(swapped(0).violated(&rules(Told::ByArrival)), [Invariant::TrueMemory], "the first was taken before");
    let wrote = |fact: &str| Happening::CustomerWrote { words: fact.to_owned(), asks: true };
    let at_once = Log::default().happened("m1", wrote("m1")).happened("m2", wrote("m2")).acked("m2").acked("m1");
    let at_once = at_once.rests(Hands::People, &[(Role::Customer, "m2"), (Role::Customer, "m1")]);
    assert_eq!(at_once.violated(&rules(Told::ByArrival)), []);
}

#[test]
fn a_full_memory_keeps_what_arrived_last_where_nothing_else_tells_the_order() {
    let wrote = |fact: &str| Happening::CustomerWrote { words: fact.to_owned(), asks: true };
    let known: Vec<String> = (1..=8).map(|number| format!("m{number}")).collect();
    let judged = |first: bool, order| {
        let log =
            known.iter().fold(Log::default(), |log, fact| log.happened(fact, wrote(fact))).happened("m0", wrote("m0"));
        let log = if first { log.acked("m0") } else { log };
        let log = known.iter().fold(log, |log, fact| log.acked(fact)).acked("m0");
        let recall = |words: &String| Recalled { by: Role::Customer, words: words.clone() };
        let memory = Some(known.iter().map(recall).collect());
        let rest = Rest { hands: Hands::People, memory, fullest: Some(8), ..Rest::default() };
        log.then(What::Rested(Box::new(rest))).violated(&Rules { memory: 8, order, ..Rules::default() })
    };
    assert_eq!(judged(true, Told::ByArrival), [], "written last, it came before all the others");
    assert_eq!(judged(false, Told::ByArrival), [Invariant::TrueMemory]);
    assert_eq!(judged(true, Told::Always), [Invariant::TrueMemory]);
}

mod excuses;
