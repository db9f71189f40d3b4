//! The operator's files: one named by `PROMPT_FILE`, and a folder with a shared text and one for each tenant.
//!
//! They are read as a whole at every look instead of watched: file notifications do not cross network mounts, bind mounts
//! of single files and the links that Kubernetes swaps, and a few small files every few seconds cost nothing. What is read
//! is bounded.

use super::{MAX_INSTRUCTIONS, Read, Slot};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The names of the shared text, without the ending.
const SHARED: [&str; 2] = ["shared_instructions", "default"];

/// The endings of texts, the preferred one first.
const ENDINGS: [&str; 2] = ["md", "txt"];

/// How many files of the folder are read.
const MOST: usize = 1000;

/// Where the operator's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The one file that was named.
    pub prompt_file: Option<PathBuf>,
    /// The folder; it need not exist.
    pub folder: PathBuf,
}

/// What was read: the slot, the path, the text.
pub(super) type Found = BTreeMap<Slot, (String, Read)>;

impl Files {
    /// Reads everything. The second value says whether the folder could be listed: if it could not, nothing is known about
    /// what stands in it.
    pub(super) fn read(&self) -> (Found, bool) {
        let mut found = Found::new();
        if let Some(path) = &self.prompt_file {
            found.insert(Slot::PromptFile, (path.display().to_string(), text(path)));
        }
        let listed = match self.list() {
            Ok(paths) => {
                for (slot, path) in paths {
                    found.insert(slot, (path.display().to_string(), text(&path)));
                }
                true
            }
            Err(error) => error.kind() == io::ErrorKind::NotFound && self.has_never_been(),
        };
        (found, listed)
    }

    /// A folder that is gone while the one around it is gone too was on a disk that is not there.
    fn has_never_been(&self) -> bool {
        self.folder.parent().is_some_and(|parent| parent.as_os_str().is_empty() || parent.is_dir())
    }

    /// Lists the texts of the folder; of two for the same slot, the one with the preferred ending or name.
    fn list(&self) -> io::Result<BTreeMap<Slot, PathBuf>> {
        let mut ranked: BTreeMap<Slot, (usize, PathBuf)> = BTreeMap::new();
        for entry in fs::read_dir(&self.folder)?.take(MOST) {
            let path = entry?.path();
            let Some((slot, rank)) = slot(&path) else { continue };
            if ranked.get(&slot).is_none_or(|(other, _)| rank < *other) {
                ranked.insert(slot, (rank, path));
            }
        }
        Ok(ranked.into_iter().map(|(slot, (_, path))| (slot, path)).collect())
    }
}

/// Returns which slot a file is for, and how it ranks among several for the same one. Editors' backups and hidden files
/// are none.
fn slot(path: &Path) -> Option<(Slot, usize)> {
    let (stem, ending) = path.file_name()?.to_str()?.rsplit_once('.')?;
    let rank = ENDINGS.iter().position(|known| *known == ending)?;
    if let Some(shared) = SHARED.iter().position(|name| *name == stem) {
        return Some((Slot::Shared, shared * ENDINGS.len() + rank));
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    (!stem.starts_with('.') && !stem.is_empty() && stem.chars().all(plain))
        .then(|| (Slot::Tenant(stem.to_owned()), rank))
}

/// Reads one file; no more of it than could be accepted.
fn text(path: &Path) -> Read {
    let most = u64::try_from(MAX_INSTRUCTIONS).unwrap_or(u64::MAX).saturating_add(16);
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|error| format!("it cannot be read ({error}); correct the path or the file's rights"))?;
    if bytes.len() > MAX_INSTRUCTIONS {
        // Cut in the middle of a letter, perhaps: it is refused for its length, not for that.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text; save it as UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_names() {
        let named = |name: &str| slot(Path::new(name)).map(|(slot, _)| slot);
        assert_eq!(named("/x/shared_instructions.txt"), Some(Slot::Shared));
        assert_eq!(named("default.md"), Some(Slot::Shared));
        assert_eq!(named("chatwoot.1.5.md"), Some(Slot::Tenant("chatwoot.1.5".into())));
        for other in ["notes", "web.md~", ".web.md.swp", ".md", "web.docx", ".hidden.md", "a b.md", "\u{e9}.txt"] {
            assert_eq!(named(other), None, "{other}");
        }
    }

    #[test]
    fn the_folder_is_read_whole_and_what_is_bad_is_said() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("bot_instructions");
        let files = Files { prompt_file: Some(home.path().join("none.md")), folder: folder.clone() };
        let (found, listed) = files.read();
        assert!(listed && found.len() == 1, "a folder that does not exist is empty");
        assert!(found[&Slot::PromptFile].1.as_ref().is_err_and(|why| why.contains("cannot be read")));
        fs::create_dir(&folder).unwrap();
        for (name, text) in [("shared_instructions.txt", "shared"), ("web.txt", "second"), ("web.md", "first")] {
            fs::write(folder.join(name), text).unwrap();
        }
        fs::write(folder.join("bad.md"), [0xff, 0xfe]).unwrap();
        fs::write(folder.join("long.md"), "\u{434}".repeat(MAX_INSTRUCTIONS)).unwrap();
        let (found, listed) = files.read();
        let text = |slot: Slot| found[&slot].1.clone();
        assert!(listed);
        assert_eq!(text(Slot::Shared), Ok("shared".to_owned()));
        assert_eq!(text(Slot::Tenant("web".into())), Ok("first".to_owned()));
        assert!(text(Slot::Tenant("bad".into())).is_err_and(|why| why.contains("UTF-8")));
        assert!(text(Slot::Tenant("long".into())).is_ok_and(|text| text.len() > MAX_INSTRUCTIONS));
    }

    #[test]
    fn a_disk_that_is_gone_says_nothing_about_its_files() {
        let files = Files { prompt_file: None, folder: "/nowhere/at/all/bot_instructions".into() };
        assert!(!files.read().1);
    }
}
