//! `GREEN_GATE=on`: the desk asks a WhatsApp customer for an address before it answers, as it does elsewhere.

use super::support::{Backing, DANA, Shop, english, journeys, run};
use anyhow::{Context, Result, ensure};
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::smtp::{Mail, SmtpServer};

const ADDRESS: &str = "dana@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_asked_for_where_that_is_wanted() -> Result<()> {
    run(journeys![
        a_code_in_the_chat_opens_the_gate_and_the_question_is_answered,
        a_link_in_the_mail_opens_the_gate,
        the_gate_holds_across_a_kill,
        who_writes_on_the_phone_has_the_chat_before_the_gate_too,
    ])
    .await
}

/// Opens a shop with the gate.
async fn gated(backing: Backing) -> Result<(Shop, SmtpServer)> {
    let (mail, mut shop) = (SmtpServer::start()?, Shop::build(backing).await?);
    shop.daemon.set("GREEN_GATE", "on");
    shop.daemon.set("SMTP_URL", mail.url());
    shop.daemon.set("SENDER_EMAIL", "desk@example.test");
    shop.daemon.start().await?;
    Ok((shop, mail))
}

/// Dana asks something, is asked for her address, and gives it.
async fn gives_her_address(shop: &Shop, mail: &SmtpServer) -> Result<Mail> {
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears(&english(&Phrase::AskEmail)).await?;
    ensure!(shop.in_phase("awaiting_email").await?["owed"] == 1, "the question is kept");
    shop.green.customer_writes(DANA, ADDRESS);
    let sent = mail.wait_for_mails(1).await?;
    shop.hears(&english(&Phrase::MailSent { address: ADDRESS.to_owned() })).await?;
    shop.in_phase("pending_verification").await?;
    ensure!(shop.model.calls().is_empty(), "nothing before the gate reaches a model");
    sent.into_iter().next().context("a mail")
}

async fn is_answered(shop: &Shop) -> Result<()> {
    shop.hears(&english(&Phrase::Verified { address: ADDRESS.to_owned() })).await?;
    shop.hears("Do you ship to Lisbon?").await?;
    shop.said_once("Do you ship to Lisbon?").await?;
    let view = shop.view(DANA).await?;
    ensure!(view["phase"] == "bot" && view["verified"]["address"] == ADDRESS, "{view:#}");
    ensure!(shop.model.calls().len() == 1, "asked once");
    let said = shop.green.said(DANA);
    ensure!(said.len() == 4, "the question, the mail, the proof and the answer: {said:?}");
    Ok(())
}

async fn a_code_in_the_chat_opens_the_gate_and_the_question_is_answered(backing: Backing) -> Result<()> {
    let (shop, mail) = gated(backing).await?;
    let code = gives_her_address(&shop, &mail).await?.code().context("the mail has no code")?;
    shop.green.customer_writes(DANA, &code);
    is_answered(&shop).await?;
    // From here on nobody asks again.
    shop.green.customer_writes(DANA, "And to Porto?");
    shop.hears("And to Porto?").await?;
    let (ok, said) = shop.command(&["audit"])?;
    ensure!(ok, "the store keeps the rules of the gate: {said}");
    Ok(())
}

async fn a_link_in_the_mail_opens_the_gate(backing: Backing) -> Result<()> {
    let (shop, mail) = gated(backing).await?;
    let mail = gives_her_address(&shop, &mail).await?;
    let token = frontdesk_sandbox::town::token(&mail)?;
    let request = shop.daemon.http().post(shop.daemon.url("/verify")).body(format!("token={token}"));
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await?;
    ensure!(answer.status() == 200, "{}", answer.status());
    is_answered(&shop).await
}

async fn the_gate_holds_across_a_kill(backing: Backing) -> Result<()> {
    let (mut shop, mail) = gated(backing).await?;
    let code = gives_her_address(&shop, &mail).await?.code().context("the mail has no code")?;
    shop.green.wait_quiet().await?;
    shop.kill_and_restart().await?;
    ensure!(shop.view(DANA).await?["phase"] == "pending_verification", "{}", shop.view(DANA).await?);
    shop.green.customer_writes(DANA, &code);
    is_answered(&shop).await
}

async fn who_writes_on_the_phone_has_the_chat_before_the_gate_too(backing: Backing) -> Result<()> {
    let (shop, _mail) = gated(backing).await?;
    shop.green.customer_writes(DANA, "Do you ship to Lisbon?");
    shop.hears(&english(&Phrase::AskEmail)).await?;
    shop.green.phone_writes(DANA, "We do! Kim");
    shop.in_phase("human").await?;
    shop.green.customer_writes(DANA, ADDRESS);
    shop.green.wait_quiet().await?;
    shop.at_rest().await?;
    ensure!(shop.green.said(DANA).len() == 1 && shop.model.calls().is_empty(), "{:?}", shop.green.said(DANA));
    Ok(())
}
