//! The acts of the desk, as calls to Chatwoot.
//!
//! Our id travels in `content_attributes`, never as `source_id`: on most channels Chatwoot takes a message with a
//! `source_id` for one that came from the channel, and does not deliver it.

use super::Chatwoot;
use super::answer::{Body, Refusal};
use super::transport::{Call, Token};
use crate::adapters::chatwoot::{ADDRESS_ATTRIBUTE, MAC_ATTRIBUTE, ROW_ATTRIBUTE, Subject, lenient, liquid};
use frontdesk_actors::ids::{MessageId, OutboundId};
use frontdesk_actors::ports::{Act, Destination};
use serde_json::{Map, Value, json};
use std::time::Instant;

/// What an act brings about: the id of the message, if it is one.
type Done = Result<Option<MessageId>, Refusal>;

impl Chatwoot {
    /// Performs one act.
    pub(super) async fn perform(&self, to: &Destination, act: &Act, id: &OutboundId) -> Done {
        let conversation = self.conversation(&to.key)?;
        match act {
            Act::Text { text, handoff } => {
                self.say(conversation, text, &Saying { id, private: false, handoff: *handoff, by: to.by }).await
            }
            Act::Note { text } => {
                self.say(conversation, text, &Saying { id, private: true, handoff: false, by: to.by }).await
            }
            // Nobody waits for an answer here: everything is posted.
            Act::Dismiss { .. } => Ok(None),
            Act::Open => self.set_status(conversation, "open", to.by).await,
            Act::Pend => self.set_status(conversation, "pending", to.by).await,
            Act::AddLabel(label) => self.add_label(conversation, label).await,
            Act::Priority(priority) => self.set_priority(conversation, priority).await,
            Act::Team(team) => self.assign_team(conversation, *team).await,
            Act::MarkVerified { address } => self.mark_verified(to, conversation, address.as_deref()).await,
            Act::ContactEmail { address } => self.set_contact_email(to, address).await,
        }
    }

    async fn say(&self, conversation: u64, text: &str, saying: &Saying<'_>) -> Done {
        if text.trim().is_empty() {
            return Err(Refusal::rejected("there is nothing to say"));
        }
        let mut attributes = Map::new();
        attributes.insert(ROW_ATTRIBUTE.to_owned(), saying.id.0.as_str().into());
        if saying.handoff {
            attributes.insert("action".to_owned(), "handoff".into());
        }
        let body = json!({
            "content": liquid::neutralise(text),
            "message_type": "outgoing",
            "private": saying.private,
            "content_attributes": attributes,
        });
        let path = format!("conversations/{conversation}/messages");
        let call = Call::post("post a message", &path, body).unquoted().by(saying.by);
        let body = self.call(call).await.map_err(Refusal::for_every_act)?;
        self.posted(body)
    }

    /// Reads the message that a post made, and learns our bot's id from its sender.
    fn posted(&self, body: Body) -> Done {
        // The status said that it is saved; only the answer was cut.
        let Some(body) = body else { return Ok(None) };
        let message: Option<Value> = lenient::read_owned(&body);
        let number = |value: Option<&Value>| value.and_then(Value::as_u64);
        let id = number(message.as_ref().and_then(|message| message.get("id"))).ok_or_else(|| {
            Refusal::doubtful("post a message: the answer is not Chatwoot's: check what CHATWOOT_BASE_URL leads to")
        })?;
        let sender = message.as_ref().and_then(|message| message.get("sender"));
        let is_bot = sender.and_then(|sender| sender.get("type")).and_then(Value::as_str) == Some("agent_bot");
        if let Some(bot) = number(sender.and_then(|sender| sender.get("id"))).filter(|_| is_bot) {
            self.bot.learn(bot);
        }
        Ok(Some(MessageId::numeric(id)))
    }

