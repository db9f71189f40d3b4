//! Redis comes back without the writes of its last seconds, as it does after a crash without `appendfsync always`, from an
//! older backup, or after a failover. The desk then knows less than its customers: it looks before it speaks.

use super::support::{
    EVERYWHERE, Place, ask, at_rest, no_duplicates, phase, requested, run, said, scenarios, talk, tell, until,
};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::town::Town;
use std::time::{Duration, Instant};

const QUESTION: &str = "Do you ship to Norway?";

const ON_REDIS: [Place; 1] = [EVERYWHERE[0]];

#[tokio::test(flavor = "multi_thread")]
async fn redis_forgets_its_last_writes() -> Result<()> {
    let losses = scenarios![
        an_answer_that_the_living_desk_remembers,
        an_answer_that_nobody_remembers,
        the_outcome_of_a_row_that_waited,
        a_takeover,
        a_takeover_that_the_living_desk_remembers,
        everything,
    ];
    run(&ON_REDIS, losses).await
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_away_for_longer_than_ten_seconds() -> Result<()> {
    run(&ON_REDIS, scenarios![away_for_long]).await
}

fn redis(town: &mut Town) -> Result<&mut RedisServer> {
    town.redis.as_mut().context("this town has a Redis")
}

/// The store has forgotten; the question is not answered a second time, and the next one is answered.
async fn goes_on(town: &Town, conversation: u64) -> Result<()> {
    town.chatwoot.customer_writes(conversation, "And to Chile?");
    let view = at_rest(town, conversation).await?;
    no_duplicates(town, conversation)?;
    ensure!(said(town, conversation, QUESTION) == 1, "{}", talk(town, conversation));
    let answered = said(town, conversation, "And to Chile?") == 1;
    ensure!(answered || phase(&view) == "human", "{view:#}\n{}", talk(town, conversation));
    Ok(())
}

async fn an_answer_that_the_living_desk_remembers(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.model.push(Reply::Hang);
    let conversation = ask(&town, QUESTION);
    town.model.wait_for_calls(1).await;
    town.chatwoot.wait_quiet().await?;
    let before = redis(&mut town)?.copy_files()?;
    town.model.release();
    at_rest(&town, conversation).await?;
    redis(&mut town)?.roll_back(&before).await?;
    goes_on(&town, conversation).await?;
    let view = super::support::view(&town, conversation).await?;
    ensure!(
        said(&town, conversation, "And to Chile?") == 1,
        "{view:#}\n{}\n{}",
        talk(&town, conversation),
        town.daemon.log()
    );
    ensure!(town.metric("frontdesk_store_restarts_total", "").await? >= 1.0, "the restart was not noticed");
    Ok(())
}

/// The record says that the question is owed. The customer has read the answer.
async fn an_answer_that_nobody_remembers(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.model.push(Reply::Hang);
    let conversation = ask(&town, QUESTION);
    town.model.wait_for_calls(1).await;
    town.chatwoot.wait_quiet().await?;
    let before = redis(&mut town)?.copy_files()?;
    town.model.release();
    at_rest(&town, conversation).await?;
    town.daemon.kill()?;
    redis(&mut town)?.roll_back(&before).await?;
    town.daemon.start().await?;
    let view = at_rest(&town, conversation).await?;
    ensure!(phase(&view) == "human", "only a person can tell what was said: {view:#}");
    ensure!(said(&town, conversation, QUESTION) == 1, "{}", talk(&town, conversation));
    goes_on(&town, conversation).await
}

/// The record says that the row is to be tried again. It landed.
async fn the_outcome_of_a_row_that_waited(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::Throttle(3));
    let conversation = ask(&town, QUESTION);
    requested(&town, RequestKind::PostMessage, 1).await?;
    super::support::viewed(&town, conversation, "the row waits", |view| {
        super::support::rows(view).iter().any(|state| state == "waiting")
    })
    .await?;
    let before = redis(&mut town)?.copy_files()?;
    at_rest(&town, conversation).await?;
    ensure!(said(&town, conversation, QUESTION) == 1, "{}", talk(&town, conversation));
    town.daemon.kill()?;
    redis(&mut town)?.roll_back(&before).await?;
    town.daemon.start().await?;
    at_rest(&town, conversation).await?;
    goes_on(&town, conversation).await
}

