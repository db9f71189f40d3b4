//! Who calls: the one-time token of a salesbot's request. It is a JWT, signed with the integration's client secret by HMAC
//! (HS512 today; any of the three is taken, nothing else). Time is an argument.
//!
//! The token covers neither the message nor the address to answer at: that address is checked on its own, in `wire`.

use frontdesk_actors::time::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::fmt;
use std::time::Duration;
use url::Url;

/// The longest token that is looked at. The vendor's are about 700 bytes.
const LONGEST: usize = 8 * 1024;

/// By how much two clocks may differ. The vendor's own SDK checks the expiry with a loose clock, too.
const SKEW: Duration = Duration::from_secs(60);

/// Why a token is refused, for the operator only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none, or it is no token.
    #[error("the request carries no token, or none that can be read")]
    Malformed,
    /// It is not signed with our secret.
    #[error("the token is not signed with KOMMO_CLIENT_SECRET: copy the secret key of the integration again")]
    Foreign,
    /// Its time has passed.
    #[error("the token has expired: the request was repeated later, or this machine's clock is wrong")]
    Expired,
    /// It was made for another account.
    #[error("the token belongs to another account than KOMMO_SUBDOMAIN")]
    OtherAccount,
    /// It was made for another integration.
    #[error("the token belongs to another integration than KOMMO_CLIENT_ID")]
    OtherIntegration,
}

/// What a token proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// The number of the account.
    pub(super) account: Option<u64>,
    /// The lead (or customer) the bot runs for.
    pub(super) entity: Option<Entity>,
}

/// What a bot runs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entity {
    /// A lead.
    Lead(u64),
    /// A customer of the purchases module.
    Customer(u64),
}

/// Reads tokens.
pub(super) struct Tokens {
    key: DecodingKey,
    rules: Validation,
    subdomain: String,
    client: Option<String>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("subdomain", &self.subdomain).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Makes a reader of the tokens of one account's integration.
    pub(super) fn new(secret: &SecretString, subdomain: &str, client: Option<&str>) -> Self {
        let mut rules = Validation::new(Algorithm::HS512);
        rules.algorithms = vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        // The library's own clock is off: the caller's counts.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        // The audience is whatever address the operator wrote into the salesbot, perhaps a proxy's.
        rules.validate_aud = false;
        // Numbers come as text as well, which the library would refuse: the end is looked at below.
        rules.required_spec_claims.clear();
        Self {
            key: DecodingKey::from_secret(secret.expose_secret().as_bytes()),
            rules,
            subdomain: subdomain.to_ascii_lowercase(),
            client: client.map(str::to_owned),
        }
    }

    /// Checks a token and returns what it proves.
    ///
    /// # Errors
    /// [`TokenError`] if it proves nothing.
    pub(super) fn read(&self, token: &str, now: Timestamp) -> Result<Caller, TokenError> {
        if token.is_empty() || token.len() > LONGEST {
            return Err(TokenError::Malformed);
        }
        let read = jsonwebtoken::decode::<Map<String, Value>>(token, &self.key, &self.rules);
        let claims = read.map_err(|error| why(error.kind()))?.claims;
        let expires = claims.get("exp").and_then(seconds).ok_or(TokenError::Malformed)?;
        if expires + SKEW <= now {
            return Err(TokenError::Expired);
        }
        self.check_account(&claims)?;
        let claimed = |name: &str| claims.get(name).and_then(text_of);
        let id = claimed("entity_id").and_then(|id| id.parse().ok()).filter(|id| *id > 0);
        let entity = id.map(|id| match claimed("entity_type").as_deref() {
            Some("12" | "customers" | "customer") => Entity::Customer(id),
            Some(_) | None => Entity::Lead(id),
        });
        Ok(Caller { account: claimed("account_id").and_then(|id| id.parse().ok()), entity })
    }

