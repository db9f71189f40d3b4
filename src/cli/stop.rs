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
            Ask::Resume => {
                let before: SendStatus = remote.get("/api/status").await?;
                let after = remote.post("/api/resume", &json!({})).await?;
                if !before.paused {
                    print(&nothing_to_resume(&after));
                    return Ok(());
                }
                after
            }
            Ask::Status => remote.get("/api/status").await?,
        };
        print(&told(ask, &status));
        Ok::<(), RemoteError>(())
    };
    asked.await.map_err(|error| with_causes(&error))
}

/// What is said to who resumes a desk that was not paused. It is resumed all the same: another may have paused it since.
fn nothing_to_resume(status: &SendStatus) -> String {
    format!("Was not paused: there was nothing to resume. On the way: {}\n", waiting(&status.waiting))
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
    let [sends, questions, conversations] = [
        (waiting.rows, "send", "sends"),
        (waiting.questions, "unanswered question", "unanswered questions"),
        (waiting.conversations, "conversation", "conversations"),
    ]
    .map(|(count, one, more)| format!("{count} {}", if count == 1 { one } else { more }));
    format!("{sends} and {questions}, in {conversations}.")
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
        assert!(told(Ask::Resume, &status(false)).contains("2 unanswered questions, in 1 conversation."));
        let idle = nothing_to_resume(&status(false));
        assert!(idle.starts_with("Was not paused") && !idle.contains("Resumed"), "{idle}");
    }

    #[test]
    fn one_is_not_many() {
        let one = waiting(&Waiting { rows: 1, questions: 1, conversations: 1 });
        assert_eq!(one, "1 send and 1 unanswered question, in 1 conversation.");
        let none = waiting(&Waiting { rows: 0, questions: 0, conversations: 0 });
        assert_eq!(none, "0 sends and 0 unanswered questions, in 0 conversations.");
    }
}
