//! The horizontal axis that all charts of a run share: one place for each check.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use scaler_core::PodStatus;

use super::axis::round_step;

/// Checks closer than this are labelled with seconds.
const SECONDS_MATTER_BELOW: TimeDelta = TimeDelta::seconds(30);

/// Number, time and verdict of each check of a run.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) numbers: Vec<u64>,
    pub(super) times: Vec<DateTime<Utc>>,
    /// Whether the mean response time was above the threshold.
    pub(super) violating: Vec<bool>,
}

/// A labelled place on the axis.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    /// Place of the check, from 0.
    pub(super) place: usize,
    pub(super) number: String,
    pub(super) time: String,
}

impl Timeline {
    pub(super) fn of(status: &PodStatus) -> Self {
        Self {
            numbers: status.checks().map(|(key, _)| key.0).collect(),
            times: status.checks().map(|(_, check)| check.claimed_at()).collect(),
            violating: status.checks().map(|(_, check)| check.violates()).collect(),
        }
    }

    /// Number of checks.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// From the first claim to the last.
    pub(super) fn span(&self) -> TimeDelta {
        match (self.times.first(), self.times.last()) {
            (Some(first), Some(last)) => *last - *first,
            _ => TimeDelta::zero(),
        }
    }

    /// At most about `most` places to label: those with round numbers.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        let most = most.max(1);
        let step = round_step((self.len() as f64 / most as f64).max(1.0)) as u64;
        let round = |place: &usize| self.numbers[*place].is_multiple_of(step);
        let mut places: Vec<usize> = (0..self.len()).filter(round).collect();
        // Numbers with holes between them can all be round, or none.
        if places.is_empty() || places.len() > most + 1 {
            places = (0..self.len()).step_by(self.len().div_ceil(most).max(1)).collect();
        }
        let format = self.time_format();
        places
            .into_iter()
            .map(|place| Tick {
                place,
                number: self.numbers[place].to_string(),
                time: self.times[place].format(format).to_string(),
            })
            .collect()
    }

    /// The shortest notation that tells the labels apart.
    pub(super) fn time_format(&self) -> &'static str {
        let gaps = i32::try_from(self.len().saturating_sub(1)).unwrap_or(i32::MAX);
        if self.span() > TimeDelta::hours(24) {
            "%m-%d %H:%M"
        } else if gaps == 0 || self.span() / gaps < SECONDS_MATTER_BELOW {
            "%H:%M:%S"
        } else {
            "%H:%M"
        }
    }
}

/// Checks side by side that are drawn as one, since there are more of them than places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buckets {
    checks: usize,
    size: usize,
}

impl Buckets {
    /// `checks` in at most `most` buckets of the same size (the last may be smaller).
    pub(super) fn new(checks: usize, most: usize) -> Self {
        Self { checks, size: checks.div_ceil(most.max(1)).max(1) }
    }

    /// The places in each bucket.
    pub(super) fn ranges(self) -> impl Iterator<Item = Range<usize>> {
        (0..self.checks).step_by(self.size).map(move |start| start..(start + self.size).min(self.checks))
    }
}

/// Where a bucket begins and ends on the axis: half a check before its first and behind its last.
pub(super) fn edges(bucket: &Range<usize>) -> (f64, f64) {
    (bucket.start as f64 - 0.5, bucket.end as f64 - 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(numbers: impl IntoIterator<Item = u64>, apart_s: i64) -> Timeline {
        let numbers: Vec<u64> = numbers.into_iter().collect();
        let times = (0..numbers.len() as i64).map(|i| DateTime::UNIX_EPOCH + TimeDelta::seconds(i * apart_s)).collect();
        Timeline { violating: vec![false; numbers.len()], times, numbers }
    }

    fn labels(timeline: &Timeline, most: usize) -> Vec<(String, String)> {
        timeline.ticks(most).into_iter().map(|tick| (tick.number, tick.time)).collect()
    }

    #[test]
    fn round_check_numbers_are_labelled_with_their_time() {
        let pair = |number: &str, time: &str| (number.to_owned(), time.to_owned());
        assert_eq!(
            labels(&timeline(1..=42, 60), 5),
            ["10", "20", "30", "40"].map(|n| {
                let minute: u32 = n.parse::<u32>().unwrap() - 1;
                pair(n, &format!("00:{minute:02}"))
            })
        );
        assert_eq!(labels(&timeline(7..=7, 60), 5), [pair("7", "00:00:00")], "one check");
        assert_eq!(labels(&timeline(1..=3, 3), 9)[2], pair("3", "00:00:06"), "checks every 3 s");
        assert_eq!(labels(&timeline([5, 1_000_001], 60), 9), [pair("5", "00:00"), pair("1000001", "00:01")]);
        assert_eq!(labels(&timeline([], 60), 9), []);
    }

    #[test]
    fn labels_never_crowd_whatever_the_numbers() {
        for (name, numbers) in [
            ("all round", (1..500).map(|i| i * 1000).collect::<Vec<u64>>()),
            ("none round", (1..500).map(|i| i * 1000 + 1).collect()),
            ("rolled", (123_456..124_000).collect()),
        ] {
            let ticks = timeline(numbers, 60).ticks(8);
            assert!((1..=9).contains(&ticks.len()), "{name}: {}", ticks.len());
        }
    }

    #[test]
    fn buckets_hold_each_check_once() {
        for (checks, most) in [(0, 10), (1, 10), (10, 10), (11, 10), (10_000, 560), (7, 1)] {
            let ranges: Vec<_> = Buckets::new(checks, most).ranges().collect();
            assert!(ranges.len() <= most, "{checks} in {most}");
            assert_eq!(ranges.into_iter().flatten().collect::<Vec<_>>(), (0..checks).collect::<Vec<_>>());
        }
    }
}
