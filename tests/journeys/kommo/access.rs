//! The token that answers carry: nobody is talked over while one is renewed, no pair is used before it is stored, and what
//! goes wrong at Kommo's side is told from what an operator must mend.

use super::desk::{Desk, LEAD, served, wired};
use crate::journeys::support::{on_both_stores, until};
use anyhow::{Context, Result, ensure};
use frontdesk::adapters::kommo::{AccessError, Integration, Kommo, OauthError, Settings};
use frontdesk_actors::ids::{ConversationKey, OutboundId};
use frontdesk_actors::ports::{Act, Channel, Destination, Store, Verdict};
use frontdesk_actors::testkit::{ManualClock, MemoryStore};
use frontdesk_sandbox::kommo::{CLIENT_ID, CLIENT_SECRET, KommoDouble, REDIRECT_URI, SUBDOMAIN, TokenFault};
use frontdesk_sandbox::town::Backing;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

on_both_stores!(
    a_colleague_who_writes_while_a_token_is_renewed_is_not_talked_over,
    another_account_cannot_be_connected,
);

/// Begins a connection and returns its state.
async fn begun(desk: &Desk) -> Result<String> {
    let (code, begun) = desk.town.admin("POST", "/api/kommo/oauth/start", json!({})).await?;
    ensure!(code == 200, "{begun}");
    let url = Url::parse(begun["url"].as_str().context("an address")?)?;
    let state = url.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned());
    state.context("a state")
}

async fn back(desk: &Desk, state: &str, code: &str, referer: &str) -> Result<u16> {
    let path = format!("/oauth/kommo?state={state}&code={code}&referer={referer}");
    Ok(desk.town.daemon.http().get(desk.town.daemon.url(&path)).send().await?.status().as_u16())
}

async fn a_colleague_who_writes_while_a_token_is_renewed_is_not_talked_over(backing: Backing) -> Result<()> {
    let desk = wired(backing, &[("FRONTDESK__KOMMO__TIMEOUT", "25s")]).await?;
    ensure!(back(&desk, &begun(&desk).await?, &desk.kommo.allow(), "fixture.kommo.com").await? == 200);
    ensure!(desk.answers("hello").await?.shown == ["You said: hello"]);
    desk.rests().await?;
    let asked_for = desk.kommo.token_calls();
    desk.kommo.expire_access();
    desk.kommo.fault_tokens(TokenFault::Hold);
    let asked = desk.asks("do you ship?").await?;
    desk.kommo.wait_for("a token is renewed", |kommo| kommo.token_calls() > asked_for).await?;
    ensure!(desk.kommo.user_writes(LEAD, "Kim here, let me look into it.").await? == 200);
    desk.reaches("human").await?;
    desk.kommo.release_tokens();
    let answer = desk.kommo.answer_to(asked).await?;
    ensure!(answer.status == "human" && answer.shown.is_empty(), "somebody was talked over: {answer:?}");
    desk.rests().await?;
    ensure!(desk.kommo.read(LEAD) == ["You said: hello"], "{:?}", desk.kommo.read(LEAD));
    ensure!(desk.kommo.refreshes() == (1, 0), "{:?}", desk.kommo.refreshes());
    desk.shows_no_secret();
    Ok(())
}

async fn another_account_cannot_be_connected(backing: Backing) -> Result<()> {
    let desk = wired(backing, &[]).await?;
    let state = begun(&desk).await?;
    ensure!(back(&desk, &state, &desk.kommo.allow(), "other.kommo.com").await? == 400);
    ensure!(desk.kommo.token_calls() == 0, "the code of a foreign account was traded");
    ensure!(back(&desk, &state, &desk.kommo.allow(), "fixture.kommo.com").await? == 400, "a state is good once");
    let (_, status) = desk.town.admin("GET", "/api/kommo/chat/status", Value::Null).await?;
    ensure!(status["connection"]["state"] == "not_connected", "{status}");
    // A code that the vendor does not take connects nobody either.
    ensure!(back(&desk, &begun(&desk).await?, "a-code-of-nobody", "fixture.kommo.com").await? == 400);
    ensure!(back(&desk, &begun(&desk).await?, &desk.kommo.allow(), "fixture.kommo.com").await? == 200);
    ensure!(desk.answers("hello").await?.shown == ["You said: hello"]);
    desk.shows_no_secret();
    Ok(())
}

