//! Which policies play.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use agent::policy::Policy;
use agent::rules::{RuleFamily, StaticCount};
use thiserror::Error;

use crate::tuning::Tuning;

/// Who decides in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The learned policy, asked over HTTP as in the cluster.
    Agent,
    /// The calibrated rule with a memory of 64 checks, tuned for this load, as all rules are.
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
    /// The rule of this name; `None` for the agent, which is a process of its own.
    #[must_use]
    pub fn rule(self, tuning: &Tuning) -> Option<Box<dyn Policy>> {
        Some(match self {
            Self::Agent => return None,
            Self::Calibrated | Self::Threshold | Self::Reactive | Self::Trend => tuning.policy(self.family()?),
            Self::Hpa => Box::new(tuning.hpa()),
            Self::Static(count) => Box::new(StaticCount(count.map_or(tuning.static_count(), NonZeroU32::get))),
        })
    }

    /// The family that its settings are searched in; `None` where there are none to search, or none of the scaler's.
    #[must_use]
    pub fn family(self) -> Option<RuleFamily> {
        match self {
            Self::Calibrated => Some(RuleFamily::CalLong),
            Self::Threshold => Some(RuleFamily::Threshold),
            Self::Reactive => Some(RuleFamily::Reactive),
            Self::Trend => Some(RuleFamily::Trend),
            Self::Agent | Self::Hpa | Self::Static(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use agent::simulator::{Episode, Scenario};

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
    fn a_given_count_is_kept_and_the_agent_is_no_rule() {
        let episode = Arc::new(Episode::draw(Scenario::demo_sinusoid(), 1).unwrap());
        let tuning = Tuning::find(&[Choice::Static(NonZeroU32::new(6))], &episode, 1, 3.0).unwrap();
        let name = |choice: Choice| choice.rule(&tuning).map(|rule| rule.name());
        assert_eq!(name(Choice::Static(NonZeroU32::new(3))).as_deref(), Some("static 3"));
        assert_eq!(name(Choice::Static(None)).as_deref(), Some("static 6"));
        assert!(name(Choice::Threshold).is_some_and(|name| name.starts_with("threshold ")));
        assert_eq!(name(Choice::Agent), None);
    }
}
