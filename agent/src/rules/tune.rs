//! The best settings of a family for a set of episodes.

use std::sync::Arc;

use serde::Serialize;

use crate::parallel;
use crate::rng::Stream;
use crate::simulator::{Episode, ScenarioError, play};

use super::{RuleFamily, Scale, Setting};

/// Best settings so far whose neighbourhood is searched.
const ELITE: usize = 3;
/// Neighbours are at most this share of a range away in the first round of refinement ...
const WIDEST: f64 = 0.4;
/// ... and this share in the last.
const NARROWEST: f64 = 0.04;
/// Probability that a neighbour differs in a setting.
const MOVED: f64 = 0.4;

/// How long, and at which period, to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Settings tried all over the ranges, the start of the family among them; every price uses them.
    pub candidates: u32,
    /// Rounds of refinement, for each price.
    pub rounds: u32,
    /// Neighbours of the best settings tried in each of them.
    pub neighbours: u32,
    /// Time between two decisions, seconds; `None`: the rule's native one.
    pub period_s: Option<f64>,
    /// Names the random numbers.
    pub seed: u64,
}

impl Default for Search {
    /// 400 settings for one price: 200 over the ranges, 5 rounds of 40 to refine.
    fn default() -> Self {
        Self { candidates: 200, rounds: 5, neighbours: 40, period_s: None, seed: 1 }
    }
}

impl Search {
    /// Settings tried for so many prices.
    #[must_use]
    pub fn tried(&self, prices: usize) -> u32 {
        self.candidates.max(1) + prices as u32 * self.rounds * self.neighbours
    }
}

/// Settings and what they reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tuned {
    /// The kind of rule.
    pub family: RuleFamily,
    /// Values of its [`RuleFamily::settings`], in their order.
    pub values: Vec<f64>,
    /// Price of a violating check that they are best for, in full clusters for one check.
    pub price: f64,
    /// Mean over the episodes of the mean pod share.
    pub pod_share: f64,
    /// Mean over the episodes of the share of windows whose arrivals violate.
    pub violation_share: f64,
}

impl Tuned {
    /// `J = pod share + price * violating share`, lower is better.
    #[must_use]
    pub fn objective(&self) -> f64 {
        self.pod_share + self.price * self.violation_share
    }
}

/// The settings with the least mean `J = pod share + B x violating share` on the episodes, for each price B.
///
/// A window violates by the requests that arrive in it, as an evaluation judges.
///
/// Random search over the ranges of [`RuleFamily::settings`], then rounds of neighbours of the three best, nearer and nearer.
/// All that was tried for one price counts for the others too. The same seed finds the same settings, whatever the number of threads.
///
/// # Errors
/// [`ScenarioError`] when the period is out of range for an episode.
pub fn tune(
    family: RuleFamily,
    episodes: &[Arc<Episode>],
    prices: &[f64],
    search: &Search,
) -> Result<Vec<Tuned>, ScenarioError> {
    let stream = Stream::new(search.seed, family.name(), 0);
    let everywhere = (0..search.candidates.max(1)).map(|candidate| match candidate {
        0 => family.start(),
        _ => anywhere(family, &mut stream.split("anywhere", candidate.into())),
    });
    let mut tried = measured(family, everywhere.collect(), episodes, search.period_s)?;
    for (index, price) in (0..).zip(prices) {
        for round in 0..search.rounds {
            let progress = f64::from(round) / f64::from(search.rounds.max(2) - 1);
            let width = WIDEST * (NARROWEST / WIDEST).powf(progress);
            let elite = best(&tried, *price, ELITE);
            let mut draw = stream.split("near", index << 32 | u64::from(round));
            let near = (0..search.neighbours as usize)
                .map(|neighbour| neighbour_of(family, &elite[neighbour % elite.len()].values, width, &mut draw));
            let near = near.collect();
            tried.extend(measured(family, near, episodes, search.period_s)?);
        }
    }
    let winners = prices.iter().flat_map(|&price| {
        let winner = best(&tried, price, 1).into_iter();
        winner.map(move |tried| Tuned {
            family,
            values: tried.values.clone(),
            price,
            pod_share: tried.pod_share,
            violation_share: tried.violation_share,
        })
    });
    Ok(winners.collect())
}

/// Settings that were tried.
struct Tried {
    values: Vec<f64>,
    pod_share: f64,
    violation_share: f64,
}

/// The best for a price, the first tried among equals.
fn best(tried: &[Tried], price: f64, count: usize) -> Vec<&Tried> {
    let objective = |tried: &Tried| tried.pod_share + price * tried.violation_share;
    let mut sorted: Vec<&Tried> = tried.iter().collect();
    sorted.sort_by(|a, b| objective(a).total_cmp(&objective(b)));
    sorted.truncate(count);
    sorted
}

/// Plays each of the settings on all cores.
fn measured(
    family: RuleFamily,
    settings: Vec<Vec<f64>>,
    episodes: &[Arc<Episode>],
    period_s: Option<f64>,
) -> Result<Vec<Tried>, ScenarioError> {
    let measured = parallel::map(&settings, parallel::cores(), |values| measure(family, values, episodes, period_s));
    let shares: Vec<(f64, f64)> = measured.into_iter().collect::<Result<_, _>>()?;
    let pairs = settings.into_iter().zip(shares);
    Ok(pairs.map(|(values, (pod_share, violation_share))| Tried { values, pod_share, violation_share }).collect())
}

/// Mean pod share and violating share.
fn measure(
    family: RuleFamily,
    values: &[f64],
    episodes: &[Arc<Episode>],
    period_s: Option<f64>,
) -> Result<(f64, f64), ScenarioError> {
    let (mut pods, mut violations) = (0.0, 0.0);
    for episode in episodes {
        let rule = family.rule(values, episode.scenario());
        let period_s = period_s.unwrap_or_else(|| rule.native_period_s(episode.scenario().interval_s));
        let played = play(episode, rule.player(), period_s)?;
        let windows = played.windows.len().max(1) as f64;
        let violating = played.windows.iter().filter(|window| window.arrivals_violate(episode.scenario().threshold_s));
        pods += played.totals.pod_share / windows;
        violations += violating.count() as f64 / windows;
    }
    let count = episodes.len().max(1) as f64;
    Ok((pods / count, violations / count))
}

fn anywhere(family: RuleFamily, stream: &mut Stream) -> Vec<f64> {
    family.settings().iter().map(|setting| setting.at(stream.uniform())).collect()
}

/// Some of the settings moved, at least one, by at most this share of their range.
fn neighbour_of(family: RuleFamily, values: &[f64], width: f64, stream: &mut Stream) -> Vec<f64> {
    let settings = family.settings();
    let always = stream.integer(0, settings.len() as u32 - 1) as usize;
    let moved = settings.iter().zip(values).enumerate().map(|(index, (setting, &value))| {
        let step = stream.between(-width, width);
        if stream.chance(MOVED) || index == always { setting.at(setting.place(value) + step) } else { value }
    });
    moved.collect()
}

impl Setting {
    /// The value at a place in the range, 0 its low end and 1 its high end.
    fn at(&self, place: f64) -> f64 {
        let (low, high, place) = (self.low, self.high, place.clamp(0.0, 1.0));
        match self.scale {
            Scale::Even => low + place * (high - low),
            Scale::Whole => (low + place * (high - low)).round(),
            Scale::WholeFactors => (low * (high / low).powf(place)).round(),
        }
    }

    /// Where a value lies in the range.
    fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Even | Scale::Whole => (value - self.low) / (self.high - self.low),
            Scale::WholeFactors => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }
}
