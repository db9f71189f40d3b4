//! Ogg: the granule position of the last page counts samples, at a rate that the first packet tells.

use super::{take, ticks};
use std::time::Duration;

/// How far into a recording its first packet may begin.
const HEAD: usize = 512;

/// A page on which no packet ends has no position.
const NO_POSITION: u64 = u64::MAX;

pub(super) fn length(bytes: &[u8]) -> Option<Duration> {
    let pages = bytes.windows(4).enumerate().rev().filter(|(_, window)| *window == b"OggS");
    let mut positions = pages.filter_map(|(at, _)| take(bytes, at + 6).map(u64::from_le_bytes));
    let (rate, skipped) = clock(bytes)?;
    let last = positions.find(|position| *position != NO_POSITION)?;
    ticks(last.saturating_sub(skipped), rate)
}

/// Returns how many samples a second has, and how many at the beginning are not heard.
fn clock(bytes: &[u8]) -> Option<(u64, u64)> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let found = |magic: &[u8]| head.windows(magic.len()).position(|window| window == magic);
    let rate = |at| take(bytes, at).map(|rate| u64::from(u32::from_le_bytes(rate)));
    if let Some(opus) = found(b"OpusHead") {
        // Always 48 kHz, whatever was recorded (RFC 7845, section 4).
        let skipped = take(bytes, opus + 10).map_or(0, u16::from_le_bytes);
        return Some((48_000, skipped.into()));
    }
    if let Some(vorbis) = found(b"\x01vorbis") {
        return Some((rate(vorbis + 12)?, 0));
    }
    if let Some(speex) = found(b"Speex   ") {
        return Some((rate(speex + 36)?, 0));
    }
    let flac = found(b"\x7fFLAC")?;
    // The STREAMINFO block stands behind the mapping's own header and that of the block.
    let packed = u32::from_be_bytes(take(bytes, flac + 17 + 10)?);
    Some((u64::from(packed >> 12), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_with_a_position_counts_and_nonsense_is_no_length() {
        let page = |granule: u64| [b"OggS\0\x04".as_slice(), &granule.to_le_bytes(), &[0; 40]].concat();
        let opus = |granule| [page(0), b"OpusHead\x01\x01\0\0".to_vec(), page(48_000), page(granule)].concat();
        assert_eq!(length(&opus(48_000 * 90)), Some(Duration::from_secs(90)));
        assert_eq!(length(&opus(NO_POSITION)), Some(Duration::from_secs(1)));
        for nonsense in [&b""[..], b"OggS", b"OpusHeadOggS", &page(48_000), b"OpusHead\x01\x01\0\0"] {
            assert_eq!(length(nonsense), None, "{nonsense:?}");
        }
    }
}
