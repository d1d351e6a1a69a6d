//! Segments: what is counted of them, and that no line is lost or counted twice, with the writer of the matrix service.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::Utc;
use clap::ValueEnum;
use matrix_service::records::Records;
use rustix::fs::{CWD, Mode, mkfifoat};
use scaler::check::{CheckOutcome, check};
use scaler::step::Step;
use scaler_core::{Check, RequestRecord, SegmentLine};
use support::api;
use support::folder::{self, names, noon, status};
use support::memory::{MemoryCluster, Says, Shows, config};
use support::peer::{Answer, Peer, Sent};
use support::process::{Running, Stage};

const SEGMENT: &str = "pod-a_2026.02.01_11:59:59.000001.jsonl";
const LINE: &str = r#"{"Service Time":0.1,"Response Time":0.3,"Timestamp":"2026.02.01_11:59:59.000001"}"#;
const WRITERS: usize = 4;

async fn check_folder(results: &Path) -> Check {
    check_at(results, 5_000_000).await
}

/// A check of 2 pods, so many microseconds past noon.
async fn check_at(results: &Path, at_us: i64) -> Check {
    let cluster = MemoryCluster::with(2);
    match check(&config(results), &cluster, &Says::action(2), None::<&Shows>, || noon(at_us)).await.unwrap() {
        CheckOutcome::Recorded { check, .. } => *check,
        CheckOutcome::LockHeld => panic!("nobody else is here"),
    }
}

/// A results folder with one segment in it.
fn with_segment(text: &str) -> (tempfile::TempDir, PathBuf) {
    let (guard, results) = folder::fresh();
    fs::create_dir(results.join("incoming")).unwrap();
    fs::write(results.join("incoming").join(SEGMENT), text).unwrap();
    (guard, results)
}

#[tokio::test]
async fn the_lines_of_a_segment_are_counted_and_bad_ones_are_named_by_file_and_line() {
    let later = LINE.replace("59.000001", "59.500000");
    let long = format!("{LINE}{}", " ".repeat(70_000));
    for (case, text, read, refused, named) in [
        ("whole", format!("{LINE}\n{later}\n"), 2, 0, ""),
        ("sealed twice", format!("{LINE}\n\n\n"), 1, 0, ""),
        ("empty", String::new(), 0, 0, ""),
        ("a torn last line", format!("{LINE}\n{}", &LINE[..30]), 1, 1, ":2 not a record: EOF"),
        (
            "a torn line, and others of a pod that went on",
            format!("{}\n{LINE}\n", &LINE[..30]),
            1,
            1,
            ":1 not a record",
        ),
        (
            "a line without a time",
            format!("{LINE}\n{{\"Service Time\":1,\"Response Time\":1}}\n"),
            1,
            1,
            ":2 not a record: missing field `Timestamp`",
        ),
        ("no time in service", format!("{}\n", LINE.replace("0.1", "0")), 0, 1, ":1 \"Service Time\" must be"),
        ("a line too long", format!("{long}\n{LINE}\n"), 1, 1, ":1 larger than 65536 bytes"),
    ] {
        let (_guard, results) = with_segment(&text);
        let check = check_folder(&results).await;
        let decision = check.decision.unwrap();
        assert_eq!(
            (decision.records_read, decision.records_refused),
            (read, refused),
            "{case}: {:?}",
            decision.refused
        );
        let found = decision.refused.first().map(|refused| format!("{} {}", refused.file, refused.error));
        let found = found.unwrap_or_default();
        assert!(named.is_empty() || found.starts_with(&format!("{SEGMENT}{named}")), "{case}: {found}");
        if read == 2 {
            assert_eq!(decision.newest_record_age_seconds, Some(5.5), "{case}");
            assert_eq!((check.avg_service_time, check.avg_response_time), (0.1, 0.3));
        }
    }
}

#[tokio::test]
async fn records_and_segments_of_one_pod_are_one_pod() {
    let (_guard, results) = with_segment(&format!("{LINE}\n"));
    folder::write_record(&results, "pod-a", noon(0), folder::RECORD);
    folder::write_record(&results, "pod-b", noon(0), folder::RECORD);
    assert_eq!(check_folder(&results).await.decision.unwrap().records_read, 3);
}

#[tokio::test]
async fn a_segment_that_its_pod_holds_waits_for_the_next_check_and_is_named() {
    let (_guard, results) = with_segment(&format!("{LINE}\n"));
    let path = results.join("incoming").join(SEGMENT);
    let pod = File::options().append(true).open(&path).unwrap();
    pod.lock().unwrap();
    let decision = check_folder(&results).await.decision.unwrap();
    assert_eq!((decision.records_read, decision.records_refused), (0, 0));
    assert_eq!(decision.errors[0].name, "SegmentNotSealed");
    assert!(decision.errors[0].message.contains(SEGMENT), "{}", decision.errors[0].message);
    assert_eq!(decision.request.min_replicas, Some(2), "its load is missing: nothing is scaled in");
    assert_eq!(names(&results.join("incoming")), [SEGMENT]);
    pod.unlock().unwrap();
    let decision = check_at(&results, 65_000_000).await.decision.unwrap();
    assert_eq!((decision.records_read, decision.errors.len()), (1, 0));
    assert_eq!(decision.request.min_replicas, Some(1));
}

/// How something gets to a path, and a file of somebody else.
type Put = fn(&Path, &Path);

