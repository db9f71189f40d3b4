//! The double held against the fixtures and the documented habits of Chatwoot.

use crate::support::{Desk, Receiver, Tokens, context, fixture, inbound};
use frontdesk::adapters::chatwoot::{Signed, verify_signature};
use frontdesk_actors::domain::{Assignee, Event, Order, Status};
use frontdesk_actors::ids::OutboundId;
use frontdesk_actors::ports::Act;
use frontdesk_actors::time::{Clock, SystemClock};
use frontdesk_sandbox::chatwoot::{Delivery, Hook, Options, Outcome, Target, WorldView};
use secrecy::SecretString;
use serde_json::Value;
use std::time::Duration;

fn options() -> Options {
    let (bot_retry_interval, webhook_timeout) = (Duration::from_millis(20), Duration::from_secs(5));
    Options { bot_retry_interval, webhook_timeout, ..Options::default() }
}

/// Compares keys, their order and the kinds of values; attributes are free.
fn same_shape(place: &str, ours: &Value, fixture: &Value) {
    const FREE: [&str; 5] =
        ["additional_attributes", "content_attributes", "custom_attributes", "changed_attributes", "attachments"];
    match (ours, fixture) {
        // The latest public message may be by somebody of another kind.
        (Value::Object(ours), Value::Object(fixture)) if ours.get("type") != fixture.get("type") => {}
        (Value::Object(ours), Value::Object(fixture)) => {
            let keys = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(ours), keys(fixture), "{place}");
            for (key, value) in ours.iter().filter(|(key, _)| !FREE.contains(&key.as_str())) {
                same_shape(&format!("{place}/{key}"), value, &fixture[key]);
            }
        }
        (Value::Array(ours), Value::Array(fixture)) => {
            for (ours, fixture) in ours.iter().zip(fixture) {
                same_shape(&format!("{place}/-"), ours, fixture);
            }
        }
        (Value::Number(ours), Value::Number(fixture)) => assert_eq!(ours.is_f64(), fixture.is_f64(), "{place}"),
        (Value::String(_), Value::String(_)) | (Value::Bool(_), Value::Bool(_)) => {}
        // What may be null in one conversation may be set in another.
        (Value::Null, _) | (_, Value::Null) => {}
        (ours, fixture) => panic!("{place}: {ours} is not of the kind of {fixture}"),
    }
}

fn check_shape(ours: &str, fixture: &str) {
    let parse = |text: &str| serde_json::from_str::<Value>(text).expect("it is JSON");
    same_shape("", &parse(ours), &parse(fixture));
}

