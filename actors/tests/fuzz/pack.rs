//! Changes MessagePack where it hurts: one value put in another's place, lengths that lie, depths, extremes.

use frontdesk_actors::testkit::fuzz::{Dice, damage};
use std::ops::Range;

/// How deep values are looked for; deeper ones are changed as a whole.
const DEPTH: usize = 64;

/// Returns where every value lies, containers before what they hold. Ends where the bytes make no sense.
fn values(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(end) = value(bytes, at, DEPTH, &mut found) {
        at = end;
    }
    found
}

fn value(bytes: &[u8], at: usize, depth: usize, found: &mut Vec<Range<usize>>) -> Option<usize> {
    let (header, mut items, skipped) = head(bytes, at)?;
    let index = found.len();
    found.push(at..at);
    let mut end = at + header + skipped;
    while items > 0 && depth > 0 && end < bytes.len() {
        end = value(bytes, end, depth - 1, found)?;
        items -= 1;
    }
    if end > bytes.len() {
        found.pop();
        return None;
    }
    found[index] = at..end;
    Some(end)
}

/// Returns how long the head of a value is, how many values it holds, and how many plain bytes follow it.
fn head(bytes: &[u8], at: usize) -> Option<(usize, usize, usize)> {
    let first = *bytes.get(at)?;
    let length = |width: usize| {
        let digits = bytes.get(at + 1..at + 1 + width)?;
        Some(digits.iter().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit)))
    };
    let low = |mask: u8| usize::from(first & mask);
    Some(match first {
        0x00..=0x7f | 0xc0..=0xc3 | 0xe0..=0xff => (1, 0, 0),
        0x80..=0x8f => (1, 2 * low(0x0f), 0),
        0x90..=0x9f => (1, low(0x0f), 0),
        0xa0..=0xbf => (1, 0, low(0x1f)),
        0xc4 | 0xd9 => (2, 0, length(1)?),
        0xc5 | 0xda => (3, 0, length(2)?),
        0xc6 | 0xdb => (5, 0, length(4)?),
        0xc7 => (3, 0, length(1)?),
        0xc8 => (4, 0, length(2)?),
        0xc9 => (6, 0, length(4)?),
        0xca | 0xce | 0xd2 => (5, 0, 0),
        0xcb | 0xcf | 0xd3 => (9, 0, 0),
        0xcc | 0xd0 => (2, 0, 0),
        0xcd | 0xd1 => (3, 0, 0),
        0xd4..=0xd8 => (2, 0, 1 << (first - 0xd4)),
        0xdc => (3, length(2)?, 0),
        0xdd => (5, length(4)?, 0),
        0xde => (3, 2 * length(2)?, 0),
        0xdf => (5, 2 * length(4)?, 0),
    })
}

/// A value that few expect.
fn odd(dice: &mut Dice) -> Vec<u8> {
    let number = |marker: u8, number: u64| [&[marker][..], &number.to_be_bytes()].concat();
    match dice.below(16) {
        0 => vec![0xc0],
        1 => vec![0xc2 + u8::try_from(dice.below(2)).unwrap_or_default()],
        2 => vec![0x00],
        3 => number(0xcf, u64::MAX),
        4 => number(0xd3, i64::MIN.cast_unsigned()),
        5 => number(0xd3, i64::MAX.cast_unsigned()),
        6 => number(0xcf, dice.any()),
        7 => number(0xcb, [f64::NAN, f64::INFINITY, -1e308, 0.5][dice.below(4)].to_bits()),
        // Lengths that lie: four thousand million of something, and nothing there.
        8 => vec![*dice.pick(&[0xdd, 0xdf, 0xdb, 0xc6, 0xc9]), 0xff, 0xff, 0xff, 0xff],
        9 => vec![0x90],
        10 => vec![0x80],
        // Arrays in arrays.
        11 => [vec![0x91; 1 + dice.below(20_000)], vec![0xc0]].concat(),
        12 => {
            let text = "ы".repeat(dice.below(20_000));
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            [&[0xdb][..], &length.to_be_bytes(), text.as_bytes()].concat()
        }
        13 => {
            let count = u16::try_from(dice.below(60_000)).unwrap_or(u16::MAX);
            let item = *dice.pick(&[0xc0, 0x00, 0x80, 0x90, 0xa0]);
            [&[0xdc][..], &count.to_be_bytes(), &vec![item; usize::from(count)]].concat()
        }
        14 => vec![0xa3, 0xff, 0xfe, 0x00],
        _ => (0..dice.below(12)).map(|_| dice.any().to_le_bytes()[0]).collect(),
    }
}

/// Makes an input of those that are known.
pub(crate) fn mutate(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = dice.pick(corpus).clone();
    let other = dice.pick(corpus);
    for _ in 0..=dice.below(4) {
        let places = values(&input);
        if places.is_empty() || dice.one_in(6) {
            damage(dice, &mut input, other);
            continue;
        }
        let place = dice.pick(&places).clone();
        let donors = values(other);
        let new = match dice.below(4) {
            0 if !donors.is_empty() => other[dice.pick(&donors).clone()].to_vec(),
            1 => input[dice.pick(&places).clone()].to_vec(),
            _ => odd(dice),
        };
        input.splice(place, new);
    }
    input.truncate(1 << 16);
    input
}

#[test]
fn values_are_found_as_they_were_written() {
    // {"a": [1, 300, "xy"], "b": nil}
    let bytes = [0x82, 0xa1, b'a', 0x93, 0x01, 0xcd, 0x01, 0x2c, 0xa2, b'x', b'y', 0xa1, b'b', 0xc0];
    let found = values(&bytes);
    assert_eq!(found, [0..14, 1..3, 3..11, 4..5, 5..8, 8..11, 11..13, 13..14]);
    assert!(values(&[0xdd, 0xff, 0xff, 0xff, 0xff]).len() <= 1);
}
