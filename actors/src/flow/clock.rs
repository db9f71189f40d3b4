//! A record comes back to a node whose clock may differ from the one it was written by: by an hour, where somebody set a
//! time zone wrong. What was stored in absolute times is brought under the reader's clock.
//!
//! A time in the future is cut to what can lie ahead at most. A time in the past may be old or may be the other clock's;
//! where too much time passed would do harm, none is taken to have passed: for a row of unknown outcome each node counts only
//! the time that it has waited itself (`Volatile::waiting`), and the record adds these up.
//!
//! Nothing is changed where clocks agree: a record that was only read must not look written.

use crate::flow::outbox::RowState;
use crate::flow::phase::{Challenge, Phase, Stage};
use crate::flow::policy::LONGEST_PAUSE;
use crate::flow::{Ctx, Flow};
use crate::time::Timestamp;

impl Flow {
    /// Brings every stored time under the reader's clock.
    pub(super) fn trust_own_clock(&mut self, ctx: &Ctx<'_>) {
        let (now, settle) = (ctx.now, ctx.policy.settle(&self.common.key));
        let soon = now + LONGEST_PAUSE;
        for row in self.common.outbox.rows_mut() {
            row.made = row.made.min(now);
            cut(&mut row.decided, now);
            if let Some(place) = &mut row.reply {
                cut(&mut place.tried, now);
            }
            match &mut row.state {
                RowState::Waiting { until } => *until = (*until).min(soon),
                RowState::Sending { since, .. } => *since = now,
                RowState::Unknown { since, waited, look_at, .. } => {
                    *look_at = (*look_at).min(now + settle);
                    self.common.volatile.wait_for((row.seq, *since), *waited, now);
                }
                RowState::Queued | RowState::Held => {}
            }
        }
        cut(&mut self.common.resumed, now);
        cut(&mut self.common.forgot, now);
        if let Some(pended) = &mut self.common.pended {
            pended.trust(now, settle);
        }
        if let Some(voice) = &ctx.policy.voice {
            let soonest = now + voice.deadline;
            for unheard in &mut self.common.unheard {
                cut(&mut unheard.until, soonest);
                unheard.next = unheard.next.min(soonest);
            }
        }
        let latest = now + ctx.policy.channel(&self.common.key).debounce_max;
        let challenge = |challenge: &mut Challenge| {
            challenge.issued = challenge.issued.min(now);
            challenge.mailed = challenge.mailed.min(now);
            challenge.expires = challenge.expires.min(now + ctx.policy.gate.challenge_ttl);
        };
        match &mut self.phase {
            Phase::AwaitingEmail(phase) => cut(&mut phase.asked, now),
            Phase::PendingVerification(phase) => {
                cut(&mut phase.reminded, now);
                challenge(&mut phase.challenge);
            }
            Phase::Bot(bot) => match bot.turn.as_mut().map(|turn| &mut turn.stage) {
                Some(Stage::Gathering { first, due }) => (*first, *due) = ((*first).min(now), (*due).min(latest)),
                Some(Stage::Retrying { at }) => *at = (*at).min(soon),
                None => {}
            },
            Phase::Human(human) => {
                human.since = human.since.min(now);
                human.last_word = human.last_word.min(now);
                human.parked.iter_mut().for_each(challenge);
            }
        }
    }
}

/// Nothing that was done lies in the future.
fn cut(done: &mut Option<Timestamp>, now: Timestamp) {
    *done = done.map(|at| at.min(now));
}
