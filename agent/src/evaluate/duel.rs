//! Two families of policies at equal violations, and at equal pods, over several configurations.

use serde::Serialize;

use super::bootstrap::{Interval, intervals};
use super::field::Unit;
use super::frontier::Frontier;
use super::report::LEVELS;

/// Seed of the resampling.
const SEED: u64 = 0x6475_656c;

/// Everybody on one configuration, as points `(cost, avoidable violations in percent)`.
#[derive(Debug, Clone)]
pub struct Ground {
    /// By load and arrival seed.
    pub units: Vec<GroundUnit>,
}

/// One load under one arrival seed.
#[derive(Debug, Clone)]
pub struct GroundUnit {
    /// Which load.
    pub trace: usize,
    /// By contender, by setting. Costs are in units of the bound's, or without one of the work of the requests, so that
    /// every load counts alike.
    pub points: Vec<Vec<(f64, f64)>>,
}

impl Ground {
    /// Of what was played.
    #[must_use]
    pub fn new(units: &[Unit]) -> Self {
        let points = |unit: &Unit| {
            let base_pod_s = unit.base_pod_s();
            let of = |tally: &super::Tally| (tally.pod_seconds / base_pod_s, tally.avoidable_percent());
            unit.tallies.iter().map(|settings| settings.iter().map(of).collect()).collect()
        };
        Self { units: units.iter().map(|unit| GroundUnit { trace: unit.trace, points: points(unit) }).collect() }
    }

    /// Mean of each setting over elements `(unit, member)`; a family with fewer members than that has the first.
    fn curve(&self, members: &[usize], elements: &[(usize, usize)]) -> Vec<(f64, f64)> {
        let mut curve: Vec<(f64, f64)> = Vec::new();
        for &(unit, member) in elements {
            let points = &self.units[unit].points[members[member % members.len()]];
            curve.resize(points.len(), (0.0, 0.0));
            for (sum, point) in curve.iter_mut().zip(points) {
                sum.0 += point.0 / elements.len() as f64;
                sum.1 += point.1 / elements.len() as f64;
            }
        }
        curve
    }
}

/// Logarithm of the ratio of costs at equal violations: the mean over those of [`LEVELS`] that both fronts reach from both
/// sides. Where there is none, at the fewest violations that both can have.
fn log_ratio(ours: &Frontier, theirs: &Frontier) -> Option<f64> {
    let reaches = |front: &Frontier, level: f64| front.fewest() <= Some(level) && front.most() >= Some(level);
    let mut levels: Vec<f64> =
        LEVELS.into_iter().filter(|level| reaches(ours, *level) && reaches(theirs, *level)).collect();
    if levels.is_empty() {
        levels.push(ours.fewest()?.max(theirs.fewest()?));
    }
    let logs = levels.iter().map(|level| Some((ours.cost_at(*level)? / theirs.cost_at(*level)?).ln()));
    Some(logs.sum::<Option<f64>>()? / levels.len() as f64)
}

/// Violations of each setting, and of a front at the same cost; `None` where the front is never so cheap.
fn at_equal_pods(settings: &[(f64, f64)], front: &Frontier) -> Vec<Option<(f64, f64)>> {
    settings.iter().map(|(cost, violating)| Some((*violating, front.violating_at(*cost)?))).collect()
}

/// Means over the settings that have a value.
fn means(settings: &[Option<(f64, f64)>]) -> (f64, f64) {
    let count = settings.iter().flatten().count().max(1) as f64;
    let sum = settings.iter().flatten().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    (sum.0 / count, sum.1 / count)
}

/// At whose pods violations are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AtPods {
    /// At those of each of our settings, the rule read off its front there: as if its knob were tuned once more.
    Ours,
    /// At those of each of the rule's settings as they are, we read off our front.
    Theirs,
}

/// Who is compared with whom.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// Checkpoints, by their place among the contenders: one, or all as one.
    pub ours: &'a [usize],
    /// The rule, or as many checkpoints, which meet ours one by one.
    pub theirs: &'a [usize],
}

