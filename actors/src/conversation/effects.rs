//! Performing effects, after the commit. Everything slow runs in a task of its own; results go back through the
//! Directory, to whichever actor serves the conversation by then. A result nobody hears is settled by a look.

use super::ConversationMsg;
use super::live::{Batch, Live};
use super::measure;
use crate::flow::outbox::{Lane, Row, RowKind};
use crate::flow::{Effect, Incident, Input, SendOutcome};
use crate::ids::{ConversationKey, MessageId, Ticket};
use crate::metrics;
use crate::outbound::{Gate, Priority};
use crate::ports::{
    Card, Destination, ModelError, ModelErrorKind, ModelReply, PortErrorKind, Prompt, Quota, Verdict, VerificationMail,
};
use crate::shared::{AbortOnDrop, Shared};
use ::metrics::{counter, histogram};
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::Instant;

/// For how long a claim is good: until then the first byte is on the wire, or none is.
const CLAIM: Duration = Duration::from_secs(1);

/// How long a send may take at most, whatever its adapter's own time-outs are. A text gets less: see [`patience`].
const SEND: Duration = Duration::from_secs(60);

/// How long a look may take at most.
pub(crate) const LOOK: Duration = Duration::from_secs(20);

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl Live {
    /// Returns the gate of a lane; the store has none.
    pub(super) fn gate_of(&self, lane: Lane) -> Option<&Gate> {
        self.shared.gate(account(&self.key, lane))
    }

    pub(super) fn perform(&mut self, batch: Batch) {
        let (claimed, lapsed) = (batch.claimed, batch.lapsed);
        batch.steps.iter().flat_map(|(_, step)| &step.marks).for_each(measure::count);
        for effect in batch.steps.into_iter().flat_map(|(_, step)| step.effects) {
            match effect {
                Effect::AbortModel => {}
                Effect::AskModel { ticket, prompt } if self.is_wanted(ticket) => self.ask_model(ticket, prompt),
                // A later step of the same batch has abandoned the turn.
                Effect::AskModel { .. } => {}
                Effect::Transcribe { ticket, recording } => self.transcribe(ticket, *recording),
                Effect::Acquire { row, lane } => self.acquire(row, lane),
                Effect::Send(row) => self.send(*row, claimed, lapsed),
                Effect::Look { ticket, after } => self.look(ticket, after),
                Effect::Typing(on) => self.typing(on),
                Effect::Alert(incident) => self.shared.raise(incident),
            }
        }
        self.permits.clear();
    }

    /// Waits for a permit, unless the row was claimed already.
    fn acquire(&mut self, row: u64, lane: Lane) {
        let claimed = self.loaded.as_ref().is_none_or(|loaded| !loaded.flow.is_acquiring(row));
        if claimed {
            return;
        }
        let (shared, key) = (self.shared.clone(), self.key.clone());
        match self.gate_of(lane).cloned() {
            Some(gate) => self.shared.spawn(async move {
                let permit = gate.acquire(Priority::High).await;
                shared.route(&key, ConversationMsg::Permit(row, permit));
            }),
            None => shared.report(&key, Input::Cleared { row }),
        }
    }

    fn send(&mut self, row: Row, claimed: Instant, lapsed: bool) {
        let permit = self.permits.remove(&row.seq);
        let by = Some((claimed + CLAIM).into_std());
        let destination =
            Destination { key: self.key.clone(), contact: self.contact_key(), reply: row.reply_place(), by };
        let inbox = self.loaded.as_ref().map(|loaded| loaded.flow.inbox().to_owned()).unwrap_or_default();
        let shared = self.shared.clone();
        self.shared.spawn(async move {
            let started = Instant::now();
            let (seq, attempt, kind) = (row.seq, row.tries, row.kind.name());
            let key = destination.key.clone();
            // A pause outruns what was claimed before it and has not reached the wire.
            let outcome = if lapsed || claimed.elapsed() > CLAIM || shared.pause.is_on() {
                counter!(metrics::CLAIMS_EXPIRED).increment(1);
                SendOutcome::ClaimLapsed
            } else {
                let sending =
                    guarded(patience(&shared, &row, &destination.key), transmit(&shared, &row, &destination, &inbox))
                        .await;
                sending.unwrap_or_else(|why| {
                    SendOutcome::Verdict(Verdict::Unknown { finished: false, why: why.to_owned() })
                })
            };
            note_outcome(&shared, &key, &row, kind, &outcome, started);
            drop(permit);
            shared.report(&key, Input::Sent { row: seq, attempt, outcome });
        });
    }

    fn contact_key(&self) -> Option<crate::ids::ContactKey> {
        self.loaded.as_ref().and_then(|loaded| loaded.flow.contact()).map(|contact| contact.key.clone())
    }

    fn is_wanted(&self, ticket: Ticket) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.flow.thinking() == Some(ticket))
    }

    fn ask_model(&mut self, ticket: Ticket, prompt: Box<Prompt>) {
        let shared = self.shared.clone();
        let key = self.key.clone();
        let call = AbortOnDrop::spawn(async move {
            let permit = match shared.gate(MODEL) {
                Some(gate) => Some(gate.acquire(Priority::High).await),
                None => None,
            };
            if shared.pause.is_on() {
                // The flow is being told, and rests its turn.
                return;
            }
            let started = Instant::now();
            let timeout = shared.settings.policy.turn.call_timeout;
            let called = guarded(timeout, shared.ports.model.reply(&prompt)).await;
            let result = called.unwrap_or_else(|why| Err(model_timeout(why)));
            note_model(&shared, &key, &result, started);
            drop(permit);
            shared.report(&key, Input::ModelReplied { ticket, result });
        });
        self.model = Some((ticket, call));
    }

    fn look(&self, ticket: Ticket, after: MessageId) {
        let (shared, key) = (self.shared.clone(), self.key.clone());
        self.shared.spawn(async move {
            let _permit = match shared.gate(key.channel()) {
                Some(gate) => Some(gate.acquire(Priority::Low).await),
                None => None,
            };
            let result = match shared.ports.channels.get(key.channel()) {
                None => Err(PortErrorKind::Forbidden),
                Some(channel) => match guarded(LOOK, channel.look(&key, after)).await {
                    Ok(Ok(look)) => Ok(Box::new(look)),
                    Ok(Err(error)) => Err(error.kind),
                    Err(_) => Err(PortErrorKind::Transient),
                },
            };
            let outcome = match &result {
                Ok(_) => "seen",
                Err(PortErrorKind::Forbidden) => "forbidden",
                Err(_) => "failed",
            };
            counter!(metrics::LOOKS, "outcome" => outcome).increment(1);
            shared.report(&key, Input::Looked { ticket, result });
        });
    }

    /// Best effort: dropped first when the lane is busy.
    fn typing(&self, on: bool) {
        let Some(permit) = self.gate_of(Lane::Channel).and_then(|gate| gate.try_acquire(Priority::Idle)) else {
            return;
        };
        let (shared, key) = (self.shared.clone(), self.key.clone());
        self.shared.spawn(async move {
            if let Some(channel) = shared.ports.channels.get(key.channel()) {
                let shown = guarded(LOOK, channel.typing(&key, on)).await;
                tracing::trace!(ok = matches!(shown, Ok(Ok(()))), "typing indicator");
            }
            drop(permit);
        });
    }
}

