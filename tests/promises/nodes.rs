//! Several desks on one Redis, or on a cluster of three masters, and webhooks of one conversation going to any of them:
//! nothing is lost, nothing is said twice, and in the common case a burst costs one call of the model.

use super::account::{Question, account, writes};
use super::support::{
    Dice, EVERYWHERE, at_rest, no_duplicates, phase, requested, rounds, said, said_once, seed, talk, tell, until, view,
};
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::fleet::{Fleet, Shared};
use frontdesk_sandbox::model::{Call, Reply};
use frontdesk_sandbox::town::token;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

/// How long a dead node's work may lie.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

fn without_gate(daemon: &mut Daemon) {
    daemon.set("GATE", "off");
}

pub(crate) async fn fleet(nodes: usize, shared: Shared, seed: u64, equip: impl Fn(&mut Daemon)) -> Result<Fleet> {
    let mut fleet = Fleet::build(BINARY, nodes, shared, seed, equip).await?;
    fleet.town.chatwoot.configure(|options| options.keep_pending_on_bot_failure = true);
    fleet.start().await?;
    Ok(fleet)
}

/// A model that repeats everything the customer has written since its last answer.
fn repeats(call: &Call) -> Reply {
    let messages = call.body["messages"].as_array().cloned().unwrap_or_default();
    let unanswered = messages.iter().rev().take_while(|message| message["role"] == "user");
    let texts: Vec<&str> = unanswered.filter_map(|message| message["content"].as_str()).collect();
    let answer = format!("You said: {}", texts.into_iter().rev().collect::<Vec<_>>().join(" | "));
    Reply::Delay(Duration::from_millis(150), Box::new(Reply::Text(answer)))
}

/// What a run on several nodes cost.
async fn figures(fleet: &Fleet) -> Result<String> {
    let commits = fleet.metric("frontdesk_commits_total", "outcome=\"ok\"").await?;
    let conflicts = fleet.metric("frontdesk_commits_total", "outcome=\"conflict\"").await?;
    let looks = fleet.metric("frontdesk_looks_total", "").await?;
    let nudges = fleet.metric("frontdesk_nudges_total", "").await?;
    let served = fleet.balancer.served();
    Ok(format!("commits {commits}, conflicts {conflicts}, looks {looks}, nudges heard {nudges}, webhooks {served:?}"))
}

