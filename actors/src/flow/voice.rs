//! Recordings: what a customer said instead of writing it. A recording is kept in the record from the commit that
//! acknowledges it until it is known what it says; then it is heard as if it had been written, in every phase, at its
//! place among the other messages. A turn waits for it. It is tried a bounded number of times until a stored deadline,
//! so that neither a crash nor another node begins anew for ever; what cannot be heard is said, and where the desk
//! cannot help itself a person is fetched.
//!
//! Where people have the conversation nothing is listened to: they have ears of their own. What they have not dealt with
//! is heard when the desk has the conversation again.

#![deny(clippy::disallowed_methods)]

use crate::domain::{CustomerMessage, Remembered, Role, Voice, VoiceSource};
use crate::flow::desk::Desk;
use crate::flow::effect::{Effect, Incident};
use crate::flow::mark::Mark;
use crate::flow::phase::{Phase, Signal};
use crate::flow::policy::{VoicePolicy, backoff};
use crate::ids::{MessageId, Ticket};
use crate::language::{Phrase, Reason};
use crate::ports::{Fault, Recording, TranscribeError, TranscribeErrorKind};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How many recordings may wait at once: what is sent beyond them is an attachment that cannot be read.
const MAX_UNHEARD: usize = 10;

/// How many recordings made for the people are kept: a hand-back's webhook comes a little late, or long after.
const MAX_THEIRS: usize = 3;

/// How many characters of the first message the verification page shows.
const FIRST_WORDS: usize = 80;

/// A recording of which nobody knows yet what it says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unheard {
    pub(crate) id: MessageId,
    pub(crate) at: Timestamp,
    pub(crate) voice: Voice,
    /// What was written beside it.
    pub(crate) text: String,
    /// Whether the desk means to hear it. Where people have the conversation it does not.
    #[serde(default)]
    pub(crate) wanted: bool,
    /// How often it was tried.
    #[serde(default)]
    pub(crate) tries: u32,
    /// When it is tried next.
    #[serde(default)]
    pub(crate) next: Timestamp,
    /// When it is given up; set at the first try.
    #[serde(default)]
    pub(crate) until: Option<Timestamp>,
}

/// A recording that is being listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hearing {
    pub(crate) id: MessageId,
    pub(crate) ticket: Ticket,
}

impl fmt::Debug for Unheard {
    /// Shows no word of the customer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, voice, wanted, tries, next, until, .. } = self;
        f.debug_struct("Unheard")
            .field("id", id)
            .field("voice", voice)
            .field("wanted", wanted)
            .field("tries", tries)
            .field("next", next)
            .field("until", until)
            .finish_non_exhaustive()
    }
}

impl Unheard {
    /// Stops trying; when it is tried again, that begins anew.
    const fn rest(&mut self, wanted: bool) {
        (self.wanted, self.tries, self.next, self.until) = (wanted, 0, Timestamp::from_millis(0), None);
    }

    /// Returns the message it would have been, had it been written.
    fn said(self, words: &str) -> CustomerMessage {
        let text = [self.text.trim(), words.trim()].into_iter().filter(|text| !text.is_empty());
        let text = text.collect::<Vec<_>>().join("\n");
        CustomerMessage { id: self.id, at: self.at, text, attachments: 0, voice: Some(self.voice) }
    }

    /// Returns the message it is to a desk that cannot listen.
    fn unread(self) -> CustomerMessage {
        CustomerMessage { id: self.id, at: self.at, text: self.text, attachments: 1, voice: None }
    }
}

