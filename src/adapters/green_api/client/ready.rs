//! Nothing is sent while the instance is logged out. GREEN-API would take the text, keep it for up to a day, and say it
//! whenever somebody scans the code again, however stale it is by then. Kept here it waits under the engine's eyes: it is
//! dropped when a person writes, and when nobody wants it any more.

use super::GreenApi;
use super::answer::Refusal;
use crate::adapters::green_api::health::Health;
use frontdesk_actors::ports::PortErrorKind;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long sends rest while the instance is logged out. Its own news end that only for the rest to come.
const REST: Duration = Duration::from_secs(10);

/// How long a send rests that was held up by the question.
const SOON: Duration = Duration::from_secs(1);

/// How long an answer to the question counts; it may be asked once a second.
const COUNTS: Duration = Duration::from_secs(5);

/// When the instance was last asked for its state because something was to be sent.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<Option<Instant>>);

impl GreenApi {
    /// Refuses while the instance is known to be logged out, until it says otherwise itself. What had to wait for the question
    /// is refused as well: meanwhile a person may have written.
    pub(super) async fn ready(&self) -> Result<(), Refusal> {
        if !self.health.is_logged_out() {
            return Ok(());
        }
        let mut asked = self.asked.0.lock().await;
        if asked.is_none_or(|at| at.elapsed() >= COUNTS) {
            *asked = Some(Instant::now());
            match self.state().await {
                Ok(state) => self.health.tell(Health::State(state)),
                Err(error) if matches!(error.kind, PortErrorKind::Throttled(_)) => {}
                // Nobody knows: the send itself will be told.
                Err(_) => self.health.forget(),
            }
        }
        let rest = if self.health.is_logged_out() { REST } else { SOON };
        Err(Refusal::later(rest, "the instance is logged out: scan its QR code in the console"))
    }
}
