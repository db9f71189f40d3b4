//! Small adapters between parts that must not know each other: HTTP's ports on one side, adapters on the other.

use crate::adapters::chatwoot::{self, ParseContext, SignatureError, Signed, WebhookSecrets};
use crate::adapters::smtp::{DemoMail, DemoMailbox};
use crate::adapters::teams::{DemoAlert, DemoAlerts, Tone};
use crate::adapters::web::{Draft, Entry, Session, Web, WebError};
use crate::http::intake::{ChatwootEdge, Malformed, Parsed, SignatureRefused};
use crate::http::minimal::{MinimalMessage, MinimalReply, WebDesk};
use crate::http::page::{CardView, CardsView, MailView, MailboxView, words};
use crate::http::verify::{Claims, TokenFault, TokenReader, VerifyPages, VerifyState};
use crate::http::verify_page;
use crate::links::{self, Links, TokenError};
use async_trait::async_trait;
use axum::http::HeaderMap;
use axum::response::Response;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::engine::{DeliverError, EngineHandle, Intake, PhaseName, RowView, View};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::ports::{PortError, PortErrorKind};
use frontdesk_actors::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long an answer is waited for before it is asked whether one is coming at all.
const FIRST_PAUSE: Duration = Duration::from_millis(300);

/// The longest pause between two such questions.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

// === Chatwoot's webhooks ===

/// Chatwoot's webhooks, as HTTP needs them.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) secrets: WebhookSecrets,
    pub(super) context: ParseContext,
}

impl ChatwootEdge for Edge {
    fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), SignatureRefused> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let signed =
            Signed { timestamp: header("x-chatwoot-timestamp"), signature: header("x-chatwoot-signature"), body };
        self.secrets.verify(&signed, now).map_err(|error| match error {
            SignatureError::Unconfigured => SignatureRefused::Unconfigured,
            SignatureError::Missing => SignatureRefused::Missing,
            SignatureError::Malformed => SignatureRefused::Malformed,
            SignatureError::Stale => SignatureRefused::Stale,
            SignatureError::Mismatch => SignatureRefused::Wrong,
        })
    }

    fn parse(&self, body: &[u8]) -> Result<Parsed, Malformed> {
        match chatwoot::parse(body, &self.context) {
            Ok(chatwoot::Parsed::Inbound(inbound)) => Ok(Parsed::Inbound(inbound)),
            Ok(chatwoot::Parsed::Ignored(why)) => Ok(Parsed::Ignored(why)),
            Ok(chatwoot::Parsed::Minimal(minimal)) => Ok(Parsed::Minimal(MinimalMessage {
                event: minimal.event,
                message_type: minimal.message_type,
                content: minimal.content,
            })),
            Err(chatwoot::ParseError::Json(_)) => Err(Malformed("not JSON")),
            Err(chatwoot::ParseError::NotAnObject) => Err(Malformed("not a JSON object")),
            Err(chatwoot::ParseError::Lacks(what)) => Err(Malformed(what)),
        }
    }
}

// === Verification links ===

/// The links, as HTTP needs them.
#[derive(Debug)]
pub(super) struct Tokens(pub(super) Arc<Links>);

impl TokenReader for Tokens {
    fn read(&self, token: &str, now: Timestamp) -> Result<Claims, TokenFault> {
        self.0.read(token, now).map(claims).map_err(|error| match error {
            TokenError::Malformed => TokenFault::Malformed,
            TokenError::Foreign => TokenFault::Foreign,
            TokenError::Expired(expired) => TokenFault::Expired(claims(expired)),
        })
    }

    fn address_digest(&self, address: &str) -> String {
        self.0.address_digest(address)
    }
}

fn claims(claims: links::Claims) -> Claims {
    Claims {
        key: claims.conversation,
        challenge: claims.challenge,
        contact: claims.contact,
        address_digest: claims.address_digest,
    }
}

/// The verification pages, as HTTP needs them.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) site_name: String,
}

impl VerifyPages for Pages {
    fn respond(&self, state: VerifyState, lang: Lang) -> Response {
        verify_page::respond(&state, lang, &self.site_name)
    }
}

// === The page's conversations ===

/// The page's conversations, for the minimal webhook.
#[derive(Debug)]
pub(super) struct PageDesk {
    pub(super) engine: EngineHandle,
    pub(super) web: Arc<Web>,
    /// How long a reply is waited for.
    pub(super) within: Duration,
    /// Whether the desk only drafts here, so that no reply will ever come.
    pub(super) shadow: bool,
}

#[async_trait]
impl WebDesk for PageDesk {
    async fn say_and_wait(&self, session: Option<&str>, text: &str) -> MinimalReply {
        let cookie = session.map(|id| format!("fd_session={id}")).unwrap_or_default();
        let session = Session::from_cookies(&cookie).unwrap_or_else(Session::demo);
        match self.say(&session, text).await {
            Ok(reply) => reply,
            Err(error) => MinimalReply::Refused(error),
        }
    }
}

