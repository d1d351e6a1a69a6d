//! Everybody played through each episode.

use std::sync::Arc;

use anyhow::Result;

use crate::bound::{Bound, Point, Programme, achieve};
use crate::parallel;
use crate::rules::StaticCount;
use crate::simulator::{Episode, Scenario, ScenarioError};

use super::contender::Contender;
use super::judge::{Tally, judge, violations};

/// Prices at which plans are played, in full clusters for one window. Cheaper ones violate in most windows, and each is a search.
pub const PLAN_PRICES: [f64; 3] = [0.7, 1.0, 100.0];

/// An episode to play. It is drawn when it is due: days of requests do not fit into memory all at once.
#[derive(Debug, Clone)]
pub struct Case {
    /// Which load it is of.
    pub trace: usize,
    /// Cases of one load and one replicate are one [`Unit`].
    pub replicate: u64,
    /// What is drawn. Its windows are what everybody is judged on.
    pub scenario: Scenario,
    /// Names the arrivals.
    pub seed: u64,
}

impl Case {
    /// Draws it.
    ///
    /// # Errors
    /// [`ScenarioError`] names the knob that is out of range.
    pub fn draw(&self) -> Result<Arc<Episode>, ScenarioError> {
        Ok(Arc::new(Episode::draw(self.scenario.clone(), self.seed)?))
    }
}

/// Everybody on one load under one arrival seed: the unit that is resampled.
#[derive(Debug, Clone, Default)]
pub struct Unit {
    /// Which load.
    pub trace: usize,
    /// Episodes that it is the sum of.
    pub episodes: usize,
    /// Each setting of each contender.
    pub tallies: Vec<Vec<Tally>>,
    /// Pod-seconds of a full cluster for one window.
    pub full_pod_s: f64,
    /// What nobody can be below: avoidable violations against pod-seconds; empty if it was not asked for.
    pub bound: Bound,
    /// What was done knowing the future, at each of [`PLAN_PRICES`].
    pub achieved: Vec<Point>,
}

/// What of somebody who knows the future is wanted: the bound takes minutes where replicas or requests are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clairvoyant {
    /// Nothing.
    Absent,
    /// The bound.
    Bounded,
    /// The bound, and plans that are played.
    Played,
}

/// What to play.
pub struct Field<'a> {
    /// Who plays.
    pub contenders: &'a [Contender],
    /// Settings whose response times are kept, an index of the knob for each contender; `None`: nobody's.
    pub detailed: Option<&'a [usize]>,
    /// Whether the bound is wanted.
    pub clairvoyant: Clairvoyant,
    /// Threads.
    pub threads: usize,
}

impl Field<'_> {
    /// Plays the cases; `tick` is called after each. The results do not depend on the threads.
    ///
    /// # Errors
    /// When a figure of a scenario, or the period of a contender, is out of range.
    pub fn play(&self, cases: &[Case], tick: impl Fn() + Sync) -> Result<Vec<Unit>> {
        let played = parallel::map(cases, self.threads, |case| {
            let unit = self.episode(case);
            tick();
            unit
        });
        let mut units: Vec<(u64, Unit)> = Vec::new();
        for (case, played) in cases.iter().zip(played) {
            let played = played?;
            match units.iter_mut().find(|(of, unit)| *of == case.replicate && unit.trace == case.trace) {
                Some((_, unit)) => unit.add(&played),
                None => units.push((case.replicate, played)),
            }
        }
        Ok(units.into_iter().map(|(_, unit)| unit).collect())
    }

    fn episode(&self, case: &Case) -> Result<Unit> {
        let episode = case.draw()?;
        let Scenario { interval_s, max_replicas, .. } = case.scenario;
        let infeasible = violations(&StaticCount(max_replicas), &episode)?;
        let full_pod_s = f64::from(max_replicas) * interval_s;
        let mut unit = Unit { trace: case.trace, episodes: 1, full_pod_s, ..Unit::default() };
        for (index, contender) in self.contenders.iter().enumerate() {
            let period_s = contender.period_s.unwrap_or(interval_s);
            let play = |(setting, knob): (usize, &f64)| {
                let detailed = self.detailed.is_some_and(|detailed| detailed.get(index) == Some(&setting));
                let rule = contender.rule(*knob, &case.scenario);
                judge(rule.player(), period_s, &episode, &infeasible, detailed)
            };
            unit.tallies.push(contender.knobs.iter().enumerate().map(play).collect::<Result<_, _>>()?);
        }
        if self.clairvoyant >= Clairvoyant::Bounded {
            let counted = |decision: usize| !infeasible.get(decision).copied().unwrap_or(true);
            let programme = Programme::new(&episode, counted);
            unit.bound = programme.bound();
            if self.clairvoyant == Clairvoyant::Played {
                let plans = PLAN_PRICES.iter().map(|price| {
                    let price_pod_s = price * full_pod_s;
                    achieve(&episode, &programme.solve(price_pod_s).orders, price_pod_s, counted).point
                });
                unit.achieved = plans.collect();
            }
        }
        Ok(unit)
    }
}

impl Unit {
    /// Adds another episode of the same load under the same seed.
    fn add(&mut self, other: &Self) {
        for (settings, more) in self.tallies.iter_mut().zip(&other.tallies) {
            settings.iter_mut().zip(more).for_each(|(tally, more)| tally.merge(more));
        }
        self.episodes += other.episodes;
        self.bound = Bound::sum([&self.bound, &other.bound]);
        for (point, more) in self.achieved.iter_mut().zip(&other.achieved) {
            point.violations += more.violations;
            point.pod_seconds += more.pod_seconds;
        }
    }
}
