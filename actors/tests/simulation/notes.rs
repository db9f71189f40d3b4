//! What the log says beside the facts: for whoever reads it, and for what is judged at the end.

use super::actor::Batch;
use super::world::World;
use frontdesk_actors::flow::mark::Mark;
use frontdesk_actors::flow::{Effect, Flow, Input, Step};
use frontdesk_actors::testkit::history::What;

impl World {
    /// Says in the log what an input led to. Not as the node's doing: what is judged is the same with it and without.
    pub(crate) fn note_step(&mut self, n: usize, key: usize, (input, step): (&Input, &Step)) {
        if !self.wordy {
            return;
        }
        let name = if let Input::Inbound(inbound) = input {
            format!("{:?} {:?}", inbound.event, inbound.state)
        } else {
            input.name().to_owned()
        };
        let effects: Vec<String> = step.effects.iter().map(short).collect();
        let why = step.why.unwrap_or_default();
        let text = format!("{} hears {name} -> {:?} {} {why}", self.nodes[n].name, step.to, effects.join(" "));
        self.log("", Some(key), What::Note { text });
    }

    /// Notes how full the memory was: with what an input added and another step of it took back.
    pub(crate) fn note_fullest(&mut self, key: usize, before: usize, flow: &Flow, batch: &Batch) {
        let dropped = |mark: &&Mark| matches!(mark, Mark::RowDropped(_));
        let dropped = batch.steps.iter().flat_map(|(_, step)| &step.marks).filter(dropped).count();
        let most = before.max(flow.view(&self.policy, 0).memory.len() + dropped);
        let fullest = self.fullest.entry(key).or_default();
        *fullest = most.max(*fullest);
    }

    /// Says in the log which input moved the conversation from phase to phase.
    pub(crate) fn note_phases(&mut self, n: usize, key: usize, batch: &Batch) {
        for (input, step) in batch.steps.iter().filter(|(_, step)| step.from != step.to) {
            let text = format!("{input}: {} to {}", step.from.as_str(), step.to.as_str());
            self.log_on(n, key, What::Note { text });
        }
    }

    pub(crate) fn note_held(&mut self, n: usize, key: usize, flow: &Flow) {
        let view = flow.view(&self.policy, 0);
        for row in view.outbox.into_iter().filter(|row| row.state == "held") {
            if self.vendor.held.insert((key, row.id.0.clone())) {
                self.log_on(n, key, What::Held { row: row.id.0 });
            }
        }
    }
}

/// Names an effect, for the log.
fn short(effect: &Effect) -> String {
    match effect {
        Effect::AbortModel => "abort".to_owned(),
        Effect::AskModel { .. } => "ask".to_owned(),
        Effect::Transcribe { .. } => "listen".to_owned(),
        Effect::Acquire { row, .. } => format!("acquire({row})"),
        Effect::Send(row) => format!("send({} {})", row.seq, row.kind.name()),
        Effect::Look { .. } => "look".to_owned(),
        Effect::Typing(_) => "typing".to_owned(),
        Effect::Alert(incident) => incident.name().to_owned(),
    }
}
