//! Encodes an arranged prompt with async-openai's request types, for either interface.

use super::OpenAi;
use super::layout::{Layout, Side};
use super::params::{Limit, Params};
use super::settings::Api;
use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage,
    ChatCompletionRequestUserMessage, ChatCompletionTool, ChatCompletionTools, CreateChatCompletionRequest,
    FunctionObject,
};
use async_openai::types::responses::{
    CreateResponse, EasyInputContent, EasyInputMessage, FunctionTool, InputItem, InputParam, MessageType, Role, Tool,
};
use frontdesk_actors::ids::stable_hash;
use frontdesk_actors::ports::Prompt;
use serde_json::{Value, json};

/// The tool by which a model fetches a person.
pub(super) const REQUEST_HUMAN: &str = "request_human";

const TOOL_DESCRIPTION: &str = "Fetches a human colleague into this conversation. Call it when the customer asks for a \
    person, is angry or complains, when it is about a refund, money, a contract or a change to an account or order, \
    when you do not know what the customer needs to know, or when you have twice failed to understand.";

/// Room for what a request says beside the texts, and for what escaping adds to them.
const ROOM: usize = 2048;

/// Returns the body of one request.
pub(super) fn encode(account: &OpenAi, prompt: &Prompt, layout: &Layout, params: Params) -> Vec<u8> {
    let texts = layout.system.len() + layout.turns.iter().map(|turn| turn.text.len()).sum::<usize>();
    let mut body = Vec::with_capacity(texts + texts / 16 + ROOM);
    let encoded = match account.api {
        Api::Chat => serde_json::to_writer(&mut body, &chat(account, prompt, layout, params)),
        Api::Responses => serde_json::to_writer(&mut body, &responses(account, prompt, layout, params)),
    };
    encoded.expect("strings, numbers and a constant schema are always valid JSON");
    body
}

#[expect(deprecated, reason = "max_tokens is deprecated by OpenAI only: it is the name that compatible servers know")]
fn chat(account: &OpenAi, prompt: &Prompt, layout: &Layout, params: Params) -> CreateChatCompletionRequest {
    let turns = layout.turns.iter().map(|turn| match turn.side {
        Side::Customer => {
            ChatCompletionRequestMessage::User(ChatCompletionRequestUserMessage::from(turn.text.as_str()))
        }
        Side::Desk => {
            ChatCompletionRequestMessage::Assistant(ChatCompletionRequestAssistantMessage::from(turn.text.as_str()))
        }
    });
    let system = ChatCompletionRequestSystemMessage::from(layout.system.as_str());
    CreateChatCompletionRequest {
        model: account.model.clone(),
        messages: std::iter::once(ChatCompletionRequestMessage::System(system)).chain(turns).collect(),
        max_tokens: account.max_tokens.filter(|_| params.limit == Limit::MaxTokens),
        max_completion_tokens: account.max_tokens.filter(|_| params.limit == Limit::MaxCompletionTokens),
        temperature: account.temperature.filter(|_| params.temperature),
        tools: params.tools.then(|| vec![ChatCompletionTools::Function(ChatCompletionTool { function: function() })]),
        prompt_cache_key: params.cache_key.then(|| cache_key(prompt)),
        ..CreateChatCompletionRequest::default()
    }
}

fn responses(account: &OpenAi, prompt: &Prompt, layout: &Layout, params: Params) -> CreateResponse {
    let items = layout.turns.iter().map(|turn| {
        InputItem::EasyMessage(EasyInputMessage {
            r#type: MessageType::Message,
            role: match turn.side {
                Side::Customer => Role::User,
                Side::Desk => Role::Assistant,
            },
            content: EasyInputContent::Text(turn.text.clone()),
            phase: None,
        })
    });
    CreateResponse {
        model: Some(account.model.clone()),
        // Instructions do not carry over between responses, and the history is ours: nothing is left at the provider,
        // whose default for `store` is true.
        instructions: Some(layout.system.clone()),
        input: InputParam::Items(items.collect()),
        store: Some(false),
        max_output_tokens: account.max_tokens.filter(|_| params.limit != Limit::Omitted),
        temperature: account.temperature.filter(|_| params.temperature),
        tools: params.tools.then(|| {
            vec![Tool::Function(FunctionTool {
                name: REQUEST_HUMAN.to_owned(),
                description: Some(TOOL_DESCRIPTION.to_owned()),
                parameters: Some(schema()),
                strict: Some(true),
                ..FunctionTool::default()
            })]
        }),
        prompt_cache_key: params.cache_key.then(|| cache_key(prompt)),
        ..CreateResponse::default()
    }
}

fn function() -> FunctionObject {
    FunctionObject {
        name: REQUEST_HUMAN.to_owned(),
        description: Some(TOOL_DESCRIPTION.to_owned()),
        parameters: Some(schema()),
        strict: None,
    }
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "reason": {
                "type": "string",
                "description": "Why a colleague is needed, in one short sentence for that colleague.",
            },
            "summary": {
                "type": "string",
                "description": "For that colleague, in at most three short sentences: what the customer wants, and what \
                    has been said or tried so far.",
            },
        },
        "required": ["reason", "summary"],
        "additionalProperties": false,
    })
}

/// Names the conversation to the provider's prompt cache without telling it which conversation it is.
fn cache_key(prompt: &Prompt) -> String {
    format!("frontdesk-{:016x}", stable_hash(prompt.key.as_str().as_bytes()))
}
