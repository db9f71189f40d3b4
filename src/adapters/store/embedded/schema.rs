//! The shape of the database file: how it is opened, and how an older one becomes today's.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// Every schema in order; `PRAGMA user_version` says how many a file has been through. Entries are never edited: a
/// change is a new entry.
const MIGRATIONS: [&str; 2] = [include_str!("schema.sql"), include_str!("parked.sql")];

/// How long a lock is waited for: an operator may look at the file with the sqlite3 shell.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long emptying the log waits for readers: writers wait meanwhile.
const LOG_PATIENCE: Duration = Duration::from_millis(100);

/// A file that a newer program wrote.
#[derive(Debug)]
pub(super) struct Newer {
    pub(super) found: i64,
    pub(super) known: i64,
}

/// Opens the database for the writer.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // After a burst the log is cut back to this many bytes at the next checkpoint.
    db.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    // What is deleted or overwritten is zeroed: otherwise a person's words stay readable in the file after they were erased.
    db.pragma_update(None, "secure_delete", true)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

/// Opens the database for the reader, which cannot write.
pub(super) fn connect_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(PATIENCE)?;
    db.pragma_update(None, "query_only", true)?;
    db.set_prepared_statement_cache_capacity(32);
    Ok(db)
}

/// Opens the database beside a daemon: nothing is written, and closing it leaves the log to whoever comes next.
pub(super) fn connect_for_auditing(path: &Path) -> rusqlite::Result<Connection> {
    let db = connect_for_reading(path)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(db)
}

/// Returns that the file is newer than this program, if it is.
pub(super) fn newer(db: &Connection) -> rusqlite::Result<Option<Newer>> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((found > known).then_some(Newer { found, known }))
}

/// Brings the file to today's schema, or returns that it is newer than this program.
pub(super) fn migrate(db: &mut Connection) -> rusqlite::Result<Result<(), Newer>> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Ok(Err(Newer { found, known }));
    }
    for (number, migration) in (1_i64..).zip(MIGRATIONS).filter(|(number, _)| *number > found) {
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute_batch(migration)?;
        step.pragma_update(None, "user_version", number)?;
        step.commit()?;
    }
    Ok(Ok(()))
}

/// Moves the write-ahead log into the database and cuts it to nothing: what was erased still stands in the log, in the pages
/// that were written before. Returns whether it was; a reader that does not let go (a backup under way) is not waited for.
pub(super) fn empty_log(db: &Connection) -> rusqlite::Result<bool> {
    db.busy_timeout(LOG_PATIENCE)?;
    let busy = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    db.busy_timeout(PATIENCE)?;
    Ok(!busy?)
}

/// Throws away what has expired. Readers do not see it anyway; this is for the disk, and for the customer's sake.
pub(super) fn sweep(db: &mut Connection, now: i64) -> rusqlite::Result<()> {
    let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for statement in [
        "DELETE FROM memories WHERE expires <= ?1",
        "DELETE FROM journal WHERE key IN (SELECT key FROM conversations WHERE expires <= ?1)",
        "DELETE FROM conversations WHERE expires <= ?1",
        "DELETE FROM feed_entries WHERE key IN (SELECT key FROM feeds WHERE expires <= ?1)",
        "DELETE FROM feeds WHERE expires <= ?1",
        "DELETE FROM quota_log WHERE expires <= ?1",
        "DELETE FROM quota_bars WHERE expires <= ?1",
    ] {
        step.prepare_cached(statement)?.execute([now])?;
    }
    step.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_migrated_once_and_a_newer_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sqlite3");
        let mut db = connect(&path).unwrap();
        assert!(migrate(&mut db).unwrap().is_ok());
        assert!(migrate(&mut db).unwrap().is_ok());
        db.pragma_update(None, "user_version", 99).unwrap();
        let newer = migrate(&mut db).unwrap().unwrap_err();
        assert_eq!((newer.found, newer.known), (99, 2));
    }

    #[test]
    fn every_commit_is_synced_and_the_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sqlite3");
        let mut db = connect(&path).unwrap();
        migrate(&mut db).unwrap().unwrap();
        let synchronous: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((synchronous, mode.as_str()), (2, "wal"));
        assert!(connect_for_reading(&path).unwrap().execute("DELETE FROM settings", []).is_err());
    }
}
