//! Randomness from the operating system, and keyed digests.

use crate::links::Links;
use aws_lc_rs::rand;
use frontdesk_actors::engine::Crypto;
use std::cell::RefCell;
use std::sync::Arc;

/// The machine's own randomness; digests keyed with the desk's secret, so that they cannot be guessed.
#[derive(Debug, Clone)]
pub struct OsCrypto {
    links: Arc<Links>,
}

impl OsCrypto {
    /// Makes one whose digests are keyed with the secret of these links.
    pub fn new(links: Arc<Links>) -> Self {
        Self { links }
    }
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; 24 * DRAWS], left: 0 }) };
}

/// How many draws the generator is asked for at once: asking costs the same for a few bytes as for many.
const DRAWS: usize = 64;

/// Random bytes that nobody has seen yet.
struct Pool {
    bytes: [u8; 24 * DRAWS],
    left: usize,
}

impl Pool {
    fn draw(&mut self) -> [u8; 24] {
        if self.left == 0 {
            rand::fill(&mut self.bytes).expect("the operating system gives random bytes");
            self.left = DRAWS;
        }
        self.left -= 1;
        let next = &mut self.bytes[24 * self.left..][..24];
        let drawn = next.try_into().expect("a slice of 24 bytes has 24 bytes");
        // What was given away is not kept.
        next.fill(0);
        drawn
    }
}

impl Crypto for OsCrypto {
    fn random(&self) -> [u64; 3] {
        let bytes = POOL.with_borrow_mut(Pool::draw);
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes are eight bytes"));
        [word(0), word(8), word(16)]
    }

    fn digest(&self, text: &str) -> String {
        self.links.address_digest(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_draw_is_given_twice() {
        let mut pool = Pool { bytes: [0; 24 * DRAWS], left: 0 };
        let mut drawn: Vec<[u8; 24]> = (0..3 * DRAWS).map(|_| pool.draw()).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 3 * DRAWS);
        assert!(!drawn.contains(&[0; 24]));
    }
}
