//! Seeded random numbers that can be split by name: the same on every machine, in every order of use.
//!
//! Every random quantity of an episode has a stream of its own (arrivals, service times, start-up delays, ...), so that
//! a change of one never shifts another, and every policy meets the same arrivals (common random numbers).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma, StandardNormal};
use sha2::{Digest, Sha256};

/// A stream of random numbers, named by a seed, a word and an index.
///
/// Its key is `SHA-256(seed, name, index)`, its generator ChaCha8: streams of different names are independent for all
/// that can be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    key: [u8; 32],
    generator: ChaCha8Rng,
}

impl Stream {
    /// The stream `name[index]` of `seed`.
    #[must_use]
    pub fn new(seed: u64, name: &str, index: u64) -> Self {
        Self::derive(&seed.to_le_bytes(), name, index)
    }

    /// A child stream; which one does not depend on how much was drawn from its parent.
    #[must_use]
    pub fn split(&self, name: &str, index: u64) -> Self {
        Self::derive(&self.key, name, index)
    }

    fn derive(parent: &[u8], name: &str, index: u64) -> Self {
        // The length stands before the name: no two triples have the same bytes.
        let hash = Sha256::new()
            .chain_update((parent.len() as u64).to_le_bytes())
            .chain_update(parent)
            .chain_update((name.len() as u64).to_le_bytes())
            .chain_update(name.as_bytes())
            .chain_update(index.to_le_bytes())
            .finalize();
        let key: [u8; 32] = hash.into();
        Self { key, generator: ChaCha8Rng::from_seed(key) }
    }

    /// Uniform in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        self.generator.random()
    }

    /// Uniform in `[low, high)`; `low` when the range is empty.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// `exp` of a uniform: each factor of two is as likely as the next. `0 < low <= high`.
    pub fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        (low.ln() + (high / low).ln() * self.uniform()).exp()
    }

    /// Uniform integer in `low..=high`; `low` when `high < low`.
    pub fn integer(&mut self, low: u32, high: u32) -> u32 {
        if high <= low { low } else { self.generator.random_range(low..=high) }
    }

    /// `true` with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// One of the items, each as likely; `None` of none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let last = u32::try_from(items.len().checked_sub(1)?).unwrap_or(u32::MAX);
        items.get(self.integer(0, last) as usize)
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        let unit: f64 = Exp1.sample(&mut self.generator);
        mean * unit
    }

    /// Normal with mean 0 and standard deviation 1.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.generator)
    }

    /// Gamma with this mean and variance; the mean itself when either is not above 0.
    pub fn gamma(&mut self, mean: f64, variance: f64) -> f64 {
        match Gamma::new(mean * mean / variance, variance / mean) {
            Ok(distribution) if mean > 0.0 && variance > 0.0 => distribution.sample(&mut self.generator),
            _ => mean,
        }
    }

    /// Puts the items in a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.integer(0, u32::try_from(i).unwrap_or(u32::MAX)) as usize;
            items.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_same_on_every_machine() {
        let mut stream = Stream::new(7, "arrivals", 0);
        let drawn: Vec<u32> = (0..3).map(|_| stream.integer(0, 999_999)).collect();
        assert_eq!(drawn, [439_150, 303_148, 595_587], "ChaCha8 keyed with SHA-256 is defined bit by bit");
    }

    #[test]
    fn streams_differ_by_seed_name_and_index_and_do_not_depend_on_what_was_drawn_before() {
        let mut parent = Stream::new(1, "a", 0);
        let before = parent.split("child", 3).uniform();
        parent.uniform();
        assert_eq!(before, parent.split("child", 3).uniform(), "a child does not depend on its parent's position");
        let first = |mut stream: Stream| stream.uniform();
        let all = [
            first(Stream::new(1, "a", 0)),
            first(Stream::new(2, "a", 0)),
            first(Stream::new(1, "b", 0)),
            first(Stream::new(1, "a", 1)),
            before,
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                assert_ne!(a, b, "{all:?}");
            }
        }
    }

    #[test]
    fn distributions_have_the_moments_they_promise() {
        type Draw = fn(&mut Stream) -> f64;
        let table: [(&str, Draw, f64, f64); 5] = [
            ("uniform", Stream::uniform, 0.5, (1.0_f64 / 12.0).sqrt()),
            ("exponential", |s| s.exponential(2.0), 2.0, 2.0),
            ("normal", Stream::normal, 0.0, 1.0),
            ("gamma", |s| s.gamma(4.0, 2.0), 4.0, 2.0_f64.sqrt()),
            ("integer", |s| f64::from(s.integer(1, 6)), 3.5, (35.0_f64 / 12.0).sqrt()),
        ];
        for (name, draw, mean, deviation) in table {
            let mut stream = Stream::new(11, name, 0);
            let n = 200_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..n {
                let x = draw(&mut stream);
                sum += x;
                squares += x * x;
            }
            let m = sum / f64::from(n);
            let d = (squares / f64::from(n) - m * m).sqrt();
            assert!((m - mean).abs() < 0.02 * deviation, "{name}: mean {m}, not {mean}");
            assert!((d / deviation - 1.0).abs() < 0.03, "{name}: deviation {d}, not {deviation}");
        }
    }

    #[test]
    fn degenerate_parameters_give_the_mean_and_empty_lists_give_nothing() {
        let mut stream = Stream::new(1, "edge", 0);
        assert_eq!(stream.gamma(2.0, 0.0), 2.0);
        assert_eq!(stream.integer(5, 4), 5);
        assert_eq!(stream.pick::<u32>(&[]), None);
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        Stream::new(3, "shuffle", 0).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
