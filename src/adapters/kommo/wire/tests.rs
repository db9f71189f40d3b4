use super::*;
use crate::adapters::kommo::access::{Integration, request_of};
use crate::adapters::kommo::reply::{Answer, body};
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/fixtures/kommo/", $name))
    };
}

fn base() -> Url {
    Url::parse("https://fixture.kommo.com").expect("an address")
}

#[test]
fn json_and_form_are_the_same_request() {
    let json = WidgetRequest::read(fixture!("widget_request.json").as_bytes()).expect("readable");
    let form = WidgetRequest::read(fixture!("widget_request.form").as_bytes()).expect("readable");
    assert!(json == form);
    assert_eq!(json.message(), "Hello, do you ship to Lisbon?");
    assert_eq!((json.field("contact_id"), json.field("nothing")), (Some("30000001"), None));
    assert_eq!(json.place(&base()).expect("ours").0, "https://fixture.kommo.com/api/v4/salesbot/40001/continue/50001");
}

#[test]
fn our_token_goes_nowhere_else() {
    let foreign = WidgetRequest::read(fixture!("widget_request_foreign_return_url.json").as_bytes()).expect("readable");
    assert_eq!(foreign.place(&base()), Err(WireError::ForeignReturn));
    for bad in [
        "http://fixture.kommo.com/api/v4/salesbot/1/continue/1",
        "https://fixture.kommo.com.evil.test/api/v4/salesbot/1/continue/1",
        "https://evil.test/https://fixture.kommo.com/api/v4/salesbot/1/continue/1",
        "https://fixture.kommo.com@evil.test/api/v4/salesbot/1/continue/1",
        "https://user@fixture.kommo.com/api/v4/salesbot/1/continue/1",
        "https://fixture.kommo.com:8443/api/v4/salesbot/1/continue/1",
        "https://fixture.kommo.com/api/v4/leads",
        "https://fixture.kommo.com/api/v4/salesbot/../leads/continue/",
        "file:///etc/passwd",
        "",
    ] {
        assert_eq!(return_address(&base(), bad), Err(WireError::ForeignReturn), "{bad}");
    }
    assert!(return_address(&base(), "https://FIXTURE.kommo.com/api/v4/marketingbot/1/continue/2").is_ok());
}

#[test]
fn what_is_missing_or_rubbish_is_refused() {
    assert_eq!(WidgetRequest::read(b"{}"), Err(WireError::NoReturn));
    assert_eq!(WidgetRequest::read(b"token=x"), Err(WireError::NoReturn));
    for rubbish in [&b""[..], b"{", b"[]", b"<html>", b"\xff\xfe=", b"hello"] {
        assert_eq!(WidgetRequest::read(rubbish), Err(WireError::Unreadable), "{rubbish:?}");
    }
    let odd = br#"{"token":1,"data":"{\"message\":5}","return_url":"x"}"#;
    assert_eq!(WidgetRequest::read(odd).expect("readable").message(), "5");
}

#[test]
fn account_webhooks_are_read_from_their_php_keys() {
    let event = AccountEvent::read(fixture!("incoming_chat_webhook.form").as_bytes()).expect("readable");
    assert_eq!((event.account, event.subdomain.as_deref()), (Some(10_000_001), Some("fixture")));
    let message = &event.messages[0];
    assert!(!message.is_outgoing());
    assert_eq!(message.field("text"), Some("Hello, do you ship to Lisbon?"));
    assert_eq!((message.field("author[type]"), message.field("entity_id")), (Some("external"), Some("20000001")));
    let voice = fixture!("incoming_chat_webhook_voice_no_entity.form");
    let voice = AccountEvent::read(voice.as_bytes()).expect("readable");
    assert_eq!(
        (voice.messages[0].field("entity_id"), voice.messages[0].field("attachment[type]")),
        (None, Some("voice"))
    );
    let outgoing = b"message[add_outgoing][0][id]=a&message[add_outgoing][0][text]=hi&message[add][0][type]=incoming";
    let outgoing = AccountEvent::read(outgoing).expect("readable");
    assert_eq!(outgoing.messages.iter().filter(|message| message.is_outgoing()).count(), 1);
}

