//! Response times of millions of requests in a few kilobytes.

/// Shortest time that is told apart, seconds.
const LEAST_S: f64 = 1e-4;
/// Width of a bin: a factor of 1.01.
const STEP: f64 = 0.01;
/// Bins up to more than 10,000 s.
const BINS: usize = 1900;

/// Counts in bins of 1 %.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BINS] }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, time_s: f64) {
        let bin = ((time_s / LEAST_S).ln() / STEP).max(0.0) as usize;
        self.counts[bin.min(BINS - 1)] += 1;
    }

    /// Counts all of another.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }

    /// The time that this share of all is not above, seconds, within 1 %; 0 of none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let mut left = (share * total as f64).ceil().max(1.0) as u64;
        for (bin, &count) in self.counts.iter().enumerate() {
            if count >= left {
                return LEAST_S * ((bin as f64 + 0.5) * STEP).exp();
            }
            left -= count;
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_a_percent_also_after_a_merge() {
        let (mut even, mut odd) = (Histogram::default(), Histogram::default());
        assert_eq!(even.quantile(0.5), 0.0, "of none");
        (1..=1000).for_each(|i| if i % 2 == 0 { &mut even } else { &mut odd }.add(f64::from(i) / 1000.0));
        even.merge(&odd);
        for (share, expected) in [(0.5, 0.5), (0.95, 0.95), (0.99, 0.99), (1.0, 1.0)] {
            let found = even.quantile(share);
            assert!((found / expected - 1.0).abs() < 0.01, "{share}: {found}");
        }
        even.add(1e9);
        assert!(even.quantile(1.0) > 10_000.0, "what is far too long counts as the longest");
    }
}
