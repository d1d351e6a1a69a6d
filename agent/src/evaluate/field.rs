//! The episodes of recorded loads, and everybody played through each of them.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use crate::bound::{Bound, Point, Programme, achieve};
use crate::rules::StaticCount;
use crate::simulator::{Episode, Scenario};
use crate::workload::{Profile, Recording, Split};

use super::contender::Contender;
use super::deployment::Deployment;
use super::judge::{Tally, judge, violations};
use super::parallel;

/// Parts of a day with fewer windows are left out.
const LEAST_WINDOWS: u32 = 20;
/// Prices at which plans are played, in full clusters for one window. Cheaper ones violate in most windows, and each is a search.
pub const PLAN_PRICES: [f64; 3] = [0.7, 1.0, 100.0];

/// A part of a day of a recording, sized for the deployment.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which recording it is of: its place in [`Parts::names`], or among all recordings if it is for tuning.
    pub trace: usize,
    /// Day of the recording, from 0.
    pub day: u32,
    /// Its load.
    pub load: Profile,
}

/// Which parts of the recordings are played, and which are tuned on.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// Names of the recordings that are tested on.
    pub names: Vec<String>,
    /// Tested on.
    pub tested: Vec<Part>,
    /// Never tested on.
    pub tuning: Vec<Part>,
}

impl Parts {
    /// At most `days` days of each recording to test on and `tuning_days` to tune on, evenly spread over those of its part
    /// in the split.
    ///
    /// # Errors
    /// When nothing is left to test on.
    pub fn new(
        recordings: Vec<Recording>,
        split: &Split,
        deployment: &Deployment,
        days: usize,
        tuning_days: usize,
    ) -> Result<Self> {
        let mut parts = Self::default();
        for (place, recording) in recordings.into_iter().enumerate() {
            let (tested, tuning) = split.days(&recording);
            let recording = recording.sized(deployment.peak_rps()).context("cannot size the traces")?;
            let cut = |days: Vec<u32>, trace: usize| -> Vec<Part> {
                let loads =
                    days.into_iter().flat_map(|day| recording.day(day).into_iter().map(move |load| (day, load)));
                let parts = loads.map(|(day, load)| Part { trace, day, load });
                parts.filter(|part| deployment.windows(&part.load) >= LEAST_WINDOWS).collect()
            };
            let found = cut(spread(&tested, days), parts.names.len());
            parts.tuning.extend(cut(spread(&tuning, tuning_days), place));
            if !found.is_empty() {
                parts.tested.extend(found);
                parts.names.push(recording.name().to_owned());
            }
        }
        ensure!(!parts.tested.is_empty(), "no trace has {LEAST_WINDOWS} windows in a row to test on");
        Ok(parts)
    }

    /// Episodes to tune on, of the same deployment.
    ///
    /// # Errors
    /// When a figure of the deployment is out of range.
    pub fn tuning_episodes(&self, deployment: &Deployment, seed: u64) -> Result<Vec<Arc<Episode>>> {
        let draw = |part: &Part| Ok(Arc::new(draw(part, deployment, deployment.window_s, seed)?));
        self.tuning.iter().map(draw).collect()
    }
}

/// At most so many of the days, evenly spread.
fn spread(days: &[u32], most: usize) -> Vec<u32> {
    let count = most.min(days.len());
    (0..count).map(|at| days[(2 * at + 1) * days.len() / (2 * count)]).collect()
}

fn draw(part: &Part, deployment: &Deployment, period_s: f64, seed: u64) -> Result<Episode> {
    let scenario: Scenario = deployment.scenario(part.load.clone(), period_s)?;
    // Another day of the same recording must not have the same luck.
    let seed = (u64::from(part.day) << 32 | part.trace as u64) << 16 | seed;
    Ok(Episode::draw(scenario, seed)?)
}

