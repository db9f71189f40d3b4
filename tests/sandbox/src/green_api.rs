//! A loopback double of one GREEN-API instance (WhatsApp), written from `docs/green-api-wire.md` and the fixtures.
//!
//! What makes it awkward is kept: the token stands in the path; `sendMessage` only queues, and a slow queue sends; an echo and
//! statuses follow as notifications of their own; notifications go out one after another, and one that is not answered exactly
//! 200 is repeated while all later ones wait; or they are fetched and deleted. Nothing carries an id of the caller. The pauses
//! are shortened, see [`Options`].

mod notify;
mod rest;
mod world;

pub use world::{Delivery, Fate, Fault, Line, Options, Request, Side, Status, World};

use anyhow::{Result, ensure};
use axum::Router;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// The instance's number.
pub const INSTANCE: u64 = 7_103_000_001;

/// The instance's token.
pub const TOKEN: &str = "d75b3a66374942c5b3c019c698abc2067e151558acbd412345";

/// How long a test waits for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the handlers and the queues share.
#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    /// Rings when something has changed.
    changed: Notify,
    http: reqwest::Client,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let done = act(&mut self.lock());
        self.changed.notify_waiters();
        done
    }
}

/// A running double. It stops when dropped.
#[derive(Debug)]
pub struct GreenDouble {
    base_url: String,
    shared: Arc<Shared>,
    tasks: Vec<AbortHandle>,
}

impl Drop for GreenDouble {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl GreenDouble {
    /// Starts an authorised instance that has no settings yet, as a new one.
    ///
    /// # Errors
    /// If loopback cannot be bound.
    pub async fn start(options: Options) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(180)).build()?;
        let shared = Arc::new(Shared { world: Mutex::new(World::new(options)), changed: Notify::new(), http });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let app = Router::new().fallback(rest::handle).with_state(shared.clone());
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        let pushing = tokio::spawn(notify::push(shared.clone()));
        let sending = tokio::spawn(notify::send(shared.clone()));
        let tasks = [serving.abort_handle(), pushing.abort_handle(), sending.abort_handle()].to_vec();
        Ok(Self { base_url, shared, tasks })
    }

    /// Returns the instance's `apiUrl`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Sets the instance up as its owner would in the console: webhooks on, to this address with this token. An empty address
    /// means polling.
    pub fn set_up(&self, url: &str, token: &str) {
        self.shared.change(|world| {
            for key in world::SWITCHES {
                world.settings.insert((*key).to_owned(), json!("yes"));
            }
            world.settings.insert("webhookUrl".to_owned(), json!(url));
            world.settings.insert("webhookUrlToken".to_owned(), json!(token));
        });
    }

    /// The customer writes. Returns the message's id.
    pub fn customer_writes(&self, chat: &str, text: &str) -> String {
        self.customer_sends(chat, json!({ "typeMessage": "textMessage", "textMessageData": { "textMessage": text } }))
    }

    /// The customer sends any `messageData`. Returns the message's id.
    pub fn customer_sends(&self, chat: &str, data: Value) -> String {
        self.shared.change(|world| world.hear(chat, Side::Customer, data))
    }

    /// Somebody writes on the paired phone. Returns the message's id.
    pub fn phone_writes(&self, chat: &str, text: &str) -> String {
        let data = json!({ "typeMessage": "textMessage", "textMessageData": { "textMessage": text } });
        self.shared.change(|world| world.hear(chat, Side::Phone, data))
    }

    /// Another program sends through the same instance. Returns the message's id.
    pub fn other_program_sends(&self, chat: &str, text: &str) -> String {
        self.shared.change(|world| world.enqueue(chat, text))
    }

    /// Makes any notification, as it is.
    pub fn notify(&self, body: impl Into<String>) {
        let body = body.into();
        self.shared.change(|world| world.notify_raw(body));
    }

    /// Notifies of everything once more that was taken so far, as after answers that got lost.
    pub fn tell_again(&self) {
        self.shared.change(|world| world.taken().into_iter().for_each(|body| world.notify_raw(body)));
    }

    /// Changes the instance's state and tells of it.
    pub fn set_state(&self, state: &str) {
        self.shared.change(|world| world.set_state(state));
    }

    /// Lets the next call of a method go wrong.
    pub fn fail_next(&self, method: &str, fault: Fault) {
        self.shared.lock().faults.push((method.to_owned(), fault));
    }

    /// Asks this about every call for which no fault was ordered.
    pub fn leave_to(&self, fate: Fate) {
        self.shared.lock().fates.0 = Some(fate);
    }

    /// Ends all faults.
    pub fn recover(&self) {
        self.shared.change(|world| {
            world.faults.clear();
            world.fates.0 = None;
        });
    }

    /// Lets a notification go behind the next one, where no words of people in one chat change their order. Returns whether
    /// one did.
    pub fn overtake(&self) -> bool {
        self.shared.change(World::overtake)
    }

    /// Holds back everything in the instance's own queue, or lets it go.
    pub fn hold_queue(&self, held: bool) {
        self.shared.change(|world| world.queue_held = held);
    }

    /// Lets notifications be lost on their way to the desk, as if it could not be reached.
    pub fn cut_webhooks(&self, cut: bool) {
        self.shared.change(|world| world.cut = cut);
    }

    /// Reads the world.
    pub fn see<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        read(&self.shared.lock())
    }

    /// Returns what stands in a chat that was sent through the API.
    pub fn said(&self, chat: &str) -> Vec<String> {
        self.see(|world| world.said(chat))
    }

    /// Waits until the world fulfils a condition.
    ///
    /// # Errors
    /// If it does not in time; the message shows what there is.
    pub async fn wait_for(&self, what: &str, holds: impl Fn(&World) -> bool) -> Result<()> {
        let began = Instant::now();
        loop {
            let changed = self.shared.changed.notified();
            if holds(&self.shared.lock()) {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "waited in vain for: {what}\n{:#?}", self.see(World::shown));
            // Somebody may change the world between the question and the wait.
            let _ = tokio::time::timeout(Duration::from_millis(50), changed).await;
        }
    }

    /// Waits until every notification was taken and nothing is left to send.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_quiet(&self) -> Result<()> {
        self.wait_for("all notifications are taken and all messages sent", World::is_quiet).await
    }
}
