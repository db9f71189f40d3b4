//! Sends verification mails over SMTP, with lettre.
//!
//! The conversation with the server is driven step by step instead of through lettre's transport, because what a
//! failure means depends on where it happens: before the message is handed over nothing was sent, after it nobody knows.
//! One connection per mail: a desk sends a few an hour, and servers drop idle connections.

mod alert;
mod demo;
mod letter;
mod server;
mod session;
mod verdict;

pub use alert::AlertMails;
pub use demo::{DemoMail, DemoMailbox};
pub use letter::{Letter, Letters};

use async_trait::async_trait;
use frontdesk_actors::ids::OutboundId;
use frontdesk_actors::ports::{Mailer, Verdict, VerificationMail};
use frontdesk_actors::time::{Clock, Timestamp};
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use secrecy::SecretString;
use server::Server;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// How mail is sent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `SMTP_URL`: `smtps://user:password@host`, or `smtp://user:password@host:port?tls=required|opportunistic|none`.
    /// Without it, Gmail is used with the sender's address and password. `smtp://` without `tls=` means `required`, but
    /// `none` for a server on this machine.
    pub url: Option<SecretString>,
    /// `SENDER_EMAIL`: the From address.
    pub sender_email: String,
    /// `SENDER_NAME`: the company, as customers know it.
    pub sender_name: String,
    /// `SENDER_PASSWORD`: used unless the URL names a user. For Gmail an app password; its spaces are ignored.
    pub sender_password: Option<SecretString>,
    /// How long each step (connecting, addressing, handing over) may take.
    pub timeout: Duration,
}

/// Why mail cannot be set up. Every message says what to do and shows no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The URL is not one of a mail server.
    #[error("SMTP_URL is not usable: {0}. Example: smtps://user:password@mail.example.com")]
    Url(&'static str),
    /// The sender is not an address.
    #[error("SENDER_EMAIL is not an e-mail address; it becomes the From of every mail")]
    Sender,
    /// No server and no password.
    #[error(
        "no mail server: set SMTP_URL, or SENDER_PASSWORD with a Gmail app password \
         (https://myaccount.google.com/apppasswords)"
    )]
    NoServer,
    /// The system's certificates cannot be used.
    #[error("TLS cannot be set up for the mail server: {0}. Install the system's ca-certificates")]
    Tls(String),
}

/// Sends verification mails.
pub struct Smtp {
    server: Server,
    from: Mailbox,
    hello: ClientId,
    letters: Letters,
    clock: Arc<dyn Clock>,
    refuses_messages: AtomicBool,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Smtp {
    /// Prepares to send; connects to nobody yet.
    ///
    /// # Errors
    /// [`SetupError`], with what to do.
    pub fn new(settings: &Settings, letters: Letters, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let sender: Address = settings.sender_email.trim().parse().map_err(|_| SetupError::Sender)?;
        let name: String = settings.sender_name.chars().filter(|c| !c.is_control()).collect();
        Ok(Self {
            server: Server::new(settings)?,
            from: Mailbox::new(Some(name).filter(|name| !name.trim().is_empty()), sender),
            hello: ClientId::default(),
            letters,
            clock,
            refuses_messages: AtomicBool::new(false),
        })
    }

    fn message(&self, to: Address, mail: &VerificationMail, id: &OutboundId) -> Option<Message> {
        let letter = self.letters.compose(mail);
        let body = MultiPart::alternative_plain_html(letter.text, letter.html);
        self.envelope(to, id).subject(letter.subject).multipart(body).ok()
    }

    fn envelope(&self, to: Address, id: &OutboundId) -> MessageBuilder {
        let raw =
            |name: &'static str, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .date(system_time(self.clock.now()))
            .message_id(Some(message_id(id, &self.from.email)))
            // RFC 3834: keeps vacation responders from answering. The second header says it to Exchange.
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Auto-Response-Suppress", "All"))
    }

    /// Sends a plain mail of the desk's own.
    async fn deliver_plain(&self, to: &Address, (subject, text): (String, String), id: &OutboundId) -> Verdict {
        match self.envelope(to.clone(), id).subject(subject).body(text) {
            Ok(message) => self.hand_over(to.clone(), &message).await,
            Err(_) => rejected("the mail could not be put together"),
        }
    }

    async fn hand_over(&self, to: Address, message: &Message) -> Verdict {
        match Envelope::new(Some(self.from.email.clone()), vec![to]) {
            Ok(envelope) => {
                let delivered = session::deliver(&self.server, &self.hello, &envelope, &message.formatted()).await;
                self.refuses_messages.store(delivered.message_refused, Ordering::Relaxed);
                delivered.verdict
            }
            Err(_) => rejected("the mail could not be addressed"),
        }
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, mail: &VerificationMail, id: &OutboundId) -> Verdict {
        let Ok(to) = mail.address.trim().parse::<Address>() else {
            return rejected("the customer's address is not a valid e-mail address");
        };
        let Some(message) = self.message(to.clone(), mail, id) else {
            return rejected("the mail could not be put together");
        };
        self.hand_over(to, &message).await
    }

    fn refuses_messages(&self) -> bool {
        self.refuses_messages.load(Ordering::Relaxed)
    }
}

fn rejected(why: &str) -> Verdict {
    Verdict::Rejected { why: why.to_owned() }
}

/// Returns the Message-ID: the same for every try of a row, so that a mail sent twice is filed as one.
fn message_id(id: &OutboundId, sender: &Address) -> String {
    let local: String =
        id.0.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.+".contains(c) { c } else { '-' }).collect();
    format!("<{local}@{}>", sender.domain())
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + at.since(Timestamp::from_millis(0))
}
