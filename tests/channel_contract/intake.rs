//! What customers write: taken, answered once, in order.

use crate::desk::Desk;
use crate::vendor::{Customer::*, Vendor};
use anyhow::{Result, ensure};
use frontdesk_sandbox::model::Reply;

const QUESTION: &str = "Do you ship to Lisbon?";
const ANSWER: &str = "We ship to Lisbon in three days.";

/// A question is acknowledged, and answered once, where it was asked and nowhere else.
pub(crate) async fn a_question_is_answered_once_where_it_was_asked(desk: Desk<impl Vendor>) -> Result<()> {
    desk.answers(ANSWER);
    desk.vendor.writes(Dana, QUESTION).await?;
    let view = desk.has_read(Dana, &[ANSWER]).await?;
    ensure!(view["phase"] == "bot" && desk.answered() == 1, "{view}");
    ensure!(desk.model.calls()[0].last_user_message().contains(QUESTION), "{:?}", desk.model.calls());
    desk.vendor.writes(Eli, "And what about Oslo?").await?;
    desk.has_read(Eli, &["You said: And what about Oslo?"]).await?;
    desk.has_read(Dana, &[ANSWER]).await?;
    ensure!(!desk.model.calls()[1].body.to_string().contains("Lisbon"), "what Dana asked is none of Eli's business");
    Ok(())
}

/// A webhook that is delivered again, at once, later or to the next process, is answered once.
pub(crate) async fn a_webhook_delivered_twice_is_answered_once(mut desk: Desk<impl Vendor>) -> Result<()> {
    desk.answers(ANSWER);
    desk.vendor.writes(Dana, QUESTION).await?;
    desk.vendor.tell_again().await?;
    desk.has_read(Dana, &[ANSWER]).await?;
    desk.vendor.tell_again().await?;
    desk.has_read(Dana, &[ANSWER]).await?;
    desk.kill_and_restart().await?;
    desk.vendor.tell_again().await?;
    let view = desk.has_read(Dana, &[ANSWER]).await?;
    ensure!(view["phase"] == "bot" && desk.answered() == 1, "{view}");
    Ok(())
}

/// What was acknowledged before the desk was killed is answered by the next process, once.
pub(crate) async fn what_was_acknowledged_is_answered_after_a_kill(mut desk: Desk<impl Vendor>) -> Result<()> {
    desk.model.push(Reply::Hang);
    desk.vendor.writes(Dana, QUESTION).await?;
    desk.model.wait_for_calls(1).await;
    desk.kill_and_restart().await?;
    desk.has_read(Dana, &["You said: Do you ship to Lisbon?"]).await?;
    Ok(())
}

/// Messages that come one right behind the other are remembered in their order, whatever the vendor calls them.
pub(crate) async fn messages_of_one_moment_keep_their_order(desk: Desk<impl Vendor>) -> Result<()> {
    let words = ["first", "second", "third", "fourth", "fifth", "sixth"];
    desk.model.set_default(|_| Reply::Text("Noted.".to_owned()));
    for word in words {
        desk.vendor.writes(Dana, &format!("My {word} wish")).await?;
    }
    desk.reads(Dana, "Noted.").await?;
    desk.at_rest(Dana).await?;
    desk.answers("All of it.");
    desk.vendor.writes(Dana, "Is that all?").await?;
    desk.reads(Dana, "All of it.").await?;
    let calls = desk.model.calls();
    let asked = calls.last().map(|call| call.body.to_string()).unwrap_or_default();
    let places: Vec<Option<usize>> = words.iter().map(|word| asked.find(&format!("My {word} wish"))).collect();
    ensure!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {asked}");
    Ok(())
}

/// The model reads messages in the order in which they were written, also if an older one comes late.
pub(crate) async fn messages_are_read_in_the_order_in_which_they_were_written(desk: Desk<impl Vendor>) -> Result<()> {
    desk.model.push(Reply::Hang);
    match desk.vendor.keeps_back(Dana, "Do you send by plane").await? {
        Ok(()) => {
            desk.vendor.writes(Dana, "or by ship?").await?;
            desk.model.wait_for_calls(1).await;
            desk.vendor.tell_again().await?;
        }
        Err(cannot) => {
            desk.excuses(cannot)?;
            desk.vendor.writes(Dana, "Do you send by plane").await?;
            desk.model.wait_for_calls(1).await;
            desk.vendor.writes(Dana, "or by ship?").await?;
        }
    }
    // The call that hangs may know both already, from a look: then it is the one that answers. Else it was ended.
    desk.model.release();
    desk.has_read(Dana, &["You said: Do you send by plane or by ship?"]).await?;
    let calls = desk.model.calls();
    let asked = calls.last().map(|call| call.body.to_string()).unwrap_or_default();
    let (older, newer) = (asked.find("by plane"), asked.find("by ship"));
    ensure!(older.is_some() && older < newer, "the older one first: {asked}");
    Ok(())
}
