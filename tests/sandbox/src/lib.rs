//! Faithful loopback doubles of every vendor, and real servers started for tests.
//!
//! The doubles behave as the vendor's wire facts say, quirks included; nothing in the product knows that it is tested.

pub mod audio;
pub mod balancer;
pub mod chatwoot;
pub mod daemon;
pub mod dice;
pub mod fleet;
pub mod google;
pub mod green_api;
pub mod kommo;
pub mod link;
pub mod model;
pub mod redis;
pub mod smtp;
pub mod takeover;
pub mod teams;
pub mod town;
pub mod voice;
