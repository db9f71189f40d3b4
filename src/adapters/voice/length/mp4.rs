//! MPEG-4 (ISO/IEC 14496-12): boxes in boxes. What was recorded to its end says its length in `mvhd`; what was streamed
//! while it was recorded, as browsers do, has nothing there, and fragments that each tell when they begin and how long
//! their samples last.

use super::{take, ticks};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a fragment must know of its track.
#[derive(Debug, Default, Clone, Copy)]
struct Track {
    /// Ticks a second.
    scale: u64,
    /// How long a sample lasts that does not say so itself.
    sample: u64,
}

pub(super) fn length(bytes: &[u8]) -> Option<Duration> {
    let moov = child(bytes, b"moov")?;
    let whole = child(moov, b"mvhd").and_then(header).and_then(|(scale, count)| ticks(count, scale));
    let tracks = tracks(moov);
    let ends = boxes(bytes).filter(|(kind, _)| kind == b"moof").flat_map(|(_, moof)| boxes(moof));
    let ends = ends.filter(|(kind, _)| kind == b"traf").filter_map(|(_, traf)| end(traf, &tracks));
    ends.chain(whole).max().filter(|length| !length.is_zero())
}

/// Returns the boxes of a box, in order, as far as they are whole. The last one may be cut, or have no size of its own.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (size, kind) = (u32::from_be_bytes(take(bytes, 0)?), take(bytes, 4)?);
        let (head, size) = match size {
            0 => (8, bytes.len()),
            1 => (16, usize::try_from(u64::from_be_bytes(take(bytes, 8)?)).ok()?),
            size => (8, usize::try_from(size).ok()?),
        };
        let end = size.min(bytes.len());
        let body = bytes.get(head..end)?;
        bytes = &bytes[end..];
        Some((kind, body))
    })
}

fn child<'a>(bytes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes).find(|(kind, _)| kind == wanted).map(|(_, body)| body)
}

/// Reads ticks a second and their number, which stand alike in `mvhd` and `mdhd`. All ones mean that it is not known.
fn header(body: &[u8]) -> Option<(u64, u64)> {
    let long = *body.first()? == 1;
    let scale = u32::from_be_bytes(take(body, if long { 20 } else { 12 })?);
    let count = if long {
        Some(u64::from_be_bytes(take(body, 24)?)).filter(|count| *count != u64::MAX)
    } else {
        Some(u32::from_be_bytes(take(body, 16)?)).filter(|count| *count != u32::MAX).map(u64::from)
    };
    Some((scale.into(), count.unwrap_or_default()))
}

fn tracks(moov: &[u8]) -> BTreeMap<u32, Track> {
    let mut tracks: BTreeMap<u32, Track> = BTreeMap::new();
    for (_, trak) in boxes(moov).filter(|(kind, _)| kind == b"trak") {
        let id = child(trak, b"tkhd").and_then(|body| {
            let at = if *body.first()? == 1 { 20 } else { 12 };
            take(body, at).map(u32::from_be_bytes)
        });
        let scale = child(trak, b"mdia").and_then(|mdia| child(mdia, b"mdhd")).and_then(header);
        if let (Some(id), Some((scale, _))) = (id, scale) {
            tracks.insert(id, Track { scale, sample: 0 });
        }
    }
    let fragments = child(moov, b"mvex").into_iter().flat_map(boxes).filter(|(kind, _)| kind == b"trex");
    for (_, trex) in fragments {
        let (id, sample) = (take(trex, 4).map(u32::from_be_bytes), take(trex, 12).map(u32::from_be_bytes));
        if let (Some(track), Some(sample)) = (id.and_then(|id| tracks.get_mut(&id)), sample) {
            track.sample = sample.into();
        }
    }
    tracks
}

