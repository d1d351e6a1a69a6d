//! What came of a run: files, table, verdict, exit code.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use scaler_core::{PodStatus, summarize};
use serde::Serialize;

use crate::cli::RunArgs;
use crate::interrupt::INTERRUPTED;
use crate::introduction::shape_name;
use crate::lane::Lane;
use crate::results::{self, ResultsFolder};
use crate::settings::Settings;
use crate::table::{Row, Scale, legend, table, verdicts};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every request was answered, every check recorded.
    Good,
    /// Something went wrong: what, in words.
    Bad(Vec<String>),
    /// It was stopped.
    Interrupted,
}

impl Outcome {
    /// Exit code of the program.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Bad(_) => 1,
            Self::Interrupted => INTERRUPTED,
        }
    }
}

/// What `demo.json` holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    shape: String,
    seed: u64,
    requests: usize,
    checks: u32,
    interval_s: f64,
    threshold_s: f64,
    service_time_s: f64,
    start_up_s: f64,
    min_replicas: u32,
    max_replicas: u32,
    matrix_size: u16,
    work_s: f64,
    scale: Scale,
    interrupted: bool,
    policies: &'a [Row],
}

/// Writes the files, prints the table, and says how it ended.
///
/// # Errors
/// When a status file cannot be read, or a result not be written.
pub fn conclude(
    args: &RunArgs,
    settings: &Settings,
    results: &ResultsFolder,
    work_s: f64,
    lanes: &[Arc<Lane>],
    interrupted: bool,
) -> anyhow::Result<Outcome> {
    let scenario = settings.scenario();
    let mut rows = Vec::new();
    for lane in lanes {
        let status = read_status(&lane.folder().join("podStatus.json"))?;
        lane.samples().write(&lane.folder().join("requests.csv"))?;
        let title = format!("{}: {}", lane.policy(), shape_name(args));
        let page = scaler::report::html(&status, &title).with_context(|| format!("the report of {}", lane.name()))?;
        results::write(&lane.folder().join("report.html"), &page)?;
        rows.push(Row {
            policy: lane.policy(),
            checks: summarize(&status),
            clients: lane.samples().summary(scenario.threshold_s),
            retried: lane.ingress().counts().retries.load(Ordering::Relaxed),
            died_pods: lane.ended().died,
        });
    }
    if let Some(main) = lanes.first() {
        for file in ["podStatus.json", "report.html"].map(|name| (main.folder().join(name), results.root().join(name)))
        {
            if file.0.exists() {
                results::copy(&file.0, &file.1)?;
            }
        }
    }
    let scale = Scale { max_replicas: scenario.max_replicas, interval_s: scenario.interval_s, price: args.risk };
    results.write_mark(&record(args, settings, work_s, scale, interrupted, &rows))?;
    print!("{}", conclusion(&rows, scale, results, interrupted));
    if interrupted {
        return Ok(Outcome::Interrupted);
    }
    let problems: Vec<String> = lanes.iter().flat_map(|lane| problems(lane, scenario.windows)).collect();
    Ok(if problems.is_empty() { Outcome::Good } else { Outcome::Bad(problems) })
}

fn record<'a>(
    args: &RunArgs,
    settings: &Settings,
    work_s: f64,
    scale: Scale,
    interrupted: bool,
    policies: &'a [Row],
) -> Record<'a> {
    let scenario = settings.scenario();
    Record {
        shape: shape_name(args),
        seed: args.seed,
        requests: settings.arrivals.len(),
        checks: scenario.windows,
        interval_s: scenario.interval_s,
        threshold_s: scenario.threshold_s,
        service_time_s: scenario.service_time_s,
        start_up_s: scenario.startup_s,
        min_replicas: scenario.min_replicas,
        max_replicas: scenario.max_replicas,
        matrix_size: args.matrix_size,
        work_s,
        scale,
        interrupted,
        policies,
    }
}

fn conclusion(rows: &[Row], scale: Scale, results: &ResultsFolder, interrupted: bool) -> String {
    let mut text = format!("\n{}\n{}\n\n", table(rows, scale), legend(scale));
    let verdicts =
        if interrupted { vec!["stopped before the end: nobody won".to_owned()] } else { verdicts(rows, scale) };
    for verdict in verdicts {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{verdict}");
    }
    let root = results.root().display();
    let _ = writeln!(text, "\nstatus  {root}/podStatus.json\nreport  file://{root}/report.html");
    let _ = writeln!(text, "lanes   {root}/lanes: the same of each policy, and what its clients saw");
    text
}

/// What must not be passed over in silence.
fn problems(lane: &Lane, checks: u32) -> Vec<String> {
    let mut problems = Vec::new();
    let (name, snapshot) = (lane.name(), lane.snapshot());
    let board = snapshot.board;
    if let Some(first) = lane.samples().first_failure() {
        problems.push(format!(
            "{name}: {} requests failed; the first was request {} at {:.1} s: {:?}",
            snapshot.failed, first.index, first.due_s, first.ending
        ));
    }
    if board.recorded != checks {
        problems.push(format!("{name}: {} of {checks} checks were recorded", board.recorded));
    }
    if board.undecided > 0 {
        problems.push(format!("{name}: {} checks had no usable answer, or could not carry it out", board.undecided));
    }
    problems.extend(board.errors.iter().map(|error| format!("{name}: {error}")));
    let ended = lane.ended();
    if ended.died + ended.killed > 0 {
        problems.push(format!(
            "{name}: pods that died by themselves: {}, that did not drain in time: {}; the log is {}",
            ended.died,
            ended.killed,
            crate::lane::pods_log(lane.folder()).display()
        ));
    }
    problems
}

/// A run that was stopped before its first check has no file: no checks then.
fn read_status(path: &Path) -> anyhow::Result<PodStatus> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} is not a status file", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(PodStatus::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_success_failure_and_interruption_apart() {
        let table =
            [(Outcome::Good, 0), (Outcome::Bad(vec!["one request failed".to_owned()]), 1), (Outcome::Interrupted, 130)];
        for (outcome, code) in table {
            assert_eq!(outcome.exit_code(), code, "{outcome:?}");
        }
    }

    #[test]
    fn a_run_without_a_check_has_an_empty_status() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("podStatus.json");
        assert_eq!(read_status(&path).unwrap(), PodStatus::default());
        std::fs::write(&path, "{").unwrap();
        assert!(read_status(&path).unwrap_err().to_string().contains("podStatus.json"));
    }
}
