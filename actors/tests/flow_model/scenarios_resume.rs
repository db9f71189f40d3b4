//! The desk takes a conversation back, and webhooks from before and after come in any order.

use super::rig::{Rig, settled};
use frontdesk_actors::domain::{Assignee, ConversationState, Event, Inbound, Order, Status};
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::outbox::Row;
use frontdesk_actors::flow::{Flow, Incident, Input, SendOutcome};
use frontdesk_actors::ids::Node;
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::{PortErrorKind, Verdict};
use std::time::Duration;

/// People have it, the vendor has shown that it is open, and a webhook of a later moment is still on its way.
fn with_people() -> (Rig, Inbound) {
    let mut rig = Rig::new(false);
    rig.customer("a human please");
    rig.flush();
    rig.set_state(Status::Open, Assignee::Nobody);
    rig.state.version += 1;
    let late = rig.inbound(Event::StateChanged);
    (rig, late)
}

/// The desk is told to take it back, and its change of status has left.
fn leaving() -> (Rig, Inbound, Row) {
    let (mut rig, late) = with_people();
    rig.step(Input::Ordered(Order::Bot));
    rig.clear_one();
    let row = rig.sending[0].clone();
    assert_eq!((rig.phase(), rig.sending.len()), (PhaseName::Bot, 1));
    (rig, late, row)
}

/// It has landed, and the vendor's answer has come before its webhook.
fn resumed() -> (Rig, Inbound) {
    let (mut rig, late, _) = leaving();
    rig.end_send(true, settled());
    assert_eq!((rig.state.status, rig.view().status), (Status::Pending, Some(Status::Open)));
    (rig, late)
}

fn hear(rig: &mut Rig, inbound: Inbound) {
    rig.step(Input::Inbound(Box::new(inbound)));
}

fn tell(rig: &mut Rig) {
    let inbound = rig.inbound(Event::StateChanged);
    hear(rig, inbound);
}

/// A person opens it at the vendor; nobody hears of it.
fn opens(rig: &mut Rig) {
    rig.state = ConversationState { status: Status::Open, version: rig.state.version + 1, ..rig.state.clone() };
}

/// Chatwoot up to 4.16.2 leaves what the bot is assigned to open.
#[test]
fn the_bot_assigned_to_what_stays_open_gives_it_back_and_it_is_made_pending() {
    let ana = || Assignee::Person("5".to_owned());
    for before in [Assignee::Nobody, ana(), Assignee::OtherBot("9".to_owned())] {
        let (mut rig, _) = with_people();
        rig.customer("hello?");
        rig.pass(Duration::from_secs(60));
        rig.set_state(Status::Open, before.clone());
        assert_eq!(rig.phase(), PhaseName::Human);
        rig.set_state(Status::Open, Assignee::Us);
        assert_eq!(rig.phase(), PhaseName::Bot, "{before:?}");
        tell(&mut rig);
        rig.state.version += 1;
        tell(&mut rig);
        assert_eq!(rig.phase(), PhaseName::Bot, "what is told before ours has landed is no takeover");
        rig.flush();
        assert_eq!((rig.phase(), rig.state.status), (PhaseName::Bot, Status::Pending));
        tell(&mut rig);
        assert_eq!(rig.phase(), PhaseName::Bot);
        rig.set_state(Status::Open, ana());
        assert_eq!(rig.phase(), PhaseName::Human, "and a person can take it again");
    }
}

#[test]
fn a_bot_that_merely_stays_assigned_gives_nothing_back() {
    // An automation opens, and keeps the bot.
    let mut rig = Rig::new(false);
    rig.customer("hello");
    rig.set_state(Status::Pending, Assignee::Us);
    rig.set_state(Status::Open, Assignee::Us);
    assert_eq!(rig.phase(), PhaseName::Human);
    rig.state.version += 1;
    tell(&mut rig);
    assert_eq!(rig.phase(), PhaseName::Human);
    // Put to sleep and opened again in the same step as the assignment.
    let (mut rig, _) = with_people();
    rig.set_state(Status::Snoozed, Assignee::Nobody);
    rig.set_state(Status::Open, Assignee::Us);
    assert_eq!(rig.phase(), PhaseName::Human);
}

