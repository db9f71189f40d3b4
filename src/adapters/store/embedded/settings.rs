//! Settings shared by all runs of the desk, and what is kept about contacts, in SQL.

use bytes::Bytes;
use frontdesk_actors::ids::ContactKey;
use rusqlite::{Connection, OptionalExtension, params};

pub(super) fn get(db: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT value FROM settings WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

pub(super) fn put(db: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?
    .execute([name, value])
    .map(drop)
}

/// Writes a setting unless it exists, and returns what then stands.
pub(super) fn put_once(db: &Connection, name: &str, value: &str) -> rusqlite::Result<String> {
    db.prepare_cached("INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING")?
        .execute([name, value])?;
    db.prepare_cached("SELECT value FROM settings WHERE name = ?1")?.query_row([name], |row| row.get(0))
}

pub(super) fn contact(db: &Connection, contact: &ContactKey) -> rusqlite::Result<Option<Bytes>> {
    let found: Option<Vec<u8>> = db
        .prepare_cached("SELECT value FROM contacts WHERE key = ?1")?
        .query_row([contact.as_str()], |row| row.get(0))
        .optional()?;
    Ok(found.map(Bytes::from))
}

pub(super) fn put_contact(db: &Connection, contact: &ContactKey, value: &[u8]) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO contacts (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute(params![contact.as_str(), value])
    .map(drop)
}

pub(super) fn erase_contact(db: &Connection, contact: &ContactKey) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM contacts WHERE key = ?1")?.execute([contact.as_str()]).map(drop)
}
