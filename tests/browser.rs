//! The page in a real browser: a headless Chromium is driven through everything that a newcomer can try
//! (`tests/browser/page.mjs`), and through what a colleague decides in the console of a desk at work
//! (`tests/browser/colleague.mjs`). A walk asks for what happens outside the browser on lines of its output.

use anyhow::{Context, Result, bail, ensure};
use frontdesk_sandbox::chatwoot::{Fault, RequestKind};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::kommo::{CLIENT_SECRET, KommoDouble, SUBDOMAIN, TOKEN};
use frontdesk_sandbox::town::{ADMIN_TOKEN, Backing, Town, Wiring};
use serde_json::Value;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

/// Much longer than a walk takes on a busy machine.
const LONG: Duration = Duration::from_secs(300);

/// How long one step of a walk may take on a busy machine, in milliseconds.
const STEP_MS: &str = "60000";

/// Where the pictures are left for somebody to look at.
const PICTURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/page");

/// One browser at a time: two of them are slower than one after the other.
static BROWSER: Mutex<()> = Mutex::const_new(());

fn walk(script: &str, daemon: &Daemon, environment: &[(&str, &str)]) -> Result<Child> {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    for (tool, argument) in [("node", "--version"), (&*chromium, "--version")] {
        let found = std::process::Command::new(tool).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            bail!("{tool} is missing, and the page is tested with it; run `make test`, it installs what tests need");
        }
    }
    Command::new("node")
        .arg(format!("{}/tests/browser/{script}", env!("CARGO_MANIFEST_DIR")))
        .args([daemon.url("").as_str(), PICTURES])
        .env("CHROMIUM", chromium)
        .env("STEP_MS", STEP_MS)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("start node")
}

/// What happens around a walk.
trait Stage {
    /// Does what the walk asks for.
    async fn act(&mut self, what: &str) -> Result<()>;
}

/// Follows the walk, doing what it asks for. It must succeed and have checked at least so much.
async fn follow(stage: &mut impl Stage, mut walk: Child, least: usize) -> Result<()> {
    let mut printed = String::new();
    let following = async {
        let mut answers = walk.stdin.take().context("its input")?;
        let mut lines = BufReader::new(walk.stdout.take().context("its output")?).lines();
        while let Some(line) = lines.next_line().await? {
            match line.strip_prefix("please ") {
                Some(what) => {
                    stage.act(what).await.with_context(|| what.to_owned())?;
                    answers.write_all(b"done\n").await?;
                }
                None => {
                    printed.push_str(&line);
                    printed.push('\n');
                }
            }
        }
        anyhow::Ok(walk.wait().await?.success())
    };
    let ended = tokio::time::timeout(LONG, following).await.context("the walk took too long");
    let succeeded = matches!(ended, Ok(Ok(true)));
    ensure!(succeeded, "the walk failed ({ended:?}); pictures are in {PICTURES}, and it said:\n{printed}");
    ensure!(printed.lines().count() > least, "it skipped something:\n{printed}");
    Ok(())
}

