//! The store on local disk, the default: one SQLite file that an operator can inspect, back up and trust.
//!
//! One thread writes, and many writes share one transaction; each is answered after COMMIT returned, with
//! `synchronous=FULL`. One thread reads. A lock on the directory keeps a second process out. If a commit fails for any
//! reason but a full disk, nobody knows what is on the disk any more: the process ends and starts over from the file.

mod conversations;
mod feeds;
mod generation;
mod parked;
mod quotas;
mod scan;
mod schema;
mod settings;
mod threads;
mod wakes;

pub use scan::EmbeddedReader;
pub use threads::Fatal;

use crate::adapters::store::{DEFAULT_RETENTION, RECLAIM_HORIZON, millis};
use async_trait::async_trait;
use bytes::Bytes;
use frontdesk_actors::ids::{ContactKey, ConversationKey, Node};
use frontdesk_actors::ports::{Commit, CommitOutcome, Due, Listed, PortError, PortErrorKind, Quota, Store, Stored};
use frontdesk_actors::time::{Clock, SystemClock};
use generation::Generation;
use rusqlite::Connection;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use threads::{Failure, Reader, Writer};

/// The file that holds everything.
const DATABASE: &str = "frontdesk.sqlite3";

/// The file whose lock says that a process uses the directory.
const LOCK: &str = "frontdesk.lock";

/// How the embedded store works.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// How long a control record lives after its last write.
    pub retention: Duration,
    /// Where the store reads the time.
    pub clock: Arc<dyn Clock>,
    /// What happens when a commit fails.
    pub fatal: Fatal,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        Self { retention: DEFAULT_RETENTION, clock: Arc::new(SystemClock), fatal: Fatal::default() }
    }
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another frontdesk{}: stop it, or give this one its own DATA_DIR", dir.display(), by(*pid))]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// The other process, as far as known.
        pid: Option<u32>,
    },
    /// It cannot be made, read or locked.
    #[error("cannot use {}: check DATA_DIR, its owner and its rights", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not a database, or is damaged.
    #[error("cannot open {}: if it is damaged, put a backup in its place", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// A newer frontdesk wrote it.
    #[error("{} was written by a newer frontdesk (schema {found}, this one knows {known}): upgrade frontdesk", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
}

