//! The kinds of channel that a run may have: what each can carry, how it is answered, and what of a script can be done in it.
//! What only one of them does is in `phone.rs` and `bots.rs`; `vendor.rs` is Chatwoot.

use super::dice::{Dice, Fault, Stream};
use super::people::Deed;
use super::store::GivenBack;
use super::world::World;
use frontdesk_actors::domain::{Assignee, ConversationState, Event, Role, Status};
use frontdesk_actors::flow::outbox::{Row, RowKind};
use frontdesk_actors::flow::policy::ChannelPolicy;
use frontdesk_actors::flow::{Flow, Input, Known, Step};
use frontdesk_actors::ids::MessageId;
use frontdesk_actors::ports::{Act, Author, PortErrorKind, Seen};
use frontdesk_actors::testkit::history::{Entry, Happening, What};
use frontdesk_actors::testkit::invariants::{Rules, Told};
use std::time::Duration;

/// What a run's channel is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    /// Messages are numbered and carry our ids; a conversation has a status and an assignee.
    #[default]
    Chatwoot,
    /// A phone: nothing carries an id of ours, and who has a chat is only said in it. See `phone.rs`.
    GreenApi,
    /// Salesbots: words leave only as the one answer to a request. See `bots.rs`.
    Kommo,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Chatwoot, Kind::GreenApi, Kind::Kommo];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Chatwoot => "chatwoot",
            Kind::GreenApi => "green-api",
            Kind::Kommo => "kommo",
        }
    }

    /// Returns how long the vendor waits for an answer to a webhook, in milliseconds.
    pub(crate) const fn patience(self) -> i64 {
        match self {
            Kind::Chatwoot | Kind::GreenApi => 5_000,
            Kind::Kommo => 2_000,
        }
    }

    /// Returns how long a node holds a webhook open before it is answered with 500.
    pub(crate) const fn hold(self) -> i64 {
        match self {
            Kind::Chatwoot | Kind::GreenApi => 4_000,
            Kind::Kommo => 1_600,
        }
    }

    /// Returns how far a node's clock may be off, in milliseconds. Where requests are numbered by the clock of the node to which
    /// they come, what people wrote in between stands among them only as well as the clocks agree.
    pub(crate) const fn clocks_off(self) -> [i64; 5] {
        match self {
            Kind::Chatwoot | Kind::GreenApi => [3_600_000, -3_600_000, 50_000, -50_000, 0],
            Kind::Kommo => [2_000, -2_000, 300, -300, 0],
        }
    }

    /// Returns the rules of the channel.
    pub(crate) fn policy(self, gate: bool, dice: &mut Dice) -> ChannelPolicy {
        let policy = ChannelPolicy { gate, max_text: 40, ..ChannelPolicy::default() };
        let mut idle = || {
            let secs = [None, Some(40), Some(40), Some(1_200)];
            let drawn = usize::try_from(dice.draw(Stream::Setup) % 4).unwrap_or_default();
            secs[drawn].map(Duration::from_secs)
        };
        match self {
            Kind::Chatwoot => ChannelPolicy { assigned_by_rule: Some(Duration::from_secs(10)), ..policy },
            Kind::GreenApi => ChannelPolicy {
                gate: false,
                human_idle: idle(),
                answer_open_unassigned: true,
                settle: Some(Duration::from_secs(180)),
                ..policy
            },
            Kind::Kommo => ChannelPolicy { gate: false, human_idle: idle(), ..policy },
        }
    }

    /// Returns the state in which every conversation begins. Where there is none, a look says always the same.
    pub(crate) const fn begins(self) -> ConversationState {
        match self {
            Kind::Chatwoot => ConversationState { status: Status::Pending, assignee: Assignee::Us, version: 1 },
            Kind::GreenApi => ConversationState { status: Status::Open, assignee: Assignee::Nobody, version: 0 },
            Kind::Kommo => ConversationState { status: Status::Pending, assignee: Assignee::Us, version: 0 },
        }
    }

    /// Returns by which measures a run is judged.
    pub(crate) fn judged(self, rules: Rules) -> Rules {
        match self {
            Kind::Chatwoot => rules,
            // Whole seconds: what a look shows of one second stands in no order.
            Kind::GreenApi => Rules { order: Told::Within(Duration::from_secs(1)), ..rules },
            Kind::Kommo => Rules { order: Told::ByArrival, ..rules },
        }
    }

    /// Returns what comes of a deed in this kind of channel: who takes a chat writes in it, and it is given back by a word, or
    /// by an operator.
    pub(crate) const fn deed(self, deed: Deed) -> Deed {
        match (self, deed) {
            (Kind::Chatwoot, deed) => deed,
            (Kind::GreenApi | Kind::Kommo, Deed::AgentTakes | Deed::NoteHuman) => Deed::AgentWrites,
            (Kind::GreenApi, Deed::AgentResolves | Deed::AgentReturns) => Deed::NoteBot,
            (Kind::Kommo, Deed::AgentResolves | Deed::AgentReturns | Deed::NoteBot) => Deed::Resume,
            // A request cannot be taken back.
            (Kind::Kommo, Deed::Delete) => Deed::Ask,
            (Kind::GreenApi | Kind::Kommo, deed) => deed,
        }
    }

    /// Returns whether a row is settled by the adapter itself: the vendor has nothing that it could change.
    pub(crate) fn settles_itself(self, row: &Row) -> bool {
        let RowKind::Act(act) = &row.kind else { return false };
        match self {
            Kind::Chatwoot => false,
            Kind::GreenApi => !matches!(act, Act::Text { .. }),
            Kind::Kommo => !matches!(act, Act::Text { .. } | Act::Note { .. } | Act::Dismiss { .. }),
        }
    }

    /// Returns how long 429 asks to wait.
    pub(crate) const fn asks_for_rest(self) -> Option<Duration> {
        match self {
            Kind::Chatwoot => None,
            Kind::GreenApi | Kind::Kommo => Some(Duration::from_secs(2)),
        }
    }

    /// Returns what a look comes to that the account may not do.
    pub(crate) const fn refuses_looks(self) -> PortErrorKind {
        match self {
            Kind::Chatwoot | Kind::Kommo => PortErrorKind::Forbidden,
            // An instance that is wrong for now says nothing about a chat: the look is repeated.
            Kind::GreenApi => PortErrorKind::Throttled(Duration::from_secs(30)),
        }
    }

    /// Returns whether a 5xx says that nothing of the request runs any more, so that one look decides.
    pub(crate) fn finishes(self, row: &Row) -> bool {
        match self {
            Kind::Chatwoot => true,
            Kind::GreenApi => false,
            Kind::Kommo => matches!(&row.kind, RowKind::Act(Act::Note { .. })),
        }
    }
}

