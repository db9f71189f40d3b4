//! What a look shows, and when it proves that something is not there.

use crate::support::{Desk, Tokens};
use frontdesk_actors::domain::{Assignee, Status};
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId};
use frontdesk_actors::ports::{Author, Channel, Look, PortErrorKind, Verdict};
use frontdesk_sandbox::chatwoot::{Fault, Options, RequestKind};
use std::time::Duration;

async fn look(desk: &Desk, after: u64) -> Look {
    desk.client.look(&desk.key(), MessageId::numeric(after)).await.expect("one may look")
}

async fn failure(desk: &Desk) -> PortErrorKind {
    desk.client.look(&desk.key(), MessageId::numeric(1)).await.expect_err("one may not look").kind
}

fn ids(look: &Look) -> Vec<u64> {
    look.messages.iter().map(|message| message.id.order).collect()
}

#[tokio::test]
async fn with_a_users_token_everything_since_the_watermark_is_seen() {
    let desk = Desk::open(Tokens::BotAndUser).await;
    let asked = desk.double.customer_writes(desk.conversation, "Hello?");
    let Verdict::Settled { message: Some(answer) } = desk.say("Hi").await else { panic!("not settled") };
    desk.double.agent_notes(desk.conversation, "internal");
    desk.double.automation_writes(desk.conversation, "We are closed");
    desk.double.native_app_writes(desk.conversation, "from my phone");
    let last = desk.double.agent_writes(desk.conversation, "Ana here");
    desk.double.agent_assigns(desk.conversation);
    let seen = look(&desk, asked).await;
    assert!(seen.complete);
    assert_eq!((seen.state.status, &seen.state.assignee), (Status::Pending, &Assignee::Person("5".to_owned())));
    let authors: Vec<&Author> = seen.messages.iter().map(|message| &message.author).collect();
    let ours = Author::Us(OutboundId("row-1".to_owned()));
    assert_eq!(authors, [&ours, &Author::Private, &Author::Other, &Author::Person, &Author::Person]);
    assert_eq!((seen.messages[0].id, seen.messages[0].text.as_str()), (answer, "Hi"));
    assert!(seen.messages[0].at.as_millis() > 1_700_000_000_000);
    let nothing = look(&desk, last).await;
    assert!(nothing.complete && nothing.messages.is_empty());
    let all = look(&desk, 0).await;
    assert_eq!((all.messages.len(), &all.messages[0].author), (6, &Author::Customer));
}

