//! Faithful loopback doubles of every vendor, and real servers started for tests.
//!
//! The doubles behave as the vendor's wire facts say, quirks included; nothing in the product knows that it is tested.

pub mod chatwoot;
pub mod daemon;
pub mod model;
pub mod redis;
pub mod smtp;
pub mod teams;
pub mod town;
