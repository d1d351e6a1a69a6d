//! `agent simulate`: one schedule of arrivals under one policy.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use agent::checkpoint::Checkpoint;
use agent::learned::Learned;
use agent::policy::{Policy, PolicyChoice};
use agent::rng::Stream;
use agent::simulate::{RecordedCheck, Run, SimulateArgs, simulate};
use agent::simulator::{Episode, Player, Scenario, ServiceShift, ServiceTimes, Simulation, play};
use agent::workload::{Load, Profile, Shape, arrivals, write_arrivals};
use clap::Parser;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    args: SimulateArgs,
}

fn played(schedule: &Path, options: &[&str]) -> Run {
    let begin = ["simulate", "--arrivals", schedule.to_str().unwrap()];
    simulate(&Arguments::try_parse_from(begin.iter().chain(options)).unwrap().args).unwrap().run
}

fn written(folder: &Path, times: &[f64]) -> PathBuf {
    let path = folder.join("arrivals.csv");
    write_arrivals(times, fs::File::create(&path).unwrap()).unwrap();
    path
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
}

/// Half an hour of a sinusoid, from 2 to 25 requests/s; the times as the file has them.
fn sinusoid(folder: &Path) -> (PathBuf, Vec<f64>) {
    let load = Load { low_rps: 2.0, high_rps: 25.0, periods: 2.0, duration_s: 1800.0, bin_s: 1.0 };
    let profile = Shape::Sinusoid.profile(&load, &mut Stream::new(1, "shape", 0)).unwrap();
    let path = written(folder, &arrivals(&profile, 1800.0, 3));
    let times = agent::workload::read_arrivals(&path).unwrap();
    (path, times)
}

/// Three requests, worked out by hand: the second waits for the first; a second pod is ready 10 s after the first check.
#[test]
fn three_requests_are_accounted_for_from_the_first_arrival_on() {
    let folder = tempfile::tempdir().unwrap();
    let schedule = written(folder.path(), &[7.0, 7.1, 40.0]);
    let deployment = ["--service-time", "0.2", "--service-cv", "0", "--threshold", "0.24", "--max", "4"];
    let run = ["--policy", "static:replicas=2", "--first-check", "20", "--windows", "3"];
    let run = played(&schedule, &[&deployment[..], &run].concat());
    assert_eq!((run.violating_checks, run.checks_with_load, run.requests), (1, 2, 3));
    near(run.late_share, 1.0 / 3.0);
    near(run.mean_response_s, 0.7 / 3.0);
    near(run.p50_response_s, 0.2);
    near(run.p95_response_s, 0.3);
    near(run.p99_response_s, 0.3);
    // Checks at 20, 80 and 140 s: one pod until 20 s, then two, of which one is ready from 30 s on.
    near(run.length_s, 140.0);
    near(run.pod_minutes, (20.0 + 2.0 * 120.0) / 60.0);
    near(run.mean_ready_replicas, (30.0 + 2.0 * 110.0) / 140.0);
    let figures = |check: &RecordedCheck| (check.time_s, check.n_instances, check.ordered);
    let checks: Vec<_> = run.checks.iter().map(figures).collect();
    assert_eq!(checks, [(20.0, 1, Some(2)), (80.0, 2, Some(2)), (140.0, 2, None)]);
    let [first, second, third] = run.checks[..] else { panic!("{:?}", run.checks) };
    near(first.avg_response_time, 0.25);
    near(first.pressure, 0.25 / 0.24);
    near(first.avg_service_time, 0.2);
    near(first.queue_length_dominant, 0.25);
    // The first window of a deployment counts as a whole one, as for the scaler.
    near(first.workload, 2.0 / 60.0);
    near(first.utilization, 0.4 / 60.0);
    near(second.utilization, 0.2 / 60.0 / 2.0);
    assert_eq!((third.pressure, third.workload), (0.0, 0.0));
}

#[test]
fn a_pod_that_goes_is_billed_for_its_drain_and_not_beyond_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let schedule = written(folder.path(), &[0.0, 100.0]);
    for (drain, extra_s) in [("0", 0.0), ("12", 2.0 * 12.0), ("1000", 2.0 * 60.0)] {
        let run = played(&schedule, &["--policy", "static:replicas=1", "--initial", "3", "--drain", drain]);
        near(run.pod_minutes, (3.0 * 60.0 + 60.0 + extra_s) / 60.0);
        near(run.mean_ready_replicas, 2.0);
        assert_eq!(run.checks[1].n_instances, 1, "a pod that drains is not ready");
    }
}

