//! The HTTP side over real connections against a fake desk: every status, and every rule behind it.
//!
//! New tests go beside their subject: `webhooks`, `page` (the minimal body), `verification`, `admin`, `operations`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "http/admin.rs"]
mod admin;
#[path = "http/fake.rs"]
mod fake;
#[path = "http/kommo.rs"]
mod kommo;
#[path = "http/operations.rs"]
mod operations;
#[path = "http/page.rs"]
mod page;
#[path = "http/people.rs"]
mod people;
#[path = "http/server.rs"]
mod server;
#[path = "http/stuck.rs"]
mod stuck;
#[path = "http/verification.rs"]
mod verification;
#[path = "http/webhooks.rs"]
mod webhooks;
