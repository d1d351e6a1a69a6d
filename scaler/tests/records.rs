//! What is counted, what is refused, and how much memory that takes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Instant;

use scaler::check::{CheckConfig, CheckOutcome, UtilizationSource, check};
use scaler_core::{ActionText, Check, Limit, RecordName, Timestamp, WindowLength};
use support::folder::{self, RECORD, archive, names, noon, status, write_record};
use support::memory::{MemoryCluster, Says, Shows, config};
use support::peer::{Answer, Peer};
use support::process::{Running, Stage, peak_rss_kib};
use support::{api, peer};

const NAME: &str = "pod-a_2026.02.01_11:59:59.000001.json";

async fn check_folder(results: &Path) -> Check {
    check_at(&config(results), 5_000_000).await
}

/// A check of 2 pods, so many microseconds past noon. Prometheus shows 0.3 cores a pod.
async fn check_at(config: &CheckConfig, at_us: i64) -> Check {
    let cluster = MemoryCluster::with(2);
    recorded(check(config, &cluster, &Says::action(2), Some(&Shows(Some(0.3))), || noon(at_us)).await.unwrap())
}

/// A check of 4 pods by an agent that wants one.
async fn scale_in_at(config: &CheckConfig, at_us: i64) -> Check {
    let cluster = MemoryCluster::with(4);
    recorded(check(config, &cluster, &Says::action(1), None::<&Shows>, || noon(at_us)).await.unwrap())
}

fn recorded(outcome: CheckOutcome) -> Check {
    match outcome {
        CheckOutcome::Recorded { check, .. } => *check,
        CheckOutcome::LockHeld => panic!("nobody else is here"),
    }
}

