//! The visitor's session: a random secret in a cookie, and a conversation key made from its digest.
//!
//! The key stands in logs, links and verification tokens; because only the digest does, none of them lets a reader
//! take over the visitor's chat.

use super::{ACCOUNT, NAME};
use aws_lc_rs::{digest, rand};
use frontdesk_actors::domain::Contact;
use frontdesk_actors::ids::{ContactKey, ConversationKey};
use std::fmt;

/// The name of the cookie.
pub const COOKIE: &str = "fd_session";

/// How long a browser keeps the cookie, in seconds: 30 days.
const KEPT: u32 = 30 * 24 * 60 * 60;

/// How many hexadecimal digits a cookie and an id have: 128 bits.
const DIGITS: usize = 32;

/// One visitor of the page.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    cookie: Option<String>,
    id: String,
}

impl Session {
    /// Makes the session of a visitor who has none.
    pub fn fresh() -> Self {
        let mut secret = [0_u8; DIGITS / 2];
        rand::fill(&mut secret).expect("the operating system gives random bytes");
        Self::of(hex::encode(secret))
    }

    /// Returns the session that everybody without a cookie shares. Only the minimal webhook uses it.
    pub fn demo() -> Self {
        Self { cookie: None, id: "demo".to_owned() }
    }

    /// Reads the session from a `Cookie` header.
    pub fn from_cookies(header: &str) -> Option<Self> {
        let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
        let value = pairs.into_iter().find_map(|(name, value)| (name == COOKIE).then_some(value))?;
        let genuine = value.len() == DIGITS && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        genuine.then(|| Self::of(value.to_owned()))
    }

    /// Returns the `Set-Cookie` header that gives the browser this session; `secure` where the page is served by TLS.
    /// `None` for the shared one.
    pub fn set_cookie(&self, secure: bool) -> Option<String> {
        let secret = self.cookie.as_ref()?;
        let secure = if secure { "; Secure" } else { "" };
        Some(format!("{COOKIE}={secret}; Path=/; Max-Age={KEPT}; HttpOnly; SameSite=Lax{secure}"))
    }

    /// Returns the conversation of this visitor.
    pub fn key(&self) -> ConversationKey {
        ConversationKey::new(NAME, ACCOUNT, &self.id)
    }

    /// Returns the visitor as a contact: nothing is known about them but that it is the same one.
    pub fn contact(&self) -> Contact {
        Contact { key: ContactKey::new(NAME, ACCOUNT, &self.id), name: None, email: None }
    }

    fn of(secret: String) -> Self {
        let digest = digest::digest(&digest::SHA256, secret.as_bytes());
        Self { id: hex::encode(&digest.as_ref()[..DIGITS / 2]), cookie: Some(secret) }
    }
}

impl fmt::Debug for Session {
    /// Shows the id and never the cookie.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_survives_its_cookie_and_the_key_does_not_give_it_away() {
        let session = Session::fresh();
        let cookie = session.set_cookie(false).expect("a fresh session has a cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Secure"));
        assert!(session.set_cookie(true).expect("has a cookie").ends_with("; Secure"));
        let sent = format!("theme=dark; {}", cookie.split(';').next().unwrap_or_default());
        assert_eq!(Session::from_cookies(&sent), Some(session.clone()));
        assert!(!cookie.contains(session.key().id()));
        assert!(ConversationKey::parse(session.key().as_str()).is_some());
        assert_ne!(Session::fresh(), session);
    }

    #[test]
    fn rubbish_and_the_shared_name_are_no_sessions() {
        for bad in ["", "fd_session", "fd_session=demo", "fd_session=", "other=0123456789abcdef0123456789abcdef"] {
            assert_eq!(Session::from_cookies(bad), None, "{bad:?}");
        }
        assert_eq!(Session::from_cookies("fd_session=0123456789ABCDEF0123456789ABCDEF"), None);
        assert_eq!(Session::demo().key().as_str(), "web:page:demo");
    }
}
