//! What is posted to a `return_url`: the one answer to a request of a salesbot.
//!
//! `data` becomes `{{json.…}}` in the bot's next step: `status` is what it branches on (`success`, `human`, `empty`),
//! `reply` is a text it shows itself, `long` says whether it is to. A short answer is shown by handlers instead, so that
//! no text is shown twice.

#![deny(clippy::disallowed_methods)]

use super::chunks;
use serde_json::{Value, json};

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer<'a> {
    /// Words of the desk.
    Says(&'a str),
    /// Words of the desk that announce a person.
    HandsOver(&'a str),
    /// Nothing: a person has the chat.
    WithPerson,
    /// Nothing: another request carries the answer.
    Nothing,
}

impl Answer<'_> {
    const fn status(self) -> &'static str {
        match self {
            Answer::Says(_) => "success",
            Answer::HandsOver(_) | Answer::WithPerson => "human",
            Answer::Nothing => "empty",
        }
    }
}

/// Returns the messages that the customer will read: those that handlers show, or the whole text.
pub fn shown(text: &str) -> Vec<String> {
    chunks::cut(text).unwrap_or_else(|| vec![text.to_owned()])
}

/// Makes the body.
pub(super) fn body(answer: Answer<'_>) -> Value {
    let text = match answer {
        Answer::Says(text) | Answer::HandsOver(text) => text,
        Answer::WithPerson | Answer::Nothing => {
            return json!({ "data": { "status": answer.status(), "long": "no" } });
        }
    };
    match chunks::cut(text) {
        Some(chunks) => {
            let show = |value: &String| json!({ "handler": "show", "params": { "type": "text", "value": value } });
            let handlers: Vec<Value> = chunks.iter().map(show).collect();
            json!({ "data": { "status": answer.status(), "long": "no" }, "execute_handlers": handlers })
        }
        None => json!({ "data": { "status": answer.status(), "long": "yes", "reply": text } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_answers_are_shown_by_handlers_and_long_ones_by_the_next_step() {
        let short = body(Answer::Says("Yes, we ship to Lisbon in three days."));
        let fixture: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/kommo/return_url_reply.json")).expect("JSON");
        assert_eq!(short["execute_handlers"][0], fixture["execute_handlers"][0]);
        assert_eq!((&short["data"]["status"], &short["data"]["long"]), (&json!("success"), &json!("no")));
        assert!(short["data"].get("reply").is_none());
        let text = "A sentence of some length that is repeated. ".repeat(40);
        let long = body(Answer::Says(&text));
        assert!(long.get("execute_handlers").is_none());
        assert_eq!((&long["data"]["reply"], &long["data"]["long"]), (&json!(text), &json!("yes")));
    }

    #[test]
    fn whoever_is_not_answered_is_told_why() {
        assert_eq!(body(Answer::WithPerson), json!({ "data": { "status": "human", "long": "no" } }));
        assert_eq!(body(Answer::Nothing), json!({ "data": { "status": "empty", "long": "no" } }));
        assert_eq!(body(Answer::HandsOver("A colleague will help you."))["data"]["status"], "human");
    }
}
