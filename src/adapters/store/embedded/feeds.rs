//! Feeds in SQL: what a page shows of a conversation, numbered from 1.

use super::super::FEED_CAP;
use super::conversations::{clamp, signed};
use bytes::Bytes;
use frontdesk_actors::ids::ConversationKey;
use rusqlite::{Connection, OptionalExtension, params};

/// Appends an entry unless one of the same id is there, and returns its number.
pub(super) fn append(
    db: &Connection,
    key: &ConversationKey,
    id: &str,
    entry: &[u8],
    expires: i64,
) -> rusqlite::Result<u64> {
    let key = key.as_str();
    let known: Option<i64> = db
        .prepare_cached("SELECT n FROM feed_entries WHERE key = ?1 AND id = ?2")?
        .query_row([key, id], |row| row.get(0))
        .optional()?;
    if let Some(number) = known {
        return Ok(number.cast_unsigned());
    }
    let number: i64 = db
        .prepare_cached(
            "INSERT INTO feeds (key, last, expires) VALUES (?1, 1, ?2)
             ON CONFLICT (key) DO UPDATE SET last = last + 1, expires = excluded.expires RETURNING last",
        )?
        .query_row(params![key, expires], |row| row.get(0))?;
    db.prepare_cached("INSERT INTO feed_entries (key, n, id, entry) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![key, number, id, entry])?;
    db.prepare_cached("DELETE FROM feed_entries WHERE key = ?1 AND n <= ?2")?
        .execute(params![key, number.saturating_sub(clamp(FEED_CAP))])?;
    Ok(number.cast_unsigned())
}

/// Returns the entries numbered above `after`, oldest first.
pub(super) fn after(db: &Connection, key: &ConversationKey, after: u64) -> rusqlite::Result<Vec<(u64, Bytes)>> {
    let after = signed(after.min(i64::MAX.cast_unsigned()));
    db.prepare_cached("SELECT n, entry FROM feed_entries WHERE key = ?1 AND n > ?2 ORDER BY n")?
        .query_map(params![key.as_str(), after], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Vec<u8>>(1)?.into()))
        })?
        .collect()
}
