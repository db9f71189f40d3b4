//! The gate: addresses, mails, codes and links.

use super::rig::Rig;
use frontdesk_actors::domain::{Assignee, Order, Proof, ProofKind, Status};
use frontdesk_actors::engine::{ChallengeView, PhaseName};
use frontdesk_actors::flow::{Input, SendOutcome};
use frontdesk_actors::language::Reason;
use frontdesk_actors::ports::Verdict;
use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A customer who has given an address, and the code in the mail.
pub(crate) fn pending() -> (Rig, String) {
    let mut rig = Rig::new(true);
    rig.customer("hello, what does it cost?");
    rig.flush();
    rig.pass(secs(10));
    rig.customer("my mail is Jane@Example.com, thanks");
    rig.flush();
    let code = rig.mails[0].code.clone();
    (rig, code)
}

#[test]
fn an_address_inside_a_sentence_is_mailed_to_and_what_was_asked_before_is_answered_once() {
    let (mut rig, code) = pending();
    assert_eq!(rig.mails[0].address, "Jane@example.com");
    assert_eq!(rig.phase(), PhaseName::PendingVerification);
    rig.customer(&format!("the code is {} {}", &code[..3], &code[3..]));
    rig.flush();
    rig.pass(secs(1));
    assert_eq!(rig.said(), ["[AskEmail]", "[MailSent]", "[Verified]"]);
    assert_eq!((rig.prompts.len(), rig.prompts[0].unanswered), (1, 1));
    rig.reply("ten euros");
    rig.flush();
    rig.pass(secs(600));
    assert_eq!((rig.prompts.len(), rig.view().owed), (1, 0));
    assert_eq!(rig.said().last(), Some(&"ten euros"));
}

#[test]
fn what_is_asked_beside_an_address_a_code_or_a_request_for_the_mail_is_owed() {
    for (text, asks) in [
        ("000000 my parcel never arrived", true),
        ("000000", false),
        ("jane@@example.com is that right?", true),
        ("my mail is jane@@example.com", false),
        ("resend please. where is my parcel?", true),
        ("please resend the mail", false),
        ("jane@example.org, and my parcel never arrived", true),
        ("my mail is jane@example.org", false),
        ("jane@example.com, my parcel never arrived", true),
        ("{code}, and where is my parcel?", true),
        ("the code is {code}, thanks", false),
    ] {
        let (mut rig, code) = pending();
        rig.customer(&text.replace("{code}", if code == "000000" { "000001" } else { &code }));
        assert_eq!(rig.view().owed, if asks { 2 } else { 1 }, "{text}");
    }
}

#[test]
fn what_is_asked_beside_the_first_address_is_owed() {
    for (text, asks) in [("My parcel never arrived, jane@example.com", 1), ("my mail is jane@example.com", 0)] {
        let mut rig = Rig::new(true);
        rig.customer(text);
        assert_eq!((rig.phase(), rig.view().owed), (PhaseName::PendingVerification, asks), "{text}");
    }
}

#[test]
fn a_burst_before_the_gate_is_asked_for_an_address_once() {
    let mut rig = Rig::new(true);
    for word in ["hi", "are you there", "?"] {
        rig.customer(word);
        rig.flush();
        rig.pass(Duration::from_millis(300));
    }
    assert_eq!(rig.said(), ["[AskEmail]"]);
    rig.pass(secs(60));
    rig.customer("hello?");
    rig.flush();
    assert_eq!(rig.said(), ["[AskEmail]", "[AskEmail]"]);
    rig.customer("jane@example");
    rig.flush();
    assert_eq!(rig.said().last(), Some(&"[MalformedEmail]"));
}

#[test]
fn five_wrong_codes_end_a_challenge_and_its_link() {
    let (mut rig, code) = pending();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let id = rig.mails[0].challenge.clone();
    for _ in 0..4 {
        rig.customer(wrong);
        assert_eq!(rig.phase(), PhaseName::PendingVerification);
    }
    rig.customer(wrong);
    assert_eq!(rig.phase(), PhaseName::AwaitingEmail);
    assert!(!rig.step(Input::LinkConfirmed(id.clone())).confirmed);
    assert!(matches!(rig.flow.challenge(&id, false, rig.now), ChallengeView::Expired { .. }));
    rig.customer(&code);
    assert_eq!(rig.phase(), PhaseName::AwaitingEmail);
    rig.flush();
    assert!(rig.said().contains(&"[TooManyCodes]"));
}

