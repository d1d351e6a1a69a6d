//! A candidate replica count as numbers, in a situation.

use super::{LONG_WINDOW, Situation, WINDOW, log_ratio};

/// Numbers per candidate.
pub const ACTION_FEATURES: usize = 17;

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
    "expected ln(pressure) at load + trend + backlog, as queues are here",
    "expected ln(pressure) at the highest load of 8 checks, as queues are here",
    "ln(serving pods / (load + trend + backlog))",
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
        let soon = self.soon();
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
            self.expected_log_pressure(load, pods, 1.0),
            self.expected_log_pressure(soon, pods, 1.0),
            self.expected_log_pressure(high_8, pods, 1.0),
            self.expected_log_pressure(soon, pods, self.queueing),
            self.expected_log_pressure(high_8, pods, self.queueing),
            log_ratio(self.serving(pods), soon),
        ]
        .map(|x| x as f32)
    }
}
