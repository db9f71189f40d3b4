//! Every fixture and what it becomes.

use crate::support::{context, fixture, inbound};
use frontdesk::adapters::chatwoot::{ParseError, Parsed, Signed, parse, verify_signature};
use frontdesk_actors::domain::{Assignee, ConversationState, Event, Inbound, Order, Status};
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId};
use frontdesk_actors::time::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};

/// Changes a fixture at JSON pointers; a missing last key is added, null stays null.
fn changed(fixture: &str, changes: &[(&str, Value)]) -> String {
    let mut body: Value = serde_json::from_str(fixture).expect("a fixture is JSON");
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("the parent is there");
        parent.insert(key.to_owned(), value.clone());
    }
    body.to_string()
}

fn event(body: &str) -> Event {
    inbound(body, &context()).event
}

fn state(status: Status, assignee: Assignee, version: u64) -> Option<ConversationState> {
    Some(ConversationState { status, assignee, version })
}

fn person() -> Assignee {
    Assignee::Person("5".to_owned())
}

#[test]
fn a_customers_message() {
    for body in [fixture!("message_created.incoming"), fixture!("message_created.agent_bot")] {
        let Inbound { key, inbox, contact, state: seen, proof, event, .. } = inbound(body, &context());
        assert_eq!((key, inbox.as_str()), (ConversationKey::new("chatwoot", 1, 57), "3"));
        let contact = contact.expect("the customer is named");
        assert_eq!(contact.key.as_str(), "chatwoot:1:412");
        assert_eq!((contact.name.as_deref(), contact.email.as_deref()), (Some("Jane Doe"), Some("jane@example.com")));
        assert_eq!(seen, state(Status::Pending, Assignee::Us, 1_786_702_528_497_123));
        assert_eq!(proof, None);
        let Event::CustomerWrote(message) = event else { panic!("{event:?}") };
        assert_eq!(message.id, MessageId::numeric(9101));
        assert_eq!(message.at, Timestamp::from_millis(1_786_702_528_482));
        assert_eq!(message.text, "Hi, does the Pro plan include <b>SSO</b> & audit logs?");
        assert_eq!(message.attachments, 0);
    }
}

#[test]
fn a_voice_message_has_no_text_and_one_attachment() {
    let Inbound { key, inbox, contact, event, .. } =
        inbound(fixture!("message_created.with_audio_attachment"), &context());
    assert_eq!((key.id(), inbox.as_str()), ("61", "4"));
    assert_eq!(contact.expect("the customer is named").email, None);
    let Event::CustomerWrote(message) = event else { panic!("{event:?}") };
    assert_eq!((message.text.as_str(), message.attachments), ("", 1));
}

#[test]
fn a_persons_message() {
    let Inbound { state: seen, event, .. } = inbound(fixture!("message_created.outgoing_by_agent"), &context());
    assert_eq!(seen, state(Status::Open, person(), 1_786_702_691_842_019));
    let text = "Hi Jane, Ana here. Let me check your invoice.".to_owned();
    let at = Timestamp::from_millis(1_786_702_691_764);
    assert_eq!(event, Event::PersonWrote { id: MessageId::numeric(9104), at, text });
}

#[test]
fn who_counts_as_a_person() {
    let agent = fixture!("message_created.outgoing_by_agent");
    let automation = changed(agent, &[("/sender", Value::Null), ("/content_attributes/automation_rule_id", json!(4))]);
    assert_eq!(event(&automation), Event::OtherWrote { id: MessageId::numeric(9104) });
    let echo = changed(agent, &[("/sender", Value::Null), ("/content_attributes/external_echo", json!(true))]);
    assert!(matches!(event(&echo), Event::PersonWrote { .. }));
    let campaign = changed(agent, &[("/additional_attributes/campaign_id", json!(9))]);
    assert!(matches!(event(&campaign), Event::OtherWrote { .. }), "a campaign is sent in a user's name");
    let captain = changed(agent, &[("/sender/type", json!("captain_assistant"))]);
    assert!(matches!(event(&captain), Event::OtherWrote { .. }));
    let file = changed(agent, &[("/content", Value::Null), ("/attachments", json!([{"id": 1}]))]);
    assert!(matches!(event(&file), Event::PersonWrote { text, .. } if text.is_empty()));
    let greeting = fixture!("message_created.template_greeting");
    assert_eq!(event(greeting), Event::OtherWrote { id: MessageId::numeric(9106) });
    let bot = fixture!("message_created.outgoing_by_bot");
    assert_eq!(event(bot), Event::OtherWrote { id: MessageId::numeric(9102) }, "a bot's message without our id");
}

