//! The conversation engine of frontdesk.
#![warn(missing_docs)]

pub mod domain;
pub mod engine;
pub mod ids;
pub mod language;
pub mod metrics;
pub mod ports;
pub mod time;
