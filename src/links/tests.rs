//! What must be true of a verification link.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk_actors::domain::Lang;
use std::time::Duration;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn links_with(secret: &str, url: &str) -> Links {
    Links::new(&SecretString::from(secret), &Url::parse(url).unwrap()).unwrap()
}

fn links() -> Links {
    links_with(SECRET, "https://desk.example.com")
}

fn issued() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

fn mail() -> VerificationMail {
    VerificationMail {
        key: ConversationKey::new("chatwoot", 1, 57),
        contact: Some(ContactKey::new("chatwoot", 1, 412)),
        address: "Dana@Example.com".to_owned(),
        lang: Lang::En,
        challenge: "c-8f2a".to_owned(),
        code: "123456".to_owned(),
        issued: issued(),
        expires: issued() + Duration::from_secs(86_400),
    }
}

/// Signs any claims with any header, as somebody who knows `secret` could.
fn forge(secret: &str, header: &Header, claims: &serde_json::Value) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn good_claims() -> serde_json::Value {
    let payload = links().sign(&mail()).split('.').nth(1).unwrap().to_owned();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn a_link_is_read_back_as_signed() {
    let claims = links().read(&links().sign(&mail()), issued()).unwrap();
    assert_eq!(claims.conversation, mail().key);
    assert_eq!(claims.contact, mail().contact);
    assert_eq!(claims.challenge, "c-8f2a");
    assert_eq!(claims.address_digest, links().address_digest(" dana@example.COM "));
    assert_eq!((claims.issued, claims.expires), (mail().issued, mail().expires));
}

#[test]
fn the_url_carries_the_token_and_neither_address_nor_code() {
    let url = links_with(SECRET, "https://desk.example.com/front/?x=1#y").url(&mail());
    assert_eq!(url.path(), "/front/verify");
    let (name, token) = url.query_pairs().next().unwrap();
    assert_eq!(name, "token");
    assert!(links().read(&token, issued()).is_ok());
    let payload = good_claims().to_string().to_lowercase();
    assert!(!payload.contains("dana") && !payload.contains("123456"), "{payload}");
    assert!(url.as_str().len() < 600, "{}", url.as_str().len());
}

#[test]
fn it_expires_by_the_callers_clock_to_the_second() {
    let token = links().sign(&mail());
    assert!(links().read(&token, Timestamp::from_millis(mail().expires.as_millis() - 1)).is_ok());
    let Err(TokenError::Expired(claims)) = links().read(&token, mail().expires) else { panic!("must have expired") };
    assert_eq!(claims.conversation, mail().key);
}

#[test]
fn a_link_lives_a_day_to_the_second_whatever_the_fraction_in_which_it_was_made() {
    let half = Duration::from_millis(500);
    let mail = VerificationMail { issued: mail().issued + half, expires: mail().expires + half, ..mail() };
    let claims = links().read(&links().sign(&mail), issued()).unwrap();
    assert_eq!(claims.expires.since(claims.issued), Duration::from_secs(86_400));
    assert!(claims.expires >= mail.expires);
}

#[test]
fn any_changed_byte_is_refused() {
    let token = links().sign(&mail());
    for index in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        let error = links().read(&changed, issued()).unwrap_err();
        assert!(matches!(error, TokenError::Malformed | TokenError::Foreign), "{index}: {error:?}");
    }
}

#[test]
fn claims_cannot_be_swapped_under_the_signature() {
    let token = links().sign(&mail());
    let mut claims = good_claims();
    claims["exp"] = 9_999_999_999_i64.into();
    let parts: Vec<&str> = token.split('.').collect();
    let swapped = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2]);
    assert_eq!(links().read(&swapped, issued()), Err(TokenError::Foreign));
}

#[test]
fn only_hs256_is_read() {
    let unsigned = |alg: &str, signature: &str| {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#));
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(good_claims().to_string()))
    };
    for token in [
        unsigned("none", ""),
        unsigned("None", ""),
        unsigned("none", "AAAA"),
        unsigned("RS256", "AAAA"),
        unsigned("ES256", "AAAA"),
        unsigned("HS256", ""),
        forge(SECRET, &Header::new(Algorithm::HS512), &good_claims()),
        forge(SECRET, &Header::new(Algorithm::HS384), &good_claims()),
    ] {
        let error = links().read(&token, issued()).unwrap_err();
        assert!(matches!(error, TokenError::Malformed | TokenError::Foreign), "{token}: {error:?}");
    }
    assert!(links().read(&forge(SECRET, &Header::new(Algorithm::HS256), &good_claims()), issued()).is_ok());
}

#[test]
fn tokens_of_another_secret_issuer_or_audience_are_foreign() {
    let other = links_with("ffffffffffffffffffffffffffffffff", "https://desk.example.com");
    assert_eq!(links().read(&other.sign(&mail()), issued()), Err(TokenError::Foreign));
    for (claim, value) in [("aud", "session"), ("iss", "somebody"), ("key", "not a key")] {
        let mut claims = good_claims();
        claims[claim] = value.into();
        let token = forge(SECRET, &Header::new(Algorithm::HS256), &claims);
        assert_eq!(links().read(&token, issued()), Err(TokenError::Foreign), "{claim}");
    }
    let mut claims = good_claims();
    claims.as_object_mut().unwrap().remove("exp");
    assert!(links().read(&forge(SECRET, &Header::new(Algorithm::HS256), &claims), issued()).is_err());
}

#[test]
fn rubbish_is_malformed_and_long_rubbish_is_not_even_parsed() {
    let long = format!("{}{}", links().sign(&mail()), "A".repeat(LONGEST_TOKEN));
    for token in ["", ".", "..", "a.b", "a.b.c", "\u{0}\u{ff}", "не токен", long.as_str()] {
        assert_eq!(links().read(token, issued()), Err(TokenError::Malformed), "{token:?}");
    }
}

#[test]
fn digests_are_keyed_and_ignore_case() {
    let other = links_with("ffffffffffffffffffffffffffffffff", "https://desk.example.com");
    assert_eq!(links().address_digest("ДАНА@example.com"), links().address_digest("дана@EXAMPLE.com"));
    assert_ne!(links().address_digest("a@example.com"), links().address_digest("b@example.com"));
    assert_ne!(links().address_digest("a@example.com"), other.address_digest("a@example.com"));
}

#[test]
fn bad_settings_say_what_to_do() {
    let new = |secret: &str, url: &str| Links::new(&SecretString::from(secret), &Url::parse(url).unwrap());
    let short = new("short", "https://desk.example.com").unwrap_err();
    assert!(short.to_string().contains("openssl rand"), "{short}");
    assert_eq!(new(SECRET, "mailto:desk@example.com").unwrap_err(), LinksError::PublicUrl);
    assert!(!format!("{:?}", links()).contains(SECRET));
}
