//! Whether the file was put back from a backup: it would have forgotten what was acknowledged and said since, and nothing in it
//! says so. A number that only grows is kept in the database and, after that is durable, in a file beside it; a database that is
//! behind its file is an older one. From then on the store has a run (see `Store::run`), so that nothing written before it is
//! believed blindly.
//!
//! The number grows at every start and once a minute: a backup from within the minute before the end is not told from the
//! file itself. Nor is one if the whole directory is put back; without the small file, what is in the database counts as put back.

use super::{OpenError, settings};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// The file beside the database.
const FILE: &str = "frontdesk.generation";

/// The settings in the database.
const NUMBER: &str = "store:generation";
const RUN: &str = "store:run";

/// The number, and where it is kept.
#[derive(Debug)]
pub(super) struct Generation {
    path: PathBuf,
    number: u64,
}

impl Generation {
    /// Reads both numbers, and begins the next generation. Returns the store's run besides, if the database has ever been put
    /// back.
    ///
    /// # Errors
    /// [`OpenError`] if the database or the file cannot be read or written.
    pub(super) fn open(db: &Connection, dir: &Path, database: &Path) -> Result<(Self, Option<u64>), OpenError> {
        let path = dir.join(FILE);
        let unusable = |source| OpenError::Database { path: database.to_owned(), source };
        let stored = number(db, NUMBER).map_err(unusable)?;
        let beside = match std::fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().ok(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(OpenError::Directory { path, source }),
        };
        let put_back = match (stored, beside) {
            (Some(stored), Some(beside)) => stored < beside,
            // An earlier version of frontdesk, or a new directory.
            (None, None) => false,
            (None, Some(_)) | (Some(_), None) => true,
        };
        let mut run = number(db, RUN).map_err(unusable)?;
        if put_back {
            let fresh = draw();
            settings::put(db, RUN, &fresh.to_string()).map_err(unusable)?;
            run = Some(fresh);
            tracing::warn!(
                "the database was put back from a backup: what was said since is looked up before the desk speaks"
            );
        }
        let mut generation = Self { path, number: stored.max(beside).unwrap_or(0) };
        generation.advance(db).map_err(unusable)?;
        Ok((generation, run))
    }

    /// Begins the next generation. The file is only a little behind where it cannot be written.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub(super) fn advance(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let next = self.number + 1;
        settings::put(db, NUMBER, &next.to_string())?;
        self.number = next;
        // Written anew under another name, so that a crash leaves the old one or the new one.
        let fresh = self.path.with_extension("generation.new");
        let written = std::fs::write(&fresh, format!("{next}\n")).and_then(|()| std::fs::rename(&fresh, &self.path));
        if let Err(error) = written {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot write the generation beside the database");
        }
        Ok(())
    }
}

fn number(db: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    Ok(settings::get(db, name)?.and_then(|text| text.parse().ok()))
}

/// Draws a run; 0 stands for none.
fn draw() -> u64 {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system gives random bytes");
    u64::from_le_bytes(bytes).max(1)
}
