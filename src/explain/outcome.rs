//! What came of it, in words.

use super::heard::name;
use crate::utc::date_time;
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::journal::{Did, Fact, Heard, JournalEntry, PersonHasIt};

/// What is said where nothing came of it.
pub(super) const NOTHING: &str = "nothing to do";

/// Returns what came of an entry.
pub(super) fn outcome(entry: &JournalEntry) -> String {
    if entry.heard == Heard::Unreadable {
        return "run the version that wrote it to read it".to_owned();
    }
    let mut parts: Vec<String> = entry.facts.iter().filter_map(fact).collect();
    parts.extend(silence(entry));
    if entry.from != entry.to && !entry.facts.iter().any(is_transition) {
        parts.push(format!("now {}", phase(entry.to)));
    }
    parts.extend(entry.did.iter().filter(|did| is_news(entry, did)).map(|did| done(entry, did)));
    parts.extend(why(entry));
    parts.extend(waiting(entry));
    match (&entry.person, parts.is_empty()) {
        (Some(person), true)
            if matches!(entry.heard, Heard::PersonWrote { .. } | Heard::StateChanged | Heard::Missed { .. }) =>
        {
            format!("the desk stays silent: {}", has_it(person))
        }
        (_, true) => NOTHING.to_owned(),
        (_, false) => parts.join("; "),
    }
}

/// Why a customer's words are not answered while a person has the conversation.
fn silence(entry: &JournalEntry) -> Option<String> {
    let person = entry.person.as_ref().filter(|_| matches!(entry.heard, Heard::CustomerWrote { .. }))?;
    let known = entry.facts.iter().any(|fact| matches!(fact, Fact::Duplicate));
    (!known).then(|| format!("silent: {}", has_it(person)))
}

fn has_it(person: &PersonHasIt) -> String {
    format!("a person has it since {} UTC ({})", date_time(person.since), reason(&person.reason))
}

fn is_transition(fact: &Fact) -> bool {
    matches!(fact, Fact::HandedOff(_) | Fact::TakenOver(_) | Fact::HandedBack)
}

/// A row that waits for its turn and gets it in the same step is told once.
fn is_news(entry: &JournalEntry, did: &Did) -> bool {
    match did {
        Did::Queued(row) => !entry.did.contains(&Did::Sent(row.clone())),
        Did::AbortedModel
        | Did::AskedModel(_)
        | Did::Listened(_)
        | Did::Sent(_)
        | Did::Dropped(_)
        | Did::Looked(_)
        | Did::Alerted(_) => true,
    }
}

/// What was decided, unless it has been said.
fn why(entry: &JournalEntry) -> Option<String> {
    let why = entry.why.as_deref()?;
    let said = match why {
        "taken before" => entry.facts.contains(&Fact::Duplicate),
        "handed back" => entry.facts.contains(&Fact::HandedBack),
        "dropped what was not yet sent" | "an operator decided about a held row" => true,
        "a person has it" => entry.person.is_some() && matches!(entry.heard, Heard::CustomerWrote { .. }),
        "its outcome was known before" => entry.facts.contains(&Fact::SettledBefore),
        "an older state of the conversation" => entry.facts.contains(&Fact::OlderState),
        _ => false,
    };
    let dropped = entry.did.iter().any(|did| matches!(did, Did::Dropped(_)));
    (!said && !dropped).then(|| format!("because: {why}"))
}

/// An answer that is on its way but not there yet.
fn waiting(entry: &JournalEntry) -> Option<String> {
    let wrote = matches!(entry.heard, Heard::CustomerWrote { .. });
    let begun = entry.did.iter().any(|did| matches!(did, Did::AskedModel(_) | Did::Listened(_) | Did::Looked(_)));
    if !wrote || begun || entry.to != PhaseName::Bot || entry.owed == 0 {
        return None;
    }
    let owed =
        if entry.owed == 1 { "1 message is owed".to_owned() } else { format!("{} messages are owed", entry.owed) };
    Some(format!("an answer follows when the customer pauses ({owed})"))
}

