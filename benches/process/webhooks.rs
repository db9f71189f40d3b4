//! Chatwoot's webhooks as bytes that are ready for the wire: real payloads with the numbers changed, signed.

use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the webhooks are signed with.
pub(crate) const SECRET: &str = "account-webhook-secret-24";

const CUSTOMER: &str = include_str!("../../tests/fixtures/chatwoot/message_created.incoming.json");
const OUTGOING: &str = include_str!("../../tests/fixtures/chatwoot/message_created.outgoing_by_bot.json");
const AGENT: &str = include_str!("../../tests/fixtures/chatwoot/message_created.outgoing_by_agent.json");
const UPDATED: &str = include_str!("../../tests/fixtures/chatwoot/conversation_updated.json");

/// 117 bytes, so that figures of different runs compare.
const TEXT: &str = "Hi there, does the Pro plan include single sign-on and audit logs? We would move over from the old \
                    Starter plan, yes.";

/// Where the numbers of one webhook go.
const CONVERSATION: &str = "\"@conversation\"";
const MESSAGE: &str = "\"@message\"";
const VERSION: &str = "\"@version\"";
const ROW: &str = "@row";

/// Who has the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Having {
    /// A person: the desk remembers what the customer writes, durably, and stays silent.
    People,
    /// The desk: it answers.
    Desk,
}

/// One kind of webhook, prepared.
#[derive(Debug)]
pub(crate) struct Webhook {
    template: String,
}

/// Makes requests. Message ids and versions grow over its whole life, as a vendor's do.
#[derive(Debug)]
pub(crate) struct Webhooks {
    key: hmac::Key,
    next: AtomicU64,
    host: String,
}

impl Webhook {
    /// The customer writes.
    pub(crate) fn customer(having: Having) -> Result<Self> {
        let mut body: Value = serde_json::from_str(CUSTOMER)?;
        body["content"] = TEXT.into();
        body["id"] = "@message".into();
        // What was asked long ago is left to people; a number is read like the fixture's text.
        body["created_at"] = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().into();
        let conversation = body.get_mut("conversation").context("the fixture has a conversation")?;
        number(conversation, having);
        Ok(Self { template: body.to_string() })
    }

    /// A person answers: from then on nothing is owed by the desk.
    pub(crate) fn person() -> Result<Self> {
        let mut body: Value = serde_json::from_str(AGENT)?;
        body["id"] = "@message".into();
        let conversation = body.get_mut("conversation").context("the fixture has a conversation")?;
        number(conversation, Having::People);
        Ok(Self { template: body.to_string() })
    }

    /// Our own message comes back.
    pub(crate) fn echo() -> Result<Self> {
        let mut body: Value = serde_json::from_str(OUTGOING)?;
        body["id"] = "@message".into();
        body["content_attributes"] = json!({ "frontdesk_id": ROW });
        let conversation = body.get_mut("conversation").context("the fixture has a conversation")?;
        number(conversation, Having::Desk);
        Ok(Self { template: body.to_string() })
    }

    /// The conversation changed in a way that does not concern the desk.
    pub(crate) fn updated(having: Having) -> Result<Self> {
        let mut body: Value = serde_json::from_str(UPDATED)?;
        number(&mut body, having);
        Ok(Self { template: body.to_string() })
    }
}

/// Puts marks where the numbers go, and says who has the conversation.
fn number(conversation: &mut Value, having: Having) {
    conversation["id"] = "@conversation".into();
    conversation["updated_at"] = "@version".into();
    match having {
        Having::People => {
            conversation["status"] = "open".into();
            conversation["meta"]["assignee"] = json!({ "id": 5, "name": "Ana Silva", "type": "user" });
            conversation["meta"]["assignee_type"] = "User".into();
        }
        Having::Desk => {
            conversation["status"] = "pending".into();
            conversation["meta"]["assignee"] = Value::Null;
            conversation["meta"]["assignee_type"] = Value::Null;
        }
    }
}

impl Webhooks {
    /// Makes requests to `host`.
    pub(crate) fn new(host: String) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        Self { key, next: AtomicU64::new(10_000), host }
    }

    /// Draws the next number of a message.
    pub(crate) fn draw(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes one signed request about a message that has just been written.
    pub(crate) fn request(&self, webhook: &Webhook, conversation: u64) -> Vec<u8> {
        self.request_for(webhook, conversation, (self.draw(), ""))
    }

    /// Makes one signed request about a message of this number, and of this id of ours.
    pub(crate) fn request_for(&self, webhook: &Webhook, conversation: u64, (id, row): (u64, &str)) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let body = webhook
            .template
            .replace(CONVERSATION, &conversation.to_string())
            .replace(MESSAGE, &id.to_string())
            .replace(VERSION, &format!("{}.{:06}", 1_800_000_000 + id / 1_000_000, id % 1_000_000))
            .replace(ROW, row);
        let mut context = hmac::Context::with_key(&self.key);
        context.update(now.to_string().as_bytes());
        context.update(b".");
        context.update(body.as_bytes());
        let signature = hex::encode(context.sign());
        let head = format!(
            "POST /webhooks/chatwoot HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             x-chatwoot-timestamp: {now}\r\nx-chatwoot-signature: sha256={signature}\r\n\
             x-chatwoot-delivery: 0d8c1a7e-5a0f-4d0a-9a5c-{id:012}\r\n\r\n",
            self.host,
            body.len(),
        );
        [head.into_bytes(), body.into_bytes()].concat()
    }
}
