//! The real process and a Pushgateway: what is sent, and that its failures harm nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::process::Output;

use support::api;
use support::folder::{RECORD, noon, status, write_record};
use support::peer::{Answer, Peer, Sent};
use support::process::{Running, Stage};

const PUT: &str = "PUT /metrics/job/scaler/namespace/shop/deployment/matrix-service";

fn cluster() -> Peer {
    api::server(api::deployment(2), vec![(None, api::page(&[api::pod("aaaaa")], None))], api::scaled(3))
}

fn agent() -> Peer {
    Peer::start(|_| Answer::Json(200, r#"{"action": 3}"#.to_owned()))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn value(sent: &Sent, series: &str) -> Option<f64> {
    sent.body.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[test]
fn a_recorded_check_is_put_in_the_place_of_the_one_before() {
    let (api, agent, gateway) = (cluster(), agent(), Peer::start(|_| Answer::Json(202, String::new())));
    let stage = Stage::new(&api, &agent);
    for (check, records) in [(1, 1), (2, 2)] {
        for record in 0..records {
            write_record(&stage.results, "pod-a", noon(10 * check + record), RECORD);
        }
        // With a path of its own, and a slash that is one too many.
        let url = format!("{}/", gateway.url());
        let output = stage.command(&["check"]).env("PUSHGATEWAY_URL", url).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let (sent, recorded) = (gateway.sent(), status(&stage.results));
    assert_eq!(sent.len(), 2, "once for each check");
    for (n, (sent, (_, check))) in sent.iter().zip(recorded.checks()).enumerate() {
        assert_eq!((sent.line.as_str(), sent.content_type.as_str()), (PUT, "text/plain; version=0.0.4"));
        let claimed_at_s = check.claimed_at().timestamp_micros() as f64 / 1e6;
        for (series, wanted) in [
            ("scaler_checks_total", (n + 1) as f64),
            ("scaler_check_timestamp_seconds", claimed_at_s),
            ("scaler_check_records_read", (n + 1) as f64),
            ("scaler_replicas_ready", 1.0),
            ("scaler_replicas_ordered", 3.0),
            ("scaler_response_time_mean_seconds", check.avg_response_time),
            ("scaler_workload_requests_per_second", check.workload),
            ("scaler_response_time_threshold_seconds", 0.5),
            ("scaler_agent_action_replicas", 3.0),
            ("scaler_check_reason{reason=\"scale_out\"}", 1.0),
        ] {
            assert_eq!(value(sent, series), Some(wanted), "check {}: {series} in\n{}", n + 1, sent.body);
        }
    }
}

#[test]
fn a_pushgateway_that_fails_is_named_in_the_log_and_harms_nothing() {
    let closed = Peer::start(|_| Answer::Silence).url();
    let cases: [(&str, Option<Answer>, &[&str]); 4] = [
        ("it refuses", Some(Answer::Json(400, "no metrics".to_owned())), &["PushgatewayStatus", "400", "no metrics"]),
        ("it fails", Some(Answer::Json(503, String::new())), &["PushgatewayStatus", "503"]),
        ("it is silent", Some(Answer::Silence), &["PushgatewayDown", "no answer within 2s"]),
        ("it is gone", None, &["PushgatewayDown"]),
    ];
    for (case, answer, words) in cases {
        let (api, agent) = (cluster(), agent());
        let gateway = answer.map(|answer| Peer::start(move |_| answer.clone()));
        let stage = Stage::new(&api, &agent);
        write_record(&stage.results, "pod-a", noon(0), RECORD);
        let url = gateway.as_ref().map_or_else(|| closed.clone(), Peer::url);
        let output = stage.command(&["check"]).env("PUSHGATEWAY_URL", url).output().unwrap();
        let log = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{case}: {log}");
        for word in words {
            assert!(log.contains(word), "{case}: no {word:?} in {log}");
        }
        let status = status(&stage.results);
        let (_, check) = status.last().unwrap();
        let decision = check.decision.as_ref().unwrap();
        assert_eq!((decision.records_read, decision.applied_replicas), (1, 3), "{case}");
        assert!(decision.errors.is_empty(), "{case}: the check had no error");
    }
}

#[test]
fn a_check_that_is_not_recorded_is_not_told() {
    let gateway = Peer::start(|_| Answer::Json(202, String::new()));
    let (api, agent) = (cluster(), agent());
    let stage = Stage::new(&api, &agent);
    let mut first = Running::start(stage.command(&["check", "--pause-at", "pods"]));
    assert!(first.wait_for("paused at pods"));
    let second = stage.command(&["check"]).env("PUSHGATEWAY_URL", gateway.url()).output().unwrap();
    assert_eq!(second.status.code(), Some(0), "{}", stderr(&second));
    assert_eq!(gateway.sent(), [], "another scaler holds the lock");
}

#[test]
fn run_tells_of_every_check() {
    let (api, agent, gateway) = (cluster(), agent(), Peer::start(|_| Answer::Json(200, String::new())));
    let stage = Stage::new(&api, &agent);
    let mut command = stage.command(&["run"]);
    command.env("INTERVAL_CHECK", "0.2").env("PUSHGATEWAY_URL", gateway.url());
    let mut scaler = Running::start(command);
    for check in 1..=3 {
        assert!(scaler.wait_for("recorded"), "check {check}");
    }
    scaler.terminate();
    let (code, log) = scaler.finish();
    assert_eq!(code, Some(0), "{log}");
    let numbers: Vec<_> = gateway.sent().iter().filter_map(|sent| value(sent, "scaler_checks_total")).collect();
    let checks = status(&stage.results).checks().len();
    assert_eq!(numbers, (1..=checks).map(|n| n as f64).collect::<Vec<_>>());
}
