//! What the account knows, and what is to go wrong.

use super::again::Told;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;

/// What happens to one answer at a `return_url`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The bot goes on, and the caller never hears of it.
    GoOnThenHang,
    /// The bot goes on, and the caller hears this status.
    GoOnThen(u16),
    /// The bot waits on, and the caller hears this status.
    Refuse(u16),
    /// The bot waits on, and the caller hears nothing.
    Hang,
    /// The caller hears nothing, and the bot goes on after this long.
    GoOnLate(Duration),
    /// The bot has been stopped: nobody waits any more.
    Expire,
}

/// What happens to one request for a pair of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFault {
    /// No pair is made, and the caller hears this status.
    Refuse(u16),
    /// No pair is made, and the caller hears nothing.
    Hang,
    /// The pair is made when the double is told to release it, unless the caller has gone by then.
    Hold,
}

/// Decides about each answer at a `return_url`, by its request, whether it fails.
pub type Fate = Box<dyn FnMut(u64) -> Option<Fault> + Send>;

/// What decides about answers for which no fault was ordered.
#[derive(Default)]
pub(crate) struct Fates(pub(crate) Option<Fate>);

impl std::fmt::Debug for Fates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fates").field(&self.0.is_some()).finish()
    }
}

/// A salesbot that has gone on.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// Which request was answered.
    pub request: u64,
    /// The lead it was about.
    pub lead: u64,
    /// What the bot branches on.
    pub status: String,
    /// What the customer reads.
    pub shown: Vec<String>,
    /// When.
    pub at: SystemTime,
}

/// How a request was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Its number.
    pub request: u64,
    /// The HTTP status; none if there was none in time.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    /// The requests that wait, with their leads.
    pub(crate) waiting: BTreeMap<u64, u64>,
    /// The leads of all requests.
    pub(crate) leads: BTreeMap<u64, u64>,
    /// Requests whose bot was stopped before it was answered.
    pub(crate) expired: Vec<u64>,
    pub(crate) answered: Vec<Answered>,
    /// Answers to requests that waited no more.
    pub(crate) surplus: Vec<u64>,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) fates: Fates,
    pub(crate) notes: Vec<(u64, String)>,
    /// The good access token of OAuth, and the refresh token that is good once.
    pub(crate) pair: Option<(String, String)>,
    pub(crate) codes: Vec<String>,
    pub(crate) refreshes: usize,
    /// Refresh tokens that were used a second time.
    pub(crate) reused: usize,
    pub(crate) calls: usize,
    pub(crate) token_faults: VecDeque<TokenFault>,
    pub(crate) token_calls: usize,
    /// Whether requests for tokens are held back.
    pub(crate) holds_tokens: bool,
    /// Where the account's webhook leads, and whether it brings back what bots say.
    pub(crate) hook: Option<String>,
    /// What the desk was told, each body once.
    pub(crate) told: Vec<Told>,
    /// What the desk has tried to show, accepted or not.
    pub(crate) tried: Vec<String>,
    pub(crate) last_request: u64,
    pub(crate) last_message: u64,
    pairs: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(super) world: Mutex<World>,
    pub(crate) changed: Notify,
    pub(crate) http: reqwest::Client,
}

impl Inner {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Takes the fault of an answer, if it is to fail.
    pub(crate) fn take_fault(&mut self, request: u64) -> Option<Fault> {
        let ordered = self.faults.pop_front();
        ordered.or_else(|| self.fates.0.as_mut().and_then(|fate| fate(request)))
    }

    /// Makes the next pair of tokens; the one before is good no more.
    pub(crate) fn next_pair(&mut self) -> (String, String) {
        self.pairs += 1;
        let pair = (format!("access-{}", self.pairs), format!("refresh-{}", self.pairs));
        self.pair = Some(pair.clone());
        pair
    }
}