impl PageDesk {
    async fn say(&self, session: &Session, text: &str) -> Result<MinimalReply, DeliverError> {
        let draft = match Draft::new(text) {
            Ok(draft) => draft,
            Err(WebError::Empty) => return Ok(MinimalReply::Empty),
            Err(WebError::TooLong) => return Ok(MinimalReply::TooLong),
            Err(error) => return Err(refused(error)),
        };
        let posted = self.web.customer_wrote(session, draft).await.map_err(refused)?;
        let mut receipt = self.engine.deliver(posted.inbound).await?;
        if receipt.phase == PhaseName::Human
            && posted.with_person
            && let Some(news) = self.web.back_by_now(&session.key()).await.map_err(DeliverError::Unavailable)?
        {
            receipt = self.engine.deliver(news).await?;
        }
        if receipt.phase == PhaseName::Human && self.engine.human_mode() {
            self.note_routing(session, posted.seq).await;
            return Ok(MinimalReply::HumanMode);
        }
        if self.shadow {
            return Ok(MinimalReply::Shadow);
        }
        if self.engine.is_paused() {
            return Ok(MinimalReply::Paused);
        }
        let announced = receipt.phase == PhaseName::Human && !posted.with_person;
        if (receipt.phase != PhaseName::Human || announced || receipt.intake == Intake::Parked)
            && let Some(reply) = self.reply(session, posted.seq).await?
        {
            return Ok(MinimalReply::Bot(reply.text));
        }
        self.note_routing(session, posted.seq).await;
        Ok(MinimalReply::Person)
    }

    /// Waits for the desk's answer to entry number `seq`. The flow may have nothing to say to a message (the second of
    /// a burst at the gate is asked for no address again); then the desk's last words stand. `None`: a person has it.
    async fn reply(&self, session: &Session, seq: u64) -> Result<Option<Entry>, DeliverError> {
        let (key, ends) = (session.key(), Instant::now() + self.within);
        let mut pause = FIRST_PAUSE;
        loop {
            let pause_ends = ends.min(Instant::now() + pause);
            if let Some(reply) = self.web.await_reply(&key, seq, pause_ends - Instant::now()).await {
                return Ok(Some(reply));
            }
            // Where too many watch this conversation already, the wait above ended at once.
            tokio::time::sleep_until(pause_ends).await;
            let view = self.engine.view(&key).await?;
            let in_time = pause_ends < ends;
            if !in_time || view.as_ref().is_none_or(|view| !is_coming(view)) {
                let speaks = in_time && view.is_none_or(|view| view.phase != PhaseName::Human);
                return self.last_words(&key, seq, speaks).await;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Returns what the desk said after entry number `seq`, or, as long as it speaks here, what it said last.
    async fn last_words(&self, key: &ConversationKey, seq: u64, speaks: bool) -> Result<Option<Entry>, DeliverError> {
        let entries = self.web.transcript(key, 0).await.map_err(DeliverError::Unavailable)?;
        let mut replies: Vec<Entry> = entries.into_iter().filter(Entry::is_reply).collect();
        let first_after = replies.iter().position(|reply| reply.seq > seq);
        Ok(match first_after {
            Some(index) => Some(replies.swap_remove(index)),
            None if speaks => replies.pop(),
            None => None,
        })
    }

    async fn note_routing(&self, session: &Session, seq: u64) {
        let key = session.key();
        let lang = self.engine.view(&key).await.ok().flatten().map(|view| view.lang).unwrap_or_default();
        if let Err(error) = self.web.routed(&key, seq, words::routed(lang)).await {
            tracing::debug!(error = %error, "the routing note was not written");
        }
    }
}

/// Returns whether the desk is about to say something: it owes an answer, or words (or a mail that it will announce) have
/// not left the house.
fn is_coming(view: &View) -> bool {
    let owes = view.phase == PhaseName::Bot && view.owed > 0;
    let leaving = |row: &RowView| match row.kind.as_str() {
        "text" => row.state != "held",
        // A mail that waits for its next try has been announced as delayed.
        "mail" => matches!(row.state.as_str(), "queued" | "sending"),
        _ => false,
    };
    owes || view.thinking || view.outbox.iter().any(leaving)
}

fn refused(error: WebError) -> DeliverError {
    match error {
        WebError::Store(error) => DeliverError::Unavailable(error),
        WebError::TooFast => DeliverError::Busy,
        WebError::Empty | WebError::TooLong => {
            DeliverError::Unavailable(PortError::new(PortErrorKind::Rejected, error.to_string()))
        }
    }
}

// === The demo's mailbox and cards ===

impl MailboxView for DemoMailbox {
    fn mails(&self) -> Vec<MailView> {
        let shown = |mail: DemoMail| MailView {
            id: mail.id.to_string(),
            to: mail.to,
            subject: mail.subject,
            code: mail.code,
            link: mail.link,
            html: mail.html,
            at: mail.at,
        };
        self.list().into_iter().map(shown).collect()
    }
}

impl CardsView for DemoAlerts {
    fn cards(&self) -> Vec<CardView> {
        let shown = |DemoAlert { at, face }: DemoAlert| CardView {
            tone: match face.tone {
                Tone::Customer => "customer",
                Tone::Trouble => "trouble",
                Tone::Good => "good",
            },
            title: face.title,
            facts: face.facts,
            text: face.text,
            button: face.button,
            at,
        };
        self.list().into_iter().map(shown).collect()
    }
}
