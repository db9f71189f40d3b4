//! One SMTP conversation: connect, prove who we are, address, hand over, leave.

use super::server::{Security, Server};
use super::verdict::{Stage, Trouble, is_about_message, judge};
use frontdesk_actors::ports::Verdict;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use std::time::Duration;
use tokio::time::timeout;

/// How long a server is given to say goodbye. The verdict stands already.
const FAREWELL: Duration = Duration::from_secs(1);

/// A failure and where it happened.
struct Failed(Stage, Trouble);

/// What became of a message.
pub(super) struct Delivered {
    pub(super) verdict: Verdict,
    /// Whether it was refused for what it is or whom it comes from, and not for its address.
    pub(super) message_refused: bool,
}

impl Delivered {
    fn failed(stage: Stage, trouble: &Trouble) -> Self {
        Self { verdict: judge(stage, trouble), message_refused: is_about_message(stage, trouble) }
    }
}

/// Hands one message over and returns what became of it.
pub(super) async fn deliver(server: &Server, hello: &ClientId, envelope: &Envelope, message: &[u8]) -> Delivered {
    let mut connection = match within(server, Stage::Connect, open(server, hello)).await {
        Ok(connection) => connection,
        Err(Failed(stage, trouble)) => return Delivered::failed(stage, &trouble),
    };
    let outcome = hand_over(server, &mut connection, envelope, message).await;
    if outcome.as_ref().err().is_none_or(|Failed(_, trouble)| matches!(trouble, Trouble::Reply { .. })) {
        // The server still talks to us, so it is told that we leave; whether it answers changes nothing.
        let _unheard = timeout(FAREWELL, connection.quit()).await;
    }
    match outcome {
        Ok(()) => Delivered { verdict: Verdict::Settled { message: None }, message_refused: false },
        Err(Failed(stage, trouble)) => Delivered::failed(stage, &trouble),
    }
}

/// Logs in, addresses and sends. Each step has its own time, because only the last one leaves doubt.
async fn hand_over(
    server: &Server,
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    message: &[u8],
) -> Result<(), Failed> {
    within(server, Stage::Login, log_in(server, connection)).await?;
    within(server, Stage::Sender, address(connection, envelope)).await?;
    let sent = async { connection.message(message).await.map_err(|error| failed(Stage::Message, &error)) };
    within(server, Stage::Message, sent).await.map(|_accepted| ())
}

async fn within<T>(server: &Server, stage: Stage, step: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    timeout(server.timeout, step).await.unwrap_or(Err(Failed(stage, Trouble::Timeout)))
}

async fn open(server: &Server, hello: &ClientId) -> Result<AsyncSmtpConnection, Failed> {
    let fail = |error: lettre::transport::smtp::Error| failed(Stage::Connect, &error);
    let implicit = match &server.security {
        Security::Implicit(tls) => Some(tls.clone()),
        Security::Required(_) | Security::Opportunistic(_) | Security::Clear => None,
    };
    let place = (server.host.as_str(), server.port);
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(place, Some(server.timeout), hello, implicit, None).await.map_err(fail)?;
    match &server.security {
        Security::Implicit(_) | Security::Clear => {}
        Security::Opportunistic(_) if !connection.can_starttls() => {}
        Security::Required(tls) | Security::Opportunistic(tls) => encrypt(&mut connection, tls, hello).await?,
    }
    Ok(connection)
}

async fn encrypt(connection: &mut AsyncSmtpConnection, tls: &TlsParameters, hello: &ClientId) -> Result<(), Failed> {
    if !connection.can_starttls() {
        return Err(Failed(Stage::Connect, Trouble::NoStartTls));
    }
    connection.starttls(tls.clone(), hello).await.map_err(|error| failed(Stage::Connect, &error))
}

async fn log_in(server: &Server, connection: &mut AsyncSmtpConnection) -> Result<(), Failed> {
    let Some(credentials) = &server.credentials else { return Ok(()) };
    if !connection.is_encrypted() && !matches!(server.security, Security::Clear) {
        return Err(Failed(Stage::Login, Trouble::NoStartTls));
    }
    let mechanisms = [Mechanism::Plain, Mechanism::Login];
    if connection.server_info().get_auth_mechanism(&mechanisms).is_none() {
        return Err(Failed(Stage::Login, Trouble::NoAuth));
    }
    connection.auth(&mechanisms, credentials).await.map(|_welcome| ()).map_err(|error| failed(Stage::Login, &error))
}

/// Says who it is from and for, up to the server's "go ahead" to DATA.
async fn address(connection: &mut AsyncSmtpConnection, envelope: &Envelope) -> Result<(), Failed> {
    let mut parameters = Vec::new();
    if envelope.to().iter().chain(envelope.from()).any(|address| !address.to_string().is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failed(Stage::Recipient, Trouble::NoUtf8));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let sender = Mail::new(envelope.from().cloned(), parameters);
    connection.command(sender).await.map_err(|error| failed(Stage::Sender, &error))?;
    for recipient in envelope.to() {
        let recipient = Rcpt::new(recipient.clone(), Vec::new());
        connection.command(recipient).await.map_err(|error| failed(Stage::Recipient, &error))?;
    }
    connection.command(Data).await.map(|_go_ahead| ()).map_err(|error| failed(Stage::Data, &error))
}

/// Keeps of lettre's error what judging needs. Its text may quote the address, so it never leaves this module whole.
fn failed(stage: Stage, error: &lettre::transport::smtp::Error) -> Failed {
    let source = || std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let trouble = match error.status() {
        Some(code) => Trouble::Reply { code: u16::from(code), text: source() },
        None if error.is_timeout() => Trouble::Timeout,
        // Nothing of ours was said yet when connecting fails, so the cause is safe to show, and certificates need it.
        None if stage == Stage::Connect => Trouble::Connection(source()),
        None => Trouble::Connection(String::new()),
    };
    Failed(stage, trouble)
}
