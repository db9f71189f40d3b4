//! Where the desk may speak: some vendors take words only as the one answer to a request of theirs, and hang until each
//! request has been answered. Where such a place was ever heard of, every text leaves at one, several texts that have only
//! one share it, and places that nothing is said at are let go.
//!
//! A place stands either among the open ones or on the row that answers it, so that it is never lost and never answered by
//! two rows.

use crate::flow::desk::Desk;
use crate::flow::outbox::{Outbox, Row, RowKind, RowState, Tie};
use crate::flow::phase::Phase;
use crate::ids::{MessageId, ReplyHandle, stable_hash};
use crate::ports::Act;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How many places are remembered, so that a repeated request is not answered twice.
const HEARD: usize = 64;

/// The places of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replies {
    /// Those that no row answers, oldest first.
    pub(super) open: Vec<Place>,
    /// Digests of those heard last.
    heard: Vec<u64>,
}

/// One place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) handle: ReplyHandle,
    /// The customer's message it came with.
    pub(crate) of: Option<MessageId>,
    /// Whether it may have been answered: nothing is said there again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) spent: bool,
    /// When it was first answered, as far as that is known: the sooner after that nobody waits there, the surer it is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tried: Option<Timestamp>,
}

impl Replies {
    /// Returns whether this conversation never heard of a place: texts leave by themselves.
    pub(crate) fn is_unused(&self) -> bool {
        self.heard.is_empty()
    }

    /// Notes a place. Returns whether it was new.
    pub(crate) fn hear(&mut self, handle: ReplyHandle, of: Option<MessageId>) -> bool {
        let digest = stable_hash(handle.0.as_bytes());
        if self.heard.contains(&digest) {
            return false;
        }
        self.heard.push(digest);
        let surplus = self.heard.len().saturating_sub(HEARD);
        self.heard.drain(..surplus);
        self.open.push(Place { handle, of, spent: false, tried: None });
        true
    }

    /// Takes back the place of a row that goes: whoever waits there waits on. It is older than those heard of since.
    pub(crate) fn reopen(&mut self, row: &mut Row) {
        if let Some(mut place) = row.reply.take() {
            place.spent |= row.doubted;
            self.open.insert(0, place);
        }
    }
}

impl Row {
    /// Returns whether the row is a text that has not been claimed and has no place to leave at.
    pub(super) fn is_unplaced(&self) -> bool {
        let unclaimed = matches!(self.state, RowState::Queued | RowState::Waiting { .. });
        unclaimed && self.reply.is_none() && self.kind.is_speech()
    }

    /// Takes in what a later text says, which then leaves with this one.
    fn absorb(&mut self, later: Row) {
        let (RowKind::Act(Act::Text { text, handoff }), RowKind::Act(Act::Text { text: more, handoff: announces })) =
            (&mut self.kind, later.kind)
        else {
            return;
        };
        if self.parts.is_empty() {
            self.parts.push(text.clone());
        }
        text.push_str("\n\n");
        text.push_str(&more);
        *handoff |= announces;
        self.parts.push(more);
        if later.tie == Tie::Answer {
            self.tie = Tie::Answer;
        }
        self.asked = self.asked.into_iter().chain(later.asked).min();
        self.sorry |= later.sorry;
        let news = later.answers.into_iter().filter(|owed| self.answers.iter().all(|known| known.id != owed.id));
        let news: Vec<_> = news.collect();
        self.answers.extend(news);
    }

    /// Returns whether two texts may be said in one breath: both are the desk's own, or both announce a person.
    fn goes_with(&self, other: &Row) -> bool {
        let own = |row: &Row| matches!(row.tie, Tie::Desk | Tie::Answer);
        self.decided.is_none() && other.decided.is_none() && own(self) == own(other)
    }
}

