//! Trainings that differ in one thing, against each other.

use std::fmt::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use clap::Args;
use scaler_core::ActionRequest;
use scaler_core::observation::MAX_HISTORY;
use serde::Serialize;

use crate::checkpoint::Checkpoint;
use crate::learned::{DEFAULT_PRICE, Learned};
use crate::policy::Policy;
use crate::required::RequiredPods;
use crate::rivals::{Rival, RivalPolicy};

use super::bootstrap::Interval;
use super::configuration::{Configuration, Grounds};
use super::contender::Contender;
use super::duel::{Duel, Ground, Grounded, Pair};
use super::field::{Clairvoyant, Field};
use super::progress::Progress;
use super::recorded::RecordedArgs;
use super::study_text::{figure, interval, words};
use super::text::right_aligned;

/// Prices of a violation that are played: enough for a front.
const PRICES: [f64; 6] = [0.5, 1.0, 2.0, 4.0, 10.0, 30.0];

/// Options of an ablation.
#[derive(Debug, Clone, Args)]
pub struct AblationArgs {
    /// NAME=FILE,FILE,...: checkpoints that were trained alike, one for each seed; NAME@CHECKS=...: told of so many past
    /// checks. The first is what the others are compared with, seed by seed, and the forecast of each alone
    #[arg(long = "variant")]
    pub variants: Vec<Variant>,
}

/// Checkpoints that were trained alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// In what they differ from others.
    pub name: String,
    /// Past checks that they are told of.
    pub history: usize,
    /// One for each seed.
    pub files: Vec<PathBuf>,
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, files) = text.split_once('=').ok_or(format!("{text:?} is not NAME=FILE,FILE,..."))?;
        let (name, history) = match name.split_once('@') {
            None => (name, MAX_HISTORY),
            Some((name, checks)) => {
                let history = checks.parse().ok().filter(|history| *history <= MAX_HISTORY);
                (name, history.ok_or(format!("past checks must be 0 to {MAX_HISTORY}, they are {checks:?}"))?)
            }
        };
        Ok(Self { name: name.to_owned(), history, files: files.split(',').map(PathBuf::from).collect() })
    }
}

/// A policy that is told of fewer past checks than are sent.
struct Told<P> {
    policy: P,
    history: usize,
}

