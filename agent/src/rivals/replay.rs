//! What was lived through, and n-step transitions drawn from it.

use std::collections::VecDeque;

use super::environment::Row;
use super::sight::SharedSeen;
use crate::rng::Stream;

/// A memory of the newest moments of each lane.
#[derive(Debug)]
pub struct Replay {
    lanes: Vec<VecDeque<Row>>,
    capacity: usize,
}

/// From a moment to one some checks later.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// What was seen.
    pub seen: SharedSeen,
    /// Which of its counts was ordered.
    pub chosen: usize,
    /// `r_0 + gamma r_1 + ...` of the checks between.
    pub reward: f64,
    /// `gamma^k`: what the value of the later moment counts. Never 0: the end of an episode is no terminal state.
    pub discount: f64,
    /// What was seen then.
    pub then: SharedSeen,
}

impl Replay {
    /// An empty memory of so many moments in all.
    #[must_use]
    pub fn new(lanes: usize, moments: usize) -> Self {
        Self { lanes: vec![VecDeque::new(); lanes], capacity: (moments / lanes.max(1)).max(2) }
    }

    /// Adds a moment of each lane.
    pub fn push(&mut self, rows: Vec<Row>) {
        for (lane, row) in self.lanes.iter_mut().zip(rows) {
            if lane.len() == self.capacity {
                lane.pop_front();
            }
            lane.push_back(row);
        }
    }

    /// So many transitions of up to `steps` checks, each moment as likely. A moment without `steps` later ones, of this
    /// episode or at its end, is drawn again.
    #[must_use]
    pub fn draw(&self, count: usize, steps: usize, discount: f64, stream: &mut Stream) -> Vec<Transition> {
        let mut drawn = Vec::with_capacity(count);
        let longest = self.lanes.iter().map(VecDeque::len).max().unwrap_or(0);
        if longest <= steps + 1 {
            return drawn;
        }
        while drawn.len() < count {
            let lane = &self.lanes[stream.integer(0, self.lanes.len() as u32 - 1) as usize];
            let from = stream.integer(0, lane.len().saturating_sub(1) as u32) as usize;
            drawn.extend(transition(lane, from, steps, discount));
        }
        drawn
    }
}

fn transition(lane: &VecDeque<Row>, from: usize, steps: usize, discount: f64) -> Option<Transition> {
    let first = lane.get(from).filter(|row| !row.ends)?;
    let (mut reward, mut weight) = (0.0, 1.0);
    let mut at = from;
    while at < from + steps && !lane.get(at)?.ends {
        reward += weight * lane[at].reward;
        weight *= discount;
        at += 1;
    }
    let then = SharedSeen::clone(&lane.get(at)?.seen);
    Some(Transition { seen: SharedSeen::clone(&first.seen), chosen: first.chosen, reward, discount: weight, then })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rivals::sight::{SLOTS, Seen};

    fn row(name: f32, reward: f64, ends: bool) -> Row {
        let seen = Seen { state: vec![name], actions: Vec::new(), counts: vec![1], slots: [0; SLOTS] };
        Row { seen: SharedSeen::new(seen), chosen: 0, reward, ends }
    }

    #[test]
    fn a_transition_sums_discounted_rewards_and_stops_at_the_end_of_the_episode() {
        let lane: VecDeque<Row> = [
            row(0.0, -1.0, false),
            row(1.0, -2.0, false),
            row(2.0, -4.0, false),
            row(3.0, 0.0, true),
            row(4.0, -8.0, false),
        ]
        .into();
        // From 0, three steps: -1 - 2 / 2 - 4 / 4, then 1/8 of what is worth to stand at the end.
        // From 1 the episode has two more checks: -2 - 4 / 2, then 1/4 of the same.
        for (from, reward, weight) in [(0, -3.0, 0.125), (1, -4.0, 0.25), (2, -4.0, 0.5)] {
            let found = transition(&lane, from, 3, 0.5).unwrap();
            assert_eq!((found.reward, found.discount, found.then.state[0]), (reward, weight, 3.0), "from {from}");
        }
        assert_eq!(transition(&lane, 3, 3, 0.5), None, "nothing was ordered at the end");
        assert_eq!(transition(&lane, 4, 3, 0.5), None, "what came is not known yet");
    }

    #[test]
    fn the_oldest_moments_are_forgotten() {
        let mut replay = Replay::new(2, 8);
        for tick in 0..10 {
            replay.push(vec![row(tick as f32, -1.0, false), row(tick as f32, -1.0, false)]);
        }
        assert_eq!(replay.lanes.iter().map(VecDeque::len).sum::<usize>(), 8);
        let drawn = replay.draw(100, 2, 1.0, &mut Stream::new(1, "draw", 0));
        let seen: std::collections::BTreeSet<u32> = drawn.iter().map(|drawn| drawn.seen.state[0] as u32).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [6, 7]);
    }
}
