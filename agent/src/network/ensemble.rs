//! Networks that answer together.

use candle_core::Result;

use super::{ACTION_WIDTH, Forward, Network, Normaliser, STATE_INPUTS, STATE_WIDTH, VALUES};
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
    features.copy_from_slice(situation.state());
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
    answering: Vec<Forward>,
}

impl Ensemble {
    /// At least one network, detached from their graphs.
    ///
    /// # Errors
    /// When there is none, or its numbers cannot be had.
    pub fn new(required: Required, normaliser: Normaliser, scale: Value, networks: &[Network]) -> Result<Self> {
        if networks.is_empty() {
            candle_core::bail!("an ensemble needs a network");
        }
        let answering = networks.iter().map(Forward::new).collect::<Result<_>>()?;
        Ok(Self { required, normaliser, scale, networks: networks.iter().map(Network::detached).collect(), answering })
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

    /// Values of the candidates of every query: means over the networks, in one pass.
    #[must_use]
    pub fn values(&self, queries: &[Query]) -> Vec<Vec<Value>> {
        self.opinions(queries).iter().map(Opinions::means).collect()
    }

    /// What each network says of the candidates of every query, in one pass.
    #[must_use]
    pub fn opinions(&self, queries: &[Query]) -> Vec<Opinions> {
        let counts: Vec<usize> = queries.iter().map(|query| query.actions.len()).collect();
        let mut states = Vec::with_capacity(queries.len() * STATE_INPUTS);
        let mut actions = Vec::with_capacity(counts.iter().sum::<usize>() * ACTION_WIDTH);
        for query in queries {
            self.normaliser.push_state(&query.state, query.price, &mut states);
            query.actions.iter().for_each(|action| self.normaliser.push_action(action, &mut actions));
        }
        let mut opinions = vec![Opinions::default(); queries.len()];
        for network in &self.answering {
            let values = network.values(&states, &actions, &counts);
            let mut values = values.as_slice();
            for (count, opinions) in counts.iter().zip(&mut opinions) {
                let (of_query, rest) = values.split_at(count * VALUES);
                opinions.0.push(self.centred(of_query));
                values = rest;
            }
        }
        opinions
    }

    /// A network's values of a query as advantages over their mean.
    fn centred(&self, values: &[f32]) -> Vec<Value> {
        let count = (values.len() / VALUES).max(1) as f64;
        let mean = |value: usize| values.iter().skip(value).step_by(VALUES).map(|x| f64::from(*x)).sum::<f64>() / count;
        let (cost_mean, violation_mean) = (mean(0), mean(1));
        let advantage = |pair: &[f32; VALUES]| Value {
            cost: (f64::from(pair[0]) - cost_mean) * self.scale.cost,
            violation: (f64::from(pair[1]) - violation_mean) * self.scale.violation,
        };
        values.as_chunks::<VALUES>().0.iter().map(advantage).collect()
    }
}

/// What each network says of each candidate of a state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opinions(Vec<Vec<Value>>);

impl Opinions {
    /// Of each candidate, over the networks.
    #[must_use]
    pub fn means(&self) -> Vec<Value> {
        let networks = self.0.len().max(1) as f64;
        let candidates = self.0.first().map_or(0, Vec::len);
        let mean = |at: usize| {
            let sum = self.0.iter().fold(Value::default(), |sum, values| Value {
                cost: sum.cost + values[at].cost,
                violation: sum.violation + values[at].violation,
            });
            Value { cost: sum.cost / networks, violation: sum.violation / networks }
        };
        (0..candidates).map(mean).collect()
    }

    /// Deviation over the networks of how much worse each candidate is than one of them.
    #[must_use]
    pub fn doubts(&self, against: usize, price: f64) -> Vec<f64> {
        let networks = self.0.len().max(1) as f64;
        let candidates = self.0.first().map_or(0, Vec::len);
        let doubt = |at: usize| {
            let worse = |values: &Vec<Value>| values[at].score(price) - values[against].score(price);
            let mean = self.0.iter().map(worse).sum::<f64>() / networks;
            (self.0.iter().map(|values| (worse(values) - mean).powi(2)).sum::<f64>() / networks).sqrt()
        };
        (0..candidates).map(doubt).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opinions_are_averaged_and_their_deviation_against_one_candidate_is_the_doubt() {
        let value = |cost, violation| Value { cost, violation };
        // At a price of 2 the second candidate is worse than the first by 3 + 2 and by 1 + 2 * 0: 5 and 1.
        let opinions = Opinions(vec![
            vec![value(1.0, 0.0), value(4.0, 1.0), value(0.0, 0.0)],
            vec![value(1.0, 2.0), value(2.0, 2.0), value(0.0, 2.0)],
        ]);
        assert_eq!(opinions.means(), [value(1.0, 1.0), value(3.0, 1.5), value(0.0, 1.0)]);
        assert_eq!(opinions.doubts(0, 2.0), [0.0, 2.0, 0.0]);
        assert_eq!(Opinions::default().means(), []);
    }
}
