//! Sums that do not depend on the order of what is summed.

use scaler_core::{PodSums, RequestTimes};

/// A sum of numbers as a whole number of 2^-80: whole numbers add up to the same in any order, those of `f64` do not.
///
/// Each number is cut below 2^-80 (8e-25), and the sum ends at 2^47 (1.4e14): both far beyond what a time of a request may be.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct ExactSum(i128);

/// `ExactSum` counts in parts of 1 / this.
const PARTS: f64 = (1_u128 << 80) as f64;

impl ExactSum {
    fn add(&mut self, x: f64) {
        // A product with a power of two has no error, and the cast saturates.
        self.merge(Self((x * PARTS) as i128));
    }

    fn merge(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }

    fn value(self) -> f64 {
        self.0 as f64 / PARTS
    }
}

/// [`PodSums`] of records that are read in any order, by several threads.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct ExactPodSums {
    count: u64,
    service_s: ExactSum,
    response_s: ExactSum,
    relative_wait: ExactSum,
}

impl ExactPodSums {
    /// Counts one request.
    pub(super) fn add(&mut self, times: RequestTimes) {
        self.count += 1;
        self.service_s.add(times.service_time_s);
        self.response_s.add(times.response_time_s);
        self.relative_wait.add(times.relative_wait());
    }

    /// Counts all that another has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.service_s.merge(other.service_s);
        self.response_s.merge(other.response_s);
        self.relative_wait.merge(other.relative_wait);
    }

    /// Rounded once, at the end.
    pub(super) fn rounded(&self) -> PodSums {
        let Self { count, service_s, response_s, relative_wait } = self;
        PodSums::of_counters(*count, service_s.value(), response_s.value(), relative_wait.value())
    }
}

#[cfg(test)]
mod tests {
    use scaler_core::WindowMetrics;

    use super::*;

    fn sum(numbers: impl IntoIterator<Item = f64>) -> f64 {
        let mut sum = ExactSum::default();
        numbers.into_iter().for_each(|x| sum.add(x));
        sum.value()
    }

    #[test]
    fn the_order_is_without_effect_and_the_sum_is_the_nearest_number() {
        // As f64, one by one from the left, the small ones are lost.
        let numbers = [1e14, 1e-3, 1e-3, 1e-3, 3e-24];
        assert_eq!(sum(numbers), 1e14 + 3e-3);
        assert_eq!(sum(numbers.into_iter().rev()), sum(numbers));
        assert_eq!(sum([0.1; 10]), 1.0, "as f64 it would be 0.9999999999999999");
        assert_eq!(sum([]), 0.0);
    }

    #[test]
    fn beyond_its_range_a_sum_stays_at_the_end_of_it() {
        let end = (1_u64 << 47) as f64;
        assert_eq!([sum([1e300]), sum([end, end]), sum([f64::INFINITY])], [end; 3]);
    }

    #[test]
    fn parts_that_are_merged_are_the_whole() {
        let times = |n: u32| RequestTimes {
            service_time_s: 0.1 + f64::from(n) / 7.0,
            response_time_s: 0.3 + f64::from(n) / 3.0,
        };
        let sums = |numbers: &[u32]| {
            let mut sums = ExactPodSums::default();
            numbers.iter().for_each(|n| sums.add(times(*n)));
            sums
        };
        let mut merged = sums(&[4, 1]);
        merged.merge(&sums(&[3, 0, 2]));
        assert_eq!(merged, sums(&[0, 1, 2, 3, 4]));
        let mut expected = PodSums::default();
        (0..5).for_each(|n| expected.add_times(times(n).service_time_s, times(n).response_time_s));
        let figures = |sums: &PodSums| {
            let metrics = WindowMetrics::from_pods([sums], 1.0);
            [metrics.avg_service_time_s, metrics.avg_response_time_s, metrics.queue_length_dominant]
        };
        assert_eq!(merged.rounded().count(), 5);
        for (found, expected) in figures(&merged.rounded()).into_iter().zip(figures(&expected)) {
            assert!((found / expected - 1.0).abs() < 1e-14, "{found} {expected}");
        }
    }
}
