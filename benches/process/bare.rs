//! What the same body costs a handler that only parses it: a process of its own, so that its CPU time can be read.

use crate::load::{self, Make, Seen, Until};
use crate::usage;
use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use serde::Deserialize;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};

/// The argument that makes this program the handler.
pub(crate) const ROLE: &str = "bare-handler";

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    id: u64,
    #[serde(borrow)]
    content: Cow<'a, str>,
    #[serde(borrow)]
    message_type: Cow<'a, str>,
    #[serde(borrow)]
    conversation: Conversation<'a>,
}

#[derive(Deserialize)]
struct Conversation<'a> {
    id: u64,
    #[serde(borrow)]
    status: Cow<'a, str>,
    updated_at: f64,
}

/// Serves until it is killed; prints its address first.
#[expect(clippy::print_stdout, reason = "the parent reads the address there")]
pub(crate) async fn serve() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let router = Router::new().route("/webhooks/chatwoot", post(take));
    Ok(axum::serve(listener, router).await?)
}

async fn take(body: Bytes) -> StatusCode {
    let Ok(payload) = serde_json::from_slice::<Payload<'_>>(&body) else { return StatusCode::BAD_REQUEST };
    let conversation = &payload.conversation;
    let texts = [&payload.event, &payload.content, &payload.message_type, &conversation.status];
    std::hint::black_box((payload.id, conversation.id, conversation.updated_at, texts));
    StatusCode::OK
}

/// Loads the handler and returns what was seen, and its CPU microseconds per request.
pub(crate) async fn measure(connections: usize, limit: Duration, make: Make) -> Result<(Seen, f64)> {
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .arg(ROLE)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("start the bare handler")?;
    let pid = child.id().context("the bare handler runs")?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line).await?;
    let address: SocketAddr = line.trim().parse().context("its address")?;
    load::closed(address, connections, Until::Count(5_000), make.clone()).await?;
    let before = usage::cpu(pid)?;
    let seen = load::closed(address, connections, Until::Elapsed(limit), make).await?;
    let used = usage::cpu(pid)?.saturating_sub(before);
    child.kill().await?;
    let micros = used.as_secs_f64() * 1e6 / seen.accepted.max(1) as f64;
    Ok((seen, micros))
}
