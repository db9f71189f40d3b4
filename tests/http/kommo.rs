//! Kommo hangs up after two seconds: its requests are answered before, whatever the desk is waiting for. Time is paused,
//! so that the two seconds are exact on a slow machine too.

use crate::fake::{FakeDesk, FakeWeb, Mood};
use crate::server::{Setup, state};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use frontdesk::adapters::kommo::{Edge, Kommo, Settings};
use frontdesk::http::kommo::{KommoRoutes, Trial, Tried};
use frontdesk::http::router;
use frontdesk::shutdown::Lifecycle;
use frontdesk_actors::ports::Store;
use frontdesk_actors::testkit::{ManualClock, MemoryStore};
use frontdesk_actors::time::{Clock, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tower::ServiceExt;

/// When the fixtures' tokens are good.
const NOW: Timestamp = Timestamp::from_secs(1_795_168_900);

/// When Kommo hangs up.
const PATIENCE: Duration = Duration::from_secs(2);

const REQUEST: (&str, &str) = ("/api/kommo/chat/webhook", include_str!("../fixtures/kommo/widget_request.json"));
const FORM: (&str, &str) = ("/api/kommo/chat/webhook", include_str!("../fixtures/kommo/widget_request.form"));
const OUTGOING: (&str, &str) = (
    "/webhooks/kommo/the-webhooks-secret",
    "account[subdomain]=fixture&account[id]=10000001&message[add][0][type]=outgoing&message[add][0][text]=Hello&\
     message[add][0][entity_type]=lead&message[add][0][entity_id]=20000001&message[add][0][id]=m1",
);

#[derive(Debug)]
struct Untried;

#[async_trait]
impl Trial for Untried {
    async fn answer(&self, _: &str) -> Result<Tried, String> {
        Err("nobody tries anything here".to_owned())
    }
}

/// The routes of a desk that serves the fixtures' account; and its store.
fn routes(desk: &Arc<FakeDesk>) -> (Router, Arc<MemoryStore>) {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::starting_at(NOW));
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let shared: Arc<dyn Store> = store.clone();
    let settings = Settings {
        subdomain: "fixture".to_owned(),
        base_url: "https://fixture.kommo.com".parse().unwrap(),
        oauth_url: "https://www.kommo.com/oauth".parse().unwrap(),
        client_secret: "fixture-client-secret-not-real".into(),
        client_id: None,
        token: Some("a-token".into()),
        integration: None,
        webhook_secret: Some("the-webhooks-secret".into()),
        timeout: Duration::from_secs(2),
    };
    let edge = Arc::new(Edge::new(settings.clone(), shared.clone(), clock.clone()));
    let client = Arc::new(Kommo::new(settings, shared, clock.clone()).unwrap());
    let mut app = state(&Setup::default(), desk, &Arc::new(FakeWeb::default()), &Lifecycle::new());
    app.clock = clock;
    app.kommo = Some(Arc::new(KommoRoutes::new(client, edge, Arc::new(Untried))));
    (router(app, None), store)
}

/// Sends a request and returns the status and how long Kommo has waited for it.
async fn sent(routes: &Router, (path, body): (&str, &'static str)) -> (u16, Duration) {
    let began = Instant::now();
    let request = Request::post(path).body(Body::from(body)).unwrap();
    let response = routes.clone().oneshot(request).await.unwrap();
    (response.status().as_u16(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_request_is_acknowledged_at_once_as_json_and_as_a_form() {
    let desk = FakeDesk::new();
    let (routes, _store) = routes(&desk);
    for (taken, what) in [REQUEST, FORM, OUTGOING].into_iter().enumerate() {
        let (status, waited) = sent(&routes, what).await;
        assert_eq!((status, desk.taken()), (200, taken + 1), "{}", what.0);
        assert!(waited < PATIENCE / 2, "{}: {waited:?}", what.0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_desk_that_takes_its_time_is_not_waited_for_and_takes_it_all_the_same() {
    for what in [REQUEST, FORM, OUTGOING] {
        let desk = FakeDesk::new();
        let (routes, _store) = routes(&desk);
        desk.script.lock().unwrap().push_back(Mood::Hang);
        let (status, waited) = sent(&routes, what).await;
        assert!(status == 500 && waited < PATIENCE, "{}: {status} after {waited:?}", what.0);
        desk.release.add_permits(1);
        for _ in 0..1_000 {
            if desk.taken() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        assert_eq!(desk.taken(), 1, "{}: what was begun is finished", what.0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_told_in_time() {
    for what in [REQUEST, FORM, OUTGOING] {
        let desk = FakeDesk::new();
        let (routes, store) = routes(&desk);
        store.set_down(true);
        desk.script.lock().unwrap().extend(std::iter::repeat_n(Mood::Away, 1_000));
        let (status, waited) = sent(&routes, what).await;
        assert!(status == 500 && waited < PATIENCE, "{}: {status} after {waited:?}", what.0);
        assert_eq!(desk.taken(), 0);
    }
}
