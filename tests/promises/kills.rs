//! kill -9 between any two steps of a turn: after the restart the reply arrives exactly once. Where only the bot's token
//! can look: once, or held and shown.

use super::support::{
    EVERYWHERE, FOR_EVER, Place, ask, at_rest, fail_after, in_parts, kill_and_restart, no_duplicates, requested, run,
    said, said_once, scenarios, silent, talk, until,
};
use anyhow::{Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind, Target};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::Town;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn between_any_two_steps_of_a_turn() -> Result<()> {
    let steps = scenarios![
        once_the_webhook_is_acked_while_the_burst_is_gathered,
        while_the_model_thinks,
        once_the_model_has_answered,
        when_the_post_has_arrived_and_dies_with_the_connection,
        when_the_post_has_landed_and_is_not_answered,
        when_the_post_lands_while_the_desk_is_dead,
        when_the_post_lands_after_the_desk_is_back,
        once_the_post_is_answered_before_its_echo,
        once_the_echo_is_delivered,
        when_the_customer_goes_on_before_the_landed_post_is_looked_up,
        between_the_parts_of_a_long_answer,
        while_the_verification_mail_is_being_sent,
    ];
    run(&EVERYWHERE, steps).await
}

const QUESTION: &str = "Do you ship to Norway?";

async fn landed(town: &Town, conversation: u64) -> Result<()> {
    town.chatwoot.wait_for("the reply stands in Chatwoot", |world| !world.replies(conversation).is_empty()).await
}

/// Asks, lets the post of the reply meet this fault, kills once it has arrived, and wants the reply once.
async fn killed_while_posting(place: Place, fault: Fault) -> Result<()> {
    let mut town = place.open().await?;
    let lands = matches!(fault, Fault::LandThenHang);
    town.chatwoot.fail_next(RequestKind::PostMessage, fault);
    let conversation = ask(&town, QUESTION);
    requested(&town, RequestKind::PostMessage, 1).await?;
    if lands {
        landed(&town, conversation).await?;
    }
    kill_and_restart(&mut town).await?;
    said_once(&town, place, conversation, QUESTION).await
}

async fn once_the_webhook_is_acked_while_the_burst_is_gathered(place: Place) -> Result<()> {
    let mut town = place.build().await?;
    town.daemon.set("DEBOUNCE_QUIET", "1500ms");
    town.daemon.start().await?;
    let conversation = ask(&town, QUESTION);
    let acked = |world: &frontdesk_sandbox::chatwoot::WorldView<'_>| {
        world.deliveries().iter().any(|delivery| {
            let of_message = delivery.event == "message_created" && delivery.target == Target::AgentBot;
            of_message && delivery.outcome.is_accepted()
        })
    };
    town.chatwoot.wait_for("the ack", acked).await?;
    town.daemon.kill()?;
    silent(&town, conversation)?;
    town.daemon.start().await?;
    said_once(&town, place, conversation, QUESTION).await
}

async fn while_the_model_thinks(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.model.push(Reply::Hang);
    let conversation = ask(&town, QUESTION);
    town.model.wait_for_calls(1).await;
    kill_and_restart(&mut town).await?;
    said_once(&town, place, conversation, QUESTION).await
}

async fn once_the_model_has_answered(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    let conversation = ask(&town, QUESTION);
    until("the model answers", || town.model.calls().first().is_some_and(|call| call.answered)).await?;
    kill_and_restart(&mut town).await?;
    said_once(&town, place, conversation, QUESTION).await
}

async fn when_the_post_has_arrived_and_dies_with_the_connection(place: Place) -> Result<()> {
    killed_while_posting(place, Fault::Delay(FOR_EVER)).await
}

async fn when_the_post_has_landed_and_is_not_answered(place: Place) -> Result<()> {
    killed_while_posting(place, Fault::LandThenHang).await
}

async fn when_the_post_lands_while_the_desk_is_dead(place: Place) -> Result<()> {
    killed_while_posting(place, Fault::HangThenLand(Duration::from_millis(100))).await
}

async fn when_the_post_lands_after_the_desk_is_back(place: Place) -> Result<()> {
    killed_while_posting(place, Fault::HangThenLand(Duration::from_millis(1_800))).await
}

async fn once_the_post_is_answered_before_its_echo(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    let conversation = ask(&town, QUESTION);
    landed(&town, conversation).await?;
    kill_and_restart(&mut town).await?;
    said_once(&town, place, conversation, QUESTION).await
}

async fn once_the_echo_is_delivered(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    let conversation = ask(&town, QUESTION);
    landed(&town, conversation).await?;
    town.chatwoot.wait_quiet().await?;
    kill_and_restart(&mut town).await?;
    said_once(&town, place, conversation, QUESTION).await?;
    ensure!(town.model.calls().len() == 1, "nothing was left to ask");
    Ok(())
}

/// The customer writes again after the restart: a higher message id than that of the reply whose fate is unknown.
async fn when_the_customer_goes_on_before_the_landed_post_is_looked_up(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.chatwoot.fail_next(RequestKind::PostMessage, Fault::LandThenHang);
    let conversation = ask(&town, QUESTION);
    landed(&town, conversation).await?;
    town.daemon.kill()?;
    town.chatwoot.wait_quiet().await?;
    town.daemon.start().await?;
    town.chatwoot.customer_writes(conversation, "And to Chile?");
    town.chatwoot.wait_quiet().await?;
    said_once(&town, place, conversation, QUESTION).await?;
    ensure!(said(&town, conversation, "And to Chile?") == 1, "{}", talk(&town, conversation));
    Ok(())
}

async fn between_the_parts_of_a_long_answer(place: Place) -> Result<()> {
    let mut town = place.open().await?;
    town.model.push(in_parts(&["alpha", "beta", "gamma"]));
    fail_after(&town, RequestKind::PostMessage, 1, Fault::Delay(FOR_EVER));
    let conversation = ask(&town, QUESTION);
    requested(&town, RequestKind::PostMessage, 2).await?;
    town.chatwoot.wait_quiet().await?;
    kill_and_restart(&mut town).await?;
    at_rest(&town, conversation).await?;
    no_duplicates(&town, conversation)?;
    let replies = town.chatwoot.see(|world| world.replies(conversation));
    let begins: Vec<&str> = replies.iter().filter_map(|reply| reply.split(' ').next()).collect();
    ensure!(begins == ["alpha", "beta", "gamma"], "{begins:?}");
    Ok(())
}

async fn while_the_verification_mail_is_being_sent(place: Place) -> Result<()> {
    let mut town = place.open_with_gate().await?;
    town.smtp.hang_after_data();
    let conversation = ask(&town, QUESTION);
    landed(&town, conversation).await?;
    town.chatwoot.customer_writes(conversation, "jane@example.com");
    town.smtp.wait_for_mails(1).await?;
    town.chatwoot.wait_quiet().await?;
    town.daemon.kill()?;
    town.smtp.recover();
    town.daemon.start().await?;
    at_rest(&town, conversation).await?;
    let mails = town.smtp.mails();
    let ids: std::collections::BTreeSet<Option<&str>> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
    ensure!(ids.len() == 1 && (1..=2).contains(&mails.len()), "{} mails under {ids:?}", mails.len());
    ensure!(town.press(&mails[0]).await?.0 == 200, "the link of the first mail works");
    said_once(&town, place, conversation, QUESTION).await
}
