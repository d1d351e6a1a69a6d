//! Means that bear outliers, and how far they can be trusted.

use serde::Serialize;

use crate::rng::Stream;

/// Resamples of an interval.
const RESAMPLES: u64 = 2000;

/// An estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    /// Of the sample itself.
    pub estimate: f64,
    /// 2.5 % quantile of the resamples.
    pub low: f64,
    /// 97.5 % quantile.
    pub high: f64,
}

/// Interquartile mean: of the middle half, with weights where its ends fall into an item; not a number of none.
#[must_use]
pub fn interquartile_mean(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let (low, high) = (count / 4.0, 3.0 * count / 4.0);
    let weight = |index: usize| ((index as f64 + 1.0).min(high) - (index as f64).max(low)).max(0.0);
    sorted.iter().enumerate().map(|(index, value)| weight(index) * value).sum::<f64>() / (high - low)
}

/// Stratified bootstrap of several statistics at once: within each stratum as many units are drawn, with replacement, as
/// it has.
///
/// The statistics get the units drawn; `None` where one does not exist. An interval is of the resamples in which its
/// statistic does, and `None` when it does not for the sample itself or for more than half of the resamples.
#[must_use]
pub fn intervals(
    strata: &[Vec<usize>],
    seed: u64,
    statistics: impl Fn(&[usize]) -> Vec<Option<f64>>,
) -> Vec<Option<Interval>> {
    let all: Vec<usize> = strata.iter().flatten().copied().collect();
    let estimates = statistics(&all);
    let mut found: Vec<Vec<f64>> = vec![Vec::new(); estimates.len()];
    let mut drawn = Vec::with_capacity(all.len());
    for resample in 0..RESAMPLES {
        let mut stream = Stream::new(seed, "bootstrap", resample);
        drawn.clear();
        for units in strata {
            drawn.extend(units.iter().filter_map(|_| stream.pick(units)));
        }
        for (found, value) in found.iter_mut().zip(statistics(&drawn)) {
            found.extend(value);
        }
    }
    let interval = |(estimate, mut found): (Option<f64>, Vec<f64>)| {
        found.sort_by(f64::total_cmp);
        let at = |share: f64| found.get(((share * found.len() as f64) as usize).min(found.len().saturating_sub(1)));
        let known = found.len() >= RESAMPLES as usize / 2;
        Some(Interval { estimate: estimate?, low: *at(0.025)?, high: *at(0.975)? }).filter(|_| known)
    };
    estimates.into_iter().zip(found).map(interval).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interquartile_mean_leaves_the_outer_quarters_out() {
        let table: [(&[f64], f64); 4] = [
            (&[1.0, 2.0, 3.0, 100.0], 2.5),
            (&[7.0], 7.0),
            (&[5.0, 1.0], 3.0),
            // Middle 2.5 of 5: 0.75 of the 2nd, all of the 3rd, 0.75 of the 4th.
            (&[0.0, 1.0, 2.0, 4.0, 99.0], (0.75 + 2.0 + 3.0) / 2.5),
        ];
        for (values, expected) in table {
            assert!((interquartile_mean(values) - expected).abs() < 1e-12, "{values:?}");
        }
    }

    #[test]
    fn an_interval_of_a_mean_is_as_wide_as_theory_says_and_strata_are_kept() {
        let mut stream = Stream::new(3, "sample", 0);
        let values: Vec<f64> = (0..200).map(|index| if index < 100 { 10.0 } else { 0.0 } + stream.normal()).collect();
        let strata = [(0..100).collect::<Vec<_>>(), (100..200).collect()];
        let mean = |units: &[usize]| {
            vec![Some(units.iter().map(|unit| values[*unit]).sum::<f64>() / units.len() as f64), None]
        };
        let found = intervals(&strata, 1, mean);
        assert_eq!(found, intervals(&strata, 1, mean), "the same seed, the same interval");
        assert_eq!(found[1], None, "what does not exist has no interval");
        let found = found[0].unwrap();
        // Standard error 1 / sqrt(200) = 0.071; without strata it would be 0.36.
        let width = found.high - found.low;
        assert!(found.low < found.estimate && found.estimate < found.high && (width - 0.277).abs() < 0.05, "{found:?}");
    }
}
