//! The web page: a visitor with a cookie, colleagues with the admin token, and no vendor between them and the desk. What a
//! vendor proves by a signature the cookie and the token prove here.

use crate::vendor::{Cannot, Customer, Fate, Role, Vendor};
use anyhow::{Context, Result, ensure};
use frontdesk::adapters::web::Session;
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::town::ADMIN_TOKEN;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the desk may put off what it must take in the end.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of a body the page reads, in bytes.
const READ_AT_MOST: usize = 64 * 1024;

const NO_ORDER: Cannot = Cannot {
    why: "the page numbers a message when it is stored: none can come late, and the order of arrival is kept",
    instead: "tests/channel_contract/intake.rs::messages_are_read_in_the_order_in_which_they_were_written",
};

const NO_ECHO: Cannot = Cannot {
    why: "nobody tells the page what the desk wrote into its feed: a look after a restart reads it, and knows it by its row",
    instead: "tests/web_channel/channel.rs::a_look_tells_whose_each_message_is_and_who_has_the_conversation",
};

const NO_UNKNOWN_OUTCOME: Cannot = Cannot {
    why: "a send writes into the desk's own store, and repeating it is the same entry: no outcome stays unknown",
    instead: "tests/web_channel/channel.rs::a_send_settles_once_and_a_repetition_is_the_same_message",
};

const NO_LIMIT: Cannot = Cannot {
    why: "nobody limits what the desk says on its own page; it is the visitor who is slowed down",
    instead: "tests/web_channel/channel.rs::a_visitor_who_writes_too_fast_is_slowed_down_alone",
};

const NO_REFUSAL: Cannot = Cannot {
    why: "nobody refuses a text on the desk's own page; a store that is away is waited for",
    instead: "tests/web_channel/channel.rs::a_store_that_is_away_makes_a_send_transient_and_nothing_else",
};

/// What somebody posted: to which path, as whom, and what.
#[derive(Clone)]
struct Posted {
    path: String,
    who: Option<Customer>,
    body: Value,
}

pub(crate) struct Page {
    /// The desk's address, without a path.
    desk: String,
    http: reqwest::Client,
    sessions: [Session; 2],
    posted: Mutex<Vec<Posted>>,
}

impl Page {
    fn session(&self, customer: Customer) -> &Session {
        match customer {
            Customer::Dana => &self.sessions[0],
            Customer::Eli => &self.sessions[1],
        }
    }

    fn cookie(&self, customer: Customer) -> String {
        let cookie = self.session(customer).set_cookie(false).unwrap_or_default();
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    fn posted(&self) -> MutexGuard<'_, Vec<Posted>> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.desk)).header("content-type", "application/json")
    }

