//! Random numbers that a seed repeats.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Random numbers that a seed repeats (SplitMix64). Clones throw independently from where they are.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Makes dice that always fall like this.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    /// Returns a pause shorter than this many milliseconds.
    pub fn millis(&mut self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }
}

/// Dice that several tasks throw. Who throws when is decided by the machine, so that a seed repeats the plan but not the
/// play.
#[derive(Debug, Clone)]
pub struct Chance(Arc<Mutex<Dice>>);

impl Chance {
    /// Makes dice for everybody.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Dice::new(seed))))
    }

    /// Returns a number below a bound.
    pub fn below(&self, bound: u64) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).below(bound)
    }

    /// Returns a pause between two, in milliseconds.
    pub fn between(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most.saturating_sub(least) + 1))
    }

    /// Returns `true` this often in a thousand times.
    pub fn permille(&self, times: u64) -> bool {
        self.below(1000) < times
    }

    /// Returns one of these; the first if there is nothing to choose from.
    pub fn of<T: Copy>(&self, some: &[T]) -> Option<T> {
        let at = usize::try_from(self.below(some.len() as u64)).unwrap_or(0);
        some.get(at).copied()
    }
}

/// Returns the seed of this run: `FRONTDESK_SEED`, or one drawn from the clock.
pub fn seed() -> u64 {
    let given = std::env::var("FRONTDESK_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    given.unwrap_or_else(|| u64::try_from(now.as_nanos() % 1_000_000_007).unwrap_or(1))
}
