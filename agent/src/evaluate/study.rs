//! The learned policy against generalists and against rules tuned at home, over configurations.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use clap::Args;
use serde::Serialize;

use crate::checkpoint::Checkpoint;
use crate::rules::{RuleFamily, Search, Tuned, tune};
use crate::simulator::Episode;

use super::comparison::learned;
use super::configuration::{Configuration, Grounds, configurations, randomised};
use super::contender::{Contender, PRICES, generalists};
use super::deployment::Deployment;
use super::duel::{AtPods, Away, Duel, Ground, Grounded, Pair};
use super::field::{Case, Clairvoyant, Field};
use super::home::{HOME, HOME_HPA, Home};
use super::progress::Progress;
use super::recorded::{RecordedArgs, TUNING_SEED};
use super::report::LEVELS;

/// Windows in each deployment that generalists are tuned on.
const RANDOMISED_WINDOWS: u32 = 100;
/// For one setting of eleven knobs: 300 settings.
const GENERALIST_LONG: Search =
    Search { candidates: 200, rounds: 5, neighbours: 20, period_s: None, seed: TUNING_SEED };
/// For one setting of two or three knobs: 60 settings.
const GENERALIST: Search = Search { candidates: 40, rounds: 2, neighbours: 10, period_s: None, seed: TUNING_SEED };
/// Prices that the rule is tuned for at home; its safety stock is swept around each setting that is found.
const HOME_PRICES: [f64; 3] = [1.0, 3.0, 10.0];

/// Options of the configurations.
#[derive(Debug, Clone, Args)]
pub struct StudyArgs {
    /// Configurations to play, by name [default: all]
    #[arg(long)]
    pub configuration: Vec<String>,
    /// Hours of each day that are played in each configuration: the middle ones
    #[arg(long, default_value_t = 6.0)]
    pub hours: f64,
    /// Compute the clairvoyant bound in each configuration too: minutes more where replicas are many
    #[arg(long)]
    pub bound: bool,
    /// Deployments drawn at random that generalists are tuned on
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub deployments: u32,
    /// Play the recorded loads alone in the configurations, and none by formula
    #[arg(long)]
    pub recorded_only: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Study {
    /// Price at which the generalists have their one setting, full clusters for one window.
    pub price: f64,
    /// Loop period of the learned policy and of every rule that the scaler asks, seconds.
    pub period_s: f64,
    /// Windows that everybody is judged on, seconds.
    pub window_s: f64,
    /// Arrival seeds.
    pub seeds: u32,
    /// Hours of each day.
    pub hours: f64,
    /// Short hashes of the checkpoints.
    pub checkpoints: Vec<String>,
    /// Days of each recorded load: name, days.
    pub days: Vec<(String, Vec<u32>)>,
    /// How many settings of each rule were tried, and on what.
    pub searches: Vec<SearchNote>,
    /// At equal violations: every training seed and all of them, against every rule.
    pub duels: Vec<Duel>,
    /// At equal pods: where the rule that was tuned for the base does not know the deployment.
    pub away: Vec<Away>,
    /// Each policy's front in each configuration.
    pub fronts: Vec<ConfigurationFronts>,
    /// Settings below the bound, if it was computed: there is none if it is one.
    pub below_bound: Option<usize>,
}

/// A search of settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchNote {
    /// The rule.
    pub rule: String,
    /// Settings tried.
    pub settings: u32,
    /// For what, and where.
    pub on: String,
}

/// One configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigurationFronts {
    /// Its name.
    pub configuration: String,
    /// Windows that violate with the most replicas, percent of all.
    pub infeasible_percent: f64,
    /// Each policy.
    pub policies: Vec<PolicyFront>,
}

/// A policy's settings in a configuration, means over the loads.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyFront {
    /// The policy.
    pub policy: String,
    /// Setting of the knob, cost in units of the bound's or of the work of the requests, avoidable violations in percent.
    pub points: Vec<(f64, f64, f64)>,
    /// Cost over the bound's at the levels of violations, every load by itself and then their geometric mean.
    pub to_bound: Vec<(f64, Option<f64>)>,
}

