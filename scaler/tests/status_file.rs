//! `podStatus.json`: what is written, what is left alone, what is rolled. `BLESS=1` writes the golden file anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use scaler::check::{CheckConfig, CheckError, CheckOutcome, check};
use scaler_core::{ActionReply, Check, CheckKey, Explanation, PodStatus};
use support::folder::{self, RECORD, noon, status, write_record};
use support::golden::assert_golden;
use support::memory::{MemoryCluster, Says, Shows, config};

/// Checks of another writer: its own keys, its own spacing, integers for numbers.
const FOREIGN: &str = r#"{
  "check_7" : {"timestamp":"01.02.2026_11:59:00","nInstances":1,"pressure":0.50,"avgResponseTime":0.25,
     "avgServiceTime":0.1,"Threshold":0.5,"queueLengthDominant":1.5,"utilization":0.4,"CPUUsage (Prometheus)":null,
     "workload":4,"action":"No Action","active":["pod-0","pod-\u00e9"],"startedPreviousCheck":[],
     "shutdownPreviousCheck":[], "note": {"by": "another writer", "big": 123456789012345678901234567890}} }"#;

fn foreign_check() -> &'static str {
    &FOREIGN[FOREIGN.find("{\"timestamp").unwrap()..FOREIGN.len() - 2]
}

async fn one(config: &CheckConfig, action: i64, at_s: i64) -> Result<CheckOutcome, CheckError> {
    let explanation = Explanation {
        model: "3f78".to_owned(),
        risk: 10.0,
        candidates: vec![],
        rule: 3,
        hpa: None,
        override_reason: None,
    };
    let says = Says(ActionReply { action, error: None, explanation: Some(explanation) });
    check(config, &MemoryCluster::with(2), &says, Some(&Shows(Some(0.125))), || noon(at_s * 1_000_000 + 250)).await
}

