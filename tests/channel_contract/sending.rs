//! What the desk says: whole, in order, and once, whatever becomes of a send and of the desk itself.

use crate::desk::Desk;
use crate::vendor::{Customer::*, Fate, Vendor};
use anyhow::{Result, ensure};

const QUESTION: &str = "Do you ship to Lisbon?";
const ANSWER: &str = "We ship to Lisbon in three days.";

/// An answer that is longer than one message arrives whole and in order.
pub(crate) async fn a_long_answer_arrives_whole_and_in_order(desk: Desk<impl Vendor>) -> Result<()> {
    let sentences = (1..).map(|number| format!("Sentence number {number} says what there is to say. "));
    let long = sentences.scan(0, |length, sentence| {
        *length += sentence.len();
        (*length < desk.longest() * 3 / 2).then_some(sentence)
    });
    let long = long.collect::<String>().trim().to_owned();
    ensure!(long.len() > desk.longest(), "it is longer than one message");
    desk.answers(&long);
    desk.vendor.writes(Dana, "Tell me everything.").await?;
    desk.has_read(Dana, &[&long]).await?;
    Ok(())
}

/// A vendor that asks to slow down is obeyed, and what was put off is said once.
pub(crate) async fn too_many_requests_are_waited_for(desk: Desk<impl Vendor>) -> Result<()> {
    said_once_despite(desk, Fate::IsPutOff).await
}

/// A send that landed although nobody answered it is found, and not repeated.
pub(crate) async fn a_send_that_landed_unanswered_is_not_repeated(desk: Desk<impl Vendor>) -> Result<()> {
    said_once_despite(desk, Fate::LandsUnanswered).await
}

/// A send that was lost without an answer is said once it is known to be lost.
pub(crate) async fn a_send_that_was_lost_is_said_after_all(desk: Desk<impl Vendor>) -> Result<()> {
    said_once_despite(desk, Fate::IsLostUnanswered).await
}

async fn said_once_despite(desk: Desk<impl Vendor>, fate: Fate) -> Result<()> {
    if let Err(cannot) = desk.vendor.next_send(fate) {
        return desk.excuses(cannot);
    }
    desk.answers(ANSWER);
    desk.vendor.writes(Dana, QUESTION).await?;
    let view = desk.has_read(Dana, &[ANSWER]).await?;
    ensure!(view["phase"] == "bot", "{view}");
    ensure!(desk.answered() == 1, "the model is not asked again for an answer that is there");
    ensure!(desk.vendor.tries(ANSWER).await? >= 1, "the double sees what is tried");
    Ok(())
}

/// A send that the vendor refuses for good is not repeated; a person is fetched, the customer knows it by their next
/// message at the latest, and operators are told.
pub(crate) async fn a_refused_answer_fetches_a_person(desk: Desk<impl Vendor>) -> Result<()> {
    if let Err(cannot) = desk.vendor.next_send(Fate::IsRefused) {
        return desk.excuses(cannot);
    }
    desk.answers(ANSWER);
    desk.vendor.writes(Dana, QUESTION).await?;
    desk.in_phase(Dana, "human").await?;
    desk.vendor.writes(Dana, "Hello?").await?;
    desk.reads(Dana, "colleague").await?;
    desk.at_rest(Dana).await?;
    let (tries, read) = (desk.vendor.tries(ANSWER).await?, desk.read(Dana).await?);
    ensure!(tries == 1 && !read.contains(ANSWER), "tried {tries} times, read: {read:?}");
    ensure!(desk.metric("frontdesk_alerts_total").await? >= 1.0, "operators are told");
    Ok(())
}

/// An answer that was on its way when the desk was killed is said once.
pub(crate) async fn an_answer_that_was_killed_on_its_way_is_said_once(mut desk: Desk<impl Vendor>) -> Result<()> {
    // Where a send has no unknown outcome, the kill comes right behind it all the same: before or after its commit.
    if let Err(cannot) = desk.vendor.next_send(Fate::LandsUnanswered) {
        desk.excuses(cannot)?;
    }
    desk.answers(ANSWER);
    desk.vendor.writes(Dana, QUESTION).await?;
    desk.reads(Dana, ANSWER).await?;
    desk.kill_and_restart().await?;
    desk.has_read(Dana, &[ANSWER]).await?;
    desk.vendor.writes(Dana, "And to Porto?").await?;
    let view = desk.has_read(Dana, &[ANSWER, "You said: And to Porto?"]).await?;
    ensure!(view["phase"] == "bot", "{view}");
    Ok(())
}
