//! Required pods: the fewest replicas that would have kept the next checks within the threshold, as a distribution.
//!
//! Arrivals do not depend on what is ordered, so in the simulator that number can be found exactly, by playing clones
//! under the same arrivals. Networks learn its quantiles from the state: a forecast in which the load, the queues, the
//! backlog and the start-up are one figure. It feeds the value networks, and a quantile of it is a policy by itself:
//! a newsvendor, whose level is the dial between cost and violations.
//!
//! The pods are learnt as `y = ln((N - u) / (a + 0.3))`, `u` uniform in [0, 1) so that whole numbers are smooth:
//! `P(N <= n) = P(y <= ln(n / (a + 0.3)))` for whole n.

mod policy;
mod quantiles;

use candle_core::Result;

use crate::features::{STATE_FEATURES, Situation};
use crate::network::{Perceptron, PerceptronForward, Range};

pub use policy::RequiredPods;
pub use quantiles::{ACTION_NUMBERS, LEVELS, Quantiles, STATE_NUMBER_NAMES, STATE_NUMBERS};

/// Erlangs that are added to the load, so that the logarithm of nothing is no obstacle.
pub const LOAD_OFFSET: f64 = 0.3;
/// What is learnt stays within this.
pub const MOST_LOG: f64 = 4.0;

/// Networks whose quantiles are averaged.
#[derive(Debug, Clone)]
pub struct Required {
    ranges: [Range; STATE_FEATURES],
    networks: Vec<Perceptron>,
    answering: Vec<PerceptronForward>,
}

impl Required {
    /// At least one network, with how its inputs are normalised.
    ///
    /// # Errors
    /// When there is none, or its numbers cannot be had.
    pub fn new(ranges: [Range; STATE_FEATURES], networks: &[Perceptron]) -> Result<Self> {
        if networks.is_empty() {
            candle_core::bail!("required pods need a network");
        }
        let answering = networks.iter().map(PerceptronForward::new).collect::<Result<_>>()?;
        Ok(Self { ranges, networks: networks.iter().map(Perceptron::detached).collect(), answering })
    }

    /// How its inputs are normalised.
    #[must_use]
    pub fn ranges(&self) -> &[Range; STATE_FEATURES] {
        &self.ranges
    }

    /// Its members.
    #[must_use]
    pub fn networks(&self) -> &[Perceptron] {
        &self.networks
    }

    /// Indexes of the features that are outside of the training data.
    pub fn outside<'a>(&'a self, state: &'a [f32; STATE_FEATURES]) -> impl Iterator<Item = usize> + 'a {
        let pairs = self.ranges.iter().zip(state).enumerate();
        pairs.filter(|(_, (range, value))| range.is_outside(**value)).map(|(index, _)| index)
    }

    /// The distribution in each of the situations, in one pass.
    #[must_use]
    pub fn quantiles(&self, situations: &[Situation]) -> Vec<Quantiles> {
        let mut inputs = Vec::with_capacity(situations.len() * STATE_FEATURES);
        for situation in situations {
            inputs.extend(self.ranges.iter().zip(situation.state()).map(|(range, value)| range.apply(*value)));
        }
        let mut sums = vec![0.0_f64; situations.len() * LEVELS.len()];
        for network in &self.answering {
            let logs = network.outputs(&inputs);
            sums.iter_mut().zip(logs).for_each(|(sum, log)| *sum += f64::from(log));
        }
        let rows = sums.as_chunks::<{ LEVELS.len() }>().0;
        let mean = |row: &[f64; LEVELS.len()]| row.map(|sum| sum / self.networks.len() as f64);
        situations.iter().zip(rows).map(|(situation, row)| Quantiles::new(situation.load(), &mean(row))).collect()
    }
}
