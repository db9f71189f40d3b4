//! What is measured, one stretch after the other.

use crate::desk::{Backing, Desk};
use crate::load::{self, Make, Seen, Until};
use crate::report::{Goal, Report};
use crate::webhooks::{Having, Webhook};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How many connections bring webhooks as fast as they can.
pub(crate) const CONNECTIONS: usize = 64;

/// How many conversations these webhooks are about.
pub(crate) const CONVERSATIONS: u64 = 2_000;

/// How many conversations are answered at once.
const DIALOGUES: u64 = 256;

/// The numbers of the conversations that are answered start above this.
const ANSWERED: u64 = 1_000_000;

/// How many messages fill a memory.
const MEMORY: u64 = 20;

const MIB: f64 = 1024.0 * 1024.0;

/// The daemon after its start.
pub(crate) async fn idle(desk: &Desk, backing: Backing, report: &mut Report) -> Result<()> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    report.figure(("RSS idle, MiB", 1), backing, desk.resident()? as f64 / MIB, Some(Goal(64.0)));
    Ok(())
}

/// Lets every conversation have a full memory (a young one would be cheaper), and a person who answers in it.
pub(crate) async fn fill(desk: &Desk, conversations: u64) -> Result<()> {
    for (webhook, count) in [(Webhook::person()?, 1), (Webhook::customer(Having::People)?, MEMORY)] {
        let make = about(desk, webhook, conversations);
        let seen = load::closed(desk.address(), CONNECTIONS, Until::Count(conversations * count), make).await?;
        ensure!(seen.refused == 0, "{} webhooks were refused", seen.refused);
    }
    Ok(())
}

/// Customers write where people have the conversation: verify, parse, decide, remember durably, acknowledge.
pub(crate) async fn webhooks_closed(desk: &Desk, backing: Backing, limit: Duration, report: &mut Report) -> Result<()> {
    let make = about(desk, Webhook::customer(Having::People)?, CONVERSATIONS);
    let stretch = desk.stretch()?;
    let seen = load::closed(desk.address(), CONNECTIONS, Until::Elapsed(limit), make).await?;
    let (engine, store) = stretch.end()?.micros_per(seen.accepted);
    complain(report, backing, &seen);
    // The embedded store is part of the daemon: its time cannot be told from the engine's.
    let goal = (backing != Backing::Embedded).then_some(Goal(45.0));
    report.figure(("CPU us per accepted webhook, engine (embedded: and store)", 1), backing, engine, goal);
    report.in_bare_handlers("  the same, in bare handlers that only parse the body", backing, engine, goal);
    if backing != Backing::Embedded {
        report.figure(("CPU us per accepted webhook, Redis", 1), backing, store, None);
    }
    report.figure(("webhooks accepted/s, 64 connections, as fast as acked", 0), backing, seen.per_second(), None);
    report.figure(("  ack p50, ms", 2), backing, seen.percentile(50.0), None);
    report.figure(("  ack p99, ms", 2), backing, seen.percentile(99.0), None);
    Ok(())
}

/// Webhooks after which nothing has changed: most of what Chatwoot sends.
pub(crate) async fn webhooks_idle(desk: &Desk, backing: Backing, limit: Duration, report: &mut Report) -> Result<()> {
    let make = about(desk, Webhook::updated(Having::People)?, CONVERSATIONS);
    let stretch = desk.stretch()?;
    let seen = load::closed(desk.address(), CONNECTIONS, Until::Elapsed(limit / 2), make).await?;
    let (engine, _) = stretch.end()?.micros_per(seen.accepted);
    complain(report, backing, &seen);
    report.figure(("CPU us per webhook that changes nothing, engine", 1), backing, engine, None);
    Ok(())
}

/// The same at a fixed rate, however slow the answers are.
pub(crate) async fn webhooks_open(desk: &Desk, backing: Backing, limit: Duration, report: &mut Report) -> Result<()> {
    let make = about(desk, Webhook::customer(Having::People)?, CONVERSATIONS);
    let seen = load::open(desk.address(), 2_000, limit, make).await?;
    complain(report, backing, &seen);
    let goal = match backing {
        Backing::Everysec => Goal(20.0),
        Backing::Always | Backing::Embedded => Goal(40.0),
    };
    report.figure(("ack p50 at 2,000 webhooks/s, ms", 2), backing, seen.percentile(50.0), None);
    report.figure(("ack p99 at 2,000 webhooks/s, ms", 2), backing, seen.percentile(99.0), Some(goal));
    Ok(())
}

