//! Reading everything in the file: through the daemon's own reader, or beside a daemon, which is neither stopped nor
//! disturbed by it.

use super::conversations::{clamp, commit_id, key, unsigned};
use super::threads::Reader;
use super::{DATABASE, EmbeddedStore, OpenError, schema};
use async_trait::async_trait;
use bytes::Bytes;
use frontdesk_actors::ports::{PortError, Scan, ScanCursor, ScanPage, Scanned, Stored};
use frontdesk_actors::time::{SystemClock, Timestamp};
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;

/// The file of an embedded store, opened for reading only, whether a daemon uses it or not.
#[derive(Debug)]
pub struct EmbeddedReader {
    reader: Reader,
}

impl EmbeddedReader {
    /// Opens the store in a directory. Nothing is made, locked or changed.
    ///
    /// # Errors
    /// [`OpenError`] if there is none, it cannot be read, or a newer program wrote it.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(DATABASE);
        // Asked first: SQLite would only say that it cannot open the file.
        std::fs::File::open(&path).map_err(|source| OpenError::Directory { path: path.clone(), source })?;
        let unusable = |source| OpenError::Database { path: path.clone(), source };
        let db = schema::connect_for_auditing(&path).map_err(unusable)?;
        if let Some(newer) = schema::newer(&db).map_err(unusable)? {
            return Err(OpenError::Newer { path, found: newer.found, known: newer.known });
        }
        let started = |source| OpenError::Directory { path: path.clone(), source };
        Ok(Self { reader: Reader::start(db, Arc::new(SystemClock)).map_err(started)? })
    }
}

#[async_trait]
impl Scan for EmbeddedReader {
    async fn scan(&self, after: Option<&ScanCursor>, limit: usize) -> Result<ScanPage, PortError> {
        let after = after.cloned();
        let reading = self.reader.read(move |db, now| page(db, now, after.as_ref(), limit));
        reading.await.map_err(|failure| failure.during("read all conversations on disk"))
    }
}

#[async_trait]
impl Scan for EmbeddedStore {
    async fn scan(&self, after: Option<&ScanCursor>, limit: usize) -> Result<ScanPage, PortError> {
        let after = after.cloned();
        self.read("read all conversations on disk", move |db, now| page(db, now, after.as_ref(), limit)).await
    }
}

/// Records and wake-ups without one, together in the order of their keys. One statement, so of one moment.
fn page(db: &Connection, now: i64, after: Option<&ScanCursor>, limit: usize) -> rusqlite::Result<ScanPage> {
    let after = after.map_or("", |after| after.0.as_str());
    let found: Vec<Scanned> = db
        .prepare_cached(
            "WITH page AS (
                 SELECT key FROM (
                     SELECT * FROM (SELECT key FROM conversations WHERE key > ?1 AND expires > ?2 ORDER BY key LIMIT ?3)
                     UNION
                     SELECT * FROM (SELECT key FROM wakes WHERE key > ?1 ORDER BY key LIMIT ?3)
                 ) ORDER BY key LIMIT ?3
             )
             SELECT page.key, c.version, c.commit_id, c.record, m.value, w.due
             FROM page
             LEFT JOIN conversations c ON c.key = page.key AND c.expires > ?2
             LEFT JOIN memories m ON m.key = page.key AND m.expires > ?2
             LEFT JOIN wakes w ON w.key = page.key
             ORDER BY page.key",
        )?
        .query_map(params![after, now, clamp(limit.max(1))], scanned)?
        .collect::<rusqlite::Result<_>>()?;
    let next = found.last().map(|last| ScanCursor(last.key.as_str().to_owned()));
    Ok(ScanPage { found, next })
}

fn scanned(row: &rusqlite::Row<'_>) -> rusqlite::Result<Scanned> {
    let record: Option<Vec<u8>> = row.get(3)?;
    let stored = match record {
        None => None,
        Some(record) => Some(Stored {
            version: unsigned(row, 1)?,
            commit: commit_id(row, 2)?,
            record: record.into(),
            memory: row.get::<_, Option<Vec<u8>>>(4)?.map(Bytes::from),
        }),
    };
    let wake: Option<i64> = row.get(5)?;
    Ok(Scanned { key: key(row, 0)?, stored, wake: wake.map(Timestamp::from_millis) })
}
