//! To be written.

pub mod page;
pub mod verify_page;
