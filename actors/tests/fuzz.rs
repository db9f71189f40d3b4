//! The decoders of what is stored, with a budget: whatever stands in the store, a record is read or refused, a memory is
//! read or left out, and a conversation that was read goes on without a panic and within bounded memory.
//!
//! A slice of it runs with every `cargo test`; `make fuzz SECONDS=600` runs longer.

#![expect(clippy::print_stdout, reason = "how far a run got is what one reads it for")]

#[path = "fuzz/pack.rs"]
mod pack;

use frontdesk_actors::domain::{
    Assignee, Contact, ConversationState, CustomerMessage, Event, Inbound, Order, Proof, ProofKind, Status,
};
use frontdesk_actors::flow::policy::ChannelPolicy;
use frontdesk_actors::flow::{Ctx, Flow, Input, Policy, SendOutcome};
use frontdesk_actors::ids::{ContactKey, ConversationKey, MessageId, Node, OutboundId, Ticket};
use frontdesk_actors::ports::{Author, Look, ModelReply, PortErrorKind, Seen, Verdict};
use frontdesk_actors::testkit::fuzz::{Dice, Fuzz, kind_of};
use frontdesk_actors::testkit::{PlainAnalyzer, PlainPhrases, plain_policy};
use frontdesk_actors::time::Timestamp;
use peak_alloc::PeakAlloc;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What is allocated is counted for the whole process: one run at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// How many inputs a slice tries.
const SLICE: u64 = 2_000;

/// What reading may take for every byte read: a map of one byte per field and value becomes a value of a hundred.
const PER_BYTE: usize = 64;

/// What reading may take in any case: a length that lies is believed up to a megabyte, and lists stand in lists.
const ROOM: usize = 4 * 1024 * 1024;

fn policy() -> Policy {
    let mut policy = plain_policy(Arc::new(PlainAnalyzer::default()), Arc::new(PlainPhrases::default()));
    policy.channels.insert("test".to_owned(), ChannelPolicy { gate: true, max_text: 40, ..ChannelPolicy::default() });
    policy
}

fn goldens() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("one").path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a golden file can be read")).collect()
}

/// Runs something and fails if it needed more memory than `bytes` of input justify.
fn bounded<T>(bytes: usize, run: impl FnOnce() -> T) -> T {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = run();
    let needed = MEMORY.peak_usage().saturating_sub(before);
    assert!(needed <= PER_BYTE * bytes + ROOM, "{bytes} bytes took {needed} bytes to read");
    result
}

fn inbound(event: Event, version: u64) -> Input {
    let contact = Contact { key: ContactKey::new("test", 1, 9), name: Some("Jane".to_owned()), email: None };
    Input::Inbound(Box::new(Inbound {
        key: ConversationKey::new("test", 1, 57),
        inbox: "1".to_owned(),
        contact: Some(contact),
        state: Some(ConversationState { status: Status::Pending, assignee: Assignee::Us, version }),
        proof: None,
        reply: None,
        event,
    }))
}

fn wrote(id: u64, at: Timestamp, text: &str) -> Event {
    Event::CustomerWrote(CustomerMessage {
        id: MessageId::numeric(id),
        at,
        text: text.to_owned(),
        attachments: 0,
        voice: None,
    })
}

/// An input, as what may happen to a conversation after it was read.
fn input(dice: &mut Dice, now: Timestamp) -> Input {
    let id = *dice.pick(&[1, 20_001, 1 << 40, u64::MAX]);
    let (row, ticket) = (*dice.pick(&[0, 1, 2, 3, 4, 5, u64::MAX]), Ticket(*dice.pick(&[0, 1, 2, 3, u64::MAX])));
    let words = *dice.pick(&["Hello?", "jane@example.com", "123456", "resend", "human please", ""]);
    match dice.below(13) {
        0 | 1 => inbound(wrote(id, now, words), dice.any()),
        2 => inbound(Event::PersonWrote { id: MessageId::numeric(id), at: now, text: words.to_owned() }, id),
        3 => inbound(Event::Echo { row: OutboundId(words.to_owned()), id: MessageId::numeric(id) }, 0),
        4 => Input::DeadlineReached,
        5 => Input::Recovered { takes: u32::try_from(dice.below(5)).unwrap_or(u32::MAX) },
        6 => Input::Cleared { row },
        7 => Input::Sent {
            row,
            attempt: *dice.pick(&[0, 1, u32::MAX]),
            outcome: SendOutcome::Verdict(match dice.below(4) {
                0 => Verdict::Settled { message: Some(MessageId::numeric(id)) },
                1 => Verdict::Transient { retry_after: Some(Duration::from_secs(dice.any())), why: String::new() },
                2 => Verdict::Unknown { finished: true, why: String::new() },
                _ => Verdict::Rejected { why: String::new() },
            }),
        },
        8 => Input::ModelReplied { ticket, result: Ok(ModelReply::Text(words.repeat(60))) },
        9 => Input::Looked { ticket, result: look(dice, now, id) },
        11 => Input::Transcribed { ticket, result: Ok(words.repeat(60)) },
        10 if dice.below(4) == 0 => Input::Erased,
        10 => Input::Ordered(*dice.pick(&[Order::Bot, Order::Human, Order::Forget])),
        _ => Input::LinkConfirmed(words.to_owned()),
    }
}

