//! WhatsApp through GREEN-API: notifications one after another, an echo for everything that was sent, no id of ours.

use crate::vendor::{Cannot, Customer, Fate, Role, Vendor};
use anyhow::{Result, ensure};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::green_api::{Fault, GreenDouble, INSTANCE, Options, TOKEN};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

const WEBHOOK_TOKEN: &str = "a-webhook-token-for-tests";

pub(crate) struct GreenApi {
    double: GreenDouble,
    url: String,
    /// The route of all vendors.
    shared_url: String,
    http: reqwest::Client,
    /// What is told later than it was written.
    kept: Mutex<Vec<String>>,
}

fn chat(customer: Customer) -> &'static str {
    match customer {
        Customer::Dana => "15550100042@c.us",
        Customer::Eli => "15550100043@c.us",
    }
}

/// Returns a webhook of the fixtures, written this many seconds ago.
fn webhook(role: Role, customer: Customer, (text, seconds): (&str, u64)) -> Value {
    let fixture = match role {
        Role::Customer => include_str!("../fixtures/green-api/incoming_text.json"),
        Role::Colleague => include_str!("../fixtures/green-api/outgoing_phone_message.json"),
    };
    let mut body: Value = serde_json::from_str(fixture).expect("a fixture is JSON");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    body["timestamp"] = json!(now - seconds);
    body["senderData"]["chatId"] = json!(chat(customer));
    body["messageData"]["textMessageData"]["textMessage"] = json!(text);
    body
}

impl GreenApi {
    /// Posts to the channel's own route, or to the one that tells vendors apart.
    async fn with_token(&self, url: &str, token: &str, body: &[u8]) -> Result<u16> {
        let request = self.http.post(url).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {token}"));
        Ok(request.body(body.to_vec()).send().await?.status().as_u16())
    }
}

impl Vendor for GreenApi {
    const NAME: &'static str = "green-api";
    const LONGEST: usize = 4000;
    const CANNOT: &'static [Cannot] = &[];

    async fn open(daemon: &mut Daemon) -> Result<Self> {
        let double = GreenDouble::start(Options::default()).await?;
        daemon.set("GREEN_API_URL", double.base_url());
        daemon.set("GREEN_ID_INSTANCE", INSTANCE);
        daemon.set("GREEN_API_TOKEN", TOKEN);
        daemon.set("GREEN_WEBHOOK_TOKEN", WEBHOOK_TOKEN);
        daemon.set("FRONTDESK__GREEN_API__TIMEOUT", "2s");
        daemon.set("GREEN_SETTLE_TIME", "6s");
        let (url, http) = (daemon.url("/webhooks/green-api"), daemon.http().clone());
        double.set_up(&url, &format!("Bearer {WEBHOOK_TOKEN}"));
        let shared_url = daemon.url("/webhook");
        Ok(Self { double, url, shared_url, http, kept: Mutex::default() })
    }

    fn key(&self, customer: Customer) -> String {
        format!("green-api:{INSTANCE}:{}", chat(customer))
    }

    async fn writes(&self, customer: Customer, text: &str) -> Result<()> {
        self.double.customer_writes(chat(customer), text);
        self.quiet().await
    }

    /// The instance tells everything in its order; what comes late are entries of the journal that nobody had been told of.
    async fn keeps_back(&self, customer: Customer, text: &str) -> Result<Result<(), Cannot>> {
        let body = webhook(Role::Customer, customer, (text, 5)).to_string();
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        Ok(Ok(()))
    }

    async fn colleague_writes(&self, customer: Customer, text: &str) -> Result<()> {
        self.double.phone_writes(chat(customer), text);
        self.quiet().await
    }

    async fn gives_back(&self, customer: Customer) -> Result<()> {
        self.double.phone_writes(chat(customer), "/bot");
        self.quiet().await
    }

    async fn tell_again(&self) -> Result<()> {
        self.quiet().await?;
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        self.double.tell_again();
        kept.into_iter().for_each(|body| self.double.notify(body));
        self.quiet().await
    }

    fn echoes(&self) -> Result<usize, Cannot> {
        let is_echo = |body: &&String| body.contains("outgoingAPIMessageReceived");
        Ok(self.double.see(|world| world.taken().iter().filter(is_echo).count()))
    }

    async fn read(&self, customer: Customer) -> Result<Vec<String>> {
        Ok(self.double.said(chat(customer)))
    }

    fn next_send(&self, fate: Fate) -> Result<(), Cannot> {
        let invalid = include_str!("../fixtures/green-api/http_400_too_long.json");
        let fault = match fate {
            Fate::LandsUnanswered => Fault::LandThenHang,
            Fate::IsLostUnanswered => Fault::Hang,
            Fate::IsPutOff => Fault::Status(429, String::new()),
            Fate::IsRefused => Fault::Status(400, invalid.to_owned()),
        };
        self.double.fail_next("sendMessage", fault);
        Ok(())
    }

    async fn tries(&self, words: &str) -> Result<usize> {
        let requests = self.double.see(|world| world.requests("sendMessage"));
        let tried = |body: &Value| body["message"].as_str().is_some_and(|it| it.contains(words));
        Ok(requests.iter().filter(|request| tried(&request.body)).count())
    }

    async fn impostor(&self, role: Role, customer: Customer, text: &str) -> Result<u16> {
        let body = webhook(role, customer, (text, 0)).to_string();
        let stranger = "the-token-of-somebody-else";
        let anywhere = self.with_token(&self.shared_url, stranger, body.as_bytes()).await?;
        ensure!(matches!(anywhere, 401 | 403), "an impostor was answered {anywhere} at /webhook");
        self.with_token(&self.url, stranger, body.as_bytes()).await
    }

    async fn post(&self, body: &[u8]) -> Result<Vec<u16>> {
        let own = self.with_token(&self.url, WEBHOOK_TOKEN, body).await?;
        // The route of all vendors knows only by the token whose poison it is.
        Ok(vec![own, self.with_token(&self.shared_url, WEBHOOK_TOKEN, body).await?])
    }

    fn near_misses(&self) -> Vec<Vec<u8>> {
        let good = webhook(Role::Customer, Customer::Dana, ("Hello", 0));
        let with = |pointer: &str, value: Value| {
            let mut body = good.clone();
            *body.pointer_mut(pointer).expect("the fixture has it") = value;
            body.to_string().into_bytes()
        };
        let whole = good.to_string().into_bytes();
        vec![
            whole[..whole.len() / 2].to_vec(),
            with("/senderData/chatId", Value::Null),
            with("/idMessage", json!({})),
            with("/typeWebhook", json!("somethingNew")),
            with("/instanceData/idInstance", json!(1)),
        ]
    }

    /// Anything but exactly 200 comes again and holds back everybody else's.
    fn may_answer_rubbish(status: u16) -> bool {
        status == 200
    }

    fn secrets(&self) -> Vec<String> {
        [TOKEN, WEBHOOK_TOKEN, "15550100042"].map(str::to_owned).into()
    }

    async fn quiet(&self) -> Result<()> {
        self.double.wait_quiet().await?;
        let refused =
            self.double.see(|world| world.answers().iter().any(|status| !matches!(status, 0 | 200 | 429 | 500)));
        ensure!(!refused, "a good webhook was refused");
        Ok(())
    }
}
