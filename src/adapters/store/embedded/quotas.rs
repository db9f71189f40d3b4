//! Quotas in SQL: an exact log of what was taken, which is short because limits are small.

use super::super::millis;
use frontdesk_actors::ports::Quota;
use rusqlite::{Connection, params};

/// Takes one from each quota in order, and stops at the first exhausted one.
pub(super) fn take(db: &Connection, now: i64, quotas: &[Quota]) -> rusqlite::Result<Option<usize>> {
    for (index, quota) in quotas.iter().enumerate() {
        if !take_one(db, now, quota)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Uses up a quota until a moment. A bar that stands for longer is left standing.
pub(super) fn exhaust(db: &Connection, until: i64, key: &str) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO quota_bars (key, expires) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET expires = max(expires, excluded.expires)",
    )?
    .execute(params![key, until])
    .map(drop)
}

fn take_one(db: &Connection, now: i64, quota: &Quota) -> rusqlite::Result<bool> {
    let is_barred: bool = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM quota_bars WHERE key = ?1 AND expires > ?2)")?
        .query_row(params![quota.key, now], |row| row.get(0))?;
    if is_barred {
        return Ok(false);
    }
    let window = millis(quota.window).max(1);
    // The window is part of the name: the same key may be counted by the hour and by the day.
    let name = format!("{window}:{}", quota.key);
    // Moments are whole milliseconds, so one taken at the edge counts as inside.
    let taken: u32 = db
        .prepare_cached("SELECT count(*) FROM quota_log WHERE quota = ?1 AND at >= ?2")?
        .query_row(params![name, now.saturating_sub(window)], |row| row.get(0))?;
    if taken >= quota.limit {
        return Ok(false);
    }
    let expires = now.saturating_add(window).saturating_add(1);
    db.prepare_cached("INSERT INTO quota_log (quota, at, expires) VALUES (?1, ?2, ?3)")?
        .execute(params![name, now, expires])?;
    Ok(true)
}
