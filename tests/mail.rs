//! Verification mails over a real SMTP conversation: what arrives, and what every failure means.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests may")]

use frontdesk::adapters::smtp::{AlertMails, DemoMailbox, Letters, Settings, SetupError, Smtp};
use frontdesk::links::Links;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::ids::{ContactKey, ConversationKey, OutboundId};
use frontdesk_actors::ports::{AlertSink, Card, Mailer, Verdict, VerificationMail};
use frontdesk_actors::time::{Clock, Timestamp};
use frontdesk_sandbox::smtp::{Mail, SmtpServer, Stage};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const NOW: Timestamp = Timestamp::from_secs(1_795_197_959);
const ADDRESS: &str = "Dana@Example.com";

/// A clock that stands still.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        NOW
    }
}

fn links() -> Arc<Links> {
    let secret = SecretString::from("0123456789abcdef0123456789abcdef");
    Arc::new(Links::new(&secret, &Url::parse("https://desk.example.com").unwrap()).unwrap())
}

fn settings(url: &str) -> Settings {
    Settings {
        url: Some(SecretString::from(url)),
        sender_email: "desk@example.org".to_owned(),
        sender_name: "Müller & <Söhne>".to_owned(),
        sender_password: None,
        timeout: Duration::from_secs(20),
    }
}

fn smtp(settings: &Settings) -> Smtp {
    Smtp::new(settings, Letters::new(links(), &settings.sender_name), Arc::new(Noon)).unwrap()
}

fn mail(lang: Lang) -> VerificationMail {
    VerificationMail {
        key: ConversationKey::new("chatwoot", 1, 57),
        contact: Some(ContactKey::new("chatwoot", 1, 412)),
        address: ADDRESS.to_owned(),
        lang,
        challenge: "c-1".to_owned(),
        code: "042137".to_owned(),
        issued: NOW,
        expires: NOW + Duration::from_secs(86_400),
    }
}

fn id() -> OutboundId {
    OutboundId("o-57-3".to_owned())
}

/// Sends one English mail through the server.
async fn send(server: &SmtpServer) -> Verdict {
    smtp(&settings(&server.url())).send(&mail(Lang::En), &id()).await
}

const SETTLED: Verdict = Verdict::Settled { message: None };

/// Returns the operator's sentence, having checked that it shows nobody's address and no secret.
fn why(verdict: &Verdict) -> String {
    let why = match verdict {
        Verdict::Settled { .. } => panic!("it must not have been sent"),
        Verdict::Transient { why, .. }
        | Verdict::Rejected { why }
        | Verdict::Gone { why }
        | Verdict::AccountFault { why }
        | Verdict::Unknown { why, .. } => why.clone(),
    };
    let lower = why.to_lowercase();
    assert!(!lower.contains("dana") && !lower.contains("sandbox password") && !lower.contains("042137"), "{why}");
    why
}

#[tokio::test]
async fn a_mail_arrives_with_link_and_code_in_every_language() {
    let server = SmtpServer::start().unwrap();
    let smtp = smtp(&settings(&server.url()));
    for (lang, heading) in [
        (Lang::En, "Confirm your e-mail address"),
        (Lang::Ru, "Подтвердите адрес электронной почты"),
        (Lang::Kk, "Электрондық пошта мекенжайыңызды растаңыз"),
        (Lang::Mn, "Цахим шуудангийн хаягаа баталгаажуулна уу"),
    ] {
        assert_eq!(smtp.send(&mail(lang), &id()).await, SETTLED);
        let arrived = server.mails().pop().unwrap();
        assert_eq!(arrived.code().as_deref(), Some("042137"), "{lang:?}");
        assert!(arrived.text.contains(heading), "{lang:?}: {}", arrived.text);
        check_bodies(&arrived);
        assert!(arrived.html.contains(heading) && arrived.html.contains(&format!("<html lang=\"{}\">", lang.code())));
        for text in [&arrived.text, &arrived.html, arrived.subject()] {
            assert!(!text.contains("mail-") && !text.contains("{ $"), "{lang:?}: an untranslated message in {text}");
            assert!(!text.contains(['\u{2068}', '\u{2069}']), "{lang:?}: isolation marks");
        }
        assert!(arrived.text.contains("24"), "{lang:?}: how long it is good");
    }
    assert_eq!(server.wait_for_mails(4).await.unwrap().len(), 4);
}

