//! Running a subcommand with the settings of a daemon under test.

use anyhow::Result;
use frontdesk_sandbox::town::{Backing, Town, Wiring};
use std::process::Command;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

/// What a subcommand did.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) ok: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `frontdesk` with these arguments and only these variables.
pub(crate) fn frontdesk(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Told> {
    let home = tempfile::tempdir()?;
    let mut command = Command::new(BINARY);
    command.args(arguments).env_clear().envs(environment.iter().copied()).current_dir(home.path());
    let output = command.output()?;
    Ok(Told {
        ok: output.status.success(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs `frontdesk` as the operator of a town.
pub(crate) fn at(town: &Town, arguments: &[&str]) -> Result<Told> {
    let environment = town.daemon.environment();
    let pairs: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    frontdesk(arguments, &pairs)
}

/// A town without the gate, so that a conversation begins with its question.
pub(crate) async fn town(backing: Backing) -> Result<Town> {
    let mut town = Town::build(BINARY, backing, Wiring::Full).await?;
    town.daemon.set("GATE", "off");
    town.daemon.start().await?;
    Ok(town)
}

pub(crate) use frontdesk_sandbox::on_both_stores;
