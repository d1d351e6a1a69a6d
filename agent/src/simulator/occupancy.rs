//! How much of each second is taken: what gauges that are scraped once a second show.

/// Integral of a count over buckets of 1 s, built from the intervals in which each unit is there.
///
/// An interval costs the same however long it is: whole seconds are kept as differences, and summed when time has passed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Occupancy {
    /// Second of the first bucket.
    begin: usize,
    buckets: Vec<Bucket>,
    /// Buckets whose second has passed.
    settled: usize,
    /// Units that fill the bucket after the settled ones, before its own step.
    whole: i32,
}

/// One second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Bucket {
    /// Unit-seconds, once it is settled; before that those of intervals that begin or end in it.
    seconds: f64,
    /// Units that fill it and were not in the bucket before, less those that no longer fill it.
    step: i32,
}

impl Occupancy {
    /// Nothing yet, from this time on, seconds.
    #[must_use]
    pub fn new(begin_s: f64) -> Self {
        Self { begin: begin_s.max(0.0) as usize, ..Self::default() }
    }

    /// One unit from a time to another, seconds; the part before what is settled is lost.
    pub fn add(&mut self, from_s: f64, to_s: f64) {
        let from_s = (from_s - self.begin as f64).max(self.settled as f64);
        let to_s = to_s - self.begin as f64;
        if to_s <= from_s {
            return;
        }
        let (first, last) = (from_s as usize, to_s as usize);
        if self.buckets.len() < last + 2 {
            self.buckets.resize(last + 2, Bucket::default());
        }
        if first == last {
            self.buckets[first].seconds += to_s - from_s;
        } else {
            self.buckets[first].seconds += (first + 1) as f64 - from_s;
            self.buckets[first + 1].step += 1;
            self.buckets[last].seconds += to_s - last as f64;
            self.buckets[last].step -= 1;
        }
    }

    /// Closes the buckets whose second has passed: no interval may begin in them any more.
    pub fn settle(&mut self, now_s: f64) {
        let passed =
            (now_s as usize).saturating_sub(self.begin).clamp(self.settled, self.buckets.len().max(self.settled));
        for bucket in &mut self.buckets[self.settled..passed] {
            self.whole += bucket.step;
            bucket.seconds += f64::from(self.whole);
        }
        self.settled = passed;
    }

    /// Unit-seconds from one whole second to another; those that are not settled count as nothing.
    #[must_use]
    pub fn between(&self, from: usize, to: usize) -> f64 {
        let at = |second: usize| second.saturating_sub(self.begin).min(self.settled);
        self.buckets[at(from)..at(to.max(from))].iter().map(|bucket| bucket.seconds).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_holds_the_share_of_it_that_intervals_cover() {
        let mut occupancy = Occupancy::new(10.0);
        for (from_s, to_s) in [(10.25, 10.5), (10.5, 13.25), (11.0, 12.0), (12.75, 12.75)] {
            occupancy.add(from_s, to_s);
        }
        assert_eq!(occupancy.between(10, 20), 0.0, "nothing has passed");
        occupancy.settle(12.9);
        assert_eq!((occupancy.between(10, 11), occupancy.between(11, 12)), (0.75, 2.0));
        assert_eq!(occupancy.between(12, 13), 0.0, "second 12 has not passed");
        occupancy.add(12.0, 12.5);
        occupancy.settle(14.0);
        let seconds: Vec<f64> = (9..15).map(|second| occupancy.between(second, second + 1)).collect();
        assert_eq!(seconds, [0.0, 0.75, 2.0, 1.5, 0.25, 0.0]);
        assert_eq!(occupancy.between(0, 100), 4.5, "all of it");
        assert_eq!(occupancy.between(12, 10), 0.0, "an empty range");
    }
}