fn look(dice: &mut Dice, now: Timestamp, id: u64) -> Result<Box<Look>, PortErrorKind> {
    if dice.one_in(4) {
        return Err(PortErrorKind::Transient);
    }
    let author = dice.pick(&[Author::Customer, Author::Person, Author::Us(OutboundId("r-1".to_owned()))]).clone();
    let seen = Seen { id: MessageId::numeric(id), at: now, author, text: "Hello?".to_owned(), voice: None };
    let state = ConversationState { status: Status::Pending, assignee: Assignee::Us, version: dice.any() };
    Ok(Box::new(Look { state, messages: vec![seen], complete: dice.one_in(2) }))
}

/// Reads a record, and lets some things happen to the conversation. Returns what kind of a conversation it was.
fn live(policy: &Policy, record: &[u8], memory: Option<&[u8]>) -> u64 {
    let node = Node { name: "a".into(), boot: 2 };
    let mut dice = Dice::new(kind_of(&String::from_utf8_lossy(record)));
    let mut now = Timestamp::from_secs(1_760_000_000);
    let ctx = |now, dice: &mut Dice| Ctx {
        now,
        seed: [dice.any(), dice.any(), dice.any()],
        policy,
        human_mode: dice.one_in(8),
        paused: false,
        node: &node,
    };
    let bytes = record.len() + memory.map_or(0, <[u8]>::len);
    let first = ctx(now, &mut dice);
    let mut flow = match bounded(bytes, || Flow::restore(&first, record, memory)) {
        Ok(flow) => flow,
        // Positions differ, kinds of damage do not.
        Err(error) => {
            return kind_of(error.to_string().split(|letter: char| letter.is_ascii_digit()).next().unwrap_or(""));
        }
    };
    let mut kind = format!("{:?}", flow.phase_name());
    for _ in 0..8 {
        let ctx = ctx(now, &mut dice);
        let input = input(&mut dice, now);
        let step = flow.handle(&ctx, input);
        kind.push_str(step.to.as_str());
        kind.push_str(&step.effects.len().to_string());
        kind.push_str(&flow.view(policy, u64::MAX).memory.len().to_string());
        let _ = (flow.challenge("c", false, now), flow.last_word(), flow.has_work());
        now = match flow.deadline(policy) {
            Some((due, _)) if dice.one_in(2) => due.max(now),
            Some(_) | None => now + Duration::from_secs(u64::try_from(dice.below(100_000)).unwrap_or_default()),
        };
    }
    let (record, memory) = (flow.encode(), flow.encode_memory());
    let again = ctx(now, &mut dice);
    assert!(Flow::restore(&again, &record, Some(&memory)).is_ok(), "what was written cannot be read");
    kind_of(&kind)
}

#[test]
fn whatever_stands_in_the_store_a_record_is_read_or_refused() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let policy = policy();
    let fuzz = Fuzz::new("records", SLICE, env!("CARGO_TARGET_TMPDIR"));
    let report = fuzz.run(goldens(), pack::mutate, |record| live(&policy, record, None));
    assert!(report.kinds > 40, "it went nowhere: {report:?}");
    println!("records: {report:?}");
}

#[test]
fn whatever_stands_in_the_store_a_memory_is_read_or_left_out() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let policy = policy();
    let records = goldens();
    let node = Node { name: "a".into(), boot: 1 };
    let now = Timestamp::from_secs(1_760_000_000);
    let ctx = Ctx { now, seed: [1, 2, 3], policy: &policy, human_mode: false, paused: false, node: &node };
    let mut flow = Flow::restore(&ctx, &records[1], None).expect("a golden record");
    for (id, text) in [(30_000, "Hello"), (30_001, "Do you ship?"), (30_002, "Where?")] {
        let mut heard = inbound(wrote(id, now, text), id);
        if let Input::Inbound(inbound) = &mut heard {
            inbound.proof = Some(Proof { address: Some("jane@example.com".to_owned()), by: ProofKind::Mac });
        }
        flow.handle(&ctx, heard);
    }
    let memory = flow.encode_memory();
    assert!(memory.len() > 60, "there is something to remember");
    let fuzz = Fuzz::new("memories", SLICE / 2, env!("CARGO_TARGET_TMPDIR"));
    let report = fuzz.run(vec![memory], pack::mutate, |memory| live(&policy, &records[1], Some(memory)));
    println!("memories: {report:?}");
}
