//! How long a recording lasts, told by its container without decoding a sound.
//!
//! Transcription is paid for by the minute, so that a limit must hold whatever a recording is wrapped in. Only what the
//! container says is believed; what says nothing (`None`) is measured after a conversion, or by its size, see
//! `docs/voice.md`. The bytes come from outside: nothing here trusts a length that stands in them.

mod mp3;
mod mp4;
mod ogg;
mod webm;

use super::format::Format;
use std::time::Duration;

/// Bytes per second of a recording that tells no length: 16 kbit/s, below which hardly anybody records speech.
const LEAST: u64 = 2000;

/// Returns how long a recording lasts; `None` where its container does not tell.
pub(super) fn of(format: Format, bytes: &[u8]) -> Option<Duration> {
    match format {
        Format::Ogg => ogg::length(bytes),
        Format::Mp3 => mp3::length(bytes),
        Format::Wav => wav(bytes),
        Format::Flac => flac(bytes.get(8..)?),
        Format::M4a => mp4::length(bytes),
        Format::Webm => webm::length(bytes),
        Format::Other => None,
    }
}

/// Returns how long a recording of this many bytes can be at most, at the lowest bit rate that is usual.
pub(super) fn at_most(bytes: usize) -> Duration {
    Duration::from_secs(u64::try_from(bytes).unwrap_or(u64::MAX) / LEAST)
}

/// Returns how long so many ticks last.
fn ticks(count: u64, per_second: u64) -> Option<Duration> {
    let (whole, rest) = (count.checked_div(per_second)?, count % per_second);
    let nanos = u128::from(rest) * 1_000_000_000 / u128::from(per_second);
    Some(Duration::new(whole, u32::try_from(nanos).unwrap_or(0)))
}

/// Returns so many bytes at a place as an array.
fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// A RIFF file is a list of chunks; `fmt ` says how many bytes a second takes, `data` holds them. A recorder that was cut
/// off leaves a size of nothing or of everything there.
fn wav(bytes: &[u8]) -> Option<Duration> {
    let (mut rate, mut at) = (None, 12);
    while let (Some(name), Some(size)) = (take::<4>(bytes, at), take::<4>(bytes, at + 4)) {
        let size = usize::try_from(u32::from_le_bytes(size)).ok()?;
        let rest = bytes.len() - (at + 8);
        match &name {
            b"fmt " => rate = take(bytes, at + 16).map(u32::from_le_bytes),
            b"data" if size > 0 => return ticks(size.min(rest).try_into().ok()?, rate?.into()),
            b"data" => return ticks(rest.try_into().ok()?, rate?.into()),
            _ => {}
        }
        // Chunks begin at even places.
        at = at.checked_add(8)?.checked_add(size)?.checked_add(size % 2)?;
    }
    None
}

/// A STREAMINFO block (RFC 9639, section 8.2) holds 20 bits of rate, 8 of other things and 36 of the number of samples,
/// which is nothing where the length was not known when it was written.
fn flac(info: &[u8]) -> Option<Duration> {
    let packed = u64::from_be_bytes(take(info, 10)?);
    let (rate, samples) = (packed >> 44, packed & 0xf_ffff_ffff);
    (samples > 0).then(|| ticks(samples, rate))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_sandbox::audio::{FORMS, Studio};
    use proptest::prelude::*;

    const KNOWN: [Format; 6] = [Format::Ogg, Format::Mp3, Format::Wav, Format::Flac, Format::M4a, Format::Webm];

    #[test]
    fn every_form_that_is_sent_as_it_is_tells_its_length() {
        let studio = Studio::open().unwrap();
        for seconds in [1, 7, 65] {
            for (name, form) in FORMS {
                let recording = studio.hums(seconds, form).unwrap();
                let format = Format::of(&recording).unwrap();
                let told = of(format, &recording);
                assert_eq!(told.is_some(), format.sent_as().is_some(), "{name}: {format:?}");
                // Encoders add some milliseconds at both ends.
                let off = told.map_or(0.0, |told| (told.as_secs_f64() - f64::from(seconds)).abs());
                assert!(off < 0.3, "{name}: {told:?} instead of {seconds} s");
            }
        }
    }

    #[test]
    fn a_wave_that_was_cut_off_lasts_as_long_as_there_are_samples() {
        let head = |size: u32| {
            let mut wav = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x01\0".to_vec();
            wav.extend_from_slice(&8000u32.to_le_bytes());
            wav.extend_from_slice(&16_000u32.to_le_bytes());
            wav.extend_from_slice(b"\x02\0\x10\0data");
            wav.extend_from_slice(&size.to_le_bytes());
            wav.resize(wav.len() + 48_000, 0);
            wav
        };
        for (size, seconds) in [(48_000, 3), (0, 3), (u32::MAX, 3), (16_000, 1)] {
            assert_eq!(of(Format::Wav, &head(size)), Some(Duration::from_secs(seconds)), "{size}");
        }
        assert_eq!(of(Format::Wav, &[0; 40]), None);
        assert_eq!(of(Format::Wav, b"RIFF\0\0\0\0WAVEdata\xff\xff\xff\xff"), None, "no rate");
    }

    #[test]
    fn what_tells_no_length_is_taken_for_a_low_bit_rate() {
        assert_eq!(at_most(1_200_000), Duration::from_secs(600));
        assert_eq!(ticks(1, 0), None);
        assert_eq!(ticks(u64::MAX, 1), Some(Duration::from_secs(u64::MAX)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_bytes_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400), which in 0..6_usize) {
            let _ = of(KNOWN[which], &bytes);
        }

        #[test]
        fn no_damage_makes_it_fail(which in 0..6_usize, at in 0..2000_usize, byte in any::<u8>(), cut in 0..3000_usize) {
            let mut bytes = whole(which).to_vec();
            let place = at % bytes.len();
            bytes[place] = byte;
            bytes.truncate(cut.max(1));
            let _ = of(KNOWN[which], &bytes);
        }
    }

    /// Returns the beginning of a real recording of each form.
    fn whole(which: usize) -> &'static [u8] {
        static MADE: std::sync::LazyLock<Vec<Vec<u8>>> = std::sync::LazyLock::new(|| {
            let studio = Studio::open().unwrap();
            let names = ["opus.oga", "variable.mp3", "law.wav", "plain.flac", "streamed.mp4", "live.webm"];
            let made = names.iter().map(|name| {
                let (_, form) = FORMS.iter().find(|(known, _)| known == name).unwrap();
                studio.hums(1, form).unwrap()
            });
            made.collect()
        });
        &MADE[which]
    }
}
