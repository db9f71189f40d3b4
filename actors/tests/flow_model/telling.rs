//! What the vendor tells beside the messages, as the reference understands it.

use super::super::reference::{Reference, Touch};
use super::{Pair, is_by_itself};
use frontdesk_actors::domain::{Assignee, ConversationState, Event, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::Input;

impl Pair {
    /// The state that every webhook carries.
    pub(super) fn told_now(&mut self) {
        let state = self.rig.state.clone();
        self.told_of(&state);
    }

    pub(super) fn told_of(&mut self, state: &ConversationState) {
        if state.version < self.told_last {
            return;
        }
        self.told_last = state.version;
        let pending_back = self.may_precede(state);
        if self.is_own(state)
            && let Some((status, _)) = &mut self.reference.known
        {
            *status = state.status;
        }
        self.reference.told(state.status, state.assignee.clone(), pending_back, self.rig.now);
    }

    /// Where the desk has made the conversation pending itself, nobody can tell from outside whether a person did it too:
    /// the flow is asked. Where it has not, every such state is a person's.
    fn is_own(&self, state: &ConversationState) -> bool {
        let appeared = self.reference.known.as_ref().is_some_and(|(status, _)| *status != Status::Pending);
        if !self.rig.pended || !appeared || state.status != Status::Pending {
            return false;
        }
        let mut probe = self.rig.clone();
        probe.state = state.clone();
        let told = probe.inbound(Event::StateChanged);
        probe.step(Input::Inbound(Box::new(told)));
        // What another bot stays assigned to is that bot's, unless it is the desk that has made it pending.
        let stays = self.reference.known.as_ref().is_some_and(|(_, assignee)| *assignee == state.assignee);
        let another = matches!(state.assignee, Assignee::OtherBot(_)) && stays;
        (probe.phase() == PhaseName::Human) != another
    }

    /// Where the desk has just made the conversation pending and the vendor has not shown it, a state that gives it to the
    /// people may be from before: the flow is asked. As long as it keeps the conversation, a look is to tell, or the desk's own
    /// change has not landed.
    fn may_precede(&self, state: &ConversationState) -> bool {
        let leaves = self.rig.view().outbox.iter().any(|row| row.kind == "pend");
        if !matches!(state.status, Status::Open | Status::Snoozed) {
            return leaves;
        }
        if !self.rig.pended && !leaves {
            return false;
        }
        let mut probe = self.rig.clone();
        probe.state = state.clone();
        let told = probe.inbound(Event::StateChanged);
        probe.step(Input::Inbound(Box::new(told)));
        if is_by_itself(probe.view().reason.as_ref()) {
            // Time has given it to people: whether the state would have cannot be seen.
            return true;
        }
        let kept = probe.phase() != PhaseName::Human;
        let looks = probe.looking.is_some() || probe.flow.deadline(&probe.policy).is_some() || probe.paused;
        let leaves = probe.view().outbox.iter().any(|row| row.kind == "pend");
        assert!(!kept || looks || leaves, "it is kept and nobody looks: {:?}", probe.view());
        kept
    }

    /// The person's words count before the state of the same webhook, and outweigh a conversation that looks the bot's.
    pub(super) fn person_wrote(&mut self) {
        let state = self.rig.state.clone();
        self.reference.taken(Touch::Hand, self.rig.now);
        let back = state.status == Status::Pending;
        let known = self.reference.clone();
        self.told_of(&state);
        if back {
            self.reference = Reference { known: self.reference.known.clone(), ..known };
        }
        self.rig.person("I have it");
    }

    pub(super) fn told(&mut self, status: Status, who: u8) {
        let assignee = match who {
            0 => Assignee::Nobody,
            1 => Assignee::Us,
            2 => Assignee::Person("7".to_owned()),
            _ => Assignee::OtherBot("8".to_owned()),
        };
        let version = self.rig.state.version + 1;
        self.told_of(&ConversationState { status, assignee: assignee.clone(), version });
        self.rig.set_state(status, assignee);
    }

    /// A webhook that was made long ago.
    pub(super) fn old(&mut self) {
        if self.reference.known.is_none() || self.rig.state.version < 2 {
            return;
        }
        self.told_now();
        let now = self.rig.inbound(Event::StateChanged);
        self.rig.step(Input::Inbound(Box::new(now)));
        let mut inbound = self.rig.inbound(Event::StateChanged);
        let assignee = Assignee::Person("9".to_owned());
        inbound.state = Some(ConversationState { status: Status::Open, assignee, version: 0 });
        self.rig.step(Input::Inbound(Box::new(inbound)));
    }
}
