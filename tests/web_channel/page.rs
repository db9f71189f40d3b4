//! The page before fakes, and how it is asked.

use crate::fakes::{FakeDesk, FakeMailbox, MemoryStore, Ticking};
use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use frontdesk::adapters::web::{Session, Web, WebSettings};
use frontdesk::http::page::{MailView, PageMode, PageState, routes};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::ids::OutboundId;
use frontdesk_actors::ports::{Act, Channel, Destination, Store};
use frontdesk_actors::time::Timestamp;
use futures::StreamExt;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(crate) const LONG: Duration = Duration::from_secs(10);

pub(crate) struct Page {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) desk: Arc<FakeDesk>,
    pub(crate) web: Arc<Web>,
    pub(crate) mailbox: Arc<FakeMailbox>,
    pub(crate) closing: CancellationToken,
    pub(crate) router: Router,
    pub(crate) session: Session,
}

pub(crate) fn page(mode: PageMode) -> Page {
    let store = Arc::new(MemoryStore::default());
    let desk = Arc::new(FakeDesk::default());
    let settings = WebSettings { poll: Duration::from_millis(20), ..WebSettings::default() };
    let web = Arc::new(Web::new(Arc::clone(&store) as Arc<dyn Store>, Arc::new(Ticking::default()), settings));
    let mailbox = Arc::new(FakeMailbox::default());
    let closing = CancellationToken::new();
    let state = PageState {
        desk: Arc::clone(&desk) as _,
        web: Arc::clone(&web),
        mailbox: Some(Arc::clone(&mailbox) as _),
        cards: None,
        site_name: "Ordo <Co>".to_owned(),
        lang: Lang::En,
        mode,
        admin: Arc::new(|headers: &HeaderMap| {
            headers.get("authorization").is_some_and(|value| value == "Bearer right")
        }),
        closing: closing.clone(),
    };
    Page { store, desk, web, mailbox, closing, router: routes(state), session: Session::fresh() }
}

pub(crate) fn demo() -> Page {
    page(PageMode { demo: true, chat: true, ..PageMode::default() })
}

pub(crate) fn mail() -> MailView {
    MailView {
        id: "m1".to_owned(),
        to: "a@example.com".to_owned(),
        subject: "Your code".to_owned(),
        code: "123456".to_owned(),
        link: "http://localhost/verify?token=t".to_owned(),
        html: "<p>Hello</p>".to_owned(),
        at: Timestamp::from_secs(1),
    }
}

impl Page {
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.session.set_cookie(false).expect("a fresh session has a cookie");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("a router answers")
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Body> {
        self.ask(Request::get(path).header("cookie", self.cookie()).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::post(path).header("cookie", self.cookie()).header("content-type", "application/json");
        let response = self.ask(request.body(Body::from(body.to_string())).expect("a request")).await;
        (response.status(), json_of(response).await)
    }

    pub(crate) async fn say(&self, text: &str, id: &str) {
        let to = Destination { key: self.session.key(), contact: None, reply: None, by: None };
        let act = Act::Text { text: text.to_owned(), handoff: false };
        self.web.send(&to, &act, &OutboundId(id.to_owned())).await;
    }
}

pub(crate) async fn text_of(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

pub(crate) async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_str(&text_of(response).await).unwrap_or(Value::Null)
}

/// Reads server-sent events one by one.
pub(crate) struct Events {
    stream: BodyDataStream,
    text: String,
}

impl Events {
    pub(crate) fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self { stream: response.into_body().into_data_stream(), text: String::new() }
    }

    /// Returns the next event's name, id and data; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
                    line.map(|value| value.trim().to_owned()).unwrap_or_default()
                };
                let event = (field("event"), field("id"), serde_json::from_str(&field("data")).unwrap_or_default());
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = tokio::time::timeout(LONG, self.stream.next()).await.expect("an event in time")?;
            self.text.push_str(&String::from_utf8_lossy(&chunk.expect("a chunk")));
        }
    }

    pub(crate) async fn until(&mut self, name: &str) -> Value {
        loop {
            let (event, _, data) = self.next().await.expect("the stream goes on");
            if event == name {
                return data;
            }
        }
    }
}
