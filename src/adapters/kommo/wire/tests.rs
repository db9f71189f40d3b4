use super::*;
use proptest::prelude::*;

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
