//! From the first message to a verified answer.

use anyhow::Result;
use frontdesk_sandbox::town::{Backing, Town, Wiring};

const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

async fn first_message_to_verified_answer(backing: Backing) -> Result<()> {
    let town = Town::open(BINARY, backing, Wiring::Full).await?;
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "Hi, do you ship to Norway?");
    town.chatwoot.wait_for("the address is asked for", |world| world.replies(conversation).len() == 1).await?;
    town.chatwoot.customer_writes(conversation, "sure, it is jane@example.com");
    let mails = town.smtp.wait_for_mails(1).await?;
    town.chatwoot.wait_for("the mail is announced", |world| world.replies(conversation).len() == 2).await?;
    assert_eq!(town.visit(&mails[0]).await?.0, 200);
    assert_eq!(town.press(&mails[0]).await?.0, 200);
    town.chatwoot
        .wait_for("verified, and the question answered", |world| world.replies(conversation).len() == 4)
        .await?;
    let replies = town.chatwoot.see(|world| world.replies(conversation));
    assert!(replies[3].contains("do you ship to Norway?"), "{replies:?}");
    assert_eq!(town.model.calls().len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn first_message_to_verified_answer_on_redis() -> Result<()> {
    first_message_to_verified_answer(Backing::Redis).await
}

#[tokio::test(flavor = "multi_thread")]
async fn first_message_to_verified_answer_embedded() -> Result<()> {
    first_message_to_verified_answer(Backing::Embedded).await
}
