//! Where chance comes from: a seed, and nothing else. The same seed draws the same numbers on every machine.
//!
//! Faults are drawn from counters of their own, one per kind, so that a fault can be taken out of a run by name: that is how a
//! failing run is made small.

use frontdesk_actors::testkit::invariants::CRASH;
use std::collections::{BTreeMap, BTreeSet};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    Crash,
    Pause,
    Standstill,
    ClockStep,
    Rollback,
    Conflict,
    ReplyLost,
    WriteLost,
    WriteLate,
    WriteSlow,
    StoreAway,
    Duplicate,
    Reorder,
    Refused,
    TooMany,
    ErrorLanded,
    ErrorLost,
    TimeoutLanded,
    TimeoutLate,
    TimeoutLost,
    Slow,
    AccountRefused,
    Rejected,
    LookFails,
    LookSlow,
    LookForbidden,
    ModelFails,
    ModelHangs,
    ModelLate,
    NotBrought,
    BotStopped,
    CrashClaimed,
    CrashSending,
}

impl Fault {
    pub(crate) const ALL: [Fault; 33] = [
        Fault::Crash,
        Fault::Pause,
        Fault::Standstill,
        Fault::ClockStep,
        Fault::Rollback,
        Fault::Conflict,
        Fault::ReplyLost,
        Fault::WriteLost,
        Fault::WriteLate,
        Fault::WriteSlow,
        Fault::StoreAway,
        Fault::Duplicate,
        Fault::Reorder,
        Fault::Refused,
        Fault::TooMany,
        Fault::ErrorLanded,
        Fault::ErrorLost,
        Fault::TimeoutLanded,
        Fault::TimeoutLate,
        Fault::TimeoutLost,
        Fault::Slow,
        Fault::AccountRefused,
        Fault::Rejected,
        Fault::LookFails,
        Fault::LookSlow,
        Fault::LookForbidden,
        Fault::ModelFails,
        Fault::ModelHangs,
        Fault::ModelLate,
        Fault::NotBrought,
        Fault::BotStopped,
        Fault::CrashClaimed,
        Fault::CrashSending,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Fault::Crash => CRASH,
            Fault::Pause => "stopped process",
            Fault::Standstill => "stopped between check and write",
            Fault::ClockStep => "clock off by up to an hour",
            Fault::Rollback => "store rolled back",
            Fault::Conflict => "another writer first",
            Fault::ReplyLost => "commit landed, reply lost",
            Fault::WriteLost => "commit lost, reply lost",
            Fault::WriteLate => "commit lands after its time-out",
            Fault::WriteSlow => "slow commit",
            Fault::StoreAway => "store away",
            Fault::Duplicate => "webhook twice",
            Fault::Reorder => "webhook late",
            Fault::Refused => "connection refused",
            Fault::TooMany => "429",
            Fault::ErrorLanded => "5xx, landed",
            Fault::ErrorLost => "5xx, not landed",
            Fault::TimeoutLanded => "time-out, landed",
            Fault::TimeoutLate => "time-out, lands late",
            Fault::TimeoutLost => "time-out, not landed",
            Fault::Slow => "slow vendor",
            Fault::AccountRefused => "account refused",
            Fault::Rejected => "message rejected",
            Fault::LookFails => "look fails",
            Fault::LookSlow => "look shows an old picture",
            Fault::LookForbidden => "look forbidden",
            Fault::ModelFails => "model fails",
            Fault::ModelHangs => "model hangs",
            Fault::ModelLate => "answer of an abandoned call",
            Fault::NotBrought => "message taken, never brought",
            Fault::BotStopped => "salesbot stopped",
            Fault::CrashClaimed => "crash between claim and write",
            Fault::CrashSending => "crash with a send on the wire",
        }
    }

    /// How often it happens where it may, in weather that has it, of 1000.
    const fn per_mille(self) -> u64 {
        match self {
            Fault::Crash | Fault::Pause | Fault::ClockStep | Fault::Rollback => 1000,
            Fault::Conflict | Fault::WriteLost | Fault::WriteLate | Fault::WriteSlow | Fault::StoreAway => 30,
            Fault::ReplyLost => 60,
            Fault::Duplicate | Fault::Reorder => 150,
            Fault::Refused | Fault::TooMany | Fault::Slow => 60,
            Fault::ErrorLanded | Fault::ErrorLost => 80,
            Fault::TimeoutLanded | Fault::TimeoutLate | Fault::TimeoutLost => 80,
            Fault::AccountRefused | Fault::Rejected | Fault::LookForbidden | Fault::Standstill => 10,
            Fault::LookFails | Fault::LookSlow => 150,
            Fault::ModelFails | Fault::ModelLate => 200,
            Fault::ModelHangs | Fault::BotStopped => 60,
            Fault::NotBrought | Fault::CrashClaimed | Fault::CrashSending => 40,
        }
    }
}

/// One fault of one run: its kind, and the how many-th chance of that kind it took.
pub(crate) type FaultId = (Fault, u32);

/// What ordinary chance is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Setup,
    Script,
    Latency,
    Node,
    Model,
    Ids,
    Operator,
}

/// The source of all chance of one run.
#[derive(Debug)]
pub(crate) struct Dice {
    seed: u64,
    drawn: [u64; 7],
    chances: BTreeMap<Fault, u32>,
    weather: BTreeSet<Fault>,
    spared: BTreeSet<FaultId>,
    /// What went wrong so far.
    pub(crate) struck: Vec<FaultId>,
    /// Whether the time of faults is over.
    pub(crate) calm: bool,
}

fn mix(a: u64, b: u64, c: u64) -> u64 {
    // SplitMix64 over a combination of the three.
    let mut word = a ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ c.wrapping_mul(0xd1b5_4a32_d192_ed03);
    for _ in 0..2 {
        word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
    }
    word
}

impl Dice {
    /// `certain` is part of the weather whatever the seed says.
    pub(crate) fn new(seed: u64, spared: BTreeSet<FaultId>, certain: &[Fault]) -> Self {
        // A third of all kinds in each run, so that some runs are quiet about most things and loud about few.
        let has = |fault: &Fault| certain.contains(fault) || mix(seed, 0x0ea7, *fault as u64).is_multiple_of(3);
        let weather = Fault::ALL.into_iter().filter(has).collect();
        Self { seed, drawn: [0; 7], chances: BTreeMap::new(), weather, spared, struck: Vec::new(), calm: false }
    }

    pub(crate) fn draw(&mut self, stream: Stream) -> u64 {
        let drawn = &mut self.drawn[stream as usize];
        *drawn += 1;
        mix(self.seed, 0x1000 + stream as u64, *drawn)
    }

    /// Draws a number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, stream: Stream, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low).unwrap_or_default() + 1;
        low + i64::try_from(self.draw(stream) % span).unwrap_or_default()
    }

    /// Draws whether something of `per_cent` probability is so.
    pub(crate) fn chance(&mut self, stream: Stream, per_cent: u64) -> bool {
        self.draw(stream) % 100 < per_cent
    }

    /// Draws whether this goes wrong now; if so, a number that says how.
    pub(crate) fn strikes(&mut self, fault: Fault) -> Option<u64> {
        let chance = self.chances.entry(fault).or_default();
        *chance += 1;
        let id = (fault, *chance);
        let drawn = mix(self.seed, 0x2000 + fault as u64, u64::from(id.1));
        let hit = !self.calm && self.weather.contains(&fault) && drawn % 1000 < fault.per_mille();
        if !hit || self.spared.contains(&id) {
            return None;
        }
        self.struck.push(id);
        Some(drawn / 1000)
    }
}
