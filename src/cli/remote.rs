//! A client of the running daemon's admin API, for every subcommand that asks or orders something.
//!
//! It reads the settings the daemon reads: `LISTEN_ADDR` says where the daemon is, `ADMIN_TOKEN` opens it. A generated
//! token is read from the file the daemon left it in; the demo asks for none. Every error says what to do.

use crate::app::TOKEN_FILE;
use crate::config::Config;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// How long an answer may take. The daemon holds nothing back for longer, but a store that is away takes its time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What of a key need not be encoded in a path.
const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b':').remove(b'-').remove(b'_').remove(b'.');

/// The running daemon.
#[derive(Debug)]
pub(crate) struct Remote {
    http: reqwest::Client,
    base: String,
    /// None in demo mode.
    token: Option<SecretString>,
}

/// Why the daemon did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    /// Nobody listens there.
    #[error("{base} does not answer: is the daemon running, and does it read the same settings (LISTEN_ADDR)?")]
    NotRunning {
        /// Where it should be.
        base: String,
        /// What the connection said.
        #[source]
        cause: reqwest::Error,
    },
    /// The connection broke, or the answer took too long.
    #[error("{base} did not finish its answer; try again, then look at the daemon's log")]
    CutOff {
        /// Where it is.
        base: String,
        /// What happened.
        #[source]
        cause: reqwest::Error,
    },
    /// There is no token to send.
    #[error(
        "ADMIN_TOKEN is not set, and the one the daemon generated cannot be read from {file}: set ADMIN_TOKEN to what \
         the daemon showed on its terminal, or run this as the daemon's user with the daemon's DATA_DIR"
    )]
    NoToken {
        /// Where a generated token would be.
        file: String,
        /// Why it cannot be read.
        #[source]
        cause: std::io::Error,
    },
    /// The token is wrong.
    #[error("the daemon at {0} refuses the token: use the ADMIN_TOKEN the daemon was started with")]
    WrongToken(String),
    /// The daemon waits for its store.
    #[error("the daemon is starting: its store has not answered yet; the daemon's log says which and why")]
    Starting,
    /// There is no such conversation.
    #[error("no conversation has this key; `frontdesk chats list` shows the keys")]
    NoSuchConversation,
    /// Nobody has this number.
    #[error("no conversation is known of this number; `frontdesk chats list` shows conversations")]
    NobodyFound,
    /// The number has several conversations, and one is wanted.
    #[error("this number has several conversations; name one of them by its key: {0}")]
    Several(String),
    /// The operator did not say yes.
    #[error("nothing was erased; type yes, or say --yes")]
    Declined,
    /// The daemon refused, and said why.
    #[error("the daemon answered {status}: {detail}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// Its own words.
        detail: String,
    },
    /// The order was carried out in part.
    #[error("{left} parked events are left, and the conversation {}: look at the daemon's log for why", if *quarantined { "is set aside still" } else { "is served" })]
    Partly {
        /// How many events are parked still.
        left: usize,
        /// Whether nobody serves the conversation.
        quarantined: bool,
    },
    /// Whoever answered does not speak our language.
    #[error("the answer of {0} is not that of a frontdesk of this version: restart the daemon after an update")]
    Foreign(String),
}

impl Remote {
    /// Finds the daemon these settings belong to.
    ///
    /// # Errors
    /// [`RemoteError::NoToken`] if a token is needed and none can be had.
    pub(crate) fn of(config: &Config) -> Result<Self, RemoteError> {
        let base = format!("http://{}", dialled(config.listen.addr));
        // Never through a proxy: it would be handed the token.
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let http = http.map_err(|cause| RemoteError::NotRunning { base: base.clone(), cause })?;
        Ok(Self { http, base, token: token(config)? })
    }

