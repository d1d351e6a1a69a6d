//! One check, on one screen: from the requests of a window to an entry in `podStatus.json`.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use clap::ValueEnum;
use scaler_core::status::{NamedError, UtilizationSent};
use scaler_core::{
    ActionRequest, Bounds, Check, CheckKey, Decision, Mode, Observation, PodStatus, Recent, WindowLength,
    WindowMetrics, history, observe, plan,
};
use thiserror::Error;

use crate::answer::{Answer, ask};
use crate::applied::{Applied, apply};
use crate::cluster::{Cluster, ClusterError, Pods};
use crate::counters::CountersError;
use crate::cpu::CpuMeter;
use crate::decider::Decider;
use crate::failure::{left_to_the_next, survived};
use crate::results::{ResultsError, ResultsFolder, Tally};
use crate::state::{Known, State, StateSource};
use crate::step::{Pause, Step};

/// Which of the two utilizations the agent is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UtilizationSource {
    /// From the records: `sum(lambda_i D_i) / n`.
    Theory,
    /// Mean CPU of a pod, from Prometheus; from the records while Prometheus does not answer.
    Prometheus,
}

/// What a check needs to know.
#[derive(Debug, Clone)]
pub struct CheckConfig {
    /// The SLO: threshold of the mean response time, seconds.
    pub threshold_s: f64,
    /// Time between two checks, seconds.
    pub interval_s: f64,
    /// Fewest and most replicas.
    pub bounds: Bounds,
    /// Whether plans are carried out.
    pub mode: Mode,
    /// Which utilization the agent is sent.
    pub utilization_source: UtilizationSource,
    /// Where the requests of a window come from.
    pub state_source: StateSource,
    /// Newest `check_N` folders that are kept; 0 keeps none.
    pub analyzed_retention: usize,
    /// Checks that `podStatus.json` holds at most; of more, the older go to a file of their own.
    pub pod_status_max_checks: usize,
    /// Folder of the status, and of the records where they are the source; it must be there.
    pub results_dir: PathBuf,
    /// For crash drills: stop there, and wait to be killed.
    pub pause_at: Option<Step>,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckOutcome {
    /// It is in `podStatus.json`.
    Recorded {
        /// Its number.
        key: CheckKey,
        /// What it says.
        check: Box<Check>,
    },
    /// Another scaler is at work; nothing was done.
    LockHeld,
}

/// Why a check broke off. The next one finishes it, or gets its window.
#[derive(Debug, Error)]
pub enum CheckError {
    /// The results folder.
    #[error("the results folder cannot be used")]
    Results(#[from] ResultsError),
    /// Prometheus says nothing of the requests; nothing was asked, ordered or recorded.
    #[error("what the pods did is not known")]
    Counters(#[from] CountersError),
    /// The pods could not be read; nothing was recorded.
    #[error("the pods cannot be read")]
    Pods(#[source] ClusterError),
}

/// Reads a window, asks, orders, records.
///
/// A check that does not know what the pods did ends there: an entry would be a load of 0, for the agent now and in the
/// history of every check to come. The next one's window reaches back to the last one that is recorded.
///
/// Files are read and written on the calling thread. `clock` says what time it is.
///
/// # Errors
/// [`CheckError`]. No answer from the agent, no CPU and a refused order are no errors: they are recorded. Nor is it one when what
/// was recorded cannot be put away, or old windows not be dropped: that is logged.
pub async fn check(
    config: &CheckConfig,
    cluster: &impl Cluster,
    decider: &impl Decider,
    cpu: Option<&impl CpuMeter>,
    clock: impl Fn() -> DateTime<Utc>,
) -> Result<CheckOutcome, CheckError> {
    let pause = Pause::at(config.pause_at);
    let results = ResultsFolder::new(&config.results_dir, pause);
    let Some(_lock) = results.lock()? else { return Ok(CheckOutcome::LockHeld) }; // I/O: held until the end
    pause.reached(Step::Locked);
    left_to_the_next(results.retain(config.analyzed_retention)); // I/O: room, where there is none for what follows
    let mut status = results.recover(config.pod_status_max_checks)?; // I/O: what a killed check left
    let state = config.state_source.take(&results, &status, config.interval_s, clock).await?; // I/O: exactly these requests
    let pods = cluster.pods().await.map_err(CheckError::Pods)?; // I/O: without pods there is nothing to say
    pause.reached(Step::Pods);
    let seen = Seen::new(config, status.status(), &state, pods)?; // pure: not known is no load of 0
    pause.reached(Step::Observed);
    let cpu = measure(cpu, config, &seen.pods).await; // I/O: unknown is a value
    pause.reached(Step::Cpu);
    let (request, utilization) = seen.request(config, status.status(), &state, cpu.cores); // pure
    let answer = ask(decider, &request).await; // I/O: no answer is a value
    pause.reached(Step::Asked);
    let plan = plan(seen.pods.ordered, answer.wish, seen.bounds, config.mode); // pure: clamped, with a reason
    pause.reached(Step::Planned);
    let applied = apply(cluster, plan, seen.pods.ordered).await; // I/O: only this makes an `Applied`
    pause.reached(Step::Applied);
    let parts = Parts { state: &state, seen, cpu, request, utilization, answer, plan, applied };
    let check = parts.into_check(config, status.status()); // pure
    status.append(state.key, &check)?; // pure
    pause.reached(Step::Appended);
    state.settle(&results)?; // I/O: what came too late waits for the next check
    pause.reached(Step::Settled);
    status.save(pause)?; // I/O: from here on the check is recorded
    pause.reached(Step::Saved);
    left_to_the_next(state.archive(&results)); // I/O
    left_to_the_next(results.retain(config.analyzed_retention)); // I/O
    left_to_the_next(status.roll(config.pod_status_max_checks, pause)); // I/O
    pause.reached(Step::Retained);
    Ok(CheckOutcome::Recorded { key: state.key, check: Box::new(check) })
}

/// The window as the formulas see it.
struct Seen {
    pods: Pods,
    metrics: WindowMetrics,
    window_length: WindowLength,
    observation: Observation,
    /// The bounds; while a part of the load is missing in the observation, fewer are not ordered.
    bounds: Bounds,
    /// What is wrong with the window.
    errors: Vec<NamedError>,
    /// The end of the window, where it is known.
    recent: Option<Recent>,
}

impl Seen {
    fn new(config: &CheckConfig, status: &PodStatus, state: &State, pods: Pods) -> Result<Self, CountersError> {
        let Known { window_s, length, partial, errors, recent } =
            state.known(status, &pods.ready, config.interval_s)?;
        let metrics = WindowMetrics::from_pods(state.tally.pods.values(), window_s);
        let observation = observe(&metrics, count(&pods.ready), config.threshold_s);
        let least = if partial { pods.ordered } else { 0 };
        let bounds = config.bounds.at_least(least);
        let recent = recent.map(|recent| recent.observe(observation.n_instances, config.threshold_s));
        let recent = recent.filter(|recent| recent.is_end_of(config.interval_s));
        Ok(Self { pods, metrics, window_length: length, observation, bounds, errors, recent })
    }

    /// What the agent is sent, and whose utilization is in it.
    fn request(
        &self,
        config: &CheckConfig,
        status: &PodStatus,
        state: &State,
        cores: Option<f64>,
    ) -> (ActionRequest, UtilizationSent) {
        let mut observation = self.observation;
        let sent = match (config.utilization_source, cores) {
            (UtilizationSource::Theory, _) => UtilizationSent::Theory,
            (UtilizationSource::Prometheus, None) => UtilizationSent::TheoryPrometheusMissing,
            (UtilizationSource::Prometheus, Some(cores)) => {
                observation.utilization = cores;
                UtilizationSent::Prometheus
            }
        };
        // A rollout starts pods beside the ordered ones: the agent would take them for ordered, and hold that count.
        let unready = self.pods.ordered.saturating_sub(observation.n_instances);
        // Its utilization is of the records: beside one of the CPU it would say that the load has changed.
        let recent = self.recent.filter(|_| sent != UtilizationSent::Prometheus);
        let request = ActionRequest {
            observation,
            history: history(status, state.claimed_at),
            min_replicas: Some(self.bounds.min()),
            max_replicas: Some(self.bounds.max()),
            threshold_s: Some(config.threshold_s),
            interval_s: Some(config.interval_s),
            avg_service_time_s: (self.metrics.requests > 0).then_some(self.metrics.avg_service_time_s),
            starting: Some(self.pods.starting.min(unready)),
            terminating: Some(self.pods.terminating),
            startup_s: self.pods.startup.map(|startup| startup.as_secs_f64()),
            recent,
        };
        (request, sent)
    }
}

/// CPU of a pod, or why it is not known.
struct Cpu {
    cores: Option<f64>,
    error: Option<NamedError>,
}

async fn measure(meter: Option<&impl CpuMeter>, config: &CheckConfig, pods: &Pods) -> Cpu {
    let Some(meter) = meter else { return Cpu { cores: None, error: None } };
    match meter.cores(Duration::from_secs_f64(config.interval_s), &pods.ready).await {
        Ok(cores) => Cpu { cores: Some(cores), error: None },
        Err(error) => Cpu { cores: None, error: Some(survived(error.name(), &error)) },
    }
}

/// All that an entry is made of.
struct Parts<'a> {
    state: &'a State,
    seen: Seen,
    cpu: Cpu,
    request: ActionRequest,
    utilization: UtilizationSent,
    answer: Answer,
    plan: scaler_core::Plan,
    applied: Applied,
}

impl Parts<'_> {
    fn into_check(self, config: &CheckConfig, status: &PodStatus) -> Check {
        let Self { state, seen, cpu, mut request, utilization, answer, plan, applied } = self;
        let Seen { pods, metrics, window_length, observation, bounds: _, errors: of_window, recent: _ } = seen;
        let Tally { pods: _, recent: _, read, refused, named_refused, partial: _, newest, errors: told } = &state.tally;
        let (started_previous_check, shutdown_previous_check) = status.changes(&pods.ready);
        // The history is the checks before this one: they are in the file already.
        request.history.clear();
        let errors = [cpu.error, answer.error, applied.error().cloned()].into_iter().flatten();
        let decision = Decision {
            claimed_at: state.claimed_at,
            mode: config.mode,
            raw_action: answer.wish.raw_action(),
            applied_replicas: applied.replicas(),
            reason: applied.reason(),
            limit: plan.limit,
            window_seconds: metrics.window_s,
            window_length,
            records_read: *read,
            records_refused: *refused,
            refused: named_refused.clone(),
            newest_record_age_seconds: newest.map(|arrival| (state.claimed_at - arrival).as_seconds_f64()),
            scraped_until: state.scraped_until(),
            starting: pods.starting,
            terminating: pods.terminating,
            utilization_source: utilization,
            request,
            explanation: answer.explanation,
            errors: told.iter().cloned().chain(of_window).chain(errors).collect(),
        };
        Check {
            timestamp: state.claimed_at.naive_utc().trunc_subsecs(0),
            n_instances: observation.n_instances,
            pressure: observation.pressure,
            avg_response_time: metrics.avg_response_time_s,
            avg_service_time: metrics.avg_service_time_s,
            threshold: config.threshold_s,
            queue_length_dominant: observation.queue_length_dominant,
            utilization: observation.utilization,
            cpu_usage: cpu.cores,
            workload: observation.workload,
            action: applied.action(),
            active: pods.ready,
            started_previous_check,
            shutdown_previous_check,
            decision: Some(decision),
        }
    }
}

/// A number of pods; beyond `u32` no cluster goes.
fn count(pods: &[String]) -> u32 {
    u32::try_from(pods.len()).unwrap_or(u32::MAX)
}
