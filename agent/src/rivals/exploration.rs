//! Sticky random orders: one kind of candidate for a few checks. A single random order tells nothing about a start-up
//! that lasts longer than a check.

use super::sight::{SLOTS, SharedSeen};
use crate::rng::Stream;

/// Mean length of a block of 1 to 4 checks.
const MEAN_LENGTH: f64 = 2.5;

/// Exploration in every lane.
#[derive(Debug)]
pub struct Exploration {
    lanes: Vec<Block>,
    stream: Stream,
}

#[derive(Debug, Clone, Copy, Default)]
struct Block {
    slot: usize,
    left: u32,
}

impl Exploration {
    /// Without a block in any lane.
    #[must_use]
    pub fn new(lanes: usize, stream: &Stream) -> Self {
        Self { lanes: vec![Block::default(); lanes], stream: stream.split("exploration", 0) }
    }

    /// Replaces a share of the choices.
    pub fn explore(&mut self, share: f64, seen: &[SharedSeen], choices: &mut [usize]) {
        // So often a block begins in a lane without one that this share of all checks lies in blocks.
        let rate = share / (share + MEAN_LENGTH * (1.0 - share)).max(f64::MIN_POSITIVE);
        for ((block, seen), choice) in self.lanes.iter_mut().zip(seen).zip(choices) {
            if block.left == 0 && self.stream.chance(rate) {
                *block =
                    Block { slot: self.stream.integer(0, SLOTS as u32 - 1) as usize, left: self.stream.integer(1, 4) };
            }
            if block.left > 0 {
                block.left -= 1;
                *choice = seen.slots[block.slot];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rivals::sight::Seen;

    #[test]
    fn the_share_of_random_choices_is_the_one_that_is_asked_for() {
        let seen = Seen { state: Vec::new(), actions: Vec::new(), counts: vec![1, 2], slots: [1; SLOTS] };
        let seen = [SharedSeen::new(seen)];
        for share in [0.0, 0.05, 0.5, 1.0] {
            let mut exploration = Exploration::new(1, &Stream::new(1, "exploration", 0));
            let mut random = 0;
            for _ in 0..20_000 {
                let mut choices = [0];
                exploration.explore(share, &seen, &mut choices);
                random += choices[0];
            }
            let found = random as f64 / 20_000.0;
            assert!((found - share).abs() < 0.02, "{found}, not {share}");
        }
    }
}
