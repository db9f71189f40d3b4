//! What requests change.

use super::payload::{self, bot_name};
use super::rest::{Answer, Request};
use super::rest_views;
use super::world::{AGENT, Assignee, Author, BOT, ChangedBy, NewMessage, Status, Token, World};
use serde_json::{Map, Value, json};

/// How many messages a conversation may get in a minute.
const FLOOD: usize = 200;

/// Creates a message. Whatever goes wrong is a 422 with `error`, also after saving.
pub(super) fn post_message(world: &mut World, request: &Request) -> Answer {
    let field = |name: &str| request.body.get(name);
    let Some(conversation) = world.conversation(request.id) else { return Answer::not_found() };
    let newest = conversation.messages.last().map_or(0, |message| message.created);
    let recent = conversation.messages.iter().filter(|message| message.created + 60_000_000 > newest).count();
    if recent >= FLOOD {
        return Answer::error(422, "Validation failed: Too many messages");
    }
    let message_type = field("message_type").and_then(Value::as_str).unwrap_or("outgoing");
    if message_type != "outgoing" {
        return Answer::error(422, "Incoming messages are only allowed in Api inboxes");
    }
    let content = field("content").and_then(Value::as_str).map(str::to_owned);
    if content.as_deref().is_some_and(|content| content.chars().count() > 150_000) {
        return Answer::error(422, "Validation failed: Content is too long (maximum is 150000 characters)");
    }
    let author = match request.token {
        Token::Bot => Author::Bot(BOT),
        Token::User => Author::User(AGENT),
    };
    let new = NewMessage {
        content,
        private: field("private") == Some(&Value::Bool(true)),
        content_type: field("content_type").and_then(Value::as_str).unwrap_or("text").to_owned(),
        content_attributes: object(field("content_attributes")),
        ..NewMessage::of(1, author)
    };
    let number = world.add_message(request.id, new);
    let saved = world.conversation(request.id).and_then(|conversation| {
        let message = conversation.messages.iter().find(|message| Some(message.id) == number)?;
        Some(rest_views::message(world, conversation, message))
    });
    saved.map_or_else(Answer::not_found, Answer::ok)
}

/// Sets or flips the status. A bot that opens a pending conversation hands it over.
pub(super) fn toggle_status(world: &mut World, request: &Request) -> Answer {
    let Some(conversation) = world.conversation(request.id) else { return Answer::not_found() };
    let flipped = if conversation.status == Status::Open { Status::Resolved } else { Status::Open };
    let status = match request.body.get("status").and_then(Value::as_str) {
        Some(name) => match Status::parse(name) {
            Some(status) => status,
            // An enum of Rails raises on an unknown word.
            None => return Answer::Json(500, json!({ "status": 500, "error": "Internal Server Error" })),
        },
        None => flipped,
    };
    let assignee = match (request.token, status) {
        // The hand-over of a bot clears the bot, not a person who was assigned before.
        (Token::Bot, Status::Open) if conversation.status == Status::Pending => match conversation.assignee {
            Assignee::Bot(_) => Some(Assignee::Nobody),
            Assignee::Nobody | Assignee::User(_) => None,
        },
        (Token::User, Status::Open) if world.options.user_is_administrator => match conversation.assignee {
            Assignee::Bot(_) => Some(Assignee::Nobody),
            Assignee::Nobody | Assignee::User(_) => None,
        },
        (Token::User, Status::Open) => Some(Assignee::User(AGENT)),
        (Token::Bot | Token::User, Status::Open | Status::Resolved | Status::Pending | Status::Snoozed) => None,
    };
    let changed = conversation.status != status;
    world.set_status_and_assignee(request.id, (status, ChangedBy::Api), assignee);
    if changed {
        let actor = if request.token == Token::Bot { bot_name(BOT) } else { payload::user_name(AGENT) };
        world.add_activity(request.id, &format!("Conversation was marked {} by {actor}", status.name()));
    }
    let success = if request.token == Token::Bot { Value::Null } else { Value::Bool(true) };
    Answer::ok(json!({ "payload": {
        "success": success,
        "conversation_id": request.id,
        "current_status": status.name(),
        "snoozed_until": null,
    }}))
}

