//! The fakes and the server that the tests talk to.

use async_trait::async_trait;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use frontdesk::http::auth::AdminAuth;
use frontdesk::http::health::StoreProbe;
use frontdesk::http::hold::{Holds, Patience};
use frontdesk::http::intake::{ChatwootEdge, ChatwootIntake, Malformed, Parsed, SignaturePolicy, SignatureRefused};
use frontdesk::http::metrics::MetricsText;
use frontdesk::http::minimal::{self, MinimalReply, WebDesk};
use frontdesk::http::verify::{Claims, TokenFault, TokenReader, VerifyPages, VerifyState};
use frontdesk::http::{AppState, Desk, HttpSettings, router};
use frontdesk::shutdown::{Farewell, Lifecycle, listen, serve};
use frontdesk_actors::domain::{Contact, CustomerMessage, Event, Inbound, Lang, Order};
use frontdesk_actors::engine::{ChallengeView, DeliverError, Intake, PhaseName, Receipt, Summary, View};
use frontdesk_actors::ids::{ContactKey, ConversationKey, MessageId};
use frontdesk_actors::ports::{PortError, PortErrorKind};
use frontdesk_actors::time::{SystemClock, Timestamp};
use secrecy::SecretString;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// How the fake desk takes a delivery.
#[derive(Debug, Clone)]
pub(crate) enum Mood {
    Take(Intake),
    Away,
    Busy,
    Closing,
    Quarantined,
    Unknown,
    Panic,
    /// Waits until a permit is added to [`FakeDesk::release`], then takes it.
    Hang,
}

#[derive(Debug)]
pub(crate) struct FakeDesk {
    /// The next deliveries, in order; after them, by account, else [`Mood::Take`].
    pub script: Mutex<VecDeque<Mood>>,
    pub moods: Mutex<HashMap<String, Mood>>,
    pub release: Semaphore,
    pub begun: AtomicUsize,
    pub taken: Mutex<Vec<Inbound>>,
    pub orders: Mutex<Vec<(String, Order)>>,
    pub challenge: Mutex<ChallengeView>,
    pub contact: Mutex<Option<ContactKey>>,
    pub confirms: AtomicUsize,
    pub disowns: AtomicUsize,
    pub human: AtomicBool,
    pub store_up: AtomicBool,
}

pub(crate) fn away() -> PortError {
    PortError::new(PortErrorKind::Transient, "read the conversation")
}

impl FakeDesk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::default(),
            moods: Mutex::default(),
            release: Semaphore::new(0),
            begun: AtomicUsize::new(0),
            taken: Mutex::default(),
            orders: Mutex::default(),
            challenge: Mutex::new(open()),
            contact: Mutex::new(Some(ContactKey::new("chatwoot", 1, 5))),
            confirms: AtomicUsize::new(0),
            disowns: AtomicUsize::new(0),
            human: AtomicBool::new(false),
            store_up: AtomicBool::new(true),
        })
    }

    /// Sets how deliveries of an account are taken.
    pub(crate) fn mood(&self, account: &str, mood: Mood) {
        self.moods.lock().unwrap().insert(account.to_owned(), mood);
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    fn reachable(&self) -> Result<(), DeliverError> {
        if self.store_up.load(Ordering::SeqCst) { Ok(()) } else { Err(DeliverError::Unavailable(away())) }
    }
}

