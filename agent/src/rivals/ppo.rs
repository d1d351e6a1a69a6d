//! Proximal policy optimisation: act, estimate advantages, several epochs of clipped steps, forget.

use anyhow::{Result, ensure};
use candle_core::{D, Device, Tensor};
use candle_nn::ops::{log_softmax, softmax};
use clap::Args;
use serde::Serialize;

use super::Learner;
use super::advantage::{Moment, advantages};
use super::course::Course;
use super::descent::{Descent, SHARDS, falling};
use super::environment::{Lanes, Row, World, mean_reward};
use super::network::{Batch, Network};
use super::sight::{SLOTS, SharedSeen};
use crate::rng::Stream;
use crate::train::Stage;

/// Logit of what is no candidate: its probability is 0 in single precision, and no product with it is undefined.
const NEVER: f32 = -1e4;

/// What only PPO has, the paper's value (Schulman et al. 2017, Atari) and ours.
#[derive(Debug, Clone, PartialEq, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ppo {
    /// Moments lived through, of all environments. PPO: 10 million
    #[arg(long, default_value_t = 2_000_000)]
    pub environment_steps: u64,
    /// Environments in step. PPO: 8
    #[arg(long, default_value_t = 128)]
    pub lanes: u32,
    /// Moments of each environment in a batch. PPO: 128
    #[arg(long, default_value_t = 32)]
    pub rollout: u32,
    /// Times that a batch is learnt from. PPO: 3
    #[arg(long, default_value_t = 4)]
    pub epochs: u32,
    /// Moments in a gradient step. PPO: 256
    #[arg(long, default_value_t = 512)]
    pub minibatch: u32,
    /// Highest learning rate of Adam, falling to 0 along a cosine. PPO: 2.5e-4, along a line
    #[arg(long, default_value_t = 1e-3)]
    pub learning_rate: f64,
    /// Adam's epsilon. PPO: 1e-5
    #[arg(long, default_value_t = 1e-5)]
    pub adam_epsilon: f64,
    /// How far a probability may move within a batch, as a ratio off 1. PPO: 0.1, falling to 0
    #[arg(long, default_value_t = 0.2)]
    pub clip_ratio: f64,
    /// Decay of the advantages' look ahead. PPO: 0.95
    #[arg(long, default_value_t = 0.95)]
    pub lambda: f64,
    /// Weight of the entropy of the policy. PPO: 0.01
    #[arg(long, default_value_t = 0.002)]
    pub entropy: f64,
    /// Weight of half the critic's square error. PPO: 1
    #[arg(long, default_value_t = 0.5)]
    pub value_weight: f64,
    /// Longest gradient. PPO: 0.5
    #[arg(long, default_value_t = 0.5)]
    pub clip: f64,
}

/// A moment to learn from.
struct Example {
    seen: SharedSeen,
    chosen: usize,
    /// `ln` of the probability that the choice had.
    log_probability: f32,
    advantage: f32,
    /// What the critic should have said.
    value: f32,
}

impl Learner for Ppo {
    const NAME: &'static str = "ppo";

    fn lanes(&self) -> u32 {
        self.lanes
    }

    fn environment_steps(&self) -> u64 {
        self.environment_steps
    }

    fn validate(&self) -> Result<()> {
        let whole = [
            ("--environment-steps", self.environment_steps, 1, 1_000_000_000),
            ("--lanes", u64::from(self.lanes), 1, 4096),
            ("--rollout", u64::from(self.rollout), 2, 10_000),
            ("--epochs", u64::from(self.epochs), 1, 1000),
            ("--minibatch", u64::from(self.minibatch), u64::from(SHARDS), 65_536),
        ];
        for (name, value, low, high) in whole {
            ensure!((low..=high).contains(&value), "{name} must be {low} to {high}, it is {value}");
        }
        let shares = [
            ("--learning-rate", self.learning_rate, 0.0, 1.0),
            ("--adam-epsilon", self.adam_epsilon, 0.0, 1.0),
            ("--clip-ratio", self.clip_ratio, 0.0, 1.0),
            ("--lambda", self.lambda, 0.0, 1.0),
            ("--entropy", self.entropy, 0.0, 10.0),
            ("--value-weight", self.value_weight, 0.0, 10.0),
            ("--clip", self.clip, 1e-6, 1e6),
        ];
        for (name, value, low, high) in shares {
            ensure!((low..=high).contains(&value), "{name} must be {low} to {high}, it is {value}");
        }
        Ok(())
    }

