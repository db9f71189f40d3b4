//! The page in a real browser: the daemon as a newcomer starts it, and a headless Chromium driven by
//! `tests/browser/page.mjs` through everything that a newcomer can try.

use anyhow::{Context, Result, bail};
use frontdesk_sandbox::daemon::Daemon;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// Much longer than the walk takes on a busy machine.
const LONG: Duration = Duration::from_secs(180);

/// Where the pictures are left for somebody to look at.
const PICTURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/page");

fn walk(daemon: &Daemon) -> Result<Child> {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    for (tool, argument) in [("node", "--version"), (&*chromium, "--version")] {
        let found = std::process::Command::new(tool).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            bail!("{tool} is missing, and the page is tested with it; run `make test`, it installs what tests need");
        }
    }
    Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/page.mjs"))
        .args([daemon.url("").as_str(), PICTURES])
        .env("CHROMIUM", chromium)
        .env("RESTARTABLE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("start node")
}

/// Follows the walk, stopping and starting the daemon where it asks for that. Returns what it printed.
async fn follow(daemon: &mut Daemon, mut walk: Child) -> Result<(bool, String)> {
    let mut answers = walk.stdin.take().context("its input")?;
    let mut lines = BufReader::new(walk.stdout.take().context("its output")?).lines();
    let mut printed = String::new();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            "please stop" => daemon.kill()?,
            "please start" => daemon.start().await?,
            _ => {
                printed.push_str(&line);
                printed.push('\n');
                continue;
            }
        }
        answers.write_all(b"done\n").await?;
    }
    Ok((walk.wait().await?.success(), printed))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomers_first_minute() -> Result<()> {
    // No settings but a port and a directory: this is what `make run` starts.
    let mut daemon = Daemon::new(env!("CARGO_BIN_EXE_frontdesk"))?;
    daemon.start().await?;
    let walk = walk(&daemon)?;
    let followed = tokio::time::timeout(LONG, follow(&mut daemon, walk)).await.context("the walk took too long")?;
    let (succeeded, printed) = followed?;
    assert!(succeeded, "the walk failed; pictures are in {PICTURES}, and it said:\n{printed}");
    assert!(printed.lines().count() > 30, "it skipped something:\n{printed}");
    Ok(())
}
