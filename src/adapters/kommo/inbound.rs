//! What requests of salesbots and webhooks of the account mean to the engine.
//!
//! A conversation is a lead: it is named in the signed token of every request and in most webhooks. Webhooks that name only
//! the contact are brought to the conversation in which that contact wrote last.

use super::account::Account;
use super::places::Places;
use super::said::Said;
use super::token::{Caller, Entity, TokenError, Tokens};
use super::wire::{AccountEvent, ChatMessage, WidgetRequest, WireError};
use super::{CHANNEL, Settings};
use frontdesk_actors::domain::{Contact, CustomerMessage, Event, Inbound};
use frontdesk_actors::ids::{ContactKey, ConversationKey, MessageId, stable_hash};
use frontdesk_actors::ports::{PortError, Store};
use frontdesk_actors::time::{Clock, Timestamp};
use secrecy::ExposeSecret;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How often it is written down that the salesbot and the webhook work.
const NOTED: Duration = Duration::from_secs(60);

/// Why something that was sent to us is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It does not prove who sent it.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It cannot be read, or is to be answered at a foreign address.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The secret in the address is wrong, or none is configured.
    #[error("the webhook's address does not end in KOMMO_WEBHOOK_SECRET")]
    Secret,
    /// It is about another account.
    #[error("the webhook belongs to another account than KOMMO_SUBDOMAIN")]
    OtherAccount,
    /// The store does not answer.
    #[error("the store cannot be read")]
    Store(#[from] PortError),
}

/// Reads what Kommo sends.
pub struct Edge {
    settings: Settings,
    tokens: Tokens,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    said: Said,
    places: Places,
    account: Account,
    noted: [AtomicI64; 2],
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// What shows that a way in works.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sign {
    /// A salesbot has asked.
    Request,
    /// A webhook has come.
    Webhook,
}

impl Sign {
    pub(super) fn setting(self, subdomain: &str) -> String {
        let what = match self {
            Sign::Request => "request",
            Sign::Webhook => "webhook",
        };
        format!("kommo_last_{what}:{subdomain}")
    }
}

impl Edge {
    /// Makes a reader.
    pub fn new(settings: Settings, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let tokens = Tokens::new(&settings.client_secret, &settings.subdomain, settings.client_id.as_deref());
        let never = || AtomicI64::new(i64::MIN / 2);
        let account = Account::new(store.clone(), &settings.subdomain);
        let places = Places::new(store.clone(), &settings.client_secret);
        Self { said: Said(store.clone()), places, tokens, settings, store, clock, account, noted: [never(), never()] }
    }

    /// Reads the request of a salesbot.
    ///
    /// # Errors
    /// [`Refused`] if it is not one, or not of our account.
    pub async fn request(&self, body: &[u8]) -> Result<Inbound, Refused> {
        let now = self.clock.now();
        let request = WidgetRequest::read(body)?;
        let caller = self.tokens.read(&request.token, now)?;
        let place = request.place(&self.settings.base_url)?;
        if let Some(number) = caller.account
            && self.account.is_foreign(number).await
        {
            return Err(TokenError::OtherAccount.into());
        }
        self.note(Sign::Request, now);
        let key = self.conversation(&caller, &request);
        let contact = self.contact(&request);
        if let Some(contact) = &contact {
            self.places.remember(&contact.key, &key).await;
        }
        let text = request.message().to_owned();
        // Requests have no number of their own, and no time that is promised: they are ordered as they come.
        let id = MessageId::opaque(millis(now), &request.return_url);
        let attachments = u32::from(text.is_empty());
        Ok(Inbound {
            key,
            inbox: CHANNEL.to_owned(),
            contact,
            state: None,
            proof: None,
            reply: Some(place),
            event: Event::CustomerWrote(CustomerMessage { id, at: now, text, attachments, voice: None }),
        })
    }

    /// Reads a webhook of the account: what people wrote to customers. What customers wrote is heard from the salesbot,
    /// which waits for the answer.
    ///
    /// # Errors
    /// [`Refused`] if it is not one of our account.
    pub async fn webhook(&self, secret: &str, body: &[u8]) -> Result<Vec<Inbound>, Refused> {
        let expected = self.settings.webhook_secret.as_ref().ok_or(Refused::Secret)?;
        if !bool::from(secret.as_bytes().ct_eq(expected.expose_secret().as_bytes())) {
            return Err(Refused::Secret);
        }
        let event = AccountEvent::read(body)?;
        let foreign_name =
            event.subdomain.as_ref().is_some_and(|name| !name.eq_ignore_ascii_case(&self.settings.subdomain));
        let foreign_number = match event.account {
            Some(number) => self.account.number().await.is_some_and(|known| known != number),
            None => event.subdomain.is_none(),
        };
        if foreign_name || foreign_number {
            return Err(Refused::OtherAccount);
        }
        let now = self.clock.now();
        self.note(Sign::Webhook, now);
        let mut inbounds = Vec::new();
        for message in event.messages.iter().filter(|message| message.is_outgoing()) {
            inbounds.extend(self.outgoing(message, now).await?);
        }
        Ok(inbounds)
    }

