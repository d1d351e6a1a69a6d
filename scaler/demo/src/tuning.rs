//! Settings that rivals get for the load at hand, from the simulator: a rival that is badly set is no rival.

use std::sync::Arc;

use agent::checkpoint::{Checkpoint, CheckpointError};
use agent::learned::Learned;
use agent::policy::Policy;
use agent::rules::{Hpa, Rule, RuleFamily, Search, StaticCount, tune};
use agent::simulator::{Episode, Scenario, ScenarioError, run};
use thiserror::Error;

use crate::choice::Choice;

/// Other draws of the same load that rules are tuned on: not the one that is played. With three, a threshold's two marks fitted
/// their luck.
const DRAWS: std::ops::RangeInclusive<u64> = 1..=8;
/// How long a rule's settings are searched: 160 of them.
const SEARCH: Search = Search { candidates: 80, rounds: 4, neighbours: 20, period_s: None, seed: 1 };
/// CPU targets that are tried, percent.
const TARGETS: std::ops::RangeInclusive<u32> = 4..=19;
const TARGET_STEP: u32 = 5;
/// A load of more requests is not simulated many times over: rules keep the settings that they start with.
const MAX_REQUESTS: usize = 200_000;

/// Why nothing is tuned.
#[derive(Debug, Error)]
pub enum TuningError {
    /// The main policy is the agent, and it cannot be read.
    #[error("the shipped checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// Another draw of the load cannot be made.
    #[error("another draw of the load")]
    Scenario(#[from] ScenarioError),
}

/// What rivals are set to.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Replicas of a static rival that was given none: mean pods of the main policy in a simulation of the very
    /// arrivals, rounded up to whole ones. So it costs no less.
    static_count: u32,
    /// Of each rule in the run the settings with the least objective at the price, in simulations of other draws of the load.
    settings: Vec<(RuleFamily, Vec<f64>)>,
    /// The same for the Horizontal Pod Autoscaler's law at the period of the checks.
    hpa: Hpa,
    scenario: Scenario,
}

impl Tuning {
    /// Simulates. The first of the lanes is the main policy.
    ///
    /// # Errors
    /// [`TuningError`].
    pub fn find(lanes: &[Choice], episode: &Arc<Episode>, seed: u64, price: f64) -> Result<Self, TuningError> {
        let draws = draws(episode, seed)?;
        let mut settings = Vec::new();
        for family in lanes.iter().filter_map(|lane| lane.family()) {
            let found = tune(family, &draws, &[price], &SEARCH)?;
            settings.extend(found.into_iter().map(|tuned| (family, tuned.values)));
        }
        let hpa = if lanes.contains(&Choice::Hpa) { tuned_hpa(&draws, price) } else { Hpa::default() };
        let untuned = Self { static_count: 1, settings, hpa, scenario: episode.scenario().clone() };
        let policy: Box<dyn Policy> = match lanes.first() {
            // A static main policy without a count has nobody to cost the same as but a good rule.
            None | Some(Choice::Static(None)) => untuned.policy(RuleFamily::CalLong),
            Some(main) => match main.rule(&untuned) {
                Some(rule) => rule,
                None => Box::new(Learned::of(&Checkpoint::shipped()?, price)),
            },
        };
        Ok(Self { static_count: enough_pods(episode, policy.as_ref()), ..untuned })
    }

    /// The rule as it was tuned, or as it starts when it is in no lane.
    #[must_use]
    pub fn policy(&self, family: RuleFamily) -> Box<dyn Policy> {
        let found = self.settings.iter().find(|(tuned, _)| *tuned == family);
        let values = found.map_or_else(|| family.start(), |(_, values)| values.clone());
        match family.rule(&values, &self.scenario) {
            Rule::Policy(policy) => policy,
            // Laws with a loop of their own are in no lane.
            Rule::Controller(_) => Box::new(StaticCount(self.scenario.max_replicas)),
        }
    }

    /// The law of the Horizontal Pod Autoscaler.
    #[must_use]
    pub fn hpa(&self) -> Hpa {
        self.hpa
    }

