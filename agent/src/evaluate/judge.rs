//! One policy through one episode, judged on windows that do not depend on its loop period.

use std::sync::Arc;

use scaler_core::ActionRequest;

use crate::policy::Policy;
use crate::simulator::{Episode, Simulation};

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
    /// Requests.
    pub requests: u64,
    /// Requests that took longer than the threshold.
    pub late: u64,
    /// Pods billed, times seconds.
    pub pod_seconds: f64,
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
        let Self { windows, infeasible, violating, avoidable, requests, late, pod_seconds, .. } = other;
        let Self { actions, reversals, outages, longest_outage, responses, .. } = other;
        self.windows += windows;
        self.infeasible += infeasible;
        self.violating += violating;
        self.avoidable += avoidable;
        self.requests += requests;
        self.late += late;
        self.pod_seconds += pod_seconds;
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
}

/// Which windows violate when a policy plays an episode, from the first judged one on.
#[must_use]
pub fn violations(policy: &dyn Policy, episode: &Arc<Episode>, window_s: f64) -> Vec<bool> {
    Judge::play(policy, episode, window_s, false).violations()
}

/// Plays the policy; `infeasible` tells of each judged window whether it violates with the most replicas.
#[must_use]
pub fn judge(
    policy: &dyn Policy,
    episode: &Arc<Episode>,
    window_s: f64,
    infeasible: &[bool],
    responses: bool,
) -> Tally {
    let judge = Judge::play(policy, episode, window_s, responses);
    let mut tally = Tally { windows: infeasible.len() as u64, ..Tally::default() };
    let mut outage = 0;
    for (violating, infeasible) in judge.violations().into_iter().zip(infeasible) {
        tally.violating += u64::from(violating);
        tally.infeasible += u64::from(*infeasible);
        tally.avoidable += u64::from(violating && !infeasible);
        tally.outages += u64::from(violating && outage == 0);
        outage = if violating { outage + 1 } else { 0 };
        tally.longest_outage = tally.longest_outage.max(outage);
    }
    let decided = judge.windows.iter().skip(1);
    tally.requests = decided.clone().map(|window| window.requests).sum();
    tally.late = decided.map(|window| window.late).sum();
    let Judge { pod_seconds, actions, reversals, responses, .. } = judge;
    Tally { pod_seconds, actions, reversals, responses, ..tally }
}

#[derive(Clone, Default)]
struct Window {
    requests: u64,
    late: u64,
    response_s: f64,
}

struct Judge {
    threshold_s: f64,
    windows: Vec<Window>,
    pod_seconds: f64,
    actions: u64,
    reversals: u64,
    responses: Option<Histogram>,
}

impl Judge {
    fn play(policy: &dyn Policy, episode: &Arc<Episode>, window_s: f64, responses: bool) -> Self {
        let end_s = episode.check_times().last().copied().unwrap_or(0.0);
        let threshold_s = episode.scenario().threshold_s;
        let mut judge = Self {
            threshold_s,
            windows: vec![Window::default(); (end_s / window_s + 1e-9) as usize],
            pod_seconds: 0.0,
            actions: 0,
            reversals: 0,
            responses: responses.then(Histogram::default),
        };
        let mut simulation = Simulation::new(Arc::clone(episode));
        let mut request = ActionRequest::bare(simulation.observation());
        // Time and direction of the last change.
        let mut last: Option<(f64, bool)> = None;
        while !simulation.is_done() {
            simulation.write_request(&mut request);
            let (now_s, before) = (simulation.now_s(), simulation.ordered());
            // A faster loop decides in the first window too; that is not judged.
            let judged = now_s >= window_s * (1.0 - 1e-9);
            let outcome = simulation.step_with(policy.order(&request), |served| {
                let Some(window) = judge.windows.get_mut((served.arrival_s / window_s) as usize) else { return };
                window.requests += 1;
                window.late += u64::from(served.response_s > threshold_s);
                window.response_s += served.response_s;
                if let Some(responses) = judge.responses.as_mut().filter(|_| judged) {
                    responses.add(served.response_s);
                }
            });
            let up = outcome.replicas > before;
            if judged {
                judge.pod_seconds += outcome.pod_seconds;
            }
            if judged && outcome.change > 0 {
                judge.actions += 1;
                let reversal =
                    |(at_s, was_up): (f64, bool)| was_up != up && now_s - at_s <= REVERSAL_WINDOWS * window_s;
                judge.reversals += u64::from(last.is_some_and(reversal));
            }
            if outcome.change > 0 {
                last = Some((now_s, up));
            }
        }
        judge
    }

    fn violations(&self) -> Vec<bool> {
        let violates =
            |window: &Window| window.requests > 0 && window.response_s / window.requests as f64 > self.threshold_s;
        self.windows.iter().skip(1).map(violates).collect()
    }
}
