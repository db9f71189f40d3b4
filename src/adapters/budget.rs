//! Budgets of outbound accounts: on this node, kept by `governor` (GCRA, no background task), or shared by all nodes of
//! one store (`shared`).

mod shared;

pub use shared::SharedBudget;

use frontdesk_actors::ports::Budget;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

/// A budget of so many calls in every window of one length, however the windows are cut.
///
/// A token bucket lets through its burst on top of its rate, so a tenth of the limit is the burst and the rest the rate:
/// together they never exceed the limit, also in the fixed clock minutes by which Chatwoot counts.
#[derive(Debug)]
pub struct NodeBudget {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl NodeBudget {
    /// Makes a budget of at most `limit` calls in every `window`.
    pub fn new(limit: u32, window: Duration) -> Self {
        let limit = limit.max(2);
        let burst = (limit / 10).max(1);
        let period = window / (limit - burst);
        Self::with(period, burst)
    }

    /// Makes a budget of one call in every `period`.
    fn evenly(period: Duration) -> Self {
        Self::with(period, 1)
    }

    fn with(period: Duration, burst: u32) -> Self {
        let quota = Quota::with_period(period.max(Duration::from_nanos(1)))
            .expect("the period is not zero")
            .allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN));
        Self { limiter: RateLimiter::direct(quota), clock: DefaultClock::default() }
    }
}

impl Budget for NodeBudget {
    fn take(&self) -> Result<(), Duration> {
        self.limiter
            .check()
            .map_err(|not_until| not_until.wait_time_from(self.clock.now()).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_a_tenth_of_the_limit_and_then_the_rate_holds() {
        let budget = NodeBudget::new(100, Duration::from_secs(60));
        let passed = (0..100).take_while(|_| budget.take().is_ok()).count();
        assert_eq!(passed, 10);
        let wait = budget.take().expect_err("used up");
        assert!(wait <= Duration::from_millis(700), "{wait:?}");
    }
}