/// The channel alone, connected by OAuth, with a store and a clock of the test's.
struct Lone {
    double: KommoDouble,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    kommo: Kommo,
}

impl Lone {
    async fn connected() -> Result<Self> {
        let double = KommoDouble::start("http://127.0.0.1:9").await?;
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let kommo = Kommo::new(Self::settings(&double)?, store.clone(), clock.clone())?;
        kommo.begin_oauth("a-state").await?;
        kommo.finish_oauth("a-state", &double.allow(), Some("fixture.kommo.com")).await?;
        Ok(Self { double, store, clock, kommo })
    }

    fn settings(double: &KommoDouble) -> Result<Settings> {
        Ok(Settings {
            subdomain: SUBDOMAIN.to_owned(),
            base_url: double.base_url().parse()?,
            oauth_url: "https://www.kommo.com/oauth".parse()?,
            client_secret: CLIENT_SECRET.into(),
            client_id: Some(CLIENT_ID.to_owned()),
            token: None,
            integration: Some(Integration {
                client_id: CLIENT_ID.to_owned(),
                client_secret: CLIENT_SECRET.into(),
                redirect_uri: REDIRECT_URI.parse()?,
            }),
            webhook_secret: None,
            timeout: Duration::from_secs(3),
        })
    }

    /// Makes another node of the same account and store.
    fn twin(&self) -> Result<Kommo> {
        Ok(Kommo::new(Self::settings(&self.double)?, self.store.clone(), self.clock.clone())?)
    }

    /// Returns the token of the stored pair.
    async fn token(&self) -> Result<SecretString> {
        let pair = self.store.setting(&format!("kommo_tokens:{SUBDOMAIN}")).await?.context("a pair")?;
        let pair: Value = serde_json::from_str(&pair)?;
        Ok(pair["access"].as_str().context("a token")?.into())
    }

    /// Leaves a note on a lead.
    async fn notes(&self) -> Verdict {
        let to =
            Destination { key: ConversationKey::new("kommo", SUBDOMAIN, LEAD), contact: None, reply: None, by: None };
        self.kommo.send(&to, &Act::Note { text: "a note".to_owned() }, &OutboundId("r-1".to_owned())).await
    }

    async fn until_it_lands(&self) -> Result<()> {
        until("a note is left", || async { Ok(matches!(self.notes().await, Verdict::Settled { .. })) }).await
    }

    async fn until_refused(&self) -> Result<()> {
        until("the account is at fault", || async { Ok(matches!(self.notes().await, Verdict::AccountFault { .. })) })
            .await
    }
}