#[test]
fn a_link_verifies_once_and_is_used_afterwards() {
    let (mut rig, _) = pending();
    let id = rig.mails[0].challenge.clone();
    assert!(matches!(rig.flow.challenge(&id, false, rig.now), ChallengeView::Open { .. }));
    assert!(rig.step(Input::LinkConfirmed(id.clone())).confirmed);
    assert!(!rig.step(Input::LinkConfirmed(id.clone())).confirmed);
    assert!(matches!(rig.flow.challenge(&id, false, rig.now), ChallengeView::Used { .. }));
    assert_eq!(rig.phase(), PhaseName::Bot);
}

#[test]
fn after_a_day_a_challenge_is_expired_and_a_new_one_is_mailed() {
    let (mut rig, code) = pending();
    let id = rig.mails[0].challenge.clone();
    rig.pass(secs(24 * 3600 - 15));
    assert!(matches!(rig.flow.challenge(&id, false, rig.now), ChallengeView::Open { .. }));
    rig.pass(secs(15));
    assert!(matches!(rig.flow.challenge(&id, false, rig.now), ChallengeView::Expired { .. }));
    assert!(!rig.step(Input::LinkConfirmed(id.clone())).confirmed);
    rig.customer(&code);
    rig.flush();
    assert_eq!(rig.phase(), PhaseName::PendingVerification);
    assert!(rig.said().contains(&"[Expired]"));
    assert_eq!(rig.mails.len(), 2);
    assert_ne!(rig.mails[1].challenge, id);
}

#[test]
fn mails_are_sent_again_after_a_pause_and_only_so_often() {
    let (mut rig, _) = pending();
    rig.customer("resend please");
    rig.flush();
    assert_eq!(rig.said().last(), Some(&"[ResendTooSoon]"));
    for _ in 0..2 {
        rig.pass(secs(61));
        rig.customer("resend please");
        rig.flush();
    }
    assert_eq!(rig.mails.len(), 3);
    rig.pass(secs(61));
    rig.customer("resend please");
    rig.flush();
    let said = (rig.mails.len(), rig.said().last().copied());
    assert_eq!(said, (3, Some("[MailsCapped]")), "an address may get three mails within the hour");
    rig.pass(secs(3600));
    rig.customer("resend please");
    rig.flush();
    assert_eq!(rig.mails.len(), 4);
    rig.pass(secs(61));
    rig.customer("resend please");
    rig.flush();
    assert_eq!((rig.mails.len(), rig.said().last()), (4, Some(&"[ResendCapped]")));
    let ids: std::collections::BTreeSet<&str> = rig.mails.iter().map(|mail| mail.challenge.as_str()).collect();
    assert_eq!(ids.len(), 1, "every mail of a challenge leads to the same page");
}

#[test]
fn a_mail_that_does_not_get_through_is_told_about_and_then_a_person_is_fetched() {
    let mut rig = Rig::new(true);
    rig.customer("jane@example.com");
    let begun = rig.now;
    for _ in 0..6 {
        while !rig.acquiring.is_empty() {
            rig.clear_one();
        }
        let verdict = Verdict::Transient { retry_after: None, why: String::new() };
        let at = rig.sending.iter().position(|row| row.kind.name() == "mail").expect("the mail is on the wire");
        let row = rig.sending.remove(at);
        rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome: SendOutcome::Verdict(verdict) });
        if let Some((at, _)) = rig.flow.deadline(&rig.policy) {
            rig.now = at;
            rig.step(Input::DeadlineReached);
        }
    }
    assert_eq!(rig.view().reason, Some(Reason::MailFailed));
    assert_eq!(rig.now.since(begun), secs(5 + 15 + 45 + 120 + 120), "a restart of the mail server is survived");
    rig.flush();
    assert_eq!(rig.said().iter().filter(|said| **said == "[MailDelayed]").count(), 1, "told once");
}

