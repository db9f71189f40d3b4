//! kill -9 and restart under load, with the listening socket in the hands of the service manager (`frontdesk.socket`).
//!
//! The load is open: customers write at a fixed rate, whatever becomes of the desk, and it is killed at any moment. What the
//! kernel has handed to a process dies with it, socket unit or not: such a webhook is *cut in flight*, and counted apart. A
//! webhook that fails without having been under way at a kill was refused, and there must be none.

use super::ALONE;
use super::support::{
    BOTH_STORES, Dice, Place, at_rest, no_duplicates, phase, run, said, scenarios, seed, talk, tell, view, viewed,
};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::chatwoot::{ChatwootDouble, Delivery, Outcome, Target};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::town::Town;
use serde_json::Value;
use std::time::{Duration, Instant};

/// How often a new customer writes. Each first message causes four webhooks that are counted as the open load (the
/// conversation, the contact, and the message to account and bot), and more when it is answered.
const BETWEEN_CUSTOMERS: Duration = Duration::from_millis(39);

const CUSTOMERS: u32 = 256;

/// How often the desk is killed while they write.
const KILLS: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_a_hundred_webhooks_a_second() -> Result<()> {
    let _alone = ALONE.lock().await;
    run(&BOTH_STORES, scenarios![killed_at_any_moment]).await
}

async fn killed_at_any_moment(place: Place) -> Result<()> {
    let seed = seed();
    let mut town = place.build().await?;
    town.chatwoot.configure(|options| {
        options.keep_pending_on_bot_failure = false;
        options.bot_retry_interval = Duration::from_secs(3);
    });
    // Twenty-five customers a second are more than the default limits let through, and who waits for the model through three
    // kills is handed over: the kills are to be seen here, not the limits.
    town.daemon.set("OPENAI_RATE_PER_MINUTE", 10_000);
    town.daemon.set("TEAMS_RATE_PER_SECOND", 20);
    town.daemon.hold_socket()?;
    town.daemon.start().await?;
    let (customers, kills) = tokio::join!(write(&town.chatwoot), kill_often(&mut town.daemon, Dice::new(seed)));
    let ((customers, writing), kills) = (customers, kills?);
    town.chatwoot.wait_quiet().await?;
    let mut answered = 0;
    for (conversation, question) in &customers {
        answered += u32::from(served(&town, *conversation, question).await? == Served::Answered);
    }
    let fates = Fates::of(&town, &kills);
    let at_rate = f64::from(fates.open_loop) / writing.as_secs_f64();
    let flipped = town.chatwoot.stats().flipped;
    tell(&format!(
        "{place:?}: {at_rate:.0} webhooks/s of customers, {} in all, over {} kills: refused {}, odd answers {}, asked to \
         come again {}, cut in flight {} ({} of them a bot's about a message), flipped {flipped}; {answered} of {} \
         customers answered, the others in the people's queue, nobody lost (FRONTDESK_SEED={seed})",
        fates.all,
        kills.len(),
        fates.refused,
        fates.odd,
        fates.again,
        fates.cut,
        fates.cut_at_bot,
        customers.len(),
    ));
    ensure!(at_rate >= 95.0, "too little load to show anything: {at_rate:.0}/s");
    ensure!(fates.refused == 0 && fates.odd == 0, "see the line above");
    ensure!(flipped <= u64::from(fates.cut_at_bot), "only what was cut in flight may flip a conversation");
    Ok(())
}

/// Lets customers write at a fixed rate; returns their conversations and questions, and how long they wrote.
async fn write(chatwoot: &ChatwootDouble) -> (Vec<(u64, String)>, Duration) {
    let began = Instant::now();
    let mut customers = Vec::new();
    for number in 0..CUSTOMERS {
        tokio::time::sleep_until((began + BETWEEN_CUSTOMERS * number).into()).await;
        let question = format!("question {number}?");
        let conversation = chatwoot.new_conversation(412);
        chatwoot.customer_writes(conversation, &question);
        customers.push((conversation, question));
    }
    (customers, began.elapsed())
}