    /// Sets the status. `success` is null for bots, so the status that came of it is what counts.
    async fn set_status(&self, conversation: u64, status: &str, by: Option<Instant>) -> Done {
        let path = format!("conversations/{conversation}/toggle_status");
        let call = Call::post("set the conversation's status", &path, json!({ "status": status })).by(by);
        let body = self.call(call).await.map_err(Refusal::for_every_act)?;
        let answer: Option<Value> = body.as_deref().and_then(lenient::read_owned);
        let current =
            answer.as_ref().and_then(|answer| answer.pointer("/payload/current_status")).and_then(Value::as_str);
        match current {
            Some(current) if current != status => {
                Err(Refusal::doubtful(format!("set the conversation's status: it did not become {status}")))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Adds a label to those that are there: posting replaces them all.
    async fn add_label(&self, conversation: u64, label: &str) -> Done {
        let path = format!("conversations/{conversation}/labels");
        let answer = document(self.call(Call::get("read the conversation's labels", &path)).await?)?;
        let Some(present) = answer.get("payload").and_then(Value::as_array) else {
            return Err(Refusal::doubtful("read the conversation's labels: the answer holds none"));
        };
        if present.iter().any(|value| value.as_str() == Some(label)) {
            return Ok(None);
        }
        let mut labels = present.clone();
        labels.push(label.into());
        self.call(Call::post("label the conversation", &path, json!({ "labels": labels }))).await?;
        Ok(None)
    }

    async fn set_priority(&self, conversation: u64, priority: &str) -> Done {
        // Chatwoot answers any other word with 500, which would look like a failure worth another try.
        if !matches!(priority, "low" | "medium" | "high" | "urgent") {
            return Err(Refusal::rejected("the priority must be low, medium, high or urgent"));
        }
        let path = format!("conversations/{conversation}/toggle_priority");
        self.call(Call::post("set the conversation's priority", &path, json!({ "priority": priority }))).await?;
        Ok(None)
    }

    async fn assign_team(&self, conversation: u64, team: u64) -> Done {
        let path = format!("conversations/{conversation}/assignments");
        let body = self.call(Call::post("assign the team", &path, json!({ "team_id": team }))).await?;
        // An unknown team is not an error to Chatwoot: it assigns none and answers null.
        if body.as_deref().map(<[u8]>::trim_ascii) == Some(b"null") {
            return Err(Refusal::rejected(format!(
                "assign the team: Chatwoot knows no team {team}: check the setting"
            )));
        }
        Ok(None)
    }

    /// Marks the customer as verified. Before 4.17 Chatwoot replaces all attributes, so all of them are sent; what
    /// somebody else sets between our reading and our writing is lost there.
    async fn mark_verified(&self, to: &Destination, conversation: u64, address: Option<&str>) -> Done {
        let current = document(self.fetch_conversation(conversation).await?)?;
        let of_conversation = || current.pointer("/meta/sender/id").and_then(Value::as_u64);
        let contact = contact(to).or_else(of_conversation);
        let contact =
            contact.ok_or_else(|| Refusal::rejected("mark the customer verified: the contact is not known"))?;
        let mut attributes = match current.get("custom_attributes") {
            Some(Value::Object(attributes)) => attributes.clone(),
            Some(_) | None => Map::new(),
        };
        let address = address.unwrap_or_default();
        let subject = Subject { account: self.account, conversation, contact, address };
        attributes.insert("email_verified".to_owned(), true.into());
        attributes.insert(format!("verified_contact_{contact}"), true.into());
        attributes.insert(MAC_ATTRIBUTE.to_owned(), self.mac.seal(&subject).into());
        attributes.insert(ADDRESS_ATTRIBUTE.to_owned(), address.into());
        let path = format!("conversations/{conversation}/custom_attributes");
        let body = json!({ "custom_attributes": attributes, "merge": true });
        self.call(Call::post("mark the customer verified", &path, body).unquoted()).await?;
        Ok(None)
    }

    /// Puts the address on the contact, where there is a user token: bots may not.
    async fn set_contact_email(&self, to: &Destination, address: &str) -> Done {
        if !self.transport.has_user() {
            return Ok(None);
        }
        let contact =
            contact(to).ok_or_else(|| Refusal::rejected("set the contact's address: the contact is not known"))?;
        let path = format!("contacts/{contact}");
        let call = Call::post("set the contact's address", &path, json!({ "email": address })).patching();
        self.call(call.with(Token::User).unquoted()).await.map_err(Refusal::for_this_act_only)?;
        Ok(None)
    }
}

/// How something is said.
struct Saying<'a> {
    id: &'a OutboundId,
    private: bool,
    handoff: bool,
    by: Option<Instant>,
}

fn contact(to: &Destination) -> Option<u64> {
    to.contact.as_ref().and_then(|contact| contact.id().parse().ok())
}

/// Reads the answer to a question; without it nothing can be written.
fn document(body: Body) -> Result<Value, Refusal> {
    let document = body.as_deref().and_then(lenient::read_owned);
    document
        .ok_or_else(|| Refusal::doubtful("the answer is cut or not Chatwoot's: check what CHATWOOT_BASE_URL leads to"))
}