#[test]
fn a_webhook_from_before_the_desk_took_it_back_is_no_takeover() {
    for asked_first in [true, false] {
        let (mut rig, late) = resumed();
        let pending = rig.state.clone();
        if asked_first {
            // A message whose webhook was made before, but is heard only now.
            let mut asks = rig.customer_event("and what does it cost?");
            asks.state = late.state.clone();
            hear(&mut rig, asks);
        }
        hear(&mut rig, late);
        assert_eq!(rig.phase(), PhaseName::Bot, "nobody knows yet whose it is");
        assert_eq!(rig.looking.as_ref().map(|looking| looking.look.state.clone()), Some(pending));
        if !asked_first {
            rig.customer("and what does it cost?");
        }
        rig.pass(Duration::from_secs(5));
        assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Bot, 1), "the question is answered");
        rig.reply("ten euros");
        rig.flush();
        assert_eq!((rig.said().last(), rig.view().owed), (Some(&"ten euros"), 0));
    }
}

#[test]
fn whoever_opens_it_before_the_desks_own_change_is_shown_is_not_talked_over() {
    // The webhook that would have shown the desk's own change is lost.
    let (mut rig, _) = resumed();
    opens(&mut rig);
    let mut asks = rig.customer_event("what does it cost?");
    asks.state = Some(rig.state.clone());
    hear(&mut rig, asks);
    rig.now = rig.now + Duration::from_secs(2);
    rig.step(Input::DeadlineReached);
    assert!(rig.prompts.is_empty() && rig.looking.is_some(), "it is not asked before the look");
    rig.end_look(true);
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::NotPending)));
    rig.pass(Duration::from_secs(600));
    assert_eq!((rig.prompts.len(), rig.view().owed), (0, 1), "it is theirs, and they see it");
}

#[test]
fn whoever_opens_it_after_the_desks_own_change_was_shown_has_it_at_once() {
    let (mut rig, _, row) = leaving();
    rig.land(&row);
    tell(&mut rig);
    assert_eq!(rig.phase(), PhaseName::Bot, "the webhook overtook the vendor's answer");
    opens(&mut rig);
    tell(&mut rig);
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::NotPending)));
    rig.sending.remove(0);
    rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome: settled() });
    rig.flush();
    assert_eq!(rig.state.status, Status::Open, "the desk does not take it from them again");
}

#[test]
fn what_the_vendor_has_shown_is_not_done_again() {
    let (mut rig, _, row) = leaving();
    rig.land(&row);
    rig.sending.remove(0);
    let outcome = SendOutcome::Verdict(Verdict::Unknown { finished: true, why: String::new() });
    rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome });
    tell(&mut rig);
    opens(&mut rig);
    tell(&mut rig);
    rig.pass(Duration::from_secs(600));
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Human, Status::Open), "a person has it");
}

#[test]
fn the_desks_own_opening_that_is_heard_late_is_no_takeover() {
    let mut rig = Rig::new(false);
    rig.customer("a human please");
    rig.flush();
    let opened = rig.inbound(Event::StateChanged);
    assert_eq!((rig.state.status, rig.view().status), (Status::Open, Some(Status::Pending)), "nobody has told");
    rig.step(Input::Ordered(Order::Bot));
    rig.flush();
    hear(&mut rig, opened);
    rig.flush();
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Bot, Status::Pending));
}

