//! Planted breaks: each promise, broken in evidence made by hand, is seen.

use super::*;
use crate::chaos::evidence::Said;
use crate::chaos::ledger::Pages;
use crate::chaos::venue::Heard;
use crate::chaos::words::{Spoken, name_of};
use frontdesk_sandbox::chatwoot::ChangedBy;
use serde_json::json;

const SECOND: Micros = 1_000_000;

/// A conversation in which a question was acknowledged, these texts were said, and an agent wrote at 10 s.
fn evidence(said: &[(&str, &str, Micros)]) -> Evidence {
    let words = "Do you ship? (q1x)".to_owned();
    let question = Question {
        token: "q1x".to_owned(),
        words,
        conversation: 57,
        message: 100,
        at: SECOND,
        asks: true,
        voice: false,
    };
    let act = Act { conversation: 57, deed: Deed::Wrote(101), at: 10 * SECOND };
    let mut pages = Pages { questions: vec![question], acts: vec![act], ..Pages::default() };
    for (row, _, at) in said {
        pages.sighted.entry((57, (*row).to_owned())).or_default().push(*at);
    }
    let text = |(row, text, saved): &(&str, &str, Micros)| Said {
        row: (*row).to_owned(),
        text: (*text).to_owned(),
        saved: *saved,
        handoff: false,
    };
    let facts = Facts {
        said: said.iter().map(text).collect(),
        failed: Vec::new(),
        stopped: Vec::new(),
        statuses: vec![(SECOND / 2, "pending", ChangedBy::Chatwoot)],
        view: json!({ "phase": "bot", "owed": 0, "thinking": false, "outbox": [] }),
        cards: Vec::new(),
        notes: 0,
    };
    Evidence {
        pages,
        conversations: BTreeMap::from([(57, facts)]),
        heard: Heard { acked: BTreeMap::from([(100, 2 * SECOND), (101, 11 * SECOND)]), ..Heard::default() },
        carries_ids: true,
        gated: false,
        asked: Vec::new(),
    }
}

fn counts(evidence: &Evidence) -> Vec<Invariant> {
    judge(evidence).counts.into_keys().collect()
}

#[test]
fn broken_promises_are_seen() {
    let answer = ("1-0", "In answer to q1x: yes.", 3 * SECOND);
    assert_eq!(counts(&evidence(&[answer])), []);
    assert_eq!(counts(&evidence(&[answer, answer])), [Invariant::NothingTwice]);
    let other = ("1-1", "In answer to q1x: no.", 4 * SECOND);
    assert_eq!(counts(&evidence(&[answer, other])), [Invariant::OneAnswer]);
    let late = ("1-1", "One more thing.", 13 * SECOND);
    assert_eq!(counts(&evidence(&[answer, late])), [Invariant::NobodyTalkedOver]);
    let on_the_wire = ("1-1", "One more thing.", 11 * SECOND + 200_000);
    let verdict = judge(&evidence(&[answer, on_the_wire]));
    assert!(verdict.broken.is_empty() && verdict.on_the_wire == 1, "{:?}", verdict.broken);
    let mut unanswered = evidence(&[]);
    unanswered.pages.acts.clear();
    assert_eq!(counts(&unanswered), [Invariant::NothingLost]);
}

#[test]
fn what_the_desk_opens_without_calling_anybody_is_seen() {
    let opened = |by| {
        let mut evidence = evidence(&[]);
        evidence.pages.acts.clear();
        for facts in evidence.conversations.values_mut() {
            facts.statuses.push((3 * SECOND, "open", by));
            facts.view["phase"] = json!("human");
        }
        evidence
    };
    assert_eq!(counts(&opened(ChangedBy::Api)), [Invariant::SomebodyCalled]);
    assert_eq!(counts(&opened(ChangedBy::Person)), []);
    assert_eq!(counts(&opened(ChangedBy::Chatwoot)), [], "operators are told of that");
    let mut called = opened(ChangedBy::Api);
    called.conversations.values_mut().for_each(|facts| facts.cards.push(4 * SECOND));
    assert_eq!(counts(&called), []);
    let mut planned = opened(ChangedBy::Api);
    planned.conversations.values_mut().for_each(|facts| facts.view["next"] = json!([9_000, "nobody picked up"]));
    assert_eq!(counts(&planned), [], "colleagues are called when nobody comes");
}