#[async_trait]
impl Desk for FakeDesk {
    async fn deliver(&self, inbound: Inbound) -> Result<Receipt, DeliverError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let scripted = self.script.lock().unwrap().pop_front();
        let by_account = || self.moods.lock().unwrap().get(inbound.key.account()).cloned();
        let mood = scripted.or_else(by_account).unwrap_or(Mood::Take(Intake::Accepted));
        let intake = match mood {
            Mood::Take(intake) => intake,
            Mood::Away => return Err(DeliverError::Unavailable(away())),
            Mood::Busy => return Err(DeliverError::Busy),
            Mood::Closing => return Err(DeliverError::Closing),
            Mood::Quarantined => return Err(DeliverError::Quarantined),
            Mood::Unknown => return Err(DeliverError::Unknown),
            Mood::Panic => panic!("scripted"),
            Mood::Hang => {
                self.release.acquire().await.unwrap().forget();
                Intake::Accepted
            }
        };
        self.taken.lock().unwrap().push(inbound);
        Ok(Receipt { intake, phase: PhaseName::AwaitingEmail })
    }

    async fn order(&self, key: &ConversationKey, order: Order) -> Result<Receipt, DeliverError> {
        self.reachable()?;
        if key.id() == "404" {
            return Err(DeliverError::Unknown);
        }
        self.orders.lock().unwrap().push((key.to_string(), order));
        Ok(Receipt { intake: Intake::Accepted, phase: PhaseName::Human })
    }

    async fn challenge(&self, _: &ConversationKey, _: &str) -> Result<ChallengeView, DeliverError> {
        self.reachable()?;
        Ok(self.challenge.lock().unwrap().clone())
    }

    async fn confirm(&self, _: &ConversationKey, _: &str) -> Result<ChallengeView, DeliverError> {
        self.reachable()?;
        self.confirms.fetch_add(1, Ordering::SeqCst);
        *self.challenge.lock().unwrap() = ChallengeView::Used { lang: Lang::Ru };
        Ok(ChallengeView::Done { lang: Lang::Ru })
    }

    async fn disown(&self, _: &ConversationKey, _: &str) -> Result<ChallengeView, DeliverError> {
        self.reachable()?;
        self.disowns.fetch_add(1, Ordering::SeqCst);
        *self.challenge.lock().unwrap() = ChallengeView::Disowned { lang: Lang::Ru };
        Ok(ChallengeView::Disowned { lang: Lang::Ru })
    }

    async fn view(&self, key: &ConversationKey) -> Result<Option<View>, DeliverError> {
        self.reachable()?;
        let contact = self.contact.lock().unwrap().clone();
        Ok((key.id() != "404").then(|| view(key, contact)))
    }

    async fn list(&self, limit: usize) -> Result<Vec<Summary>, PortError> {
        self.reachable().map_err(|_| away())?;
        let summary = |id| Summary {
            key: ConversationKey::new("chatwoot", 1, id),
            phase: PhaseName::Bot,
            reason: None,
            name: None,
            verified: true,
            owed: 0,
            changed: Timestamp::from_secs(0),
        };
        Ok((0..limit.min(60)).map(summary).collect())
    }

    fn human_mode(&self) -> bool {
        self.human.load(Ordering::SeqCst)
    }

    async fn set_human_mode(&self, on: bool) -> Result<(), PortError> {
        self.reachable().map_err(|_| away())?;
        self.human.store(on, Ordering::SeqCst);
        Ok(())
    }
}

fn view(key: &ConversationKey, contact: Option<ContactKey>) -> View {
    View {
        key: key.clone(),
        phase: PhaseName::Bot,
        reason: None,
        lang: Lang::En,
        contact: contact.map(|key| Contact { key, name: None, email: None }),
        verified: None,
        status: None,
        assignee: None,
        owed: 0,
        thinking: false,
        failures: 0,
        outbox: Vec::new(),
        memory: Vec::new(),
        next: None,
        version: 1,
    }
}

/// The address whose digest the good tokens carry.
pub(crate) const ADDRESS: &str = "asel@example.org";

pub(crate) fn open() -> ChallengeView {
    ChallengeView::Open {
        address: ADDRESS.to_owned(),
        issued: Timestamp::from_secs(1_800_000_000),
        first_words: "Where is my order".to_owned(),
        lang: Lang::Ru,
    }
}

/// Reads `{"event", "conversation": {"id"}, "account": {"id"}}`, signed by the word "good".
#[derive(Debug)]
struct FakeChatwoot;

impl ChatwootEdge for FakeChatwoot {
    fn verify(&self, headers: &HeaderMap, _: &[u8], _: Timestamp) -> Result<(), SignatureRefused> {
        match headers.get("x-chatwoot-signature") {
            Some(value) if value == "good" => Ok(()),
            Some(_) => Err(SignatureRefused::Wrong),
            None => Err(SignatureRefused::Missing),
        }
    }