/// Returns when a fragment of a track ends.
fn end(traf: &[u8], tracks: &BTreeMap<u32, Track>) -> Option<Duration> {
    let tfhd = child(traf, b"tfhd")?;
    let track = tracks.get(&u32::from_be_bytes(take(tfhd, 4)?))?;
    let flags = u32::from_be_bytes(take(tfhd, 0)?);
    // A place in the file and a description stand before it where they are given.
    let at = 8 + if flags & 1 > 0 { 8 } else { 0 } + if flags & 2 > 0 { 4 } else { 0 };
    let own = if flags & 8 > 0 { take(tfhd, at).map(|sample| u32::from_be_bytes(sample).into()) } else { None };
    let begin = child(traf, b"tfdt").and_then(|tfdt| match tfdt.first()? {
        1 => take(tfdt, 4).map(u64::from_be_bytes),
        _ => take(tfdt, 4).map(|begin| u32::from_be_bytes(begin).into()),
    });
    let runs = boxes(traf).filter(|(kind, _)| kind == b"trun");
    let lasts = runs.filter_map(|(_, run)| samples(run, own.unwrap_or(track.sample)));
    ticks(lasts.fold(begin.unwrap_or_default(), u64::saturating_add), track.scale)
}

/// Returns how long the samples of a run last together.
fn samples(run: &[u8], usual: u64) -> Option<u64> {
    let (flags, count) = (u32::from_be_bytes(take(run, 0)?), u32::from_be_bytes(take(run, 4)?));
    if flags & 0x100 == 0 {
        return Some(usual.saturating_mul(count.into()));
    }
    let at = 8 + 4 * usize::try_from((flags & 1) + ((flags >> 2) & 1)).ok()?;
    let fields = usize::try_from((flags & 0xf00).count_ones()).ok()?;
    let each = run.get(at..)?.chunks_exact(4 * fields).take(usize::try_from(count).ok()?);
    Some(each.filter_map(|sample| take(sample, 0).map(|lasts| u64::from(u32::from_be_bytes(lasts)))).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], kind, body].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// A streamed recording: 1,000 ticks a second, a fragment that begins at 4,000 with this run.
    fn streamed(tfhd: &[u32], run: &[u32]) -> Vec<u8> {
        let mdhd = boxed(b"mdhd", &words(&[0, 0, 0, 1000, 0]));
        let trak = [boxed(b"tkhd", &words(&[0, 0, 0, 1])), boxed(b"mdia", &mdhd)].concat();
        let mvex = boxed(b"trex", &words(&[0, 1, 1, 20]));
        let mvhd = boxed(b"mvhd", &words(&[0, 0, 0, 1000, u32::MAX]));
        let moov = [mvhd, boxed(b"trak", &trak), boxed(b"mvex", &mvex)].concat();
        let tfdt = boxed(b"tfdt", &words(&[0, 4000]));
        let traf = [boxed(b"tfhd", &words(tfhd)), tfdt, boxed(b"trun", &words(run))].concat();
        [boxed(b"moov", &moov), boxed(b"moof", &boxed(b"traf", &traf))].concat()
    }

    #[test]
    fn fragments_tell_their_samples_in_three_ways() {
        let told = |tfhd: &[u32], run: &[u32]| length(&streamed(tfhd, run)).map(|length| length.as_millis());
        assert_eq!(told(&[0, 1], &[0, 50]), Some(5000), "as the track says");
        assert_eq!(told(&[0xb, 1, 0, 0, 1, 40], &[0, 50]), Some(6000), "as the fragment says");
        assert_eq!(told(&[0, 1], &[0x301, 2, 9, 600, 1, 700, 1]), Some(5300), "as each sample says");
        assert_eq!(told(&[0, 1], &[0, u32::MAX]).map(|millis| millis > 1_000_000), Some(true), "a lie is too long");
        assert_eq!(told(&[0, 7], &[0, 50]), None, "of no track");
        assert_eq!(length(&boxed(b"moov", &boxed(b"mvhd", &words(&[0, 0, 0, 0, 5])))), None, "no ticks a second");
        assert_eq!(length(b"\0\0\0\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }
}