/// Link, code and company stand in text and HTML; the company's name is escaped; nothing is fetched from outside.
fn check_bodies(arrived: &Mail) {
    let link = arrived.link().unwrap();
    let token = Url::parse(&link).unwrap().query_pairs().next().unwrap().1.into_owned();
    let claims = links().read(&token, NOW).unwrap();
    assert_eq!(claims.address_digest, links().address_digest(ADDRESS));
    assert_eq!(claims.conversation, ConversationKey::new("chatwoot", 1, 57));
    let html = &arrived.html;
    assert_eq!(html.matches(&link).count(), 3, "button, link and its text");
    assert!(html.contains("042137"));
    assert!(arrived.text.contains("Müller & <Söhne>"));
    assert!(html.contains("Müller &#38; &#60;Söhne&#62;") && !html.contains("<Söhne>"), "{html}");
    for tracker in ["<img", "<script", "<link", "src=", "url("] {
        assert!(!html.contains(tracker), "{tracker}");
    }
}

#[tokio::test]
async fn headers_are_those_of_an_automatic_mail_and_the_same_on_a_resend() {
    let server = SmtpServer::start().unwrap();
    assert_eq!(send(&server).await, SETTLED);
    assert_eq!(send(&server).await, SETTLED);
    for arrived in server.mails() {
        assert_eq!(arrived.from, "desk@example.org");
        assert_eq!(arrived.to, [ADDRESS]);
        assert_eq!(arrived.header("Message-ID"), Some("<o-57-3@example.org>"));
        assert_eq!(arrived.header("Auto-Submitted"), Some("auto-generated"));
        assert_eq!(arrived.header("MIME-Version"), Some("1.0"));
        assert!(
            arrived.header("Date").unwrap().starts_with("Fri, 20 Nov 2026 18:05:59"),
            "{:?}",
            arrived.header("Date")
        );
        assert_eq!(arrived.subject(), "042137 is your code for Müller & <Söhne>");
        assert!(arrived.header("From").unwrap().contains("Müller & <Söhne>"), "{:?}", arrived.header("From"));
        assert!(arrived.header("Content-Type").unwrap().starts_with("multipart/alternative"));
        assert!(arrived.raw.is_ascii(), "no server needs 8BITMIME for it");
    }
}

#[tokio::test]
async fn a_hostile_row_id_or_sender_name_cannot_add_headers() {
    let server = SmtpServer::start().unwrap();
    let hostile = Settings { sender_name: "Acme\r\nBcc: x@example.com".to_owned(), ..settings(&server.url()) };
    let id = OutboundId("o 1>\r\nX-Evil: yes".to_owned());
    assert_eq!(smtp(&hostile).send(&mail(Lang::En), &id).await, SETTLED);
    let arrived = server.mails().pop().unwrap();
    assert_eq!(arrived.header("Message-ID"), Some("<o-1---X-Evil--yes@example.org>"));
    assert!(arrived.header("Bcc").is_none() && arrived.header("X-Evil").is_none());
}

#[tokio::test]
async fn invalid_addresses_are_rejected_without_a_connection() {
    let server = SmtpServer::start().unwrap();
    let smtp = smtp(&settings(&server.url()));
    for address in ["", "dana", "dana@", "@example.com", "a b@example.com", "dana@example.com\r\nRCPT TO:<x@y.z>"] {
        let verdict = smtp.send(&VerificationMail { address: address.to_owned(), ..mail(Lang::En) }, &id()).await;
        assert!(matches!(verdict, Verdict::Rejected { .. }), "{address:?}: {verdict:?}");
    }
    assert_eq!(server.connections(), 0);
    let verdict =
        smtp.send(&VerificationMail { address: "дана@example.com".to_owned(), ..mail(Lang::En) }, &id()).await;
    assert!(why(&verdict).contains("non-ASCII"), "{verdict:?}");
}

