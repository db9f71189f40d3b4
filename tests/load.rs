//! The promises under a load that wants the machine for itself: a fixed rate of webhooks, and kills that let nothing come to rest.
//! What shares two cores with other tests would be too slow to show anything, so these are a binary of their own, one
//! test after the other. The rest is in `promises.rs`.

mod promises {
    mod account;
    mod socket;
    mod storm;
    #[expect(dead_code, reason = "what only the other promises use")]
    mod support;

    /// Whoever holds it has the machine.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
}
