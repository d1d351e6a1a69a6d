//! `agent simulate`: one schedule of arrivals under one policy, to hold a run on a cluster against.
//!
//! The arrivals are played as they are, second by second, and the figures are those of a cluster: each check with what
//! `podStatus.json` has of it, response times of all requests, pods billed from their order to their removal. All times are
//! told from the first arrival on, whatever the second that the schedule gives it.
//!
//! ```text
//! checks        first_check   + window   + window ...             the end: the last check
//! ----|-------------|------------|----------|--------------------------|
//!         ^ first arrival: time 0; pods are billed from here to the end
//! ```

mod recorder;
mod table;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Serialize;

use crate::checkpoint::Checkpoint;
use crate::evaluate::Deployment;
use crate::learned::{DEFAULT_PRICE, Learned};
use crate::policy::PolicyChoice;
use crate::rules::Rule;
use crate::serve::parse_price;
use crate::simulator::{Episode, Scenario, ServiceShift, ServiceTimes, play_watched};
use crate::workload::{Profile, read_arrivals};

use recorder::Recorder;
pub use recorder::{RecordedCheck, Run};

/// Plays one schedule of arrivals with one policy.
#[derive(Debug, Clone, Args)]
#[command(mut_arg("peak", |arg| arg.hide(true)))]
pub struct SimulateArgs {
    /// Arrival times to play: CSV with the header `second`, as `agent workload --emit arrivals` writes it
    #[arg(long)]
    pub arrivals: PathBuf,
    /// Who decides: `learned`, `static:replicas=N`, or any rule or law with its settings, those left out at their start,
    /// as in `trend:utilization=0.6` or `hpa:target_percent=60`; laws of the cluster have loops of their own
    #[arg(long, default_value = "learned", value_name = "NAME[:setting=value,...]")]
    pub policy: PolicyChoice,
    /// Price of a violating check for the learned policy, in full clusters for one check, 0.3 to 40
    #[arg(long, env = "RISK", default_value_t = DEFAULT_PRICE, value_parser = parse_price)]
    pub risk: f64,
    /// Checkpoint of the learned policy [default: the shipped one]
    #[arg(long, env = "CHECKPOINT")]
    pub checkpoint: Option<PathBuf>,
    /// JSON file to write, with every check
    #[arg(long)]
    pub output: Option<PathBuf>,
    /// The deployment
    #[command(flatten)]
    pub deployment: Deployment,
    /// What else a cluster has
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// What a run on a cluster has and a comparison of policies leaves at its plainest.
#[derive(Debug, Clone, PartialEq, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterArgs {
    /// Fewest replicas
    #[arg(long = "min", default_value_t = 1)]
    pub min_replicas: u32,
    /// Replicas at the beginning, all of them ready [default: the fewest]
    #[arg(long = "initial")]
    pub initial_replicas: Option<u32>,
    /// Start-ups are drawn from the start-up to so much longer, as a share of it
    #[arg(long = "start-up-jitter", default_value_t = 0.0)]
    pub startup_jitter: f64,
    /// From the completion of a request to when the scaler can count it, seconds
    #[arg(long = "metric-lag", default_value_t = 0.0)]
    pub metric_lag_s: f64,
    /// Coefficient of variation of the service times, lognormal
    #[arg(long = "service-cv", default_value_t = 0.1)]
    pub service_cv: f64,
    /// How long a ready pod exists at least, and is billed, after it was ordered to go, seconds: a `preStop` sleep. It gets no
    /// new requests then, and finishes what it holds however long that takes
    #[arg(long = "drain", default_value_t = 0.0)]
    pub drain_s: f64,
    /// A request that finds its pod idle is done so much sooner, seconds: the limit of a pod's CPU stops it when it has used
    /// up what it may, not before
    #[arg(long = "rested", default_value_t = 0.0)]
    pub rested_s: f64,
    /// What a pod does beside each service time, in which it can serve nobody else, seconds: no recorded time tells it, and it is part
    /// of the CPU that a Horizontal Pod Autoscaler sees
    #[arg(long = "overhead", default_value_t = 0.0)]
    pub overhead_s: f64,
    /// A lasting change of the mean service time: so many seconds after the first arrival, to so many times --service-time, as in
    /// `600:1.1`. May be given several times, in order of time; each holds until the next
    #[arg(long = "service-shift", value_name = "SECONDS:FACTOR", value_parser = parse_shift)]
    pub service_shifts: Vec<ServiceShift>,
    /// When the first check is, in seconds after the first arrival, at most one window; below 0 it is before it. Nobody
    /// orders anything before that [default: one window]
    #[arg(long = "first-check", allow_negative_numbers = true)]
    pub first_check_s: Option<f64>,
    /// Windows to play, 2 or more; the first ends at the first check, the last at the last [default: up to the check after
    /// the last arrival]
    #[arg(long)]
    pub windows: Option<u32>,
    /// Names the service times and the start-ups
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What is written to the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Simulated {
    /// Who decided, with all settings.
    pub policy: String,
    /// Short hash of the checkpoint, if that is who.
    pub model: Option<String>,
    /// Price of a violation that it decided at, full clusters for one check.
    pub risk: Option<f64>,
    /// The deployment.
    pub deployment: Deployment,
    /// What else the cluster has.
    pub cluster: ClusterArgs,
    /// What happened.
    #[serde(flatten)]
    pub run: Run,
}

/// Runs `agent simulate`.
///
/// # Errors
/// As [`simulate`], or a file that cannot be written.
pub fn run(args: &SimulateArgs) -> Result<()> {
    let simulated = simulate(args)?;
    println!("{}", table::text(&simulated));
    if let Some(path) = &args.output {
        let json = serde_json::to_string_pretty(&simulated).context("cannot write JSON")?;
        fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Plays.
///
/// # Errors
/// Arrivals or a checkpoint that cannot be read, or a figure out of range.
pub fn simulate(args: &SimulateArgs) -> Result<Simulated> {
    let [period_s] = args.deployment.period_s[..] else {
        bail!("--period must be a single one, there are {}", args.deployment.period_s.len());
    };
    ensure!(args.deployment.peak == 1.0, "--peak is for loads that are sized: arrivals are played as they are");
    let schedule = read_arrivals(&args.arrivals)?;
    let (episode, first_arrival_s) = args.episode(schedule)?;
    let (mut model, mut risk) = (None, None);
    let rule = match args.policy.rule(episode.scenario()) {
        Some(rule) => rule,
        None => {
            let checkpoint = Checkpoint::read_or_shipped(args.checkpoint.as_deref())?;
            (model, risk) = (Some(checkpoint.short_hash().to_owned()), Some(args.risk));
            Rule::Policy(Box::new(Learned::of(&checkpoint, args.risk)))
        }
    };
    let mut recorder = Recorder::new(&episode, first_arrival_s);
    play_watched(&episode, rule.player(), rule.native_period_s(period_s), &mut recorder)?;
    Ok(Simulated {
        policy: args.policy.to_string(),
        model,
        risk,
        deployment: args.deployment(),
        cluster: args.cluster.clone(),
        run: recorder.run(),
    })
}

impl SimulateArgs {
    /// The deployment with the cluster's service times.
    fn deployment(&self) -> Deployment {
        let service_times = ServiceTimes::Lognormal { cv: self.cluster.service_cv };
        Deployment { service_times, ..self.deployment.clone() }
    }

    /// The schedule as an episode, and when its first arrival is there, seconds: the first check is at the end of the first
    /// window, which begins at 0.
    fn episode(&self, mut arrivals: Vec<f64>) -> Result<(Arc<Episode>, f64)> {
        let (Some(&first_s), Some(&last_s)) = (arrivals.first(), arrivals.last()) else {
            bail!("there is no arrival in {}", self.arrivals.display());
        };
        let cluster = &self.cluster;
        let deployment = self.deployment();
        deployment.validate()?;
        let window_s = deployment.window_s;
        let first_check_s = cluster.first_check_s.unwrap_or(window_s);
        ensure!(
            first_check_s.is_finite() && first_check_s <= window_s,
            "--first-check must be at most one window ({window_s} s), it is {first_check_s}"
        );
        let shift_s = window_s - first_check_s;
        arrivals.iter_mut().for_each(|time_s| *time_s += shift_s - first_s);
        let up_to_last = ((last_s - first_s + shift_s) / window_s).floor() + 1.0;
        let windows = cluster.windows.unwrap_or((up_to_last as u32).max(2));
        let after_first = |shift: &ServiceShift| ServiceShift { at_s: shift.at_s + shift_s, ..*shift };
        let scenario = Scenario {
            windows,
            min_replicas: cluster.min_replicas,
            initial_replicas: cluster.initial_replicas.unwrap_or(cluster.min_replicas),
            startup_jitter: cluster.startup_jitter,
            metric_lag_s: cluster.metric_lag_s,
            drain_s: cluster.drain_s,
            rested_s: cluster.rested_s,
            overhead_s: cluster.overhead_s,
            service_shifts: cluster.service_shifts.iter().map(after_first).collect(),
            ..deployment.scenario(rates(&arrivals, window_s)?)?
        };
        Ok((Arc::new(Episode::with_arrivals(scenario, arrivals, cluster.seed)?), shift_s))
    }
}

/// A shift on the command line.
fn parse_shift(text: &str) -> Result<ServiceShift, String> {
    let numbers = text.split_once(':').and_then(|(at, factor)| Some((at.parse().ok()?, factor.parse().ok()?)));
    let (at_s, factor) = numbers.ok_or("must be seconds and a factor, as in 600:1.1")?;
    Ok(ServiceShift { at_s, factor })
}

/// The load that the arrivals are, window by window.
fn rates(arrivals: &[f64], window_s: f64) -> Result<Profile> {
    let mut rates: Vec<f64> = Vec::new();
    for time_s in arrivals {
        let window = (time_s / window_s) as usize;
        if rates.len() <= window {
            rates.resize(window + 1, 0.0);
        }
        rates[window] += 1.0 / window_s;
    }
    Ok(Profile::new(window_s, rates)?)
}
