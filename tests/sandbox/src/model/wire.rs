//! The shapes on the wire: what a provider's answers and errors look like in both interfaces.

use super::{Call, Reply};
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::Response;
use futures::stream;
use serde_json::{Value, json};

/// Returns what the customer said last.
pub(super) fn last_user_message(body: &Value) -> String {
    let turns = body.get("messages").or_else(|| body.get("input")).and_then(Value::as_array);
    let user = turns.into_iter().flatten().rev().find(|turn| turn["role"] == "user");
    user.and_then(|turn| turn["content"].as_str()).unwrap_or_default().to_owned()
}

/// Returns the system text.
pub(super) fn system(body: &Value) -> String {
    let message = body.get("messages").and_then(Value::as_array).and_then(|turns| turns.first());
    let content = message.filter(|turn| turn["role"] == "system").map(|turn| &turn["content"]);
    content.or_else(|| body.get("instructions")).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Returns OpenAI's refusal of a parameter.
pub(super) fn param_refused(name: &str) -> Value {
    let hint = if name == "max_tokens" { " Use 'max_completion_tokens' instead." } else { "" };
    json!({"error": {
        "message": format!("Unsupported parameter: '{name}' is not supported with this model.{hint}"),
        "type": "invalid_request_error",
        "param": name,
        "code": "unsupported_parameter",
    }})
}

/// Renders an answer. [`Reply::Delay`] and [`Reply::Hang`] are resolved before.
pub(super) fn render(call: &Call, reply: Reply) -> Response {
    let responses = call.path.ends_with("/responses");
    let answer = |turn: Turn| json_response(200, &if responses { turn.response() } else { turn.completion() });
    match reply {
        Reply::Text(text) => answer(Turn { text, ..Turn::default() }),
        Reply::ToolCall(reason) => answer(Turn { reason: Some(reason), ..Turn::default() }),
        Reply::Refusal(words) => answer(Turn { refusal: Some(words), ..Turn::default() }),
        Reply::Stopped(text, why) => answer(Turn { text, stopped: Some(why), ..Turn::default() }),
        Reply::Status(status, body) => json_response(status, &body),
        Reply::Error(status, kind, code) => json_response(
            status,
            &json!({"error": {"message": "The provider says no.", "type": kind, "param": null, "code": code}}),
        ),
        Reply::ArrayError(status, word) => {
            json_response(status, &json!([{"error": {"code": status, "message": "No.", "status": word}}]))
        }
        Reply::ErrorIn200(code) => {
            json_response(200, &json!({"error": {"code": code, "message": "Provider returned error"}}))
        }
        Reply::ParamRefused(name) => json_response(400, &param_refused(name)),
        Reply::Raw(status, headers, body) => raw(status, &headers, body),
        Reply::Cut => cut(),
        Reply::Hang | Reply::Delay(..) => json_response(500, &json!({"error": "the double left a pause unresolved"})),
    }
}

/// The summary that goes with a reason when the model calls `request_human`.
pub fn summary(reason: &str) -> String {
    format!("The customer was told nothing yet. It is this: {reason}")
}

/// What the model did in one turn.
#[derive(Default)]
struct Turn {
    text: String,
    reason: Option<String>,
    refusal: Option<String>,
    stopped: Option<&'static str>,
}

impl Turn {
    fn arguments(&self) -> Option<String> {
        self.reason.as_ref().map(|reason| json!({"reason": reason, "summary": summary(reason)}).to_string())
    }

    fn completion(&self) -> Value {
        let calls = self.arguments().map(|arguments| {
            json!([{"id": "call_1", "type": "function", "function": {"name": "request_human", "arguments": arguments}}])
        });
        let silent = calls.is_some() || self.refusal.is_some();
        let finish = self.stopped.unwrap_or(if calls.is_some() { "tool_calls" } else { "stop" });
        json!({
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "gpt-test-2026-01-01",
            "choices": [{
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": (!silent).then_some(&self.text),
                    "refusal": self.refusal,
                    "tool_calls": calls,
                    "annotations": [],
                },
                "logprobs": null,
                "finish_reason": finish,
            }],
            "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
        })
    }

    fn response(&self) -> Value {
        let mut output = vec![json!({"id": "rs_1", "type": "reasoning", "summary": []})];
        match (self.arguments(), &self.refusal) {
            (Some(arguments), _) => output.push(json!({
                "id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1",
                "name": "request_human", "arguments": arguments,
            })),
            (None, Some(words)) => output.push(message(&json!({"type": "refusal", "refusal": words}))),
            (None, None) if self.text.is_empty() => {}
            (None, None) => {
                output.push(message(&json!({"type": "output_text", "text": self.text, "annotations": []})));
            }
        }
        let reason = self.stopped.map(|why| if why == "length" { "max_output_tokens" } else { why });
        json!({
            "id": "resp_1",
            "object": "response",
            "created_at": 1_700_000_000,
            "status": if self.stopped.is_some() { "incomplete" } else { "completed" },
            "error": null,
            "incomplete_details": reason.map(|reason| json!({"reason": reason})),
            "model": "gpt-test-2026-01-01",
            "output": output,
            "store": false,
        })
    }
}

fn message(part: &Value) -> Value {
    json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part]})
}

fn json_response(status: u16, body: &Value) -> Response {
    raw(status, &[("content-type", "application/json".to_owned())], body.to_string())
}

fn raw(status: u16, headers: &[(&'static str, String)], body: String) -> Response {
    let status = StatusCode::from_u16(status).expect("a test scripts valid statuses");
    let response = headers
        .iter()
        .fold(Response::builder().status(status), |response, (name, value)| response.header(*name, value));
    response.body(Body::from(body)).expect("a test scripts valid headers")
}

/// Promises a long body and ends the connection after its beginning.
fn cut() -> Response {
    let beginning = stream::iter([
        Ok(Bytes::from_static(b"{\"choices\": [")),
        Err(std::io::Error::other("the connection is cut here")),
    ]);
    Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from_stream(beginning))
        .expect("constant headers are valid")
}
