//! MP3: there is no table of contents that must be there, so the frames are counted. Each tells its own size and rate,
//! which is exact for a variable bit rate too.

use super::take;
use std::time::Duration;

/// Bit rates of layer III in kbit/s: of MPEG 1, and of MPEG 2 and 2.5. Nothing for "free" and for what is not allowed.
const RATES: [[u32; 16]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
];

pub(super) fn length(bytes: &[u8]) -> Option<Duration> {
    let (mut at, mut sounding, mut nanos) = (tag(bytes), 0_usize, 0_u64);
    let begun = at;
    while let Some(head) = take::<4>(bytes, at) {
        match Frame::of(head) {
            Some(frame) => {
                (sounding, nanos) = (sounding + frame.bytes, nanos + frame.nanos);
                at += frame.bytes;
            }
            // Something else stands between the frames, or they have ended.
            None => at += 1,
        }
    }
    // Bytes that happen to look like a frame here and there are no recording.
    let heard = sounding > 0 && sounding * 2 >= bytes.len().saturating_sub(begun);
    heard.then(|| Duration::from_nanos(nanos))
}

/// Returns how much room an ID3v2 tag takes at the beginning; its size has seven bits a byte.
fn tag(bytes: &[u8]) -> usize {
    let size = || take::<4>(bytes, 6).map(|size| size.iter().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f)));
    if bytes.starts_with(b"ID3") { size().map_or(0, |size| size + 10) } else { 0 }
}

struct Frame {
    bytes: usize,
    nanos: u64,
}

impl Frame {
    fn of([sync, kind, rates, _]: [u8; 4]) -> Option<Self> {
        // Eleven bits of sync, and the layer's two bits 01.
        if sync != 0xff || kind & 0xe6 != 0xe2 {
            return None;
        }
        // MPEG 1, 2 and 2.5.
        let (old, slower) = match (kind >> 3) & 3 {
            3 => (0, 0),
            2 => (1, 1),
            0 => (1, 2),
            _ => return None,
        };
        let kilobits = RATES[old][usize::from(rates >> 4)];
        let rate = [44_100_u32, 48_000, 32_000].get(usize::from((rates >> 2) & 3))? >> slower;
        let samples = if old == 0 { 1152 } else { 576 };
        let bytes = samples / 8 * kilobits * 1000 / rate + u32::from((rates >> 1) & 1);
        let nanos = u64::from(samples) * 1_000_000_000 / u64::from(rate);
        (kilobits > 0).then(|| Self { bytes: usize::try_from(bytes).unwrap_or(usize::MAX), nanos })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_no_sound_and_what_only_looks_like_a_frame_is_no_recording() {
        // 32 kbit/s at 44.1 kHz: 104 bytes and 26.1 ms a frame.
        let frame = [&[0xff_u8, 0xfb, 0x10, 0xc0][..], &[0; 100]].concat();
        let sound = frame.repeat(100);
        let told = length(&sound).unwrap();
        assert_eq!(told.as_millis(), 2612);
        let tagged = [b"ID3\x04\0\0\0\0\x02\x00".as_slice(), &[0xff; 256], &sound].concat();
        assert_eq!(length(&tagged), Some(told));
        assert_eq!(length(&[&frame[..], &[7; 4000]].concat()), None);
        for nonsense in [&b""[..], b"ID3", &[0xff; 400], b"ID3\x04\0\0\x7f\x7f\x7f\x7f"] {
            assert_eq!(length(nonsense), None, "{nonsense:?}");
        }
    }
}