impl Outbox {
    /// A text has lost its place and waits for another: what is to be said after it gives its own up, so that nothing overtakes.
    /// Where nobody else waits, a text that cannot be said together with it would have no place left: it keeps its own.
    pub(super) fn give_precedence(&mut self, seq: u64) {
        let Some(first) = self.row(seq).cloned() else { return };
        let (rows, replies) = self.parts_mut();
        let later = |row: &Row| {
            let unclaimed = matches!(row.state, RowState::Queued | RowState::Waiting { .. });
            row.seq > seq && unclaimed && row.kind.is_speech() && row.reply.is_some() && !row.doubted
        };
        let room = replies.open.iter().any(|place| !place.spent);
        if room || rows.iter().filter(|row| later(row)).all(|row| row.goes_with(&first)) {
            rows.iter_mut().rev().filter(|row| later(row)).for_each(|row| replies.reopen(row));
        }
    }

    /// Gives the oldest text that has no place this one, and lets the texts that go with it leave together with it.
    fn settle_at(&mut self, place: Place) {
        let Some(first) = self.rows().iter().position(Row::is_unplaced) else { return };
        let joins = |row: &Row, first: &Row| row.is_unplaced() && row.seq != first.seq && row.goes_with(first);
        let head = self.rows()[first].clone();
        let (later, kept): (Vec<Row>, Vec<Row>) = self.take_rows().into_iter().partition(|row| joins(row, &head));
        self.put_rows(kept);
        if let Some(row) = self.row_mut(head.seq) {
            later.into_iter().for_each(|text| row.absorb(text));
            (row.reply, row.doubted) = (Some(place), false);
        }
    }
}

impl Desk<'_> {
    /// Gives texts the places they leave at, and lets go whoever waits in vain. Returns whether anything changed.
    pub(super) fn place(&mut self, phase: &mut Phase) -> bool {
        if self.common.outbox.replies.is_unused() {
            return false;
        }
        let spent: Vec<Place> = self.common.outbox.replies.open.extract_if(.., |place| place.spent).collect();
        if !spent.is_empty() {
            let person = matches!(phase, Phase::Human(_));
            spent.into_iter().for_each(|place| self.dismiss(place, person));
            return true;
        }
        let unplaced = self.common.outbox.rows().iter().filter(|row| row.is_unplaced());
        let unplaced: Vec<u64> = unplaced.map(|row| row.seq).collect();
        let dropped = unplaced.iter().any(|seq| self.drop_unwanted(phase, *seq));
        if dropped {
            return true;
        }
        let free = self.free_places(phase);
        let Some(newest) = free.last() else { return false };
        if !unplaced.is_empty() {
            // The customer has just asked there; an older one may have been given up by the vendor.
            let place = self.common.outbox.replies.open.remove(*newest);
            self.common.outbox.settle_at(place);
            return true;
        }
        let speaks = |row: &Row| row.kind.is_speech() && row.state != RowState::Held;
        if self.common.outbox.rows().iter().any(speaks) {
            // Should its place be gone, that text needs another.
            return false;
        }
        let person = matches!(phase, Phase::Human(_));
        let mut place = 0;
        let in_vain = |_: &mut Place| {
            place += 1;
            free.contains(&(place - 1))
        };
        let let_go: Vec<Place> = self.common.outbox.replies.open.extract_if(.., in_vain).collect();
        let_go.into_iter().for_each(|place| self.dismiss(place, person));
        true
    }

    /// Lets whoever waits at a place go on without words.
    pub(super) fn dismiss(&mut self, place: Place, person: bool) {
        let (epoch, now) = (self.common.epoch, self.ctx.now);
        let seq = self.common.outbox.push(RowKind::Act(Act::Dismiss { person }), Tie::Always, epoch, now);
        if let Some(row) = self.common.outbox.row_mut(seq) {
            row.reply = Some(place);
        }
    }

    /// Returns which open places nobody needs for the answer that is being made.
    fn free_places(&self, phase: &Phase) -> Vec<usize> {
        let answering = matches!(phase, Phase::Bot(bot) if bot.turn.is_some());
        let owed = |id: MessageId| self.common.owed.iter().any(|owed| owed.id == id);
        // What was said is not known yet: whoever asked with it waits for the answer to it.
        let unheard = |id: MessageId| self.common.unheard.iter().any(|unheard| unheard.wanted && unheard.id == id);
        let needed = |id: MessageId| (answering && owed(id)) || unheard(id);
        let places = self.common.outbox.replies.open.iter().enumerate();
        places.filter(|(_, place)| !place.of.is_some_and(needed)).map(|(index, _)| index).collect()
    }
}
