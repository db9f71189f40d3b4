//! The verification page: every state in every language, and what it never does.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk::http::verify::VerifyState;
use frontdesk::http::verify_page::{render, respond};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::time::Timestamp;

fn open_page() -> VerifyState {
    VerifyState::Open {
        token: "tok\"en.<x>".to_owned(),
        address: "a&b@example.com".to_owned(),
        issued: Timestamp::from_secs(1_795_198_320),
        first_words: "<script>alert('x')</script> ".repeat(20),
    }
}

#[test]
fn every_state_has_its_status_and_its_words_in_every_language() {
    let states = [
        (open_page(), StatusCode::OK),
        (VerifyState::Done, StatusCode::OK),
        (VerifyState::Disowned, StatusCode::OK),
        (VerifyState::Used, StatusCode::CONFLICT),
        (VerifyState::Expired, StatusCode::GONE),
        (VerifyState::Ended, StatusCode::GONE),
        (VerifyState::Foreign, StatusCode::FORBIDDEN),
        (VerifyState::Malformed, StatusCode::BAD_REQUEST),
        (VerifyState::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (page, expected) in &states {
        for lang in Lang::ALL {
            let (status, body) = render(page, lang, "Ordo & Co");
            assert_eq!(status, *expected, "{page:?}");
            assert!(body.contains(&format!("<html lang=\"{}\">", lang.code())) && body.contains("Ordo &#38; Co"));
            assert!(!body.contains("verify-") && !body.contains("<script"), "{page:?} in {}", lang.code());
            assert_eq!(body.matches("<form").count(), if matches!(page, VerifyState::Open { .. }) { 2 } else { 0 });
            assert!(seen.insert(body), "{page:?} in {} says the same as another", lang.code());
        }
    }
}

#[test]
fn the_confirming_form_comes_first_and_everything_of_others_is_escaped() {
    let (_, body) = render(&open_page(), Lang::En, "Ordo");
    let confirm = body.find("action=\"/verify\"").expect("the confirming form");
    let disown = body.find("action=\"/verify/disown\"").expect("the other form");
    assert!(confirm < disown);
    assert_eq!(body.matches("name=\"token\" value=\"tok&#34;en.&#60;x&#62;\"").count(), 2);
    assert!(body.contains("a&#38;b@example.com") && body.contains("2026-11-20 18:12 UTC"));
    assert!(body.contains("&#60;script&#62;") && body.contains('…'), "the first words are escaped and cut");
    assert!(!format!("{:?}", open_page()).contains("example.com"));
}

#[test]
fn nothing_is_stored_referred_framed_or_loaded() {
    let response = respond(&open_page(), Lang::En, "Ordo");
    let headers = response.headers();
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    let (_, body) = render(&open_page(), Lang::En, "Ordo");
    let style = body.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
    let source = format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, style.as_bytes())));
    for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", &format!("style-src {source}")] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"));
    let away = respond(&VerifyState::Unavailable, Lang::En, "Ordo");
    assert_eq!(away.headers()[header::RETRY_AFTER], "60");
}
