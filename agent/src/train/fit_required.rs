//! Quantile regression of the required pods.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::Hyperparameters;
use super::descend::descend;
use super::labels::Label;
use super::progress::{Progress, Stage};
use crate::features::STATE_FEATURES;
use crate::network::{Perceptron, Range};
use crate::parallel;
use crate::required::{LEVELS, Required};
use crate::rng::Stream;

/// Every so many-th episode is held out.
const HELD_OUT_EVERY: usize = 20;
/// States of the coverage at most.
const MAX_HELD_OUT: usize = 8192;

/// Rows of normalised states with their labels.
struct Rows {
    states: Vec<f32>,
    logs: Vec<f32>,
}

impl Rows {
    fn of<'a>(labels: impl Iterator<Item = &'a Label>, ranges: &[Range; STATE_FEATURES]) -> Self {
        let mut rows = Self { states: Vec::new(), logs: Vec::new() };
        for label in labels {
            rows.states.extend(ranges.iter().zip(&label.state).map(|(range, value)| range.apply(*value)));
            rows.logs.push(label.log);
        }
        rows
    }

    /// States `[n, S]` and labels `[n, 1]`.
    fn batch(&self, rows: &[usize]) -> candle_core::Result<(Tensor, Tensor)> {
        let row = |row: &usize| &self.states[row * STATE_FEATURES..(row + 1) * STATE_FEATURES];
        let states: Vec<f32> = rows.iter().flat_map(row).copied().collect();
        let logs: Vec<f32> = rows.iter().map(|row| self.logs[*row]).collect();
        let states = Tensor::from_vec(states, (rows.len(), STATE_FEATURES), &Device::Cpu)?;
        Ok((states, Tensor::from_vec(logs, (rows.len(), 1), &Device::Cpu)?))
    }
}

/// Fits the networks, each on a thread of its own, and says how often the label is below each quantile in episodes that
/// they did not learn from.
///
/// # Errors
/// No labels, or no memory.
pub fn fit_required(
    hyperparameters: &Hyperparameters,
    episodes: &[Vec<Label>],
    progress: &Progress,
) -> Result<Required> {
    let all = || episodes.iter().flatten().map(|label| &label.state);
    let ranges: [Range; STATE_FEATURES] = std::array::from_fn(|i| Range::of(all().map(|state| state[i])));
    let is_held_out = |index: usize| index % HELD_OUT_EVERY == HELD_OUT_EVERY - 1;
    let part = |held_out: bool| {
        let parts = episodes.iter().enumerate().filter(move |(index, _)| is_held_out(*index) == held_out);
        Rows::of(parts.flat_map(|(_, labels)| labels), &ranges)
    };
    let (training, held_out) = (part(false), part(true));
    let last = u32::try_from(training.logs.len()).ok().and_then(|count| count.checked_sub(1));
    let last = last.context("no check was labelled: --labelled-share is too small")?;
    let (count, steps) = (hyperparameters.required_networks, hyperparameters.required_steps);
    let stage = progress.stage("required pods: fit".to_owned(), u64::from(steps) * u64::from(count));
    let fit = |index: u32, stage: &Stage| -> Result<Perceptron> {
        let stream = Stream::new(hyperparameters.seed, "required pods", index.into());
        let units = hyperparameters.required_units as usize;
        let variables = Perceptron::initial(STATE_FEATURES, units, LEVELS.len(), &stream.split("initial", 0))?;
        let network = Perceptron::of(&variables)?;
        let levels = levels()?;
        let mut batches = stream.split("batches", 0);
        let average = descend(hyperparameters, &variables, steps, stage, || {
            let drawn = (0..hyperparameters.required_batch).map(|_| batches.integer(0, last) as usize);
            let (states, logs) = training.batch(&drawn.collect::<Vec<_>>())?;
            pinball(&network.forward(&states)?, &logs, &levels)
        })?;
        Ok(Perceptron::new(average, STATE_FEATURES, LEVELS.len())?)
    };
    let networks = parallel::try_count(count, hyperparameters.threads(), |index| fit(index, &stage))?;
    let required = Required::new(ranges, &networks)?;
    stage.finish(Some(coverage(&networks, &held_out)?));
    Ok(required)
}

fn levels() -> candle_core::Result<Tensor> {
    Tensor::from_vec(LEVELS.map(|level| level as f32).to_vec(), (1, LEVELS.len()), &Device::Cpu)
}

/// Mean of `max(q e, (q - 1) e)`, `e = label - quantile` (Koenker and Bassett, Regression quantiles, Econometrica 46, 1978).
fn pinball(quantiles: &Tensor, logs: &Tensor, levels: &Tensor) -> candle_core::Result<Tensor> {
    let error = logs.broadcast_sub(quantiles)?;
    let over = error.broadcast_mul(levels)?;
    over.maximum(&(&over - &error)?)?.mean_all()
}

/// Share of the labels at or below each quantile, percent.
fn coverage(networks: &[Perceptron], held_out: &Rows) -> Result<String> {
    let rows: Vec<usize> = (0..held_out.logs.len().min(MAX_HELD_OUT)).collect();
    if rows.is_empty() {
        return Ok("nothing held out".to_owned());
    }
    let (states, logs) = held_out.batch(&rows)?;
    let mut sum = networks.first().context("a network")?.forward(&states)?;
    for network in &networks[1..] {
        sum = (sum + network.forward(&states)?)?;
    }
    let mean = (sum / networks.len() as f64)?;
    let below = logs.broadcast_le(&mean)?.to_dtype(candle_core::DType::F32)?.mean(0)?.to_vec1::<f32>()?;
    let shares = LEVELS.iter().zip(below).map(|(level, share)| format!("{:.1}: {:.1}", 100.0 * level, 100.0 * share));
    Ok(format!("labels below each quantile, %: {}", shares.collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinball_loss_is_that_of_hand_worked_errors_and_its_minimum_is_the_quantile() {
        let row = |numbers: &[f32]| Tensor::from_vec(numbers.to_vec(), (1, numbers.len()), &Device::Cpu).unwrap();
        let level = row(&[0.9]);
        let loss = |quantile: f32, label: f32| {
            pinball(&row(&[quantile]), &row(&[label]), &level).unwrap().to_scalar::<f32>().unwrap()
        };
        // 1 below the label costs 0.9, 1 above it 0.1.
        assert!((loss(1.0, 2.0) - 0.9).abs() < 1e-6 && (loss(3.0, 2.0) - 0.1).abs() < 1e-6);
        let total = |quantile: f32| (1..=10).map(|label| loss(quantile, label as f32)).sum::<f32>();
        let best = (1..=100).map(|tenths| tenths as f32 / 10.0).min_by(|a, b| total(*a).total_cmp(&total(*b))).unwrap();
        assert!((9.0..=10.0).contains(&best), "90 % of 1 .. 10 are at or below 9, not {best}");
    }
}