    /// The same secret serves every account in which an integration is installed: the token must name ours.
    fn check_account(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        let claimed = |name: &str| claims.get(name).and_then(text_of).filter(|text| !text.is_empty());
        let issuer = claimed("iss").and_then(|iss| Url::parse(&iss).ok());
        let issuer = issuer.as_ref().and_then(Url::host_str).and_then(|host| host.split('.').next()).map(str::to_owned);
        let mut names = claimed("subdomain").into_iter().chain(issuer).peekable();
        if names.peek().is_none() || !names.all(|name| name.eq_ignore_ascii_case(&self.subdomain)) {
            return Err(TokenError::OtherAccount);
        }
        // The vendor's documentation says `client_uid`, its SDK reads `client_uuid`.
        let client = claimed("client_uuid").or_else(|| claimed("client_uid"));
        match (&self.client, client) {
            (Some(ours), Some(theirs)) if *ours != theirs => Err(TokenError::OtherIntegration),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}

fn seconds(value: &Value) -> Option<Timestamp> {
    let text = text_of(value)?;
    let whole = text.split('.').next()?.parse::<i64>().ok()?;
    // Beyond this no calendar goes.
    Some(Timestamp::from_secs(whole.clamp(0, 253_402_300_799)))
}

fn why(kind: &jsonwebtoken::errors::ErrorKind) -> TokenError {
    use jsonwebtoken::errors::ErrorKind;
    // The library may add kinds; what is unknown is foreign.
    if matches!(kind, ErrorKind::InvalidToken | ErrorKind::Base64(_) | ErrorKind::Utf8(_) | ErrorKind::Json(_)) {
        TokenError::Malformed
    } else {
        TokenError::Foreign
    }
}

/// A scalar as text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    const SECRET: &str = "fixture-client-secret-not-real";
    /// When the fixtures' tokens are good; they expire at 1,795,169,100.
    const NOW: Timestamp = Timestamp::from_secs(1_795_168_900);

    fn tokens() -> Tokens {
        Tokens::new(&SecretString::from(SECRET), "fixture", Some("00000000-0000-4000-8000-0000000000aa"))
    }

    fn token_of(fixture: &str) -> String {
        let value: Value = serde_json::from_str(fixture).expect("a fixture is JSON");
        value["token"].as_str().expect("a token").to_owned()
    }

    fn signed(alg: Algorithm, secret: &str, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(alg), claims, &EncodingKey::from_secret(secret.as_bytes())).expect("signed")
    }

    macro_rules! fixture {
        ($name:literal) => {
            include_str!(concat!("../../../tests/fixtures/kommo/", $name, ".json"))
        };
    }

    #[test]
    fn the_fixtures_are_read_as_they_say() {
        for fixture in [fixture!("widget_request"), fixture!("widget_request_hs256")] {
            let caller = tokens().read(&token_of(fixture), NOW).expect("a good token");
            assert_eq!(caller, Caller { account: Some(10_000_001), entity: Some(Entity::Lead(20_000_001)) });
        }
        let bad = tokens().read(&token_of(fixture!("widget_request_bad_signature")), NOW);
        assert_eq!(bad, Err(TokenError::Foreign));
        let late = tokens().read(&token_of(fixture!("widget_request")), NOW + Duration::from_secs(3600));
        assert_eq!(late, Err(TokenError::Expired));
    }

    #[test]
    fn any_of_the_three_algorithms_and_no_other() {
        let claims = json!({"exp": 1_795_169_100, "subdomain": "fixture"});
        for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            assert!(tokens().read(&signed(alg, SECRET, &claims), NOW).is_ok(), "{alg:?}");
        }
        // {"alg":"none"}.{"exp":1795169100,"subdomain":"fixture"}.
        let none = "eyJhbGciOiJub25lIn0.eyJleHAiOjE3OTUxNjkxMDAsInN1YmRvbWFpbiI6ImZpeHR1cmUifQ.";
        assert!(tokens().read(none, NOW).is_err());
        assert_eq!(tokens().read(&signed(Algorithm::HS256, "another", &claims), NOW), Err(TokenError::Foreign));
        for rubbish in ["", "x", "a.b.c", &"x".repeat(10_000)] {
            assert!(tokens().read(rubbish, NOW).is_err(), "{rubbish:.20}");
        }
    }

    #[test]
    fn other_accounts_and_integrations_are_refused_and_a_token_without_an_end_too() {
        let read = |claims: Value| tokens().read(&signed(Algorithm::HS512, SECRET, &claims), NOW);
        let exp = 1_795_169_100;
        assert_eq!(read(json!({"exp": exp, "subdomain": "other"})), Err(TokenError::OtherAccount));
        assert_eq!(read(json!({"exp": exp, "iss": "https://other.kommo.com"})), Err(TokenError::OtherAccount));
        assert_eq!(read(json!({"exp": exp})), Err(TokenError::OtherAccount));
        let two = json!({"exp": exp, "iss": "https://other.kommo.com", "subdomain": "fixture"});
        assert_eq!(read(two), Err(TokenError::OtherAccount));
        assert!(read(json!({"exp": "1795169100", "iss": "https://Fixture.kommo.com"})).is_ok());
        let stranger = json!({"exp": exp, "subdomain": "fixture", "client_uid": "x"});
        assert_eq!(read(stranger), Err(TokenError::OtherIntegration));
        assert_eq!(read(json!({"subdomain": "fixture"})), Err(TokenError::Malformed));
        let customer = json!({"exp": exp, "subdomain": "fixture", "entity_type": 12, "entity_id": "7"});
        assert_eq!(read(customer).expect("good").entity, Some(Entity::Customer(7)));
    }
}
