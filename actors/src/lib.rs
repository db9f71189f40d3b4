//! The conversation engine of frontdesk: one supervised actor per conversation, a pure state machine in each, and the
//! supervisors of alerts and outbound limits. It knows no vendor, no HTTP and no database: those come through [`ports`].
//!
//! Reading order: [`domain`] (what comes in) → [`flow`] (what is decided, pure) → `conversation` (what is done about it) →
//! `directory` (who serves whom) → [`outbound`] and `alerts` (the supervisors of everything that leaves) → [`engine`] (the
//! only way in).
#![warn(missing_docs)]

pub mod audit;
pub mod domain;
pub mod engine;
pub mod flow;
pub mod ids;
pub mod journal;
pub mod language;
pub mod metrics;
pub mod outbound;
pub mod ports;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod time;
pub mod view;

mod alerts;
mod aside;
mod catch_up;
mod conversation;
mod directory;
mod duties;
mod pause;
mod pulse;
mod shared;
