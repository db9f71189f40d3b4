//! A mail as its reader's program would understand it: RFC 5322 headers, RFC 2047 words, RFC 2045 parts.
//!
//! Written apart from the library that the product sends with, so that a mistake there is not made twice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A mail that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The headers, unfolded and decoded, in order.
    pub headers: Vec<(String, String)>,
    /// The decoded plain text; empty if there is none.
    pub text: String,
    /// The decoded HTML; empty if there is none.
    pub html: String,
    /// The message as it came over the wire.
    pub raw: String,
}

/// A body part: its headers and its body.
struct Part<'a> {
    headers: Vec<(String, String)>,
    body: &'a str,
}

impl Mail {
    /// Understands a message.
    pub(super) fn parse(from: String, to: Vec<String>, raw: &[u8]) -> Self {
        let raw = String::from_utf8_lossy(raw).into_owned();
        let part = Part::split(&raw);
        let mut mail =
            Self { from, to, headers: Vec::new(), text: String::new(), html: String::new(), raw: String::new() };
        mail.read(&part);
        mail.headers = part.headers;
        mail.raw = raw;
        mail
    }

    /// Returns a header's decoded value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Returns the decoded subject.
    pub fn subject(&self) -> &str {
        self.header("Subject").unwrap_or_default()
    }

    /// Returns the verification link: the first address in the text.
    pub fn link(&self) -> Option<String> {
        let begin = self.text.find("http://").into_iter().chain(self.text.find("https://")).min()?;
        self.text[begin..].split_whitespace().next().map(str::to_owned)
    }

    /// Returns the code: the first six digits in the text that stand alone, not within an address.
    pub fn code(&self) -> Option<String> {
        let words = self.text.split_whitespace().map(|word| word.trim_end_matches(['.', ',', ':', ';', '!', '?']));
        let mut codes = words.filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()));
        codes.next().map(str::to_owned)
    }

    fn read(&mut self, part: &Part<'_>) {
        let kind = header(&part.headers, "Content-Type").unwrap_or("text/plain").to_owned();
        let (name, _) = kind.split_once(';').unwrap_or((&kind, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "text/plain" => self.text = part.decoded(),
            "text/html" => self.html = part.decoded(),
            name if name.starts_with("multipart/") => {
                let Some(boundary) = parameter(&kind, "boundary") else { return };
                for inner in parts(part.body, &boundary) {
                    self.read(&Part::split(inner));
                }
            }
            _ => {}
        }
    }
}

impl<'a> Part<'a> {
    fn split(raw: &'a str) -> Self {
        let raw = raw.trim_start_matches("\r\n");
        let (head, body) = raw.split_once("\r\n\r\n").unwrap_or((raw, ""));
        Self { headers: headers(head), body }
    }

    fn decoded(&self) -> String {
        let encoding = header(&self.headers, "Content-Transfer-Encoding").unwrap_or("7bit").to_ascii_lowercase();
        let bytes = match encoding.trim() {
            "base64" => {
                let text: String = self.body.split_whitespace().collect();
                STANDARD.decode(text).unwrap_or_default()
            }
            "quoted-printable" => quoted_printable(self.body.as_bytes()),
            _ => self.body.as_bytes().to_vec(),
        };
        String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
    }
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Unfolds and decodes a head.
fn headers(head: &str) -> Vec<(String, String)> {
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let pairs = unfolded.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.to_owned(), words(value.trim()))).collect()
}

/// Decodes encoded words. White space between two of them is not part of the text (RFC 2047 §6.2).
fn words(value: &str) -> String {
    let mut decoded = String::new();
    let mut after_word = false;
    let mut rest = value;
    while let Some(begin) = rest.find("=?") {
        let between = &rest[..begin];
        let Some((text, length)) = word(&rest[begin..]) else { break };
        if !(after_word && between.trim().is_empty()) {
            decoded.push_str(between);
        }
        decoded.push_str(&text);
        after_word = true;
        rest = &rest[begin + length..];
    }
    decoded + rest
}

/// Decodes the encoded word at the beginning and returns its text and length.
fn word(text: &str) -> Option<(String, usize)> {
    let mut fields = text.strip_prefix("=?")?.splitn(3, '?');
    let (charset, encoding, rest) = (fields.next()?, fields.next()?, fields.next()?);
    let (payload, _) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(payload).ok()?,
        "Q" | "q" => quoted_printable(payload.replace('_', " ").as_bytes()),
        _ => return None,
    };
    Some((String::from_utf8(bytes).ok()?, 2 + charset.len() + 1 + encoding.len() + 1 + payload.len() + 2))
}

fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'=', [b'\r', b'\n', more @ ..]) => more,
            (b'=', [high, low, more @ ..]) => {
                let hex = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
                if let Some((high, low)) = hex(high).zip(hex(low)) {
                    decoded.push(high * 16 + low);
                }
                more
            }
            (byte, more) => {
                decoded.push(*byte);
                more
            }
        };
    }
    decoded
}

/// Returns a parameter of a structured header.
fn parameter(value: &str, name: &str) -> Option<String> {
    let parameters = value.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut found = parameters.filter(|(have, _)| have.trim().eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

/// Returns the parts between boundaries.
fn parts<'b>(body: &'b str, boundary: &str) -> Vec<&'b str> {
    let delimiter = format!("--{boundary}");
    let mut pieces = body.split(delimiter.as_str()).skip(1);
    let mut found = Vec::new();
    for piece in &mut pieces {
        if piece.starts_with("--") {
            break;
        }
        // The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
        found.push(piece.trim_start_matches("\r\n").strip_suffix("\r\n").unwrap_or(piece));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_understood_as_a_reader_would() {
        let raw = "Subject: =?utf-8?b?0JrQvtC0?= =?utf-8?b?0Ys=?= 123456\r\nX-Long: a\r\n b\r\nContent-Type: \
                   multipart/alternative;\r\n boundary=\"x y\"\r\n\r\n--x y\r\nContent-Type: text/plain; charset=utf-8\r\n\
                   Content-Transfer-Encoding: quoted-printable\r\n\r\nOpen https://a.example/verify?token=3Da.b=\r\n.c and \
                   type 123456=2E\r\n--x y\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+\r\n\
                   aGk8L2I+\r\n--x y--\r\n";
        let mail = Mail::parse("a@b".to_owned(), vec!["c@d".to_owned()], raw.as_bytes());
        assert_eq!(mail.subject(), "Коды 123456");
        assert_eq!(mail.header("x-long"), Some("a b"));
        assert_eq!(mail.text, "Open https://a.example/verify?token=a.b.c and type 123456.");
        assert_eq!(mail.html, "<b>hi</b>");
        assert_eq!(mail.link().as_deref(), Some("https://a.example/verify?token=a.b.c"));
        assert_eq!(mail.code().as_deref(), Some("123456"));
    }
}
