//! The real process, killed at every step of a check while writers write: no record is lost, none is counted twice,
//! and podStatus.json is always whole.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chrono::Utc;
use clap::ValueEnum;
use scaler::step::Step;
use scaler_core::{Check, CheckKey, PodStatus};
use support::folder::{RECORD, archive, names, records, status, write_record};
use support::peer::{Answer, Peer, Sent};
use support::process::{Running, Stage};
use support::{api, folder};

const WRITERS: usize = 4;
/// As many as the status holds, so that the first check rolls it.
const MAX_CHECKS: u64 = 128;
/// Checks that are killed wherever they are, spread over the time that a check takes.
const BLIND_KILLS: u32 = 12;

/// Threads that write records until they are told to stop; each returns the names it wrote.
struct Writers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

impl Writers {
    fn start(results: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let spawn = |write: fn(&Path, usize) -> String, writer: usize| {
            let (stop, results) = (Arc::clone(&stop), results.to_owned());
            thread::spawn(move || {
                let mut written = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    written.push(write(&results, writer));
                    // A quick scaler is done with all of its kills in a second.
                    thread::sleep(Duration::from_millis(1));
                }
                written
            })
        };
        let mut threads: Vec<_> = (0..WRITERS).map(|writer| spawn(by_protocol, writer)).collect();
        threads.push(spawn(into_the_folder_itself, WRITERS));
        Self { stop, threads }
    }

    fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }
}

fn by_protocol(results: &Path, writer: usize) -> String {
    write_record(results, &format!("pod-{writer}"), Utc::now(), RECORD)
}

/// As other services do: no `incoming/`, no dot-name, and not at one stroke.
fn into_the_folder_itself(results: &Path, writer: usize) -> String {
    let name = scaler_core::RecordName::new(&format!("pod-{writer}"), Utc::now()).unwrap().to_string();
    let mut file = fs::File::create_new(results.join(&name)).unwrap();
    let (start, end) = RECORD.split_at(RECORD.len() / 2);
    file.write_all(start.as_bytes()).unwrap();
    thread::sleep(Duration::from_micros(300));
    file.write_all(end.as_bytes()).unwrap();
    name
}

/// Which window each archived record is in, over the whole test: dropped windows stay in this book.
#[derive(Default)]
struct Book(BTreeMap<String, String>);

impl Book {
    fn enter(&mut self, results: &Path) {
        for (folder, files) in archive(results) {
            for file in files {
                let before = self.0.insert(file.clone(), folder.clone());
                assert!(before.as_ref().is_none_or(|before| *before == folder), "{file}: {before:?}, now {folder}");
            }
        }
    }
}

/// Records that no archived window holds: incoming, or claimed.
fn waiting(results: &Path) -> BTreeSet<String> {
    let analyzed = results.join("AnalyzedPods");
    let claimed = names(&analyzed).into_iter().filter(|name| name.starts_with(".check_"));
    let folders: Vec<PathBuf> = claimed.map(|name| analyzed.join(name)).chain([results.join("incoming")]).collect();
    folders.iter().flat_map(|folder| records(folder)).collect()
}

/// All checks in order, those in rolled files first.
fn all_checks(results: &Path) -> Vec<(CheckKey, Check)> {
    let mut rolled: Vec<PodStatus> = names(results)
        .into_iter()
        .filter(|name| name.starts_with("podStatus.check_"))
        .map(|name| serde_json::from_str(&fs::read_to_string(results.join(name)).unwrap()).unwrap())
        .collect();
    rolled.push(status(results));
    rolled.iter().flat_map(|status| status.checks().map(|(key, check)| (key, check.clone()))).collect()
}

/// A status of another writer, as long as it may be.
fn seed_status(results: &Path) {
    let check = r#"{"timestamp": "01.02.2026_11:59:00", "nInstances": 1, "pressure": 0, "avgResponseTime": 0, "avgServiceTime": 0, "Threshold": 1, "queueLengthDominant": 0, "utilization": 0, "CPUUsage (Prometheus)": null, "workload": 0, "action": "No Action", "active": [], "startedPreviousCheck": [], "shutdownPreviousCheck": []}"#;
    let checks: Vec<String> = (1..=MAX_CHECKS).map(|n| format!("\"check_{n}\": {check}")).collect();
    fs::write(results.join("podStatus.json"), format!("{{{}}}", checks.join(", "))).unwrap();
}

struct Drill<'a> {
    stage: &'a Stage,
    book: Book,
    kills: usize,
    /// Time that the last check took which was not killed.
    last_check: Duration,
}

impl Drill<'_> {
    fn command(&self, arguments: &[&str], retention: &str) -> std::process::Command {
        let mut command = self.stage.command(arguments);
        command.env("POD_STATUS_MAX_CHECKS", MAX_CHECKS.to_string()).env("ANALYZED_RETENTION", retention);
        command
    }

    /// Runs a check up to a step and kills it there.
    fn kill_at(&mut self, step: Step) {
        let name = step.to_possible_value().unwrap().get_name().to_owned();
        let retention = if step == Step::Dropped { "3" } else { "100000" };
        let mut scaler = Running::start(self.command(&["check", "--pause-at", &name], retention));
        assert!(scaler.wait_for(&format!("paused at {name}")), "{name} is never reached");
        scaler.kill();
        self.kills += 1;
    }

    /// What the kill left, and what the next check makes of it.
    fn recover(&mut self, case: &str) {
        let results = &self.stage.results;
        let whole = status(results).checks().len();
        self.book.enter(results);
        let before = waiting(results);
        let start = Instant::now();
        let output = self.command(&["check"], "100000").output().unwrap();
        self.last_check = start.elapsed();
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{case}: {log}");
        assert!(log.contains("recorded"), "{case}: {log}");
        self.book.enter(results);
        let counted = before.iter().filter(|record| self.book.0.contains_key(*record)).count();
        println!("{case:<22} {:>14} {counted:>15}   yes, {whole} checks", before.len());
        assert_eq!(counted, before.len(), "{case}: every record that waited is counted by the next check");
        let hidden: Vec<_> =
            names(&results.join("AnalyzedPods")).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(hidden, [""; 0], "{case}: nothing is left half done");
    }
}

