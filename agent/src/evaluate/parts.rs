//! Which parts of the recordings are played, and which are tuned on.

use anyhow::{Context, Result, ensure};

use crate::simulator::ScenarioError;
use crate::workload::{Profile, Recording, Split};

use super::deployment::Deployment;
use super::field::Case;

/// Parts of a day with fewer windows are left out.
const LEAST_WINDOWS: u32 = 20;

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

    /// Days of each recording that is tested on.
    #[must_use]
    pub fn days(&self) -> Vec<(String, Vec<u32>)> {
        let days = |(trace, name): (usize, &String)| {
            let mut days: Vec<u32> =
                self.tested.iter().filter(|part| part.trace == trace).map(|part| part.day).collect();
            days.dedup();
            (name.clone(), days)
        };
        self.names.iter().enumerate().map(days).collect()
    }

    /// What the settings of the rules are chosen on, in words.
    #[must_use]
    pub fn tuned_on(&self) -> String {
        let seconds: f64 = self.tuning.iter().map(|part| part.load.duration_s()).sum();
        format!("{} parts of days that are not tested on, {:.0} h", self.tuning.len(), seconds / 3600.0)
    }
}

impl Part {
    /// To be played on the deployment under an arrival seed.
    ///
    /// # Errors
    /// When a figure of the deployment is out of range.
    pub fn case(&self, deployment: &Deployment, replicate: u64) -> Result<Case, ScenarioError> {
        // Another day of the same recording must not have the same luck.
        let seed = (u64::from(self.day) << 32 | self.trace as u64) << 16 | replicate;
        Ok(Case { trace: self.trace, replicate, scenario: deployment.scenario(self.load.clone())?, seed })
    }
}

/// At most so many of the days, evenly spread.
fn spread(days: &[u32], most: usize) -> Vec<u32> {
    let count = most.min(days.len());
    (0..count).map(|at| days[(2 * at + 1) * days.len() / (2 * count)]).collect()
}
