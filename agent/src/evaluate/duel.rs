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

/// Violations of ours, and of theirs at the same costs, each summed over our settings that they are cheap enough for.
fn at_equal_pods(ours: &[(f64, f64)], theirs: &Frontier) -> (f64, f64) {
    let pairs = ours.iter().filter_map(|(cost, violating)| Some((*violating, theirs.violating_at(*cost)?)));
    pairs.fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1))
}

/// Who is compared with whom.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// Checkpoints, by their place among the contenders: one, or all as one.
    pub ours: &'a [usize],
    /// The rule.
    pub theirs: usize,
}

/// What a comparison over all configurations gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Duel {
    /// The learned policy: one training seed, or all.
    pub learned: String,
    /// The rule.
    pub rule: String,
    /// Pod-minutes over the rule's at equal violations, for each configuration; below 1, learning wins.
    pub configurations: Vec<(String, Option<f64>)>,
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
    /// Each configuration.
    pub configurations: Vec<AwayRow>,
    /// Sum of our violations over the sum of theirs, over all of them; below 1, learning wins.
    pub pooled: Option<Interval>,
}

/// One configuration, means over our settings that the rule is cheap enough for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwayRow {
    /// The configuration.
    pub configuration: String,
    /// Our avoidable violations, percent.
    pub learned_percent: f64,
    /// The rule's at the same pods, percent.
    pub rule_percent: f64,
}

/// Several configurations under names.
pub struct Grounded<'a> {
    /// Names of the configurations and what was played on them, the same loads on each.
    pub grounds: &'a [(String, Ground)],
    /// Names of the loads.
    pub traces: &'a [String],
    /// Names of the contenders.
    pub contenders: &'a [String],
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
        log_ratio(&front(pair.ours), &front(&[pair.theirs]))
    }

    /// Costs at equal violations.
    #[must_use]
    pub fn duel(&self, name: &str, pair: Pair<'_>) -> Duel {
        let elements = self.elements(pair);
        let count = self.grounds.len();
        let of = |at: usize, drawn: &[(usize, usize)]| self.log_ratio(at, pair, drawn);
        let ratios: Vec<Option<f64>> = (0..count).map(|at| of(at, &elements).map(f64::exp)).collect();
        // Codes of elements: configuration, then place.
        let size = elements.len();
        let within: Vec<Vec<usize>> = (0..count).map(|at| (at * size..(at + 1) * size).collect()).collect();
        let pooled = intervals(&within, SEED, |drawn| {
            let logs = (0..count).map(|at| {
                let own: Vec<(usize, usize)> =
                    drawn.iter().filter(|code| **code / size == at).map(|code| elements[*code % size]).collect();
                of(at, &own)
            });
            vec![geometric_mean(logs)]
        });
        let together = vec![(0..size).collect::<Vec<_>>()];
        let clustered = intervals(&together, SEED, |drawn| {
            let own: Vec<(usize, usize)> = drawn.iter().map(|code| elements[*code]).collect();
            vec![geometric_mean((0..count).map(|at| of(at, &own)))]
        });
        let ahead = |member: usize| {
            let one = Pair { ours: &pair.ours[member..=member], ..pair };
            let elements = self.elements(one);
            geometric_mean((0..count).map(|at| self.log_ratio(at, one, &elements))).is_some_and(|ratio| ratio < 1.0)
        };
        let trace = |(trace, name): (usize, &String)| {
            let own: Vec<(usize, usize)> = elements.iter().copied().filter(|it| self.is_of(it.0, trace)).collect();
            (name.clone(), geometric_mean((0..count).map(|at| of(at, &own))))
        };
        Duel {
            learned: name.to_owned(),
            rule: self.contenders[pair.theirs].clone(),
            median: median(ratios.iter().flatten().copied().collect()),
            configurations: self.grounds.iter().map(|(name, _)| name.clone()).zip(ratios).collect(),
            pooled: pooled.into_iter().next().flatten(),
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
    pub fn away(&self, name: &str, pair: Pair<'_>) -> Away {
        let elements = self.elements(pair);
        let (count, size) = (self.grounds.len(), elements.len());
        let sums = |at: usize, drawn: &[(usize, usize)]| {
            let ground = &self.grounds[at].1;
            let theirs = Frontier::new(ground.curve(&[pair.theirs], drawn));
            let ours = ground.curve(pair.ours, drawn);
            let compared = ours.iter().filter(|(cost, _)| theirs.violating_at(*cost).is_some()).count().max(1) as f64;
            let (ours, theirs) = at_equal_pods(&ours, &theirs);
            (ours / compared, theirs / compared)
        };
        let within: Vec<Vec<usize>> = (0..count).map(|at| (at * size..(at + 1) * size).collect()).collect();
        let pooled = intervals(&within, SEED, |drawn| {
            let (mut ours, mut theirs) = (0.0, 0.0);
            for at in 0..count {
                let own: Vec<(usize, usize)> =
                    drawn.iter().filter(|code| **code / size == at).map(|code| elements[*code % size]).collect();
                let sum = sums(at, &own);
                (ours, theirs) = (ours + sum.0, theirs + sum.1);
            }
            vec![Some(ours / theirs).filter(|ratio| ratio.is_finite())]
        });
        let row = |(at, (name, _)): (usize, &(String, Ground))| {
            let (learned_percent, rule_percent) = sums(at, &elements);
            AwayRow { configuration: name.clone(), learned_percent, rule_percent }
        };
        Away {
            learned: name.to_owned(),
            rule: self.contenders[pair.theirs].clone(),
            configurations: self.grounds.iter().enumerate().map(row).collect(),
            pooled: pooled.into_iter().next().flatten(),
        }
    }
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
        let names = ["learned".to_owned(), "rule".to_owned()];
        let grounded = Grounded { grounds: &grounds, traces: &["load".to_owned()], contenders: &names };
        let duel = grounded.duel("learned", Pair { ours: &[0], theirs: 1 });
        let near = |found: Option<f64>, expected: f64| assert!((found.unwrap() - expected).abs() < 1e-12, "{duel:?}");
        near(duel.configurations[0].1, 0.5);
        near(duel.configurations[1].1, 1.0);
        near(duel.configurations[2].1, 0.25);
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
        let names = ["learned".to_owned(), "rule".to_owned()];
        let grounded = Grounded { grounds: &grounds, traces: &["load".to_owned()], contenders: &names };
        let away = grounded.away("learned", Pair { ours: &[0], theirs: 1 });
        assert_eq!((away.configurations[0].learned_percent, away.configurations[0].rule_percent), (0.0, 10.0));
        assert_eq!(away.pooled.unwrap().estimate, 0.0);
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
        let names = ["one".to_owned(), "two".to_owned(), "rule".to_owned()];
        let grounded = Grounded { grounds: &grounds, traces: &["load".to_owned()], contenders: &names };
        let pooled = grounded.duel("learned", Pair { ours: &[0, 1], theirs: 2 });
        assert_eq!(pooled.every_seed_ahead, Some(false), "the second needs 3 pods, the rule 2");
        assert!((pooled.pooled.unwrap().estimate - 1.0).abs() < 1e-12, "(1 + 3) / 2 against 2");
    }
}
