//! The evidence as the neutral log that the invariants are written over (`actors/src/testkit/history.rs`).

use crate::chaos::evidence::{Evidence, Facts};
use crate::chaos::judge::{is_at_rest, is_stranded, stopped};
use crate::chaos::ledger::{Act, Deed, Micros, Press, Question};
use crate::chaos::words::{answer_of, bare, tokens};
use frontdesk_actors::domain::{Remembered, Role};
use frontdesk_actors::testkit::history::{Answer, Hands, Happening, History, Leftover, Recalled, Rest, Speech, What};
use frontdesk_actors::time::Timestamp;
use frontdesk_sandbox::chatwoot::ChangedBy;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Writes the log of a round.
pub(crate) fn write(evidence: &Evidence) -> History {
    let mut history = History::default();
    let facts_of_tokens: BTreeMap<&str, String> = evidence
        .pages
        .questions
        .iter()
        .map(|question| (question.token.as_str(), question.message.to_string()))
        .collect();
    for question in &evidence.pages.questions {
        let key = question.conversation.to_string();
        let fact = question.message.to_string();
        let words = if is_left_unheard(evidence, question) { String::new() } else { question.words.clone() };
        let facts = evidence.conversations.get(&question.conversation);
        let asks = question.asks && !facts.is_some_and(|facts| stopped(facts, question));
        let wrote = Happening::CustomerWrote { words, asks };
        history.note(at(question.at), "", &key, What::Happened { fact: fact.clone(), happening: wrote });
        if let Some(acked) = evidence.acked(question.message) {
            history.note(at(acked), "", &key, What::Acked { fact });
        }
    }
    evidence.pages.presses.iter().enumerate().for_each(|(number, press)| pressed(&mut history, number, press));
    for (number, (when, tokens)) in evidence.asked.iter().enumerate() {
        asked(&mut history, evidence, number, (*when, tokens));
    }
    evidence.pages.acts.iter().enumerate().for_each(|(number, act)| acted(&mut history, evidence, number, act));
    for (number, facts) in &evidence.conversations {
        let mut conversation = Conversation { key: number.to_string(), history: &mut history };
        conversation.statuses(facts);
        conversation.called(facts);
        conversation.said(evidence, facts, &facts_of_tokens);
        conversation.rested(evidence, facts, most_remembered(evidence, *number, facts));
    }
    history.sort();
    history
}

/// Writes down that a challenge was used, before whatever came of it.
fn pressed(history: &mut History, number: usize, press: &Press) {
    let (key, name) = (press.conversation.to_string(), format!("press-{number}"));
    history.note(at(press.at), "", &key, What::Proved);
    let challenge = press.challenge.clone();
    history.note(at(press.at), "", &key, What::Pressed { press: name.clone(), challenge });
    if let Some((told, page)) = press.told {
        history.note(at(told), "", &key, What::Told { press: name, page });
    }
}

/// Writes down a call of the model in the conversation whose words it holds.
fn asked(history: &mut History, evidence: &Evidence, number: usize, (when, words): (Micros, &[String])) {
    let questions = evidence.pages.questions.iter().filter(|question| words.contains(&question.token));
    let about: Vec<(u64, String)> =
        questions.map(|question| (question.conversation, question.message.to_string())).collect();
    let Some((conversation, _)) = about.first() else { return };
    let key = conversation.to_string();
    let about = about.into_iter().map(|(_, fact)| fact).collect();
    history.note(at(when), "", &key, What::Asked { call: format!("call-{number}"), about });
}

/// Writes down what an agent did, and when the desk acknowledged it.
fn acted(history: &mut History, evidence: &Evidence, number: usize, act: &Act) {
    let key = act.conversation.to_string();
    let (fact, happening, acked) = match act.deed {
        Deed::Wrote(message) => {
            let words = evidence.pages.agents.get(&message).cloned().unwrap_or_default();
            let wrote = Happening::PersonWrote { words };
            (message.to_string(), wrote, evidence.acked(message))
        }
        Deed::Assigned => {
            let acked = evidence.heard.assigned.get(&act.conversation).copied();
            (format!("assigned-{number}"), Happening::TakenOver, acked)
        }
        Deed::Resolved => (format!("resolved-{number}"), Happening::HandedBack { done: true }, None),
        Deed::HandedBack(message) => (message.to_string(), Happening::AskedBack, evidence.acked(message)),
    };
    history.note(at(act.at), "", &key, What::Happened { fact: fact.clone(), happening });
    if let Some(acked) = acked {
        history.note(at(acked), "", &key, What::Acked { fact });
    }
}

