//! The real process: exit codes, the lock, the schedule, the settings.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::process::Output;

use scaler_core::{CheckKey, Reason};
use support::folder::{RECORD, archive, names, noon, status, write_record};
use support::peer::{Answer, Peer};
use support::process::{Running, Stage, scaler};
use support::{api, folder};

fn agent() -> Peer {
    Peer::start(|_| Answer::Json(200, r#"{"action": 3}"#.to_owned()))
}

fn cluster(patched: Answer) -> Peer {
    api::server(api::deployment(2), vec![(None, api::page(&[api::pod("aaaaa")], None))], patched)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_check_that_orders_ends_with_0_and_one_that_is_refused_with_2_and_both_are_recorded() {
    let forbidden = api::refusal(403, "Forbidden", "may not patch deployments/scale");
    for (patched, code, reason) in [(api::scaled(3), 0, Reason::ScaleOut), (forbidden, 2, Reason::ApplyFailed)] {
        let (api, agent) = (cluster(patched), agent());
        let stage = Stage::new(&api, &agent);
        write_record(&stage.results, "pod-a", noon(0), RECORD);
        let output = stage.check();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        let status = status(&stage.results);
        let decision = status.last().unwrap().1.decision.as_ref().unwrap();
        assert_eq!((decision.reason, decision.records_read), (reason, 1));
    }
}

#[test]
fn without_the_pods_nothing_is_recorded_and_the_next_check_counts_the_window() {
    let (down, up) = (cluster(api::scaled(3)).url(), cluster(api::scaled(3)));
    let agent = agent();
    let stage = Stage::new(&up, &agent);
    write_record(&stage.results, "pod-a", noon(0), RECORD);
    let broken = folder::fresh();
    let kubeconfig = broken.1.join("kubeconfig");
    let text = fs::read_to_string(stage.kubeconfig()).unwrap().replace(&up.url(), &down);
    fs::write(&kubeconfig, text).unwrap();
    let output = stage.command(&["check"]).env("KUBECONFIG", kubeconfig).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("error: the pods cannot be read: GET deployment shop/matrix-service"),
        "{}",
        stderr(&output)
    );
    assert_eq!(status(&stage.results).checks().len(), 0);
    write_record(&stage.results, "pod-a", noon(1), RECORD);
    assert_eq!(stage.check().status.code(), Some(0));
    assert_eq!(archive(&stage.results)["check_1"].len(), 2, "both records are in one window");
}

#[test]
fn an_image_without_ca_certificates_asks_by_plain_http_all_the_same() {
    let (api, agent) = (cluster(api::scaled(3)), agent());
    let stage = Stage::new(&api, &agent);
    assert_eq!(stage.check().status.code(), Some(0));
    let (file, address) = (stage.results.join("podStatus.json"), agent.authority());
    let output = scaler(&["replay", "--status", &file.to_string_lossy(), "--agent", &address])
        .env("SSL_CERT_FILE", stage.results.join("none.pem"))
        .env("SSL_CERT_DIR", &stage.results)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(agent.sent().len(), 2, "the check asked, and so did its replay");
}

#[test]
fn a_second_scaler_does_nothing_and_succeeds() {
    let (api, agent) = (cluster(api::scaled(3)), agent());
    let stage = Stage::new(&api, &agent);
    write_record(&stage.results, "pod-a", noon(0), RECORD);
    let mut first = Running::start(stage.command(&["check", "--pause-at", "pods"]));
    assert!(first.wait_for("paused at pods"));
    let calls = api.sent().len();
    let second = stage.check();
    assert_eq!(second.status.code(), Some(0));
    assert!(stderr(&second).contains("another scaler holds the lock"), "{}", stderr(&second));
    assert_eq!((api.sent().len(), agent.sent().len()), (calls, 0), "it sends nothing");
    assert!(!stage.results.join("podStatus.json").exists());
    first.kill();
    assert_eq!(stage.check().status.code(), Some(0));
    assert_eq!(status(&stage.results).checks().len(), 1, "the lock of a dead process is free");
}

#[test]
fn run_checks_on_a_grid_until_sigterm_and_ends_with_0() {
    let (api, agent) = (cluster(api::scaled(3)), agent());
    let stage = Stage::new(&api, &agent);
    let mut command = stage.command(&["run"]);
    command.env("INTERVAL_CHECK", "0.2");
    let mut scaler = Running::start(command);
    for n in 1..=4 {
        write_record(&stage.results, "pod-a", noon(n), RECORD);
        assert!(scaler.wait_for("recorded"), "check {n}");
    }
    scaler.terminate();
    let (code, log) = scaler.finish();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("ended by a signal"), "{log}");
    let status = status(&stage.results);
    let times: Vec<_> = status.checks().map(|(_, check)| check.claimed_at()).collect();
    assert!(times.len() >= 4 && times.is_sorted());
    assert!(
        times.windows(2).all(|pair| (pair[1] - pair[0]).as_seconds_f64() > 0.02),
        "not one after another: {times:?}"
    );
    assert_eq!(status.checks().next().map(|(key, _)| key), Some(CheckKey(1)));
    assert_eq!(names(&stage.results.join("AnalyzedPods")).len(), times.len(), "the last check ended in order");
}

#[test]
fn a_wrong_setting_is_named_with_its_value() {
    let (api, agent) = (cluster(api::scaled(3)), agent());
    let stage = Stage::new(&api, &agent);
    let cases = [
        ("NAMESPACE", "Shop", 64, "--namespace"),
        ("DEPLOYMENT_NAME", "matrix_service", 64, "--deployment-name"),
        ("DEPLOYMENT_NAME", "", 64, "--deployment-name"),
        ("PRESSURE_THRESHOLD", "0", 64, "--pressure-threshold"),
        ("PRESSURE_THRESHOLD", "NaN", 64, "--pressure-threshold"),
        ("PRESSURE_THRESHOLD", "500ms", 64, "--pressure-threshold"),
        ("INTERVAL_CHECK", "-60", 64, "--interval-check"),
        ("INTERVAL_CHECK", "inf", 64, "--interval-check"),
        ("INTERVAL_CHECK", "0.099", 64, "--interval-check"),
        ("INTERVAL_CHECK", "1e-10", 64, "--interval-check"),
        ("AGENT_HOST", "http://agent", 64, "--agent-host"),
        ("AGENT_HOST", "agent:8000", 64, "--agent-host"),
        ("AGENT_PORT", "0", 64, "--agent-port"),
        ("AGENT_PORT", "70000", 64, "--agent-port"),
        ("PROMETHEUS_URL", "prometheus:9090", 64, "--prometheus-url"),
        ("PUSHGATEWAY_URL", "pushgateway:9091", 64, "--pushgateway-url"),
        ("UTILIZATION_SOURCE", "guess", 64, "--utilization-source"),
        ("UTILIZATION_SOURCE", "prometheus", 1, "PROMETHEUS_URL is not set"),
        ("STATE_SOURCE", "volume", 64, "--state-source"),
        ("STATE_SOURCE", "prometheus", 1, "STATE_SOURCE is prometheus, and PROMETHEUS_URL is not set"),
        ("MIN_REPLICAS", "0", 64, "--min-replicas"),
        ("MIN_REPLICAS", "9", 1, "MIN_REPLICAS (9) is above MAX_REPLICAS (8)"),
        ("MAX_REPLICAS", "many", 64, "--max-replicas"),
        ("MODE", "manual", 64, "--mode"),
        ("ANALYZED_RETENTION", "-1", 64, "--analyzed-retention"),
        ("POD_STATUS_MAX_CHECKS", "127", 64, "--pod-status-max-checks"),
        ("RESULTS_DIR", "/nowhere", 1, "/nowhere"),
    ];
    for (name, value, code, message) in cases {
        let output = stage.command(&["check"]).env(name, value).output().unwrap();
        let text = stderr(&output);
        println!("{name:<22} {value:<16} exit {code}: {}", text.lines().next().unwrap_or_default());
        assert_eq!(output.status.code(), Some(code), "{name}={value}: {text}");
        assert!(text.contains(message) && text.contains(value), "{name}={value}: {text}");
    }
    assert_eq!(api.sent(), [], "nothing is sent with a wrong setting");
    let missing = scaler(&["check"]).output().unwrap();
    for flag in ["--deployment-name", "--pressure-threshold", "--agent-host", "--results-dir"] {
        assert!(stderr(&missing).contains(flag), "{flag} is required: {}", stderr(&missing));
    }
}

#[test]
fn the_help_names_every_variable_of_the_environment() {
    let names = [
        "NAMESPACE",
        "DEPLOYMENT_NAME",
        "PRESSURE_THRESHOLD",
        "INTERVAL_CHECK",
        "AGENT_HOST",
        "AGENT_PORT",
        "PROMETHEUS_URL",
        "PUSHGATEWAY_URL",
        "UTILIZATION_SOURCE",
        "STATE_SOURCE",
        "RESULTS_DIR",
        "MIN_REPLICAS",
        "MAX_REPLICAS",
        "MODE",
        "ANALYZED_RETENTION",
        "POD_STATUS_MAX_CHECKS",
    ];
    for command in ["check", "run"] {
        let output = scaler(&[command, "--help"]).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0));
        for name in names {
            assert!(help.contains(&format!("[env: {name}=")), "{command} --help does not name {name}");
        }
    }
}
