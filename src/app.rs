//! The composition root: from settings to a running daemon. The only module that knows every part.
//!
//! The socket listens first, and connections wait in it while the start takes no longer than usual. If the store does not
//! answer (shared secrets live in it), every webhook is told to come again until it does; then the engine starts and the real
//! routes take over.

mod advice;
mod audit;
mod compose;
mod crypto;
mod glue;
mod green;
mod kommo;
mod model;
mod policy;
mod secrets;
mod starting;
mod store;

pub use audit::audit;
pub use crypto::OsCrypto;
pub(crate) use green::{api as green_api, wanted as green_wanted};
pub(crate) use model::check as check_model;
pub(crate) use secrets::TOKEN_FILE;
pub(crate) use store::with_causes;

use crate::config::{Config, Problem};
use crate::shutdown::{self, Farewell, Lifecycle, Listening};
use crate::telemetry::MetricsPage;
use compose::Desk;
use starting::Front;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long nothing is accepted while the desk starts. What waits in the kernel survives another crash, and is answered as
/// soon as the desk is open; told to come again, an account webhook never does. Well below the 5 s that Chatwoot waits.
const UNHEARD: Duration = Duration::from_secs(2);

/// Why the daemon did not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing can be listened on.
    #[error(transparent)]
    Listen(#[from] shutdown::ListenError),
    /// The settings contradict the socket that was handed over.
    #[error("{}", list(.0))]
    Config(Vec<Problem>),
    /// The store can never work.
    #[error("{0}")]
    Store(String),
    /// A part cannot be made of its settings.
    #[error("{0}")]
    Setup(String),
    /// A supervisor of the engine failed.
    #[error("a supervisor of the engine failed; what is owed is in the store: start the daemon again")]
    Engine,
    /// Serving failed.
    #[error("serving failed")]
    Serve(#[from] std::io::Error),
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// [`Error`], which says what to change.
pub async fn run(config: Config, metrics: MetricsPage) -> Result<(), Error> {
    let Listening { listener, outlives_us } = shutdown::listen(config.listen.addr)?;
    let address = listener.local_addr()?;
    let config = Arc::new(config.listening_on(address).map_err(Error::Config)?);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let store = store::open(&config).await.map_err(Error::Store)?;
    let lifecycle = Lifecycle::new();
    lifecycle.close_on_signals()?;
    tokio::spawn(metrics.clone().upkeep(Duration::from_secs(5)));
    let front = Front::default();
    let desk: Arc<OnceLock<Desk>> = Arc::default();
    let farewell = Farewell { linger: config.listen.linger, ..Farewell::default() };
    let serving = shutdown::serve(
        listener,
        front.router(),
        (lifecycle.clone(), farewell),
        stop(Arc::clone(&desk), config.listen.drain),
    );
    let starting = start(&config, store, (lifecycle.clone(), metrics), (front, desk.clone()));
    tokio::pin!(serving, starting);
    match unheard(&mut starting, &lifecycle, UNHEARD).await {
        Unheard::Started(started) => started?,
        Unheard::ToldToStop if outlives_us => {
            tracing::info!("frontdesk has closed before it was open; whoever waits is heard by the next run");
            return Ok(());
        }
        // Where the socket dies with this run, being told to come again is better than being cut off.
        Unheard::ToldToStop | Unheard::TakesLong => tokio::select! {
            served = &mut serving => return Ok(served?),
            started = starting => started?,
        },
    }
    tracing::info!(%address, url = config.public_base(), demo = config.is_demo(), "frontdesk is open");
    tokio::select! {
        served = &mut serving => served?,
        () = failed(&desk) => return Err(Error::Engine),
    }
    tracing::info!("frontdesk has closed");
    Ok(())
}

/// How the time in which nothing is accepted ended.
#[derive(Debug, PartialEq, Eq)]
enum Unheard<T> {
    /// The desk is open.
    Started(T),
    /// The daemon is to stop.
    ToldToStop,
    /// The start takes longer than nobody should wait.
    TakesLong,
}

/// Waits for the start while nothing is accepted, for no longer than this.
async fn unheard<T>(starting: impl Future<Output = T>, lifecycle: &Lifecycle, longest: Duration) -> Unheard<T> {
    tokio::select! {
        biased;
        started = starting => Unheard::Started(started),
        () = lifecycle.closing() => Unheard::ToldToStop,
        () = tokio::time::sleep(longest) => Unheard::TakesLong,
    }
}

async fn failed(desk: &OnceLock<Desk>) {
    match desk.get() {
        Some(desk) => desk.engine.failed().await,
        None => std::future::pending().await,
    }
}

async fn start(
    config: &Arc<Config>,
    store: store::Opened,
    (lifecycle, metrics): (Lifecycle, MetricsPage),
    (front, slot): (Front, Arc<OnceLock<Desk>>),
) -> Result<(), Error> {
    let store = store::until_it_answers(store).await.map_err(Error::Store)?;
    let secrets = secrets::obtain(config, &store).await.map_err(Error::Setup)?;
    secrets.announce(config);
    let desk = compose::desk(config, store, &secrets).await.map_err(Error::Setup)?;
    let closing = lifecycle.clone();
    let engine = desk.engine.clone();
    tokio::spawn(async move {
        closing.closing().await;
        // Webhooks are served on for a while, but nothing new leaves the house.
        engine.stop_claiming();
    });
    front.open(desk.router(config, &secrets, lifecycle, metrics));
    // Set once: this function runs once.
    let _ = slot.set(desk);
    Ok(())
}

async fn stop(desk: Arc<OnceLock<Desk>>, within: Duration) {
    if let Some(desk) = desk.get() {
        desk.engine.drain(within).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn an_order_to_stop_is_heard_while_nothing_is_accepted() {
        let lifecycle = Lifecycle::new();
        let for_ever = Duration::from_secs(86_400);
        assert_eq!(unheard(ready(7), &lifecycle, for_ever).await, Unheard::Started(7));
        assert_eq!(unheard(pending::<()>(), &lifecycle, Duration::ZERO).await, Unheard::TakesLong);
        lifecycle.close();
        assert_eq!(unheard(pending::<()>(), &lifecycle, for_ever).await, Unheard::ToldToStop);
        assert_eq!(unheard(ready(7), &lifecycle, for_ever).await, Unheard::Started(7), "what is done is kept");
    }
}
