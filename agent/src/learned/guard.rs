//! What no network may do.

use std::fmt;

use super::Outside;
use crate::features::Situation;

/// The same order for so many checks, and still pods that are not ready: those find no node, no image, or crash. They do not start.
const STUCK_CHECKS: usize = 5;

/// Why the network's choice was not taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Override {
    /// Requests wait longer than the threshold allows: fewer pods than that backlog's make it grow.
    Backlog,
    /// Pods that were ordered are still starting: their effect is not seen yet.
    Starting,
    /// The deployment is none that the networks were trained on: the calibrated rule answers.
    OutsideTraining(Outside),
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backlog => f.write_str("no scale-in while the response time is above the threshold"),
            Self::Starting => f.write_str("no scale-in while ordered pods are starting"),
            Self::OutsideTraining(outside) => write!(f, "the calibrated rule answers: {outside}"),
        }
    }
}

/// The nearest count to the wish that may be ordered: no scale-in while the response time is above the threshold, or
/// while pods are starting that should be ready by now: start-ups longer than a check are known to take that long, and pods that
/// have not become ready for five checks will not. Candidates are within the bounds already.
#[must_use]
pub fn guard(situation: &Situation, wish: u32) -> (u32, Option<Override>) {
    let ordered = situation.ordered();
    if wish >= ordered {
        (wish, None)
    } else if situation.pressure() > 1.0 {
        (ordered, Some(Override::Backlog))
    } else if is_starting(situation) {
        (ordered, Some(Override::Starting))
    } else {
        (wish, None)
    }
}

fn is_starting(situation: &Situation) -> bool {
    situation.starting() > 0 && !situation.starts_slowly() && situation.checks_since_change() < STUCK_CHECKS
}

#[cfg(test)]
mod tests {
    use scaler_core::{ActionRequest, Observation, PastObservation};

    use super::*;

    /// Six pods ready and two not, ordered so many checks ago.
    fn waiting(checks: usize, startup_s: f64) -> Situation {
        let observation =
            Observation { n_instances: 6, pressure: 0.4, queue_length_dominant: 0.0, utilization: 0.01, workload: 0.3 };
        let past = |ago: usize| PastObservation {
            age_s: 60.0 * ago as f64,
            replicas_ordered: if ago <= checks { 8 } else { 6 },
            observation,
        };
        Situation::new(&ActionRequest {
            history: (1..=10).rev().map(past).collect(),
            starting: Some(2),
            interval_s: Some(60.0),
            startup_s: Some(startup_s),
            ..ActionRequest::bare(observation)
        })
    }

    #[test]
    fn pods_that_start_hold_the_order_and_pods_that_never_do_hold_it_for_some_checks() {
        for (checks, startup_s, answer) in [
            (1, 5.0, (8, Some(Override::Starting))),
            (5, 5.0, (8, Some(Override::Starting))),
            (6, 5.0, (1, None)),
            (10, 5.0, (1, None)),
            // Known to take longer than a check.
            (1, 90.0, (1, None)),
        ] {
            let situation = waiting(checks, startup_s);
            assert_eq!(guard(&situation, 1), answer, "ordered {checks} checks ago, ready after {startup_s} s");
            assert_eq!(guard(&situation, 8), (8, None), "no scale-in, no guard");
        }
    }
}
