//! From loads to a report: settings are chosen on some episodes, and everybody is played on others.

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::checkpoint::Checkpoint;
use crate::learned::Learned;
use crate::rules::{RuleFamily, Search, Tuned, tune};
use crate::simulator::{Episode, ScenarioError};

use super::contender::{Contender, cluster_laws, rules};
use super::field::{Case, Clairvoyant, Field, Unit};
use super::progress::Progress;
use super::report::Report;

/// How long the search of a family's settings is: 160 settings.
const TUNING: Search = Search { candidates: 80, rounds: 4, neighbours: 20, period_s: None, seed: 60_000 };

/// Name of the forecast of a checkpoint as a policy.
const FORECAST: &str = "required pods";

/// Loads, and who plays on them.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// What the loads are, in words.
    pub loads: String,
    /// Names of the loads that are tested on.
    pub names: Vec<String>,
    /// Tested on.
    pub tested: Vec<Case>,
    /// Never tested on: settings are chosen there.
    pub tuning: Vec<Case>,
    /// What those are, in words.
    pub tuned_on: String,
    /// Most replicas of any load.
    pub most_replicas: u32,
    /// Loop periods of whom the scaler asks, seconds; `None`: at the end of each window.
    pub periods_s: Vec<Option<f64>>,
    /// Whether the laws of the cluster take part, whose periods are of seconds: not where time is squeezed.
    pub cluster_laws: bool,
    /// Policies beside the learned one, by name; none: all.
    pub policy: Vec<String>,
    /// Settings of the knob of the one policy; none: its own.
    pub knob: Vec<f64>,
    /// Price of an avoidable violation, full clusters for one window.
    pub price: f64,
    /// Whether who knows the future takes part.
    pub bounded: bool,
    /// Threads.
    pub threads: usize,
}

impl Comparison {
    /// Plays everybody.
    ///
    /// # Errors
    /// An option that makes no sense, or a figure out of range.
    pub fn report(&self, checkpoints: &[Checkpoint]) -> Result<Report> {
        let contenders = self.contenders(checkpoints)?;
        let clairvoyant = Clairvoyant::Absent;
        let field = Field { contenders: &contenders, detailed: None, clairvoyant, threads: self.threads };
        let progress = Progress::new("choosing settings", self.tuning.len());
        let units = field.play(&self.tuning, || progress.tick())?;
        let best = |index: usize| self.best(&contenders[index], index, &units);
        let chosen: Vec<usize> = (0..contenders.len()).map(best).collect();
        let clairvoyant = if self.bounded { Clairvoyant::Played } else { Clairvoyant::Absent };
        let field = Field { detailed: Some(&chosen), clairvoyant, ..field };
        let progress = Progress::new("playing", self.tested.len());
        let units = field.play(&self.tested, || progress.tick())?;
        let mut report = Report::new(&units, &contenders, &chosen, self.price, &self.names);
        report.checkpoints = checkpoints.iter().map(|checkpoint| checkpoint.short_hash().to_owned()).collect();
        report.loads.clone_from(&self.loads);
        report.tuned_on.clone_from(&self.tuned_on);
        Ok(report)
    }

    /// Everybody at every loop period, then the laws of the cluster at their own.
    fn contenders(&self, checkpoints: &[Checkpoint]) -> Result<Vec<Contender>> {
        let tuning: Vec<Arc<Episode>> = self.tuning.iter().map(Case::draw).collect::<Result<_, _>>()?;
        self.check_options()?;
        let mut contenders = Vec::new();
        for period_s in &self.periods_s {
            let tuned = self.tuned(&[RuleFamily::CalLong], &tuning, *period_s)?;
            let rivals = forecast(checkpoints).into_iter().chain(rules(self.most_replicas, &tuned)).collect();
            let all = learned(checkpoints, self.price).into_iter().chain(self.chosen(rivals));
            contenders.extend(all.map(|contender| match period_s {
                Some(period_s) => contender.every(*period_s),
                None => contender,
            }));
        }
        if self.periods_s.len() > 1 {
            for contender in &mut contenders {
                let period_s = contender.period_s.or(self.tested.first().map(|case| case.scenario.interval_s));
                contender.name = format!("{} @{} s", contender.name, period_s.unwrap_or(0.0));
            }
        }
        if self.cluster_laws {
            let families = [RuleFamily::Hpa, RuleFamily::Phpa, RuleFamily::Keda, RuleFamily::Kpa];
            let tuned = self.tuned(&families, &tuning, None)?;
            contenders.extend(self.chosen(cluster_laws(&tuned)));
        }
        Ok(contenders)
    }