#[test]
fn a_look_that_was_begun_before_the_change_had_landed_proves_nothing() {
    let (mut rig, late, _) = leaving();
    rig.step(Input::LookAround);
    let before = rig.looking.clone().expect("a look is running");
    rig.end_send(true, settled());
    hear(&mut rig, late);
    let after = rig.looking.clone().expect("it is looked at again");
    rig.looking = Some(before);
    rig.end_look(true);
    assert_eq!(rig.phase(), PhaseName::Bot, "that picture is from before");
    rig.looking = Some(after);
    rig.end_look(true);
    assert_eq!(rig.phase(), PhaseName::Bot);
}

#[test]
fn where_no_look_is_allowed_a_person_is_fetched() {
    let (mut rig, late) = resumed();
    hear(&mut rig, late);
    let ticket = rig.looking.take().expect("a look is begun").ticket;
    rig.step(Input::Looked { ticket, result: Err(PortErrorKind::Forbidden) });
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::Interrupted)));
    assert!(rig.incidents.contains(&Incident::LookForbidden));
    rig.flush();
    tell(&mut rig);
    rig.flush();
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Human, Status::Open), "they see it");
}

#[test]
fn a_failed_look_is_repeated_before_anything_is_said() {
    let (mut rig, late) = resumed();
    hear(&mut rig, late.clone());
    let ticket = rig.looking.take().expect("a look is begun").ticket;
    rig.step(Input::Looked { ticket, result: Err(PortErrorKind::Transient) });
    let mut asks = rig.customer_event("what does it cost?");
    asks.state = late.state;
    hear(&mut rig, asks);
    rig.now = rig.now + Duration::from_secs(2);
    rig.step(Input::DeadlineReached);
    assert!(rig.prompts.is_empty(), "whose it is is not known");
    rig.pass(Duration::from_secs(10));
    assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Bot, 1));
}

#[test]
fn a_doubt_outlives_the_process() {
    let (mut rig, late) = resumed();
    opens(&mut rig);
    let mut asks = rig.customer_event("what does it cost?");
    asks.state = Some(ConversationState { version: late.state.expect("it bears one").version, ..rig.state.clone() });
    hear(&mut rig, asks);
    rig.crash(false);
    rig.pass(Duration::from_secs(60));
    assert_eq!((rig.phase(), rig.prompts.len()), (PhaseName::Human, 0));
}

#[test]
fn a_look_of_another_node_from_before_proves_nothing() {
    let (mut rig, late, _) = leaving();
    rig.step(Input::LookAround);
    let before = rig.looking.clone().expect("a look is running");
    let kept = rig.flow.keep();
    rig.end_send(true, settled());
    let (record, memory, node) = (rig.flow.encode(), rig.flow.encode_memory(), Node { name: "b".into(), boot: 1 });
    let ctx = frontdesk_actors::flow::Ctx {
        now: rig.now,
        seed: [9, 9, 9],
        policy: &rig.policy,
        human_mode: false,
        paused: false,
        node: &node,
    };
    rig.flow = Flow::resume(&ctx, &record, Some(&memory), &kept).expect("a record is read again");
    rig.looking = Some(before);
    hear(&mut rig, late);
    rig.flush();
    assert_eq!(rig.phase(), PhaseName::Bot);
}

#[test]
fn a_real_hand_back_soon_after_the_desks_own_is_believed() {
    // A person opens it before the desk's own change is shown; the look tells that they came after it.
    let (mut rig, _) = resumed();
    opens(&mut rig);
    tell(&mut rig);
    rig.end_look(true);
    assert_eq!(rig.phase(), PhaseName::Human);
    rig.set_state(Status::Pending, Assignee::Nobody);
    assert_eq!(rig.phase(), PhaseName::Bot, "they gave it back");
    // A person is assigned to it: silence at once, and a look all the same.
    let (mut rig, _) = resumed();
    opens(&mut rig);
    rig.state.assignee = Assignee::Person("5".to_owned());
    tell(&mut rig);
    assert_eq!(rig.view().reason, Some(Reason::PersonAssigned));
    rig.customer("thank you");
    rig.flush();
    rig.set_state(Status::Pending, Assignee::Person("5".to_owned()));
    assert_eq!(rig.phase(), PhaseName::Bot, "they gave it back");
    // A person writes while it is pending: the desk opens it, and that leaves after its own pending.
    let (mut rig, _) = resumed();
    rig.person("I have it");
    rig.flush();
    assert_eq!(rig.state.status, Status::Open);
    tell(&mut rig);
    rig.set_state(Status::Pending, Assignee::Nobody);
    assert_eq!(rig.phase(), PhaseName::Bot, "they gave it back");
}

