//! What a message event is: who wrote, in which role, and whether it concerns the desk.

use super::{ParseContext, ParseError};
use crate::adapters::chatwoot::moment;
use crate::adapters::chatwoot::voice;
use crate::adapters::chatwoot::wire::{Answer, ContentAttributes, Conversation, MessageType, Payload};
use frontdesk_actors::domain::{CustomerMessage, Event, Order};
use frontdesk_actors::ids::{MessageId, OutboundId, stable_hash};
use frontdesk_actors::time::Timestamp;

/// Decides what a new message is.
pub(super) fn created(
    payload: &mut Payload<'_>,
    conversation: &Conversation<'_>,
    ctx: &ParseContext,
) -> Result<Event, ParseError> {
    let number = payload.id.id().ok_or(ParseError::Lacks("the message's id"))?;
    let id = MessageId::numeric(number);
    Ok(match MessageType::read(&payload.message_type) {
        // People have muted them, and nothing they write wakes the conversation.
        Some(MessageType::Incoming) if is_muted(payload, conversation) => Event::OtherWrote { id },
        Some(MessageType::Incoming) => Event::CustomerWrote(CustomerMessage {
            id,
            at: written_at(payload, conversation),
            text: std::mem::take(&mut payload.content).into_text(),
            attachments: u32::try_from(payload.attachments.items().len()).unwrap_or(u32::MAX),
            voice: voice::of(&payload.attachments),
        }),
        Some(MessageType::Outgoing) => outgoing(payload, conversation, ctx, id),
        Some(MessageType::Template) => Event::OtherWrote { id },
        Some(MessageType::Activity) | None => Event::StateChanged,
    })
}

fn is_muted(payload: &Payload<'_>, conversation: &Conversation<'_>) -> bool {
    let of_conversation = conversation.meta.get().and_then(|meta| meta.sender.get());
    payload.sender.get().into_iter().chain(of_conversation).any(|contact| contact.blocked.is_true())
}

/// Decides what a message of the company is. Our own id is tested first: the desk may be posting with a person's token.
fn outgoing(payload: &mut Payload<'_>, conversation: &Conversation<'_>, ctx: &ParseContext, id: MessageId) -> Event {
    let attributes = payload.content_attributes.get();
    let row = attributes.and_then(|attributes| attributes.frontdesk_id.filled()).map(|row| OutboundId(row.to_owned()));
    let echoed_by_app = attributes.is_some_and(|attributes| attributes.external_echo.is_set());
    let sender_type = payload.sender.get().and_then(|sender| sender.kind.text());
    let by_user = sender_type == Some("user");
    if let Some(row) = row {
        if sender_type == Some("agent_bot")
            && let Some(bot) = payload.sender.get().and_then(|sender| sender.id.id())
        {
            ctx.bot.learn(bot);
        }
        return Event::Echo { row, id };
    }
    if payload.private.is_true() {
        let order = payload.content.text().filter(|_| by_user).and_then(order);
        return order.map_or(Event::StateChanged, |order| Event::Ordered { id, order });
    }
    // A campaign is sent in the name of a user who did not write it.
    let campaign = payload.additional_attributes.get().is_some_and(|additional| additional.campaign_id.is_set());
    if (by_user || echoed_by_app) && !campaign {
        let at = written_at(payload, conversation);
        return Event::PersonWrote { id, at, text: std::mem::take(&mut payload.content).into_text() };
    }
    Event::OtherWrote { id }
}

/// Decides what a change of a message is. A deletion, the customer's answer to a form and another text count: changes of
/// delivery status, translations and transcriptions come as the same event, with the same text.
pub(super) fn updated(
    payload: &mut Payload<'_>,
    conversation: &Conversation<'_>,
    _: &ParseContext,
) -> Result<Event, ParseError> {
    let number = payload.id.id().ok_or(ParseError::Lacks("the message's id"))?;
    let Some(attributes) = payload.content_attributes.get().filter(|_| !payload.private.is_true()) else {
        return Ok(Event::StateChanged);
    };
    if attributes.deleted.is_true() {
        return Ok(Event::Deleted { id: MessageId::numeric(number) });
    }
    let text = answer(attributes);
    Ok(match MessageType::read(&payload.message_type) {
        Some(MessageType::Outgoing | MessageType::Template) if !text.is_empty() => {
            Event::CustomerWrote(CustomerMessage {
                id: answer_id(number),
                at: answered_at(number, payload, conversation),
                text,
                attachments: 0,
                voice: None,
            })
        }
        // Channels such as Telegram let customers change what they wrote.
        Some(MessageType::Incoming) if payload.content.filled().is_some() => {
            Event::Edited { id: MessageId::numeric(number), text: std::mem::take(&mut payload.content).into_text() }
        }
        Some(MessageType::Outgoing | MessageType::Template | MessageType::Incoming | MessageType::Activity) | None => {
            Event::StateChanged
        }
    })
}

/// Returns whether a message is not what it was when it was made, as far as that can be told from what it is: deleted, or
/// a form that the customer has answered.
pub(super) fn was_changed(payload: &Payload<'_>) -> bool {
    let attributes = payload.content_attributes.get();
    attributes.is_some_and(|attributes| attributes.deleted.is_true() || !attributes.submitted_values.items().is_empty())
}

/// Reads an order. Anything else in the note makes it a note.
fn order(note: &str) -> Option<Order> {
    match note.trim().to_ascii_lowercase().as_str() {
        "/bot" => Some(Order::Bot),
        "/human" => Some(Order::Human),
        "/forget" => Some(Order::Forget),
        _ => None,
    }
}

/// Returns the id of the answer to a form: it sorts with the form and is told apart from it, and it is the same in every
/// later change of the form, so that the answer is taken once.
fn answer_id(form: u64) -> MessageId {
    MessageId { order: form, unique: stable_hash(format!("answer:{form}").as_bytes()) }
}

/// Puts an answer into words: the titles chosen, or `name: value` line by line.
fn answer(attributes: &ContentAttributes<'_>) -> String {
    let lines: Vec<String> = attributes.submitted_values.items().iter().filter_map(line).collect();
    lines.join("\n")
}

fn line(submitted: &Answer<'_>) -> Option<String> {
    let value = submitted.value.text();
    let text = match (submitted.title.filled(), submitted.name.filled()) {
        (Some(title), _) => title.to_owned(),
        (None, Some(name)) if !value.is_empty() => format!("{name}: {value}"),
        (None, _) => value.to_owned(),
    };
    Some(text).filter(|text| !text.is_empty())
}

fn written_at(payload: &Payload<'_>, conversation: &Conversation<'_>) -> Timestamp {
    moment::read(&payload.created_at).unwrap_or_else(|| conversation_time(conversation))
}

/// Returns when a form was answered. Its own time is that of the question; the change stands only in the copy of the
/// message that is nested in the conversation, while that is still the latest one.
fn answered_at(form: u64, payload: &Payload<'_>, conversation: &Conversation<'_>) -> Timestamp {
    let nested = conversation.messages.items().iter().find(|message| message.id.id() == Some(form));
    let changed = nested.and_then(|message| moment::read(&message.updated_at));
    changed.unwrap_or_default().max(conversation_time(conversation)).max(written_at(payload, conversation))
}

/// Returns when something last happened in a conversation.
fn conversation_time(conversation: &Conversation<'_>) -> Timestamp {
    let times = [&conversation.updated_at, &conversation.last_activity_at];
    times.into_iter().filter_map(moment::read).max().unwrap_or_default()
}
