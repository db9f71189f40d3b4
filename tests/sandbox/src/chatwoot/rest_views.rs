//! What requests show.

use super::payload::{self, nested_message, push_contact, push_sender};
use super::rest::{Answer, Request};
use super::text::float_secs;
use super::world::{Conversation, INBOX, Message, World};
use serde_json::{Value, json};

/// How many conversations a page holds.
const PAGE: usize = 25;

pub(super) fn labels(world: &World, request: &Request) -> Answer {
    let found = world.conversation(request.id);
    found.map_or_else(Answer::not_found, |conversation| Answer::ok(json!({ "payload": conversation.labels })))
}

pub(super) fn conversation(world: &World, request: &Request) -> Answer {
    let found = world.conversation(request.id);
    found.map_or_else(Answer::not_found, |conversation| Answer::ok(shown(world, conversation)))
}

/// Shows messages by id: the latest 20; 20 before one; 100 after one; or those from one to before another. Ascending.
pub(super) fn messages(world: &World, request: &Request) -> Answer {
    let Some(conversation) = world.conversation(request.id) else { return Answer::not_found() };
    let (before, after) = (request.number("before"), request.number("after"));
    let all = conversation.messages.iter();
    let some: Vec<&Message> = match (after, before) {
        (None, None) => last(all.collect(), 20),
        (None, Some(before)) => last(all.filter(|message| message.id < before).collect(), 20),
        (Some(after), None) => all.filter(|message| message.id > after).take(100).collect(),
        (Some(after), Some(before)) => {
            all.filter(|message| message.id >= after && message.id < before).take(1000).collect()
        }
    };
    let payload: Vec<Value> = some.into_iter().map(|found| message(world, conversation, found)).collect();
    let contact = world.contacts.get(&conversation.contact).map(push_contact);
    Answer::ok(json!({
        "meta": { "labels": conversation.labels, "additional_attributes": {}, "contact": contact },
        "payload": payload,
    }))
}

fn last<T>(mut page: Vec<T>, count: usize) -> Vec<T> {
    page.split_off(page.len().saturating_sub(count))
}

/// Lists conversations: open ones unless asked otherwise, 25 to a page, by their last activity. The double has one inbox.
pub(super) fn list(world: &World, request: &Request) -> Answer {
    let status = request.text("status").unwrap_or("open");
    let of_inbox = request.number("inbox_id").is_none_or(|inbox| inbox == INBOX);
    let wanted = |conversation: &&Conversation| of_inbox && (status == "all" || conversation.status.name() == status);
    let mut found: Vec<&Conversation> = world.conversations.values().filter(wanted).collect();
    found.sort_by_key(|conversation| std::cmp::Reverse(conversation.last_activity));
    if request.text("sort_by") == Some("last_activity_at_asc") {
        found.reverse();
    }
    let page = usize::try_from(request.number("page").unwrap_or(1).max(1) - 1).unwrap_or(0);
    let payload: Vec<Value> =
        found.iter().skip(page * PAGE).take(PAGE).map(|conversation| shown(world, conversation)).collect();
    Answer::ok(json!({ "data": {
        "meta": { "mine_count": 0, "assigned_count": 0, "unassigned_count": found.len(), "all_count": found.len() },
        "payload": payload,
    }}))
}

/// A message as REST renders it.
pub(super) fn message(world: &World, conversation: &Conversation, message: &Message) -> Value {
    let mut shown = json!({
        "id": message.id,
        "content": message.content,
        "inbox_id": INBOX,
        "conversation_id": conversation.id,
        "message_type": message.kind,
        "content_type": message.content_type,
        "status": "sent",
        "content_attributes": message.content_attributes,
        "created_at": message.created / 1_000_000,
        "private": message.private,
        "source_id": null,
    });
    let sender = push_sender(world, message.author);
    if let Some(fields) = shown.as_object_mut().filter(|_| !sender.is_null()) {
        fields.insert("sender".to_owned(), sender);
    }
    if let Some(fields) = shown.as_object_mut().filter(|_| !message.attachments.is_empty()) {
        fields.insert("attachments".to_owned(), payload::attachments(world, message));
    }
    shown
}

/// A conversation as REST renders it.
fn shown(world: &World, conversation: &Conversation) -> Value {
    let contact = world.contacts.get(&conversation.contact);
    let (assignee, assignee_type) = payload::assignee(conversation.assignee);
    let mut meta = json!({
        "sender": contact.map(push_contact),
        "channel": "Channel::WebWidget",
        "hmac_verified": contact.is_some_and(|contact| contact.hmac_verified),
    });
    if let Some(meta) = meta.as_object_mut() {
        let team = payload::team(world, conversation);
        for (key, value) in [("assignee", assignee), ("assignee_type", assignee_type), ("team", team)] {
            if !value.is_null() {
                meta.insert(key.to_owned(), value);
            }
        }
    }
    let last = conversation.messages.last();
    let last_spoken = conversation.messages.iter().rev().find(|message| message.kind != 2);
    let nested = |found: &Message| nested_message(world, conversation, found);
    json!({
        "meta": meta,
        "id": conversation.id,
        "messages": last.map(|found| message(world, conversation, found)).into_iter().collect::<Vec<Value>>(),
        "account_id": world.options.account,
        "uuid": format!("5f0c1a7e-0000-4000-8000-{:012}", conversation.id),
        "additional_attributes": {},
        "agent_last_seen_at": 0,
        "assignee_last_seen_at": 0,
        "can_reply": true,
        "contact_last_seen_at": 0,
        "custom_attributes": conversation.custom_attributes,
        "inbox_id": INBOX,
        "labels": conversation.labels,
        "muted": contact.is_some_and(|contact| contact.blocked),
        "snoozed_until": null,
        "status": conversation.status.name(),
        "created_at": conversation.created / 1_000_000,
        "updated_at": float_secs(conversation.updated),
        "timestamp": conversation.last_activity,
        "first_reply_created_at": conversation.first_reply.map_or(0, |micros| micros / 1_000_000),
        "unread_count": payload::unread(conversation),
        "last_non_activity_message": last_spoken.map(nested),
        "last_activity_at": conversation.last_activity,
        "priority": conversation.priority,
        "waiting_since": conversation.waiting_since.unwrap_or(0),
        "sla_policy_id": null,
    })
}
