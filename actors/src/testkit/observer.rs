//! Sees what happens in a world of fakes, so that every test of an engine ends with the invariants of `invariants.rs`.

use super::invariants::Rules;
use super::recorder::Recorder;
use super::{ManualClock, lock};
use crate::time::Clock;
use std::sync::{Arc, Mutex};

/// Sees what the customer, the people, the vendor and the model do. Outlives the engines.
#[derive(Debug)]
pub struct Observer {
    clock: Arc<ManualClock>,
    recorder: Mutex<Recorder>,
}

impl Observer {
    pub(super) fn new(clock: Arc<ManualClock>) -> Self {
        Self { clock, recorder: Mutex::default() }
    }

    /// Notes something, now.
    pub(super) fn sees<T>(&self, note: impl FnOnce(&mut Recorder) -> T) -> T {
        let mut recorder = lock(&self.recorder);
        recorder.now = self.clock.now();
        note(&mut recorder)
    }

    /// Judges everything seen so far.
    ///
    /// # Panics
    /// If an invariant does not hold, with what led to it.
    pub(super) fn judge(&self, rules: &Rules) {
        lock(&self.recorder).judge(rules).expect_none("the world of fakes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Assignee, Inbound, Status};
    use crate::ids::{ConversationKey, OutboundId};
    use crate::ports::{Act, Channel, Destination};
    use crate::testkit::World;
    use std::time::Duration;

    fn key() -> ConversationKey {
        ConversationKey::new("test", 1, 1)
    }

    async fn says(world: &World, row: &str) {
        let to = Destination { key: key(), contact: None, reply: None, by: None };
        let act = Act::Text { text: "answer".to_owned(), handoff: false };
        world.channel.send(&to, &act, &OutboundId(row.to_owned())).await;
    }

    fn told(world: &World, status: Status, assignee: Assignee) {
        let inbound: Inbound = world.channel.update(&key(), status, assignee);
        world.observer.sees(|log| log.acked(&inbound));
    }

    fn judge(world: &World) {
        world.observer.judge(&Rules { claim: Duration::ZERO, ..Rules::default() });
    }

    #[tokio::test]
    #[should_panic(expected = "no row is delivered twice")]
    async fn a_row_that_lands_twice_is_seen() {
        let world = World::without_gate();
        says(&world, "e-1").await;
        says(&world, "e-1").await;
        judge(&world);
    }

    #[tokio::test]
    #[should_panic(expected = "no claim after an acknowledged takeover")]
    async fn a_text_after_an_acknowledged_takeover_is_seen() {
        let world = World::without_gate();
        told(&world, Status::Open, Assignee::Person("5".to_owned()));
        says(&world, "e-1").await;
        judge(&world);
    }

    #[tokio::test]
    async fn what_is_given_back_may_be_answered() {
        let world = World::without_gate();
        told(&world, Status::Open, Assignee::Person("5".to_owned()));
        told(&world, Status::Pending, Assignee::Us);
        says(&world, "e-1").await;
        judge(&world);
    }
}