async fn taken_over_and_forgotten(place: Place, desk_dies: bool) -> Result<()> {
    let mut town = place.open().await?;
    let conversation = ask(&town, QUESTION);
    at_rest(&town, conversation).await?;
    let before = redis(&mut town)?.copy_files()?;
    town.chatwoot.agent_writes(conversation, "Hello, this is Ann. Let me look into it.");
    let view = at_rest(&town, conversation).await?;
    ensure!(phase(&view) == "human", "{view:#}");
    if desk_dies {
        town.daemon.kill()?;
    }
    redis(&mut town)?.roll_back(&before).await?;
    if desk_dies {
        town.daemon.start().await?;
    }
    town.chatwoot.customer_writes(conversation, "Thank you, Ann.");
    town.chatwoot.wait_quiet().await?;
    let view = at_rest(&town, conversation).await?;
    ensure!(phase(&view) == "human", "{view:#}");
    ensure!(said(&town, conversation, "Thank you, Ann.") == 0, "{}", talk(&town, conversation));
    no_duplicates(&town, conversation)
}

async fn a_takeover(place: Place) -> Result<()> {
    taken_over_and_forgotten(place, true).await
}

async fn a_takeover_that_the_living_desk_remembers(place: Place) -> Result<()> {
    taken_over_and_forgotten(place, false).await
}

/// Redis comes back empty under a living desk.
async fn everything(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    let conversation = ask(&town, QUESTION);
    at_rest(&town, conversation).await?;
    redis(&mut town)?.lose_everything().await?;
    goes_on(&town, conversation).await?;
    let other = ask(&town, "What does it cost?");
    at_rest(&town, other).await?;
    ensure!(said(&town, other, "What does it cost?") == 1, "{}", talk(&town, other));
    Ok(())
}

// === Away ===

/// Returns how much processor time the desk has used.
fn used(town: &Town) -> Result<Duration> {
    let pid = town.daemon.pid().context("the desk runs")?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // After the name, which stands in brackets: the 12th and 13th field, in hundredths of a second on Linux.
    let fields = stat.rsplit_once(')').context("a stat line")?.1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

async fn away_for_long(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.chatwoot.configure(|options| options.bot_retry_interval = Duration::from_secs(3));
    town.model.push(Reply::Hang);
    let thinking = ask(&town, QUESTION);
    town.model.wait_for_calls(1).await;
    town.chatwoot.wait_quiet().await?;
    redis(&mut town)?.kill()?;
    town.model.release();
    let late: Vec<u64> = (0..6).map(|_| ask(&town, "What does it cost?")).collect();
    let (began, before) = (Instant::now(), used(&town)?);
    tokio::time::sleep(Duration::from_secs(11)).await;
    let (lasted, spent) = (began.elapsed(), used(&town)? - before);
    tell(&format!("{spent:?} of processor time in {lasted:?} without a store, with 7 conversations in hand"));
    ensure!(spent < lasted / 3, "a busy loop: {spent:?} of processor time in {lasted:?}");
    let refused = town.chatwoot.see(|world| {
        let answers = world.deliveries().iter().map(|one| one.outcome);
        let refusals = answers.filter(|outcome| !outcome.is_accepted()).collect::<Vec<_>>();
        refusals.iter().all(|outcome| matches!(outcome, frontdesk_sandbox::chatwoot::Outcome::Answered(429 | 500)))
            && !refusals.is_empty()
    });
    ensure!(refused, "webhooks without a store are answered 429 or 500 and nothing else");
    redis(&mut town)?.restart().await?;
    at_rest(&town, thinking).await?;
    ensure!(said(&town, thinking, QUESTION) == 1, "{}", talk(&town, thinking));
    // Chatwoot has given up repeating some; the customers write again, to a desk that was not restarted.
    for conversation in &late {
        town.chatwoot.customer_writes(*conversation, "Hello? Are you there?");
    }
    for conversation in late {
        at_rest(&town, conversation).await?;
        no_duplicates(&town, conversation)?;
        until("the desk answers again", || said(&town, conversation, "Are you there?") == 1).await?;
    }
    Ok(())
}
