//! The alphabet of the random sequences.

use frontdesk_actors::domain::{Order, Status};
use frontdesk_actors::ports::ModelErrorKind;
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Wrote(Word),
    Again,
    Deleted(u64),
    PersonWrote,
    Told(Status, u8),
    Old,
    Noted(Order),
    Ordered(Order),
    Mode(bool),
    Paused(bool),
    ModeOff,
    Press(Which),
    Disown(Which),
    Replied(Reply),
    Clear,
    Sent(Fate, bool),
    Looked(Eye),
    Recovered(u32),
    Decided(bool),
    Poisoned,
    Erased,
    Crash(bool),
    Missed,
    Pass(u64),
    Deadline,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Word {
    Prose,
    Attachment,
    Person,
    Malformed,
    Jane,
    John,
    RightCode,
    WrongCode,
    Resend,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    Open,
    Earlier,
    Foreign,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Short,
    Long,
    Empty,
    GivesUp,
    Person,
    Fails(ModelErrorKind),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Settled,
    Transient,
    Rejected,
    Fault,
    Unknown(bool),
    Lapsed,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Eye {
    Complete,
    Partial,
    Failed,
    Refused,
}

fn words() -> impl Strategy<Value = Op> {
    let words = [Word::Attachment, Word::Person, Word::Malformed, Word::John, Word::RightCode, Word::Resend];
    let twice = [Word::Prose, Word::Jane, Word::WrongCode].repeat(2);
    prop::sample::select([words.as_slice(), &twice].concat()).prop_map(Op::Wrote)
}

fn orders() -> impl Strategy<Value = Op> {
    let order = || prop::sample::select(vec![Order::Bot, Order::Human, Order::Forget]);
    prop_oneof![order().prop_map(Op::Noted), order().prop_map(Op::Ordered)]
}

fn links() -> impl Strategy<Value = Op> {
    let which = || prop::sample::select(vec![Which::Open, Which::Open, Which::Earlier, Which::Foreign]);
    prop_oneof![2 => which().prop_map(Op::Press), 1 => which().prop_map(Op::Disown)]
}

fn replies() -> impl Strategy<Value = Op> {
    let ends = [Reply::Short, Reply::Short, Reply::Long, Reply::Empty, Reply::GivesUp, Reply::Person];
    let fails = [ModelErrorKind::Overloaded, ModelErrorKind::Quota].map(Reply::Fails);
    prop::sample::select([ends.as_slice(), &fails].concat()).prop_map(Op::Replied)
}

fn outcomes() -> impl Strategy<Value = Op> {
    let known = [Fate::Settled, Fate::Settled, Fate::Settled, Fate::Transient, Fate::Rejected, Fate::Fault];
    let unknown = [Fate::Unknown(true), Fate::Unknown(false), Fate::Lapsed];
    let fate = prop::sample::select([known.as_slice(), &unknown].concat());
    (fate, any::<bool>()).prop_map(|(fate, lands)| Op::Sent(fate, lands))
}

fn looks() -> impl Strategy<Value = Op> {
    let eyes = vec![Eye::Complete, Eye::Complete, Eye::Complete, Eye::Partial, Eye::Failed, Eye::Refused];
    prop::sample::select(eyes).prop_map(Op::Looked)
}

fn states() -> impl Strategy<Value = Op> {
    let status = vec![Status::Pending, Status::Open, Status::Resolved, Status::Snoozed];
    (prop::sample::select(status), 0..4_u8).prop_map(|(status, who)| Op::Told(status, who))
}

/// One input, or one step of the world around the flow.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    let span = prop::sample::select(vec![1, 100, 1200, 5000, 31_000, 61_000, 600_000, 90_000_000]);
    let rare = prop_oneof![
        Just(Op::Again),
        (1..8_u64).prop_map(Op::Deleted),
        Just(Op::PersonWrote),
        Just(Op::Old),
        any::<bool>().prop_map(Op::Mode),
        any::<bool>().prop_map(Op::Paused),
        Just(Op::ModeOff),
        (1..5_u32).prop_map(Op::Recovered),
        any::<bool>().prop_map(Op::Decided),
        any::<bool>().prop_map(Op::Decided),
        Just(Op::Poisoned),
        Just(Op::Erased),
        any::<bool>().prop_map(Op::Crash),
        Just(Op::Missed),
    ];
    prop_oneof![
        8 => words(),
        2 => orders(),
        3 => links(),
        4 => replies(),
        8 => Just(Op::Clear),
        8 => outcomes(),
        4 => looks(),
        2 => states(),
        8 => rare,
        4 => span.prop_map(Op::Pass),
        5 => Just(Op::Deadline),
    ]
}
