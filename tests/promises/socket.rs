//! kill -9 and restart under load, with the listening socket in the hands of the service manager (`frontdesk.socket`).

use super::support::{BOTH_STORES, Place, at_rest, no_duplicates, run, said, scenarios, tell, until};
use anyhow::{Result, ensure};
use frontdesk_sandbox::chatwoot::Outcome;
use frontdesk_sandbox::town::Town;
use std::time::{Duration, Instant};

/// Each customer's message causes about nine webhooks, those of the answer included.
const BETWEEN_CUSTOMERS: Duration = Duration::from_millis(80);

const CUSTOMERS: u64 = 70;

/// Kills the desk at a moment when no webhook is being answered: what the kernel has handed to a process dies with it,
/// socket unit or not.
async fn kill_between_webhooks(town: &mut Town) -> Result<()> {
    until("a moment without a webhook", || town.chatwoot.stats().running == 0).await?;
    town.daemon.kill()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_kills_under_a_hundred_webhooks_a_second() -> Result<()> {
    run(&BOTH_STORES, scenarios![killed_twice]).await
}

async fn killed_twice(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    town.chatwoot.configure(|options| {
        options.keep_pending_on_bot_failure = false;
        options.bot_retry_interval = Duration::from_secs(3);
    });
    town.daemon.hold_socket()?;
    town.daemon.start().await?;
    let began = Instant::now();
    let mut conversations = Vec::new();
    for number in 0..CUSTOMERS {
        let question = format!("question {number}?");
        let conversation = town.chatwoot.new_conversation(412);
        town.chatwoot.customer_writes(conversation, &question);
        conversations.push((conversation, question));
        if number == CUSTOMERS / 3 || number == 2 * CUSTOMERS / 3 {
            kill_between_webhooks(&mut town).await?;
            // Customers do not wait for the desk to come back.
            town.daemon.spawn()?;
        }
        tokio::time::sleep(BETWEEN_CUSTOMERS).await;
    }
    let sending = began.elapsed();
    town.chatwoot.wait_quiet().await?;
    let webhooks = town.chatwoot.see(|world| world.deliveries().len());
    let rate = webhooks as f64 / sending.as_secs_f64();
    let mut lost = 0;
    for (conversation, question) in &conversations {
        at_rest(&town, *conversation).await?;
        no_duplicates(&town, *conversation)?;
        let owned = town.chatwoot.conversation(*conversation).is_some_and(|shown| shown.status == "open");
        lost += usize::from(said(&town, *conversation, question) != 1 && !owned);
    }
    let stats = town.chatwoot.stats();
    let count = |is: fn(Outcome) -> bool| {
        town.chatwoot.see(|world| world.deliveries().iter().filter(|delivery| is(delivery.outcome)).count())
    };
    let cut = count(|outcome| outcome == Outcome::Failed);
    let again = count(|outcome| matches!(outcome, Outcome::Answered(429 | 500)));
    let odd =
        count(|outcome| !outcome.is_accepted() && !matches!(outcome, Outcome::Answered(429 | 500) | Outcome::Failed));
    tell(&format!(
        "{place:?}: {webhooks} webhooks at {rate:.0}/s over 2 kills: refused or cut {cut}, asked to come again \
         {again}, odd answers {odd}, flipped {}, lost {lost} of {CUSTOMERS}",
        stats.flipped
    ));
    ensure!(rate >= 20.0, "too little load to show anything");
    ensure!(cut == 0 && odd == 0 && stats.flipped == 0 && lost == 0, "see the line above");
    Ok(())
}
