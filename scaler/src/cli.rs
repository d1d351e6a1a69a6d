//! The command line: one subcommand per job, and what became of it as an exit code.

use std::process::ExitCode;

use anyhow::Context;
use chrono::Utc;
use clap::{Args, Parser, Subcommand};
use scaler_core::Reason;

use crate::check::{CheckOutcome, check};
use crate::kubernetes::{API_DEADLINE, Kubernetes};
use crate::replay::{self, ReplayArgs};
use crate::report::{self, ReportArgs};
use crate::schedule;
use crate::settings::Settings;
use crate::step::Step;

/// Scales a Deployment by what an agent makes of its requests.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check once: read the window, ask the agent, order, record.
    Check(CheckArgs),
    /// Check every INTERVAL_CHECK until SIGTERM.
    Run(Settings),
    /// Turn a podStatus.json into a page or a picture.
    Report(ReportArgs),
    /// Decide past checks once more, and compare.
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    settings: Settings,

    /// For crash drills: stop at this step, and wait to be killed.
    #[arg(long, hide = true)]
    pause_at: Option<Step>,
}

/// How a command ended, when nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// As wanted. That another scaler holds the lock is as wanted.
    Done,
    /// The cluster refused the order; the check is recorded.
    ApplyFailed,
    /// A replayed check came out differently.
    ReplayDiffers,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::ApplyFailed => Self::from(2),
            Exit::ReplayDiffers => Self::from(3),
        }
    }
}

/// Does what the command line says.
///
/// # Errors
/// Whatever made the job impossible.
pub fn run(cli: Cli) -> anyhow::Result<Exit> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    match cli.command {
        Command::Check(args) => runtime.block_on(check_once(args)),
        Command::Run(settings) => runtime.block_on(check_on_and_on(settings)),
        Command::Report(args) => report::run(args).map(|()| Exit::Done),
        Command::Replay(args) => {
            let same = runtime.block_on(replay::run(&args))?;
            Ok(if same { Exit::Done } else { Exit::ReplayDiffers })
        }
    }
}

async fn check_once(CheckArgs { settings, pause_at }: CheckArgs) -> anyhow::Result<Exit> {
    let mut config = settings.check_config()?;
    config.pause_at = pause_at;
    let cluster = kubernetes(&settings).await?;
    let pushgateway = settings.pushgateway()?;
    let outcome = check(&config, &cluster, &settings.agent()?, settings.prometheus()?.as_ref(), Utc::now).await?;
    schedule::tell(&outcome, pushgateway.as_ref()).await;
    Ok(match outcome {
        CheckOutcome::Recorded { check, .. }
            if check.decision.as_ref().is_some_and(|decision| decision.reason == Reason::ApplyFailed) =>
        {
            Exit::ApplyFailed
        }
        CheckOutcome::Recorded { .. } | CheckOutcome::LockHeld => Exit::Done,
    })
}

async fn check_on_and_on(settings: Settings) -> anyhow::Result<Exit> {
    let config = settings.check_config()?;
    let cluster = kubernetes(&settings).await?;
    let (agent, prometheus, pushgateway) = (settings.agent()?, settings.prometheus()?, settings.pushgateway()?);
    schedule::run(&config, &cluster, &agent, prometheus.as_ref(), pushgateway.as_ref()).await?;
    Ok(Exit::Done)
}

async fn kubernetes(settings: &Settings) -> anyhow::Result<Kubernetes> {
    Ok(Kubernetes::infer(&settings.namespace, &settings.deployment_name, API_DEADLINE).await?)
}
