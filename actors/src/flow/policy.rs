//! What the operator decides about conversations, as one immutable value.

use crate::domain::{Lang, Status};
use crate::flow::shadow::Shadow;
use crate::ids::ConversationKey;
use crate::language::{Analyzer, Phrasebook};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Every rule the flow follows.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Rules per channel, by name.
    pub channels: BTreeMap<String, ChannelPolicy>,
    /// Turns text into meaning.
    pub analyzer: Arc<dyn Analyzer>,
    /// Turns meaning into text.
    pub phrases: Arc<dyn Phrasebook>,
    /// The language of customers who have not shown one.
    pub default_lang: Lang,
    /// The language of notes for colleagues.
    pub desk_lang: Lang,
    /// How many messages are remembered.
    pub memory_messages: usize,
    /// How the gate works.
    pub gate: GatePolicy,
    /// How a turn works.
    pub turn: TurnPolicy,
    /// What else happens at a hand-over.
    pub handoff: HandoffPolicy,
    /// How sends are repeated.
    pub outbox: OutboxPolicy,
    /// What happens to conversations that the vendor opened while the desk was away.
    pub away: AwayPolicy,
    /// How recordings are listened to; `None` where nobody does: then they are attachments that cannot be read.
    pub voice: Option<VoicePolicy>,
}

/// Rules of one channel.
#[derive(Debug, Clone)]
pub struct ChannelPolicy {
    /// Whether customers must prove an address before the model is asked anything.
    pub gate: bool,
    /// How long a burst must be quiet before it is answered.
    pub debounce_quiet: Duration,
    /// How long a burst may last before it is answered anyway.
    pub debounce_max: Duration,
    /// How long one text may be, in characters.
    pub max_text: usize,
    /// After how long without a word from a person the desk takes a conversation back; `None` for never.
    pub human_idle: Option<Duration>,
    /// Whether an open conversation without an assigned person is the desk's (inboxes without a connected bot).
    pub answer_open_unassigned: bool,
    /// Where the desk speaks to nobody and drafts for the team instead.
    pub shadow: Shadow,
    /// How soon after the desk has given a conversation to the people an assignment is the vendor's own rule, and nobody has read a word
    /// yet; `None` where only people assign.
    pub assigned_by_rule: Option<Duration>,
    /// How long after an unknown send its absence starts to prove something, where that is not [`OutboxPolicy::settle`].
    pub settle: Option<Duration>,
}

impl Default for ChannelPolicy {
    fn default() -> Self {
        Self {
            gate: true,
            debounce_quiet: Duration::from_millis(1200),
            debounce_max: Duration::from_secs(5),
            max_text: 4000,
            human_idle: None,
            answer_open_unassigned: false,
            shadow: Shadow::Off,
            assigned_by_rule: None,
            settle: None,
        }
    }
}

/// How an address is proven.
#[derive(Debug, Clone)]
pub struct GatePolicy {
    /// How long link and code work.
    pub challenge_ttl: Duration,
    /// How long to wait between two mails of one challenge.
    pub resend_cooldown: Duration,
    /// How many times a challenge's mail may be sent again.
    pub resends: u32,
    /// How many wrong codes end a challenge.
    pub wrong_codes: u32,
    /// How many times a failing mail is tried before a person is fetched.
    pub mail_tries: u32,
    /// The pause before the first repetition of a mail; each is three times the one before, up to two minutes.
    pub mail_retry_pause: Duration,
    /// How many mails one address may get within an hour, over all conversations.
    pub address_hour: u32,
    /// How many mails one address may get within a day, over all conversations.
    pub address_day: u32,
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self {
            challenge_ttl: Duration::from_secs(24 * 3600),
            resend_cooldown: Duration::from_secs(60),
            resends: 3,
            wrong_codes: 5,
            mail_tries: 6,
            mail_retry_pause: Duration::from_secs(5),
            address_hour: 3,
            address_day: 5,
        }
    }
}

/// How an answer comes about.
#[derive(Debug, Clone)]
pub struct TurnPolicy {
    /// How many times a failed model call is repeated before a person is fetched.
    pub max_retries: u32,
    /// How long a turn may take from its first model call.
    pub deadline: Duration,
    /// How long one model call may take.
    pub call_timeout: Duration,
    /// How many times a new message makes a running turn start over.
    pub restarts: u32,
    /// The pause before the first repetition of a failed call; it doubles.
    pub retry_pause: Duration,
}

impl Default for TurnPolicy {
    fn default() -> Self {
        Self {
            max_retries: 2,
            deadline: Duration::from_secs(90),
            call_timeout: Duration::from_secs(30),
            restarts: 2,
            retry_pause: Duration::from_secs(1),
        }
    }
}

/// What else happens when a person is fetched.
#[derive(Debug, Clone, Default)]
pub struct HandoffPolicy {
    /// A label to add.
    pub label: Option<String>,
    /// A priority to set.
    pub priority: Option<String>,
    /// A team to assign.
    pub team: Option<u64>,
    /// After how long without a person's touch colleagues are called again; `None` for never.
    pub pickup_after: Option<Duration>,
    /// Whether the desk then takes the conversation back, where nobody had asked for a person.
    pub pickup_handback: bool,
}

