//! What every part of a running engine shares: ports, settings, gates, and who serves which conversation.

use crate::alerts::AlertsMsg;
use crate::catch_up::Gap;
use crate::conversation::ConversationMsg;
use crate::directory::DirectoryMsg;
use crate::directory::places::{Places, Routed};
use crate::engine::{DeliverError, Ports, Settings};
use crate::flow::{Ctx, Incident, Input};
use crate::ids::ConversationKey;
use crate::outbound::Gate;
use crate::pause::Pause;
use crate::ports::{PortError, PortErrorKind};
use crate::pulse::Pulse;
use crate::time::Timestamp;
use ractor::ActorRef;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use tokio::sync::watch;

/// Shared by all actors of one engine.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) gates: BTreeMap<String, Gate>,
    pub(crate) places: Places,
    /// How many events wait in all mailboxes together.
    pub(crate) waiting: AtomicUsize,
    pub(crate) human_mode: AtomicBool,
    /// How often this node turned the switch.
    pub(crate) human_mode_turns: AtomicUsize,
    /// The emergency stop.
    pub(crate) pause: Pause,
    /// Whether the last write to the store failed.
    pub(crate) write_failed: AtomicBool,
    pub(crate) store_down: AtomicBool,
    /// The run of the store's server that this node has come to know; 0 for none.
    pub(crate) store_run: AtomicU64,
    /// Until when events may have been missed: this engine's start, or the store's return; UTC milliseconds.
    pub(crate) missed_until: AtomicI64,
    /// When this engine started.
    pub(crate) started: Timestamp,
    /// Whether this process stood still.
    pub(crate) pulse: Pulse,
    /// The gap that is open, if one is.
    pub(crate) gap: Gap,
    pub(crate) model_faulty: AtomicBool,
    pub(crate) transcriber_faulty: AtomicBool,
    /// Whether the mail server refused the last verification mail for what it is.
    pub(crate) mails_refused: AtomicBool,
    pub(crate) directory: OnceLock<ActorRef<DirectoryMsg>>,
    pub(crate) alerts: OnceLock<ActorRef<AlertsMsg>>,
    /// Whether the engine is stopping: nothing new is taken or started.
    pub(crate) closing: AtomicBool,
    /// Whether a supervisor has ended although nobody wanted it to.
    pub(crate) failed: tokio::sync::watch::Sender<bool>,
    /// Whether the engine has ended: its tasks end with it.
    pub(crate) ended: watch::Sender<bool>,
    /// The conversations that are being given to the people past their flow.
    pub(crate) rescuing: Mutex<BTreeSet<ConversationKey>>,
}

