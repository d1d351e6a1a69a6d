//! Whole runs of the program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use scaler_core::{Check, PodStatus};

/// In the environment of every process of a run, as children inherit it: tells which they are.
const MARK: &str = "DEMO_TEST_RUN";

/// A small and quick run: a check a second.
fn demo(out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command
        .args(["--interval", "1", "--matrix-size", "8", "--service-time", "0.05", "--threshold", "0.15"])
        .args(["--max-replicas", "4", "--start-up", "0.2", "--periods", "1"])
        .args(more)
        .arg("--out")
        .arg(out)
        .env(MARK, out)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Processes of this run by id, the demo itself included while it runs.
fn processes_of(out: &Path) -> Vec<u32> {
    let mark = [MARK.as_bytes(), b"=", out.as_os_str().as_encoded_bytes()].concat();
    let mentions = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark)
    };
    let ids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(mentions).collect()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn status(path: &Path) -> PodStatus {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Records that wait for the next check. On a slow disk, a pod that ends may leave a dot-file, which is none.
fn waiting(lane: &Path) -> u64 {
    let is_record = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    let entries = fs::read_dir(lane.join("incoming")).into_iter().flatten();
    entries.map(Result::unwrap).filter(is_record).count() as u64
}

#[test]
fn a_run_counts_every_request_and_leaves_a_report_and_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().canonicalize().unwrap().join("out");
    let output = demo(&out, &["--duration", "12", "--policy", "agent", "--rivals", "threshold"]).output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(processes_of(&out), Vec::<u32>::new());

    let raw: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&fs::read_to_string(out.join("podStatus.json")).unwrap()).unwrap();
    assert_eq!(raw.len(), 12);
    let mut text = fs::read_to_string(out.join("podStatus.json")).unwrap();
    for number in 1..=12 {
        let key = format!("\"check_{number}\"");
        let at = text.find(&key).unwrap_or_else(|| panic!("{key} comes after the one before it"));
        text.drain(..at);
        let mut rest = text.as_str();
        for key in Check::FROZEN_KEYS.iter().chain(&["decision"]) {
            let at = rest.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key} of check {number} in order"));
            rest = &rest[at..];
        }
    }
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("agent: sinusoid") && page.contains("<svg"), "a report of the main policy");
    assert!(said.contains("violating") && said.contains("against threshold"), "a table and a verdict\n{said}");
    for (key, check) in status(&out.join("podStatus.json")).checks() {
        assert!(
            check.decision.as_ref().is_some_and(|decision| decision.explanation.is_some()),
            "{key}: the agent chose"
        );
    }

    let run: serde_json::Value = serde_json::from_str(&fs::read_to_string(out.join("demo.json")).unwrap()).unwrap();
    for lane in ["agent", "threshold"] {
        let lane = out.join("lanes").join(lane);
        let status = status(&lane.join("podStatus.json"));
        let counted: u64 = status.checks().map(|(_, check)| check.decision.as_ref().unwrap().records_read).sum();
        let refused: u64 = status.checks().map(|(_, check)| check.decision.as_ref().unwrap().records_refused).sum();
        let sent = fs::read_to_string(lane.join("requests.csv")).unwrap().lines().count() as u64 - 1;
        assert_eq!(counted + waiting(&lane), sent, "{}: every request has one record", lane.display());
        assert_eq!((refused, Some(sent)), (0, run["requests"].as_u64()));
        for (key, check) in status.checks() {
            let cpu = check.cpu_usage;
            assert!(cpu.is_some_and(|cores| (0.0..2.0).contains(&cores)), "{key}: {cpu:?}");
        }
    }
}

#[test]
fn ctrl_c_leaves_no_process_and_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().canonicalize().unwrap().join("out");
    let run = demo(&out, &["--duration", "600", "--policy", "reactive", "--rivals", "static:2"]).spawn().unwrap();
    let file = out.join("lanes/reactive/podStatus.json");
    until("two checks", || fs::read_to_string(&file).is_ok_and(|text| text.contains("check_2")));
    assert!(processes_of(&out).len() >= 4, "the demo and replicas of two lanes run");
    signal(&run, Signal::INT);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert_eq!(processes_of(&out), Vec::<u32>::new());
    let kept = status(&out.join("podStatus.json"));
    assert!(kept.checks().len() >= 2);
    assert_eq!(kept, status(&file));
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("<svg"));
    let said = text(&output);
    assert!(said.contains("violating checks") && said.contains("nobody won"), "a table of what there is: {said}");
}

#[test]
fn ctrl_c_before_the_first_request_is_obeyed_too() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().canonicalize().unwrap().join("out");
    let run = demo(&out, &["--duration", "600", "--policy", "reactive", "--rivals", "none"]).spawn().unwrap();
    until("a replica is measured", || processes_of(&out).len() >= 2);
    signal(&run, Signal::TERM);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    until("its children are gone", || processes_of(&out).is_empty());
}

#[test]
fn children_go_even_when_the_demo_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().canonicalize().unwrap().join("out");
    let mut run = demo(&out, &["--duration", "600", "--policy", "static:3", "--rivals", "none"]).spawn().unwrap();
    until("three replicas run", || processes_of(&out).len() >= 4 && out.join("lanes/static-3/podStatus.json").exists());
    run.kill().unwrap();
    run.wait().unwrap();
    until("its children are gone", || processes_of(&out).is_empty());
}

#[test]
fn what_cannot_be_played_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("precious"), "").unwrap();
    let table: [(&[&str], i32, &str); 4] = [
        (&["--duration", "1"], 1, "--duration must be at least two intervals"),
        (&["--policy", "best"], 2, "none of agent, calibrated"),
        (&["--rivals", "static:0"], 1, "--rivals: \"static:0\""),
        (&[], 1, "choose another --out"),
    ];
    for (more, code, expected) in table {
        let output = demo(folder.path(), more).output().unwrap();
        let said = text(&output);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {said}");
        assert!(said.contains(expected), "{more:?}: {said}");
    }
    assert!(folder.path().join("precious").exists());
}

fn signal(run: &Child, signal: Signal) {
    kill_process(Pid::from_raw(run.id().cast_signed()).unwrap(), signal).unwrap();
}
