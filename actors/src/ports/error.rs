//! What goes wrong at a port. See `ports.rs`.

use std::time::Duration;

/// A failure at a port.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed")]
pub struct PortError {
    /// What kind of failure.
    pub kind: PortErrorKind,
    /// What was attempted, in the infinitive, for the operator: "read the conversation from Redis".
    pub operation: String,
    /// The cause.
    #[source]
    pub source: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of failures at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortErrorKind {
    /// Try again later.
    Transient,
    /// Too fast: try again after this long.
    Throttled(Duration),
    /// This will never work, as asked.
    Rejected,
    /// We may not do this.
    Forbidden,
    /// What came back makes no sense.
    Broken,
}

impl PortError {
    /// Makes an error without a cause.
    pub fn new(kind: PortErrorKind, operation: impl Into<String>) -> Self {
        Self { kind, operation: operation.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(std::sync::Arc::new(source));
        self
    }

    /// Returns a [`PortErrorKind::Transient`] failure of `operation`, caused by `source`.
    pub fn transient(operation: impl Into<String>, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::new(PortErrorKind::Transient, operation).because(source)
    }
}