impl World {
    /// Names the fact that a message is.
    pub(crate) fn fact_of(&self, id: MessageId) -> String {
        match self.kind {
            Kind::Chatwoot => super::vendor::message_fact(id),
            // Vendors that tell another time of the same message later: only `unique` says which it is.
            Kind::GreenApi | Kind::Kommo => format!("m{:08x}", id.unique & 0xffff_ffff),
        }
    }

    /// Returns how a step takes the conversation from the people, where no word of theirs says so: by an operator's order, or
    /// because they were idle.
    pub(crate) fn takes_back(&self, input: &Input, step: &Step, flow: &Flow) -> Option<GivenBack> {
        let word = matches!(input, Input::Inbound(inbound) if matches!(inbound.event, Event::Ordered { .. }));
        // An order that comes too late is not what does it.
        let idle = step.why == Some("people were idle");
        if self.kind == Kind::Chatwoot || word && !idle {
            return None;
        }
        let memory = flow.view(&self.policy, 0).memory.into_iter();
        let remembered = memory.filter(|said| said.role == Role::Person).map(|said| said.text);
        let heard = remembered.chain(self.words_taken(flow)).collect();
        Some(GivenBack { heard, ordered: matches!(input, Input::Ordered(_)) })
    }

    /// Returns what people wrote and the desk knows of, also where an operator has had the person forgotten since.
    fn words_taken(&self, flow: &Flow) -> Vec<String> {
        let known = Known::read(&flow.encode()).expect("it was encoded here");
        let chat = self.keys.iter().position(|key| *key == *flow.key());
        let words = chat.into_iter().flat_map(|chat| &self.vendor.chats[chat].messages);
        let is_taken = |seen: &&Seen| {
            let wrote = Event::PersonWrote { id: seen.id, at: seen.at, text: String::new() };
            seen.author == Author::Person && !known.is_news(&wrote)
        };
        words.filter(is_taken).map(|seen| seen.text.clone()).collect()
    }

