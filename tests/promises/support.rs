//! What the scenarios share: the places they run in, a town without the gate, and the question "was it said once?".

use anyhow::{Context, Result, bail, ensure};
use frontdesk_sandbox::chatwoot::{Fault, Line, RequestKind};
pub(crate) use frontdesk_sandbox::dice::{Dice, seed};
use frontdesk_sandbox::model::Reply;
use frontdesk_sandbox::town::{Backing, Town, Wiring};
use futures::StreamExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

/// How long a condition may take: restarts, settle time and a loaded machine included.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How many towns run side by side within one test.
const SIDE_BY_SIDE: usize = 12;

/// Longer than any scenario: a request that hangs until its client has gone.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(600);

/// Where a scenario runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) backing: Backing,
    pub(crate) wiring: Wiring,
}

/// Every place, for scenarios whose outcome may depend on what the desk can look up.
pub(crate) const EVERYWHERE: [Place; 4] = [
    Place { backing: Backing::Redis, wiring: Wiring::Full },
    Place { backing: Backing::Embedded, wiring: Wiring::Full },
    Place { backing: Backing::Redis, wiring: Wiring::BotOnly },
    Place { backing: Backing::Embedded, wiring: Wiring::BotOnly },
];

/// Both stores, with everything Chatwoot offers.
pub(crate) const BOTH_STORES: [Place; 2] = [EVERYWHERE[0], EVERYWHERE[1]];

impl Place {
    /// Builds the town without the gate, in which a lost bot webhook leaves the conversation pending: whatever keeps the
    /// desk silent there is its own doing. The desk does not run yet.
    pub(crate) async fn build(self) -> Result<Town> {
        let mut town = Town::build(BINARY, self.backing, self.wiring).await?;
        town.daemon.set("GATE", "off");
        // So that answers can have parts.
        town.daemon.set("FRONTDESK__CHATWOOT__MAX_TEXT", 1_000);
        town.chatwoot.configure(|options| options.keep_pending_on_bot_failure = true);
        Ok(town)
    }

    pub(crate) async fn open(self) -> Result<Town> {
        let mut town = self.build().await?;
        town.daemon.start().await?;
        Ok(town)
    }

    /// Builds the town as it ships: with the gate, and a Chatwoot that opens what its bot failed on.
    pub(crate) async fn open_with_gate(self) -> Result<Town> {
        Town::open(BINARY, self.backing, self.wiring).await
    }
}

/// A scenario and its name.
pub(crate) type Scenario = (&'static str, fn(Place) -> BoxFuture<'static, Result<()>>);

/// Lists scenarios with their names.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {{
        let scenarios: &[crate::promises::support::Scenario] = &[$((stringify!($name), |place| Box::pin($name(place)))),+];
        scenarios
    }};
}
pub(crate) use scenarios;