/// The name of the model's gate.
pub(crate) const MODEL: &str = "model";

/// The name of the gate to whoever transcribes recordings.
pub(crate) const TRANSCRIPTION: &str = "transcription";

/// The name of the mail server's gate.
pub(crate) const MAIL: &str = "mail";

/// The name of the cards' gate.
pub(crate) const CARDS: &str = "cards";

/// Returns the gate a lane goes through.
fn account(key: &ConversationKey, lane: Lane) -> &str {
    match lane {
        Lane::Channel => key.channel(),
        Lane::Mail => MAIL,
        Lane::Cards => CARDS,
        Lane::Store => "store",
    }
}

/// Runs foreign work in bounded time and survives its panics.
pub(crate) async fn guarded<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, &'static str> {
    match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => Err("the adapter panicked"),
        Err(_) => Err("no answer in time"),
    }
}

/// Returns how long a send may take. A text must have ended well before its absence counts as proof, or it could land
/// after it was sent again.
fn patience(shared: &Shared, row: &Row, key: &ConversationKey) -> Duration {
    let settle = shared.settings.policy.settle(key);
    if row.kind.is_speech() { SEND.min(settle * 2 / 3) } else { SEND }
}

async fn transmit(shared: &Shared, row: &Row, to: &Destination, inbox: &str) -> SendOutcome {
    let verdict = match &row.kind {
        RowKind::Act(act) => match shared.ports.channels.get(to.key.channel()) {
            Some(channel) => channel.send(to, act, &row.id).await,
            None => Verdict::Rejected { why: "this daemon does not serve the channel".to_owned() },
        },
        RowKind::Mail(mail) => match mail_allowed(shared, row.tries, mail, inbox).await {
            Ok(None) => hand_over(shared, mail, &mail_id(row, to)).await,
            Ok(Some(by_address)) => return SendOutcome::Capped { by_address },
            Err(why) => Verdict::Transient { retry_after: None, why },
        },
        RowKind::Card(card) => shared.ports.alerts.post(&with_link(shared, card, &to.key)).await,
        RowKind::Remember(verified) => remember(shared, to, verified).await,
        RowKind::Bar(address) => bar(shared, address).await,
    };
    SendOutcome::Verdict(verdict)
}