    fn parse(&self, body: &[u8]) -> Result<Parsed, Malformed> {
        if let Some(message) = minimal::read(body) {
            return Ok(Parsed::Minimal(message));
        }
        let value: serde_json::Value = serde_json::from_slice(body).map_err(|_| Malformed("not JSON"))?;
        assert!(value["content"] != "break the parser", "scripted");
        let (Some(account), Some(event)) = (value["account"]["id"].as_u64(), value["event"].as_str()) else {
            return Err(Malformed("not a webhook of Chatwoot"));
        };
        if event != "message_created" {
            return Ok(Parsed::Ignored("an event that concerns nobody"));
        }
        let message = CustomerMessage {
            id: MessageId::numeric(value["id"].as_u64().unwrap_or(1)),
            at: Timestamp::from_secs(0),
            text: value["content"].as_str().unwrap_or_default().to_owned(),
            attachments: 0,
        };
        Ok(Parsed::Inbound(Box::new(Inbound {
            key: ConversationKey::new("chatwoot", account, value["conversation"]["id"].as_u64().unwrap_or(1)),
            inbox: "1".to_owned(),
            contact: None,
            state: None,
            proof: None,
            event: Event::CustomerWrote(message),
        })))
    }
}

/// A message from Chatwoot, as the fake edge reads it.
pub(crate) fn webhook(account: u64) -> String {
    format!(
        r#"{{"event":"message_created","id":7,"content":"Hi","account":{{"id":{account}}},"conversation":{{"id":57}}}}"#
    )
}

#[derive(Debug, Default)]
pub(crate) struct FakeWeb {
    pub said: Mutex<Vec<(Option<String>, String)>>,
    pub reply: Mutex<Option<MinimalReply>>,
}

#[async_trait]
impl WebDesk for FakeWeb {
    async fn say_and_wait(&self, session: Option<&str>, text: &str) -> MinimalReply {
        self.said.lock().unwrap().push((session.map(str::to_owned), text.to_owned()));
        self.reply.lock().unwrap().clone().unwrap_or_else(|| MinimalReply::Bot(format!("You said: {text}")))
    }
}

/// Tokens are plain words here: `good`, `foreign`, `old`, `other-address`, `other-contact`; the rest is malformed.
#[derive(Debug)]
struct FakeLinks;

impl TokenReader for FakeLinks {
    fn read(&self, token: &str, _: Timestamp) -> Result<Claims, TokenFault> {
        let claims = Claims {
            key: ConversationKey::new("chatwoot", 1, 57),
            challenge: "c1".to_owned(),
            contact: Some(ContactKey::new("chatwoot", 1, 5)),
            address_digest: self.address_digest(ADDRESS),
        };
        match token {
            "good" => Ok(claims),
            "other-address" => Ok(Claims { address_digest: self.address_digest("else@example.org"), ..claims }),
            "other-contact" => Ok(Claims { contact: Some(ContactKey::new("chatwoot", 1, 6)), ..claims }),
            "old" => Err(TokenFault::Expired(claims)),
            "foreign" => Err(TokenFault::Foreign),
            _ => Err(TokenFault::Malformed),
        }
    }

    fn address_digest(&self, address: &str) -> String {
        address.chars().rev().collect()
    }
}

#[derive(Debug)]
struct FakePages;

