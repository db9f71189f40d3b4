//! The page behind a verification link: which press a conversation works on, and what is shown for it.

use super::actor::{Asker, Batch, Source};
use super::world::World;
use frontdesk_actors::engine::ChallengeView;
use frontdesk_actors::flow::{Flow, Input};
use frontdesk_actors::testkit::history::Page;

impl World {
    /// Returns the press that is in the works.
    pub(crate) fn pressed(&mut self, n: usize, key: usize) -> Option<String> {
        match self.actor(n, key).job.as_ref().map(|job| &job.source) {
            Some(Source::Asked(Asker::Press(press))) => Some(press.clone()),
            Some(Source::Asked(_) | Source::Told | Source::Permit | Source::Wake | Source::Timer) | None => None,
        }
    }

    /// Returns the fact of the word that is in the works, if it is one.
    pub(crate) fn word(&mut self, n: usize, key: usize) -> Option<String> {
        match self.actor(n, key).job.as_ref().map(|job| &job.source) {
            Some(Source::Asked(Asker::Webhook(_, fact))) => fact.clone(),
            Some(Source::Asked(Asker::Order(fact))) => Some(fact.clone()),
            Some(Source::Asked(_) | Source::Told | Source::Permit | Source::Wake | Source::Timer) | None => None,
        }
    }

    /// Returns what the page says that a press leads to.
    pub(crate) fn page(&mut self, n: usize, key: usize, flow: &Flow, batch: &Batch) -> Page {
        let confirmed = batch.steps.iter().any(|(_, step)| step.confirmed);
        let now = self.clock(n);
        match self.actor(n, key).job.as_ref().map(|job| &job.input) {
            Some(Input::LinkConfirmed(id)) => match flow.challenge(id, confirmed, now) {
                ChallengeView::Done { .. } => Page::Done,
                ChallengeView::Used { .. } => Page::Used,
                ChallengeView::Expired { .. }
                | ChallengeView::Disowned { .. }
                | ChallengeView::Open { .. }
                | ChallengeView::Foreign => Page::Other,
            },
            Some(_) | None => Page::Other,
        }
    }
}
