//! Settings that rivals get for the load at hand, from the simulator: a rival that is badly set is no rival.

use std::sync::Arc;

use agent::checkpoint::{Checkpoint, CheckpointError};
use agent::learned::Learned;
use agent::policy::Policy;
use agent::rules::{Calibrated, Threshold};
use agent::simulator::{Episode, Scenario, run};

use crate::choice::Choice;

/// Other draws of the same load that the threshold rule is tuned on: not the one that is played.
const DRAWS: std::ops::RangeInclusive<u64> = 1..=2;
/// Places for the two thresholds, as shares of the way from the pressure of an idle pod to the SLO.
const PLACES: [f64; 7] = [0.05, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0];
/// A load of more requests is not simulated many times over: the rule keeps its defaults.
const MAX_REQUESTS: usize = 200_000;

/// What rivals are set to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Replicas of a static rival that was given none: mean pods of the main policy in a simulation of the very
    /// arrivals, rounded to whole ones. So it costs about the same.
    pub static_count: u32,
    /// The threshold rule with the least objective at the price, in simulations of other draws of the load.
    pub threshold: Threshold,
}

impl Tuning {
    /// Simulates.
    ///
    /// # Errors
    /// [`CheckpointError`] when the main policy is the agent and the shipped checkpoint cannot be read.
    pub fn find(main: Choice, episode: &Arc<Episode>, seed: u64, price: f64) -> Result<Self, CheckpointError> {
        let threshold = threshold(episode, seed, price);
        // A static main policy without a count has nobody to cost the same as but a good rule.
        let untuned = Self { static_count: 1, threshold };
        let policy: Box<dyn Policy> = match main {
            Choice::Agent => Box::new(Learned::of(&Checkpoint::shipped()?, price)),
            Choice::Static(None) => Box::new(Calibrated::default()),
            rule => rule.rule(&untuned).unwrap_or_else(|| Box::new(Calibrated::default())),
        };
        Ok(Self { static_count: mean_pods(episode, policy.as_ref()), threshold })
    }
}

fn mean_pods(episode: &Arc<Episode>, policy: &dyn Policy) -> u32 {
    let totals = run(episode.clone(), policy);
    let scenario = episode.scenario();
    let mean = totals.pod_share / totals.checks.max(1) as f64 * f64::from(scenario.max_replicas);
    (mean.round() as u32).clamp(scenario.min_replicas, scenario.max_replicas)
}

fn threshold(episode: &Arc<Episode>, seed: u64, price: f64) -> Threshold {
    if episode.arrivals().len() > MAX_REQUESTS {
        return Threshold::default();
    }
    let scenario = episode.scenario();
    let draw = |draw| Episode::draw(scenario.clone(), seed.wrapping_add(draw)).ok().map(Arc::new);
    let draws: Vec<Arc<Episode>> = DRAWS.filter_map(draw).collect();
    let objective = |rule: &Threshold| draws.iter().map(|draw| run(draw.clone(), rule).objective(price)).sum::<f64>();
    let scored = candidates(scenario).map(|rule| (objective(&rule), rule));
    scored.min_by(|a, b| a.0.total_cmp(&b.0)).map_or_else(Threshold::default, |(_, rule)| rule)
}

/// Every pair of places, in rising order; none when even an idle pod is over the SLO.
fn candidates(scenario: &Scenario) -> impl Iterator<Item = Threshold> {
    // Below the pressure of an idle pod no pod would ever go.
    let idle = scenario.service_time_s / scenario.threshold_s;
    let place = move |share: f64| idle + share * (1.0 - idle);
    let pairs = PLACES.iter().enumerate().flat_map(|(index, &low)| {
        let above = PLACES.get(index + 1..).unwrap_or_default();
        above.iter().map(move |&high| (low, high))
    });
    pairs.filter(move |_| idle < 1.0).map(move |(low, high)| Threshold { low: place(low), high: place(high) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    const PRICE: f64 = 5.0;

    fn episode() -> Arc<Episode> {
        Arc::new(Episode::draw(Scenario::demo_sinusoid(), 1).unwrap())
    }

    #[test]
    fn a_static_rival_gets_about_the_pods_of_the_main_policy() {
        // The mean load is 3.4 erlangs; eight pods at most.
        for (main, counts) in [
            (Choice::Agent, 4..=8),
            (Choice::Reactive, 4..=7),
            (Choice::Static(None), 4..=8),
            (Choice::Static(NonZeroU32::new(3)), 3..=3),
        ] {
            let count = Tuning::find(main, &episode(), 1, PRICE).unwrap().static_count;
            assert!(counts.contains(&count), "{main}: {count}");
        }
    }

    #[test]
    fn the_threshold_rule_is_as_good_as_a_threshold_can_be() {
        let tuned = threshold(&episode(), 1, PRICE);
        assert_eq!(tuned, threshold(&episode(), 1, PRICE), "the same every time");
        let unseen = Arc::new(Episode::draw(Scenario::demo_sinusoid(), 99).unwrap());
        let objective = |rule: &Threshold| run(unseen.clone(), rule).objective(PRICE);
        for other in [Threshold { low: 0.3, high: 0.5 }, Threshold { low: 0.9, high: 1.0 }] {
            assert!(
                objective(&tuned) < objective(&other),
                "{tuned:?} against {other:?} on a load that neither has seen"
            );
        }
    }

    #[test]
    fn where_even_an_idle_pod_is_too_slow_there_is_nothing_to_tune() {
        let scenario = Scenario { threshold_s: 0.05, ..Scenario::demo_sinusoid() };
        assert_eq!(candidates(&scenario).count(), 0);
        let episode = Arc::new(Episode::draw(scenario, 1).unwrap());
        assert_eq!(threshold(&episode, 1, PRICE), Threshold::default());
        assert_eq!(candidates(&Scenario::demo_sinusoid()).count(), 21);
    }
}
