//! The desk asks who is writing. Nothing a customer writes here reaches a model.

use crate::domain::{CustomerMessage, Verified};
use crate::flow::desk::{Desk, Next};
use crate::flow::mark::GateMark;
use crate::flow::outbox::{RowKind, Tie};
use crate::flow::phase::{AwaitingEmail, Back, Challenge, MailNews, Owed, PendingVerification, Phase, Signal};
use crate::flow::text::{self, Address};
use crate::language::{Phrase, Reason};
use crate::ports::VerificationMail;

/// What a message is to the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serves {
    /// Nothing: all of it is for later.
    Nothing,
    /// It has an address or a code.
    Proof,
    /// It asks for another mail.
    Resend,
}

impl Serves {
    /// Tells by what an address was looked for in.
    pub(super) const fn by(address: &Address) -> Self {
        match address {
            Address::None => Serves::Nothing,
            Address::Malformed | Address::Found(_) => Serves::Proof,
        }
    }
}

impl AwaitingEmail {
    pub(crate) fn on(&mut self, desk: &mut Desk<'_>, signal: Signal) -> Next {
        match signal {
            Signal::Wrote(message) => self.wrote(desk, &message),
            Signal::Spoke(_) => desk.ignore("a recording is listened to first"),
            Signal::TakenOver(reason) => Next::Go(desk.give_way(reason, None)),
            Signal::FetchPerson(reason) => Next::Go(desk.fetch_person(reason, None)),
            Signal::Proven(verified) => Next::Go(enter(desk, verified)),
            Signal::Mail(
                MailNews::Sent | MailNews::Delayed | MailNews::Refused | MailNews::Capped | MailNews::GivenUp,
            ) => desk.ignore("the mail belongs to an ended challenge"),
            Signal::Confirmed(_) | Signal::Disowned(_) => desk.ignore("no challenge is open"),
            Signal::HandedBack(Back::Resolved) => {
                desk.owe_nothing();
                desk.fall_silent();
                // Whoever writes again may never have read how to go on.
                self.asked = None;
                desk.ignore("resolved: nothing is owed any more")
            }
            Signal::HandedBack(Back::Pending | Back::Assigned | Back::Order | Back::ModeOff) => {
                desk.ignore("the desk has it already")
            }
            Signal::Replied { .. } => desk.ignore("no model call is running"),
            Signal::Deleted(id) => {
                desk.owe_no_more(id);
                Next::Stay
            }
            Signal::Forgotten => {
                self.asked = None;
                desk.owe_nothing();
                Next::Stay
            }
            Signal::Fresh { .. } | Signal::Tick => Next::Stay,
        }
    }

    fn wrote(&mut self, desk: &mut Desk<'_>, message: &CustomerMessage) -> Next {
        desk.lang_of(&message.text);
        if desk.policy().analyzer.wants_person(&message.text) {
            return Next::Go(desk.fetch_person(Reason::AskedByCustomer, None));
        }
        let address = text::find_address(&message.text);
        keep_question(desk, message, Serves::by(&address));
        match address {
            Address::Found(address) => Next::Go(begin_challenge(desk, address)),
            Address::Malformed => {
                desk.gate_mark(GateMark::Malformed);
                desk.say(&Phrase::MalformedEmail);
                Next::Stay
            }
            Address::None => {
                if just_spoke(desk, self.asked) {
                    return desk.ignore("one request for a burst");
                }
                self.asked = Some(desk.ctx.now);
                desk.gate_mark(GateMark::Asked);
                desk.say(&Phrase::AskEmail);
                Next::Stay
            }
        }
    }
}

/// Returns whether the desk spoke to the same burst already.
pub(super) fn just_spoke(desk: &Desk<'_>, when: Option<crate::time::Timestamp>) -> bool {
    when.is_some_and(|when| desk.ctx.now.since(when) < desk.channel().debounce_max)
}

/// Keeps what the customer asked before the gate, to be answered after it. What only serves the gate is no question.
pub(super) fn keep_question(desk: &mut Desk<'_>, message: &CustomerMessage, serves: Serves) {
    let text = message.text.trim();
    let analyzer = &desk.policy().analyzer;
    let is_small_talk = |word: &str| analyzer.is_small_talk(word);
    let is_question = match serves {
        Serves::Nothing => !text.is_empty(),
        Serves::Proof => text::asks_beside_gate(text, is_small_talk),
        Serves::Resend => text::asks_beside_request(text, |clause| analyzer.wants_resend(clause), is_small_talk),
    };
    if is_question {
        desk.owe(Owed::of(message));
    }
}

/// Makes a challenge for an address and mails it.
pub(super) fn begin_challenge(desk: &mut Desk<'_>, address: String) -> Phase {
    desk.gate_mark(GateMark::Challenged);
    let [high, low, digits] = desk.ctx.seed;
    let challenge = Challenge {
        id: format!("{high:016x}{low:016x}"),
        code: format!("{:06}", digits % 1_000_000),
        address,
        issued: desk.ctx.now,
        expires: desk.ctx.now + desk.policy().gate.challenge_ttl,
        wrong: 0,
        resends: 0,
        mailed: desk.ctx.now,
        delay_told: false,
        unsent: true,
    };
    mail(desk, &challenge);
    Phase::PendingVerification(PendingVerification { challenge, reminded: None })
}

/// Mails link and code of a challenge.
pub(super) fn mail(desk: &mut Desk<'_>, challenge: &Challenge) {
    let mail = VerificationMail {
        key: desk.common.key.clone(),
        contact: desk.common.contact.as_ref().map(|contact| contact.key.clone()),
        address: challenge.address.clone(),
        lang: desk.lang(),
        challenge: challenge.id.clone(),
        code: challenge.code.clone(),
        issued: challenge.issued,
        expires: challenge.expires,
    };
    desk.push(RowKind::Mail(Box::new(mail)), Tie::Challenge(challenge.id.clone()));
}

/// Lets a customer in who is known already, without a word, and turns to what they asked.
pub(super) fn enter(desk: &mut Desk<'_>, verified: Verified) -> Phase {
    desk.admit(verified);
    desk.why = Some("known customer");
    desk.own_phase(None)
}