    fn learn<W: World, B: Fn(&Stream, u32) -> Result<W> + Sync>(
        &self,
        course: &Course,
        lanes: &Lanes<W, B>,
        stage: &Stage,
    ) -> Result<Network> {
        let stream = Stream::new(course.seed, "ppo", 0);
        let variables = Network::initial(course.units as usize, 1, &stream.split("initial", 0))?;
        let mut descent = Descent::new(variables, self.adam_epsilon, self.clip, course.threads());
        let (mut choices, mut order) = (stream.split("choices", 0), stream.split("order", 0));
        let rounds = self.environment_steps.div_ceil(u64::from(self.lanes) * u64::from(self.rollout));
        for round in 0..rounds {
            let network = descent.network()?.detached();
            let (mut examples, reward) = self.roll_out(course, &network, lanes, stage, &mut choices)?;
            normalise(&mut examples);
            let rate = falling(self.learning_rate, round, rounds);
            let mut loss = 0.0;
            for _ in 0..self.epochs {
                order.shuffle(&mut examples);
                for batch in examples.chunks(self.minibatch as usize) {
                    loss = self.step(&mut descent, rate, batch)?;
                }
            }
            let done = (round + 1) * u64::from(self.lanes) * u64::from(self.rollout) / 1000;
            stage.tell(format!("{done} k steps, loss {loss:.4}, reward {reward:.4}"));
        }
        descent.network()?.copied().map_err(Into::into)
    }
}

impl Ppo {
    /// Acts for a batch; returns it with the mean reward.
    fn roll_out<W: World, B: Fn(&Stream, u32) -> Result<W> + Sync>(
        &self,
        course: &Course,
        network: &Network,
        lanes: &Lanes<W, B>,
        stage: &Stage,
        stream: &mut Stream,
    ) -> Result<(Vec<Example>, f64)> {
        let mut moments: Vec<Vec<(Row, f32, f64)>> = (0..self.lanes).map(|_| Vec::new()).collect();
        let mut reward = 0.0;
        for _ in 0..self.rollout {
            let batch = Batch::new(lanes.seen().iter().map(AsRef::as_ref))?;
            let values = network.value(&batch)?.flatten_all()?.to_vec1::<f32>()?;
            let logits = network.advantage(&batch)?.flatten_all()?.to_vec1::<f32>()?;
            let drawn: Vec<(usize, f32)> = batch.spans().map(|span| draw(&logits[span], stream)).collect();
            let choices: Vec<usize> = drawn.iter().map(|(chosen, _)| *chosen).collect();
            let rows = lanes.step(&choices)?;
            reward += mean_reward(&rows) / f64::from(self.rollout);
            let known = rows.into_iter().zip(drawn).zip(values);
            for (lane, ((row, (_, log_probability)), value)) in moments.iter_mut().zip(known) {
                lane.push((row, log_probability, f64::from(value)));
            }
            stage.advance(1, 0);
        }
        let last = network.value(&Batch::new(lanes.seen().iter().map(AsRef::as_ref))?)?.flatten_all()?;
        let mut examples = Vec::with_capacity((self.lanes * self.rollout) as usize);
        for (lane, last) in moments.into_iter().zip(last.to_vec1::<f32>()?) {
            let told = |(row, _, value): &(Row, f32, f64)| Moment { reward: row.reward, value: *value, ends: row.ends };
            let told: Vec<Moment> = lane.iter().map(told).collect();
            let found = advantages(&told, f64::from(last), course.discount, self.lambda);
            let kept = lane.into_iter().zip(found).filter(|((row, ..), _)| !row.ends);
            examples.extend(kept.map(|((row, log_probability, value), advantage)| Example {
                seen: row.seen,
                chosen: row.chosen,
                log_probability,
                advantage: advantage as f32,
                value: (value + advantage) as f32,
            }));
        }
        Ok((examples, reward))
    }

    fn step(&self, descent: &mut Descent, rate: f64, batch: &[Example]) -> Result<f64> {
        if batch.len() < SHARDS as usize {
            return Ok(0.0);
        }
        let shards: Vec<&[Example]> = batch.chunks(batch.len().div_ceil(SHARDS as usize)).collect();
        descent.step(rate, |network, index| {
            let Some(shard) = shards.get(index) else { anyhow::bail!("a batch needs a moment for each shard") };
            let loss = self.loss(network, shard, batch.len())?;
            let shown = f64::from(loss.to_scalar::<f32>()?);
            Ok((loss, shown))
        })
    }

