//! kill -9 while the customer is handed over: everything that makes up a hand-over happens, and the customer reads its
//! announcement once.

use super::support::{
    BOTH_STORES, EVERYWHERE, Place, ask, at_rest, fail_after, is_handoff, requested, run_each, talk, until,
};
use anyhow::{Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use frontdesk_sandbox::teams;
use frontdesk_sandbox::town::Town;

/// Where in the hand-over the desk dies: at this request of this kind, which has landed and is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Request(RequestKind, usize),
    Card,
}

const STEPS: [Step; 7] = [
    Step::Request(RequestKind::PostMessage, 1),
    Step::Request(RequestKind::ToggleStatus, 1),
    Step::Request(RequestKind::PostLabels, 1),
    Step::Request(RequestKind::Priority, 1),
    Step::Request(RequestKind::Assign, 1),
    Step::Request(RequestKind::PostMessage, 2),
    Step::Card,
];

async fn die_at(town: &mut Town, step: Step) -> Result<u64> {
    match step {
        Step::Request(kind, number) => fail_after(town, kind, number - 1, Fault::LandThenHang),
        Step::Card => town.teams.fault(teams::Fault::PostThenHang),
    }
    let conversation = ask(town, "I want to talk to a human");
    match step {
        Step::Request(kind, number) => requested(town, kind, number).await?,
        Step::Card => until("the card is posted", || town.teams.requests() > 0).await?,
    }
    town.daemon.kill()?;
    town.daemon.start().await?;
    Ok(conversation)
}

async fn handed_over(place: Place, step: Step) -> Result<()> {
    let mut town = place.build().await?;
    town.daemon.set("HANDOFF_LABEL", "waits-for-you");
    town.daemon.set("HANDOFF_PRIORITY", "high");
    town.daemon.set("HANDOFF_TEAM", 2);
    town.daemon.start().await?;
    let conversation = die_at(&mut town, step).await?;
    at_rest(&town, conversation).await?;
    let lines = town.chatwoot.transcript(conversation);
    let announced = lines.iter().filter(|line| is_handoff(line)).count();
    ensure!(announced == 1, "announced {announced} times\n{}", talk(&town, conversation));
    let notes = lines.iter().filter(|line| line.private).count();
    ensure!((1..=2).contains(&notes), "{notes} notes\n{}", talk(&town, conversation));
    let cards = town.teams.wait_for_cards(1).await?.len();
    ensure!(cards <= 2, "{cards} cards");
    let shown = town.chatwoot.conversation(conversation).expect("it was opened above");
    ensure!(shown.status == "open", "{shown:#?}");
    ensure!(shown.labels == ["waits-for-you"], "{shown:#?}");
    ensure!(shown.priority.as_deref() == Some("high") && shown.team == Some(2), "{shown:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_a_hand_over_survives_a_kill() -> Result<()> {
    let cases = STEPS.into_iter().flat_map(|step| BOTH_STORES.map(|place| (place, step)));
    // What the desk can look up matters only where the customer could read something twice.
    let blind = EVERYWHERE.into_iter().skip(2).map(|place| (place, STEPS[0]));
    run_each(cases.chain(blind), |(place, step)| handed_over(place, step)).await
}
