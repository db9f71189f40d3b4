//! What a channel's double must be able to do for the contract to run against it.
//!
//! A double is driven as customers, colleagues and a bad network drive the real thing; it never looks into the desk. What
//! a vendor cannot do is said as a [`Cannot`], with the reason and the test that stands in its place: a clause that meets
//! one checks that the test exists, and says so in its output.

use anyhow::Result;
use frontdesk_sandbox::daemon::Daemon;

/// Who writes to the company. Two of them, because one must not read what the other is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Customer {
    Dana,
    Eli,
}

/// Whom somebody without any right pretends to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Customer,
    Colleague,
}

/// What becomes of the next thing that the desk says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The customer reads it, and the desk never hears of that.
    LandsUnanswered,
    /// The customer never reads it, and the desk never hears of that.
    IsLostUnanswered,
    /// It is not taken: too many requests, come again.
    IsPutOff,
    /// It is not taken, and never will be.
    IsRefused,
}

/// Something that a vendor cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cannot {
    /// Why not, in one sentence that also stands in `docs/adding-a-channel.md`.
    pub(crate) why: &'static str,
    /// The test that shows what stands in its place, as `file::function`.
    pub(crate) instead: &'static str,
}

/// A vendor's double, with the wiring of one desk to it.
pub(crate) trait Vendor: Sized {
    /// How the desk calls the channel.
    const NAME: &'static str;

    /// How long one message to a customer may be, in characters.
    const LONGEST: usize;

    /// Everything that this vendor cannot do.
    const CANNOT: &'static [Cannot];

    /// Starts the double and wires a desk that does not run yet, by its environment alone.
    async fn open(daemon: &mut Daemon) -> Result<Self>;

    /// Returns how the desk calls a customer's conversation.
    fn key(&self, customer: Customer) -> String;

    /// A customer writes. Returns once the desk has acknowledged the webhook, which must be at once.
    async fn writes(&self, customer: Customer, text: &str) -> Result<()>;

    /// A customer writes, and the vendor keeps the webhook back until [`Vendor::tell_again`].
    async fn keeps_back(&self, customer: Customer, text: &str) -> Result<Result<(), Cannot>>;

    /// A colleague writes to a customer with the vendor's own means. Returns once the desk has acknowledged it.
    async fn colleague_writes(&self, customer: Customer, text: &str) -> Result<()>;

    /// A colleague gives the conversation back to the desk, with the vendor's own means where there are any.
    async fn gives_back(&self, customer: Customer) -> Result<()>;

    /// Sends everything once more that the vendor has told so far, byte for byte, with proofs that are good. Returns once
    /// all of it is acknowledged.
    async fn tell_again(&self) -> Result<()>;

    /// Returns how many webhooks have told the desk of its own words.
    fn echoes(&self) -> Result<usize, Cannot>;

    /// Returns what a customer has read from the desk, in order.
    async fn read(&self, customer: Customer) -> Result<Vec<String>>;

    /// Decides about the next thing that the desk says.
    fn next_send(&self, fate: Fate) -> Result<(), Cannot>;

    /// Returns how often the desk has tried to say something with these words in it.
    async fn tries(&self, words: &str) -> Result<usize>;

    /// Sends a webhook that is the vendor's in everything but its proof. Returns how it was answered.
    async fn impostor(&self, role: Role, customer: Customer, text: &str) -> Result<u16>;

    /// Sends a body with a good proof to every address that takes webhooks. Returns how each was answered.
    async fn post(&self, body: &[u8]) -> Result<Vec<u16>>;

    /// Returns bodies that are nearly the vendor's own.
    fn near_misses(&self) -> Vec<Vec<u8>>;

    /// Returns whether this is how a body may be answered that nobody can read, so that the vendor neither repeats it for
    /// ever nor gives up on anybody else's.
    fn may_answer_rubbish(status: u16) -> bool;

    /// Returns what must never stand in a log: tokens, secrets, addresses, numbers.
    fn secrets(&self) -> Vec<String>;

    /// Waits until no webhook is under way and nobody waits for the desk.
    async fn quiet(&self) -> Result<()>;
}