#[test]
fn the_third_refused_mail_in_a_row_fetches_a_person_and_one_that_is_taken_forgives() {
    let mut rig = Rig::new(true);
    let refused = |rig: &mut Rig, address: &str| {
        rig.customer(address);
        while !rig.acquiring.is_empty() {
            rig.clear_one();
        }
        let at = rig.sending.iter().position(|row| row.kind.name() == "mail").expect("the mail is on the wire");
        let row = rig.sending.remove(at);
        let outcome = SendOutcome::Verdict(Verdict::Rejected { why: String::new() });
        rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome });
        rig.flush();
    };
    refused(&mut rig, "a@example.com");
    refused(&mut rig, "b@example.com");
    rig.customer("c@example.com");
    rig.flush();
    assert_eq!(rig.said().last(), Some(&"[MailSent]"));
    for address in ["d@example.com", "e@example.com"] {
        refused(&mut rig, address);
        assert_eq!((rig.phase(), rig.said().last()), (PhaseName::AwaitingEmail, Some(&"[MailRefused]")));
    }
    refused(&mut rig, "f@example.com");
    assert_eq!((rig.phase(), rig.view().reason), (PhaseName::Human, Some(Reason::MailFailed)));
    rig.step(Input::Ordered(Order::Bot));
    assert_eq!(rig.phase(), PhaseName::AwaitingEmail, "a mail that nobody got proves nothing");
}

#[test]
fn a_cap_on_an_address_is_not_told() {
    for (by_address, said) in [(true, "[MailSent]"), (false, "[MailsCapped]")] {
        let mut rig = Rig::new(true);
        rig.customer("jane@example.com");
        rig.clear_one();
        let row = rig.sending.remove(0);
        rig.step(Input::Sent { row: row.seq, attempt: row.tries, outcome: SendOutcome::Capped { by_address } });
        rig.flush();
        assert_eq!(rig.said(), [said]);
    }
}

#[test]
fn a_known_customer_passes_the_gate_without_a_word() {
    let mut rig = Rig::new(true);
    let mut inbound = rig.customer_event("hello");
    inbound.proof = Some(Proof { address: Some("jane@example.com".to_owned()), by: ProofKind::Mac });
    rig.step(Input::Inbound(Box::new(inbound)));
    rig.pass(secs(2));
    assert_eq!((rig.phase(), rig.prompts.len(), rig.said().len()), (PhaseName::Bot, 1, 0));
}

#[test]
fn a_disowned_challenge_bars_its_address() {
    let (mut rig, code) = pending();
    let id = rig.mails[0].challenge.clone();
    rig.step(Input::LinkDisowned(id.clone()));
    assert!(rig.view().outbox.iter().any(|row| row.kind == "bar"), "a row, so that no crash forgets it");
    assert!(matches!(rig.flow.challenge(&id, false, rig.now), ChallengeView::Disowned { .. }));
    rig.customer(&code);
    assert_eq!(rig.phase(), PhaseName::AwaitingEmail);
}

#[test]
fn a_parked_challenge_still_verifies_while_a_person_has_the_conversation() {
    let (mut rig, _) = pending();
    let id = rig.mails[0].challenge.clone();
    rig.customer("a human please");
    assert_eq!(rig.phase(), PhaseName::Human);
    assert!(rig.step(Input::LinkConfirmed(id)).confirmed);
    assert_eq!(rig.phase(), PhaseName::Human);
    rig.step(Input::Ordered(Order::Bot));
    assert_eq!(rig.phase(), PhaseName::Bot, "verification is kept");
}

/// Whoever had asked the people something, who never came, must learn at the gate how to go on.
#[test]
fn who_has_asked_the_people_is_asked_for_an_address_when_it_comes_back() {
    let mut rig = Rig::new(true);
    rig.step(Input::Ordered(Order::Human));
    rig.customer("what does it cost?");
    rig.flush();
    rig.set_state(Status::Pending, Assignee::Us);
    rig.flush();
    assert_eq!((rig.phase(), rig.view().owed), (PhaseName::AwaitingEmail, 1));
    assert_eq!(rig.said().last().copied(), Some("[AskEmail]"));
}
