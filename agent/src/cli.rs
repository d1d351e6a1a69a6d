//! The command line.

use clap::{Parser, Subcommand};

use crate::evaluate::{self, EvaluateArgs};
use crate::rivals::{self, RivalArgs};
use crate::serve::{self, ServeArgs};
use crate::simulate::{self, SimulateArgs};
use crate::train::{self, TrainArgs};
use crate::tune::{self, TuneArgs};
use crate::workload::{self, WorkloadArgs};

/// Chooses replica counts by a learned policy.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Answers replica counts over HTTP
    Serve(ServeArgs),
    /// Trains a policy and writes its checkpoint
    Train(TrainArgs),
    /// Trains a textbook agent to compare ours with
    Rival(Box<RivalArgs>),
    /// Compares the learned policy with the rules, in the simulator
    Evaluate(Box<EvaluateArgs>),
    /// Plays one schedule of arrivals with one policy, in the simulator
    Simulate(Box<SimulateArgs>),
    /// Finds the settings of a rule that are best for a deployment
    Tune(Box<TuneArgs>),
    /// Writes a load shape, or seeded arrival times, as CSV
    Workload(WorkloadArgs),
}

/// Runs it.
///
/// # Errors
/// Whatever stops the subcommand.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Rival(args) => rivals::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Tune(args) => tune::run(&args),
        Command::Workload(args) => workload::run(&args),
    }
}
