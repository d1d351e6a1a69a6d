//! When a request came in, and how long ago its client sent it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// One request's arrival.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    at: DateTime<Utc>,
    /// Age of the ingress' stamp on arrival; zero without one.
    age: Duration,
    since: Instant,
}

impl Arrival {
    /// Names the request in its record: unique in this process, UTC, microseconds.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Time since the ingress' stamp, or since the arrival where there is none.
    ///
    /// After the arrival the monotonic clock counts: a clock that is set meanwhile does no harm.
    #[must_use]
    pub fn response_time(&self) -> Duration {
        self.age + self.since.elapsed()
    }
}

/// Stamps arrivals so that no two are the same: they are file names.
#[derive(Debug)]
pub struct Arrivals {
    last_micros: AtomicI64,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { last_micros: AtomicI64::new(i64::MIN) }
    }
}

impl Arrivals {
    /// The arrival at `now` of a request that the ingress stamped at `stamp`.
    ///
    /// A second one in the same microsecond, or behind a clock that was set back, moves to the next free microsecond.
    #[must_use]
    pub fn arrive(&self, now: DateTime<Utc>, stamp: Option<DateTime<Utc>>) -> Arrival {
        let since = Instant::now();
        let age = stamp.and_then(|stamp| (now - stamp).to_std().ok()).unwrap_or_default();
        let micros = now.timestamp_micros();
        let next = |last: i64| micros.max(last.saturating_add(1));
        let last = self.last_micros.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        let (Ok(last) | Err(last)) = last;
        Arrival { at: DateTime::from_timestamp_micros(next(last)).unwrap_or(now), age, since }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn two_in_one_microsecond_get_two_names() {
        let arrivals = Arrivals::default();
        let now = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
        let back = now - TimeDelta::seconds(5);
        let micros: Vec<i64> = [now, now, back, now + TimeDelta::seconds(1)]
            .map(|now| arrivals.arrive(now, None).at().timestamp_micros() - 1_700_000_000_123_456)
            .to_vec();
        assert_eq!(micros, [0, 1, 2, 1_000_000]);
    }

    #[test]
    fn threads_never_share_a_name() {
        let (arrivals, now) = (Arrivals::default(), Utc::now());
        let names: Vec<DateTime<Utc>> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1000).map(|_| arrivals.arrive(now, None).at()).collect::<Vec<_>>()))
                .collect();
            all.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 4000);
    }

    #[test]
    fn response_time_counts_from_the_stamp() {
        let now = Utc::now();
        let stamped = Arrivals::default().arrive(now, Some(now - TimeDelta::milliseconds(250)));
        assert!(stamped.response_time() >= Duration::from_millis(250));
        let ahead = Arrivals::default().arrive(now, Some(now + TimeDelta::seconds(900)));
        assert!(ahead.response_time() < Duration::from_secs(900));
    }
}
