//! What the console shows of conversations, of any channel.

use crate::adapters::web::{Standing, Web};
use frontdesk_actors::domain::{Remembered, Role};
use frontdesk_actors::engine::{DraftView, Summary, View};
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::ports::PortError;
use frontdesk_actors::time::Timestamp;
use serde_json::{Value, json};

/// Returns the short name of whoever writes in a conversation: what colleagues call them while no name is known.
pub(super) fn user_id(key: &ConversationKey) -> String {
    let id = key.id();
    let short = if Web::serves(key) { id.get(..6).unwrap_or(id) } else { id };
    format!("user-{short}")
}

/// Returns a conversation as a row of the console's list.
pub(super) async fn row(web: &Web, summary: &Summary) -> Value {
    let key = &summary.key;
    // A row without its last words is better than no list: the store may be away for a moment.
    let text = if Web::serves(key) { web.last_customer_text(key).await.unwrap_or_default() } else { None };
    json!({
        "key": key,
        "channel": key.channel(),
        "user": user_id(key),
        "name": summary.name,
        "phase": summary.phase,
        "reason": summary.reason,
        "verified": summary.verified,
        "owed": summary.owed,
        "held": summary.held,
        "changed": summary.changed.as_millis(),
        "text": text,
    })
}

/// Returns everything the console shows of one conversation.
pub(super) async fn whole(web: &Web, view: &View) -> Result<Value, PortError> {
    let key = &view.key;
    let (entries, agent, replyable) = if Web::serves(key) {
        let entries = web.transcript(key, 0).await?;
        let agent = Standing::of(&entries).has_person();
        (entries.iter().map(crate::adapters::web::Entry::to_json).collect(), agent, true)
    } else {
        (said_and_drafted(view), false, false)
    };
    Ok(json!({
        "key": key,
        "channel": key.channel(),
        "user": user_id(key),
        "name": view.contact.as_ref().and_then(|contact| contact.name.as_ref()),
        "agent": agent,
        "replyable": replyable,
        "phase": view.phase,
        "reason": view.reason.as_ref().map(frontdesk_actors::language::Reason::name),
        "lang": view.lang,
        "verified": view.verified.as_ref().map(|verified| json!({ "address": verified.address, "by": verified.by })),
        "owed": view.owed,
        "thinking": view.thinking,
        "failures": view.failures,
        "outbox": view.outbox,
        "next": view.next.as_ref().map(|(at, why)| json!({ "at": at.as_millis(), "why": why })),
        "entries": entries,
    }))
}

/// Returns what was said, and in shadow mode what the desk would have said, in the order in which it was.
fn said_and_drafted(view: &View) -> Vec<Value> {
    let mut lines: Vec<(Timestamp, Line<'_>)> = view.memory.iter().map(|said| (said.at, Line::Said(said))).collect();
    for draft in &view.drafts {
        // Memory is in the vendor's order, which its times need not follow.
        let at = lines.iter().rposition(|(at, _)| *at <= draft.at).map_or(0, |before| before + 1);
        lines.insert(at, (draft.at, Line::Drafted(draft)));
    }
    lines.into_iter().map(|(_, line)| line).enumerate().map(shown).collect()
}

/// A line of the console.
enum Line<'a> {
    Said(&'a Remembered),
    Drafted(&'a DraftView),
}

fn shown((index, line): (usize, Line<'_>)) -> Value {
    match line {
        Line::Said(said) => remembered((index, said)),
        Line::Drafted(draft) => {
            let title = match &draft.because {
                None => "Not sent: what the desk would have said".to_owned(),
                Some(reason) => format!("Not sent: the desk would have fetched a person ({reason})"),
            };
            json!({ "seq": index + 1, "id": format!("draft-{index}"), "who": "bot", "kind": "note",
                    "text": format!("**{title}**\n\n{}", draft.text), "at": draft.at.as_millis() })
        }
    }
}

fn remembered((index, said): (usize, &Remembered)) -> Value {
    let who = match said.role {
        Role::Customer => "you",
        Role::Desk => "bot",
        Role::Person => "agent",
    };
    json!({ "seq": index + 1, "id": index.to_string(), "who": who, "kind": "text", "text": said.text,
            "at": said.at.as_millis() })
}
