//! How fast an account may be used. See `ports.rs`.

use std::fmt;
use std::time::Duration;

/// How fast one outbound account may be used. One implementation counts on this node; others may share.
pub trait Budget: Send + Sync + fmt::Debug {
    /// Takes one call from the budget.
    ///
    /// # Errors
    /// How long to wait before asking again.
    fn take(&self) -> Result<(), Duration>;
}
