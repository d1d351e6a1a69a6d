//! `scaler replay`: past checks once more, to see whether the same comes out.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use scaler_core::{Check, CheckKey, Decision, PodStatus, WindowMetrics, Wish, history, observe};
use thiserror::Error;

use crate::answer::ask;
use crate::decider::{AGENT_DEADLINE, Decider, HttpAgent};
use crate::results::{NameList, OLD_RECORDS, ResultsError, StatusFile, Tally, rolled_files};
use crate::step::Pause;

/// Flags of `scaler replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The podStatus.json; files that were rolled out of it are read too where they lie beside it.
    #[arg(long, value_name = "FILE")]
    pub status: PathBuf,

    /// Agent that is asked again.
    #[arg(long, value_name = "HOST:PORT", required_unless_present = "records", value_parser = authority)]
    pub agent: Option<String>,

    /// Folder with the recorded windows (AnalyzedPods): each observation is computed again.
    #[arg(long, value_name = "FOLDER")]
    pub records: Option<PathBuf>,
}

/// Why past checks could not be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// A status file or a window.
    #[error("cannot read what is to be replayed")]
    Results(#[from] ResultsError),
    /// There are no such checks.
    #[error("{path} does not exist")]
    NoStatus {
        /// The file.
        path: PathBuf,
    },
    /// Two files hold the same check.
    #[error("{key} is in more than one status file beside {path}")]
    Twice {
        /// The check.
        key: CheckKey,
        /// The newest file.
        path: PathBuf,
    },
    /// The agent's client.
    #[error("cannot reach for the agent")]
    Agent(#[from] crate::decider::DeciderError),
}

/// Whether the same came out again.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// To the bit.
    Same,
    /// Something else, in words.
    Differs(String),
    /// It could not be tried, and why.
    Skipped(&'static str),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("yes"),
            Self::Differs(what) => write!(f, "NO: {what}"),
            Self::Skipped(why) => write!(f, "- ({why})"),
        }
    }
}

/// One check, then and now.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// Its number.
    pub key: CheckKey,
    /// The answer then: a count, -1, or none.
    pub recorded: Option<i64>,
    /// The answer now, where it was asked for.
    pub replayed: Option<i64>,
    /// Whether the answers are the same.
    pub action: Verdict,
    /// Whether the observation is the same, computed from the records.
    pub observation: Verdict,
}

impl Replayed {
    /// Whether anything came out differently.
    #[must_use]
    pub fn differs(&self) -> bool {
        [&self.action, &self.observation].iter().any(|verdict| matches!(verdict, Verdict::Differs(_)))
    }
}

/// Replays and prints a table; whether everything came out the same.
///
/// # Errors
/// [`ReplayError`].
pub async fn run(args: &ReplayArgs) -> Result<bool, ReplayError> {
    let status = load(&args.status)?;
    let agent = args.agent.as_deref().map(|agent| HttpAgent::new(agent, AGENT_DEADLINE)).transpose()?;
    let rows = replay(&status, agent.as_ref(), args.records.as_deref()).await?;
    println!("{:<14} {:>8} {:>8}  {:<28}  observation same", "check", "recorded", "replayed", "action same");
    for Replayed { key, recorded, replayed, action, observation } in &rows {
        let [recorded, replayed] = [recorded, replayed].map(|action| action.map_or("-".to_owned(), |a| a.to_string()));
        println!("{:<14} {recorded:>8} {replayed:>8}  {:<28}  {observation}", key.to_string(), action.to_string());
    }
    let different = rows.iter().filter(|row| row.differs()).count();
    println!("{} checks, {} of them replayed, {different} differ", status.checks().len(), rows.len());
    Ok(different == 0)
}

/// Replays the checks that say how they were decided.
///
/// # Errors
/// [`ReplayError::Results`] when a recorded window cannot be listed.
pub async fn replay(
    status: &PodStatus,
    decider: Option<&impl Decider>,
    records: Option<&Path>,
) -> Result<Vec<Replayed>, ReplayError> {
    let mut before = PodStatus::default();
    let mut rows = Vec::new();
    for (key, check) in status.checks() {
        if let Some(decision) = &check.decision {
            let (replayed, action) = match decider {
                None => (None, Verdict::Skipped("no agent given")),
                Some(decider) => ask_again(decider, &before, decision).await,
            };
            let observation = match records {
                None => Verdict::Skipped("no records given"),
                Some(folder) => observe_again(&folder.join(key.to_string()), check, decision)?,
            };
            rows.push(Replayed { key, recorded: decision.raw_action, replayed, action, observation });
        }
        // Ascending, as in `status`.
        let _ = before.append(key, check.clone());
    }
    Ok(rows)
}