/// Bursts of three messages, all at once and conversation by conversation, each webhook to any node.
async fn bursts(shared: Shared, nodes: usize, seed: u64) -> Result<()> {
    const CUSTOMERS: usize = 8;
    const BURSTS: usize = 3;
    let fleet = fleet(nodes, shared, seed, without_gate).await?;
    fleet.town.model.set_default(repeats);
    let town = &fleet.town;
    let conversations: Vec<u64> = (0..CUSTOMERS).map(|_| town.chatwoot.new_conversation(412)).collect();
    let mut dice = Dice::new(seed);
    let mut asked: Vec<Question> = Vec::new();
    for _ in 0..BURSTS {
        for _ in 0..3 {
            for conversation in &conversations {
                asked.push(writes(town, *conversation, asked.len()));
            }
            tokio::time::sleep(dice.millis(60)).await;
        }
        for conversation in &conversations {
            at_rest(town, *conversation).await?;
        }
    }
    for question in &asked {
        no_duplicates(town, question.conversation)?;
        let said = said(town, question.conversation, &question.text);
        ensure!(said == 1, "{:?} said {said} times\n{}", question.text, talk(town, question.conversation));
    }
    let (calls, least) = (town.model.calls().len(), CUSTOMERS * BURSTS);
    tell(&format!("{shared:?}, {nodes} nodes: {calls} model calls for {least} bursts; {}", figures(&fleet).await?));
    ensure!(calls <= least + least / 3, "{calls} model calls for {least} bursts: nodes work against each other");
    ensure!(fleet.balancer.served().iter().all(|served| *served > 0), "a node got nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bursts_to_any_node_of_one_redis_are_answered_once() -> Result<()> {
    let seed = seed();
    bursts(Shared::Redis, 3, seed).await.with_context(|| format!("FRONTDESK_SEED={seed}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn bursts_to_any_node_of_a_cluster_are_answered_once() -> Result<()> {
    let seed = seed();
    bursts(Shared::Cluster, 2, seed).await.with_context(|| format!("FRONTDESK_SEED={seed}"))
}

/// The customer writes while one node has the model think: whichever node hears it, the answer covers both messages, and
/// the call that knew only the first is given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_another_node_starts_the_turn_over() -> Result<()> {
    let fleet = fleet(2, Shared::Redis, 1, without_gate).await?;
    let town = &fleet.town;
    town.model.set_default(repeats);
    town.model.push(Reply::Hang);
    fleet.deliver_to(0)?;
    let conversation = town.chatwoot.new_conversation(412);
    let first = writes(town, conversation, 0);
    town.model.wait_for_calls(1).await;
    fleet.deliver_to(1)?;
    let second = writes(town, conversation, 1);
    town.model.wait_for_abort(0).await;
    at_rest(town, conversation).await?;
    for question in [first, second] {
        ensure!(said(town, conversation, &question.text) == 1, "{}", talk(town, conversation));
    }
    ensure!(town.model.calls().len() == 2, "{} calls", town.model.calls().len());
    Ok(())
}

// === A node dies ===

/// Waits until another node asks the model, and returns how long that took.
async fn asked_again(fleet: &Fleet, killed: Instant) -> Result<Duration> {
    until("another node asks the model", || fleet.town.model.calls().len() >= 2).await?;
    let call = fleet.town.model.calls().swap_remove(1);
    Ok(call.at.duration_since(killed))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_nodes_turn_is_taken_by_another() -> Result<()> {
    for shared in [Shared::Redis, Shared::Cluster] {
        let mut fleet = fleet(2, shared, 1, without_gate).await?;
        fleet.town.model.push(Reply::Hang);
        fleet.deliver_to(1)?;
        let conversation = fleet.town.chatwoot.new_conversation(412);
        let question = writes(&fleet.town, conversation, 0);
        fleet.town.model.wait_for_calls(1).await;
        fleet.town.chatwoot.wait_quiet().await?;
        fleet.deliver_to(0)?;
        let killed = Instant::now();
        fleet.node_mut(1)?.kill()?;
        let after = asked_again(&fleet, killed).await?;
        tell(&format!("{shared:?}: a dead node's turn was taken after {after:?}"));
        ensure!(after <= TAKEN_WITHIN, "taken only after {after:?}");
        said_once(&fleet.town, EVERYWHERE[0], conversation, &question.text).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_node_was_posting_is_looked_up_by_another() -> Result<()> {
    for fault in [Fault::LandThenHang, Fault::Delay(super::support::FOR_EVER)] {
        let mut fleet = fleet(2, Shared::Redis, 1, without_gate).await?;
        fleet.town.chatwoot.fail_next(RequestKind::PostMessage, fault.clone());
        fleet.deliver_to(1)?;
        let conversation = fleet.town.chatwoot.new_conversation(412);
        let question = writes(&fleet.town, conversation, 0);
        requested(&fleet.town, RequestKind::PostMessage, 1).await?;
        fleet.deliver_to(0)?;
        fleet.node_mut(1)?.kill()?;
        said_once(&fleet.town, EVERYWHERE[0], conversation, &question.text)
            .await
            .with_context(|| format!("{fault:?}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_killed_at_random_lose_and_repeat_nothing() -> Result<()> {
    let (seed, rounds) = (seed(), rounds(8));
    tell(&format!("FRONTDESK_SEED={seed} FRONTDESK_ROUNDS={rounds}"));
    let storm = async {
        let mut fleet = fleet(2, Shared::Redis, seed, |daemon| {
            without_gate(daemon);
            daemon.set("DEBOUNCE_QUIET", "100ms");
        })
        .await?;
        fleet.town.model.set_default(repeats);
        let mut dice = Dice::new(seed);
        let mut asked: Vec<Question> = Vec::new();
        for _ in 0..rounds {
            for _ in 0..3 {
                let conversation = fleet.town.chatwoot.new_conversation(412);
                asked.push(writes(&fleet.town, conversation, asked.len()));
            }
            let old = usize::try_from(dice.below(asked.len() as u64))?;
            asked.push(writes(&fleet.town, asked[old].conversation, asked.len()));
            tokio::time::sleep(dice.millis(900)).await;
            let node = usize::try_from(dice.below(2))?;
            fleet.node_mut(node)?.kill()?;
            tokio::time::sleep(dice.millis(400)).await;
            fleet.node_mut(node)?.start().await?;
        }
        account(&fleet.town, EVERYWHERE[0], &asked).await?;
        tell(&figures(&fleet).await?);
        Ok(())
    };
    let done: Result<()> = storm.await;
    done.with_context(|| format!("FRONTDESK_SEED={seed}"))
}

// === What all nodes share ===

async fn call(daemon: &Daemon, method: &str, path: &str, body: Value) -> Result<Value> {
    let request = daemon.http().request(method.parse()?, daemon.url(path)).json(&body);
    let response = request.bearer_auth(frontdesk_sandbox::town::ADMIN_TOKEN).send().await?;
    ensure!(response.status().is_success(), "{path} was answered {}", response.status());
    Ok(response.json().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_human_switch_turns_on_every_node_within_a_second_or_so() -> Result<()> {
    let fleet = fleet(2, Shared::Redis, 1, without_gate).await?;
    for on in [true, false] {
        call(fleet.node(0)?, "POST", "/toggle-human", json!({"enabled": on})).await?;
        let turned = Instant::now();
        while call(fleet.node(1)?, "GET", "/human-status", Value::Null).await?["human_mode"] != on {
            ensure!(turned.elapsed() < Duration::from_secs(20), "the other node never heard of the switch");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tell(&format!("the switch reached the other node after {:?}", turned.elapsed()));
        fleet.deliver_to(1)?;
        let conversation = fleet.town.chatwoot.new_conversation(412);
        let question = writes(&fleet.town, conversation, 0);
        let view = at_rest(&fleet.town, conversation).await?;
        ensure!((phase(&view) == "human") == on, "{view:#}");
        ensure!(
            said(&fleet.town, conversation, &question.text) == usize::from(!on),
            "{}",
            talk(&fleet.town, conversation)
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_one_node_made_opens_on_another_with_a_generated_secret() -> Result<()> {
    let fleet = fleet(2, Shared::Redis, 1, |daemon| daemon.set("JWT_SECRET", "")).await?;
    let town = &fleet.town;
    fleet.deliver_to(0)?;
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, "Do you ship to Norway?");
    town.chatwoot.wait_for("the address is asked for", |world| !world.replies(conversation).is_empty()).await?;
    town.chatwoot.customer_writes(conversation, "jane@example.com");
    let mails = town.smtp.wait_for_mails(1).await?;
    let other = fleet.node(1)?;
    let form = format!("token={}", token(&mails[0])?);
    let pressed = other.http().post(other.url("/verify")).body(form);
    let pressed = pressed.header("content-type", "application/x-www-form-urlencoded").send().await?;
    ensure!(pressed.status().is_success(), "the other node answered {}", pressed.status());
    at_rest(town, conversation).await?;
    ensure!(said(town, conversation, "ship to Norway") == 1, "{}", talk(town, conversation));
    ensure!(phase(&view(town, conversation).await?) == "bot", "verified");
    Ok(())
}

/// The limit is the account's, whichever node asks.
#[tokio::test(flavor = "multi_thread")]
async fn the_models_limit_holds_for_all_nodes_together() -> Result<()> {
    let fleet = fleet(2, Shared::Redis, 3, |daemon| {
        without_gate(daemon);
        daemon.set("OPENAI_RATE_PER_MINUTE", 120);
        daemon.set("DEBOUNCE_QUIET", "50ms");
    })
    .await?;
    let town = &fleet.town;
    let conversations: Vec<u64> = (0..24).map(|_| town.chatwoot.new_conversation(412)).collect();
    for conversation in &conversations {
        town.chatwoot.customer_writes(*conversation, "Do you ship to Norway?");
    }
    for conversation in &conversations {
        at_rest(town, *conversation).await?;
    }
    let at: Vec<Instant> = town.model.calls().iter().map(|call| call.at).collect();
    let most =
        at.iter().map(|first| at.iter().filter(|at| (*first..=*first + Duration::from_secs(6)).contains(at)).count());
    let most = most.max().unwrap_or(0);
    tell(&format!(
        "{} model calls over {:?}; at most {most} in 6 s",
        at.len(),
        at.last().zip(at.first()).map(|(a, b)| *a - *b)
    ));
    // A tenth of what is left of 120 a minute after the reserve, in a tenth of the minute.
    ensure!(most <= 11, "{most} calls in six seconds");
    Ok(())
}