#[tokio::test]
async fn a_long_history_is_read_page_by_page() {
    let desk = Desk::open(Tokens::BotAndUser).await;
    let first = desk.double.customer_writes(desk.conversation, "0");
    for number in 1..=250 {
        desk.double.customer_writes(desk.conversation, &number.to_string());
    }
    let seen = look(&desk, first).await;
    assert!(seen.complete);
    let texts: Vec<String> = seen.messages.iter().map(|message| message.text.clone()).collect();
    assert_eq!(texts, (1..=250).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn with_a_bots_token_absence_is_proven_only_by_nothing_newer() {
    let desk = Desk::open(Tokens::Bot).await;
    assert!(look(&desk, 0).await.complete, "there is nothing at all");
    let asked = desk.double.customer_writes(desk.conversation, "Hello?");
    let nothing_newer = look(&desk, asked).await;
    assert!(nothing_newer.complete && nothing_newer.messages.is_empty());
    desk.say("Hi").await;
    let ours = look(&desk, asked).await;
    assert!(!ours.complete, "another may stand between");
    assert_eq!(ours.messages[0].author, Author::Us(OutboundId("row-1".to_owned())));
    let last = desk.double.agent_notes(desk.conversation, "internal");
    let hidden = look(&desk, asked).await;
    assert_eq!((ids(&hidden), hidden.complete), (vec![last], false), "the note hides our answer");
    // An activity line after the watermark does not count as a message.
    desk.double.set_status(desk.conversation, "resolved");
    let seen = look(&desk, last).await;
    assert_eq!((seen.complete, seen.state.status), (true, Status::Resolved));
}

#[tokio::test]
async fn what_a_muted_customer_wrote_is_no_question() {
    for tokens in [Tokens::Bot, Tokens::BotAndUser] {
        let desk = Desk::open(tokens).await;
        let asked = desk.double.customer_writes(desk.conversation, "Hello?");
        assert_eq!(look(&desk, 0).await.messages[0].author, Author::Customer);
        desk.double.mute(412);
        let seen = look(&desk, 0).await;
        assert_eq!((seen.messages[0].id.order, &seen.messages[0].author), (asked, &Author::Other));
    }
}

#[tokio::test]
async fn a_status_change_of_ours_leaves_an_activity_line_that_proves_nothing() {
    let desk = Desk::open(Tokens::Bot).await;
    let asked = desk.double.customer_writes(desk.conversation, "Hello?");
    desk.act(frontdesk_actors::ports::Act::Open).await;
    let seen = look(&desk, asked).await;
    assert!(seen.complete);
    assert!(seen.messages.iter().all(|message| message.author == Author::Private), "{seen:?}");
}

#[tokio::test]
async fn what_forbids_a_look_is_told_apart() {
    let old = || Options { version: (4, 14, 1), ..Options::default() };
    assert_eq!(failure(&Desk::open_with(Tokens::Bot, old()).await).await, PortErrorKind::Forbidden);
    let desk = Desk::open_with(Tokens::BotAndUser, old()).await;
    assert!(look(&desk, 0).await.complete, "the user looks for the bot");
    for (fault, expected) in [
        (Fault::Status(404, r#"{"error":"Resource could not be found"}"#.to_owned()), PortErrorKind::Rejected),
        (Fault::Status(500, String::new()), PortErrorKind::Transient),
        (Fault::Status(503, String::new()), PortErrorKind::Transient),
        (Fault::Reset, PortErrorKind::Transient),
        (Fault::Status(403, String::new()), PortErrorKind::Forbidden),
        (Fault::Status(200, "<html>".to_owned()), PortErrorKind::Transient),
        (Fault::Status(200, "{}".to_owned()), PortErrorKind::Transient),
    ] {
        let shown = format!("{fault:?}");
        desk.double.fail_next(RequestKind::GetConversation, fault);
        assert_eq!(failure(&desk).await, expected, "{shown}");
    }
    desk.double.configure(|options| options.requests_per_minute = Some(0));
    assert!(matches!(failure(&desk).await, PortErrorKind::Throttled(wait) if wait <= Duration::from_secs(60)));
    let foreign = ConversationKey::new("chatwoot", 2, 57);
    let refused = desk.client.look(&foreign, MessageId::numeric(1)).await.expect_err("not ours");
    assert_eq!(refused.kind, PortErrorKind::Rejected);
}

#[tokio::test]
async fn start_up_learns_what_the_tokens_let_us_see() {
    let old = || Options { version: (4, 14, 1), ..Options::default() };
    for (tokens, options, looks, history) in [
        (Tokens::Bot, Options::default(), true, false),
        (Tokens::BotAndUser, Options::default(), true, true),
        (Tokens::Bot, old(), false, false),
        (Tokens::BotAndUser, old(), true, true),
    ] {
        let reach = Desk::open_with(tokens, options).await.client.probe().await.expect("the tokens are good");
        assert_eq!((reach.looks, reach.history), (looks, history));
    }
    let desk = Desk::open(Tokens::Bot).await;
    desk.double.configure(|options| options.bot_token = "rotated".to_owned());
    let refused = desk.client.probe().await.expect_err("the token is old");
    assert_eq!(refused.kind, PortErrorKind::Forbidden);
    let advice = refused.source.map(|source| source.to_string()).unwrap_or_default();
    assert!(advice.contains("CHATWOOT_API_TOKEN"), "{advice}");
}

#[tokio::test]
async fn an_odd_page_of_messages_proves_nothing() {
    let desk = Desk::open(Tokens::BotAndUser).await;
    let asked = desk.double.customer_writes(desk.conversation, "Hello?");
    for body in ["{}", "<html>", r#"{"payload":null}"#, r#"{"payload":[{"content":"no id"}]}"#] {
        desk.double.fail_next(RequestKind::GetMessages, Fault::Status(200, body.to_owned()));
        assert_eq!(failure(&desk).await, PortErrorKind::Transient, "{body}");
    }
    // A user token that was withdrawn: what the bot may see has to do.
    desk.double.configure(|options| options.user_token = "rotated".to_owned());
    desk.say("Hi").await;
    let seen = look(&desk, asked).await;
    assert_eq!((seen.complete, seen.messages.len()), (false, 1));
}
