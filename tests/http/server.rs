//! The server that the tests talk to, and how they wait.

use crate::fake::{FakeChatwoot, FakeDesk, FakeLinks, FakePages, FakeWeb};
use axum::http::HeaderMap;
use frontdesk::http::auth::AdminAuth;
use frontdesk::http::health::StoreProbe;
use frontdesk::http::hold::{Holds, Patience};
use frontdesk::http::intake::{ChatwootIntake, SignaturePolicy};
use frontdesk::http::metrics::MetricsText;
use frontdesk::http::minimal::WebDesk;
use frontdesk::http::{AppState, HttpSettings, router};
use frontdesk::shutdown::{Farewell, Lifecycle, listen, serve};
use frontdesk_actors::time::SystemClock;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

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

/// What the routes work with. Everything but the desk and the page's conversations is as in the shipped daemon or a fake.
pub(crate) fn state(setup: &Setup, desk: &Arc<FakeDesk>, web: &Arc<FakeWeb>, lifecycle: &Lifecycle) -> AppState {
    let token = setup.token.map(SecretString::from);
    let auth = token.map_or_else(AdminAuth::open, |token| AdminAuth::token(&token));
    let page: Option<Arc<dyn WebDesk>> = if setup.web { Some(web.clone()) } else { None };
    AppState {
        desk: desk.clone(),
        stuck: desk.clone(),
        people: desk.clone(),
        clock: Arc::new(SystemClock),
        green_api: None,
        chatwoot: setup.policy.map(|policy| ChatwootIntake::new(Arc::new(FakeChatwoot), policy)),
        kommo: None,
        web: page,
        instructions: Arc::new(frontdesk::instructions::Watch::shipped(Arc::new(SystemClock))),
        links: Arc::new(FakeLinks),
        pages: Arc::new(FakePages),
        auth: auth.with_penalty(setup.penalty),
        lifecycle: lifecycle.clone(),
        metrics: MetricsText::new(crate::operations::recorded),
        holds: Holds::new(setup.places),
        store: StoreProbe::default(),
        settings: setup.settings.clone(),
    }
}

pub(crate) async fn server(setup: Setup) -> Server {
    let (desk, web, lifecycle) = (FakeDesk::new(), Arc::new(FakeWeb::default()), Lifecycle::new());
    let app = state(&setup, &desk, &web, &lifecycle);
    let abandoned = Arc::new(AtomicUsize::new(0));
    let page_routes = axum::Router::new().route("/", axum::routing::get(|| async { "the page" }));
    let routes = router(app, Some(page_routes)).layer(axum::middleware::from_fn_with_state(abandoned.clone(), watch));
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap().listener;
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