/// Kills the desk at any moments while they write, and starts it without waiting for it: customers do not wait either.
/// Returns from when to when each kill took.
async fn kill_often(daemon: &mut Daemon, mut dice: Dice) -> Result<Vec<(Instant, Instant)>> {
    let (began, all) = (Instant::now(), BETWEEN_CUSTOMERS * CUSTOMERS);
    let mut moments: Vec<Duration> =
        (0..KILLS).map(|_| dice.millis(u64::try_from(all.as_millis()).unwrap_or(1))).collect();
    moments.sort();
    let mut kills = Vec::new();
    for moment in moments {
        tokio::time::sleep_until((began + moment).into()).await;
        let before = Instant::now();
        daemon.kill()?;
        kills.push((before, Instant::now()));
        daemon.spawn()?;
    }
    Ok(kills)
}

/// What became of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    Answered,
    /// In the people's queue: Chatwoot opened the conversation because the webhook was cut, or the desk gave it to them, having
    /// been killed again and again in the middle of the turn. The desk knows that they have it, and why.
    Queued,
}

/// Returns what became of a customer: answered, once, or in the people's queue, and the desk knows that.
async fn served(town: &Town, conversation: u64, question: &str) -> Result<Served> {
    no_duplicates(town, conversation)?;
    let known = !view(town, conversation).await?.is_null();
    if known {
        at_rest(town, conversation).await?;
    }
    let open = town.chatwoot.conversation(conversation).context("it exists")?.status == "open";
    match said(town, conversation, question) {
        1 => Ok(Served::Answered),
        0 if open => {
            let gone = |view: &Value| phase(view) == "human";
            let view = viewed(town, conversation, "the desk knows that people have it", gone).await?;
            let why = view["reason"].as_str().unwrap_or_default();
            ensure!(matches!(why, "desk_away" | "interrupted"), "taken for opened by a colleague: {view}");
            Ok(Served::Queued)
        }
        times => anyhow::bail!("{question:?} was answered {times} times\n{}", talk(town, conversation)),
    }
}

/// What became of all webhooks.
#[derive(Debug, Default)]
struct Fates {
    all: u32,
    /// Those that customers cause, first attempts.
    open_loop: u32,
    refused: u32,
    cut: u32,
    cut_at_bot: u32,
    again: u32,
    odd: u32,
}

impl Fates {
    fn of(town: &Town, kills: &[(Instant, Instant)]) -> Self {
        let mut fates = Fates::default();
        town.chatwoot.see(|world| world.deliveries().iter().for_each(|delivery| fates.count(delivery, kills)));
        fates
    }

    fn count(&mut self, delivery: &Delivery, kills: &[(Instant, Instant)]) {
        self.all += 1;
        // What the customers' own acts cause, whatever the desk does: it is the open part of the load.
        let by_customer = match delivery.event.as_str() {
            "message_created" => delivery.body.contains("\"message_type\":\"incoming\""),
            other => matches!(other, "conversation_created" | "contact_updated"),
        };
        self.open_loop += u32::from(by_customer && delivery.attempt == 1);
        let began = delivery.at.checked_sub(delivery.took).unwrap_or(delivery.at);
        let in_flight = kills.iter().any(|(from, to)| began <= *to && delivery.at >= *from);
        match delivery.outcome {
            Outcome::Answered(200..=299) => {}
            Outcome::Answered(429 | 500) => self.again += 1,
            Outcome::Answered(_) => self.odd += 1,
            Outcome::Failed if in_flight => {
                self.cut += 1;
                let about_message = matches!(delivery.event.as_str(), "message_created" | "message_updated");
                self.cut_at_bot += u32::from(delivery.target == Target::AgentBot && about_message);
            }
            Outcome::Failed => self.refused += 1,
        }
    }
}
