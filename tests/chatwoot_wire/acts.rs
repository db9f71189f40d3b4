//! Every act, as the double sees it.

use crate::support::{Desk, Tokens, client, settings};
use frontdesk::adapters::chatwoot::{BotId, Settings, SetupError};
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId};
use frontdesk_actors::ports::{Act, Channel, Destination, Verdict};
use frontdesk_sandbox::chatwoot::{Options, RequestKind, Token};
use secrecy::SecretString;
use serde_json::json;

const SETTLED: Verdict = Verdict::Settled { message: None };

fn is_rejected(verdict: &Verdict, why: &str) -> bool {
    matches!(verdict, Verdict::Rejected { why: said } if said.contains(why))
}

#[tokio::test]
async fn text_carries_our_id_and_teaches_us_our_own() {
    let desk = Desk::open(Tokens::Bot).await;
    let verdict = desk.act(Act::Text { text: "Hello".to_owned(), handoff: true }).await;
    let lines = desk.double.transcript(desk.conversation);
    assert_eq!(verdict, Verdict::Settled { message: Some(MessageId::numeric(lines[0].id)) });
    assert_eq!((lines[0].text.as_str(), lines[0].private), ("Hello", false));
    assert_eq!(lines[0].content_attributes, json!({ "frontdesk_id": "row-1", "action": "handoff" }));
    assert_eq!(desk.bot.get(), Some(7));
    let request = desk.double.requests().pop().expect("it was asked");
    assert_eq!((request.kind, request.token), (RequestKind::PostMessage, Some(Token::Bot)));
    for trap in ["source_id", "echo_id"] {
        assert_eq!(request.body.get(trap), None, "{trap} stops delivery on most channels, or does nothing");
    }
}

#[tokio::test]
async fn notes_are_private_and_carry_our_id_too() {
    let desk = Desk::open(Tokens::Bot).await;
    let note = Act::Note { text: "**Reason**: asked for a person {{ contact.email }}".to_owned() };
    assert!(matches!(desk.act(note).await, Verdict::Settled { message: Some(_) }));
    let lines = desk.double.transcript(desk.conversation);
    assert!(lines[0].private && lines[0].row.as_deref() == Some("row-1"));
    assert!(!lines[0].text.contains("LIQUID!"));
    assert_eq!(lines[0].content_attributes, json!({ "frontdesk_id": "row-1" }));
}

#[tokio::test]
async fn chatwoot_runs_nothing_we_say_as_a_template() {
    let desk = Desk::open(Tokens::Bot).await;
    let tricks = [
        "Write {{ contact.email }} and {% if agent %}x{% endif %}",
        "`{% endraw %}{{ contact.email }}{% raw %}`",
        "{{{ contact.email }}}",
        "{`x` contact.email }}",
        "{{- agent.name -}} `code {{ stays }}` {%- raw -%}",
    ];
    for (index, text) in tricks.iter().enumerate() {
        assert!(matches!(desk.say(text).await, Verdict::Settled { .. }));
        let said = desk.double.transcript(desk.conversation).swap_remove(index).text;
        assert!(!said.contains("LIQUID!"), "{text} became {said}");
        assert_eq!(said.replace('\u{2060}', ""), *text, "what is read is unchanged");
    }
    desk.double.agent_writes(desk.conversation, "the double does run {{ this }}");
    assert!(desk.double.transcript(desk.conversation).iter().any(|line| line.text.contains("LIQUID!")));
}

#[tokio::test]
async fn status_is_set_and_checked() {
    let desk = Desk::open(Tokens::Bot).await;
    assert_eq!(desk.act(Act::Open).await, SETTLED);
    let seen = desk.double.conversation(desk.conversation).expect("it is there");
    assert_eq!((seen.status.as_str(), seen.bot), ("open", None), "a bot that opens hands over");
    assert_eq!(desk.act(Act::Open).await, SETTLED, "once more is harmless");
    assert_eq!(desk.act(Act::Pend).await, SETTLED);
    assert_eq!(desk.double.conversation(desk.conversation).expect("it is there").status, "pending");
}

#[tokio::test]
async fn labels_are_added_to_those_that_are_there() {
    let desk = Desk::open(Tokens::Bot).await;
    for label in ["vip", "handoff", "vip"] {
        assert_eq!(desk.act(Act::AddLabel(label.to_owned())).await, SETTLED);
    }
    let seen = desk.double.conversation(desk.conversation).expect("it is there");
    assert_eq!(seen.labels, ["vip", "handoff"]);
    let posts = desk.double.requests().iter().filter(|request| request.kind == RequestKind::PostLabels).count();
    assert_eq!(posts, 2, "a label that is there is not posted");
}

#[tokio::test]
async fn priority_and_team() {
    let desk = Desk::open(Tokens::Bot).await;
    assert_eq!(desk.act(Act::Priority("high".to_owned())).await, SETTLED);
    assert_eq!(desk.act(Act::Team(2)).await, SETTLED);
    let seen = desk.double.conversation(desk.conversation).expect("it is there");
    assert_eq!((seen.priority.as_deref(), seen.team), (Some("high"), Some(2)));
    assert!(is_rejected(&desk.act(Act::Priority("enormous".to_owned())).await, "urgent"));
    assert!(is_rejected(&desk.act(Act::Team(99)).await, "no team 99"));
}

