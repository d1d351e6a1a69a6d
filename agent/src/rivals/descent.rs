//! Adam on a batch that is cut in two: one half for each core.

use anyhow::Result;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::network::{Network, PARAMETERS};
use crate::parallel;
use crate::train::{Adam, clip};

/// Parts of a batch. A constant: their gradients are summed in order, whatever the number of threads.
pub const SHARDS: u32 = 2;

/// A network in training.
pub struct Descent {
    variables: [Var; PARAMETERS.len()],
    adam: Adam,
    clip: f64,
    threads: usize,
}

impl Descent {
    /// Of these variables. `epsilon` is Adam's; gradients longer than `clip` are shortened.
    #[must_use]
    pub fn new(variables: [Var; PARAMETERS.len()], epsilon: f64, clip: f64, threads: usize) -> Self {
        let adam = Adam::new(&variables, epsilon, 0.0);
        Self { variables, adam, clip, threads }
    }

    /// The network as it is now.
    ///
    /// # Errors
    /// None: the shapes were checked.
    pub fn network(&self) -> Result<Network> {
        Ok(Network::of(&self.variables)?)
    }

    /// One step down the sum of the shards' losses; returns their sum. A shard says the tensor to be differentiated, and
    /// the loss to be shown.
    ///
    /// # Errors
    /// What a shard fails with.
    pub fn step(
        &mut self,
        learning_rate: f64,
        shard: impl Fn(&Network, usize) -> Result<(Tensor, f64)> + Sync,
    ) -> Result<f64> {
        let network = self.network()?;
        let parts = parallel::try_count(SHARDS, self.threads, |index| {
            let (loss, shown) = shard(&network, index as usize)?;
            anyhow::Ok((loss.backward()?, shown))
        })?;
        let mut shown = 0.0;
        let mut total: Option<GradStore> = None;
        for (gradients, loss) in parts {
            shown += loss;
            total = Some(match total {
                None => gradients,
                Some(total) => self.sum(total, &gradients)?,
            });
        }
        if let Some(mut gradients) = total {
            clip(&self.variables, &mut gradients, self.clip)?;
            self.adam.step(&gradients, learning_rate)?;
        }
        Ok(shown)
    }

    fn sum(&self, mut total: GradStore, other: &GradStore) -> Result<GradStore> {
        for variable in &self.variables {
            let sum = match (total.get(variable), other.get(variable)) {
                (Some(a), Some(b)) => (a + b)?,
                (None, Some(only)) => only.clone(),
                (_, None) => continue,
            };
            total.insert(variable, sum);
        }
        Ok(total)
    }
}

/// From the highest learning rate at the beginning to 0 at the end, along half a cosine.
#[must_use]
pub fn falling(highest: f64, done: u64, all: u64) -> f64 {
    0.5 * highest * (1.0 + (std::f64::consts::PI * done as f64 / all.max(1) as f64).cos())
}
