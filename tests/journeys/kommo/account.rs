//! One account: whose requests and webhooks are heard, in which language its customers are answered, and how often it is
//! called.

use super::desk::{HOOK, LEAD, served, wired};
use crate::journeys::support::{on_both_stores, until, words};
use anyhow::{Result, ensure};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::kommo::{ACCOUNT, Algorithm, SUBDOMAIN, TOKEN};
use frontdesk_sandbox::town::Backing;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_both_stores!(
    requests_of_the_account_are_heard_whichever_of_three_ways_they_are_signed,
    nothing_of_another_account_or_integration_is_heard,
    whoever_of_the_account_writes_silences_the_desk_however_kommo_tells_it,
    the_bots_of_the_account_silence_nobody,
    a_trial_is_answered_as_the_accounts_customers_are,
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
    let mut desk = served(backing).await?;
    // The vendor is asked for the account's number.
    let (_, status) = desk.town.admin("GET", "/api/kommo/chat/status", Value::Null).await?;
    ensure!(status["connection"]["account_id"] == ACCOUNT, "{status}");
    let request = desk.kommo.wait(LEAD);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    for (changes, why) in [
        (json!({"subdomain": "other"}), "another account"),
        (json!({"iss": "https://other.kommo.com"}), "another issuer"),
        (json!({"subdomain": "other", "iss": "https://other.kommo.com"}), "another account as a whole"),
        (json!({"subdomain": null, "iss": null}), "no account"),
        (json!({"account_id": ACCOUNT + 1}), "another account's number"),
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
    let numbered = theirs.replace("account[subdomain]=other&", "");
    let named = ours.replace("account[id]=10000001", "account[id]=1");
    let strangers = [(HOOK, &theirs), (HOOK, &numbered), (HOOK, &named), ("another-secret-of-the-same-length", &ours)];
    // The next process knows the number without asking anybody.
    for restarts in [false, true] {
        if restarts {
            desk.town.daemon.kill()?;
            desk.town.daemon.start().await?;
        }
        for (secret, body) in strangers {
            let url = desk.town.daemon.url(&format!("/webhooks/kommo/{secret}"));
            let sent = desk.town.daemon.http().post(url).header("content-type", "application/x-www-form-urlencoded");
            let status = sent.body(body.clone()).send().await?.status().as_u16();
            ensure!(status == 401, "{secret}: {body}: {status}");
        }
        ensure!(desk.view().await?["phase"] == "bot", "a stranger has silenced the desk");
    }
    desk.shows_no_secret();
    Ok(())
}

/// What `add_outgoing_message` looks like is not documented, and neither is the author of a message from a connected phone.
async fn whoever_of_the_account_writes_silences_the_desk_however_kommo_tells_it(backing: Backing) -> Result<()> {
    let desk = served(backing).await?;
    let of = |lead: u64, author: &str| desk.kommo.event(lead, "Kim here, let me look into it.", author);
    let without_lead = |mut event: Value| {
        let message = event["message"]["add"][0].as_object_mut().expect("a message");
        for name in ["element_type", "entity_type", "element_id", "entity_id"] {
            message.remove(name);
        }
        event
    };
    let outgoing = |root: &str, verb: &str, mut event: Value| {
        let mut message = event["message"]["add"][0].take();
        message.as_object_mut().expect("a message").remove("type");
        event.as_object_mut().expect("an event").remove("message");
        event[root] = json!({ verb: [message] });
        event
    };
    let events = [
        ("a user of the account", of(LEAD, "internal")),
        ("a colleague on a connected phone", of(LEAD + 1, "external")),
        ("only the contact is named", without_lead(of(LEAD + 2, "internal"))),
        ("add_outgoing_message, nested in message", outgoing("message", "add_outgoing", of(LEAD + 3, "user"))),
        ("add_outgoing_message, as a root", outgoing("outgoing_message", "add", of(LEAD + 4, ""))),
    ];
    for (lead, (how, event)) in (LEAD..).zip(&events) {
        let asked = desk.kommo.asks(lead, "hello").await?;
        ensure!(desk.kommo.answer_to(asked).await?.shown == ["You said: hello"], "{how}");
        ensure!(desk.kommo.tells(event).await? == 200, "{how}");
        let asked = desk.kommo.asks(lead, "thanks").await?;
        let answer = desk.kommo.answer_to(asked).await?;
        ensure!(answer.status == "human" && answer.shown.is_empty(), "{how}: talked over: {answer:?}");
    }
    Ok(())
}

async fn the_bots_of_the_account_silence_nobody(backing: Backing) -> Result<()> {
    let desk = served(backing).await?;
    desk.answers("hello").await?;
    for author in ["bot", "salesbot", "robot", "system"] {
        ensure!(desk.kommo.tells(&desk.kommo.event(LEAD, "Our news of the week", author)).await? == 200, "{author}");
        let answer = desk.answers(&format!("after the {author}")).await?;
        ensure!(answer.shown == [format!("You said: after the {author}")], "{author}: {answer:?}");
    }
    desk.rests().await?;
    ensure!(desk.view().await?["phase"] == "bot");
    Ok(())
}

/// Operators who try an answer would else try another prompt than the customers'.
async fn a_trial_is_answered_as_the_accounts_customers_are(backing: Backing) -> Result<()> {
    let desk = wired(backing, &[("KOMMO_TOKEN", TOKEN), ("INSTRUCTIONS_POLL", "50ms")]).await?;
    let folder = desk.town.daemon.data_dir().join("bot_instructions");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("shared_instructions.txt"), "For everybody else.")?;
    std::fs::write(folder.join(format!("kommo.{SUBDOMAIN}.md")), "You sell tea.")?;
    let in_force = || async {
        let (_, said) = desk.town.admin("GET", "/api/instructions", Value::Null).await?;
        Ok(said.to_string().contains("You sell tea."))
    };
    until("the account's instructions are in force", in_force).await?;
    desk.answers("Do you ship?").await?;
    // Over which messenger somebody else wrote changes nothing.
    ensure!(desk.kommo.tells(&desk.kommo.event(LEAD, "Our news of the week", "bot")).await? == 200);
    desk.answers("And to Porto?").await?;
    let (code, tried) = desk.town.admin("POST", "/api/kommo/chat/test", json!({ "message": "Do you ship?" })).await?;
    ensure!(code == 200 && tried["reply"] == "You said: Do you ship?", "{code} {tried}");
    let given: Vec<String> = desk.town.model.calls().iter().map(|call| call.system()).collect();
    ensure!(given.len() == 3 && given.iter().all(|given| given.starts_with("You sell tea.")), "{given:?}");
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
