//! Fuzzing with a budget: whatever comes in from outside, nothing panics and memory stays bounded.
//!
//! `parsers` runs within this process, with every allocation counted; `daemon` asks the real one over HTTP. A slice of
//! each runs with every `cargo test`; `make fuzz SECONDS=600` runs longer. A failure names its seed and keeps its input.

#![expect(clippy::print_stdout, reason = "how far a run got is what one reads it for")]

mod fuzz {
    pub(crate) mod daemon;
    pub(crate) mod json;
    pub(crate) mod kommo;
    pub(crate) mod parsers;
    pub(crate) mod vendors;

    use frontdesk_actors::testkit::fuzz::FuzzReport;
    use peak_alloc::PeakAlloc;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    #[global_allocator]
    static MEMORY: PeakAlloc = PeakAlloc;

    static ALONE: Mutex<()> = Mutex::new(());

    /// What is allocated is counted for the whole process: one run at a time.
    pub(crate) fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs something, and fails if it needed more memory than it may.
    pub(crate) fn bounded<T>(most: usize, run: impl FnOnce() -> T) -> T {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let result = run();
        let needed = MEMORY.peak_usage().saturating_sub(before);
        assert!(needed <= most, "it took {needed} bytes where {most} are enough");
        result
    }

    /// Prints a run, and fails if it led nowhere.
    pub(crate) fn report(name: &str, ran: &FuzzReport, kinds: usize) {
        println!("{name}: {ran:?}");
        assert!(ran.executions == 1 || ran.kinds >= kinds, "{name} led nowhere: {ran:?}");
    }
}
