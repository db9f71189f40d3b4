//! What the tests of Chatwoot's wire share: a context to parse in, a client that talks to a double, a webhook receiver.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use frontdesk::adapters::chatwoot::{AttributeMac, BotId, Chatwoot, ParseContext, Parsed, Settings, parse};
use frontdesk_actors::domain::Inbound;
use frontdesk_actors::ids::{ContactKey, ConversationKey, OutboundId};
use frontdesk_actors::ports::{Act, Channel, Destination, Verdict};
use frontdesk_actors::time::SystemClock;
use frontdesk_sandbox::chatwoot::{ChatwootDouble, Hook, Options, Target};
use secrecy::SecretString;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// Reads a fixture as text.
macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/chatwoot/", $name, ".json"))
    };
}
pub(crate) use fixture;

pub(crate) fn mac() -> AttributeMac {
    AttributeMac::new(&SecretString::from("a secret of all nodes"))
}

pub(crate) fn context() -> ParseContext {
    ParseContext { account: 1, inboxes: Vec::new(), bot: BotId::default(), mac: mac(), trust_plain_attributes: false }
}

/// Parses a body that means something to a conversation.
pub(crate) fn inbound(body: &str, ctx: &ParseContext) -> Inbound {
    match parse(body.as_bytes(), ctx).expect("the body can be read") {
        Parsed::Inbound(inbound) => *inbound,
        other @ (Parsed::Minimal(_) | Parsed::Ignored(_)) => panic!("not an inbound event: {other:?}"),
    }
}

/// A double, a conversation in it, and a client of it.
pub(crate) struct Desk {
    pub(crate) double: ChatwootDouble,
    pub(crate) client: Chatwoot,
    pub(crate) bot: BotId,
    pub(crate) conversation: u64,
}

/// Which tokens the client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tokens {
    Bot,
    BotAndUser,
}

impl Desk {
    pub(crate) async fn open(tokens: Tokens) -> Self {
        Self::open_with(tokens, Options::default()).await
    }

    pub(crate) async fn open_with(tokens: Tokens, options: Options) -> Self {
        let double = ChatwootDouble::start(options).await.expect("the double starts");
        let conversation = double.new_conversation(412);
        let bot = BotId::default();
        let mut settings = settings(double.base_url());
        if tokens == Tokens::BotAndUser {
            settings.user_token = Some(SecretString::from("user-token-fixture"));
        }
        let client = client(settings, &bot);
        Self { double, client, bot, conversation }
    }

    pub(crate) fn key(&self) -> ConversationKey {
        ConversationKey::new("chatwoot", 1, self.conversation)
    }

    pub(crate) async fn act(&self, act: Act) -> Verdict {
        let to =
            Destination { key: self.key(), contact: Some(ContactKey::new("chatwoot", 1, 412)), reply: None, by: None };
        self.client.send(&to, &act, &OutboundId("row-1".to_owned())).await
    }

    pub(crate) async fn say(&self, text: &str) -> Verdict {
        self.act(Act::Text { text: text.to_owned(), handoff: false }).await
    }
}

pub(crate) fn settings(base_url: &str) -> Settings {
    let base_url = base_url.parse().expect("an address");
    let mut settings = Settings::new(base_url, 1, SecretString::from("bot-token-fixture"));
    settings.connect_timeout = Duration::from_secs(5);
    settings
}

pub(crate) fn client(settings: Settings, bot: &BotId) -> Chatwoot {
    Chatwoot::new(settings, mac(), bot.clone(), Arc::new(SystemClock)).expect("the settings are good")
}

/// A webhook as it was received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("webhooks are UTF-8")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Receives webhooks; answers 200 unless told otherwise.
pub(crate) struct Receiver {
    pub(crate) hook: Hook,
    received: mpsc::UnboundedReceiver<Received>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

type Desktop = (mpsc::UnboundedSender<Received>, Arc<Mutex<VecDeque<StatusCode>>>);

impl Receiver {
    pub(crate) async fn start(secret: Option<&str>) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("it is bound"));
        let (sender, received) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let app = Router::new().fallback(receive).with_state((sender, answers.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { hook: Hook { url, secret: secret.map(str::to_owned) }, received, answers }
    }

    /// Connects the receiver to a double.
    pub(crate) fn attach(&self, double: &ChatwootDouble, target: Target) {
        double.deliver_to(target, Some(self.hook.clone()));
    }

    /// Answers the next webhooks with these statuses.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        let statuses = statuses.iter().map(|status| StatusCode::from_u16(*status).expect("a status"));
        self.answers.lock().expect("nobody panicked").extend(statuses);
    }

    /// Returns the next webhook of this event.
    pub(crate) async fn next(&mut self, event: &str) -> Received {
        self.next_with(event, "").await
    }

    /// Returns the next webhook of this event that contains a text.
    pub(crate) async fn next_with(&mut self, event: &str, text: &str) -> Received {
        let needle = format!("\"event\":\"{event}\"");
        let find = async {
            loop {
                let received = self.received.recv().await.expect("the receiver runs");
                if received.text().contains(&needle) && received.text().contains(text) {
                    return received;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), find).await.expect("the webhook arrives")
    }
}

async fn receive(State((sender, answers)): State<Desktop>, headers: HeaderMap, body: Bytes) -> StatusCode {
    // A test that has ended does not read on.
    let _ = sender.send(Received { headers, body });
    answers.lock().expect("nobody panicked").pop_front().unwrap_or(StatusCode::OK)
}
