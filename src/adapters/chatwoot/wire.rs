//! The shapes of Chatwoot's JSON, as little of them as the desk needs, borrowed from the body.
//!
//! Webhooks have no envelope: a message event *is* the message, a conversation event *is* the conversation, and `event`
//! is merged into either. REST renders the same things a little differently: numbers for message types and times.
//! Nothing here decides anything; see `webhook` and `client::look`. The bound `'de: 'a` on a shape lets all of its fields
//! borrow from the body.

use super::lenient::{List, Object, Scalar};
use super::printed::Printed;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A webhook body: the fields of a message and of a conversation side by side.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Payload<'a> {
    pub(super) event: Scalar<'a>,
    pub(super) id: Scalar<'a>,
    pub(super) account: Object<Named<'a>>,
    pub(super) inbox: Object<Named<'a>>,
    pub(super) content: Scalar<'a>,
    pub(super) content_type: Scalar<'a>,
    pub(super) content_attributes: Object<ContentAttributes<'a>>,
    pub(super) additional_attributes: Object<AdditionalAttributes<'a>>,
    pub(super) message_type: Scalar<'a>,
    pub(super) private: Scalar<'a>,
    pub(super) sender: Object<Party<'a>>,
    pub(super) attachments: List<Attachment<'a>>,
    pub(super) created_at: Scalar<'a>,
    pub(super) conversation: Object<Conversation<'a>>,
    pub(super) inbox_id: Scalar<'a>,
    pub(super) status: Scalar<'a>,
    pub(super) meta: Object<Meta<'a>>,
    pub(super) contact_inbox: Object<ContactInbox<'a>>,
    pub(super) custom_attributes: CustomAttributes<'a>,
    pub(super) updated_at: Scalar<'a>,
    pub(super) last_activity_at: Scalar<'a>,
    pub(super) changed_attributes: List<Change<'a>>,
}

/// One changed column: an object with its name as the only key.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Change<'a> {
    pub(super) status: Object<Step<'a>>,
    pub(super) assignee_id: Object<Step<'a>>,
    pub(super) assignee_agent_bot_id: Object<Step<'a>>,
    pub(super) updated_at: Object<Step<'a>>,
}

/// How a column changed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Step<'a> {
    pub(super) previous_value: Scalar<'a>,
    pub(super) current_value: Scalar<'a>,
}

impl<'a> Payload<'a> {
    /// Reads the body of a conversation event as the conversation it is.
    pub(super) fn into_conversation(self) -> Conversation<'a> {
        Conversation {
            id: self.id,
            account: self.account,
            inbox_id: self.inbox_id,
            status: self.status,
            meta: self.meta,
            contact_inbox: self.contact_inbox,
            custom_attributes: self.custom_attributes,
            updated_at: self.updated_at,
            last_activity_at: self.last_activity_at,
            messages: List::default(),
        }
    }
}

/// A conversation as webhooks and REST show it. `id` is the number per account, the one in REST paths.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Conversation<'a> {
    pub(super) id: Scalar<'a>,
    pub(super) account: Object<Named<'a>>,
    pub(super) inbox_id: Scalar<'a>,
    pub(super) status: Scalar<'a>,
    pub(super) meta: Object<Meta<'a>>,
    pub(super) contact_inbox: Object<ContactInbox<'a>>,
    pub(super) custom_attributes: CustomAttributes<'a>,
    pub(super) updated_at: Scalar<'a>,
    pub(super) last_activity_at: Scalar<'a>,
    pub(super) messages: List<Latest<'a>>,
}

/// The nested latest message of a webhook: not necessarily the event's own, so only its id and time are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Latest<'a> {
    pub(super) id: Scalar<'a>,
    pub(super) updated_at: Scalar<'a>,
}

/// Something of which only the id matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Named<'a> {
    pub(super) id: Scalar<'a>,
}

/// Who the customer is, and who is assigned.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Meta<'a> {
    pub(super) sender: Object<Party<'a>>,
    pub(super) assignee: Object<Party<'a>>,
    pub(super) assignee_type: Scalar<'a>,
    pub(super) hmac_verified: Scalar<'a>,
}

/// A contact, a user or a bot. A contact that sent a message has no `type` at the top level of a webhook.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Party<'a> {
    pub(super) id: Scalar<'a>,
    #[serde(rename = "type")]
    pub(super) kind: Scalar<'a>,
    pub(super) name: Scalar<'a>,
    pub(super) email: Scalar<'a>,
    pub(super) identifier: Scalar<'a>,
    /// Whether the contact is muted: to Chatwoot the same as blocked.
    pub(super) blocked: Scalar<'a>,
}

/// The customer's seat in an inbox. The live credential that travels in it (`pubsub_token`) is not read.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct ContactInbox<'a> {
    pub(super) contact_id: Scalar<'a>,
    pub(super) hmac_verified: Scalar<'a>,
}

