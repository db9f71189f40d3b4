//! The wake index in SQL: which conversations somebody must look at, when, and who holds them.

use super::super::millis;
use super::conversations::{clamp, key, signed};
use frontdesk_actors::ids::{ConversationKey, Node};
use frontdesk_actors::ports::{Commit, Due};
use rusqlite::{Connection, params};

/// Sets or clears the wake-up of a commit; both are progress, so the takes are forgotten.
pub(super) fn set(db: &Connection, now: i64, commit: &Commit) -> rusqlite::Result<()> {
    match commit.wake {
        None => db.prepare_cached("DELETE FROM wakes WHERE key = ?1")?.execute([commit.key.as_str()])?,
        Some(wake) => db
            .prepare_cached(
                "INSERT INTO wakes (key, due, holder_name, holder_boot, takes) VALUES (?1, ?2, ?3, ?4, 0)
                 ON CONFLICT (key) DO UPDATE SET due = excluded.due, holder_name = excluded.holder_name,
                     holder_boot = excluded.holder_boot, takes = 0",
            )?
            .execute(params![
                commit.key.as_str(),
                now.saturating_add(millis(wake)),
                &*commit.node.name,
                signed(commit.node.boot)
            ])?,
    };
    Ok(())
}

pub(super) fn any_due(db: &Connection, now: i64) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM wakes WHERE due <= ?1)")?.query_row([now], |row| row.get(0))
}

/// Takes due conversations, the longest overdue first, and hides each for the length of a lease.
pub(super) fn take(db: &Connection, now: i64, node: &Node, lease: i64, limit: usize) -> rusqlite::Result<Vec<Due>> {
    let boot = signed(node.boot);
    let due = db
        .prepare_cached(
            "SELECT key, takes, holder_name <> ?2 OR holder_boot <> ?3 FROM wakes WHERE due <= ?1
             ORDER BY due, key LIMIT ?4",
        )?
        .query_map(params![now, &*node.name, boot, clamp(limit)], |row| {
            let takes: u32 = row.get(1)?;
            Ok(Due { key: key(row, 0)?, takes: takes.saturating_add(1), taken_over: row.get(2)? })
        })?
        .collect::<rusqlite::Result<Vec<Due>>>()?;
    let mut hide =
        db.prepare_cached("UPDATE wakes SET due = ?2, holder_name = ?3, holder_boot = ?4, takes = ?5 WHERE key = ?1")?;
    for one in &due {
        hide.execute(params![one.key.as_str(), now.saturating_add(lease), &*node.name, boot, one.takes])?;
    }
    Ok(due)
}

/// Pushes wake-ups that the node still holds.
pub(super) fn renew(db: &Connection, due: i64, node: &Node, keys: &[ConversationKey]) -> rusqlite::Result<()> {
    let mut push =
        db.prepare_cached("UPDATE wakes SET due = ?2 WHERE key = ?1 AND holder_name = ?3 AND holder_boot = ?4")?;
    for key in keys {
        push.execute(params![key.as_str(), due, &*node.name, signed(node.boot)])?;
    }
    Ok(())
}

/// Makes due what an earlier run of the same node held.
pub(super) fn reclaim(db: &Connection, now: i64, node: &Node, horizon: i64) -> rusqlite::Result<u64> {
    let count = db
        .prepare_cached(
            "UPDATE wakes SET due = min(due, ?1) WHERE due <= ?2 AND holder_name = ?3 AND holder_boot <> ?4",
        )?
        .execute(params![now, now.saturating_add(horizon), &*node.name, signed(node.boot)])?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}
