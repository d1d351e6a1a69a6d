//! `agent evaluate`: the learned policy against the rules and the clairvoyant bound, on the same arrivals.
//!
//! | `--set` | loads | what it shows |
//! |---|---|---|
//! | `traces` | recorded ones (`traces/README.md`) on one deployment | tables and fronts per trace, regret, what each `--period` buys |
//! | `demo`, `validation`, `reference` | the demo's sinusoid; deployments drawn at random; the scenario of the published run | every setting per run, fronts |
//! | `configurations` | recorded ones and formulas on eighteen deployments | one checkpoint against generalists and rules tuned at home |
//! | `ablation` | the same as `configurations` | trainings that differ in one thing, seed by seed |
//!
//! None is trained on. There is one list of contenders ([`rules`], [`cluster_laws`], checkpoints) and one judge ([`judge`]).
//!
//! ```text
//! loads -> cases (scenario, seed): tested | tuning -> settings chosen on the tuning cases
//!       -> every policy at every setting on each tested case -> units (trace, seed) -> fronts, intervals -> terminal, JSON, HTML
//! ```
//!
//! - Windows (60 s for recorded loads) are judged by the requests that *arrive* in them, whatever the loop period of a
//!   policy: a faster loop gets no other measure. Windows that violate with the most replicas throughout are infeasible, and
//!   apart. Settings are tuned by the same judgement.
//! - The setting of every rule's knob is the best for the objective on episodes that are never tested on, and the
//!   calibrated rule and the cluster's laws have all of their settings searched there once more. Fronts show every setting.
//! - At equal violations, fronts are read by straight lines between settings, over all traces, each counting alike: cost in
//!   units of the bound's at its fewest violations, violations in percent of the feasible windows.
//! - The unit of replication is (trace, arrival seed), and with several checkpoints (trace, arrival seed, checkpoint).
//!   Intervals are stratified by trace. They say how luck of arrivals and training moves the figures, not how another
//!   choice of traces would.
//!
//! # Configurations
//!
//! `--set configurations` changes one thing of the deployment at a time: start-up 1 to 90 s, service times x0.1 to x10,
//! at most 3 to 30 replicas, threshold over service time 1.5 to 10, random routing, three sizes of request, 2 % missed checks.
//! Each is played on the middle `--hours` (6) of the tested days, sized for it anew, and on four formulas; rules are tuned
//! on the middle 3 hours of other days and on the formulas with other periods and seeds. Several `--checkpoint` are training
//! seeds.
//!
//! - *Generalists*: calibrated with long memory, trend, reactive and HPA at our period, one setting each, searched on
//!   deployments drawn as for training; then the knob is swept.
//! - *At home*: the calibrated rule with long memory and HPA (at its own 15 s), searched for the very configuration and for
//!   each price of the sweep.
//! - *Away*: the calibrated rule that was searched for the base, where its world is another: with its settings as they are,
//!   at its pods; and with the safety stock that turns out best there, at ours.
//!
//! Ratios of costs at equal violations are read per configuration from the mean fronts over (load, seed), then pooled as
//! logarithms. One interval draws (load, arrival seed, training seed) anew in each configuration; the wider one draws them
//! once for all, as the configurations share their loads. Costs are in units of the work of the requests, or of the bound
//! with `--bound`.

mod ablation;
mod analysis;
mod bootstrap;
mod chart;
mod comparison;
mod configuration;
mod contender;
mod deployment;
mod duel;
mod field;
mod frontier;
mod histogram;
mod home;
mod judge;
mod page;
mod parts;
mod progress;
mod recorded;
mod report;
mod simulated;
mod study;
mod study_text;
mod text;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::checkpoint::Checkpoint;
use crate::learned::DEFAULT_PRICE;
use crate::serve::parse_price;

pub use ablation::{Ablation, AblationArgs, Variant, ablation};
pub use bootstrap::{Interval, interquartile_mean, intervals};
pub use comparison::{Comparison, learned};
pub use configuration::{Configuration, Grounds, configurations};
pub use contender::{Contender, PRICES, cluster_laws, rules};
pub use deployment::Deployment;
pub use duel::{AtPods, Away, AwayRow, Duel, Ground, GroundUnit, Grounded, Pair};
pub use field::{Case, Clairvoyant, Field, PLAN_PRICES, Unit};
pub use frontier::Frontier;
pub use histogram::Histogram;
pub use home::{HOME, HOME_HPA, Home};
pub use judge::{Tally, judge, violations};
pub use parts::{Part, Parts};
pub use recorded::{LoadArgs, RecordedArgs, evaluate_recorded};
pub use report::{Front, FrontPoint, LEVELS, Matched, Report, Row, RunMeans, Section};
pub use simulated::{
    demo, demo_cases, frontier, reference, reference_cases, tally, validate, validation, validation_cases,
};
pub(crate) use text::right_aligned;

pub use study::{ConfigurationFronts, PolicyFront, SearchNote, Study, StudyArgs, study};