/// What a message carries beside its text.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct ContentAttributes<'a> {
    /// See `ROW_ATTRIBUTE`.
    pub(super) frontdesk_id: Scalar<'a>,
    pub(super) external_echo: Scalar<'a>,
    pub(super) deleted: Scalar<'a>,
    /// A list; an object for a satisfaction survey, which is no answer.
    pub(super) submitted_values: List<Answer<'a>>,
}

/// What a message carries for campaigns and templates.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct AdditionalAttributes<'a> {
    pub(super) campaign_id: Scalar<'a>,
}

/// A file that came with a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Attachment<'a> {
    pub(super) file_type: Scalar<'a>,
    pub(super) content_type: Scalar<'a>,
    pub(super) data_url: Scalar<'a>,
    pub(super) file_size: Scalar<'a>,
}

/// What a customer chose in a select or filled into a form.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Answer<'a> {
    pub(super) title: Scalar<'a>,
    pub(super) name: Scalar<'a>,
    pub(super) value: Printed,
}

/// The attributes of a conversation that say something about the customer's address.
#[derive(Debug, Default)]
pub(super) struct CustomAttributes<'a> {
    /// See `MAC_ATTRIBUTE`.
    pub(super) mac: Scalar<'a>,
    /// See `ADDRESS_ATTRIBUTE`.
    pub(super) address: Scalar<'a>,
    /// The seed systems' `email_verified`.
    pub(super) email_verified: Scalar<'a>,
    /// The contacts of the seed systems' `verified_contact_{id}: true`.
    pub(super) verified_contacts: Vec<u64>,
}

impl<'de: 'a, 'a> Deserialize<'de> for CustomAttributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Object::<Attributes<'a>>::deserialize(deserializer).map(|it| it.into_inner().unwrap_or_default().0)
    }
}

#[derive(Default)]
struct Attributes<'a>(CustomAttributes<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributesVisitor).map(Attributes)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = CustomAttributes<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = CustomAttributes::default();
        while let Some(key) = map.next_key::<Scalar<'de>>()? {
            match key.text().unwrap_or_default() {
                super::MAC_ATTRIBUTE => found.mac = map.next_value()?,
                super::ADDRESS_ATTRIBUTE => found.address = map.next_value()?,
                "email_verified" => found.email_verified = map.next_value()?,
                other => match other.strip_prefix("verified_contact_").and_then(|id| id.parse().ok()) {
                    Some(contact) if map.next_value::<Scalar<'de>>()?.is_true() => {
                        found.verified_contacts.push(contact)
                    }
                    Some(_) => {}
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                },
            }
        }
        Ok(found)
    }
}

/// A message as REST shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct RestMessage<'a> {
    pub(super) id: Scalar<'a>,
    pub(super) content: Scalar<'a>,
    pub(super) message_type: Scalar<'a>,
    pub(super) created_at: Scalar<'a>,
    pub(super) private: Scalar<'a>,
    pub(super) sender: Object<Party<'a>>,
    pub(super) sender_type: Scalar<'a>,
    pub(super) content_attributes: Object<ContentAttributes<'a>>,
    pub(super) additional_attributes: Object<AdditionalAttributes<'a>>,
    pub(super) attachments: List<Attachment<'a>>,
}

/// A conversation as REST shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct RestConversation<'a> {
    pub(super) id: Scalar<'a>,
    pub(super) status: Scalar<'a>,
    pub(super) meta: Object<Meta<'a>>,
    pub(super) updated_at: Scalar<'a>,
    /// Whether its contact is muted.
    pub(super) muted: Scalar<'a>,
    pub(super) messages: List<RestMessage<'a>>,
    pub(super) last_non_activity_message: Object<RestMessage<'a>>,
}

/// A page of messages as REST shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct RestPage<'a> {
    pub(super) payload: List<RestMessage<'a>>,
}

/// A page of messages, read as the webhooks of these messages would be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RestEvents<'a> {
    #[serde(borrow)]
    pub(super) payload: List<Payload<'a>>,
}

/// A page of conversations as REST shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RestList<'a> {
    #[serde(borrow)]
    pub(super) data: Object<RestListed<'a>>,
}

/// What stands on a page of conversations.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RestListed<'a> {
    #[serde(borrow)]
    pub(super) payload: List<Conversation<'a>>,
}

/// What a message is to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageType {
    /// The customer's.
    Incoming,
    /// The company's.
    Outgoing,
    /// A line about the conversation. Never sent as a webhook.
    Activity,
    /// A greeting, an out-of-office line, a template.
    Template,
}

impl MessageType {
    /// Reads the word of a webhook or the number of REST.
    pub(super) fn read(value: &Scalar<'_>) -> Option<Self> {
        match (value.text(), value.whole()) {
            (Some("incoming"), _) | (_, Some(0)) => Some(Self::Incoming),
            (Some("outgoing"), _) | (_, Some(1)) => Some(Self::Outgoing),
            (Some("activity"), _) | (_, Some(2)) => Some(Self::Activity),
            (Some("template"), _) | (_, Some(3)) => Some(Self::Template),
            (_, _) => None,
        }
    }
}
