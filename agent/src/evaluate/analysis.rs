//! From units to a report.

use crate::bound::{Bound, Point};

use super::bootstrap::{interquartile_mean, intervals};
use super::contender::Contender;
use super::field::{PLAN_PRICES, Unit};
use super::frontier::Frontier;
use super::judge::Tally;
use super::report::{Front, FrontPoint, LEVELS, Matched, Report, Row, RunMeans, Section};

/// Seed of the resampling.
const SEED: u64 = 0x626f_6f74;

/// A policy, or several checkpoints as one.
struct Group {
    name: String,
    /// Contenders, one for each checkpoint; a rule has one.
    members: Vec<usize>,
}

/// One unit under one checkpoint: what is resampled.
struct Analysis<'a> {
    units: &'a [Unit],
    contenders: &'a [Contender],
    chosen: &'a [usize],
    price: f64,
    groups: Vec<Group>,
    checkpoints: usize,
}

impl Report {
    /// Of the units that were played; `chosen` is the setting of each contender.
    #[must_use]
    pub fn new(units: &[Unit], contenders: &[Contender], chosen: &[usize], price: f64, names: &[String]) -> Self {
        let groups = groups(contenders);
        let checkpoints = groups.first().map_or(1, |group| group.members.len());
        let analysis = Analysis { units, contenders, chosen, price, groups, checkpoints };
        let of = |trace: usize| -> Vec<usize> { (0..units.len()).filter(|unit| units[*unit].trace == trace).collect() };
        let strata: Vec<Vec<usize>> = (0..names.len()).map(of).collect();
        let traces = names.iter().zip(&strata).map(|(name, units)| analysis.section(name, std::slice::from_ref(units)));
        Self {
            loads: String::new(),
            deployment: None,
            price,
            seeds: strata.first().map_or(0, Vec::len),
            checkpoints: Vec::new(),
            tuned_on: String::new(),
            days: Vec::new(),
            traces: traces.collect(),
            total: analysis.section("all traces", &strata),
            matched: analysis.matched(&strata),
        }
    }
}

/// Checkpoints of one loop period as one, if there are several, before each of them; then the rules.
fn groups(contenders: &[Contender]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut learned: Vec<usize> = (0..contenders.len()).filter(|index| contenders[*index].learned).collect();
    while let Some(&first) = learned.first() {
        let period_s = contenders[first].period_s;
        let members = learned.extract_if(.., |index| contenders[*index].period_s == period_s).collect::<Vec<_>>();
        if members.len() > 1 {
            let suffix = contenders[first].name.split_once(" @").map_or(String::new(), |(_, at)| format!(" @{at}"));
            groups.push(Group { name: format!("learned, {} seeds{suffix}", members.len()), members });
        } else {
            groups.push(Group { name: contenders[first].name.clone(), members });
        }
    }
    let single = |at: usize| Group { name: contenders[at].name.clone(), members: vec![at] };
    let alone: Vec<Group> = (0..contenders.len()).map(single).collect();
    let missing = alone.into_iter().filter(|group| !groups.iter().any(|other| other.name == group.name));
    let missing: Vec<Group> = missing.collect();
    groups.extend(missing);
    groups
}

