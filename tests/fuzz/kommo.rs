//! What comes to Kommo's ways in: requests of salesbots as JSON and as forms, their tokens signed anew as only Kommo could,
//! and events of the account.

use super::{alone, bounded, json, report};
use frontdesk::adapters::kommo::{Edge, Refused, Settings};
use frontdesk_actors::domain::Inbound;
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::testkit::fuzz::{Dice, Fuzz, damage, kind_of};
use frontdesk_actors::testkit::{ManualClock, MemoryStore};
use frontdesk_actors::time::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded;

const SECRET: &str = "fixture-client-secret-not-real";
const HOOK: &str = "a-webhook-secret-of-some-length";

/// When the fixtures' tokens are good.
const NOW: Timestamp = Timestamp::from_secs(1_795_168_900);

/// What reading may take for every byte of a body, which becomes a tree of values, and in any case.
const PER_BYTE: usize = 48;
const ROOM: usize = 1024 * 1024;

fn fixtures() -> Vec<Vec<u8>> {
    let names = [
        "widget_request.json",
        "widget_request_hs256.json",
        "widget_request_bad_signature.json",
        "widget_request_foreign_return_url.json",
        "widget_request.form",
        "incoming_chat_webhook.form",
        "incoming_chat_webhook_voice_no_entity.form",
    ];
    let folder = format!("{}/tests/fixtures/kommo", env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read(format!("{folder}/{name}")).expect("a fixture");
    let outgoing = "account[subdomain]=fixture&account[id]=10000001&message[add][0][type]=outgoing&message[add][0][text]=Hi\
                    &message[add][0][entity_type]=lead&message[add][0][entity_id]=20000001&message[add][0][author][type]=x";
    let also =
        outgoing.replace("message[add]", "message[add_outgoing]").replace("entity_type]=lead", "entity_type]=12");
    let bodies = names.iter().map(|name| read(name)).chain([outgoing.into(), also.into_bytes()]);
    bodies.collect()
}

/// Changes a body, or the claims of its token, signed anew; or makes a form of what was JSON.
fn mutate(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = dice.pick(corpus).clone();
    let Ok(mut request) = serde_json::from_slice::<Value>(&input) else {
        let other = dice.pick(corpus).clone();
        for _ in 0..=dice.below(3) {
            damage(dice, &mut input, &other);
        }
        return input;
    };
    if dice.one_in(2) {
        return json::mutate(dice, corpus);
    }
    let token = request["token"].as_str().unwrap_or_default();
    let read = jsonwebtoken::dangerous::insecure_decode_claims::<Map<String, Value>>(token);
    let mut claims = read.map_or(Value::Null, Value::Object);
    let same = request.clone();
    json::change(dice, &mut claims, &same);
    let algorithm = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512][dice.below(3)];
    let signed = jsonwebtoken::encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(SECRET.as_bytes()));
    request["token"] = signed.unwrap_or_default().into();
    if dice.one_in(2) { form(&request) } else { request.to_string().into_bytes() }
}

fn form(request: &Value) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in request.as_object().into_iter().flatten() {
        if let Value::Object(fields) = value {
            fields.iter().for_each(|(field, value)| {
                form.append_pair(&format!("{name}[{field}]"), value.as_str().unwrap_or_default());
            });
        } else {
            form.append_pair(name, value.as_str().unwrap_or_default());
        }
    }
    form.finish().into_bytes()
}

fn refused(refused: &Refused) -> String {
    match refused {
        Refused::Token(error) => format!("{error:?}"),
        Refused::Wire(error) => format!("{error:?}"),
        Refused::Secret | Refused::OtherAccount | Refused::Store(_) => format!("{refused:?}"),
    }
}

/// Whatever is believed is of our account, has a key that can be read back, and is answered at Kommo's own host.
fn sound(inbound: &Inbound) -> String {
    assert_eq!(inbound.key.account(), "fixture", "somebody else's account");
    assert!(ConversationKey::parse(inbound.key.as_str()).is_some(), "a key that cannot be read back");
    assert_eq!(inbound.inbox, "kommo");
    if let Some(place) = &inbound.reply {
        let url: url::Url = place.0.parse().expect("an address");
        assert_eq!((url.scheme(), url.host_str()), ("https", Some("fixture.kommo.com")), "our token would go there");
    }
    let event = format!("{:?}", inbound.event);
    let event = event.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    format!("{event} {} {} {}", inbound.key.id().len(), inbound.contact.is_some(), inbound.reply.is_some())
}

#[test]
fn webhooks_of_kommo() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _within = runtime.enter();
    let clock = Arc::new(ManualClock::starting_at(NOW));
    let settings = Settings {
        subdomain: "fixture".to_owned(),
        base_url: "https://fixture.kommo.com".parse().expect("an address"),
        oauth_url: "https://www.kommo.com/oauth".parse().expect("an address"),
        client_secret: SECRET.into(),
        client_id: Some("00000000-0000-4000-8000-0000000000aa".to_owned()),
        token: None,
        integration: None,
        webhook_secret: Some(HOOK.into()),
        timeout: Duration::from_secs(1),
    };
    let edge = Edge::new(settings, Arc::new(MemoryStore::new(clock.clone())), clock);
    let fuzz = Fuzz::new("webhooks of Kommo", 5_000, env!("CARGO_TARGET_TMPDIR"));
    let ran = fuzz.run(fixtures(), mutate, |body| {
        let room = PER_BYTE * body.len() + ROOM;
        let request = bounded(room, || runtime.block_on(edge.request(body)));
        let events = bounded(room, || runtime.block_on(edge.webhook(HOOK, body)));
        assert!(runtime.block_on(edge.webhook("another", body)).is_err(), "believed without the secret");
        let request = request.as_ref().map_or_else(refused, sound);
        let events = events.as_ref().map_or_else(refused, |events| events.iter().map(sound).collect());
        kind_of(&format!("{request} {events}"))
    });
    report("webhooks of Kommo", &ran, 15);
}
