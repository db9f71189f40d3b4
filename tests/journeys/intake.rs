//! The way in: webhooks of both kinds, of every event, signed or not, in any order, however often, with a store that is
//! away, and with bodies that nobody should send. One file per sentence or two of the requirements.

/// Runs each journey on both stores, under its own name.
macro_rules! on_both_stores {
    ($($journey:ident),+ $(,)?) => {
        $(mod $journey {
            #[tokio::test(flavor = "multi_thread")]
            async fn on_redis() -> anyhow::Result<()> {
                super::$journey(frontdesk_sandbox::town::Backing::Redis).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() -> anyhow::Result<()> {
                super::$journey(frontdesk_sandbox::town::Backing::Embedded).await
            }
        })+
    };
}

mod addresses;
mod authors;
mod contents;
mod events;
mod fuzz;
mod once;
mod order;
mod outages;
mod refusals;
mod signatures;
mod states;
mod webhook;