#[test]
fn a_scaler_killed_anywhere_loses_no_record_and_counts_none_twice() {
    let (api, agent) = (api_server(), agent());
    let stage = Stage::new(&api, &agent);
    seed_status(&stage.results);
    let mut drill = Drill { stage: &stage, book: Book::default(), kills: 0, last_check: Duration::ZERO };
    let writers = Writers::start(&stage.results);
    println!("{:<22} {:>14} {:>15}   status file whole", "kill point", "records before", "records counted");
    drill.kill_at(Step::Rolled);
    drill.recover("Rolled");
    for &step in Step::value_variants().iter().filter(|&&step| step != Step::Rolled) {
        match step {
            // Only an unrecorded window is given back.
            Step::GaveBackOne => {
                drill.kill_at(Step::Read);
                drill.kill_at(step);
                drill.kill_at(step);
            }
            _ => drill.kill_at(step),
        }
        drill.recover(&format!("{step:?}"));
    }
    for k in 1..=BLIND_KILLS {
        let mut scaler = Running::start(drill.command(&["check"], "100000"));
        thread::sleep(drill.last_check * k / BLIND_KILLS);
        scaler.kill();
        drill.kills += 1;
        drill.recover(&format!("after {k}/{BLIND_KILLS} of a check"));
    }
    let mut written = writers.stop();
    drill.recover("none, writers stopped");
    let Drill { book: Book(book), kills, .. } = drill;
    assert!(kills >= 12);

    let checks = all_checks(&stage.results);
    let keys: Vec<u64> = checks.iter().map(|(CheckKey(n), _)| *n).collect();
    assert_eq!(keys, (1..=keys.len() as u64).collect::<Vec<_>>(), "each number once, in one file");
    let mut counted = 0;
    for (key, check) in checks.iter().filter(|(CheckKey(n), _)| *n > MAX_CHECKS) {
        let decision = check.decision.as_ref().unwrap();
        let kept = book.values().filter(|folder| **folder == key.to_string()).count();
        assert_eq!(decision.records_read as usize, kept, "{key} counts what its folder holds");
        assert_eq!(decision.records_refused, 0, "{key}: {:?}", decision.refused);
        counted += decision.records_read as usize;
    }
    println!("{} records written, {counted} counted, {kills} kills", written.len());
    written.sort();
    assert_eq!(counted, written.len(), "records counted and records written");
    assert!(book.keys().eq(written.iter()), "each record is in exactly one window");
    assert_eq!(waiting(&stage.results), BTreeSet::new(), "nothing is left over");
    assert!(written.len() > 1000, "the writers were at work: {}", written.len());
}

/// Two replicas for ever; patches are taken.
fn api_server() -> Peer {
    api::server(api::deployment(2), vec![(None, api::page(&[api::pod("aaaaa")], None))], api::scaled(3))
}

/// Always another count than the one ordered, so that every check gives an order.
fn agent() -> Peer {
    let calls = AtomicUsize::new(0);
    Peer::start(move |_: &Sent| {
        let action = 3 + calls.fetch_add(1, Ordering::SeqCst) % 3;
        Answer::Json(200, format!("{{\"action\": {action}}}"))
    })
}

#[test]
fn a_record_that_lands_in_a_claimed_window_after_it_was_read_goes_to_the_next() {
    let (api, agent) = (api_server(), agent());
    let stage = Stage::new(&api, &agent);
    let early = write_record(&stage.results, "pod-a", folder::noon(0), RECORD);
    // The agent takes its time: the rename of a writer that had resolved its path before the claim ends now.
    let claimed = stage.results.join("AnalyzedPods/.check_1");
    let late = scaler_core::RecordName::new("pod-a", folder::noon(1)).unwrap().to_string();
    let (path, hidden) = (claimed.join(&late), claimed.join(".pod-a_2026.02.01_12:00:00.000002.json"));
    let slow = Peer::start(move |_| {
        fs::write(&path, RECORD).unwrap();
        fs::write(&hidden, "{").unwrap();
        Answer::Json(200, r#"{"action": 3}"#.to_owned())
    });
    let output = stage.command(&["check"]).env("AGENT_PORT", slow.port().to_string()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(archive(&stage.results)["check_1"], [early]);
    assert_eq!(records(&stage.results.join("incoming")), std::slice::from_ref(&late));
    assert_eq!(stage.check().status.code(), Some(0));
    assert_eq!(archive(&stage.results)["check_2"], [late]);
    let read: Vec<u64> =
        all_checks(&stage.results).iter().map(|(_, check)| check.decision.as_ref().unwrap().records_read).collect();
    assert_eq!(read, [1, 1]);
}
