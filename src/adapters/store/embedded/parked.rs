//! What is kept about conversations that are set aside, in SQL.

use super::super::PARKED_CAP;
use super::conversations::{clamp, key as read_key, signed};
use bytes::Bytes;
use frontdesk_actors::ids::ConversationKey;
use rusqlite::{Connection, params};

/// Keeps an entry and returns its number; `None` if too many are kept already.
pub(super) fn park(db: &Connection, key: &ConversationKey, entry: &[u8]) -> rusqlite::Result<Option<u64>> {
    let key = key.as_str();
    let kept: i64 =
        db.prepare_cached("SELECT count(*) FROM parked WHERE key = ?1")?.query_row([key], |row| row.get(0))?;
    if kept >= clamp(PARKED_CAP) {
        return Ok(None);
    }
    db.prepare_cached("INSERT INTO parked (key, entry) VALUES (?1, ?2)")?.execute(params![key, entry])?;
    Ok(Some(db.last_insert_rowid().cast_unsigned()))
}

/// Returns the entries of a conversation, oldest first.
pub(super) fn entries(db: &Connection, key: &ConversationKey) -> rusqlite::Result<Vec<(u64, Bytes)>> {
    db.prepare_cached("SELECT n, entry FROM parked WHERE key = ?1 ORDER BY n")?
        .query_map([key.as_str()], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Vec<u8>>(1)?.into())))?
        .collect()
}

pub(super) fn unpark(db: &Connection, key: &ConversationKey, number: u64) -> rusqlite::Result<()> {
    let number = signed(number);
    db.prepare_cached("DELETE FROM parked WHERE key = ?1 AND n = ?2")?.execute(params![key.as_str(), number]).map(drop)
}

/// Returns conversations that have entries.
pub(super) fn conversations(db: &Connection, limit: usize) -> rusqlite::Result<Vec<ConversationKey>> {
    db.prepare_cached("SELECT DISTINCT key FROM parked LIMIT ?1")?
        .query_map([clamp(limit)], |row| read_key(row, 0))?
        .collect()
}
