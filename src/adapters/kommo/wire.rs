//! What Kommo sends: the request of a salesbot's widget step (JSON or form), and account webhooks (form, PHP-style keys,
//! every leaf a string). Whatever stands there is read or refused, never a panic.

mod scalar;

use frontdesk_actors::ids::ReplyHandle;
use scalar::{Scalar, Scalars};
use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;
use url::form_urlencoded;

/// More pairs than this are not read. The vendor's webhooks have a few dozen.
const MOST_PAIRS: usize = 1024;

/// The longest address to answer at that is looked at. The vendor's are about 80 bytes.
const LONGEST_ADDRESS: usize = 1024;

/// Why a body is not read; none of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It is neither JSON nor a form.
    #[error("the body is neither JSON nor a form")]
    Unreadable,
    /// It has no address to answer at.
    #[error("the request has no return_url")]
    NoReturn,
    /// The address to answer at is not the account's.
    #[error("the return_url does not lead to the host of KOMMO_BASE_URL: nothing is sent there")]
    ForeignReturn,
}

/// The request of a salesbot.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct WidgetRequest {
    /// Proves who calls.
    pub(super) token: String,
    /// Where the bot waits for its answer.
    pub(super) return_url: String,
    data: BTreeMap<String, String>,
}

impl std::fmt::Debug for WidgetRequest {
    /// Shows no token and no customer's words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WidgetRequest").field("data", &self.data.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// The same as JSON.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Whole {
    token: Scalar,
    return_url: Scalar,
    data: Scalars,
}

impl WidgetRequest {
    /// Reads a body, whatever it says it is: both kinds are sent.
    ///
    /// # Errors
    /// [`WireError`] if it cannot be read.
    pub(super) fn read(body: &[u8]) -> Result<Self, WireError> {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let request = if first == Some(&b'{') { Self::of_json(body)? } else { Self::of_form(body)? };
        if request.return_url.is_empty() { Err(WireError::NoReturn) } else { Ok(request) }
    }

    fn of_json(body: &[u8]) -> Result<Self, WireError> {
        let Whole { token, return_url, data } = serde_json::from_slice(body).map_err(|_| WireError::Unreadable)?;
        let text = |scalar: Scalar| scalar.0.unwrap_or_default();
        Ok(Self { token: text(token), return_url: text(return_url), data: data.0 })
    }

    fn of_form(body: &[u8]) -> Result<Self, WireError> {
        let mut request = Self { token: String::new(), return_url: String::new(), data: BTreeMap::new() };
        for (name, value) in pairs(body)? {
            match name.as_str() {
                "token" => request.token = value,
                "return_url" => request.return_url = value,
                _ => {
                    if let Some(field) = name.strip_prefix("data[").and_then(|rest| rest.strip_suffix(']')) {
                        request.data.insert(field.to_owned(), value);
                    }
                }
            }
        }
        Ok(request)
    }

    /// Returns a field that the bot was told to send, unless its placeholder was empty.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.data.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Returns what the customer wrote.
    pub(super) fn message(&self) -> &str {
        self.field("message").or_else(|| self.field("text")).or_else(|| self.field("message_text")).unwrap_or_default()
    }

    /// Returns the place to answer at.
    ///
    /// # Errors
    /// [`WireError::ForeignReturn`] if it does not belong to the account.
    pub(super) fn place(&self, base: &Url) -> Result<ReplyHandle, WireError> {
        return_address(base, &self.return_url).map(|_| ReplyHandle(self.return_url.clone()))
    }
}

/// Reads an address to answer at. Our token is sent there, so it must be the account's own host, by the same scheme.
///
/// # Errors
/// [`WireError::ForeignReturn`] if it is not.
pub(super) fn return_address(base: &Url, address: &str) -> Result<Url, WireError> {
    let url = Url::parse(address).ok().filter(|_| address.len() <= LONGEST_ADDRESS).ok_or(WireError::ForeignReturn)?;
    let same_host = url.scheme() == base.scheme()
        && url.host_str() == base.host_str()
        && url.port_or_known_default() == base.port_or_known_default();
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let bots = ["/api/v4/salesbot/", "/api/v4/marketingbot/"];
    let continues = bots.iter().any(|bot| url.path().starts_with(bot)) && url.path().contains("/continue/");
    if same_host && plain && continues { Ok(url) } else { Err(WireError::ForeignReturn) }
}

/// A webhook of the account.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct AccountEvent {
    /// The account's number.
    pub(super) account: Option<u64>,
    /// The account's subdomain.
    pub(super) subdomain: Option<String>,
    /// The messages it tells of.
    pub(super) messages: Vec<ChatMessage>,
}

impl std::fmt::Debug for AccountEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountEvent").field("messages", &self.messages.len()).finish_non_exhaustive()
    }
}

/// A chat message of a webhook: its fields by name, nested ones as `author[type]`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct ChatMessage {
    outgoing: bool,
    fields: BTreeMap<String, String>,
}

impl std::fmt::Debug for ChatMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatMessage").field("fields", &self.fields.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

impl ChatMessage {
    /// Returns a field that is not empty.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns whether it went to the customer.
    pub(super) fn is_outgoing(&self) -> bool {
        match self.field("type") {
            Some(kind) => kind.eq_ignore_ascii_case("outgoing"),
            None => self.outgoing,
        }
    }
}

impl AccountEvent {
    /// Reads a body.
    ///
    /// # Errors
    /// [`WireError::Unreadable`] if it is no form.
    pub(super) fn read(body: &[u8]) -> Result<Self, WireError> {
        let mut event = Self::default();
        let mut messages: BTreeMap<(String, String), ChatMessage> = BTreeMap::new();
        for (name, value) in pairs(body)? {
            let Some((root, keys)) = php_key(&name) else { continue };
            match (root, keys.as_slice()) {
                ("account", ["id"]) => event.account = value.parse().ok(),
                ("account", ["subdomain"]) => event.subdomain = Some(value),
                ("message" | "outgoing_message", [verb, index, field @ ..]) if verb.starts_with("add") => {
                    let message = messages.entry((format!("{root} {verb}"), (*index).to_owned())).or_default();
                    message.outgoing = root == "outgoing_message" || *verb == "add_outgoing";
                    let (first, rest) = field.split_first().map_or(("", field), |(first, rest)| (*first, rest));
                    let name = rest.iter().fold(first.to_owned(), |name, key| format!("{name}[{key}]"));
                    message.fields.insert(name, value);
                }
                (_, _) => {}
            }
        }
        event.messages = messages.into_values().collect();
        Ok(event)
    }
}

/// Splits `message[add][0][id]` into its root and its keys.
fn php_key(name: &str) -> Option<(&str, Vec<&str>)> {
    let (root, rest) = name.split_once('[')?;
    let inner = rest.strip_suffix(']')?;
    Some((root, inner.split("][").collect()))
}

/// Reads a form. What is no text is no form.
fn pairs(body: &[u8]) -> Result<Vec<(String, String)>, WireError> {
    let text = std::str::from_utf8(body).map_err(|_| WireError::Unreadable)?;
    let is_form = text.contains('=') && !text.contains(['\n', '\0', '<']);
    if !is_form {
        return Err(WireError::Unreadable);
    }
    let read = form_urlencoded::parse(text.as_bytes()).take(MOST_PAIRS);
    Ok(read.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

#[cfg(test)]
mod tests;
