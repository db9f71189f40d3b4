//! What a mail server's behaviour means: the table of verdicts.
//!
//! Facts: RFC 5321 §4.2 and RFC 3463; Gmail's own codes from support.google.com/a/answer/3726730 (550 5.4.5 is a 5xx that
//! is temporary). Server texts often quote the address, so only codes reach the operator.

use frontdesk_actors::ports::Verdict;
use std::time::Duration;

/// How long Gmail's daily limit is respected before the next try. It counts over a rolling day.
const DAILY_LIMIT_PAUSE: Duration = Duration::from_secs(3600);

/// How far the conversation had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Name, TCP, TLS, greeting, EHLO, STARTTLS.
    Connect,
    /// AUTH.
    Login,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, up to the server's "go ahead".
    Data,
    /// The message itself, up to the server's receipt: the only stage that leaves doubt.
    Message,
}

impl Stage {
    const fn name(self) -> &'static str {
        match self {
            Stage::Connect => "the greeting",
            Stage::Login => "AUTH",
            Stage::Sender => "MAIL FROM",
            Stage::Recipient => "RCPT TO",
            Stage::Data => "DATA",
            Stage::Message => "the message",
        }
    }
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server said no.
    Reply {
        /// The three digits.
        code: u16,
        /// The first line of the text.
        text: String,
    },
    /// The server said nothing in time.
    Timeout,
    /// There is no connection (any more), or what came was not SMTP. The cause, where it is safe to show.
    Connection(String),
    /// Encryption is demanded and not offered.
    NoStartTls,
    /// A login is configured and none is offered.
    NoAuth,
    /// The address needs SMTPUTF8 and the server has not got it.
    NoUtf8,
}

/// Decides what a failure means.
pub(super) fn judge(stage: Stage, trouble: &Trouble) -> Verdict {
    match trouble {
        Trouble::Reply { code, text } => reply(stage, *code, text),
        Trouble::Timeout => unanswered(stage, "did not answer in time", ""),
        Trouble::Connection(cause) => unanswered(stage, "could not be reached, or the connection broke", cause),
        Trouble::NoStartTls => fault(
            "the mail server offers no STARTTLS, and nothing is sent without encryption: use smtps:// or the right port in \
             SMTP_URL (tls=none allows clear text, on a trusted network only)",
        ),
        Trouble::NoAuth => fault(
            "the mail server offers no login on this port: use its submission port (465 or 587) in SMTP_URL, or remove user \
             and password (SENDER_PASSWORD)",
        ),
        Trouble::NoUtf8 => Verdict::Rejected { why: "the mail server cannot handle non-ASCII addresses".to_owned() },
    }
}

/// Returns whether a server refuses a mail for good, and not for its address: then the customer cannot mend it. Policy
/// (RFC 3463 X.7) is what it calls spam, and many servers wait with that until the recipient is named; 554 without a code
/// of its own is "transaction failed".
pub(super) fn is_about_message(stage: Stage, trouble: &Trouble) -> bool {
    let Trouble::Reply { code, text } = trouble else { return false };
    let enhanced = enhanced_code(text);
    let is_of = |subject: &str| enhanced.as_deref().is_some_and(|code| code.starts_with(subject));
    if !matches!(judge(stage, trouble), Verdict::Rejected { .. }) {
        return false;
    }
    match stage {
        Stage::Connect | Stage::Login | Stage::Sender => false,
        Stage::Recipient => is_of("5.7.") || *code == 554 && enhanced.is_none(),
        Stage::Data | Stage::Message => !is_of("5.1.") && !is_of("5.2."),
    }
}

fn unanswered(stage: Stage, what: &str, cause: &str) -> Verdict {
    let cause = if cause.is_empty() { String::new() } else { format!(": {cause}") };
    match stage {
        Stage::Message => Verdict::Unknown {
            finished: false,
            why: format!("the mail server {what} after the message was sent{cause}"),
        },
        Stage::Connect => transient(format!("the mail server {what}{cause}; check host, port and TLS in SMTP_URL")),
        Stage::Login | Stage::Sender | Stage::Recipient | Stage::Data => {
            transient(format!("the mail server {what} at {}", stage.name()))
        }
    }
}

fn reply(stage: Stage, code: u16, text: &str) -> Verdict {
    let enhanced = enhanced_code(text);
    let said = match &enhanced {
        Some(enhanced) => format!("the mail server answered {code} {enhanced} to {}", stage.name()),
        None => format!("the mail server answered {code} to {}", stage.name()),
    };
    if code == 550 && enhanced.as_deref() == Some("5.4.5") {
        let why = format!("{said}: the account's daily sending limit is reached");
        return Verdict::Transient { retry_after: Some(DAILY_LIMIT_PAUSE), why };
    }
    if (400..500).contains(&code) {
        return transient(said);
    }
    match stage {
        Stage::Connect => fault(format!("{said}: it does not accept mail from this machine; ask its operator why")),
        Stage::Login => fault(format!("{said}: {}", LOGIN_ADVICE)),
        Stage::Sender => fault(format!("{said}: it does not let this account send as SENDER_EMAIL")),
        Stage::Recipient | Stage::Data | Stage::Message if needs_login(code, text) => {
            fault(format!("{said}: it wants a login before it passes mail on; put user and password into SMTP_URL"))
        }
        Stage::Recipient | Stage::Data | Stage::Message => Verdict::Rejected { why: said },
    }
}

/// What helps with 535 5.7.8 and 534 5.7.9.
const LOGIN_ADVICE: &str = "user or password are wrong. Gmail wants an app password (16 letters, two-step login must be \
     on: https://myaccount.google.com/apppasswords) in SENDER_PASSWORD";

