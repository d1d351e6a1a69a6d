//! The samples of all rounds as the networks take them: normalised, centred, flat.

use candle_core::{Device, Result, Tensor};

use super::collect::{EpisodeSamples, KEPT, Sample};
use crate::network::{ACTION_WIDTH, Normaliser, STATE_INPUTS, VALUES, Value};
use crate::rng::Stream;

/// Every so many-th episode is held out.
const HELD_OUT_EVERY: usize = 20;
/// States of the held-out loss at most.
const MAX_HELD_OUT: usize = 4096;

/// Rows of states, candidates and targets.
#[derive(Debug, Default)]
pub struct Rows {
    states: Vec<f32>,
    actions: Vec<f32>,
    targets: Vec<f32>,
    weights: Vec<f32>,
    count: usize,
}

/// States, candidates and targets of a gradient step.
#[derive(Debug)]
pub struct Batch {
    /// `[n, S + 1]`
    pub states: Tensor,
    /// `[n, k, A]`
    pub actions: Tensor,
    /// `[n, 2 k]`, the values of a candidate side by side.
    pub targets: Tensor,
    /// `[n, 2 k]`, the weight of each of them; those of a kind sum to 1 in each state.
    pub weights: Tensor,
}

/// Training data.
#[derive(Debug)]
pub struct Dataset {
    normaliser: Normaliser,
    scale: Value,
    /// To learn from.
    pub training: Rows,
    /// To measure the loss on; of other episodes.
    pub held_out: Rows,
}

impl Dataset {
    /// Of these episodes.
    #[must_use]
    pub fn new(episodes: &[EpisodeSamples]) -> Self {
        let samples = || episodes.iter().flat_map(|episode| &episode.samples);
        let states = samples().map(|sample| &sample.state);
        let normaliser = Normaliser::of(states, samples().flat_map(|sample| &sample.actions));
        let scale = rms(samples());
        let mut dataset = Self { normaliser, scale, training: Rows::default(), held_out: Rows::default() };
        for (index, episode) in episodes.iter().enumerate() {
            let held_out = index % HELD_OUT_EVERY == HELD_OUT_EVERY - 1;
            let rows = if held_out { &mut dataset.held_out } else { &mut dataset.training };
            episode.samples.iter().for_each(|sample| rows.push(sample, &dataset.normaliser, scale));
        }
        dataset
    }

    /// How its features are normalised.
    #[must_use]
    pub fn normaliser(&self) -> &Normaliser {
        &self.normaliser
    }

    /// Units of its targets.
    #[must_use]
    pub fn scale(&self) -> Value {
        self.scale
    }
}

impl Rows {
    fn push(&mut self, sample: &Sample, normaliser: &Normaliser, scale: Value) {
        normaliser.push_state(&sample.state, sample.price, &mut self.states);
        sample.actions.iter().for_each(|action| normaliser.push_action(action, &mut self.actions));
        for (value, weight) in centred(sample).into_iter().zip(shares(sample)) {
            self.weights.extend([weight as f32; VALUES]);
            self.targets.extend([in_units(value.cost, scale.cost), in_units(value.violation, scale.violation)]);
        }
        self.count += 1;
    }

