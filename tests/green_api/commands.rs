//! `frontdesk chats … --phone`: on WhatsApp the number names the person.

use super::support::{Backing, DANA, Shop, journeys, run};
use anyhow::{Result, ensure};
use frontdesk_sandbox::green_api::INSTANCE;
use frontdesk_sandbox::model::Reply;
use serde_json::{Value, json};

/// A name that no other text holds.
const NAME: &str = "Quixote";

/// Another customer.
const KIM: &str = "15550100077@c.us";

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_their_number() -> Result<()> {
    run(journeys![
        a_number_shows_sums_up_and_exports_one_chat,
        a_number_that_is_cleared_is_forgotten_and_answered_anew,
        what_nobody_could_read_goes_with_everybody,
    ])
    .await
}

/// Both ask something and are answered.
async fn asked(backing: Backing) -> Result<Shop> {
    let shop = Shop::open(backing).await?;
    shop.green.customer_writes(DANA, "My name is Quixote. Do you ship to Lisbon?");
    shop.hears(NAME).await?;
    shop.green.customer_writes(KIM, "Kim asks about Porto");
    shop.green.wait_for("Kim is answered", |world| world.said(KIM).len() == 1).await?;
    shop.at_rest().await?;
    Ok(shop)
}

fn ok(shop: &Shop, arguments: &[&str]) -> Result<String> {
    let (ok, said) = shop.command(arguments)?;
    ensure!(ok, "{arguments:?}: {said}");
    Ok(said)
}

async fn a_number_shows_sums_up_and_exports_one_chat(backing: Backing) -> Result<()> {
    let shop = asked(backing).await?;
    let key = format!("green-api:{INSTANCE}:{DANA}");
    for number in ["+1 555 010-00-42", "15550100042", "001 (555) 0100042"] {
        let shown = ok(&shop, &["chats", "show", "--phone", number])?;
        ensure!(shown.starts_with(&key) && shown.contains(NAME) && !shown.contains("Kim asks"), "{number}: {shown}");
    }
    let listed = ok(&shop, &["chats", "list"])?;
    ensure!(listed.contains(&key) && listed.contains(KIM), "{listed}");
    shop.model.push(Reply::Text("Somebody wants to know about Lisbon.".to_owned()));
    let summed = ok(&shop, &["chats", "summary", "--phone", "+15550100042"])?;
    ensure!(summed == "Somebody wants to know about Lisbon.\n", "{summed}");
    let lines = ok(&shop, &["chats", "export", "--phone", "+15550100042", "--format", "jsonl"])?;
    let one: Value = serde_json::from_str(lines.trim())?;
    ensure!(one["conversation"]["key"] == key.as_str() && !lines.contains("Kim asks"), "{one:#}");
    let markdown = ok(&shop, &["chats", "export", "--phone", "+15550100042", "--format", "md"])?;
    ensure!(markdown.contains(&format!("# {key}")) && !markdown.contains("Kim asks"), "{markdown}");
    let (found, said) = shop.command(&["chats", "show", "--phone", "+15550100043"])?;
    ensure!(!found && said.contains("no conversation is known of this number"), "{said}");
    Ok(())
}

/// It names people in ways that nobody can search for.
async fn what_nobody_could_read_goes_with_everybody(backing: Backing) -> Result<()> {
    let shop = asked(backing).await?;
    for who in ["somebody", NAME] {
        shop.green.notify(json!({ "typeWebhook": "somethingNew", "says": who }).to_string());
    }
    shop.green.wait_quiet().await?;
    let aside = ok(&shop, &["chats", "quarantined", "--json"])?;
    ensure!(serde_json::from_str::<Value>(&aside)?["conversations"][0]["events"] == 2, "{aside}");
    let (cleared, _) = shop.command(&["chats", "clear-all"])?;
    ensure!(!cleared, "nobody said yes");
    let aside = ok(&shop, &["chats", "quarantined", "--json"])?;
    ensure!(serde_json::from_str::<Value>(&aside)?["conversations"][0]["events"] == 2, "{aside}");
    let said = ok(&shop, &["chats", "clear-all", "--yes"])?;
    ensure!(said.matches("Erased green-api:").count() == 2 && said.contains("Erased 2 webhooks"), "{said}");
    let aside = ok(&shop, &["chats", "quarantined", "--json"])?;
    ensure!(serde_json::from_str::<Value>(&aside)?["conversations"] == json!([]), "{aside}");
    // And the next time there is nothing to say about them.
    ensure!(!ok(&shop, &["chats", "clear-all", "--yes"])?.contains("webhooks"));
    let exported = ok(&shop, &["chats", "export", "--format", "jsonl"])?;
    ensure!(!exported.contains(NAME), "{exported}");
    Ok(())
}

async fn a_number_that_is_cleared_is_forgotten_and_answered_anew(backing: Backing) -> Result<()> {
    let mut shop = asked(backing).await?;
    // What nobody can read is kept, and names people too.
    let unread = |chat: &str| json!({ "typeWebhook": "somethingNew", "chat": chat, "says": NAME }).to_string();
    [unread(DANA), unread("15550100042"), unread(KIM)].into_iter().for_each(|body| shop.green.notify(body));
    shop.green.wait_quiet().await?;
    let aside = ok(&shop, &["chats", "quarantined", "--json"])?;
    ensure!(serde_json::from_str::<Value>(&aside)?["conversations"][0]["events"] == 3, "{aside}");
    let (cleared, said) = shop.command(&["chats", "clear", "--phone", "+1 555 010-00-42"])?;
    ensure!(!cleared && said.contains("cannot be undone"), "nobody said yes: {said}");
    let said = ok(&shop, &["chats", "clear", "--phone", "+1 555 010-00-42", "--yes"])?;
    ensure!(said == format!("Erased green-api:{INSTANCE}:{DANA}.\n"), "{said}");
    let shown = ok(&shop, &["chats", "show", "--phone", "15550100042"])?;
    ensure!(shown.contains("Nothing is remembered.") && !shown.contains(NAME), "{shown}");
    let aside = ok(&shop, &["chats", "quarantined", "--json"])?;
    ensure!(serde_json::from_str::<Value>(&aside)?["conversations"][0]["events"] == 1, "Kim's is left: {aside}");
    let exported = ok(&shop, &["chats", "export", "--format", "jsonl"])?;
    ensure!(!exported.contains(NAME) && exported.contains("Kim asks about Porto"), "{exported}");
    // The next process looks back, finds what was erased at the vendor, and answers none of it again.
    shop.kill_and_restart().await?;
    shop.green.customer_writes(DANA, "And to Madrid?");
    shop.hears("And to Madrid?").await?;
    shop.at_rest().await?;
    ensure!(shop.green.said(DANA).len() == 2, "{:?}", shop.green.said(DANA));
    let asked = shop.model.calls().last().map(|call| call.body.to_string()).unwrap_or_default();
    ensure!(asked.contains("And to Madrid?") && !asked.contains(NAME), "{asked}");
    Ok(())
}
