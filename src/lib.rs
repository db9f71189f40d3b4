//! The frontdesk daemon: HTTP in, adapters out, the engine of `frontdesk-actors` between them.

pub mod adapters;
pub mod app;
pub mod cli;
pub mod config;
pub mod fluent;
pub mod http;
pub mod language;
pub mod links;
pub mod recent;
pub mod shutdown;
pub mod telemetry;
