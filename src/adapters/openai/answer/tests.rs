use super::super::transport::Raw;
use super::*;
use proptest::prelude::*;
use serde_json::json;

fn check(reply: Result<ModelReply, Failure>, expected: Result<ModelReply, Class>) {
    assert_eq!(reply.map_err(|failure| failure.class), expected);
}

fn text(text: &str) -> Result<ModelReply, Class> {
    Ok(ModelReply::Text(text.to_owned()))
}

fn person(reason: &str) -> Result<ModelReply, Class> {
    Ok(ModelReply::RequestHuman { reason: reason.to_owned(), summary: None })
}

fn choice(message: &Value, finish: &str) -> Result<ModelReply, Failure> {
    chat(&json!({"choices": [{"index": 0, "message": message, "finish_reason": finish}], "error": null}))
}

#[test]
fn chat_answers_of_every_shape_are_read() {
    check(choice(&json!({"content": "Yes."}), "stop"), text("Yes."));
    check(choice(&json!({"content": null}), "stop"), text(""));
    let parts = json!({"content": [{"type": "thinking", "text": "hm"}, {"type": "text", "text": "Yes."}]});
    check(choice(&parts, "stop"), text("Yes."));
    check(choice(&json!({"content": "We open. We cl"}), "length"), text("We open."));
    check(choice(&json!({"content": ""}), "length"), Err(Class::CutOff));
    check(choice(&json!({"content": "half a th"}), "content_filter"), Ok(refused_by_filter()));
    check(choice(&json!({"refusal": "no", "content": null}), "stop"), person("the model refused to answer this"));
    check(chat(&json!({"choices": []})), Err(Class::NoAnswer));
    check(chat(&json!([1])), Err(Class::NoAnswer));
    check(chat(&json!({"choices": [{"finish_reason": "stop"}]})), Err(Class::NoAnswer));
    check(chat(&json!({"choices": [{"error": {"code": 502, "message": "x"}}]})), Err(Class::Overloaded));
}

#[test]
fn a_call_outranks_text_and_its_arguments_may_be_rubbish() {
    let call = |name: &str, arguments: Value| json!({"content": "Hm.", "tool_calls": [{"type": "function", "function": {"name": name, "arguments": arguments}}]});
    check(choice(&call("request_human", json!("{\"reason\":\"a\\nb\"}")), "tool_calls"), person("a b"));
    check(choice(&call("request_human", json!({"reason": "c"})), "stop"), person("c"));
    let silent = person("the model asked for a colleague without saying why");
    check(choice(&call("request_human", json!("{\"rea")), "length"), silent.clone());
    check(choice(&json!({"content": null, "function_call": {"name": "request_human"}}), "stop"), silent);
    check(choice(&call("order_pizza", json!("{}")), "tool_calls"), text("Hm."));
    check(
        choice(&json!({"content": null, "tool_calls": [{"function": {"name": "x"}}]}), "tool_calls"),
        Err(Class::NoAnswer),
    );
    let words = json!({"reason": "я".repeat(999), "summary": format!("Two\nlines. {}", "я".repeat(999))});
    let Ok(ModelReply::RequestHuman { reason, summary: Some(summary) }) = choice(&call("request_human", words), "")
    else {
        panic!("a person is asked for")
    };
    assert_eq!(reason.chars().count(), MAX_REASON);
    assert!(summary.starts_with("Two lines. я"), "{summary}");
    assert_eq!(summary.chars().count(), MAX_SUMMARY);
}

#[test]
fn responses_are_read_and_unknown_items_ignored() {
    let message = |part: Value| json!({"type": "message", "role": "assistant", "content": [part]});
    let body = |status: &str, items: &[Value]| json!({"status": status, "error": null, "output": items});
    let said = |words: &str| message(json!({"type": "output_text", "text": words, "annotations": []}));
    let thought = json!({"type": "reasoning", "summary": [{"text": "secret"}]});
    check(responses(&body("completed", &[thought.clone(), json!({"type": "novelty"}), said("Yes.")])), text("Yes."));
    check(responses(&body("completed", &[])), text(""));
    let call = json!({"type": "function_call", "name": "request_human", "arguments": "{\"reason\":\"d\"}"});
    check(responses(&body("completed", &[said("Hm."), call])), person("d"));
    let refusal = message(json!({"type": "refusal", "refusal": "no"}));
    check(responses(&body("completed", &[refusal])), person("the model refused to answer this"));
    let mut cut = body("incomplete", &[thought]);
    cut["incomplete_details"] = json!({"reason": "max_output_tokens"});
    check(responses(&cut), Err(Class::CutOff));
    cut["incomplete_details"] = json!({"reason": "content_filter"});
    check(responses(&cut), Ok(refused_by_filter()));
    check(responses(&json!({"status": "failed", "error": {"code": "server_error"}})), Err(Class::Overloaded));
    check(responses(&json!({"status": "failed", "error": {"code": "rate_limit_exceeded"}})), Err(Class::RateLimited));
    check(responses(&json!({"status": "in_progress", "output": []})), Err(Class::NoAnswer));
    check(responses(&json!({})), Err(Class::NoAnswer));
}

/// JSON made of the words that answers are made of, in places where nobody would put them.
fn rubbish() -> impl Strategy<Value = Value> {
    let word = || {
        prop::sample::select(vec![
            "choices",
            "message",
            "content",
            "tool_calls",
            "function",
            "name",
            "arguments",
            "request_human",
            "reason",
            "finish_reason",
            "length",
            "error",
            "code",
            "param",
            "detail",
            "loc",
            "status",
            "output",
            "type",
            "text",
            "<think>",
            "</think>ш",
            "{\"",
            "[colleague]",
            "[[CANNOT_ANSWER]]",
            "details",
            "retryDelay",
            "-1s",
            "",
        ])
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6).prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn no_answer_makes_the_reader_panic(body in rubbish(), status in 0_u16..700, text in "\\PC{0,60}") {
        let _read = (chat(&body), responses(&body));
        let _wrapped = chat(&json!({"choices": [{"message": body, "finish_reason": "length"}]}));
        let raw = Raw { status, retry_after: None, body: Vec::new(), cut: false };
        let _failure = Failure::read(&raw, Some(&body));
        let said = clean::clean(&text, status % 2 == 0);
        prop_assert!(said.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')));
    }
}
