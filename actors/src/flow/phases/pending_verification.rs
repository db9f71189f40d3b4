//! A mail with link and code is out. The button behind the link or the code typed here proves the address.

use super::awaiting_email::{Serves, begin_challenge, enter, just_spoke, keep_question, mail};
use crate::domain::{CustomerMessage, ProofKind, Verified};
use crate::flow::desk::{Desk, Next};
use crate::flow::mark::GateMark;
use crate::flow::outbox::{RowKind, Tie};
use crate::flow::phase::{AwaitingEmail, Back, Fate, MailNews, PendingVerification, Phase, Signal};
use crate::flow::text::{self, Address};
use crate::language::{Phrase, Reason};
use std::time::Duration;

/// At how many refused mails in a row a person is fetched.
const REFUSALS: u32 = 3;

/// The windows in which an address may get so many mails.
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl PendingVerification {
    pub(crate) fn on(&mut self, desk: &mut Desk<'_>, signal: Signal) -> Next {
        match signal {
            Signal::Wrote(message) => self.wrote(desk, &message),
            Signal::Spoke(_) => desk.ignore("a recording is listened to first"),
            Signal::TakenOver(reason) => {
                let parked = Some(self.challenge.clone());
                Next::Go(desk.give_way(reason, parked))
            }
            Signal::FetchPerson(reason) => self.fetch(desk, reason),
            Signal::Proven(verified) => {
                desk.common.spend(self.challenge.id.clone(), Fate::Void);
                drop_mail(desk);
                Next::Go(enter(desk, verified))
            }
            Signal::Confirmed(id) if id == self.challenge.id && !self.has_expired(desk) => {
                Next::Go(self.verify(desk, ProofKind::Link))
            }
            Signal::Confirmed(_) => desk.ignore("not the open challenge"),
            Signal::Disowned(id) if id == self.challenge.id => self.disown(desk),
            Signal::Disowned(_) => desk.ignore("not the open challenge"),
            Signal::Mail(news) => self.mail_news(desk, news),
            Signal::Deleted(id) => {
                desk.owe_no_more(id);
                Next::Stay
            }
            Signal::HandedBack(Back::Resolved) => {
                desk.owe_nothing();
                desk.ignore("resolved: nothing is owed any more")
            }
            Signal::HandedBack(Back::Pending | Back::Assigned | Back::Order | Back::ModeOff) => {
                desk.ignore("the desk has it already")
            }
            Signal::Replied { .. } => desk.ignore("no model call is running"),
            Signal::Forgotten => {
                desk.owe_nothing();
                Next::Stay
            }
            Signal::Fresh { .. } => Next::Stay,
            Signal::Tick => match desk.mail_overdue(&self.challenge) {
                Some(news) => self.mail_news(desk, news),
                None => Next::Stay,
            },
        }
    }

    fn wrote(&mut self, desk: &mut Desk<'_>, message: &CustomerMessage) -> Next {
        desk.lang_of(&message.text);
        if desk.policy().analyzer.wants_person(&message.text) {
            return self.fetch(desk, Reason::AskedByCustomer);
        }
        let address = text::find_address(&message.text);
        let has_code = text::find_codes(&message.text).contains(&self.challenge.code);
        let gives_code = has_code || text::is_code_attempt(&message.text);
        let wants_resend = desk.policy().analyzer.wants_resend(&message.text);
        let serves = match Serves::by(&address) {
            Serves::Nothing if gives_code => Serves::Proof,
            Serves::Nothing if wants_resend => Serves::Resend,
            serves @ (Serves::Nothing | Serves::Proof | Serves::Resend) => serves,
        };
        keep_question(desk, message, serves);
        if self.has_expired(desk) {
            return self.renew(desk, address);
        }
        if has_code {
            return Next::Go(self.verify(desk, ProofKind::Code));
        }
        match address {
            Address::Found(address) => self.corrected(desk, address),
            Address::Malformed => {
                desk.gate_mark(GateMark::Malformed);
                desk.say(&Phrase::MalformedEmail);
                Next::Stay
            }
            Address::None if gives_code => self.wrong_code(desk),
            Address::None if wants_resend => self.resend(desk),
            Address::None => self.remind(desk),
        }
    }

    fn has_expired(&self, desk: &Desk<'_>) -> bool {
        self.challenge.expires <= desk.ctx.now
    }

    fn fetch(&self, desk: &mut Desk<'_>, reason: Reason) -> Next {
        let parked = Some(self.challenge.clone());
        Next::Go(desk.fetch_person(reason, parked))
    }

    /// The address is proven.
    fn verify(&self, desk: &mut Desk<'_>, by: ProofKind) -> Phase {
        desk.common.spend(self.challenge.id.clone(), Fate::Used);
        drop_mail(desk);
        desk.confirmed = true;
        let address = self.challenge.address.clone();
        desk.say(&Phrase::Verified { address: address.clone() });
        desk.admit(Verified { address: Some(address), at: desk.ctx.now, by });
        desk.own_phase(None)
    }

    /// The challenge has expired: say so, and mail a new one, to the address just given or to the same.
    fn renew(&self, desk: &mut Desk<'_>, address: Address) -> Next {
        let address = match address {
            Address::Found(address) => address,
            Address::Malformed | Address::None => self.challenge.address.clone(),
        };
        desk.common.spend(self.challenge.id.clone(), Fate::Void);
        drop_mail(desk);
        desk.gate_mark(GateMark::Expired);
        desk.say(&Phrase::Expired { address: address.clone() });
        Next::Go(begin_challenge(desk, address))
    }

    /// An address was given again: the same one is a request for another mail, another one replaces the challenge.
    fn corrected(&mut self, desk: &mut Desk<'_>, address: String) -> Next {
        if address.eq_ignore_ascii_case(&self.challenge.address) {
            return self.resend(desk);
        }
        desk.common.spend(self.challenge.id.clone(), Fate::Void);
        drop_mail(desk);
        Next::Go(begin_challenge(desk, address))
    }

    fn resend(&mut self, desk: &mut Desk<'_>) -> Next {
        if self.has_sent_nothing(desk) {
            return self.goes_on_mailing(desk);
        }
        let gate = &desk.policy().gate;
        let (cooldown, cap) = (gate.resend_cooldown, gate.resends);
        let passed = desk.ctx.now.since(self.challenge.mailed);
        if self.challenge.resends >= cap {
            desk.say(&Phrase::ResendCapped);
        } else if passed < cooldown {
            let left = cooldown.saturating_sub(passed);
            desk.say(&Phrase::ResendTooSoon {
                seconds: left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX),
            });
        } else if self.has_used_up_its_address(desk) {
            desk.gate_mark(GateMark::Capped);
            desk.say(&Phrase::MailsCapped);
        } else {
            self.challenge.resends += 1;
            desk.gate_mark(GateMark::Resent);
            self.mail_again(desk);
        }
        Next::Stay
    }

    /// Returns whether the mails of this very challenge are all that its address may get for now. That is told, since it says
    /// nothing about anybody else; where others have had mails sent there, the words must be the same as ever.
    fn has_used_up_its_address(&self, desk: &Desk<'_>) -> bool {
        let gate = &desk.policy().gate;
        let (mails, age) = (self.challenge.resends.saturating_add(1), desk.ctx.now.since(self.challenge.issued));
        mails >= gate.address_hour && age < HOUR || mails >= gate.address_day && age < DAY
    }

    fn wrong_code(&mut self, desk: &mut Desk<'_>) -> Next {
        self.challenge.wrong += 1;
        desk.gate_mark(GateMark::WrongCode);
        let left = desk.policy().gate.wrong_codes.saturating_sub(self.challenge.wrong);
        if left > 0 {
            desk.say(&Phrase::WrongCode { left });
            return Next::Stay;
        }
        desk.gate_mark(GateMark::TooManyCodes);
        self.end(desk, Fate::Void, &Phrase::TooManyCodes)
    }

    fn mail_again(&mut self, desk: &mut Desk<'_>) {
        self.challenge.mailed = desk.ctx.now;
        self.challenge.delay_told = false;
        mail(desk, &self.challenge);
    }

    /// Returns whether no mail of the challenge can have left: there is no link to open yet, and no newest mail.
    fn has_sent_nothing(&self, desk: &Desk<'_>) -> bool {
        self.challenge.unsent && desk.common.outbox.mail_of(&self.challenge).is_none_or(|row| !row.doubted)
    }

    /// The customer writes before any mail has left. One that was dropped, given up or capped is tried once more.
    fn goes_on_mailing(&mut self, desk: &mut Desk<'_>) -> Next {
        if desk.common.outbox.mail_of(&self.challenge).is_none() {
            self.mail_again(desk);
            return desk.ignore("no mail has left yet: one is sent now");
        }
        if !self.challenge.delay_told || just_spoke(desk, self.reminded) {
            return desk.ignore("the mail has not left yet: the customer is told what becomes of it");
        }
        self.reminded = Some(desk.ctx.now);
        desk.say(&Phrase::MailDelayed);
        Next::Stay
    }

    fn remind(&mut self, desk: &mut Desk<'_>) -> Next {
        if self.has_sent_nothing(desk) {
            return self.goes_on_mailing(desk);
        }
        if just_spoke(desk, self.reminded) {
            return desk.ignore("one reminder for a burst");
        }
        self.reminded = Some(desk.ctx.now);
        desk.say(&Phrase::Remind { address: self.challenge.address.clone() });
        Next::Stay
    }

    fn disown(&self, desk: &mut Desk<'_>) -> Next {
        desk.gate_mark(GateMark::Disowned);
        desk.push(RowKind::Bar(self.challenge.address.clone()), Tie::Always);
        self.end(desk, Fate::Disowned, &Phrase::Disowned)
    }

    fn mail_news(&mut self, desk: &mut Desk<'_>, news: MailNews) -> Next {
        match news {
            MailNews::Sent => {
                desk.common.refused_mails = 0;
                self.challenge.unsent = false;
                desk.say(&Phrase::MailSent { address: self.challenge.address.clone() });
                Next::Stay
            }
            MailNews::Delayed if self.challenge.delay_told => Next::Stay,
            MailNews::Delayed => {
                self.challenge.delay_told = true;
                self.reminded = Some(desk.ctx.now);
                desk.say(&Phrase::MailDelayed);
                Next::Stay
            }
            MailNews::Capped => {
                desk.say(&Phrase::MailsCapped);
                Next::Stay
            }
            MailNews::Refused => {
                desk.common.refused_mails += 1;
                if desk.common.refused_mails >= REFUSALS {
                    return self.give_up_mailing(desk);
                }
                let phrase = Phrase::MailRefused { address: self.challenge.address.clone() };
                self.end(desk, Fate::Void, &phrase)
            }
            MailNews::GivenUp => self.fetch(desk, Reason::MailFailed),
        }
    }

    /// One refusal is a typing error; several are not the customer's to mend.
    fn give_up_mailing(&self, desk: &mut Desk<'_>) -> Next {
        desk.common.refused_mails = 0;
        desk.common.spend(self.challenge.id.clone(), Fate::Void);
        Next::Go(desk.fetch_person(Reason::MailFailed, None))
    }

    /// Ends the challenge; the customer may give an address again.
    fn end(&self, desk: &mut Desk<'_>, fate: Fate, phrase: &Phrase) -> Next {
        desk.common.spend(self.challenge.id.clone(), fate);
        drop_mail(desk);
        desk.say(phrase);
        Next::Go(Phase::AwaitingEmail(AwaitingEmail { asked: Some(desk.ctx.now) }))
    }
}

/// Drops mails of ended challenges that have not left.
fn drop_mail(desk: &mut Desk<'_>) {
    desk.common.outbox.cut(|row| matches!(row.tie, Tie::Challenge(_)));
}
