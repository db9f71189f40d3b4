//! The last good copy of the document, on disk: with it a restart needs no network.

use super::Slot;
use super::book::Book;
use frontdesk_actors::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file in the data directory.
const FILE: &str = "instructions-document.json";

/// Larger than any copy, in bytes: JSON may write one byte as six.
const MOST: u64 = 1024 * 1024;

/// Where the copy is.
#[derive(Debug, Clone)]
pub struct Kept {
    path: PathBuf,
}

/// The copy.
#[derive(Serialize, Deserialize)]
struct Copy {
    /// Which document it is of.
    document: String,
    taken: Timestamp,
    text: String,
}

impl Kept {
    /// Names the copy in the data directory.
    pub fn in_dir(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FILE) }
    }

    /// Puts the copy in force, if there is one of this document. Returns whether there was.
    pub(super) fn recall(&self, book: &Book, document: &str) -> bool {
        let small = fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() <= MOST);
        let Some(bytes) = small.then(|| fs::read(&self.path).ok()).flatten() else { return false };
        let Ok(copy) = serde_json::from_slice::<Copy>(&bytes) else {
            tracing::warn!(path = %self.path.display(), "the copy of the instructions cannot be read; it is fetched anew");
            return false;
        };
        let good = copy.document == document && super::book::judge(&Ok(copy.text.clone()), None).is_ok();
        if good {
            book.recall(Slot::Document, document.to_owned(), (copy.text, copy.taken));
        }
        good
    }

    /// Writes the copy: whole or not at all.
    pub(super) fn write(&self, document: &str, text: &str, taken: Timestamp) {
        let copy = Copy { document: document.to_owned(), taken, text: text.to_owned() };
        let bytes = serde_json::to_vec(&copy).expect("text and numbers are always valid JSON");
        if let Err(error) = self.replace(&bytes) {
            tracing::error!(
                path = %self.path.display(), error = %error,
                "the copy of the instructions cannot be written: after a restart they must be fetched before they are used"
            );
        }
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = self.path.with_extension("new");
        let mut file = private(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)
    }
}

/// Creates a file that only its owner can read: instructions may be a company's secret.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_used_for_its_own_document_only_and_a_damaged_one_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let kept = Kept::in_dir(&dir.path().join("data"));
        let book = Book::default();
        assert!(!kept.recall(&book, "one"));
        kept.write("one", "You sell tea.", Timestamp::from_secs(5));
        assert!(!kept.recall(&book, "two") && book.last_good(&Slot::Document).is_none());
        assert!(kept.recall(&book, "one"));
        assert_eq!(book.last_good(&Slot::Document).as_deref(), Some("You sell tea."));
        assert_eq!(book.shown(Timestamp::from_secs(65))[0].age_seconds, Some(60));
        fs::write(&kept.path, "{").unwrap();
        assert!(!kept.recall(&Book::default(), "one"));
    }
}
