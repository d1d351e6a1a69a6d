//! What a client gets for a good request, and what stays behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod process;

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use futures::future::join_all;
use process::{Process, answer, names, ones, parsed, read_all};
use scaler_core::request_time::format_request_time;
use scaler_core::{RecordName, RequestRecord};
use serde_json::{Value, json};

fn only_record(service: &Process) -> (RecordName, String) {
    let names = names(&service.incoming());
    assert_eq!(names.len(), 1, "{names:?}");
    (names[0].parse().unwrap(), fs::read_to_string(service.incoming().join(&names[0])).unwrap())
}

#[actix_web::test]
async fn a_good_request_gets_the_product_and_leaves_one_record() {
    let service = Process::start(&[]);
    service.ready(200).await;
    let before = Utc::now();
    let request = service.post().header("X-Request-ID", "r-1").body(
        r#"{"matrix_a": [[1, 2.5], [-3e0, 4], [0, 1]], "matrix_b": [[5, 6], [7, 8]], "comment": "unknown keys are fine"}"#,
    );
    let response = request.send().await.unwrap();
    let after = Utc::now();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["x-request-id"], "r-1");
    let text = response.text().await.unwrap();
    let reply: Value = serde_json::from_str(&text).unwrap();
    let (service_s, response_s) = (&reply["Service Time"], &reply["Response Time"]);
    assert_eq!(
        text,
        format!(
            "{{\"message\":\"Matrix multiplication completed!\",\"Service Time\":{service_s},\
             \"Response Time\":{response_s},\"Result\":[[22.5,26.0],[13.0,14.0],[7.0,8.0]]}}"
        )
    );
    assert!(service_s.as_f64() > Some(0.0) && service_s.as_f64() <= response_s.as_f64(), "{text}");
    let (name, record) = only_record(&service);
    assert_eq!(
        record,
        format!("{{\"Service Time\":{service_s},\"Response Time\":{response_s},\"Request ID\":\"r-1\"}}")
    );
    assert_eq!(name.pod(), "pod-1");
    assert!(before - TimeDelta::microseconds(1) <= name.arrival() && name.arrival() <= after, "{name}");
}

#[actix_web::test]
async fn a_large_product_is_shown_by_its_corner() {
    let service = Process::start(&[]);
    let (status, reply) = service.multiply(ones(300)).await;
    assert_eq!((status, &reply["Result"]), (200, &json!(vec![vec![300.0; 5]; 5])));
    assert_eq!(only_record(&service).1.matches("Request ID").count(), 0, "none was sent");
}

/// A case of the header table: name, headers, age of the stamp that counts in seconds, series that counts one more.
type HeaderCase = (&'static str, Vec<(&'static str, String)>, Option<f64>, Option<&'static str>);

