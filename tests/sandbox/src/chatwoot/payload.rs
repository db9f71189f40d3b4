//! The bodies of webhooks, key for key as Chatwoot builds them.

use super::deliver::Event;
use super::text::{float_secs, iso, rails_json};
use super::world::{AGENT, Assignee, Author, BOT, Contact, Conversation, INBOX, Message, World};
use serde_json::{Map, Value, json};

/// The name of the inbox.
const INBOX_NAME: &str = "Acme Website";

/// Builds the body of an event as things stand; `None` if what it speaks of is gone.
pub(super) fn body(world: &World, conversation: u64, event: &Event) -> Option<String> {
    let found = world.conversation(conversation)?;
    let mut body = match event {
        Event::MessageCreated(id) | Event::MessageUpdated(id) => {
            message(world, found, found.messages.iter().find(|message| message.id == *id)?)
        }
        Event::ConversationCreated
        | Event::ConversationOpened
        | Event::ConversationResolved
        | Event::StatusChanged
        | Event::ConversationUpdated(_) => conversation_of(world, found),
        Event::ContactUpdated => contact(world, world.contacts.get(&found.contact)?),
    };
    let fields = body.as_object_mut()?;
    fields.insert("event".to_owned(), event.name().into());
    match event {
        // Through 4.16.2 this is always null: the model reads the changes after they were saved.
        Event::StatusChanged => drop(fields.insert("changed_attributes".to_owned(), Value::Null)),
        Event::ConversationUpdated(changes) => {
            fields.insert("changed_attributes".to_owned(), Value::Array(changes.clone()));
        }
        Event::ContactUpdated => {
            let moment = iso(found.updated);
            let change = change("last_activity_at", Value::Null, moment.into());
            fields.insert("changed_attributes".to_owned(), Value::Array(vec![change]));
        }
        Event::ConversationCreated
        | Event::ConversationOpened
        | Event::ConversationResolved
        | Event::MessageCreated(_)
        | Event::MessageUpdated(_) => {}
    }
    Some(rails_json(&body))
}

/// Writes one changed column: an object with a single key.
pub(super) fn change(column: &str, previous: Value, current: Value) -> Value {
    let mut change = Map::new();
    change.insert(column.to_owned(), json!({ "previous_value": previous, "current_value": current }));
    Value::Object(change)
}

/// Writes what a change of the assignee changes about the columns.
pub(super) fn assignee_changes(before: Assignee, after: Assignee) -> Vec<Value> {
    let user = |assignee| if let Assignee::User(id) = assignee { Value::from(id) } else { Value::Null };
    let bot = |assignee| if let Assignee::Bot(id) = assignee { Value::from(id) } else { Value::Null };
    let mut changes = Vec::new();
    if user(before) != user(after) {
        changes.push(change("assignee_id", user(before), user(after)));
    }
    if bot(before) != bot(after) {
        changes.push(change("assignee_agent_bot_id", bot(before), bot(after)));
    }
    changes
}

fn account(world: &World) -> Value {
    json!({ "id": world.options.account, "name": "Acme Inc" })
}

fn message(world: &World, conversation: &Conversation, message: &Message) -> Value {
    let mut body = json!({
        "account": account(world),
        "additional_attributes": message.additional_attributes,
        "content_attributes": message.content_attributes,
        "content_type": message.content_type,
        "content": message.content,
        "conversation": conversation_of(world, conversation),
        "created_at": iso(message.created),
        "id": message.id,
        "inbox": { "id": INBOX, "name": INBOX_NAME },
        "message_type": message.type_name(),
        "private": message.private,
        "sender": sender(world, message.author),
        "source_id": null,
    });
    if let Some(fields) = body.as_object_mut().filter(|_| !message.attachments.is_empty()) {
        fields.insert("attachments".to_owned(), attachments(world, message));
    }
    body
}

