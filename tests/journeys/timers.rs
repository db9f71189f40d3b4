//! What time leads to happens, also after a kill and after the conversation has left memory: the deadlines stand in the
//! record and in the wake index.

use super::support::{BINARY, Chat, NO_GATE, Setting, english, mail_sent, on_both_stores, open, until};
use anyhow::Result;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::model::{ModelDouble, Reply};
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::smtp::Stage;
use frontdesk_sandbox::town::{Backing, Town};
use serde_json::{Value, json};

on_both_stores!(
    nobody_picked_up_is_told_after_a_kill,
    nobody_picked_up_is_told_after_leaving_memory,
    nobody_picked_up_is_told_once_more_and_no_person_is_bothered_who_came,
    the_desk_takes_back_what_nobody_picked_up_also_after_a_kill,
    a_model_call_is_retried_after_a_kill,
    a_mail_is_retried_after_a_kill,
    a_challenge_expires_over_a_kill,
    idle_people_give_it_back_after_a_kill_and_after_leaving_memory,
);

/// Lets conversations leave memory as soon as the watch looks.
const FORGETFUL: Setting<'_> = ("FRONTDESK__LIMITS__PASSIVATE_AFTER", "100ms");

/// Opens a desk at a Chatwoot that leaves a conversation to the bot although a webhook of it failed: whatever comes after a
/// kill is the desk's own doing.
async fn open_lenient(backing: Backing, settings: &[Setting<'_>]) -> Result<Town> {
    let town = open(backing, settings).await?;
    town.chatwoot.configure(|options| options.keep_pending_on_bot_failure = true);
    Ok(town)
}

/// How many cards say that nobody has come.
fn calls(town: &Town) -> usize {
    town.teams.cards().iter().filter(|card| card.to_string().contains("Still nobody")).count()
}

/// A customer has asked for a person, and everything about that has left.
async fn fetched(town: &Town) -> Result<u64> {
    let chat = Chat::begin(town);
    chat.calls_a_person().await?;
    chat.rests().await?;
    Ok(chat.id)
}

async fn is_called_again(chat: &Chat<'_>) -> Result<()> {
    let again = || async { Ok(calls(chat.town) == 1) };
    until("colleagues are called again", again).await?;
    assert_eq!(chat.read(2).await?, [english(&Phrase::HandoffAsked), english(&Phrase::NobodyYet)]);
    Ok(())
}

async fn leaves_memory(town: &Town) -> Result<()> {
    let left = || async { Ok(town.metric("frontdesk_passivations_total", "").await? >= 1.0) };
    until("the conversation has left memory", left).await
}

async fn nobody_picked_up_is_told_after_a_kill(backing: Backing) -> Result<()> {
    let mut town = open_lenient(backing, &[NO_GATE, ("PICKUP_AFTER", "4s")]).await?;
    let id = fetched(&town).await?;
    town.daemon.kill()?;
    town.daemon.start().await?;
    is_called_again(&Chat { town: &town, id }).await
}

async fn nobody_picked_up_is_told_after_leaving_memory(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, FORGETFUL, ("PICKUP_AFTER", "12s")]).await?;
    let id = fetched(&town).await?;
    leaves_memory(&town).await?;
    assert_eq!(calls(&town), 0, "it left memory before the time had come");
    is_called_again(&Chat { town: &town, id }).await
}

async fn nobody_picked_up_is_told_once_more_and_no_person_is_bothered_who_came(backing: Backing) -> Result<()> {
    let town = open(backing, &[NO_GATE, ("PICKUP_AFTER", "2s")]).await?;
    let touched = Chat { town: &town, id: fetched(&town).await? };
    town.chatwoot.agent_writes(touched.id, "I have it");
    let resolved = Chat { town: &town, id: fetched(&town).await? };
    town.chatwoot.resolve(resolved.id);
    let waiting = Chat { town: &town, id: fetched(&town).await? };
    let twice = || async { Ok(calls(&town) >= 2) };
    until("colleagues are called twice", twice).await?;
    for chat in [touched, resolved, waiting] {
        chat.rests().await?;
    }
    assert_eq!(calls(&town), 2, "about one conversation only");
    assert_eq!(waiting.replies(), [english(&Phrase::HandoffAsked), english(&Phrase::NobodyYet)]);
    assert_eq!((touched.replies().len(), resolved.replies().len()), (1, 1));
    assert_eq!(waiting.view().await?["next"], Value::Null, "not for ever");
    Ok(())
}

