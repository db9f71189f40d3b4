//! kill -9 at random moments, with many conversations in flight and a vendor that hangs: in the end every acknowledged
//! message is answered, or held and shown, and nothing is said twice.

use super::support::{
    Dice, EVERYWHERE, Place, at_rest, held, is_handoff, kill_and_restart, no_duplicates, phase, rounds, run_each, said,
    seed, talk, tell, view,
};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::chatwoot::{Delivery, Fault, RequestKind};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::{Town, Wiring};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// How many customers begin to write per round.
const NEW_CUSTOMERS: u64 = 3;

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

async fn one_round(town: &mut Town, dice: &mut Dice, asked: &mut Vec<Question>) -> Result<()> {
    for _ in 0..NEW_CUSTOMERS {
        let conversation = town.chatwoot.new_conversation(412);
        asked.push(writes(town, conversation, asked.len()));
    }
    let old = usize::try_from(dice.below(asked.len() as u64))?;
    let conversation = asked[old].conversation;
    asked.push(writes(town, conversation, asked.len()));
    match dice.below(4) {
        0 => town.chatwoot.fail_next(RequestKind::PostMessage, Fault::HangThenLand(dice.millis(600))),
        1 => town.chatwoot.fail_next(RequestKind::PostMessage, Fault::LandThenReset),
        2 => town.chatwoot.fail_next(RequestKind::PostMessage, Fault::Save422),
        _ => {}
    }
    tokio::time::sleep(dice.millis(1_000)).await;
    kill_and_restart(town).await
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

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments() -> Result<()> {
    let (seed, rounds) = (seed(), rounds(12));
    tell(&format!("FRONTDESK_SEED={seed} FRONTDESK_ROUNDS={rounds}"));
    run_each(EVERYWHERE, |place| async move {
        let mut town = place.build().await?;
        town.daemon.set("DEBOUNCE_QUIET", "100ms");
        town.model.set_default(|call| {
            let answer = Reply::Text(format!("You said: {}", call.last_user_message()));
            Reply::Delay(Duration::from_millis(150), Box::new(answer))
        });
        town.daemon.start().await?;
        let mut dice = Dice::new(seed);
        let mut asked = Vec::new();
        for round in 0..rounds {
            one_round(&mut town, &mut dice, &mut asked).await.with_context(|| format!("round {round}"))?;
        }
        account(&town, place, &asked).await
    })
    .await
    .with_context(|| format!("FRONTDESK_SEED={seed}"))
}