/// Sends exactly what was sent: what is recorded of it, and the checks before it.
async fn ask_again(decider: &impl Decider, before: &PodStatus, decision: &Decision) -> (Option<i64>, Verdict) {
    let Some(recorded) = decision.raw_action else {
        return (None, Verdict::Skipped("the agent was silent"));
    };
    let mut request = decision.request.clone();
    request.history = history(before, decision.claimed_at);
    let answer = ask(decider, &request).await;
    let replayed = answer.wish.raw_action();
    let verdict = match answer.wish {
        Wish::NoAnswer => Verdict::Differs(answer.error.map_or_else(String::new, |error| error.name)),
        _ if replayed == Some(recorded) => Verdict::Same,
        _ => Verdict::Differs("another action".to_owned()),
    };
    (replayed, verdict)
}

/// Computes the observation from the window's records again.
fn observe_again(folder: &Path, check: &Check, decision: &Decision) -> Result<Verdict, ReplayError> {
    if !decision.scraped_until.is_empty() {
        return Ok(Verdict::Skipped("from Prometheus"));
    }
    if !folder.is_dir() {
        return Ok(Verdict::Skipped("no longer kept"));
    }
    if let Some(Err(error)) = decision.request.recent.map(|recent| recent.validate()) {
        return Ok(Verdict::Differs(error.to_string()));
    }
    let recent_s = decision.request.recent.map_or(0.0, |recent| recent.window_s);
    // A check that left old records out says so; those of before there was such a law counted all, and are counted so again.
    let left_out = decision.errors.iter().any(|error| error.name == OLD_RECORDS);
    let load_s = left_out.then_some(decision.window_seconds);
    let names = NameList::of_folder(folder)?;
    let tally = Tally::of_folder(folder, &names, decision.claimed_at, recent_s, load_s, Pause::default())?;
    let metrics = WindowMetrics::from_pods(tally.pods.values(), decision.window_seconds);
    let observed = observe(&metrics, check.n_instances, check.threshold);
    let mut figures = vec![
        ("recordsRead", decision.records_read as f64, tally.read as f64),
        ("recordsRefused", decision.records_refused as f64, tally.refused as f64),
        ("avgResponseTime", check.avg_response_time, metrics.avg_response_time_s),
        ("avgServiceTime", check.avg_service_time, metrics.avg_service_time_s),
        ("pressure", check.pressure, observed.pressure),
        ("queueLengthDominant", check.queue_length_dominant, observed.queue_length_dominant),
        ("utilization", check.utilization, observed.utilization),
        ("workload", check.workload, observed.workload),
    ];
    if let (Some(recorded), Some(recent)) = (decision.request.recent, tally.recent) {
        let replayed = recent.observe(check.n_instances, check.threshold);
        figures.push(("recent pressure", recorded.pressure, replayed.pressure));
        figures.push(("recent utilization", recorded.utilization, replayed.utilization));
    }
    let different = figures.into_iter().find(|(_, recorded, replayed)| recorded.to_bits() != replayed.to_bits());
    Ok(different.map_or(Verdict::Same, |(name, recorded, replayed)| {
        Verdict::Differs(format!("{name} {recorded} -> {replayed}"))
    }))
}

/// All checks: those that were rolled into files beside `path`, and those in it.
fn load(path: &Path) -> Result<PodStatus, ReplayError> {
    if !path.is_file() {
        return Err(ReplayError::NoStatus { path: path.to_owned() });
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let newest = StatusFile::read(path)?;
    let first = newest.checks().next().map(|(key, _)| key);
    let mut all = PodStatus::default();
    for (_, last, rolled) in rolled_files(folder)? {
        // A roll that was killed leaves its checks in both files; those in the status count.
        if rolled != path && first.is_some_and(|first| last < first) {
            add(&mut all, &StatusFile::read(&rolled)?, path)?;
        }
    }
    add(&mut all, &newest, path)?;
    Ok(all)
}

fn add(all: &mut PodStatus, more: &PodStatus, path: &Path) -> Result<(), ReplayError> {
    for (key, check) in more.checks() {
        if !all.append(key, check.clone()) {
            return Err(ReplayError::Twice { key, path: path.to_owned() });
        }
    }
    Ok(())
}

fn authority(text: &str) -> Result<String, String> {
    match reqwest::Url::parse(&format!("http://{text}/")) {
        Ok(url) if url.port().is_some() && url.path() == "/" && url.query().is_none() => Ok(text.to_owned()),
        _ => Err("it must be HOST:PORT".to_owned()),
    }
}
