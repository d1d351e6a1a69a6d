//! Which policies play.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use agent::checkpoint::{Checkpoint, CheckpointError};
use agent::learned::Learned;
use agent::policy::Policy;
use agent::rules::{Calibrated, Hpa, Reactive, StaticCount, Threshold, Trend};
use agent::simulator::{Episode, run};
use thiserror::Error;

/// Who decides in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The learned policy, asked over HTTP as in the cluster.
    Agent,
    /// The calibrated rule.
    Calibrated,
    /// One more or one fewer on pressure.
    Threshold,
    /// Enough for the load that was measured.
    Reactive,
    /// Enough for the load extrapolated.
    Trend,
    /// The Horizontal Pod Autoscaler on CPU.
    Hpa,
    /// Always the same count; `None`: as many as the main policy needs on average in a simulation of this very load.
    Static(Option<NonZeroU32>),
}

/// Not the name of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is none of agent, calibrated, threshold, reactive, trend, hpa, static and static:N (N from 1)")]
pub struct ChoiceError(String);

impl FromStr for Choice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        match text {
            "agent" => Ok(Self::Agent),
            "calibrated" => Ok(Self::Calibrated),
            "threshold" => Ok(Self::Threshold),
            "reactive" => Ok(Self::Reactive),
            "trend" => Ok(Self::Trend),
            "hpa" => Ok(Self::Hpa),
            "static" => Ok(Self::Static(None)),
            _ => {
                let count = text.strip_prefix("static:").and_then(|count| count.parse().ok());
                count.map(|count| Self::Static(Some(count))).ok_or_else(|| ChoiceError(text.to_owned()))
            }
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agent => "agent",
            Self::Calibrated => "calibrated",
            Self::Threshold => "threshold",
            Self::Reactive => "reactive",
            Self::Trend => "trend",
            Self::Hpa => "hpa",
            Self::Static(None) => "static",
            Self::Static(Some(count)) => return write!(f, "static:{count}"),
        })
    }
}

impl Choice {
    /// The rule of this name; `None` for the agent, which is a process of its own. `fair` is the count of a static
    /// policy that was given none.
    #[must_use]
    pub fn rule(self, fair: u32) -> Option<Box<dyn Policy>> {
        Some(match self {
            Self::Agent => return None,
            Self::Calibrated => Box::new(Calibrated::default()),
            Self::Threshold => Box::new(Threshold::default()),
            Self::Reactive => Box::new(Reactive::default()),
            Self::Trend => Box::new(Trend::default()),
            Self::Hpa => Box::new(Hpa::default()),
            Self::Static(count) => Box::new(StaticCount(count.map_or(fair, NonZeroU32::get))),
        })
    }

    /// Mean pods of this policy in a simulation of the same arrivals, rounded to whole ones: what a static rival gets,
    /// so that it costs about the same. For a static policy without a count, those of the calibrated rule.
    ///
    /// # Errors
    /// [`CheckpointError`] when the shipped checkpoint cannot be read.
    pub fn fair_count(self, episode: &Arc<Episode>, price: f64) -> Result<u32, CheckpointError> {
        let policy: Box<dyn Policy> = match self {
            Self::Agent => Box::new(Learned::of(&Checkpoint::shipped()?, price)),
            Self::Static(None) => Box::new(Calibrated::default()),
            rule => rule.rule(1).unwrap_or_else(|| Box::new(Calibrated::default())),
        };
        let totals = run(episode.clone(), policy.as_ref());
        let scenario = episode.scenario();
        let mean_pods = totals.pod_share / totals.checks.max(1) as f64 * f64::from(scenario.max_replicas);
        Ok((mean_pods.round() as u32).clamp(scenario.min_replicas, scenario.max_replicas))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent::simulator::Scenario;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["agent", "calibrated", "threshold", "reactive", "trend", "hpa", "static", "static:4"] {
            assert_eq!(name.parse::<Choice>().map(|choice| choice.to_string()), Ok(name.to_owned()));
        }
        for name in ["", "Agent", "static:", "static:0", "static:-1", "static:x", "dqn"] {
            assert_eq!(name.parse::<Choice>(), Err(ChoiceError(name.to_owned())), "{name:?}");
        }
    }

    #[test]
    fn a_static_rival_gets_about_the_pods_of_the_main_policy() {
        let episode = Arc::new(Episode::draw(Scenario::demo_sinusoid(), 1).unwrap());
        // The mean load is 3.4 erlangs; eight pods at most.
        for (policy, counts) in [
            (Choice::Agent, 4..=8),
            (Choice::Reactive, 4..=7),
            (Choice::Static(None), 4..=8),
            (Choice::Static(NonZeroU32::new(3)), 3..=3),
        ] {
            let count = policy.fair_count(&episode, 5.0).unwrap();
            assert!(counts.contains(&count), "{policy}: {count}");
        }
    }

    #[test]
    fn a_given_count_is_kept_and_the_agent_is_no_rule() {
        let name = |choice: Choice| choice.rule(6).map(|rule| rule.name());
        assert_eq!(name(Choice::Static(NonZeroU32::new(3))).as_deref(), Some("static 3"));
        assert_eq!(name(Choice::Static(None)).as_deref(), Some("static 6"));
        assert_eq!(name(Choice::Agent), None);
    }
}
