//! What no network may do.

use std::fmt;

use super::Outside;
use crate::features::Situation;

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
/// while pods are starting that should be ready by now: start-ups longer than a check are known to take that long.
/// Candidates are within the bounds already.
#[must_use]
pub fn guard(situation: &Situation, wish: u32) -> (u32, Option<Override>) {
    let ordered = situation.ordered();
    if wish >= ordered {
        (wish, None)
    } else if situation.pressure() > 1.0 {
        (ordered, Some(Override::Backlog))
    } else if situation.starting() > 0 && !situation.starts_slowly() {
        (ordered, Some(Override::Starting))
    } else {
        (wish, None)
    }
}
