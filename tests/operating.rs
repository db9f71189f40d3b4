//! Operating the daemon: its health check, the token it makes for itself, and what its log does not say.

use anyhow::{Context, Result};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::town::{ADMIN_TOKEN, Backing, Town, Wiring, token};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

#[cfg(target_os = "linux")]
#[path = "operating/terminal.rs"]
mod terminal;

const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

fn healthcheck(daemon: &Daemon) -> Result<bool> {
    let mut command = Command::new(BINARY);
    command.arg("healthcheck").env_clear().env("LISTEN_ADDR", daemon.address().to_string());
    Ok(command.current_dir(daemon.data_dir().parent().context("a home")?).output()?.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_tells_a_living_daemon_from_a_dead_one() -> Result<()> {
    let mut daemon = Daemon::new(BINARY)?;
    assert!(!healthcheck(&daemon)?, "nobody listens yet");
    daemon.start().await?;
    assert!(healthcheck(&daemon)?);
    daemon.kill()?;
    assert!(!healthcheck(&daemon)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_admin_token_stands_in_a_private_file_and_outlives_a_restart() -> Result<()> {
    // A published chat page is no demo: the console needs the token.
    let mut daemon = Daemon::new(BINARY)?.with("PUBLIC_URL", "https://desk.example.com").with("GATE", "off");
    daemon.start().await?;
    let file = daemon.data_dir().join("admin-token");
    let made = std::fs::read_to_string(&file)?;
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    assert!(!daemon.log().contains(made.trim()), "the log names the file, not the token");
    daemon.kill()?;
    daemon.start().await?;
    assert_eq!(std::fs::read_to_string(&file)?, made);
    let list = |token: &str| daemon.http().get(daemon.url("/api/conversations")).bearer_auth(token).send();
    assert_eq!(list(made.trim()).await?.status().as_u16(), 200);
    assert_eq!(list("another-token-of-enough-length").await?.status().as_u16(), 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_says_of_the_model_is_said_at_the_start() -> Result<()> {
    let mut town = Town::build(BINARY, Backing::Embedded, Wiring::Full).await?;
    let end = serde_json::json!({"id": "test-model", "shutdown_date": "2027-01-14"});
    for (models, says) in
        [(vec![end], "the provider will switch this model off"), (Vec::new(), "the provider does not list this model")]
    {
        town.model.set_models(models);
        town.daemon.start().await?;
        let said = async || {
            while !town.daemon.log().contains(says) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), said()).await.with_context(|| says.to_owned())?;
        town.daemon.kill()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_whole_journey_holds_no_words_addresses_or_secrets() -> Result<()> {
    let mut town = Town::build(BINARY, Backing::Redis, Wiring::Full).await?;
    town.daemon.set("LOG", "trace");
    town.daemon.start().await?;
    let conversation = town.chatwoot.new_conversation(412);
    let says = |text: &str| town.chatwoot.customer_writes(conversation, text);
    says("Where is my zeppelin?");
    town.chatwoot.wait_for("the address is asked for", |world| world.replies(conversation).len() == 1).await?;
    says("quixote@example.com");
    let mails = town.smtp.wait_for_mails(1).await?;
    town.chatwoot.wait_for("the mail is announced", |world| world.replies(conversation).len() == 2).await?;
    let link = token(&mails[0])?;
    assert_eq!(town.visit(&mails[0]).await?.0, 200);
    assert_eq!(town.press(&mails[0]).await?.0, 200);
    town.chatwoot.wait_for("the question is answered", |world| world.replies(conversation).len() == 4).await?;
    says("I want to talk to a human, my zeppelin burns");
    town.teams.wait_for_cards(1).await?;
    assert_eq!(town.admin("GET", "/api/conversations", serde_json::json!({})).await?.0, 200);
    let log = town.daemon.log();
    assert!(log.lines().count() > 20, "the log is on: {log}");
    let code = mails[0].code().context("no code")?;
    let secrets = ["bot-token-fixture", "user-token-fixture", "sk-test", ADMIN_TOKEN, "account-webhook-secret-24"];
    let words = ["zeppelin", "quixote", "Jane", link.as_str(), code.as_str()];
    for told in secrets.iter().chain(&words) {
        let line = log.lines().find(|line| line.contains(told));
        assert_eq!(line, None, "the log tells {told:?}");
    }
    Ok(())
}