/// Plays every configuration.
///
/// # Errors
/// A trace or a split that cannot be read, an option that makes no sense, or a figure out of range.
pub fn study(
    args: &StudyArgs,
    recorded: &RecordedArgs,
    checkpoints: &[Checkpoint],
    price: f64,
    seeds: u32,
) -> Result<Study> {
    let base = &recorded.deployment;
    let [period_s] = base.period_s[..] else {
        bail!("--period must be a single one for the configurations, there are {}", base.period_s.len());
    };
    ensure!(args.hours.is_finite() && args.hours > 0.0, "--hours must be above 0, it is {}", args.hours);
    let played = args.configurations(base)?;
    let own = Some(period_s).filter(|period_s| *period_s != base.window_s);
    let stage = Stage { args, recorded, checkpoints, price, seeds, own_period_s: own };
    // The generalists, the base, and for each configuration its search and its episodes.
    let progress = Progress::new("configurations", 2 + 2 * played.len());
    let generalists = stage.generalists(base.window_s)?;
    progress.tick_as("generalists tuned");
    let at_base = stage.home(&configurations(base)[0], &[RuleFamily::CalLong])?;
    progress.tick_as("rule of the base tuned");
    let mut grounds = Vec::new();
    let mut fronts = Vec::new();
    let mut below = 0;
    let mut names = Vec::new();
    for configuration in &played {
        let tuned = stage.home(configuration, &[RuleFamily::CalLong, RuleFamily::Hpa])?;
        progress.tick_as(&format!("{}: rules tuned", configuration.name));
        let contenders = stage.contenders(&generalists, &at_base.tuned, &tuned.tuned);
        let clairvoyant = if args.bound { Clairvoyant::Bounded } else { Clairvoyant::Absent };
        let threads = recorded.threads();
        let units = Field { contenders: &contenders, detailed: None, clairvoyant, threads }
            .play(&tuned.grounds.tested, || ())?;
        below += units.iter().map(|unit| below_bound(unit, &contenders)).sum::<usize>();
        fronts.push(configuration_fronts(configuration.name, &units, &contenders));
        grounds.push((configuration.name.to_owned(), Ground::new(&units)));
        names = tuned.grounds.names;
        progress.tick_as(&format!("{}: played", configuration.name));
    }
    let contenders = stage.contenders(&generalists, &at_base.tuned, &at_base.tuned);
    let (duels, away) = compared(&played, &grounds, &names, &contenders);
    let parts = recorded.loads.parts(base, recorded.days.unwrap_or(1))?;
    Ok(Study {
        price,
        period_s,
        window_s: base.window_s,
        seeds,
        hours: args.hours,
        checkpoints: checkpoints.iter().map(|checkpoint| checkpoint.short_hash().to_owned()).collect(),
        days: parts.days(),
        searches: searches(args.deployments, price, &at_base.grounds),
        duels,
        away,
        fronts,
        below_bound: args.bound.then_some(below),
    })
}

impl StudyArgs {
    /// Those that were asked for.
    pub(super) fn configurations(&self, base: &Deployment) -> Result<Vec<Configuration>> {
        let (all, asked) = (configurations(base), &self.configuration);
        if let Some(unknown) = asked.iter().find(|name| !all.iter().any(|it| it.name == name.as_str())) {
            let names: Vec<&str> = all.iter().map(|configuration| configuration.name).collect();
            bail!("there is no --configuration {unknown:?}; there are {}", names.join("; "));
        }
        let wanted = |it: &Configuration| asked.is_empty() || asked.iter().any(|name| name == it.name);
        Ok(all.into_iter().filter(wanted).collect())
    }
}

/// What is the same in all configurations.
struct Stage<'a> {
    args: &'a StudyArgs,
    recorded: &'a RecordedArgs,
    checkpoints: &'a [Checkpoint],
    price: f64,
    seeds: u32,
    /// Of the scaler's loop, if it is not that of the windows.
    own_period_s: Option<f64>,
}

/// Rules tuned for a configuration, and its loads.
struct AtHome {
    tuned: Vec<Tuned>,
    grounds: Grounds,
}

