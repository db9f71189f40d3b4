//! The verification page: opening it changes nothing, the button does, once.

use crate::fake::open;
use crate::server::{Answer, Server, Setup, server};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::engine::ChallengeView;
use std::sync::atomic::Ordering;

fn page(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text.split(' ').next().unwrap_or_default())
}

fn confirms(server: &Server) -> usize {
    server.desk.confirms.load(Ordering::SeqCst)
}

#[tokio::test]
async fn opening_the_link_never_verifies() {
    let server = server(Setup::default()).await;
    for method in ["GET", "HEAD", "GET"] {
        let answer = server.send(server.request(method, "/verify?token=good")).await;
        assert_eq!(answer.status, 200, "{method}");
        assert_eq!(answer.text.is_empty(), method == "HEAD", "{method}");
    }
    assert_eq!((confirms(&server), server.desk.disowns.load(Ordering::SeqCst)), (0, 0));
    let shown = server.get("/verify?token=good").await;
    assert_eq!(shown.text, "open ru good asel@example.org Where is my order");
}

#[tokio::test]
async fn the_button_verifies_once_and_every_later_visit_reads_used() {
    let server = server(Setup::default()).await;
    assert_eq!(page(&server.post("/verify", "token=good").await), (200, "done"));
    assert_eq!(page(&server.post("/verify", "token=good").await), (409, "used"));
    assert_eq!(page(&server.get("/verify?token=good").await), (409, "used"));
    assert_eq!(page(&server.post("/verify/disown", "token=good").await), (409, "used"));
    assert_eq!(page(&server.get("/verify?token=old").await), (409, "used"), "used outlives expired");
    assert_eq!(confirms(&server), 1);
}

#[tokio::test]
async fn this_was_not_me_is_a_success_for_who_says_it_and_an_end_for_the_link() {
    let server = server(Setup::default()).await;
    assert_eq!(page(&server.post("/verify/disown", "token=good").await), (200, "disowned"));
    assert_eq!(page(&server.post("/verify", "token=good").await), (410, "ended"));
    assert_eq!(page(&server.get("/verify?token=good").await), (410, "ended"));
    assert_eq!(confirms(&server), 0);
}

#[tokio::test]
async fn every_link_that_cannot_be_confirmed_has_its_page() {
    let server = server(Setup::default()).await;
    let long = "x".repeat(2049);
    let table = [
        ("", (400, "malformed")),
        ("rubbish", (400, "malformed")),
        ("%ff%00", (400, "malformed")),
        (long.as_str(), (400, "malformed")),
        ("foreign", (403, "foreign")),
        ("other-address", (403, "foreign")),
        ("other-contact", (403, "foreign")),
        ("old", (410, "expired")),
    ];
    for (token, expected) in table {
        assert_eq!(page(&server.get(&format!("/verify?token={token}")).await), expected, "{token}");
        assert_eq!(page(&server.post("/verify", format!("token={token}")).await), expected, "{token}");
        assert_eq!(page(&server.post("/verify/disown", format!("token={token}")).await), expected, "{token}");
    }
    assert_eq!(page(&server.get("/verify").await), (400, "malformed"));
    assert_eq!(page(&server.post("/verify?token=good", "").await), (400, "malformed"), "only the form counts");
    assert_eq!((confirms(&server), server.desk.disowns.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn the_engines_word_decides_what_a_good_token_leads_to() {
    let server = server(Setup::default()).await;
    let table = [
        (open(), (200, "open")),
        (ChallengeView::Done { lang: Lang::Kk }, (409, "used")),
        (ChallengeView::Used { lang: Lang::Kk }, (409, "used")),
        (ChallengeView::Expired { lang: Lang::Kk }, (410, "expired")),
        (ChallengeView::Disowned { lang: Lang::Kk }, (410, "ended")),
        (ChallengeView::Foreign, (403, "foreign")),
    ];
    for (view, expected) in table {
        *server.desk.challenge.lock().unwrap() = view.clone();
        assert_eq!(page(&server.get("/verify?token=good").await), expected, "{view:?}");
    }
    *server.desk.contact.lock().unwrap() = None;
    *server.desk.challenge.lock().unwrap() = open();
    assert_eq!(page(&server.get("/verify?token=good").await), (403, "foreign"));
}

#[tokio::test]
async fn a_store_that_is_away_has_a_page_of_its_own() {
    let server = server(Setup::default()).await;
    server.desk.store_up.store(false, Ordering::SeqCst);
    assert_eq!(page(&server.get("/verify?token=good").await), (503, "unavailable"));
    assert_eq!(page(&server.post("/verify", "token=good").await), (503, "unavailable"));
    assert_eq!(page(&server.get("/verify?token=old").await), (410, "expired"));
}

#[tokio::test]
async fn a_form_beyond_the_bound_is_not_read() {
    let server = server(Setup::default()).await;
    let answer = server.post("/verify", format!("token=good&more={}", "x".repeat(8 * 1024))).await;
    assert_eq!(page(&answer), (413, "malformed"));
    assert_eq!(confirms(&server), 0);
}

#[tokio::test]
async fn the_page_is_not_kept_framed_or_leaked() {
    let server = server(Setup::default()).await;
    let own = server.get("/verify?token=good").await;
    let bare = server.get("/verify?token=rubbish").await;
    assert_eq!(own.header("content-security-policy"), "default-src 'none'; style-src 'sha256-abc'");
    let strict = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    assert_eq!(bare.header("content-security-policy"), strict);
    for answer in [own, bare] {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn a_page_that_knows_no_customer_speaks_the_readers_language() {
    let server = server(Setup::default()).await;
    let request = server.request("GET", "/verify?token=rubbish").header("accept-language", "de, mn;q=0.7, en;q=0.3");
    assert_eq!(server.send(request).await.text, "malformed mn ");
    assert_eq!(server.get("/verify?token=rubbish").await.text, "malformed en ");
}
