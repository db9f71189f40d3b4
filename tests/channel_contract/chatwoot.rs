//! Chatwoot, with its account's webhook, its bot's webhook and both tokens: everything it offers. It can do all that the
//! contract asks for.

use crate::vendor::{Cannot, Customer, Fate, Role, Vendor};
use anyhow::{Result, ensure};
use aws_lc_rs::hmac;
use frontdesk_sandbox::chatwoot::{ChatwootDouble, Delivery, Fault, Hook, Options, RequestKind, Target};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::town::{ACCOUNT_SECRET, BOT_SECRET};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) struct Chatwoot {
    double: ChatwootDouble,
    url: String,
    http: reqwest::Client,
    /// Dana's conversation, and Eli's.
    conversations: [u64; 2],
}

impl Chatwoot {
    fn conversation(&self, customer: Customer) -> u64 {
        match customer {
            Customer::Dana => self.conversations[0],
            Customer::Eli => self.conversations[1],
        }
    }

    /// Tells this address from here on.
    fn deliver_to(&self, url: &str) {
        for (target, secret) in [(Target::Account, ACCOUNT_SECRET), (Target::AgentBot, BOT_SECRET)] {
            let hook = Hook { url: url.to_owned(), secret: Some(secret.to_owned()) };
            self.double.deliver_to(target, Some(hook));
        }
    }

    /// Waits until all is delivered, and fails if the desk has not taken this message.
    async fn told(&self, message: u64) -> Result<()> {
        self.double.wait_quiet().await?;
        let id = format!("\"id\":{message},");
        let of_it = |delivery: &&Delivery| delivery.event == "message_created" && delivery.body.contains(&id);
        let deliveries: Vec<Delivery> =
            self.double.see(|world| world.deliveries().iter().filter(of_it).cloned().collect());
        ensure!(deliveries.iter().any(|delivery| delivery.outcome.is_accepted()), "not taken: {deliveries:?}");
        Ok(())
    }

    /// Posts a body, signed with this secret.
    async fn signed(&self, secret: &str, body: &[u8]) -> Result<u16> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[at.as_bytes(), b".", body].concat());
        let request = self.http.post(&self.url).header("content-type", "application/json");
        let request = request.header("x-chatwoot-timestamp", at);
        let request = request.header("x-chatwoot-signature", format!("sha256={}", hex::encode(tag)));
        Ok(request.body(body.to_vec()).send().await?.status().as_u16())
    }

    fn fixture(&self, role: Role, customer: Customer) -> Value {
        let text = match role {
            Role::Customer => include_str!("../fixtures/chatwoot/message_created.incoming.json"),
            Role::Colleague => include_str!("../fixtures/chatwoot/message_created.outgoing_by_agent.json"),
        };
        let mut body: Value = serde_json::from_str(text).expect("a fixture is JSON");
        body["conversation"]["id"] = json!(self.conversation(customer));
        body
    }
}

impl Vendor for Chatwoot {
    const NAME: &'static str = "chatwoot";
    const LONGEST: usize = 3000;
    const CANNOT: &'static [Cannot] = &[];

    async fn open(daemon: &mut Daemon) -> Result<Self> {
        let patient = Duration::from_secs(30);
        let options = Options {
            bot_retry_interval: Duration::from_millis(300),
            // The real one waits for five seconds, which a machine that builds and tests at once cannot promise.
            webhook_timeout: patient,
            // A desk that is killed refuses webhooks for a moment. What comes of conversations that Chatwoot opens then is
            // shown elsewhere (`tests/promises/away.rs`).
            keep_pending_on_bot_failure: true,
            ..Options::default()
        };
        let double = ChatwootDouble::start(options).await?;
        let conversations = ["Dana", "Eli"].map(|name| double.new_conversation(double.new_contact(name, None)));
        daemon.set("CHATWOOT_BASE_URL", double.base_url());
        daemon.set("CHATWOOT_ACCOUNT_ID", 1);
        daemon.set("CHATWOOT_API_TOKEN", Options::default().bot_token);
        daemon.set("CHATWOOT_USER_TOKEN", Options::default().user_token);
        daemon.set("CHATWOOT_WEBHOOK_SECRET", format!("{ACCOUNT_SECRET},{BOT_SECRET}"));
        // The model's answers end at 8,000 characters, which one message of the widget takes.
        daemon.set("FRONTDESK__CHATWOOT__MAX_TEXT", Self::LONGEST);
        daemon.set("FRONTDESK__CHATWOOT__TIMEOUT", "2s");
        daemon.set("SETTLE_TIME", "4s");
        let http = daemon.http().clone();
        let vendor = Self { double, url: daemon.url("/webhooks/chatwoot"), http, conversations };
        vendor.double.wait_quiet().await?;
        vendor.deliver_to(&vendor.url);
        Ok(vendor)
    }

