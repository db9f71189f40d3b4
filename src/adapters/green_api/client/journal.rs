//! What the journals of the instance show: the last messages in and out of all chats, and what waits in its queue.
//!
//! The journals are of the whole instance and may be asked for once a second, while many conversations look after a restart: a
//! reading serves everybody who asked before it began. A message may take up to two minutes to appear, which is why the settle
//! time of this channel is longer (`green_api.settle_time`), and an outgoing one stands there under the time of the last thing
//! that happened to it. Sources: green-api.com/en/docs/api/journals, /api/queues/ShowMessagesQueue.

use super::GreenApi;
use super::answer::Refusal;
use super::transport::Call;
use crate::adapters::green_api::content::{self, Content};
use crate::adapters::green_api::json::{flag, text, whole};
use frontdesk_actors::time::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How often the instance is asked for a journal.
const PAUSE: Duration = Duration::from_secs(1);

/// How far back the journals reach.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How much more than asked for is read, for clocks that differ.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// Who wrote something that a journal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::adapters::green_api) enum By {
    /// The customer.
    Customer,
    /// A colleague, on the phone.
    Colleague,
    /// Whoever has the instance's token: this desk, or another program.
    Account,
}

/// Something that a journal shows.
pub(in crate::adapters::green_api) struct Shown {
    pub(in crate::adapters::green_api) chat: String,
    pub(in crate::adapters::green_api) id: String,
    pub(in crate::adapters::green_api) at: Timestamp,
    pub(in crate::adapters::green_api) by: By,
    pub(in crate::adapters::green_api) name: Option<String>,
    pub(in crate::adapters::green_api) content: Content,
}

/// One reading of the journals.
pub(super) struct Journal {
    shown: Vec<Shown>,
    /// From when on it shows everything.
    since: Timestamp,
}

impl Journal {
    pub(super) fn all(&self) -> impl Iterator<Item = &Shown> {
        self.shown.iter()
    }

    pub(super) fn of(&self, chat: &str) -> impl Iterator<Item = &Shown> {
        self.shown.iter().filter(move |shown| shown.chat == chat)
    }

    /// Returns whether it shows everything since a moment.
    pub(super) fn reaches(&self, since: Timestamp) -> bool {
        self.since <= since
    }
}

/// The latest reading, and when it was begun.
#[derive(Default)]
pub(super) struct Journals {
    latest: Mutex<Option<(Instant, Arc<Journal>)>>,
}

impl Journals {
    /// Reads everything since a moment, as far as the journals reach back, as of now or later.
    pub(super) async fn read(&self, api: &GreenApi, since: Timestamp) -> Result<Arc<Journal>, Refusal> {
        let asked = Instant::now();
        let mut latest = self.latest.lock().await;
        if let Some((begun, journal)) = &*latest {
            let reaches = journal.reaches(since.max(farthest(api.now())));
            if *begun >= asked && reaches {
                return Ok(journal.clone());
            }
            tokio::time::sleep_until(*begun + PAUSE).await;
        }
        let begun = Instant::now();
        // What failed was asked for as well.
        let journal = fetch(api, since).await.map(Arc::new)?;
        *latest = Some((begun, journal.clone()));
        Ok(journal)
    }
}

/// Returns how far back a journal can be asked for.
fn farthest(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_sub(i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX)))
}

async fn fetch(api: &GreenApi, since: Timestamp) -> Result<Journal, Refusal> {
    let now = api.now();
    let span = (now.since(since) + MARGIN).min(DAY);
    let minutes = span.as_secs().div_ceil(60);
    let query = format!("minutes={minutes}");
    let incoming = Call::get("read the journal of incoming messages", "lastIncomingMessages").query(query.clone());
    let outgoing = Call::get("read the journal of outgoing messages", "lastOutgoingMessages").query(query);
    let queue = Call::get("read the queue of the instance", "showMessagesQueue");
    // The queue first: what leaves it while this is read stands in the journal that is read after it.
    let (queue, incoming) = (list(api, queue).await?, list(api, incoming).await?);
    let outgoing = list(api, outgoing).await?;
    let mut shown: Vec<Shown> = incoming.iter().filter_map(|entry| read(entry, By::Customer)).collect();
    shown.extend(outgoing.iter().filter_map(|entry| read(entry, sender(entry))));
    shown.extend(queue.iter().filter_map(|entry| waiting(entry, now)));
    let begins = now.as_millis().saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX));
    Ok(Journal { shown, since: Timestamp::from_millis(begins) })
}

async fn list(api: &GreenApi, call: Call<'_>) -> Result<Vec<Value>, Refusal> {
    let operation = call.operation;
    match api.call(call).await? {
        Value::Array(entries) => Ok(entries),
        // An instance that has seen nothing.
        Value::Null => Ok(Vec::new()),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err(Refusal::doubtful(format!("{operation}: the answer holds no list")))
        }
    }
}

fn sender(entry: &Value) -> By {
    if flag(entry, &["sendByApi"]) == Some(true) { By::Account } else { By::Colleague }
}

fn read(entry: &Value, by: By) -> Option<Shown> {
    let at = i64::try_from(whole(entry, &["timestamp"])?).ok()?;
    let name = ["senderContactName", "senderName"].into_iter().find_map(|key| text(entry, &[key]));
    Some(Shown {
        chat: text(entry, &["chatId"])?.to_owned(),
        id: text(entry, &["idMessage"])?.to_owned(),
        at: Timestamp::from_secs(at),
        by,
        name: name.map(str::to_owned),
        content: content::of_journal(entry)?,
    })
}

/// A message in the queue has not left yet, and will: it counts as sent.
fn waiting(entry: &Value, now: Timestamp) -> Option<Shown> {
    let words = text(entry, &["body", "message"])?;
    let said = content::Said { text: words.to_owned(), ..content::Said::default() };
    Some(Shown {
        chat: text(entry, &["body", "chatId"])?.to_owned(),
        id: text(entry, &["messageID"])?.to_owned(),
        at: now,
        by: By::Account,
        name: None,
        content: Content::Said(said),
    })
}