/// Runs scenarios in all these places side by side, because they mostly wait; the error names each that failed and where.
pub(crate) async fn run(places: &[Place], scenarios: &[Scenario]) -> Result<()> {
    let cases = scenarios.iter().flat_map(|(name, scenario)| places.iter().map(move |place| (name, place, scenario)));
    let outcomes: Vec<Option<String>> = futures::stream::iter(cases)
        .map(|(name, place, scenario)| async move {
            let done = scenario(*place).await;
            done.err().map(|error| format!("{name} in {place:?}: {error:#}"))
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    let failed: Vec<String> = outcomes.into_iter().flatten().collect();
    ensure!(failed.is_empty(), "{}", failed.join("\n\n"));
    Ok(())
}

/// Like [`run`], for one scenario and any list of cases.
pub(crate) async fn run_each<C, F, Done>(cases: impl IntoIterator<Item = C>, scenario: F) -> Result<()>
where
    C: std::fmt::Debug + Clone,
    F: Fn(C) -> Done,
    Done: Future<Output = Result<()>>,
{
    let scenario = &scenario;
    let one = |case: C| async move {
        let shown = format!("{case:?}");
        Box::pin(scenario(case)).await.with_context(|| shown)
    };
    let failed: Vec<String> = futures::stream::iter(cases)
        .map(one)
        .buffer_unordered(SIDE_BY_SIDE)
        .filter_map(|done| async { done.err().map(|error| format!("{error:#}")) })
        .collect()
        .await;
    ensure!(failed.is_empty(), "{}", failed.join("\n\n"));
    Ok(())
}

/// Prints a figure or a seed.
pub(crate) fn tell(line: &str) {
    #[expect(clippy::print_stderr, reason = "whoever runs the tests wants the figures and the seeds")]
    {
        eprintln!("{line}");
    }
}

/// Opens a conversation in which the customer asks this.
pub(crate) fn ask(town: &Town, question: &str) -> u64 {
    let conversation = town.chatwoot.new_conversation(412);
    town.chatwoot.customer_writes(conversation, question);
    conversation
}

/// Kills the desk without warning and starts it again.
pub(crate) async fn kill_and_restart(town: &mut Town) -> Result<()> {
    town.daemon.kill()?;
    town.daemon.start().await
}

/// Runs a subcommand as the operator of a town; returns whether it succeeded and what it said.
pub(crate) fn command(town: &Town, arguments: &[&str]) -> Result<(bool, String)> {
    let mut command = std::process::Command::new(BINARY);
    command.args(arguments).env_clear().current_dir(town.daemon.data_dir().parent().context("a home")?);
    command.env("LISTEN_ADDR", town.daemon.address().to_string());
    command.env("ADMIN_TOKEN", frontdesk_sandbox::town::ADMIN_TOKEN);
    command.env("PUBLIC_URL", "http://desk.localhost").env("GATE", "off");
    // Enough to be no demo, which asks for no token.
    command.env("CHATWOOT_BASE_URL", town.chatwoot.base_url()).env("CHATWOOT_ACCOUNT_ID", "1");
    command.env("CHATWOOT_API_TOKEN", frontdesk_sandbox::chatwoot::Options::default().bot_token);
    let output = command.output()?;
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    Ok((output.status.success(), said.concat()))
}

/// Waits for a condition that nobody announces.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let began = Instant::now();
    while !holds() {
        ensure!(began.elapsed() < PATIENCE, "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Waits until this many requests of a kind have arrived at Chatwoot, answered or not.
pub(crate) async fn requested(town: &Town, kind: RequestKind, count: usize) -> Result<()> {
    let arrived = |world: &frontdesk_sandbox::chatwoot::WorldView<'_>| {
        world.requests().iter().filter(|request| request.kind == kind).count() >= count
    };
    town.chatwoot.wait_for(&format!("{count} requests of {kind:?}"), arrived).await
}

/// Lets the next requests of this kind through and then one fail.
pub(crate) fn fail_after(town: &Town, kind: RequestKind, through: usize, fault: Fault) {
    for _ in 0..through {
        town.chatwoot.fail_next(kind, Fault::Delay(Duration::ZERO));
    }
    town.chatwoot.fail_next(kind, fault);
}

/// Returns what the desk shows of a conversation; null if it has never heard of it.
pub(crate) async fn view(town: &Town, conversation: u64) -> Result<Value> {
    let (status, view) = town.admin("GET", &format!("/api/conversations/chatwoot:1:{conversation}"), json!({})).await?;
    match status {
        200 => Ok(view),
        404 => Ok(Value::Null),
        other => bail!("the desk answered {other}: {view}"),
    }
}

pub(crate) fn phase(view: &Value) -> &str {
    view["phase"].as_str().unwrap_or_default()
}

/// Returns the states of the rows that are not settled.
pub(crate) fn rows(view: &Value) -> Vec<String> {
    let rows = view["outbox"].as_array().into_iter().flatten();
    rows.filter_map(|row| row["state"].as_str().map(str::to_owned)).collect()
}

pub(crate) fn held(view: &Value) -> usize {
    rows(view).iter().filter(|state| *state == "held").count()
}

/// Waits until a view fulfils a condition, and returns it.
pub(crate) async fn viewed(
    town: &Town,
    conversation: u64,
    what: &str,
    holds: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let began = Instant::now();
    loop {
        let shown = view(town, conversation).await;
        if let Ok(view) = &shown
            && holds(view)
        {
            return shown;
        }
        let talk = talk(town, conversation);
        ensure!(began.elapsed() < PATIENCE, "waited in vain for: {what}\n{shown:?}\n{talk}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the desk has nothing left to do in a conversation by itself and no webhook is under way.
pub(crate) async fn at_rest(town: &Town, conversation: u64) -> Result<Value> {
    let rested = |view: &Value| {
        let idle = view["thinking"] == false && rows(view).iter().all(|state| state == "held");
        idle && (phase(view) != "bot" || view["owed"] == 0)
    };
    loop {
        viewed(town, conversation, "the desk has nothing left to do", rested).await?;
        town.chatwoot.wait_quiet().await?;
        let still = view(town, conversation).await?;
        if rested(&still) {
            return Ok(still);
        }
    }
}

/// Returns what the desk's bot said to the customer with this in it.
pub(crate) fn said(town: &Town, conversation: u64, words: &str) -> usize {
    let replies = town.chatwoot.see(|world| world.replies(conversation));
    replies.iter().filter(|reply| reply.contains(words)).count()
}

/// Fails if any row of ours stands twice before the customer.
pub(crate) fn no_duplicates(town: &Town, conversation: u64) -> Result<()> {
    let lines = town.chatwoot.transcript(conversation);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for row in lines.iter().filter(|line| !line.private).filter_map(|line| line.row.as_deref()) {
        *seen.entry(row).or_default() += 1;
    }
    ensure!(seen.values().all(|count| *count == 1), "said twice: {seen:?}\n{}", talk(town, conversation));
    Ok(())
}

/// The promise: once. Where only the bot's token can look, also: held, shown and counted.
pub(crate) async fn said_once(town: &Town, place: Place, conversation: u64, words: &str) -> Result<()> {
    let view = at_rest(town, conversation).await?;
    no_duplicates(town, conversation)?;
    match (said(town, conversation, words), held(&view), place.wiring) {
        (1, 0, _) => Ok(()),
        (0 | 1, 1, Wiring::BotOnly) => counted_as_held(town).await,
        (said, held, _) => {
            bail!("said {said} times, {held} held\n{view}\n{}", talk(town, conversation))
        }
    }
}

/// Waits until the gauge shows a held row.
pub(crate) async fn counted_as_held(town: &Town) -> Result<()> {
    let began = Instant::now();
    while town.metric("frontdesk_rows_held", "").await? < 1.0 {
        ensure!(began.elapsed() < PATIENCE, "the gauge never showed the held row");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Fails if the desk's bot said anything to the customer.
pub(crate) fn silent(town: &Town, conversation: u64) -> Result<()> {
    let replies = town.chatwoot.see(|world| world.replies(conversation));
    ensure!(replies.is_empty(), "the desk spoke: {replies:?}");
    Ok(())
}

/// Returns an answer that is sent in parts, one for each of these words.
pub(crate) fn in_parts(begins: &[&str]) -> Reply {
    let part = |begin: &&str| format!("{begin} {}.", "word ".repeat(180).trim_end());
    Reply::Text(begins.iter().map(part).collect::<Vec<_>>().join("\n\n"))
}

/// Returns a conversation as people read it, for the message of a failure.
pub(crate) fn talk(town: &Town, conversation: u64) -> String {
    let line = |line: &Line| {
        let text: String = line.text.chars().take(60).collect();
        format!("{} {:?} {:?} {}", line.id, line.author, line.row.as_deref().unwrap_or_default(), text)
    };
    town.chatwoot.transcript(conversation).iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns whether a line announces a hand-over.
pub(crate) fn is_handoff(line: &Line) -> bool {
    line.content_attributes["action"] == "handoff"
}

/// Returns how many rounds a random scenario runs.
pub(crate) fn rounds(usual: u64) -> u64 {
    std::env::var("FRONTDESK_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}
