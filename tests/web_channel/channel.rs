//! What a channel promises, kept by the page.

use crate::fakes::{MemoryStore, Ticking};
use frontdesk::adapters::web::{
    Cursor, Draft, Entry, Follower, Kind, Session, Update, Web, WebError, WebSettings, Who,
};
use frontdesk_actors::domain::{Assignee, Event, Status};
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId};
use frontdesk_actors::ports::{Act, Author, Channel, Destination, Store, Verdict};
use std::sync::Arc;
use std::time::Duration;

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(10);

fn web_on(store: &Arc<MemoryStore>, settings: WebSettings) -> Arc<Web> {
    Arc::new(Web::new(Arc::clone(store) as Arc<dyn Store>, Arc::new(Ticking::default()), settings))
}

fn desk() -> (Arc<MemoryStore>, Arc<Web>, Session) {
    let store = Arc::new(MemoryStore::default());
    let web = web_on(&store, WebSettings::default());
    (store, web, Session::fresh())
}

fn draft(text: &str) -> Draft {
    Draft::new(text).expect("a good text")
}

fn row(id: &str) -> OutboundId {
    OutboundId(id.to_owned())
}

async fn next_entry(follower: &mut Follower) -> Entry {
    match tokio::time::timeout(LONG, follower.next()).await.expect("in time") {
        Update::Entry(entry) => entry,
        Update::Typing(_) | Update::Cleared => panic!("an entry comes next"),
    }
}

async fn send(web: &Web, key: &ConversationKey, act: Act, id: &str) -> Verdict {
    web.send(&Destination { key: key.clone(), contact: None, reply: None, by: None }, &act, &row(id)).await
}

async fn say(web: &Web, key: &ConversationKey, text: &str, id: &str) -> Verdict {
    send(web, key, Act::Text { text: text.to_owned(), handoff: false }, id).await
}

/// The desk got the conversation back while a message that still read "open" was on its way to the engine.
#[tokio::test]
async fn what_was_handed_back_meanwhile_is_told() {
    let (_, web, session) = desk();
    let key = session.key();
    send(&web, &key, Act::Open, "row-1").await;
    let posted = web.customer_wrote(&session, draft("and now?")).await.unwrap();
    assert!(posted.with_person && web.back_by_now(&key).await.unwrap().is_none());
    send(&web, &key, Act::Pend, "row-2").await;
    let news = web.back_by_now(&key).await.unwrap().expect("it is the desk's again");
    assert_eq!(news.event, Event::StateChanged);
    let (before, after) = (posted.inbound.state.unwrap(), news.state.unwrap());
    assert_eq!((before.status, after.status), (Status::Open, Status::Pending));
    assert!(after.version > before.version);
}

