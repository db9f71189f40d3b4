//! Every fixture becomes what the table in `docs/green-api-wire.md` says.

use super::support::{Backing, DANA, Shop};
use frontdesk::adapters::green_api::{Health, InstanceState, ParseContext, ParseError, Parsed, parse};
use frontdesk_actors::domain::{Event, Inbound, Order, VoiceSource};
use frontdesk_actors::ids::MessageId;
use frontdesk_sandbox::green_api::{GreenDouble, INSTANCE, Options, TOKEN};
use serde_json::{Value, json};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/green-api")
}

fn fixture(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).expect("the fixture is there");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

fn context() -> ParseContext {
    ParseContext { instance: 7_103_000_001, groups: false, handback: Some("/bot".to_owned()) }
}

fn read_as(body: &Value, context: &ParseContext) -> Result<Parsed, ParseError> {
    parse(body.to_string().as_bytes(), context)
}

fn read(name: &str) -> Parsed {
    read_as(&fixture(name), &context()).expect("it can be read")
}

fn inbound(parsed: Parsed) -> Inbound {
    match parsed {
        Parsed::Inbound(inbound) => *inbound,
        parsed @ (Parsed::Health(_) | Parsed::Ignored(_)) => panic!("no event of a conversation: {parsed:?}"),
    }
}

/// Returns what a fixture becomes, in one line.
fn meaning(parsed: Parsed) -> String {
    let event = match parsed {
        Parsed::Health(Health::State(state)) => return format!("health {}", state.name()),
        Parsed::Health(Health::QuotaUsed) => return "health quota".to_owned(),
        Parsed::Health(Health::QuotaLeft) => return "not expected of a fixture".to_owned(),
        Parsed::Ignored(why) => return format!("ignored: {why}"),
        Parsed::Inbound(inbound) => inbound.event,
    };
    match event {
        Event::CustomerWrote(message) => {
            let voice = match message.voice.map(|voice| voice.source) {
                None => "",
                Some(VoiceSource::Url(_)) => " voice",
                Some(VoiceSource::TooLarge) => " voice too large",
                Some(VoiceSource::Unreadable) => " voice unreadable",
            };
            format!("customer {:?} +{}{voice}", message.text, message.attachments)
        }
        Event::PersonWrote { text, .. } => format!("person {text:?}"),
        Event::Carried { text, .. } => format!("carried {text:?}"),
        Event::Fared { reached, .. } => format!("fared {reached}"),
        Event::Edited { text, .. } => format!("edited {text:?}"),
        Event::Deleted { .. } => "deleted".to_owned(),
        Event::Ordered { .. }
        | Event::OtherWrote { .. }
        | Event::Echo { .. }
        | Event::Assigned
        | Event::StateChanged
        | Event::StatusChanged { .. }
        | Event::Missed { .. } => "not expected of a fixture".to_owned(),
    }
}

