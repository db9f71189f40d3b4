//! What journeys have in common: a town on either store, and a conversation in it as the customer holds it.

use anyhow::{Context, Result, bail};
use frontdesk::language::Locales;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::{Phrase, Phrasebook};
use frontdesk_sandbox::chatwoot::WorldView;
use frontdesk_sandbox::smtp::Mail;
use frontdesk_sandbox::town::{Backing, Town, Wiring};
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The daemon.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

/// How long something may take that should happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// Jane's number. The double knows her from the beginning, with her address.
pub(crate) const JANE: u64 = 412;

pub(crate) use frontdesk_sandbox::on_both_stores;

/// A setting by its name in the environment.
pub(crate) type Setting<'a> = (&'a str, &'a str);

/// Everybody is answered: for journeys that begin behind the gate.
pub(crate) const NO_GATE: Setting<'_> = ("GATE", "off");

/// Opens a desk with everything that Chatwoot offers, quick to answer.
pub(crate) async fn open(backing: Backing, settings: &[Setting<'_>]) -> Result<Town> {
    open_wired(backing, Wiring::Full, settings).await
}

/// Opens a desk.
pub(crate) async fn open_wired(backing: Backing, wiring: Wiring, settings: &[Setting<'_>]) -> Result<Town> {
    let mut town = Town::build(BINARY, backing, wiring).await?;
    town.daemon.set("DEBOUNCE_QUIET", "50ms");
    for (name, value) in settings {
        town.daemon.set(name, value);
    }
    town.daemon.start().await?;
    Ok(town)
}

/// Returns what the desk says itself.
pub(crate) fn words(lang: Lang, phrase: &Phrase) -> String {
    static LOCALES: LazyLock<Locales> = LazyLock::new(|| Locales::load(None).expect("the shipped locales are whole"));
    LOCALES.say(lang, phrase)
}

/// Returns what the desk says itself, in English.
pub(crate) fn english(phrase: &Phrase) -> String {
    words(Lang::En, phrase)
}

pub(crate) fn mail_sent(address: &str) -> String {
    english(&Phrase::MailSent { address: address.to_owned() })
}

pub(crate) fn verified(address: &str) -> String {
    english(&Phrase::Verified { address: address.to_owned() })
}

/// Waits until something holds that only asking can show.
pub(crate) async fn until<F: Future<Output = Result<bool>>>(what: &str, holds: impl Fn() -> F) -> Result<()> {
    let began = Instant::now();
    while !holds().await? {
        if began.elapsed() > PATIENCE {
            bail!("waited in vain for: {what}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// A conversation.
#[derive(Clone, Copy)]
pub(crate) struct Chat<'t> {
    pub(crate) town: &'t Town,
    pub(crate) id: u64,
}

impl<'t> Chat<'t> {
    /// Jane opens a conversation.
    pub(crate) fn begin(town: &'t Town) -> Self {
        Self::of(town, JANE)
    }

    /// A stranger without an address opens a conversation.
    pub(crate) fn stranger(town: &'t Town, name: &str) -> Self {
        Self::of(town, town.chatwoot.new_contact(name, None))
    }

    /// A contact opens a conversation.
    pub(crate) fn of(town: &'t Town, contact: u64) -> Self {
        Self { town, id: town.chatwoot.new_conversation(contact) }
    }

    pub(crate) fn says(&self, text: &str) -> u64 {
        self.town.chatwoot.customer_writes(self.id, text)
    }

    /// Returns what the customer has read from the desk.
    pub(crate) fn replies(&self) -> Vec<String> {
        self.town.chatwoot.see(|world| world.replies(self.id))
    }

    /// Waits until the customer has read this many messages of the desk, and returns them.
    pub(crate) async fn read(&self, count: usize) -> Result<Vec<String>> {
        let what = format!("{count} replies");
        let waited = self.town.chatwoot.wait_for(&what, |world| world.replies(self.id).len() >= count).await;
        if let Err(error) = waited {
            let calls = self.town.model.calls().len();
            return Err(error.context(format!("{calls} model calls; the desk's view: {:#}", self.view().await?)));
        }
        let replies = self.replies();
        assert_eq!(replies.len(), count, "{replies:?}");
        Ok(replies)
    }

    /// Says something and returns the next reply.
    pub(crate) async fn asks(&self, text: &str) -> Result<String> {
        let before = self.replies().len();
        self.says(text);
        Ok(self.read(before + 1).await?.remove(before))
    }

    /// Waits for something at Chatwoot.
    pub(crate) async fn sees(&self, what: &str, holds: impl Fn(&WorldView<'_>) -> bool) -> Result<()> {
        self.town.chatwoot.wait_for(what, holds).await
    }

    /// Waits until Chatwoot shows this status.
    pub(crate) async fn becomes(&self, status: &str) -> Result<()> {
        let is = |world: &WorldView<'_>| world.conversation(self.id).is_some_and(|found| found.status == status);
        self.town.chatwoot.wait_for(status, is).await
    }

    pub(crate) fn status(&self) -> String {
        self.town.chatwoot.conversation(self.id).map(|found| found.status).unwrap_or_default()
    }

    /// Returns the conversation's key at the desk.
    pub(crate) fn key(&self) -> String {
        format!("chatwoot:1:{}", self.id)
    }

    /// Returns what the desk shows of the conversation.
    pub(crate) async fn view(&self) -> Result<Value> {
        let (status, view) = self.town.admin("GET", &format!("/api/conversations/{}", self.key()), Value::Null).await?;
        if status == 200 { Ok(view) } else { bail!("{}: {status} {view}", self.key()) }
    }

    pub(crate) async fn phase(&self) -> Result<String> {
        Ok(self.view().await?["phase"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the desk is in this phase.
    pub(crate) async fn reaches(&self, phase: &str) -> Result<()> {
        let there = || async { Ok(self.phase().await.is_ok_and(|now| now == phase)) };
        until(phase, there).await
    }

    /// Gives the desk an order through the API.
    pub(crate) async fn order(&self, order: &str) -> Result<Value> {
        let path = format!("/api/conversations/{}/{order}", self.key());
        let (status, answer) = self.town.admin("POST", &path, json!({})).await?;
        if status == 200 { Ok(answer) } else { bail!("{order}: {status} {answer}") }
    }

    /// Waits until nothing is under way: no webhook, no model call, nothing owed that will be answered, nothing to send.
    pub(crate) async fn rests(&self) -> Result<()> {
        let resting = || async {
            self.town.chatwoot.wait_quiet().await?;
            let view = self.view().await?;
            let asking = view["phase"] == "bot" && view["owed"] != 0;
            let busy =
                asking || view["thinking"] == true || view["outbox"].as_array().is_none_or(|rows| !rows.is_empty());
            let (quiet, still) =
                (self.town.chatwoot.stats().running == 0, self.view().await?["version"] == view["version"]);
            Ok(!busy && quiet && still)
        };
        until("rest", resting).await
    }

    /// Gives an address and returns the mail. Two messages of the desk are expected if it has to ask first, else one.
    pub(crate) async fn gives(&self, address: &str) -> Result<Mail> {
        let (mails, replies) = (self.town.smtp.mails().len(), self.replies().len());
        self.says(address);
        let mail = self.town.smtp.wait_for_mails(mails + 1).await?.remove(mails);
        self.read(replies + 1).await?;
        Ok(mail)
    }

    /// Goes through the gate by the code, without asking anything.
    pub(crate) async fn verifies(&self, address: &str) -> Result<()> {
        let code = self.gives(address).await?.code().context("the mail has no code")?;
        assert_eq!(self.asks(&code).await?, verified(address));
        Ok(())
    }

    /// Waits until the desk has told a person's arrival and opened the conversation.
    pub(crate) async fn is_handed_over(&self) -> Result<()> {
        self.becomes("open").await?;
        self.reaches("human").await?;
        let told = |line: &frontdesk_sandbox::chatwoot::Line| line.content_attributes["action"] == "handoff";
        self.sees("the hand-over is announced", |world| world.transcript(self.id).iter().any(told)).await
    }

    /// The customer asks for a person and is heard.
    pub(crate) async fn calls_a_person(&self) -> Result<()> {
        self.says("I want to talk to a human");
        self.is_handed_over().await
    }

    /// Returns the private notes of the desk.
    pub(crate) fn notes(&self) -> Vec<String> {
        let lines = self.town.chatwoot.transcript(self.id).into_iter();
        lines.filter(|line| line.private && line.row.is_some()).map(|line| line.text).collect()
    }
}

/// Calls Chatwoot's API as its user, past the desk.
pub(crate) async fn chatwoot_user(town: &Town, path: &str, body: &Value) -> Result<()> {
    let url = format!("{}/api/v1/accounts/1/{path}", town.chatwoot.base_url());
    let request = town.daemon.http().post(url).header("api_access_token", "user-token-fixture").json(body);
    request.send().await?.error_for_status()?;
    Ok(())
}

/// Returns a fact of a hand-over card by its title.
pub(crate) fn fact(card: &Value, title: &str) -> String {
    let facts = card["body"][1]["facts"].as_array().cloned().unwrap_or_default();
    let found = facts.iter().find(|fact| fact["title"] == title);
    found.and_then(|fact| fact["value"].as_str()).unwrap_or_default().to_owned()
}