#[tokio::test]
async fn a_server_that_is_down_is_tried_again_and_comes_back() {
    let mut server = SmtpServer::start().unwrap();
    server.down().await.unwrap();
    let verdict = send(&server).await;
    assert!(matches!(verdict, Verdict::Transient { retry_after: None, .. }), "{verdict:?}");
    assert!(why(&verdict).contains("SMTP_URL"));
    server.up().unwrap();
    assert_eq!(send(&server).await, SETTLED);
}

#[tokio::test]
async fn temporary_refusals_are_transient_at_every_stage() {
    let server = SmtpServer::start().unwrap();
    let stages = [Stage::Greeting, Stage::Auth, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Message];
    for (stage, code) in stages.into_iter().zip([421, 454, 451, 450, 452, 451]) {
        server.refuse_times(1, stage, code, "4.7.0 Dana@Example.com must wait");
        let verdict = send(&server).await;
        assert!(matches!(verdict, Verdict::Transient { retry_after: None, .. }), "{stage:?}: {verdict:?}");
        assert!(why(&verdict).contains(&code.to_string()));
    }
    server.greylist(2);
    for _ in 0..2 {
        assert!(matches!(send(&server).await, Verdict::Transient { .. }));
    }
    assert_eq!(send(&server).await, SETTLED, "the greylist is over");
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn gmails_daily_limit_is_a_5xx_that_passes() {
    let server = SmtpServer::start().unwrap();
    for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Message] {
        server.refuse_times(1, stage, 550, "5.4.5 Daily user sending limit exceeded.");
        let verdict = send(&server).await;
        let Verdict::Transient { retry_after, .. } = &verdict else { panic!("{stage:?}: {verdict:?}") };
        assert_eq!(*retry_after, Some(Duration::from_secs(3600)), "{stage:?}");
        assert!(why(&verdict).contains("daily"));
    }
}

#[tokio::test]
async fn refused_recipients_are_rejected() {
    let server = SmtpServer::start().unwrap();
    server.refuse_rcpt(550, "5.1.1 <Dana@Example.com> no such user");
    let verdict = send(&server).await;
    assert_eq!(verdict, Verdict::Rejected { why: "the mail server answered 550 5.1.1 to RCPT TO".to_owned() });
    server.recover();
    server.refuse_times(1, Stage::Message, 552, "5.3.4 too large");
    assert!(matches!(send(&server).await, Verdict::Rejected { .. }));
    assert_eq!(server.mails(), []);
}

#[tokio::test]
async fn a_wrong_login_is_the_accounts_fault_with_advice() {
    let server = SmtpServer::start().unwrap();
    server.auth_fails();
    let verdict = send(&server).await;
    assert!(matches!(verdict, Verdict::AccountFault { .. }), "{verdict:?}");
    assert!(why(&verdict).contains("app password"));
    server.recover();
    server.refuse_times(1, Stage::Auth, 534, "5.7.9 Application-specific password required.");
    assert!(matches!(send(&server).await, Verdict::AccountFault { .. }));

    let anonymous = Settings { sender_password: None, ..settings(&format!("smtp://{}?tls=none", server.address())) };
    let verdict = smtp(&anonymous).send(&mail(Lang::En), &id()).await;
    assert!(matches!(verdict, Verdict::AccountFault { .. }), "530 at MAIL: {verdict:?}");
    let wrong = Settings { sender_password: Some(SecretString::from("wrong")), ..anonymous };
    assert!(matches!(smtp(&wrong).send(&mail(Lang::En), &id()).await, Verdict::AccountFault { .. }));

    server.hide_auth();
    let verdict = send(&server).await;
    assert!(why(&verdict).contains("offers no login"), "{verdict:?}");
    server.recover();
    server.refuse_times(1, Stage::Rcpt, 554, "5.7.1 <Dana@Example.com>: Relay access denied");
    assert!(why(&send(&server).await).contains("wants a login"));
}

#[tokio::test]
async fn silence_after_the_message_is_an_unknown_outcome() {
    let server = SmtpServer::start().unwrap();
    server.cut_after_data();
    let verdict = send(&server).await;
    assert!(matches!(verdict, Verdict::Unknown { finished: false, .. }), "{verdict:?}");
    server.recover();
    server.hang_after_data();
    let impatient = Settings { timeout: Duration::from_secs(2), ..settings(&server.url()) };
    let verdict = smtp(&impatient).send(&mail(Lang::En), &id()).await;
    assert!(matches!(verdict, Verdict::Unknown { finished: false, .. }), "{verdict:?}");
    assert!(why(&verdict).contains("in time"));
    let ids: Vec<_> = server.mails().iter().map(|mail| mail.header("Message-ID").unwrap().to_owned()).collect();
    assert_eq!(ids, ["<o-57-3@example.org>", "<o-57-3@example.org>"], "both had arrived, and can be told to be one");
}

