//! Mails that do not leave, because the account is refused or others come first.

use super::rig::{Rig, settled};
use frontdesk_actors::domain::Order;
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::{Input, SendOutcome};
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::Verdict;
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn is_mail(rig: &Rig, seq: u64) -> bool {
    let name = format!("-{seq}");
    rig.view().outbox.iter().any(|row| row.kind == "mail" && row.id.0.ends_with(&name))
}

/// Lets everything happen but the mail, which gets no permit.
fn rest(rig: &mut Rig) {
    loop {
        if rig.looking.is_some() {
            rig.end_look(true);
        } else if let Some(at) = rig.acquiring.iter().position(|seq| !is_mail(rig, *seq)) {
            let row = rig.acquiring.remove(at);
            rig.step(Input::Cleared { row });
        } else if let Some(at) = rig.sending.iter().position(|row| row.kind.name() != "mail") {
            let row = rig.sending.remove(at);
            rig.land(&row);
            rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome: settled() });
        } else {
            return;
        }
    }
}

/// Lets time pass while the mail gets no permit.
fn hold(rig: &mut Rig, span: Duration) {
    let end = rig.now + span;
    rest(rig);
    while let Some((at, _)) = rig.flow.deadline(&rig.policy).filter(|(at, _)| *at <= end) {
        rig.now = rig.now.max(at);
        rig.step(Input::DeadlineReached);
        rest(rig);
    }
    rig.now = end;
}

/// The mail's try ends like this.
fn mail_ends(rig: &mut Rig, verdict: Verdict) {
    let at = rig.acquiring.iter().position(|seq| is_mail(rig, *seq)).expect("the mail waits for a permit");
    let row = rig.acquiring.remove(at);
    rig.step(Input::Cleared { row });
    let at = rig.sending.iter().position(|row| row.kind.name() == "mail").expect("the mail is on the wire");
    let row = rig.sending.remove(at);
    rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome: SendOutcome::Verdict(verdict) });
}

fn count(rig: &Rig, words: &str) -> usize {
    rig.said().iter().filter(|said| **said == words).count()
}

#[test]
fn a_mail_that_is_never_tried_is_told_about_and_fetches_a_person_in_time() {
    let mut rig = Rig::new(true);
    rig.customer("jane@example.com");
    hold(&mut rig, secs(9));
    assert!(rig.said().is_empty(), "{:?}", rig.said());
    hold(&mut rig, secs(1));
    assert_eq!(rig.said(), ["[MailDelayed]"]);
    rig.crash(false);
    rig.step(Input::Recovered { takes: 1 });
    hold(&mut rig, secs(324));
    assert_eq!((rig.phase(), count(&rig, "[MailDelayed]")), (PhaseName::PendingVerification, 1), "told once");
    hold(&mut rig, secs(1));
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::MailFailed)));
    assert_eq!((rig.said().len(), rig.cards.len(), rig.mails.len()), (2, 1, 0), "{:?}", rig.said());
    assert!(rig.view().outbox.iter().all(|row| row.kind != "mail"));
    hold(&mut rig, secs(3600));
    assert_eq!(rig.said().len(), 2);
}

#[test]
fn a_mail_that_waits_for_an_hour_at_its_servers_wish_fetches_a_person_in_time() {
    let mut rig = Rig::new(true);
    rig.customer("jane@example.com");
    mail_ends(&mut rig, Verdict::Transient { retry_after: Some(secs(3600)), why: String::new() });
    hold(&mut rig, secs(334));
    assert_eq!((rig.phase(), count(&rig, "[MailDelayed]")), (PhaseName::PendingVerification, 1));
    hold(&mut rig, secs(1));
    assert_eq!(rig.view().reason, Some(Reason::MailFailed));
}

#[test]
fn nobody_is_asked_to_open_a_mail_that_has_not_left() {
    let mut rig = Rig::new(true);
    rig.customer("jane@example.com");
    rig.customer("hello, are you there?");
    rig.customer("resend");
    rest(&mut rig);
    assert!(rig.said().is_empty(), "{:?}", rig.said());
    hold(&mut rig, secs(60));
    for said in ["hello, are you there?", "resend", "jane@example.com"] {
        rig.customer(said);
        hold(&mut rig, secs(60));
        assert_eq!(rig.said().last(), Some(&"[MailDelayed]"), "to {said}");
    }
    assert_eq!(count(&rig, "[MailDelayed]"), rig.said().len());
    assert_eq!(rig.view().outbox.iter().filter(|row| row.kind == "mail").count(), 1, "one is enough");
    rig.flush();
    assert_eq!((rig.mails.len(), rig.said().last().copied()), (1, Some("[MailSent]")));
    rig.pass(secs(10));
    rig.customer("hello, are you there?");
    rig.flush();
    assert!(rig.said().last().is_some_and(|said| said.starts_with("[Remind")), "{:?}", rig.said());
}

#[test]
fn a_mail_that_may_have_left_is_not_called_late_and_counts_as_sent() {
    let mut rig = Rig::new(true);
    rig.customer("jane@example.com");
    mail_ends(&mut rig, Verdict::Unknown { finished: false, why: String::new() });
    hold(&mut rig, secs(334));
    assert!(rig.said().is_empty(), "{:?}", rig.said());
    hold(&mut rig, secs(2));
    assert_eq!((rig.phase(), rig.said()), (PhaseName::PendingVerification, vec!["[MailSent]"]));
    assert!(rig.view().outbox.is_empty());
}

#[test]
fn while_everything_is_stopped_no_mail_is_late_and_afterwards_it_gets_its_chance() {
    let mut rig = Rig::new(true);
    rig.customer("jane@example.com");
    rig.pause(true);
    hold(&mut rig, secs(3600));
    rig.pause(false);
    hold(&mut rig, secs(9));
    assert_eq!((rig.phase(), rig.said().len()), (PhaseName::PendingVerification, 0));
    rig.flush();
    assert_eq!(rig.said(), ["[MailSent]"]);
}

#[test]
fn whoever_takes_it_hears_nothing_more_and_the_mail_is_sent_when_it_comes_back() {
    let mut rig = Rig::new(true);
    rig.customer("jane@example.com");
    hold(&mut rig, secs(5));
    rig.person("I have it");
    hold(&mut rig, secs(600));
    assert!(rig.said().is_empty(), "{:?}", rig.said());
    rig.step(Input::Ordered(Order::Bot));
    rig.flush();
    assert_eq!((rig.phase(), rig.mails.len()), (PhaseName::PendingVerification, 0));
    rig.customer("hello, are you there?");
    rig.flush();
    assert_eq!((rig.mails.len(), rig.said().last().copied()), (1, Some("[MailSent]")));
}