/// Hands a mail to the mailer, and tells operators where it refuses our mails for what they are.
async fn hand_over(shared: &Shared, mail: &VerificationMail, id: &crate::ids::OutboundId) -> Verdict {
    let mailer = &shared.ports.mailer;
    let verdict = mailer.send(mail, id).await;
    match &verdict {
        Verdict::Settled { .. } => shared.mails_are_refused(false),
        Verdict::Rejected { .. } if mailer.refuses_messages() => shared.mails_are_refused(true),
        Verdict::Rejected { .. }
        | Verdict::Gone { .. }
        | Verdict::Transient { .. }
        | Verdict::AccountFault { .. }
        | Verdict::Unknown { .. } => {}
    }
    verdict
}

/// Row ids are unique within a conversation; Message-IDs must be in the world.
fn mail_id(row: &Row, to: &Destination) -> crate::ids::OutboundId {
    let place = crate::ids::stable_hash(to.key.as_str().as_bytes());
    crate::ids::OutboundId(format!("{place:016x}.{}", row.id))
}

async fn remember(shared: &Shared, to: &Destination, verified: &crate::domain::Verified) -> Verdict {
    let Some(contact) = &to.contact else { return Verdict::Settled { message: None } };
    let value = rmp_serde::to_vec_named(verified).expect("a verification has only encodable fields");
    match shared.ports.store.put_contact(contact, value.into()).await {
        Ok(()) => Verdict::Settled { message: None },
        Err(error) => Verdict::Transient { retry_after: None, why: error.to_string() },
    }
}

async fn bar(shared: &Shared, address: &str) -> Verdict {
    let key = bar_key(&shared.ports.crypto.digest(&address.to_lowercase()));
    match shared.ports.store.exhaust_quota(&key, DAY).await {
        Ok(()) => Verdict::Settled { message: None },
        Err(error) => Verdict::Transient { retry_after: None, why: error.to_string() },
    }
}