    /// The part of the loss that a shard of a batch of so many has: less the clipped objective and the entropy, plus the
    /// critic's error.
    fn loss(&self, network: &Network, shard: &[Example], all: usize) -> Result<Tensor> {
        let n = shard.len();
        let column = |of: fn(&Example) -> f32| Tensor::from_vec(shard.iter().map(of).collect(), n, &Device::Cpu);
        let batch = Batch::new(shard.iter().map(|example| example.seen.as_ref()))?;
        let logits = batch.padded(&network.advantage(&batch)?, NEVER)?.reshape((n, SLOTS))?;
        let log_probabilities = log_softmax(&logits, D::Minus1)?;
        let entropy = (softmax(&logits, D::Minus1)? * &log_probabilities)?.sum_all()?.neg()?;
        let one = |example: &Example| (0..SLOTS).map(|slot| f32::from(u8::from(slot == example.chosen))).collect();
        let chosen: Vec<f32> = shard.iter().flat_map(|example| -> Vec<f32> { one(example) }).collect();
        let chosen = Tensor::from_vec(chosen, (n, SLOTS), &Device::Cpu)?;
        let log_probability = (log_probabilities * chosen)?.sum(1)?;
        let ratio = (log_probability - column(|example| example.log_probability)?)?.exp()?;
        let objective = clipped(&ratio, &column(|example| example.advantage)?, self.clip_ratio)?.sum_all()?;
        let error = (network.value(&batch)?.squeeze(1)? - column(|example| example.value)?)?.sqr()?.sum_all()?;
        let loss = ((error * (0.5 * self.value_weight))? - (objective + (entropy * self.entropy)?)?)?;
        Ok((loss / all as f64)?)
    }
}

/// `min(ratio A, clamp(ratio, 1 - clip, 1 + clip) A)`, equation 7: nothing is gained by moving further.
fn clipped(ratio: &Tensor, advantage: &Tensor, clip: f64) -> candle_core::Result<Tensor> {
    let within = ratio.clamp(1.0 - clip, 1.0 + clip)?;
    (ratio * advantage)?.minimum(&(within * advantage)?)
}

/// Draws from the softmax of the logits; returns the choice and the logarithm of its probability.
fn draw(logits: &[f32], stream: &mut Stream) -> (usize, f32) {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits.iter().map(|logit| f64::from(logit - highest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mut left = total * stream.uniform();
    let mut chosen = weights.len() - 1;
    for (index, weight) in weights.iter().enumerate() {
        if left < *weight {
            chosen = index;
            break;
        }
        left -= weight;
    }
    (chosen, (weights[chosen] / total).ln() as f32)
}

/// Centres the advantages and gives them unit deviation, as most implementations do.
fn normalise(examples: &mut [Example]) {
    let count = examples.len().max(1) as f64;
    let mean = examples.iter().map(|example| f64::from(example.advantage)).sum::<f64>() / count;
    let square = examples.iter().map(|example| (f64::from(example.advantage) - mean).powi(2)).sum::<f64>() / count;
    let deviation = square.sqrt() + 1e-8;
    for example in examples {
        example.advantage = ((f64::from(example.advantage) - mean) / deviation) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clipped_objective_of_hand_worked_ratios_and_where_its_gradient_ends() {
        let table = [
            // ratio, advantage, objective, slope by the ratio
            (1.0_f32, 2.0_f32, 2.0_f32, 2.0_f32),
            (1.5, 2.0, 2.4, 0.0),
            (0.5, 2.0, 1.0, 2.0),
            (0.5, -2.0, -1.6, 0.0),
            (1.5, -2.0, -3.0, -2.0),
        ];
        for (ratio, advantage, objective, slope) in table {
            let variable = candle_core::Var::from_vec(vec![ratio], 1, &Device::Cpu).unwrap();
            let found = clipped(variable.as_tensor(), &Tensor::new(&[advantage], &Device::Cpu).unwrap(), 0.2).unwrap();
            let gradients = found.sum_all().unwrap().backward().unwrap();
            let found = found.to_vec1::<f32>().unwrap()[0];
            let gradient = gradients.get(&variable).map_or(0.0, |gradient| gradient.to_vec1::<f32>().unwrap()[0]);
            assert!((found - objective).abs() < 1e-6, "{ratio} {advantage}: {found}");
            assert!((gradient - slope).abs() < 1e-6, "{ratio} {advantage}: slope {gradient}");
        }
    }

    #[test]
    fn choices_are_drawn_with_the_probabilities_of_the_softmax() {
        let logits = [0.0_f32, 3.0_f32.ln(), 0.0];
        let mut stream = Stream::new(1, "draw", 0);
        let mut found = [0; 3];
        for _ in 0..10_000 {
            let (chosen, log_probability) = draw(&logits, &mut stream);
            found[chosen] += 1;
            let probability = [0.2_f32, 0.6, 0.2][chosen];
            assert!((log_probability - probability.ln()).abs() < 1e-6);
        }
        assert!((5800..6200).contains(&found[1]) && found[0] > 1800, "{found:?}");
    }
}