#[tokio::test]
async fn webhooks_have_the_shape_of_the_fixtures() {
    let desk = Desk::open_with(Tokens::Bot, options()).await;
    let mut bot = Receiver::start(Some("bot-secret")).await;
    let mut account = Receiver::start(Some("account-secret")).await;
    bot.attach(&desk.double, Target::AgentBot);
    account.attach(&desk.double, Target::Account);
    desk.double.new_conversation(412);
    check_shape(account.next("conversation_created").await.text(), fixture!("conversation_created"));
    desk.double.customer_writes(desk.conversation, "Hi <b>you</b> & me");
    let written = bot.next("message_created").await;
    assert!(written.text().contains(r"Hi \u003cb\u003eyou\u003c/b\u003e \u0026 me"), "Rails escapes");
    check_shape(written.text(), fixture!("message_created.agent_bot"));
    check_shape(account.next("message_created").await.text(), fixture!("message_created.incoming"));
    check_shape(account.next("contact_updated").await.text(), fixture!("contact_updated"));
    desk.say("Yes").await;
    check_shape(bot.next("message_created").await.text(), fixture!("message_created.outgoing_by_bot"));
    desk.act(Act::Open).await;
    check_shape(bot.next("conversation_opened").await.text(), fixture!("conversation_opened.agent_bot"));
    desk.double.agent_writes(desk.conversation, "Ana here");
    check_shape(bot.next("message_created").await.text(), fixture!("message_created.outgoing_by_agent"));
    desk.double.agent_notes(desk.conversation, "internal");
    check_shape(bot.next("message_created").await.text(), fixture!("message_created.private_note"));
    desk.double.resolve(desk.conversation);
    check_shape(bot.next("conversation_resolved").await.text(), fixture!("conversation_resolved.agent_bot"));
    let updated = bot.next_with("conversation_updated", r#""status":"resolved""#).await;
    check_shape(updated.text(), fixture!("conversation_updated"));
    let changed = account.next_with("conversation_status_changed", r#""status":"resolved""#).await;
    check_shape(changed.text(), fixture!("conversation_status_changed"));
    desk.double.customer_attaches(desk.conversation, "audio");
    check_shape(bot.next("message_created").await.text(), fixture!("message_created.with_audio_attachment"));
}

#[tokio::test]
async fn webhooks_are_signed_with_their_own_secrets() {
    let desk = Desk::open_with(Tokens::Bot, options()).await;
    let mut bot = Receiver::start(Some("bot-secret")).await;
    let mut account = Receiver::start(Some("account-secret")).await;
    bot.attach(&desk.double, Target::AgentBot);
    account.attach(&desk.double, Target::Account);
    desk.double.customer_writes(desk.conversation, "Hello");
    let secrets = [SecretString::from("bot-secret"), SecretString::from("account-secret")];
    let (to_bot, to_account) = (bot.next("message_created").await, account.next("message_created").await);
    for (received, fitting) in [(&to_bot, 0), (&to_account, 1)] {
        let signed = Signed {
            timestamp: received.header("X-Chatwoot-Timestamp"),
            signature: received.header("X-Chatwoot-Signature"),
            body: &received.body,
        };
        let now = SystemClock.now();
        assert_eq!(verify_signature(&secrets, &signed, now), Ok(()));
        assert_eq!(verify_signature(&secrets[fitting..=fitting], &signed, now), Ok(()));
        assert!(verify_signature(&secrets[1 - fitting..=1 - fitting], &signed, now).is_err());
    }
    assert_ne!(to_bot.header("X-Chatwoot-Delivery"), to_account.header("X-Chatwoot-Delivery"));
}

#[tokio::test]
async fn a_bot_webhook_is_repeated_on_429_and_500_only() {
    let desk = Desk::open_with(Tokens::Bot, options()).await;
    let mut bot = Receiver::start(None).await;
    bot.attach(&desk.double, Target::AgentBot);
    bot.answer(&[500, 429, 200]);
    desk.double.customer_writes(desk.conversation, "Hello");
    bot.next("message_created").await;
    desk.double.wait_quiet().await.expect("it ends");
    let stats = desk.double.stats();
    assert_eq!((stats.refused, stats.lost), (2, 0));
    desk.double.see(|world| {
        let repeats: Vec<_> = world.deliveries().iter().filter(|delivery| delivery.attempt > 1).collect();
        assert_eq!(repeats.len(), 2);
        for repeat in repeats {
            let first = |other: &&Delivery| other.id == repeat.id && other.attempt == 1;
            let first = world.deliveries().iter().find(first).expect("there was a first attempt");
            assert_eq!((&first.body, first.outcome.is_accepted()), (&repeat.body, false));
        }
    });
    assert_eq!(desk.double.stats().flipped, 0);
    assert_eq!(desk.double.conversation(desk.conversation).expect("it is there").status, "pending");
}

#[tokio::test]
async fn any_other_failure_opens_the_conversation_also_of_an_echo() {
    for statuses in [&[503][..], &[400], &[500, 500, 500]] {
        let desk = Desk::open_with(Tokens::Bot, options()).await;
        let bot = Receiver::start(None).await;
        bot.answer(statuses);
        bot.attach(&desk.double, Target::AgentBot);
        desk.say("the echo of this fails").await;
        desk.double.wait_quiet().await.expect("it ends");
        let seen = desk.double.conversation(desk.conversation).expect("it is there");
        assert_eq!((seen.status.as_str(), desk.double.stats().flipped), ("open", 1), "{statuses:?}");
        let lines = desk.double.transcript(desk.conversation);
        assert!(lines.iter().any(|line| line.activity && line.text.contains("error with the agent bot")));
    }
    let desk = Desk::open_with(Tokens::Bot, options()).await;
    let account = Receiver::start(None).await;
    account.answer(&[500]);
    account.attach(&desk.double, Target::Account);
    desk.say("the account's webhook is sent once").await;
    desk.double.wait_quiet().await.expect("it ends");
    assert_eq!((desk.double.stats().lost, desk.double.stats().flipped), (1, 0));
}

#[tokio::test]
async fn a_silent_or_absent_bot_opens_the_conversation_at_once() {
    let options = Options { webhook_timeout: Duration::from_millis(300), ..options() };
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}/hook", silent.local_addr().expect("it is bound"));
    let hook = Hook { url, secret: None };
    let desk = Desk::open_with(Tokens::Bot, options).await;
    desk.double.deliver_to(Target::AgentBot, Some(hook));
    for flipped in 1..=2 {
        desk.double.set_status(desk.conversation, "pending");
        desk.say("Hello").await;
        let opened = |world: &WorldView<'_>| world.stats().flipped == flipped;
        desk.double.wait_for("the conversation is opened", opened).await.expect("it is opened");
        // The second time nobody listens at all.
        desk.double
            .deliver_to(Target::AgentBot, Some(Hook { url: "http://127.0.0.1:1/hook".to_owned(), secret: None }));
    }
    desk.double.wait_quiet().await.expect("it ends");
    let of_messages = |delivery: &&Delivery| delivery.event == "message_created";
    let outcomes: Vec<(Outcome, u32)> = desk.double.see(|world| {
        world.deliveries().iter().filter(of_messages).map(|delivery| (delivery.outcome, delivery.attempt)).collect()
    });
    assert_eq!(outcomes, [(Outcome::Failed, 1), (Outcome::Failed, 1)], "neither is repeated");
}

#[tokio::test]
async fn a_redelivered_webhook_is_the_same_to_the_byte() {
    let desk = Desk::open_with(Tokens::Bot, options()).await;
    let mut bot = Receiver::start(Some("bot-secret")).await;
    bot.attach(&desk.double, Target::AgentBot);
    desk.double.customer_writes(desk.conversation, "Hello");
    let first = bot.next("message_created").await;
    desk.double.wait_quiet().await.expect("it ends");
    let of_message = |delivery: &&Delivery| delivery.event == "message_created";
    let delivery = desk.double.see(|world| world.deliveries().iter().find(of_message).cloned()).expect("it was sent");
    assert_eq!(desk.double.redeliver(&delivery).await, Outcome::Answered(200));
    let second = bot.next("message_created").await;
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("X-Chatwoot-Delivery"), second.header("X-Chatwoot-Delivery"));
}