impl Stage<'_> {
    /// One setting of each rule for all deployments that training could have drawn.
    fn generalists(&self, window_s: f64) -> Result<Vec<Tuned>> {
        let cases = randomised(self.args.deployments, RANDOMISED_WINDOWS, window_s)?;
        let episodes: Vec<Arc<Episode>> = cases.iter().map(Case::draw).collect::<Result<_, _>>()?;
        let searches = [
            (RuleFamily::CalLong, GENERALIST_LONG),
            (RuleFamily::Trend, GENERALIST),
            (RuleFamily::Reactive, GENERALIST),
            (RuleFamily::Hpa, GENERALIST),
        ];
        let mut tuned = Vec::new();
        for (family, search) in searches {
            let period_s = self.own_period_s.or(Some(window_s));
            tuned.extend(tune(family, &episodes, &[self.price], &Search { period_s, ..search })?);
        }
        Ok(tuned)
    }

    /// Every price's setting of these families for exactly this configuration.
    fn home(&self, configuration: &Configuration, families: &[RuleFamily]) -> Result<AtHome> {
        let deployment = &configuration.deployment;
        let parts = self.recorded.loads.parts(deployment, self.recorded.days.unwrap_or(1))?;
        let grounds = Grounds::new(&parts, deployment, self.seeds, self.args.hours, !self.args.recorded_only)?;
        let home = Home::new(&grounds, self.own_period_s)?;
        let mut tuned = Vec::new();
        for family in families {
            let (search, prices): (_, &[f64]) = match family {
                RuleFamily::Hpa => (HOME_HPA, &PRICES),
                _ => (HOME, &HOME_PRICES),
            };
            tuned.extend(home.tune(*family, prices, search)?);
        }
        Ok(AtHome { tuned, grounds })
    }

    /// The checkpoints first, then the rules; the same places in every configuration.
    fn contenders(&self, general: &[Tuned], at_base: &[Tuned], home: &[Tuned]) -> Vec<Contender> {
        let looped = |contender: Contender| match (self.own_period_s, contender.is_of_cluster()) {
            (Some(period_s), _) => contender.every(period_s),
            // The cluster's law at our period.
            (None, true) => contender.every(self.recorded.deployment.window_s),
            (None, false) => contender,
        };
        let mut contenders: Vec<Contender> = learned(self.checkpoints, self.price).into_iter().map(looped).collect();
        for rule in generalists(general) {
            let name = format!("generalist {}", rule.name);
            contenders.push(looped(rule).named(&name));
        }
        // The generalist's setting too: who tunes at home can take it, and short tuning days must not make a straw man.
        let long_memory = |tuned: &mut dyn Iterator<Item = &Tuned>| {
            let long = tuned.filter(|it| it.family == RuleFamily::CalLong);
            Contender::long_memory(&long.cloned().collect::<Vec<_>>())
        };
        contenders.push(looped(long_memory(&mut general.iter().chain(home))).named(HOME_RULE));
        // Away from home without it: that setting was found where this rule is not at home.
        contenders.push(looped(long_memory(&mut at_base.iter())).named(BASE_RULE));
        contenders.push(looped(Contender::tuned(RuleFamily::CalLong, at_base)).named(BASE_SETTINGS));
        contenders.push(Contender::tuned(RuleFamily::Hpa, home).named("home hpa at 15 s"));
        contenders
    }
}

/// The rule that is tuned for exactly what it is tested on.
const HOME_RULE: &str = "home cal-long";
/// The rule that is tuned for the base, its safety stock set anew for where it is.
const BASE_RULE: &str = "cal-long of the base, its stock set anew";
/// The rule that is tuned for the base, as it is.
const BASE_SETTINGS: &str = "cal-long of the base";

/// How many settings that decide at the end of each window are below the bound.
fn below_bound(unit: &super::Unit, contenders: &[Contender]) -> usize {
    let at_windows = contenders.iter().zip(&unit.tallies).filter(|(contender, _)| contender.period_s.is_none());
    let points = at_windows
        .flat_map(|(_, tallies)| tallies)
        .map(|tally| crate::bound::Point { violations: tally.avoidable as f64, pod_seconds: tally.pod_seconds });
    points.filter(|point| unit.bound.is_beaten_by(*point)).count()
}

fn configuration_fronts(name: &str, units: &[super::Unit], contenders: &[Contender]) -> ConfigurationFronts {
    let count = units.len().max(1) as f64;
    let policy = |(index, contender): (usize, &Contender)| {
        let mean = |setting: usize, figure: &dyn Fn(&super::Unit, &super::Tally) -> f64| {
            units.iter().map(|unit| figure(unit, &unit.tallies[index][setting])).sum::<f64>() / count
        };
        let points = contender.knobs.iter().enumerate().map(|(setting, knob)| {
            let cost = mean(setting, &|unit, tally| tally.pod_seconds / unit.base_pod_s());
            (*knob, cost, mean(setting, &|_, tally| tally.avoidable_percent()))
        });
        let to_bound = LEVELS.iter().map(|level| (*level, to_bound(units, index, *level)));
        PolicyFront { policy: contender.name.clone(), points: points.collect(), to_bound: to_bound.collect() }
    };
    let tallies = units.iter().filter_map(|unit| unit.tallies.iter().flatten().next());
    let (infeasible, windows) = tallies.fold((0, 0), |sum, tally| (sum.0 + tally.infeasible, sum.1 + tally.windows));
    ConfigurationFronts {
        configuration: name.to_owned(),
        infeasible_percent: 100.0 * infeasible as f64 / windows.max(1) as f64,
        policies: contenders.iter().enumerate().map(policy).collect(),
    }
}

