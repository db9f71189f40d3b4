//! The engine under failures: panicking adapters, failing and killed actors, a store that lies low, crashes, takeovers.
//!
//! Paused time, fakes of every port, no sockets. Each test ends with the invariants of the testkit and with nothing left
//! running. New tests go where their fault lies: `adapters`, `actors`, `aside`, `store`, `storms`, `crashes`, `gaps`, `people`,
//! `limits`, `voice` or `journal`.

use frontdesk_actors::domain::{Assignee, Order, Status};
use frontdesk_actors::engine::{ChallengeView, DeliverError, Intake, PhaseName};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{Act, ModelErrorKind, PortErrorKind, TranscribeErrorKind, Verdict};
use frontdesk_actors::testkit::{
    CommitScript, Latch, LookScript, ModelScript, PortScript, SendScript, VoiceScript, World, eventually, pass,
};
use std::time::Duration;

#[path = "supervision/actors.rs"]
mod actors;
#[path = "supervision/adapters.rs"]
mod adapters;
#[path = "supervision/aside.rs"]
mod aside;
#[path = "supervision/crashes.rs"]
mod crashes;
#[path = "supervision/gaps.rs"]
mod gaps;
#[path = "supervision/journal.rs"]
mod journal;
#[path = "supervision/limits.rs"]
mod limits;
#[path = "supervision/people.rs"]
mod people;
#[path = "supervision/stops.rs"]
mod stops;
#[path = "supervision/store.rs"]
mod store;
#[path = "supervision/storms.rs"]
mod storms;
#[path = "supervision/voice.rs"]
mod voice;

fn key(id: u32) -> ConversationKey {
    ConversationKey::new("test", 1, id)
}

fn is_text(act: &Act) -> bool {
    matches!(act, Act::Text { .. })
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn unknown(finished: bool) -> Verdict {
    Verdict::Unknown { finished, why: "scripted".to_owned() }
}
