//! Lists and histories, for catching up. Without [`ScriptedChannel::list_conversations`] the vendor has nothing to list.

use super::{Inner, ScriptedChannel, Transcript};
use crate::domain::{CustomerMessage, Event, Inbound};
use crate::ids::{ConversationKey, MessageId};
use crate::ports::{Active, Author, Events, PortError, PortErrorKind, Seen};
use crate::testkit::lock;
use crate::time::Timestamp;
use std::cmp::Reverse;

/// How many conversations are on a page: few, so that there are several.
const PAGE: usize = 3;

/// What the vendor does to one request for a list.
#[derive(Debug, Clone)]
pub enum ListScript {
    /// It fails.
    Fail(PortErrorKind),
    /// The adapter panics.
    Panic,
}

impl ScriptedChannel {
    /// Lets conversations be listed, or refuses it, as to the token of a bot.
    pub fn list_conversations(&self, allowed: bool) {
        lock(&self.inner).lists = Some(allowed);
    }

    /// Says what happens to the next lists, in order.
    pub fn script_lists(&self, steps: impl IntoIterator<Item = ListScript>) {
        lock(&self.inner).listing.extend(steps);
    }

    /// Returns how many lists were asked for.
    pub fn listed(&self) -> u64 {
        lock(&self.inner).listed
    }

    pub(super) fn list(&self, since: Timestamp, page: u32) -> Result<Active, PortError> {
        let (keys, step) = {
            let mut inner = lock(&self.inner);
            inner.listed += 1;
            let step = inner.listing.pop_front();
            match inner.lists {
                None => return Ok(Active { conversations: Vec::new(), last: true }),
                Some(false) => return Err(PortError::new(PortErrorKind::Forbidden, "list the conversations")),
                Some(true) => (latest_first(&inner, since), step),
            }
        };
        match step {
            Some(ListScript::Fail(kind)) => return Err(PortError::new(kind, "list the conversations")),
            Some(ListScript::Panic) => panic!("a scripted panic of the channel"),
            None => {}
        }
        let before = usize::try_from(page).unwrap_or(usize::MAX).saturating_sub(1).saturating_mul(PAGE);
        let on_page = keys.iter().skip(before).take(PAGE);
        let conversations: Vec<Inbound> = on_page.map(|key| self.webhook(key, Event::StateChanged)).collect();
        Ok(Active { conversations, last: keys.len() <= before + PAGE })
    }

    pub(super) fn read_back(&self, key: &ConversationKey, after: Option<MessageId>, since: Timestamp) -> Events {
        let mut inner = lock(&self.inner);
        let wanted = |seen: &&Seen| after.map_or(seen.at >= since, |after| seen.id > after);
        let transcript = inner.transcript(key);
        let events = transcript.messages.iter().filter(wanted).filter_map(event).collect();
        Events { events, state: Some(transcript.state.clone()), complete: true }
    }
}

fn latest_first(inner: &Inner, since: Timestamp) -> Vec<ConversationKey> {
    let active = |(_, transcript): &(&ConversationKey, &Transcript)| transcript.active >= since;
    let mut active: Vec<_> = inner.conversations.iter().filter(active).collect();
    active.sort_by_key(|(_, transcript)| Reverse(transcript.active));
    active.into_iter().map(|(key, _)| key.clone()).collect()
}

/// Tells a message as its webhook would.
fn event(seen: &Seen) -> Option<Event> {
    let (id, at, text) = (seen.id, seen.at, seen.text.clone());
    match &seen.author {
        Author::Customer => Some(Event::CustomerWrote(CustomerMessage { id, at, text, attachments: 0, voice: None })),
        Author::Person => Some(Event::PersonWrote { id, at, text }),
        Author::Us(row) => Some(Event::Echo { row: row.clone(), id }),
        Author::Carried => Some(Event::Carried { id, at, text }),
        Author::Other => Some(Event::OtherWrote { id }),
        Author::Private => None,
    }
}
