//! How the desk is seen from outside: log lines, metrics, and panics that reach both.
//!
//! Nothing here may carry a message, an address or a token. What a library would log of bodies is silenced in
//! [`logging`], numbers are hidden in [`masked`]; the text of a panic is left out in [`panics`].

pub mod logging;
mod masked;
pub mod page;
pub mod panics;
pub mod process;
mod remembering;

pub use logging::init_logging;
pub use page::MetricsPage;
pub use panics::install_panic_hook;

/// Why telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter makes no sense.
    #[error("read the log filter {filter:?}; write LOG=info or LOG=frontdesk=debug,info")]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something else logs already in this process.
    #[error("install the logger")]
    Logger(#[source] tracing_subscriber::util::TryInitError),
    /// The metrics recorder could not be made.
    #[error("install the metrics recorder")]
    Recorder(#[source] metrics_exporter_prometheus::BuildError),
    /// Something else in this process records metrics.
    #[error("another metrics recorder is installed in this process")]
    OtherRecorder,
}
