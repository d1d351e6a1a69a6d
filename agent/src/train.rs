//! `agent train`: rollout policy iteration, top to bottom on one page.
//!
//! ```text
//! label         required pods of sampled states, in clones under the same arrivals, while the calibrated rule acts
//! fit           quantile networks to them: the forecast
//! for each round:
//!     guide   = a quantile of the forecast (first round), the value networks (later)
//!     act       under the guide with sticky random factors, in randomised deployments
//!     roll out  every candidate of a sampled state in a clone, under the same arrivals, continued by the guide
//!     store     the returns of all rounds
//!     fit       networks to the centred returns
//! ```
//!
//! A rollout's return is a Monte Carlo action value of the guide; choosing the best candidate by it improves on the guide
//! (policy iteration). The noise of the arrivals is common to all candidates of a state and cancels when centred.

mod adam;
mod average;
mod collect;
mod critic;
mod dataset;
mod descend;
mod episodes;
mod fit;
mod fit_required;
mod guide;
mod hyperparameters;
mod labels;
mod progress;
mod returns;
mod store;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::checkpoint::{self, Card, CardNetwork, Checkpoint, RecordedDays};
use crate::evaluate::{frontier, validate};
use crate::features::FEATURES_VERSION;
use crate::learned::{DEFAULT_PRICE, DOMAIN, Learned};
use crate::network::{ACTION_WIDTH, Ensemble, STATE_INPUTS};
use crate::required::{Required, RequiredPods};
use crate::workload::{Recording, Split};

pub(crate) use adam::Adam;
use collect::{EpisodeSamples, collect};
use critic::Critic;
use dataset::Dataset;
pub(crate) use descend::clip;
use fit::fit;
use fit_required::fit_required;
use guide::Guide;
pub use hyperparameters::Hyperparameters;
use labels::collect_labels;
pub(crate) use progress::{Progress, Stage};
pub(crate) use returns::Account;
use store::{Store, samples_of_bytes, samples_to_bytes};

/// Networks that answer in rollouts, and while acting.
const GUIDING: u32 = 2;

/// Trains a policy and writes its checkpoint.
#[derive(Debug, Clone, Args)]
pub struct TrainArgs {
    /// What and how much to train
    #[command(flatten)]
    pub hyperparameters: Hyperparameters,
    /// A ninth of the data and of the steps, one round: to try something out
    #[arg(long)]
    pub quick: bool,
    /// File to write; its card goes beside it, with the extension json
    #[arg(long, default_value = "trained.safetensors")]
    pub output: PathBuf,
}

/// What training gives.
#[derive(Debug)]
struct Trained {
    ensemble: Ensemble,
    states: u64,
    requests: u64,
    held_out_loss: Vec<f64>,
}

/// Runs `agent train`.
///
/// # Errors
/// Hyperparameters out of range, or files that cannot be written.
pub fn run(args: &TrainArgs) -> Result<()> {
    args.hyperparameters.validate()?;
    let directory = args.output.parent().filter(|directory| !directory.as_os_str().is_empty());
    if let Some(directory) = directory {
        // Before the minutes of work, not behind them.
        ensure!(directory.is_dir(), "--output: there is no folder {}", directory.display());
    }
    let progress = Progress::new();
    let hyperparameters = if args.quick { args.hyperparameters.quick() } else { args.hyperparameters.clone() };
    let (store, goes_on) = Store::open(&args.output, &hyperparameters)?;
    if goes_on {
        progress.say("going on with a training that did not end");
    }
    let trained = train(&hyperparameters, &store, &progress)?;
    let bytes = checkpoint::to_bytes(&trained.ensemble)?;
    let sha256 = checkpoint::sha256(&bytes);
    progress.say(&format!("trained {sha256}"));
    let learned = Learned::new(Arc::new(trained.ensemble.clone()), DEFAULT_PRICE);
    let validation = validate(&learned, hyperparameters.validation_seeds)?;
    for row in &validation {
        progress.say(&row.to_string());
    }
    let frontier = frontier(&learned, hyperparameters.validation_seeds)?;
    let card = Card {
        features_version: FEATURES_VERSION,
        sha256,
        command: hyperparameters.command(),
        seed: hyperparameters.seed,
        hyperparameters: serde_json::to_value(&hyperparameters).context("cannot write the hyperparameters")?,
        network: network_card(&trained.ensemble),
        trained_on: trained_on(),
        recordings: recordings()?,
        domain: DOMAIN,
        states: trained.states,
        requests: trained.requests,
        held_out_loss: trained.held_out_loss,
        validation,
        frontier,
    };
    checkpoint::write(&args.output, &bytes, &card)?;
    store.close()?;
    progress.say(&format!("wrote {} ({} bytes) and its card", args.output.display(), bytes.len()));
    Ok(())
}