impl VerifyPages for FakePages {
    /// A page of its own brings its own policy; a broken link's page brings none and gets the strictest.
    fn respond(&self, state: VerifyState, lang: Lang) -> Response {
        let mut details = String::new();
        if let VerifyState::Open { token, address, first_words, .. } = &state {
            details = format!("{token} {address} {first_words}");
        }
        let page = Html(format!("{} {} {details}", state.label(), lang.code()));
        let policy = [(header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'sha256-abc'")];
        match state == VerifyState::Malformed {
            true => (state.status(), page).into_response(),
            false => (state.status(), policy, page).into_response(),
        }
    }
}

/// What a test may change about the server.
pub(crate) struct Setup {
    pub policy: Option<SignaturePolicy>,
    pub web: bool,
    pub token: Option<&'static str>,
    pub penalty: Duration,
    pub settings: HttpSettings,
    pub places: usize,
    pub farewell: Farewell,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: Some(SignaturePolicy::Required),
            web: false,
            token: Some("the-token"),
            penalty: Duration::from_millis(1),
            settings: HttpSettings {
                patience: Patience {
                    hold: Duration::from_secs(4),
                    pause: Duration::from_millis(20),
                    slow_after: Duration::from_secs(4),
                },
                ..HttpSettings::default()
            },
            places: Holds::PER_ACCOUNT,
            farewell: Farewell { linger: Duration::ZERO, settle: Duration::ZERO, finish: Duration::from_secs(5) },
        }
    }
}

impl Setup {
    pub(crate) fn patience(mut self, hold: u64, slow_after: u64) -> Self {
        self.settings.patience.hold = Duration::from_millis(hold);
        self.settings.patience.slow_after = Duration::from_millis(slow_after);
        self
    }
}

/// A server on a port of its own. Ends with the test.
pub(crate) struct Server {
    pub address: SocketAddr,
    pub desk: Arc<FakeDesk>,
    pub web: Arc<FakeWeb>,
    pub lifecycle: Lifecycle,
    /// How often a request's future was dropped before it ended.
    pub abandoned: Arc<AtomicUsize>,
    pub drained: Arc<AtomicBool>,
    pub serving: JoinHandle<std::io::Result<()>>,
    client: reqwest::Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(crate) async fn server(setup: Setup) -> Server {
    let (desk, web, lifecycle) = (FakeDesk::new(), Arc::new(FakeWeb::default()), Lifecycle::new());
    let token = setup.token.map(SecretString::from);
    let auth = token.map_or_else(AdminAuth::open, |token| AdminAuth::token(&token));
    let page: Option<Arc<dyn WebDesk>> = if setup.web { Some(web.clone()) } else { None };
    let app = AppState {
        desk: desk.clone(),
        clock: Arc::new(SystemClock),
        chatwoot: setup.policy.map(|policy| ChatwootIntake::new(Arc::new(FakeChatwoot), policy)),
        web: page,
        links: Arc::new(FakeLinks),
        pages: Arc::new(FakePages),
        auth: auth.with_penalty(setup.penalty),
        lifecycle: lifecycle.clone(),
        metrics: MetricsText::new(crate::operations::recorded),
        holds: Holds::new(setup.places),
        store: StoreProbe::default(),
        settings: setup.settings,
    };
    let abandoned = Arc::new(AtomicUsize::new(0));
    let page_routes = axum::Router::new().route("/", axum::routing::get(|| async { "the page" }));
    let routes = router(app, Some(page_routes)).layer(axum::middleware::from_fn_with_state(abandoned.clone(), watch));
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let drained = Arc::new(AtomicBool::new(false));
    let drain = {
        let drained = drained.clone();
        async move { drained.store(true, Ordering::SeqCst) }
    };
    let serving = tokio::spawn(serve(listener, routes, (lifecycle.clone(), setup.farewell), drain));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    Server { address, desk, web, lifecycle, abandoned, drained, serving, client }
}

/// Counts requests whose future is dropped before it ends: the client went away.
async fn watch(
    axum::extract::State(abandoned): axum::extract::State<Arc<AtomicUsize>>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    struct Guard(Option<Arc<AtomicUsize>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            if let Some(abandoned) = self.0.take() {
                abandoned.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
    let mut guard = Guard(Some(abandoned));
    let response = next.run(request).await;
    guard.0 = None;
    response
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {:?}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Server {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), self.url(path))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    /// Posts without any signature.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request("POST", path).body(body)).await
    }

    /// Posts as Chatwoot would.
    pub(crate) async fn signed(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request("POST", path).header("x-chatwoot-signature", "good").body(body)).await
    }

    /// Calls as an operator would.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: &'static str) -> Answer {
        self.send(self.request(method, path).bearer_auth("the-token").body(body)).await
    }
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}
