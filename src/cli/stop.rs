//! `frontdesk pause`, `resume` and `status`: the emergency stop of the running daemon, and of every node beside it.

use super::remote::{Remote, RemoteError};
use super::terminal::print;
use crate::app::with_causes;
use crate::config::Config;
use crate::utc::date_time;
use frontdesk_actors::engine::{SendStatus, Waiting};
use serde_json::json;

/// What is asked of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Stops everything that leaves.
    Pause,
    /// Lets it leave again.
    Resume,
    /// Shows whether it leaves.
    Status,
}

/// Asks the daemon and prints what it says.
pub(super) async fn run(config: &Config, ask: Ask) -> Result<(), String> {
    let asked = async {
        let remote = Remote::of(config)?;
        let status: SendStatus = match ask {
            Ask::Pause => remote.post("/api/pause", &json!({})).await?,
            Ask::Resume => remote.post("/api/resume", &json!({})).await?,
            Ask::Status => remote.get("/api/status").await?,
        };
        print(&told(ask, &status));
        Ok::<(), RemoteError>(())
    };
    asked.await.map_err(|error| with_causes(&error))
}

fn told(ask: Ask, status: &SendStatus) -> String {
    let waiting = waiting(&status.waiting);
    match (ask, status.paused) {
        (Ask::Resume, _) => format!("Resumed: what is still wanted leaves now. Waited until here: {waiting}\n"),
        (Ask::Pause | Ask::Status, true) => {
            let since = status.paused_since.map(|since| format!(" since {} UTC", date_time(since))).unwrap_or_default();
            format!("Paused{since}: nothing leaves the desk; webhooks are taken. Waiting: {waiting}\n")
        }
        (Ask::Pause | Ask::Status, false) => format!("Not paused. On the way: {waiting}\n"),
    }
}

fn waiting(waiting: &Waiting) -> String {
    format!(
        "{} sends and {} unanswered questions, in {} conversations.",
        waiting.rows, waiting.questions, waiting.conversations
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_actors::time::Timestamp;

    #[test]
    fn each_answer_says_what_holds_and_what_waits() {
        let waiting = Waiting { rows: 3, questions: 2, conversations: 1 };
        let since = Some(Timestamp::from_secs(1_760_000_000));
        let status = |paused| SendStatus { paused, paused_since: since.filter(|_| paused), human_mode: false, waiting };
        let paused = told(Ask::Pause, &status(true));
        assert!(paused.starts_with("Paused since 2025-10-09") && paused.contains("3 sends"), "{paused}");
        assert!(told(Ask::Status, &status(false)).starts_with("Not paused."));
        assert!(told(Ask::Resume, &status(false)).contains("2 unanswered questions"));
    }
}