#[tokio::test]
async fn a_send_settles_once_and_a_repetition_is_the_same_message() {
    let (_, web, session) = desk();
    let key = session.key();
    let settled = Verdict::Settled { message: Some(MessageId::numeric(1)) };
    assert_eq!(say(&web, &key, "hello", "row-1").await, settled);
    assert_eq!(say(&web, &key, "hello", "row-1").await, settled);
    assert_eq!(send(&web, &key, Act::Open, "row-2").await, Verdict::Settled { message: None });
    assert_eq!(web.transcript(&key, 0).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_store_that_is_away_makes_a_send_transient_and_nothing_else() {
    let (store, web, session) = desk();
    store.set_away(true);
    assert!(matches!(say(&web, &session.key(), "hello", "r").await, Verdict::Transient { .. }));
    assert!(web.look(&session.key(), MessageId::default()).await.is_err());
    assert!(matches!(web.customer_wrote(&session, draft("hi")).await, Err(WebError::Store(_))));
    store.set_away(false);
    assert!(matches!(say(&web, &session.key(), "hello", "r").await, Verdict::Settled { .. }));
}

#[tokio::test]
async fn a_look_tells_whose_each_message_is_and_who_has_the_conversation() {
    let (_, web, session) = desk();
    let key = session.key();
    web.customer_wrote(&session, draft("hi")).await.unwrap();
    say(&web, &key, "hello", "r1").await;
    send(&web, &key, Act::Note { text: "a note".into() }, "r2").await;
    send(&web, &key, Act::MarkVerified { address: None }, "r3").await;
    web.agent_wrote(&key, draft("I am here")).await.unwrap();
    let look = web.look(&key, MessageId::default()).await.unwrap();
    let authors: Vec<Author> = look.messages.iter().map(|seen| seen.author.clone()).collect();
    let expected = [Author::Customer, Author::Us(row("r1")), Author::Us(row("r2")), Author::Private, Author::Person];
    assert_eq!(authors, expected);
    assert_eq!((look.state.status, look.complete), (Status::Open, true));
    assert!(matches!(look.state.assignee, Assignee::Person(_)));
    let later = web.look(&key, MessageId::numeric(2)).await.unwrap();
    assert_eq!(later.messages.first().map(|seen| seen.id), Some(MessageId::numeric(3)));
    assert_eq!(later.state.version, 6, "the version is the feed's length, status lines included");
}

#[tokio::test]
async fn a_repeated_post_of_the_browser_is_the_same_message() {
    let (_, web, session) = desk();
    let first = web.customer_wrote(&session, draft("hi").with_id(Some("abc"))).await.unwrap();
    let again = web.customer_wrote(&session, draft("other words").with_id(Some("abc"))).await.unwrap();
    assert_eq!(first.seq, again.seq);
    assert_eq!(first.inbound.event, again.inbound.event, "the words that stand are the first ones");
    assert_eq!(first.inbound.contact.map(|contact| contact.key.to_string()), Some(session.key().to_string()));
    let Event::CustomerWrote(message) = first.inbound.event else { panic!("a customer wrote") };
    assert_eq!((message.id, message.text.as_str()), (MessageId::numeric(1), "hi"));
}

#[tokio::test]
async fn a_visitor_who_writes_too_fast_is_slowed_down_alone() {
    let store = Arc::new(MemoryStore::default());
    let web = web_on(&store, WebSettings { per_session: 2, ..WebSettings::default() });
    let (fast, other) = (Session::fresh(), Session::fresh());
    for _ in 0..2 {
        web.customer_wrote(&fast, draft("hi")).await.unwrap();
    }
    assert!(matches!(web.customer_wrote(&fast, draft("hi")).await, Err(WebError::TooFast)));
    assert!(web.customer_wrote(&other, draft("hi")).await.is_ok());
}

#[tokio::test]
async fn people_take_a_conversation_and_give_it_back() {
    let (_, web, session) = desk();
    let key = session.key();
    let taken = web.agent_connects(&key).await.unwrap();
    assert_eq!(taken.event, Event::StateChanged);
    let state = taken.state.unwrap();
    assert_eq!((state.status, state.assignee, state.version), (Status::Open, Assignee::Person("console".into()), 1));
    send(&web, &key, Act::Open, "r").await;
    assert!(web.standing(&key).await.unwrap().has_person(), "opening keeps who is assigned");
    assert!(web.customer_wrote(&session, draft("still there?")).await.unwrap().with_person);
    let back = web.hand_back(&key).await.unwrap().state.unwrap();
    assert_eq!((back.status, back.assignee), (Status::Pending, Assignee::Nobody));
    assert!(!web.customer_wrote(&session, draft("hi")).await.unwrap().with_person);
    let wrote = web.agent_wrote(&key, draft("me again")).await.unwrap();
    assert!(matches!(wrote.event, Event::PersonWrote { .. }));
    assert_eq!(wrote.state.map(|state| state.status), Some(Status::Open), "who answers has the conversation");
}

#[tokio::test]
async fn a_feed_that_dropped_its_oldest_entries_still_knows_who_has_the_conversation() {
    let store = Arc::new(MemoryStore::default());
    let web = web_on(&store, WebSettings { per_session: 10_000, all_sessions: 10_000, ..WebSettings::default() });
    let session = Session::fresh();
    web.agent_connects(&session.key()).await.unwrap();
    for number in 0..1400 {
        let posted = web.customer_wrote(&session, draft("hello?")).await.unwrap();
        assert!(posted.with_person, "forgotten after {number} messages");
    }
    assert!(!web.look(&session.key(), MessageId::default()).await.unwrap().complete, "it cannot show everything");
}

#[tokio::test]
async fn a_message_that_found_a_person_is_noted_unless_the_customer_can_see_it() {
    let (_, web, session) = desk();
    let key = session.key();
    let write = async || {
        let posted = web.customer_wrote(&session, draft("hello?")).await.unwrap();
        web.routed(&key, posted.seq, "A person will answer.".to_owned()).await.unwrap();
    };
    write().await;
    write().await;
    web.agent_wrote(&key, draft("yes")).await.unwrap();
    write().await;
    web.hand_back(&key).await.unwrap();
    web.agent_connects(&key).await.unwrap();
    write().await;
    let notes = web.transcript(&key, 0).await.unwrap().iter().filter(|entry| entry.kind == Kind::Routed).count();
    assert_eq!(notes, 2);
}

#[tokio::test]
async fn a_watcher_sees_the_backlog_then_what_comes_then_what_another_node_wrote() {
    let store = Arc::new(MemoryStore::default());
    let settings = WebSettings { poll: Duration::from_millis(20), ..WebSettings::default() };
    let (here, there) = (web_on(&store, settings.clone()), web_on(&store, settings));
    let session = Session::fresh();
    let key = session.key();
    here.customer_wrote(&session, draft("one")).await.unwrap();
    let mut follower = here.follow(&key, None).unwrap();
    let mut texts = Vec::new();
    for step in 0..3 {
        texts.push(next_entry(&mut follower).await.text);
        match step {
            0 => drop(say(&here, &key, "two", "r1").await),
            1 => drop(say(&there, &key, "three", "r2").await),
            _ => {}
        }
    }
    assert_eq!(texts, ["one", "two", "three"]);
    here.typing(&key, true).await.unwrap();
    assert_eq!(tokio::time::timeout(LONG, follower.next()).await.unwrap(), Update::Typing(true));
    let mut resumed = there.follow(&key, follower.cursor()).unwrap();
    say(&there, &key, "four", "r3").await;
    assert_eq!(next_entry(&mut resumed).await.text, "four", "nothing is shown twice");
}

#[tokio::test]
async fn a_watcher_of_an_erased_conversation_is_told_even_if_it_has_grown_again() {
    let store = Arc::new(MemoryStore::default());
    let web = web_on(&store, WebSettings { poll: Duration::from_millis(20), ..WebSettings::default() });
    let session = Session::fresh();
    let key = session.key();
    web.customer_wrote(&session, draft("old")).await.unwrap();
    let mut follower = web.follow(&key, None).unwrap();
    next_entry(&mut follower).await;
    store.erase(&key).await.unwrap();
    web.customer_wrote(&session, draft("new")).await.unwrap();
    assert_eq!(tokio::time::timeout(LONG, follower.next()).await.unwrap(), Update::Cleared);
    let entry = next_entry(&mut follower).await;
    assert_eq!((entry.seq, entry.text.as_str()), (1, "new"));
}

#[tokio::test]
async fn waiting_for_a_reply_ends_with_the_desks_words_or_with_its_hand_over() {
    let (_, web, session) = desk();
    let key = session.key();
    say(&web, &key, "an old answer", "r0").await;
    let posted = web.customer_wrote(&session, draft("hi")).await.unwrap();
    let waiting = {
        let (web, key) = (Arc::clone(&web), key.clone());
        tokio::spawn(async move { web.await_reply(&key, posted.seq, LONG).await })
    };
    send(&web, &key, Act::Note { text: "private".into() }, "r1").await;
    say(&web, &key, "the answer", "r2").await;
    assert_eq!(waiting.await.unwrap().map(|entry| entry.text).as_deref(), Some("the answer"));
    let posted = web.customer_wrote(&session, draft("a person please")).await.unwrap();
    send(&web, &key, Act::Text { text: "One moment".into(), handoff: true }, "r3").await;
    let reply = web.await_reply(&key, posted.seq, LONG).await.unwrap();
    assert_eq!((reply.who, reply.kind), (Who::System, Kind::Handoff));
    let posted = web.customer_wrote(&session, draft("hello?")).await.unwrap();
    assert_eq!(web.await_reply(&key, posted.seq, Duration::from_millis(30)).await, None);
}

#[tokio::test]
async fn a_cursor_of_a_fresh_feed_waits_from_its_beginning() {
    let (_, web, session) = desk();
    let mut follower = web.follow(&session.key(), Some(Cursor::after(0))).unwrap();
    web.customer_wrote(&session, draft("first")).await.unwrap();
    next_entry(&mut follower).await;
}

#[tokio::test]
async fn a_card_leads_back_to_the_page() {
    let store = Arc::new(MemoryStore::default());
    let public_url = Some("https://desk.example/".to_owned());
    let web = web_on(&store, WebSettings { public_url, ..WebSettings::default() });
    let key = Session::demo().key();
    assert_eq!(web.link(&key).as_deref(), Some("https://desk.example/#conversation=web:page:demo"));
    assert_eq!(web_on(&store, WebSettings::default()).link(&key), None);
}
