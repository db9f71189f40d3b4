//! The signature of a webhook: HMAC-SHA256 over `timestamp.rawbody`, in hexadecimal after `sha256=`.
//!
//! Chatwoot signs with `webhooks.secret` or `agent_bots.secret`, so several secrets are in use at once. The body must be
//! the bytes as they came: Rails escapes `<`, `>` and `&`, so JSON that was parsed and printed again does not match.

use aws_lc_rs::{constant_time, hmac};
use frontdesk_actors::time::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::time::Duration;

/// How far the timestamp of a webhook may lie from our clock, in either direction.
const WINDOW: Duration = Duration::from_secs(300);

/// A webhook with what is said about its origin.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    /// The header `X-Chatwoot-Timestamp`.
    pub timestamp: Option<&'a str>,
    /// The header `X-Chatwoot-Signature`.
    pub signature: Option<&'a str>,
    /// The raw body.
    pub body: &'a [u8],
}

impl fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no secret to compare with.
    #[error("no webhook secret is configured: set CHATWOOT_WEBHOOK_SECRET")]
    Unconfigured,
    /// One of the headers is missing.
    #[error("the webhook is not signed: X-Chatwoot-Timestamp or X-Chatwoot-Signature is missing")]
    Missing,
    /// One of the headers cannot be read.
    #[error("the signature headers of the webhook cannot be read")]
    Malformed,
    /// The timestamp lies outside the window.
    #[error("the webhook was signed more than five minutes ago or ahead: replayed, or a clock is wrong")]
    Stale,
    /// No secret fits.
    #[error("the signature fits none of the configured secrets")]
    Mismatch,
}

impl SignatureError {
    /// Returns the label.
    pub const fn name(self) -> &'static str {
        match self {
            SignatureError::Unconfigured => "unconfigured",
            SignatureError::Missing => "missing",
            SignatureError::Malformed => "malformed",
            SignatureError::Stale => "stale",
            SignatureError::Mismatch => "mismatch",
        }
    }
}

/// The secrets in use, prepared once: making a key costs as much as signing a hundred bytes.
pub struct WebhookSecrets {
    keys: Vec<hmac::Key>,
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookSecrets({})", self.keys.len())
    }
}

impl WebhookSecrets {
    /// Prepares secrets. Empty ones are left out: anybody can sign with them.
    pub fn new(secrets: &[SecretString]) -> Self {
        let keys = secrets.iter().map(|secret| secret.expose_secret().as_bytes()).filter(|secret| !secret.is_empty());
        Self { keys: keys.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret)).collect() }
    }

    /// Returns whether there is nothing to verify with.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Checks that one of the secrets signed this webhook, less than five minutes ago.
    ///
    /// # Errors
    /// [`SignatureError`]: the webhook must be answered with 401.
    pub fn verify(&self, webhook: &Signed<'_>, now: Timestamp) -> Result<(), SignatureError> {
        if self.keys.is_empty() {
            return Err(SignatureError::Unconfigured);
        }
        let (Some(timestamp), Some(signature)) = (webhook.timestamp, webhook.signature) else {
            return Err(SignatureError::Missing);
        };
        let digits = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let secs = timestamp.parse::<i64>().ok().filter(|_| digits).ok_or(SignatureError::Malformed)?;
        let mut claimed = [0_u8; 32];
        let hexadecimal = signature.strip_prefix("sha256=").ok_or(SignatureError::Malformed)?;
        hex::decode_to_slice(hexadecimal, &mut claimed).map_err(|_| SignatureError::Malformed)?;
        let signed_at = Timestamp::from_secs(secs);
        if now.since(signed_at) > WINDOW || now.until(signed_at) > WINDOW {
            return Err(SignatureError::Stale);
        }
        // Every key is tried, so that the time taken does not tell which one fits.
        let fits = self.keys.iter().filter(|key| {
            let mut context = hmac::Context::with_key(key);
            context.update(timestamp.as_bytes());
            context.update(b".");
            context.update(webhook.body);
            constant_time::verify_slices_are_equal(context.sign().as_ref(), &claimed).is_ok()
        });
        if fits.count() > 0 { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

/// Checks that one of the secrets signed this webhook, less than five minutes ago. Who checks many keeps
/// [`WebhookSecrets`].
///
/// # Errors
/// [`SignatureError`]: the webhook must be answered with 401.
pub fn verify_signature(secrets: &[SecretString], webhook: &Signed<'_>, now: Timestamp) -> Result<(), SignatureError> {
    WebhookSecrets::new(secrets).verify(webhook, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"{\"event\":\"x\"}";

    fn sign(secret: &str, timestamp: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{timestamp}.{{\"event\":\"x\"}}").as_bytes());
        format!("sha256={}", hex::encode(tag))
    }

    fn check(timestamp: Option<&str>, signature: Option<&str>, now: i64) -> Result<(), SignatureError> {
        let secrets = [SecretString::from("first"), SecretString::from(""), SecretString::from("second")];
        verify_signature(&secrets, &Signed { timestamp, signature, body: BODY }, Timestamp::from_secs(now))
    }

    #[test]
    fn any_of_several_secrets_fits() {
        for secret in ["first", "second"] {
            assert_eq!(check(Some("1000"), Some(&sign(secret, "1000")), 1000), Ok(()));
        }
        for secret in ["third", ""] {
            assert_eq!(check(Some("1000"), Some(&sign(secret, "1000")), 1000), Err(SignatureError::Mismatch));
        }
    }

    #[test]
    fn the_window_is_five_minutes_to_both_sides() {
        let signature = sign("first", "1000");
        for (now, expected) in
            [(700, Ok(())), (1300, Ok(())), (699, Err(SignatureError::Stale)), (1301, Err(SignatureError::Stale))]
        {
            assert_eq!(check(Some("1000"), Some(&signature), now), expected, "{now}");
        }
    }

    #[test]
    fn rubbish_headers_are_refused() {
        let good = sign("first", "1000");
        assert_eq!(check(None, Some(&good), 1000), Err(SignatureError::Missing));
        assert_eq!(check(Some("1000"), None, 1000), Err(SignatureError::Missing));
        for timestamp in ["", "+1000", "1e3", " 1000", "99999999999999999999", "-5"] {
            assert_eq!(check(Some(timestamp), Some(&good), 1000), Err(SignatureError::Malformed), "{timestamp}");
        }
        for signature in ["", "sha256=", "sha256=zz", &good[7..], &good[..70], "sha1=00"] {
            assert_eq!(check(Some("1000"), Some(signature), 1000), Err(SignatureError::Malformed), "{signature}");
        }
    }

    #[test]
    fn without_a_secret_nothing_is_believed() {
        let webhook = Signed { timestamp: Some("1000"), signature: Some("sha256=00"), body: BODY };
        let verdict = verify_signature(&[SecretString::from("")], &webhook, Timestamp::from_secs(1000));
        assert_eq!(verdict, Err(SignatureError::Unconfigured));
    }
}
