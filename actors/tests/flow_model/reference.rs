//! The phases as a table, written a second time and as simply as possible.

use frontdesk_actors::domain::{Assignee, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::time::Timestamp;

/// How many wrong codes end a challenge, how soon an assignment is the vendor's own, and how long a challenge lives, as the
/// product promises.
const WRONG_CODES: u32 = 5;
const RULE: i64 = 10 * 1000;
const DAY: i64 = 24 * 3600 * 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) id: String,
    pub(crate) code: String,
    pub(crate) address: String,
    pub(crate) issued: Timestamp,
    pub(crate) wrong: u32,
}

impl Challenge {
    pub(crate) fn new(seed: [u64; 3], address: &str, issued: Timestamp) -> Self {
        let id = format!("{:016x}{:016x}", seed[0], seed[1]);
        let code = format!("{:06}", seed[2] % 1_000_000);
        Self { id, code, address: address.to_owned(), issued, wrong: 0 }
    }

    fn expired(&self, now: Timestamp) -> bool {
        now.as_millis() - self.issued.as_millis() >= DAY
    }
}

/// How a person came by a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    /// They wrote, or left an order.
    Hand,
    /// They were assigned: by themselves, or, right after a hand-over, by the vendor's rule.
    Assigned,
    /// Nobody did anything.
    None,
}

/// What a customer's text is to the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Prose,
    Person,
    Malformed,
    Address(String),
    Code(String),
    Resend,
}

#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) gate: bool,
    pub(crate) phase: PhaseName,
    pub(crate) verified: bool,
    pub(crate) touched: bool,
    /// Since when a person has it.
    pub(crate) since: Timestamp,
    pub(crate) by_mode: bool,
    /// The open challenge: of the gate, or parked while a person has it.
    pub(crate) challenge: Option<Challenge>,
    pub(crate) known: Option<(Status, Assignee)>,
}

impl Reference {
    pub(crate) fn new(gate: bool) -> Self {
        let phase = if gate { PhaseName::AwaitingEmail } else { PhaseName::Bot };
        Self {
            gate,
            phase,
            verified: false,
            touched: false,
            since: Timestamp::default(),
            by_mode: false,
            challenge: None,
            known: None,
        }
    }

    pub(crate) fn fetch(&mut self, now: Timestamp) {
        if self.phase != PhaseName::Human {
            self.human(false, false, now);
        }
    }

    /// An operator wants a person to have it, whatever becomes of the switch.
    pub(crate) fn ordered(&mut self, now: Timestamp) {
        self.fetch(now);
        self.by_mode = false;
    }

    fn human(&mut self, touched: bool, by_mode: bool, now: Timestamp) {
        if self.phase != PhaseName::PendingVerification {
            self.challenge = None;
        }
        (self.phase, self.touched, self.by_mode, self.since) = (PhaseName::Human, touched, by_mode, now);
    }

    pub(crate) fn taken(&mut self, touch: Touch, now: Timestamp) {
        let by_rule = touch == Touch::Assigned && now.as_millis() - self.since.as_millis() < RULE;
        match self.phase {
            PhaseName::Human => self.touched |= touch != Touch::None && !by_rule,
            PhaseName::AwaitingEmail | PhaseName::PendingVerification | PhaseName::Bot => {
                self.human(touch != Touch::None, false, now);
            }
        }
    }

    pub(crate) fn back(&mut self, now: Timestamp) {
        if self.phase != PhaseName::Human {
            return;
        }
        let open = self.challenge.as_ref().is_some_and(|challenge| !challenge.expired(now));
        self.phase = match (self.gate && !self.verified, open) {
            (false, _) => PhaseName::Bot,
            (true, true) => PhaseName::PendingVerification,
            (true, false) => PhaseName::AwaitingEmail,
        };
        if self.phase != PhaseName::PendingVerification {
            self.challenge = None;
        }
    }

    pub(crate) fn mode_off(&mut self, now: Timestamp) {
        if self.by_mode && !self.touched {
            self.back(now);
        }
    }