/// Takes any value without a complaint.
pub(super) fn typing(world: &mut World, request: &Request) -> Answer {
    if world.conversation(request.id).is_none() {
        return Answer::not_found();
    }
    match request.body.get("typing_status").and_then(Value::as_str) {
        Some("on") => world.typing.push((request.id, true)),
        Some("off") => world.typing.push((request.id, false)),
        Some(_) | None => {}
    }
    Answer::Empty(200)
}

pub(super) fn priority(world: &mut World, request: &Request) -> Answer {
    if world.conversation(request.id).is_none() {
        return Answer::not_found();
    }
    let priority = request.body.get("priority").and_then(Value::as_str);
    if priority.is_some_and(|priority| !["low", "medium", "high", "urgent"].contains(&priority)) {
        return Answer::Json(500, json!({ "status": 500, "error": "Internal Server Error" }));
    }
    let priority = priority.map(str::to_owned);
    world.update(request.id, "priority", |conversation| conversation.priority = priority);
    Answer::Empty(200)
}

/// Replaces all labels.
pub(super) fn labels(world: &mut World, request: &Request) -> Answer {
    let Some(labels) = request.body.get("labels").and_then(Value::as_array) else {
        return Answer::error(422, "param is missing or the value is empty: labels");
    };
    let labels: Vec<String> = labels.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if world.conversation(request.id).is_none() {
        return Answer::not_found();
    }
    world.update(request.id, "label_list", |conversation| conversation.labels = labels);
    rest_views::labels(world, request)
}

/// Assigns a user, a bot or a team. What is not known unassigns, and is not an error.
pub(super) fn assign(world: &mut World, request: &Request) -> Answer {
    if world.conversation(request.id).is_none() {
        return Answer::not_found();
    }
    let number = |name: &str| request.body.get(name).and_then(Value::as_u64);
    if request.body.get("assignee_id").is_some() {
        let is_bot = request.body.get("assignee_type").and_then(Value::as_str) == Some("AgentBot");
        let assignee = match number("assignee_id") {
            Some(id) if is_bot => Assignee::Bot(id),
            Some(AGENT) => Assignee::User(AGENT),
            Some(_) | None => Assignee::Nobody,
        };
        world.assign(request.id, assignee, ChangedBy::Api);
        return Answer::ok(payload::assignee(assignee).0);
    }
    let team = number("team_id").filter(|team| world.teams.contains_key(team));
    world.update(request.id, "team_id", |conversation| conversation.team = team);
    let name = team.and_then(|team| world.teams.get(&team));
    Answer::ok(
        name.map_or(Value::Null, |name| json!({ "id": team, "name": name, "account_id": world.options.account })),
    )
}

/// Replaces all attributes, unless it is 4.17 and merging was asked for.
pub(super) fn custom_attributes(world: &mut World, request: &Request) -> Answer {
    let given = object(request.body.get("custom_attributes"));
    let too_long = given.values().filter_map(Value::as_str).any(|text| text.chars().count() > 1500);
    if too_long {
        return Answer::Json(
            422,
            json!({ "message": "Custom attributes is too long", "attributes": ["custom_attributes"] }),
        );
    }
    let merges = request.body.get("merge") == Some(&Value::Bool(true)) && world.options.version >= (4, 17, 0);
    if world.conversation(request.id).is_none() {
        return Answer::not_found();
    }
    world.update(request.id, "custom_attributes", |conversation| {
        if merges {
            conversation.custom_attributes.extend(given);
        } else {
            conversation.custom_attributes = given;
        }
    });
    let now = world.conversation(request.id).map(|conversation| conversation.custom_attributes.clone());
    Answer::ok(json!({ "custom_attributes": now }))
}

/// Changes a contact. An address belongs to one contact only.
pub(super) fn patch_contact(world: &mut World, request: &Request) -> Answer {
    let email = request.body.get("email").and_then(Value::as_str).map(str::to_owned);
    let taken = email.is_some() && world.contacts.values().any(|other| other.id != request.id && other.email == email);
    if taken {
        return Answer::Json(422, json!({ "message": "Email has already been taken", "attributes": ["email"] }));
    }
    let Some(contact) = world.contacts.get_mut(&request.id) else { return Answer::not_found() };
    if email.is_some() {
        contact.email = email;
    }
    let shown = payload::push_contact(contact);
    Answer::ok(json!({ "payload": shown }))
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}
