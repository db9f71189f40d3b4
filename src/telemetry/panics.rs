//! Makes panics visible as log lines and as a count.

use frontdesk_actors::metrics::PANICS;
use std::backtrace::{Backtrace, BacktraceStatus};

/// Logs every panic through tracing, with its place but without its text: the text may quote a customer.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        metrics::counter!(PANICS).increment(1);
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let backtrace = Backtrace::capture();
        let frames = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        tracing::error!(
            place,
            thread = thread.name(),
            frames,
            "a task panicked; this is a bug, please report its place"
        );
    }));
}