#[test]
fn a_broken_gate_is_seen() {
    let answer = ("1-0", "In answer to q1x: yes.", 9 * SECOND);
    let gated = || {
        let mut evidence = evidence(&[answer]);
        evidence.gated = true;
        evidence.asked = vec![(8 * SECOND, vec!["q1x".to_owned()])];
        evidence
    };
    assert_eq!(counts(&gated()), [Invariant::GateFirst], "nobody had proven anything");
    let press = |at, page| {
        let told = Some((at + SECOND, page));
        Press { conversation: 57, challenge: "57-123456".to_owned(), at, told }
    };
    let mut proven = gated();
    proven.pages.presses = vec![press(5 * SECOND, Page::Done), press(7 * SECOND, Page::Used)];
    assert_eq!(counts(&proven), []);
    assert_eq!(judge(&proven).verified, 1);
    proven.pages.presses.push(press(8 * SECOND, Page::Done));
    assert_eq!(counts(&proven), [Invariant::TokenOnce]);
}

/// The same where the vendor carries no ids, so that texts are known by their words.
fn unnumbered(said: &[(&str, Micros)]) -> Evidence {
    let names: Vec<String> = said.iter().map(|(text, _)| name_of(text)).collect();
    let texts: Vec<(&str, &str, Micros)> =
        said.iter().zip(&names).map(|((text, at), name)| (name.as_str(), *text, *at)).collect();
    let mut evidence = evidence(&texts);
    evidence.carries_ids = false;
    evidence.conversations.values_mut().for_each(|facts| facts.statuses.clear());
    evidence
}

fn answer(number: u64) -> String {
    Spoken { tokens: vec!["q1x".to_owned()], number }.short()
}

#[test]
fn broken_promises_are_seen_where_no_ids_travel() {
    let first = answer(7);
    assert_eq!(counts(&unnumbered(&[(&first, 3 * SECOND)])), []);
    let again = unnumbered(&[(&first, 3 * SECOND), (&first, 4 * SECOND)]);
    assert_eq!(counts(&again), [Invariant::NothingTwice]);
    let another = unnumbered(&[(&first, 3 * SECOND), (&answer(9), 4 * SECOND)]);
    assert_eq!(counts(&another), [Invariant::OneAnswer]);
    let late = unnumbered(&[(&first, 13 * SECOND)]);
    assert_eq!(counts(&late), [Invariant::NobodyTalkedOver], "a colleague had written");
    let mut lost = unnumbered(&[]);
    lost.pages.acts.clear();
    assert_eq!(counts(&lost), [Invariant::NothingLost]);
    let parts = Spoken { tokens: vec!["q1x".to_owned()], number: 7 }.long();
    let parts: Vec<&str> = parts.split("\n\n").collect();
    let turned = unnumbered(&[(parts[1], 3 * SECOND), (parts[0], 4 * SECOND)]);
    assert_eq!(counts(&turned), [Invariant::InOrder]);
}

#[test]
fn a_chat_given_back_is_the_desks_again() {
    let words = answer(7);
    let mut back = unnumbered(&[(&words, 15 * SECOND)]);
    assert_eq!(counts(&back), [Invariant::NobodyTalkedOver]);
    back.pages.acts.push(Act { conversation: 57, deed: Deed::HandedBack(102), at: 12 * SECOND });
    assert_eq!(counts(&back), [Invariant::NobodyTalkedOver], "nobody has heard of it");
    back.heard.acked.insert(102, 13 * SECOND);
    assert_eq!(counts(&back), []);
    // A question asked afterwards is the desk's to answer, once it has heard that it is.
    let late = Question { token: "q2x".to_owned(), at: 16 * SECOND, message: 103, ..back.pages.questions[0].clone() };
    back.pages.questions.push(late);
    back.heard.acked.insert(103, 17 * SECOND);
    assert_eq!(counts(&back), [Invariant::NothingLost]);
    back.heard.acked.remove(&102);
    assert_eq!(counts(&back), [Invariant::NobodyTalkedOver], "it never heard that it has the chat");
}

