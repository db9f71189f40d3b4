//! Records, memories, journals and summaries in SQL.

use super::super::{JOURNAL_CAP, Judgement, judge, millis, stored_key};
use super::wakes;
use bytes::Bytes;
use frontdesk_actors::ids::{CommitId, ConversationKey};
use frontdesk_actors::ports::{Commit, CommitOutcome, Listed, MemoryWrite, Stored};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(super) fn load(db: &Connection, now: i64, key: &ConversationKey) -> rusqlite::Result<Option<Stored>> {
    db.prepare_cached(
        "SELECT c.version, c.commit_id, c.record, m.value
         FROM conversations c LEFT JOIN memories m ON m.key = c.key AND m.expires > ?2
         WHERE c.key = ?1 AND c.expires > ?2",
    )?
    .query_row(params![key.as_str(), now], |row| {
        Ok(Stored {
            version: unsigned(row, 0)?,
            commit: commit_id(row, 1)?,
            record: row.get::<_, Vec<u8>>(2)?.into(),
            memory: row.get::<_, Option<Vec<u8>>>(3)?.map(Bytes::from),
        })
    })
    .optional()
}

/// Writes a conversation if it is where the caller believes it to be. Runs inside the writer's transaction.
pub(super) fn commit(db: &Connection, now: i64, commit: &Commit, retention: i64) -> rusqlite::Result<CommitOutcome> {
    let stored = version(db, now, &commit.key)?;
    match judge(stored, (commit.expected, commit.becomes), commit.id) {
        Judgement::Write => {}
        Judgement::AlreadyMine => return Ok(CommitOutcome::Ok { version: commit.becomes }),
        Judgement::Conflict => return Ok(CommitOutcome::Conflict),
        Judgement::Regressed => {
            return Ok(CommitOutcome::Regressed { version: stored.map_or(0, |(version, _)| version) });
        }
    }
    if stored.is_none() {
        // An expired predecessor may still lie there; its journal is not this conversation's.
        db.prepare_cached("DELETE FROM journal WHERE key = ?1")?.execute([commit.key.as_str()])?;
    }
    let version = commit.becomes;
    put_record(db, now, commit, version, retention)?;
    put_memory(db, now, commit)?;
    append_journal(db, commit)?;
    wakes::set(db, now, commit)?;
    Ok(CommitOutcome::Ok { version })
}

pub(super) fn erase(db: &Connection, key: &ConversationKey) -> rusqlite::Result<()> {
    for table in ["conversations", "memories", "journal", "wakes", "feeds", "feed_entries", "parked"] {
        db.prepare_cached(&format!("DELETE FROM {table} WHERE key = ?1"))?.execute([key.as_str()])?;
    }
    Ok(())
}

/// Erases what stands beside the record. The counter of the feed stays, so that no number is given twice.
pub(super) fn erase_traces(db: &Connection, key: &ConversationKey) -> rusqlite::Result<()> {
    for table in ["journal", "feed_entries", "parked"] {
        db.prepare_cached(&format!("DELETE FROM {table} WHERE key = ?1"))?.execute([key.as_str()])?;
    }
    Ok(())
}

pub(super) fn list(db: &Connection, now: i64, limit: usize) -> rusqlite::Result<Vec<Listed>> {
    db.prepare_cached("SELECT key, summary FROM conversations WHERE expires > ?1 ORDER BY changed DESC LIMIT ?2")?
        .query_map(params![now, clamp(limit)], |row| {
            Ok(Listed { key: key(row, 0)?, summary: row.get::<_, Vec<u8>>(1)?.into() })
        })?
        .collect()
}

pub(super) fn journal(db: &Connection, key: &ConversationKey, limit: usize) -> rusqlite::Result<Vec<Bytes>> {
    db.prepare_cached(
        "SELECT entry FROM (SELECT n, entry FROM journal WHERE key = ?1 ORDER BY n DESC LIMIT ?2) ORDER BY n",
    )?
    .query_map(params![key.as_str(), clamp(limit)], |row| Ok(row.get::<_, Vec<u8>>(0)?.into()))?
    .collect()
}

fn version(db: &Connection, now: i64, key: &ConversationKey) -> rusqlite::Result<Option<(u64, CommitId)>> {
    db.prepare_cached("SELECT version, commit_id FROM conversations WHERE key = ?1 AND expires > ?2")?
        .query_row(params![key.as_str(), now], |row| Ok((unsigned(row, 0)?, commit_id(row, 1)?)))
        .optional()
}

fn put_record(db: &Connection, now: i64, commit: &Commit, version: u64, retention: i64) -> rusqlite::Result<()> {
    // A record must outlive its own wake-up, or the wake-up would find nothing.
    let expires = now.saturating_add(retention).saturating_add(commit.wake.map_or(0, millis));
    db.prepare_cached(
        "INSERT INTO conversations (key, version, commit_id, record, summary, changed, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, (SELECT coalesce(max(changed), 0) + 1 FROM conversations), ?6)
         ON CONFLICT (key) DO UPDATE SET version = excluded.version, commit_id = excluded.commit_id,
             record = excluded.record, summary = excluded.summary, changed = excluded.changed,
             expires = excluded.expires",
    )?
    .execute(params![
        commit.key.as_str(),
        signed(version),
        commit.id.0.to_be_bytes(),
        &commit.record[..],
        &commit.summary[..],
        expires,
    ])?;
    Ok(())
}

fn put_memory(db: &Connection, now: i64, commit: &Commit) -> rusqlite::Result<()> {
    match &commit.memory {
        MemoryWrite::Keep => {}
        MemoryWrite::Put { value, ttl } => {
            db.prepare_cached(
                "INSERT INTO memories (key, value, expires) VALUES (?1, ?2, ?3)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires",
            )?
            .execute(params![commit.key.as_str(), &value.whole[..], now.saturating_add(millis(*ttl))])?;
        }
        MemoryWrite::Erase => {
            db.prepare_cached("DELETE FROM memories WHERE key = ?1")?.execute([commit.key.as_str()])?;
        }
    }
    Ok(())
}

fn append_journal(db: &Connection, commit: &Commit) -> rusqlite::Result<()> {
    let key = commit.key.as_str();
    if commit.journal.is_empty() {
        return Ok(());
    }
    let last: i64 = db
        .prepare_cached("SELECT coalesce(max(n), 0) FROM journal WHERE key = ?1")?
        .query_row([key], |row| row.get(0))?;
    let mut insert = db.prepare_cached("INSERT INTO journal (key, n, entry) VALUES (?1, ?2, ?3)")?;
    let mut newest = last;
    for entry in &commit.journal {
        newest = newest.saturating_add(1);
        insert.execute(params![key, newest, &entry[..]])?;
    }
    db.prepare_cached("DELETE FROM journal WHERE key = ?1 AND n <= ?2")?
        .execute(params![key, newest.saturating_sub(clamp(JOURNAL_CAP))])?;
    Ok(())
}

/// Reads a conversation's name.
pub(super) fn key(row: &Row<'_>, column: usize) -> rusqlite::Result<ConversationKey> {
    let text: String = row.get(column)?;
    stored_key(&text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// SQLite counts in signed numbers; versions and boot numbers are stored bit for bit.
pub(super) fn signed(number: u64) -> i64 {
    number.cast_signed()
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

pub(super) fn commit_id(row: &Row<'_>, column: usize) -> rusqlite::Result<CommitId> {
    Ok(CommitId(u128::from_be_bytes(row.get::<_, [u8; 16]>(column)?)))
}

/// A count as SQLite takes it.
pub(super) fn clamp(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
