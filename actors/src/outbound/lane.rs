//! One outbound account's state: how many calls run, how long it rests, who waits. Pure but for its budget.

#![deny(clippy::disallowed_methods)]

use crate::ports::Verdict;
use crate::time::Timestamp;
use std::time::Duration;

/// How long a lane rests after its account was refused for the first time; it doubles.
const FAULT_PAUSE: Duration = Duration::from_secs(30);

/// How long it rests at most.
const FAULT_PAUSE_MAX: Duration = Duration::from_secs(600);

/// How important a call is. More important ones go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// What customers and colleagues wait for.
    High,
    /// Looks.
    Low,
    /// What may be dropped: typing indicators.
    Idle,
}

/// The state of one lane.
#[derive(Debug, Clone)]
pub(crate) struct LaneState {
    width: usize,
    running: usize,
    paused_until: Option<Timestamp>,
    faults: u32,
}

/// Whether a call may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gatekeeping {
    Go,
    /// All places are taken: somebody will free one.
    Full,
    /// The lane rests until this moment.
    Paused(Timestamp),
}

impl LaneState {
    pub(crate) fn new(width: usize) -> Self {
        Self { width: width.max(1), running: 0, paused_until: None, faults: 0 }
    }

    /// Tells whether a call may start now. After a fault one probe goes first; idle calls leave half the places free, so a
    /// lane of one place has none for them: one that hangs would hold up a message until its time-out.
    pub(crate) fn ask(&self, priority: Priority, now: Timestamp) -> Gatekeeping {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Gatekeeping::Paused(until);
        }
        let probing = self.faults > 0;
        let width = match priority {
            _ if probing => 1,
            Priority::High => self.width,
            Priority::Low => self.width.div_ceil(2),
            Priority::Idle => self.width / 2,
        };
        if self.running < width { Gatekeeping::Go } else { Gatekeeping::Full }
    }

    pub(crate) fn start(&mut self) {
        self.running += 1;
    }

    pub(crate) fn finish(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.faults > 0
    }

    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// Rests until `until`, or longer if it rests longer already.
    pub(crate) fn pause(&mut self, until: Timestamp) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// Learns from a verdict. Returns how the lane's health changed.
    pub(crate) fn learn(&mut self, verdict: &Verdict, now: Timestamp) -> Health {
        match verdict {
            Verdict::AccountFault { .. } => {
                self.faults = self.faults.saturating_add(1);
                let pause = FAULT_PAUSE.saturating_mul(1 << (self.faults - 1).min(8)).min(FAULT_PAUSE_MAX);
                self.pause(now + pause);
                if self.faults == 1 { Health::Broke } else { Health::Same }
            }
            Verdict::Transient { retry_after: Some(pause), .. } => {
                self.pause(now + *pause);
                Health::Same
            }
            Verdict::Settled { .. } | Verdict::Rejected { .. } | Verdict::Gone { .. } => {
                let was_faulty = self.faults > 0;
                self.faults = 0;
                if was_faulty { Health::Mended } else { Health::Same }
            }
            Verdict::Transient { retry_after: None, .. } | Verdict::Unknown { .. } => Health::Same,
        }
    }
}

/// How a verdict changed a lane's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Same,
    Broke,
    Mended,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn idle_calls_leave_places_free_and_width_is_kept() {
        let mut lane = LaneState::new(2);
        lane.start();
        assert_eq!(lane.ask(Priority::Idle, at(0)), Gatekeeping::Full);
        assert_eq!(lane.ask(Priority::High, at(0)), Gatekeeping::Go);
        lane.start();
        assert_eq!(lane.ask(Priority::High, at(0)), Gatekeeping::Full);
        lane.finish();
        assert_eq!(lane.ask(Priority::High, at(0)), Gatekeeping::Go);
    }

    #[test]
    fn the_only_place_is_not_for_idle_calls() {
        let lane = LaneState::new(1);
        assert_eq!(lane.ask(Priority::Idle, at(0)), Gatekeeping::Full);
        assert_eq!(lane.ask(Priority::Low, at(0)), Gatekeeping::Go);
        assert_eq!(lane.ask(Priority::High, at(0)), Gatekeeping::Go);
    }

    #[test]
    fn a_refused_account_rests_longer_each_time_and_is_probed_by_one_call() {
        let mut lane = LaneState::new(8);
        let fault = Verdict::AccountFault { why: String::new() };
        assert_eq!(lane.learn(&fault, at(0)), Health::Broke);
        assert_eq!(lane.ask(Priority::High, at(29)), Gatekeeping::Paused(at(30)));
        assert_eq!(lane.ask(Priority::High, at(30)), Gatekeeping::Go);
        lane.start();
        assert_eq!(lane.ask(Priority::High, at(30)), Gatekeeping::Full, "one probe");
        assert_eq!(lane.learn(&fault, at(31)), Health::Same);
        assert_eq!(lane.ask(Priority::High, at(32)), Gatekeeping::Paused(at(91)));
        assert_eq!(lane.learn(&Verdict::Settled { message: None }, at(91)), Health::Mended);
        assert_eq!(lane.ask(Priority::High, at(91)), Gatekeeping::Go);
    }
}
