//! The command line: `frontdesk [serve | check-config | check-model | healthcheck | pause | resume | status | chats … | outbox … | audit]`.
//!
//! What asks the running daemon does so over its admin API ([`remote`]), with the settings the daemon itself reads.

mod audit;
mod chats;
mod check_model;
mod green_api;
mod outbox;
mod remote;
mod stop;
mod terminal;

use crate::app;
use crate::config::{Config, Problem, Sources, check_config_report};
use crate::telemetry::{MetricsPage, init_logging, install_panic_hook};
use clap::{Parser, Subcommand};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A self-hosted front desk for customer conversations.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Args {
    /// A settings file; see config/frontdesk.toml. Environment variables win over it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Runs the daemon. The default.
    Serve,
    /// Says what is set, where it comes from, and everything that is wrong with it.
    CheckConfig,
    /// Asks the model that is set one question, and says what is wrong if it does not answer. Costs one short answer.
    CheckModel,
    /// Asks the running daemon whether it lives; for container and service health checks.
    Healthcheck,
    /// Stops everything that leaves the desk, on all nodes: the emergency stop. Webhooks are still taken.
    Pause,
    /// Ends the emergency stop: what is still wanted leaves.
    Resume,
    /// Shows whether the desk is paused, and what waits.
    Status,
    /// Shows conversations of the running daemon.
    #[command(subcommand)]
    Chats(chats::Verb),
    /// Shows what has not left the house, and decides about messages of unknown outcome.
    Outbox {
        /// What to do; without it, the rows are listed.
        #[command(subcommand)]
        verb: Option<outbox::Verb>,
    },
    /// Sets the GREEN-API instance (WhatsApp) up for this desk.
    #[command(subcommand, name = "green-api")]
    GreenApi(green_api::Verb),
    /// Reads the whole store, changing nothing, and says what must not be. Fails if something is.
    Audit {
        /// Prints the findings as JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    /// Returns whether it only asks the running daemon, so that of the settings it needs no more than where that is.
    fn only_asks(&self) -> bool {
        match self {
            Command::Healthcheck
            | Command::Pause
            | Command::Resume
            | Command::Status
            | Command::Chats(_)
            | Command::Outbox { .. } => true,
            Command::Serve
            | Command::CheckConfig
            | Command::CheckModel
            | Command::GreenApi(_)
            | Command::Audit { .. } => false,
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let command = args.command.unwrap_or(Command::Serve);
    let load = if command.only_asks() { Config::load_to_ask } else { Config::load };
    let config = match load(&Sources::of_process(args.config)) {
        Ok(config) => config,
        Err(problems) => return complain(&problems),
    };
    match command {
        Command::CheckConfig => report(&config),
        Command::Serve => in_runtime(serve(config)),
        Command::CheckModel => in_runtime(check_model::run(&config)),
        Command::Healthcheck => in_runtime(healthcheck(config.listen.addr)),
        Command::Pause => in_runtime(stop::run(&config, stop::Ask::Pause)),
        Command::Resume => in_runtime(stop::run(&config, stop::Ask::Resume)),
        Command::Status => in_runtime(stop::run(&config, stop::Ask::Status)),
        Command::Chats(verb) => in_runtime(chats::run(&config, verb)),
        Command::Outbox { verb } => in_runtime(outbox::run(&config, verb)),
        Command::GreenApi(verb) => in_runtime(green_api::run(&config, verb)),
        Command::Audit { json } => in_runtime(audit::run(&config, json)),
    }
}

fn in_runtime(work: impl Future<Output = Result<(), String>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime cannot be started: {error}")),
    };
    match runtime.block_on(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

async fn serve(config: Config) -> Result<(), String> {
    init_logging(&config.log).map_err(|error| error.to_string())?;
    install_panic_hook();
    let metrics = MetricsPage::install().map_err(|error| error.to_string())?;
    Box::pin(app::run(config, metrics)).await.map_err(|error| error.to_string())
}

async fn healthcheck(listen: SocketAddr) -> Result<(), String> {
    let url = format!("http://{}/healthz", remote::dialled(listen));
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build();
    let response = client.map_err(|error| error.to_string())?.get(&url).send().await;
    match response {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("{url} answered {}", response.status())),
        Err(error) => Err(format!("{url} does not answer: {}", error.without_url())),
    }
}

fn report(config: &Config) -> ExitCode {
    // Whoever closed the pipe has read enough.
    let _ = write!(std::io::stdout(), "{}", check_config_report(config));
    ExitCode::SUCCESS
}

fn complain(problems: &[Problem]) -> ExitCode {
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    fail(&format!("{} in the settings:\n{}", count(problems.len()), lines.join("\n")))
}

fn count(problems: usize) -> String {
    if problems == 1 { "1 problem".to_owned() } else { format!("{problems} problems") }
}

fn fail(error: &str) -> ExitCode {
    // If standard error is gone, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "frontdesk: {error}");
    ExitCode::FAILURE
}
