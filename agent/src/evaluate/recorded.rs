//! Recorded loads from files to a report.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::checkpoint::Checkpoint;
use crate::learned::Learned;
use crate::rules::{RuleFamily, Search, Tuned, tune};
use crate::workload::{Recording, Split};

use super::contender::{Contender, rules};
use super::deployment::Deployment;
use super::field::{Field, Parts, Unit};
use super::parallel;
use super::report::Report;

/// Arrival seed of the days that are tuned on: another than those of any test.
const TUNING_SEED: u64 = 60_000;
/// How long the search of a family's settings is: 160 settings.
const TUNING: Search = Search { candidates: 80, rounds: 4, neighbours: 20, period_s: None, seed: TUNING_SEED };
/// Rules that it is worth for; the others have little but their knob.
const TUNED: [RuleFamily; 5] =
    [RuleFamily::CalLong, RuleFamily::Hpa, RuleFamily::Phpa, RuleFamily::Keda, RuleFamily::Kpa];
/// Days of each recording that are tuned on.
const TUNING_DAYS: usize = 1;

/// Options of recorded loads.
#[derive(Debug, Clone, Args)]
pub struct RecordedArgs {
    /// Folder of recorded loads, CSV files of `second,requests` or `minute,requests` [default: the built-in ones]
    #[arg(long)]
    pub traces: Option<PathBuf>,
    /// CSV of `trace,part` with the parts test, train and last-third [default: split.csv in the folder of the traces]
    #[arg(long)]
    pub split: Option<PathBuf>,
    /// Most days of each trace to play, evenly spread over those that are tested on
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub days: u32,
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
    // Any load shows a figure that is out of range, before the long work.
    let parts = args.parts()?;
    let threads = args.threads.unwrap_or_else(parallel::cores);
    let tuning = parts.tuning_episodes(deployment, TUNING_SEED)?;
    let mut tuned: Vec<Tuned> = Vec::new();
    for family in TUNED.into_iter().filter(|family| args.plays(family.name())) {
        say(&format!("searching the settings of {} on {} episodes", family.name(), tuning.len()));
        tuned.extend(tune(family, &tuning, &[price], &TUNING)?);
    }
    drop(tuning);
    let mut contenders: Vec<Contender> = checkpoints
        .iter()
        .map(|checkpoint| {
            let name = match checkpoints.len() {
                1 => "learned".to_owned(),
                _ => format!("learned {}", checkpoint.short_hash()),
            };
            Contender::learned(name, Learned::of(checkpoint, price))
        })
        .collect();
    contenders.extend(args.chosen(rules(&deployment.flat()?, &tuned))?);
    let field = Field { deployment, contenders: &contenders, detailed: None, bounded: false, threads };
    let units = play(&field, &parts.tuning, &[TUNING_SEED], "choosing settings")?;
    let full = price * f64::from(deployment.max_replicas) * deployment.window_s;
    let chosen: Vec<usize> =
        (0..contenders.len()).map(|index| best(&contenders[index], index, &units, full, price)).collect();
    let seeds: Vec<u64> = (0..u64::from(seeds)).collect();
    let field = Field { detailed: Some(&chosen), bounded: true, ..field };
    let units = play(&field, &parts.tested, &seeds, "playing")?;
    let mut report = Report::new(&units, &contenders, &chosen, deployment, price, &parts.names);
    report.checkpoints = checkpoints.iter().map(|checkpoint| checkpoint.short_hash().to_owned()).collect();
    report.tuned_on = args.tuned_on(&parts);
    report.days = parts
        .names
        .iter()
        .enumerate()
        .map(|(trace, name)| {
            let mut days: Vec<u32> =
                parts.tested.iter().filter(|part| part.trace == trace).map(|part| part.day).collect();
            days.dedup();
            (name.clone(), days)
        })
        .collect();
    Ok(report)
}

impl RecordedArgs {
    fn parts(&self) -> Result<Parts> {
        // Before a load is sized by figures that make no sense.
        self.deployment.flat()?.validate()?;
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
        let mut parts = Parts::new(recordings, &split, &self.deployment, self.days as usize, TUNING_DAYS)?;
        if parts.tuning.is_empty() {
            // A built-in recording that is tested on here under its own name is not tuned on.
            let others = Recording::published()?
                .into_iter()
                .filter(|other| !parts.names.iter().any(|name| name == other.name()));
            let others = Parts::new(others.collect(), &Split::published()?, &self.deployment, 1, TUNING_DAYS)?;
            parts.tuning = others.tuning;
        }
        ensure!(!parts.tuning.is_empty(), "no trace is left to tune on: name some as `train` in a --split");
        Ok(parts)
    }

    /// Whether a rule of that name takes part.
    fn plays(&self, name: &str) -> bool {
        self.policy.is_empty() || self.policy.iter().any(|policy| policy == name)
    }

    /// Those that were asked for, with the settings that were.
    fn chosen(&self, mut rules: Vec<Contender>) -> Result<Vec<Contender>> {
        if let Some(unknown) = self.policy.iter().find(|name| !rules.iter().any(|rule| rule.name == **name)) {
            let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
            anyhow::bail!("there is no --policy {unknown:?}; there are {}", names.join("; "));
        }
        if !self.policy.is_empty() {
            rules.retain(|rule| self.policy.contains(&rule.name));
        }
        if !self.knob.is_empty() {
            ensure!(self.policy.len() == 1, "--knob is for one --policy, there are {}", self.policy.len());
            rules.iter_mut().for_each(|rule| rule.knobs.clone_from(&self.knob));
        }
        Ok(rules)
    }

    fn tuned_on(&self, parts: &Parts) -> String {
        let seconds: f64 = parts.tuning.iter().map(|part| part.load.duration_s()).sum();
        format!("{} parts of days that are not tested on, {:.0} h", parts.tuning.len(), seconds / 3600.0)
    }
}

/// The setting with the least objective on the days that are not tested on; of a checkpoint, the price that is asked for.
fn best(contender: &Contender, index: usize, units: &[Unit], price_pod_s: f64, price: f64) -> usize {
    let objective = |setting: usize| {
        let tallies = units.iter().map(|unit| &unit.tallies[index][setting]);
        // Every recording counts alike.
        let of =
            |tally: &super::Tally| (tally.pod_seconds + price_pod_s * tally.avoidable as f64) / tally.windows as f64;
        tallies.map(of).sum::<f64>()
    };
    let off = |setting: usize| (contender.knobs[setting] - price).abs();
    let score = |setting: usize| if contender.learned { off(setting) } else { objective(setting) };
    (0..contender.knobs.len()).min_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(0)
}

fn play(field: &Field<'_>, parts: &[super::Part], seeds: &[u64], what: &str) -> Result<Vec<Unit>> {
    let bar = ProgressBar::new((parts.len() * seeds.len()) as u64);
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} episodes, {eta} left");
    bar.set_style(style.context("a progress bar's template")?);
    bar.set_message(what.to_owned());
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        say(&format!("{what}: {} episodes", parts.len() * seeds.len()));
    }
    let units = field.play(parts, seeds, || bar.inc(1));
    bar.finish_and_clear();
    units
}

fn say(line: &str) {
    eprintln!("{line}");
}
