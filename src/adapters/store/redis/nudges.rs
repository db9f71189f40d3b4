//! Commits as other nodes hear of them. A hint that lets a node abort a model call early; correctness never rests on
//! it, so a lost connection is simply opened again and what was said meanwhile is lost.

use crate::adapters::store::stored_key;
use frontdesk_actors::ports::Nudge;
use futures::StreamExt;
use redis::aio::PubSub;
use redis::{Client, RedisResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// How many nudges may wait to be heard. Above that they are dropped: a deaf node must not hold memory.
const WAITING: usize = 1024;

/// How long to wait before listening again.
const PAUSE: Duration = Duration::from_secs(1);

/// How many subscriptions of a store stand at this moment: what is announced to these alone need not be.
#[derive(Debug, Clone, Default)]
pub(super) struct Listening(Arc<AtomicUsize>);

/// One of them.
struct Stands(Arc<AtomicUsize>);

impl Listening {
    /// Returns how many there are.
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts one more, until it is dropped.
    fn one(&self) -> Stands {
        self.0.fetch_add(1, Ordering::Relaxed);
        Stands(self.0.clone())
    }
}

impl Drop for Stands {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts to listen on one node after the other, until the receiver is dropped.
pub(super) fn listen(
    nodes: Vec<Client>,
    channel: String,
    connect_timeout: Duration,
    listening: Listening,
) -> mpsc::Receiver<Nudge> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        for node in nodes.iter().cycle() {
            tokio::select! {
                () = sender.closed() => return,
                heard = hear(subscribe(node, &channel, connect_timeout), &sender, &listening) => {
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

/// `None` where no connection could be made in time.
async fn subscribe(node: &Client, channel: &str, within: Duration) -> RedisResult<Option<PubSub>> {
    let opening = async {
        let mut subscription = Box::pin(node.get_async_pubsub()).await?;
        subscription.subscribe(channel).await?;
        RedisResult::Ok(subscription)
    };
    timeout(within, opening).await.ok().transpose()
}

async fn hear(
    opening: impl Future<Output = RedisResult<Option<PubSub>>>,
    sender: &mpsc::Sender<Nudge>,
    listening: &Listening,
) -> RedisResult<()> {
    let Some(subscription) = opening.await? else { return Ok(()) };
    let _stands = listening.one();
    let mut messages = Box::pin(subscription.into_on_message());
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
    use frontdesk_actors::ids::{ConversationKey, Node};

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
