//! The language model of a run, what the planted bugs need to know of its calls, and the end of a run.

use super::actor::Message;
use super::dice::Fault;
use super::kind::Kind;
use super::node::NodeEvent;
use super::store::Stored;
use super::world::World;
use frontdesk_actors::domain::{self, Contact, Inbound, VoiceSource};
use frontdesk_actors::flow::{Effect, Flow, Input, Step};
use frontdesk_actors::ids::{MessageId, Ticket};
use frontdesk_actors::ports::{
    Author, ModelError, ModelErrorKind, ModelReply, Prompt, Recording, TranscribeError, TranscribeErrorKind,
};
use frontdesk_actors::testkit::history::{Hands, Leftover, Recalled, Rest, What};
use frontdesk_actors::view::{PhaseName, View};

/// How long one call may take.
const TIMEOUT: i64 = 30_000;

/// One call of the model.
#[derive(Debug)]
pub(crate) struct Call {
    /// The facts it was asked about.
    pub(crate) about: Vec<String>,
    ids: Vec<MessageId>,
    result: Result<ModelReply, ModelError>,
    /// Abandoned, but its answer was on the way already.
    late: bool,
}

impl World {
    pub(crate) fn ask_model(&mut self, n: usize, key: usize, ticket: Ticket, prompt: &Prompt) {
        let number = self.vendor.calls.len();
        let asked = prompt.history.iter().rev().take(prompt.unanswered);
        let ids: Vec<MessageId> = asked.filter_map(|message| message.id).collect();
        let about: Vec<String> = ids.iter().map(|id| self.fact_of(*id)).collect();
        self.log_on(n, key, What::Asked { call: format!("call{number}"), about: about.clone() });
        let mut after = self.draw_model(300, 9_000);
        let mut result = self.words(number);
        let failed = |kind| Err(ModelError { kind, detail: String::new(), retry_after: None });
        if let Some(how) = self.strikes(Fault::ModelFails, n, key) {
            let kinds = [ModelErrorKind::Overloaded, ModelErrorKind::Unreachable, ModelErrorKind::Garbled];
            result = failed(kinds[usize::try_from(how % 3).unwrap_or_default()]);
        } else if self.strikes(Fault::ModelHangs, n, key).is_some() {
            (result, after) = (failed(ModelErrorKind::Timeout), TIMEOUT);
        }
        self.vendor.calls.push(Call { about, ids, result, late: false });
        if let Some(actor) = self.nodes[n].conversations.get_mut(&key) {
            actor.model = Some((ticket, number));
        }
        self.put_on(n, after, NodeEvent::ModelEnd { key, ticket, call: number });
    }

    /// A recording says what stands where its address would; now and then nobody can hear it.
    pub(crate) fn transcribe(&mut self, n: usize, key: usize, ticket: Ticket, recording: &Recording) {
        let words = match &recording.voice.source {
            VoiceSource::Url(words) => words.clone(),
            VoiceSource::TooLarge | VoiceSource::Unreadable => String::new(),
        };
        let after = self.draw_model(300, 4_000);
        let fails = self.draw_model(0, 9) == 0;
        let result = if fails { Err(TranscribeError::new(TranscribeErrorKind::Overloaded, "")) } else { Ok(words) };
        let input = Box::new(Input::Transcribed { ticket, result });
        self.put_on(n, after, NodeEvent::Report { key, input });
    }

    /// What the model says: its call's number, so often that every part of a split text shows it.
    fn words(&mut self, number: usize) -> Result<ModelReply, ModelError> {
        Ok(match self.draw_model(0, 99) {
            0..3 => ModelReply::RequestHuman { reason: "sim".to_owned(), summary: None },
            3 => ModelReply::Text(String::new()),
            _ => {
                let times = usize::try_from(self.draw_model(1, 24)).unwrap_or(1);
                ModelReply::Text(vec![format!("#{number}"); times].join(" "))
            }
        })
    }

    pub(crate) fn abort_model(&mut self, n: usize, key: usize) {
        let Some(actor) = self.nodes[n].conversations.get_mut(&key) else { return };
        let Some((_, call)) = actor.model.take() else { return };
        if self.strikes(Fault::ModelLate, n, key).is_some() {
            self.vendor.calls[call].late = true;
        }
    }

