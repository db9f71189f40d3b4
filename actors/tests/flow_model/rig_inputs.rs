//! What happens to the conversation in the rig: customers, people and the model do something.

use super::rig::{Rig, key};
use frontdesk_actors::domain::{Assignee, Contact, ConversationState, CustomerMessage, Event, Inbound, Status, Voice};
use frontdesk_actors::flow::{Input, Step};
use frontdesk_actors::ids::{ContactKey, MessageId};
use frontdesk_actors::ports::{
    Author, ModelError, ModelErrorKind, ModelReply, Seen, TranscribeError, TranscribeErrorKind,
};
use frontdesk_actors::testkit::history::Happening;
use frontdesk_actors::testkit::recorder::customer_wrote;

impl Rig {
    pub(crate) fn inbound(&mut self, event: Event) -> Inbound {
        let contact = Contact { key: ContactKey::new("test", 1, 9), name: Some("Jane".to_owned()), email: None };
        let state = Some(self.state.clone());
        Inbound { key: key(), inbox: "1".to_owned(), contact: Some(contact), state, proof: None, reply: None, event }
    }

    pub(crate) fn next_id(&mut self) -> MessageId {
        self.last_id += 1;
        MessageId::numeric(self.last_id)
    }

    /// The customer writes; nobody hears of it yet.
    pub(crate) fn customer_event(&mut self, text: &str) -> Inbound {
        let id = self.next_id();
        self.log.writes(self.now, id, customer_wrote(text));
        let seen = Seen { id, at: self.now, author: Author::Customer, text: text.to_owned(), voice: None };
        self.vendor.push(seen);
        let attachments = u32::from(text.is_empty());
        self.inbound(Event::CustomerWrote(CustomerMessage {
            id,
            at: self.now,
            text: text.to_owned(),
            attachments,
            voice: None,
        }))
    }

    pub(crate) fn customer(&mut self, text: &str) -> Step {
        let inbound = self.customer_event(text);
        self.step(Input::Inbound(Box::new(inbound)))
    }

    /// The customer says something, perhaps with words beside it; nobody hears of it yet.
    pub(crate) fn voice_event(&mut self, caption: &str, voice: Voice) -> Inbound {
        let id = self.next_id();
        let (at, text, voice) = (self.now, caption.to_owned(), Some(voice));
        self.vendor.push(Seen { id, at, author: Author::Customer, text: text.clone(), voice: voice.clone() });
        self.inbound(Event::CustomerWrote(CustomerMessage { id, at, text, attachments: 1, voice }))
    }

    /// The customer says something.
    pub(crate) fn speaks(&mut self) -> Step {
        let inbound = self.voice_event("", Voice::at("https://files.example/voice.ogg"));
        self.step(Input::Inbound(Box::new(inbound)))
    }

    /// The oldest recording that the conversation waits for is heard, or is not.
    pub(crate) fn heard(&mut self, result: Result<&str, TranscribeErrorKind>) -> Step {
        self.hearing.retain(|ticket| self.flow.is_hearing(*ticket));
        assert!(!self.hearing.is_empty(), "a recording is listened to");
        let ticket = self.hearing.remove(0);
        let result = result.map(str::to_owned).map_err(|kind| TranscribeError::new(kind, ""));
        self.step(Input::Transcribed { ticket, result })
    }

    /// A person writes; nobody hears of it yet.
    pub(crate) fn person_event(&mut self, text: &str) -> Inbound {
        let id = self.next_id();
        self.log.writes(self.now, id, Happening::PersonWrote { words: text.to_owned() });
        self.vendor.push(Seen { id, at: self.now, author: Author::Person, text: text.to_owned(), voice: None });
        self.inbound(Event::PersonWrote { id, at: self.now, text: text.to_owned() })
    }

    pub(crate) fn person(&mut self, text: &str) -> Step {
        let inbound = self.person_event(text);
        self.step(Input::Inbound(Box::new(inbound)))
    }

    /// The vendor's state changes; nobody hears of it yet.
    pub(crate) fn state_event(&mut self, status: Status, assignee: Assignee) -> Inbound {
        let new = ConversationState { status, assignee, version: self.state.version + 1 };
        self.log.changes(self.now, &self.state, &new);
        self.state = new;
        self.inbound(Event::StateChanged)
    }

    pub(crate) fn set_state(&mut self, status: Status, assignee: Assignee) -> Step {
        let inbound = self.state_event(status, assignee);
        self.step(Input::Inbound(Box::new(inbound)))
    }

    pub(crate) fn reply(&mut self, text: &str) -> Step {
        let ticket = self.asked.take().expect("the model is being asked");
        self.step(Input::ModelReplied { ticket, result: Ok(ModelReply::Text(text.to_owned())) })
    }

    /// The running model call fails.
    pub(crate) fn fail(&mut self, kind: ModelErrorKind) -> Step {
        let ticket = self.asked.take().expect("the model is being asked");
        let error = ModelError { kind, detail: String::new(), retry_after: None };
        self.step(Input::ModelReplied { ticket, result: Err(error) })
    }
}
