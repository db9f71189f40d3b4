//! The daemon's entry point.

fn main() -> std::process::ExitCode {
    frontdesk::cli::main()
}
