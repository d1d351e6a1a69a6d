//! Gradient descent on the centred returns.

use anyhow::Result;
use candle_core::{Device, Tensor};

use super::collect::KEPT;
use super::dataset::{Batch, Dataset};
use super::descend::descend;
use super::progress::{Progress, Stage};
use super::{GUIDING, Hyperparameters};
use crate::network::{Network, VALUES};
use crate::parallel;
use crate::rng::Stream;

/// A network and how good it is.
#[derive(Debug)]
pub struct Fitted {
    /// The averaged weights.
    pub network: Network,
    /// Its loss on states that it did not learn from; 1 is what a constant has.
    pub held_out_loss: f64,
}

/// Fits as many networks as are wanted, each on a thread of its own: initial weights and batches differ.
///
/// # Errors
/// Only when memory cannot be had.
pub fn fit(
    hyperparameters: &Hyperparameters,
    round: u32,
    dataset: &Dataset,
    progress: &Progress,
) -> Result<Vec<Fitted>> {
    let last = round + 1 == hyperparameters.rounds;
    // Networks that only guide the next round are fewer, and fitted for less long.
    let (steps, networks) = if last {
        (hyperparameters.steps, hyperparameters.networks)
    } else {
        (hyperparameters.steps.div_ceil(2), hyperparameters.networks.min(GUIDING))
    };
    let total = u64::from(steps) * u64::from(networks);
    let stage = progress.stage(format!("round {}: fit", round + 1), total);
    let fitted = parallel::try_count(networks, hyperparameters.threads(), |index| {
        let stream = Stream::new(hyperparameters.seed, "network", u64::from(round) << 32 | u64::from(index));
        fit_one(hyperparameters, steps, dataset, &stream, &stage)
    })?;
    let losses: Vec<String> = fitted.iter().map(|fitted| format!("{:.4}", fitted.held_out_loss)).collect();
    stage.finish(Some(format!("held-out loss {}", losses.join(" and "))));
    Ok(fitted)
}

fn fit_one(
    hyperparameters: &Hyperparameters,
    steps: u32,
    dataset: &Dataset,
    stream: &Stream,
    stage: &Stage,
) -> Result<Fitted> {
    let variables = Network::initial(hyperparameters.units as usize, &stream.split("initial", 0))?;
    let network = Network::of(&variables)?;
    let same_kind = same_kind()?;
    let mut batches = stream.split("batches", 0);
    let average = descend(hyperparameters, &variables, steps, stage, || {
        let batch = dataset.training.draw(hyperparameters.batch as usize, &mut batches)?;
        loss(&network, &batch, &same_kind)
    })?;
    let network = Network::new(average)?;
    let held_out_loss = if dataset.held_out.len() == 0 {
        0.0
    } else {
        loss(&network, &dataset.held_out.first()?, &same_kind)?.to_scalar::<f32>()?.into()
    };
    Ok(Fitted { network, held_out_loss })
}

/// Weighted mean square of `centred prediction - target`; plain operators only, so that a wrong shape fails.
fn loss(network: &Network, batch: &Batch, same_kind: &Tensor) -> candle_core::Result<Tensor> {
    let n = batch.actions.dim(0)?;
    let predicted = network.forward(&batch.states, &batch.actions)?.reshape((n, KEPT * VALUES))?;
    let error = (centred(&predicted, &batch.weights, same_kind)? - &batch.targets)?;
    (error.sqr()? * &batch.weights)?.sum_all()? / (n * VALUES) as f64
}

/// `[n, 2 k]` less the weighted mean of its kind over the candidates of a state.
fn centred(values: &Tensor, weights: &Tensor, same_kind: &Tensor) -> candle_core::Result<Tensor> {
    values - (values * weights)?.matmul(same_kind)?
}

/// The matrix `[2 k, 2 k]` that sums the values of a kind over the candidates.
fn same_kind() -> candle_core::Result<Tensor> {
    let size = KEPT * VALUES;
    let entry = |row: usize, column: usize| f32::from(u8::from(row % VALUES == column % VALUES));
    let entries: Vec<f32> = (0..size * size).map(|at| entry(at / size, at % size)).collect();
    Tensor::from_vec(entries, (size, size), &Device::Cpu)
}

#[cfg(test)]
mod tests;