/// What a comparison over all configurations gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Duel {
    /// The learned policy: one training seed, or all.
    pub learned: String,
    /// The rule.
    pub rule: String,
    /// Pod-minutes over the rule's at equal violations, for each configuration; below 1, learning wins. (Load, arrival
    /// seed, training seed) drawn anew.
    pub configurations: Vec<(String, Option<Interval>)>,
    /// The median of them.
    pub median: Option<f64>,
    /// Their geometric mean; (load, arrival seed, training seed) drawn anew within each configuration.
    pub pooled: Option<Interval>,
    /// The same; one draw of (load, arrival seed, training seed) for all configurations, which share their loads.
    pub clustered: Option<Interval>,
    /// Whether each training seed is ahead by itself; of one alone, nothing.
    pub every_seed_ahead: Option<bool>,
    /// Geometric mean over the configurations on each load alone.
    pub traces: Vec<(String, Option<f64>)>,
}

/// Violations at equal pods, over the configurations that are away from where the rule was tuned.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Away {
    /// The learned policy.
    pub learned: String,
    /// The rule.
    pub rule: String,
    /// At whose pods.
    pub at: AtPods,
    /// Each configuration.
    pub configurations: Vec<AwayRow>,
    /// Sum of our violations over the sum of theirs, over all of them; below 1, learning wins.
    pub pooled: Option<Interval>,
    /// The same at each of the settings, in the order of the knob, over the configurations in which both can be had.
    pub pooled_settings: Vec<Option<Interval>>,
}

/// One configuration, means over the settings at whose pods both can be had.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwayRow {
    /// The configuration.
    pub configuration: String,
    /// Our avoidable violations, percent.
    pub learned_percent: f64,
    /// The rule's, percent.
    pub rule_percent: f64,
    /// Both at each of the settings, in the order of the knob.
    pub settings: Vec<Option<(f64, f64)>>,
}

/// Several configurations under names.
pub struct Grounded<'a> {
    /// Names of the configurations and what was played on them, the same loads on each.
    pub grounds: &'a [(String, Ground)],
    /// Names of the loads.
    pub traces: &'a [String],
}

