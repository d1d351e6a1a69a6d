//! What is known about a checkpoint.

use serde::{Deserialize, Serialize};

use crate::learned::Domain;

/// The JSON beside the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// Version of the meaning of the features.
    pub features_version: u32,
    /// SHA-256 of the weights' file.
    pub sha256: String,
    /// Command that gives these bytes again.
    pub command: String,
    /// Seed of the training episodes, the initial weights and the order of the data.
    pub seed: u64,
    /// Every hyperparameter with its value.
    pub hyperparameters: serde_json::Value,
    /// The network.
    pub network: Network,
    /// What the training episodes were drawn from, in words.
    pub trained_on: Vec<String>,
    /// Recorded loads among them, with their days from 0; every other day of every recording was never seen.
    pub recordings: Vec<RecordedDays>,
    /// Deployments that the networks answer for; outside of them the calibrated rule answers, and says so.
    pub domain: Domain,
    /// States in the training data of all rounds.
    pub states: u64,
    /// Requests that were simulated.
    pub requests: u64,
    /// Loss on states that were held out, for each network.
    pub held_out_loss: Vec<f64>,
    /// Scenarios that were never trained on.
    pub validation: Vec<Validation>,
    /// The same for the learned policy at other prices: the dial.
    pub frontier: Vec<Validation>,
}

/// Days of a recording that were trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedDays {
    /// Name of the recording.
    pub name: String,
    /// The first of them.
    pub first_day: u32,
    /// How many.
    pub days: u32,
}

/// Shape of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Numbers of the state, the price included.
    pub state_inputs: u64,
    /// Numbers of a candidate.
    pub action_inputs: u64,
    /// Units of each of the two hidden layers.
    pub units: u64,
    /// Networks whose values are averaged.
    pub networks: u64,
    /// Numbers trained in all networks.
    pub parameters: u64,
}

/// A policy on a set of validation episodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    /// The episodes.
    pub scenarios: String,
    /// The policy.
    pub policy: String,
    /// Violating checks, percent.
    pub violating_percent: f64,
    /// Requests that took longer than the threshold, percent.
    pub late_percent: f64,
    /// Mean pods over the most that were allowed, percent.
    pub pod_percent: f64,
    /// Changes of the replica count per 100 checks.
    pub actions_per_100_checks: f64,
    /// Mean pod share plus price times violating share, at the default price.
    pub objective: f64,
}
