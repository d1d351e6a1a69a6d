//! `agent train`: rollout policy iteration, top to bottom on one page.
//!
//! ```text
//! for each round:
//!     guide   = the calibrated rule (first round), the networks (later)
//!     act       under the guide with sticky random factors, in randomised deployments
//!     roll out  every candidate of a sampled state in a clone, under the same arrivals, continued by the guide
//!     store     the returns of all rounds
//!     fit       networks to the centred returns
//! ```
//!
//! A rollout's return is a Monte Carlo action value of the guide; choosing the best candidate by it improves on the guide
//! (policy iteration). The noise of the arrivals is common to all candidates of a state and cancels when centred.

mod collect;
mod dataset;
mod fit;
mod guide;
mod hyperparameters;
mod progress;
mod returns;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::checkpoint::{self, Card, CardNetwork};
use crate::evaluate::validate;
use crate::features::{ACTION_FEATURES, FEATURES_VERSION};
use crate::learned::{DEFAULT_PRICE, Learned};
use crate::network::{Ensemble, STATE_INPUTS};

use collect::{EpisodeSamples, collect};
use dataset::Dataset;
use fit::fit;
use guide::Guide;
pub use hyperparameters::Hyperparameters;
use progress::Progress;

/// Trains a policy and writes its checkpoint.
#[derive(Debug, Clone, Args)]
pub struct TrainArgs {
    /// What and how much to train
    #[command(flatten)]
    pub hyperparameters: Hyperparameters,
    /// File to write; its card goes beside it, with the extension json
    #[arg(long, default_value = "agent/checkpoints/default.safetensors")]
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
    let trained = train(&args.hyperparameters, &progress)?;
    let bytes = checkpoint::to_bytes(&trained.ensemble)?;
    let sha256 = checkpoint::sha256(&bytes);
    progress.say(&format!("trained {sha256}"));
    let learned = Learned::new(Arc::new(trained.ensemble.clone()), DEFAULT_PRICE);
    let validation = validate(&learned, args.hyperparameters.validation_seeds)?;
    for row in &validation {
        progress.say(&row.to_string());
    }
    let card = Card {
        features_version: FEATURES_VERSION,
        sha256,
        command: args.hyperparameters.command(),
        seed: args.hyperparameters.seed,
        hyperparameters: serde_json::to_value(&args.hyperparameters).context("cannot write the hyperparameters")?,
        network: network_card(&trained.ensemble),
        trained_on: collect::trained_on(),
        states: trained.states,
        requests: trained.requests,
        held_out_loss: trained.held_out_loss,
        validation,
    };
    checkpoint::write(&args.output, &bytes, &card)?;
    progress.say(&format!("wrote {} ({} bytes) and its card", args.output.display(), bytes.len()));
    Ok(())
}

fn train(hyperparameters: &Hyperparameters, progress: &Progress) -> Result<Trained> {
    let mut samples: Vec<EpisodeSamples> = Vec::new();
    let mut improved: Option<(Arc<Ensemble>, Vec<f64>)> = None;
    for round in 0..hyperparameters.rounds {
        let guide = |price| match &improved {
            None => Guide::rule(price),
            Some((ensemble, _)) => Guide::Learned(Learned::new(Arc::clone(ensemble), price)),
        };
        samples.extend(collect(hyperparameters, round, &guide, progress)?);
        let dataset = Dataset::new(&samples);
        let fitted = fit(hyperparameters, round, &dataset, progress)?;
        let networks: Vec<_> = fitted.iter().map(|fitted| fitted.network.clone()).collect();
        let ensemble = Ensemble::new(dataset.normaliser().clone(), dataset.scale(), &networks)?;
        improved = Some((Arc::new(ensemble), fitted.iter().map(|fitted| fitted.held_out_loss).collect()));
    }
    let (ensemble, held_out_loss) = improved.context("--rounds must be 1 or more")?;
    Ok(Trained {
        ensemble: Arc::unwrap_or_clone(ensemble),
        states: samples.iter().map(|episode| episode.samples.len() as u64).sum(),
        requests: samples.iter().map(|episode| episode.requests).sum(),
        held_out_loss,
    })
}

fn network_card(ensemble: &Ensemble) -> CardNetwork {
    let count =
        |network: &crate::network::Network| network.parameters().iter().map(|p| p.elem_count() as u64).sum::<u64>();
    CardNetwork {
        state_inputs: STATE_INPUTS as u64,
        action_inputs: ACTION_FEATURES as u64,
        units: ensemble.networks().first().map_or(0, |network| network.units() as u64),
        networks: ensemble.networks().len() as u64,
        parameters: ensemble.networks().iter().map(count).sum(),
    }
}
