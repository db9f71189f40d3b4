//! The engine's ports: everything outside is reached through one of these traits.
//!
//! What a vendor does to a send is told as a [`Verdict`], never as an error: the flow decides by it. [`PortError`] is
//! for everything that may simply be tried again or reported.

mod alerts;
mod budget;
mod channel;
mod error;
mod mail;
mod memory;
mod model;
mod scan;
mod store;
mod transcriber;

pub use alerts::{AlertSink, Card};
pub use budget::Budget;
pub use channel::{Act, Active, Author, Channel, Destination, Events, Look, ReplyPlace, Seen, Verdict};
pub use error::{PortError, PortErrorKind};
pub use mail::{Mailer, VerificationMail};
pub(crate) use memory::array_of;
pub use memory::{Growth, MemoryValue, MemoryWrite};
pub use model::{Model, ModelError, ModelErrorKind, ModelReply, Prompt};
pub use scan::{Scan, ScanCursor, ScanPage, Scanned};
pub use store::{Commit, CommitOutcome, Due, Listed, Nudge, Quota, Store, Stored};
pub use transcriber::{Fault, Recording, TranscribeError, TranscribeErrorKind, Transcriber};