#[tokio::test]
async fn nothing_is_sent_in_the_clear_against_orders() {
    let server = SmtpServer::start().unwrap();
    let at = server.address();
    for (url, expected) in [
        (format!("smtp://u:p@{at}?tls=required"), "STARTTLS"),
        (format!("smtp://u:p@{at}?tls=opportunistic"), "STARTTLS"),
        (format!("smtps://u:p@{at}"), "TLS"),
    ] {
        let verdict = smtp(&settings(&url)).send(&mail(Lang::En), &id()).await;
        assert!(why(&verdict).contains(expected), "{url}: {verdict:?}");
        let expected_kind = if url.starts_with("smtps") {
            matches!(verdict, Verdict::Transient { .. })
        } else {
            matches!(verdict, Verdict::AccountFault { .. })
        };
        assert!(expected_kind, "{url}: {verdict:?}");
    }
    assert_eq!(server.mails(), []);
}

#[test]
fn bad_settings_are_refused_and_nothing_is_shown() {
    let new = |settings: &Settings| Smtp::new(settings, Letters::new(links(), "Acme"), Arc::new(Noon));
    let good = settings("smtp://u:hunter2@127.0.0.1:1");
    assert!(!format!("{:?} {:?}", new(&good).unwrap(), good).contains("hunter2"));
    let sender = Settings { sender_email: "not an address".to_owned(), ..good.clone() };
    assert_eq!(new(&sender).unwrap_err(), SetupError::Sender);
    let nothing = Settings { url: None, ..good };
    assert!(new(&nothing).unwrap_err().to_string().contains("SMTP_URL"));
}

#[tokio::test]
async fn the_demo_mailbox_shows_what_would_have_been_sent() {
    let mailbox = DemoMailbox::new(Letters::new(links(), ""), Arc::new(Noon));
    for _ in 0..2 {
        assert_eq!(mailbox.send(&mail(Lang::Ru), &id()).await, SETTLED);
    }
    let list = mailbox.list();
    assert_eq!(list.len(), 1, "a mail that goes out again under the same id is the same mail");
    let heard = &list[0];
    assert_eq!((heard.to.as_str(), heard.code.as_str(), heard.at), (ADDRESS, "042137", NOW));
    assert!(heard.text.contains(&heard.link) && heard.html.contains(&heard.link));
    assert!(heard.subject.contains("desk.example.com"), "without a company's name, the host stands in");
    let debug = format!("{heard:?} {:?}", mailbox);
    assert!(!debug.contains("Dana") && !debug.contains("042137") && !debug.contains("token"), "{debug}");
    let nowhere = VerificationMail { address: "nowhere".to_owned(), ..mail(Lang::En) };
    assert!(matches!(mailbox.send(&nowhere, &id()).await, Verdict::Rejected { .. }));
}

#[tokio::test]
async fn a_card_goes_to_colleagues_by_mail() {
    let server = SmtpServer::start().unwrap();
    let sender = Arc::new(smtp(&settings(&server.url())));
    let words = |_: &Card| ("The model is gone".to_owned(), "Check OPENAI_MODEL.\n".to_owned());
    let mails = AlertMails::new(sender.clone(), "ops@example.org", Box::new(words)).unwrap();
    let card = Card::Resolved { text: String::new(), at: NOW };
    assert!(matches!(mails.post(&card).await, Verdict::Settled { .. }));
    let received = server.wait_for_mails(1).await.unwrap();
    assert_eq!(
        (received[0].to.as_slice(), received[0].subject()),
        (&["ops@example.org".to_owned()][..], "The model is gone")
    );
    assert!(received[0].text.contains("Check OPENAI_MODEL."));
    assert!(AlertMails::new(sender, "not an address", Box::new(|_| Default::default())).is_none());
}
