//! The service account: who asks, and the token it is given.
//!
//! RFC 7523 as Google speaks it: an RS256 JWT with `iss`, `scope`, `aud` (the token address itself), `iat` and `exp` at most
//! an hour later, posted as a form to the `token_uri` of the key file. A clock that is wrong shows as `invalid_grant`.
//!
//! It is signed with the library that every other key of the desk is used with; reading PEM by the JWT crate would bring in
//! a dozen more.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use frontdesk_actors::time::Timestamp;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// The kind of grant that is asked for.
pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// All that is asked for: reading documents that were shared with the account.
const SCOPE: &str = "https://www.googleapis.com/auth/documents.readonly";

/// The longest a signed request may be good for, in seconds.
const LIFE: i64 = 3600;

/// How long before its end a token is no longer used.
const MARGIN: Duration = Duration::from_secs(60);

/// Why a key file cannot be used. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// It cannot be read.
    #[error("{} cannot be read ({source}); correct the path or the file's rights", path.display())]
    Unreadable {
        /// The configured path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is no key file of a service account.
    #[error("{} is not the JSON key of a service account; create one under IAM, Service Accounts, Keys", path.display())]
    Foreign {
        /// The configured path.
        path: PathBuf,
    },
    /// Its token address would show the request to others.
    #[error("{}: token_uri must be an https address", path.display())]
    TokenUri {
        /// The configured path.
        path: PathBuf,
    },
    /// Its key cannot sign.
    #[error("the private_key of the credentials file is not an RSA key in PEM; download the file again")]
    Key,
}

/// A service account, as its key file describes it.
#[derive(Clone, Deserialize)]
pub struct ServiceAccount {
    client_email: String,
    private_key: SecretString,
    #[serde(default)]
    private_key_id: Option<String>,
    /// Where tokens are given out.
    #[serde(deserialize_with = "address")]
    pub(super) token_uri: Url,
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("token_uri", &self.token_uri.as_str()).finish_non_exhaustive()
    }
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    Url::parse(&String::deserialize(from)?).map_err(D::Error::custom)
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

/// Encodes a part of a JWT.
fn part(of: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(of).expect("texts and numbers are always valid JSON"))
}

impl ServiceAccount {
    /// Reads a key file and checks that it can sign.
    ///
    /// # Errors
    /// [`AccountError`], which says what to do.
    pub fn read(path: &Path) -> Result<Self, AccountError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| AccountError::Unreadable { path: path.to_owned(), source })?;
        let account: Self = serde_json::from_str(&text).map_err(|_| AccountError::Foreign { path: path.to_owned() })?;
        let local = matches!(account.token_uri.host(), Some(url::Host::Ipv4(ip)) if ip.is_loopback());
        if account.token_uri.scheme() != "https" && !local {
            return Err(AccountError::TokenUri { path: path.to_owned() });
        }
        account.key()?;
        Ok(account)
    }

    /// Reads the key: PKCS#8 in PEM, as Google hands it out, or the older PKCS#1.
    fn key(&self) -> Result<RsaKeyPair, AccountError> {
        let pem = self.private_key.expose_secret();
        let body: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body).map_err(|_| AccountError::Key)?;
        let read = if pem.contains("BEGIN RSA PRIVATE KEY") { RsaKeyPair::from_der } else { RsaKeyPair::from_pkcs8 };
        read(&der).map_err(|_| AccountError::Key)
    }

    /// Signs a request for a token.
    pub(super) fn assertion(&self, now: Timestamp) -> Result<SecretString, AccountError> {
        let iat = now.as_millis() / 1000;
        let claims =
            Claims { iss: &self.client_email, scope: SCOPE, aud: self.token_uri.as_str(), iat, exp: iat + LIFE };
        let header = Header { alg: "RS256", typ: "JWT", kid: self.private_key_id.as_deref() };
        let signed = format!("{}.{}", part(&header), part(&claims));
        let key = self.key()?;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| AccountError::Key)?;
        let signed = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        Ok(signed.into())
    }
}

/// A token, and until when it is used.
pub(super) struct Token {
    secret: SecretString,
    pub(super) until: Timestamp,
}

impl Token {
    /// Reads the answer of the token endpoint.
    pub(super) fn read(body: &[u8], now: Timestamp) -> Option<Self> {
        #[derive(Deserialize)]
        struct Granted {
            access_token: SecretString,
            #[serde(default)]
            expires_in: u64,
        }
        let granted: Granted = serde_json::from_slice(body).ok()?;
        let plain = !granted.access_token.expose_secret().is_empty()
            && granted.access_token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic());
        let life = Duration::from_secs(granted.expires_in.min(86_400)).saturating_sub(MARGIN);
        plain.then(|| Self { secret: granted.access_token, until: now + life })
    }

    pub(super) fn header(&self) -> String {
        format!("Bearer {}", self.secret.expose_secret())
    }
}

/// Says what a refusal of the token endpoint means.
pub(super) fn refusal(status: StatusCode, body: &[u8]) -> String {
    let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let advice = match said["error"].as_str() {
        Some("invalid_grant") => {
            "invalid_grant: the clock of this machine is wrong, or the key was deleted; check the time, or create a new key"
        }
        Some("invalid_client" | "unauthorized_client") => "the service account is not known; create a new key",
        Some(_) | None => "it is asked again by itself",
    };
    format!("Google's token endpoint answered {}: {advice}", status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_key_says_so_and_shows_nothing_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            ServiceAccount::read(&path).unwrap_err().to_string()
        };
        assert!(read("{}").contains("is not the JSON key"));
        let key = |uri: &str| format!(r#"{{"client_email":"a@b","private_key":"secret-words","token_uri":"{uri}"}}"#);
        assert!(read(&key("http://example.com/token")).contains("https"));
        let bad = read(&key("https://oauth2.googleapis.com/token"));
        assert!(bad.contains("private_key") && !bad.contains("secret-words"), "{bad}");
        assert!(ServiceAccount::read(Path::new("/nowhere.json")).unwrap_err().to_string().contains("/nowhere.json"));
    }

    #[test]
    fn a_token_is_used_until_shortly_before_its_end() {
        let now = Timestamp::from_secs(1000);
        let token = Token::read(br#"{"access_token":"abc","expires_in":3600,"token_type":"Bearer"}"#, now).unwrap();
        assert_eq!((token.header().as_str(), token.until), ("Bearer abc", Timestamp::from_secs(4540)));
        for bad in ["", "{}", r#"{"access_token":""}"#, r#"{"access_token":"a\nb","expires_in":1}"#] {
            assert!(Token::read(bad.as_bytes(), now).is_none(), "{bad}");
        }
    }
}