impl Shared {
    /// Runs slow work in a task that ends with the engine at the latest.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut ended = self.ended.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                // A sender that is gone means the same as an ended engine.
                _ = ended.wait_for(|ended| *ended) => {}
                () = work => {}
            }
        });
    }

    /// Returns what an input is handled with, at this moment.
    pub(crate) fn ctx(&self) -> Ctx<'_> {
        Ctx {
            now: self.ports.clock.now(),
            seed: self.ports.crypto.random(),
            policy: &self.settings.policy,
            human_mode: self.human_mode.load(Ordering::Relaxed),
            paused: self.pause.is_on(),
            node: &self.settings.node,
        }
    }

    /// Brings a message to the actor of a conversation, starting it if need be.
    pub(crate) fn route(&self, key: &ConversationKey, msg: ConversationMsg) {
        match self.places.send(key, msg) {
            Routed::Sent => {}
            Routed::Quarantined(msg) => msg.refuse(DeliverError::Quarantined),
            Routed::Absent(msg) => {
                let unsent = match self.directory.get() {
                    Some(directory) => directory.cast(DirectoryMsg::Route(key.clone(), msg)).err(),
                    None => None,
                };
                if unsent.is_some() {
                    tracing::debug!("a message came after the engine had stopped");
                }
            }
        }
    }

    /// Brings the result of a slow effect to its conversation, whichever actor serves it by then.
    pub(crate) fn report(&self, key: &ConversationKey, input: Input) {
        self.route(key, ConversationMsg::hear(input));
    }

    /// Tells operators.
    pub(crate) fn raise(&self, incident: Incident) {
        if matches!(incident, Incident::ModelUnauthorized | Incident::ModelNotFound | Incident::ModelQuota) {
            self.model_faulty.store(true, Ordering::Relaxed);
        }
        if incident == Incident::TranscriberRefused {
            self.transcriber_faulty.store(true, Ordering::Relaxed);
        }
        if let Some(alerts) = self.alerts.get() {
            // The alerts' actor only ends with the engine.
            let _ = alerts.cast(AlertsMsg::Raise(incident));
        }
    }

    /// Tells operators that it is mended.
    pub(crate) fn resolve(&self, incident: Incident) {
        if let Some(alerts) = self.alerts.get() {
            let _ = alerts.cast(AlertsMsg::Resolve(incident));
        }
    }

    /// The model answered: whatever was wrong with its account is mended. Costs nothing while nothing was.
    pub(crate) fn model_answers(&self) {
        if self.model_faulty.swap(false, Ordering::Relaxed) {
            for incident in [Incident::ModelUnauthorized, Incident::ModelNotFound, Incident::ModelQuota] {
                self.resolve(incident);
            }
        }
    }

    /// Notes whether the mail server refuses our mails for what they are, and tells operators. Costs nothing while it does not.
    pub(crate) fn mails_are_refused(&self, refused: bool) {
        let were = self.mails_refused.swap(refused, Ordering::Relaxed);
        match (were, refused) {
            (true, false) => self.resolve(Incident::MailRefused),
            (_, true) => self.raise(Incident::MailRefused),
            (false, false) => {}
        }
    }

    /// A recording was heard: whatever was wrong with the account is mended.
    pub(crate) fn transcriber_answers(&self) {
        if self.transcriber_faulty.swap(false, Ordering::Relaxed) {
            self.resolve(Incident::TranscriberRefused);
        }
    }

    /// Notes whether the store answers.
    pub(crate) fn store_answers(&self, answers: bool) {
        ::metrics::gauge!(crate::metrics::STORE_UP).set(if answers { 1.0 } else { 0.0 });
        let was_down = self.store_down.swap(!answers, Ordering::Relaxed);
        if was_down || !answers {
            // Webhooks were refused meanwhile.
            self.missed();
        }
        match (was_down, answers) {
            (false, false) => self.raise(Incident::StoreUnavailable),
            (true, true) => self.resolve(Incident::StoreUnavailable),
            (true, false) | (false, true) => {}
        }
    }

    /// Events may have been missed up to now.
    pub(crate) fn missed(&self) {
        self.missed_since(self.ports.clock.now());
    }

    /// Events may have been missed from this moment up to now.
    pub(crate) fn missed_since(&self, since: Timestamp) {
        self.missed_until.store(self.ports.clock.now().as_millis(), Ordering::Relaxed);
        self.gap.note(since);
    }

    /// A sign of life. A process that stood still has missed what was told it meanwhile: whoever comes first to notice that
    /// does, so that what waited in the sockets is not taken for news of this moment.
    pub(crate) fn beat(&self) {
        if let Some(since) = self.pulse.beat(self.ports.clock.now()) {
            self.missed_since(since);
            tracing::warn!(since = since.as_millis(), "this process stood still; what it missed is caught up with");
        }
    }

    /// Returns until when events were missed, if that was only just, and whether they were because the process was not there:
    /// then a conversation that begins at this moment may be one whose first webhooks were.
    pub(crate) fn just_missed(&self) -> Option<(Timestamp, bool)> {
        let until = Timestamp::from_millis(self.missed_until.load(Ordering::Relaxed));
        let lately = self.ports.clock.now().since(until) <= crate::flow::LATE_TRIES;
        lately.then_some((until, until <= self.started))
    }

    /// Returns the run of the store's server. A changed one is a gap for everybody: what was acknowledged last may be
    /// forgotten.
    pub(crate) fn store_run(&self) -> Option<u64> {
        let run = self.ports.store.run()?;
        let known = self.store_run.swap(run, Ordering::Relaxed);
        if known != run && known != 0 {
            ::metrics::counter!(crate::metrics::STORE_RESTARTS).increment(1);
            self.missed();
            tracing::warn!("the store was started again; everything is looked at before the desk speaks");
        }
        Some(run)
    }

    /// Notes whether a write reached the store.
    pub(crate) fn store_writes(&self, writes: bool) {
        let failed = self.write_failed.swap(!writes, Ordering::Relaxed);
        if failed && writes {
            self.store_answers(true);
        }
    }

    /// An account is accepted again; tells operators when no other is refused.
    pub(crate) fn account_mended(&self) {
        if self.gates.values().all(|gate| !gate.is_refused()) {
            self.resolve(Incident::AccountFault);
        }
    }

    /// Returns the gate of an account.
    pub(crate) fn gate(&self, name: &str) -> Option<&Gate> {
        self.gates.get(name)
    }

    /// Notes a store failure and makes it the caller's.
    pub(crate) fn unavailable(&self, error: PortError) -> DeliverError {
        if matches!(error.kind, PortErrorKind::Transient) {
            self.store_answers(false);
        }
        DeliverError::Unavailable(error)
    }
}

/// A task that ends with its owner.
#[derive(Debug)]
pub(crate) struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl AbortOnDrop {
    pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