impl Stage for Daemon {
    async fn act(&mut self, what: &str) -> Result<()> {
        match what {
            "stop" => self.kill(),
            "start" => self.start().await,
            _ => bail!("nobody knows how to {what}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomers_first_minute() -> Result<()> {
    let _alone = BROWSER.lock().await;
    // No settings but a port and a directory: this is what `make run` starts.
    let mut daemon = Daemon::new(env!("CARGO_BIN_EXE_frontdesk"))?;
    daemon.start().await?;
    let walk = walk("page.mjs", &daemon, &[("RESTARTABLE", "1")])?;
    follow(&mut daemon, walk, 30).await
}

const WEBHOOK_SECRET: &str = "a-webhook-secret-of-some-length";

const LEAD: u64 = 20_000_001;

/// A desk at work: Chatwoot with a bot's token, so that some sends cannot be looked up, and Kommo.
struct Desk {
    town: Town,
    kommo: KommoDouble,
}

impl Stage for Desk {
    async fn act(&mut self, what: &str) -> Result<()> {
        match what {
            "ask in Kommo" => {
                let asked = self.kommo.asks(LEAD, "Do you ship to Lisbon?").await?;
                ensure!(self.kommo.answer_to(asked).await?.status == "success");
            }
            "write in Kommo" => ensure!(self.kommo.user_writes(LEAD, "I have it.").await? == 200),
            _ => bail!("nobody knows how to {what}"),
        }
        Ok(())
    }
}

impl Desk {
    async fn open() -> Result<Self> {
        let mut town = Town::build(env!("CARGO_BIN_EXE_frontdesk"), Backing::Embedded, Wiring::BotOnly).await?;
        let kommo = KommoDouble::start(&town.daemon.url("")).await?;
        for (name, value) in [
            ("GATE", "off"),
            ("DEBOUNCE_QUIET", "50ms"),
            ("KOMMO_SUBDOMAIN", SUBDOMAIN),
            ("KOMMO_CLIENT_SECRET", CLIENT_SECRET),
            ("KOMMO_TOKEN", TOKEN),
            ("KOMMO_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ] {
            town.daemon.set(name, value);
        }
        town.daemon.set("KOMMO_BASE_URL", kommo.base_url());
        town.daemon.start().await?;
        kommo.deliver_to(WEBHOOK_SECRET);
        Ok(Self { town, kommo })
    }

    /// Loses an answer behind a message of an automation, so that nobody can tell whether it arrived. Returns its
    /// conversation.
    async fn held(&self, question: &str) -> Result<u64> {
        let chatwoot = &self.town.chatwoot;
        chatwoot.fail_next(RequestKind::PostMessage, Fault::Status(502, String::new()));
        let conversation = chatwoot.new_conversation(412);
        chatwoot.customer_writes(conversation, question);
        self.row(conversation, "unknown").await?;
        chatwoot.automation_writes(conversation, "We will be with you shortly.");
        self.row(conversation, "held").await?;
        Ok(conversation)
    }

    /// Waits until a row of a conversation is in this state.
    async fn row(&self, conversation: u64, state: &str) -> Result<()> {
        let path = format!("/api/conversations/chatwoot:1:{conversation}");
        let began = Instant::now();
        loop {
            let (_, view) = self.town.admin("GET", &path, Value::Null).await?;
            if view["outbox"].as_array().is_some_and(|rows| rows.iter().any(|row| row["state"] == state)) {
                return Ok(());
            }
            ensure!(began.elapsed() < LONG, "no row is {state}: {view:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How often the customer of a conversation was told this.
    fn said(&self, conversation: u64, text: &str) -> usize {
        let replies = self.town.chatwoot.see(|world| world.replies(conversation));
        replies.iter().filter(|reply| reply.contains(text)).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_decides_about_held_messages_and_looks_after_kommo() -> Result<()> {
    let _alone = BROWSER.lock().await;
    let mut desk = Desk::open().await?;
    let (norway, iceland) = ("Do you ship to Norway?", "Do you ship to Iceland?");
    let [resent, dropped] = [desk.held(norway).await?, desk.held(iceland).await?];
    let keys = [resent, dropped].map(|conversation| format!("chatwoot:1:{conversation}"));
    let environment = [("ADMIN_TOKEN", ADMIN_TOKEN), ("RESENT", &keys[0]), ("DROPPED", &keys[1])];
    let walk = walk("colleague.mjs", &desk.town.daemon, &environment)?;
    follow(&mut desk, walk, 35).await?;
    ensure!(desk.said(resent, norway) == 1, "what was sent again was said {} times", desk.said(resent, norway));
    ensure!(desk.said(dropped, iceland) == 0, "what was dropped was said");
    let read = desk.kommo.read(LEAD);
    ensure!(read.len() == 1 && desk.kommo.waiting().is_empty(), "a try reached a customer: {read:?}");
    ensure!(desk.kommo.notes().is_empty(), "a try left notes: {:?}", desk.kommo.notes());
    let told = desk.town.teams.cards().iter().any(|card| card.to_string().contains("speak to a human"));
    ensure!(!told, "a try told colleagues");
    Ok(())
}
