//! One policy through one episode, judged on windows that do not depend on its loop period.

use std::sync::Arc;

use crate::policy::Policy;
use crate::simulator::{Change, Episode, Player, ScenarioError, play, play_with};

use super::histogram::Histogram;

/// A change that undoes another within so many windows is a reversal.
const REVERSAL_WINDOWS: f64 = 5.0;

/// Sums over judged windows: all but the first, which passes before any decision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Windows judged.
    pub windows: u64,
    /// Those that violate with the most replicas throughout: nobody's fault.
    pub infeasible: u64,
    /// Windows whose arrivals' mean response time is above the threshold.
    pub violating: u64,
    /// Those of them that are feasible.
    pub avoidable: u64,
    /// Windows whose completions' mean response time is above the threshold: what the scaler records.
    pub recorded: u64,
    /// Requests.
    pub requests: u64,
    /// Requests that took longer than the threshold.
    pub late: u64,
    /// Work of the requests, pods times seconds: what nobody can do without.
    pub work_s: f64,
    /// Length of all windows, seconds.
    pub seconds: f64,
    /// Pods billed, times seconds.
    pub pod_seconds: f64,
    /// Sum over the windows of the pods billed over the most that may be.
    pub pod_share: f64,
    /// Changes of the replica count.
    pub actions: u64,
    /// Changes against the direction of one before, up to 5 windows earlier.
    pub reversals: u64,
    /// Runs of violating windows without a break.
    pub outages: u64,
    /// Windows of the longest.
    pub longest_outage: u64,
    /// Response times, if they were asked for.
    pub responses: Option<Histogram>,
}

impl Tally {
    /// Adds another episode.
    pub fn merge(&mut self, other: &Self) {
        let Self { windows, infeasible, violating, avoidable, recorded, requests, late, .. } = other;
        let Self { work_s, seconds, pod_seconds, pod_share, .. } = other;
        let Self { actions, reversals, outages, longest_outage, responses, .. } = other;
        self.windows += windows;
        self.infeasible += infeasible;
        self.violating += violating;
        self.avoidable += avoidable;
        self.requests += requests;
        self.late += late;
        self.recorded += recorded;
        self.work_s += work_s;
        self.seconds += seconds;
        self.pod_seconds += pod_seconds;
        self.pod_share += pod_share;
        self.actions += actions;
        self.reversals += reversals;
        self.outages += outages;
        self.longest_outage = self.longest_outage.max(*longest_outage);
        if let Some(more) = responses {
            self.responses.get_or_insert_default().merge(more);
        }
    }

    /// Avoidable violations, percent of the feasible windows.
    #[must_use]
    pub fn avoidable_percent(&self) -> f64 {
        100.0 * self.avoidable as f64 / (self.windows - self.infeasible).max(1) as f64
    }

    /// `J = mean pod share + price x violating share`, lower is better; a price of 1 is a full cluster for one window.
    #[must_use]
    pub fn objective(&self, price: f64) -> f64 {
        (self.pod_share + price * self.violating as f64) / self.windows.max(1) as f64
    }
}

/// Which windows violate when a policy plays an episode, from the first judged one on; its loop is the episode's.
///
/// # Errors
/// [`ScenarioError`] when the episode is shorter than its window.
pub fn violations(policy: &dyn Policy, episode: &Arc<Episode>) -> Result<Vec<bool>, ScenarioError> {
    let played = play(episode, Player::Policy(policy), episode.scenario().interval_s)?;
    Ok(played.windows.iter().map(|window| window.arrivals_violate(episode.scenario().threshold_s)).collect())
}

/// Lets someone decide every `period_s` seconds, judged by the episode's windows; `infeasible` tells of each of them
/// whether it violates with the most replicas.
///
/// # Errors
/// [`ScenarioError`] when the period is out of range.
pub fn judge(
    player: Player<'_>,
    period_s: f64,
    episode: &Arc<Episode>,
    infeasible: &[bool],
    responses: bool,
) -> Result<Tally, ScenarioError> {
    let (window_s, threshold_s) = (episode.scenario().interval_s, episode.scenario().threshold_s);
    let (mut work_s, begin_s) = (0.0, episode.check_times().get(1).copied().unwrap_or(0.0));
    let mut histogram = responses.then(Histogram::default);
    let played = play_with(episode, player, period_s, |served| {
        // The first window passes before any decision.
        if served.arrival_s >= begin_s {
            work_s += served.service_s;
            if let Some(histogram) = &mut histogram {
                histogram.add(served.response_s);
            }
        }
    })?;
    let pod_share = played.totals.pod_share;
    let mut tally =
        Tally { windows: infeasible.len() as u64, responses: histogram, work_s, pod_share, ..Tally::default() };
    let mut outage = 0;
    for (window, infeasible) in played.windows.iter().zip(infeasible) {
        let violating = window.arrivals_violate(threshold_s);
        tally.recorded += u64::from(window.violated(threshold_s));
        tally.seconds += window.end_s - window.begin_s;
        tally.violating += u64::from(violating);
        tally.infeasible += u64::from(*infeasible);
        tally.avoidable += u64::from(violating && !infeasible);
        tally.outages += u64::from(violating && outage == 0);
        outage = if violating { outage + 1 } else { 0 };
        tally.longest_outage = tally.longest_outage.max(outage);
        tally.requests += window.arrived;
        tally.late += window.late;
        tally.pod_seconds += window.pod_seconds;
    }
    tally.actions = played.changes.len() as u64;
    let undoes =
        |pair: &&[Change]| pair[0].up != pair[1].up && pair[1].at_s - pair[0].at_s <= REVERSAL_WINDOWS * window_s;
    tally.reversals = played.changes.windows(2).filter(undoes).count() as u64;
    Ok(tally)
}
