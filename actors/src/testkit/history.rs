//! What happened, as seen from outside: one neutral log that every layer of tests can write. The model of the flow, the
//! simulation and a run of the real binary differ in how they learn of these facts; what must hold about them is written
//! once, in `invariants.rs`.
//!
//! Names are text, so that any layer can make them; times are those of one clock, the observer's, never a node's own.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the observer's clock.
    pub at: Timestamp,
    /// On which node; empty for what happened outside.
    pub node: String,
    /// In which conversation; empty for what concerns all.
    pub key: String,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Somebody did something at the vendor, whoever has heard of it.
    Happened {
        /// Names it: webhooks refer to it.
        fact: String,
        /// What they did.
        happening: Happening,
    },
    /// A webhook that told of this fact was acknowledged.
    Acked {
        /// The fact.
        fact: String,
    },
    /// The customer has done what proves who they are: typed the right code, pressed the button of a valid link, or was
    /// proven in another conversation. From here on the model may be asked.
    Proved,
    /// The model was called.
    Asked {
        /// Names the call.
        call: String,
        /// The facts of the customer messages it was asked to answer.
        about: Vec<String>,
    },
    /// A row was claimed, durably. Written only where the layer can see commits.
    Claimed {
        /// The row.
        row: String,
        /// What it is to the customer.
        speech: Speech,
    },
    /// A send was begun: from here on it may land.
    Posted {
        /// The row.
        row: String,
        /// What it is to the customer.
        speech: Speech,
        /// Whether the process is known to have stood still between the last check of the claim and this write: the one
        /// hole that cannot be closed at a vendor without idempotency keys.
        stood_still: bool,
    },
    /// A message of ours exists at the vendor.
    Landed {
        /// The row.
        row: String,
        /// What it is to the customer.
        speech: Speech,
        /// What it says.
        words: String,
        /// The model call that said it, and the facts that call was asked about; `None` for the desk's own words.
        answer: Option<Answer>,
    },
    /// Colleagues were called: a card about the conversation has reached them.
    Called {
        /// The row.
        row: String,
    },
    /// A row became held: its outcome cannot be found out, an operator sees it. Later ones may pass it.
    Held {
        /// The row.
        row: String,
    },
    /// A challenge was used: the button behind its link was pressed, or its code typed.
    Pressed {
        /// Names this press.
        press: String,
        /// The challenge.
        challenge: String,
    },
    /// A press has verified the customer, durably, whether or not anybody has heard of it. Written only where the layer can
    /// see commits.
    Verified {
        /// The press.
        press: String,
    },
    /// A word of the people's has given the conversation back, durably, whether or not anybody has heard of it. Written only
    /// where the layer can see commits.
    TakenBack {
        /// The fact of that word.
        fact: String,
    },
    /// The page told whoever pressed what came of it.
    Told {
        /// The press.
        press: String,
        /// What it said.
        page: Page,
    },
    /// An operator had the person forgotten, and it is done: nothing said before is owed an answer, remembered, or a proof of
    /// anything.
    Erased,
    /// Somebody waits for the one answer to a customer's message, where a vendor takes words only so.
    Waits {
        /// Where.
        place: String,
        /// The fact of that message.
        fact: String,
    },
    /// An answer was sent to where somebody waits: from here on it may land there.
    Tried {
        /// Where.
        place: String,
        /// The row.
        row: String,
    },
    /// Whoever waited there has been answered, with words or without, and goes on: nobody waits there any more.
    WentOn {
        /// Where.
        place: String,
        /// The row.
        row: String,
    },
    /// A text did not land, and nobody can find that out: the vendor says the same of one that did.
    Doubted {
        /// The row.
        row: String,
        /// What it says.
        words: String,
        /// As in [`What::Landed`], where the desk must take it for said.
        answer: Option<Answer>,
    },
    /// Whoever waited there was stopped before an answer came.
    Stopped {
        /// Where.
        place: String,
    },
    /// When all is over a text is left that can leave only when the customer writes again: nobody waits for one.
    Stranded {
        /// The row.
        row: String,
        /// What it says.
        words: String,
        /// As in [`What::Landed`].
        answer: Option<Answer>,
    },
    /// The store has lost what was written to it since then; what was acknowledged in between is gone with it.
    StoreLost {
        /// Since when.
        since: Timestamp,
    },
    /// The conversation as it stands when everything has come to rest.
    Rested(Box<Rest>),
    /// A fault, for whoever reads the log.
    Fault {
        /// Which.
        name: String,
    },
    /// Anything else that helps whoever reads the log.
    Note {
        /// What.
        text: String,
    },
}

