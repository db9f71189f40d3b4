//! What the whole daemon costs: webhooks in, answers out, memory; on each store, in one run.
//!
//! Everything runs on this one machine: the load generator, the stand-ins for Chatwoot and the model, the daemon and
//! Redis share its cores. Rates are therefore far below what the daemon alone could do; the CPU time per operation, read
//! from `/proc`, is the figure to trust. `BENCH_SECONDS` sets how long each stretch is measured, `BENCH_ONLY` names parts
//! of the run (`bare`, a store, `memory`, `recovery`, `takeover`), and `BENCH_DAEMON` another daemon to compare with. It ends
//! with an error, after everything was measured, where recovery or a takeover took longer than promised; a missed goal of speed
//! is only told.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

mod bare;
mod desk;
mod load;
mod recovery;
mod report;
mod stretches;
mod takeover;
mod usage;
mod vendors;
mod webhooks;

use anyhow::{Result, ensure};
use desk::{Backing, Desk};
use report::Report;
use std::time::{Duration, Instant};
use webhooks::{Having, Webhook, Webhooks};

const BACKINGS: [Backing; 3] = [Backing::Everysec, Backing::Always, Backing::Embedded];

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == bare::ROLE) {
        return bare::serve().await;
    }
    let seconds = std::env::var("BENCH_SECONDS").ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(5.0);
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    let limit = Duration::from_secs_f64(seconds.clamp(0.5, 60.0));
    let began = Instant::now();
    let mut report = Report::new(&BACKINGS);
    let wanted = |name: &str| only.is_empty() || only.split(',').any(|part| name.starts_with(part));
    progress(began, &format!("each stretch is measured for {limit:?}"));
    if wanted("bare") {
        compare(limit, began, &mut report).await?;
    }
    for backing in BACKINGS {
        if wanted(backing.name()) {
            measure(backing, limit, began, &mut report).await?;
        }
    }
    if wanted("memory") {
        progress(began, "memory: 10,000 conversations with 20 messages each");
        stretches::live_memory(&mut report).await?;
        progress(began, "memory: three times 100,000 conversations that were passivated");
        stretches::passivated_memory(&mut report).await?;
    }
    if wanted("recovery") {
        for backing in BACKINGS {
            progress(began, &format!("{}: kill -9 with 10,000 owed replies", backing.name()));
            recovery::measure(backing, &mut report).await?;
        }
    }
    if wanted("takeover") {
        progress(began, "two nodes: takeovers while the model thinks");
        takeover::measure(&mut report).await?;
    }
    println!("\n{}", machine());
    println!("{}", report.render());
    println!("the run took {:.0} s", began.elapsed().as_secs_f64());
    let missed = report.missed();
    ensure!(missed.is_empty(), "{} promises were missed:\n{}", missed.len(), missed.join("\n"));
    Ok(())
}

/// The same body at a handler that only parses it.
async fn compare(limit: Duration, began: Instant, report: &mut Report) -> Result<()> {
    progress(began, "a bare handler that only parses");
    let webhooks = Webhooks::new("127.0.0.1".to_owned());
    let webhook = Webhook::customer(Having::People)?;
    let make = std::sync::Arc::new(move |n| webhooks.request(&webhook, 1 + n % stretches::CONVERSATIONS));
    let (seen, micros) = bare::measure(stretches::CONNECTIONS, limit, make).await?;
    report.measure_by(micros);
    report.note(format!(
        "a bare axum handler that only parses the same body: {:.0} accepted/s, {micros:.1} CPU us each, ack p50 {:.2} ms, \
         p99 {:.2} ms",
        seen.per_second(),
        seen.percentile(50.0),
        seen.percentile(99.0),
    ));
    Ok(())
}

async fn measure(backing: Backing, limit: Duration, began: Instant, report: &mut Report) -> Result<()> {
    let say = |what: &str| progress(began, &format!("{}: {what}", backing.name()));
    let desk = Desk::open(backing, "10m").await?;
    stretches::idle(&desk, backing, report).await?;
    say("filling memories");
    stretches::fill(&desk, stretches::CONVERSATIONS).await?;
    say("webhooks as fast as they are acknowledged");
    stretches::webhooks_closed(&desk, backing, limit, report).await?;
    say("webhooks that change nothing");
    stretches::webhooks_idle(&desk, backing, limit, report).await?;
    say("2,000 webhooks a second");
    stretches::webhooks_open(&desk, backing, limit, report).await?;
    say("complete replies");
    stretches::replies(&desk, backing, limit, report).await?;
    if desk.vendors.strange() > 0 {
        report.note(format!("{}: {} requests that no reply needs", backing.name(), desk.vendors.strange()));
    }
    let troubles = desk.log().lines().filter(|line| line.contains("\"ERROR\"")).count();
    if troubles > 0 {
        report.note(format!("{}: the daemon logged {troubles} errors", backing.name()));
    }
    if !desk.stop().await.unwrap_or_default() {
        report.note(format!("{}: the daemon did not end as it should", backing.name()));
    }
    Ok(())
}

/// Says on what the figures were made.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{cores} x {}; load generator, stand-ins, daemon and store share them; load average at the end {}",
        model.trim_start_matches([' ', '\t', ':']),
        load.split(' ').next().unwrap_or_default(),
    )
}

fn progress(began: Instant, what: &str) {
    println!("[{:>4.0} s] {what}", began.elapsed().as_secs_f64());
}
