//! The live updates, as server-sent events. A customer sees `message`, `status`, `typing` and `cleared`; a colleague
//! sees `conversations`, `changed`, `mails`, `cards`, `human`, `paused` and `trouble`, each only when it differs from the last.

use super::console::LISTED;
use super::{PageState, rows};
use crate::adapters::web::{Cursor, Entry, Follower, Kind, Update};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use frontdesk_actors::engine::Summary;
use frontdesk_actors::ids::ConversationKey;
use futures::stream::{self, Stream};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often proxies and browsers are shown that the stream lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How often the console's list is read without a reason.
const POLL: Duration = Duration::from_secs(1);

/// How soon it is read after a change, so that a burst of changes is one reading.
const SOON: Duration = Duration::from_millis(120);

/// Streams one conversation to its customer.
pub(super) fn chat(follower: Follower, closing: CancellationToken) -> Response {
    respond(stream::unfold((follower, closing), |(mut follower, closing)| async move {
        loop {
            let update = tokio::select! {
                () = closing.cancelled() => return None,
                update = follower.next() => update,
            };
            if let Some(event) = chat_event(update) {
                return Some((Ok(event), (follower, closing)));
            }
        }
    }))
}

fn chat_event(update: Update) -> Option<Event> {
    match update {
        Update::Entry(entry) if entry.is_public() => {
            let id = Cursor::at(&entry).to_string();
            Some(Event::default().event(event_name(&entry)).id(id).data(entry.to_json().to_string()))
        }
        Update::Entry(_) => None,
        Update::Typing(on) => Some(Event::default().event("typing").data(json!({ "on": on }).to_string())),
        Update::Cleared => Some(Event::default().event("cleared").data("{}")),
    }
}

fn event_name(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::Status { .. } => "status",
        Kind::Text | Kind::Handoff | Kind::Routed | Kind::Note | Kind::Activity | Kind::Unreadable => "message",
    }
}

/// Streams what the console shows to a colleague.
pub(super) fn console(state: PageState, changes: Receiver<ConversationKey>) -> Response {
    let watched = Watched {
        state,
        changes,
        next_read: Instant::now(),
        known: BTreeMap::new(),
        ready: VecDeque::new(),
        rows: Vec::new(),
    };
    respond(stream::unfold(watched, |mut watched| async move {
        let event = watched.next().await?;
        Some((Ok(event), watched))
    }))
}

/// What one colleague has been shown.
struct Watched {
    state: PageState,
    changes: Receiver<ConversationKey>,
    next_read: Instant,
    known: BTreeMap<&'static str, String>,
    ready: VecDeque<Event>,
    rows: Vec<(Summary, Value)>,
}

impl Watched {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            tokio::select! {
                () = self.state.closing.cancelled() => return None,
                () = tokio::time::sleep_until(self.next_read) => self.read().await,
                changed = self.changes.recv() => self.note(changed.as_ref()),
            }
        }
    }

    fn note(&mut self, changed: Result<&ConversationKey, &RecvError>) {
        self.next_read = self.next_read.min(Instant::now() + SOON);
        let data = json!({ "key": changed.ok() });
        self.ready.push_back(Event::default().event("changed").data(data.to_string()));
    }

    async fn read(&mut self) {
        self.next_read = Instant::now() + POLL;
        self.show("human", json!({ "human_mode": self.state.desk.human_mode() }));
        self.show("paused", json!({ "paused": self.state.desk.is_paused() }));
        if let Some(mailbox) = self.state.mailbox.clone() {
            self.show("mails", json!({ "mails": mailbox.mails() }));
        }
        if let Some(board) = self.state.cards.clone() {
            self.show("cards", json!({ "cards": board.cards() }));
        }
        match self.state.desk.list(LISTED).await {
            Ok(summaries) => {
                let rows = self.rows(summaries).await;
                self.show("trouble", json!({ "detail": null }));
                self.show("conversations", json!({ "conversations": rows }));
            }
            Err(error) => {
                tracing::debug!(error = %error, "the console cannot list conversations");
                self.show("trouble", json!({ "detail": "The store does not answer. Nothing is lost; trying again." }));
            }
        }
    }

    /// Makes the rows, reading again only what changed since the last time.
    async fn rows(&mut self, summaries: Vec<Summary>) -> Vec<Value> {
        let mut rows = Vec::with_capacity(summaries.len());
        for summary in summaries {
            let shown = self.rows.iter().find(|(known, _)| *known == summary).map(|(_, row)| row.clone());
            let row = match shown {
                Some(row) => row,
                None => rows::row(&self.state.web, &summary).await,
            };
            rows.push((summary, row));
        }
        self.rows = rows;
        self.rows.iter().map(|(_, row)| row.clone()).collect()
    }

    fn show(&mut self, name: &'static str, value: Value) {
        let data = value.to_string();
        if self.known.get(name) != Some(&data) {
            self.ready.push_back(Event::default().event(name).data(&data));
            self.known.insert(name, data);
        }
    }
}

fn respond(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Without this nginx keeps events back until its buffer is full.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
