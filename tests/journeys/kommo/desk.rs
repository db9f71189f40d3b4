//! A desk that serves Kommo beside Chatwoot.

use crate::journeys::support::{BINARY, until};
use anyhow::{Result, bail};
use frontdesk_sandbox::kommo::{
    Answered, Asked, CLIENT_ID, CLIENT_SECRET, KommoDouble, REDIRECT_URI, SUBDOMAIN, TOKEN,
};
use frontdesk_sandbox::town::{Backing, Town, Wiring};
use serde_json::Value;

pub(crate) const LEAD: u64 = 20_000_001;
pub(crate) const HOOK: &str = "a-webhook-secret-of-some-length";

/// A desk that serves Kommo beside Chatwoot.
pub(crate) struct Desk {
    pub(crate) town: Town,
    pub(crate) kommo: KommoDouble,
}

pub(crate) async fn wired(backing: Backing, settings: &[(&str, &str)]) -> Result<Desk> {
    let mut town = Town::build(BINARY, backing, Wiring::BotOnly).await?;
    let kommo = KommoDouble::start(&town.daemon.url("")).await?;
    town.daemon.set("DEBOUNCE_QUIET", "50ms");
    town.daemon.set("KOMMO_SUBDOMAIN", SUBDOMAIN);
    town.daemon.set("KOMMO_CLIENT_SECRET", CLIENT_SECRET);
    town.daemon.set("KOMMO_CLIENT_ID", CLIENT_ID);
    town.daemon.set("KOMMO_REDIRECT_URI", REDIRECT_URI);
    town.daemon.set("KOMMO_BASE_URL", kommo.base_url());
    town.daemon.set("KOMMO_WEBHOOK_SECRET", HOOK);
    town.daemon.set("FRONTDESK__KOMMO__TIMEOUT", "2s");
    town.daemon.set("LOG", "trace");
    for (name, value) in settings {
        town.daemon.set(name, value);
    }
    town.daemon.start().await?;
    kommo.deliver_to(HOOK);
    Ok(Desk { town, kommo })
}

pub(crate) async fn served(backing: Backing) -> Result<Desk> {
    wired(backing, &[("KOMMO_TOKEN", TOKEN)]).await
}

pub(crate) fn key() -> String {
    format!("kommo:{SUBDOMAIN}:{LEAD}")
}

impl Desk {
    pub(crate) async fn asks(&self, text: &str) -> Result<Asked> {
        let asked = self.kommo.asks(LEAD, text).await?;
        assert_eq!(asked.status, Some(200), "a request is acknowledged in time");
        Ok(asked)
    }

    /// Asks and returns what the customer reads.
    pub(crate) async fn answers(&self, text: &str) -> Result<Answered> {
        self.kommo.answer_to(self.asks(text).await?).await
    }

    pub(crate) async fn view(&self) -> Result<Value> {
        let (status, view) = self.town.admin("GET", &format!("/api/conversations/{}", key()), Value::Null).await?;
        if status == 200 { Ok(view) } else { bail!("{}: {status} {view}", key()) }
    }

    pub(crate) async fn reaches(&self, phase: &str) -> Result<()> {
        let there = || async { Ok(self.view().await.is_ok_and(|view| view["phase"] == phase)) };
        until(phase, there).await
    }

    /// Waits until every request was answered and the desk has nothing left to do.
    pub(crate) async fn rests(&self) -> Result<()> {
        self.kommo.wait_for("nobody waits", |kommo| kommo.waiting().is_empty()).await?;
        let rests = || async {
            let view = self.view().await?;
            Ok(view["thinking"] == false && view["outbox"].as_array().is_some_and(Vec::is_empty))
        };
        until("rest", rests).await
    }

    pub(crate) fn shows_no_secret(&self) {
        let log = self.town.daemon.log();
        for secret in [TOKEN, CLIENT_SECRET, HOOK, "access-1", "refresh-1", "eyJ0eXAi"] {
            assert!(!log.contains(secret), "a secret stands in the log: {secret}");
        }
    }
}