impl<P: Policy> Policy for Told<P> {
    fn name(&self) -> String {
        format!("{}, {} past checks", self.policy.name(), self.history)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        let mut told = request.clone();
        told.history.drain(..told.history.len().saturating_sub(self.history));
        self.policy.order(&told)
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ablation {
    /// What everything is compared with.
    pub base: String,
    /// Training seeds of each.
    pub training_seeds: usize,
    /// Arrival seeds of each load.
    pub seeds: u32,
    /// Hours of each day.
    pub hours: f64,
    /// Each variant over the base: pod-minutes at equal avoidable violations; above 1, it is worse.
    pub variants: Vec<Duel>,
}

/// Plays the variants on every configuration.
///
/// # Errors
/// No base, another number of seeds in a variant, a file that cannot be read, or a figure out of range.
pub fn ablation(
    args: &AblationArgs,
    configurations: &[Configuration],
    hours: f64,
    recorded: &RecordedArgs,
    seeds: u32,
) -> Result<Ablation> {
    let [base, others @ ..] = &args.variants[..] else {
        anyhow::bail!("--set ablation needs a --variant to compare others with");
    };
    let count = base.files.len();
    for other in others {
        let found = other.files.len();
        ensure!(found == count, "--variant {}: {found} files, {} has {count}", other.name, base.name);
    }
    let (contenders, forecasts) = contenders(&args.variants)?;
    let progress = Progress::new("ablation", configurations.len());
    let (mut grounds, mut traces) = (Vec::new(), Vec::new());
    for Configuration { name, deployment, .. } in configurations {
        let parts = recorded.loads.parts(deployment, recorded.days.unwrap_or(1))?;
        let Grounds { names, tested, .. } = Grounds::new(&parts, deployment, seeds, hours, true)?;
        let clairvoyant = Clairvoyant::Absent;
        let field = Field { contenders: &contenders, detailed: None, clairvoyant, threads: recorded.threads() };
        grounds.push(((*name).to_owned(), Ground::new(&field.play(&tested, || ())?)));
        traces = names;
        progress.tick_as(&format!("{name}: played"));
    }
    let grounded = Grounded { grounds: &grounds, traces: &traces };
    let group = |at: usize| (at * count..(at + 1) * count).collect::<Vec<_>>();
    let names = others.iter().map(|variant| variant.name.as_str()).chain(forecasts.iter().map(String::as_str));
    let duel =
        |(at, name): (usize, &str)| grounded.duel(name, &base.name, Pair { ours: &group(at + 1), theirs: &group(0) });
    let variants = names.enumerate().map(duel).collect();
    Ok(Ablation { base: base.name.clone(), training_seeds: count, seeds, hours, variants })
}

/// Of each variant in turn, then their forecasts as policies, with what these are called. A rival has none.
fn contenders(variants: &[Variant]) -> Result<(Vec<Contender>, Vec<String>)> {
    let (mut networks, mut forecasts, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (at, Variant { name, history, files }) in variants.iter().enumerate() {
        let history = *history;
        let mut own = Vec::new();
        for file in files {
            let read = || format!("--variant {name}: cannot read {}", file.display());
            let bytes = std::fs::read(file).with_context(read)?;
            if let Some(rival) = Rival::from_bytes(&bytes).with_context(read)? {
                ensure!(at > 0, "--variant {name}: the first must be of agent train, {} is a rival", file.display());
                let rival = Arc::new(rival);
                let policy = move |price| RivalPolicy::new(Arc::clone(&rival), price);
                networks.push(Contender::new(name, PRICES, move |price| Told { policy: policy(price), history }));
                continue;
            }
            let checkpoint = Checkpoint::from_bytes(&bytes).with_context(read)?;
            let learned = Learned::of(&checkpoint, DEFAULT_PRICE);
            networks.push(Contender::new(name, PRICES, move |price| Told { policy: learned.at(price), history }));
            let required = Arc::new(checkpoint.ensemble.required().clone());
            let policy = move |price| RequiredPods::new(Arc::clone(&required), price);
            own.push(Contender::new(name, PRICES, move |price| Told { policy: policy(price), history }));
        }
        // Where a file is a rival the seeds could not be met one by one.
        if own.len() == files.len() {
            forecasts.extend(own);
            names.push(format!("the forecast of {name} alone"));
        }
    }
    networks.extend(forecasts);
    Ok((networks, names))
}

impl Ablation {
    /// As a table for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut table = right_aligned(self.header());
        self.rows().into_iter().for_each(|row| {
            table.add_row(row);
        });
        format!("{}\n\n{table}", self.about())
    }

    /// As a part of a page.
    pub(super) fn section(&self) -> String {
        let mut section = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(section, "<p>{}</p>", super::chart::escape(&self.about()));
        super::page::table(&mut section, self.header().into_iter(), self.rows());
        section
    }

    fn about(&self) -> String {
        let Self { base, training_seeds, seeds, hours, .. } = self;
        format!(
            "Ablations against {base}: {training_seeds} training seeds each, met one by one; {seeds} arrival seeds, {hours} h \
             of each day. Pod-minutes over the base's at equal avoidable violations, with 95 % intervals over (load, arrival \
             seed, training seed), drawn in each configuration and once for all; above 1, the variant is worse."
        )
    }

    fn header(&self) -> Vec<String> {
        let configurations = self.variants.first().map_or(&[][..], |duel| &duel.configurations);
        let fixed = words(["variant", "pooled", "pooled, loads shared", "median"]);
        fixed.into_iter().chain(configurations.iter().map(|(name, _)| name.clone())).collect()
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let ratio = |(_, found): &(String, Option<Interval>)| figure(found.map(|found| found.estimate));
        let row = |duel: &Duel| {
            let fixed = [duel.learned.clone(), interval(duel.pooled), interval(duel.clustered), figure(duel.median)];
            fixed.into_iter().chain(duel.configurations.iter().map(ratio)).collect()
        };
        self.variants.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_a_name_perhaps_a_history_and_files() {
        let found: Variant = "short@8=a.safetensors,b.safetensors".parse().unwrap();
        assert_eq!((found.name.as_str(), found.history, found.files.len()), ("short", 8, 2));
        let found: Variant = "base=a.safetensors".parse().unwrap();
        assert_eq!((found.history, found.files), (MAX_HISTORY, vec![PathBuf::from("a.safetensors")]));
        for (wrong, why) in [
            ("a.safetensors", "\"a.safetensors\" is not NAME=FILE,FILE,..."),
            ("short@65=a", "past checks must be 0 to 64, they are \"65\""),
            ("short@few=a", "past checks must be 0 to 64, they are \"few\""),
        ] {
            assert_eq!(wrong.parse::<Variant>().unwrap_err(), why);
        }
    }

    #[test]
    fn forecasts_follow_all_variants_in_their_order() {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/checkpoints/default.safetensors");
        let variants = ["base", "short@8"].map(|name| format!("{name}={shipped},{shipped}").parse().unwrap());
        let (contenders, forecasts) = contenders(&variants).unwrap();
        let names: Vec<&str> = contenders.iter().map(|contender| contender.name.as_str()).collect();
        assert_eq!(names, ["base", "base", "short", "short", "base", "base", "short", "short"]);
        assert_eq!(forecasts, ["the forecast of base alone", "the forecast of short alone"]);
    }

    #[test]
    fn a_policy_that_is_told_less_sees_the_newest_checks() {
        struct Oldest;
        impl Policy for Oldest {
            fn name(&self) -> String {
                "oldest".to_owned()
            }
            fn order(&self, request: &ActionRequest) -> u32 {
                request.history.first().map_or(0, |past| past.replicas_ordered)
            }
        }
        let observation = scaler_core::observe(&scaler_core::WindowMetrics::default(), 1, 0.5);
        let mut request = ActionRequest::bare(observation);
        request.history = (1..=5)
            .map(|replicas_ordered| scaler_core::PastObservation { age_s: 1.0, replicas_ordered, observation })
            .collect();
        for (history, oldest) in [(0, 0), (2, 4), (5, 1), (9, 1)] {
            assert_eq!(Told { policy: Oldest, history }.order(&request), oldest, "{history} past checks");
        }
    }
}
