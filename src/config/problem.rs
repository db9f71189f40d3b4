//! What is wrong with the settings, in words for the operator.

use std::fmt;

/// One thing that must be changed before the desk can start. Never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which setting, by the name the operator used.
    pub setting: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl Problem {
    pub(super) fn new(setting: impl Into<String>, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { setting: setting.into(), what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}. Fix: {}.", self.setting, self.what, self.fix)
    }
}

impl std::error::Error for Problem {}