/// What somebody does at the vendor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// The customer wrote.
    CustomerWrote {
        /// What.
        words: String,
        /// Whether it asks for an answer of the model, if the customer is let in.
        asks: bool,
    },
    /// A person of the company wrote to the customer.
    PersonWrote {
        /// What.
        words: String,
    },
    /// A person took the conversation without writing, or it was given to the people.
    TakenOver,
    /// The vendor opened the conversation by itself, because a webhook of it was never taken. The people see it, but none of
    /// them has decided anything.
    Opened,
    /// The desk opened the conversation, which gives it to the people. They see it, but whether anybody knows that they are
    /// waited for is another matter.
    GivenAway,
    /// The conversation is the desk's again.
    HandedBack {
        /// Whether it was declared done: then nothing said before it is owed an answer any more.
        done: bool,
    },
    /// A colleague told the desk in a note to take it back. Nothing at the vendor shows that: it counts once the desk has
    /// acknowledged it, and until then it is the people's.
    AskedBack,
    /// The customer took a message back.
    Deleted {
        /// The fact of that message.
        of: String,
    },
}

/// What a row is to the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speech {
    /// The customer does not read it.
    None,
    /// It tells the customer that a person is coming: allowed until that person has written.
    Announcement,
    /// It is said to the customer, and only while the desk has the conversation.
    Words,
}

/// Where the words of the model come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// The call.
    pub call: String,
    /// The facts of the customer messages it was asked to answer.
    pub about: Vec<String>,
}

/// What a verification page said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// This very press verified the customer.
    Done,
    /// The link had been used before.
    Used,
    /// Anything else, or nothing: it failed.
    Other,
}

/// A conversation at rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rest {
    /// Who has it.
    pub hands: Hands,
    /// How many customer messages are owed an answer.
    pub owed: usize,
    /// The rows that are left, and whether an operator must decide about them.
    pub rows: Vec<Leftover>,
    /// Whether something still runs or waits although nothing is left to wait for.
    pub busy: bool,
    /// What is remembered, oldest first; `None` where it has expired or cannot be seen.
    pub memory: Option<Vec<Recalled>>,
    /// How many messages were remembered at the fullest moment, with what was never said in the end; `None` where the layer
    /// cannot see it. A memory that was never full has forgotten nothing.
    #[serde(default)]
    pub fullest: Option<usize>,
}

/// Who has a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hands {
    /// Nobody has ever heard of it.
    #[default]
    Nobodys,
    /// The gate: the customer is not known yet.
    Gate,
    /// The desk.
    Desk,
    /// The people.
    People,
}

/// A row that is left.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leftover {
    /// The row.
    pub row: String,
    /// Whether it is held: its outcome cannot be found out, and an operator sees it.
    pub held: bool,
    /// What it says, where it is a text.
    pub words: Option<String>,
}

/// One remembered message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recalled {
    /// Who said it.
    pub by: crate::domain::Role,
    /// What was said.
    pub words: String,
}

/// Everything that happened, in the order in which it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The entries. Their order counts where their times are equal.
    pub entries: Vec<Entry>,
}

impl History {
    /// Writes down what happened in a conversation.
    pub fn note(&mut self, at: Timestamp, node: &str, key: &str, what: What) {
        self.entries.push(Entry { at, node: node.to_owned(), key: key.to_owned(), what });
    }

    /// Puts entries that several observers wrote into the order of their times.
    pub fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.at);
    }

    /// Returns the conversations, each once.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = self.entries.iter().map(|entry| entry.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| !key.is_empty());
        keys
    }

    /// Returns a number that two histories share only if they are the same.
    pub fn fingerprint(&self) -> u64 {
        let shown = self.entries.iter().fold(String::new(), |mut text, entry| {
            use fmt::Write;
            let _ = writeln!(text, "{entry:?}");
            text
        });
        crate::ids::stable_hash(shown.as_bytes())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = Duration::from_millis(u64::try_from(self.at.as_millis()).unwrap_or_default()).as_secs_f64();
        write!(f, "{secs:>10.3} {:<4} {:<12} {:?}", self.node, self.key, self.what)
    }
}
