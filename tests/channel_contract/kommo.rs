//! Kommo: a salesbot asks and waits at a place of its own, the account's webhook tells what people wrote. Messages have
//! neither numbers nor ids of ours.

use crate::vendor::{Cannot, Customer, Fate, Role, Vendor};
use anyhow::{Result, ensure};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::kommo::{CLIENT_SECRET, Fault, KommoDouble, SUBDOMAIN, TOKEN};
use frontdesk_sandbox::town::ADMIN_TOKEN;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const HOOK: &str = "a-webhook-secret-of-some-length";

/// How long the desk may refuse what it must take in the end.
const PATIENCE: Duration = Duration::from_secs(60);

const NO_ORDER: Cannot = Cannot {
    why: "a salesbot's request has neither a number nor a time: it counts from when it comes, and the order of arrival is kept",
    instead: "tests/channel_contract/intake.rs::messages_are_read_in_the_order_in_which_they_were_written",
};

pub(crate) struct Kommo {
    double: KommoDouble,
    /// The desk's address, without a path.
    desk: String,
    http: reqwest::Client,
}

fn lead(customer: Customer) -> u64 {
    match customer {
        Customer::Dana => 20_000_001,
        Customer::Eli => 20_000_002,
    }
}

impl Kommo {
    /// Sends everything again until all of it is taken: what was refused because the desk was busy comes again.
    async fn insist(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let answers = self.double.tell_again().await?;
            if answers.iter().all(|status| *status == 200) {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "not taken: {answers:?}");
        }
    }

    async fn post_to(&self, path: &str, body: Vec<u8>) -> Result<u16> {
        let sending = self.http.post(format!("{}{path}", self.desk)).body(body).send();
        Ok(sending.await?.status().as_u16())
    }
}

impl Vendor for Kommo {
    const NAME: &'static str = "kommo";
    const LONGEST: usize = 800;
    const CANNOT: &'static [Cannot] = &[NO_ORDER];

    async fn open(daemon: &mut Daemon) -> Result<Self> {
        let desk = daemon.url("");
        let double = KommoDouble::start(&desk).await?;
        daemon.set("KOMMO_SUBDOMAIN", SUBDOMAIN);
        daemon.set("KOMMO_CLIENT_SECRET", CLIENT_SECRET);
        daemon.set("KOMMO_BASE_URL", double.base_url());
        daemon.set("KOMMO_TOKEN", TOKEN);
        daemon.set("KOMMO_WEBHOOK_SECRET", HOOK);
        daemon.set("FRONTDESK__KOMMO__TIMEOUT", "2s");
        double.deliver_to(HOOK);
        Ok(Self { double, desk, http: daemon.http().clone() })
    }

    fn key(&self, customer: Customer) -> String {
        format!("kommo:{SUBDOMAIN}:{}", lead(customer))
    }

    async fn writes(&self, customer: Customer, text: &str) -> Result<()> {
        let asked = self.double.asks(lead(customer), text).await?;
        if asked.status == Some(200) { Ok(()) } else { self.insist().await }
    }

    async fn keeps_back(&self, _customer: Customer, _text: &str) -> Result<Result<(), Cannot>> {
        Ok(Err(NO_ORDER))
    }

    async fn colleague_writes(&self, customer: Customer, text: &str) -> Result<()> {
        let status = self.double.user_writes(lead(customer), text).await?;
        if status == 200 { Ok(()) } else { self.insist().await }
    }

    /// Kommo has no word for it: an operator gives it back.
    async fn gives_back(&self, customer: Customer) -> Result<()> {
        let url = format!("{}/api/conversations/{}/resume", self.desk, self.key(customer));
        self.http.post(url).bearer_auth(ADMIN_TOKEN).json(&json!({})).send().await?.error_for_status()?;
        Ok(())
    }

    async fn tell_again(&self) -> Result<()> {
        self.insist().await
    }

    fn echoes(&self) -> Result<usize, Cannot> {
        Ok(self.double.echoes())
    }

    async fn read(&self, customer: Customer) -> Result<Vec<String>> {
        Ok(self.double.read(lead(customer)))
    }

    fn next_send(&self, fate: Fate) -> Result<(), Cannot> {
        self.double.fault(match fate {
            Fate::LandsUnanswered => Fault::GoOnThenHang,
            Fate::IsLostUnanswered => Fault::Hang,
            Fate::IsPutOff => Fault::Refuse(429),
            Fate::IsRefused => Fault::Refuse(400),
        });
        Ok(())
    }

    async fn tries(&self, words: &str) -> Result<usize> {
        Ok(self.double.tried().iter().filter(|text| text.contains(words)).count())
    }

    async fn impostor(&self, role: Role, customer: Customer, text: &str) -> Result<u16> {
        match role {
            Role::Customer => {
                let mut body = self.double.body(50_000, text);
                body["data"]["lead_id"] = json!(lead(customer).to_string());
                let token = body["token"].as_str().unwrap_or_default().to_owned();
                body["token"] = json!(format!("{}AAAAAA", &token[..token.len() - 6]));
                self.post_to("/api/kommo/chat/webhook", body.to_string().into_bytes()).await
            }
            Role::Colleague => {
                let lead = lead(customer);
                let event = format!(
                    "account[subdomain]={SUBDOMAIN}&message[add][0][id]=x1&message[add][0][type]=outgoing\
                     &message[add][0][author][type]=internal&message[add][0][text]={}\
                     &message[add][0][entity_type]=lead&message[add][0][entity_id]={lead}",
                    text.replace(' ', "+")
                );
                self.post_to("/webhooks/kommo/the-secret-of-somebody-else", event.into_bytes()).await
            }
        }
    }

    async fn post(&self, body: &[u8]) -> Result<Vec<u16>> {
        let request = self.post_to("/api/kommo/chat/webhook", body.to_vec()).await?;
        let event = self.post_to(&format!("/webhooks/kommo/{HOOK}"), body.to_vec()).await?;
        Ok(vec![request, event])
    }

    fn near_misses(&self) -> Vec<Vec<u8>> {
        let good = self.double.body(50_000, "Hello");
        let with = |pointer: &str, value: Value| {
            let mut body = good.clone();
            *body.pointer_mut(pointer).expect("the body has it") = value;
            body.to_string().into_bytes()
        };
        vec![
            with("/return_url", json!("http://evil.example.test/api/v4/salesbot/1/continue/1")),
            with("/return_url", json!("")),
            with("/return_url", json!(7)),
            with("/token", Value::Null),
            b"token=x&return_url=y&data[message]=Hello".to_vec(),
            b"account[subdomain]=fixture&message[add][0]=Hello".to_vec(),
            b"account[subdomain]=fixture&message[add][9999999999999999999][text]=Hello".to_vec(),
            b"%%%=&&&[[[=]]]".to_vec(),
        ]
    }

    /// Whoever asked without a token was nobody's salesbot. 200 and 401 come of the event's address, which takes any form.
    fn may_answer_rubbish(status: u16) -> bool {
        matches!(status, 200 | 400 | 401 | 413)
    }

    fn secrets(&self) -> Vec<String> {
        // Every token of a salesbot begins like this.
        [TOKEN, CLIENT_SECRET, HOOK, "eyJ0eXAi"].map(str::to_owned).into()
    }

    async fn quiet(&self) -> Result<()> {
        self.double.wait_for("nobody waits", |kommo| kommo.waiting().is_empty()).await
    }
}
