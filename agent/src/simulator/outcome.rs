//! What an order brought.

/// The account of one check: from its order to the next check.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Replicas ordered, within the bounds.
    pub replicas: u32,
    /// Length of the window, seconds.
    pub window_s: f64,
    /// Pods billed, from order to removal, times seconds.
    pub pod_seconds: f64,
    /// The same over what the full cluster would have been billed.
    pub pod_share: f64,
    /// Pods ordered more or fewer than by the check before.
    pub change: u32,
    /// Requests that arrived in the window.
    pub requests: u64,
    /// Those of them that took longer than the threshold.
    pub late_requests: u64,
    /// Their mean response time, seconds, 0 without requests: exact credit, since it is the arrivals' and not the
    /// completions'.
    pub mean_response_s: f64,
    /// Whether the wire shows a violation: mean response time of the completions counted in the window over the
    /// threshold.
    pub violated: bool,
    /// [`smooth_violation`] of the arrivals' mean response time.
    pub smooth_violation: f64,
}

/// How badly a mean response time of `pressure` thresholds misses the SLO; 0 below 0.85, 1 at 1.15, slowly growing from
/// there: `clamp((p - 0.85) / 0.3, 0, 1) + 0.1 ln(max(1, p))`.
///
/// A ramp where the SLO has a step, so that near misses count and learning has a slope; the logarithm keeps one under
/// overload, where all of the ramp is used up.
#[must_use]
pub fn smooth_violation(pressure: f64) -> f64 {
    ((pressure - 0.85) / 0.3).clamp(0.0, 1.0) + 0.1 * pressure.max(1.0).ln()
}
