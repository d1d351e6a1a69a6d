//! A candidate replica count as numbers, in a situation.

use super::{LONG_WINDOW, Situation, WINDOW, log_ratio};

/// Numbers per candidate.
pub const ACTION_FEATURES: usize = 14;

/// Their names, in order.
pub const ACTION_FEATURE_NAMES: [&str; ACTION_FEATURES] = [
    "n / max",
    "ln(n / load)",
    "ln(n / (load + backlog))",
    "(n - ordered) / max",
    "|n - ordered| / max",
    "n > ordered",
    "n < ordered",
    "1 / n",
    "load / n",
    "highest load of 8 checks / n",
    "highest load of 64 checks / n",
    "expected ln(pressure) at the load",
    "expected ln(pressure) at load + trend + backlog",
    "expected ln(pressure) at the highest load of 8 checks",
];

impl Situation {
    /// The numbers of candidate `n`, each within about +-4.
    #[must_use]
    pub fn action(&self, n: u32) -> [f32; ACTION_FEATURES] {
        let now = self.now();
        let max = f64::from(self.reading.max);
        let pods = f64::from(n.max(1));
        let change = f64::from(n) - f64::from(self.ordered());
        let load = now.load;
        let (high_8, high_64) = (self.highest_load(WINDOW), self.highest_load(LONG_WINDOW));
        let trend = load - self.reading.ago(1).load;
        let soon = load + trend.max(0.0) + now.backlog;
        [
            pods / max,
            log_ratio(pods, load),
            log_ratio(pods, load + now.backlog),
            change / max,
            change.abs() / max,
            f64::from(change > 0.0),
            f64::from(change < 0.0),
            1.0 / pods,
            (load / pods).min(4.0),
            (high_8 / pods).min(4.0),
            (high_64 / pods).min(4.0),
            self.expected_log_pressure(load, pods),
            self.expected_log_pressure(soon, pods),
            self.expected_log_pressure(high_8, pods),
        ]
        .map(|x| x as f32)
    }

    /// `ln(R / threshold)` of a steady load on `pods` servers with exponential times, within [-2, 3].
    ///
    /// Sakasegawa's approximation of the mean wait of M/M/n: `W / D = rho^(sqrt(2 (n + 1)) - 1) / (n (1 - rho))`. Near
    /// saturation and above the queue grows by `(rho - 0.98) interval` in a check, half of that in the mean.
    fn expected_log_pressure(&self, load: f64, pods: f64) -> f64 {
        const SATURATED: f64 = 0.98;
        let rho = load / pods;
        let steady = rho.min(SATURATED);
        let wait = steady.powf((2.0 * (pods + 1.0)).sqrt() - 1.0) / (pods * (1.0 - steady));
        // The grain is 0 when there never were requests: then there is nothing to grow.
        let intervals = if self.reading.grain > 0.0 { 1.0 / self.reading.grain } else { 0.0 };
        let growth = 0.5 * (rho - SATURATED).max(0.0) * intervals;
        ((1.0 + wait + growth) / self.reading.slack).ln().clamp(-2.0, 3.0)
    }
}
