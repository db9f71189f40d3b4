//! A replica that is behind becomes the store: what was written to the old primary and not yet copied is gone, and it is
//! another server's run. The desk then knows less than its customers, or more than its store.

use super::support::{EVERYWHERE, PATIENCE, Place, ask, at_rest, no_duplicates, phase, run, said, scenarios, talk};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::link::Link;
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::redis::{RedisOptions, RedisServer};
use frontdesk_sandbox::town::Town;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn redis_fails_over_to_a_replica_that_is_behind() -> Result<()> {
    run(&[EVERYWHERE[0]], scenarios![under_a_living_desk, and_the_desk_dies_with_the_primary]).await
}

/// A primary and its replica, and the one address under which the desk finds whichever is in charge.
#[derive(Debug)]
struct Pair {
    link: Link,
    replica: RedisServer,
    in_charge: Arc<AtomicUsize>,
}

impl Pair {
    /// Adds a replica to the town's Redis, and leads the desk to them. The desk does not run yet.
    async fn build(town: &mut Town) -> Result<Self> {
        let primary = town.redis.as_ref().context("this town has a Redis")?;
        primary.command(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]).await?;
        let arguments = ["--replicaof", "127.0.0.1", &primary.port().to_string()].map(str::to_owned).into();
        let replica = RedisServer::start_with(RedisOptions { arguments, ..RedisOptions::default() }).await?;
        let place = |server: &RedisServer| SocketAddr::from(([127, 0, 0, 1], server.port()));
        let link = Link::open(vec![place(primary), place(&replica)]).await?;
        let in_charge = Arc::new(AtomicUsize::new(0));
        let chosen = in_charge.clone();
        link.balance(Arc::new(move |_| chosen.load(Ordering::SeqCst)));
        town.daemon.set("REDIS_URL", format!("redis://{}", link.address()));
        Ok(Self { link, replica, in_charge })
    }

    /// Waits until the replica has everything, and cuts it off: whatever is written from here on, it never gets.
    async fn leave_behind(&self, town: &Town) -> Result<()> {
        let primary = town.redis.as_ref().context("this town has a Redis")?;
        let written = offset(primary, "master_repl_offset").await?;
        let began = Instant::now();
        while offset(&self.replica, "slave_repl_offset").await? < written {
            ensure!(began.elapsed() < PATIENCE, "the replica never had everything");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.replica.command(&["REPLICAOF", "NO", "ONE"]).await?;
        Ok(())
    }

    /// The primary is gone for good; the replica takes its place.
    fn fail_over(&self, town: &mut Town) -> Result<()> {
        town.redis.as_mut().context("this town has a Redis")?.kill()?;
        self.in_charge.store(1, Ordering::SeqCst);
        self.link.cut_all();
        Ok(())
    }
}

async fn offset(server: &RedisServer, name: &str) -> Result<u64> {
    let info = server.command(&["INFO", "replication"]).await?;
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    // A replica that has never reached its primary does not say.
    Ok(line.and_then(|number| number.trim().parse().ok()).unwrap_or(0))
}

/// What customers asked before and after the replica was left behind, and while the primary died.
struct Talks {
    known: u64,
    new: u64,
    thinking: u64,
}

const BEFORE: &str = "Do you ship to Norway?";
const AFTER: &str = "Do you ship to Chile?";
const LATEST: &str = "Do you ship to Peru?";

async fn talk_until_the_failover(town: &mut Town, pair: &Pair) -> Result<Talks> {
    let known = ask(town, BEFORE);
    at_rest(town, known).await?;
    pair.leave_behind(town).await?;
    town.chatwoot.customer_writes(known, AFTER);
    at_rest(town, known).await?;
    let new = ask(town, AFTER);
    at_rest(town, new).await?;
    for conversation in [known, new] {
        ensure!(said(town, conversation, AFTER) == 1, "{}", talk(town, conversation));
    }
    town.model.push(Reply::Hang);
    let calls = town.model.calls().len();
    let thinking = ask(town, AFTER);
    town.model.wait_for_calls(calls + 1).await;
    town.chatwoot.wait_quiet().await?;
    pair.fail_over(town)?;
    Ok(Talks { known, new, thinking })
}

/// Nothing was said twice, and whoever writes is answered or has a person.
async fn goes_on(town: &Town, conversation: u64) -> Result<()> {
    town.chatwoot.customer_writes(conversation, LATEST);
    let view = at_rest(town, conversation).await?;
    no_duplicates(town, conversation)?;
    for question in [BEFORE, AFTER, LATEST] {
        ensure!(said(town, conversation, question) <= 1, "{question} twice\n{}", talk(town, conversation));
    }
    let answered = said(town, conversation, LATEST) == 1;
    ensure!(answered || phase(&view) == "human", "{view:#}\n{}", talk(town, conversation));
    Ok(())
}

async fn under_a_living_desk(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    let pair = Pair::build(&mut town).await?;
    town.daemon.start().await?;
    let talks = talk_until_the_failover(&mut town, &pair).await?;
    town.model.release();
    let view = at_rest(&town, talks.thinking).await?;
    let answered = said(&town, talks.thinking, AFTER);
    ensure!(answered == 1 || phase(&view) == "human", "{view:#}\n{}", talk(&town, talks.thinking));
    for conversation in [talks.known, talks.new, talks.thinking] {
        goes_on(&town, conversation).await?;
    }
    ensure!(town.metric("frontdesk_store_restarts_total", "").await? >= 1.0, "the failover was not noticed");
    let regressed = town.metric("frontdesk_commits_total", "outcome=\"regressed\"").await?;
    ensure!(regressed >= 1.0, "what the replica had never got was not written again");
    Ok(())
}

/// Nobody remembers what the replica never got, but the customers and Chatwoot.
async fn and_the_desk_dies_with_the_primary(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    let pair = Pair::build(&mut town).await?;
    town.daemon.start().await?;
    let talks = talk_until_the_failover(&mut town, &pair).await?;
    town.daemon.kill()?;
    town.model.release();
    town.daemon.start().await?;
    for conversation in [talks.known, talks.new, talks.thinking] {
        goes_on(&town, conversation).await?;
    }
    Ok(())
}
