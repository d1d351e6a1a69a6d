//! A distribution of required pods, and what it says of a replica count.

use super::{LOAD_OFFSET, MOST_LOG};

/// Levels of the quantiles.
pub const LEVELS: [f64; 8] = [0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999];
/// Numbers that a state gets of it.
pub const STATE_NUMBERS: usize = 4;
/// Their names, in order.
pub const STATE_NUMBER_NAMES: [&str; STATE_NUMBERS] = [
    "ln(median of required pods / (load + 0.3))",
    "ln(90 % quantile of required pods / median)",
    "ln(98 % quantile of required pods / median)",
    "98 % quantile of required pods / max",
];
/// Numbers that a candidate gets of it.
pub const ACTION_NUMBERS: usize = 5;

/// Quantiles whose distance to a candidate is told, as indexes of [`LEVELS`].
const COMPARED: [usize; 4] = [0, 2, 4, 6];
/// Least difference of the logarithms of two quantiles, for slopes.
const LEAST_STEP: f64 = 0.02;
/// `-ln` of the smallest chance that is told.
const MOST_SURPRISE: f64 = 8.0;

/// Quantiles at [`LEVELS`], ascending.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiles {
    /// `ln(pods / (load + 0.3))`
    logs: [f64; LEVELS.len()],
    offset_load: f64,
}

impl Quantiles {
    /// Of the networks' answers at a load in erlangs: a quantile is never below one of a lower level.
    #[must_use]
    pub fn new(load: f64, logs: &[f64; LEVELS.len()]) -> Self {
        let mut ascending = *logs;
        let mut highest = f64::NEG_INFINITY;
        for log in &mut ascending {
            highest = highest.max(log.clamp(-MOST_LOG, MOST_LOG));
            *log = highest;
        }
        Self { logs: ascending, offset_load: load + LOAD_OFFSET }
    }

    /// Pods at a level, not rounded; between two levels on a straight line, outside of them the nearest.
    #[must_use]
    pub fn pods(&self, level: f64) -> f64 {
        let above = LEVELS.partition_point(|at| *at < level).min(LEVELS.len() - 1);
        let below = above.saturating_sub(1);
        let width = LEVELS[above] - LEVELS[below];
        let share = if width > 0.0 { ((level - LEVELS[below]) / width).clamp(0.0, 1.0) } else { 0.0 };
        self.offset_load * (self.logs[below] + share * (self.logs[above] - self.logs[below])).exp()
    }

    /// Chance that `n` pods are too few.
    #[must_use]
    pub fn shortfall(&self, n: u32) -> f64 {
        (-self.surprise(n)).exp()
    }

    /// `-ln` of that chance, 0 to 8: straight lines between the levels, and on.
    fn surprise(&self, n: u32) -> f64 {
        let log = (f64::from(n.max(1)) / self.offset_load).ln();
        let above = self.logs.partition_point(|at| *at < log).clamp(1, LEVELS.len() - 1);
        let below = above - 1;
        let at = |index: usize| -(1.0 - LEVELS[index]).ln();
        let step = (self.logs[above] - self.logs[below]).max(LEAST_STEP);
        let slope = (at(above) - at(below)) / step;
        // From the nearer end, so that a step below the least one leaves no jump.
        let surprise = if log > self.logs[above] {
            at(above) + slope * (log - self.logs[above])
        } else {
            (at(below) + slope * (log - self.logs[below])).min(at(above))
        };
        surprise.clamp(0.0, MOST_SURPRISE)
    }

    /// What a network is told of it beside the state.
    #[must_use]
    pub fn state_numbers(&self, max_replicas: u32) -> [f32; STATE_NUMBERS] {
        let [median, high, higher] = [0, 2, 4].map(|index| self.logs[index]);
        let share = self.offset_load * higher.exp() / f64::from(max_replicas.max(1));
        [median, high - median, higher - median, share.min(4.0)].map(|x| x as f32)
    }

    /// What a network is told of it beside a candidate: `ln(n / quantile)` at 50, 90, 98 and 99.5 %, within +-1.5, and a
    /// third of `-ln P(n is too few)`.
    #[must_use]
    pub fn action_numbers(&self, n: u32) -> [f32; ACTION_NUMBERS] {
        let log = (f64::from(n.max(1)) / self.offset_load).ln();
        std::array::from_fn(|i| match COMPARED.get(i) {
            Some(index) => (log - self.logs[*index]).clamp(-1.5, 1.5) as f32,
            None => (self.surprise(n) / 3.0) as f32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(pods: [f64; 8], load: f64) -> [f64; 8] {
        pods.map(|pods: f64| (pods / (load + 0.3)).ln())
    }

    #[test]
    fn quantiles_are_read_between_their_levels_and_never_fall() {
        let quantiles = Quantiles::new(1.7, &logs([2.0, 4.0, 3.0, 5.0, 6.0, 7.0, 8.0, 9.0], 1.7));
        for (level, pods) in [(0.1, 2.0), (0.5, 2.0), (0.75, 4.0), (0.9, 4.0), (0.98, 6.0), (0.999, 9.0), (1.0, 9.0)] {
            assert!((quantiles.pods(level) - pods).abs() < 1e-9, "{level}: {}", quantiles.pods(level));
        }
        let between = quantiles.pods(0.625);
        assert!((between - 8.0_f64.sqrt()).abs() < 1e-9, "the geometric mean of 2 and 4, not {between}");
    }

    #[test]
    fn a_count_at_a_quantile_falls_short_with_the_rest_of_its_level() {
        let quantiles = Quantiles::new(0.7, &logs([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 0.7));
        for (n, chance) in [(1, 0.5), (2, 0.25), (3, 0.1), (4, 0.05), (5, 0.02), (6, 0.01), (7, 0.005), (8, 0.001)] {
            assert!((quantiles.shortfall(n) / chance - 1.0).abs() < 1e-9, "{n}: {}", quantiles.shortfall(n));
        }
        let ascending = (1..40).map(|n| quantiles.shortfall(n)).collect::<Vec<_>>();
        assert!(ascending.is_sorted_by(|a, b| a >= b), "{ascending:?}");
        assert!(quantiles.shortfall(1000) >= (-MOST_SURPRISE).exp());
        let equal = Quantiles::new(0.7, &logs([3.0; 8], 0.7));
        assert!(equal.shortfall(2) > 0.9 && equal.shortfall(4) < 0.01, "a certain number is a step");
    }
}
