//! What each phase does with each signal. One file per phase.

mod awaiting_email;
mod bot;
mod human;
mod pending_verification;
