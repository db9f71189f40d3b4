//! The shapes of Chatwoot's JSON, as little of them as the desk needs, borrowed from the body.
//!
//! Webhooks have no envelope: a message event *is* the message, a conversation event *is* the conversation, and `event`
//! is merged into either. REST renders the same things a little differently: numbers for message types and times.
//! Nothing here decides anything; see `webhook` and `client::look`.

use super::lenient::{Counted, List, Object, Scalar};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A webhook body: the fields of a message and of a conversation side by side.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Payload<'a> {
    #[serde(borrow)]
    pub(super) event: Scalar<'a>,
    #[serde(borrow)]
    pub(super) id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) account: Object<Named<'a>>,
    #[serde(borrow)]
    pub(super) inbox: Object<Named<'a>>,
    #[serde(borrow)]
    pub(super) content: Scalar<'a>,
    #[serde(borrow)]
    pub(super) content_type: Scalar<'a>,
    #[serde(borrow)]
    pub(super) content_attributes: Object<ContentAttributes<'a>>,
    #[serde(borrow)]
    pub(super) additional_attributes: Object<AdditionalAttributes<'a>>,
    #[serde(borrow)]
    pub(super) message_type: Scalar<'a>,
    #[serde(borrow)]
    pub(super) private: Scalar<'a>,
    #[serde(borrow)]
    pub(super) sender: Object<Party<'a>>,
    pub(super) attachments: List<Counted>,
    #[serde(borrow)]
    pub(super) created_at: Scalar<'a>,
    #[serde(borrow)]
    pub(super) conversation: Object<Conversation<'a>>,
    #[serde(borrow)]
    pub(super) inbox_id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) status: Scalar<'a>,
    #[serde(borrow)]
    pub(super) meta: Object<Meta<'a>>,
    #[serde(borrow)]
    pub(super) contact_inbox: Object<ContactInbox<'a>>,
    #[serde(borrow)]
    pub(super) custom_attributes: CustomAttributes<'a>,
    #[serde(borrow)]
    pub(super) updated_at: Scalar<'a>,
    #[serde(borrow)]
    pub(super) last_activity_at: Scalar<'a>,
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
#[serde(default)]
pub(super) struct Conversation<'a> {
    #[serde(borrow)]
    pub(super) id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) account: Object<Named<'a>>,
    #[serde(borrow)]
    pub(super) inbox_id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) status: Scalar<'a>,
    #[serde(borrow)]
    pub(super) meta: Object<Meta<'a>>,
    #[serde(borrow)]
    pub(super) contact_inbox: Object<ContactInbox<'a>>,
    #[serde(borrow)]
    pub(super) custom_attributes: CustomAttributes<'a>,
    #[serde(borrow)]
    pub(super) updated_at: Scalar<'a>,
    #[serde(borrow)]
    pub(super) last_activity_at: Scalar<'a>,
    #[serde(borrow)]
    pub(super) messages: List<Latest<'a>>,
}

/// The nested latest message of a webhook: not necessarily the event's own, so only its id and time are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Latest<'a> {
    #[serde(borrow)]
    pub(super) id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) updated_at: Scalar<'a>,
}

/// Something of which only the id matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named<'a> {
    #[serde(borrow)]
    pub(super) id: Scalar<'a>,
}

/// Who the customer is, and who is assigned.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meta<'a> {
    #[serde(borrow)]
    pub(super) sender: Object<Party<'a>>,
    #[serde(borrow)]
    pub(super) assignee: Object<Party<'a>>,
    #[serde(borrow)]
    pub(super) assignee_type: Scalar<'a>,
    #[serde(borrow)]
    pub(super) hmac_verified: Scalar<'a>,
}

/// A contact, a user or a bot. A contact that sent a message has no `type` at the top level of a webhook.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Party<'a> {
    #[serde(borrow)]
    pub(super) id: Scalar<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Scalar<'a>,
    #[serde(borrow)]
    pub(super) name: Scalar<'a>,
    #[serde(borrow)]
    pub(super) email: Scalar<'a>,
    #[serde(borrow)]
    pub(super) identifier: Scalar<'a>,
}

/// The customer's seat in an inbox. The live credential that travels in it (`pubsub_token`) is not read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContactInbox<'a> {
    #[serde(borrow)]
    pub(super) contact_id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) hmac_verified: Scalar<'a>,
}

/// What a message carries beside its text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContentAttributes<'a> {
    /// See `ROW_ATTRIBUTE`.
    #[serde(borrow)]
    pub(super) frontdesk_id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) external_echo: Scalar<'a>,
    #[serde(borrow)]
    pub(super) deleted: Scalar<'a>,
    pub(super) submitted_values: Submitted,
}

/// What a message carries for campaigns and templates.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AdditionalAttributes<'a> {
    #[serde(borrow)]
    pub(super) campaign_id: Scalar<'a>,
}

/// What a customer chose in a select or filled into a form; nothing for a satisfaction survey, whose answer is an object.
#[derive(Default)]
pub(super) struct Submitted(pub(super) Vec<serde_json::Value>);

impl fmt::Debug for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}

impl<'de> Deserialize<'de> for Submitted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(if let serde_json::Value::Array(values) = value { Self(values) } else { Self::default() })
    }
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
#[serde(default)]
pub(super) struct RestMessage<'a> {
    #[serde(borrow)]
    pub(super) id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) content: Scalar<'a>,
    #[serde(borrow)]
    pub(super) message_type: Scalar<'a>,
    #[serde(borrow)]
    pub(super) created_at: Scalar<'a>,
    #[serde(borrow)]
    pub(super) private: Scalar<'a>,
    #[serde(borrow)]
    pub(super) sender: Object<Party<'a>>,
    #[serde(borrow)]
    pub(super) sender_type: Scalar<'a>,
    #[serde(borrow)]
    pub(super) content_attributes: Object<ContentAttributes<'a>>,
    #[serde(borrow)]
    pub(super) additional_attributes: Object<AdditionalAttributes<'a>>,
}

/// A conversation as REST shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RestConversation<'a> {
    #[serde(borrow)]
    pub(super) id: Scalar<'a>,
    #[serde(borrow)]
    pub(super) status: Scalar<'a>,
    #[serde(borrow)]
    pub(super) meta: Object<Meta<'a>>,
    #[serde(borrow)]
    pub(super) updated_at: Scalar<'a>,
    #[serde(borrow)]
    pub(super) messages: List<RestMessage<'a>>,
    #[serde(borrow)]
    pub(super) last_non_activity_message: Object<RestMessage<'a>>,
}

/// A page of messages as REST shows it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RestPage<'a> {
    #[serde(borrow)]
    pub(super) payload: List<RestMessage<'a>>,
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