impl Desk<'_> {
    /// Keeps a message with a recording until it is known what that says. Returns it where the desk does not listen, or
    /// where what was written beside it is enough: words for a person wait for nothing.
    pub(crate) fn keep_recording(&mut self, mut message: CustomerMessage) -> Option<CustomerMessage> {
        let Some(voice) = message.voice.take() else { return Some(message) };
        let listens = self.policy().voice.is_some() && self.common.unheard.len() < MAX_UNHEARD;
        if !listens || self.policy().analyzer.wants_person(&message.text) {
            return Some(message);
        }
        let CustomerMessage { id, at, text, .. } = message;
        let place = self.common.unheard.partition_point(|earlier| !earlier.id.is_behind(id));
        let (tries, next, until) = (0, Timestamp::from_millis(0), None);
        self.common.unheard.insert(place, Unheard { id, at, voice, text, wanted: true, tries, next, until });
        None
    }

    /// Remembers what the customer wrote or said.
    pub(crate) fn note_words(&mut self, message: &CustomerMessage) {
        if self.common.first_words.is_empty() {
            self.common.first_words = message.text.chars().take(FIRST_WORDS).collect();
        }
        if !message.text.trim().is_empty() {
            self.remember(Remembered {
                id: Some(message.id),
                role: Role::Customer,
                text: message.text.clone(),
                at: message.at,
                voice: message.voice.is_some(),
            });
        }
    }

    /// Returns whether a turn must wait: it is not known yet what the customer said.
    pub(crate) fn is_listening(&self) -> bool {
        !self.common.unheard.is_empty()
    }

    /// Drops a recording.
    pub(crate) fn drop_recording(&mut self, id: MessageId) {
        self.common.unheard.retain(|unheard| unheard.id != id);
        self.common.theirs.retain(|unheard| unheard.id != id);
    }

    /// The people have the conversation, and hear it themselves, unless it is heard later that they had given it back before.
    pub(crate) fn leave_recording(&mut self, id: MessageId) {
        let Some(mut unheard) = self.take_recording(id) else { return };
        unheard.rest(false);
        let theirs = &mut self.common.theirs;
        let place = theirs.partition_point(|earlier| earlier.id < id);
        theirs.insert(place, unheard);
        let surplus = theirs.len().saturating_sub(MAX_THEIRS);
        theirs.drain(..surplus);
    }

    /// The conversation was given back by this order: what was said after it is the desk's to hear. Nobody waits any more for
    /// an answer to what is too old.
    pub(crate) fn hear_again_since(&mut self, order: MessageId) {
        let (now, stale) = (self.ctx.now, self.policy().outbox.stale);
        let since = |unheard: &mut Unheard| unheard.id.order >= order.order && now.since(unheard.at) < stale;
        let ours: Vec<Unheard> = self.common.theirs.extract_if(.., since).collect();
        for unheard in ours {
            let place = self.common.unheard.partition_point(|earlier| earlier.id < unheard.id);
            self.common.unheard.insert(place, unheard);
        }
    }

    /// Listens to what is due, and gives up what took too long.
    pub(crate) fn listen(&mut self, phase: &Phase) -> Vec<Signal> {
        let known = |hearing: &Hearing| self.common.unheard.iter().any(|unheard| unheard.id == hearing.id);
        self.common.volatile.hearing.retain(known);
        if self.common.unheard.is_empty() {
            return Vec::new();
        }
        if self.rests_ears(phase) {
            return Vec::new();
        }
        let Some(policy) = self.policy().voice.clone() else {
            let left = std::mem::take(&mut self.common.unheard);
            return left.into_iter().map(|unheard| self.read_only(unheard)).collect();
        };
        let ids: Vec<MessageId> = self.common.unheard.iter().map(|unheard| unheard.id).collect();
        ids.into_iter().flat_map(|id| self.listen_to(id, &policy)).collect()
    }

    /// Listens to nothing where people have the conversation now, or everything is paused. Returns whether that is so.
    pub(crate) fn rests_ears(&mut self, phase: &Phase) -> bool {
        let with_desk = self.listens_in(phase);
        let rests = !with_desk || self.ctx.paused;
        if rests && !self.common.unheard.is_empty() {
            self.common.volatile.hearing.clear();
            self.common.unheard.iter_mut().for_each(|unheard| unheard.rest(with_desk));
            self.effects.retain(|effect| !matches!(effect, Effect::Transcribe { .. }));
        }
        rests
    }

    /// Returns whether the desk has the conversation, or makes drafts in it.
    fn listens_in(&self, phase: &Phase) -> bool {
        match phase {
            Phase::AwaitingEmail(_) | Phase::PendingVerification(_) | Phase::Bot(_) => true,
            Phase::Human(human) => self.in_shadow() && !human.quiet && !self.ctx.human_mode,
        }
    }

    fn listen_to(&mut self, id: MessageId, policy: &VoicePolicy) -> Vec<Signal> {
        let (now, elsewhere) = (self.ctx.now, self.common.volatile.elsewhere);
        let running = self.common.volatile.hearing.iter().any(|hearing| hearing.id == id);
        let Some(unheard) = self.common.unheard.iter_mut().find(|unheard| unheard.id == id) else { return Vec::new() };
        unheard.wanted = true;
        if elsewhere {
            return Vec::new();
        }
        match &unheard.voice.source {
            VoiceSource::Url(_) => {}
            VoiceSource::TooLarge => return self.could_not(id, &Phrase::VoiceTooLong),
            VoiceSource::Unreadable => return self.could_not(id, &Phrase::VoiceUnreadable),
        }
        let overdue = unheard.until.is_some_and(|until| until <= now);
        if overdue || (!running && unheard.tries >= policy.tries) {
            return self.give_up_hearing(id);
        }
        if running || unheard.next > now {
            return Vec::new();
        }
        unheard.tries += 1;
        unheard.until = unheard.until.or(Some(now + policy.deadline));
        let voice = unheard.voice.clone();
        let (ticket, key) = (self.common.ticket(), self.common.key.clone());
        self.common.volatile.hearing.push(Hearing { id, ticket });
        self.effects.push(Effect::Transcribe { ticket, recording: Box::new(Recording { key, voice }) });
        Vec::new()
    }

    /// A recording was listened to.
    pub(crate) fn transcribed(&mut self, ticket: Ticket, result: Result<String, TranscribeError>) -> Vec<Signal> {
        let hearing = &mut self.common.volatile.hearing;
        let Some(at) = hearing.iter().position(|hearing| hearing.ticket == ticket) else {
            self.marks.push(Mark::Late("voice"));
            self.why = Some("a late transcription that nobody waits for");
            return Vec::new();
        };
        let id = hearing.remove(at).id;
        match result {
            Ok(words) if words.trim().is_empty() => self.could_not(id, &Phrase::VoiceSilent),
            Ok(words) => {
                let heard = self.take_recording(id).map(|unheard| unheard.said(&words));
                heard.into_iter().map(|message| self.said(message)).collect()
            }
            Err(error) => self.misheard(id, &error),
        }
    }

    fn misheard(&mut self, id: MessageId, error: &TranscribeError) -> Vec<Signal> {
        match error.kind.fault() {
            Fault::Length => self.could_not(id, &Phrase::VoiceTooLong),
            Fault::Form => self.could_not(id, &Phrase::VoiceUnreadable),
            Fault::Account => {
                self.effects.push(Effect::Alert(Incident::TranscriberRefused));
                self.give_up_hearing(id)
            }
            Fault::Passing => {
                let pause = self.policy().voice.as_ref().map(|policy| policy.retry_pause).unwrap_or_default();
                let now = self.ctx.now;
                if let Some(unheard) = self.common.unheard.iter_mut().find(|unheard| unheard.id == id) {
                    unheard.next = now + backoff(pause, unheard.tries).max(error.retry_after.unwrap_or_default());
                }
                self.why = Some("the recording was not heard, it will be tried again");
                Vec::new()
            }
        }
    }

    /// Tells the customer why this recording was not understood; what was written beside it counts all the same.
    fn could_not(&mut self, id: MessageId, phrase: &Phrase) -> Vec<Signal> {
        let Some(unheard) = self.take_recording(id) else { return Vec::new() };
        self.why = Some("what the customer said could not be understood");
        self.lang_of(&unheard.text);
        self.say_once(phrase);
        if unheard.text.trim().is_empty() { Vec::new() } else { vec![self.read_only(unheard)] }
    }

    /// The desk cannot hear at all: a person can. The recording stays, should the conversation come back unanswered.
    fn give_up_hearing(&mut self, id: MessageId) -> Vec<Signal> {
        self.common.volatile.hearing.retain(|hearing| hearing.id != id);
        if let Some(unheard) = self.common.unheard.iter_mut().find(|unheard| unheard.id == id) {
            unheard.rest(false);
        }
        vec![Signal::FetchPerson(Reason::VoiceUnheard)]
    }

    fn read_only(&mut self, unheard: Unheard) -> Signal {
        self.said(unheard.unread())
    }

    fn said(&mut self, message: CustomerMessage) -> Signal {
        self.note_words(&message);
        Signal::Wrote(message)
    }

    fn take_recording(&mut self, id: MessageId) -> Option<Unheard> {
        let at = self.common.unheard.iter().position(|unheard| unheard.id == id)?;
        Some(self.common.unheard.remove(at))
    }
}

