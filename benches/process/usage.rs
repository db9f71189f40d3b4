//! What a process used, as the kernel counts it: `/proc/<pid>/stat` and `/proc/<pid>/status`. Linux only.

use anyhow::{Context, Result};
use std::time::Duration;

/// The kernel counts CPU time for user space in hundredths of a second, whatever its own clock is.
const TICKS_PER_SECOND: u64 = 100;

/// Returns the CPU time of a process so far, of all its threads, in user space and kernel.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("read /proc/PID/stat")?;
    // The name of the program, in parentheses, may contain spaces.
    let (_, fields) = stat.rsplit_once(')').context("a program's name")?;
    let field = |at: usize| fields.split_whitespace().nth(at).and_then(|ticks| ticks.parse::<u64>().ok());
    let ticks = field(11).context("utime")? + field(12).context("stime")?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// Returns the resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("read /proc/PID/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS in kB")?;
    Ok(kib * 1024)
}

/// CPU time of engine and store over a measured stretch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    engine: u32,
    store: Option<u32>,
    engine_before: Duration,
    store_before: Duration,
}

/// What engine and store used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// The daemon.
    pub(crate) engine: Duration,
    /// Redis; zero where the store is inside the daemon.
    pub(crate) store: Duration,
}

impl Stretch {
    /// Begins to measure.
    pub(crate) fn begin(engine: u32, store: Option<u32>) -> Result<Self> {
        let store_before = store.map(cpu).transpose()?.unwrap_or_default();
        Ok(Self { engine, store, engine_before: cpu(engine)?, store_before })
    }

    /// Ends.
    pub(crate) fn end(self) -> Result<Used> {
        let store = self.store.map(cpu).transpose()?.unwrap_or_default();
        Ok(Used { engine: cpu(self.engine)? - self.engine_before, store: store - self.store_before })
    }
}

impl Used {
    /// Returns microseconds of engine and store per operation.
    pub(crate) fn micros_per(self, operations: u64) -> (f64, f64) {
        let per = |used: Duration| used.as_secs_f64() * 1e6 / operations.max(1) as f64;
        (per(self.engine), per(self.store))
    }
}