/// What the desk sends has the names and kinds of the documented requests, and the double answers as the vendor does.
#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_are_as_the_fixtures_show_them() -> anyhow::Result<()> {
    let mut shop = Shop::build(Backing::Embedded).await?;
    shop.daemon.set("GREEN_TYPING", "5s");
    shop.daemon.start().await?;
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears("Lisbon").await?;
    // Notifications of another instance, as it hands them out; then it is set up.
    let fresh = GreenDouble::start(Options::default()).await?;
    let call = async |method: reqwest::Method, path: &str| -> anyhow::Result<Value> {
        let url = format!("{}/waInstance{INSTANCE}/{path}", fresh.base_url());
        Ok(shop.daemon.http().request(method, url).send().await?.json().await?)
    };
    let receive = format!("receiveNotification/{TOKEN}?receiveTimeout=5");
    anyhow::ensure!(call(reqwest::Method::GET, &receive).await? == fixture("receive_notification_empty"));
    fresh.notify(fixture("incoming_text").to_string());
    let head = call(reqwest::Method::GET, &receive).await?;
    let documented = fixture("receive_notification");
    anyhow::ensure!(
        head["body"] == documented["body"] && head["receiptId"].is_u64() == documented["receiptId"].is_u64()
    );
    let delete = format!("deleteNotification/{TOKEN}/{}", head["receiptId"]);
    let deleted = call(reqwest::Method::DELETE, &delete).await?;
    anyhow::ensure!(deleted == fixture("delete_notification_response"), "{deleted}");
    shop.daemon.set("GREEN_API_URL", fresh.base_url());
    let (ok, said) = shop.command(&["green-api", "setup", "--yes"])?;
    anyhow::ensure!(ok, "{said}");
    let stored = fresh.see(|world| world.settings()["webhookUrlToken"].clone());
    anyhow::ensure!(stored.as_str().is_some_and(|token| token.starts_with("Bearer ")), "with a scheme: {stored}");
    // What the fixture has no example of, or the desk does not set.
    let (new, unused) = (["editedMessageWebhook", "deletedMessageWebhook"], ["delaySendMessagesMilliseconds"]);
    for (at, method, name, more, less) in [
        (&fresh, "setSettings", "set_settings_request", &new[..], &unused[..]),
        (&shop.green, "sendMessage", "send_message_request", &[][..], &["quotedMessageId"][..]),
    ] {
        let documented = fixture(name);
        let sent = at.see(|world| world.requests(method)).pop().expect("it was sent").body;
        let kind = |value: &Value| std::mem::discriminant(value);
        for (key, value) in sent.as_object().expect("an object") {
            let known = documented.get(key).is_some_and(|of| kind(of) == kind(value));
            anyhow::ensure!(known || more.contains(&key.as_str()), "{method}: {key} is not documented so");
        }
        for key in documented.as_object().expect("an object").keys() {
            anyhow::ensure!(sent.get(key).is_some() || less.contains(&key.as_str()), "{method}: {key} is missing");
        }
    }
    Ok(())
}

#[test]
fn every_fixture_has_its_meaning() {
    let table = [
        ("incoming_text", "customer \"Hello, do you ship to Lisbon?\" +0"),
        ("incoming_text_minimal", "customer \"second bubble\" +0"),
        ("incoming_text_undecrypted", "customer \"\" +1"),
        ("incoming_text_lid", "customer \"written while enableLidMode=yes\" +0"),
        ("incoming_extended_text", "customer \"Is this one in stock? https://shop.example.test/p/42\" +0"),
        ("incoming_quoted_text", "customer \"Yes, that one please\" +0"),
        ("incoming_image_caption", "customer \"It arrived broken, see the corner\" +1"),
        ("incoming_audio_voice", "customer \"\" +1 voice"),
        ("incoming_audio_too_large", "customer \"\" +1 voice too large"),
        ("incoming_mp3_as_document", "customer \"\" +1 voice"),
        ("incoming_reaction", "ignored: a reaction"),
        ("incoming_edited", "edited \"Hello, do you ship to Porto?\""),
        ("incoming_deleted", "deleted"),
        ("incoming_group_text", "ignored: a group; see green_api.groups"),
        ("incoming_call", "ignored: a call"),
        ("outgoing_phone_message", "person \"Hi Dana, Kim here, I take over\""),
        ("outgoing_api_message", "carried \"Yes, we ship to Lisbon in three days.\""),
        ("outgoing_status", "fared true"),
        ("outgoing_status_read", "fared true"),
        ("outgoing_status_failed", "fared false"),
        ("outgoing_status_no_account", "fared false"),
        ("quota_exceeded", "health quota"),
        ("state_change", "health notAuthorized"),
        ("state_change_suspended", "health suspended"),
        ("state_change_yellow_card_legacy", "health suspended"),
    ];
    for (name, meant) in table {
        assert_eq!(meaning(read(name)), meant, "{name}");
    }
    // No fixture of a webhook is left out.
    for entry in std::fs::read_dir(folder()).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|name| *name != "README") else {
            continue;
        };
        let is_webhook = fixture(name).get("typeWebhook").is_some();
        assert_eq!(is_webhook, table.iter().any(|(known, _)| *known == name), "{name}");
    }
}

