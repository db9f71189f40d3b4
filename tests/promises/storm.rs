//! kill -9 at random moments, with many conversations in flight and a vendor that hangs: in the end every acknowledged
//! message is answered, or held and shown, and nothing is said twice.

use super::ALONE;
use super::account::{Question, account, writes};
use super::support::{Dice, EVERYWHERE, kill_and_restart, rounds, run_each, seed, tell};
use anyhow::{Context, Result};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::Town;
use std::time::Duration;

/// How many customers begin to write per round.
const NEW_CUSTOMERS: u64 = 3;

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

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments() -> Result<()> {
    let _alone = ALONE.lock().await;
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
