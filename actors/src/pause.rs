//! The emergency stop: while it is on, nothing leaves the house on any node. Webhooks are still taken and written down.
//!
//! The switch is a setting in the store, so that it survives restarts and reaches every node: the watch reads it once a
//! second. Three places obey it. The flow neither claims a row nor begins a turn; the gates give no permits; and a claim
//! that was made a moment before is looked at once more right before the wire. Until the setting has been read for the
//! first time it counts as on.

use crate::conversation::ConversationMsg;
use crate::metrics;
use crate::shared::Shared;
use crate::time::Timestamp;
use ::metrics::gauge;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

/// The name of the setting behind the switch.
const PAUSED: &str = "paused";

/// How the setting begins while the switch is on; then follows since when, in UTC milliseconds.
const ON: &str = "on";

/// The switch as this node knows it.
#[derive(Debug)]
pub(crate) struct Pause {
    on: AtomicBool,
    /// Since when, in UTC milliseconds; 0 if that is not known.
    since: AtomicI64,
    /// Whether the setting was ever read.
    known: AtomicBool,
    /// How often this node turned the switch.
    turns: AtomicUsize,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            on: AtomicBool::new(true),
            since: AtomicI64::new(0),
            known: AtomicBool::new(false),
            turns: AtomicUsize::new(0),
        }
    }
}

impl Pause {
    /// Returns whether nothing may leave the house.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::SeqCst)
    }

    /// Returns since when, while it is on and that is known.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        let since = self.since.load(Ordering::SeqCst);
        (self.is_on() && since > 0).then(|| Timestamp::from_millis(since))
    }

    /// Notes that this node is about to turn the switch, or has just done so: what is being read meanwhile tells nothing.
    pub(crate) fn turn(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
    }
}

/// Returns the setting's value.
pub(crate) fn encode(since: Option<Timestamp>) -> String {
    since.map_or_else(|| "off".to_owned(), |since| format!("{ON} {}", since.as_millis()))
}

/// Reads the setting's value. Whatever begins with "on" is on: in doubt nothing is sent.
fn decode(value: Option<&str>) -> Option<Timestamp> {
    let since = value?.strip_prefix(ON)?;
    Some(Timestamp::from_millis(since.trim().parse().unwrap_or_default()))
}

/// Writes the setting.
///
/// # Errors
/// [`crate::ports::PortError`] if the store cannot be written.
pub(crate) async fn write(shared: &Shared, since: Option<Timestamp>) -> Result<(), crate::ports::PortError> {
    shared.ports.store.put_setting(PAUSED, &encode(since)).await
}

/// Re-reads the setting. A read that began before this node turned the switch tells nothing.
pub(crate) async fn read(shared: &Shared) {
    let turns = shared.pause.turns.load(Ordering::SeqCst);
    match shared.ports.store.setting(PAUSED).await {
        Ok(_) if shared.pause.turns.load(Ordering::SeqCst) != turns => {}
        Ok(value) => obey(shared, decode(value.as_deref())),
        Err(error) => tracing::debug!(error = %error, "cannot read whether sends are paused"),
    }
}

/// Does what the switch says: closes or opens the gates, and lets every conversation with work in hand know.
pub(crate) fn obey(shared: &Shared, since: Option<Timestamp>) {
    let (pause, on) = (&shared.pause, since.is_some());
    let known = pause.known.swap(true, Ordering::SeqCst);
    pause.since.store(since.map_or(0, Timestamp::as_millis), Ordering::SeqCst);
    let was_on = pause.on.swap(on, Ordering::SeqCst);
    for gate in shared.gates.values() {
        gate.pause(on);
    }
    gauge!(metrics::PAUSED).set(if on { 1.0 } else { 0.0 });
    match (known && was_on, on) {
        (false, true) => tracing::warn!("paused: nothing leaves the house until somebody resumes; webhooks are taken"),
        (true, false) => tracing::warn!("resumed: what is still wanted leaves now"),
        (true, true) | (false, false) => {}
    }
    if was_on != on {
        wake_all(shared);
    }
}

/// Whoever has work in hand rests it, or takes it up again. Those that nobody serves are in the wake index.
fn wake_all(shared: &Shared) {
    shared.places.each_live(|_, slot| {
        if slot.vitals.busy.load(Ordering::Relaxed) {
            // An actor that is just ending leaves its work to its successor, which asks the switch itself.
            let _ = slot.actor.cast(ConversationMsg::Deadline);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_says_since_when_and_doubt_means_on() {
        let since = Timestamp::from_millis(1_760_000_000_123);
        assert_eq!(decode(Some(&encode(Some(since)))), Some(since));
        assert_eq!(decode(Some(&encode(None))), None);
        assert_eq!(decode(None), None);
        assert_eq!(decode(Some("on")), Some(Timestamp::default()));
        assert_eq!(decode(Some("on some day")), Some(Timestamp::default()));
    }
}
