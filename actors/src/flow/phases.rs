//! What each phase does with each signal. One file per phase, and one for each rule that spans much of a phase.

mod awaiting_email;
mod bot;
mod human;
mod pending_verification;
mod pickup;
pub(crate) mod shadow;
