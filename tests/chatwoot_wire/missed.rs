//! What is read back after a gap: conversations by their last activity, and messages as their webhooks told them.

use crate::support::{Desk, Tokens, client, settings};
use frontdesk_actors::domain::{Assignee, Event, Inbound, Order, ProofKind, Status};
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId};
use frontdesk_actors::ports::{Active, Channel, Events, PortErrorKind};
use frontdesk_actors::time::{Clock, SystemClock, Timestamp};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use secrecy::SecretString;
use std::time::Duration;

const EVER: Timestamp = Timestamp::from_secs(0);

async fn list(desk: &Desk, since: Timestamp, page: u32) -> Active {
    desk.client.active(since, page).await.expect("one may list")
}

async fn events(desk: &Desk, after: Option<u64>) -> Events {
    let after = after.map(MessageId::numeric);
    desk.client.events(&desk.key(), after, EVER).await.expect("one may read")
}

fn ids(active: &Active) -> Vec<String> {
    active.conversations.iter().map(|inbound| inbound.key.id().to_owned()).collect()
}

#[tokio::test]
async fn conversations_are_listed_page_by_page_whatever_their_status() {
    let desk = Desk::open(Tokens::BotAndUser).await;
    for _ in 0..30 {
        let conversation = desk.double.new_conversation(412);
        desk.double.customer_writes(conversation, "Hello?");
    }
    desk.double.resolve(desk.conversation);
    let (first, second) = (list(&desk, EVER, 1).await, list(&desk, EVER, 2).await);
    assert_eq!((first.conversations.len(), first.last), (25, false));
    assert_eq!((second.conversations.len(), second.last), (6, true));
    let all = [ids(&first), ids(&second)].concat();
    assert!(all.contains(&desk.conversation.to_string()), "resolved, and listed all the same");
    let past = list(&desk, SystemClock.now() + Duration::from_secs(3600), 1).await;
    assert!(past.conversations.is_empty() && past.last, "nothing has happened since then");
}

#[tokio::test]
async fn a_listed_conversation_says_what_its_webhooks_say() {
    let desk = Desk::open(Tokens::BotAndUser).await;
    desk.double.sign_identity(412, "jane@example.com");
    desk.double.agent_assigns(desk.conversation);
    let listed: Vec<Inbound> = list(&desk, EVER, 1).await.conversations;
    let [inbound] = listed.as_slice() else { panic!("one conversation: {listed:?}") };
    assert_eq!((&inbound.key, inbound.inbox.as_str(), &inbound.event), (&desk.key(), "3", &Event::StateChanged));
    let contact = inbound.contact.as_ref().expect("a contact");
    assert_eq!((contact.name.as_deref(), contact.email.as_deref()), (Some("Jane Doe"), Some("jane@example.com")));
    let state = inbound.state.as_ref().expect("a state");
    assert_eq!((state.status, &state.assignee), (Status::Pending, &Assignee::Person("5".to_owned())));
    let proof = inbound.proof.as_ref().expect("a proof");
    assert_eq!((proof.by, proof.address.as_deref()), (ProofKind::VendorIdentity, Some("jane@example.com")));
}

#[tokio::test]
async fn only_served_inboxes_are_listed() {
    for (inboxes, count) in [(vec![3], 1), (vec![4], 0), (vec![3, 4], 1), (vec![4, 5], 0)] {
        let desk = Desk::open(Tokens::BotAndUser).await;
        let mut settings = settings(desk.double.base_url());
        settings.user_token = Some(SecretString::from("user-token-fixture"));
        settings.inboxes = inboxes.clone();
        let listed = client(settings, &desk.bot).active(EVER, 1).await.expect("one may list");
        assert_eq!(listed.conversations.len(), count, "{inboxes:?}");
    }
}

#[tokio::test]
async fn messages_are_read_as_their_webhooks_told_them() {
    let desk = Desk::open(Tokens::BotAndUser).await;
    let asked = desk.double.customer_writes(desk.conversation, "Hello?");
    desk.double.customer_attaches(desk.conversation, "image");
    desk.say("Hi").await;
    desk.double.agent_notes(desk.conversation, "internal");
    let order = desk.double.agent_notes(desk.conversation, "/bot");
    let automation = desk.double.automation_writes(desk.conversation, "We are closed");
    desk.double.native_app_writes(desk.conversation, "from my phone");
    desk.double.agent_writes(desk.conversation, "Ana here");
    let deleted = desk.double.customer_writes(desk.conversation, "oh, my password");
    desk.double.delete_message(desk.conversation, deleted);
    desk.double.set_status(desk.conversation, "open");
    let seen = events(&desk, Some(asked)).await;
    assert!(seen.complete);
    let [attachment, echo, ordered, other, phone, person, gone] = seen.events.as_slice() else {
        panic!("seven events: {seen:?}")
    };
    let bare = |event: &Event| matches!(event, Event::CustomerWrote(message) if message.attachments == 1 && message.text.is_empty());
    assert!(bare(attachment), "{attachment:?}");
    assert!(matches!(echo, Event::Echo { row, .. } if *row == OutboundId("row-1".to_owned())));
    assert_eq!(*ordered, Event::Ordered { id: MessageId::numeric(order), order: Order::Bot });
    assert_eq!(*other, Event::OtherWrote { id: MessageId::numeric(automation) });
    assert!(matches!(phone, Event::PersonWrote { text, .. } if text == "from my phone"));
    assert!(
        matches!(person, Event::PersonWrote { text, at, .. } if text == "Ana here" && at.as_secs() > 1_700_000_000)
    );
    assert_eq!(*gone, Event::Deleted { id: MessageId::numeric(deleted) });
    let all = events(&desk, None).await;
    assert_eq!((all.events.len(), all.complete), (8, true), "a conversation never heard of is read from its beginning");
}