/// Everybody on one recording under one arrival seed: the unit that is resampled.
#[derive(Debug, Clone, Default)]
pub struct Unit {
    /// Place of the recording in [`Parts::names`].
    pub trace: usize,
    /// Each setting of each contender.
    pub tallies: Vec<Vec<Tally>>,
    /// What nobody can be below: avoidable violations against pod-seconds.
    pub bound: Bound,
    /// What was done knowing the future, at each of [`PLAN_PRICES`].
    pub achieved: Vec<Point>,
}

/// What to play.
pub struct Field<'a> {
    /// The deployment.
    pub deployment: &'a Deployment,
    /// Who plays.
    pub contenders: &'a [Contender],
    /// Settings whose response times are kept, an index of the knob for each contender; `None`: nobody's.
    pub detailed: Option<&'a [usize]>,
    /// Whether the bound is wanted.
    pub bounded: bool,
    /// Threads.
    pub threads: usize,
}

impl Field<'_> {
    /// Plays the parts under each seed; `tick` is called after each episode. The results do not depend on the threads.
    ///
    /// # Errors
    /// When a figure of the deployment is out of range.
    pub fn play(&self, parts: &[Part], seeds: &[u64], tick: impl Fn() + Sync) -> Result<Vec<Unit>> {
        let tasks: Vec<(&Part, u64)> =
            parts.iter().flat_map(|part| seeds.iter().map(move |seed| (part, *seed))).collect();
        let played = parallel::map(&tasks, self.threads, |(part, seed)| {
            let unit = self.episode(part, *seed);
            tick();
            unit
        });
        let mut units: Vec<(u64, Unit)> = Vec::new();
        for ((part, seed), played) in tasks.iter().zip(played) {
            let played = played?;
            match units.iter_mut().find(|(of, unit)| of == seed && unit.trace == part.trace) {
                Some((_, unit)) => unit.add(&played),
                None => units.push((*seed, played)),
            }
        }
        Ok(units.into_iter().map(|(_, unit)| unit).collect())
    }

    fn episode(&self, part: &Part, seed: u64) -> Result<Unit> {
        let Deployment { window_s, max_replicas, .. } = *self.deployment;
        let reference = Arc::new(draw(part, self.deployment, window_s, seed)?);
        let infeasible = violations(&StaticCount(max_replicas), &reference)?;
        let mut unit = Unit { trace: part.trace, ..Unit::default() };
        for (index, contender) in self.contenders.iter().enumerate() {
            let period_s = contender.period_s.unwrap_or(self.deployment.period_s);
            let play = |(setting, knob): (usize, &f64)| {
                let detailed = self.detailed.is_some_and(|detailed| detailed.get(index) == Some(&setting));
                judge(contender.rule(*knob).player(), period_s, &reference, &infeasible, detailed)
            };
            unit.tallies.push(contender.knobs.iter().enumerate().map(play).collect::<Result<_, _>>()?);
        }
        if self.bounded {
            let counted = |decision: usize| !infeasible.get(decision).copied().unwrap_or(true);
            let programme = Programme::new(&reference, counted);
            unit.bound = programme.bound();
            let full = f64::from(max_replicas) * window_s;
            let plans = PLAN_PRICES.iter().map(|price| {
                let price_pod_s = price * full;
                achieve(&reference, &programme.solve(price_pod_s).orders, price_pod_s, counted).point
            });
            unit.achieved = plans.collect();
        }
        Ok(unit)
    }
}

impl Unit {
    /// Adds another episode of the same recording under the same seed.
    fn add(&mut self, other: &Self) {
        for (settings, more) in self.tallies.iter_mut().zip(&other.tallies) {
            settings.iter_mut().zip(more).for_each(|(tally, more)| tally.merge(more));
        }
        self.bound = Bound::sum([&self.bound, &other.bound]);
        for (point, more) in self.achieved.iter_mut().zip(&other.achieved) {
            point.violations += more.violations;
            point.pod_seconds += more.pod_seconds;
        }
    }
}