/// Returns whether a recording was left to the people who had the conversation: the desk listens to nothing then.
fn is_left_unheard(evidence: &Evidence, question: &Question) -> bool {
    let Some(facts) = evidence.conversations.get(&question.conversation) else { return false };
    let peopled = facts.said.iter().any(|said| said.handoff)
        || facts.view["phase"] == "human"
        || evidence.pages.acts.iter().any(|act| act.conversation == question.conversation);
    let memory = facts.view["memory"].as_array();
    question.voice && peopled && !memory.into_iter().flatten().any(|said| said["text"] == question.words.as_str())
}

struct Conversation<'a> {
    key: String,
    history: &'a mut History,
}

impl Conversation<'_> {
    fn note(&mut self, at: Timestamp, what: What) {
        self.history.note(at, "", &self.key, what);
    }

    /// The status as Chatwoot keeps it: open is the people's and pending the desk's.
    fn statuses(&mut self, facts: &Facts) {
        for (number, (since, status, by)) in facts.statuses.iter().enumerate().skip(1) {
            let happening = match (*status, by) {
                ("open", ChangedBy::Person) => Happening::TakenOver,
                ("open", ChangedBy::Chatwoot) => Happening::Opened,
                ("open", ChangedBy::Api) => Happening::GivenAway,
                ("pending", _) => Happening::HandedBack { done: false },
                (_, _) => continue,
            };
            self.note(at(*since), What::Happened { fact: format!("status-{number}"), happening });
        }
    }

    /// Colleagues learn of it by cards.
    fn called(&mut self, facts: &Facts) {
        for (number, posted) in facts.cards.iter().enumerate() {
            self.note(at(*posted), What::Called { row: format!("card-{number}") });
        }
        if facts.view["next"][1] == "nobody picked up" {
            // They will be: later than a round lasts.
            self.note(Timestamp::from_millis(i64::MAX - 1), What::Called { row: "planned".to_owned() });
        }
    }

    fn said(&mut self, evidence: &Evidence, facts: &Facts, of_tokens: &BTreeMap<&str, String>) {
        let conversation: u64 = self.key.parse().unwrap_or_default();
        for said in &facts.said {
            let speech = if said.handoff { Speech::Announcement } else { Speech::Words };
            let sightings = evidence.pages.sighted.get(&(conversation, said.row.clone()));
            let back = if evidence.carries_ids { 0 } else { evidence.turns_back(conversation, said.saved) };
            let row = match said.row.strip_prefix("words:") {
                // The desk's own words may be said again once it has the conversation again.
                Some(words) => format!("words:{words}+{back}"),
                None => said.row.clone(),
            };
            for seen in sightings.into_iter().flatten() {
                self.note(at(*seen), What::Posted { row: row.clone(), speech, stood_still: false });
            }
            let about: Vec<String> = tokens(&said.text).filter_map(|token| of_tokens.get(token).cloned()).collect();
            // The parts of an answer share its tokens' part; the others carry none.
            let answer = (!about.is_empty()).then(|| Answer { call: row.clone(), about });
            let words = if evidence.carries_ids { said.text.clone() } else { bare(&said.text) };
            self.note(at(said.saved), What::Landed { row, speech, words, answer });
        }
    }

    /// How the desk shows it at the end.
    fn rested(&mut self, evidence: &Evidence, facts: &Facts, fullest: usize) {
        let view = &facts.view;
        let hands = match view["phase"].as_str() {
            None => Hands::Nobodys,
            Some("human") => Hands::People,
            Some("bot") => Hands::Desk,
            Some(_) => Hands::Gate,
        };
        let words = |text: String| if evidence.carries_ids { text } else { bare(&text) };
        let waits = |row: &Value| row["state"] == "queued" && is_stranded(view);
        let row = |row: &Value| Leftover {
            row: row["id"].as_str().unwrap_or_default().to_owned(),
            held: row["state"] == "held",
            words: (row["kind"] == "text").then(|| words(row["text"].as_str().unwrap_or_default().to_owned())),
        };
        let memory: Option<Vec<Remembered>> = serde_json::from_value(view["memory"].clone()).ok();
        let recalled = |said: Remembered| Recalled { by: said.role, words: words(said.text) };
        // What waits for its place when the store comes back may have been said in a claim that the store forgot, too.
        let forgot = evidence.pages.faults.contains_key("Redis: kill -9")
            && view["key"].as_str().is_some_and(|key| key.starts_with("kommo:"));
        let landed = |said: &Remembered| facts.said.iter().any(|landed| bare(&landed.text) == bare(&said.text));
        let waiting = view["outbox"].as_array().into_iter().flatten().filter(|row| waits(row));
        let waiting: Vec<&str> = waiting.filter_map(|row| row["text"].as_str()).collect();
        let unread = |text: &str| {
            facts.failed.iter().map(String::as_str).chain(waiting.iter().copied()).any(|one| bare(one) == text)
        };
        let doubted = |said: &Remembered| forgot || unread(&bare(&said.text));
        let reached = |said: &Remembered| said.role != Role::Desk || landed(said) || !doubted(said);
        let memory = memory.map(|memory| memory.into_iter().filter(reached).map(recalled).collect());
        let memory = memory.map(|memory| in_vendors_order(evidence, memory));
        let rest = Rest {
            hands,
            owed: view["owed"].as_u64().and_then(|owed| usize::try_from(owed).ok()).unwrap_or(0),
            rows: view["outbox"].as_array().into_iter().flatten().filter(|row| !waits(row)).map(row).collect(),
            busy: !is_at_rest(view),
            memory,
            fullest: Some(fullest),
        };
        self.note(Timestamp::from_millis(i64::MAX), What::Rested(Box::new(rest)));
    }
}

