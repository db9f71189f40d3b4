//! What the model is told to be. The shipped text is part of the product; an operator may replace it by a file.
//!
//! The house rules of the layout (`config/prompts/protocol.md`) follow any instructions, so that a replaced text
//! cannot lose the marks the desk itself relies on.

use super::settings::{Error, MAX_INSTRUCTIONS};
use std::path::PathBuf;

/// The instructions that the desk ships with.
pub const SHIPPED_INSTRUCTIONS: &str = include_str!("../../../config/prompts/default.md");

/// How colleagues are marked and what to say when nothing can be said.
const PROTOCOL: &str = include_str!("../../../config/prompts/protocol.md");

/// Where the instructions come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Instructions {
    /// The text compiled in.
    #[default]
    Shipped,
    /// A file of the operator's, read once at start.
    File(PathBuf),
}

impl Instructions {
    /// Returns the complete stable text: instructions, then house rules.
    pub(super) fn read(&self) -> Result<String, Error> {
        let text = match self {
            Instructions::Shipped => SHIPPED_INSTRUCTIONS.to_owned(),
            Instructions::File(path) => std::fs::read_to_string(path)
                .map_err(|source| Error::InstructionsFile { path: path.clone(), source })?,
        };
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || text.len() > MAX_INSTRUCTIONS {
            return Err(Error::Instructions);
        }
        Ok(format!("{text}\n\n{}", PROTOCOL.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::CANNOT_ANSWER;
    use super::super::layout::COLLEAGUE;
    use super::*;

    #[test]
    fn the_shipped_texts_name_what_the_adapter_understands() {
        let text = Instructions::Shipped.read().unwrap();
        for needle in [CANNOT_ANSWER, COLLEAGUE, "`request_human`"] {
            assert!(text.contains(needle), "{needle}");
        }
    }

    #[test]
    fn a_file_replaces_the_instructions_but_not_the_house_rules() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prompt.md");
        std::fs::write(&path, "\u{feff}You sell tea.\n").unwrap();
        let text = Instructions::File(path.clone()).read().unwrap();
        assert!(text.starts_with("You sell tea.\n\n#") && text.contains(CANNOT_ANSWER));
        std::fs::write(&path, "  \n").unwrap();
        assert!(matches!(Instructions::File(path).read(), Err(Error::Instructions)));
        let missing = Instructions::File(folder.path().join("none.md")).read().unwrap_err();
        assert!(missing.to_string().contains("none.md"));
    }
}