#[tokio::test]
async fn a_check_is_written_with_the_frozen_keys_in_order_and_four_spaces() {
    let (_guard, results) = folder::fresh();
    fs::write(results.join("podStatus.json"), FOREIGN).unwrap();
    for (i, response) in [(0, "0.25"), (1, "0.5")] {
        let record = format!(r#"{{"Service Time": 0.125, "Response Time": {response}}}"#);
        write_record(&results, "pod-0", noon(i * 250_000), &record);
    }
    write_record(&results, "pod-1", noon(500_000), "{}");
    one(&config(&results), 9, 1).await.unwrap();
    let written = fs::read_to_string(results.join("podStatus.json")).unwrap();
    assert_golden("podStatus.json", &written);
    let keys = |line: &str| {
        line.strip_prefix("        \"").and_then(|rest| rest.split_once("\": ")).map(|(key, _)| key.to_owned())
    };
    let own = &written[written.find("\"check_8\"").unwrap()..];
    assert_eq!(own.lines().filter_map(keys).collect::<Vec<_>>(), [&Check::FROZEN_KEYS[..], &["decision"]].concat());
}

#[tokio::test]
async fn checks_of_other_writers_keep_every_byte() {
    let (_guard, results) = folder::fresh();
    fs::write(results.join("podStatus.json"), FOREIGN).unwrap();
    for i in 1..=3 {
        one(&config(&results), 3, 60 * i).await.unwrap();
        let written = fs::read_to_string(results.join("podStatus.json")).unwrap();
        assert!(written.contains(foreign_check()), "after {i} checks: {written}");
    }
    let keys: Vec<u64> = status(&results).checks().map(|(CheckKey(n), _)| n).collect();
    assert_eq!(keys, [7, 8, 9, 10]);
}

#[tokio::test]
async fn a_status_that_cannot_be_read_is_an_error_that_names_the_place_and_is_left_alone() {
    let cut = &FOREIGN[..FOREIGN.len() - 1];
    let no_action = FOREIGN.replace("No Action", "Nothing");
    let cases = [
        ("cut off", cut, "line 5"),
        ("empty", "", "line 1, column 0"),
        ("a list", "[]", "line 1"),
        ("another key", "{\"total\": 3}", "line 1"),
        ("an unknown action", no_action.as_str(), "line 4, column 36"),
    ];
    for (case, text, place) in cases {
        let (_guard, results) = folder::fresh();
        write_record(&results, "pod-0", noon(0), RECORD);
        fs::write(results.join("podStatus.json"), text).unwrap();
        let error = one(&config(&results), 3, 1).await.unwrap_err();
        let message = format!("{:#}", anyhow::Error::new(error));
        println!("{case:<20} {message}");
        assert!(message.contains("podStatus.json") && message.contains(place), "{case}: {message}");
        assert_eq!(fs::read_to_string(results.join("podStatus.json")).unwrap(), text, "{case}");
        assert_eq!(folder::records(&results.join("incoming")).len(), 1, "{case}: the window is not claimed");
    }
}

#[tokio::test]
async fn the_older_half_is_rolled_into_a_file_of_its_own_and_numbers_go_on() {
    let (_guard, results) = folder::fresh();
    let mut config = config(&results);
    config.pod_status_max_checks = 6;
    for i in 1..=16 {
        one(&config, 3, 60 * i).await.unwrap();
    }
    let statuses: Vec<String> =
        folder::names(&results).into_iter().filter(|name| name.starts_with("podStatus.")).collect();
    let rolled =
        ["podStatus.check_1-check_4.json", "podStatus.check_5-check_8.json", "podStatus.check_9-check_12.json"];
    assert_eq!(statuses, [&rolled[..], &["podStatus.json"]].concat());
    let mut all = Vec::new();
    for name in &statuses {
        let status: PodStatus = serde_json::from_str(&fs::read_to_string(results.join(name)).unwrap()).unwrap();
        all.extend(status.checks().map(|(CheckKey(n), _)| n));
    }
    assert_eq!(all, (1..=16).collect::<Vec<u64>>(), "each check is in one file");
    fs::remove_file(results.join("podStatus.json")).unwrap();
    fs::remove_dir_all(results.join("AnalyzedPods")).unwrap();
    one(&config, 3, 3000).await.unwrap();
    assert_eq!(status(&results).last().map(|(key, _)| key), Some(CheckKey(13)), "no number of a rolled check again");
}

#[tokio::test]
async fn a_check_is_recorded_where_older_ones_cannot_be_rolled() {
    let (_guard, results) = folder::fresh();
    let mut config = config(&results);
    config.pod_status_max_checks = 6;
    for i in 1..=6 {
        one(&config, 3, 60 * i).await.unwrap();
    }
    let in_the_way = results.join("podStatus.check_1-check_4.json");
    fs::create_dir(&in_the_way).unwrap();
    one(&config, 3, 420).await.unwrap();
    assert_eq!(status(&results).checks().len(), 7, "it is not rolled, and none is lost");
    fs::remove_dir(&in_the_way).unwrap();
    one(&config, 3, 480).await.unwrap();
    let keys: Vec<u64> = status(&results).checks().map(|(CheckKey(n), _)| n).collect();
    assert_eq!(keys, [5, 6, 7, 8]);
    assert!(in_the_way.is_file());
}

#[tokio::test]
async fn a_window_is_as_long_as_the_time_since_the_last_recorded_claim() {
    let (_guard, results) = folder::fresh();
    let config = config(&results);
    for (at_s, length_s) in [(0, 60.0), (61, 61.0), (200, 139.0), (1000, 60.0), (1010, 60.0)] {
        write_record(&results, "pod-0", noon(at_s * 1_000_000), RECORD);
        one(&config, 2, at_s).await.unwrap();
        let status = status(&results);
        let (_, check) = status.last().unwrap();
        let window_s = check.decision.as_ref().unwrap().window_seconds;
        assert_eq!(window_s, length_s, "claimed at {at_s} s");
        assert_eq!(check.workload, 1.0 / length_s, "claimed at {at_s} s");
    }
}

#[tokio::test]
async fn a_check_can_be_awaited_on_any_thread() {
    let (_guard, results) = folder::fresh();
    let outcome = tokio::spawn(async move { one(&config(&results), 3, 1).await }).await.unwrap().unwrap();
    assert!(matches!(outcome, CheckOutcome::Recorded { key: CheckKey(1), .. }));
}
