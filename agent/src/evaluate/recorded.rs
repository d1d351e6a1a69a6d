//! Recorded loads from files to a comparison.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use crate::checkpoint::Checkpoint;
use crate::parallel;
use crate::workload::{Recording, Split};

use super::comparison::Comparison;
use super::deployment::Deployment;
use super::parts::Parts;
use super::report::Report;

/// Arrival seed of the days that are tuned on: another than those of any test.
pub const TUNING_SEED: u64 = 60_000;
/// Days of each recording that are tuned on.
const TUNING_DAYS: usize = 1;

/// Which recorded loads there are.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// Folder of recorded loads, CSV files of `second,requests` or `minute,requests` [default: the built-in ones]
    #[arg(long)]
    pub traces: Option<PathBuf>,
    /// CSV of `trace,part` with the parts test, train and last-third [default: split.csv in the folder of the traces]
    #[arg(long)]
    pub split: Option<PathBuf>,
}

/// Options of recorded loads.
#[derive(Debug, Clone, Args)]
pub struct RecordedArgs {
    /// The loads
    #[command(flatten)]
    pub loads: LoadArgs,
    /// Most days of each trace to play, evenly spread over those that are tested on [default: 2; configurations: 1]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub days: Option<u32>,
    /// Policies to play beside the learned one, by name as in the tables [default: all]
    #[arg(long)]
    pub policy: Vec<String>,
    /// Settings of the knob of the one --policy, separated by commas [default: its own]
    #[arg(long, value_delimiter = ',')]
    pub knob: Vec<f64>,
    /// Threads; the results do not depend on them [default: as many as there are cores]
    #[arg(long)]
    pub threads: Option<usize>,
    /// The deployment
    #[command(flatten)]
    pub deployment: Deployment,
}

/// Plays everybody on the recorded loads.
///
/// # Errors
/// A trace or a split that cannot be read, an option that makes no sense, or a figure out of range.
pub fn evaluate_recorded(args: &RecordedArgs, checkpoints: &[Checkpoint], price: f64, seeds: u32) -> Result<Report> {
    let deployment = &args.deployment;
    let parts = args.loads.parts(deployment, args.days.unwrap_or(2))?;
    let tested =
        parts.tested.iter().flat_map(|part| (0..u64::from(seeds)).map(move |seed| part.case(deployment, seed)));
    let own = |period_s: &f64| Some(*period_s).filter(|period_s| *period_s != deployment.window_s);
    let comparison = Comparison {
        loads: "recorded loads".to_owned(),
        names: parts.names.clone(),
        tested: tested.collect::<Result<_, _>>()?,
        tuning: parts.tuning.iter().map(|part| part.case(deployment, TUNING_SEED)).collect::<Result<_, _>>()?,
        tuned_on: parts.tuned_on(),
        most_replicas: deployment.max_replicas,
        periods_s: deployment.period_s.iter().map(own).collect(),
        cluster_laws: true,
        policy: args.policy.clone(),
        knob: args.knob.clone(),
        price,
        bounded: true,
        threads: args.threads(),
    };
    let mut report = comparison.report(checkpoints)?;
    report.deployment = Some(deployment.clone());
    report.days = parts.days();
    Ok(report)
}

impl RecordedArgs {
    /// Threads to use.
    pub(super) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(parallel::cores)
    }
}

impl LoadArgs {
    /// The loads, sized for a deployment, with at most so many days of each to test on.
    ///
    /// # Errors
    /// A trace or a split that cannot be read, nothing to test or to tune on, or a figure of the deployment out of range.
    pub fn parts(&self, deployment: &Deployment, days: u32) -> Result<Parts> {
        // Before a load is sized by figures that make no sense.
        deployment.validate()?;
        let beside = self.traces.as_ref().map(|folder| folder.join("split.csv")).filter(|path| path.exists());
        let split = match (self.split.as_ref().or(beside.as_ref()), &self.traces) {
            (Some(path), _) => Split::read(path)?,
            (None, Some(_)) => Split::default(),
            (None, None) => Split::published()?,
        };
        let recordings = match &self.traces {
            Some(folder) => Recording::read_folder(folder)?,
            None => Recording::published()?,
        };
        let mut parts = Parts::new(recordings, &split, deployment, days as usize, TUNING_DAYS)?;
        if parts.tuning.is_empty() {
            // A built-in recording that is tested on here under its own name is not tuned on.
            let others = Recording::published()?
                .into_iter()
                .filter(|other| !parts.names.iter().any(|name| name == other.name()));
            let others = Parts::new(others.collect(), &Split::published()?, deployment, 1, TUNING_DAYS)?;
            parts.tuning = others.tuning;
        }
        ensure!(!parts.tuning.is_empty(), "no trace is left to tune on: name some as `train` in a --split");
        Ok(parts)
    }
}
