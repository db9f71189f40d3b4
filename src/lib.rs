//! The frontdesk daemon: HTTP in, adapters out, the engine of `frontdesk-actors` between them.

pub mod adapters;
pub mod app;
pub mod cli;
pub mod config;
pub mod explain;
pub mod fluent;
pub mod http;
pub mod instructions;
pub mod language;
pub mod links;
mod outgoing;
pub mod recent;
pub mod shutdown;
pub mod telemetry;
mod usage;
pub mod utc;
