//! Customers and agents. Every seat serves one customer after the other until the round is over.

use crate::chaos::ground::Square;
use crate::chaos::ledger::{Deed, Ledger, Question, now};
use crate::chaos::words::tokens;
use frontdesk_sandbox::dice::Chance;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a customer waits for an answer before they write again.
const PATIENCE: Duration = Duration::from_secs(5);

/// What happens in a conversation besides questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Nothing.
    Quiet,
    /// An agent writes while the desk may be at it, goes on, and resolves or not.
    AgentWrites,
    /// An agent is assigned.
    AgentAssigned,
    /// An agent resolves.
    AgentResolves,
    /// The customer asks for a person.
    AsksForPerson,
}

const PLANS: [Plan; 20] = {
    let mut plans = [Plan::Quiet; 20];
    plans[0] = Plan::AgentWrites;
    plans[1] = Plan::AgentWrites;
    plans[2] = Plan::AgentWrites;
    plans[3] = Plan::AgentWrites;
    plans[4] = Plan::AgentAssigned;
    plans[5] = Plan::AgentAssigned;
    plans[6] = Plan::AgentResolves;
    plans[7] = Plan::AsksForPerson;
    plans
};

/// Who sits somewhere, and what they share.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) square: Arc<Square>,
    pub(crate) chance: Chance,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) until: Instant,
}

impl Seat {
    /// Serves customers until the round is over.
    pub(crate) async fn serve(self) {
        while self.is_on() {
            self.visit().await;
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        Instant::now() < self.until
    }

    async fn visit(&self) {
        let conversation = self.square.venue.arrives();
        let plan = self.chance.of(&PLANS).unwrap_or(Plan::Quiet);
        let (mut messages, turning) = (2 + self.chance.below(5), self.chance.below(3));
        if let Some(post) = &self.square.post {
            self.writes(conversation, "Do you ship to Sweden?");
            self.pause(0, 800).await;
            if !self.prove(post, conversation).await {
                return;
            }
            // The next customer must come to the gate.
            messages /= 2;
        }
        for number in 0..messages {
            if !self.is_on() {
                return;
            }
            self.question(conversation, plan == Plan::AsksForPerson && number == turning).await;
            if number == turning {
                self.turn(conversation, plan).await;
            }
            self.pause(0, 500).await;
        }
    }

    /// Asks one thing, perhaps in several messages, and waits for the answer.
    async fn question(&self, conversation: u64, for_person: bool) {
        let begins = if for_person { "I want to talk to a human" } else { "Do you ship to Norway?" };
        let mut token = self.says_or_writes(conversation, begins);
        while self.chance.permille(250) {
            self.pause(0, 300).await;
            token = self.says_or_writes(conversation, "And how much is it?");
        }
        // Some write on without waiting.
        if self.chance.permille(850) {
            self.answered(conversation, &token).await;
        }
    }

    pub(crate) fn writes(&self, conversation: u64, text: &str) -> String {
        let (token, at) = (self.ledger.token(), now());
        let words = format!("{text} ({token})");
        let message = self.square.venue.customer_writes(conversation, &words);
        let voice = false;
        self.ledger.asked(Question { token: token.clone(), words, conversation, message, at, asks: true, voice });
        token
    }

    /// Asks in writing, or in a recording where the vendor carries them.
    fn says_or_writes(&self, conversation: u64, text: &str) -> String {
        if !self.chance.permille(250) {
            return self.writes(conversation, text);
        }
        let (token, at) = (self.ledger.token(), now());
        let words = format!("{text} ({token})");
        let Some(message) = self.square.venue.customer_speaks(conversation, &words) else {
            return self.writes(conversation, text);
        };
        let voice = true;
        self.ledger.asked(Question { token: token.clone(), words, conversation, message, at, asks: true, voice });
        token
    }

    /// Writes what nobody answers by itself.
    pub(crate) fn says(&self, conversation: u64, words: &str) {
        let at = now();
        let message = self.square.venue.customer_writes(conversation, words);
        let (token, words) = (String::new(), words.to_owned());
        self.ledger.asked(Question { token, words, conversation, message, at, asks: false, voice: false });
    }

    async fn answered(&self, conversation: u64, token: &str) {
        let began = Instant::now();
        while began.elapsed() < PATIENCE && self.is_on() {
            let replies = self.square.venue.replies(conversation);
            if replies.iter().any(|reply| tokens(reply).any(|seen| seen == token)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Lets the turning point of a conversation happen, at any moment of the desk's turn.
    async fn turn(&self, conversation: u64, plan: Plan) {
        match plan {
            Plan::Quiet | Plan::AsksForPerson => {}
            Plan::AgentWrites => self.agent(conversation).await,
            Plan::AgentAssigned => {
                self.writes(conversation, "Is anybody there?");
                self.moment(conversation).await;
                let at = now();
                if self.square.venue.agent_assigns(conversation) {
                    self.ledger.acted(conversation, Deed::Assigned, at);
                } else {
                    self.agent_writes(conversation);
                }
            }
            Plan::AgentResolves => {
                self.writes(conversation, "Is it open on Sunday?");
                self.pause(0, 900).await;
                self.resolves(conversation);
            }
        }
    }

    async fn agent(&self, conversation: u64) {
        self.writes(conversation, "Can you check my order?");
        self.moment(conversation).await;
        self.agent_writes(conversation);
        self.pause(0, 1_500).await;
        self.writes(conversation, "Thank you.");
        if self.chance.permille(500) {
            self.pause(0, 500).await;
            self.agent_writes(conversation);
        }
        if self.chance.permille(600) {
            self.pause(0, 2_000).await;
            self.resolves(conversation);
        }
    }

    /// Waits for any moment of the desk's turn, often for the one at which its answer has just left.
    async fn moment(&self, conversation: u64) {
        if self.chance.permille(500) {
            return self.pause(0, 900).await;
        }
        let (began, before) = (Instant::now(), self.ledger.sightings(conversation));
        while self.ledger.sightings(conversation) == before && began.elapsed() < Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn agent_writes(&self, conversation: u64) {
        let at = now();
        let words = format!("Hello, this is Ann. ({})", self.ledger.number());
        let message = self.square.venue.agent_writes(conversation, &words);
        self.ledger.acted(conversation, Deed::Wrote(message), at);
        self.ledger.agent_wrote(message, words);
    }

    fn resolves(&self, conversation: u64) {
        let at = now();
        if self.square.venue.resolves(conversation) {
            self.ledger.acted(conversation, Deed::Resolved, at);
        } else if let Some(deed) = self.square.venue.hands_back(conversation) {
            self.ledger.acted(conversation, deed, at);
        }
    }

    pub(crate) async fn pause(&self, least: u64, most: u64) {
        tokio::time::sleep(self.chance.between(least, most)).await;
    }
}
