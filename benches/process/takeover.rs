//! How soon a takeover ends the model call: on the node that thinks, and where another node hears of it.
//!
//! Two daemons share one Redis. The doubles of Chatwoot and of the model are the faithful ones of the tests: what counts is
//! the time between a webhook and a closed connection, and one conversation after the other costs them nothing.

use crate::report::Report;
use anyhow::Result;
use frontdesk_sandbox::fleet::{Fleet, Shared};
use frontdesk_sandbox::takeover::take_over;
use std::time::{Duration, Instant};

/// How many takeovers are measured on each node.
const TAKEOVERS: usize = 400;

/// How many warm connections and caches up.
const FIRST: usize = 10;

/// Which node hears of the takeover, and within what the call must end, at the 99th percentile.
const CASES: [(usize, &str, Duration); 2] =
    [(0, "on the thinking node", Duration::from_millis(50)), (1, "across nodes", Duration::from_millis(250))];

/// Measures both cases.
pub(crate) async fn measure(report: &mut Report) -> Result<()> {
    let binary = std::env::var("BENCH_DAEMON").unwrap_or_else(|_| env!("CARGO_BIN_EXE_frontdesk").to_owned());
    let mut fleet = Fleet::build(binary, 2, Shared::Redis, 1, |daemon| {
        daemon.set("GATE", "off");
        daemon.set("DEBOUNCE_QUIET", "50ms");
        // Nothing of what is measured may wait for the vendor's limits.
        daemon.set("CHATWOOT_RATE_PER_MINUTE", "60000000");
        daemon.set("OPENAI_RATE_PER_MINUTE", "60000000");
    })
    .await?;
    fleet.start().await?;
    for (node, place, goal) in CASES {
        for _ in 0..FIRST {
            take_over(&fleet, node).await?;
        }
        let (mut took, began) = (Vec::with_capacity(TAKEOVERS), Instant::now());
        while took.len() < TAKEOVERS {
            took.push(take_over(&fleet, node).await?);
        }
        took.sort_unstable();
        let p99 = percentile(&took, 99);
        if p99 > goal {
            report.miss(format!("takeover {place}"));
        }
        report.note(format!(
            "takeover {place}, webhook sent to model call ended, {TAKEOVERS} in {:.0} s: p50 {:.1} ms, p99 {:.1} ms \
             (<= {} {}), slowest {:.1} ms",
            began.elapsed().as_secs_f64(),
            millis(percentile(&took, 50)),
            millis(p99),
            goal.as_millis(),
            if p99 <= goal { "met" } else { "MISSED" },
            millis(percentile(&took, 100)),
        ));
    }
    Ok(())
}

/// Returns the value that so many of a hundred do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).clamp(1, sorted.len());
    sorted[rank - 1]
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