/// The refresh token is good once: whoever used the new pair before it is stored would lose it with the process.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_pair_is_stored_before_it_is_used_and_nobody_refreshes_twice() -> Result<()> {
    let lone = Lone::connected().await?;
    lone.until_it_lands().await?;
    lone.double.expire_access();
    lone.double.fault_tokens(TokenFault::Hold);
    ensure!(matches!(lone.notes().await, Verdict::Transient { .. }), "no send waits for a token");
    lone.double.wait_for("the pair is refreshed", |kommo| kommo.token_calls() == 2).await?;
    lone.store.set_down(true);
    lone.double.release_tokens();
    lone.double.wait_for("there is a new pair", |kommo| kommo.refreshes() == (1, 0)).await?;
    let calls = lone.double.calls();
    for _ in 0..20 {
        let verdict = lone.notes().await;
        ensure!(matches!(verdict, Verdict::Transient { .. }), "the pair is not stored: {verdict:?}");
    }
    ensure!(lone.double.calls() == calls, "a pair was used that no store has");
    lone.store.set_down(false);
    lone.until_it_lands().await?;
    let stored = lone.store.setting(&format!("kommo_tokens:{SUBDOMAIN}")).await?.context("a pair")?;
    ensure!(stored.contains("refresh-2"), "the new pair is stored");
    ensure!(lone.double.refreshes() == (1, 0) && lone.double.notes().len() == 2, "{:?}", lone.double.refreshes());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_fails_is_tried_again_and_one_that_is_refused_is_the_accounts_fault() -> Result<()> {
    let lone = Lone::connected().await?;
    for fault in [TokenFault::Refuse(503), TokenFault::Hang, TokenFault::Refuse(429)] {
        let before = lone.double.token_calls();
        lone.double.expire_access();
        lone.double.fault_tokens(fault);
        let verdict = lone.notes().await;
        ensure!(matches!(verdict, Verdict::Transient { .. }), "{fault:?}: {verdict:?}");
        lone.double.wait_for("a pair is asked for", |kommo| kommo.token_calls() > before).await?;
        // One node has the right to refresh for a while.
        let failed = || async { Ok(matches!(lone.notes().await, Verdict::Transient { retry_after: None, .. })) };
        until("it has failed", failed).await?;
        lone.clock.shift(Duration::from_secs(31));
        lone.until_it_lands().await?;
        ensure!(lone.double.token_calls() == before + 2, "{fault:?}: {}", lone.double.token_calls());
    }
    let refreshed = lone.double.refreshes();
    lone.double.expire_access();
    lone.double.fault_tokens(TokenFault::Refuse(400));
    lone.until_refused().await?;
    let asked = lone.double.token_calls();
    for _ in 0..20 {
        ensure!(matches!(lone.notes().await, Verdict::AccountFault { .. }), "it stays so until an operator acts");
    }
    // Operators ask otherwise than sends do, and hear the same, at once and on every node.
    let other = lone.twin()?;
    for kommo in [&lone.kommo, &other] {
        let told =
            tokio::time::timeout(Duration::from_secs(5), kommo.access().instead_of(&lone.token().await?)).await?;
        ensure!(matches!(told, Err(AccessError::Refused)), "{:?}", told.map(|_| ()));
    }
    ensure!(lone.double.token_calls() == asked && lone.double.refreshes() == refreshed, "nobody asks for it again");
    lone.kommo.begin_oauth("another-state").await?;
    lone.kommo.finish_oauth("another-state", &lone.double.allow(), None).await?;
    lone.until_it_lands().await
}

/// A fresh token that is refused as well shows that it is not the token: without that, every send would refresh it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_although_it_is_new_is_not_refreshed_again() -> Result<()> {
    let lone = Lone::connected().await?;
    lone.double.expire_access();
    ensure!(matches!(lone.notes().await, Verdict::Transient { .. }));
    lone.double.wait_for("there is a new pair", |kommo| kommo.refreshes() == (1, 0)).await?;
    lone.double.expire_access();
    lone.until_refused().await?;
    for _ in 0..20 {
        ensure!(matches!(lone.notes().await, Verdict::AccountFault { .. }));
    }
    ensure!(lone.double.refreshes() == (1, 0), "{:?}", lone.double.refreshes());
    // Long after, it may be the token after all.
    lone.clock.shift(Duration::from_secs(3600));
    lone.until_it_lands().await?;
    ensure!(lone.double.refreshes() == (2, 0), "{:?}", lone.double.refreshes());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_finished_in_time_or_not_at_all() -> Result<()> {
    let lone = Lone::connected().await?;
    lone.kommo.begin_oauth("a-later-state").await?;
    lone.clock.shift(Duration::from_secs(20 * 60));
    let late = lone.kommo.finish_oauth("a-later-state", &lone.double.allow(), None).await;
    ensure!(matches!(late, Err(OauthError::State)), "{late:?}");
    ensure!(lone.double.token_calls() == 1, "a late code was traded");
    Ok(())
}

/// The operator's own token needs no renewal, so that what it is refused for is the account's fault at once.
#[tokio::test(flavor = "multi_thread")]
async fn an_operators_token_is_never_renewed() -> Result<()> {
    let desk = served(Backing::Embedded).await?;
    desk.kommo.fault_tokens(TokenFault::Refuse(500));
    ensure!(desk.answers("hello").await?.shown == ["You said: hello"]);
    ensure!(desk.kommo.token_calls() == 0);
    Ok(())
}