    pub(crate) fn model_ended(&mut self, n: usize, key: usize, ticket: Ticket, call: usize) {
        let running = self.nodes[n].conversations.get(&key).and_then(|actor| actor.model) == Some((ticket, call));
        if !running && !self.vendor.calls[call].late {
            return;
        }
        let result = self.vendor.calls[call].result.clone();
        self.send(n, key, Message::Hear(Input::ModelReplied { ticket, result }, None));
    }

    // === Planted bugs ===

    /// Sends a row without asking the flow for its last word, and without a commit.
    pub(crate) fn send_unclaimed(&mut self, n: usize, key: usize, flow: &Flow, row: u64) {
        let mut copy = flow.clone();
        let step = self.with_ctx(n, |ctx| copy.handle(ctx, Input::Cleared { row }));
        for effect in step.effects {
            if let Effect::Send(row) = effect {
                let now = self.now;
                self.begin_send(n, key, row, now);
            }
        }
    }

    /// Returns the messages that an answer which closes everything up to the newest would close beside its own.
    pub(crate) fn overlooked(&self, key: usize, input: &Input, steps: &[(&'static str, Step)]) -> Vec<MessageId> {
        let Input::ModelReplied { result: Ok(ModelReply::Text(text)), .. } = input else { return Vec::new() };
        let said = steps.iter().any(|(_, step)| step.marks.contains(&frontdesk_actors::flow::mark::Mark::Answered));
        let number: Option<usize> =
            text.strip_prefix('#').and_then(|text| text.split(' ').next()).and_then(|number| number.parse().ok());
        let Some(call) = number.filter(|_| said).and_then(|number| self.vendor.calls.get(number)) else {
            return Vec::new();
        };
        let Some(first) = call.ids.iter().min() else { return Vec::new() };
        let theirs = self.vendor.chats[key].messages.iter().filter(|seen| seen.author == Author::Customer);
        theirs.map(|seen| seen.id).filter(|id| id > first && !call.ids.contains(id)).collect()
    }

    pub(crate) fn taken_back(&self, key: usize, id: MessageId) -> Input {
        let contact = Some(Contact { key: self.contact(key), name: None, email: None });
        let conversation = self.keys[key].clone();
        let event = domain::Event::Deleted { id };
        let inbound =
            Inbound { key: conversation, inbox: "1".to_owned(), contact, state: None, proof: None, reply: None, event };
        Input::Inbound(Box::new(inbound))
    }

    // === The end ===

    /// Writes down how everything stands.
    pub(crate) fn rest(&mut self, endless: bool) {
        for key in 0..self.keys.len() {
            let rest = match self.store.load(key, self.now) {
                Some(stored) => self.stands(key, &stored, endless),
                None => Rest { busy: endless, ..Rest::default() },
            };
            self.log("", Some(key), What::Rested(Box::new(rest)));
        }
    }

    fn stands(&mut self, key: usize, stored: &Stored, endless: bool) -> Rest {
        let memory = stored.memory.as_ref().map(|(memory, _)| &memory.whole[..]);
        let flow = self.with_ctx(0, |ctx| Flow::restore(ctx, &stored.record, memory));
        let view: View = flow.expect("what was stored can be restored").view(&self.policy, stored.version);
        let hands = match view.phase {
            PhaseName::AwaitingEmail | PhaseName::PendingVerification => Hands::Gate,
            PhaseName::Bot => Hands::Desk,
            PhaseName::Human => Hands::People,
        };
        if self.kind == Kind::Kommo {
            self.note_stranded(key, &view);
            self.note_doubted(key);
        }
        let leftover = |row: frontdesk_actors::view::RowView| Leftover {
            words: row.text,
            held: row.state == "held",
            row: row.id.0,
        };
        let rows = view.outbox.into_iter().map(leftover).collect();
        let recall = |message: domain::Remembered| Recalled { by: message.role, words: message.text };
        let memory = memory.is_some().then(|| view.memory.into_iter().map(recall).collect());
        let fullest = self.fullest.get(&key).copied();
        Rest { hands, owed: view.owed, rows, busy: endless, memory, fullest }
    }
}