    /// Replicas of a static rival that was given none.
    #[must_use]
    pub fn static_count(&self) -> u32 {
        self.static_count
    }
}

/// Other arrivals of the same load; none of a load that is too large.
fn draws(episode: &Arc<Episode>, seed: u64) -> Result<Vec<Arc<Episode>>, ScenarioError> {
    if episode.arrivals().len() > MAX_REQUESTS {
        return Ok(Vec::new());
    }
    let draw = |draw| Episode::draw(episode.scenario().clone(), seed.wrapping_add(draw)).map(Arc::new);
    DRAWS.map(draw).collect()
}

fn enough_pods(episode: &Arc<Episode>, policy: &dyn Policy) -> u32 {
    let totals = run(episode.clone(), policy);
    let scenario = episode.scenario();
    let mean = totals.pod_share / totals.checks.max(1) as f64 * f64::from(scenario.max_replicas);
    (mean.ceil() as u32).clamp(scenario.min_replicas, scenario.max_replicas)
}

fn tuned_hpa(draws: &[Arc<Episode>], price: f64) -> Hpa {
    let objective = |rule: &Hpa| draws.iter().map(|draw| run(draw.clone(), rule).objective(price)).sum::<f64>();
    let rules = TARGETS.map(|steps| Hpa { target_percent: TARGET_STEP * steps, ..Hpa::default() });
    let scored = rules.map(|rule| (objective(&rule), rule));
    scored.min_by(|a, b| a.0.total_cmp(&b.0)).map_or_else(Hpa::default, |(_, rule)| rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent::rules::{Reactive, Threshold, Trend};
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
            let count = Tuning::find(&[main, Choice::Static(None)], &episode(), 1, PRICE).unwrap().static_count();
            assert!(counts.contains(&count), "{main}: {count}");
        }
    }

    #[test]
    fn every_rule_in_a_lane_is_as_good_as_its_settings_can_make_it() {
        let lanes =
            [Choice::Agent, Choice::Threshold, Choice::Reactive, Choice::Trend, Choice::Calibrated, Choice::Hpa];
        let tuning = Tuning::find(&lanes, &episode(), 1, PRICE).unwrap();
        assert_eq!(tuning, Tuning::find(&lanes, &episode(), 1, PRICE).unwrap(), "the same every time");
        let unseen = |seed| Arc::new(Episode::draw(Scenario::demo_sinusoid(), seed).unwrap());
        let unseen: Vec<_> = (90..98).map(unseen).collect();
        let objective =
            |rule: &dyn Policy| unseen.iter().map(|episode| run(episode.clone(), rule).objective(PRICE)).sum::<f64>();
        let others: [(Choice, &dyn Policy); 6] = [
            (Choice::Threshold, &Threshold { low: 0.3, high: 0.5 }),
            (Choice::Threshold, &Threshold { low: 0.9, high: 1.0 }),
            (Choice::Reactive, &Reactive { utilization: 0.3, ..Reactive::default() }),
            (Choice::Reactive, &Reactive { utilization: 0.95, ..Reactive::default() }),
            (Choice::Trend, &Trend { utilization: 0.95, ..Trend::default() }),
            (Choice::Hpa, &Hpa { target_percent: 90, ..Hpa::default() }),
        ];
        for (choice, other) in others {
            let tuned = choice.rule(&tuning).unwrap();
            let (ours, theirs) = (objective(tuned.as_ref()), objective(other));
            assert!(
                ours < theirs,
                "{} {ours} against {} {theirs} on draws that neither has seen",
                tuned.name(),
                other.name()
            );
        }
    }

    #[test]
    fn a_rule_in_no_lane_keeps_the_settings_that_it_starts_with() {
        let tuning = Tuning::find(&[Choice::Static(NonZeroU32::new(3))], &episode(), 1, PRICE).unwrap();
        assert!(tuning.settings.is_empty());
        assert_eq!(tuning.policy(RuleFamily::Trend).name(), Trend::default().name());
    }
}