/// The documented answers, and what of them the desk sends: the same places for the same things.
#[test]
fn requests_and_answers_are_as_the_fixtures_show_them() {
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("a fixture is JSON");
    let integration = Integration {
        client_id: "00000000-0000-4000-8000-0000000000aa".to_owned(),
        client_secret: "fixture-client-secret-not-real".into(),
        redirect_uri: "https://bot.example.test/oauth/kommo".parse().expect("an address"),
    };
    let grant = json!({ "grant_type": "refresh_token", "refresh_token": "fixture-refresh-token" });
    assert_eq!(request_of(&integration, &grant), json(fixture!("oauth_token_request.json")));
    // The vendor refuses such an answer; the desk cuts the same text.
    let refused = json(fixture!("return_url_reply_over_limit_80.json"));
    assert_eq!(frontdesk_sandbox::kommo::shown(&refused), None);
    let text = refused["execute_handlers"][0]["params"]["value"].as_str().expect("a text");
    let ours = body(Answer::Says(text));
    assert_eq!(frontdesk_sandbox::kommo::shown(&ours).map(|shown| shown.concat()).as_deref(), Some(text));
    assert_eq!(ours["data"]["status"], refused["data"]["status"]);
    // A long text stands where the next step shows it.
    let long = json(fixture!("return_url_reply_data_only.json"));
    let text = long["data"]["reply"].as_str().expect("a text").repeat(20);
    let ours = body(Answer::Says(&text));
    assert_eq!((&ours["data"]["reply"], &ours["data"]["status"]), (&json!(text), &long["data"]["status"]));
    assert!(ours.get("execute_handlers").is_none() && long.get("execute_handlers").is_none());
}

/// The bot that is shipped asks, and branches, as the vendor's own sample does.
#[test]
fn the_shipped_salesbot_has_the_steps_of_the_fixture() {
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let sample = json(fixture!("salesbot_steps.json"));
    let ours = json(include_str!("../../../../widgets/kommo/salesbot.json"));
    let asks = |bot: &Value| bot[0]["question"][0].clone();
    assert_eq!(asks(&ours)["handler"], asks(&sample)["handler"]);
    for (name, placeholder) in asks(&sample)["params"]["data"].as_object().expect("fields") {
        assert_eq!(&asks(&ours)["params"]["data"][name], placeholder, "{name}");
    }
    assert_eq!(ours[0]["question"][1], sample[0]["question"][1], "the answer is waited for in the next step");
    let last = |bot: &Value| bot.as_array().and_then(|steps| steps.last().cloned()).expect("steps")["question"].clone();
    assert_eq!(last(&ours)[0], last(&sample)[0], "success has an exit of its own");
    let ends = |bot: &Value| last(bot).as_array().and_then(|handlers| handlers.last().cloned());
    assert_eq!(ends(&ours), ends(&sample), "whatever else was answered leaves by `fail`");
    // Which the desk never answers: that a person has the chat has an exit of its own.
    let failed = json(fixture!("return_url_reply_fail.json"));
    for answer in [Answer::Says("x"), Answer::HandsOver("x"), Answer::WithPerson, Answer::Nothing] {
        assert_ne!(body(answer)["data"]["status"], failed["data"]["status"], "{answer:?}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_the_readers_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = WidgetRequest::read(&body);
        let _ = AccountEvent::read(&body);
    }

    #[test]
    fn nothing_like_a_form_makes_them_panic(body in "[a-z\\[\\]=&%0-9]{0,200}") {
        let _ = WidgetRequest::read(body.as_bytes());
        let _ = AccountEvent::read(body.as_bytes());
    }
}