impl Analysis<'_> {
    /// Elements of these units: one for each checkpoint.
    fn elements(&self, strata: &[Vec<usize>]) -> Vec<Vec<usize>> {
        let every = |unit: &usize| (0..self.checkpoints).map(|k| unit * self.checkpoints + k).collect::<Vec<_>>();
        strata.iter().map(|units| units.iter().flat_map(every).collect()).collect()
    }

    fn unit(&self, element: usize) -> &Unit {
        &self.units[element / self.checkpoints]
    }

    fn member(&self, group: &Group, element: usize) -> usize {
        group.members[(element % self.checkpoints) % group.members.len()]
    }

    /// In the units of the plots: percent of feasible windows, and the bound's pod-seconds at the fewest violations.
    fn relative(&self, unit: &Unit, violations: f64, pod_seconds: f64) -> (f64, f64) {
        let feasible = unit.tallies.iter().flatten().next().map_or(0, |tally| tally.windows - tally.infeasible);
        (100.0 * violations / feasible.max(1) as f64, pod_seconds / unit.base_pod_s())
    }

    /// Mean of each setting over the elements.
    fn curve(&self, group: &Group, elements: &[usize]) -> Vec<(f64, f64)> {
        let settings = self.contenders[group.members[0]].knobs.len();
        let mut curve = vec![(0.0, 0.0); settings];
        for &element in elements {
            let unit = self.unit(element);
            for (point, tally) in curve.iter_mut().zip(&unit.tallies[self.member(group, element)]) {
                let (x, y) = self.relative(unit, tally.avoidable as f64, tally.pod_seconds);
                point.0 += x / elements.len() as f64;
                point.1 += y / elements.len() as f64;
            }
        }
        curve
    }

    /// Mean front of the bound over the elements.
    fn bound(&self, elements: &[usize]) -> Bound {
        let count = elements.len() as f64;
        let scaled = elements.iter().map(|&element| {
            let unit = self.unit(element);
            Bound::new(unit.bound.points().iter().map(|point| {
                let (x, y) = self.relative(unit, point.violations, point.pod_seconds);
                Point { violations: x / count, pod_seconds: y / count }
            }))
        });
        Bound::sum(&scaled.collect::<Vec<_>>())
    }

    fn section(&self, name: &str, strata: &[Vec<usize>]) -> Section {
        let strata = self.elements(strata);
        let elements: Vec<usize> = strata.iter().flatten().copied().collect();
        let bound = self.bound(&elements);
        let front_point =
            |knob, (avoidable_percent, relative_cost)| FrontPoint { knob, avoidable_percent, relative_cost };
        let fronts = self.groups.iter().map(|group| {
            let curve = self.curve(group, &elements);
            let front = Frontier::new(curve.iter().map(|&(x, y)| (y, x)));
            let knobs = &self.contenders[group.members[0]].knobs;
            Front {
                policy: group.name.clone(),
                points: knobs.iter().zip(&curve).map(|(knob, point)| front_point(Some(*knob), *point)).collect(),
                runs: (0..knobs.len()).map(|setting| self.run(group, setting, &elements)).collect(),
                to_bound: LEVELS.iter().map(|level| ratio(&front, &bound, *level)).collect(),
            }
        });
        let plans = PLAN_PRICES.iter().enumerate().map(|(at, price)| {
            let mut mean = (0.0, 0.0);
            for &element in &elements {
                let unit = self.unit(element);
                let plan = unit.achieved.get(at).copied().unwrap_or_default();
                let (x, y) = self.relative(unit, plan.violations, plan.pod_seconds);
                mean = (mean.0 + x / elements.len() as f64, mean.1 + y / elements.len() as f64);
            }
            front_point(Some(*price), mean)
        });
        let tally = self.tally(&self.groups[0], &elements);
        let bases = elements.iter().map(|element| self.unit(*element).base_pod_s());
        Section {
            name: name.to_owned(),
            windows: tally.windows / self.checkpoints as u64,
            infeasible_percent: percent(tally.infeasible, tally.windows),
            bound_pod_minutes: bases.sum::<f64>() / 60.0 / self.runs(&strata),
            bound: bound
                .points()
                .iter()
                .map(|point| front_point(None, (point.violations, point.pod_seconds)))
                .collect(),
            plans: plans.collect(),
            fronts: fronts.collect(),
            rows: self.groups.iter().map(|group| self.row(group, &strata)).collect(),
        }
    }

    /// Runs of one seed through every trace.
    fn runs(&self, strata: &[Vec<usize>]) -> f64 {
        strata.first().map_or(1.0, |elements| elements.len() as f64)
    }

    fn tally(&self, group: &Group, elements: &[usize]) -> Tally {
        let mut sum = Tally::default();
        for &element in elements {
            let member = self.member(group, element);
            sum.merge(&self.unit(element).tallies[member][self.chosen[member]]);
        }
        sum
    }

    fn row(&self, group: &Group, strata: &[Vec<usize>]) -> Row {
        let elements: Vec<usize> = strata.iter().flatten().copied().collect();
        let tally = self.tally(group, &elements);
        let bounds: Vec<&Bound> = elements.iter().map(|element| &self.unit(*element).bound).collect();
        let least = Bound::sum(bounds).pod_seconds_at(tally.avoidable as f64).filter(|least| *least > 0.0);
        let hours = tally.seconds / 3600.0;
        let window_minutes = tally.seconds / tally.windows.max(1) as f64 / 60.0;
        let contender = &self.contenders[group.members[0]];
        let quantile = |share| tally.responses.as_ref().map_or(0.0, |responses| responses.quantile(share));
        let regret = |drawn: &[usize]| {
            let regrets: Option<Vec<f64>> = drawn.iter().map(|element| self.regret(group, *element)).collect();
            vec![regrets.map(|regrets| interquartile_mean(&regrets))]
        };
        Row {
            policy: group.name.clone(),
            period_s: contender.period_s,
            knob: contender.knobs[self.chosen[group.members[0]]],
            late_percent: percent(tally.late, tally.requests),
            violating_percent: percent(tally.violating, tally.windows),
            avoidable_percent: tally.avoidable_percent(),
            response_s: [0.5, 0.95, 0.99].map(quantile),
            pod_minutes: tally.pod_seconds / 60.0 / self.runs(strata),
            to_bound: least.map(|least| tally.pod_seconds / least),
            actions_per_hour: tally.actions as f64 / hours,
            reversals_per_hour: tally.reversals as f64 / hours,
            recovery_minutes: window_minutes * tally.violating as f64 / tally.outages.max(1) as f64,
            longest_outage_minutes: window_minutes * tally.longest_outage as f64,
            regret: intervals(strata, SEED, regret).pop().flatten(),
        }
    }

    /// Mean episode of a setting.
    fn run(&self, group: &Group, setting: usize, elements: &[usize]) -> RunMeans {
        let mut sum = Tally::default();
        let mut episodes = 0;
        for &element in elements {
            sum.merge(&self.unit(element).tallies[self.member(group, element)][setting]);
            episodes += self.unit(element).episodes;
        }
        let mean = |total: f64| total / episodes.max(1) as f64;
        RunMeans {
            knob: self.contenders[group.members[0]].knobs[setting],
            violating: mean(sum.violating as f64),
            recorded: mean(sum.recorded as f64),
            pod_minutes: mean(sum.pod_seconds / 60.0),
            actions: mean(sum.actions as f64),
            objective: sum.objective(self.price),
        }
    }

    /// Without a bound there is none.
    fn regret(&self, group: &Group, element: usize) -> Option<f64> {
        let (unit, member) = (self.unit(element), self.member(group, element));
        let tally = &unit.tallies[member][self.chosen[member]];
        let point = Point { violations: tally.avoidable as f64, pod_seconds: tally.pod_seconds };
        let price_pod_s = self.price * unit.full_pod_s;
        unit.bound.points().first()?;
        Some(point.at(price_pod_s) / unit.bound.least_cost(price_pod_s) - 1.0)
    }

    /// The learned group of the same loop period, or else the first.
    fn learned_beside(&self, group: &Group) -> usize {
        let period_s = self.contenders[group.members[0]].period_s;
        let same = |other: &Group| {
            let contender = &self.contenders[other.members[0]];
            contender.learned && contender.period_s == period_s
        };
        self.groups.iter().position(same).unwrap_or(0)
    }

    /// At equal violations.
    fn matched(&self, strata: &[Vec<usize>]) -> Vec<Matched> {
        let ratios = |drawn: &[usize]| {
            let bound = self.bound(drawn);
            let fronts: Vec<Frontier> = self
                .groups
                .iter()
                .map(|group| Frontier::new(self.curve(group, drawn).into_iter().map(|(x, y)| (y, x))))
                .collect();
            let mut found = Vec::new();
            for level in LEVELS {
                for (front, group) in fronts.iter().zip(&self.groups) {
                    let learned = fronts[self.learned_beside(group)].cost_at(level);
                    found.push(ratio(front, &bound, level));
                    found.push(learned.and_then(|learned| Some(learned / front.cost_at(level)?)));
                }
            }
            found
        };
        let found = intervals(&self.elements(strata), SEED, ratios);
        let pairs = LEVELS.iter().flat_map(|level| self.groups.iter().map(move |group| (level, group)));
        pairs
            .zip(found.chunks(2))
            .map(|((level, group), found)| Matched {
                policy: group.name.clone(),
                avoidable_percent: *level,
                to_bound: found[0],
                learned_to_this: found[1],
            })
            .collect()
    }
}

fn ratio(front: &Frontier, bound: &Bound, level: f64) -> Option<f64> {
    Some(front.cost_at(level)? / bound.pod_seconds_at(level).filter(|least| *least > 0.0)?)
}

impl Unit {
    /// Pod-seconds of the bound at its fewest violations; without a bound, the work of the requests.
    pub(super) fn base_pod_s(&self) -> f64 {
        let work_s = self.tallies.iter().flatten().next().map_or(1.0, |tally| tally.work_s);
        self.bound.points().first().map_or(work_s, |point| point.pod_seconds)
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}
