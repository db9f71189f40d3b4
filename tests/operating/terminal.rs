//! What is shown on a terminal. Linux only: other systems have another `script`.

use super::BINARY;
use anyhow::{Context, Result, ensure};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A daemon whose standard error is a terminal: `script` (Debian's bsdutils) makes one, and passes on what is written to
/// it. What it reads ends the daemon when the test drops it.
struct OnTerminal {
    script: Child,
    printed: PathBuf,
}

impl OnTerminal {
    fn start(home: &Path, address: SocketAddr) -> Result<Self> {
        let printed = home.join("terminal");
        let script = Command::new("script")
            .args(["--quiet", "--flush", "--return", "--command"])
            .arg(format!("exec {BINARY} serve"))
            .arg(&printed)
            .current_dir(home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs([("LISTEN_ADDR", address.to_string()), ("PUBLIC_URL", "https://desk.example.com".to_owned())])
            .envs([("GATE", "off"), ("DATA_DIR", "data"), ("LOG_FORMAT", "json")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("start script; it is part of util-linux (Debian: apt-get install bsdutils)")?;
        Ok(Self { script, printed })
    }

    /// Waits for a line that begins like this, and returns the rest of it.
    async fn line(&self, begins: &str) -> Result<String> {
        let began = Instant::now();
        loop {
            let printed = std::fs::read_to_string(&self.printed).unwrap_or_default();
            if let Some(rest) = printed.lines().find_map(|line| line.trim().strip_prefix(begins)) {
                return Ok(rest.trim().to_owned());
            }
            ensure!(began.elapsed() < Duration::from_secs(20), "the terminal shows no {begins:?}:\n{printed}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        // `script` hangs up on the daemon when it ends.
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_admin_token_is_shown_on_a_terminal_and_written_nowhere() -> Result<()> {
    let home = tempfile::tempdir()?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let desk = OnTerminal::start(home.path(), address)?;
    let token = desk.line("ADMIN_TOKEN (generated, kept in the store):").await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let list = || http.get(format!("http://{address}/api/conversations")).bearer_auth(&token).send();
    let began = Instant::now();
    while !list().await.is_ok_and(|answer| answer.status().as_u16() == 200) {
        ensure!(began.elapsed() < Duration::from_secs(20), "the token that was shown does not open the API");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!home.path().join("data/admin-token").exists(), "who has read it needs no file");
    Ok(())
}
