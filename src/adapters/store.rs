//! Durable stores. One contract suite runs against both.

pub mod embedded;
pub mod redis;
