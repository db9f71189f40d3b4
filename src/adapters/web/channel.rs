//! What the desk does on the page. Every act becomes a feed entry under the row's own id, so that repeating one is
//! harmless and a failure of the store means that it may be tried again.

use super::entry::{Entry, Kind, Line, Standing, Who};
use super::{MAX_TEXT, NAME, Web};
use async_trait::async_trait;
use frontdesk_actors::domain::{Assignee, Status};
use frontdesk_actors::ids::{ConversationKey, MessageId, OutboundId};
use frontdesk_actors::ports::{Act, Author, Channel, Destination, Look, PortError, PortErrorKind, Seen, Verdict};
use std::time::Duration;

#[async_trait]
impl Channel for Web {
    fn name(&self) -> &'static str {
        NAME
    }

    fn max_text(&self) -> usize {
        MAX_TEXT
    }

    async fn send(&self, to: &Destination, act: &Act, id: &OutboundId) -> Verdict {
        let (who, text, kind) = entry_of(act);
        let is_message = matches!(kind, Kind::Text | Kind::Handoff | Kind::Note);
        let line = Line { id: Line::id_of_row(id), who, text, at: self.clock.now(), kind };
        match self.append(&to.key, &line.id, &line).await {
            Ok(seq) => Verdict::Settled { message: is_message.then(|| MessageId::numeric(seq)) },
            Err(error) => {
                Verdict::Transient { retry_after: throttled(&error), why: format!("the page's feed: {error}") }
            }
        }
    }

    async fn look(&self, key: &ConversationKey, after: MessageId) -> Result<Look, PortError> {
        let entries = self.transcript(key, 0).await?;
        let state = Standing::of(&entries).state();
        // A feed keeps its newest 500 entries: only one that reaches back to the watermark shows everything.
        let complete = entries.first().is_none_or(|first| first.seq <= after.order.saturating_add(1));
        let messages = entries.into_iter().filter(|entry| entry.seq > after.order).filter_map(seen).collect();
        Ok(Look { state, messages, complete })
    }

    async fn typing(&self, key: &ConversationKey, on: bool) -> Result<(), PortError> {
        self.live.typing(key, on);
        Ok(())
    }

    fn link(&self, key: &ConversationKey) -> Option<String> {
        let base = self.settings.public_url.as_deref()?;
        Some(format!("{}/#conversation={key}", base.trim_end_matches('/')))
    }
}

fn entry_of(act: &Act) -> (Who, String, Kind) {
    let activity = |text: String| (Who::System, text, Kind::Activity);
    let status = |status, assignee| (Who::System, String::new(), Kind::Status { status, assignee, repeats: None });
    match act {
        Act::Text { text, handoff: false } => (Who::Bot, text.clone(), Kind::Text),
        Act::Text { text, handoff: true } => (Who::System, text.clone(), Kind::Handoff),
        Act::Note { text } => (Who::Bot, text.clone(), Kind::Note),
        // Nobody waits for an answer here.
        Act::Dismiss { .. } => activity(String::new()),
        Act::Open => status(Status::Open, None),
        Act::Pend => status(Status::Pending, Some(Assignee::Nobody)),
        Act::AddLabel(label) => activity(format!("Label added: {label}")),
        Act::Priority(priority) => activity(format!("Priority set: {priority}")),
        Act::Team(team) => activity(format!("Team assigned: {team}")),
        Act::MarkVerified { address } => match address {
            Some(address) => activity(format!("Customer verified: {address}")),
            None => activity("Customer verified".to_owned()),
        },
        Act::ContactEmail { address } => activity(format!("Address on the contact: {address}")),
    }
}

fn throttled(error: &PortError) -> Option<Duration> {
    match error.kind {
        PortErrorKind::Throttled(wait) => Some(wait),
        PortErrorKind::Transient | PortErrorKind::Rejected | PortErrorKind::Forbidden | PortErrorKind::Broken => None,
    }
}

fn seen(entry: Entry) -> Option<Seen> {
    let author = match (&entry.kind, entry.who) {
        (Kind::Status { .. } | Kind::Unreadable, _) => return None,
        (Kind::Routed | Kind::Activity, _) => Author::Private,
        (Kind::Text | Kind::Handoff | Kind::Note, who) => match (entry.row(), who) {
            (Some(row), _) => Author::Us(row),
            (None, Who::You) => Author::Customer,
            (None, Who::Agent) => Author::Person,
            (None, Who::Bot | Who::System) => Author::Other,
        },
    };
    Some(Seen { id: MessageId::numeric(entry.seq), at: entry.at, author, text: entry.text, voice: None })
}
