//! Sends webhooks as Sidekiq does: the account's once, the bot's again after 429 and 500, and a lost bot webhook of a
//! message opens a pending conversation. Deliveries run side by side and keep no order.

use super::Shared;
use super::payload;
use super::world::{ChangedBy, Status, Target, World};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often a bot webhook is tried.
const BOT_ATTEMPTS: u32 = 3;

/// What Chatwoot writes into a conversation that it opened.
const FLIPPED: &str = "Conversation was marked open by system due to an error with the agent bot.";

/// What a webhook tells.
#[derive(Debug, Clone)]
pub(super) enum Event {
    ConversationCreated,
    ConversationOpened,
    ConversationResolved,
    StatusChanged,
    ConversationUpdated(Vec<serde_json::Value>),
    MessageCreated(u64),
    MessageUpdated(u64),
    ContactUpdated,
}

impl Event {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Event::ConversationCreated => "conversation_created",
            Event::ConversationOpened => "conversation_opened",
            Event::ConversationResolved => "conversation_resolved",
            Event::StatusChanged => "conversation_status_changed",
            Event::ConversationUpdated(_) => "conversation_updated",
            Event::MessageCreated(_) => "message_created",
            Event::MessageUpdated(_) => "message_updated",
            Event::ContactUpdated => "contact_updated",
        }
    }

    pub(super) const fn is_for_bots(&self) -> bool {
        !matches!(self, Event::ConversationCreated | Event::ContactUpdated)
    }

    pub(super) const fn is_for_accounts(&self) -> bool {
        !matches!(self, Event::ConversationOpened | Event::ConversationResolved)
    }

    const fn is_of_a_message(&self) -> bool {
        matches!(self, Event::MessageCreated(_) | Event::MessageUpdated(_))
    }
}

/// One webhook to be sent.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) target: Target,
    pub(super) conversation: u64,
    pub(super) event: Event,
    /// Made when the event happened, or, if missing, when the job runs.
    pub(super) body: Option<String>,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered with this status.
    Answered(u16),
    /// Nobody answered: refused, cut, or too slow.
    Failed,
}

impl Outcome {
    /// Returns whether Chatwoot is content.
    pub const fn is_accepted(self) -> bool {
        matches!(self, Outcome::Answered(200..=299))
    }
}

/// One attempt to deliver a webhook.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Stable over the repeats of one webhook.
    pub id: String,
    /// To whom.
    pub target: Target,
    /// The event's name.
    pub event: String,
    /// The conversation it is about.
    pub conversation: u64,
    /// 1 for the first.
    pub attempt: u32,
    /// When it ended.
    pub at: Instant,
    /// How long it took.
    pub took: Duration,
    /// What became of it.
    pub outcome: Outcome,
    /// The exact body.
    pub body: String,
}

/// Delivers one webhook, with its repeats and its consequences.
pub(super) async fn run(shared: Arc<Shared>, job: Job) {
    let body = {
        let world = shared.lock();
        job.body.clone().or_else(|| payload::body(&world, job.conversation, &job.event))
    };
    let attempts = if job.target == Target::AgentBot { BOT_ATTEMPTS } else { 1 };
    let mut outcome = Outcome::Failed;
    for attempt in 1..=attempts {
        let Some(body) = &body else { break };
        outcome = send(&shared, &job, body, attempt).await;
        let again = matches!(outcome, Outcome::Answered(429 | 500)) && attempt < attempts;
        if !again || shared.lock().closed {
            break;
        }
        let interval = shared.lock().options.bot_retry_interval;
        tokio::time::sleep(interval).await;
    }
    shared.change(|world| {
        world.stats.running -= 1;
        if !outcome.is_accepted() {
            world.stats.lost += 1;
            give_up(world, &job);
        }
    });
}

/// Sends one webhook once and writes down what became of it.
async fn send(shared: &Arc<Shared>, job: &Job, body: &str, attempt: u32) -> Outcome {
    let started = Instant::now();
    let hook = shared.lock().options.hook(job.target).cloned();
    let outcome = match hook {
        Some(hook) => post(shared, &hook, &job.id, body).await,
        None => Outcome::Failed,
    };
    let delivery = Delivery {
        id: job.id.clone(),
        target: job.target,
        event: job.event.name().to_owned(),
        conversation: job.conversation,
        attempt,
        at: Instant::now(),
        took: started.elapsed(),
        outcome,
        body: body.to_owned(),
    };
    shared.change(|world| {
        if outcome.is_accepted() {
            world.stats.accepted += 1;
        } else {
            world.stats.refused += 1;
        }
        world.deliveries.push(delivery);
    });
    outcome
}

/// Posts a body with Chatwoot's headers; the signature is fresh for every attempt.
pub(super) async fn post(shared: &Shared, hook: &super::Hook, delivery: &str, body: &str) -> Outcome {
    let mut request = shared
        .http
        .post(&hook.url)
        .header("Content-Type", "application/json")
        .header("Accept", "application/json")
        .header("X-Chatwoot-Delivery", delivery);
    if let Some(secret) = &hook.secret {
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
        request = request.header("X-Chatwoot-Signature", sign(secret, &timestamp, body));
        request = request.header("X-Chatwoot-Timestamp", timestamp);
    }
    match request.body(body.to_owned()).send().await {
        Ok(response) => Outcome::Answered(response.status().as_u16()),
        Err(_) => Outcome::Failed,
    }
}

fn sign(secret: &str, timestamp: &str, body: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, format!("{timestamp}.{body}").as_bytes());
    format!("sha256={}", hex::encode(tag))
}

/// A bot webhook of a message that was given up opens a pending conversation, also if it was an echo of the bot itself.
fn give_up(world: &mut World, job: &Job) {
    let pending = world.conversation(job.conversation).is_some_and(|found| found.status == Status::Pending);
    let concerned = job.target == Target::AgentBot && job.event.is_of_a_message();
    if concerned && pending && !world.options.keep_pending_on_bot_failure {
        world.stats.flipped += 1;
        world.set_status(job.conversation, Status::Open, ChangedBy::Chatwoot);
        world.add_activity(job.conversation, FLIPPED);
    }
}
