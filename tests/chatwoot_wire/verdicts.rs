//! What becomes of an act when something goes wrong, over a real wire.

use crate::support::{Desk, Tokens, client, mac, settings};
use frontdesk::adapters::chatwoot::{BotId, Chatwoot};
use frontdesk_actors::ids::{ConversationKey, OutboundId};
use frontdesk_actors::ports::{Act, Channel, Destination, Verdict};
use frontdesk_actors::time::{Clock, Timestamp};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use secrecy::SecretString;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

fn is_unknown(verdict: &Verdict, expected: bool) -> bool {
    matches!(verdict, Verdict::Unknown { finished, .. } if *finished == expected)
}

fn status(status: u16, body: &str) -> Fault {
    Fault::Status(status, body.to_owned())
}

#[tokio::test]
async fn answers_decide_by_the_table() {
    let desk = Desk::open(Tokens::Bot).await;
    type Check = fn(&Verdict) -> bool;
    let rejected: Check = |verdict| matches!(verdict, Verdict::Rejected { .. });
    let finished: Check = |verdict| is_unknown(verdict, true);
    let running: Check = |verdict| is_unknown(verdict, false);
    let account: Check = |verdict| matches!(verdict, Verdict::AccountFault { .. });
    for (fault, expected) in [
        (status(422, r#"{"message":"Content is bad","attributes":["content"]}"#), rejected),
        (status(404, r#"{"error":"Resource could not be found"}"#), rejected),
        (status(413, "too large"), rejected),
        (status(422, r#"{"error":"boom"}"#), finished),
        (status(500, "oops"), finished),
        (status(200, "<html>a captive portal</html>"), finished),
        (status(502, ""), running),
        (status(503, ""), running),
        (status(504, ""), running),
        (Fault::Reset, running),
        (Fault::LandThenReset, running),
        (status(402, r#"{"error":"limit"}"#), account),
        (status(403, r#"{"error":"API access is not enabled for this account"}"#), account),
        (status(302, ""), account),
    ] {
        let shown = format!("{fault:?}");
        desk.double.fail_next(RequestKind::PostMessage, fault);
        let verdict = desk.say("Hello").await;
        assert!(expected(&verdict), "{shown}: {verdict:?}");
    }
    assert_eq!(desk.double.transcript(desk.conversation).len(), 1, "only the one that landed before the reset");
}

#[tokio::test]
async fn a_message_that_was_saved_before_the_422_is_there() {
    let desk = Desk::open(Tokens::Bot).await;
    desk.double.fail_next(RequestKind::PostMessage, Fault::Save422);
    assert!(is_unknown(&desk.say("Hello").await, true));
    assert_eq!(desk.double.transcript(desk.conversation)[0].row.as_deref(), Some("row-1"));
}

#[tokio::test]
async fn a_message_that_lands_after_our_time_out_lands() {
    let desk = Desk::open(Tokens::Bot).await;
    let mut hasty = settings(desk.double.base_url());
    hasty.total_timeout = Duration::from_millis(400);
    let hasty = client(hasty, &BotId::default());
    desk.double.fail_next(RequestKind::PostMessage, Fault::HangThenLand(Duration::from_secs(2)));
    let to = Destination { key: desk.key(), contact: None, reply: None, by: None };
    let text = Act::Text { text: "Hello".to_owned(), handoff: false };
    let verdict = hasty.send(&to, &text, &OutboundId("late".to_owned())).await;
    assert!(is_unknown(&verdict, false), "{verdict:?}");
    assert!(desk.double.transcript(desk.conversation).is_empty(), "it is still running");
    let landed = |world: &frontdesk_sandbox::chatwoot::WorldView<'_>| world.transcript(desk.conversation).len() == 1;
    desk.double.wait_for("the late message lands", landed).await.expect("it lands");
    desk.double.fail_next(RequestKind::PostMessage, Fault::Delay(Duration::from_secs(2)));
    assert!(is_unknown(&hasty.send(&to, &text, &OutboundId("gone".to_owned())).await, false));
}

/// A link to the double that takes up connections only from a moment on: until then its queue is full, and connecting takes
/// as long as the kernel takes to ask again. Returns its address, and how many connections it has carried.
async fn slow_link(double: std::net::SocketAddr, opens: Instant) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(0).expect("it listens");
    let address = listener.local_addr().expect("an address");
    let mut queue = Vec::new();
    while let Ok(connected) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        queue.push(connected.expect("there is room in the queue"));
    }
    let carried = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&carried);
    tokio::spawn(async move {
        tokio::time::sleep_until(opens.into()).await;
        for _ in queue.drain(..) {
            listener.accept().await.expect("it was queued");
        }
        while let Ok((mut near, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut far = TcpStream::connect(double).await.expect("the double listens");
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (address, carried)
}

#[tokio::test]
async fn what_connects_after_the_end_of_its_claim_is_not_written() {
    let desk = Desk::open(Tokens::Bot).await;
    let double =
        desk.double.base_url().trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
    let begun = Instant::now();
    let (link, carried) = slow_link(double, begun + Duration::from_millis(700)).await;
    let slow = client(settings(&format!("http://{link}")), &BotId::default());
    let text = Act::Text { text: "Hello".to_owned(), handoff: false };
    let to = |by| Destination { key: desk.key(), contact: None, reply: None, by: Some(by) };
    let by = Instant::now() + Duration::from_millis(100);
    let verdict = slow.send(&to(by), &text, &OutboundId("late".to_owned())).await;
    assert!(matches!(&verdict, Verdict::Transient { .. }), "{verdict:?}");
    assert!(Instant::now() > by, "it was not late");
    assert!(desk.double.transcript(desk.conversation).is_empty(), "it was written all the same");
    // The next try finds a connection: nobody is kept waiting for ever because connecting takes long.
    let connections = carried.load(Ordering::SeqCst);
    let by = Instant::now() + Duration::from_secs(5);
    let verdict = slow.send(&to(by), &text, &OutboundId("again".to_owned())).await;
    assert!(matches!(verdict, Verdict::Settled { .. }), "{verdict:?}");
    assert_eq!(carried.load(Ordering::SeqCst), connections, "it had to connect once more");
    let said: Vec<_> = desk.double.transcript(desk.conversation).into_iter().filter_map(|line| line.row).collect();
    assert_eq!(said, ["again"]);
}

#[tokio::test]
async fn what_was_never_written_may_be_tried_again() {
    // A port that was free a moment ago: nobody listens.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let to = Destination { key: ConversationKey::new("chatwoot", 1, 57), contact: None, reply: None, by: None };
    for base in
        [format!("http://127.0.0.1:{port}"), format!("https://127.0.0.1:{port}"), "http://nowhere.invalid".to_owned()]
    {
        let verdict =
            client(settings(&base), &BotId::default()).send(&to, &Act::Open, &OutboundId("row".to_owned())).await;
        let Verdict::Transient { retry_after: None, why } = verdict else { panic!("{base}: {verdict:?}") };
        assert!(!why.contains("/api/v1"), "{why}");
    }
    // TLS with somebody who does not speak it.
    let desk = Desk::open(Tokens::Bot).await;
    let tls = desk.double.base_url().replace("http:", "https:");
    let verdict = client(settings(&tls), &BotId::default()).send(&to, &Act::Open, &OutboundId("row".to_owned())).await;
    assert!(matches!(verdict, Verdict::Transient { .. }), "{verdict:?}");
}

/// How long rows wait that were refused together at this moment.
async fn waits(refused_at: Timestamp, rows: std::ops::Range<u32>) -> Vec<Duration> {
    let desk = Desk::open(Tokens::Bot).await;
    desk.double.configure(|options| options.requests_per_minute = Some(0));
    let clock = Arc::new(Stopped(refused_at));
    let client =
        Chatwoot::new(settings(desk.double.base_url()), mac(), BotId::default(), clock).expect("good settings");
    let to = Destination { key: desk.key(), contact: None, reply: None, by: None };
    let mut waits = Vec::new();
    for row in rows {
        let verdict = client.send(&to, &Act::Open, &OutboundId(format!("row-{row}"))).await;
        let Verdict::Transient { retry_after: Some(wait), .. } = verdict else { panic!("{verdict:?}") };
        waits.push(wait);
    }
    waits
}

/// A clock that stands still.
#[derive(Debug)]
struct Stopped(Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Chatwoot's 429 says nothing about when to come back: it counts in minutes of the clock.
#[tokio::test]
async fn too_fast_means_until_the_next_minute() {
    let minute = Timestamp::from_secs(1_790_000_040);
    assert_eq!(minute.as_secs() % 60, 0);
    let spread = Duration::from_secs(3);
    for into_minute in [0, 1, 30_000, 47_345, 59_999] {
        let rest = Duration::from_millis(60_000 - into_minute);
        let waits = waits(minute + Duration::from_millis(into_minute), 0..20).await;
        for wait in &waits {
            assert!((rest..rest + spread).contains(wait), "{into_minute} ms into a minute: {wait:?}");
        }
        let (first, last) = (waits.iter().min(), waits.iter().max());
        let apart = last.zip(first).map(|(last, first)| *last - *first);
        assert!(
            apart > Some(Duration::from_millis(1_500)),
            "rows that were refused together come back apart: {waits:?}"
        );
    }
}

#[tokio::test]
async fn a_row_that_is_refused_again_keeps_its_place_in_the_minute() {
    let minute = Timestamp::from_secs(1_790_000_040);
    assert_eq!(waits(minute, 0..5).await, waits(minute + Duration::from_secs(60), 0..5).await);
}

#[tokio::test]
async fn each_fault_of_the_account_says_what_to_do() {
    let desk = Desk::open(Tokens::Bot).await;
    let bots = "Access to this endpoint is not authorized for bots";
    for (error, advice) in [
        ("Invalid Access Token", "does not accept CHATWOOT_API_TOKEN"),
        ("You are not authorized to access this account", "CHATWOOT_ACCOUNT_ID"),
        ("You are not authorized to do this action", "access to the inbox"),
        ("Account is suspended", "reactivate"),
        (bots, "super admin"),
    ] {
        desk.double.fail_next(RequestKind::PostMessage, status(401, &format!(r#"{{"error":"{error}"}}"#)));
        let verdict = desk.say("Hello").await;
        let Verdict::AccountFault { why } = &verdict else { panic!("{error}: {verdict:?}") };
        assert!(why.contains(advice), "{error}: {why}");
    }
    let mut wrong = settings(desk.double.base_url());
    wrong.bot_token = SecretString::from("wrong");
    let to = Destination { key: desk.key(), contact: None, reply: None, by: None };
    let verdict = client(wrong, &BotId::default()).send(&to, &Act::Open, &OutboundId("row".to_owned())).await;
    assert!(matches!(&verdict, Verdict::AccountFault { why } if why.contains("CHATWOOT_API_TOKEN")), "{verdict:?}");
}

#[tokio::test]
async fn nobodys_words_get_into_what_the_operator_reads() {
    let desk = Desk::open(Tokens::Bot).await;
    let echo = r#"{"error":"Validation failed: my card is 4111"}"#;
    desk.double.fail_next(RequestKind::PostMessage, status(422, echo));
    assert!(!format!("{:?}", desk.say("my card is 4111").await).contains("4111"));
    desk.double.fail_next(RequestKind::PostLabels, status(422, r#"{"error":"param is missing"}"#));
    let shown = format!("{:?}", desk.act(Act::AddLabel("vip".to_owned())).await);
    assert!(shown.contains("param is missing"), "{shown}");
}

#[tokio::test]
async fn idempotent_acts_get_the_same_verdicts() {
    let desk = Desk::open(Tokens::Bot).await;
    let address = Some("jane@example.com".to_owned());
    for (kind, act) in [
        (RequestKind::ToggleStatus, Act::Open),
        (RequestKind::GetLabels, Act::AddLabel("vip".to_owned())),
        (RequestKind::PostLabels, Act::AddLabel("vip".to_owned())),
        (RequestKind::Priority, Act::Priority("high".to_owned())),
        (RequestKind::Assign, Act::Team(2)),
        (RequestKind::GetConversation, Act::MarkVerified { address: address.clone() }),
        (RequestKind::CustomAttributes, Act::MarkVerified { address }),
    ] {
        for (fault, finished) in [(status(500, ""), true), (status(503, ""), false), (Fault::Reset, false)] {
            desk.double.fail_next(kind, fault);
            let verdict = desk.act(act.clone()).await;
            assert!(is_unknown(&verdict, finished), "{kind:?}: {verdict:?}");
        }
    }
    let answer = r#"{"payload":{"success":null,"conversation_id":57,"current_status":"pending"}}"#;
    desk.double.fail_next(RequestKind::ToggleStatus, status(200, answer));
    assert!(is_unknown(&desk.act(Act::Open).await, true), "it says yes but did not");
}
