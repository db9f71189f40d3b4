//! The token that GREEN-API sends with every webhook, in the header `Authorization`.
//!
//! It comes back as it was stored, with or without a scheme; the vendor's own receiver strips the scheme on both sides, so
//! either way of writing it is right here.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// The token that webhooks must carry.
pub struct WebhookToken(Vec<u8>);

impl fmt::Debug for WebhookToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookToken(..)")
    }
}

impl WebhookToken {
    /// Makes it of the setting, which may name a scheme.
    pub fn new(token: &SecretString) -> Self {
        Self(hashed(token.expose_secret()))
    }

    /// Returns whether the header carries the token. Digests are compared, so neither content nor length shows in the time.
    pub fn permits(&self, authorization: Option<&str>) -> bool {
        authorization.is_some_and(|given| verify_slices_are_equal(&hashed(given), &self.0).is_ok())
    }
}

fn hashed(token: &str) -> Vec<u8> {
    digest(&SHA256, bare(token).as_bytes()).as_ref().to_vec()
}

/// Returns the token without its scheme.
pub(super) fn bare(token: &str) -> &str {
    let token = token.trim();
    match token.split_once(' ') {
        Some((scheme, rest)) if ["bearer", "basic"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            rest.trim()
        }
        Some(_) | None => token,
    }
}

/// Returns the token as the vendor wants it stored: with a scheme, `Bearer` unless it has one.
pub(super) fn schemed(token: &str) -> String {
    let token = token.trim();
    if bare(token) == token { format!("Bearer {token}") } else { token.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_with_or_without_its_scheme_and_nothing_else_does() {
        for stored in ["s3cret", "Bearer s3cret", "basic s3cret "] {
            let token = WebhookToken::new(&SecretString::from(stored));
            for given in ["s3cret", "Bearer s3cret", "bearer  s3cret", "Basic s3cret"] {
                assert!(token.permits(Some(given)), "{stored} {given}");
            }
            for given in [None, Some(""), Some("Bearer"), Some("Bearer s3cre"), Some("Digest s3cret"), Some("s3cret2")]
            {
                assert!(!token.permits(given), "{stored} {given:?}");
            }
        }
    }
}