#[test]
fn a_check_before_the_first_arrival_sees_nothing_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let schedule = written(folder.path(), &[500.0, 501.0]);
    let run = played(&schedule, &["--policy", "static:replicas=2", "--first-check=-90"]);
    let times: Vec<f64> = run.checks.iter().map(|check| check.time_s).collect();
    assert_eq!(times, [-90.0, -30.0, 30.0]);
    assert_eq!((run.checks_with_load, run.checks[1].n_instances, run.checks[1].pressure), (1, 2, 0.0));
    near(run.pod_minutes, 1.0);
}

/// A policy's checks are the very ones of the simulation that it is asked by.
#[test]
fn the_checks_are_what_the_scaler_would_have_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (schedule, times) = sinusoid(folder.path());
    let knobs = "--service-cv 0.5 --metric-lag 5 --start-up-jitter 0.3 --start-up 8 --drain 7 --rested 0.05 --overhead 0.02 --min 2 --initial 3 --seed 9";
    let more = ["--first-check", "25", "--service-shift", "0:1.5", "--service-shift", "600:0.9"];
    let knobs: Vec<&str> = knobs.split(' ').chain(more).collect();
    let shifted: Vec<f64> = times.iter().map(|time_s| time_s + (35.0 - times[0])).collect();
    let scenario = Scenario {
        windows: 31,
        min_replicas: 2,
        initial_replicas: 3,
        startup_s: 8.0,
        startup_jitter: 0.3,
        drain_s: 7.0,
        rested_s: 0.05,
        overhead_s: 0.02,
        metric_lag_s: 5.0,
        service_times: ServiceTimes::Lognormal { cv: 0.5 },
        // The first arrival is at 35 s of the episode.
        service_shifts: vec![ServiceShift { at_s: 35.0, factor: 1.5 }, ServiceShift { at_s: 635.0, factor: 0.9 }],
        ..Scenario::plain(Profile::new(60.0, vec![1.0; 31]).unwrap(), 60.0, 0.5, 10, 0.2)
    };
    let episode = Arc::new(Episode::with_arrivals(scenario, shifted, 9).unwrap());
    let trend = "trend:utilization=0.6".parse::<PolicyChoice>().unwrap().asked().unwrap().unwrap();
    let learned = Learned::of(&Checkpoint::shipped().unwrap(), 2.0);
    let policies: [(&str, &dyn Policy); 2] = [("trend:utilization=0.6", trend.as_ref()), ("learned", &learned)];
    for (name, policy) in policies {
        let run = played(&schedule, &[&["--policy", name, "--risk", "2"], &knobs[..]].concat());
        let mut simulation = Simulation::new(Arc::clone(&episode));
        for check in &run.checks {
            let (request, metrics) = (simulation.request(), *simulation.metrics());
            let seen = request.observation;
            assert_eq!(check.n_instances, seen.n_instances, "{name} at {}", check.time_s);
            near(check.time_s, simulation.now_s() - 35.0);
            near(check.pressure, seen.pressure);
            near(check.utilization, seen.utilization);
            near(check.workload, seen.workload);
            near(check.queue_length_dominant, seen.queue_length_dominant);
            near(check.avg_response_time, metrics.avg_response_time_s);
            near(check.avg_service_time, metrics.avg_service_time_s);
            assert_eq!(check.ordered, (!simulation.is_done()).then(|| policy.order(&request)), "{name}");
            if let Some(ordered) = check.ordered {
                simulation.step(ordered);
            }
        }
        assert!(simulation.is_done(), "{name}: {} checks", run.checks.len());
        assert_eq!(run.requests as usize, times.len(), "all of them, the last window has the last arrival");
        let totals = play(&episode, Player::Policy(policy), 60.0).unwrap().totals;
        let after_first = run.checks[1..].iter().filter(|check| check.pressure > 1.0).count() as u64;
        assert_eq!(after_first, totals.violating_checks, "{name}");
        // The three initial pods until the first check, then what every evaluation bills.
        near(run.pod_minutes, totals.pod_minutes + 3.0 * 25.0 / 60.0);
    }
}

#[test]
fn a_law_of_the_cluster_decides_in_its_own_loop_and_the_checks_are_recorded_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (schedule, _) = sinusoid(folder.path());
    let at = |policy: &str, more: &[&str]| played(&schedule, &[&["--policy", policy], more].concat());
    let (idle, busy) = (at("hpa:target_percent=40", &[]), at("hpa:target_percent=90", &[]));
    assert_eq!((idle.checks.len(), busy.checks.len(), idle.requests), (30, 30, busy.requests));
    assert!(idle.pod_minutes > 1.3 * busy.pod_minutes && idle.violating_checks < busy.violating_checks);
    // Between two checks it orders more than once: what was ordered at a check is not what is ready at the next.
    let moved = idle.checks.windows(2).any(|pair| pair[0].ordered.is_some_and(|ordered| ordered < pair[1].n_instances));
    assert!(moved, "{:?}", idle.checks);
    let fixed = at("static:replicas=5", &[]);
    assert!(fixed.checks[2..].iter().all(|check| check.n_instances == 5), "{:?}", fixed.checks);
    // At the same decisions the windows are the same, whatever the period of who decides.
    let fast = at("static:replicas=5", &["--period", "15"]);
    near(fast.mean_response_s, fixed.mean_response_s);
    assert_eq!((&fast.checks, fast.violating_checks), (&fixed.checks, fixed.violating_checks));
}

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agent")).arg("simulate").args(arguments).output().unwrap()
}

