//! What and how much to train.

use anyhow::{Result, ensure};
use clap::Args;
use scaler_core::observation::MAX_HISTORY;
use serde::Serialize;

/// By what `--quick` divides.
const QUICK: u32 = 9;

/// Every number that training depends on, the literature's value where there is one, and ours.
///
/// The DQN column is Mnih et al., Human-level control through deep reinforcement learning, Nature 518 (2015), table 1.
#[derive(Debug, Clone, PartialEq, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hyperparameters {
    /// Seed of everything random: the same seed gives the same bytes
    #[arg(long, default_value_t = 3)]
    pub seed: u64,
    /// Episodes whose required pods are labelled, under the calibrated rule
    #[arg(long, default_value_t = 36_000)]
    pub labelled_episodes: u32,
    /// Share of their checks that is labelled
    #[arg(long, default_value_t = 0.24)]
    pub labelled_share: f64,
    /// Checks that required pods must suffice for, and as many more as pass until an ordered pod is ready
    #[arg(long, default_value_t = 2)]
    pub label_horizon: u32,
    /// Gradient steps of a quantile network
    #[arg(long, default_value_t = 30_000)]
    pub required_steps: u32,
    /// States in such a step
    #[arg(long, default_value_t = 384)]
    pub required_batch: u32,
    /// Quantile networks whose answers are averaged
    #[arg(long, default_value_t = 2)]
    pub required_networks: u32,
    /// Units of each of their two hidden layers. With more a checkpoint would not fit into a ConfigMap, of 1 MiB at most
    #[arg(long, default_value_t = 176)]
    pub required_units: u32,
    /// Rounds of policy iteration. The first improves on a quantile of the required pods, each other on the networks
    /// before it
    #[arg(long, default_value_t = 2)]
    pub rounds: u32,
    /// Episodes a round, each a deployment drawn at random
    #[arg(long, default_value_t = 7200)]
    pub episodes: u32,
    /// Checks in an episode. More than the 64 that the network remembers, so that it sees full memories
    #[arg(long, default_value_t = 144)]
    pub checks: u32,
    /// Share of an episode's checks whose candidates are rolled out
    #[arg(long, default_value_t = 0.25)]
    pub sampled_share: f64,
    /// Checks in a rollout, and as many more as pass until an ordered pod is ready. The wait of a start-up and the work-off of a queue fit in; 1 check does not learn at all
    #[arg(long, default_value_t = 5)]
    pub horizon: u32,
    /// Discount per check. DQN: 0.99 per frame of an unbounded return; here the horizon bounds the return
    #[arg(long, default_value_t = 0.95)]
    pub discount: f64,
    /// Cost of changing every pod of the cluster once, in full clusters for one check
    #[arg(long, default_value_t = 0.02)]
    pub change_cost: f64,
    /// Gradient steps of the last round; the others take half of it
    #[arg(long, default_value_t = 25_000)]
    pub steps: u32,
    /// States in a gradient step, each with 8 candidates. DQN: 32 transitions
    #[arg(long, default_value_t = 64)]
    pub batch: u32,
    /// Highest learning rate of Adam, falling to 0 along a cosine. DQN: 2.5e-4, constant, RMSProp
    #[arg(long, default_value_t = 1e-3)]
    pub learning_rate: f64,
    /// Weight of the past in the average of the weights that is kept. DQN: a copy every 10,000 steps
    #[arg(long, default_value_t = 0.999)]
    pub averaging: f64,
    /// Longest gradient, else it is shortened
    #[arg(long, default_value_t = 5.0)]
    pub clip: f64,
    /// Units of each of the two hidden layers of a value network
    #[arg(long, default_value_t = 128)]
    pub units: u32,
    /// Networks whose values are averaged, each from its own initial weights
    #[arg(long, default_value_t = 4)]
    pub networks: u32,
    /// Past checks that the networks are told of. An ablation: fewer
    #[arg(long, default_value_t = MAX_HISTORY as u32)]
    pub history: u32,
    /// Whether the candidates of a state meet the same future requests. An ablation: each its own
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub common_arrivals: bool,
    /// Whether rollouts after the first round end in a learned value of their last state (n-step temporal differences),
    /// not in nothing. An ablation
    #[arg(long, default_value_t = false, action = clap::ArgAction::Set)]
    pub bootstrap: bool,
    /// Whether cost and violation are learnt apart. An ablation: one value, `(cost + price violation) / (1 + price)`
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub two_values: bool,
    /// Arrival seeds of each validation scenario, for the card
    #[arg(long, default_value_t = 5)]
    pub validation_seeds: u32,
    /// Threads; the bytes do not depend on them [default: as many as there are cores]
    #[arg(long)]
    #[serde(skip)]
    pub threads: Option<usize>,
}