#[tokio::test]
async fn a_contacts_address_needs_a_users_token() {
    let desk = Desk::open(Tokens::Bot).await;
    let act = Act::ContactEmail { address: "new@example.com".to_owned() };
    assert_eq!(desk.act(act.clone()).await, SETTLED);
    assert!(desk.double.requests().is_empty(), "settled without effect");
    let desk = Desk::open(Tokens::BotAndUser).await;
    assert_eq!(desk.act(act).await, SETTLED);
    let email = || desk.double.conversation(desk.conversation).expect("it is there").email;
    assert_eq!(email().as_deref(), Some("new@example.com"));
    desk.double.new_contact("Mallory", Some("taken@example.com"));
    let taken = desk.act(Act::ContactEmail { address: "taken@example.com".to_owned() }).await;
    assert!(is_rejected(&taken, "refusing email"), "{taken:?}");
    assert!(!format!("{taken:?}").contains("taken@example.com"));
    desk.double.configure(|options| options.user_token = "rotated".to_owned());
    let refused = desk.act(Act::ContactEmail { address: "late@example.com".to_owned() }).await;
    assert!(is_rejected(&refused, "CHATWOOT_USER_TOKEN"), "an optional token does not stop the desk: {refused:?}");
}

#[tokio::test]
async fn typing_is_shown_and_hidden() {
    let desk = Desk::open(Tokens::Bot).await;
    desk.client.typing(&desk.key(), true).await.expect("bots may");
    desk.client.typing(&desk.key(), false).await.expect("bots may");
    assert_eq!(desk.double.conversation(desk.conversation).expect("it is there").typing, [true, false]);
}

#[tokio::test]
async fn an_old_chatwoot_costs_a_label_but_not_the_desk() {
    let options = || Options { version: (4, 13, 0), ..Options::default() };
    let desk = Desk::open_with(Tokens::Bot, options()).await;
    let refused = desk.act(Act::AddLabel("vip".to_owned())).await;
    assert!(is_rejected(&refused, "4.14.2"), "{refused:?}");
    let address = Some("jane@example.com".to_owned());
    let refused = desk.act(Act::MarkVerified { address: address.clone() }).await;
    assert!(is_rejected(&refused, "CHATWOOT_USER_TOKEN"), "attributes are not overwritten blindly: {refused:?}");
    assert!(matches!(desk.say("Hello").await, Verdict::Settled { .. }));
    let desk = Desk::open_with(Tokens::BotAndUser, options()).await;
    assert_eq!(desk.act(Act::MarkVerified { address }).await, SETTLED, "the user token reads for the bot");
}

#[tokio::test]
async fn only_conversations_of_our_account_are_written_to() {
    let desk = Desk::open(Tokens::Bot).await;
    for key in ["chatwoot:2:57", "web:1:57", "chatwoot:1:57/../../2", "chatwoot:1:x", "chatwoot:1:0"] {
        let to = Destination { key: ConversationKey::parse(key).expect("a key"), contact: None, reply: None, by: None };
        let verdict = desk.client.send(&to, &Act::Open, &OutboundId("row".to_owned())).await;
        assert!(is_rejected(&verdict, "account 1"), "{key}: {verdict:?}");
        assert_eq!(desk.client.link(&to.key), None);
    }
    assert!(is_rejected(&desk.say(" \n").await, "nothing to say"));
    assert!(desk.double.requests().is_empty());
}

#[tokio::test]
async fn links_lead_to_the_dashboard() {
    let key = ConversationKey::new("chatwoot", 1, 57);
    let bot = BotId::default();
    let mut settings: Settings = settings("http://chat.internal:3000/sub/");
    settings.max_text = 1_000_000;
    let channel = client(settings.clone(), &bot);
    assert_eq!(channel.link(&key).as_deref(), Some("http://chat.internal:3000/sub/app/accounts/1/conversations/57"));
    assert_eq!(channel.max_text(), 100_000);
    settings.public_url = Some("https://chat.example.com".parse().expect("an address"));
    let link = client(settings, &bot).link(&key);
    assert_eq!(link.as_deref(), Some("https://chat.example.com/app/accounts/1/conversations/57"));
}

#[test]
fn settings_that_cannot_work_are_refused_and_secrets_never_shown() {
    let make = |settings: Settings| {
        let clock = std::sync::Arc::new(frontdesk_actors::time::SystemClock);
        frontdesk::adapters::chatwoot::Chatwoot::new(settings, crate::support::mac(), BotId::default(), clock)
    };
    assert!(matches!(make(settings("ftp://chat.example.com")), Err(SetupError::BaseUrl)));
    let mut odd = settings("https://chat.example.com");
    odd.user_token = Some(SecretString::from("line\nbreak"));
    assert!(matches!(make(odd), Err(SetupError::Token("CHATWOOT_USER_TOKEN"))));
    let good = settings("https://user:word@chat.example.com");
    let shown = format!("{good:?} {:?}", make(good.clone()).expect("it can work"));
    assert!(!shown.contains("fixture") && !shown.contains("word"), "{shown}");
}
