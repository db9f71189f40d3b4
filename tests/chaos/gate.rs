//! Customers who must prove their address first: they ask, give an address, wait for the mail, and press the button or type
//! the code. What they asked before is answered afterwards; until then the model hears of nothing.

use crate::chaos::ledger::{Press, now};
use crate::chaos::people::Seat;
use frontdesk_actors::testkit::history::Page;
use frontdesk_sandbox::smtp::{Mail, SmtpServer, Stage};
use frontdesk_sandbox::town::token;
use std::time::{Duration, Instant};

/// How long a customer waits for their mail: it is tried again after its faults, with pauses that double.
const MAIL: Duration = Duration::from_secs(20);

/// How often a customer presses again whom nothing answers.
const PRESSES: usize = 6;

/// The mailboxes of all customers, and the way to the pages behind the links.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) smtp: SmtpServer,
    pub(crate) http: reqwest::Client,
}

impl Post {
    /// Returns the newest mail to an address.
    fn newest(&self, address: &str) -> Option<Mail> {
        self.smtp.mails().into_iter().rev().find(|mail| mail.to.iter().any(|to| to == address))
    }

    /// Orders a fault for the next mail, or for all mails for a while; returns what ends it.
    pub(crate) fn trouble(&self, number: u64) {
        match number {
            0 => self.smtp.greylist(1),
            1 => self.smtp.refuse_times(1, Stage::Greeting, 421, "4.3.2 Service not available"),
            2 => self.smtp.refuse_times(1, Stage::Message, 451, "4.3.0 Local error in processing"),
            3 => self.smtp.refuse_times(1, Stage::Data, 452, "4.3.1 Insufficient system storage"),
            4 => self.smtp.cut_after_data(),
            _ => self.smtp.hang_after_data(),
        }
    }
}

impl Seat {
    /// Brings a customer through the gate. Returns whether they got there, as far as they know.
    pub(crate) async fn prove(&self, post: &Post, conversation: u64) -> bool {
        let address = format!("ada{}@customers.example.test", self.ledger.number());
        self.says(conversation, &format!("My address is {address}"));
        let began = Instant::now();
        let mail = loop {
            if let Some(mail) = post.newest(&address) {
                break mail;
            }
            if began.elapsed() > MAIL || !self.is_on() {
                return false;
            }
            if self.chance.permille(20) {
                self.writes(conversation, "Hello? I only want to know");
            }
            self.pause(100, 100).await;
        };
        self.pause(0, 1_000).await;
        match self.chance.below(4) {
            0 => self.types(conversation, &mail),
            1 => {
                // An impatient one presses twice.
                let (first, second) =
                    tokio::join!(self.press(post, conversation, &mail), self.press(post, conversation, &mail));
                first || second
            }
            _ => self.press(post, conversation, &mail).await,
        }
    }

    fn types(&self, conversation: u64, mail: &Mail) -> bool {
        let Some(code) = mail.code() else { return false };
        self.ledger.pressed(Press { conversation, challenge: challenge(conversation, mail), at: now(), told: None });
        self.says(conversation, &code);
        true
    }

    /// Presses the button until something answers.
    async fn press(&self, post: &Post, conversation: u64, mail: &Mail) -> bool {
        let Ok(token) = token(mail) else { return false };
        for _ in 0..PRESSES {
            let press = Press { conversation, challenge: challenge(conversation, mail), at: now(), told: None };
            let number = self.ledger.pressed(press);
            let url = format!("http://{}/verify", self.square.wires.hooks.address());
            let form = post.http.post(url).header("content-type", "application/x-www-form-urlencoded");
            let page = match form.body(format!("token={token}")).send().await {
                Ok(answer) if answer.status().as_u16() == 200 => Page::Done,
                Ok(answer) if answer.status().as_u16() == 409 => Page::Used,
                Ok(_) | Err(_) => Page::Other,
            };
            self.ledger.told(number, page);
            if page != Page::Other {
                return true;
            }
            self.pause(200, 800).await;
        }
        false
    }
}

/// Names a challenge: a new one has another code.
fn challenge(conversation: u64, mail: &Mail) -> String {
    format!("{conversation}-{}", mail.code().unwrap_or_default())
}