    fn key(&self, customer: Customer) -> String {
        format!("chatwoot:1:{}", self.conversation(customer))
    }

    async fn writes(&self, customer: Customer, text: &str) -> Result<()> {
        let message = self.double.customer_writes(self.conversation(customer), text);
        self.told(message).await
    }

    async fn keeps_back(&self, customer: Customer, text: &str) -> Result<Result<(), Cannot>> {
        // Sidekiq's jobs keep no order: this one finds nobody, and comes when all others have.
        self.deliver_to("http://127.0.0.1:9/");
        self.double.customer_writes(self.conversation(customer), text);
        self.double.wait_quiet().await?;
        self.deliver_to(&self.url);
        Ok(Ok(()))
    }

    async fn colleague_writes(&self, customer: Customer, text: &str) -> Result<()> {
        let message = self.double.agent_writes(self.conversation(customer), text);
        self.told(message).await
    }

    async fn gives_back(&self, customer: Customer) -> Result<()> {
        self.double.resolve(self.conversation(customer));
        self.double.wait_quiet().await
    }

    async fn tell_again(&self) -> Result<()> {
        self.double.wait_quiet().await?;
        let told: Vec<Delivery> = self.double.see(|world| world.deliveries().to_vec());
        for delivery in &told {
            let outcome = self.double.redeliver(delivery).await;
            ensure!(outcome.is_accepted(), "{} was answered {outcome:?} when it came again", delivery.event);
        }
        self.double.wait_quiet().await
    }

    fn echoes(&self) -> Result<usize, Cannot> {
        let is_echo = |delivery: &&Delivery| delivery.outcome.is_accepted() && delivery.body.contains("frontdesk_id");
        Ok(self.double.see(|world| world.deliveries().iter().filter(is_echo).count()))
    }

    async fn read(&self, customer: Customer) -> Result<Vec<String>> {
        Ok(self.double.see(|world| world.replies(self.conversation(customer))))
    }

    fn next_send(&self, fate: Fate) -> Result<(), Cannot> {
        let invalid = r#"{"message":"Content is bad","attributes":["content"]}"#;
        let fault = match fate {
            Fate::LandsUnanswered => Fault::LandThenHang,
            Fate::IsLostUnanswered => Fault::Reset,
            Fate::IsPutOff => Fault::Throttle(1),
            Fate::IsRefused => Fault::Status(422, invalid.to_owned()),
        };
        self.double.fail_next(RequestKind::PostMessage, fault);
        Ok(())
    }

    async fn tries(&self, words: &str) -> Result<usize> {
        let tried =
            |body: &Value| body["private"] != true && body["content"].as_str().is_some_and(|it| it.contains(words));
        let requests = self.double.requests();
        let posts = requests.iter().filter(|request| request.kind == RequestKind::PostMessage);
        Ok(posts.filter(|request| tried(&request.body)).count())
    }

    async fn impostor(&self, role: Role, customer: Customer, text: &str) -> Result<u16> {
        let mut body = self.fixture(role, customer);
        body["content"] = json!(text);
        self.signed("the-secret-of-somebody-else", body.to_string().as_bytes()).await
    }

    async fn post(&self, body: &[u8]) -> Result<Vec<u16>> {
        Ok(vec![self.signed(ACCOUNT_SECRET, body).await?, self.signed(BOT_SECRET, body).await?])
    }

    fn near_misses(&self) -> Vec<Vec<u8>> {
        let good = self.fixture(Role::Customer, Customer::Dana);
        let with = |pointer: &str, value: Value| {
            let mut body = good.clone();
            *body.pointer_mut(pointer).expect("the fixture has it") = value;
            body.to_string().into_bytes()
        };
        let whole = good.to_string().into_bytes();
        vec![
            whole[..whole.len() / 2].to_vec(),
            [&whole[..], b"}"].concat(),
            with("/conversation/id", Value::Null),
            with("/conversation/id", json!(-1)),
            with("/id", json!("one")),
            with("/event", json!("message_imagined")),
        ]
    }

    /// 429 and 500 would make it come again. 404 is for what looks like the page's own, where the page is off.
    fn may_answer_rubbish(status: u16) -> bool {
        matches!(status, 200 | 400 | 404 | 413)
    }

    fn secrets(&self) -> Vec<String> {
        let tokens = [Options::default().bot_token, Options::default().user_token];
        tokens.into_iter().chain([ACCOUNT_SECRET, BOT_SECRET].map(str::to_owned)).collect()
    }

    async fn quiet(&self) -> Result<()> {
        self.double.wait_quiet().await
    }
}