    /// The desk has taken the conversation back. People's idleness counts only if they were idle: their last word that the desk
    /// had taken or remembers lies so far back.
    pub(crate) fn taken_back_by_itself(&mut self, n: usize, key: usize, back: &GivenBack) {
        let words = self.words_of_people(key, &back.heard);
        let last = words.iter().rev().find(|(_, heard)| *heard).map(|(at, _)| *at);
        let clocks = self.dice.struck.iter().any(|(fault, _)| *fault == Fault::ClockStep);
        let apart = if clocks { 2 * self.kind.clocks_off()[0] } else { 0 };
        let idle = self.policy.channel(&self.keys[key]).human_idle.unwrap_or(Duration::MAX);
        let idle = i64::try_from(idle.as_millis()).unwrap_or(i64::MAX);
        let since = last.map_or(i64::MIN / 2, |at| self.history.entries[at].at.as_millis());
        if !back.ordered && self.now - since + apart < idle {
            let text = "taken back although people were not idle".to_owned();
            return self.log_on(n, key, What::Note { text });
        }
        let fact = format!("b{}", self.history.entries.len());
        self.given_back(key, &fact, &words);
        self.log_on(n, key, What::Acked { fact });
    }

    /// Returns where people wrote, and whether the desk has taken that or remembers it.
    fn words_of_people(&self, key: usize, heard: &[String]) -> Vec<(usize, bool)> {
        let entries = &self.history.entries;
        let taken = |of: &str| entries.iter().any(|entry| matches!(&entry.what, What::Acked { fact } if fact == of));
        let of_key = entries.iter().enumerate().filter(|(_, entry)| entry.key == self.keys[key].as_str());
        let words = of_key.filter_map(|(at, entry)| {
            let What::Happened { fact, happening: Happening::PersonWrote { words } } = &entry.what else { return None };
            Some((at, taken(fact) || heard.contains(words)))
        });
        words.collect()
    }

    /// The desk takes the conversation back without a word of the people's that would say where among theirs. What they wrote
    /// unheard before still takes it: nobody can tell then whether it came before or after.
    fn given_back(&mut self, key: usize, fact: &str, words: &[(usize, bool)]) {
        let last = words.iter().rev().find(|(_, heard)| *heard).map(|(at, _)| *at);
        // Notifications come in the order in which people wrote; a journal may show a later word first.
        let in_order = self.kind == Kind::GreenApi;
        let is_unheard = |(at, heard): &&(usize, bool)| !heard && (in_order || last.is_none_or(|last| *at > last));
        let unheard = words.iter().find(is_unheard).map(|(at, _)| *at);
        let what = What::Happened { fact: fact.to_owned(), happening: Happening::AskedBack };
        let Some(before) = unheard else { return self.log("", Some(key), what) };
        let (at, key) = (self.history.entries[before].at, self.keys[key].as_str().to_owned());
        self.history.entries.insert(before, Entry { at, node: String::new(), key, what });
    }
}