    fn check_options(&self) -> Result<()> {
        let mut names: Vec<String> = rules(1, &[]).into_iter().map(|rule| rule.name).collect();
        names.push(FORECAST.to_owned());
        if self.cluster_laws {
            names.extend(cluster_laws(&[]).into_iter().map(|rule| rule.name));
        }
        if let Some(unknown) = self.policy.iter().find(|name| !names.contains(name)) {
            anyhow::bail!("there is no --policy {unknown:?}; there are {}", names.join("; "));
        }
        ensure!(
            self.knob.is_empty() || self.policy.len() == 1,
            "--knob is for one --policy, there are {}",
            self.policy.len()
        );
        Ok(())
    }

    /// Whether a rule of that name takes part.
    fn plays(&self, name: &str) -> bool {
        self.policy.is_empty() || self.policy.iter().any(|policy| policy == name)
    }

    /// Those that were asked for, with the settings that were.
    fn chosen(&self, mut rules: Vec<Contender>) -> Vec<Contender> {
        rules.retain(|rule| self.plays(&rule.name));
        if !self.knob.is_empty() {
            rules.iter_mut().for_each(|rule| rule.knobs.clone_from(&self.knob));
        }
        rules
    }

    fn tuned(
        &self,
        families: &[RuleFamily],
        tuning: &[Arc<Episode>],
        period_s: Option<f64>,
    ) -> Result<Vec<Tuned>, ScenarioError> {
        let mut tuned = Vec::new();
        for family in families.iter().filter(|family| self.plays(family.name())) {
            eprintln!("searching the settings of {} on {} episodes", family.name(), tuning.len());
            tuned.extend(tune(*family, tuning, &[self.price], &Search { period_s, ..TUNING })?);
        }
        Ok(tuned)
    }

    /// The setting with the least objective where nobody is tested; of a checkpoint, the price that is asked for.
    fn best(&self, contender: &Contender, index: usize, units: &[Unit]) -> usize {
        let objective = |setting: usize| {
            // Every load counts alike.
            let of = |unit: &Unit| {
                let tally = &unit.tallies[index][setting];
                let priced = tally.pod_seconds / unit.full_pod_s + self.price * tally.avoidable as f64;
                priced / tally.windows as f64
            };
            units.iter().map(of).sum::<f64>()
        };
        let off = |setting: usize| (contender.knobs[setting] - self.price).abs();
        let score = |setting: usize| if contender.learned { off(setting) } else { objective(setting) };
        (0..contender.knobs.len()).min_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(0)
    }
}

/// Each checkpoint at every price.
#[must_use]
pub fn learned(checkpoints: &[Checkpoint], price: f64) -> Vec<Contender> {
    let name = |checkpoint: &Checkpoint| match checkpoints.len() {
        1 => "learned".to_owned(),
        _ => format!("learned {}", checkpoint.short_hash()),
    };
    let contender = |checkpoint| Contender::learned(name(checkpoint), Learned::of(checkpoint, price));
    checkpoints.iter().map(contender).collect()
}

/// The forecast of a checkpoint as a policy of its own: supervised learning, what the value networks have to beat. Of several
/// checkpoints none, which are compared with each other.
fn forecast(checkpoints: &[Checkpoint]) -> Option<Contender> {
    let [checkpoint] = checkpoints else { return None };
    Some(Contender::required(FORECAST.to_owned(), Arc::new(checkpoint.ensemble.required().clone())))
}
