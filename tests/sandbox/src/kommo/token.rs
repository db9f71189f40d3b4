//! The token of a salesbot's request: a JWT by HMAC. The vendor's SDK reads HS512.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512: the vendor's.
    Hs512,
}

/// Signs claims.
pub(super) fn sign(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    let (name, hash) = match algorithm {
        Algorithm::Hs256 => ("HS256", hmac::HMAC_SHA256),
        Algorithm::Hs384 => ("HS384", hmac::HMAC_SHA384),
        Algorithm::Hs512 => ("HS512", hmac::HMAC_SHA512),
    };
    let header = BASE64.encode(json!({ "typ": "JWT", "alg": name }).to_string());
    let signed = format!("{header}.{}", BASE64.encode(claims.to_string()));
    let key = hmac::Key::new(hash, secret.as_bytes());
    format!("{signed}.{}", BASE64.encode(hmac::sign(&key, signed.as_bytes()).as_ref()))
}
