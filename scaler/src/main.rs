//! `scaler`: parse, start logging, run, map the end to an exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use scaler::cli::{self, Cli};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// `EX_USAGE` of sysexits.h; clap's own 2 means something else here.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to be said when even this cannot be printed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    // A cluster keeps logs as they are: no escape codes in them.
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    match cli::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
