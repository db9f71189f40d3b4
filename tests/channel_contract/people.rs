//! Who has the conversation: the desk's own words take it from nobody, and a person's words take it at once.

use crate::desk::Desk;
use crate::vendor::{Customer::*, Vendor};
use anyhow::{Result, ensure};
use frontdesk_sandbox::model::Reply;
use std::time::{Duration, Instant};

const QUESTION: &str = "Do you ship to Lisbon?";
const ANSWER: &str = "We ship to Lisbon in three days.";

/// What the desk said comes back to it, also twice and also after a restart, and means nothing.
pub(crate) async fn its_own_words_come_back_and_mean_nothing(mut desk: Desk<impl Vendor>) -> Result<()> {
    desk.answers(ANSWER);
    desk.vendor.writes(Dana, QUESTION).await?;
    desk.has_read(Dana, &[ANSWER]).await?;
    if let Err(cannot) = desk.vendor.echoes() {
        desk.excuses(cannot)?;
    }
    let began = Instant::now();
    while desk.vendor.echoes().is_ok_and(|echoes| echoes == 0) {
        ensure!(began.elapsed() < Duration::from_secs(60), "the vendor never told what the desk said");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    desk.vendor.tell_again().await?;
    desk.has_read(Dana, &[ANSWER]).await?;
    desk.kill_and_restart().await?;
    desk.vendor.tell_again().await?;
    desk.vendor.writes(Dana, "And to Porto?").await?;
    let view = desk.has_read(Dana, &[ANSWER, "You said: And to Porto?"]).await?;
    ensure!(view["phase"] == "bot" && desk.answered() == 2, "{view}");
    Ok(())
}

/// A colleague's words end the running model call, and the desk is silent from then on.
pub(crate) async fn a_colleague_who_writes_is_not_talked_over(desk: Desk<impl Vendor>) -> Result<()> {
    desk.model.push(Reply::Hang);
    desk.vendor.writes(Dana, QUESTION).await?;
    desk.model.wait_for_calls(1).await;
    desk.vendor.colleague_writes(Dana, "Kim here, let me look into it.").await?;
    desk.model.wait_for_abort(0).await;
    desk.in_phase(Dana, "human").await?;
    desk.vendor.writes(Dana, "Thank you, Kim").await?;
    let view = desk.has_read(Dana, &[]).await?;
    ensure!(view["phase"] == "human" && desk.model.calls().len() == 1, "{view}");
    // Nobody else's conversation is Kim's.
    desk.vendor.writes(Eli, "Is anybody there?").await?;
    desk.has_read(Eli, &["You said: Is anybody there?"]).await?;
    Ok(())
}

/// What a colleague gives back is the desk's again, and what they had written takes it no second time.
pub(crate) async fn what_is_given_back_is_the_desks_again(desk: Desk<impl Vendor>) -> Result<()> {
    desk.vendor.writes(Dana, QUESTION).await?;
    desk.has_read(Dana, &["You said: Do you ship to Lisbon?"]).await?;
    desk.vendor.colleague_writes(Dana, "Kim here, we do.").await?;
    desk.in_phase(Dana, "human").await?;
    desk.at_rest(Dana).await?;
    desk.vendor.gives_back(Dana).await?;
    desk.in_phase(Dana, "bot").await?;
    desk.vendor.tell_again().await?;
    desk.vendor.writes(Dana, "And to Porto?").await?;
    let said = ["You said: Do you ship to Lisbon?", "You said: And to Porto?"];
    let view = desk.has_read(Dana, &said).await?;
    ensure!(view["phase"] == "bot", "{view}");
    let asked = desk.model.calls().last().map(|call| call.body.to_string()).unwrap_or_default();
    ensure!(asked.contains("Kim here"), "what the colleague said is remembered: {asked}");
    Ok(())
}

/// A customer who asks for a person is told once that one comes, the model is not asked, and the desk is silent.
pub(crate) async fn whoever_asks_for_a_person_is_told_once_and_left_to_people(desk: Desk<impl Vendor>) -> Result<()> {
    desk.vendor.writes(Dana, "I want to talk to a human").await?;
    desk.in_phase(Dana, "human").await?;
    desk.at_rest(Dana).await?;
    let told = desk.read(Dana).await?;
    ensure!(told.contains("colleague"), "{told:?}");
    desk.vendor.tell_again().await?;
    desk.vendor.writes(Dana, "Hello?").await?;
    desk.has_read(Dana, &[&told]).await?;
    ensure!(desk.model.calls().is_empty(), "the model is not asked");
    Ok(())
}