impl crate::flow::Flow {
    /// Returns whether this call for a recording should be running.
    pub fn is_hearing(&self, ticket: Ticket) -> bool {
        self.common.volatile.hearing.iter().any(|hearing| hearing.ticket == ticket)
    }

    /// Returns whether the desk means to hear a recording.
    pub(crate) fn has_unheard(&self) -> bool {
        self.common.unheard.iter().any(|unheard| unheard.wanted)
    }

    /// Returns when recordings are tried again or given up.
    pub(crate) fn voice_deadlines(&self) -> impl Iterator<Item = (Timestamp, &'static str)> {
        let waits = |unheard: &&Unheard| unheard.wanted && !self.common.volatile.elsewhere;
        let wanted = self.common.unheard.iter().filter(waits);
        wanted.flat_map(|unheard| {
            let running = self.common.volatile.hearing.iter().any(|hearing| hearing.id == unheard.id);
            let next = (!running && unheard.until.is_some()).then_some((unheard.next, "voice retry"));
            next.into_iter().chain(unheard.until.map(|until| (until, "voice deadline")))
        })
    }
}

/// The end of the call was never heard, or it failed without saying how.
pub(crate) fn unheard_call(why: &str) -> TranscribeError {
    let detail = format!("the transcription ended without an answer: {why}");
    TranscribeError::new(TranscribeErrorKind::Timeout, detail)
}