impl Grounded<'_> {
    /// Elements of one configuration: each unit with each member.
    fn elements(&self, pair: Pair<'_>) -> Vec<(usize, usize)> {
        let units = self.grounds.first().map_or(0, |(_, ground)| ground.units.len());
        (0..units).flat_map(|unit| (0..pair.ours.len()).map(move |member| (unit, member))).collect()
    }

    fn log_ratio(&self, at: usize, pair: Pair<'_>, elements: &[(usize, usize)]) -> Option<f64> {
        let ground = &self.grounds[at].1;
        let front = |members: &[usize]| Frontier::new(ground.curve(members, elements));
        log_ratio(&front(pair.ours), &front(pair.theirs))
    }

    /// Costs at equal violations.
    #[must_use]
    pub fn duel(&self, name: &str, rule: &str, pair: Pair<'_>) -> Duel {
        let elements = self.elements(pair);
        let count = self.grounds.len();
        let of = |at: usize, drawn: &[(usize, usize)]| self.log_ratio(at, pair, drawn);
        // Codes of elements: configuration, then place.
        let size = elements.len();
        let within: Vec<Vec<usize>> = (0..count).map(|at| (at * size..(at + 1) * size).collect()).collect();
        let mut each = intervals(&within, SEED, |drawn| {
            let logs = (0..count).map(|at| {
                let own: Vec<(usize, usize)> =
                    drawn.iter().filter(|code| **code / size == at).map(|code| elements[*code % size]).collect();
                of(at, &own)
            });
            let logs: Vec<Option<f64>> = logs.collect();
            logs.iter().map(|log| log.map(f64::exp)).chain([geometric_mean(logs.iter().copied())]).collect()
        });
        let pooled = each.pop().flatten();
        let together = vec![(0..size).collect::<Vec<_>>()];
        let clustered = intervals(&together, SEED, |drawn| {
            let own: Vec<(usize, usize)> = drawn.iter().map(|code| elements[*code]).collect();
            vec![geometric_mean((0..count).map(|at| of(at, &own)))]
        });
        let ahead = |member: usize| {
            let theirs = if pair.theirs.len() > 1 { &pair.theirs[member..=member] } else { pair.theirs };
            let one = Pair { ours: &pair.ours[member..=member], theirs };
            let elements = self.elements(one);
            geometric_mean((0..count).map(|at| self.log_ratio(at, one, &elements))).is_some_and(|ratio| ratio < 1.0)
        };
        let trace = |(trace, name): (usize, &String)| {
            let own: Vec<(usize, usize)> = elements.iter().copied().filter(|it| self.is_of(it.0, trace)).collect();
            (name.clone(), geometric_mean((0..count).map(|at| of(at, &own))))
        };
        Duel {
            learned: name.to_owned(),
            rule: rule.to_owned(),
            median: median(each.iter().flatten().map(|found| found.estimate).collect()),
            configurations: self.grounds.iter().map(|(name, _)| name.clone()).zip(each).collect(),
            pooled,
            clustered: clustered.into_iter().next().flatten(),
            every_seed_ahead: (pair.ours.len() > 1).then(|| (0..pair.ours.len()).all(ahead)),
            traces: self.traces.iter().enumerate().map(trace).collect(),
        }
    }

    fn is_of(&self, unit: usize, trace: usize) -> bool {
        self.grounds.first().is_some_and(|(_, ground)| ground.units[unit].trace == trace)
    }

    /// Violations at equal pods.
    #[must_use]
    pub fn away(&self, name: &str, rule: &str, pair: Pair<'_>, at: AtPods) -> Away {
        let elements = self.elements(pair);
        let (count, size) = (self.grounds.len(), elements.len());
        let compared = |ground: usize, drawn: &[(usize, usize)]| {
            let ground = &self.grounds[ground].1;
            let (ours, theirs) = (ground.curve(pair.ours, drawn), ground.curve(pair.theirs, drawn));
            match at {
                AtPods::Ours => at_equal_pods(&ours, &Frontier::new(theirs)),
                AtPods::Theirs => {
                    let pairs = at_equal_pods(&theirs, &Frontier::new(ours));
                    pairs.into_iter().map(|pair| pair.map(|(theirs, ours)| (ours, theirs))).collect()
                }
            }
        };
        let within: Vec<Vec<usize>> = (0..count).map(|at| (at * size..(at + 1) * size).collect()).collect();
        let pooled = intervals(&within, SEED, |drawn| {
            let each: Vec<Vec<Option<(f64, f64)>>> = (0..count)
                .map(|at| {
                    let own: Vec<(usize, usize)> =
                        drawn.iter().filter(|code| **code / size == at).map(|code| elements[*code % size]).collect();
                    compared(at, &own)
                })
                .collect();
            let settings = each.iter().map(Vec::len).max().unwrap_or(0);
            let overall = summed_ratio(each.iter().map(|pairs| means(pairs)));
            let of = |setting: usize| summed_ratio(each.iter().filter_map(|pairs| *pairs.get(setting)?));
            std::iter::once(overall).chain((0..settings).map(of)).collect()
        });
        let row = |(at, (name, _)): (usize, &(String, Ground))| {
            let settings = compared(at, &elements);
            let (learned_percent, rule_percent) = means(&settings);
            AwayRow { configuration: name.clone(), learned_percent, rule_percent, settings }
        };
        Away {
            learned: name.to_owned(),
            rule: rule.to_owned(),
            at,
            configurations: self.grounds.iter().enumerate().map(row).collect(),
            pooled: pooled.first().copied().flatten(),
            pooled_settings: pooled.into_iter().skip(1).collect(),
        }
    }
}

/// Sum of the first over the sum of the second.
fn summed_ratio(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let sums = pairs.fold((0.0, 0.0), |sums, pair| (sums.0 + pair.0, sums.1 + pair.1));
    Some(sums.0 / sums.1).filter(|ratio| ratio.is_finite())
}