fn by(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// The store on local disk. Dropping it finishes what was handed in and releases the directory.
#[derive(Debug)]
pub struct EmbeddedStore {
    // Dropped in this order: readers first, then the writer, which holds the lock.
    reader: Reader,
    writer: Writer,
    retention: i64,
    /// Since the database was put back from a backup, if it ever was.
    run: Option<u64>,
}

impl EmbeddedStore {
    /// Opens the store in a directory, making both if needed.
    ///
    /// # Errors
    /// [`OpenError`] if the directory is in use, cannot be used, or holds what this program cannot read.
    pub fn open(dir: &Path, settings: EmbeddedSettings) -> Result<Self, OpenError> {
        make_private(dir).map_err(|source| OpenError::Directory { path: dir.to_owned(), source })?;
        let lock = lock(dir)?;
        let path = dir.join(DATABASE);
        let unusable = |source| OpenError::Database { path: path.clone(), source };
        touch_private(&path).map_err(|source| OpenError::Directory { path: path.clone(), source })?;
        let mut writing = schema::connect(&path).map_err(unusable)?;
        if let Err(newer) = schema::migrate(&mut writing).map_err(unusable)? {
            return Err(OpenError::Newer { path, found: newer.found, known: newer.known });
        }
        let (generation, run) = Generation::open(&writing, dir, &path)?;
        let reading = schema::connect_for_reading(&path).map_err(unusable)?;
        let started = |source| OpenError::Directory { path: path.clone(), source };
        let writer =
            Writer::start((writing, generation), lock, settings.clock.clone(), settings.fatal).map_err(started)?;
        let reader = Reader::start(reading, settings.clock).map_err(started)?;
        Ok(Self { reader, writer, retention: millis(settings.retention).max(1), run })
    }

    async fn read<T: Send + 'static>(
        &self,
        operation: &str,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.reader.read(work).await.map_err(|failure| failure.during(operation))
    }

    async fn write<T: Send + 'static>(
        &self,
        operation: &str,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.writer.write(work).await.map_err(|failure| failure.during(operation))
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    /// The lock on the directory keeps every other process out.
    fn is_exclusive(&self) -> bool {
        true
    }

    /// Only a backup that was put back makes a run of its own: the file itself forgets nothing.
    fn run(&self) -> Option<u64> {
        self.run
    }

    async fn load(&self, key: &ConversationKey) -> Result<Option<Stored>, PortError> {
        let key = key.clone();
        self.read("read the conversation from disk", move |db, now| conversations::load(db, now, &key)).await
    }

    async fn commit(&self, commit: &Commit) -> CommitOutcome {
        let (commit, retention) = (commit.clone(), self.retention);
        let operation = "write the conversation to disk";
        match self.writer.write(move |db, now| conversations::commit(db, now, &commit, retention)).await {
            Ok(outcome) => outcome,
            Err(failure @ Failure::Unknown(_)) => CommitOutcome::Unknown(failure.during(operation)),
            Err(failure @ (Failure::NotWritten(_) | Failure::Stopped)) => {
                CommitOutcome::Unavailable(failure.during(operation))
            }
        }
    }

    async fn erase(&self, key: &ConversationKey) -> Result<(), PortError> {
        let key = key.clone();
        let erased = self.writer.erase(move |db, _| conversations::erase(db, &key)).await;
        erased.map_err(|failure| failure.during("erase the conversation from disk"))
    }

    async fn erase_traces(&self, key: &ConversationKey) -> Result<(), PortError> {
        let key = key.clone();
        let erased = self.writer.erase(move |db, _| conversations::erase_traces(db, &key)).await;
        erased.map_err(|failure| failure.during("erase the traces of a conversation from disk"))
    }

    async fn erase_contact(&self, contact: &ContactKey) -> Result<(), PortError> {
        let contact = contact.clone();
        self.write("erase the contact from disk", move |db, _| settings::erase_contact(db, &contact)).await
    }

    async fn take_due(&self, node: &Node, lease: Duration, limit: usize) -> Result<Vec<Due>, PortError> {
        let node = node.clone();
        // Most polls find nothing; they must not cost a sync of the disk.
        if !self.read("look for due conversations on disk", wakes::any_due).await? {
            return Ok(Vec::new());
        }
        self.write("take due conversations on disk", move |db, now| wakes::take(db, now, &node, millis(lease), limit))
            .await
    }

    async fn renew(&self, node: &Node, lease: Duration, keys: &[ConversationKey]) -> Result<(), PortError> {
        if keys.is_empty() {
            return Ok(());
        }
        let (node, keys) = (node.clone(), keys.to_vec());
        self.write("renew leases on disk", move |db, now| {
            wakes::renew(db, now.saturating_add(millis(lease)), &node, &keys)
        })
        .await
    }

    async fn reclaim(&self, node: &Node) -> Result<u64, PortError> {
        let node = node.clone();
        let horizon = millis(RECLAIM_HORIZON);
        self.write("reclaim conversations on disk", move |db, now| wakes::reclaim(db, now, &node, horizon)).await
    }

    async fn contact(&self, contact: &ContactKey) -> Result<Option<Bytes>, PortError> {
        let contact = contact.clone();
        self.read("read the contact from disk", move |db, _| settings::contact(db, &contact)).await
    }

    async fn put_contact(&self, contact: &ContactKey, value: Bytes) -> Result<(), PortError> {
        let contact = contact.clone();
        self.write("write the contact to disk", move |db, _| settings::put_contact(db, &contact, &value)).await
    }

    async fn take_quota(&self, quotas: &[Quota]) -> Result<Option<usize>, PortError> {
        let quotas = quotas.to_vec();
        self.write("take from a quota on disk", move |db, now| quotas::take(db, now, &quotas)).await
    }

    async fn exhaust_quota(&self, key: &str, ttl: Duration) -> Result<(), PortError> {
        let key = key.to_owned();
        self.write("use up a quota on disk", move |db, now| quotas::exhaust(db, now.saturating_add(millis(ttl)), &key))
            .await
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, PortError> {
        let name = name.to_owned();
        self.read("read a setting from disk", move |db, _| settings::get(db, &name)).await
    }

    async fn put_setting(&self, name: &str, value: &str) -> Result<(), PortError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write("write a setting to disk", move |db, _| settings::put(db, &name, &value)).await
    }

    async fn put_setting_once(&self, name: &str, value: &str) -> Result<String, PortError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write("write a setting to disk", move |db, _| settings::put_once(db, &name, &value)).await
    }

    async fn list(&self, limit: usize) -> Result<Vec<Listed>, PortError> {
        self.read("list conversations on disk", move |db, now| conversations::list(db, now, limit)).await
    }

    async fn journal(&self, key: &ConversationKey, limit: usize) -> Result<Vec<Bytes>, PortError> {
        let key = key.clone();
        self.read("read the journal from disk", move |db, _| conversations::journal(db, &key, limit)).await
    }

    async fn append_feed(&self, key: &ConversationKey, id: &str, entry: Bytes) -> Result<u64, PortError> {
        let (key, id, retention) = (key.clone(), id.to_owned(), self.retention);
        self.write("append to the feed on disk", move |db, now| {
            feeds::append(db, &key, &id, &entry, now.saturating_add(retention))
        })
        .await
    }

    async fn feed(&self, key: &ConversationKey, after: u64) -> Result<Vec<(u64, Bytes)>, PortError> {
        let key = key.clone();
        self.read("read the feed from disk", move |db, _| feeds::after(db, &key, after)).await
    }

    async fn park(&self, key: &ConversationKey, entry: Bytes) -> Result<u64, PortError> {
        let (key, operation) = (key.clone(), "park an entry on disk");
        let number = self.write(operation, move |db, _| parked::park(db, &key, &entry)).await?;
        number.ok_or_else(|| PortError::new(PortErrorKind::Rejected, operation))
    }

    async fn parked(&self, key: &ConversationKey) -> Result<Vec<(u64, Bytes)>, PortError> {
        let key = key.clone();
        self.read("read parked entries from disk", move |db, _| parked::entries(db, &key)).await
    }

    async fn unpark(&self, key: &ConversationKey, number: u64) -> Result<(), PortError> {
        let key = key.clone();
        self.write("forget a parked entry on disk", move |db, _| parked::unpark(db, &key, number)).await
    }

    async fn parked_keys(&self, limit: usize) -> Result<Vec<ConversationKey>, PortError> {
        self.read("list parked entries on disk", move |db, _| parked::conversations(db, limit)).await
    }

    async fn ping(&self) -> Result<(), PortError> {
        if self.writer.is_running() {
            self.read("reach the database", |db, _| db.query_row("SELECT 1", [], |_| Ok(()))).await
        } else {
            Err(PortError::new(PortErrorKind::Transient, "reach the database").because(Failure::Stopped))
        }
    }
}

/// Locks the directory, and writes down who has it for the one who finds it locked.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let unusable = |source| OpenError::Directory { path: path.clone(), source };
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            return Err(OpenError::InUse { dir: dir.to_owned(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
    }
    file.set_len(0).map_err(unusable)?;
    std::io::Write::write_all(&mut &file, format!("{}\n", std::process::id()).as_bytes()).map_err(unusable)?;
    Ok(file)
}

/// Makes the directory readable by its owner only: customers' words are in it.
fn make_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Makes the database file before SQLite does, so that only its owner can read it. SQLite gives its side files the
/// same rights.
fn touch_private(path: &Path) -> std::io::Result<()> {
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