pub(super) fn attachments(world: &World, message: &Message) -> Value {
    let all = message.attachments.iter().enumerate().map(|(index, attachment)| {
        let mut one = json!({
            "id": message.id * 10 + index as u64,
            "message_id": message.id,
            "file_type": "file",
            "account_id": world.options.account,
        });
        if let (Some(one), Some(more)) = (one.as_object_mut(), attachment.as_object()) {
            one.extend(more.clone());
        }
        one
    });
    Value::Array(all.collect())
}

/// The author of a message at the top level: a contact has no `type` here.
fn sender(world: &World, author: Author) -> Value {
    match author {
        Author::Contact(id) => world.contacts.get(&id).map_or(Value::Null, |found| contact(world, found)),
        Author::User(id) => json!({ "id": id, "name": "Ana Silva", "email": "ana.silva@acme.example", "type": "user" }),
        Author::Bot(id) => json!({ "id": id, "name": bot_name(id), "type": "agent_bot" }),
        Author::Nobody => Value::Null,
    }
}

/// The author of a message elsewhere: every kind has its `type`.
pub(super) fn push_sender(world: &World, author: Author) -> Value {
    match author {
        Author::Contact(id) => world.contacts.get(&id).map_or(Value::Null, push_contact),
        Author::User(id) => push_user(id),
        Author::Bot(id) => push_bot(id),
        Author::Nobody => Value::Null,
    }
}

pub(super) fn push_contact(contact: &Contact) -> Value {
    json!({
        "additional_attributes": {},
        "custom_attributes": {},
        "email": contact.email,
        "id": contact.id,
        "identifier": contact.identifier,
        "name": contact.name,
        "phone_number": null,
        "thumbnail": "",
        "blocked": contact.blocked,
        "type": "contact",
    })
}

fn push_user(id: u64) -> Value {
    json!({
        "id": id,
        "name": "Ana Silva",
        "available_name": "Ana",
        "avatar_url": "",
        "type": "user",
        "availability_status": null,
        "thumbnail": "",
    })
}

fn push_bot(id: u64) -> Value {
    json!({ "id": id, "name": bot_name(id), "avatar_url": "", "type": "agent_bot" })
}

pub(super) const fn bot_name(id: u64) -> &'static str {
    if id == BOT { "Helper Bot" } else { "Another Bot" }
}

pub(super) const fn user_name(id: u64) -> &'static str {
    if id == AGENT { "Ana Silva" } else { "Somebody Else" }
}

fn contact(world: &World, contact: &Contact) -> Value {
    json!({
        "account": account(world),
        "additional_attributes": {},
        "avatar": "",
        "custom_attributes": {},
        "email": contact.email,
        "id": contact.id,
        "identifier": contact.identifier,
        "name": contact.name,
        "phone_number": null,
        "thumbnail": "",
        "blocked": contact.blocked,
    })
}

/// Who is assigned, and of what kind.
pub(super) fn assignee(assignee: Assignee) -> (Value, Value) {
    match assignee {
        Assignee::Nobody => (Value::Null, Value::Null),
        Assignee::User(id) => (push_user(id), "User".into()),
        Assignee::Bot(id) => (push_bot(id), "AgentBot".into()),
    }
}

pub(super) fn team(world: &World, conversation: &Conversation) -> Value {
    let team = conversation.team.and_then(|id| world.teams.get(&id).map(|name| (id, name)));
    team.map_or(Value::Null, |(id, name)| json!({ "id": id, "name": name, "icon": null, "icon_color": null }))
}

/// How many customer messages no person has answered, as far as Chatwoot counts.
pub(super) fn unread(conversation: &Conversation) -> usize {
    let unread = conversation.messages.iter().rev().take_while(|message| !matches!(message.author, Author::User(_)));
    unread.filter(|message| message.kind == 0).count().min(10)
}

