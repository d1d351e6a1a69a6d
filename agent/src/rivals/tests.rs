//! Whole trainings, of the smallest size.

use anyhow::Result;

use super::course::greedy_reward;
use super::scaling::Scaling;
use super::sight::{SLOTS, Sight};
use super::*;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::features::{ACTION_FEATURES, STATE_FEATURES};

/// Counts of the identity: the state says which one is wanted.
const WANTED: u32 = 4;

/// Each check is right or wrong by itself.
struct Identity {
    stream: Stream,
    wanted: u32,
    checks: u32,
}

impl Identity {
    fn begin(stream: &Stream, checks: u32) -> Result<Self> {
        let mut stream = stream.split("identity", 0);
        Ok(Self { wanted: stream.integer(1, WANTED), stream, checks })
    }
}

impl World for Identity {
    fn sight(&self) -> Sight {
        let one = |count: u32| move |i| f32::from(u8::from(i == count as usize));
        Sight {
            state: std::array::from_fn::<_, STATE_FEATURES, _>(one(self.wanted)),
            price: 3.5,
            counts: (1..=WANTED).collect(),
            actions: (1..=WANTED).map(|count| std::array::from_fn::<_, ACTION_FEATURES, _>(one(count))).collect(),
            slots: std::array::from_fn::<_, SLOTS, _>(|slot| slot % WANTED as usize),
        }
    }

    fn step(&mut self, count: u32) -> f64 {
        let reward = if count == self.wanted { 0.0 } else { -1.0 };
        self.wanted = self.stream.integer(1, WANTED);
        self.checks -= 1;
        reward
    }

    fn is_done(&self) -> bool {
        self.checks == 0
    }
}

fn course() -> Course {
    Course { seed: 1, checks: 16, discount: 0.5, change_cost: 0.0, units: 32, threads: Some(1) }
}

fn qr_dqn() -> QrDqn {
    QrDqn {
        environment_steps: 16_000,
        lanes: 16,
        quantiles: 8,
        kappa: 1.0,
        steps: 3,
        replay: 8000,
        learning_starts: 400,
        batch: 64,
        gradient_steps: 1,
        target_share: 0.02,
        learning_rate: 3e-3,
        adam_epsilon: 1e-5,
        clip: 10.0,
        epsilon: 0.1,
        epsilon_part: 0.3,
    }
}

fn ppo() -> Ppo {
    Ppo {
        environment_steps: 24_000,
        lanes: 16,
        rollout: 16,
        epochs: 4,
        minibatch: 64,
        learning_rate: 3e-3,
        adam_epsilon: 1e-5,
        clip_ratio: 0.2,
        lambda: 0.9,
        entropy: 0.01,
        value_weight: 0.5,
        clip: 0.5,
    }
}

fn solved(learn: impl Fn(&Lanes<Identity, fn(&Stream, u32) -> Result<Identity>>) -> Network) -> f64 {
    let lanes = |name| {
        let begin: fn(&Stream, u32) -> Result<Identity> = Identity::begin;
        Lanes::new(16, 16, false, Scaling::identity(), begin, &Stream::new(1, name, 0), 1).unwrap()
    };
    greedy_reward(&lanes("tested"), &learn(&lanes("learnt")), 64).unwrap()
}

#[test]
fn qr_dqn_learns_the_identity() {
    let stage = Progress::silent().stage("test".to_owned(), 1);
    let reward = solved(|lanes| qr_dqn().learn(&course(), lanes, &stage).unwrap());
    assert!(reward > -0.01, "{reward}");
}

#[test]
fn ppo_learns_the_identity() {
    let stage = Progress::silent().stage("test".to_owned(), 1);
    let reward = solved(|lanes| ppo().learn(&course(), lanes, &stage).unwrap());
    assert!(reward > -0.01, "{reward}");
}

/// Trains in few deployments and returns the file.
fn tiny(algorithm: &str, seed: u64, threads: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("rival.safetensors");
    let course = Course { seed, threads: Some(threads), change_cost: 0.02, discount: 0.95, ..course() };
    let algorithm = match algorithm {
        "ppo" => {
            let settings = Ppo { environment_steps: 512, ..ppo() };
            Algorithm::Ppo(Training { settings, course, output: output.clone() })
        }
        _ => {
            let settings = QrDqn { environment_steps: 640, ..qr_dqn() };
            Algorithm::QrDqn(Training { settings, course, output: output.clone() })
        }
    };
    run(&RivalArgs { algorithm }).unwrap();
    std::fs::read(output).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_one_and_two_threads() {
    for algorithm in ["qr-dqn", "ppo"] {
        let first = tiny(algorithm, 1, 1);
        assert!(first == tiny(algorithm, 1, 2), "{algorithm}: two threads");
        assert!(first != tiny(algorithm, 2, 1), "{algorithm}: another seed");
    }
}

#[test]
fn a_file_of_the_wrong_kind_is_told_from_a_rival_and_refused_by_what_wants_a_checkpoint() {
    let bytes = tiny("ppo", 1, 2);
    let rival = Rival::from_bytes(&bytes).unwrap().unwrap();
    assert_eq!(rival.algorithm, "ppo");
    let error = Checkpoint::from_bytes(&bytes).unwrap_err();
    assert!(matches!(error, CheckpointError::Rival), "{error}");
    assert!(error.to_string().contains("agent evaluate --set ablation"), "{error}");
    let shipped = crate::checkpoint::to_bytes(&Checkpoint::shipped().unwrap().ensemble).unwrap();
    assert!(Rival::from_bytes(&shipped).unwrap().is_none(), "a checkpoint is no rival");
    assert!(matches!(Rival::from_bytes(&bytes[..100]), Err(CheckpointError::Format(_))));
}