    /// Posts until it is taken, as the page does: what was put off is the same message when it comes again.
    async fn insist(&self, posted: &Posted) -> Result<()> {
        let began = Instant::now();
        loop {
            let request = self.request(&posted.path).body(posted.body.to_string());
            let request = match posted.who {
                Some(customer) => request.header("cookie", self.cookie(customer)),
                None => request.bearer_auth(ADMIN_TOKEN),
            };
            let status = request.send().await?.status();
            if status.is_success() {
                return Ok(());
            }
            let again = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            ensure!(again && began.elapsed() < PATIENCE, "{}: {status}", posted.path);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn say(&self, path: String, who: Option<Customer>, text: &str) -> Result<()> {
        let posted = {
            let mut all = self.posted();
            let id = format!("browser-{}", all.len() + 1);
            let posted = Posted { path, who, body: json!({ "text": text, "id": id }) };
            all.push(posted.clone());
            posted
        };
        self.insist(&posted).await
    }

    fn console(&self, customer: Customer, verb: &str) -> String {
        format!("/api/console/conversations/{}/{verb}", self.key(customer))
    }
}

impl Vendor for Page {
    const NAME: &'static str = "web";
    const LONGEST: usize = 4000;
    const CANNOT: &'static [Cannot] = &[NO_ORDER, NO_ECHO, NO_UNKNOWN_OUTCOME, NO_LIMIT, NO_REFUSAL];

    async fn open(daemon: &mut Daemon) -> Result<Self> {
        daemon.set("WEB_CHAT", "on");
        daemon.set("WEB_GATE", "off");
        let sessions = [Session::fresh(), Session::fresh()];
        Ok(Self { desk: daemon.url(""), http: daemon.http().clone(), sessions, posted: Mutex::default() })
    }

    fn key(&self, customer: Customer) -> String {
        self.session(customer).key().to_string()
    }

    async fn writes(&self, customer: Customer, text: &str) -> Result<()> {
        self.say("/chat/messages".to_owned(), Some(customer), text).await
    }

    async fn keeps_back(&self, _customer: Customer, _text: &str) -> Result<Result<(), Cannot>> {
        Ok(Err(NO_ORDER))
    }

    async fn colleague_writes(&self, customer: Customer, text: &str) -> Result<()> {
        self.say(self.console(customer, "reply"), None, text).await
    }

    async fn gives_back(&self, customer: Customer) -> Result<()> {
        let request = self.request(&self.console(customer, "handback")).bearer_auth(ADMIN_TOKEN);
        request.body("{}").send().await?.error_for_status()?;
        Ok(())
    }

    async fn tell_again(&self) -> Result<()> {
        let posted = self.posted().clone();
        for one in &posted {
            self.insist(one).await?;
        }
        Ok(())
    }

    fn echoes(&self) -> Result<usize, Cannot> {
        Err(NO_ECHO)
    }

    async fn read(&self, customer: Customer) -> Result<Vec<String>> {
        let url = format!("{}/api/console/conversations/{}", self.desk, self.key(customer));
        let response = self.http.get(url).bearer_auth(ADMIN_TOKEN).send().await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let shown: Value = response.error_for_status()?.json().await?;
        let entries = shown["entries"].as_array().context("a conversation has entries")?;
        let said = |entry: &&Value| entry["kind"] == "handoff" || entry["kind"] == "text" && entry["who"] == "bot";
        let texts = entries.iter().filter(said).filter_map(|entry| entry["text"].as_str());
        Ok(texts.map(str::to_owned).collect())
    }

    fn next_send(&self, fate: Fate) -> Result<(), Cannot> {
        Err(match fate {
            Fate::LandsUnanswered | Fate::IsLostUnanswered => NO_UNKNOWN_OUTCOME,
            Fate::IsPutOff => NO_LIMIT,
            Fate::IsRefused => NO_REFUSAL,
        })
    }

    async fn tries(&self, words: &str) -> Result<usize> {
        let mut tries = 0;
        for customer in [Customer::Dana, Customer::Eli] {
            tries += self.read(customer).await?.iter().filter(|text| text.contains(words)).count();
        }
        Ok(tries)
    }

    async fn impostor(&self, role: Role, customer: Customer, text: &str) -> Result<u16> {
        let request = match role {
            Role::Customer => self.request("/chat/messages"),
            Role::Colleague => self.request(&self.console(customer, "reply")).bearer_auth("the-token-of-somebody-else"),
        };
        Ok(request.body(json!({ "text": text }).to_string()).send().await?.status().as_u16())
    }

    async fn post(&self, body: &[u8]) -> Result<Vec<u16>> {
        // On a connection of its own: the desk closes one whose body it does not read to the end.
        let request = self.request("/chat/messages").header("connection", "close");
        let request = request.header("cookie", self.cookie(Customer::Dana));
        match request.body(body.to_vec()).send().await {
            Ok(response) => Ok(vec![response.status().as_u16()]),
            // Of a body that it will not read the desk may hang up before the end, and its answer is lost then.
            Err(_) if body.len() > READ_AT_MOST => Ok(vec![413]),
            Err(error) => Err(error.into()),
        }
    }

    fn near_misses(&self) -> Vec<Vec<u8>> {
        let bodies = [
            json!({ "text": "" }),
            json!({ "text": 7 }),
            json!({ "words": "Hello" }),
            json!({ "text": "x".repeat(4001) }),
            json!({ "text": "Hello", "id": 7 }),
            json!({ "text": "\u{0}\u{1}" }),
        ];
        bodies.map(|body| body.to_string().into_bytes()).into()
    }

    /// The page says to its visitor what is wrong.
    fn may_answer_rubbish(status: u16) -> bool {
        matches!(status, 400 | 413 | 422)
    }

    fn secrets(&self) -> Vec<String> {
        let cookies = [Customer::Dana, Customer::Eli].map(|customer| self.cookie(customer));
        let values = cookies.iter().filter_map(|cookie| cookie.split_once('=')).map(|(_, value)| value.to_owned());
        values.chain([ADMIN_TOKEN.to_owned()]).collect()
    }

    async fn quiet(&self) -> Result<()> {
        Ok(())
    }
}
