//! How fast a killed daemon takes up what it owes: 10,000 conversations, each with a question that was acknowledged and not
//! answered. Vendor limits are lifted; the model hangs until the kill, so that nothing is answered before.

use crate::desk::{Backing, Desk};
use crate::load::{self, Until};
use crate::report::{Goal, Report};
use crate::webhooks::{Having, Webhook};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many replies are owed.
const OWED: u64 = 10_000;

/// How long may pass until all are taken.
const GOAL: Goal = Goal(5.0);

/// When the run gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Kills a desk that owes replies, starts it again, and measures from the moment the port answers.
pub(crate) async fn measure(backing: Backing, report: &mut Report) -> Result<()> {
    let mut desk = Desk::open(backing, "10m").await?;
    desk.vendors.hold_model(true);
    let (webhook, webhooks) = (Webhook::customer(Having::Desk)?, desk.webhooks.clone());
    let make = Arc::new(move |n| webhooks.request(&webhook, 1 + n));
    let seen = load::closed(desk.address(), 64, Until::Count(OWED), make).await?;
    ensure!(seen.accepted == OWED, "{} of {OWED} webhooks were accepted", seen.accepted);
    desk.kill()?;
    desk.vendors.hold_model(false);
    desk.vendors.forget_looks();
    desk.spawn()?;
    let started = Instant::now();
    desk.answers(PATIENCE).await?;
    let open = Instant::now();
    let taken = all_taken(&desk);
    let looked = async {
        let looked = until(|| desk.vendors.looked() >= OWED).await.context("not every conversation was looked at")?;
        let answered = until(|| desk.vendors.replies() >= OWED).await.context("not every customer was answered")?;
        anyhow::Ok((looked, answered))
    };
    let (taken, (looked, answered)) = tokio::try_join!(taken, looked)?;
    let since = |moment: Instant| moment.saturating_duration_since(open).as_secs_f64();
    report.figure(
        ("10,000 owed replies: start to the port's answer, s", 2),
        backing,
        (open - started).as_secs_f64(),
        None,
    );
    report.figure(("  from there until it has counted all in memory, s", 2), backing, since(taken), None);
    report.figure(("  from there until all are taken and looked at, s", 2), backing, since(looked), Some(GOAL));
    if !GOAL.is_met(since(looked)) {
        report.miss(format!("recovery, {}", backing.name()));
    }
    report.figure(("  from there until all are answered, s", 2), backing, since(answered), None);
    ensure!(desk.vendors.replies() == OWED, "{} replies to {OWED} questions", desk.vendors.replies());
    Ok(())
}

/// Waits until the daemon has counted all conversations in memory, which it does now and then: most are taken from the wake index, and some are met by catching up
/// before that.
async fn all_taken(desk: &Desk) -> Result<Instant> {
    let began = Instant::now();
    while desk.live().await? < OWED as f64 {
        ensure!(began.elapsed() < PATIENCE, "not all were taken within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Instant::now())
}

async fn until(holds: impl Fn() -> bool) -> Result<Instant> {
    let began = Instant::now();
    while !holds() {
        ensure!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(Instant::now())
}