#[tokio::test]
async fn what_a_customer_wrote_comes_with_the_state_it_led_to() {
    let desk = Desk::open(Tokens::BotAndUser).await;
    desk.double.customer_writes(desk.conversation, "Hello?");
    desk.double.resolve(desk.conversation);
    let listed = list(&desk, EVER, 1).await.conversations.remove(0).state.expect("a state");
    assert_eq!(listed.status, Status::Resolved);
    // The conversation reopens between the list and its messages.
    desk.double.customer_writes(desk.conversation, "One more thing");
    let state = events(&desk, None).await.state.expect("a state");
    assert_eq!(state.status, Status::Pending);
    assert!(state.version > listed.version);
}

#[tokio::test]
async fn a_deleted_message_is_nobodys_words_in_a_look() {
    let desk = Desk::open(Tokens::BotAndUser).await;
    let deleted = desk.double.customer_writes(desk.conversation, "oh, my password");
    desk.double.delete_message(desk.conversation, deleted);
    let look = desk.client.look(&desk.key(), MessageId::default()).await.expect("one may look");
    assert!(look.messages.iter().all(|seen| seen.author == frontdesk_actors::ports::Author::Private), "{look:?}");
}

#[tokio::test]
async fn long_histories_are_read_from_either_end() {
    let desk = Desk::open(Tokens::BotAndUser).await;
    let first = desk.double.customer_writes(desk.conversation, "0");
    for number in 1..=250 {
        desk.double.customer_writes(desk.conversation, &number.to_string());
    }
    let texts = |seen: &Events| -> Vec<String> {
        let text =
            |event: &Event| if let Event::CustomerWrote(message) = event { Some(message.text.clone()) } else { None };
        seen.events.iter().filter_map(text).collect()
    };
    let (forward, back) = (events(&desk, Some(first)).await, events(&desk, None).await);
    assert!(forward.complete && back.complete);
    assert_eq!(texts(&forward), (1..=250).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(texts(&back), (0..=250).map(|number| number.to_string()).collect::<Vec<_>>());
    let later = SystemClock.now() + Duration::from_secs(3600);
    let none = desk.client.events(&desk.key(), None, later).await.expect("one may read");
    assert!(none.events.is_empty() && none.complete, "all of it is older");
}

#[tokio::test]
async fn a_bots_token_may_not_and_oddities_are_no_lists() {
    let bot = Desk::open(Tokens::Bot).await;
    let refused = bot.client.active(EVER, 1).await.expect_err("a bot may not list");
    assert_eq!(refused.kind, PortErrorKind::Forbidden);
    let refused = bot.client.events(&bot.key(), None, EVER).await.expect_err("a bot may not read");
    assert_eq!(refused.kind, PortErrorKind::Forbidden);
    assert!(bot.double.requests().is_empty(), "it is not even asked");
    let desk = Desk::open(Tokens::BotAndUser).await;
    for body in ["{}", "<html>", r#"{"data":null}"#, r#"{"data":{"payload":null}}"#] {
        desk.double.fail_next(RequestKind::ListConversations, Fault::Status(200, body.to_owned()));
        let odd = desk.client.active(EVER, 1).await.expect_err("it is no list");
        assert_eq!(odd.kind, PortErrorKind::Transient, "{body}");
    }
    for body in ["{}", r#"{"payload":[{"content":"no id"}]}"#] {
        desk.double.fail_next(RequestKind::GetMessages, Fault::Status(200, body.to_owned()));
        let odd = desk.client.events(&desk.key(), None, EVER).await.expect_err("it holds no messages");
        assert_eq!(odd.kind, PortErrorKind::Transient, "{body}");
    }
    let foreign = ConversationKey::new("chatwoot", 2, 57);
    let refused = desk.client.events(&foreign, None, EVER).await.expect_err("not ours");
    assert_eq!(refused.kind, PortErrorKind::Rejected);
    desk.double.configure(|options| options.user_token = "rotated".to_owned());
    let refused = desk.client.active(EVER, 1).await.expect_err("the token was withdrawn");
    assert_eq!(refused.kind, PortErrorKind::Forbidden);
}
