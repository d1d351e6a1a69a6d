//! What was found on one set of loads, as data.

use serde::Serialize;

use super::bootstrap::Interval;
use super::deployment::Deployment;

/// Avoidable violations at which policies are compared, percent of the feasible windows.
pub const LEVELS: [f64; 4] = [0.5, 1.0, 2.0, 5.0];

/// Everything.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The loads.
    pub loads: String,
    /// The deployment, if all loads are played on one.
    pub deployment: Option<Deployment>,
    /// Price of an avoidable violation in the objective and in the choice of every setting, full clusters for one window.
    pub price: f64,
    /// Arrival seeds.
    pub seeds: usize,
    /// Short hashes of the checkpoints.
    pub checkpoints: Vec<String>,
    /// What every policy's setting was chosen on, in words.
    pub tuned_on: String,
    /// Days of each trace that were played: name, days.
    pub days: Vec<(String, Vec<u32>)>,
    /// Each trace.
    pub traces: Vec<Section>,
    /// All traces, each counting alike.
    pub total: Section,
    /// Comparison at equal violations over all traces, with intervals.
    pub matched: Vec<Matched>,
}

/// One trace, or all.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Judged windows of all seeds.
    pub windows: u64,
    /// Windows that violate with the most replicas, percent.
    pub infeasible_percent: f64,
    /// Pod-minutes that the bound has at the fewest violations, mean of a seed: the unit of every relative cost. Without a
    /// bound, the work of the requests.
    pub bound_pod_minutes: f64,
    /// The bound: avoidable violations, percent, and relative cost.
    pub bound: Vec<FrontPoint>,
    /// Plans that know the future, played: the other side of the bound. The knob is the price.
    pub plans: Vec<FrontPoint>,
    /// Each policy at the setting that was chosen for it.
    pub rows: Vec<Row>,
    /// Each policy at each setting.
    pub fronts: Vec<Front>,
}

/// A policy at one setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The policy.
    pub policy: String,
    /// Its loop period, seconds; `None`: it decides at the end of each window.
    pub period_s: Option<f64>,
    /// Setting of its knob.
    pub knob: f64,
    /// Requests over the threshold, percent.
    pub late_percent: f64,
    /// Violating windows, percent of all.
    pub violating_percent: f64,
    /// Violating feasible windows, percent of the feasible.
    pub avoidable_percent: f64,
    /// Quantiles of the response time, seconds: 50, 95, 99 %.
    pub response_s: [f64; 3],
    /// Pod-minutes, mean of a seed.
    pub pod_minutes: f64,
    /// Pod-minutes over the bound's at as many avoidable violations; `None`: the bound says that so few are impossible.
    pub to_bound: Option<f64>,
    /// Changes of the replica count an hour.
    pub actions_per_hour: f64,
    /// Changes against the one before, an hour.
    pub reversals_per_hour: f64,
    /// Mean length of a run of violating windows, minutes.
    pub recovery_minutes: f64,
    /// The longest of them, minutes.
    pub longest_outage_minutes: f64,
    /// Interquartile mean over (trace, seed) of `J / J of the bound - 1`, where J is pod-minutes plus the priced avoidable
    /// violations.
    pub regret: Option<Interval>,
}

/// A policy's knob swept.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Front {
    /// The policy.
    pub policy: String,
    /// Each setting.
    pub points: Vec<FrontPoint>,
    /// The same in absolute figures.
    pub runs: Vec<RunMeans>,
    /// Cost at each of [`LEVELS`] over the bound's there.
    pub to_bound: Vec<Option<f64>>,
}

/// Means of an episode at one setting.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunMeans {
    /// Setting of the knob.
    pub knob: f64,
    /// Windows whose arrivals violate.
    pub violating: f64,
    /// Windows whose completions do: what the scaler records.
    pub recorded: f64,
    /// Pod-minutes.
    pub pod_minutes: f64,
    /// Changes of the replica count.
    pub actions: f64,
    /// Mean pod share plus price times the share of violating windows.
    pub objective: f64,
}

/// Cost against violations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontPoint {
    /// Setting of the knob; for a plan, its price; none for the bound.
    pub knob: Option<f64>,
    /// Avoidable violations, percent of the feasible windows.
    pub avoidable_percent: f64,
    /// Pod-minutes over the bound's at the fewest violations.
    pub relative_cost: f64,
}

/// A policy at equal avoidable violations, over all traces.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Matched {
    /// The policy.
    pub policy: String,
    /// Avoidable violations, percent.
    pub avoidable_percent: f64,
    /// Its cost over the bound's.
    pub to_bound: Option<Interval>,
    /// The learned policy's cost over its own: below 1, learning wins.
    pub learned_to_this: Option<Interval>,
}
