//! Changes JSON where it hurts: a value in another's place, another type, nothing, far too much, too deep; then damage to
//! the text itself.

use frontdesk_actors::testkit::fuzz::{Dice, damage};
use serde_json::{Value, json};

/// The largest body that the desk reads.
pub(crate) const LARGEST: usize = 1024 * 1024;

/// Words by which parsers decide.
const WORDS: [&str; 24] = [
    "message_created",
    "message_updated",
    "conversation_updated",
    "conversation_status_changed",
    "webwidget_triggered",
    "incoming",
    "outgoing",
    "template",
    "open",
    "resolved",
    "pending",
    "snoozed",
    "user",
    "agent_bot",
    "AgentBot",
    "Captain::Assistant",
    "/bot",
    "/forget",
    "2026-08-14T10:15:28.482Z",
    "9999-12-31T23:59:60+99:99",
    "a@b.co",
    "123456",
    "\u{0}\u{202e}\u{feff}",
    "{{ contact.email }}{% raw %}",
];

/// Numbers as they may stand in a text, also those that no number type holds.
const NUMBERS: [&str; 10] =
    ["1e999", "-1e999", "18446744073709551616", "-9223372036854775809", "0.1e-400", "-0", "1E+2", "00", "1.", "NaN"];

/// A value that few expect.
fn odd(dice: &mut Dice) -> Value {
    match dice.below(20) {
        0 => Value::Null,
        1 => Value::Bool(dice.one_in(2)),
        2 => json!(dice.any()),
        3 => json!(dice.any().cast_signed()),
        4 => json!([0, 1, u64::MAX, 1 << 53][dice.below(4)]),
        5 => json!([-1.5, 1e308, 1e-308, 1_786_702_528.482_123][dice.below(4)]),
        6..=9 => Value::from(*dice.pick(&WORDS)),
        10 => json!({}),
        11 => json!([]),
        12 => json!([{ "title": "Yes", "value": 1 }, null, "x", [1]]),
        13 => json!({ "frontdesk_id": "r-1", "deleted": true, "external_echo": true }),
        14 => json!({ "submitted_values": [{ "title": "A" }, { "name": "b", "value": { "c": [1, 2] } }] }),
        15 => json!({ "verified_contact_412": true, "email_verified": true, "frontdesk_verified": "00" }),
        16 => Value::from("ы ".repeat(dice.below(30_000))),
        17 if dice.one_in(8) => crowd(dice),
        18 => (0..dice.below(200))
            .fold(json!(1), |inner, depth| if depth % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) }),
        _ => json!(dice.below(1_000)),
    }
}

/// Very many of the same.
fn crowd(dice: &mut Dice) -> Value {
    let one = [json!(0), json!(null), json!({}), json!([]), json!(""), json!({ "id": 1 })][dice.below(6)].clone();
    Value::Array(vec![one; dice.below(200_000)])
}

/// Returns every place within a value as a pointer, without its own.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut visit = |name: &str, child: &Value| {
        let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        // A crowd is one place: the pointers of its members would say nothing more.
        if found.len() < 4_000 {
            places(child, &place, found);
            found.push(place);
        }
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, child)| visit(name, child)),
        Value::Array(items) => items.iter().take(50).enumerate().for_each(|(n, child)| visit(&n.to_string(), child)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Changes one place of a value, with what stands in another.
pub(crate) fn change(dice: &mut Dice, value: &mut Value, other: &Value) {
    let (mut here, mut there) = (Vec::new(), Vec::new());
    places(value, "", &mut here);
    places(other, "", &mut there);
    if here.is_empty() {
        *value = odd(dice);
        return;
    }
    let place = dice.pick(&here).clone();
    let copied = |from: &Value, all: &[String], dice: &mut Dice| {
        if all.is_empty() { Value::Null } else { from.pointer(dice.pick::<String>(all)).cloned().unwrap_or_default() }
    };
    match dice.below(8) {
        0 => remove(value, &place),
        1 => {
            let new = copied(value, &here, dice);
            put(value, &place, new);
        }
        2 => {
            let new = copied(other, &there, dice);
            put(value, &place, new);
        }
        3 => {
            // Under another name: what nobody expects there, or somebody does.
            let (new, name) = (odd(dice), dice.pick(&here).rsplit('/').next().unwrap_or_default().to_owned());
            if let Some(Value::Object(fields)) = value.pointer_mut(&place) {
                fields.insert(name, new);
            }
        }
        _ => {
            let new = odd(dice);
            put(value, &place, new);
        }
    }
}

fn put(value: &mut Value, place: &str, new: Value) {
    if let Some(old) = value.pointer_mut(place) {
        *old = new;
    }
}

fn remove(value: &mut Value, place: &str) {
    let Some((parent, name)) = place.rsplit_once('/') else { return };
    match value.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(&name.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => {
            drop(name.parse().ok().filter(|at| *at < items.len()).map(|at: usize| items.remove(at)))
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {}
    }
}

/// Makes a body of those that are known.
pub(crate) fn mutate(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = dice.pick(corpus).clone();
    let other = dice.pick(corpus);
    if let Ok(mut value) = serde_json::from_slice::<Value>(&input)
        && !dice.one_in(5)
    {
        let other = serde_json::from_slice(other).unwrap_or_default();
        for _ in 0..=dice.below(4) {
            change(dice, &mut value, &other);
        }
        input = value.to_string().into_bytes();
    }
    if dice.one_in(4) {
        for _ in 0..=dice.below(3) {
            damage(dice, &mut input, other);
        }
    }
    if dice.one_in(10) {
        // A number that the value types cannot hold, in the place of one that they can.
        let at = input.iter().position(u8::is_ascii_digit).unwrap_or_default();
        let end = input.iter().skip(at).position(|byte| !byte.is_ascii_digit()).map_or(at, |length| at + length);
        input.splice(at..end, dice.pick(&NUMBERS).bytes());
    }
    input.truncate(LARGEST);
    input
}