/// Of the loads on which the policy gets there.
fn to_bound(units: &[super::Unit], contender: usize, level: f64) -> Option<f64> {
    let ratio = |unit: &super::Unit| {
        let tallies = &unit.tallies[contender];
        let front = super::Frontier::new(tallies.iter().map(|tally| (tally.pod_seconds, tally.avoidable_percent())));
        let feasible = tallies.first().map_or(0, |tally| tally.windows - tally.infeasible);
        let least = unit.bound.pod_seconds_at(level / 100.0 * feasible as f64)?;
        Some((front.cost_at(level)? / least).ln())
    };
    let logs: Vec<f64> = units.iter().filter_map(ratio).collect();
    (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp())
}

fn compared(
    played: &[Configuration],
    grounds: &[(String, Ground)],
    traces: &[String],
    contenders: &[Contender],
) -> (Vec<Duel>, Vec<Away>) {
    let names: Vec<String> = contenders.iter().map(|contender| contender.name.clone()).collect();
    let checkpoints: Vec<usize> = (0..contenders.len()).filter(|index| contenders[*index].learned).collect();
    let mut ours: Vec<(String, Vec<usize>)> = Vec::new();
    if checkpoints.len() > 1 {
        ours.push((format!("learned, {} seeds", checkpoints.len()), checkpoints.clone()));
    }
    ours.extend(checkpoints.iter().map(|index| (names[*index].clone(), vec![*index])));
    let grounded = Grounded { grounds, traces };
    let rules = || (checkpoints.len()..contenders.len()).map(|index| (names[index].as_str(), [index]));
    let mut duels = Vec::new();
    for (rule, theirs) in rules().filter(|(rule, _)| ![BASE_RULE, BASE_SETTINGS].contains(rule)) {
        duels.extend(ours.iter().map(|(name, ours)| grounded.duel(name, rule, Pair { ours, theirs: &theirs })));
    }
    let far = |name: &str| played.iter().any(|it| it.name == name && it.away);
    let away: Vec<(String, Ground)> = grounds.iter().filter(|(name, _)| far(name)).cloned().collect();
    let grounded = Grounded { grounds: &away, ..grounded };
    let mut found = Vec::new();
    for (rule, theirs) in rules().filter(|_| !away.is_empty()) {
        let at = match rule {
            BASE_RULE => AtPods::Ours,
            BASE_SETTINGS => AtPods::Theirs,
            _ => continue,
        };
        found.extend(ours.iter().map(|(name, ours)| grounded.away(name, rule, Pair { ours, theirs: &theirs }, at)));
    }
    (duels, found)
}

fn searches(deployments: u32, price: f64, base: &Grounds) -> Vec<SearchNote> {
    let general = |family: RuleFamily, search: Search| SearchNote {
        rule: format!("generalist {}", family.name()),
        settings: search.tried(1),
        on: format!(
            "{deployments} randomised deployments of {RANDOMISED_WINDOWS} windows, one setting for price {price}"
        ),
    };
    let seconds: f64 = base.tuning.iter().map(|case| case.scenario.load.duration_s()).sum();
    let home = |rule: &str, search: Search, prices: usize, and: &str| SearchNote {
        rule: rule.to_owned(),
        settings: search.tried(prices),
        on: format!(
            "{} tuning loads, {:.0} h, of the very configuration, a setting for each of {prices} prices{and}",
            base.tuning.len(),
            seconds / 3600.0,
        ),
    };
    let with_general = "; each of them, and the generalist's, at every safety stock, the best read off the test itself";
    let swept = "; each of them at every safety stock, the best read off the test itself";
    vec![
        general(RuleFamily::CalLong, GENERALIST_LONG),
        general(RuleFamily::Trend, GENERALIST),
        general(RuleFamily::Reactive, GENERALIST),
        general(RuleFamily::Hpa, GENERALIST),
        home(HOME_RULE, HOME, HOME_PRICES.len(), with_general),
        home(BASE_RULE, HOME, HOME_PRICES.len(), swept),
        home("home hpa at 15 s", HOME_HPA, PRICES.len(), ""),
    ]
}
