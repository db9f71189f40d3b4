//! What every HTTP client of the desk has in common.

use reqwest::{ClientBuilder, redirect, retry};
use std::error::Error;
use std::time::Duration;

/// Shorter than the keep-alive of usual servers and proxies, so that a request rarely meets a connection that the other side
/// is closing: its outcome would be unknown.
const IDLE: Duration = Duration::from_secs(10);

/// Begins a client that follows no redirect, which would take a token to wherever it points and make a GET of a POST, and
/// repeats nothing by itself, since only the desk knows what may be said again.
pub(crate) fn client(connect: Duration, total: Duration) -> ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(connect)
        .timeout(total)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
}

/// Puts an error and its causes into one line, without the URL: it may name a conversation or hold a token.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    if timed_out { format!("timed out: {line}") } else { line }
}
