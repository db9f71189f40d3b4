//! A double of Chatwoot 4.16: REST for bots and users, signed webhooks, and the habits that hurt.
//!
//! It keeps accounts, contacts, conversations and messages in memory and behaves as `docs/chatwoot-wire.md` says: a bot
//! webhook is repeated on 429 and 500 only, and any other failure opens a pending conversation; an account webhook is
//! sent once; posting labels or attributes replaces them; outgoing text is rendered as Liquid. Tests drive it as
//! customers and agents would ([`ChatwootDouble`]), wait on conditions, and inject faults per kind of request.

mod deliver;
mod driver;
mod fault;
mod liquid;
mod payload;
mod rest;
mod rest_acts;
mod rest_views;
mod server;
mod text;
mod world;

pub use deliver::{Delivery, Outcome};
pub use driver::{ConversationView, Line, World as WorldView};
pub use fault::{Fate, Fault, RequestKind};
pub use world::{Author, ChangedBy, Hook, Options, Recorded, Stats, Target, Token};

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

/// A running double. Dropping it closes its port and ends its deliveries.
#[derive(Debug)]
pub struct ChatwootDouble {
    shared: Arc<Shared>,
    base_url: String,
    server: tokio::task::AbortHandle,
}

impl ChatwootDouble {
    /// Starts a double on a free port of the loopback.
    ///
    /// # Errors
    /// If no port can be bound or no HTTP client made.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(options.webhook_timeout)
            // Chatwoot connects anew for every webhook: a desk that restarts refuses or cuts, it never finds an old wire.
            .pool_max_idle_per_host(0)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let (changed, _) = watch::channel(0);
        let shared = Arc::new(Shared {
            world: Mutex::new(world::World::new(options)),
            changed,
            http,
            runtime: tokio::runtime::Handle::current(),
        });
        let (base_url, server) = server::start(shared.clone()).await?;
        Ok(Self { shared, base_url, server })
    }

    /// Returns the address to give as `CHATWOOT_BASE_URL`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for ChatwootDouble {
    fn drop(&mut self) {
        self.server.abort();
        self.shared.lock().closed = true;
    }
}

/// What the server, the deliveries and the driver share.
struct Shared {
    world: Mutex<world::World>,
    changed: watch::Sender<u64>,
    http: reqwest::Client,
    runtime: tokio::runtime::Handle,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    /// A test that panicked while holding the lock has failed already; the world is still whole.
    fn lock(&self) -> MutexGuard<'_, world::World> {
        self.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes the world, sends the webhooks that the change causes, and wakes whoever waits for it.
    fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut world::World) -> T) -> T {
        let (result, jobs) = {
            let mut world = self.lock();
            let result = change(&mut world);
            (result, world.take_jobs())
        };
        for job in jobs {
            self.runtime.spawn(deliver::run(self.clone(), job));
        }
        self.changed.send_modify(|changes| *changes += 1);
        result
    }

    /// Waits until a condition holds for the world.
    async fn wait(&self, limit: Duration, mut holds: impl FnMut(&world::World) -> bool) -> bool {
        let mut changes = self.changed.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                if holds(&self.lock()) {
                    return;
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(limit, waiting).await.is_ok()
    }
}
