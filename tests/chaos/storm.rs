//! Faults of single requests: on every wire, at the vendor, at the model. Each one that happens to a request counts as one.
//!
//! A request that lands late lands within 1.2 s on the wire and 1.2 s at the vendor: well within the settle time, because
//! beyond it nobody could prove absence.

use crate::chaos::ground::Square;
use crate::chaos::ledger::{self, Ledger};
use crate::chaos::venue::Venue;
use crate::chaos::words::answer_to;
use frontdesk_sandbox::dice::Chance;
use frontdesk_sandbox::link::{Judge, Trouble};
use frontdesk_sandbox::model::{Call, Reply};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What all parts of the storm share.
#[derive(Debug, Clone)]
pub(crate) struct Storm {
    pub(crate) chance: Chance,
    pub(crate) ledger: Arc<Ledger>,
    /// Until when the vendor tells everybody to slow down, in UTC microseconds.
    throttled_until: Arc<AtomicU64>,
    /// Until when the model is out of order.
    model_out_until: Arc<AtomicU64>,
}

/// How often in a thousand bursts of a wire something happens, and what.
#[derive(Debug)]
pub(crate) struct Hazard {
    pub(crate) permille: u64,
    pub(crate) troubles: &'static [(&'static str, Trouble)],
}

pub(crate) const LATE: Trouble = Trouble::LandLate(Duration::from_millis(1_100));

const MODEL: Hazard = Hazard {
    permille: 50,
    troubles: &[
        ("to the model: cut", Trouble::Cut),
        ("to the model: delayed", Trouble::Delay(Duration::from_millis(500))),
        ("to the model: black hole", Trouble::BlackHole),
        ("to the model: answer reset", Trouble::ForwardThenReset),
        ("to the model: half-closed", Trouble::ForwardThenClose),
    ],
};

const VOICE: Hazard = Hazard {
    permille: 60,
    troubles: &[
        ("to storage and transcription: cut", Trouble::Cut),
        ("to storage and transcription: delayed", Trouble::Delay(Duration::from_millis(500))),
        ("to storage and transcription: black hole", Trouble::BlackHole),
        ("to storage and transcription: answer reset", Trouble::ForwardThenReset),
        ("to storage and transcription: half-closed", Trouble::ForwardThenClose),
    ],
};

const MAIL: Hazard = Hazard {
    permille: 40,
    troubles: &[
        ("to the mail server: cut", Trouble::Cut),
        ("to the mail server: delayed", Trouble::Delay(Duration::from_millis(300))),
        ("to the mail server: black hole", Trouble::BlackHole),
        ("to the mail server: answer reset", Trouble::ForwardThenReset),
    ],
};

const STORE: Hazard = Hazard {
    permille: 6,
    troubles: &[
        ("to Redis: cut", Trouble::Cut),
        ("to Redis: delayed", Trouble::Delay(Duration::from_millis(60))),
        ("to Redis: delayed", Trouble::Delay(Duration::from_millis(250))),
        ("to Redis: black hole", Trouble::BlackHole),
        ("to Redis: written, answer reset", Trouble::ForwardThenReset),
        ("to Redis: written, no answer", Trouble::ForwardThenSilence),
        ("to Redis: written, half-closed", Trouble::ForwardThenClose),
        ("to Redis: lands late", LATE),
    ],
};

impl Storm {
    pub(crate) fn new(chance: Chance, ledger: Arc<Ledger>) -> Self {
        Self { chance, ledger, throttled_until: Arc::default(), model_out_until: Arc::default() }
    }

    /// Lets the faults begin.
    pub(crate) fn rise(&self, square: &Square) {
        let wires = &square.wires;
        let (hooks, vendor) = square.venue.hazards();
        wires.hooks.judge(Some(self.judge(hooks)));
        wires.vendor.judge(Some(self.watch(&square.venue, self.judge(vendor))));
        wires.model.judge(Some(self.judge(&MODEL)));
        wires.mail.judge(Some(self.judge(&MAIL)));
        if let Some(store) = &wires.store {
            store.judge(Some(self.judge(&STORE)));
        }
        if let Some(voice) = &wires.voice {
            voice.judge(Some(self.judge(&VOICE)));
        }
        square.venue.leave_to(self);
        let storm = self.clone();
        square.model.set_default(move |call| storm.answer(call));
    }

