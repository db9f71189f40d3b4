//! Signs and reads the links of verification mails.
//!
//! A link carries a JWT: HS256 and nothing else, bound to conversation, contact, challenge and address. It proves only
//! that the desk made it and until when; whether it is still good is the conversation's to say. The address itself is
//! not in the token, because URLs end up in histories and logs: a keyed digest is. Time is an argument.

use aws_lc_rs::hmac;
use frontdesk_actors::ids::{ContactKey, ConversationKey};
use frontdesk_actors::ports::VerificationMail;
use frontdesk_actors::time::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use url::Url;

/// Who issues the tokens, and the only issuer that is read.
const ISSUER: &str = "frontdesk";
/// What the tokens are for. Tokens made with the same secret for anything else are foreign.
const AUDIENCE: &str = "verify";
/// The longest token that is looked at. Ours are about 400 bytes.
const LONGEST_TOKEN: usize = 2048;
/// The shortest secret: 256 bits, what HS256 can use.
const SHORTEST_SECRET: usize = 32;

/// Makes and reads verification links.
pub struct Links {
    page: Url,
    sign: EncodingKey,
    verify: DecodingKey,
    digest: hmac::Key,
    rules: Validation,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("page", &self.page.as_str()).finish_non_exhaustive()
    }
}

/// Why links cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinksError {
    /// The secret is too short to be safe.
    #[error(
        "JWT_SECRET has {length} bytes; at least 32 are needed. Make one with `openssl rand -hex 32` and keep it: links in \
         mails already sent stop working when it changes"
    )]
    ShortSecret {
        /// How long it is.
        length: usize,
    },
    /// The public address cannot carry a path.
    #[error(
        "PUBLIC_URL must be an http or https address that customers can reach, for example https://desk.example.com"
    )]
    PublicUrl,
}

/// What a link says. Every field was checked against the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The conversation.
    pub conversation: ConversationKey,
    /// The customer, where known when the mail was made.
    pub contact: Option<ContactKey>,
    /// The challenge.
    pub challenge: String,
    /// [`Links::address_digest`] of the address the mail went to.
    pub address_digest: String,
    /// When the challenge was made, in whole seconds.
    pub issued: Timestamp,
    /// When the link stops working, in whole seconds.
    pub expires: Timestamp,
}

/// Why a token is not a good link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not a token at all.
    #[error("not a verification link")]
    Malformed,
    /// It has a token's shape, but is not as we made it: another secret, algorithm, issuer or audience, or a signature
    /// that a mail program cut off.
    #[error("a link of somebody else")]
    Foreign,
    /// It is ours, and its time has passed.
    #[error("an expired verification link")]
    Expired(Claims),
}

/// The claims as they stand in the token.
#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    aud: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<ContactKey>,
    chl: String,
    adr: String,
    iat: i64,
    exp: i64,
}

impl Links {
    /// Makes links under `public_url`, signed with `secret`.
    ///
    /// # Errors
    /// [`LinksError`], with what to do.
    pub fn new(secret: &SecretString, public_url: &Url) -> Result<Self, LinksError> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < SHORTEST_SECRET {
            return Err(LinksError::ShortSecret { length: secret.len() });
        }
        Ok(Self {
            page: page(public_url).ok_or(LinksError::PublicUrl)?,
            sign: EncodingKey::from_secret(secret),
            verify: DecodingKey::from_secret(secret),
            digest: hmac::Key::new(hmac::HMAC_SHA256, secret),
            rules: rules(),
        })
    }

    /// Returns the signed token of a mail.
    pub fn sign(&self, mail: &VerificationMail) -> String {
        let claims = Wire {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            key: mail.key.as_str().to_owned(),
            sub: mail.contact.clone(),
            chl: mail.challenge.clone(),
            adr: self.address_digest(&mail.address),
            iat: whole_secs(mail.issued),
            exp: whole_secs(mail.expires),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign)
            .expect("plain claims serialise, and HMAC takes any key")
    }

    /// Returns the link of a mail: `{public_url}/verify?token=…`.
    pub fn url(&self, mail: &VerificationMail) -> Url {
        let mut url = self.page.clone();
        url.query_pairs_mut().append_pair("token", &self.sign(mail));
        url
    }

    /// Returns the host customers see in the links, for want of a company's name.
    pub fn host(&self) -> String {
        self.page.host_str().unwrap_or_default().to_owned()
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`TokenError`]. Only [`TokenError::Expired`] says anything that can be trusted.
    pub fn read(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::Malformed);
        }
        let wire = jsonwebtoken::decode::<Wire>(token, &self.verify, &self.rules).map_err(|error| why(error.kind()))?;
        let claims = wire.claims.read().ok_or(TokenError::Foreign)?;
        if claims.expires <= now { Err(TokenError::Expired(claims)) } else { Ok(claims) }
    }

    /// Returns a keyed digest of the address, the same for every spelling of its letters' case.
    ///
    /// It is keyed because addresses can be guessed: a plain hash could be reversed with a list of addresses.
    pub fn address_digest(&self, address: &str) -> String {
        // A JWT's signing input starts with "eyJ", so the prefix keeps the two uses of the secret apart.
        let text = format!("address/{}", address.trim().to_lowercase());
        hex::encode(&hmac::sign(&self.digest, text.as_bytes()).as_ref()[..16])
    }
}

impl Wire {
    fn read(self) -> Option<Claims> {
        Some(Claims {
            conversation: ConversationKey::parse(&self.key)?,
            contact: self.sub,
            challenge: self.chl,
            address_digest: self.adr,
            issued: Timestamp::from_secs(self.iat),
            expires: Timestamp::from_secs(self.exp),
        })
    }
}

/// Returns the page behind the links.
fn page(public_url: &Url) -> Option<Url> {
    let mut page = public_url.clone();
    if !matches!(page.scheme(), "http" | "https") {
        return None;
    }
    page.set_query(None);
    page.set_fragment(None);
    page.path_segments_mut().ok()?.pop_if_empty().push("verify");
    Some(page)
}

/// Rounds up: the conversation decides to the millisecond, and the page must not give a link up before it.
fn whole_secs(at: Timestamp) -> i64 {
    (at + Duration::from_millis(999)).as_secs()
}

/// Pins algorithm, issuer and audience. The library's own clock is off: the caller's counts.
fn rules() -> Validation {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.set_required_spec_claims(&["iss", "aud", "exp"]);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules
}

/// Tells rubbish from tokens that are not ours. The library may add kinds; what is unknown is foreign.
fn why(kind: &ErrorKind) -> TokenError {
    if matches!(kind, ErrorKind::InvalidToken | ErrorKind::Base64(_) | ErrorKind::Utf8(_) | ErrorKind::Json(_)) {
        TokenError::Malformed
    } else {
        TokenError::Foreign
    }
}

#[cfg(test)]
mod tests;
