//! Double dueling QR-DQN: act, remember, draw, target, loss, step.

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use clap::Args;
use serde::Serialize;

use super::Learner;
use super::course::Course;
use super::descent::{Descent, SHARDS, falling};
use super::environment::{Lanes, World, mean_reward};
use super::exploration::Exploration;
use super::network::{Batch, Network};
use super::quantile::{quantile_huber, target};
use super::replay::{Replay, Transition};
use super::sight::{SLOTS, Seen};
use crate::rng::Stream;
use crate::train::Stage;

/// What only QR-DQN has, the paper's value (Dabney et al. 2018; n steps, double and dueling as in Hessel et al., Rainbow,
/// 2018) and ours.
#[derive(Debug, Clone, PartialEq, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QrDqn {
    /// Moments lived through, of all environments. QR-DQN: 50 million
    #[arg(long, default_value_t = 1_000_000)]
    pub environment_steps: u64,
    /// Environments in step. QR-DQN: 1
    #[arg(long, default_value_t = 64)]
    pub lanes: u32,
    /// Quantiles of a return. QR-DQN: 200
    #[arg(long, default_value_t = 32)]
    pub quantiles: u32,
    /// Where Huber's loss turns from square to straight. QR-DQN: 1
    #[arg(long, default_value_t = 1.0)]
    pub kappa: f64,
    /// Checks until the value of a later moment stands for the rest. QR-DQN: 1; Rainbow: 3
    #[arg(long, default_value_t = 3)]
    pub steps: u32,
    /// Moments remembered. QR-DQN: 1 million
    #[arg(long, default_value_t = 200_000)]
    pub replay: u32,
    /// Moments lived through before the first gradient step. QR-DQN: 50,000
    #[arg(long, default_value_t = 20_000)]
    pub learning_starts: u64,
    /// Transitions in a gradient step. QR-DQN: 32
    #[arg(long, default_value_t = 256)]
    pub batch: u32,
    /// Gradient steps for each step of all environments. QR-DQN: 1 for 4 moments, 8 drawn for each that is lived through;
    /// ours draws 8 as well
    #[arg(long, default_value_t = 2)]
    pub gradient_steps: u32,
    /// Share by which the target network follows at each gradient step. QR-DQN: a copy every 10,000
    #[arg(long, default_value_t = 0.005)]
    pub target_share: f64,
    /// Highest learning rate of Adam, falling to 0 along a cosine. QR-DQN: 5e-5, constant
    #[arg(long, default_value_t = 3e-4)]
    pub learning_rate: f64,
    /// Adam's epsilon. QR-DQN: 0.01 / 32
    #[arg(long, default_value_t = 3e-4)]
    pub adam_epsilon: f64,
    /// Longest gradient. QR-DQN: any; dueling: 10
    #[arg(long, default_value_t = 10.0)]
    pub clip: f64,
    /// Share of random orders at the end, in blocks of 1 to 4 checks. QR-DQN: 0.01, single ones
    #[arg(long, default_value_t = 0.05)]
    pub epsilon: f64,
    /// Part of the training in which it falls there from 1. QR-DQN: 0.02
    #[arg(long, default_value_t = 0.1)]
    pub epsilon_part: f64,
}

impl QrDqn {
    fn epsilon_at(&self, tick: u64, ticks: u64) -> f64 {
        let part = tick as f64 / (self.epsilon_part * ticks as f64).max(1.0);
        1.0 + (self.epsilon - 1.0) * part.min(1.0)
    }

    /// One gradient step.
    fn step(&self, descent: &mut Descent, slow: &Network, rate: f64, drawn: &[Transition]) -> Result<f64> {
        let shard_length = drawn.len().div_ceil(SHARDS as usize).max(1);
        let shards: Vec<&[Transition]> = drawn.chunks(shard_length).collect();
        descent.step(rate, |online, index| {
            let Some(shard) = shards.get(index) else { anyhow::bail!("a batch needs a transition for each shard") };
            self.loss(online, slow, shard, drawn.len())
        })
    }

    /// The part of the loss that a shard of a batch of so many has.
    fn loss(&self, online: &Network, slow: &Network, shard: &[Transition], all: usize) -> Result<(Tensor, f64)> {
        let targets = targets(&online.detached(), slow, shard)?;
        let predicted = chosen_quantiles(online, shard)?;
        let mut loss = 0.0;
        let mut gradients = Vec::with_capacity(shard.len() * self.quantiles as usize);
        for (predicted, target) in predicted.to_vec2::<f32>()?.iter().zip(&targets) {
            let (of_sample, gradient) = quantile_huber(predicted, target, self.kappa as f32);
            loss += of_sample / all as f64;
            gradients.extend(gradient);
        }
        let gradients = Tensor::from_vec(gradients, predicted.dims(), &Device::Cpu)?;
        // The product has the gradient that the loss has.
        Ok((((predicted * gradients)?.sum_all()? / all as f64)?, loss))
    }
}

impl Learner for QrDqn {
    const NAME: &'static str = "qr-dqn";

    fn lanes(&self) -> u32 {
        self.lanes
    }

    fn environment_steps(&self) -> u64 {
        self.environment_steps
    }