fn train(hyperparameters: &Hyperparameters, store: &Store, progress: &Progress) -> Result<Trained> {
    let required = required(hyperparameters, store, progress)?;
    let start = Arc::new(required.clone());
    let mut samples: Vec<EpisodeSamples> = Vec::new();
    let mut improved: Option<(Arc<Ensemble>, Vec<f64>)> = None;
    let mut critic = None;
    for round in 0..hyperparameters.rounds {
        let guide = |price| match &improved {
            None => Guide::Required(RequiredPods::new(Arc::clone(&start), price)),
            Some((ensemble, _)) => Guide::Learned(Learned::new(Arc::clone(ensemble), price).bold()),
        };
        let name = format!("samples-{}.safetensors", round + 1);
        let before = samples.len();
        match store.read(&name)? {
            Some(bytes) => samples.extend(samples_of_bytes(&bytes)?),
            None => {
                let collected = collect(hyperparameters, round, &required, &guide, critic.as_ref(), progress)?;
                store.write(&name, &samples_to_bytes(&collected)?)?;
                samples.extend(collected);
            }
        }
        improved = Some(improve(hyperparameters, round, &required, &samples, store, progress)?);
        if hyperparameters.bootstrap && round + 1 < hyperparameters.rounds {
            critic = Some(Critic::fit(hyperparameters, round, &required, &samples[before..], progress)?);
        }
    }
    let (ensemble, held_out_loss) = improved.context("--rounds must be 1 or more")?;
    Ok(Trained {
        ensemble: Arc::unwrap_or_clone(ensemble),
        states: samples.iter().map(|episode| episode.samples.len() as u64).sum(),
        requests: samples.iter().map(|episode| episode.requests).sum(),
        held_out_loss,
    })
}

/// The forecast, as it was left or anew.
fn required(hyperparameters: &Hyperparameters, store: &Store, progress: &Progress) -> Result<Required> {
    const NAME: &str = "required.safetensors";
    if let Some(bytes) = store.read(NAME)? {
        return Ok(checkpoint::required_of_bytes(&bytes)?);
    }
    let labels = collect_labels(hyperparameters, progress)?;
    let required = fit_required(hyperparameters, &labels, progress)?;
    store.write(NAME, &checkpoint::required_to_bytes(&required)?)?;
    Ok(required)
}

/// The networks of a round with their losses, as they were left or anew.
fn improve(
    hyperparameters: &Hyperparameters,
    round: u32,
    required: &Required,
    samples: &[EpisodeSamples],
    store: &Store,
    progress: &Progress,
) -> Result<(Arc<Ensemble>, Vec<f64>)> {
    let (weights, losses) = (format!("networks-{}.safetensors", round + 1), format!("losses-{}.json", round + 1));
    // The losses are written first: where the networks are, they are too.
    if let (Some(bytes), Some(losses)) = (store.read(&weights)?, store.read(&losses)?) {
        return Ok((Arc::new(Checkpoint::from_bytes(&bytes)?.ensemble), serde_json::from_slice(&losses)?));
    }
    let dataset = Dataset::new(samples);
    let fitted = fit(hyperparameters, round, &dataset, progress)?;
    let networks: Vec<_> = fitted.iter().map(|fitted| fitted.network.clone()).collect();
    let ensemble = Ensemble::new(required.clone(), dataset.normaliser().clone(), dataset.scale(), &networks)?;
    let held_out_loss: Vec<f64> = fitted.iter().map(|fitted| fitted.held_out_loss).collect();
    store.write(&losses, &serde_json::to_vec(&held_out_loss)?)?;
    store.write(&weights, &checkpoint::to_bytes(&ensemble)?)?;
    Ok((Arc::new(ensemble), held_out_loss))
}

fn network_card(ensemble: &Ensemble) -> CardNetwork {
    let count =
        |network: &crate::network::Network| network.parameters().iter().map(|p| p.elem_count() as u64).sum::<u64>();
    CardNetwork {
        state_inputs: STATE_INPUTS as u64,
        action_inputs: ACTION_WIDTH as u64,
        units: ensemble.networks().first().map_or(0, |network| network.units() as u64),
        networks: ensemble.networks().len() as u64,
        parameters: ensemble.networks().iter().map(count).sum(),
    }
}

/// What the episodes are drawn from, for the card: ranges are in the documentation of [`crate::simulator::Scenario::randomised`].
fn trained_on() -> Vec<String> {
    [
        "interval 3 .. 60 s; interval / service time 6 .. 2000; threshold / service time 1.4 .. 10",
        "replicas 1 .. 2..31; start-up 0.5/60 .. 8 intervals",
        "service times constant to exponential-like, or mixtures of three sizes; routing in turn, random, least work",
        "peak load 19 .. 90 % of the capacity of all replicas",
        "loads: recorded days, formulas (constant, step, ramp, sinusoid, bimodal, square, sawtooth, flash crowd, random \
         walk), bursts on them, regimes; noise, over-dispersion",
        "price of a violation 0.3 .. 40 full clusters for one check",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Recorded days among them.
fn recordings() -> Result<Vec<RecordedDays>> {
    let split = Split::published()?;
    let days = |recording: &Recording| {
        let (_, days) = split.days(recording);
        let first_day = *days.first()?;
        Some(RecordedDays { name: recording.name().to_owned(), first_day, days: u32::try_from(days.len()).ok()? })
    };
    Ok(Recording::published()?.iter().filter_map(days).collect())
}
