//! Numbers that look random and are the same every run.

use crate::engine::Crypto;
use crate::ids::stable_hash;
use std::sync::atomic::{AtomicU64, Ordering};

/// Draws from a counter, mixed. Predictable: for tests only.
#[derive(Debug, Default)]
pub struct SeededCrypto {
    drawn: AtomicU64,
}

impl SeededCrypto {
    /// Makes a source whose numbers differ from those of other seeds.
    pub fn seeded(seed: u64) -> Self {
        Self { drawn: AtomicU64::new(seed.wrapping_mul(0x1_0000_0000)) }
    }

    fn draw(&self) -> u64 {
        // SplitMix64.
        let mut word = self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

impl Crypto for SeededCrypto {
    fn random(&self) -> [u64; 3] {
        [self.draw(), self.draw(), self.draw()]
    }

    fn digest(&self, text: &str) -> String {
        format!("{:016x}", stable_hash(text.as_bytes()))
    }
}
