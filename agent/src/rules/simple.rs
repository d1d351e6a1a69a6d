//! Rules of one line. Their defaults are the best of a coarse sweep on randomised scenarios, at a price of 2.5.

use scaler_core::ActionRequest;

use crate::policy::Policy;

use super::Reading;

/// Always the same count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticCount(
    /// The count.
    pub u32,
);

impl Policy for StaticCount {
    fn name(&self) -> String {
        format!("static {}", self.0)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        Reading::of(request).replicas(f64::from(self.0))
    }
}

/// One replica more above a pressure, one fewer below another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Pressure below which one goes; an idle deployment has pressure 0.
    pub low: f64,
    /// Pressure above which one comes.
    pub high: f64,
}

impl Default for Threshold {
    fn default() -> Self {
        Self { low: 0.3, high: 0.5 }
    }
}

impl Policy for Threshold {
    fn name(&self) -> String {
        format!("threshold {:.2}..{:.2}", self.low, self.high)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        let reading = Reading::of(request);
        let (ordered, pressure) = (f64::from(reading.now().ordered), request.observation.pressure);
        reading.replicas(if pressure > self.high {
            ordered + 1.0
        } else if pressure < self.low {
            ordered - 1.0
        } else {
            ordered
        })
    }
}

/// Enough for the load that was measured, and for the backlog.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reactive {
    /// Utilization to aim at, in (0, 1].
    pub utilization: f64,
    /// Share of the backlog to drain within a check.
    pub drain: f64,
}

impl Default for Reactive {
    fn default() -> Self {
        Self { utilization: 0.5, drain: 1.0 }
    }
}

impl Policy for Reactive {
    fn name(&self) -> String {
        format!("reactive {:.2}", self.utilization)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        let reading = Reading::of(request);
        let now = reading.now();
        reading.replicas(now.load / self.utilization + self.drain * now.backlog)
    }
}

/// [`Reactive`] for the load extrapolated by its last rise; a fall is not extrapolated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Utilization to aim at, in (0, 1].
    pub utilization: f64,
    /// Rises to add; 1 is a straight line one check ahead.
    pub rises: f64,
    /// Share of the backlog to drain within a check.
    pub drain: f64,
}

impl Default for Trend {
    fn default() -> Self {
        Self { utilization: 0.5, rises: 1.5, drain: 1.0 }
    }
}

impl Policy for Trend {
    fn name(&self) -> String {
        format!("trend {:.2} + {:.1} rises", self.utilization, self.rises)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        let reading = Reading::of(request);
        let now = reading.now();
        let rise = (now.load - reading.ago(1).load).max(0.0);
        reading.replicas((now.load + self.rises * rise) / self.utilization + self.drain * now.backlog)
    }
}
