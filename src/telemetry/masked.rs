//! Telephone numbers never reach a log: the chat ids of messengers hold them, and name conversations everywhere.
//!
//! The digits before `@c.us` and its like become a hash, the same for the same number, so that the lines of one conversation
//! are still found together.

use frontdesk_actors::ids::stable_hash;
use std::borrow::Cow;
use std::io::{self, Write};
use tracing_subscriber::fmt::MakeWriter;

/// What stands behind a number in a chat id.
const DOMAINS: [&[u8]; 4] = [b"c.us", b"lid", b"g.us", b"s.whatsapp.net"];

/// Fewer digits than this are no number.
const SHORTEST: usize = 5;

/// Makes writers that mask.
#[derive(Debug, Clone)]
pub(super) struct Masked<M>(pub(super) M);

/// Masks what goes through it. Lines come whole.
#[derive(Debug)]
pub(super) struct MaskedWriter<W>(W);

impl<'writer, M: MakeWriter<'writer>> MakeWriter<'writer> for Masked<M> {
    type Writer = MaskedWriter<M::Writer>;

    fn make_writer(&'writer self) -> Self::Writer {
        MaskedWriter(self.0.make_writer())
    }
}

impl<W: Write> Write for MaskedWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(&mask(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn mask(line: &[u8]) -> Cow<'_, [u8]> {
    let mut masked: Vec<u8> = Vec::new();
    let mut taken = 0;
    for at in (0..line.len()).filter(|at| line[*at] == b'@') {
        let behind = &line[at + 1..];
        if !DOMAINS.iter().any(|domain| behind.starts_with(domain)) {
            continue;
        }
        // The ids of old groups are the founder's number, a hyphen and a time.
        let digits = line[taken..at].iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        if digits >= SHORTEST {
            masked.extend_from_slice(&line[taken..at - digits]);
            let hash = stable_hash(&line[at - digits..at]);
            masked.extend_from_slice(format!("~{:08x}", hash & 0xffff_ffff).as_bytes());
            taken = at;
        }
    }
    if taken == 0 {
        return Cow::Borrowed(line);
    }
    masked.extend_from_slice(&line[taken..]);
    Cow::Owned(masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_and_nothing_else_is() {
        let masked = |line: &str| String::from_utf8(mask(line.as_bytes()).into_owned()).unwrap();
        let line = masked("green-api:7103000001:15550100042@c.us and 100000000000042@lid");
        assert!(!line.contains("1555") && !line.contains("00042@"), "{line}");
        assert!(line.starts_with("green-api:7103000001:~") && line.contains("@c.us and ~") && line.ends_with("@lid"));
        let group = masked("green-api:7103000001:15550100042-1587570015@g.us");
        assert!(!group.contains("1555") && group.ends_with("@g.us"), "{group}");
        assert_eq!(masked("a 15550100042@c.us"), masked("a 15550100042@c.us"), "the same for the same");
        for plain in ["chatwoot:1:57", "jane@example.com", "12@c.us", "@c.us", "15550100042@c.", ""] {
            assert_eq!(masked(plain), plain);
        }
    }
}