#[test]
fn the_file_has_every_check_and_the_terminal_a_table_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let (schedule, _) = sinusoid(folder.path());
    let (schedule, file) = (schedule.to_str().unwrap(), folder.path().join("run.json"));
    let output = command(&[
        "--arrivals",
        schedule,
        "--policy",
        "learned",
        "--service-cv",
        "0.3",
        "--output",
        file.to_str().unwrap(),
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("learned, model "), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for key in ["violatingChecks", "checksWithLoad", "lateShare", "meanResponseS", "p50ResponseS", "p95ResponseS"] {
        assert!(json[key].is_number(), "{key} in {json}");
    }
    for key in ["p99ResponseS", "podMinutes", "meanReadyReplicas", "lengthS", "requests", "risk"] {
        assert!(json[key].is_number(), "{key} in {json}");
    }
    assert_eq!((json["policy"].as_str(), json["model"].as_str().map(str::len)), (Some("learned"), Some(16)));
    assert_eq!(json["deployment"]["maxReplicas"], 10);
    assert_eq!(json["deployment"]["serviceTimes"]["lognormal"]["cv"], 0.3);
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 30);
    for key in ["timeS", "nInstances", "pressure", "avgResponseTime", "avgServiceTime", "utilization", "workload"] {
        assert!(checks[0][key].is_number(), "{key} in {}", checks[0]);
    }
    assert!(checks[0]["ordered"].is_number() && checks[0]["queueLengthDominant"].is_number());
    assert!(checks[29]["ordered"].is_null(), "the run ends there");
    let words = format!("of {} with load, 30 in all", json["checksWithLoad"]);
    assert!(text.contains(&words), "{text}");
}

#[test]
fn what_makes_no_sense_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let one = written(folder.path(), &[3.0]);
    let one = one.to_str().unwrap();
    let none = folder.path().join("none.csv");
    fs::write(&none, "second\n").unwrap();
    let none = none.to_str().unwrap();
    for (arguments, words) in [
        (&["--arrivals", "/nowhere.csv"][..], "/nowhere.csv"),
        (&["--arrivals", none], "there is no arrival in"),
        (&["--arrivals", one, "--policy", "forecast"], "there is no policy \"forecast\"; there are learned, static"),
        (
            &["--arrivals", one, "--policy", "hpa:target=60"],
            "hpa has no setting \"target\"; it has target_percent 20..100",
        ),
        (&["--arrivals", one, "--first-check", "61"], "--first-check must be at most one window (60 s), it is 61"),
        (&["--arrivals", one, "--windows", "1"], "windows must be 2 or more, it is 1"),
        (&["--arrivals", one, "--drain=-1"], "drain_s must be 0 or more"),
        (&["--arrivals", one, "--rested=-1"], "rested_s must be 0 or more"),
        (&["--arrivals", one, "--overhead=-1"], "overhead_s must be 0 or more"),
        (&["--arrivals", one, "--service-shift", "600"], "must be seconds and a factor, as in 600:1.1"),
        (
            &["--arrivals", one, "--service-shift", "600:2", "--service-shift", "600:1"],
            "service_shifts must be in order of time, each by a factor above 0",
        ),
        (&["--arrivals", one, "--min", "3", "--initial", "2"], "initial_replicas must be within the bounds, it is 2"),
        (&["--arrivals", one, "--peak", "2"], "--peak is for loads that are sized"),
        (&["--arrivals", one, "--period", "15,60"], "--period must be a single one"),
        (&["--arrivals", one, "--checkpoint", "/nowhere.safetensors"], "/nowhere.safetensors"),
        (&["--arrivals", one, "--policy", "trend", "--output", "/nowhere/run.json"], "cannot write /nowhere/run.json"),
    ] {
        let output = command(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(words), "{arguments:?}: {error}");
    }
    let help = String::from_utf8(command(&["--help"]).stdout).unwrap();
    assert!(help.contains("--first-check") && !help.contains("--peak"), "{help}");
}