#[test]
fn our_own_message_comes_back_whoever_posted_it() {
    let echo = Event::Echo { row: OutboundId("row-7".to_owned()), id: MessageId::numeric(9102) };
    let ctx = context();
    let ours = [("/content_attributes/frontdesk_id", json!("row-7"))];
    assert_eq!(inbound(&changed(fixture!("message_created.outgoing_by_bot"), &ours), &ctx).event, echo);
    assert_eq!(ctx.bot.get(), Some(7), "the echo names our bot");
    // A desk that was given a person's token still knows its own words, and its own notes.
    let with_user_token = changed(fixture!("message_created.outgoing_by_agent"), &ours);
    assert!(matches!(event(&with_user_token), Event::Echo { .. }));
    let note = changed(fixture!("message_created.private_note"), &ours);
    assert!(matches!(event(&note), Event::Echo { .. }));
    // A customer cannot speak for us.
    assert!(matches!(event(&changed(fixture!("message_created.incoming"), &ours)), Event::CustomerWrote(_)));
}

#[test]
fn notes_and_orders() {
    let note = fixture!("message_created.private_note");
    let Inbound { state: seen, event: happened, .. } = inbound(note, &context());
    assert_eq!(happened, Event::StateChanged);
    assert_eq!(seen, state(Status::Open, person(), 1_786_702_625_351_870));
    for (text, expected) in [("/bot", Order::Bot), (" /Human\n", Order::Human), ("/FORGET", Order::Forget)] {
        let ordered = Event::Ordered { id: MessageId::numeric(9103), order: expected };
        assert_eq!(event(&changed(note, &[("/content", json!(text))])), ordered, "{text}");
    }
    for text in ["/bot please", "bot", "/ bot", ""] {
        assert_eq!(event(&changed(note, &[("/content", json!(text))])), Event::StateChanged, "{text}");
    }
    let by_bot = changed(note, &[("/content", json!("/bot")), ("/sender/type", json!("agent_bot"))]);
    assert_eq!(event(&by_bot), Event::StateChanged, "only people give orders");
    let public = changed(note, &[("/content", json!("/bot")), ("/private", json!(false))]);
    assert!(matches!(event(&public), Event::PersonWrote { .. }));
}

#[test]
fn an_answer_to_a_select_is_a_message_taken_once() {
    let select = fixture!("message_updated");
    let Event::CustomerWrote(message) = event(select) else { panic!("not a message") };
    assert_eq!(message.text, "Talk to support");
    assert_eq!(message.id.order, 9105);
    assert_ne!(message.id, MessageId::numeric(9105), "the question has that id");
    assert_eq!(message.at, Timestamp::from_millis(1_786_702_558_377), "when it was answered, not asked");
    // A later change of the same message carries the values again, under another nested message.
    let later =
        changed(select, &[("/conversation/messages", json!([])), ("/conversation/updated_at", json!(1_786_702_700.5))]);
    let Event::CustomerWrote(again) = event(&later) else { panic!("not a message") };
    assert_eq!((again.id, again.at), (message.id, Timestamp::from_millis(1_786_702_700_500)));
}

#[test]
fn which_changes_of_a_message_count() {
    let select = fixture!("message_updated");
    let values = |values: Value| changed(select, &[("/content_attributes/submitted_values", values)]);
    let form = values(
        json!([{"name": "Order", "value": "A-17"}, {"name": "Gift", "value": true}, {"name": "x", "value": null}]),
    );
    assert!(matches!(event(&form), Event::CustomerWrote(message) if message.text == "Order: A-17\nGift: true"));
    for nothing in
        [json!(null), json!([]), json!({"csat_survey_response": {"rating": 5}}), json!("x"), json!([1, null, {}])]
    {
        assert_eq!(event(&values(nothing.clone())), Event::StateChanged, "{nothing}");
    }
    let deleted =
        changed(select, &[("/content_attributes", json!({"deleted": true})), ("/message_type", json!("incoming"))]);
    assert_eq!(event(&deleted), Event::Deleted { id: MessageId::numeric(9105) });
    let edited = changed(
        select,
        &[("/content_attributes", json!({})), ("/message_type", json!("incoming")), ("/content", json!("Hello!"))],
    );
    let id = MessageId::numeric(9105);
    assert_eq!(event(&edited), Event::Edited { id, text: "Hello!".to_owned() });
    let emptied = changed(&edited, &[("/content", json!(null))]);
    assert_eq!(event(&emptied), Event::StateChanged, "a file has no words to change");
    let note = changed(select, &[("/private", json!(true))]);
    assert_eq!(event(&note), Event::StateChanged);
    let delivered = changed(select, &[("/content_attributes", json!({}))]);
    assert_eq!(event(&delivered), Event::StateChanged, "delivery status, translations, transcriptions");
}

