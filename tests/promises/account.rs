//! What was asked is accounted for: answered once, held, with a person, or never acknowledged.

use super::support::{Place, at_rest, held, is_handoff, no_duplicates, phase, said, talk, tell, view};
use anyhow::{Result, ensure};
use frontdesk_sandbox::chatwoot::Delivery;
use frontdesk_sandbox::town::{Town, Wiring};
use serde_json::Value;
use std::collections::BTreeSet;

/// Something a customer asked.
pub(crate) struct Question {
    pub(crate) conversation: u64,
    pub(crate) message: u64,
    pub(crate) text: String,
}

pub(crate) fn writes(town: &Town, conversation: u64, number: usize) -> Question {
    let text = format!("question {number}?");
    let message = town.chatwoot.customer_writes(conversation, &text);
    Question { conversation, message, text }
}

/// Returns the messages of which some webhook was accepted.
pub(crate) fn acknowledged(town: &Town) -> BTreeSet<u64> {
    let deliveries = town.chatwoot.see(|world| world.deliveries().to_vec());
    let of_messages = deliveries.iter().filter(|one| one.event == "message_created" && one.outcome.is_accepted());
    let body = |one: &Delivery| serde_json::from_str::<Value>(&one.body).unwrap_or_default();
    of_messages.filter_map(|one| body(one)["id"].as_u64()).collect()
}

fn said_of_handoff(town: &Town, conversation: u64) -> bool {
    town.chatwoot.transcript(conversation).iter().any(is_handoff)
}

/// Every acknowledged question ends in an answer, or, where the truth cannot be looked up, in a held row.
pub(crate) async fn account(town: &Town, place: Place, asked: &[Question]) -> Result<()> {
    let (mut answered, mut shown, mut unheard) = (0, 0, 0);
    let acknowledged = acknowledged(town);
    for question in asked {
        let acked = acknowledged.contains(&question.message);
        let known = !view(town, question.conversation).await?.is_null();
        ensure!(known || !acked, "{:?} was acknowledged and is not known", question.text);
        let view = if known { at_rest(town, question.conversation).await? } else { Value::Null };
        no_duplicates(town, question.conversation)?;
        let said = said(town, question.conversation, &question.text);
        // Killed three times before it got anywhere, work goes to a person, and the customer is told.
        let with_person = phase(&view) == "human" && said_of_handoff(town, question.conversation);
        let is_held = held(&view) > 0 && place.wiring == Wiring::BotOnly;
        match (acked, said) {
            (_, 1) => answered += 1,
            (true, 0) if with_person || is_held => shown += 1,
            (false, 0) => unheard += 1,
            (_, said) => {
                let talk = talk(town, question.conversation);
                anyhow::bail!("{:?} said {said} times, acked: {acked}\n{view}\n{talk}", question.text)
            }
        }
    }
    tell(&format!(
        "{place:?}: {} questions: {answered} answered once, {shown} held or with a person, {unheard} never acknowledged",
        asked.len()
    ));
    ensure!(answered > unheard, "the desk was hardly ever there");
    Ok(())
}
