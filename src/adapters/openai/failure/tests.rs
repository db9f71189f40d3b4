use super::*;
use crate::adapters::openai::settings::Api;
use serde_json::json;

fn raw(status: u16, body: &str) -> Raw {
    Raw { status, retry_after: None, body: body.as_bytes().to_vec(), cut: false }
}

fn read(status: u16, body: &Value) -> Option<Failure> {
    Failure::read(&raw(status, &body.to_string()), Some(body))
}

fn check(status: u16, body: &Value, expected: Class) {
    assert_eq!(read(status, body).map(|failure| failure.class), Some(expected), "{status} {body}");
}

#[test]
fn openai_errors_are_told_apart() {
    let error = |kind: &str, code: &str| json!({"error": {"message": "m", "type": kind, "param": null, "code": code}});
    check(401, &error("invalid_request_error", "invalid_api_key"), Class::Unauthorized);
    check(403, &error("request_forbidden", "unsupported_country_region_territory"), Class::Forbidden);
    check(404, &error("invalid_request_error", "model_not_found"), Class::ModelNotFound);
    check(429, &error("insufficient_quota", "credit_balance_exhausted"), Class::Quota);
    check(429, &error("insufficient_quota", "insufficient_quota"), Class::Quota);
    check(429, &error("tokens", "rate_limit_exceeded"), Class::RateLimited);
    check(400, &error("invalid_request_error", "context_length_exceeded"), Class::ContextTooLong);
    check(400, &error("invalid_request_error", "content_filter"), Class::ContentRefused);
    check(400, &error("invalid_request_error", ""), Class::BadRequest);
    check(503, &error("service_unavailable_error", "server_is_overloaded"), Class::Overloaded);
    let url = json!({"error": {"message": "Invalid URL (POST /v1/x)", "type": "invalid_request_error", "code": null}});
    check(404, &url, Class::NoSuchPath);
}

#[test]
fn foreign_shapes_are_understood() {
    check(
        429,
        &json!([{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}]),
        Class::RateLimited,
    );
    check(200, &json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]), Class::RateLimited);
    let key = json!([{"error": {"code": 400, "message": "API key not valid. Pass a valid one.", "status": "INVALID_ARGUMENT"}}]);
    check(400, &key, Class::Unauthorized);
    check(200, &json!({"error": {"code": 502, "message": "upstream"}}), Class::Overloaded);
    check(200, &json!({"error": {"code": 402, "message": "x"}}), Class::Quota);
    check(200, &json!({"error": {"code": "429"}}), Class::RateLimited);
    check(200, &json!({"error": {"message": "odd"}}), Class::Overloaded);
    check(200, &json!({"error": "odd"}), Class::Overloaded);
    check(403, &json!({"error": {"code": 403, "metadata": {"reasons": ["x"]}}}), Class::ContentRefused);
    check(400, &json!({"error": {"code": 400, "message": "a/b is not a valid model ID"}}), Class::ModelNotFound);
    check(404, &json!({"error": {"message": "model \"x\" not found, try pulling it first"}}), Class::ModelNotFound);
    check(404, &json!({"detail": "Not Found"}), Class::NoSuchPath);
    check(
        400,
        &json!({"object": "error", "message": "This model's maximum context length is 10", "code": 400}),
        Class::ContextTooLong,
    );
    check(402, &json!({"error": {"message": "Insufficient Balance"}}), Class::Quota);
    check(400, &json!({"error": {"code": "tool_use_failed", "message": "Failed to call a tool"}}), Class::NoAnswer);
    for fine in [json!({"error": null}), json!({"error": ""}), json!({"error": {}}), json!({"error": false}), json!(3)]
    {
        assert!(read(200, &fine).is_none(), "{fine}");
    }
}

