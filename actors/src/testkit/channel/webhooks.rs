//! The webhooks that the scripted vendor sends: what happens in its transcripts, as events.

use super::{ScriptedChannel, lock};
use crate::domain::{Assignee, Contact, CustomerMessage, Event, Inbound, Order, Status, Voice};
use crate::ids::{ContactKey, ConversationKey, OutboundId};
use crate::ports::Author;
use crate::testkit::history::Happening;
use crate::testkit::recorder::customer_wrote;

impl ScriptedChannel {
    /// The customer writes; returns the webhook.
    pub fn customer(&self, key: &ConversationKey, text: &str) -> Inbound {
        let at = self.clock.now();
        let id = lock(&self.inner).add(key, at, Author::Customer, text);
        self.observer.sees(|log| log.wrote(key, id, customer_wrote(text)));
        let attachments = u32::from(text.is_empty());
        self.webhook(
            key,
            Event::CustomerWrote(CustomerMessage { id, at, text: text.to_owned(), attachments, voice: None }),
        )
    }

    /// The customer says something; returns the webhook. An unscripted transcriber hears just that.
    pub fn voice(&self, key: &ConversationKey, words: &str) -> Inbound {
        let at = self.clock.now();
        let id = lock(&self.inner).add(key, at, Author::Customer, "");
        // What it says is known when it is heard.
        self.observer.sees(|log| log.wrote(key, id, Happening::CustomerWrote { words: String::new(), asks: true }));
        let voice = Some(Voice::at(format!("https://files.example/{}", words.replace(' ', "+"))));
        self.webhook(key, Event::CustomerWrote(CustomerMessage { id, at, text: String::new(), attachments: 1, voice }))
    }

    /// A person of the company writes; returns the webhook.
    pub fn person(&self, key: &ConversationKey, text: &str) -> Inbound {
        let at = self.clock.now();
        let id = lock(&self.inner).add(key, at, Author::Person, text);
        self.observer.sees(|log| log.wrote(key, id, Happening::PersonWrote { words: text.to_owned() }));
        self.webhook(key, Event::PersonWrote { id, at, text: text.to_owned() })
    }

    /// A colleague gives an order in a private note; returns the webhook.
    pub fn note(&self, key: &ConversationKey, order: Order) -> Inbound {
        let at = self.clock.now();
        let id = lock(&self.inner).add(key, at, Author::Private, "");
        self.webhook(key, Event::Ordered { id, order })
    }

    /// Status or assignee change; returns the webhook.
    pub fn update(&self, key: &ConversationKey, status: Status, assignee: Assignee) -> Inbound {
        let at = self.clock.now();
        let old = self.state(key);
        let mut inner = lock(&self.inner);
        inner.change(key, |state| {
            state.status = status;
            state.assignee = assignee;
        });
        inner.transcript(key).active = at;
        drop(inner);
        self.observer.sees(|log| log.changed(key, &old, &self.state(key)));
        self.webhook(key, Event::StateChanged)
    }

    /// Returns the echo of a row that landed.
    pub fn echo(&self, key: &ConversationKey, row: &OutboundId) -> Option<Inbound> {
        let id = {
            let mut inner = lock(&self.inner);
            let seen = inner.transcript(key).messages.iter().find(|seen| seen.author == Author::Us(row.clone()));
            seen.map(|seen| seen.id)
        };
        id.map(|id| self.webhook(key, Event::Echo { row: row.clone(), id }))
    }

    /// Makes a webhook of an event, with the conversation's state.
    pub fn webhook(&self, key: &ConversationKey, event: Event) -> Inbound {
        let contact = Contact {
            key: ContactKey::new(key.channel(), key.account(), key.id()),
            name: Some("Jane".to_owned()),
            email: None,
        };
        let state = Some(self.state(key));
        Inbound {
            key: key.clone(),
            inbox: "inbox".to_owned(),
            contact: Some(contact),
            state,
            proof: None,
            reply: None,
            event,
        }
    }
}
