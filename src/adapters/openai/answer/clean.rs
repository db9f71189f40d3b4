//! Makes a model's words fit for a customer: no thoughts, no marks of ours, no half sentences, no endless text.

use super::super::layout::COLLEAGUE;
use super::super::request::REQUEST_HUMAN;
use super::CANNOT_ANSWER;
use serde_json::Value;

/// Longest answer, in characters; a channel splits what is longer than one of its messages. A model that runs on beyond this
/// is not helping.
const MAX_ANSWER: usize = 40_000;

/// Tags around the thoughts of reasoning models (DeepSeek, Qwen and their relatives, where the server leaves them in).
const THOUGHTS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// Returns the text a customer may read. A text that says anywhere that it cannot answer says nothing else.
pub(super) fn clean(text: &str, cut_off: bool) -> String {
    let text = without_thoughts(text);
    if text.contains(CANNOT_ANSWER) {
        return CANNOT_ANSWER.to_owned();
    }
    let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let mut text = text.trim();
    while let Some(rest) = text.strip_prefix(COLLEAGUE) {
        text = rest.trim_start();
    }
    let too_long = text.char_indices().nth(MAX_ANSWER).map(|(end, _)| end);
    match too_long {
        Some(end) => whole_sentences(&text[..end]),
        None if cut_off => whole_sentences(text),
        None => text.to_owned(),
    }
}

/// Recognises a call that a weak model wrote as text: `request_human(…)`, or the JSON of a call. The customer must not
/// read it in any case.
pub(super) fn spoken_call(text: &str) -> Option<String> {
    let text = without_thoughts(text);
    if !text.contains(REQUEST_HUMAN) {
        return None;
    }
    let object = text.find('{').zip(text.rfind('}')).and_then(|(start, end)| text.get(start..=end));
    let object = object.and_then(|json| serde_json::from_str::<Value>(json).ok()).unwrap_or_default();
    let holders = [Some(&object), object.get("arguments"), object.get("parameters")];
    let reason = holders.into_iter().flatten().find_map(|holder| holder.get("reason")?.as_str());
    let quoted = || {
        let rest = text.split_once(REQUEST_HUMAN)?.1;
        rest.split_once('"')?.1.split_once('"').map(|(inside, _)| inside)
    };
    Some(reason.or_else(quoted).unwrap_or_default().to_owned())
}

/// Removes thoughts: between tags; before a lone closing tag, because some templates open it in the prompt; after a
/// lone opening tag, because the answer was cut off while the model still thought.
fn without_thoughts(text: &str) -> String {
    let mut text = text.to_owned();
    for (open, close) in THOUGHTS {
        while let Some(end) = text.find(close) {
            let start = text[..end].find(open).unwrap_or(0);
            text.replace_range(start..end + close.len(), "");
        }
        if let Some(start) = text.find(open) {
            text.truncate(start);
        }
    }
    text
}

/// Drops an unfinished last sentence if what remains is most of the text; otherwise shows that there was more.
fn whole_sentences(text: &str) -> String {
    let text = text.trim_end();
    let end = text.char_indices().rev().find(|(_, c)| matches!(c, '.' | '!' | '?' | '…' | '\n'));
    match end {
        Some((at, c)) if at * 2 >= text.len() => text[..at + c.len_utf8()].trim_end().to_owned(),
        Some(_) | None if text.is_empty() => String::new(),
        Some(_) | None => format!("{text}…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_and_marks_never_reach_a_customer() {
        for (said, expected) in [
            ("<think>hm\nhm</think>\n\nYes.", "Yes."),
            ("hm</think>Yes.", "Yes."),
            ("<think>a</think>Yes<thinking>b</thinking>.", "Yes."),
            ("<think>never ends", ""),
            ("[colleague] [colleague] Yes.", "Yes."),
            ("Yes\u{0}\u{1b}.\n1\t2", "Yes.\n1\t2"),
            ("Sorry! [[CANNOT_ANSWER]].", CANNOT_ANSWER),
            ("  \n", ""),
        ] {
            assert_eq!(clean(said, false), expected, "{said:?}");
        }
    }

    #[test]
    fn a_cut_text_ends_with_a_sentence_where_it_can() {
        assert_eq!(clean("We open at nine. We close at", true), "We open at nine.");
        assert_eq!(clean("A. We open at nine and close", true), "A. We open at nine and close…");
        assert_eq!(clean("Біз тоғызда ашыламыз. Сосын", true), "Біз тоғызда ашыламыз.");
        assert_eq!(clean("", true), "");
        let endless = clean(&"Так. ".repeat(MAX_ANSWER), false);
        assert!(endless.chars().count() <= MAX_ANSWER && endless.ends_with("Так."));
    }

    #[test]
    fn a_call_written_as_text_is_a_call() {
        for (said, reason) in [
            ("request_human(reason=\"wants a refund\")", "wants a refund"),
            ("<tool_call>{\"name\":\"request_human\",\"arguments\":{\"reason\":\"angry\"}}</tool_call>", "angry"),
            ("I will call request_human for you.", ""),
            ("request_human({broken \"", ""),
        ] {
            assert_eq!(spoken_call(said).as_deref(), Some(reason), "{said}");
        }
        assert_eq!(spoken_call("<think>request_human?</think>No need."), None);
    }
}