/// Of what exists; `None` of none.
fn geometric_mean(logs: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let logs: Vec<f64> = logs.flatten().collect();
    (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp())
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let high = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { high } else { (values[middle - 1] + high) / 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One unit: ours at (2, 0), (1, 10); theirs twice as dear with the same violations.
    fn ground(dearer: f64) -> Ground {
        let ours = vec![(2.0, 0.0), (1.0, 10.0)];
        let theirs = ours.iter().map(|(cost, violating)| (dearer * cost, *violating)).collect();
        Ground { units: vec![GroundUnit { trace: 0, points: vec![ours, theirs] }] }
    }

    #[test]
    fn a_rule_that_is_twice_as_dear_is_twice_as_dear_in_every_figure() {
        let grounds = [("a".to_owned(), ground(2.0)), ("b".to_owned(), ground(1.0)), ("c".to_owned(), ground(4.0))];
        let grounded = Grounded { grounds: &grounds, traces: &["load".to_owned()] };
        let duel = grounded.duel("learned", "rule", Pair { ours: &[0], theirs: &[1] });
        let near = |found: Option<f64>, expected: f64| assert!((found.unwrap() - expected).abs() < 1e-12, "{duel:?}");
        near(duel.configurations[0].1.map(|it| it.estimate), 0.5);
        near(duel.configurations[1].1.map(|it| it.estimate), 1.0);
        near(duel.configurations[2].1.map(|it| it.estimate), 0.25);
        near(duel.median, 0.5);
        near(duel.pooled.map(|it| it.estimate), 0.5);
        near(duel.clustered.map(|it| it.high), 0.5);
        near(duel.traces[0].1, 0.5);
        assert_eq!(duel.every_seed_ahead, None, "one training seed");
    }

    #[test]
    fn violations_are_read_off_the_rules_front_at_our_pods() {
        // Theirs: (4, 0), (2, 10). At our 2 pods they have 10 %, at our 1 pod they are never so cheap.
        let grounds = [("a".to_owned(), ground(2.0))];
        let grounded = Grounded { grounds: &grounds, traces: &["load".to_owned()] };
        let pair = Pair { ours: &[0], theirs: &[1] };
        let away = grounded.away("learned", "rule", pair, AtPods::Ours);
        assert_eq!((away.configurations[0].learned_percent, away.configurations[0].rule_percent), (0.0, 10.0));
        assert_eq!(away.pooled.unwrap().estimate, 0.0);
        // At their 4 pods and at their 2 we have 0 %, they 0 and 10.
        let away = grounded.away("learned", "rule", pair, AtPods::Theirs);
        assert_eq!((away.configurations[0].learned_percent, away.configurations[0].rule_percent), (0.0, 5.0));
    }

    #[test]
    fn levels_that_only_one_front_reaches_are_left_out() {
        let front = |points: &[(f64, f64)]| Frontier::new(points.iter().copied());
        let ours = front(&[(4.0, 0.6), (2.0, 3.0)]);
        // Both reach 1 and 2 %: at 1 % ours costs 11/3 and theirs 8, at 2 % 17/6 and 6.
        let theirs = front(&[(9.0, 0.5), (1.0, 4.5)]);
        let expected = ((11.0 / 3.0 / 8.0_f64).ln() + (17.0 / 6.0 / 6.0_f64).ln()) / 2.0;
        assert!((log_ratio(&ours, &theirs).unwrap() - expected).abs() < 1e-12);
        // Nothing in common: ours at its fewest 0.6, theirs at most 0.4.
        let safe = front(&[(8.0, 0.0), (5.0, 0.4)]);
        assert!((log_ratio(&ours, &safe).unwrap() - (4.0 / 5.0_f64).ln()).abs() < 1e-12);
    }

    #[test]
    fn every_seed_must_be_ahead_by_itself() {
        let unit = |mine: f64| vec![vec![(mine, 1.0)], vec![(3.0, 1.0)], vec![(2.0, 1.0)]];
        let grounds = [("a".to_owned(), Ground { units: vec![GroundUnit { trace: 0, points: unit(1.0) }] })];
        let grounded = Grounded { grounds: &grounds, traces: &["load".to_owned()] };
        let pooled = grounded.duel("learned", "rule", Pair { ours: &[0, 1], theirs: &[2] });
        assert_eq!(pooled.every_seed_ahead, Some(false), "the second needs 3 pods, the rule 2");
        assert!((pooled.pooled.unwrap().estimate - 1.0).abs() < 1e-12, "(1 + 3) / 2 against 2");
    }
}