/// Whether a refusal is about us and not about the recipient: "530 authentication required", "relay access denied".
/// There is no code of its own for the latter.
fn needs_login(code: u16, text: &str) -> bool {
    code == 530 || text.to_ascii_lowercase().contains("relay")
}

/// Returns the RFC 3463 code at the start of a reply.
fn enhanced_code(text: &str) -> Option<String> {
    let word = text.split([' ', '-']).find(|word| !word.is_empty())?;
    let parts: Vec<&str> = word.split('.').collect();
    let numeric = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(numeric)).then(|| word.to_owned())
}

fn transient(why: impl Into<String>) -> Verdict {
    Verdict::Transient { retry_after: None, why: why.into() }
}

fn fault(why: impl Into<String>) -> Verdict {
    Verdict::AccountFault { why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: [Stage; 5] = [Stage::Connect, Stage::Login, Stage::Sender, Stage::Recipient, Stage::Data];

    fn kind(stage: Stage, code: u16, text: &str) -> &'static str {
        match judge(stage, &Trouble::Reply { code, text: text.to_owned() }) {
            Verdict::Settled { .. } => "settled",
            Verdict::Transient { retry_after: None, .. } => "transient",
            Verdict::Transient { retry_after: Some(_), .. } => "transient, paused",
            Verdict::Rejected { .. } | Verdict::Gone { .. } => "rejected",
            Verdict::AccountFault { .. } => "fault",
            Verdict::Unknown { .. } => "unknown",
        }
    }

    #[test]
    fn every_4xx_may_be_tried_again_at_every_stage() {
        for stage in BEFORE.into_iter().chain([Stage::Message]) {
            for code in [421, 450, 451, 452, 454] {
                assert_eq!(kind(stage, code, "4.7.0 later"), "transient", "{stage:?} {code}");
            }
            assert_eq!(kind(stage, 550, "5.4.5 Daily user sending limit exceeded"), "transient, paused", "{stage:?}");
        }
    }

    #[test]
    fn a_5xx_is_the_recipients_only_where_it_is_about_the_recipient() {
        for (stage, code, text, expected) in [
            (Stage::Connect, 554, "5.7.1 blocked", "fault"),
            (Stage::Login, 535, "5.7.8 Username and Password not accepted", "fault"),
            (Stage::Login, 534, "5.7.9 Application-specific password required", "fault"),
            (Stage::Sender, 553, "5.7.1 sender not owned", "fault"),
            (Stage::Recipient, 530, "5.7.0 Authentication Required", "fault"),
            (Stage::Recipient, 554, "5.7.1 <a@example.com>: Relay access denied", "fault"),
            (Stage::Recipient, 550, "5.1.1 no such user", "rejected"),
            (Stage::Recipient, 553, "bad address", "rejected"),
            (Stage::Data, 554, "no valid recipients", "rejected"),
            (Stage::Message, 552, "5.3.4 too big", "rejected"),
            (Stage::Message, 550, "5.7.26 unauthenticated", "rejected"),
        ] {
            assert_eq!(kind(stage, code, text), expected, "{stage:?} {code} {text}");
        }
    }

    #[test]
    fn a_refusal_of_the_message_is_told_from_one_of_its_address() {
        for (stage, code, text, expected) in [
            (Stage::Recipient, 550, "5.1.1 no such user", false),
            (Stage::Recipient, 552, "5.2.2 mailbox full", false),
            (Stage::Recipient, 550, "no such user", false),
            (Stage::Recipient, 554, "5.7.1 Service unavailable; Client host blocked", true),
            (Stage::Recipient, 554, "Transaction failed", true),
            (Stage::Recipient, 554, "5.7.1 <a@example.com>: Relay access denied", false),
            (Stage::Data, 554, "5.7.1 rejected by policy", true),
            (Stage::Message, 554, "5.7.1 Message rejected as spam", true),
            (Stage::Message, 550, "5.7.26 unauthenticated", true),
            (Stage::Message, 552, "5.2.2 mailbox full", false),
            (Stage::Message, 550, "5.4.5 Daily user sending limit exceeded", false),
            (Stage::Message, 451, "4.7.0 later", false),
            (Stage::Sender, 553, "5.7.1 sender not owned", false),
        ] {
            let trouble = Trouble::Reply { code, text: text.to_owned() };
            assert_eq!(is_about_message(stage, &trouble), expected, "{stage:?} {code} {text}");
        }
        assert!(!is_about_message(Stage::Message, &Trouble::Timeout));
    }

    #[test]
    fn silence_leaves_doubt_only_after_the_message() {
        for trouble in [Trouble::Timeout, Trouble::Connection("reset".to_owned())] {
            for stage in BEFORE {
                assert!(matches!(judge(stage, &trouble), Verdict::Transient { retry_after: None, .. }), "{stage:?}");
            }
            assert!(matches!(judge(Stage::Message, &trouble), Verdict::Unknown { finished: false, .. }));
        }
    }

    #[test]
    fn the_servers_words_never_reach_the_operator() {
        let text = "5.1.1 <dana@example.com>: no such user";
        let Verdict::Rejected { why } = judge(Stage::Recipient, &Trouble::Reply { code: 550, text: text.to_owned() })
        else {
            panic!("must be rejected")
        };
        assert_eq!(why, "the mail server answered 550 5.1.1 to RCPT TO");
        for text in ["dana@example.com unknown", "", "5.1 x", "5.1.x y", "5..1 z", "a.b.c"] {
            assert_eq!(enhanced_code(text), None, "{text}");
        }
    }
}
