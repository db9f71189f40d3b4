//! The metrics page: the recorder behind the `metrics` macros, and its text for Prometheus.

use crate::telemetry::remembering::Remembering;
use crate::telemetry::{Error, process};
use frontdesk_actors::metrics as names;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

/// From a commit on a fast disk to a model call that is given up.
const BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// The content type of [`MetricsPage::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Renders what was counted. Cheap to clone.
#[derive(Clone)]
pub struct MetricsPage {
    handle: PrometheusHandle,
}

impl fmt::Debug for MetricsPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsPage").finish_non_exhaustive()
    }
}

/// A process has one recorder; whoever asks again gets the same page.
static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

impl MetricsPage {
    /// Installs the process's recorder, or returns the page of the one that is installed.
    ///
    /// # Errors
    /// [`Error::OtherRecorder`] if another recorder is installed.
    pub fn install() -> Result<Self, Error> {
        let mut installed = INSTALLED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(handle) = &*installed {
            return Ok(Self { handle: handle.clone() });
        }
        let mut builder = PrometheusBuilder::new();
        for metric in names::ALL.iter().filter(|metric| metric.kind == names::Kind::Histogram) {
            let matcher = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(matcher, BUCKETS).map_err(Error::Recorder)?;
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(Remembering::new(recorder)).map_err(|_| Error::OtherRecorder)?;
        names::describe_all();
        names::touch_all();
        *installed = Some(handle.clone());
        Ok(Self { handle })
    }

    /// Returns the page in Prometheus' text format.
    pub fn render(&self) -> String {
        self.handle.render() + &process::exposition()
    }

    /// Folds what histograms collected into their buckets, every so often, until dropped. Without it they would grow
    /// while nobody scrapes.
    pub async fn upkeep(self, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        loop {
            ticks.tick().await;
            self.handle.run_upkeep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_describes_what_it_shows_and_is_one_per_process() {
        let page = MetricsPage::install().unwrap();
        metrics::histogram!(names::WEBHOOK_SECONDS, "channel" => "web", "outcome" => "accepted").record(0.003);
        let again = MetricsPage::install().unwrap().render();
        for expected in [
            "# TYPE frontdesk_webhook_seconds histogram",
            "le=\"0.005\"} 1",
            "frontdesk_handoffs_total{reason=\"turn-deadline\"} 0",
            "process_open_fds",
        ] {
            assert!(again.contains(expected), "{expected} is missing in\n{again}");
        }
        drop(page);
    }
}