/// Counts a verification mail against its caps, once: a mail server that is down must not use them up. Widget
/// conversations are free, so the caps span conversations.
async fn mail_allowed(
    shared: &Shared,
    tries: u32,
    mail: &VerificationMail,
    inbox: &str,
) -> Result<Option<bool>, String> {
    if tries > 1 {
        return Ok(None);
    }
    let address = shared.ports.crypto.digest(&mail.address.to_lowercase());
    let quota = |key: String, limit: u32, window: Duration| Quota { key, limit, window };
    let (caps, gate) = (&shared.settings.mail_caps, &shared.settings.policy.gate);
    let mut quotas = vec![
        quota(bar_key(&address), u32::MAX, DAY),
        quota(format!("mail:address:hour:{address}"), gate.address_hour, HOUR),
        quota(format!("mail:address:day:{address}"), gate.address_day, DAY),
    ];
    let by_address = quotas.len();
    if let Some(contact) = &mail.contact {
        quotas.push(quota(format!("mail:contact:{contact}"), caps.contact_day, DAY));
    }
    quotas.push(quota(
        format!("mail:inbox:{}:{}:{inbox}", mail.key.channel(), mail.key.account()),
        caps.inbox_hour,
        HOUR,
    ));
    match shared.ports.store.take_quota(&quotas).await {
        Ok(None) => Ok(None),
        Ok(Some(exhausted)) => Ok(Some(exhausted < by_address)),
        Err(error) => Err(error.to_string()),
    }
}

fn bar_key(address: &str) -> String {
    format!("mail:barred:{address}")
}

fn with_link(shared: &Shared, card: &Card, key: &ConversationKey) -> Card {
    let mut card = card.clone();
    match &mut card {
        Card::Handoff { link, .. } | Card::Waiting { link, .. } => {
            *link = shared.ports.channels.get(key.channel()).and_then(|channel| channel.link(key))
        }
        Card::Incident { .. } | Card::Resolved { .. } => {}
    }
    card
}

/// Counts an outcome and lets the gate learn from it.
fn note_outcome(
    shared: &Shared,
    key: &ConversationKey,
    row: &Row,
    kind: &'static str,
    outcome: &SendOutcome,
    started: Instant,
) {
    let SendOutcome::Verdict(verdict) = outcome else { return };
    let (name, why) = match verdict {
        Verdict::Settled { .. } => ("settled", ""),
        Verdict::Transient { why, .. } => ("transient", why.as_str()),
        Verdict::Rejected { why } | Verdict::Gone { why } => ("rejected", why.as_str()),
        Verdict::AccountFault { why } => ("account_fault", why.as_str()),
        Verdict::Unknown { why, .. } => ("unknown", why.as_str()),
    };
    counter!(metrics::EFFECTS, "kind" => kind, "verdict" => name).increment(1);
    histogram!(metrics::EFFECT_SECONDS, "kind" => kind, "verdict" => name).record(started.elapsed().as_secs_f64());
    if matches!(row.kind, RowKind::Mail(_)) {
        counter!(metrics::MAILS, "verdict" => name).increment(1);
    }
    if !why.is_empty() {
        tracing::warn!(conversation = %key, row = %row.id, kind, verdict = name, attempt = row.tries, why, "a send did not settle");
    }
    let Some(gate) = shared.gate(account(key, row.kind.lane())) else { return };
    match gate.report(verdict) {
        Some(true) => shared.raise(Incident::AccountFault),
        Some(false) => shared.account_mended(),
        None => {}
    }
}

pub(crate) fn note_model(
    shared: &Shared,
    key: &ConversationKey,
    result: &Result<ModelReply, ModelError>,
    started: Instant,
) {
    let outcome = match result {
        Ok(ModelReply::Text(_)) => "text",
        Ok(ModelReply::RequestHuman { .. }) => "request_human",
        Err(error) => error.kind.name(),
    };
    counter!(metrics::MODEL_CALLS, "outcome" => outcome).increment(1);
    histogram!(metrics::MODEL_CALL_SECONDS, "outcome" => outcome).record(started.elapsed().as_secs_f64());
    match result {
        Ok(_) => shared.model_answers(),
        Err(error) => {
            tracing::warn!(conversation = %key, kind = outcome, detail = %error.detail, "a model call failed");
            if let (Some(pause), Some(gate)) = (error.retry_after, shared.gate(MODEL)) {
                gate.report(&Verdict::Transient { retry_after: Some(pause), why: String::new() });
            }
        }
    }
}

pub(crate) fn model_timeout(why: &str) -> ModelError {
    ModelError {
        kind: ModelErrorKind::Timeout,
        detail: format!("the model call ended without an answer: {why}"),
        retry_after: None,
    }
}
