//! `agent evaluate`: the learned policy against the rules and the clairvoyant bound, on the same arrivals.
//!
//! Three sets of episodes, none of them trained on: recorded loads (see `traces/README.md`, and [`crate::bound`] for what
//! costs are compared with), the demo's sinusoid, and deployments drawn at random. Every policy meets the same requests
//! (paired).
//!
//! # Recorded loads
//!
//! ```text
//! recordings -> sized for the deployment -> split by whole days -> parts x seeds -> every policy at every setting,
//! bound, plans -> units (trace, seed) -> tables, fronts, intervals -> terminal, JSON, HTML
//! ```
//!
//! - Windows of 60 s are judged by the requests that *arrive* in them, whatever the loop period of a policy: a faster
//!   loop gets no other measure. Windows that violate with the most replicas throughout are infeasible, and apart.
//! - The setting of every rule's knob is the best for the objective on days that are never tested on, and the calibrated
//!   rule has all of its settings searched there once more. Fronts show every setting.
//! - At equal violations, fronts are read by straight lines between settings, over all traces, each counting alike: cost in
//!   units of the bound's at its fewest violations, violations in percent of the feasible windows.
//! - The unit of replication is (trace, arrival seed), and with several checkpoints (trace, arrival seed, checkpoint).
//!   Intervals are stratified by trace. They say how luck of arrivals and training moves the figures, not how another
//!   choice of traces would.

mod bootstrap;
mod chart;
mod contender;
mod deployment;
mod field;
mod frontier;
mod histogram;
mod judge;
mod measure;
mod opponents;
mod page;
mod parallel;
mod recorded;
mod report;
mod simulated;
mod table;
mod text;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::checkpoint::Checkpoint;
use crate::learned::{DEFAULT_PRICE, Learned};
use crate::serve::parse_price;

pub use bootstrap::{Interval, interquartile_mean, intervals};
pub use contender::{Contender, rules};
pub use deployment::Deployment;
pub use field::{Field, PLAN_PRICES, Part, Parts, Unit};
pub use frontier::Frontier;
pub use histogram::Histogram;
pub use judge::{Tally, judge, violations};
pub use measure::{Row, measure};
pub use opponents::{Family, families};
pub use recorded::{RecordedArgs, evaluate_recorded};
pub use report::{Front, FrontPoint, LEVELS, Matched, Report, Row as ReportRow, Section};
pub use simulated::{Evaluation, FamilyRows, demo_episodes, evaluate, validate, validation_episodes};

/// Arrival seeds of the simulated loads.
const SIMULATED_SEEDS: u32 = 20;
/// Arrival seeds of the recorded loads, which are much longer.
const RECORDED_SEEDS: u32 = 10;

/// Compares the learned policy with the rules.
#[derive(Debug, Clone, Args)]
pub struct EvaluateArgs {
    /// Checkpoints to evaluate; several count as training seeds [default: the shipped one]
    #[arg(long, env = "CHECKPOINT")]
    pub checkpoint: Vec<PathBuf>,
    /// Price of a violating check, in full clusters for one check
    #[arg(long, env = "RISK", default_value_t = DEFAULT_PRICE, value_parser = parse_price)]
    pub risk: f64,
    /// Arrival seeds of each load [default: 10 for recorded loads, 20 for simulated ones]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub seeds: Option<u32>,
    /// Episodes to play
    #[arg(long, value_enum, default_value = "traces")]
    pub set: Set,
    /// Print JSON instead of tables
    #[arg(long)]
    pub json: bool,
    /// Folder for report.json and report.html of the recorded loads
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// What concerns recorded loads alone
    #[command(flatten)]
    pub recorded: RecordedArgs,
}

/// Episodes to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Set {
    /// Recorded loads.
    Traces,
    /// The demo's sinusoid.
    Demo,
    /// Deployments drawn at random.
    Validation,
    /// All three.
    All,
}

/// Runs `agent evaluate`.
///
/// # Errors
/// A checkpoint, a trace or a split that cannot be read, a figure out of range, or a report that cannot be written.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    let checkpoints = match &args.checkpoint[..] {
        [] => vec![Checkpoint::shipped()?],
        paths => paths.iter().map(|path| Checkpoint::read(path)).collect::<Result<_, _>>()?,
    };
    if matches!(args.set, Set::Demo | Set::Validation | Set::All) {
        checkpoints.iter().try_for_each(|checkpoint| run_simulated(args, checkpoint))?;
    }
    if matches!(args.set, Set::Traces | Set::All) {
        let seeds = args.seeds.unwrap_or(RECORDED_SEEDS);
        let report = evaluate_recorded(&args.recorded, &checkpoints, args.risk, seeds)?;
        let json = serde_json::to_string_pretty(&report).context("cannot write JSON")?;
        if args.json {
            println!("{json}");
        } else {
            println!("{}", text::text(&report));
        }
        if let Some(folder) = &args.out {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
            for (name, content) in [("report.json", &json), ("report.html", &page::page(&report))] {
                let path = folder.join(name);
                fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
    }
    Ok(())
}

fn run_simulated(args: &EvaluateArgs, checkpoint: &Checkpoint) -> Result<()> {
    let learned = Learned::of(checkpoint, args.risk);
    let seeds = 0..u64::from(args.seeds.unwrap_or(SIMULATED_SEEDS));
    let mut evaluations = Vec::new();
    if args.set != Set::Validation {
        let (episodes, tuning) = (demo_episodes(seeds.clone())?, demo_episodes(simulated::TUNING_SEEDS)?);
        evaluations.push(evaluate("the demo's sinusoid", &episodes, &tuning, &learned)?);
    }
    if args.set != Set::Demo {
        let (episodes, tuning) = (validation_episodes(seeds)?, validation_episodes(simulated::TUNING_SEEDS)?);
        evaluations.push(evaluate("deployments drawn at random", &episodes, &tuning, &learned)?);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&evaluations).context("cannot write JSON")?);
    } else {
        println!("checkpoint {}, simulated", checkpoint.short_hash());
        evaluations.iter().for_each(|evaluation| println!("\n{}", table::text(evaluation)));
    }
    Ok(())
}
