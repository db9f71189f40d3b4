//! The command line: `frontdesk [serve | check-config | healthcheck]`.

use crate::app;
use crate::config::{Config, Problem, Sources, check_config_report};
use crate::telemetry::{MetricsPage, init_logging, install_panic_hook};
use clap::{Parser, Subcommand};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Runs the daemon. The default.
    Serve,
    /// Says what is set, where it comes from, and everything that is wrong with it.
    CheckConfig,
    /// Asks the running daemon whether it lives; for container and service health checks.
    Healthcheck,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let config = match Config::load(&Sources::of_process(args.config)) {
        Ok(config) => config,
        Err(problems) => return complain(&problems),
    };
    match args.command.unwrap_or(Command::Serve) {
        Command::CheckConfig => report(&config),
        Command::Serve => in_runtime(serve(config)),
        Command::Healthcheck => in_runtime(healthcheck(config.listen.addr)),
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
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    let url = format!("http://{}/healthz", SocketAddr::new(ip, listen.port()));
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build();
    let response = client.map_err(|error| error.to_string())?.get(&url).send().await;
    match response {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("{url} answered {}", response.status())),
        Err(error) => Err(format!("{url} does not answer: {}", error.without_url())),
    }
}

fn report(config: &Config) -> ExitCode {
    let mut out = std::io::stdout();
    let warnings: String = config.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
    // Whoever closed the pipe has read enough.
    let _ = write!(out, "{}{warnings}", check_config_report(config));
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
