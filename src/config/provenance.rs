//! Remembers where each value came from, for `check-config` and for judging what the operator meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `config/frontdesk.toml`, as compiled in.
    Default,
    /// The operator's file.
    File(PathBuf),
    /// A line of `.env`, by the name used there.
    Dotenv(String),
    /// A variable of the environment.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Dotenv(name) => write!(f, ".env {name}"),
            Origin::Environment(name) => write!(f, "environment {name}"),
        }
    }
}

/// Where every value came from, with its text as far as it may be shown.
#[derive(Clone, Default)]
pub struct Provenance {
    pub(super) shown: BTreeMap<&'static str, (String, Origin)>,
    pub(super) broken: BTreeSet<&'static str>,
}

impl fmt::Debug for Provenance {
    /// Shows no values: addresses are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shown.iter().map(|(path, (_, origin))| (path, origin))).finish()
    }
}

impl Provenance {
    /// Returns where the value of `section.key` came from; `None` if it is not set.
    pub fn origin(&self, path: &str) -> Option<&Origin> {
        self.shown.get(path).map(|(_, origin)| origin)
    }

    /// Returns the value of `section.key` as it may be shown.
    pub fn shown(&self, path: &str) -> Option<&str> {
        self.shown.get(path).map(|(shown, _)| shown.as_str())
    }

    /// Returns whether somebody gave a value, even one that could not be read.
    pub(super) fn is_given(&self, path: &str) -> bool {
        self.broken.contains(path) || self.shown.contains_key(path)
    }
}
