//! Where mails and cards end up.

use super::{Latch, lock};
use crate::ids::OutboundId;
use crate::ports::{AlertSink, Card, Mailer, Verdict, VerificationMail};
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::Mutex;

/// What happens to one mail or card.
#[derive(Debug, Clone)]
pub enum PortScript {
    /// It is taken.
    Accept,
    /// This is the answer; nothing is taken.
    Answer(Verdict),
    /// It is taken when the latch opens.
    Hang(Latch),
    /// The adapter panics.
    Panic,
}

async fn follow(step: PortScript, accept: impl FnOnce()) -> Verdict {
    tokio::task::yield_now().await;
    match step {
        PortScript::Accept => accept(),
        PortScript::Answer(verdict) => return verdict,
        PortScript::Hang(latch) => {
            latch.wait().await;
            accept();
        }
        PortScript::Panic => panic!("a scripted panic"),
    }
    Verdict::Settled { message: None }
}

/// A mail server that keeps what it takes.
#[derive(Debug, Default)]
pub struct ScriptedMailer {
    script: Mutex<VecDeque<PortScript>>,
    mails: Mutex<Vec<(VerificationMail, OutboundId)>>,
}

impl ScriptedMailer {
    /// Says what happens to the next mails, in order; later ones are taken.
    pub fn script(&self, steps: impl IntoIterator<Item = PortScript>) {
        lock(&self.script).extend(steps);
    }

    /// Returns the mails that were taken, with their ids, in order.
    pub fn mails(&self) -> Vec<(VerificationMail, OutboundId)> {
        lock(&self.mails).clone()
    }

    /// Returns the last mail that was taken.
    pub fn last(&self) -> Option<VerificationMail> {
        lock(&self.mails).last().map(|(mail, _)| mail.clone())
    }
}

#[async_trait]
impl Mailer for ScriptedMailer {
    async fn send(&self, mail: &VerificationMail, id: &OutboundId) -> Verdict {
        let step = lock(&self.script).pop_front().unwrap_or(PortScript::Accept);
        follow(step, || lock(&self.mails).push((mail.clone(), id.clone()))).await
    }
}

/// A place for colleagues' cards that keeps what it takes.
#[derive(Debug, Default)]
pub struct RecordingSink {
    script: Mutex<VecDeque<PortScript>>,
    cards: Mutex<Vec<Card>>,
}

impl RecordingSink {
    /// Says what happens to the next cards, in order; later ones are taken.
    pub fn script(&self, steps: impl IntoIterator<Item = PortScript>) {
        lock(&self.script).extend(steps);
    }

    /// Returns the cards that were taken, in order.
    pub fn cards(&self) -> Vec<Card> {
        lock(&self.cards).clone()
    }

    /// Returns the texts of the incidents that were told about, in order.
    pub fn incidents(&self) -> Vec<String> {
        let text = |card: &Card| match card {
            Card::Incident { text, .. } => Some(text.clone()),
            Card::Handoff { .. } | Card::Waiting { .. } | Card::Resolved { .. } => None,
        };
        lock(&self.cards).iter().filter_map(text).collect()
    }

    /// Returns how many ends of incidents were told.
    pub fn resolved(&self) -> usize {
        lock(&self.cards).iter().filter(|card| matches!(card, Card::Resolved { .. })).count()
    }

    /// Returns how many customers colleagues were called to.
    pub fn handoffs(&self) -> usize {
        lock(&self.cards).iter().filter(|card| matches!(card, Card::Handoff { .. })).count()
    }
}

#[async_trait]
impl AlertSink for RecordingSink {
    async fn post(&self, card: &Card) -> Verdict {
        let step = lock(&self.script).pop_front().unwrap_or(PortScript::Accept);
        follow(step, || lock(&self.cards).push(card.clone())).await
    }
}