#[test]
fn an_assignment_is_told_from_an_assignee_who_stays() {
    let assigned = |id: Value| {
        let change = json!([{"updated_at": {}}, {"assignee_id": {"previous_value": null, "current_value": id}}]);
        let body = changed(fixture!("conversation_updated"), &[("/changed_attributes", change)]);
        inbound(&body, &context()).event
    };
    assert_eq!(assigned(json!(5)), Event::Assigned);
    assert_eq!(assigned(Value::Null), Event::StateChanged, "somebody was unassigned");
}

#[test]
fn a_change_of_status_tells_how_it_was_before() {
    let before = |body: &str| {
        let event = inbound(body, &context()).event;
        if let Event::StatusChanged { before } = event { Some(before) } else { None }
    };
    let state = |status, assignee, version| Some(ConversationState { status, assignee, version });
    let resolved = fixture!("conversation_updated");
    assert_eq!(before(resolved), state(Status::Open, person(), 1_786_702_691_842_000), "nobody else was assigned");
    let given_back = fixture!("conversation_updated.bot_assigned.agent_bot");
    assert_eq!(before(given_back), state(Status::Open, person(), 1_786_703_102_640_000));
    let taken = json!([
        {"status": {"previous_value": "pending", "current_value": "open"}},
        {"assignee_agent_bot_id": {"previous_value": 7, "current_value": null}},
        {"updated_at": {"previous_value": "2026-08-14T10:18:11.842Z", "current_value": "2026-08-14T10:25:02.640Z"}},
    ]);
    let taken = changed(resolved, &[("/changed_attributes", taken)]);
    assert_eq!(before(&taken), state(Status::Pending, Assignee::Us, 1_786_702_691_842_000));
    for (at, odd) in [
        ("/changed_attributes/0/status/previous_value", json!("odd")),
        ("/changed_attributes/1/updated_at/previous_value", json!("yesterday")),
        ("/changed_attributes/1/updated_at", json!(null)),
        ("/changed_attributes", json!(null)),
    ] {
        assert_eq!(inbound(&changed(resolved, &[(at, odd.clone())]), &context()).event, Event::StateChanged, "{odd}");
    }
    assert_eq!(before(fixture!("conversation_status_changed")), None, "it names no change");
}

#[test]
fn changes_of_a_conversation() {
    let resolved = || state(Status::Resolved, person(), 1_786_703_102_640_418);
    for (body, expected) in [
        (fixture!("conversation_created"), state(Status::Pending, Assignee::Us, 1_786_702_528_497_123)),
        (fixture!("conversation_opened.agent_bot"), state(Status::Open, Assignee::Nobody, 1_786_702_600_211_907)),
        (fixture!("conversation_resolved.agent_bot"), resolved()),
        (fixture!("conversation_status_changed"), resolved()),
        (fixture!("conversation_updated"), resolved()),
        (
            fixture!("conversation_updated.bot_assigned.agent_bot"),
            state(Status::Pending, Assignee::Us, 1_786_703_400_250_611),
        ),
    ] {
        let inbound = inbound(body, &context());
        assert_eq!(inbound.key, ConversationKey::new("chatwoot", 1, 57));
        assert!(matches!(inbound.event, Event::StateChanged | Event::StatusChanged { .. }));
        assert_eq!(inbound.state, expected);
        assert_eq!(inbound.contact.expect("the customer is named").key.id(), "412");
    }
    let before_4_14_2 = changed(fixture!("conversation_updated"), &[("/account", Value::Null)]);
    assert_eq!(inbound(&before_4_14_2, &context()).key, ConversationKey::new("chatwoot", 1, 57));
    let ctx = context();
    ctx.bot.learn(8);
    let other = inbound(fixture!("conversation_updated.bot_assigned.agent_bot"), &ctx).state.expect("a state");
    assert_eq!(other.assignee, Assignee::OtherBot("7".to_owned()));
}