#[test]
fn bodies_that_are_not_json_still_have_a_status() {
    for (status, class) in [
        (502, Class::Overloaded),
        (529, Class::Overloaded),
        (404, Class::NoSuchPath),
        (301, Class::Redirected),
        (413, Class::ContextTooLong),
        (401, Class::Unauthorized),
        (408, Class::Timeout),
        (418, Class::BadRequest),
    ] {
        let failure = Failure::read(&raw(status, "<html>"), None).unwrap();
        assert_eq!(failure.class, class, "{status}");
    }
    assert!(Failure::read(&raw(200, "<html>"), None).is_none());
}

#[test]
fn refused_parameters_are_recognised_by_name_only() {
    let sent = Params { limit: Limit::MaxTokens, temperature: true, tools: true, cache_key: true };
    let remedy = |status: u16, body: &Value, sent: Params| read(status, body).and_then(|failure| failure.remedy(sent));
    let unsupported = |param: &str, message: &str| json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": "unsupported_parameter"}});
    let renamed =
        unsupported("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.");
    assert_eq!(remedy(400, &renamed, sent), Some(Remedy::RenameLimit));
    let newer = Params { limit: Limit::MaxCompletionTokens, ..sent };
    assert_eq!(remedy(400, &renamed, newer), Some(Remedy::OmitLimit));
    assert_eq!(remedy(400, &renamed, Params { limit: Limit::Omitted, ..sent }), None);
    let hot = unsupported("temperature", "Only the default (1) value is supported.");
    assert_eq!(remedy(400, &hot, sent), Some(Remedy::OmitTemperature));
    assert_eq!(remedy(400, &hot, Params { temperature: false, ..sent }), None);
    assert_eq!(remedy(500, &hot, sent), None);
    let loc =
        json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "prompt_cache_key"], "input": "temperature"}]});
    assert_eq!(remedy(422, &loc, sent), Some(Remedy::OmitCacheKey));
    for message in ["x does not support tools", "\"auto\" tool choice requires --enable-auto-tool-choice"] {
        assert_eq!(remedy(400, &json!({"error": {"message": message}}), sent), Some(Remedy::OmitTools));
    }
    let none = json!({"error": {"message": "No endpoints found that support tool use.", "code": 404}});
    assert_eq!(remedy(404, &none, sent), Some(Remedy::OmitTools));
    assert_eq!(remedy(400, &unsupported("messages", "the word temperature in a quotation"), sent), None);
    assert_eq!(remedy(404, &json!({"error": {"code": "model_not_found", "message": "no x"}}), sent), None);
}

#[test]
fn waits_come_from_the_header_or_from_gemini() {
    let account = Account { model: "m", host: "h", api: Api::Chat };
    let body = json!([{"error": {"code": 429, "details": [{"@type": "a"}, {"retryDelay": "37s"}]}}]);
    let wait = |status: u16| read(status, &body).unwrap().explain(&account).retry_after;
    assert_eq!(wait(429), Some(Duration::from_secs(37)));
    assert_eq!(wait(401), None);
}

#[test]
fn every_class_has_its_own_sentence_and_none_quotes_the_message() {
    let account = Account { model: "m", host: "h", api: Api::Chat };
    let all = [
        Class::Unauthorized,
        Class::Forbidden,
        Class::ModelNotFound,
        Class::NoSuchPath,
        Class::Quota,
        Class::RateLimited,
        Class::Overloaded,
        Class::ContextTooLong,
        Class::ContentRefused,
        Class::BadRequest,
        Class::Redirected,
        Class::Timeout,
        Class::Unreachable,
        Class::Broken,
        Class::NotJson,
        Class::TooLarge,
        Class::NoAnswer,
        Class::CutOff,
    ];
    let details: std::collections::BTreeSet<String> =
        all.into_iter().map(|class| Failure::of(class).explain(&account).detail).collect();
    assert_eq!(details.len(), all.len());
    let private = "my dog Rex is ill";
    let body = json!({"error": {"message": private, "type": private, "code": private, "param": private}});
    let failure = read(400, &body).unwrap();
    for shown in [failure.explain(&account).detail, format!("{failure:?}")] {
        assert!(!shown.contains("Rex"), "{shown}");
    }
}
