//! Past checks are decided again from what is recorded, and from nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use scaler::check::check;
use scaler::decider::HttpAgent;
use serde_json::{Value, json};
use support::folder::{self, noon, write_record};
use support::memory::{MemoryCluster, Says, Shows, config};
use support::peer::{Answer, Peer, Sent};
use support::process::scaler;

/// An agent whose answer depends on every byte that it is sent.
fn picky() -> Peer {
    Peer::start(|sent: &Sent| {
        let mut hasher = DefaultHasher::new();
        sent.body.hash(&mut hasher);
        Answer::Json(200, json!({ "action": 1 + hasher.finish() % 8 }).to_string())
    })
}

fn bodies(agent: &Peer) -> Vec<String> {
    agent.sent().into_iter().map(|sent| sent.body).collect()
}

#[tokio::test]
async fn every_recorded_request_is_built_again_byte_for_byte() {
    const CHECKS: i64 = 140;
    let (_guard, results) = folder::fresh();
    let (then, cluster) = (picky(), MemoryCluster::with(2));
    let decider = HttpAgent::new(&then.authority(), Duration::from_secs(10)).unwrap();
    let mut config = config(&results);
    (config.pod_status_max_checks, config.analyzed_retention) = (128, 10);
    for i in 0..CHECKS {
        for k in 0..i % 5 {
            let response_s = 0.1 + 0.07 * k as f64;
            let record = format!(r#"{{"Service Time": 0.1, "Response Time": {response_s}}}"#);
            // At the end of its window.
            write_record(&results, ["pod-0", "pod-1"][k as usize % 2], noon(i * 60_123_456 - 3_000_000 + k), &record);
        }
        let cpu = Shows((i % 7 != 0).then_some(0.1 / 3.0));
        check(&config, &cluster, &decider, Some(&cpu), || noon(i * 60_123_456)).await.unwrap();
    }
    let path = results.join("podStatus.json");
    assert!(results.join("podStatus.check_1-check_65.json").exists(), "the replay has to look into a rolled file");
    let now = picky();
    let replay = |agent: &Peer| {
        let records = results.join("AnalyzedPods");
        let arguments = ["replay", "--status", path.to_str().unwrap(), "--agent", &agent.authority()];
        scaler(&arguments).arg("--records").arg(records).output().unwrap()
    };
    let output = replay(&now);
    let table = String::from_utf8(output.stdout).unwrap();
    println!("{table}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(bodies(&now), bodies(&then), "the same requests, in the same order");
    assert_eq!(table.lines().filter(|line| line.ends_with("yes")).count(), 10, "the windows that are kept");
    assert!(table.ends_with("140 checks, 140 of them replayed, 0 differ\n"), "{table}");

    let text = fs::read_to_string(&path).unwrap();
    let status: Value = serde_json::from_str(&text).unwrap();
    let raw = status["check_140"]["decision"]["rawAction"].as_i64().unwrap();
    let (others, last) = text.split_at(text.find("\"check_140\"").unwrap());
    let [then_text, now_text] = [raw, raw % 8 + 1].map(|action| format!("\"rawAction\": {action}"));
    fs::write(&path, format!("{others}{}", last.replace(&then_text, &now_text))).unwrap();
    let output = replay(&picky());
    assert_eq!(output.status.code(), Some(3), "another action than recorded");
    assert!(String::from_utf8(output.stdout).unwrap().contains("NO: another action"));

    // What is recorded of the end of the window is held against the records too. In check 139 there were four.
    let recorded = &status["check_139"]["decision"]["request"]["recent"];
    assert_eq!(recorded["window_s"], 15.0);
    for (field, value, told) in [
        ("utilization", "0.5", "NO: recent utilization 0.5 -> "),
        ("pressure", "0.5", "NO: recent pressure 0.5 -> "),
        ("window_s", "-15.0", "recent.window_s"),
        ("window_s", "1e300", "NO: recent utilization"),
    ] {
        let was = recorded[field].as_f64().unwrap();
        assert!(was > 0.0, "{field}");
        let place = text.find("\"check_139\"").unwrap();
        let (others, last) = text.split_at(place + text[place..].find("\"recent\"").unwrap());
        let changed = last.replacen(&format!("\"{field}\": {was:?}"), &format!("\"{field}\": {value}"), 1);
        assert_ne!(changed, last, "{field}");
        fs::write(&path, format!("{others}{changed}")).unwrap();
        let output = replay(&picky());
        let table = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{field} {value}");
        assert!(table.contains(told), "{field} {value}: {table}");
    }

    fs::write(&path, &text).unwrap();
    fs::write(results.join("AnalyzedPods/check_140/pod-0_2026.02.01_12:00:00.000001.json"), folder::RECORD).unwrap();
    let output = replay(&picky());
    assert_eq!(output.status.code(), Some(3), "a record more than was counted");
    assert!(String::from_utf8(output.stdout).unwrap().contains("NO: recordsRead 4 -> 5"));
}

#[tokio::test]
async fn windows_after_a_long_time_are_cut_as_they_were_then_and_those_of_an_older_scaler_are_not() {
    let (_guard, results) = folder::fresh();
    let (config, cluster, decider) = (config(&results), MemoryCluster::with(2), Says::action(2));
    let check_at = |at_s: i64| check(&config, &cluster, &decider, None::<&Shows>, move || noon(at_s * 1_000_000));
    check_at(0).await.unwrap();
    for i in 0..60 {
        // Of numbers without an error, so that what the older scaler counted can be written down.
        let record = r#"{"Service Time": 0.125, "Response Time": 0.25}"#;
        write_record(&results, "pod-0", noon(i * 10_000_000 + 5_000_000), record);
    }
    check_at(600).await.unwrap();
    let path = results.join("podStatus.json");
    let replay = || {
        let arguments = ["replay", "--status", path.to_str().unwrap()];
        let output = scaler(&arguments).arg("--records").arg(results.join("AnalyzedPods")).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, table) = replay();
    assert_eq!(code, Some(0), "{table}");
    assert_eq!(table.lines().filter(|line| line.ends_with("yes")).count(), 2, "{table}");

    // As it was recorded before old records were told apart: of 60 s all of the ten minutes.
    let mut status: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let check = &mut status["check_2"];
    assert_eq!((&check["workload"], &check["utilization"]), (&json!(0.1), &json!(0.00625)), "6 requests");
    (check["workload"], check["utilization"]) = (json!(1.0), json!(0.0625));
    let errors = check["decision"].as_object_mut().unwrap().remove("errors").unwrap();
    assert_eq!(errors[0]["name"], "OldRecords");
    fs::write(&path, status.to_string()).unwrap();
    let (code, table) = replay();
    assert_eq!(code, Some(0), "{table}");

    status["check_2"]["decision"]["errors"] = errors;
    fs::write(&path, status.to_string()).unwrap();
    let (code, table) = replay();
    assert_eq!(code, Some(3), "{table}");
    assert!(table.contains("NO: utilization 0.0625 -> 0.00625"), "{table}");
}

#[test]
fn a_replay_without_a_file_or_without_a_purpose_says_so() {
    let cases = [
        (
            vec!["--status", "/nowhere/podStatus.json", "--agent", "127.0.0.1:1"],
            1,
            "/nowhere/podStatus.json does not exist",
        ),
        (vec!["--status", "x.json"], 64, "--agent <HOST:PORT>"),
        (vec!["--status", "x.json", "--agent", "nobody"], 64, "it must be HOST:PORT"),
    ];
    for (arguments, code, message) in cases {
        let output = scaler(&["replay"]).args(&arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(message), "{arguments:?}: {text}");
    }
}
