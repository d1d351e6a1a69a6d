//! Parses, starts logging, runs, maps the outcome to an exit code.

use std::fs::File;
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::Context;
use clap::Parser;
use demo::cli::{ChildCommand, Cli, RunArgs};
use demo::outcome::Outcome;
use demo::results::ResultsFolder;
use demo::settings::Settings;
use tracing_subscriber::EnvFilter;

/// A check reads and writes files on its thread; while those of all lanes do, requests must still be sent in time.
const THREADS: usize = 8;

fn main() -> ExitCode {
    let Cli { child, run } = Cli::parse();
    let code = match child {
        Some(child) => serve(child).map(|()| 0),
        None => play(&run),
    };
    code.map(ExitCode::from).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// A child process of the demo.
fn serve(child: ChildCommand) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(false).with_writer(std::io::stderr).init();
    demo::child::exit_with_parent().context("cannot watch for the end of the demo")?;
    match child {
        ChildCommand::MatrixService(config) => matrix_service::run(config),
        ChildCommand::Agent(cli) => agent::run(cli),
    }
}

/// The demo itself; its log goes to a file, since the terminal shows the run.
fn play(args: &RunArgs) -> anyhow::Result<u8> {
    let settings = Settings::new(args)?;
    let results = ResultsFolder::prepare(&args.out)?;
    let log = results.root().join("demo.log");
    let log = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    tracing_subscriber::fmt().with_env_filter(filter()).with_ansi(false).with_writer(Mutex::new(log)).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let outcome = runtime.block_on(demo::run::run(args, &settings, &results))?;
    if let Outcome::Bad(problems) = &outcome {
        eprintln!("\nnot everything went well:");
        problems.iter().for_each(|problem| eprintln!("  {problem}"));
    }
    Ok(outcome.exit_code())
}

/// `RUST_LOG`, or `info`.
fn filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"))
}
