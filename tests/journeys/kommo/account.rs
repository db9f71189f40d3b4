//! One account: whose requests and webhooks are heard, in which language its customers are answered, and how often it is
//! called.

use super::desk::{HOOK, LEAD, served};
use crate::journeys::support::{on_both_stores, words};
use anyhow::{Result, ensure};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::kommo::Algorithm;
use frontdesk_sandbox::town::Backing;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_both_stores!(
    requests_of_the_account_are_heard_whichever_of_three_ways_they_are_signed,
    nothing_of_another_account_or_integration_is_heard,
    a_russian_customer_is_handed_over_in_russian,
    the_account_is_called_at_most_seven_times_a_second,
);

async fn requests_of_the_account_are_heard_whichever_of_three_ways_they_are_signed(backing: Backing) -> Result<()> {
    let desk = served(backing).await?;
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let request = desk.kommo.wait(LEAD);
        let text = format!("by {algorithm:?}?");
        let mut body = desk.kommo.body(request, &text);
        body["token"] = json!(desk.kommo.token(LEAD, algorithm, &json!({})));
        let asked = desk.kommo.sends(request, &body).await?;
        ensure!(asked.status == Some(200), "{algorithm:?}: {asked:?}");
        let answer = desk.kommo.answer_to(asked).await?;
        ensure!(answer.shown.concat().contains(&text), "{algorithm:?}: {answer:?}");
    }
    Ok(())
}

/// The secret of an integration is the same in every account in which it is installed: a good signature is not enough.
async fn nothing_of_another_account_or_integration_is_heard(backing: Backing) -> Result<()> {
    let desk = served(backing).await?;
    let request = desk.kommo.wait(LEAD);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    for (changes, why) in [
        (json!({"subdomain": "other"}), "another account"),
        (json!({"iss": "https://other.kommo.com"}), "another issuer"),
        (json!({"subdomain": "other", "iss": "https://other.kommo.com"}), "another account as a whole"),
        (json!({"subdomain": null, "iss": null}), "no account"),
        (json!({"client_uuid": "00000000-0000-4000-8000-0000000000bb"}), "another integration"),
        (json!({"exp": now - 3600}), "a request of an hour ago"),
        (json!({"exp": null}), "a request without an end"),
    ] {
        let mut body = desk.kommo.body(request, "tell me what others said");
        body["token"] = json!(desk.kommo.token(LEAD, Algorithm::Hs512, &changes));
        let asked = desk.kommo.sends(request, &body).await?;
        ensure!(asked.status == Some(401), "{why}: {asked:?}");
    }
    ensure!(desk.town.model.calls().is_empty() && desk.kommo.answered().is_empty(), "a stranger was answered");
    let (status, _) =
        desk.town.admin("GET", &format!("/api/conversations/{}", super::desk::key()), Value::Null).await?;
    ensure!(status == 404, "a stranger has made a conversation");
    // The account's own conversation is not given to its people by the webhook of another.
    let asked = desk.kommo.sends(request, &desk.kommo.body(request, "hello")).await?;
    ensure!(desk.kommo.answer_to(asked).await?.shown == ["You said: hello"]);
    desk.rests().await?;
    let theirs = format!(
        "account[subdomain]=other&account[id]=1&message[add][0][type]=outgoing&message[add][0][text]=x&\
         message[add][0][entity_type]=lead&message[add][0][entity_id]={LEAD}"
    );
    let ours = theirs.replace("other", "fixture").replace("account[id]=1", "account[id]=10000001");
    for (secret, body) in [(HOOK, &theirs), ("another-secret-of-the-same-length", &ours)] {
        let url = desk.town.daemon.url(&format!("/webhooks/kommo/{secret}"));
        let sent = desk.town.daemon.http().post(url).header("content-type", "application/x-www-form-urlencoded");
        let status = sent.body(body.clone()).send().await?.status().as_u16();
        ensure!(status == 401, "{secret}: {status}");
    }
    ensure!(desk.view().await?["phase"] == "bot", "a stranger has silenced the desk");
    desk.shows_no_secret();
    Ok(())
}

async fn a_russian_customer_is_handed_over_in_russian(backing: Backing) -> Result<()> {
    let desk = served(backing).await?;
    desk.answers("Здравствуйте! Вы доставляете заказы в Астану?").await?;
    desk.rests().await?;
    let answer = desk.answers("Позовите, пожалуйста, оператора").await?;
    let bare = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (read, expected) = (bare(&answer.shown.join(" ")), bare(&words(Lang::Ru, &Phrase::HandoffAsked)));
    ensure!(answer.status == "human" && read == expected, "{answer:?}");
    ensure!(answer.shown.iter().all(|shown| shown.chars().count() <= 80), "{answer:?}");
    desk.reaches("human").await
}

async fn the_account_is_called_at_most_seven_times_a_second(backing: Backing) -> Result<()> {
    const CUSTOMERS: u64 = 22;
    let desk = served(backing).await?;
    let began = Instant::now();
    for lead in LEAD..LEAD + CUSTOMERS {
        let asked = desk.kommo.asks(lead, "hello").await?;
        ensure!(asked.status == Some(200), "a request is acknowledged at once, whoever must wait: {asked:?}");
    }
    let done = || desk.kommo.answered().len() as u64 >= CUSTOMERS;
    desk.kommo.wait_for("everybody to be answered", |_| done()).await?;
    // The twenty-second call comes three seconds after the first at the earliest.
    let took = began.elapsed();
    ensure!(took >= Duration::from_millis(2_900), "{CUSTOMERS} calls in {took:?}");
    for lead in LEAD..LEAD + CUSTOMERS {
        ensure!(desk.kommo.read(lead) == ["You said: hello"], "{lead}: {:?}", desk.kommo.read(lead));
    }
    ensure!(desk.kommo.surplus().is_empty(), "somebody was answered twice");
    Ok(())
}