/// How sends are repeated and settled.
#[derive(Debug, Clone)]
pub struct OutboxPolicy {
    /// After how long the absence of a message proves that it will not land any more.
    pub settle: Duration,
    /// How old the last sight of the vendor's state may be before the desk must look again before it speaks.
    pub fresh: Duration,
    /// After how long the desk apologises for the delay before it answers.
    pub apology: Duration,
    /// After how long a question is not answered any more: a person is fetched.
    pub stale: Duration,
    /// The pause before the first repetition of a send other than a mail; it doubles up to five minutes, of a card up to one.
    pub retry_pause: Duration,
}

impl Default for OutboxPolicy {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(45),
            fresh: Duration::from_secs(30),
            apology: Duration::from_secs(600),
            stale: Duration::from_secs(6 * 3600),
            retry_pause: Duration::from_secs(1),
        }
    }
}

/// What happens to a conversation that the vendor opened because the desk did not take its webhooks.
#[derive(Debug, Clone)]
pub struct AwayPolicy {
    /// Whether the desk takes it back once two looks agree that nobody has touched it.
    pub reclaim: bool,
    /// How far apart these looks are.
    pub pause: Duration,
}

impl Default for AwayPolicy {
    fn default() -> Self {
        Self { reclaim: false, pause: Duration::from_secs(20) }
    }
}

/// How recordings are listened to.
#[derive(Debug, Clone)]
pub struct VoicePolicy {
    /// How often one is tried before a person is fetched.
    pub tries: u32,
    /// How long after its first try it is given up, and a person is fetched.
    pub deadline: Duration,
    /// How long one try may take, fetching included.
    pub call_timeout: Duration,
    /// The pause before the second try; it doubles.
    pub retry_pause: Duration,
}

impl Default for VoicePolicy {
    fn default() -> Self {
        Self {
            tries: 5,
            deadline: Duration::from_secs(120),
            call_timeout: Duration::from_secs(45),
            retry_pause: Duration::from_secs(2),
        }
    }
}

impl Policy {
    /// Returns the rules of the conversation's channel; the strict defaults if none were given.
    pub fn channel(&self, key: &ConversationKey) -> ChannelPolicy {
        self.channels.get(key.channel()).cloned().unwrap_or_default()
    }

    /// Returns the language of a customer of whom nothing is known but this text, where the analyzer cannot tell it and its
    /// letters rule out the configured one: who writes Cyrillic reads no English. A name or a word that several languages
    /// share is no reason for anything else, so it is `None` where the configured language is written in Cyrillic too.
    pub fn presumed(&self, text: &str) -> Option<Lang> {
        (!self.default_lang.is_cyrillic() && is_mostly_cyrillic(text)).then_some(Lang::Ru)
    }

    /// Returns how long after an unknown send of a conversation its absence starts to prove something.
    pub fn settle(&self, key: &ConversationKey) -> Duration {
        self.channels.get(key.channel()).and_then(|channel| channel.settle).unwrap_or(self.outbox.settle)
    }
}

impl ChannelPolicy {
    /// Returns whether the vendor's status leaves the conversation to the desk.
    pub fn is_ours(&self, state: &crate::domain::ConversationState) -> bool {
        use crate::domain::Assignee;
        match state.status {
            Status::Pending => true,
            Status::Open => self.answer_open_unassigned && matches!(state.assignee, Assignee::Nobody | Assignee::Us),
            Status::Resolved | Status::Snoozed => false,
        }
    }
}

/// Returns whether more of a text's letters are Cyrillic than others; addresses and links have no language.
fn is_mostly_cyrillic(text: &str) -> bool {
    let prose = text.split_whitespace().filter(|word| !word.contains('@') && !word.contains("://"));
    let letters = prose.flat_map(str::chars).filter(|letter| letter.is_alphabetic());
    letters.map(|letter| if matches!(letter, '\u{400}'..='\u{52f}') { 1_i64 } else { -1 }).sum::<i64>() > 0
}

/// How long anything rests at most before it is tried again.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long a mail rests at most: the customer waits for it.
const LONGEST_MAIL_PAUSE: Duration = Duration::from_secs(120);

/// Returns the pause before a mail's repetition number `n` (from 1), so that a mail server may be started again, and a first
/// refusal of a stranger (greylisting) be over, before a person is fetched.
pub(crate) fn mail_pause(first: Duration, n: u32) -> Duration {
    first.saturating_mul(3_u32.saturating_pow(n.saturating_sub(1))).min(LONGEST_MAIL_PAUSE)
}

/// Returns the pause before repetition number `n` (from 1): doubling from `first`, at most five minutes.
pub(crate) fn backoff(first: Duration, n: u32) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(n.saturating_sub(1).min(16)).unwrap_or(u32::MAX));
    doubled.min(LONGEST_PAUSE)
}