/// A record of a request that came then: a file, or a segment of one line.
fn put_record(results: &Path, segment: bool, pod: &str, arrival_us: i64, record: &str) {
    let arrival = noon(arrival_us);
    if segment {
        let line = record.replace('}', &format!(r#", "Timestamp": "{}"}}"#, Timestamp::of(arrival)));
        let path = results.join("incoming").join(RecordName::new(pod, arrival).unwrap().segment());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, line + "\n").unwrap();
    } else {
        write_record(results, pod, arrival, record);
    }
}

/// How a bad file gets into a folder.
type Put = Box<dyn Fn(&Path)>;

fn text(name: &'static str, text: impl AsRef<[u8]> + 'static) -> Put {
    Box::new(move |incoming| fs::write(incoming.join(name), &text).unwrap())
}

/// What the file is, how it gets there, and a part of the answer.
fn bad_files() -> Vec<(&'static str, Put, &'static str)> {
    let kind = "not a regular file";
    let times =
        |service: &str, response: &str| format!(r#"{{"Service Time": {service}, "Response Time": {response}}}"#);
    let mut files = vec![
        ("an empty file", text(NAME, ""), "not a record: EOF"),
        ("half a record", text(NAME, r#"{"Service Time": 0.1, "Resp"#), "not a record: EOF"),
        ("two records", text(NAME, format!("{RECORD}{RECORD}")), "trailing characters"),
        ("a page", text(NAME, "<html></html>"), "not a record: expected value"),
        ("a number", text(NAME, "0.25"), "not a record: invalid type"),
        ("null", text(NAME, "null"), "not a record: invalid type"),
        ("no response time", text(NAME, r#"{"Service Time": 0.1}"#), "missing field `Response Time`"),
        ("no service time", text(NAME, r#"{"Response Time": 0.1}"#), "missing field `Service Time`"),
        ("bytes that are no text", text(NAME, b"{\"Service Time\": \xff}"), "not a record"),
        ("60000 open brackets", text(NAME, "[".repeat(60_000)), "not a record"),
        ("70000 bytes", text(NAME, format!("{RECORD}{}", " ".repeat(70_000))), "larger than 65536 bytes"),
        ("a name without a time", text("pod-a.json", RECORD), "no pod name before a '_'"),
        ("a name without a pod", text("_2026.02.01_11:59:59.000001.json", RECORD), "no pod name before a '_'"),
        ("a name with half a time", text("pod-a_2026.02.01.json", RECORD), "is not a time like"),
        ("31 February", text("pod-a_2026.02.31_11:59:59.000001.json", RECORD), "is not a time like"),
        ("another extension", text("pod-a_2026.02.01_11:59:59.000001.txt", RECORD), "does not end in .json"),
        (
            "a name that is no text",
            Box::new(|incoming: &Path| fs::write(incoming.join(OsStr::from_bytes(b"pod_\xff.json")), RECORD).unwrap()),
            "the name is not UTF-8",
        ),
        ("a folder", Box::new(|incoming: &Path| fs::create_dir(incoming.join(NAME)).unwrap()), kind),
        ("a link to nowhere", Box::new(|incoming: &Path| symlink("/nowhere", incoming.join(NAME)).unwrap()), kind),
        ("a link to /dev/zero", Box::new(|incoming: &Path| symlink("/dev/zero", incoming.join(NAME)).unwrap()), kind),
        ("a socket", Box::new(|incoming: &Path| drop(UnixListener::bind(incoming.join(NAME)).unwrap())), kind),
    ];
    for (case, service, response, answer) in [
        ("no time in service", "0", "0.1", "\"Service Time\" must be a finite number of seconds above 0, it is 0"),
        ("a negative service time", "-0.1", "0.1", "\"Service Time\" must be a finite number of seconds above 0"),
        ("a negative response time", "0.1", "-0.1", "\"Response Time\" must be a finite number of seconds, 0 or more"),
        ("a service time of null", "null", "0.1", "invalid type: null"),
        ("a service time in quotes", "\"0.1\"", "0.1", "invalid type: string"),
        ("a service time of NaN", "NaN", "0.1", "expected value"),
        ("a response time of 1e400", "0.1", "1e400", "number out of range"),
    ] {
        files.push((case, text(NAME, times(service, response)), answer));
    }
    files
}

#[tokio::test]
async fn a_bad_file_is_counted_and_named_and_the_good_ones_are_read() {
    let files = bad_files();
    println!("{:<26} answer", "file");
    for (case, put, answer) in &files {
        let (_guard, results) = folder::fresh();
        let good = write_record(&results, "pod-b", noon(0), RECORD);
        put(&results.join("incoming"));
        let decision = check_folder(&results).await.decision.unwrap();
        let [refused] = decision.refused.as_slice() else { panic!("{case}: {:?}", decision.refused) };
        println!("{case:<26} {}", refused.error);
        assert!(refused.error.contains(answer), "{case}: {}", refused.error);
        assert_eq!((decision.records_read, decision.records_refused), (1, 1), "{case}");
        assert!(archive(&results).is_empty() || names(&results.join("AnalyzedPods/check_1")).contains(&good), "{case}");
        assert_eq!(names(&results.join("incoming")), [""; 0], "{case}: it does not come back");
    }
    assert!(files.len() >= 14);
}

#[tokio::test]
async fn of_many_bad_files_twenty_are_named_and_all_are_counted() {
    let (_guard, results) = folder::fresh();
    for i in 0..30 {
        write_record(&results, "pod-a", noon(i), "{");
        write_record(&results, "pod-b", noon(i), RECORD);
    }
    let decision = check_folder(&results).await.decision.unwrap();
    assert_eq!((decision.records_read, decision.records_refused, decision.refused.len()), (30, 30, 20));
}

#[tokio::test]
async fn an_unknown_key_and_a_request_id_make_no_bad_record() {
    let (_guard, results) = folder::fresh();
    let record = r#"{"Service Time": 1e-3, "Response Time": 0, "Request ID": "a-1", "Node": {"name": "n1"}}"#;
    write_record(&results, "pod-a", noon(0), record);
    let check = check_folder(&results).await;
    assert_eq!(check.decision.unwrap().records_read, 1);
    assert_eq!((check.avg_service_time, check.avg_response_time), (0.001, 0.0));
}

#[tokio::test]
async fn the_end_of_the_window_is_counted_by_itself_in_files_and_in_lines() {
    // The check is made at noon and 5 s; its last quarter, 15 s, began 10 s before noon.
    let record =
        |service_s: f64, response_s: f64| format!(r#"{{"Service Time": {service_s}, "Response Time": {response_s}}}"#);
    for segment in [false, true] {
        let (_guard, results) = folder::fresh();
        check_at(&config(&results), -55_000_000).await;
        let requests =
            [(-30_000_000, 0.3, 0.9), (-12_000_000, 0.6, 3.0), (-9_000_000, 1.5, 1.5), (-9_900_000, 0.9, 1.2)];
        for (at, (arrival_us, service_s, response_s)) in requests.into_iter().enumerate() {
            put_record(&results, segment, &format!("pod-{}", at % 2), arrival_us, &record(service_s, response_s));
        }
        let check = check_folder(&results).await;
        let decision = check.decision.unwrap();
        let recent = decision.request.recent.unwrap();
        assert!(decision.errors.is_empty(), "{:?}", decision.errors);
        // The first was over in time; the second arrived before and was completed 1 s after the quarter had begun.
        assert_eq!(recent.window_s, 15.0);
        assert!((recent.utilization - (0.6 + 1.5 + 0.9) / 15.0 / 2.0).abs() < 1e-12, "{recent:?}");
        assert!((recent.pressure - 1.9 / check.threshold).abs() < 1e-12, "{recent:?}");
    }
}

#[tokio::test]
async fn the_end_of_the_window_is_not_told_where_it_would_mislead() {
    // When the check before was made and each of 40 requests of 0.25 s came, seconds before this check.
    let ago = |seconds: f64| vec![seconds; 40];
    let with = |ahead: usize| (0..40).map(|i| if i < ahead { -1.0 } else { 5.0 }).collect::<Vec<f64>>();
    type Row = (&'static str, Option<f64>, Vec<f64>, UtilizationSource, bool, &'static [&'static str]);
    let table: [Row; 8] = [
        ("a minute between two checks", Some(60.0), ago(5.0), UtilizationSource::Theory, true, &[]),
        ("no check before: of what time they are is not known", None, ago(5.0), UtilizationSource::Theory, false, &[]),
        ("a check 5 s after another", Some(5.0), ago(2.0), UtilizationSource::Theory, false, &["ShortWindow"]),
        ("ten minutes between two checks", Some(600.0), ago(5.0), UtilizationSource::Theory, false, &[]),
        ("beside the CPU of Prometheus", Some(60.0), ago(5.0), UtilizationSource::Prometheus, false, &[]),
        ("stamped by a clock a little ahead", Some(60.0), ago(-0.5), UtilizationSource::Theory, true, &[]),
        ("two of 40 by one a second ahead", Some(60.0), with(2), UtilizationSource::Theory, true, &[]),
        ("three of 40", Some(60.0), with(3), UtilizationSource::Theory, false, &["ClocksApart"]),
    ];
    for (what, before_s, requests, source, told, named) in table {
        let (_guard, results) = folder::fresh();
        let config = CheckConfig { utilization_source: source, ..config(&results) };
        let at = |ago_s: f64| 5_000_000 - (ago_s * 1e6) as i64;
        if let Some(before_s) = before_s {
            check_at(&config, at(before_s)).await;
        }
        for (i, ago_s) in requests.into_iter().enumerate() {
            write_record(&results, "pod-a", noon(at(ago_s) + i as i64), RECORD);
        }
        let decision = check_at(&config, at(0.0)).await.decision.unwrap();
        let names: Vec<_> = decision.errors.iter().map(|error| error.name.as_str()).collect();
        println!("{what:<54} {:<5} {:?}", decision.request.recent.is_some(), decision.errors);
        assert_eq!((decision.request.recent.is_some(), names.as_slice()), (told, named), "{what}");
        assert_eq!(decision.records_read, 40, "{what}");
    }
}

#[tokio::test]
async fn after_ten_minutes_without_a_check_the_load_is_that_of_the_last_one_and_no_record_is_lost() {
    for segment in [false, true] {
        let (_guard, results) = folder::fresh();
        let config = config(&results);
        check_at(&config, 0).await;
        // One request every 10 s, of 0.25 s; and one that came before the last minute and was completed in it.
        let every_10_s = (0..60).map(|i| (i * 10_000_000 + 5_000_000, "0.25"));
        for (arrival_us, response) in every_10_s.chain([(538_000_000, "3")]) {
            let record = format!(r#"{{"Service Time": 0.125, "Response Time": {response}}}"#);
            put_record(&results, segment, "pod-a", arrival_us, &record);
        }
        let check = check_at(&config, 600_000_000).await;
        let decision = check.decision.unwrap();
        assert_eq!((decision.records_read, decision.records_refused), (61, 0));
        assert_eq!((decision.window_seconds, decision.window_length), (60.0, WindowLength::OutOfRange));
        assert_eq!((check.workload, check.avg_response_time), (7.0 / 60.0, 4.5 / 7.0), "of the last minute");
        assert_eq!(check.avg_service_time, 0.125);
        let [error] = decision.errors.as_slice() else { panic!("{:?}", decision.errors) };
        let message =
            "54 records were completed before the last interval of 60 s: they are counted as read, not as load";
        assert_eq!((error.name.as_str(), error.message.as_str()), ("OldRecords", message));
        assert_eq!(decision.newest_record_age_seconds, Some(5.0));
        assert_eq!(archive(&results)["check_2"].len(), 61, "all of them are archived");
        assert_eq!(names(&results.join("incoming")), [""; 0]);
    }
}

#[tokio::test]
async fn while_load_is_missing_in_what_was_counted_nothing_is_scaled_in() {
    // When the check before was made, seconds before this one; records, and what is none; whether 4 pods become 1.
    let table = [
        ("a minute after another check", Some(60.0), 3, 0, true, ""),
        ("the first check", None, 3, 0, true, ""),
        ("without load", Some(60.0), 0, 0, true, ""),
        ("as many refused as read", Some(60.0), 3, 3, true, ""),
        ("more refused than read", Some(60.0), 3, 4, false, ""),
        ("nothing that is a record", Some(60.0), 0, 1, false, ""),
        ("half an interval after another check", Some(30.0), 3, 0, true, ""),
        ("less than half", Some(29.5), 3, 0, false, "ShortWindow"),
        ("the clock was set back", Some(-5.0), 3, 0, false, "ShortWindow"),
        ("ten minutes after another check", Some(600.0), 3, 0, true, ""),
    ];
    println!("{:<38} scaled in", "a check");
    for (what, before_s, good, bad, scaled_in, named) in table {
        let (_guard, results) = folder::fresh();
        let config = config(&results);
        if let Some(before_s) = before_s {
            check_at(&config, -(before_s * 1e6) as i64).await;
        }
        for i in 0..good {
            write_record(&results, "pod-a", noon(i - 2_000_000), RECORD);
        }
        for i in 0..bad {
            write_record(&results, "pod-b", noon(i - 2_000_000), "{");
        }
        let check = scale_in_at(&config, 0).await;
        println!("{what:<38} {scaled_in}");
        let decision = check.decision.unwrap();
        assert_eq!((decision.records_read, decision.records_refused), (good as u64, bad as u64), "{what}");
        let (action, limit, least) = if scaled_in {
            (ActionText::Set(1), None, Some(1))
        } else {
            (ActionText::NoAction, Some(Limit::MinReplicas), Some(4))
        };
        assert_eq!((check.action, decision.limit), (action, limit), "{what}");
        assert_eq!(decision.request.min_replicas, least, "{what}: the agent is told");
        let found: Vec<_> = decision.errors.iter().map(|error| error.name.as_str()).collect();
        assert_eq!(found.join(","), named, "{what}");
    }
}

#[tokio::test]
async fn pods_that_a_rollout_starts_beside_the_ordered_ones_are_none_that_were_ordered() {
    // Not ready of the four that are ordered, starting, and what the agent is told of these.
    for (unready, starting, told) in [(0, 0, 0), (2, 2, 2), (0, 1, 0), (1, 2, 1)] {
        let (_guard, results) = folder::fresh();
        let cluster = MemoryCluster::in_rollout(4, unready, starting);
        let outcome = check(&config(&results), &cluster, &Says::action(4), None::<&Shows>, || noon(0)).await.unwrap();
        let decision = recorded(outcome).decision.unwrap();
        assert_eq!((decision.request.starting, decision.starting), (Some(told), starting), "{unready} of 4 not ready");
    }
}

#[tokio::test]
async fn records_of_other_services_in_the_folder_itself_are_counted_once_they_are_whole() {
    let (_guard, results) = folder::fresh();
    let [whole, half] = ["pod-a_2026.02.01_12:00:00.000001.json", "pod-a_2026.02.01_12:00:00.000002.json"];
    fs::write(results.join(whole), RECORD).unwrap();
    fs::write(results.join(half), &RECORD[..20]).unwrap();
    // Being written now, in the eyes of the check.
    fs::File::options().write(true).open(results.join(half)).unwrap().set_modified(noon(5_000_000).into()).unwrap();
    fs::write(results.join("notes.txt"), "mine").unwrap();
    fs::write(results.join(".half_2026.json"), "{").unwrap();
    assert_eq!(check_folder(&results).await.decision.unwrap().records_read, 1);
    fs::write(results.join(half), RECORD).unwrap();
    assert_eq!(check_folder(&results).await.decision.unwrap().records_read, 1);
    assert_eq!(archive(&results)["check_2"], [half]);
    let left = [".half_2026.json", ".lock", "AnalyzedPods", "incoming", "notes.txt", "podStatus.json"];
    assert_eq!(names(&results), left, "what is no record stays where it is");
}

#[test]
fn a_hundred_thousand_records_in_one_window_take_less_than_200_mib() {
    const RECORDS: i64 = 100_000;
    const LIMIT_KIB: u64 = 200 * 1024;
    let script = |_: &peer::Sent| Answer::Json(200, r#"{"action": 3}"#.to_owned());
    let api = api::server(api::deployment(2), vec![(None, api::page(&[api::pod("aaaaa")], None))], api::scaled(3));
    let agent = Peer::start(script);
    let stage = Stage::new(&api, &agent);
    let incoming = stage.results.join("incoming");
    fs::create_dir(&incoming).unwrap();
    for pod in ["pod-a", "pod-b", "pod-c", "pod-d"] {
        // Links to one file, since they are made and removed faster; ext4 allows 65,000.
        let text = stage.results.join(pod);
        fs::write(&text, RECORD).unwrap();
        for i in 0..RECORDS / 4 {
            fs::hard_link(&text, incoming.join(RecordName::new(pod, noon(i)).unwrap().to_string())).unwrap();
        }
    }
    let started = Instant::now();
    let mut scaler = Running::start(stage.command(&["check", "--pause-at", "retained"]));
    assert!(scaler.wait_for("paused at retained"));
    let (peak_kib, took) = (peak_rss_kib(scaler.id()), started.elapsed());
    scaler.kill();
    println!("{RECORDS} records: peak {:.1} MiB, {:.1} s", peak_kib as f64 / 1024.0, took.as_secs_f64());
    let status = status(&stage.results);
    let (_, check) = status.last().unwrap();
    assert_eq!(check.decision.as_ref().unwrap().records_read, RECORDS as u64);
    assert!(peak_kib < LIMIT_KIB, "{peak_kib} KiB");
}
