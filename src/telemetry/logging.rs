//! Log lines on standard error: JSON for machines, text on a terminal, times in UTC as RFC 3339.

use crate::config::{Log, LogFormat};
use crate::telemetry::Error;
use crate::telemetry::masked::Masked;
use std::io::IsTerminal;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt};

/// Libraries whose chatter at `info` helps nobody. An operator's own directive for one of them wins.
/// ractor's span is entered whenever an actor is polled and lives as long as it: a webhook would pay for it, and our own
/// lines name the conversation.
const QUIET: &[&str] =
    &["h2=warn", "hyper=warn", "hyper_util=warn", "ractor=warn", "reqwest=warn", "rustls=warn", "tower=warn"];

/// Targets that quote bodies, keys or mail dialogues: silent whatever the filter says. async-openai logs a whole answer
/// at ERROR when it cannot parse it.
const NEVER: &[&str] = &["async_openai", "lettre"];

/// Starts logging for the rest of the process.
///
/// # Errors
/// [`Error::Filter`], or [`Error::Logger`] if something logs already.
pub fn init_logging(log: &Log) -> Result<(), Error> {
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let layer = log_layer(&log.filter, json, std::io::stderr)?;
    tracing_subscriber::registry().with(layer).try_init().map_err(Error::Logger)
}

/// Makes the layer that writes lines to `writer`.
fn log_layer<S, W>(filter: &str, json: bool, writer: W) -> Result<Box<dyn Layer<S> + Send + Sync>, Error>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = parse(filter)?.and(filter_fn(may_be_logged));
    let lines = fmt::layer().with_writer(Masked(writer)).with_target(true);
    Ok(if json {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).with_filter(filter).boxed()
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed()
    })
}

fn parse(filter: &str) -> Result<EnvFilter, Error> {
    let directives = QUIET.join(",") + "," + filter;
    EnvFilter::builder().parse(directives).map_err(|source| Error::Filter { filter: filter.to_owned(), source })
}

fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let crate_name = metadata.target().split("::").next().unwrap_or_default();
    !NEVER.contains(&crate_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, act: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = log_layer(filter, true, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_is_one_json_object_with_a_utc_time_and_its_span() {
        let text = logged("info", || {
            let _span = tracing::info_span!("webhook", channel = "chatwoot").entered();
            tracing::info!(outcome = "accepted", "webhook answered");
        });
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
        assert_eq!((&line["message"], &line["outcome"]), (&"webhook answered".into(), &"accepted".into()));
        assert_eq!(line["span"]["channel"], "chatwoot");
    }

    #[test]
    fn libraries_that_quote_bodies_are_silent_whatever_the_filter_says() {
        let text = logged("trace,async_openai=trace", || {
            tracing::error!(target: "async_openai::client", "body");
            tracing::error!(target: "lettre::transport", "AUTH");
            tracing::trace!(target: "frontdesk", "kept");
        });
        assert!(text.contains("kept") && !text.contains("body") && !text.contains("AUTH"), "{text}");
    }

    #[test]
    fn chatty_libraries_are_quiet_unless_asked_for() {
        let chat = || tracing::info!(target: "hyper::client", "chat");
        assert_eq!(logged("info", chat), "");
        assert!(logged("info,hyper=info", chat).contains("chat"));
        assert!(parse("info,=nonsense=").is_err());
    }
}
