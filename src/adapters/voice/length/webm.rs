//! WebM (RFC 8794, RFC 9559): elements in elements. A browser that records does not know how long it will, so that the
//! length which may stand at the beginning often does not; the time of the last block always does.

use super::take;
use std::time::Duration;

const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const SCALE: u32 = 0x002a_d7b1;
const DURATION: u32 = 0x4489;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const SIMPLE_BLOCK: u32 = 0xa3;

/// Nanoseconds a tick, where nothing else is said.
const MILLISECOND: u64 = 1_000_000;

pub(super) fn length(bytes: &[u8]) -> Option<Duration> {
    let (mut at, mut scale, mut cluster, mut last, mut told) = (0, MILLISECOND, 0_u64, None, None);
    while let Some(element) = Element::at(bytes, at) {
        // What holds elements is gone into, so that none needs a size of its own.
        let within = matches!(element.id, SEGMENT | INFO | CLUSTER | GROUP);
        let body = &bytes[element.body..element.end];
        match element.id {
            SCALE => scale = whole(body)?,
            DURATION => told = float(body),
            TIMESTAMP => cluster = whole(body)?,
            BLOCK | SIMPLE_BLOCK => last = last.max(block(body, cluster)),
            _ => {}
        }
        at = if within { element.body } else { element.end };
    }
    let last = last.map(|ticks| Duration::from_nanos(ticks.saturating_mul(scale)));
    let seconds = told.map(|ticks: f64| ticks * Duration::from_nanos(scale).as_secs_f64());
    let told = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    last.max(told).filter(|length| !length.is_zero())
}

struct Element {
    id: u32,
    body: usize,
    end: usize,
}

impl Element {
    /// Reads the head of an element. One of unknown size ends with the recording.
    fn at(bytes: &[u8], at: usize) -> Option<Self> {
        let first = *bytes.get(at)?;
        let wide = usize::try_from(first.leading_zeros()).ok()? + 1;
        let id = bytes.get(at..at + wide).filter(|_| wide <= 4)?;
        let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        let (size, wide) = (size(bytes, at + wide)?, wide);
        let body = at + wide + size.1;
        let end = match size.0 {
            Some(size) => body.checked_add(usize::try_from(size).ok()?)?.min(bytes.len()),
            None => bytes.len(),
        };
        (body <= end).then_some(Self { id, body, end })
    }
}

/// Reads a size, and how many bytes it takes itself; all ones mean that it is not known.
fn size(bytes: &[u8], at: usize) -> Option<(Option<u64>, usize)> {
    let first = *bytes.get(at)?;
    let wide = usize::try_from(first.leading_zeros()).ok()? + 1;
    let raw = bytes.get(at..at + wide).filter(|_| wide <= 8)?;
    let value = raw.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let most = (1_u64 << (7 * wide)) - 1;
    let value = value & most;
    Some(((value != most).then_some(value), wide))
}

fn whole(body: &[u8]) -> Option<u64> {
    (body.len() <= 8).then(|| body.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn float(body: &[u8]) -> Option<f64> {
    match body.len() {
        4 => take(body, 0).map(|bytes| f64::from(f32::from_be_bytes(bytes))),
        _ => take(body, 0).map(f64::from_be_bytes),
    }
}

/// Returns the time of a block: its own counts from its cluster's, and stands behind the number of its track.
fn block(body: &[u8], cluster: u64) -> Option<u64> {
    let (_, track) = size(body, 0)?;
    cluster.checked_add_signed(i16::from_be_bytes(take(body, track)?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_block_counts_where_no_length_stands() {
        let segment =
            |rest: &[u8]| [&[0x18_u8, 0x53, 0x80, 0x67, 0x01, 255, 255, 255, 255, 255, 255, 255], rest].concat();
        // A cluster of unknown size that begins at 60 s, with a block half a second behind it.
        let live = segment(&[0x1f, 0x43, 0xb6, 0x75, 0xff, 0xe7, 0x82, 0xea, 0x60, 0xa3, 0x84, 0x81, 0x01, 0xf4, 0x80]);
        assert_eq!(length(&live), Some(Duration::from_millis(60_500)));
        let told = segment(&[&[0x44, 0x89, 0x84][..], &90_000_f32.to_be_bytes()].concat());
        assert_eq!(length(&told), Some(Duration::from_secs(90)));
        let lie = segment(&[&[0x44, 0x89, 0x88][..], &f64::NAN.to_be_bytes()].concat());
        assert_eq!(length(&lie), None);
        for nonsense in [&b""[..], &[0; 9], &[0x18, 0x53], &[0xa3, 0x81, 0x81], &[0xe7, 0x01, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(length(nonsense), None, "{nonsense:?}");
        }
    }
}