    /// Decides who wrote to the customer. The vendor marks customers; of others it is not documented how it tells people
    /// from bots, so that words we have not said ourselves are a person's, unless the author is called a bot. `external` is
    /// whoever writes from outside Kommo: customers, and perhaps colleagues on a connected phone.
    async fn outgoing(&self, message: &ChatMessage, now: Timestamp) -> Result<Option<Inbound>, PortError> {
        let Some(key) = self.conversation_of(message).await? else {
            tracing::debug!("a webhook of Kommo is about a conversation that the desk does not know");
            return Ok(None);
        };
        let text = message.field("text").unwrap_or_default();
        let kind = message.field("author[type]").unwrap_or_default().to_ascii_lowercase();
        tracing::debug!(conversation = %key, author = %kind.chars().filter(char::is_ascii_alphanumeric).take(20).collect::<String>(), "an outgoing message was heard");
        let at = message.field("created_at").and_then(|at| at.parse::<i64>().ok());
        let at = at.filter(|at| (0..=253_402_300_799).contains(at)).map_or(now, Timestamp::from_secs);
        let name = message.field("id").map_or_else(|| format!("{}:{text}", at.as_millis()), str::to_owned);
        let id = MessageId::opaque(millis(at), &name);
        let by_bot = matches!(kind.as_str(), "bot" | "salesbot" | "robot" | "system");
        let event = if by_bot || self.said.knows(&key, text, now).await? {
            Event::OtherWrote { id }
        } else {
            Event::PersonWrote { id, at, text: text.to_owned() }
        };
        // The account has no inboxes; over which messenger a message came is told by some of its webhooks only.
        let inbox = CHANNEL.to_owned();
        Ok(Some(Inbound { key, inbox, contact: None, state: None, proof: None, reply: None, event }))
    }

    fn key(&self, id: impl fmt::Display) -> ConversationKey {
        ConversationKey::new(CHANNEL, self.settings.subdomain.to_ascii_lowercase(), id)
    }

    fn conversation(&self, caller: &Caller, request: &WidgetRequest) -> ConversationKey {
        let number = |name: &str| request.field(name).and_then(|id| id.parse::<u64>().ok());
        match (caller.entity, number("lead_id"), number("contact_id")) {
            (Some(Entity::Lead(lead)), ..) | (None, Some(lead), _) => self.key(lead),
            (Some(Entity::Customer(customer)), ..) => self.key(format!("customer-{customer}")),
            (None, None, Some(contact)) => self.key(format!("contact-{contact}")),
            // Nobody can be told from anybody here, but the bot waits for an answer all the same.
            (None, None, None) => self.key(format!("bot-{:016x}", stable_hash(request.return_url.as_bytes()))),
        }
    }

    fn contact(&self, request: &WidgetRequest) -> Option<Contact> {
        let id = request.field("contact_id")?.parse::<u64>().ok()?;
        let key = ContactKey::new(CHANNEL, &self.settings.subdomain, id);
        let name = request.field("contact_name").map(|name| name.chars().take(100).collect());
        Some(Contact { key, name, email: request.field("contact_email").map(str::to_owned) })
    }

    /// Finds the conversation of a webhook's message: by the lead, or by the contact.
    async fn conversation_of(&self, message: &ChatMessage) -> Result<Option<ConversationKey>, PortError> {
        let number = |name: &str| message.field(name).and_then(|id| id.parse::<u64>().ok());
        let kind = message.field("entity_type").or_else(|| message.field("element_type")).unwrap_or("lead");
        match (number("entity_id").or_else(|| number("element_id")), kind) {
            (Some(id), "lead" | "leads" | "2") => return Ok(Some(self.key(id))),
            (Some(id), "customer" | "customers" | "12") => return Ok(Some(self.key(format!("customer-{id}")))),
            (Some(_) | None, _) => {}
        }
        let Some(contact) = number("contact_id") else { return Ok(None) };
        let contact = ContactKey::new(CHANNEL, &self.settings.subdomain, contact);
        self.places.of(&contact).await
    }

    /// Writes down that a way in works, now and then; nothing rests on it.
    fn note(&self, sign: Sign, now: Timestamp) {
        let noted = &self.noted[sign as usize];
        if now.since(Timestamp::from_millis(noted.load(Ordering::Relaxed))) < NOTED {
            return;
        }
        noted.store(now.as_millis(), Ordering::Relaxed);
        let (store, setting) = (self.store.clone(), sign.setting(&self.settings.subdomain));
        tokio::spawn(async move {
            if let Err(error) = store.put_setting(&setting, &now.as_millis().to_string()).await {
                tracing::debug!(error = %error, "it was not written down that Kommo has called");
            }
        });
    }
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or_default()
}