#[tokio::test]
async fn what_happens_there_is_what_we_read_here() {
    let desk = Desk::open_with(Tokens::Bot, options()).await;
    let mut bot = Receiver::start(None).await;
    bot.attach(&desk.double, Target::AgentBot);
    let ctx = context();
    let id = desk.double.customer_writes(desk.conversation, "Hello");
    let written = inbound(bot.next("message_created").await.text(), &ctx);
    assert!(
        matches!(&written.event, Event::CustomerWrote(message) if message.id.order == id && message.text == "Hello")
    );
    assert_eq!(written.state.as_ref().map(|state| state.status), Some(Status::Pending));
    desk.say("Hi").await;
    let echo = inbound(bot.next("message_created").await.text(), &ctx);
    assert!(matches!(echo.event, Event::Echo { row, .. } if row == OutboundId("row-1".to_owned())));
    assert_eq!(ctx.bot.get(), Some(7));
    assert!(echo.state.map(|state| state.version) > written.state.map(|state| state.version));
    desk.double.assign_other_bot(desk.conversation);
    let mut assignees = Vec::new();
    while assignees.last() != Some(&Assignee::OtherBot("8".to_owned())) {
        let state = inbound(bot.next("conversation_updated").await.text(), &ctx).state;
        assignees.push(state.expect("it has a state").assignee);
    }
    desk.double.agent_notes(desk.conversation, "/bot");
    let order = inbound(bot.next("message_created").await.text(), &ctx).event;
    assert!(matches!(order, Event::Ordered { order: Order::Bot, .. }));
    desk.double.delete_message(desk.conversation, id);
    let deleted = inbound(bot.next("message_updated").await.text(), &ctx).event;
    assert!(matches!(deleted, Event::Deleted { id: gone } if gone.order == id));
}

#[tokio::test]
async fn a_customer_reopens_to_the_bot_and_the_assignee_stays() {
    let desk = Desk::open_with(Tokens::Bot, options()).await;
    desk.double.customer_writes(desk.conversation, "Hello");
    desk.double.agent_assigns(desk.conversation);
    desk.double.resolve(desk.conversation);
    desk.double.customer_writes(desk.conversation, "One more thing");
    let seen = desk.double.conversation(desk.conversation).expect("it is there");
    assert_eq!((seen.status.as_str(), seen.agent), ("pending", Some(5)));
}
