//! The watch: what must be looked after although nobody asks. Takes due conversations from the wake index, renews the
//! wake-ups of those this node works on, re-reads the global human switch, lets idle conversations leave memory, and
//! measures.

use crate::conversation::ConversationMsg;
use crate::directory::DirectoryMsg;
use crate::flow::{Incident, Input};
use crate::ids::ConversationKey;
use crate::metrics;
use crate::shared::Shared;
use crate::view::PhaseName;
use ::metrics::{counter, gauge};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many conversations are taken at once. Each take waits its turn among the commits of what was taken before, so after
/// a crash with thousands owed, few large ones are much faster than many small ones.
const TAKE: usize = 1024;

/// The name of the setting behind the global human switch.
pub(crate) const HUMAN_MODE: &str = "human_mode";

/// The watch.
#[derive(Debug)]
pub(crate) struct Watch;

/// What the watch does when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// Takes what is due.
    Take,
    /// Renews what is in hand.
    Renew,
    /// Re-reads the switches that hold for all nodes.
    Switches,
    /// Lets the idle leave, and measures.
    Survey,
}

impl Actor for Watch {
    type Msg = Round;
    type State = Arc<Shared>;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, myself: ActorRef<Round>, shared: Arc<Shared>) -> Result<Arc<Shared>, ActorProcessingErr> {
        for round in [Round::Take, Round::Renew, Round::Switches, Round::Survey] {
            myself.cast(round)?;
        }
        Ok(shared)
    }

    async fn handle(
        &self,
        myself: ActorRef<Round>,
        round: Round,
        shared: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        let pause = match round {
            Round::Take => Box::pin(take(shared)).await,
            Round::Renew => {
                Box::pin(renew(shared)).await;
                shared.settings.lease / 3
            }
            Round::Switches => {
                Box::pin(crate::pause::read(shared)).await;
                Box::pin(read_human_mode(shared)).await;
                Duration::from_secs(1)
            }
            Round::Survey => {
                survey(shared);
                Duration::from_secs(5)
            }
        };
        myself.send_after(pause, move || round);
        Ok(())
    }
}

/// Takes what is due; returns how long to rest.
async fn take(shared: &Shared) -> Duration {
    let lease = shared.settings.lease;
    if shared.pause.is_on() {
        return check(shared).await;
    }
    let taking = shared.ports.store.take_due(&shared.settings.node, lease, TAKE);
    // Bounded, because the leases in hand are renewed by this same actor.
    let due = match tokio::time::timeout(lease / 2, taking).await {
        Ok(Ok(due)) => due,
        Ok(Err(error)) => {
            shared.store_answers(false);
            tracing::debug!(error = %error, "cannot read the wake index");
            return shared.settings.poll * 2;
        }
        Err(_) => {
            shared.store_answers(false);
            return shared.settings.poll * 2;
        }
    };
    // A store that reads but does not write has not recovered.
    if !shared.write_failed.load(Ordering::Relaxed) {
        shared.store_answers(true);
    }
    let full = due.len() == TAKE;
    for due in due {
        let kind = match (due.takes, due.taken_over) {
            (2.., _) => "stuck",
            (_, true) => "taken_over",
            (_, false) => "due",
        };
        counter!(metrics::WAKE_TAKES, "kind" => kind).increment(1);
        // Its lease is renewed from here on, not only once its actor has come to it: thousands may stand in line.
        if let Some(vitals) = shared.places.vitals(&due.key) {
            vitals.busy.store(true, Ordering::Relaxed);
            vitals.left.store(false, Ordering::Relaxed);
        }
        shared.route(&due.key.clone(), ConversationMsg::Wake(due));
    }
    if full { Duration::from_millis(1) } else { shared.settings.poll }
}

/// While everything is paused nothing is taken: work that may not be done would count as work nobody finishes. Whether the
/// store answers is still to be known.
async fn check(shared: &Shared) -> Duration {
    let pinging = tokio::time::timeout(shared.settings.lease / 2, shared.ports.store.ping());
    let answers = matches!(pinging.await, Ok(Ok(())));
    if !answers || !shared.write_failed.load(Ordering::Relaxed) {
        shared.store_answers(answers);
    }
    shared.settings.poll
}

async fn renew(shared: &Shared) {
    let mut busy: Vec<ConversationKey> = Vec::new();
    shared.places.each_live(|key, slot| {
        if slot.vitals.busy.load(Ordering::Relaxed) && !slot.vitals.left.load(Ordering::Relaxed) {
            busy.push(key.clone());
        }
    });
    if busy.is_empty() {
        return;
    }
    if let Err(error) = shared.ports.store.renew(&shared.settings.node, shared.settings.lease, &busy).await {
        tracing::debug!(error = %error, "cannot renew leases");
    }
}

/// Re-reads the switch. A read that began before this node turned it tells nothing.
pub(crate) async fn read_human_mode(shared: &Shared) {
    let turns = shared.human_mode_turns.load(Ordering::Relaxed);
    match shared.ports.store.setting(HUMAN_MODE).await {
        Ok(_) if shared.human_mode_turns.load(Ordering::Relaxed) != turns => {}
        Ok(value) => {
            let on = value.as_deref() == Some("on");
            let was_on = shared.human_mode.swap(on, Ordering::Relaxed);
            if on && !was_on {
                silence(shared);
            }
            gauge!(metrics::HUMAN_MODE).set(if on { 1.0 } else { 0.0 });
        }
        Err(error) => tracing::debug!(error = %error, "cannot read the human switch"),
    }
}

/// The switch has been turned on: what is being answered is looked at anew, so that nothing more is said and no model call goes on.
pub(crate) fn silence(shared: &Shared) {
    let mut busy = Vec::new();
    shared.places.each_live(|key, slot| {
        if slot.vitals.busy.load(Ordering::Relaxed) {
            busy.push(key.clone());
        }
    });
    for key in busy {
        shared.report(&key, Input::DeadlineReached);
    }
}

fn survey(shared: &Shared) {
    const PHASES: [PhaseName; 4] =
        [PhaseName::AwaitingEmail, PhaseName::PendingVerification, PhaseName::Bot, PhaseName::Human];
    let mut by_phase = [0_usize; 4];
    let mut held = 0;
    let mut oldest = 0;
    shared.places.each_live(|_, slot| {
        if let Some(count) = by_phase.get_mut(slot.vitals.phase.load(Ordering::Relaxed)) {
            *count += 1;
        }
        held += slot.vitals.held.load(Ordering::Relaxed);
        let owed = slot.vitals.oldest_owed.load(Ordering::Relaxed);
        if owed > 0 && (oldest == 0 || owed < oldest) {
            oldest = owed;
        }
    });
    for (phase, count) in PHASES.iter().zip(by_phase) {
        gauge!(metrics::CONVERSATIONS_LIVE, "phase" => phase.as_str()).set(count as f64);
    }
    gauge!(metrics::ROWS_HELD).set(held as f64);
    if held == 0 {
        shared.resolve(Incident::RowHeld);
    }
    let age = match oldest {
        0 => 0.0,
        at => shared.ports.clock.now().since(crate::time::Timestamp::from_millis(at)).as_secs_f64(),
    };
    gauge!(metrics::OLDEST_OBLIGATION_SECONDS).set(age);
    gauge!(metrics::DELIVER_WAITING).set(shared.waiting.load(Ordering::Relaxed) as f64);
    if let Some(directory) = shared.directory.get() {
        // The Directory is this actor's supervisor: if it is gone, so is the watch.
        let _ = directory.cast(DirectoryMsg::Passivate(shared.settings.passivate_after));
    }
}