fn fact(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::Gate(step) => format!("gate: {}", step.replace('_', " ")),
        Fact::HandedOff(why) => format!("a person is fetched: {}", reason(why)),
        Fact::TakenOver(why) => format!("a person has it, the desk falls silent: {}", reason(why)),
        Fact::HandedBack => "the desk has it again".to_owned(),
        Fact::NotPickedUp => "nobody has come: colleagues are called again".to_owned(),
        Fact::Drafted(what) if what == "person" => "shadow mode: a note says that a person would be fetched".to_owned(),
        Fact::Drafted(_) => "shadow mode: the answer is a note for colleagues, the customer sees nothing".to_owned(),
        Fact::Answered => "the answer is said, exactly the messages asked about are closed".to_owned(),
        Fact::TurnRestarted => "the turn starts over, because the customer wrote more".to_owned(),
        Fact::TurnFailed => "the turn counts a failed call".to_owned(),
        Fact::Dropped(why) if why == "operator" => "it is dropped, whether it landed stays unknown".to_owned(),
        // Told with the row itself.
        Fact::Dropped(_) => return None,
        Fact::Resent => "it is sent again under its own id".to_owned(),
        Fact::Duplicate => "taken before, nothing is done".to_owned(),
        Fact::Late(what) => format!("too late: that {} had been abandoned, its result is dropped", call(what)),
        Fact::SettledBefore => "it was known already, from the vendor itself".to_owned(),
        Fact::OlderState => "older than what is known: ignored".to_owned(),
        Fact::AnswerLanded(millis) => format!("{} ms after the question", millis),
        Fact::SentAfterPerson => "it was on the wire when a person took over".to_owned(),
        Fact::SentTwice => "IT STANDS AT THE VENDOR TWICE".to_owned(),
    })
}

fn call(what: &str) -> &str {
    if what == "model" { "model call" } else { what }
}

fn done(entry: &JournalEntry, did: &Did) -> String {
    match did {
        Did::AbortedModel => "a running model call is ended".to_owned(),
        Did::AskedModel(ticket) => format!("the model is asked (call {})", ticket.0),
        Did::Listened(ticket) => format!("the recording is listened to (call {})", ticket.0),
        Did::Sent(row) => format!("{} leaves", name(row)),
        Did::Queued(row) => format!("{} waits for its turn at the gate", name(row)),
        Did::Dropped(row) => format!("{} is dropped unsent: {}", name(row), dropped(entry)),
        Did::Looked(ticket) => format!("the vendor is looked at first (look {})", ticket.0),
        Did::Alerted(incident) => format!("operators are told: {}", incident.replace('_', " ")),
    }
}

/// Why rows were dropped in this step.
fn dropped(entry: &JournalEntry) -> &str {
    let by_mark =
        entry.facts.iter().find_map(|fact| if let Fact::Dropped(why) = fact { Some(why.as_ref()) } else { None });
    match by_mark {
        Some("person_has_it") => "the desk does not have it any more",
        Some("stale") => "it had grown too old",
        Some(_) | None => entry.why.as_deref().unwrap_or("not wanted any more"),
    }
}

const fn phase(phase: PhaseName) -> &'static str {
    match phase {
        PhaseName::AwaitingEmail => "asking for an address",
        PhaseName::PendingVerification => "waiting for the address to be verified",
        PhaseName::Bot => "the desk's",
        PhaseName::Human => "a person's",
    }
}

/// Returns a reason in words, by its name.
pub(super) fn reason(name: &str) -> &str {
    match name {
        "asked-by-customer" => "the customer asked for a person",
        "asked-by-model" => "the model asked for a person",
        "model-failed" => "the model failed too often",
        "turn-deadline" => "the answer took too long",
        "empty-reply" => "the model said nothing",
        "cannot-answer" => "the model said that it does not know",
        "model-unauthorized" => "the model refuses our key",
        "model-not-found" => "the model does not exist",
        "model-quota" => "the model account has no credit",
        "mail-failed" => "the verification mail could not be delivered",
        "human-mode" => "the human switch is on",
        "operator" => "an operator asked for it",
        "colleague-note" => "a colleague ordered it in a note",
        "person-wrote" => "a colleague wrote",
        "person-assigned" => "a person was assigned",
        "answer-too-late" => "the customer has waited too long for an answer of the desk",
        "desk-away" => "the vendor opened it because the desk did not take its webhooks",
        "not-pending" => "the vendor says that it is not the bot's",
        "other-bot" => "another bot is assigned",
        "interrupted" => "work was interrupted too often, or its outcome cannot be found out",
        "poison" => "an event could not be processed",
        other => other,
    }
}
