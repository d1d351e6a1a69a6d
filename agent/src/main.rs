//! The agent's program.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Threads of the tensor library.
const THREADS_VARIABLE: &str = "RAYON_NUM_THREADS";

fn main() -> ExitCode {
    if let Some(code) = restart_single_threaded() {
        return code;
    }
    let cli = agent::Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // A cluster keeps logs as they are: no escape codes in them.
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    match agent::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("agent: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The tensor library wakes a thread pool for every product: 90 us instead of 3 us for one small network. It reads the
/// number of threads from the environment as the process starts, and that cannot be changed safely from within.
fn restart_single_threaded() -> Option<ExitCode> {
    if std::env::var_os(THREADS_VARIABLE).is_some() {
        return None;
    }
    let error = match std::env::current_exe() {
        // Returns only when it fails.
        Ok(program) => Command::new(program).args(std::env::args_os().skip(1)).env(THREADS_VARIABLE, "1").exec(),
        Err(error) => error,
    };
    eprintln!("agent: cannot restart with {THREADS_VARIABLE}=1, small networks will be slow: {error}");
    None
}