async fn the_desk_takes_back_what_nobody_picked_up_also_after_a_kill(backing: Backing) -> Result<()> {
    let mut town = open_lenient(backing, &[NO_GATE, ("PICKUP_AFTER", "4s"), ("PICKUP_HANDBACK", "true")]).await?;
    town.model.push(Reply::Text("I don't know".to_owned()));
    let id = {
        let chat = Chat::begin(&town);
        chat.says("Do you ship?");
        chat.is_handed_over().await?;
        chat.rests().await?;
        chat.id
    };
    town.daemon.kill()?;
    town.daemon.start().await?;
    let chat = Chat { town: &town, id };
    chat.becomes("pending").await?;
    let said = chat.read(3).await?;
    assert_eq!(said[1..], [english(&Phrase::NobodyYetTryAgain), "You said: Do you ship?".to_owned()]);
    assert_eq!(calls(&town), 1);
    Ok(())
}

async fn a_model_call_is_retried_after_a_kill(backing: Backing) -> Result<()> {
    let mut town = open_lenient(backing, &[NO_GATE]).await?;
    town.model.push(Reply::Error(500, "server_error", "server_error"));
    let id = {
        let chat = Chat::begin(&town);
        chat.says("Do you ship?");
        let failed = || async { Ok(chat.view().await.is_ok_and(|view| view["failures"] == 1)) };
        until("the first call has failed", failed).await?;
        chat.id
    };
    town.daemon.kill()?;
    town.daemon.start().await?;
    assert_eq!(Chat { town: &town, id }.read(1).await?, ["You said: Do you ship?"]);
    Ok(())
}

async fn a_mail_is_retried_after_a_kill(backing: Backing) -> Result<()> {
    let mut town = open_lenient(backing, &[("FRONTDESK__GATE__MAIL_RETRY_PAUSE", "1s")]).await?;
    town.smtp.refuse_times(1, Stage::Rcpt, 451, "4.3.0 try again");
    let id = {
        let chat = Chat::begin(&town);
        assert_eq!(chat.asks("jane@example.com").await?, english(&Phrase::MailDelayed));
        chat.id
    };
    town.daemon.kill()?;
    town.daemon.start().await?;
    let chat = Chat { town: &town, id };
    assert_eq!(town.smtp.wait_for_mails(1).await?.len(), 1);
    assert_eq!(chat.read(2).await?[1], mail_sent("jane@example.com"));
    Ok(())
}

async fn a_challenge_expires_over_a_kill(backing: Backing) -> Result<()> {
    let ttl = [("FRONTDESK__GATE__LINK_TTL", "3s"), ("FRONTDESK__GATE__RESEND_COOLDOWN", "1s")];
    let mut town = open_lenient(backing, &ttl).await?;
    let (id, mail) = {
        let chat = Chat::begin(&town);
        (chat.id, chat.gives("jane@example.com").await?)
    };
    town.daemon.kill()?;
    town.daemon.start().await?;
    let expired = || async { Ok(town.visit(&mail).await?.1.contains("expired")) };
    until("the link has expired", expired).await?;
    let chat = Chat { town: &town, id };
    assert_ne!(town.press(&mail).await?.0, 200, "the button is too late");
    chat.says("Do you ship?");
    assert_eq!(town.smtp.wait_for_mails(2).await?.len(), 2);
    let address = "jane@example.com".to_owned();
    chat.sees("the customer is told", |world| {
        world.replies(id).contains(&english(&Phrase::Expired { address: address.clone() }))
    })
    .await?;
    assert_eq!(chat.phase().await?, "pending_verification");
    Ok(())
}

async fn idle_people_give_it_back_after_a_kill_and_after_leaving_memory(backing: Backing) -> Result<()> {
    let model = ModelDouble::start().await;
    let redis = if backing == Backing::Redis { Some(RedisServer::start().await?) } else { None };
    let mut daemon = Daemon::new(BINARY)?
        .with("OPENAI_API_KEY", "sk-test")
        .with("OPENAI_BASE_URL", model.base_url())
        .with("WEB_GATE", "off")
        .with("HUMAN_IDLE", "9s")
        .with("DEBOUNCE_QUIET", "50ms")
        .with(FORGETFUL.0, FORGETFUL.1);
    if let Some(redis) = &redis {
        daemon.set("REDIS_URL", redis.url());
    }
    daemon.start().await?;
    let body = json!({ "event": "message_created", "message_type": "incoming", "id": 1, "content": "a human please" });
    daemon.http().post(daemon.url("/webhook")).json(&body).send().await?.error_for_status()?;
    daemon.kill()?;
    daemon.start().await?;
    let shown = async || -> Result<Value> {
        let url = daemon.url("/api/conversations");
        Ok(daemon.http().get(url).send().await?.json::<Value>().await?["conversations"][0].clone())
    };
    // The list is read past the conversation, which leaves memory meanwhile and is not woken by it.
    assert_eq!(shown().await?["phase"], "human");
    let back = || async { Ok(shown().await?["phase"] == "bot") };
    until("the desk has it again", back).await
}
