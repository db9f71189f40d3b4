//! What the pure part of a conversation costs: the flow, with the shipped phrases and word lists, and the encoding of
//! what it decides. No clock, no actor, no store: `benches/process` measures the whole.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use frontdesk::language::{Listener, Locales};
use frontdesk_actors::domain::{Assignee, Contact, ConversationState, CustomerMessage, Event, Inbound, Lang, Status};
use frontdesk_actors::flow::policy::{AwayPolicy, ChannelPolicy, GatePolicy, HandoffPolicy, OutboxPolicy, TurnPolicy};
use frontdesk_actors::flow::{Ctx, Effect, Flow, Input, Policy, SendOutcome};
use frontdesk_actors::ids::{ContactKey, ConversationKey, MessageId, Node};
use frontdesk_actors::ports::{ModelReply, Verdict};
use frontdesk_actors::time::Timestamp;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// As long as customers' first messages usually are.
const TEXT: &str = "Hi there, does the Pro plan include single sign-on and audit logs, and how do we move over from the \
                    Starter plan?";

/// When everything begins, in UTC milliseconds.
const BEGINNING: i64 = 1_795_000_000_000;

/// When the message of this id is written, in milliseconds after the beginning: the desk answers what is fresh.
fn moment(id: u64) -> i64 {
    i64::try_from(id).expect("ids are small") * 10_000
}

/// The desk's rules and its node; what every input is handled with.
struct Rules {
    policy: Policy,
    node: Node,
}

impl Rules {
    fn shipped() -> Self {
        let chatwoot = ChannelPolicy { gate: false, ..ChannelPolicy::default() };
        let policy = Policy {
            channels: BTreeMap::from([("chatwoot".to_owned(), chatwoot)]),
            analyzer: Arc::new(Listener::load(None).expect("the shipped word lists are well formed")),
            phrases: Arc::new(Locales::load(None).expect("the shipped phrases are well formed")),
            default_lang: Lang::En,
            desk_lang: Lang::En,
            memory_messages: 20,
            gate: GatePolicy::default(),
            turn: TurnPolicy::default(),
            handoff: HandoffPolicy::default(),
            outbox: OutboxPolicy::default(),
            away: AwayPolicy::default(),
            voice: None,
        };
        Self { policy, node: Node { name: "bench".into(), boot: 7 } }
    }

    fn at(&self, millis: i64) -> Ctx<'_> {
        let now = Timestamp::from_millis(BEGINNING + millis);
        Ctx { now, seed: [11, 12, 13], policy: &self.policy, human_mode: false, paused: false, node: &self.node }
    }
}

fn wrote(id: u64, status: Status) -> Input {
    let assignee = if status == Status::Open { Assignee::Person("5".to_owned()) } else { Assignee::Nobody };
    Input::Inbound(Box::new(Inbound {
        key: key(),
        inbox: "3".to_owned(),
        contact: Some(Contact {
            key: ContactKey::new("chatwoot", 1, 412),
            name: Some("Jane Doe".to_owned()),
            email: Some("jane@example.com".to_owned()),
        }),
        state: Some(ConversationState { status, assignee, version: 1_795_000_000_000_000 + id }),
        proof: None,
        reply: None,
        event: Event::CustomerWrote(CustomerMessage {
            id: MessageId::numeric(id),
            at: Timestamp::from_millis(BEGINNING + moment(id)),
            text: TEXT.to_owned(),
            attachments: 0,
            voice: None,
        }),
    }))
}

fn key() -> ConversationKey {
    ConversationKey::new("chatwoot", 1, 57)
}

/// A conversation that people have, with a full memory and a full dedupe window.
fn with_people(rules: &Rules) -> Flow {
    let mut flow = Flow::new(&rules.at(0), key());
    let answered =
        Event::PersonWrote { id: MessageId::numeric(1), at: Timestamp::from_millis(0), text: TEXT.to_owned() };
    if let Input::Inbound(mut first) = wrote(1, Status::Open) {
        first.event = answered;
        flow.handle(&rules.at(0), Input::Inbound(first));
    }
    for id in 2..=200 {
        flow.handle(&rules.at(0), wrote(id, Status::Open));
    }
    flow
}

/// A conversation that the desk has answered thirty times.
fn answered(rules: &Rules) -> Flow {
    let mut flow = Flow::new(&rules.at(0), key());
    for id in 1..=30 {
        turn(rules, &mut flow, id * 10);
    }
    flow
}

/// One whole turn: the message, the end of the burst, the model's answer, the claim, and that it landed.
fn turn(rules: &Rules, flow: &mut Flow, id: u64) {
    let start = moment(id);
    flow.handle(&rules.at(start), wrote(id, Status::Pending));
    let due = start + 2_000;
    let asked = flow.handle(&rules.at(due), Input::DeadlineReached);
    let ticket = asked
        .effects
        .iter()
        .find_map(|effect| if let Effect::AskModel { ticket, .. } = effect { Some(*ticket) } else { None });
    let ticket = ticket.expect("the model is asked when the burst is over");
    let result = Ok(ModelReply::Text(TEXT.to_owned()));
    let replied = flow.handle(&rules.at(due), Input::ModelReplied { ticket, result });
    let row = replied
        .effects
        .iter()
        .find_map(|effect| if let Effect::Acquire { row, .. } = effect { Some(*row) } else { None });
    let row = row.expect("the answer asks for a permit");
    flow.handle(&rules.at(due), Input::Cleared { row });
    let outcome = SendOutcome::Verdict(Verdict::Settled { message: Some(MessageId::numeric(id + 1)) });
    flow.handle(&rules.at(due), Input::Sent { row, attempt: 1, outcome });
}

fn benches(criterion: &mut Criterion) {
    let rules = Rules::shipped();
    let people = with_people(&rules);
    let desk = answered(&rules);
    criterion.bench_function("handle: the customer writes, people have it", |bench| {
        bench.iter_batched(
            || (people.clone(), wrote(201, Status::Open)),
            |(mut flow, input)| (flow.handle(&rules.at(0), input), flow),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("handle: a whole turn, five inputs", |bench| {
        bench.iter_batched_ref(|| desk.clone(), |flow| turn(&rules, flow, 1_000), BatchSize::SmallInput);
    });
    criterion.bench_function("encode: the record", |bench| bench.iter(|| black_box(&people).encode()));
    criterion.bench_function("encode: the memory, 20 messages", |bench| {
        bench.iter(|| black_box(&people).encode_memory());
    });
    let (record, memory) = (people.encode(), people.encode_memory());
    criterion.bench_function("restore: record and memory", |bench| {
        bench.iter(|| Flow::restore(&rules.at(0), black_box(&record), Some(black_box(&memory))));
    });
}

criterion_group! {
    name = flow;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = benches
}
criterion_main!(flow);