#[test]
fn what_only_chats_without_a_status_show_is_seen() {
    let words = answer(7);
    let mut silenced = unnumbered(&[(&words, 3 * SECOND)]);
    silenced.pages.acts.clear();
    silenced.conversations.values_mut().for_each(|facts| facts.view["phase"] = json!("human"));
    assert_eq!(judge(&silenced).muted, 1, "nobody took it");
    assert!(!judge(&silenced).broken.is_empty());
    let mut hanging = unnumbered(&[(&words, 3 * SECOND)]);
    hanging.heard.hanging.push((57, 50_001));
    assert_eq!((judge(&hanging).hanging, judge(&hanging).broken.len()), (1, 1), "a salesbot waits");
}

#[test]
fn what_is_remembered_is_held_against_what_was_said() {
    let words = answer(7);
    let remembers = |memory: Value| {
        let mut evidence = unnumbered(&[(&words, 3 * SECOND)]);
        evidence.pages.acts.clear();
        evidence.pages.spoken.push((vec!["q1x".to_owned()], 1));
        evidence.conversations.values_mut().for_each(|facts| facts.view["memory"] = memory.clone());
        counts(&evidence)
    };
    let message = |role: &str, text: &str| json!({ "id": null, "role": role, "text": text, "at": 0 });
    let asked = message("customer", "Do you ship? (q1x)");
    let spaced = words.replace(": ", ":\n");
    assert_eq!(remembers(json!([asked, message("desk", &spaced)])), [], "white space is not carried");
    assert_eq!(remembers(json!([asked])), [Invariant::TrueMemory], "the answer is forgotten");
    assert_eq!(remembers(json!([asked, message("desk", &words), message("desk", "More.")])), [Invariant::TrueMemory]);
}

#[test]
fn only_a_text_that_was_decided_upon_pushes_the_oldest_out() {
    let said: Vec<(String, String)> =
        (0..18).map(|row| (format!("1-{row}"), if row == 0 { answer(7) } else { format!("More, {row}.") })).collect();
    let said: Vec<(&str, &str, Micros)> =
        said.iter().map(|(row, text)| (row.as_str(), text.as_str(), 3 * SECOND)).collect();
    let oldest_gone = |spoken: usize| {
        let mut evidence = evidence(&said);
        evidence.pages.acts.clear();
        evidence.pages.spoken.push((vec!["q1x".to_owned()], spoken));
        let memory: Vec<Value> =
            said.iter().map(|(_, text, _)| json!({ "id": null, "role": "desk", "text": text, "at": 0 })).collect();
        evidence.conversations.values_mut().for_each(|facts| facts.view["memory"] = json!(memory));
        counts(&evidence)
    };
    assert_eq!(oldest_gone(1), [Invariant::TrueMemory], "nineteen messages, and one is missing");
    assert_eq!(oldest_gone(3), [], "two parts of the answer were dropped unseen");
}

#[test]
fn only_what_was_tried_where_nobody_waited_is_forgiven() {
    let stopped = |text: &str| {
        let mut evidence = unnumbered(&[]);
        evidence.pages.acts.clear();
        evidence.conversations.values_mut().for_each(|facts| facts.stopped.push(text.to_owned()));
        evidence
    };
    let forgiven = stopped(&answer(7));
    assert_eq!((counts(&forgiven), judge(&forgiven).stopped), (vec![], 1));
    let other = Spoken { tokens: vec!["q2x".to_owned()], number: 7 }.short();
    assert_eq!(counts(&stopped(&other)), [Invariant::NothingLost]);
}

#[test]
fn a_queued_text_rests_only_where_it_waits_for_a_request() {
    let view =
        |key: &str, phase: &str| json!({ "key": key, "phase": phase, "owed": 0, "outbox": [{ "state": "queued" }] });
    assert!(is_at_rest(&view("kommo:fixture:1", "human")));
    assert!(!is_at_rest(&view("kommo:fixture:1", "bot")));
    assert!(!is_at_rest(&view("chatwoot:1:57", "human")));
}