#[test]
fn a_polled_notification_holds_what_the_webhook_would() {
    let notification = fixture("receive_notification");
    assert_eq!(notification["body"], fixture("incoming_text"));
}

#[test]
fn messages_and_what_is_told_of_them_later_have_the_same_id() {
    let told = |name| inbound(read(name)).event;
    let Event::CustomerWrote(first) = told("incoming_text") else { panic!("a message") };
    let Event::Edited { id: edited, .. } = told("incoming_edited") else { panic!("an edit") };
    let Event::Deleted { id: deleted } = told("incoming_deleted") else { panic!("a deletion") };
    assert_eq!([edited.unique, deleted.unique], [first.id.unique; 2]);
    let Event::Carried { id: echo, .. } = told("outgoing_api_message") else { panic!("an echo") };
    let Event::Fared { id: status, .. } = told("outgoing_status") else { panic!("a status") };
    let answered = fixture("send_message_response")["idMessage"].as_str().map(MessageId::named).expect("an id");
    assert_eq!([echo.unique, status.unique], [answered.unique; 2]);
    assert_eq!((first.id.order, answered.order), (1_795_168_801, 0));
}

#[test]
fn the_customer_is_named_by_their_own_messages_only() {
    let lid = inbound(read("incoming_text_lid"));
    assert_eq!(lid.key.as_str(), "green-api:7103000001:100000000000042@lid");
    let text = inbound(read("incoming_text"));
    assert_eq!(text.key.as_str(), "green-api:7103000001:15550100042@c.us");
    assert_eq!((text.inbox.as_str(), text.state.is_none()), ("7103000001", true));
    let contact = text.contact.expect("a contact");
    assert_eq!((contact.name.as_deref(), contact.key.id()), (Some("Dana (lead)"), "15550100042@c.us"));
    assert_eq!(inbound(read("outgoing_phone_message")).contact, None, "our own name stands there");
}

#[test]
fn a_word_of_the_phone_gives_back_and_groups_are_answered_where_wanted() {
    let mut body = fixture("outgoing_phone_message");
    body["messageData"]["textMessageData"]["textMessage"] = json!(" /BOT ");
    let parsed = read_as(&body, &context()).expect("readable");
    assert!(matches!(inbound(parsed).event, Event::Ordered { order: Order::Bot, .. }));
    let groups = ParseContext { groups: true, ..context() };
    let group = inbound(read_as(&fixture("incoming_group_text"), &groups).expect("readable"));
    assert_eq!(group.key.id(), "120363000000000001@g.us");
    let mut status = fixture("incoming_text");
    status["senderData"]["chatId"] = json!("status@broadcast");
    assert!(matches!(read_as(&status, &groups), Ok(Parsed::Ignored(_))));
}

#[test]
fn every_kind_of_message_is_decided() {
    let unreadable = "customer \"\" +1";
    let kinds = [
        ("stickerMessage", "ignored: a sticker"),
        ("pollUpdateMessage", "ignored: a vote"),
        ("videoMessage", unreadable),
        ("locationMessage", unreadable),
        ("contactMessage", unreadable),
        ("contactsArrayMessage", unreadable),
        ("pollMessage", unreadable),
        ("buttonsMessage", unreadable),
        ("listMessage", unreadable),
        ("templateMessage", unreadable),
        ("groupInviteMessage", unreadable),
        ("orderMessage", unreadable),
        ("productMessage", unreadable),
        ("interactiveButtonsReply", unreadable),
        ("somethingOfNextYear", unreadable),
    ];
    for (kind, meant) in kinds {
        let mut body = fixture("incoming_text");
        body["messageData"] = json!({ "typeMessage": kind });
        assert_eq!(meaning(read_as(&body, &context()).expect("readable")), meant, "{kind}");
    }
    for kind in ["statusInstanceChanged", "deviceInfo", "incomingCall", "outgoingCall", "incomingBlock"] {
        let body = json!({ "typeWebhook": kind, "instanceData": { "idInstance": 7_103_000_001_u64 } });
        assert!(matches!(read_as(&body, &context()), Ok(Parsed::Ignored(_))), "{kind}");
    }
    let states =
        [("authorized", Some(false)), ("blocked", Some(true)), ("starting", None), ("sleepMode", None), ("x", None)];
    for (word, trouble) in states {
        assert_eq!(InstanceState::read(word).is_trouble(), trouble, "{word}");
    }
}

