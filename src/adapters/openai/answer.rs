//! Reads a successful answer, whatever else the provider put into it.
//!
//! What counts: a call of `request_human` outranks any text. A refusal, and an answer that a content filter stopped,
//! fetch a person with a reason of our own, because neither may reach the customer. A text cut at the length limit is
//! used up to its last complete sentence; a limit that left no word at all is a failure the operator can mend. An empty
//! text is returned as it is: the flow decides what that means. Unknown members and items are ignored.

mod clean;

use super::failure::{Class, Failure};
use super::request::REQUEST_HUMAN;
use frontdesk_actors::ports::ModelReply;
use serde_json::Value;

/// What a model writes, and nothing else, when it cannot answer and cannot call a tool.
pub const CANNOT_ANSWER: &str = "[[CANNOT_ANSWER]]";

/// Longest reason that colleagues are shown, in characters.
const MAX_REASON: usize = 300;

/// Longest summary that colleagues are shown, in characters.
const MAX_SUMMARY: usize = 600;

/// What was found in an answer.
#[derive(Default)]
struct Found {
    text: String,
    /// What was given with `request_human`, if it was called: the reason and a summary.
    asked: Option<(String, String)>,
    /// Another tool was called, which does not exist.
    stray_call: bool,
    refused: bool,
    end: End,
}

/// Why the model stopped.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum End {
    #[default]
    Whole,
    Length,
    Filter,
}

/// Reads an answer of chat completions.
pub(super) fn chat(body: &Value) -> Result<ModelReply, Failure> {
    let choice = body.get("choices").and_then(|choices| choices.get(0));
    let choice = choice.ok_or_else(|| Failure::of(Class::NoAnswer))?;
    let finish = choice.get("finish_reason").and_then(Value::as_str).unwrap_or_default();
    // OpenRouter puts a failure of the model behind it into the choice, under HTTP 200.
    let error = choice.get("error").filter(|error| !error.is_null());
    if error.is_some() || finish == "error" {
        return Err(Failure::told(error, None));
    }
    let message = choice.get("message").ok_or_else(|| Failure::of(Class::NoAnswer))?;
    let mut found = Found { end: End::from_word(finish), ..Found::default() };
    found.text = message.get("content").map(text_of).unwrap_or_default();
    found.refused = message.get("refusal").and_then(Value::as_str).is_some_and(|words| !words.is_empty());
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    let calls = calls.filter_map(|call| call.get("function")).chain(message.get("function_call"));
    for call in calls.filter(|call| !call.is_null()) {
        found.take_call(call);
    }
    found.decide()
}

/// Reads an answer of the Responses interface.
pub(super) fn responses(body: &Value) -> Result<ModelReply, Failure> {
    let word = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut found = Found::default();
    match word(body.get("status")).as_str() {
        "failed" => return Err(Failure::told(body.get("error"), None)),
        "cancelled" | "queued" | "in_progress" => return Err(Failure::of(Class::NoAnswer)),
        "incomplete" => {
            found.end = match word(body.get("incomplete_details").and_then(|details| details.get("reason"))).as_str() {
                "content_filter" => End::Filter,
                _ => End::Length,
            };
        }
        _ => {}
    }
    let items = body.get("output").and_then(Value::as_array).ok_or_else(|| Failure::of(Class::NoAnswer))?;
    for item in items {
        match word(item.get("type")).as_str() {
            "function_call" => found.take_call(item),
            "message" => {
                let parts = item.get("content").unwrap_or(&Value::Null);
                found.refused |= parts.as_array().is_some_and(|parts| parts.iter().any(is_refusal));
                if !found.text.is_empty() {
                    found.text.push('\n');
                }
                found.text.push_str(&text_of(parts));
            }
            _ => {}
        }
    }
    found.decide()
}

/// Returns the reply to a conversation that the provider's content check refused.
pub(super) fn refused_by_filter() -> ModelReply {
    human("the model provider's content filter stopped the answer", "")
}

impl End {
    fn from_word(word: &str) -> Self {
        match word {
            "length" | "max_tokens" => End::Length,
            "content_filter" => End::Filter,
            _ => End::Whole,
        }
    }
}

impl Found {
    /// Takes note of a called tool. Arguments may be JSON in a string, an object, or rubbish from a weak model.
    fn take_call(&mut self, call: &Value) {
        if call.get("name").and_then(Value::as_str) != Some(REQUEST_HUMAN) {
            self.stray_call = true;
            return;
        }
        let arguments = call.get("arguments").unwrap_or(&Value::Null);
        let parsed = arguments.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let told = |name: &str| parsed.as_ref().unwrap_or(arguments).get(name).and_then(Value::as_str);
        let word = |name: &str| told(name).unwrap_or_default().to_owned();
        self.asked = Some((word("reason"), word("summary")));
    }

    fn decide(self) -> Result<ModelReply, Failure> {
        if let Some((reason, summary)) = self.asked {
            return Ok(human(&reason, &summary));
        }
        if self.end == End::Filter {
            return Ok(refused_by_filter());
        }
        if self.refused {
            return Ok(human("the model refused to answer this", ""));
        }
        if let Some(reason) = clean::spoken_call(&self.text) {
            return Ok(human(&reason, ""));
        }
        let text = clean::clean(&self.text, self.end == End::Length);
        match self.end {
            End::Length if text.is_empty() => Err(Failure::of(Class::CutOff)),
            End::Whole | End::Length | End::Filter if text.is_empty() && self.stray_call => {
                Err(Failure::of(Class::NoAnswer))
            }
            End::Whole | End::Length | End::Filter => Ok(ModelReply::Text(text)),
        }
    }
}

/// Asks for a person, with a reason and a summary of one line each.
fn human(reason: &str, summary: &str) -> ModelReply {
    let mut reason = line(reason, MAX_REASON);
    if reason.is_empty() {
        reason.push_str("the model asked for a colleague without saying why");
    }
    let summary = Some(line(summary, MAX_SUMMARY)).filter(|summary| !summary.is_empty());
    ModelReply::RequestHuman { reason, summary }
}

/// Returns a model's words as one line of at most `chars` characters.
fn line(words: &str, chars: usize) -> String {
    let words: Vec<&str> = words.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(chars).collect()
}

/// Joins the text of a content: a string, or parts of which only text counts (Mistral sends thoughts beside it).
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter(|part| !is_refusal(part) && part.get("type") != Some(&"thinking".into()));
            texts.filter_map(|part| part.as_str().or_else(|| part.get("text")?.as_str())).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

fn is_refusal(part: &Value) -> bool {
    part.get("type").and_then(Value::as_str) == Some("refusal")
}

#[cfg(test)]
mod tests;
