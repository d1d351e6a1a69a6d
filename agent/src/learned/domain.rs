//! What the networks were trained on, in the terms of a deployment.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::features::Situation;

/// A figure of the deployment and what it was in training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Lowest value that the networks answer at.
    pub low: f64,
    /// Highest.
    pub high: f64,
}

/// Ranges outside of which a rule answers: those trained on, and more where features are cut at their range and the
/// networks still do what is right: with a service time far below the threshold they see the pressure, which a rule that
/// knows the utilization alone does not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// Threshold over mean service time.
    pub threshold_over_service_time: Span,
    /// Check interval over mean service time.
    pub interval_over_service_time: Span,
    /// Most replicas.
    pub max_replicas: Span,
    /// Start-up of a pod over check interval.
    pub startup_over_interval: Span,
}

/// What this agent's networks were trained on.
pub const DOMAIN: Domain = Domain {
    threshold_over_service_time: Span { low: 1.3, high: 1000.0 },
    interval_over_service_time: Span { low: 4.0, high: 50_000.0 },
    max_replicas: Span { low: 1.0, high: 64.0 },
    startup_over_interval: Span { low: 0.0, high: 10.0 },
};

/// A figure that is outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outside {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// What it may be.
    pub span: Span,
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, span: Span { low, high } } = self;
        write!(f, "{name} is {value:.3}, outside of {low} to {high}")
    }
}

impl Domain {
    /// The first figure of the situation that is outside; figures that are not known are not.
    #[must_use]
    pub fn outside(&self, situation: &Situation) -> Option<Outside> {
        let reading = situation.reading();
        let intervals = if reading.grain > 0.0 { Some(1.0 / reading.grain) } else { None };
        let figures = [
            ("threshold / service time", situation.known_slack(), self.threshold_over_service_time),
            ("interval / service time", intervals, self.interval_over_service_time),
            ("max_replicas", Some(f64::from(reading.max)), self.max_replicas),
            ("start-up / interval", situation.startup(), self.startup_over_interval),
        ];
        figures.into_iter().find_map(|(name, value, span)| {
            let value = value.filter(|value| !(span.low..=span.high).contains(value))?;
            Some(Outside { name, value, span })
        })
    }
}