#[test]
fn events_that_concern_nobody() {
    for body in [
        fixture!("contact_created"),
        fixture!("contact_updated"),
        fixture!("webwidget_triggered"),
        fixture!("conversation_typing_on"),
        r#"{"event":"inbox_updated","account":{"id":1}}"#,
        r#"{"event":"macro.executed","id":57,"status":"open"}"#,
        r#"{"event":17}"#,
        "{}",
    ] {
        assert!(matches!(parse(body.as_bytes(), &context()), Ok(Parsed::Ignored(_))), "{body}");
    }
    let mut ctx = context();
    ctx.inboxes = vec![4, 9];
    let body = fixture!("message_created.incoming").as_bytes();
    assert_eq!(parse(body, &ctx).expect("it can be read"), Parsed::Ignored("another inbox"));
    ctx.inboxes = vec![3];
    assert!(matches!(parse(body, &ctx), Ok(Parsed::Inbound(_))));
    ctx.account = 2;
    assert_eq!(parse(body, &ctx).expect("it can be read"), Parsed::Ignored("another account"));
}

#[test]
fn the_minimal_body_belongs_to_the_page() {
    let body = r#"{"event":"message_created","id":1,"content":"Hi","message_type":"incoming","content_type":"text"}"#;
    let Ok(Parsed::Minimal(message)) = parse(body.as_bytes(), &context()) else { panic!("not minimal") };
    assert_eq!(message.content.as_deref(), Some("Hi"));
    assert!(message.is_from_customer());
    assert!(!format!("{message:?}").contains("Hi"), "words are not logged");
    let outgoing = r#"{"event":"message_created","content":null,"message_type":"outgoing"}"#;
    let Ok(Parsed::Minimal(message)) = parse(outgoing.as_bytes(), &context()) else { panic!("not minimal") };
    assert!(!message.is_from_customer());
}

#[test]
fn rubbish_is_refused_or_survived_but_never_panics() {
    assert!(matches!(parse(b"", &context()), Err(ParseError::Json(_))));
    assert!(matches!(parse(b"{\"event\":", &context()), Err(ParseError::Json(_))));
    for body in ["[]", "\"secret words\"", "null", "17"] {
        assert!(matches!(parse(body.as_bytes(), &context()), Err(ParseError::NotAnObject)), "{body}");
    }
    let whole: Value = serde_json::from_str(fixture!("message_created.incoming")).expect("a fixture is JSON");
    let text = fixture!("message_created.incoming").as_bytes();
    for end in (0..text.len()).step_by(7) {
        assert!(parse(&text[..end], &context()).is_err());
    }
    // Whatever stands in whatever place, at the top and in the conversation.
    for odd in [json!(null), json!(true), json!(-1), json!(1.5), json!("x"), json!([1, {}]), json!({"id": "x"})] {
        for parent in ["", "/conversation", "/conversation/meta", "/conversation/contact_inbox", "/sender"] {
            let keys = whole.pointer(parent).and_then(Value::as_object).expect("an object").keys().cloned();
            for key in keys.filter(|key| key != "event") {
                let body = changed(fixture!("message_created.incoming"), &[(&format!("{parent}/{key}"), odd.clone())]);
                match parse(body.as_bytes(), &context()) {
                    Ok(_) | Err(ParseError::Lacks(_)) => {}
                    Err(error) => panic!("{parent}/{key} = {odd}: {error:?}"),
                }
            }
        }
    }
}

#[test]
fn the_signature_vector_verifies() {
    let vector: Value = serde_json::from_str(fixture!("signature_vector")).expect("a fixture is JSON");
    let text = |pointer: &str| vector.pointer(pointer).and_then(Value::as_str).expect("it is in the vector");
    let secrets = [SecretString::from("another secret"), SecretString::from(text("/secret"))];
    let signed = Signed {
        timestamp: Some(text("/headers/X-Chatwoot-Timestamp")),
        signature: Some(text("/headers/X-Chatwoot-Signature")),
        body: text("/body").as_bytes(),
    };
    let now = Timestamp::from_secs(1_786_702_530);
    assert_eq!(verify_signature(&secrets, &signed, now), Ok(()));
    let tampered = text("/body").replace("SSO", "SS0");
    assert!(verify_signature(&secrets, &Signed { body: tampered.as_bytes(), ..signed }, now).is_err());
    assert!(verify_signature(&secrets[..1], &signed, now).is_err());
    let Event::CustomerWrote(message) = event(text("/body")) else { panic!("not a message") };
    assert_eq!(message.text, "Hi, does the Pro plan include <b>SSO</b> & audit logs?", "escapes are read back");
}

/// Muting a conversation blocks its contact, and Chatwoot marks that in every shape of the contact.
#[test]
fn a_muted_customer_starts_nothing() {
    let written = fixture!("message_created.incoming");
    assert!(matches!(event(written), Event::CustomerWrote(_)));
    for place in ["/sender/blocked", "/conversation/meta/sender/blocked"] {
        let muted = changed(written, &[(place, json!(true))]);
        assert!(matches!(event(&muted), Event::OtherWrote { .. }), "{place}");
    }
}
