//! `agent tune`: the best settings of a rule for one deployment, as the rules at home of an evaluation get theirs.
//!
//! The loads are those that `agent evaluate --set configurations` tunes on: the middle three hours of days that are not tested
//! on, and four formulas, all sized for the deployment. The objective is `J = pod share + price x violating share`, where a
//! window violates by the requests that arrive in it.

use anyhow::{Result, bail, ensure};
use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::evaluate::{Deployment, Grounds, HOME, Home, LoadArgs};
use crate::learned::DEFAULT_PRICE;
use crate::policy::PolicyChoice;
use crate::rules::{RuleFamily, Search};

/// Finds the settings of a rule that are best for a deployment.
#[derive(Debug, Clone, Args)]
pub struct TuneArgs {
    /// Rule to tune
    #[arg(long, value_enum)]
    pub policy: RuleFamily,
    /// Price of a violating window, in full clusters for one window
    #[arg(long, default_value_t = DEFAULT_PRICE)]
    pub price: f64,
    /// Names the settings that are tried at random
    #[arg(long, default_value_t = HOME.seed)]
    pub seed: u64,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// The loads
    #[command(flatten)]
    pub loads: LoadArgs,
    /// The deployment
    #[command(flatten)]
    pub deployment: Deployment,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// As `serve --policy` and `simulate --policy` take it.
    pub policy: String,
    /// The settings that were searched, by name: of a static count the share of the most replicas.
    pub settings: Map<String, Value>,
    /// Price of a violating window, in full clusters for one window.
    pub price: f64,
    /// Mean over the loads of pods billed over the most there may be.
    pub pod_share: f64,
    /// Mean over the loads of the share of windows whose arrivals violate.
    pub violating_share: f64,
    /// `pod share + price x violating share`.
    pub objective: f64,
    /// How many settings were tried.
    pub settings_tried: u32,
    /// How many loads they were tried on.
    pub loads: usize,
    /// How long those are together, hours.
    pub hours: f64,
    /// What it is tuned for.
    pub deployment: Deployment,
}

/// Runs `agent tune`.
///
/// # Errors
/// As [`find`].
pub fn run(args: &TuneArgs) -> Result<()> {
    let found = find(args)?;
    println!("{}", if args.json { serde_json::to_string_pretty(&found)? } else { found.text() });
    Ok(())
}

/// Searches.
///
/// # Errors
/// A trace or a split that cannot be read, or a figure out of range.
pub fn find(args: &TuneArgs) -> Result<Found> {
    let TuneArgs { policy: family, price, seed, json: _, loads, deployment } = args;
    let [period_s] = deployment.period_s[..] else {
        bail!("--period must be a single one, there are {}", deployment.period_s.len());
    };
    ensure!(price.is_finite() && *price >= 0.0, "--price must be 0 or more, it is {price}");
    // None of what is tested on: a day of each trace tells which days those are, no seed draws them.
    let grounds = Grounds::new(&loads.parts(deployment, 1)?, deployment, 0, 1.0, true)?;
    let hours = grounds.tuning.iter().map(|case| case.scenario.load.duration_s()).sum::<f64>() / 3600.0;
    let search = Search { seed: *seed, ..HOME };
    tracing::info!(settings = search.tried(1), loads = grounds.tuning.len(), hours, "searching");
    let home = Home::new(&grounds, Some(period_s).filter(|period_s| *period_s != deployment.window_s))?;
    let Some(tuned) = home.tune(*family, &[*price], search)?.into_iter().next() else {
        bail!("one price must give one setting");
    };
    let settings = family.settings().iter().zip(&tuned.values);
    Ok(Found {
        policy: PolicyChoice::tuned(&tuned, deployment.max_replicas).to_string(),
        settings: settings.map(|(setting, value)| (setting.name.to_owned(), Value::from(*value))).collect(),
        price: *price,
        pod_share: tuned.pod_share,
        violating_share: tuned.violation_share,
        objective: tuned.objective(),
        settings_tried: search.tried(1),
        loads: grounds.tuning.len(),
        hours,
        deployment: deployment.clone(),
    })
}

impl Found {
    /// For a terminal; the last line is what `--policy` takes.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { policy, price, pod_share, violating_share, objective, settings_tried, loads, hours, .. } = self;
        format!(
            "{settings_tried} settings tried on {loads} loads, {hours:.0} h\n\
             pods {:.2} % of the most, violating windows {:.2} %, J = pods + {price} x violating = {objective:.4}\n\
             {policy}",
            100.0 * pod_share,
            100.0 * violating_share,
        )
    }
}