/// Whole dialogues: a customer writes, reads the answer, writes again. The model is asked, the answer posted, its echo
/// taken.
pub(crate) async fn replies(desk: &Desk, backing: Backing, limit: Duration, report: &mut Report) -> Result<()> {
    dialogues(desk, limit / 2).await?;
    let commits = desk.commits().await?;
    let (stretch, before) = (desk.stretch()?, desk.vendors.replies());
    let seen = dialogues(desk, limit).await?;
    let used = stretch.end()?;
    let replies = desk.vendors.replies() - before;
    let commits = (desk.commits().await? - commits) / replies.max(1) as f64;
    complain(report, backing, &seen);
    let per_thousand = (used.engine + used.store).as_secs_f64() * 1000.0 / replies.max(1) as f64;
    let engine = used.engine.as_secs_f64() * 1000.0 / replies.max(1) as f64;
    report.figure(("complete replies/s, 256 dialogues", 0), backing, replies as f64 / seen.took.as_secs_f64(), None);
    report.figure(("  CPU s per 1,000 replies, with the store", 3), backing, per_thousand, Some(Goal(0.4)));
    let in_micros = Some(Goal(400.0));
    report.in_bare_handlers("  one reply with the store, in bare handlers", backing, per_thousand * 1000.0, in_micros);
    report.figure(("  of which the engine", 3), backing, engine, None);
    report.figure(("  commits per reply", 2), backing, commits, None);
    report.figure(("  from message to answer p50, ms", 1), backing, seen.percentile(50.0), None);
    report.figure(("  from message to answer p99, ms", 1), backing, seen.percentile(99.0), None);
    Ok(())
}

async fn dialogues(desk: &Desk, limit: Duration) -> Result<Seen> {
    let webhook = Arc::new(Webhook::customer(Having::Desk)?);
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for dialogue in 0..DIALOGUES {
        let (webhook, webhooks, vendors) = (webhook.clone(), desk.webhooks.clone(), desk.vendors.clone());
        let address = desk.address();
        workers.spawn(async move {
            let mut connection = load::Connection::open(address).await?;
            let mut seen = Seen::default();
            while began.elapsed() < limit {
                let spoken = vendors.spoken(ANSWERED + dialogue);
                let request = webhooks.request(&webhook, ANSWERED + dialogue);
                let sent = Instant::now();
                let status = connection.ask(&request).await?;
                tokio::time::timeout(Duration::from_secs(30), spoken).await.context("no answer within 30 s")??;
                seen.note(status, sent);
            }
            anyhow::Ok(seen)
        });
    }
    let mut parts = Vec::new();
    while let Some(part) = workers.join_next().await {
        parts.push(part??);
    }
    Ok(Seen::of(parts, began.elapsed()))
}

/// What a conversation in memory takes, all that was allocated on the way included.
pub(crate) async fn live_memory(report: &mut Report) -> Result<()> {
    // The first ones also fill what the process allocates once: what is asked is what each further one takes.
    const FIRST: u64 = 1_000;
    const LIVE: u64 = 10_000;
    let desk = Desk::open(Backing::Everysec, "10m").await?;
    fill(&desk, FIRST).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = desk.resident()?;
    fill(&desk, FIRST + LIVE).await?;
    let each = desk.resident()?.saturating_sub(before) as f64 / LIVE as f64 / 1024.0;
    report.figure(("RSS per live conversation with 20 messages, KiB", 1), Backing::Everysec, each, Some(Goal(14.0)));
    Ok(())
}

/// What conversations take that the desk knows but does not hold in memory.
pub(crate) async fn passivated_memory(report: &mut Report) -> Result<()> {
    const KNOWN: u64 = 100_000;
    let mut desk = Desk::open(Backing::Everysec, "1s").await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = desk.resident()?;
    let mut above = [0.0; 3];
    for (round, above) in (0..).zip(&mut above) {
        let (webhook, webhooks) = (Webhook::customer(Having::People)?, desk.webhooks.clone());
        let make: Make = Arc::new(move |n| webhooks.request(&webhook, 1 + round * KNOWN + n));
        let seen = load::closed(desk.address(), CONNECTIONS, Until::Count(KNOWN), make).await?;
        complain(report, Backing::Everysec, &seen);
        desk.all_passivated(Duration::from_secs(60)).await?;
        *above = desk.resident()?.saturating_sub(idle) as f64;
    }
    desk.restart().await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let restarted = desk.resident()?;
    // What the busiest moment took stays with the allocator; what grows with every conversation would be kept for it.
    let each = (above[2] - above[1]).max(0.0) / KNOWN as f64 / 1024.0;
    let names = [
        "RSS above idle when 100,000 have been passivated, MiB",
        "  when 200,000 have, MiB",
        "  when 300,000 have, MiB",
        "  per conversation among the last 100,000, KiB",
        "RSS after a restart with 300,000 known, MiB",
    ];
    for (name, above) in names.iter().zip(above) {
        report.figure((name, 1), Backing::Everysec, above / MIB, None);
    }
    report.figure((names[3], 2), Backing::Everysec, each, Some(Goal(0.5)));
    report.figure((names[4], 1), Backing::Everysec, restarted as f64 / MIB, Some(Goal(64.0)));
    Ok(())
}

fn about(desk: &Desk, webhook: Webhook, conversations: u64) -> Make {
    let webhooks = desk.webhooks.clone();
    Arc::new(move |n| webhooks.request(&webhook, 1 + n % conversations))
}

fn complain(report: &mut Report, backing: Backing, seen: &Seen) {
    if seen.refused > 0 {
        report.note(format!("{}: {} of {} webhooks were refused", backing.name(), seen.refused, seen.accepted));
    }
}
