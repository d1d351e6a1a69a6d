//! Networks that answer together.

use candle_core::{Device, Result, Tensor};

use super::{ACTION_WIDTH, Network, Normaliser, STATE_INPUTS, STATE_WIDTH, VALUES};
use crate::features::{ACTION_FEATURES, STATE_FEATURES, Situation};
use crate::required::{Quantiles, Required};

/// A state and the candidates that are weighed in it, as features.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The state's features.
    pub state: [f32; STATE_WIDTH],
    /// Price of a violation, in full clusters for one check.
    pub price: f64,
    /// Each candidate's features.
    pub actions: Vec<[f32; ACTION_WIDTH]>,
}

impl Query {
    /// These counts in this situation, with the distribution of the pods that it requires.
    #[must_use]
    pub fn new(situation: &Situation, quantiles: &Quantiles, counts: &[u32], price: f64) -> Self {
        let actions = counts.iter().map(|n| action_numbers(situation, quantiles, *n)).collect();
        Self { state: state_numbers(situation, quantiles), price, actions }
    }
}

/// All numbers of a state.
#[must_use]
pub fn state_numbers(situation: &Situation, quantiles: &Quantiles) -> [f32; STATE_WIDTH] {
    let mut numbers = [0.0; STATE_WIDTH];
    let (features, outlook) = numbers.split_at_mut(STATE_FEATURES);
    features.copy_from_slice(&situation.state());
    outlook.copy_from_slice(&quantiles.state_numbers(situation.reading().max));
    numbers
}

/// All numbers of a candidate.
#[must_use]
pub fn action_numbers(situation: &Situation, quantiles: &Quantiles, n: u32) -> [f32; ACTION_WIDTH] {
    let mut numbers = [0.0; ACTION_WIDTH];
    let (features, outlook) = numbers.split_at_mut(ACTION_FEATURES);
    features.copy_from_slice(&situation.action(n));
    outlook.copy_from_slice(&quantiles.action_numbers(n));
    numbers
}

/// What a candidate is expected to bring over the next checks, against the mean of all candidates.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Value {
    /// Full clusters times checks.
    pub cost: f64,
    /// Violating checks, smoothed.
    pub violation: f64,
}

impl Value {
    /// `cost + price * violation`: the lowest is the best.
    #[must_use]
    pub fn score(&self, price: f64) -> f64 {
        self.cost + price * self.violation
    }
}

/// Networks whose values are averaged: the argmin over candidates picks the noise of a single one.
#[derive(Debug, Clone)]
pub struct Ensemble {
    required: Required,
    normaliser: Normaliser,
    /// The networks answer in units of this, the root mean square of the advantages in training.
    scale: Value,
    networks: Vec<Network>,
}

impl Ensemble {
    /// At least one network, detached from their graphs.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(required: Required, normaliser: Normaliser, scale: Value, networks: &[Network]) -> Result<Self> {
        if networks.is_empty() {
            candle_core::bail!("an ensemble needs a network");
        }
        Ok(Self { required, normaliser, scale, networks: networks.iter().map(Network::detached).collect() })
    }

    /// The forecast that it is fed.
    #[must_use]
    pub fn required(&self) -> &Required {
        &self.required
    }

    /// How features are normalised.
    #[must_use]
    pub fn normaliser(&self) -> &Normaliser {
        &self.normaliser
    }

    /// Units of the networks' answers.
    #[must_use]
    pub fn scale(&self) -> Value {
        self.scale
    }

    /// Its members.
    #[must_use]
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// Values of the candidates of every query, in one pass.
    ///
    /// # Errors
    /// Only when the memory for them cannot be had: shapes fit by construction.
    pub fn values(&self, queries: &[Query]) -> Result<Vec<Vec<Value>>> {
        let (n, k) = (queries.len(), queries.iter().map(|query| query.actions.len()).max().unwrap_or(0));
        if n == 0 || k == 0 {
            return Ok(vec![Vec::new(); n]);
        }
        let mut states = Vec::with_capacity(n * STATE_INPUTS);
        let mut actions = Vec::with_capacity(n * k * ACTION_WIDTH);
        for (row, query) in queries.iter().enumerate() {
            self.normaliser.push_state(&query.state, query.price, &mut states);
            query.actions.iter().for_each(|action| self.normaliser.push_action(action, &mut actions));
            // Shorter lists are padded; what the padding gives is not read.
            actions.resize((row + 1) * k * ACTION_WIDTH, 0.0);
        }
        let states = Tensor::from_vec(states, (n, STATE_INPUTS), &Device::Cpu)?;
        let actions = Tensor::from_vec(actions, (n, k, ACTION_WIDTH), &Device::Cpu)?;
        let mut sums = vec![0.0_f64; n * k * VALUES];
        for network in &self.networks {
            let values = network.forward(&states, &actions)?.flatten_all()?.to_vec1::<f32>()?;
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value));
        }
        let rows = queries.iter().zip(sums.chunks_exact(k * VALUES));
        Ok(rows.map(|(query, sums)| self.centred(&sums[..query.actions.len() * VALUES])).collect())
    }

    /// Sums over the networks of a query's values as advantages over their mean.
    fn centred(&self, sums: &[f64]) -> Vec<Value> {
        let count = (sums.len() / VALUES).max(1) as f64;
        let mean = |value: usize| sums.iter().skip(value).step_by(VALUES).sum::<f64>() / count;
        let (cost_mean, violation_mean) = (mean(0), mean(1));
        let networks = self.networks.len() as f64;
        sums.chunks_exact(VALUES)
            .map(|pair| Value {
                cost: (pair[0] - cost_mean) * self.scale.cost / networks,
                violation: (pair[1] - violation_mean) * self.scale.violation / networks,
            })
            .collect()
    }
}