/// What else may have the name of a segment.
fn no_segments() -> [(&'static str, Put); 5] {
    [
        ("a named pipe", |path, _| mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap()),
        ("a link to a file", |path, other| symlink(other, path).unwrap()),
        ("a link to nowhere", |path, _| symlink("/nowhere", path).unwrap()),
        ("a socket", |path, _| drop(UnixListener::bind(path).unwrap())),
        ("a folder", |path, _| fs::create_dir(path).unwrap()),
    ]
}

#[test]
fn what_has_the_name_of_a_segment_and_is_none_is_refused_and_neither_waited_for_nor_written_to() {
    for (case, put) in no_segments() {
        let (_guard, results) = with_segment(&format!("{LINE}\n"));
        let other = results.join("of-somebody-else");
        fs::write(&other, LINE).unwrap();
        let name = "pod-b_2026.02.01_11:59:59.000001.jsonl";
        put(&results.join("incoming").join(name), &other);
        // In a thread of its own: a check that waits for a writer of the pipe waits forever.
        let (done, ended) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            done.send(runtime.block_on(check_folder(&results))).unwrap();
        });
        let check = ended.recv_timeout(Duration::from_secs(20)).expect(case);
        let decision = check.decision.unwrap();
        assert_eq!((decision.records_read, decision.records_refused), (1, 1), "{case}: {:?}", decision.refused);
        assert_eq!(decision.refused[0].file, name, "{case}");
        assert_eq!(decision.refused[0].error, "not a regular file", "{case}");
        assert!(decision.errors.is_empty(), "{case}: {:?}", decision.errors);
        assert_eq!(fs::read_to_string(&other).unwrap(), LINE, "{case}: no line is added to it");
    }
}

/// Pods that write records until they are told to stop; each returns how many.
struct Writers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<usize>>,
}

impl Writers {
    fn start(results: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let spawn = |writer: usize| {
            let records = Records::segments(results, format!("pod-{writer}").parse().unwrap());
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut written = 0;
                while !stop.load(Ordering::SeqCst) {
                    let request_id = Some(format!("{writer}-{written}"));
                    let record = RequestRecord { service_time_s: 0.1, response_time_s: 0.2, request_id };
                    records.keep(Utc::now(), &record).unwrap();
                    written += 1;
                    // Now and then at full speed, so that a claim meets a write.
                    if written % 64 == 0 {
                        thread::sleep(Duration::from_millis(2));
                    }
                }
                written
            })
        };
        let threads = (0..WRITERS).map(spawn).collect();
        Self { stop, threads }
    }

    fn stop(self) -> Vec<usize> {
        self.stop.store(true, Ordering::SeqCst);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

/// How often each request is in the archived windows.
fn archived(results: &Path) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for window in names(&results.join("AnalyzedPods")) {
        for name in names(&results.join("AnalyzedPods").join(&window)) {
            let text = fs::read_to_string(results.join("AnalyzedPods").join(&window).join(&name)).unwrap();
            for line in text.lines().filter(|line| !line.is_empty()) {
                let line: SegmentLine = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
                *found.entry(line.request_id.unwrap().into_owned()).or_default() += 1;
            }
        }
    }
    found
}

#[test]
fn a_scaler_killed_anywhere_loses_no_line_and_counts_none_twice() {
    let script = |_: &Sent| Answer::Json(200, r#"{"action": 3}"#.to_owned());
    let api = api::server(api::deployment(2), vec![(None, api::page(&[api::pod("aaaaa")], None))], api::scaled(3));
    let agent = Peer::start(script);
    let stage = Stage::new(&api, &agent);
    let command = |arguments: &[&str]| {
        let mut command = stage.command(arguments);
        command.env("ANALYZED_RETENTION", "100000");
        command
    };
    let writers = Writers::start(&stage.results);
    // Rolled and Dropped are of the status and of old windows; a window is given back where it was claimed before.
    let steps =
        Step::value_variants().iter().filter(|step| !matches!(step, Step::Rolled | Step::Dropped | Step::GaveBackOne));
    for step in steps {
        let name = step.to_possible_value().unwrap().get_name().to_owned();
        let mut scaler = Running::start(command(&["check", "--pause-at", &name]));
        assert!(scaler.wait_for(&format!("paused at {name}")), "{name} is never reached");
        thread::sleep(Duration::from_millis(20));
        scaler.kill();
        let output = command(&["check"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let written = writers.stop();
    assert_eq!(command(&["check"]).output().unwrap().status.code(), Some(0));
    let found = archived(&stage.results);
    let twice: Vec<_> = found.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(found.len(), written.iter().sum::<usize>(), "each request is in a window");
    let counted: u64 = status(&stage.results)
        .checks()
        .map(|(key, check)| {
            let decision = check.decision.as_ref().unwrap();
            // Checks come at any time here, and what they say of that is no error of the lines.
            let of_time = ["ShortWindow", "OldRecords"];
            let mut errors = decision.errors.iter().filter(|error| !of_time.contains(&error.name.as_str()));
            assert_eq!((decision.records_refused, errors.next()), (0, None), "{key}");
            decision.records_read
        })
        .sum();
    println!("{} lines by {WRITERS} pods, {counted} counted", found.len());
    assert_eq!(counted as usize, found.len());
    assert!(written.iter().all(|lines| *lines > 1000), "the pods were at work: {written:?}");
    assert_eq!(names(&stage.results.join("incoming")), [""; 0]);
}
