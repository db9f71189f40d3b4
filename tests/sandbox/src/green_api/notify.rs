//! The two queues of the instance: messages on their way out, and notifications on their way to the desk.

use super::Shared;
use serde_json::Value;
use std::sync::Arc;

/// Sends the messages of the queue, one after another, while the instance is authorised.
pub(super) async fn send(shared: Arc<Shared>) {
    loop {
        let pace = shared.lock().options.pace;
        tokio::time::sleep(pace).await;
        let ready = {
            let world = shared.lock();
            !world.queue.is_empty() && !world.queue_held && world.state == "authorized"
        };
        if ready {
            shared.change(super::World::send_next);
        }
    }
}

/// Pushes the head of the notifications until it is answered exactly 200; nothing overtakes it.
pub(super) async fn push(shared: Arc<Shared>) {
    loop {
        let head = {
            let world = shared.lock();
            let url = world.settings.get("webhookUrl").and_then(Value::as_str).unwrap_or_default().to_owned();
            let token = world.settings.get("webhookUrlToken").and_then(Value::as_str).unwrap_or_default().to_owned();
            let head = world.notifications.front().filter(|_| !url.is_empty() && !world.cut).cloned();
            head.map(|head| (head, url, token))
        };
        let Some((head, url, token)) = head else {
            let changed = shared.changed.notified();
            let _ = tokio::time::timeout(std::time::Duration::from_millis(20), changed).await;
            continue;
        };
        let patience = shared.lock().options.patience;
        let mut request = shared.http.post(url).timeout(patience).header("Content-Type", "application/json");
        if !token.is_empty() {
            request = request.header("Authorization", token);
        }
        let answered = request.body(head.body.clone()).send().await.map_or(0, |response| response.status().as_u16());
        let repeat = shared.change(|world| {
            world.answered(head.receipt, head.body, answered);
            world.options.repeat
        });
        if answered != 200 {
            tokio::time::sleep(repeat).await;
        }
    }
}