fn conversation_of(world: &World, conversation: &Conversation) -> Value {
    let contact = world.contacts.get(&conversation.contact);
    let verified = contact.is_some_and(|contact| contact.hmac_verified);
    let seat_since = iso(contact.map_or(0, |contact| contact.created));
    // The latest message that is neither an activity line nor private: not necessarily the event's own.
    let latest = conversation.messages.iter().rev().find(|message| message.kind != 2 && !message.private);
    let messages: Vec<Value> = latest.map(|message| nested_message(world, conversation, message)).into_iter().collect();
    let (assigned, assignee_type) = assignee(conversation.assignee);
    let mut body = json!({
        "additional_attributes": { "browser_language": "en" },
        "can_reply": true,
        "channel": "Channel::WebWidget",
        "contact_inbox": {
            "id": 388,
            "contact_id": conversation.contact,
            "inbox_id": INBOX,
            "source_id": source_id(conversation),
            "created_at": seat_since,
            "updated_at": seat_since,
            "hmac_verified": verified,
            "pubsub_token": "fixturePubsubToken000001",
        },
        "id": conversation.id,
        "inbox_id": INBOX,
        "messages": messages,
        "labels": conversation.labels,
        "meta": {
            "sender": contact.map_or(Value::Null, push_contact),
            "assignee": assigned,
            "assignee_type": assignee_type,
            "team": team(world, conversation),
            "hmac_verified": verified,
        },
        "status": conversation.status.name(),
        "custom_attributes": conversation.custom_attributes,
        "snoozed_until": null,
        "unread_count": unread(conversation),
        "first_reply_created_at": conversation.first_reply.map(iso),
        "priority": conversation.priority,
        "waiting_since": conversation.waiting_since.unwrap_or(0),
        "agent_last_seen_at": 0,
        "contact_last_seen_at": 0,
        "last_activity_at": conversation.last_activity,
        "timestamp": conversation.last_activity,
        "created_at": conversation.created / 1_000_000,
        "updated_at": float_secs(conversation.updated),
    });
    if let Some(fields) = body.as_object_mut().filter(|_| world.options.version >= (4, 14, 2)) {
        fields.insert("account".to_owned(), account(world));
    }
    body
}

fn source_id(conversation: &Conversation) -> String {
    format!("0d8c1a7e-5a0f-4d0a-9a5c-{:012}", conversation.contact)
}

/// A message within a conversation: numbers and other keys than at the top level.
pub(super) fn nested_message(world: &World, conversation: &Conversation, message: &Message) -> Value {
    let (sender_type, sender_id) = match message.author {
        Author::Contact(id) => ("Contact".into(), id.into()),
        Author::User(id) => ("User".into(), id.into()),
        Author::Bot(id) => ("AgentBot".into(), id.into()),
        Author::Nobody => (Value::Null, Value::Null),
    };
    let assignee_id = if let Assignee::User(id) = conversation.assignee { Value::from(id) } else { Value::Null };
    let mut body = json!({
        "id": message.id,
        "content": message.content,
        "account_id": world.options.account,
        "inbox_id": INBOX,
        "conversation_id": conversation.id,
        "message_type": message.kind,
        "created_at": message.created / 1_000_000,
        "updated_at": iso(message.updated),
        "private": message.private,
        "status": "sent",
        "source_id": null,
        "content_type": message.content_type,
        "content_attributes": message.content_attributes,
        "sender_type": sender_type,
        "sender_id": sender_id,
        "external_source_ids": {},
        "additional_attributes": message.additional_attributes,
        "processed_message_content": message.content,
        "sentiment": {},
        "conversation": {
            "assignee_id": assignee_id,
            "unread_count": unread(conversation),
            "last_activity_at": conversation.last_activity,
            "contact_inbox": { "source_id": source_id(conversation) },
        },
    });
    if let Some(fields) = body.as_object_mut() {
        if !message.attachments.is_empty() {
            fields.insert("attachments".to_owned(), attachments(world, message));
        }
        let sender = push_sender(world, message.author);
        if !sender.is_null() {
            fields.insert("sender".to_owned(), sender);
        }
    }
    body
}