fn header_cases() -> Vec<HeaderCase> {
    let now = Utc::now();
    let ago = |seconds: i64| now - TimeDelta::seconds(seconds);
    let millis = format!("t={}", ago(20).timestamp_millis());
    let ignored = |labels| Some(labels);
    vec![
        ("no header", vec![], None, None),
        ("ours", vec![("requestTime", format_request_time(ago(10)))], Some(10.0), None),
        ("ours without t=", vec![("requesttime", format_request_time(ago(10))[2..].to_owned())], Some(10.0), None),
        ("the conventional one in ms", vec![("X-Request-Start", millis.clone())], Some(20.0), None),
        (
            "both",
            vec![("requestTime", format_request_time(ago(10))), ("X-Request-Start", millis.clone())],
            Some(10.0),
            None,
        ),
        (
            "ours unparsable",
            vec![("requestTime", "t=now".into())],
            None,
            ignored(r#"{header="requestTime",reason="unparsable"}"#),
        ),
        (
            "ours unparsable beside the other",
            vec![("requestTime", "t=now".into()), ("X-Request-Start", millis)],
            Some(20.0),
            ignored(r#"{header="requestTime",reason="unparsable"}"#),
        ),
        (
            "in the future",
            vec![("requestTime", format_request_time(ago(-600)))],
            None,
            ignored(r#"{header="requestTime",reason="future"}"#),
        ),
        (
            "too old",
            vec![("requestTime", format_request_time(ago(3700)))],
            None,
            ignored(r#"{header="requestTime",reason="too_old"}"#),
        ),
        (
            "zero",
            vec![("X-Request-Start", "t=0".into())],
            None,
            ignored(r#"{header="X-Request-Start",reason="too_old"}"#),
        ),
        (
            "negative",
            vec![("X-Request-Start", "t=-1".into())],
            None,
            ignored(r#"{header="X-Request-Start",reason="unparsable"}"#),
        ),
    ]
}

async fn ignored_total(service: &Process, labels: &str) -> f64 {
    let series = format!("matrix_service_time_headers_ignored_total{labels} ");
    let metrics = service.metrics().await;
    metrics.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}

#[actix_web::test]
async fn response_time_counts_from_the_stamp_of_the_ingress() {
    let service = Process::start(&[]);
    // Before the table: its stamps age from here on.
    let started = Instant::now();
    for (case, headers, age_s, ignored) in header_cases() {
        let before = match ignored {
            Some(labels) => ignored_total(&service, labels).await,
            None => 0.0,
        };
        let request = headers.iter().fold(service.post(), |request, (name, value)| request.header(*name, value));
        let (status, reply) = answer(request.body(ones(2))).await;
        let elapsed_s = started.elapsed().as_secs_f64();
        assert_eq!(status, 200, "{case}: {reply}");
        let response_s = reply["Response Time"].as_f64().unwrap();
        let age_s = age_s.unwrap_or(0.0);
        assert!(response_s >= age_s, "{case}: {response_s}");
        // Stamps have milliseconds, and the table was made after `started`.
        assert!(response_s <= age_s + elapsed_s + 0.002, "{case}: {response_s} of {age_s} + {elapsed_s}");
        if let Some(labels) = ignored {
            assert_eq!(ignored_total(&service, labels).await, before + 1.0, "{case}");
        }
    }
}

#[actix_web::test]
async fn multiplications_do_not_overlap_and_waiting_is_in_the_response_time() {
    // The quota makes a multiplication last, most of it asleep: in parallel they would take as long as one.
    let service = Process::start(&["--emulated-cpu-quota", "0.01"]);
    let replies = join_all((0..6).map(|_| service.multiply(ones(80)))).await;
    assert!(replies.iter().all(|(status, _)| *status == 200), "{replies:?}");
    let records: Vec<(RecordName, RequestRecord)> = names(&service.incoming())
        .iter()
        .map(|name| {
            let text = fs::read_to_string(service.incoming().join(name)).unwrap();
            (name.parse().unwrap(), serde_json::from_str(&text).unwrap())
        })
        .collect();
    assert_eq!(records.len(), 6);
    let first_arrival = records[0].0.arrival();
    let end_s = |(name, record): &(RecordName, RequestRecord)| {
        (name.arrival() - first_arrival).as_seconds_f64() + record.response_time_s
    };
    let last_end_s = records.iter().map(end_s).fold(0.0, f64::max);
    let service_s: f64 = records.iter().map(|(_, record)| record.service_time_s).sum();
    assert!(service_s <= last_end_s, "one after the other: {service_s} s within {last_end_s} s: {records:?}");
}

#[actix_web::test]
async fn a_request_is_finished_and_recorded_when_its_client_is_gone() {
    let service = Process::start(&["--emulated-cpu-quota", "0.01"]);
    let body = ones(80);
    let head = format!("POST /multiply HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut stream = service.connect();
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    service.counts(&format!("matrix_service_request_body_bytes_total {}", body.len())).await;
    drop(stream);
    let end = Instant::now() + process::DEADLINE;
    while names(&service.incoming()).iter().all(|name| name.starts_with('.')) {
        assert!(Instant::now() < end, "no record");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[actix_web::test]
async fn a_slow_client_holds_its_place_for_no_longer_than_its_deadline() {
    let service = Process::start(&["--body-timeout-seconds", "0.3", "--max-bodies-in-flight", "1"]);
    let mut slow = service.connect();
    slow.write_all(b"POST /multiply HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"matrix_a\"").unwrap();
    service.counts("matrix_service_requests_in_flight 1").await;
    let (status, reply) = service.multiply(ones(2)).await;
    assert_eq!(status, 200, "the next waited for the place: {reply}");
    assert!(reply["Response Time"].as_f64() > reply["Service Time"].as_f64(), "{reply}");
    let (status, reply) = parsed(&read_all(slow));
    assert_eq!((status, reply), (408, json!({"error": "the body was not complete after 0.3 s"})));
}

#[actix_web::test]
async fn a_body_far_above_the_limit_gets_its_answer_before_it_is_sent() {
    let service = Process::start(&["--max-body-bytes", "1000000"]);
    let (status, reply) = service.multiply("x".repeat(20_000_000)).await;
    assert_eq!((status, reply), (413, json!({"error": "the body is longer than 1000000 bytes"})));
    assert!(service.metrics().await.contains("matrix_service_request_body_bytes_total 0"));
}

#[actix_web::test]
async fn probes_and_metrics_are_served() {
    let service = Process::start(&[]);
    assert_eq!(service.get("/healthz").await, (200, json!({"status": "ok"})));
    assert_eq!(service.ready(200).await, json!({"status": "ready"}));
    service.multiply(ones(2)).await;
    let metrics = service.metrics().await;
    for line in [
        r#"matrix_service_requests_total{status="200"} 1"#,
        "matrix_service_records_written_total 1",
        "matrix_service_service_time_seconds_count 1",
        "matrix_service_response_time_seconds_count 1",
        "matrix_service_requests_in_flight 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
}

#[actix_web::test]
async fn records_are_counted_where_they_are_kept_and_requests_in_any_case() {
    for (mode, written) in [("file", 1), ("segment", 1), ("none", 0)] {
        let service = Process::start(&["--records", mode]);
        assert_eq!(service.multiply(ones(2)).await.0, 200, "{mode}");
        let metrics = service.metrics().await;
        let records = format!("matrix_service_records_written_total {written}");
        for line in [records.as_str(), "matrix_service_service_time_seconds_count 1"] {
            assert!(metrics.lines().any(|found| found == line), "{mode}: {line} is not in\n{metrics}");
        }
    }
}

#[actix_web::test]
async fn a_pair_is_multiplied_as_often_as_is_asked_for() {
    let (once, often) = (Process::start(&[]), Process::start(&["--repeat", "400"]));
    let (plain, repeated) = (once.multiply(ones(60)).await, often.multiply(ones(60)).await);
    assert_eq!((plain.0, &plain.1["Result"]), (200, &repeated.1["Result"]), "{repeated:?}");
    let mut service_s = [f64::INFINITY; 2];
    for _ in 0..5 {
        for (least, service) in service_s.iter_mut().zip([&once, &often]) {
            let (_, reply) = service.multiply(ones(60)).await;
            *least = least.min(reply["Service Time"].as_f64().unwrap());
        }
    }
    let [once_s, often_s] = service_s;
    assert!(often_s > 50.0 * once_s, "{once_s} s once, {often_s} s 400 times");
}
