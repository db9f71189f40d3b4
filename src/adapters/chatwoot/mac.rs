//! Our own mark on a conversation: a MAC that says "this contact proved this address in this conversation".
//!
//! A visitor can set conversation attributes from the browser console, so plain ones prove nothing. The MAC stands in
//! `frontdesk_verified` as `v1.` and 64 hexadecimal digits; the address it covers stands beside it in
//! `frontdesk_verified_email`, empty if none is known.

use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// The conversation attribute that holds the MAC.
pub const MAC_ATTRIBUTE: &str = "frontdesk_verified";

/// The conversation attribute that holds the address which the MAC covers.
pub const ADDRESS_ATTRIBUTE: &str = "frontdesk_verified_email";

/// Separates this use of the secret from every other.
const PURPOSE: &[u8] = b"frontdesk chatwoot conversation attribute v1";

/// What a mark is bound to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The account.
    pub account: u64,
    /// The conversation, by its number within the account.
    pub conversation: u64,
    /// The contact.
    pub contact: u64,
    /// The proven address; empty if none is known.
    pub address: &'a str,
}

impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({}/{}/{})", self.account, self.conversation, self.contact)
    }
}

/// Makes and checks marks.
#[derive(Clone)]
pub struct AttributeMac(hmac::Key);

impl fmt::Debug for AttributeMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttributeMac")
    }
}

impl AttributeMac {
    /// Derives the key from a secret that all nodes share.
    pub fn new(secret: &SecretString) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        Self(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, PURPOSE).as_ref()))
    }

    /// Returns the value of [`MAC_ATTRIBUTE`] for a subject.
    pub fn seal(&self, subject: &Subject<'_>) -> String {
        format!("v1.{}", hex::encode(hmac::sign(&self.0, &encode(subject))))
    }

    /// Returns whether a value of [`MAC_ATTRIBUTE`] was made for this very subject. Takes the same time for every value
    /// of the right length.
    pub fn verify(&self, subject: &Subject<'_>, value: &str) -> bool {
        let mut claimed = [0_u8; 32];
        let readable = value.strip_prefix("v1.").is_some_and(|text| hex::decode_to_slice(text, &mut claimed).is_ok());
        readable && hmac::verify(&self.0, &encode(subject), &claimed).is_ok()
    }
}

/// Writes a subject so that no two read alike: the numbers contain no separator, and the address comes last.
fn encode(subject: &Subject<'_>) -> Vec<u8> {
    let Subject { account, conversation, contact, address } = subject;
    format!("{account}\n{conversation}\n{contact}\n{address}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JANE: Subject<'static> = Subject { account: 1, conversation: 57, contact: 412, address: "jane@example.com" };

    #[test]
    fn a_mark_fits_its_subject_only() {
        let mac = AttributeMac::new(&SecretString::from("secret"));
        let value = mac.seal(&JANE);
        assert!(value.starts_with("v1.") && value.len() == 67);
        assert!(mac.verify(&JANE, &value));
        for other in [
            Subject { account: 2, ..JANE },
            Subject { conversation: 58, ..JANE },
            Subject { contact: 413, ..JANE },
            Subject { address: "mallory@example.com", ..JANE },
            Subject { address: "", ..JANE },
        ] {
            assert!(!mac.verify(&other, &value), "{other:?}");
        }
        assert!(!AttributeMac::new(&SecretString::from("other")).verify(&JANE, &value));
    }

    #[test]
    fn rubbish_is_no_mark() {
        let mac = AttributeMac::new(&SecretString::from("secret"));
        let value = mac.seal(&JANE);
        for bad in ["", "v1.", "true", &value[3..], &value[..66], &value.replace("v1", "v2")] {
            assert!(!mac.verify(&JANE, bad), "{bad}");
        }
    }
}