    /// Reads `path`.
    ///
    /// # Errors
    /// [`RemoteError`], which says what to do.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RemoteError> {
        self.read(self.request(Method::GET, path)).await
    }

    /// Orders something at `path`.
    ///
    /// # Errors
    /// [`RemoteError`], which says what to do.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, RemoteError> {
        self.read(self.request(Method::POST, path).json(body)).await
    }

    /// Orders something at `path` that may take longer than usual.
    ///
    /// # Errors
    /// [`RemoteError`], which says what to do.
    pub(crate) async fn post_within<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        within: Duration,
    ) -> Result<T, RemoteError> {
        self.read(self.request(Method::POST, path).json(body).timeout(within)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, RemoteError> {
        let base = || self.base.clone();
        let response = request.send().await.map_err(|cause| match cause.is_connect() {
            true => RemoteError::NotRunning { base: base(), cause: cause.without_url() },
            false => RemoteError::CutOff { base: base(), cause: cause.without_url() },
        })?;
        let status = response.status();
        let body = response.bytes().await;
        let body = body.map_err(|cause| RemoteError::CutOff { base: base(), cause: cause.without_url() })?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| RemoteError::Foreign(base()));
        }
        Err(refusal(self.base.clone(), status, &body))
    }
}

/// Returns the path of a conversation, or of something below it (`/journal`).
pub(crate) fn conversation(key: &str, below: &str) -> String {
    format!("/api/conversations/{}{below}", utf8_percent_encode(key, IN_A_PATH))
}

/// Returns the address under which a socket on this machine is reached.
pub(crate) fn dialled(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The operator's token, else the generated one, as the daemon left it.
fn token(config: &Config) -> Result<Option<SecretString>, RemoteError> {
    if config.is_demo() {
        return Ok(None);
    }
    if let Some(token) = &config.listen.admin_token {
        return Ok(Some(token.clone()));
    }
    let file: PathBuf = config.store.data_dir.join(TOKEN_FILE);
    match std::fs::read_to_string(&file) {
        Ok(token) => Ok(Some(token.trim().into())),
        Err(cause) => Err(RemoteError::NoToken { file: file.display().to_string(), cause }),
    }
}

fn refusal(base: String, status: StatusCode, body: &[u8]) -> RemoteError {
    let Ok(said) = serde_json::from_slice::<Value>(body) else { return RemoteError::Foreign(base) };
    let word = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
    match (status, word("code")) {
        (StatusCode::UNAUTHORIZED, _) => RemoteError::WrongToken(base),
        (StatusCode::NOT_FOUND, "no_such_conversation") => RemoteError::NoSuchConversation,
        (StatusCode::NOT_FOUND, "not_found") => RemoteError::Foreign(base),
        (StatusCode::INTERNAL_SERVER_ERROR, _) if word("status") == "starting" => RemoteError::Starting,
        (status, _) => RemoteError::Refused { status, detail: word("detail").to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_is_dialled_on_loopback() {
        let dialled = |text: &str| dialled(text.parse().unwrap()).to_string();
        assert_eq!(dialled("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(dialled("[::]:8080"), "[::1]:8080");
        assert_eq!(dialled("10.0.0.7:8080"), "10.0.0.7:8080");
    }

    #[test]
    fn keys_are_encoded_into_paths() {
        assert_eq!(conversation("chatwoot:1:57", ""), "/api/conversations/chatwoot:1:57");
        assert_eq!(conversation("web:local:a/b?c#d", "/journal"), "/api/conversations/web:local:a%2Fb%3Fc%23d/journal");
    }

    #[test]
    fn refusals_are_told_apart() {
        let refused = |status: u16, body: &str| {
            refusal("http://desk".to_owned(), StatusCode::from_u16(status).unwrap(), body.as_bytes()).to_string()
        };
        assert!(refused(401, r#"{"code":"unauthorized"}"#).contains("refuses the token"));
        assert!(refused(404, r#"{"code":"no_such_conversation"}"#).contains("chats list"));
        assert!(refused(404, r#"{"code":"not_found"}"#).contains("of this version"));
        assert!(refused(500, r#"{"status":"starting"}"#).contains("starting"));
        assert!(refused(502, "<html>").contains("of this version"));
        assert_eq!(
            refused(429, r#"{"code":"busy","detail":"too much is waiting"}"#),
            "the daemon answered 429 Too Many Requests: too much is waiting"
        );
    }
}
