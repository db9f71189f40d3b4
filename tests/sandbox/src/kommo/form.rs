//! PHP's way of putting a tree into a form: `message[add][0][id]=…`, every leaf a string.

use serde_json::Value;

/// Encodes a tree.
pub(super) fn encode(tree: &Value) -> String {
    let mut pairs = Vec::new();
    collect(tree, "", &mut pairs);
    let encoded = pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    encoded.collect::<Vec<_>>().join("&")
}

fn collect(tree: &Value, name: &str, pairs: &mut Vec<(String, String)>) {
    let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}[{key}]") };
    match tree {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(value, &below(key), pairs)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| collect(value, &below(&index.to_string()), pairs));
        }
        Value::String(text) => pairs.push((name.to_owned(), text.clone())),
        Value::Null => pairs.push((name.to_owned(), String::new())),
        Value::Bool(_) | Value::Number(_) => pairs.push((name.to_owned(), tree.to_string())),
    }
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b' ' => escaped.push('+'),
            byte if plain(byte) => escaped.push(char::from(byte)),
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}
