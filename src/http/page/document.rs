//! What all documents of the desk have in common: the headers that keep them out of caches, frames and referrers, and the
//! policy that allows only what is in them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Returns how a content security policy names an inline script or style: by its SHA-256.
pub(in crate::http) fn digest_source(content: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content.as_bytes());
    format!("sha256-{}", BASE64.encode(digest))
}

/// Sets the headers that every document of the desk has, with its own content security policy.
pub(in crate::http) fn protect(headers: &mut HeaderMap, policy: &HeaderValue) {
    let fixed: [(HeaderName, &str); 4] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
}
