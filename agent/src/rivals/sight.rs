//! What a rival sees when an order is due: a state, and the counts that it may order.

use std::sync::Arc;

use crate::features::{ACTION_FEATURES, STATE_FEATURES, Situation};
use crate::learned::guard;

/// Multiples of the load and the backlog, from nearly saturated to asleep: a textbook agent has no forecast to lay finer
/// ones around.
const MULTIPLES: [f64; 7] = [1.05, 1.25, 1.5, 1.8, 2.2, 2.8, 3.6];
/// The multiples, what is ordered and its neighbours, the fewest and the most.
pub const SLOTS: usize = MULTIPLES.len() + 5;
/// Numbers of a state: its features, and the logarithm of the price.
pub const STATE_NUMBERS: usize = STATE_FEATURES + 1;

/// A state and its candidates as features.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// The state's features.
    pub state: [f32; STATE_FEATURES],
    /// Price of a violation, in full clusters for one check.
    pub price: f64,
    /// Counts that may be ordered, ascending, each once; at least one.
    pub counts: Vec<u32>,
    /// Each count's features.
    pub actions: Vec<[f32; ACTION_FEATURES]>,
    /// Where each slot's count stands among the counts: several may share one.
    pub slots: [usize; SLOTS],
}

impl Sight {
    /// Of a situation. What the guards would change is changed here, so that an agent learns with them.
    #[must_use]
    pub fn new(situation: &Situation, price: f64) -> Self {
        let (need, ordered, reading) = (situation.need(), situation.ordered(), situation.reading());
        let mut wishes = [ordered; SLOTS];
        for (wish, multiple) in wishes.iter_mut().zip(MULTIPLES) {
            *wish = reading.replicas(multiple * need);
        }
        let others = [ordered.saturating_sub(1), ordered, ordered.saturating_add(1), reading.min, reading.max];
        wishes[MULTIPLES.len()..].copy_from_slice(&others);
        let allowed = wishes.map(|wish| guard(situation, wish.clamp(reading.min, reading.max)).0);
        let mut counts = allowed.to_vec();
        counts.sort_unstable();
        counts.dedup();
        Self {
            state: *situation.state(),
            price,
            actions: counts.iter().map(|count| situation.action(*count)).collect(),
            slots: allowed.map(|count| counts.partition_point(|other| *other < count)),
            counts,
        }
    }
}

/// A sight as the networks want it: normalised.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// [`STATE_NUMBERS`].
    pub state: Vec<f32>,
    /// [`ACTION_FEATURES`] of each count, one behind the other.
    pub actions: Vec<f32>,
    /// The counts.
    pub counts: Vec<u32>,
    /// See [`Sight::slots`].
    pub slots: [usize; SLOTS],
}

/// Shared by what acts, remembers and learns.
pub type SharedSeen = Arc<Seen>;

#[cfg(test)]
mod tests {
    use scaler_core::ActionRequest;

    use super::*;
    use crate::simulator::{Episode, Scenario, Simulation};

    #[test]
    fn counts_are_within_the_bounds_each_once_and_every_slot_finds_its_own() {
        let mut simulation = Simulation::new(Arc::new(Episode::draw(Scenario::demo_sinusoid(), 3).unwrap()));
        let mut request = ActionRequest::bare(simulation.observation());
        for check in 0..20 {
            simulation.write_request(&mut request);
            let situation = Situation::new(&request);
            let sight = Sight::new(&situation, 3.0);
            assert!(sight.counts.is_sorted_by(|a, b| a < b), "check {check}: {:?}", sight.counts);
            assert_eq!(sight.counts.last(), Some(&situation.reading().max));
            assert_eq!(sight.counts[sight.slots[MULTIPLES.len() + 1]], situation.ordered(), "check {check}: hold");
            if situation.pressure() > 1.0 {
                assert_eq!(sight.counts[0], situation.ordered(), "check {check}: the guard allows no scale-in");
            }
            simulation.step(1 + check % 5);
        }
    }
}
