//! What the doubles hold when all is over: what customers can read, what the vendor says about each conversation, which
//! webhooks were acknowledged.

use crate::chaos::ground::Square;
use crate::chaos::ledger::{Micros, Pages, micros, when};
use crate::chaos::venue::Heard;
use crate::chaos::words::tokens;
use frontdesk_sandbox::chatwoot::ChangedBy;
use frontdesk_sandbox::model::Call;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A text of the desk that a customer can read.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// The row, or a name made of the words where the vendor carries no id.
    pub(crate) row: String,
    pub(crate) text: String,
    /// When the vendor saved it.
    pub(crate) saved: Micros,
    /// Whether it announces a person.
    pub(crate) handoff: bool,
}

/// Everything about one conversation.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) said: Vec<Said>,
    /// What left the desk and cannot be read: the desk has said it, as far as it can know, and remembers that.
    pub(crate) failed: Vec<String>,
    /// What was tried again where nobody waited any more: it counts as said.
    pub(crate) stopped: Vec<String>,
    pub(crate) statuses: Vec<(Micros, &'static str, ChangedBy)>,
    /// What the desk shows of it.
    pub(crate) view: Value,
    /// When cards about it were posted.
    pub(crate) cards: Vec<Micros>,
    /// How many notes to colleagues the desk has left.
    pub(crate) notes: usize,
}

/// All evidence of a round.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) pages: Pages,
    pub(crate) conversations: BTreeMap<u64, Facts>,
    pub(crate) heard: Heard,
    /// Whether our ids travel with messages. Where they do not, the vendor has no statuses either, and its times are seconds.
    pub(crate) carries_ids: bool,
    /// Whether customers had to prove their address first.
    pub(crate) gated: bool,
    /// When the model was asked, and the words of questions that it was given.
    pub(crate) asked: Vec<(Micros, Vec<String>)>,
}

/// What became of webhooks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Webhooks {
    pub(crate) sent: u64,
    pub(crate) accepted: u64,
    pub(crate) unanswered: u64,
    pub(crate) flipped: u64,
}

impl Evidence {
    /// Gathers everything; `views` is what the desk shows.
    pub(crate) fn gather(square: &Square, pages: Pages, mut views: BTreeMap<u64, Value>) -> Self {
        let (conversations, venue) = (pages.questions.iter().map(|question| question.conversation), &square.venue);
        let conversations: BTreeSet<u64> = conversations.collect();
        let cards = square.teams.cards_and_times().into_iter();
        let cards: Vec<(Micros, String)> = cards.map(|(at, card)| (micros(at), card.to_string())).collect();
        let facts = |conversation: u64, view: Value| {
            let link = venue.link(conversation);
            Facts {
                said: venue.said(conversation),
                failed: venue.failed(conversation),
                stopped: venue.stopped(conversation),
                statuses: venue.statuses(conversation),
                view,
                cards: cards.iter().filter(|(_, card)| card.contains(&link)).map(|(at, _)| *at).collect(),
                notes: venue.notes(conversation),
            }
        };
        let conversations = conversations
            .into_iter()
            .map(|conversation| (conversation, facts(conversation, views.remove(&conversation).unwrap_or_default())))
            .collect();
        Self {
            pages,
            conversations,
            heard: venue.heard(),
            carries_ids: venue.carries_ids(),
            gated: square.post.is_some(),
            asked: square.model.calls().iter().map(asked).collect(),
        }
    }

    /// Returns when the desk acknowledged a message.
    pub(crate) fn acked(&self, message: u64) -> Option<Micros> {
        self.heard.acked.get(&message).copied()
    }

    /// Returns how often the conversation had been given back by then: what is said in the same words afterwards is said anew.
    pub(crate) fn turns_back(&self, conversation: u64, at: Micros) -> usize {
        use crate::chaos::ledger::{Act, Deed};
        let back = |act: &&Act| {
            act.conversation == conversation && act.at < at && matches!(act.deed, Deed::HandedBack(_) | Deed::Resolved)
        };
        self.pages.acts.iter().filter(back).count()
    }

    /// Returns how many texts customers can read.
    pub(crate) fn texts(&self) -> usize {
        self.conversations.values().map(|facts| facts.said.len()).sum()
    }

    /// Returns how many of them were not seen when they left the desk: too many, and nothing could be said about when.
    pub(crate) fn unseen(&self) -> usize {
        let seen = |conversation: u64, said: &Said| self.pages.sighted.contains_key(&(conversation, said.row.clone()));
        let unseen =
            |(conversation, facts): (&u64, &Facts)| facts.said.iter().filter(|said| !seen(*conversation, said)).count();
        self.conversations.iter().map(unseen).sum()
    }
}

fn asked(call: &Call) -> (Micros, Vec<String>) {
    let given = call.body.to_string();
    (when(call.at), tokens(&given).map(str::to_owned).collect())
}
