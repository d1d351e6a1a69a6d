//! The wire formats, byte for byte. `BLESS=1 cargo test -p scaler-core` writes the files anew.

use std::fs;
use std::path::PathBuf;

use scaler_core::{ActionReply, ActionRequest, Check, PodStatus, RequestRecord};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::{PrettyFormatter, Serializer};

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn pretty<T: Serialize>(value: &T) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
    value.serialize(&mut serializer).expect("our types have string keys and finite numbers");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Reads the golden file as a `T` and prints it back.
fn prints_back<T: Serialize + DeserializeOwned>(name: &str, print: impl Fn(&T) -> String) {
    let path = golden(name);
    let text = fs::read_to_string(&path).expect("the golden file is in the repository");
    let value: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let printed = print(&value);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &printed).expect("the golden file can be written");
    }
    assert_eq!(printed, text, "{name} is not printed back byte for byte");
}

fn compact<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our types have string keys and finite numbers")
}

#[test]
fn a_record_is_printed_back_byte_for_byte() {
    prints_back::<RequestRecord>("record.json", compact);
    prints_back::<RequestRecord>("record_with_id.json", compact);
}

#[test]
fn an_action_request_is_printed_back_byte_for_byte() {
    prints_back::<ActionRequest>("action_request.json", pretty);
    prints_back::<ActionRequest>("action_request_bare.json", compact);
}

#[test]
fn an_action_reply_is_printed_back_byte_for_byte() {
    prints_back::<ActionReply>("action_reply.json", pretty);
    prints_back::<ActionReply>("action_reply_refused.json", compact);
}

#[test]
fn pod_status_is_printed_back_byte_for_byte() {
    prints_back::<PodStatus>("podStatus.json", pretty);
}

#[test]
fn the_frozen_keys_of_a_check_stand_in_order_and_ours_behind_them() {
    let text = fs::read_to_string(golden("podStatus.json")).expect("the golden file is in the repository");
    let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let check = &file["check_2"];
    assert!(check["decision"].is_object());
    let second = &text[text.find("check_2").expect("there are two checks")..];
    let places: Vec<usize> = Check::FROZEN_KEYS
        .iter()
        .chain(&["decision"])
        .map(|key| second.find(&format!("        \"{key}\": ")).unwrap_or_else(|| panic!("no key {key}")))
        .collect();
    assert!(places.is_sorted(), "the keys stand at {places:?}");
}

#[test]
fn a_reader_tolerates_unknown_keys_and_whole_numbers() {
    let text = r#"{"check_1": {"timestamp": "12.05.2025_15:48:05", "nInstances": 1, "pressure": 0, "avgResponseTime": 0,
        "avgServiceTime": 0, "Threshold": 1, "queueLengthDominant": 0, "utilization": 0, "CPUUsage (Prometheus)": null,
        "workload": 0, "action": "No Action", "active": ["a-b"], "startedPreviousCheck": ["a-b"],
        "shutdownPreviousCheck": [], "ourOwn": {"x": [1]}}}"#;
    let status: PodStatus = serde_json::from_str(text).expect("a file of another writer");
    let (_, check) = status.last().expect("one check");
    assert_eq!((check.n_instances, check.threshold, check.cpu_usage), (1, 1.0, None));
}

#[test]
fn a_bad_status_file_is_refused_with_the_key_that_is_bad() {
    let check = |field: &str, value: &str| {
        let fields = [
            ("timestamp", r#""12.05.2025_15:48:05""#),
            ("nInstances", "1"),
            ("pressure", "0.5"),
            ("avgResponseTime", "0.5"),
            ("avgServiceTime", "0.5"),
            ("Threshold", "1.0"),
            ("queueLengthDominant", "0.0"),
            ("utilization", "0.1"),
            ("CPUUsage (Prometheus)", "null"),
            ("workload", "1.0"),
            ("action", r#""No Action""#),
            ("active", "[]"),
            ("startedPreviousCheck", "[]"),
            ("shutdownPreviousCheck", "[]"),
        ];
        let body: Vec<String> = fields
            .iter()
            .filter(|(name, _)| *name != field || !value.is_empty())
            .map(|(name, good)| format!("{name:?}: {}", if *name == field { value } else { good }))
            .collect();
        format!("{{{}}}", body.join(", "))
    };
    let good = check("", "");
    let cases = [
        ("not an object", "[]".to_owned(), "an object with the keys check_1"),
        ("another key", format!(r#"{{"checks": {good}}}"#), "\"checks\""),
        ("a key without number", format!(r#"{{"check_": {good}}}"#), "\"check_\""),
        ("a key with zeros before its number", format!(r#"{{"check_007": {good}}}"#), "\"check_007\""),
        ("a key with a sign", format!(r#"{{"check_+7": {good}}}"#), "\"check_+7\""),
        ("a key twice", format!(r#"{{"check_1": {good}, "check_1": {good}}}"#), "does not come after"),
        ("keys not in order", format!(r#"{{"check_2": {good}, "check_1": {good}}}"#), "\"check_1\""),
        ("no pressure", format!(r#"{{"check_1": {}}}"#, check("pressure", "")), "check_1: missing field `pressure`"),
        ("text for a number", format!(r#"{{"check_7": {}}}"#, check("workload", "\"1\"")), "check_7"),
        ("negative pods", format!(r#"{{"check_1": {}}}"#, check("nInstances", "-1")), "check_1"),
        ("another action", format!(r#"{{"check_1": {}}}"#, check("action", "\"Scale!\"")), "No Action"),
        ("an American date", format!(r#"{{"check_1": {}}}"#, check("timestamp", "\"05/12/2025\"")), "05/12/2025"),
    ];
    assert!(serde_json::from_str::<PodStatus>(&format!(r#"{{"check_1": {good}}}"#)).is_ok(), "the base case is good");
    for (case, text, expected) in cases {
        let error = serde_json::from_str::<PodStatus>(&text).expect_err(case).to_string();
        assert!(error.contains(expected), "{case}: {error:?} does not say {expected:?}");
    }
}
