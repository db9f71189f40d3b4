//! What tests do to the double: write as customers and agents, look around, wait, and let things fail.

use super::deliver::{Delivery, Outcome};
use super::fault::{Fate, Fault, RequestKind};
use super::world::{
    AGENT, Assignee, Author, BOT, ChangedBy, Contact, Hook, NewMessage, OTHER_BOT, Options, Recorded, Stats, Status,
    Target,
};
use super::{ChatwootDouble, deliver, world};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long [`ChatwootDouble::wait_for`] waits: long enough for a loaded machine, short enough for a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// One line of a conversation as tests read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The message's id.
    pub id: u64,
    /// Who wrote it.
    pub author: Author,
    /// When it was saved, in UTC microseconds.
    pub created: u64,
    /// What was written.
    pub text: String,
    /// Whether it is a private note.
    pub private: bool,
    /// Whether it is an activity line.
    pub activity: bool,
    /// The id of our row, if it carries one.
    pub row: Option<String>,
    /// All content attributes.
    pub content_attributes: Value,
}

/// A conversation as tests read it.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationView {
    /// `open`, `pending`, `resolved` or `snoozed`.
    pub status: String,
    /// The agent assigned, if a person is.
    pub agent: Option<u64>,
    /// The bot assigned, if one is.
    pub bot: Option<u64>,
    /// The team assigned.
    pub team: Option<u64>,
    /// The labels, in their order.
    pub labels: Vec<String>,
    /// The priority.
    pub priority: Option<String>,
    /// All custom attributes.
    pub custom_attributes: Map<String, Value>,
    /// The contact.
    pub contact: u64,
    /// The contact's address.
    pub email: Option<String>,
    /// What the typing indicator was told, in order.
    pub typing: Vec<bool>,
}

/// Everything the double knows, as a condition reads it.
#[derive(Debug)]
pub struct World<'a>(&'a world::World);

impl World<'_> {
    /// Returns the lines of a conversation, oldest first.
    pub fn transcript(&self, conversation: u64) -> Vec<Line> {
        let found = self.0.conversation(conversation);
        found.map(|found| found.messages.iter().map(line).collect()).unwrap_or_default()
    }

    /// Returns what the customer sees of what the desk's bot said, oldest first.
    pub fn replies(&self, conversation: u64) -> Vec<String> {
        let lines = self.transcript(conversation).into_iter();
        lines.filter(|line| line.author == Author::Bot(BOT) && !line.private).map(|line| line.text).collect()
    }

    /// Returns a conversation; `None` if there is none of this number.
    pub fn conversation(&self, conversation: u64) -> Option<ConversationView> {
        let found = self.0.conversation(conversation)?;
        let contact = self.0.contacts.get(&found.contact);
        Some(ConversationView {
            status: found.status.name().to_owned(),
            agent: if let Assignee::User(id) = found.assignee { Some(id) } else { None },
            bot: if let Assignee::Bot(id) = found.assignee { Some(id) } else { None },
            team: found.team,
            labels: found.labels.clone(),
            priority: found.priority.clone(),
            custom_attributes: found.custom_attributes.clone(),
            contact: found.contact,
            email: contact.and_then(|contact| contact.email.clone()),
            typing: self.0.typing.iter().filter(|(id, _)| *id == conversation).map(|(_, on)| *on).collect(),
        })
    }

    /// Returns what happened to webhooks so far.
    pub fn stats(&self) -> Stats {
        self.0.stats
    }

    /// Returns every status a conversation has had, since when, in UTC microseconds, and who made it so, oldest first.
    pub fn statuses(&self, conversation: u64) -> Vec<(u64, &'static str, ChangedBy)> {
        let of_it = self.0.statuses.iter().filter(|(id, ..)| *id == conversation);
        of_it.map(|(_, at, status, by)| (*at, status.name(), *by)).collect()
    }

    /// Returns the requests so far, in the order of their arrival.
    pub fn requests(&self) -> &[Recorded] {
        &self.0.requests
    }

    /// Returns the attempts to deliver webhooks so far, in the order of their ends.
    pub fn deliveries(&self) -> &[Delivery] {
        &self.0.deliveries
    }
}

fn line(message: &world::Message) -> Line {
    Line {
        id: message.id,
        author: message.author,
        created: message.created,
        text: message.content.clone().unwrap_or_default(),
        private: message.private,
        activity: message.kind == 2,
        row: message.content_attributes.get("frontdesk_id").and_then(Value::as_str).map(str::to_owned),
        content_attributes: Value::Object(message.content_attributes.clone()),
    }
}