#[test]
fn every_status_of_a_message_is_decided() {
    let statuses = [
        ("pending", "fared true"),
        ("sent", "fared true"),
        ("delivered", "fared true"),
        ("read", "fared true"),
        ("failed", "fared false"),
        ("noAccount", "fared false"),
        ("notInGroup", "fared false"),
        ("yellowCard", "health suspended"),
        ("suspended", "health suspended"),
        ("somethingOfNextYear", "ignored: a status that this version does not know"),
    ];
    for (status, meant) in statuses {
        let mut body = fixture("outgoing_status");
        body["status"] = json!(status);
        assert_eq!(meaning(read_as(&body, &context()).expect("readable")), meant, "{status}");
        body["sendByApi"] = json!(false);
        let theirs = meaning(read_as(&body, &context()).expect("readable"));
        assert_eq!(theirs, "ignored: how a colleague's message has fared", "{status}");
    }
}

/// Whatever a colleague sends from the phone takes the chat; what is no message does not.
#[test]
fn whatever_a_colleague_sends_is_decided() {
    let kinds = [
        ("imageMessage", "person \"\""),
        ("audioMessage", "person \"\""),
        ("documentMessage", "person \"\""),
        ("stickerMessage", "person \"\""),
        ("locationMessage", "person \"\""),
        ("somethingOfNextYear", "person \"\""),
        ("reactionMessage", "ignored: a reaction"),
        ("pollUpdateMessage", "ignored: a vote"),
    ];
    for (kind, meant) in kinds {
        let mut body = fixture("outgoing_phone_message");
        body["messageData"] = json!({ "typeMessage": kind, "extendedTextMessageData": { "text": "\u{1f44d}" } });
        assert_eq!(meaning(read_as(&body, &context()).expect("readable")), meant, "{kind}");
    }
    let mut changed = fixture("incoming_edited");
    changed["typeWebhook"] = json!("outgoingMessageReceived");
    assert!(matches!(read_as(&changed, &context()), Ok(Parsed::Ignored(_))), "the chat is theirs already");
}

#[test]
fn what_cannot_be_read_is_an_error_and_another_instance_is_ignored() {
    let mut foreign = fixture("incoming_text");
    foreign["instanceData"]["idInstance"] = json!(1);
    assert!(matches!(read_as(&foreign, &context()), Ok(Parsed::Ignored(_))));
    for bad in ["", "[]", "null", "7", "{}", "{\"typeWebhook\":7}", "{\"typeWebhook\":\"somethingNew\"}", "\u{0}"] {
        assert!(parse(bad.as_bytes(), &context()).is_err(), "{bad:?}");
    }
    let lacking = ["idMessage", "timestamp", "senderData", "messageData"];
    for key in lacking {
        let mut body = fixture("incoming_text");
        body.as_object_mut().expect("an object").remove(key);
        assert!(read_as(&body, &context()).is_err(), "{key}");
    }
    for chat in ["", "a b@c.us", "\u{43a}@c.us", &"1".repeat(300)] {
        let mut body = fixture("incoming_text");
        body["senderData"]["chatId"] = json!(chat);
        assert!(read_as(&body, &context()).is_err(), "{chat:?}");
    }
}