#[test]
fn a_hand_back_after_a_second_try_has_settled_is_believed_when_nothing_can_land_any_more() {
    let (mut rig, _, row) = leaving();
    let outcome = SendOutcome::Verdict(Verdict::Unknown { finished: false, why: String::new() });
    rig.end_send(false, outcome);
    rig.pass(Duration::from_secs(10));
    assert_eq!((rig.sending.len(), rig.state.status), (0, Status::Pending), "{row:?} was sent again");
    rig.pass(Duration::from_secs(60));
    rig.set_state(Status::Resolved, Assignee::Nobody);
    rig.person("one more thing");
    rig.flush();
    assert_eq!(rig.phase(), PhaseName::Human);
    rig.set_state(Status::Pending, Assignee::Nobody);
    assert_eq!(rig.phase(), PhaseName::Bot, "the customer has reopened it");
}

#[test]
fn a_try_that_nobody_heard_the_end_of_may_land_at_any_time() {
    let (mut rig, _, row) = leaving();
    rig.sending.clear();
    rig.crash(false);
    rig.pass(Duration::from_secs(10));
    rig.person("I have it");
    rig.pass(Duration::from_secs(600));
    assert_eq!((rig.phase(), rig.state.status), (PhaseName::Human, Status::Open));
    tell(&mut rig);
    // Whoever had claimed it stood still all the time.
    rig.land(&row);
    tell(&mut rig);
    assert_eq!(rig.phase(), PhaseName::Human, "nobody gave it back");
    rig.flush();
    assert_eq!(rig.state.status, Status::Open, "the people see it again");
}

#[test]
fn an_order_that_was_missed_in_a_gap_counts_unless_a_person_has_taken_it_since() {
    let assigned = |rig: &mut Rig| rig.set_state(Status::Open, Assignee::Person("5".to_owned()));
    for after in [true, false] {
        let mut rig = Rig::new(false);
        rig.customer("hello");
        rig.pass(Duration::from_secs(2));
        if !after {
            assigned(&mut rig);
            rig.now = rig.now + Duration::from_secs(60);
        }
        let id = rig.next_id();
        rig.flow.suspect_until(rig.now);
        rig.now = rig.now + Duration::from_secs(1);
        if after {
            assigned(&mut rig);
        }
        assert_eq!(rig.view().reason, Some(Reason::PersonAssigned));
        // At the same version of the vendor's state: a note does not change it.
        let missed = Event::Missed { events: vec![Event::Ordered { id, order: Order::Bot }], complete: true };
        let inbound = rig.inbound(missed);
        hear(&mut rig, inbound);
        let whose = if after { PhaseName::Human } else { PhaseName::Bot };
        assert_eq!(rig.phase(), whose, "assigned {} the gap", if after { "after" } else { "before" });
    }
}

/// What the look had shown could not be written: the takeover that it is to tell of was acknowledged.
#[test]
fn a_doubt_whose_look_was_lost_is_looked_at_again() {
    let (mut rig, _) = resumed();
    opens(&mut rig);
    tell(&mut rig);
    assert!((rig.phase(), rig.looking.is_some()) == (PhaseName::Bot, true), "a look is to tell");
    rig.looking = None;
    rig.flow = rig.restored();
    rig.step(Input::DeadlineReached);
    assert!(rig.looking.is_some());
    rig.end_look(true);
    assert_eq!(rig.phase(), PhaseName::Human);
}