impl Hyperparameters {
    /// Names the first one that is out of its range.
    ///
    /// # Errors
    /// With the argument's name, its range and its value.
    pub fn validate(&self) -> Result<()> {
        let Self {
            seed: _,
            labelled_episodes,
            labelled_share,
            label_horizon,
            required_steps,
            required_batch,
            required_networks,
            required_units,
            rounds,
            episodes,
            checks,
            sampled_share,
            horizon,
            discount,
            change_cost,
            steps,
            batch,
            learning_rate,
            averaging,
            clip,
            units,
            networks,
            history,
            common_arrivals: _,
            bootstrap: _,
            two_values: _,
            validation_seeds,
            threads: _,
        } = *self;
        let whole = [
            ("--labelled-episodes", labelled_episodes, 2, 1_000_000),
            ("--label-horizon", label_horizon, 1, 100),
            ("--required-steps", required_steps, 1, 10_000_000),
            ("--required-batch", required_batch, 1, 65_536),
            ("--required-networks", required_networks, 1, 16),
            ("--required-units", required_units, 1, 4096),
            ("--rounds", rounds, 1, 20),
            ("--episodes", episodes, 2, 1_000_000),
            ("--horizon", horizon, 1, 100),
            ("--checks", checks, horizon + 12, 10_000),
            ("--steps", steps, 1, 10_000_000),
            ("--batch", batch, 1, 65_536),
            ("--units", units, 1, 4096),
            ("--networks", networks, 1, 16),
            ("--history", history, 0, MAX_HISTORY as u32),
            ("--validation-seeds", validation_seeds, 1, 1000),
        ];
        for (name, value, low, high) in whole {
            ensure!((low..=high).contains(&value), "{name} must be {low} to {high}, it is {value}");
        }
        let shares = [
            ("--labelled-share", labelled_share, 0.0, 1.0),
            ("--sampled-share", sampled_share, 0.0, 1.0),
            ("--discount", discount, 0.0, 1.0),
            ("--change-cost", change_cost, 0.0, 10.0),
            ("--learning-rate", learning_rate, 0.0, 1.0),
            ("--averaging", averaging, 0.0, 1.0),
            ("--clip", clip, 0.0, 1e6),
        ];
        for (name, value, low, high) in shares {
            ensure!((low..=high).contains(&value), "{name} must be {low} to {high}, it is {value}");
        }
        ensure!(averaging < 1.0, "--averaging must be below 1, else nothing is learnt");
        Ok(())
    }

    /// A ninth of the data and of the steps, one round.
    #[must_use]
    pub fn quick(&self) -> Self {
        Self {
            labelled_episodes: (self.labelled_episodes / QUICK).max(2),
            required_steps: (self.required_steps / QUICK).max(1),
            rounds: 1,
            episodes: (self.episodes / QUICK).max(2),
            steps: (self.steps / QUICK).max(1),
            ..self.clone()
        }
    }

    /// Threads to work on.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1)
    }

    /// The command that trains with these.
    #[must_use]
    pub fn command(&self) -> String {
        let json = serde_json::to_value(self).unwrap_or_default();
        let given = json.as_object().into_iter().flatten().map(|(name, value)| format!(" --{} {value}", kebab(name)));
        format!("cargo run --release -p agent -- train{}", given.collect::<String>())
    }
}

/// `sampledShare` as `sampled-share`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}