    /// Number of states.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// A random batch, drawn with replacement.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn draw(&self, size: usize, stream: &mut Stream) -> Result<Batch> {
        let last = u32::try_from(self.count.saturating_sub(1)).unwrap_or(u32::MAX);
        let rows: Vec<usize> = (0..size).map(|_| stream.integer(0, last) as usize).collect();
        self.batch(&rows)
    }

    /// The first rows, as far as they are needed for a loss.
    ///
    /// # Errors
    /// Only when memory cannot be had.
    pub fn first(&self) -> Result<Batch> {
        self.batch(&(0..self.count.min(MAX_HELD_OUT)).collect::<Vec<_>>())
    }

    fn batch(&self, rows: &[usize]) -> Result<Batch> {
        let take = |from: &[f32], width: usize| -> Vec<f32> {
            rows.iter().flat_map(|row| &from[row * width..(row + 1) * width]).copied().collect()
        };
        let n = rows.len();
        let cpu = Device::Cpu;
        Ok(Batch {
            states: Tensor::from_vec(take(&self.states, STATE_INPUTS), (n, STATE_INPUTS), &cpu)?,
            actions: Tensor::from_vec(take(&self.actions, KEPT * ACTION_WIDTH), (n, KEPT, ACTION_WIDTH), &cpu)?,
            targets: Tensor::from_vec(take(&self.targets, KEPT * VALUES), (n, KEPT * VALUES), &cpu)?,
            weights: Tensor::from_vec(take(&self.weights, KEPT * VALUES), (n, KEPT * VALUES), &cpu)?,
        })
    }
}

/// Weights that sum to 1.
fn shares(sample: &Sample) -> [f64; KEPT] {
    let sum: f64 = sample.weights.iter().sum();
    sample.weights.map(|weight| weight / sum)
}

/// Advantages: returns against the weighted mean of the state.
fn centred(sample: &Sample) -> [Value; KEPT] {
    let mut mean = Value::default();
    for (value, share) in sample.returns.iter().zip(shares(sample)) {
        mean.cost += share * value.cost;
        mean.violation += share * value.violation;
    }
    sample.returns.map(|value| Value { cost: value.cost - mean.cost, violation: value.violation - mean.violation })
}

/// 0 of what never differs.
fn in_units(value: f64, scale: f64) -> f32 {
    if scale > 0.0 { (value / scale) as f32 } else { 0.0 }
}

/// Root of the weighted mean square of the advantages, so that both heads weigh alike; 0 where there are none.
fn rms<'a>(samples: impl Iterator<Item = &'a Sample>) -> Value {
    let (mut count, mut cost, mut violation) = (0.0_f64, 0.0, 0.0);
    for sample in samples {
        count += 1.0;
        for (value, share) in centred(sample).into_iter().zip(shares(sample)) {
            cost += share * value.cost * value.cost;
            violation += share * value.violation * value.violation;
        }
    }
    // Through f32, since that is what the checkpoint keeps.
    let root = |squares: f64| f64::from((squares / f64::max(count, 1.0)).sqrt() as f32);
    Value { cost: root(cost), violation: root(violation) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::STATE_WIDTH;

    #[test]
    fn targets_are_returns_against_the_weighted_mean_in_units_of_their_spread() {
        let mut returns = [Value { cost: 1.0, violation: 0.0 }; KEPT];
        returns[0] = Value { cost: 5.0, violation: 8.0 };
        let mut weights = [1.0 / 7.0; KEPT];
        weights[0] = 1.0;
        let sample = Sample {
            state: [0.0; STATE_WIDTH],
            price: 8.0,
            actions: [[0.0; ACTION_WIDTH]; KEPT],
            own: Value::default(),
            returns,
            weights,
        };
        // The first candidate has half of the weight: the means are 3 and 4, all costs are 2 off, all violations 4.
        let dataset = Dataset::new(&[EpisodeSamples { samples: vec![sample], requests: 0 }]);
        let Value { cost, violation } = dataset.scale();
        assert!((cost - 2.0).abs() < 1e-6 && (violation - 4.0).abs() < 1e-6, "{cost} {violation}");
        let batch = dataset.training.first().unwrap();
        let targets = batch.targets.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let expected: Vec<f32> = (0..KEPT * VALUES).map(|i| if i < VALUES { 1.0 } else { -1.0 }).collect();
        assert!(targets.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{targets:?}");
        let weights = batch.weights.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!((weights[0] - 0.5).abs() < 1e-6 && (weights[2] - 1.0 / 14.0).abs() < 1e-6, "{weights:?}");
    }
}
