//! A person is forgotten: their address and its proof go too, and the desk asks again.

use super::support::{Chat, english, on_both_stores, open};
use anyhow::{Result, ensure};
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::town::Backing;

on_both_stores!(who_is_forgotten_proves_their_address_anew,);

async fn who_is_forgotten_proves_their_address_anew(backing: Backing) -> Result<()> {
    let town = open(backing, &[]).await?;
    let chat = Chat::begin(&town);
    chat.asks("Do you ship to Norway?").await?;
    let mail = chat.gives("jane@example.com").await?;
    ensure!(town.press(&mail).await?.0 == 200);
    chat.read(4).await?;
    chat.rests().await?;
    // Another conversation of the same contact needs no proof, as long as the contact is known.
    let second = Chat::begin(&town);
    ensure!(second.asks("And to Iceland?").await? != english(&Phrase::AskEmail));
    second.rests().await?;
    let (status, found) = town.admin("POST", "/api/people", serde_json::json!({ "key": chat.key() })).await?;
    let keys: Vec<&str> =
        found["conversations"].as_array().into_iter().flatten().filter_map(|one| one["key"].as_str()).collect();
    ensure!(status == 200 && keys.len() == 2 && keys.contains(&second.key().as_str()), "{found:#}");
    chat.order("erase").await?;
    second.order("erase").await?;
    for erased in [&chat, &second] {
        let view = erased.view().await?;
        ensure!(
            view["phase"] == "awaiting_email" && view["contact"].is_null() && view["verified"].is_null(),
            "{view:#}"
        );
    }
    // The link of the first mail was used; it opens nothing any more.
    ensure!(town.press(&mail).await?.0 >= 400);
    let third = Chat::begin(&town);
    ensure!(third.asks("And to Sweden?").await? == english(&Phrase::AskEmail));
    ensure!(chat.replies().len() == 4 && second.replies().len() == 1, "nothing is said again");
    Ok(())
}
