//! What providers say they charge for: tokens and seconds, counted for the cost dashboard.
//!
//! Chat completions tell `prompt_tokens` and `completion_tokens`, with the cached part of the prompt inside; the Responses
//! interface and token-billed transcriptions tell `input_tokens` and `output_tokens`; `whisper-1` tells `seconds` (OpenAI's
//! API reference, "usage"). Servers that tell nothing are not counted: a guess is no bill.

use frontdesk_actors::metrics::{MODEL_TOKENS, TRANSCRIBED_SECONDS};
use metrics::counter;
use serde_json::Value;

/// More than any bill of one call: what is beyond it is rubbish.
const MOST: u64 = 100_000_000;

/// What one call was charged with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Usage {
    /// Tokens of the prompt that were not found in the provider's cache.
    input: u64,
    /// Tokens of the prompt that were.
    cached: u64,
    output: u64,
    /// Of a recording.
    seconds: u64,
}

impl Usage {
    /// Reads the `usage` of an answer.
    fn read(body: &Value) -> Self {
        let usage = &body["usage"];
        let number = |names: [&str; 2]| {
            names.iter().find_map(|name| usage[*name].as_u64()).filter(|count| *count <= MOST).unwrap_or_default()
        };
        let details = ["prompt_tokens_details", "input_tokens_details"];
        let cached = details.iter().find_map(|name| usage[*name]["cached_tokens"].as_u64()).unwrap_or_default();
        let prompt = number(["prompt_tokens", "input_tokens"]);
        let cached = cached.min(prompt);
        let seconds = usage["seconds"].as_f64().filter(|seconds| seconds.is_finite() && *seconds > 0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded, and positive")]
        let seconds = seconds.map_or(0, |seconds| seconds.min(1e6).ceil() as u64);
        Self { input: prompt - cached, cached, output: number(["completion_tokens", "output_tokens"]), seconds }
    }
}

/// Counts what the provider of answers says that this one costs.
pub(crate) fn count_answer(body: &Value) {
    count("answers", Usage::read(body));
}

/// Counts what the provider of transcriptions says that this one costs.
pub(crate) fn count_transcription(body: &Value) {
    let usage = Usage::read(body);
    counter!(TRANSCRIBED_SECONDS).increment(usage.seconds);
    count("transcription", usage);
}

fn count(by: &'static str, usage: Usage) {
    for (kind, tokens) in [("input", usage.input), ("cached", usage.cached), ("output", usage.output)] {
        if tokens > 0 {
            counter!(MODEL_TOKENS, "by" => by, "kind" => kind).increment(tokens);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn usage(usage: Value) -> Usage {
        Usage::read(&json!({ "usage": usage }))
    }

    #[test]
    fn every_way_of_telling_is_read() {
        let chat = json!({"prompt_tokens": 1200, "completion_tokens": 30, "total_tokens": 1230,
            "prompt_tokens_details": {"cached_tokens": 1024}});
        assert_eq!(usage(chat), Usage { input: 176, cached: 1024, output: 30, seconds: 0 });
        let responses = json!({"input_tokens": 9, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 3});
        assert_eq!(usage(responses), Usage { input: 9, cached: 0, output: 3, seconds: 0 });
        let whisper = json!({"type": "duration", "seconds": 2.4});
        assert_eq!(usage(whisper), Usage { seconds: 3, ..Usage::default() });
    }

    #[test]
    fn rubbish_costs_nothing() {
        for rubbish in [json!(null), json!("9"), json!([1]), json!({"prompt_tokens": -4, "seconds": -1})] {
            assert_eq!(usage(rubbish), Usage::default());
        }
        let absurd = json!({"prompt_tokens": u64::MAX, "completion_tokens": "3",
            "prompt_tokens_details": {"cached_tokens": 7}});
        assert_eq!(usage(absurd), Usage::default());
    }
}
