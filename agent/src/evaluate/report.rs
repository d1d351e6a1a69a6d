//! What was found on recorded loads, as data.

use serde::Serialize;

use crate::bound::{Bound, Point};

use super::bootstrap::{Interval, interquartile_mean, intervals};
use super::contender::Contender;
use super::deployment::Deployment;
use super::field::{PLAN_PRICES, Unit};
use super::frontier::Frontier;
use super::judge::Tally;

/// Avoidable violations at which policies are compared, percent of the feasible windows.
pub const LEVELS: [f64; 4] = [0.5, 1.0, 2.0, 5.0];
/// Seed of the resampling.
const SEED: u64 = 0x626f_6f74;

/// Everything.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The deployment.
    pub deployment: Deployment,
    /// Price of an avoidable violation in the objective and in the choice of every setting, full clusters for one window.
    pub price: f64,
    /// Arrival seeds.
    pub seeds: usize,
    /// Short hashes of the checkpoints.
    pub checkpoints: Vec<String>,
    /// What every policy's setting was chosen on, in words.
    pub tuned_on: String,
    /// Days of each trace that were played: name, days.
    pub days: Vec<(String, Vec<u32>)>,
    /// Each trace.
    pub traces: Vec<Section>,
    /// All traces, each counting alike.
    pub total: Section,
    /// Comparison at equal violations over all traces, with intervals.
    pub matched: Vec<Matched>,
}

/// One trace, or all.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Judged windows of all seeds.
    pub windows: u64,
    /// Windows that violate with the most replicas, percent.
    pub infeasible_percent: f64,
    /// Pod-minutes that the bound has at the fewest violations, mean of a seed: the unit of every relative cost.
    pub bound_pod_minutes: f64,
    /// The bound: avoidable violations, percent, and relative cost.
    pub bound: Vec<FrontPoint>,
    /// Plans that know the future, played: the other side of the bound. The knob is the price.
    pub plans: Vec<FrontPoint>,
    /// Each policy at the setting that was chosen for it.
    pub rows: Vec<Row>,
    /// Each policy at each setting.
    pub fronts: Vec<Front>,
}

/// A policy at one setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The policy.
    pub policy: String,
    /// Its loop period, seconds.
    pub period_s: f64,
    /// Setting of its knob.
    pub knob: f64,
    /// Requests over the threshold, percent.
    pub late_percent: f64,
    /// Violating windows, percent of all.
    pub violating_percent: f64,
    /// Violating feasible windows, percent of the feasible.
    pub avoidable_percent: f64,
    /// Quantiles of the response time, seconds: 50, 95, 99 %.
    pub response_s: [f64; 3],
    /// Pod-minutes, mean of a seed.
    pub pod_minutes: f64,
    /// Pod-minutes over the bound's at as many avoidable violations; `None`: the bound says that so few are impossible.
    pub to_bound: Option<f64>,
    /// Changes of the replica count an hour.
    pub actions_per_hour: f64,
    /// Changes against the one before, an hour.
    pub reversals_per_hour: f64,
    /// Mean length of a run of violating windows, minutes.
    pub recovery_minutes: f64,
    /// The longest of them, minutes.
    pub longest_outage_minutes: f64,
    /// Interquartile mean over (trace, seed) of `J / J of the bound - 1`, where J is pod-minutes plus the priced avoidable
    /// violations.
    pub regret: Option<Interval>,
}

/// A policy's knob swept.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Front {
    /// The policy.
    pub policy: String,
    /// Each setting.
    pub points: Vec<FrontPoint>,
    /// Cost at each of [`LEVELS`] over the bound's there.
    pub to_bound: Vec<Option<f64>>,
}

/// Cost against violations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontPoint {
    /// Setting of the knob; for a plan, its price; none for the bound.
    pub knob: Option<f64>,
    /// Avoidable violations, percent of the feasible windows.
    pub avoidable_percent: f64,
    /// Pod-minutes over the bound's at the fewest violations.
    pub relative_cost: f64,
}

/// A policy at equal avoidable violations, over all traces.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Matched {
    /// The policy.
    pub policy: String,
    /// Avoidable violations, percent.
    pub avoidable_percent: f64,
    /// Its cost over the bound's.
    pub to_bound: Option<Interval>,
    /// The learned policy's cost over its own: below 1, learning wins.
    pub learned_to_this: Option<Interval>,
}

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
    deployment: &'a Deployment,
    price_pod_s: f64,
    groups: Vec<Group>,
    checkpoints: usize,
}

impl Report {
    /// Of the units that were played; `chosen` is the setting of each contender.
    #[must_use]
    pub fn new(
        units: &[Unit],
        contenders: &[Contender],
        chosen: &[usize],
        deployment: &Deployment,
        price: f64,
        names: &[String],
    ) -> Self {
        let learned: Vec<usize> = (0..contenders.len()).filter(|index| contenders[*index].learned).collect();
        let mut groups = Vec::new();
        if learned.len() > 1 {
            groups.push(Group { name: format!("learned, {} seeds", learned.len()), members: learned.clone() });
        }
        groups.extend((0..contenders.len()).map(|at| Group { name: contenders[at].name.clone(), members: vec![at] }));
        let price_pod_s = price * f64::from(deployment.max_replicas) * deployment.window_s;
        let checkpoints = learned.len().max(1);
        let analysis = Analysis { units, contenders, chosen, deployment, price_pod_s, groups, checkpoints };
        let of = |trace: usize| -> Vec<usize> { (0..units.len()).filter(|unit| units[*unit].trace == trace).collect() };
        let strata: Vec<Vec<usize>> = (0..names.len()).map(of).collect();
        let traces = names.iter().zip(&strata).map(|(name, units)| analysis.section(name, std::slice::from_ref(units)));
        Self {
            deployment: deployment.clone(),
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
        let base = unit.bound.points().first().map_or(1.0, |point| point.pod_seconds);
        (100.0 * violations / feasible.max(1) as f64, pod_seconds / base)
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
        let bases =
            elements.iter().map(|element| self.unit(*element).bound.points().first().map_or(0.0, |p| p.pod_seconds));
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
        let least = Bound::sum(bounds).pod_seconds_at(tally.avoidable as f64);
        let hours = tally.windows as f64 * self.deployment.window_s / 3600.0;
        let window_minutes = self.deployment.window_s / 60.0;
        let contender = &self.contenders[group.members[0]];
        let quantile = |share| tally.responses.as_ref().map_or(0.0, |responses| responses.quantile(share));
        let regret = |drawn: &[usize]| {
            let regrets: Vec<f64> = drawn.iter().map(|element| self.regret(group, *element)).collect();
            vec![Some(interquartile_mean(&regrets))]
        };
        Row {
            policy: group.name.clone(),
            period_s: contender.period_s.unwrap_or(self.deployment.period_s),
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

    fn regret(&self, group: &Group, element: usize) -> f64 {
        let (unit, member) = (self.unit(element), self.member(group, element));
        let tally = &unit.tallies[member][self.chosen[member]];
        let point = Point { violations: tally.avoidable as f64, pod_seconds: tally.pod_seconds };
        point.at(self.price_pod_s) / unit.bound.least_cost(self.price_pod_s) - 1.0
    }

    /// At equal violations; the first group is the learned policy.
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
                let learned = fronts[0].cost_at(level);
                for front in &fronts {
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
    Some(front.cost_at(level)? / bound.pod_seconds_at(level)?)
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}
