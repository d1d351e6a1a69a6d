//! Past checks as the agent wants them.

use chrono::{DateTime, Utc};

use crate::observation::{MAX_HISTORY, Observation, PastObservation};
use crate::status::{Check, PodStatus};

/// The last [`MAX_HISTORY`] checks before `now`, oldest first.
///
/// The agent keeps no state of its own: any of its replicas answers, and a restart forgets nothing. Where the clock was set back,
/// checks that are not older than `now` are left out, and so are all before one that is not older than the check after it: how
/// long ago they were, nobody knows.
#[must_use]
pub fn history(status: &PodStatus, now: DateTime<Utc>) -> Vec<PastObservation> {
    let mut newer_s = 0.0;
    let mut past: Vec<PastObservation> = status
        .checks()
        .rev()
        .filter_map(|(_, check)| past_observation(check, now))
        .take_while(|past| past.age_s > std::mem::replace(&mut newer_s, past.age_s))
        .take(MAX_HISTORY)
        .collect();
    past.reverse();
    past
}

fn past_observation(check: &Check, now: DateTime<Utc>) -> Option<PastObservation> {
    let age = now - check.claimed_at();
    let age_s = age.num_microseconds()? as f64 / 1e6;
    (age_s > 0.0).then(|| PastObservation {
        age_s,
        replicas_ordered: check.replicas_ordered(),
        observation: check.decision.as_ref().map_or_else(|| observed(check), |decision| decision.request.observation),
    })
}

/// What other writers' checks hold of the observation.
fn observed(check: &Check) -> Observation {
    Observation {
        n_instances: check.n_instances,
        pressure: check.pressure,
        queue_length_dominant: check.queue_length_dominant,
        utilization: check.utilization,
        workload: check.workload,
    }
}