impl ChatwootDouble {
    /// Reads anything about the world.
    pub fn see<T>(&self, read: impl FnOnce(&World<'_>) -> T) -> T {
        read(&World(&self.shared.lock()))
    }

    /// Waits until a condition holds.
    ///
    /// # Errors
    /// If it does not hold within a minute; the error names the condition and shows what happened.
    pub async fn wait_for(&self, what: &str, mut holds: impl FnMut(&World<'_>) -> bool) -> anyhow::Result<()> {
        if self.shared.wait(PATIENCE, |world| holds(&World(world))).await {
            return Ok(());
        }
        let (talk, stats) = self.see(|world| {
            let talk: Vec<(u64, Vec<Line>)> =
                world.0.conversations.keys().map(|id| (*id, world.transcript(*id))).collect();
            (talk, world.stats())
        });
        anyhow::bail!("waited in vain for: {what}\n{talk:#?}\n{stats:?}")
    }

    /// Returns the lines of a conversation, oldest first.
    pub fn transcript(&self, conversation: u64) -> Vec<Line> {
        self.see(|world| world.transcript(conversation))
    }

    /// Returns a conversation; `None` if there is none of this number.
    pub fn conversation(&self, conversation: u64) -> Option<ConversationView> {
        self.see(|world| world.conversation(conversation))
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.see(|world| world.requests().to_vec())
    }

    /// Returns what happened to webhooks so far.
    pub fn stats(&self) -> Stats {
        self.see(|world| world.stats())
    }

    /// Changes options while it runs, for example where webhooks go.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        self.shared.change(|world| change(&mut world.options));
    }

    /// Sets where webhooks go from here on.
    pub fn deliver_to(&self, target: Target, hook: Option<Hook>) {
        self.configure(|options| match target {
            Target::Account => options.account_webhook = hook,
            Target::AgentBot => options.bot_webhook = hook,
        });
    }

    /// Adds a contact and returns its id.
    pub fn new_contact(&self, name: &str, email: Option<&str>) -> u64 {
        self.shared.change(|world| world.add_contact(name, email))
    }

    /// Lets the company's server sign a contact's identity for the widget.
    pub fn sign_identity(&self, contact: u64, identifier: &str) {
        self.shared.change(|world| {
            if let Some(Contact { identifier: place, hmac_verified, .. }) = world.contacts.get_mut(&contact) {
                *place = Some(identifier.to_owned());
                *hmac_verified = true;
            }
        });
    }

    /// People mute a contact: Chatwoot blocks it.
    pub fn mute(&self, contact: u64) {
        self.shared.change(|world| {
            if let Some(contact) = world.contacts.get_mut(&contact) {
                contact.blocked = true;
            }
        });
    }

    /// Opens a conversation and returns its number.
    pub fn new_conversation(&self, contact: u64) -> u64 {
        self.shared.change(|world| world.add_conversation(contact))
    }

    /// Writes as the customer and returns the message's id; 0 without such a conversation.
    pub fn customer_writes(&self, conversation: u64, text: &str) -> u64 {
        self.customer_sends(conversation, Some(text), Vec::new())
    }

    /// Sends a file as the customer, without a word.
    pub fn customer_attaches(&self, conversation: u64, file_type: &str) -> u64 {
        let file = json!({ "file_type": file_type, "data_url": "https://chat.acme.example/file", "thumb_url": "" });
        self.customer_sends(conversation, None, vec![file])
    }

    /// Sends a voice message as the customer, whose recording lies at this address.
    pub fn customer_speaks(&self, conversation: u64, url: &str) -> u64 {
        let file = json!({
            "file_type": "audio", "extension": "ogg", "content_type": "audio/ogg", "data_url": url, "thumb_url": "",
            "width": null, "height": null, "transcribed_text": "",
        });
        self.customer_sends(conversation, None, vec![file])
    }

    fn customer_sends(&self, conversation: u64, text: Option<&str>, attachments: Vec<Value>) -> u64 {
        self.shared.change(|world| {
            let Some(found) = world.conversation(conversation) else { return 0 };
            let (author, first) = (Author::Contact(found.contact), found.messages.is_empty());
            let mut content_attributes = Map::new();
            content_attributes.insert("in_reply_to".to_owned(), Value::Null);
            let content = text.map(str::to_owned);
            let message = NewMessage { content, content_attributes, attachments, ..NewMessage::of(0, author) };
            let id = world.add_message(conversation, message).unwrap_or(0);
            world.contact_seen(conversation);
            if let Some(greeting) = world.options.greeting.clone().filter(|_| first) {
                let greeting = NewMessage { content: Some(greeting), ..NewMessage::of(3, Author::Nobody) };
                world.add_message(conversation, greeting);
            }
            id
        })
    }

    /// Chooses from a select message as the customer: the message is changed, none is created.
    pub fn customer_chooses(&self, conversation: u64, message: u64, title: &str) {
        let chosen = json!([{ "title": title, "value": title.to_lowercase() }]);
        self.shared.change(|world| {
            world.update_message(conversation, message, |message| {
                message.content_attributes.insert("submitted_values".to_owned(), chosen);
            });
        });
    }

    /// Deletes a message.
    pub fn delete_message(&self, conversation: u64, message: u64) {
        self.shared.change(|world| {
            world.update_message(conversation, message, |message| {
                message.content = Some("This message was deleted".to_owned());
                message.content_attributes = Map::from_iter([("deleted".to_owned(), true.into())]);
            });
        });
    }

    /// Sets conversation attributes as a visitor can from the browser console: they are merged.
    pub fn visitor_sets_attributes(&self, conversation: u64, attributes: Value) {
        let Value::Object(attributes) = attributes else { return };
        self.shared.change(|world| {
            world.update(conversation, "custom_attributes", |found| found.custom_attributes.extend(attributes));
        });
    }

    /// Writes to the customer as an agent. The status stays as it is.
    pub fn agent_writes(&self, conversation: u64, text: &str) -> u64 {
        self.post(conversation, text, NewMessage::of(1, Author::User(AGENT)))
    }

    /// Leaves a private note as an agent.
    pub fn agent_notes(&self, conversation: u64, text: &str) -> u64 {
        self.post(conversation, text, NewMessage { private: true, ..NewMessage::of(1, Author::User(AGENT)) })
    }

    /// Writes to the customer as an automation rule does: nobody is the sender.
    pub fn automation_writes(&self, conversation: u64, text: &str) -> u64 {
        let mut message = NewMessage::of(1, Author::Nobody);
        message.content_attributes.insert("automation_rule_id".to_owned(), 1.into());
        self.post(conversation, text, message)
    }

    /// Writes to the customer from the native app of a channel: nobody is the sender, but a person wrote.
    pub fn native_app_writes(&self, conversation: u64, text: &str) -> u64 {
        let mut message = NewMessage::of(1, Author::Nobody);
        message.content_attributes.insert("external_echo".to_owned(), true.into());
        self.post(conversation, text, message)
    }

    fn post(&self, conversation: u64, text: &str, message: NewMessage) -> u64 {
        let message = NewMessage { content: Some(text.to_owned()), ..message };
        self.shared.change(|world| world.add_message(conversation, message).unwrap_or(0))
    }

    /// Assigns the agent.
    pub fn agent_assigns(&self, conversation: u64) {
        self.shared.change(|world| world.assign(conversation, Assignee::User(AGENT), ChangedBy::Person));
    }

    /// Assigns our bot.
    pub fn assign_bot(&self, conversation: u64) {
        self.shared.change(|world| world.assign(conversation, Assignee::Bot(BOT), ChangedBy::Person));
    }

    /// Assigns another bot.
    pub fn assign_other_bot(&self, conversation: u64) {
        self.shared.change(|world| world.assign(conversation, Assignee::Bot(OTHER_BOT), ChangedBy::Person));
    }

    /// Resolves the conversation as an agent. The assignee stays.
    pub fn resolve(&self, conversation: u64) {
        self.set_status(conversation, "resolved");
    }

    /// Sets the status as an agent who is an administrator; unknown words do nothing.
    pub fn set_status(&self, conversation: u64, status: &str) {
        self.shared.change(|world| {
            if let Some(status) = Status::parse(status) {
                world.set_status(conversation, status, ChangedBy::Person);
            }
        });
    }

    /// Lets the next request of a kind fail; repeated calls queue up.
    pub fn fail_next(&self, kind: RequestKind, fault: Fault) {
        self.shared.change(|world| world.faults.push(kind, fault));
    }

    /// Lets every request of a kind fail until [`ChatwootDouble::recover`].
    pub fn fail_all(&self, kind: RequestKind, fault: Fault) {
        self.shared.change(|world| world.faults.stand(kind, fault));
    }

    /// Asks this about every request for which no fault was ordered, until [`ChatwootDouble::recover`].
    pub fn leave_to(&self, fate: Fate) {
        self.shared.change(|world| world.faults.leave_to(fate));
    }

    /// Ends all faults.
    pub fn recover(&self) {
        self.shared.change(|world| world.faults.clear());
    }

    /// Delivers a webhook once more, byte for byte, freshly signed, as a crashed Sidekiq job does.
    pub async fn redeliver(&self, delivery: &Delivery) -> Outcome {
        let hook = self.shared.lock().options.hook(delivery.target).cloned();
        match hook {
            Some(hook) => deliver::post(&self.shared, &hook, &delivery.id, &delivery.body).await,
            None => Outcome::Failed,
        }
    }

    /// Waits until no webhook is under way.
    ///
    /// # Errors
    /// If that does not happen within a minute.
    pub async fn wait_quiet(&self) -> anyhow::Result<()> {
        self.wait_for("all webhooks are delivered or given up", |world| world.0.is_quiet()).await
    }
}
