//! What nobody heard of: conversations by their latest activity, and their messages read as the webhooks would have told
//! them. A bot's token may do neither.

use super::Chatwoot;
use super::answer::Refusal;
use super::look::{next_watermark, understand};
use super::transport::{Call, Token};
use crate::adapters::chatwoot::wire::{Payload, RestEvents, RestList};
use crate::adapters::chatwoot::{moment, webhook};
use frontdesk_actors::domain::Event;
use frontdesk_actors::ids::{ConversationKey, MessageId};
use frontdesk_actors::ports::{Active, Events};
use frontdesk_actors::time::Timestamp;

/// How many conversations Chatwoot puts on a page.
const LISTED: usize = 25;

/// How many messages Chatwoot returns after an id.
const AFTER: usize = 100;

/// How many messages Chatwoot returns before an id, and of the latest.
const BEFORE: usize = 20;

/// A conversation with more missed messages than this many pages is not read to the end.
const MOST_PAGES: usize = 20;

impl Chatwoot {
    /// Reads a page of the list. Every status: whoever resolved or opened one while nobody heard counts as well. Every
    /// message, also the line that Chatwoot writes about a change, moves the time of the last activity.
    pub(super) async fn list_active(&self, since: Timestamp, page: u32) -> Result<Active, Refusal> {
        if !self.transport.has_user() {
            return Err(Refusal::forbidden("list conversations: CHATWOOT_USER_TOKEN is not set"));
        }
        let inbox = match self.context.inboxes.as_slice() {
            [inbox] => format!("&inbox_id={inbox}"),
            _ => String::new(),
        };
        let query = format!("status=all&sort_by=last_activity_at_desc&page={page}{inbox}");
        let call = Call::get("list the conversations", "conversations").query(query).with(Token::User);
        let body = self.call(call).await?;
        let list: RestList<'_> = understand(&body)?;
        let listed = list.data.get().filter(|listed| listed.payload.is_given());
        let listed = listed.ok_or_else(|| Refusal::doubtful("list the conversations: the answer holds no list"))?;
        let all = listed.payload.items();
        let is_recent = |at: Option<Timestamp>| at.is_none_or(|at| at.as_secs() >= since.as_secs());
        let recent = all.iter().filter(|listed| is_recent(moment::read(&listed.last_activity_at)));
        let conversations: Vec<_> =
            recent.clone().filter_map(|listed| webhook::listed(listed, &self.context)).collect();
        Ok(Active { conversations, last: all.len() < LISTED || recent.count() < all.len() })
    }

    /// Reads what has happened in a conversation.
    pub(super) async fn read_events(
        &self,
        key: &ConversationKey,
        after: Option<MessageId>,
        since: Timestamp,
    ) -> Result<Events, Refusal> {
        let conversation = self.conversation(key)?;
        if !self.transport.has_user() {
            return Err(Refusal::forbidden("read the messages: CHATWOOT_USER_TOKEN is not set"));
        }
        let path = format!("conversations/{conversation}/messages");
        let mut found = Found::default();
        match after {
            Some(after) => self.read_forward(&path, after.order, &mut found).await?,
            None => self.read_back(&path, since, &mut found).await?,
        }
        found.events.sort_by_key(|(id, _)| *id);
        found.events.dedup_by_key(|(id, _)| *id);
        let events: Vec<Event> = found.events.into_iter().filter_map(|(_, event)| event).collect();
        // A customer who writes in a resolved conversation reopens it, and may have done so since it was listed.
        let state = match events.iter().any(|event| matches!(event, Event::CustomerWrote(_))) {
            true => Some(self.read_state(conversation).await?),
            false => None,
        };
        Ok(Events { events, state, complete: found.complete })
    }

    /// Reads from a message on, to the end.
    async fn read_forward(&self, path: &str, after: u64, found: &mut Found) -> Result<(), Refusal> {
        let mut watermark = after;
        for _ in 0..MOST_PAGES {
            let ids = self.read_page(path, format!("after={watermark}"), None, found).await?;
            found.complete = ids.len() < AFTER;
            watermark = next_watermark(ids, watermark);
            if found.complete {
                break;
            }
        }
        Ok(())
    }

    /// Reads from the latest message back, to a moment.
    async fn read_back(&self, path: &str, since: Timestamp, found: &mut Found) -> Result<(), Refusal> {
        let mut query = String::new();
        for _ in 0..MOST_PAGES {
            let ids = self.read_page(path, query, Some(since), found).await?;
            let Some(oldest) = ids.iter().min() else {
                found.complete = true;
                break;
            };
            found.complete = ids.len() < BEFORE || found.reached;
            query = format!("before={oldest}");
            if found.complete {
                break;
            }
        }
        Ok(())
    }

    /// Reads a page of messages; returns all their ids.
    async fn read_page(
        &self,
        path: &str,
        query: String,
        since: Option<Timestamp>,
        found: &mut Found,
    ) -> Result<Vec<u64>, Refusal> {
        let call = Call::get("read the conversation's messages", path).query(query).with(Token::User);
        let body = self.call(call).await?;
        let page: RestEvents<'_> = understand(&body)?;
        if !page.payload.is_given() || page.payload.items().iter().any(|message| message.id.id().is_none()) {
            return Err(Refusal::doubtful("read the conversation's messages: the answer holds none"));
        }
        let messages = page.payload.into_items();
        let ids = messages.iter().filter_map(|message| message.id.id()).collect();
        for message in messages {
            let at = moment::read(&message.created_at);
            if since.is_some_and(|since| at.is_some_and(|at| at.as_secs() < since.as_secs())) {
                found.reached = true;
            } else {
                self.take(message, found);
            }
        }
        Ok(ids)
    }

    fn take(&self, message: Payload<'_>, found: &mut Found) {
        if let Some(id) = message.id.id() {
            found.events.push((id, webhook::told(message, &self.context)));
        }
    }
}

/// What was read so far.
#[derive(Debug, Default)]
struct Found {
    /// By the message's id; no event where it means nothing to the desk.
    events: Vec<(u64, Option<Event>)>,
    /// Whether this is everything.
    complete: bool,
    /// Whether the moment was reached from which on everything is wanted.
    reached: bool,
}