/// Arrival seeds of the simulated loads.
const SIMULATED_SEEDS: u32 = 20;
/// Arrival seeds of the recorded loads, which are much longer.
const RECORDED_SEEDS: u32 = 10;
/// Arrival seeds of each load in each configuration.
const CONFIGURATION_SEEDS: u32 = 1;

/// Compares the learned policy with the rules.
#[derive(Debug, Clone, Args)]
pub struct EvaluateArgs {
    /// Checkpoints to evaluate; several count as training seeds [default: the shipped one]
    #[arg(long, env = "CHECKPOINT")]
    pub checkpoint: Vec<PathBuf>,
    /// Price of a violating check, in full clusters for one check
    #[arg(long, env = "RISK", default_value_t = DEFAULT_PRICE, value_parser = parse_price)]
    pub risk: f64,
    /// Arrival seeds of each load [default: 10 for recorded loads, 20 for simulated ones, 1 for configurations]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub seeds: Option<u32>,
    /// Loads to play
    #[arg(long, value_enum, default_value = "traces")]
    pub set: Set,
    /// Print JSON instead of tables
    #[arg(long)]
    pub json: bool,
    /// Folder for a JSON file and a page of each set
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// What concerns recorded loads alone
    #[command(flatten)]
    pub recorded: RecordedArgs,
    /// What concerns configurations alone
    #[command(flatten)]
    pub study: StudyArgs,
    /// What concerns ablations alone
    #[command(flatten)]
    pub ablation: AblationArgs,
}

/// Loads to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Set {
    /// Recorded loads.
    Traces,
    /// The demo's sinusoid.
    Demo,
    /// Deployments drawn at random.
    Validation,
    /// The scenario of the published run.
    Reference,
    /// Recorded loads and formulas over many deployments.
    Configurations,
    /// Trainings that differ in one thing, against each other.
    Ablation,
    /// All but the configurations and ablations.
    All,
}

/// Runs `agent evaluate`.
///
/// # Errors
/// A checkpoint, a trace or a split that cannot be read, a figure out of range, or a report that cannot be written.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    if args.set == Set::Ablation {
        let (recorded, seeds) = (&args.recorded, args.seeds.unwrap_or(CONFIGURATION_SEEDS));
        let played = args.study.configurations(&recorded.deployment)?;
        let found = ablation(&args.ablation, &played, args.study.hours, recorded, seeds)?;
        return publish(args, "ablation", &found, &found.text(), &page::ablation_page(&found));
    }
    let checkpoints = match &args.checkpoint[..] {
        [] => vec![Checkpoint::shipped()?],
        paths => paths.iter().map(|path| Checkpoint::read(path)).collect::<Result<_, _>>()?,
    };
    let wanted = |set: Set| args.set == set || (args.set == Set::All && set != Set::Configurations);
    let seeds = 0..u64::from(args.seeds.unwrap_or(SIMULATED_SEEDS));
    if wanted(Set::Demo) {
        simulated(args, "demo", demo(seeds.clone()), &checkpoints)?;
    }
    if wanted(Set::Validation) {
        simulated(args, "validation", validation(seeds.clone()), &checkpoints)?;
    }
    if wanted(Set::Reference) {
        simulated(args, "reference", reference(seeds)?, &checkpoints)?;
    }
    if wanted(Set::Traces) {
        let seeds = args.seeds.unwrap_or(RECORDED_SEEDS);
        let report = evaluate_recorded(&args.recorded, &checkpoints, args.risk, seeds)?;
        publish(args, "report", &report, &text::text(&report), &page::page(&report))?;
    }
    if wanted(Set::Configurations) {
        let seeds = args.seeds.unwrap_or(CONFIGURATION_SEEDS);
        let found = study(&args.study, &args.recorded, &checkpoints, args.risk, seeds)?;
        publish(args, "configurations", &found, &study_text::text(&found), &page::study_page(&found))?;
    }
    Ok(())
}

fn simulated(args: &EvaluateArgs, name: &str, comparison: Comparison, checkpoints: &[Checkpoint]) -> Result<()> {
    let RecordedArgs { policy, knob, .. } = &args.recorded;
    let (policy, knob, threads) = (policy.clone(), knob.clone(), args.recorded.threads());
    let report = Comparison { policy, knob, threads, price: args.risk, ..comparison }.report(checkpoints)?;
    publish(args, name, &report, &text::text(&report), &page::page(&report))
}

/// To the terminal, and to files if there is a folder for them.
fn publish(args: &EvaluateArgs, name: &str, found: &impl Serialize, text: &str, page: &str) -> Result<()> {
    let json = serde_json::to_string_pretty(found).context("cannot write JSON")?;
    println!("{}", if args.json { &json } else { text });
    if let Some(folder) = &args.out {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        for (ending, content) in [("json", json.as_str()), ("html", page)] {
            let path = folder.join(format!("{name}.{ending}"));
            fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}
