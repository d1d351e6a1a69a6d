//! What a state is worth under the guide: where rollouts end, if they are not to end in nothing.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use scaler_core::ActionRequest;

use super::Hyperparameters;
use super::collect::EpisodeSamples;
use super::descend::descend;
use super::progress::Progress;
use crate::features::Situation;
use crate::network::{Normaliser, Perceptron, STATE_INPUTS, VALUES, Value, state_numbers};
use crate::required::Required;
use crate::rng::Stream;

/// States in a gradient step.
const BATCH: u32 = 256;

/// A network from the state, at a price, to the discounted cost and violations of following the guide from there.
#[derive(Debug, Clone)]
pub struct Critic {
    required: Required,
    normaliser: Normaliser,
    /// Mean of the returns that it learnt from, and their deviation from it: its answers are in units of that.
    mean: Value,
    scale: Value,
    network: Perceptron,
}

impl Critic {
    /// Learns from the returns of the guide's own orders.
    ///
    /// # Errors
    /// No samples, or no memory.
    pub fn fit(
        hyperparameters: &Hyperparameters,
        round: u32,
        required: &Required,
        episodes: &[EpisodeSamples],
        progress: &Progress,
    ) -> Result<Self> {
        let samples = || episodes.iter().flat_map(|episode| &episode.samples);
        let normaliser = Normaliser::of(samples().map(|sample| &sample.state), samples().flat_map(|it| &it.actions));
        let (mean, scale) = moments(samples().map(|sample| sample.own));
        let (mut states, mut targets) = (Vec::new(), Vec::new());
        for sample in samples() {
            normaliser.push_state(&sample.state, sample.price, &mut states);
            let unit = |value: f64, mean: f64, scale: f64| ((value - mean) / scale) as f32;
            let Value { cost, violation } = sample.own;
            targets.extend([unit(cost, mean.cost, scale.cost), unit(violation, mean.violation, scale.violation)]);
        }
        let last = u32::try_from(targets.len() / VALUES).ok().and_then(|count| count.checked_sub(1));
        let last = last.context("no state was rolled out: --sampled-share is too small")?;
        let stream = Stream::new(hyperparameters.seed, "critic", round.into());
        let units = hyperparameters.units as usize;
        let variables = Perceptron::initial(STATE_INPUTS, units, VALUES, &stream.split("initial", 0))?;
        let network = Perceptron::of(&variables)?;
        let mut batches = stream.split("batches", 0);
        let steps = hyperparameters.steps.div_ceil(2);
        let stage = progress.stage(format!("round {}: fit the critic", round + 1), steps.into());
        let average = descend(hyperparameters, &variables, steps, &stage, || {
            let rows: Vec<usize> = (0..BATCH).map(|_| batches.integer(0, last) as usize).collect();
            let states = gather(&states, STATE_INPUTS, &rows)?;
            (network.forward(&states)? - gather(&targets, VALUES, &rows)?)?.sqr()?.mean_all()
        })?;
        stage.finish(None);
        let network = Perceptron::new(average, STATE_INPUTS, VALUES)?.detached();
        Ok(Self { required: required.clone(), normaliser, mean, scale, network })
    }

    /// What each of these states is worth at a price, in one pass.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn values(&self, requests: &[ActionRequest], price: f64) -> candle_core::Result<Vec<Value>> {
        let situations: Vec<Situation> = requests.iter().map(Situation::new).collect();
        let mut states = Vec::with_capacity(situations.len() * STATE_INPUTS);
        for (situation, quantiles) in situations.iter().zip(self.required.quantiles(&situations)) {
            self.normaliser.push_state(&state_numbers(situation, &quantiles), price, &mut states);
        }
        let states = Tensor::from_vec(states, (situations.len(), STATE_INPUTS), &Device::Cpu)?;
        let (mean, scale) = (self.mean, self.scale);
        let rows = self.network.forward(&states)?.to_vec2::<f32>()?;
        let value = |row: &Vec<f32>| Value {
            cost: mean.cost + scale.cost * f64::from(row[0]),
            violation: mean.violation + scale.violation * f64::from(row[1]),
        };
        Ok(rows.iter().map(value).collect())
    }
}

/// Rows of a table as a tensor `[n, width]`.
fn gather(from: &[f32], width: usize, rows: &[usize]) -> candle_core::Result<Tensor> {
    let numbers: Vec<f32> = rows.iter().flat_map(|row| &from[row * width..(row + 1) * width]).copied().collect();
    Tensor::from_vec(numbers, (rows.len(), width), &Device::Cpu)
}

/// Mean and deviation of each value; a deviation of 1 where it never varied.
fn moments(values: impl Iterator<Item = Value> + Clone) -> (Value, Value) {
    let of = |figure: fn(&Value) -> f64| {
        let (mut count, mut sum, mut squares) = (0.0_f64, 0.0, 0.0);
        for value in values.clone() {
            count += 1.0;
            sum += figure(&value);
            squares += figure(&value) * figure(&value);
        }
        let mean = sum / count.max(1.0);
        let deviation = (squares / count.max(1.0) - mean * mean).max(0.0).sqrt();
        (mean, if deviation > 1e-9 { deviation } else { 1.0 })
    };
    let (cost, violation) = (of(|value| value.cost), of(|value| value.violation));
    (Value { cost: cost.0, violation: violation.0 }, Value { cost: cost.1, violation: violation.1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_hand_worked_values() {
        let values = [(1.0, 0.5), (3.0, 0.5), (5.0, 0.5)].map(|(cost, violation)| Value { cost, violation });
        let (mean, scale) = moments(values.into_iter());
        assert_eq!(mean, Value { cost: 3.0, violation: 0.5 });
        assert!((scale.cost - (8.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{scale:?}");
        assert_eq!(scale.violation, 1.0, "what never varies is not divided by nothing");
    }
}
