//! Everything that reads what comes from outside: webhooks, their signatures, links, cookies, what visitors type.

use super::{alone, bounded, json, report};
use aws_lc_rs::hmac;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk::adapters::chatwoot::{AttributeMac, BotId, ParseContext, Parsed, Signed, WebhookSecrets, parse};
use frontdesk::adapters::green_api;
use frontdesk::adapters::web::{Cursor, Draft, Session};
use frontdesk::http::{minimal, page};
use frontdesk::links::{Links, TokenError};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::ids::{ContactKey, ConversationKey};
use frontdesk_actors::ports::VerificationMail;
use frontdesk_actors::testkit::fuzz::{Dice, Fuzz, damage, kind_of};
use frontdesk_actors::time::Timestamp;
use secrecy::SecretString;
use serde_json::Value;
use std::fmt::Debug;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What parsing may take for every byte of a body, and in any case: strings that are kept, and lists of a bounded length.
const PER_BYTE: usize = 4;
const ROOM: usize = 512 * 1024;

/// Every webhook of a vendor that is known.
pub(crate) fn fixtures_of(vendor: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/tests/fixtures/{vendor}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("one").path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "json"));
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("readable")).collect()
}

/// Every webhook of Chatwoot that is known.
fn fixtures() -> Vec<Vec<u8>> {
    let mut bodies = fixtures_of("chatwoot");
    bodies.push(br#"{"event":"message_created","id":1,"content":"Hi","message_type":"incoming"}"#.to_vec());
    bodies
}

fn fuzz(name: &'static str, executions: u64) -> Fuzz {
    Fuzz::new(name, executions, env!("CARGO_TARGET_TMPDIR"))
}

/// The name of a variant, without what it holds.
fn variant(value: &impl Debug) -> String {
    format!("{value:?}").split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn webhooks() {
    let _alone = alone();
    let ctx = ParseContext {
        account: 1,
        inboxes: Vec::new(),
        bot: BotId::default(),
        mac: AttributeMac::new(&SecretString::from(SECRET)),
        trust_plain_attributes: true,
    };
    let ran = fuzz("webhooks", 6_000).run(fixtures(), json::mutate, |body| {
        let parsed = bounded(PER_BYTE * body.len() + ROOM, || parse(body, &ctx));
        let minimal = bounded(PER_BYTE * body.len() + ROOM, || minimal::read(body));
        let what = match parsed {
            Ok(Parsed::Inbound(inbound)) => {
                assert_eq!(inbound.key.account(), "1", "somebody else's account");
                let state = inbound.state.as_ref().map(|state| (state.status, variant(&state.assignee)));
                let proof = inbound.proof.as_ref().map(|proof| proof.by);
                format!("{} {state:?} {proof:?} {}", variant(&inbound.event), inbound.contact.is_some())
            }
            Ok(Parsed::Minimal(minimal)) => format!("minimal {}", minimal.is_from_customer()),
            Ok(Parsed::Ignored(why)) => why.to_owned(),
            Err(error) => variant(&error),
        };
        kind_of(&format!("{what} {}", minimal.is_some()))
    });
    report("webhooks", &ran, 30);
}

#[test]
fn webhooks_of_green_api() {
    let _alone = alone();
    let ctx = green_api::ParseContext { instance: 7_103_000_001, groups: true, handback: Some("/bot".to_owned()) };
    let ran = fuzz("webhooks of GREEN-API", 6_000).run(fixtures_of("green-api"), json::mutate, |body| {
        let what = match bounded(PER_BYTE * body.len() + ROOM, || green_api::parse(body, &ctx)) {
            Ok(green_api::Parsed::Inbound(inbound)) => {
                assert_eq!(inbound.key.account(), "7103000001", "somebody else's instance");
                assert!(ConversationKey::parse(inbound.key.as_str()).is_some(), "a key that cannot be read back");
                format!("{} {}", variant(&inbound.event), inbound.contact.is_some())
            }
            Ok(green_api::Parsed::Health(health)) => format!("{health:?}"),
            Ok(green_api::Parsed::Ignored(why)) => why.to_owned(),
            Err(error) => format!("{error:?}"),
        };
        kind_of(&what)
    });
    report("webhooks of GREEN-API", &ran, 15);
}

/// Signs a webhook with the body `{}`, as Chatwoot does.
fn signature(secret: &str, timestamp: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("sha256={}", hex::encode(hmac::sign(&key, format!("{timestamp}.{{}}").as_bytes())))
}

/// Nothing but what one of the secrets signed, just now, is believed.
#[test]
fn signatures() {
    let _alone = alone();
    let secrets = WebhookSecrets::new(&[SecretString::from("first"), SecretString::from("second")]);
    let now = Timestamp::from_secs(1_790_000_000);
    let genuine = |secret, timestamp| format!("{timestamp}\n{}", signature(secret, timestamp)).into_bytes();
    let corpus = vec![genuine("first", "1790000000"), genuine("second", "1789999701"), genuine("third", "1790000000")];
    let ran = fuzz("signatures", 20_000).run(corpus, bytes, |input| {
        let text = String::from_utf8_lossy(input);
        let (timestamp, claimed) = text.split_once('\n').unwrap_or((&text, ""));
        let webhook = Signed { timestamp: Some(timestamp), signature: Some(claimed), body: b"{}" };
        let verdict = bounded(ROOM, || secrets.verify(&webhook, now));
        let is_genuine = ["first", "second"].iter().any(|secret| {
            let said = claimed.strip_prefix("sha256=").map(str::to_ascii_lowercase);
            said.as_deref() == signature(secret, timestamp).strip_prefix("sha256=")
        });
        assert!(verdict.is_err() || is_genuine, "a signature that nobody made is believed");
        kind_of(&variant(&verdict))
    });
    report("signatures", &ran, 2);
}

fn bytes(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = dice.pick(corpus).clone();
    let other = dice.pick(corpus);
    for _ in 0..=dice.below(4) {
        damage(dice, &mut input, other);
    }
    input.truncate(64 * 1024);
    input
}

fn links() -> Links {
    let url = "https://desk.example.com".parse().expect("an address");
    Links::new(&SecretString::from(SECRET), &url).expect("a secret that is long enough")
}

fn mail() -> VerificationMail {
    let issued = Timestamp::from_secs(1_790_000_000);
    VerificationMail {
        key: ConversationKey::new("chatwoot", 1, 57),
        contact: Some(ContactKey::new("chatwoot", 1, 412)),
        address: "dana@example.com".to_owned(),
        lang: Lang::En,
        challenge: "c-8f2a".to_owned(),
        code: "123456".to_owned(),
        issued,
        expires: issued + std::time::Duration::from_secs(86_400),
    }
}

/// Changes a token: its bytes, or its claims, signed anew as only we could, or its header.
fn tokens(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut token = dice.pick(corpus).clone();
    if dice.one_in(3) {
        let other = dice.pick(corpus);
        damage(dice, &mut token, other);
        return token;
    }
    let text = String::from_utf8_lossy(&token).into_owned();
    let part = |at: usize| URL_SAFE_NO_PAD.decode(text.split('.').nth(at)?).ok();
    let document = |at: usize| part(at).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let (Some(mut head), Some(mut claims)) = (document(0), document(1)) else { return token };
    let (same_head, same_claims) = (head.clone(), claims.clone());
    if dice.one_in(5) {
        json::change(dice, &mut head, &same_claims);
        if dice.one_in(2) {
            head["alg"] = ["none", "HS384", "RS256", "hs256", ""][dice.below(5)].into();
        }
    } else {
        json::change(dice, &mut claims, &same_head);
    }
    sign(&head.to_string(), &claims.to_string()).into_bytes()
}

fn sign(head: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let seal = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(seal))
}

#[test]
fn verification_links() {
    let _alone = alone();
    let links = links();
    let genuine = links.sign(&mail());
    let now = mail().issued;
    let ran = fuzz("links", 10_000).run(vec![genuine.into_bytes()], tokens, |input| {
        let token = String::from_utf8_lossy(input);
        let read = bounded(16 * token.len() + ROOM, || links.read(&token, now));
        if let Ok(claims) | Err(TokenError::Expired(claims)) = &read {
            let (message, seal) = token.rsplit_once('.').expect("a token has three parts");
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
            let seal = URL_SAFE_NO_PAD.decode(seal).expect("a seal");
            assert!(hmac::verify(&key, message.as_bytes(), &seal).is_ok(), "believed without our seal");
            assert_eq!(ConversationKey::parse(claims.conversation.as_str()).as_ref(), Some(&claims.conversation));
        }
        kind_of(&match &read {
            Ok(claims) => format!("good {} {}", claims.contact.is_some(), claims.issued == now),
            Err(error) => variant(error),
        })
    });
    report("links", &ran, 4);
}

/// What visitors and their browsers send beside bodies.
#[test]
fn texts_and_headers() {
    let _alone = alone();
    let session = format!("theme=dark; {}={}", frontdesk::adapters::web::COOKIE, "0123456789abcdef".repeat(2));
    let corpus = vec![
        session.into_bytes(),
        b"kk-KZ,ru;q=0.8,en;q=0.5".to_vec(),
        b"[::1]:8080".to_vec(),
        b"12-18446744073709551615".to_vec(),
        "chatwoot:1:57".into(),
        "Do you ship to Norway? \u{202e}\u{0}\r\n\t".into(),
    ];
    let ran = fuzz("texts", 20_000).run(corpus, bytes, |input| {
        let text = String::from_utf8_lossy(input);
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(input) {
            for name in [header::COOKIE, header::HOST, header::ACCEPT_LANGUAGE] {
                headers.insert(name, value.clone());
            }
        }
        bounded(16 * text.len() + ROOM, || {
            let draft = Draft::new(&text).map(|draft| draft.with_id(Some(&text)));
            let known = Session::from_cookies(&text).map(|session| session.key());
            assert!(known.is_none_or(|key| ConversationKey::parse(key.as_str()).is_some()));
            let key = ConversationKey::parse(&text);
            assert!(key.as_ref().is_none_or(|key| key.as_str() == text), "a key is what was said");
            let found = (
                draft.is_ok(),
                minimal::session_of(&headers).is_some(),
                page::names_loopback(&Uri::from_static("/"), &headers),
                text.parse::<Cursor>().is_ok(),
                key.is_some(),
            );
            kind_of(&format!("{found:?}"))
        })
    });
    report("texts", &ran, 6);
}
