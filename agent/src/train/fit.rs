//! Gradient descent on the centred returns.

use std::thread;

use anyhow::{Result, anyhow};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};

use super::Hyperparameters;
use super::collect::KEPT;
use super::dataset::{Batch, Dataset};
use super::progress::{Progress, Stage};
use crate::network::{Network, PARAMETERS, VALUES};
use crate::rng::Stream;

/// Steps between two reports of the loss.
const REPORT_EVERY: u32 = 200;
/// Decoupled weight decay.
const WEIGHT_DECAY: f64 = 1e-4;

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
    let steps = if last { hyperparameters.steps } else { hyperparameters.steps.div_ceil(2) };
    let total = u64::from(steps) * u64::from(hyperparameters.networks);
    let stage = progress.stage(format!("round {}: fit", round + 1), total);
    let fitted = thread::scope(|scope| {
        let workers: Vec<_> = (0..hyperparameters.networks)
            .map(|index| {
                let stream = Stream::new(hyperparameters.seed, "network", u64::from(round) << 32 | u64::from(index));
                let stage = &stage;
                scope.spawn(move || descend(hyperparameters, steps, dataset, &stream, stage))
            })
            .collect();
        let results = workers.into_iter().map(|worker| worker.join().map_err(|_| anyhow!("a thread panicked"))?);
        results.collect::<Result<Vec<_>>>()
    })?;
    let losses: Vec<String> = fitted.iter().map(|fitted| format!("{:.4}", fitted.held_out_loss)).collect();
    stage.finish(Some(format!("held-out loss {}", losses.join(" and "))));
    Ok(fitted)
}

fn descend(
    hyperparameters: &Hyperparameters,
    steps: u32,
    dataset: &Dataset,
    stream: &Stream,
    stage: &Stage,
) -> Result<Fitted> {
    let variables = Network::initial(hyperparameters.units as usize, &stream.split("initial", 0))?;
    let network = Network::of(&variables)?;
    let settings =
        ParamsAdamW { lr: hyperparameters.learning_rate, weight_decay: WEIGHT_DECAY, ..ParamsAdamW::default() };
    let mut adam = AdamW::new(variables.to_vec(), settings)?;
    let same_kind = same_kind()?;
    let mut average: [Tensor; PARAMETERS.len()] = network.detached().parameters().clone();
    let mut batches = stream.split("batches", 0);
    for step in 0..steps {
        let batch = dataset.training.draw(hyperparameters.batch as usize, &mut batches)?;
        let loss = loss(&network, &batch, &same_kind)?;
        let mut gradients = loss.backward()?;
        clip(&variables, &mut gradients, hyperparameters.clip)?;
        adam.set_learning_rate(hyperparameters.learning_rate * cosine(step, steps));
        adam.step(&gradients)?;
        for (average, variable) in average.iter_mut().zip(&variables) {
            // Young averages look back at few steps, or they would remember the initial weights.
            let past = hyperparameters.averaging.min(f64::from(step) / f64::from(step + 10));
            *average = ((&*average * past)? + (variable.as_detached_tensor() * (1.0 - past))?)?;
        }
        if step % REPORT_EVERY == REPORT_EVERY - 1 || step + 1 == steps {
            stage.tell(format!("loss {:.4}", loss.to_scalar::<f32>()?));
        }
        stage.advance(1, 0);
    }
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

/// Shortens the gradient to at most this length. The sum runs in the order of the parameters' names.
fn clip(variables: &[Var; PARAMETERS.len()], gradients: &mut GradStore, longest: f64) -> candle_core::Result<()> {
    let mut square = 0.0;
    for variable in variables {
        if let Some(gradient) = gradients.get(variable) {
            square += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
    }
    let length = square.sqrt();
    if length > longest {
        for variable in variables {
            if let Some(gradient) = gradients.get(variable) {
                let shorter = (gradient * (longest / length))?;
                gradients.insert(variable, shorter);
            }
        }
    }
    Ok(())
}

/// From 1 at the first step to 0 behind the last, along half a cosine.
fn cosine(step: u32, steps: u32) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * f64::from(step) / f64::from(steps)).cos())
}

#[cfg(test)]
mod tests;
