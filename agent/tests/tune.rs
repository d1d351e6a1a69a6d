//! `agent tune`: the settings of a rule for a deployment.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use agent::policy::PolicyChoice;
use agent::rules::RuleFamily;
use agent::tune::{Found, TuneArgs, find};
use clap::{Parser, ValueEnum};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    args: TuneArgs,
}

/// Two traces of less than an hour, one of them to tune on.
fn write_traces(folder: &Path) {
    let wave = |minute: u32, period: f64| 300.0 * (1.2 + (f64::from(minute) / period).sin());
    for (name, minutes, period) in [("a", 45, 6.0), ("b", 30, 5.0)] {
        let rows: String = (0..minutes).map(|minute| format!("{minute},{:.0}\n", wave(minute, period))).collect();
        fs::write(folder.join(format!("{name}.csv")), format!("minute,requests\n{rows}")).unwrap();
    }
    fs::write(folder.join("split.csv"), "trace,part\nb,train\n").unwrap();
}

fn found(folder: &Path, options: &[&str]) -> Found {
    let traces = ["tune", "--max", "4", "--traces", folder.to_str().unwrap()];
    find(&Arguments::try_parse_from(traces.iter().chain(options)).unwrap().args).unwrap()
}

#[test]
fn a_dearer_violation_asks_for_more_pods_and_what_is_printed_is_a_policy() {
    let folder = tempfile::tempdir().unwrap();
    write_traces(folder.path());
    let at = |price: &str| found(folder.path(), &["--policy", "reactive", "--price", price]);
    let (cheap, dear) = (at("0.1"), at("10"));
    assert!(cheap.pod_share < dear.pod_share && cheap.violating_share > dear.violating_share, "{cheap:?}\n{dear:?}");
    assert_eq!(at("10"), dear, "the same every time");
    // The trace that is to be tuned on, and the four formulas; 240 settings everywhere, 30 near the best.
    assert_eq!((dear.loads, dear.settings_tried), (5, 270));
    assert!((dear.objective - (dear.pod_share + 10.0 * dear.violating_share)).abs() < 1e-12);
    let PolicyChoice::Family { family: RuleFamily::Reactive, values } = dear.policy.parse().unwrap() else {
        panic!("{} is not the rule", dear.policy);
    };
    let settings: Vec<f64> = dear.settings.values().map(|value| value.as_f64().unwrap()).collect();
    // In the order of their names: drain, utilization.
    assert_eq!([values[1], values[0]], settings[..], "the very numbers that were searched");
    assert_eq!(dear.text().lines().last(), Some(dear.policy.as_str()));
    assert_ne!(found(folder.path(), &["--policy", "reactive", "--price", "10", "--seed", "2"]).settings, dear.settings);
}

#[test]
fn a_static_share_is_told_as_the_count_that_it_is_of_the_most() {
    let folder = tempfile::tempdir().unwrap();
    write_traces(folder.path());
    let found = found(folder.path(), &["--policy", "static", "--price", "10"]);
    let count: u32 = found.policy.strip_prefix("static:replicas=").unwrap().parse().unwrap();
    assert!((1..=4).contains(&count), "{found:?}");
    // A static count is billed as it is, but for the initial pods that finish what they hold.
    assert!((found.pod_share - f64::from(count) / 4.0).abs() < 0.01, "{found:?}");
}

#[test]
fn what_cannot_be_tuned_is_named() {
    for (options, words) in [
        (&["--policy", "learned"][..], "invalid value 'learned'"),
        (&["--policy", "trend", "--period", "30,60"], "--period must be a single one, there are 2"),
        (&["--policy", "trend", "--price=-1"], "--price must be 0 or more, it is -1"),
        (&["--policy", "trend", "--threshold", "0.1"], "threshold must be longer than the service time"),
        (&["--policy", "trend", "--traces", "/nowhere"], "/nowhere"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_agent")).arg("tune").args(options).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(words), "{options:?}: {error}");
    }
    let known = RuleFamily::value_variants();
    assert_eq!(known.len(), RuleFamily::ALL.len(), "every family can be tuned");
}
