//! `frontdesk green-api …`: sets the GREEN-API instance up for this desk. Asks GREEN-API itself, not the daemon.

use crate::app;
use crate::config::Config;
use clap::Subcommand;
use std::io::Write;

/// What can be done with the instance.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Verb {
    /// Compares the settings of the instance with what the desk needs, shows the difference, and applies it. The instance
    /// restarts; it may take up to five minutes.
    Setup {
        /// Applies without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Asks for the state of the instance.
    State,
}

/// Runs a verb.
pub(super) async fn run(config: &Config, verb: Verb) -> Result<(), String> {
    let api = app::green_api(config)?;
    let state = api.state().await.map_err(|error| app::with_causes(&error))?;
    say(&format!("instance: {}", state.name()))?;
    let Verb::Setup { yes } = verb else { return Ok(()) };
    let wanted = app::green_wanted(config)?;
    // The two may be asked for once a second.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let differences = api.compare_settings(&wanted).await.map_err(|error| app::with_causes(&error))?;
    if differences.is_empty() {
        return say("everything is as the desk needs it");
    }
    for it in &differences {
        let shown = |value: &str| if value.is_empty() { "(empty)".to_owned() } else { value.to_owned() };
        say(&format!("  {}: {} -> {}", it.key, shown(&it.is), shown(&it.must)))?;
    }
    if !yes && !confirmed()? {
        return Err("nothing was changed".to_owned());
    }
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    api.apply_settings(&differences).await.map_err(|error| app::with_causes(&error))?;
    say("applied; the instance restarts, and everything is in force within five minutes")
}

fn say(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}

fn confirmed() -> Result<bool, String> {
    let mut out = std::io::stdout();
    write!(out, "Apply these? The instance restarts. [y/N] ")
        .and_then(|()| out.flush())
        .map_err(|error| error.to_string())?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