    /// Ends all faults; texts on the wire are still noted.
    pub(crate) fn lull(&self, square: &Square) {
        let wires = &square.wires;
        let others = [Some(&wires.hooks), Some(&wires.model), Some(&wires.mail)];
        for wire in others.into_iter().chain([wires.store.as_ref(), wires.voice.as_ref()]).flatten() {
            wire.judge(None);
        }
        wires.vendor.judge(Some(self.watch(&square.venue, Arc::new(|_| None))));
        square.venue.recover();
        if let Some(post) = &square.post {
            post.smtp.recover();
        }
        square.model.release();
        let storm = self.clone();
        square.model.set_default(move |call| Reply::Text(storm.speak(call, false)));
    }

    /// For this long, the vendor asks everybody to slow down.
    pub(crate) fn throttle(&self, pause: Duration) {
        self.throttled_until.store(after(pause), Ordering::Relaxed);
    }

    /// Returns whether it does.
    pub(crate) fn is_throttled(&self) -> bool {
        ledger::now() < self.throttled_until.load(Ordering::Relaxed)
    }

    /// For this long, the model is out of order, and transcription as well.
    pub(crate) fn model_out(&self, pause: Duration) {
        self.model_out_until.store(after(pause), Ordering::Relaxed);
    }

    /// Returns whether it is.
    pub(crate) fn is_model_out(&self) -> bool {
        ledger::now() < self.model_out_until.load(Ordering::Relaxed)
    }

    /// Throws for a fault: this often in a thousand times it is one of these.
    pub(crate) fn befall<T: Clone>(&self, permille: u64, some: &[(&'static str, T)]) -> Option<T> {
        if !self.chance.permille(permille) {
            return None;
        }
        let at = usize::try_from(self.chance.below(some.len() as u64)).unwrap_or(0);
        let (name, fault) = some.get(at)?.clone();
        self.ledger.fault(name);
        Some(fault)
    }

    fn judge(&self, hazard: &'static Hazard) -> Judge {
        let storm = self.clone();
        Arc::new(move |_| storm.befall(hazard.permille, hazard.troubles))
    }

    /// Notes when a text of ours left the desk, before anything can happen to it.
    fn watch(&self, venue: &Arc<dyn Venue>, judge: Judge) -> Judge {
        let (ledger, venue): (_, Weak<dyn Venue>) = (self.ledger.clone(), Arc::downgrade(venue));
        Arc::new(move |burst| {
            let posted = venue.upgrade().map(|venue| venue.posted(burst)).unwrap_or_default();
            posted.iter().for_each(|(conversation, row)| ledger.sighted(*conversation, row));
            judge(burst)
        })
    }

    fn answer(&self, call: &Call) -> Reply {
        if self.is_model_out() || self.chance.permille(150) {
            let (name, reply) = self.model_fault();
            self.ledger.fault(name);
            return reply;
        }
        let words = self.speak(call, self.chance.permille(150));
        Reply::Delay(self.chance.between(10, 300), Box::new(Reply::Text(words)))
    }

    fn speak(&self, call: &Call, at_length: bool) -> String {
        let spoken = answer_to(call, self.ledger.number());
        let words = if at_length { spoken.long() } else { spoken.short() };
        self.ledger.spoke(spoken.tokens, if at_length { 3 } else { 1 });
        words
    }

    fn model_fault(&self) -> (&'static str, Reply) {
        match self.chance.below(7) {
            0 => ("model: hangs", Reply::Hang),
            1 => ("model: cut in the middle", Reply::Cut),
            2 => ("model: 500", Reply::Error(500, "server_error", "internal")),
            3 => ("model: error in a 200", Reply::ErrorIn200(502)),
            4 => ("model: 429", Reply::Error(429, "requests", "rate_limit_exceeded")),
            5 => ("model: 503 from a proxy", Reply::Raw(503, Vec::new(), "<html>busy</html>".to_owned())),
            _ => ("model: not JSON", Reply::Raw(200, Vec::new(), "<html>welcome</html>".to_owned())),
        }
    }
}

fn after(pause: Duration) -> u64 {
    ledger::now() + u64::try_from(pause.as_micros()).unwrap_or(u64::MAX)
}