    fn validate(&self) -> Result<()> {
        let whole = [
            ("--lanes", u64::from(self.lanes), 1, 4096),
            ("--environment-steps", self.environment_steps, 1, 1_000_000_000),
            ("--quantiles", u64::from(self.quantiles), 1, 1000),
            ("--steps", u64::from(self.steps), 1, 100),
            ("--replay", u64::from(self.replay), u64::from(self.lanes) * (u64::from(self.steps) + 2), 100_000_000),
            (
                "--learning-starts",
                self.learning_starts,
                u64::from(self.lanes) * (u64::from(self.steps) + 2),
                100_000_000,
            ),
            ("--batch", u64::from(self.batch), u64::from(SHARDS), 65_536),
            ("--gradient-steps", u64::from(self.gradient_steps), 1, 1000),
        ];
        for (name, value, low, high) in whole {
            ensure!((low..=high).contains(&value), "{name} must be {low} to {high}, it is {value}");
        }
        let shares = [
            ("--kappa", self.kappa, 1e-6, 1e6),
            ("--target-share", self.target_share, 0.0, 1.0),
            ("--learning-rate", self.learning_rate, 0.0, 1.0),
            ("--adam-epsilon", self.adam_epsilon, 0.0, 1.0),
            ("--clip", self.clip, 1e-6, 1e6),
            ("--epsilon", self.epsilon, 0.0, 1.0),
            ("--epsilon-part", self.epsilon_part, 0.0, 1.0),
        ];
        for (name, value, low, high) in shares {
            ensure!((low..=high).contains(&value), "{name} must be {low} to {high}, it is {value}");
        }
        Ok(())
    }

    /// The target network is what comes of it: it averages the last steps.
    fn learn<W: World, B: Fn(&Stream, u32) -> Result<W> + Sync>(
        &self,
        course: &Course,
        lanes: &Lanes<W, B>,
        stage: &Stage,
    ) -> Result<Network> {
        let stream = Stream::new(course.seed, "qr-dqn", 0);
        let variables = Network::initial(course.units as usize, self.quantiles as usize, &stream.split("initial", 0))?;
        let mut descent = Descent::new(variables, self.adam_epsilon, self.clip, course.threads());
        let mut slow = descent.network()?.copied()?;
        let mut replay = Replay::new(self.lanes as usize, self.replay as usize);
        let mut exploration = Exploration::new(self.lanes as usize, &stream);
        let mut batches = stream.split("batches", 0);
        let ticks = self.environment_steps.div_ceil(u64::from(self.lanes));
        let (mut loss, mut mean) = (0.0, 0.0);
        for tick in 0..ticks {
            // Act.
            let seen = lanes.seen();
            let online = descent.network()?.detached();
            let mut choices = online.best(&Batch::new(seen.iter().map(AsRef::as_ref))?)?;
            exploration.explore(self.epsilon_at(tick, ticks), &seen, &mut choices);
            let rows = lanes.step(&choices)?;
            mean += 0.005 * (mean_reward(&rows) - mean);
            replay.push(rows);
            // Learn.
            if (tick + 1) * u64::from(self.lanes) >= self.learning_starts {
                let rate = falling(self.learning_rate, tick, ticks);
                for _ in 0..self.gradient_steps {
                    let drawn = replay.draw(self.batch as usize, self.steps as usize, course.discount, &mut batches);
                    loss = self.step(&mut descent, &slow, rate, &drawn)?;
                    slow.approach(&descent.network()?, self.target_share)?;
                }
            }
            stage.tell(format!("{} k steps, loss {loss:.4}, reward {mean:.4}", tick * u64::from(self.lanes) / 1000));
            stage.advance(1, 0);
        }
        Ok(slow)
    }
}

/// Of every transition, see [`target`].
fn targets(online: &Network, slow: &Network, shard: &[Transition]) -> Result<Vec<Vec<f32>>> {
    let then = Batch::new(shard.iter().map(|transition| transition.then.as_ref()))?;
    let best = online.best(&then)?;
    let values = slow.value(&then)?.to_vec2::<f32>()?;
    let advantages = slow.advantage(&then)?;
    let quantiles = advantages.dim(1)?;
    let advantages = advantages.flatten_all()?.to_vec1::<f32>()?;
    let mut targets = Vec::with_capacity(shard.len());
    for (((transition, value), span), best) in shard.iter().zip(&values).zip(then.spans()).zip(best) {
        let advantages = &advantages[span.start * quantiles..span.end * quantiles];
        targets.push(target(transition.reward, transition.discount, value, advantages, best));
    }
    Ok(targets)
}

/// `V + A_chosen - mean A`: `[n, N]`.
fn chosen_quantiles(online: &Network, shard: &[Transition]) -> Result<Tensor> {
    let now = Batch::new(shard.iter().map(|transition| transition.seen.as_ref()))?;
    let value = online.value(&now)?;
    let advantages = now.padded(&online.advantage(&now)?, 0.0)?;
    let contrast: Vec<f32> =
        shard.iter().flat_map(|transition| contrast(&transition.seen, transition.chosen)).collect();
    let contrast = Tensor::from_vec(contrast, (shard.len(), 1, SLOTS), &Device::Cpu)?;
    Ok((value + contrast.matmul(&advantages)?.squeeze(1)?)?)
}

/// What sums advantages up to the chosen one less their mean.
fn contrast(seen: &Seen, chosen: usize) -> [f32; SLOTS] {
    let count = seen.counts.len();
    std::array::from_fn(|slot| {
        let mean = if slot < count { 1.0 / count as f32 } else { 0.0 };
        f32::from(u8::from(slot == chosen)) - mean
    })
}
