//! Randomness from the operating system, and keyed digests.

use crate::links::Links;
use aws_lc_rs::rand;
use frontdesk_actors::engine::Crypto;
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

impl Crypto for OsCrypto {
    fn random(&self) -> [u64; 3] {
        let mut bytes = [0_u8; 24];
        rand::fill(&mut bytes).expect("the operating system gives random bytes");
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes are eight bytes"));
        [word(0), word(8), word(16)]
    }

    fn digest(&self, text: &str) -> String {
        self.links.address_digest(text)
    }
}
