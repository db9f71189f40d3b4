//! Commits as other nodes hear of them. A hint that lets a node abort a model call early; correctness never rests on
//! it, so a lost connection is simply opened again and what was said meanwhile is lost.

use crate::adapters::store::stored_key;
use frontdesk_actors::ids::ConversationKey;
use futures::StreamExt;
use redis::{Client, RedisResult};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// How many nudges may wait to be heard. Above that they are dropped: a deaf node must not hold memory.
const WAITING: usize = 1024;

/// How long to wait before listening again.
const PAUSE: Duration = Duration::from_secs(1);

/// A commit that some node made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nudge {
    /// The node that committed, as `Node` prints it.
    pub node: String,
    /// The conversation.
    pub key: ConversationKey,
}

/// Starts to listen on one node after the other, until the receiver is dropped.
pub(super) fn listen(nodes: Vec<Client>, channel: String, connect_timeout: Duration) -> mpsc::Receiver<Nudge> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        for node in nodes.iter().cycle() {
            tokio::select! {
                () = sender.closed() => return,
                heard = hear(node, &channel, connect_timeout, &sender) => {
                    if let Err(error) = heard {
                        tracing::debug!(error = &error as &dyn std::error::Error, "not listening for nudges");
                    }
                }
            }
            tokio::select! {
                () = sender.closed() => return,
                () = sleep(PAUSE) => {}
            }
        }
    });
    receiver
}

async fn hear(node: &Client, channel: &str, within: Duration, sender: &mpsc::Sender<Nudge>) -> RedisResult<()> {
    let opening = async {
        let mut subscription = Box::pin(node.get_async_pubsub()).await?;
        subscription.subscribe(channel).await?;
        RedisResult::Ok(subscription)
    };
    let Ok(opened) = timeout(within, opening).await else { return Ok(()) };
    let mut messages = Box::pin(opened?.into_on_message());
    while let Some(message) = messages.next().await {
        if let Some(nudge) = message.get_payload::<String>().ok().as_deref().and_then(read) {
            // A full channel means that nobody listens fast enough; the nudge is a hint and may go.
            let _ = sender.try_send(nudge);
        }
    }
    Ok(())
}

fn read(payload: &str) -> Option<Nudge> {
    // A node's name may hold spaces; its boot number is sixteen digits after the last slash before the key.
    let (node, key) = payload.match_indices(' ').find_map(|(at, _)| {
        let (node, key) = (&payload[..at], &payload[at + 1..]);
        let boot = node.rsplit_once('/')?.1;
        (boot.len() == 16 && boot.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((node, key))
    })?;
    Some(Nudge { node: node.to_owned(), key: stored_key(key).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_actors::ids::Node;

    #[test]
    fn a_nudge_is_read_as_it_was_sent() {
        let key = ConversationKey::new("web", 1, "a b");
        for name in ["a", "front desk 1", "x/y"] {
            let node = Node { name: name.into(), boot: 7 }.to_string();
            assert_eq!(read(&format!("{node} {key}")), Some(Nudge { node, key: key.clone() }));
        }
        assert_eq!(read("rubbish"), None);
    }
}