/// How many messages the memory can have held at most: what people wrote, and the texts that were decided upon. Where rows
/// have numbers those are a text for each row up to the newest one seen that is no note, and what the model said that
/// nobody ever saw; elsewhere all that the model said, and a hand-over for each turn of the desk's.
/// A text that was decided upon and dropped unsent is in no transcript, but may have pushed the oldest out.
fn most_remembered(evidence: &Evidence, conversation: u64, facts: &Facts) -> usize {
    let pages = &evidence.pages;
    let of_it = |question: &&Question| question.conversation == conversation;
    let tokens: BTreeSet<&str> = pages.questions.iter().filter(of_it).map(|asked| asked.token.as_str()).collect();
    let wrote = |act: &&Act| act.conversation == conversation && matches!(act.deed, Deed::Wrote(_));
    let written = pages.questions.iter().filter(of_it).count() + pages.acts.iter().filter(wrote).count();
    let answers = |words: &[String]| words.iter().any(|token| tokens.contains(token.as_str()));
    let spoken: usize = pages.spoken.iter().filter(|(words, _)| answers(words)).map(|(_, parts)| parts).sum();
    if !evidence.carries_ids {
        return written + spoken + evidence.turns_back(conversation, Micros::MAX) + 1;
    }
    let read: BTreeSet<String> = facts.said.iter().filter_map(|said| answer_of(&said.text)).collect();
    let seen = pages.sighted.keys().filter(|(of, _)| *of == conversation).map(|(_, row)| row.as_str());
    let numbers = seen.chain(facts.said.iter().map(|said| said.row.as_str())).filter_map(|row| {
        let (_, number) = row.rsplit_once('-')?;
        number.parse::<usize>().ok()
    });
    written
        + numbers.max().map_or(0, |newest| (newest + 1).saturating_sub(facts.notes))
        + spoken.saturating_sub(read.len())
}

/// Puts customers' messages that are remembered in another order into the one in which they were written, where the vendor
/// does not tell it: within a second of GREEN-API's clock, or with requests of Kommo that were under way at once.
fn in_vendors_order(evidence: &Evidence, mut memory: Vec<Recalled>) -> Vec<Recalled> {
    if evidence.carries_ids {
        return memory;
    }
    let asked: BTreeMap<String, &Question> =
        evidence.pages.questions.iter().map(|question| (bare(&question.words), question)).collect();
    let places: Vec<usize> = (0..memory.len())
        .filter(|at| memory[*at].by == Role::Customer && asked.contains_key(&memory[*at].words))
        .collect();
    let overlap = |earlier: &Question, later: &Question| {
        let heard = evidence.acked(earlier.message).is_none_or(|acked| acked > later.at);
        heard || later.at.saturating_sub(earlier.at) < 2_000_000
    };
    // As many passes as there are messages put any order right.
    for _ in &places {
        for pair in places.windows(2) {
            let (before, after) = (asked[&memory[pair[0]].words], asked[&memory[pair[1]].words]);
            if before.at > after.at && overlap(after, before) {
                memory.swap(pair[0], pair[1]);
            }
        }
    }
    memory
}

fn at(micros: Micros) -> Timestamp {
    Timestamp::from_millis(i64::try_from(micros / 1000).unwrap_or(i64::MAX))
}