    pub(crate) fn wrote(&mut self, said: &Said, human_mode: bool, fresh: Challenge, now: Timestamp) {
        match (self.phase, human_mode) {
            (PhaseName::Human, false) => self.mode_off(now),
            (PhaseName::Human, true) => {}
            (_, true) => self.human(false, true, now),
            (_, false) => {}
        }
        match self.phase {
            PhaseName::Human => {}
            PhaseName::AwaitingEmail | PhaseName::PendingVerification | PhaseName::Bot if *said == Said::Person => {
                self.human(false, false, now);
            }
            PhaseName::Bot => {}
            PhaseName::AwaitingEmail => {
                if let Said::Address(_) = said {
                    self.challenge = Some(fresh);
                    self.phase = PhaseName::PendingVerification;
                }
            }
            PhaseName::PendingVerification => self.answered(said, fresh, now),
        }
    }

    fn answered(&mut self, said: &Said, fresh: Challenge, now: Timestamp) {
        let Some(challenge) = &mut self.challenge else { panic!("a challenge is open in this phase") };
        if challenge.expired(now) {
            let address = match said {
                Said::Address(address) => address.clone(),
                Said::Prose | Said::Person | Said::Malformed | Said::Code(_) | Said::Resend => {
                    challenge.address.clone()
                }
            };
            *challenge = Challenge { address, ..fresh };
            return;
        }
        match said {
            Said::Code(code) if *code == challenge.code => self.verify(),
            Said::Code(_) => {
                challenge.wrong += 1;
                if challenge.wrong == WRONG_CODES {
                    (self.challenge, self.phase) = (None, PhaseName::AwaitingEmail);
                }
            }
            Said::Address(address) if *address != challenge.address => *challenge = fresh,
            Said::Address(_) | Said::Prose | Said::Person | Said::Malformed | Said::Resend => {}
        }
    }

    fn verify(&mut self) {
        (self.challenge, self.verified) = (None, true);
        if self.phase == PhaseName::PendingVerification {
            self.phase = PhaseName::Bot;
        }
    }

    /// Returns whether this very press verified.
    pub(crate) fn pressed(&mut self, id: &str, now: Timestamp) -> bool {
        let opens = self.challenge.as_ref().is_some_and(|open| open.id == id && !open.expired(now));
        if opens {
            self.verify();
        }
        opens
    }

    pub(crate) fn disowned(&mut self, id: &str) {
        if self.challenge.as_ref().is_some_and(|open| open.id == id) {
            self.challenge = None;
            if self.phase == PhaseName::PendingVerification {
                self.phase = PhaseName::AwaitingEmail;
            }
        }
    }

    /// The person is forgotten: at the gate they begin anew, whoever has the conversation keeps it.
    pub(crate) fn erased(&mut self) {
        (self.challenge, self.verified) = (None, false);
        if self.gate && self.phase != PhaseName::Human {
            self.phase = PhaseName::AwaitingEmail;
        }
    }

    /// The vendor tells a newer state.
    pub(crate) fn told(&mut self, status: Status, assignee: Assignee, pending_back: bool, now: Timestamp) {
        let before = self.known.replace((status, assignee.clone()));
        let stays = before.as_ref().is_some_and(|(_, before)| *before == assignee);
        let another = matches!(assignee, Assignee::OtherBot(_)) && stays && status == Status::Pending;
        let was_human = self.phase == PhaseName::Human;
        let changed = before.as_ref().is_some_and(|(before, _)| *before != status);
        if changed && another {
            if before.as_ref().is_some_and(|(before, _)| *before == Status::Resolved) {
                self.taken(Touch::None, now);
                self.by_mode = false;
            }
        } else if changed && matches!(status, Status::Pending | Status::Resolved) {
            self.back(now);
        }
        let before = before.map(|(_, assignee)| assignee);
        match (&assignee, &before) {
            (Assignee::Person(_), Some(before)) if *before != assignee && status != Status::Resolved => {
                self.taken(Touch::Assigned, now)
            }
            (Assignee::Us, Some(Assignee::Person(_) | Assignee::OtherBot(_))) if status == Status::Pending => {
                self.back(now);
            }
            (Assignee::Us, Some(before)) if *before != assignee && status == Status::Open && !changed => self.back(now),
            (Assignee::OtherBot(_), before) if before.as_ref() != Some(&assignee) => {
                self.taken(Touch::None, now);
                self.by_mode = false;
            }
            (Assignee::Person(_) | Assignee::Us | Assignee::OtherBot(_) | Assignee::Nobody, _) => {}
        }
        if matches!(status, Status::Open | Status::Snoozed) && !was_human && !pending_back {
            self.taken(Touch::None, now);
        }
    }
}
