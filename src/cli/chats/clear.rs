//! `frontdesk chats clear` and `chats clear-all`: forgetting people, after asking.

use super::who::{self, Who};
use crate::cli::remote::{Remote, RemoteError, conversation};
use crate::cli::terminal::{harmless, print, table};
use frontdesk_actors::engine::Found;
use serde_json::{Value, json};
use std::io::Write;

/// How many characters of a name are shown.
const NAME: usize = 32;

/// How many conversations are listed before a question.
const LISTED: usize = 20;

/// Forgets one person.
pub(super) async fn person(remote: &Remote, who: &Who, yes: bool) -> Result<(), RemoteError> {
    let found = who.all(remote).await?;
    clear(remote, &found, yes).await
}

/// Forgets everybody, and what nobody could read: it may be about anybody.
pub(super) async fn everybody(remote: &Remote, yes: bool) -> Result<(), RemoteError> {
    let found = who::everybody(remote).await?;
    if found.is_empty() {
        print("There are no conversations.\n");
        if !yes {
            return Ok(());
        }
    } else {
        clear(remote, &found, yes).await?;
    }
    let told: Value = remote.post("/api/unread/erase", &json!({})).await?;
    if let Some(erased) = told["erased"].as_u64().filter(|erased| *erased > 0) {
        print(&format!("Erased {erased} webhooks that nobody could read.\n"));
    }
    Ok(())
}

async fn clear(remote: &Remote, found: &[Found], yes: bool) -> Result<(), RemoteError> {
    if !yes && !confirmed(found) {
        return Err(RemoteError::Declined);
    }
    for one in found {
        let _: Value = remote.post(&conversation(one.key.as_str(), "/erase"), &json!({})).await?;
        print(&format!("Erased {}.\n", one.key));
    }
    Ok(())
}

/// Shows what is to go and asks. Anything but a plain yes is a no, the end of the input too.
fn confirmed(found: &[Found]) -> bool {
    let heads = ["KEY", "PHASE", "NAME"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(heads).chain(found.iter().take(LISTED).map(row)).collect();
    print(&table(&rows));
    if found.len() > LISTED {
        print(&format!("… and {} more\n", found.len() - LISTED));
    }
    let conversations =
        if found.len() == 1 { "1 conversation".to_owned() } else { format!("{} conversations", found.len()) };
    print(&format!(
        "Everything said in {conversations}, the names, addresses and proofs are erased, and what has not been sent is not sent. \
         This cannot be undone. Type yes to go on: "
    ));
    // A question that cannot be shown is not answered.
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}

fn row(one: &Found) -> Vec<String> {
    vec![
        one.key.to_string(),
        one.phase.map_or("unreadable", |phase| phase.as_str()).to_owned(),
        harmless(one.name.as_deref().unwrap_or_default(), NAME),
    ]
}
