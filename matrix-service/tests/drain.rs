//! The start and the end of the process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod process;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use process::{Process, answer, command, names, ones};
use scaler_core::RequestRecord;
use serde_json::json;

fn recorded_ids(service: &Process) -> Vec<String> {
    let ids = names(&service.incoming()).into_iter().map(|name| {
        let text = fs::read_to_string(service.incoming().join(name)).unwrap();
        serde_json::from_str::<RequestRecord>(&text).unwrap().request_id.unwrap()
    });
    ids.collect()
}

/// Posts until the service is gone or refuses; returns the ids that got 200.
async fn client(service: &Process, name: usize, served: &AtomicUsize) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let id = format!("{name}-{}", ids.len());
        let request = service.post().header("X-Request-ID", &id).body(ones(60));
        let Ok(response) = request.send().await else { return ids };
        match (response.status().as_u16(), response.text().await) {
            (200, Ok(_)) => ids.push(id),
            (503, Ok(body)) => {
                assert_eq!(body, r#"{"error":"this pod is shutting down"}"#);
                return ids;
            }
            other => panic!("{other:?}"),
        }
        served.fetch_add(1, Ordering::Relaxed);
    }
}

#[actix_web::test]
async fn under_load_all_that_is_held_is_answered_and_recorded() {
    let mut service = Process::start(&["--emulated-cpu-quota", "0.01"]);
    let served = AtomicUsize::new(0);
    let clients = join_all((0..40).map(|name| client(&service, name, &served)));
    let signal = async {
        while served.load(Ordering::Relaxed) < 20 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        service.terminate();
        served.load(Ordering::Relaxed)
    };
    let (answered, before) = futures::join!(clients, signal);
    let status = service.exit().await;
    assert_eq!(status.code(), Some(0));
    let answered: BTreeSet<String> = answered.into_iter().flatten().collect();
    let recorded = recorded_ids(&service);
    assert_eq!(recorded.len(), answered.len(), "each once");
    assert_eq!(recorded.into_iter().collect::<BTreeSet<_>>(), answered);
    println!("{before} answered before SIGTERM, {} after it", answered.len() - before);
    assert!(answered.len() > before, "what waited was finished");
}

#[actix_web::test]
async fn while_draining_it_is_not_ready_and_refuses_what_is_new() {
    let mut service = Process::start(&["--emulated-cpu-quota", "0.002"]);
    service.ready(200).await;
    let held = join_all((0..6).map(|_| service.multiply(ones(100))));
    let drain = async {
        service.counts("matrix_service_requests_in_flight 6").await;
        service.terminate();
        assert_eq!(service.ready(503).await, json!({"error": "this pod is shutting down"}));
        let response = service.post().body(ones(2)).send().await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.headers()["connection"], "close");
        assert_eq!(response.text().await.unwrap(), r#"{"error":"this pod is shutting down"}"#);
        assert_eq!(service.get("/healthz").await.0, 200, "it is alive");
    };
    let (held, ()) = futures::join!(held, drain);
    assert!(held.iter().all(|(status, _)| *status == 200), "{held:?}");
    assert_eq!(service.exit().await.code(), Some(0));
    assert_eq!(names(&service.incoming()).len(), 6);
}

#[actix_web::test]
async fn an_idle_service_ends_at_once_with_idle_connections_open() {
    let mut service = Process::start(&[]);
    let _idle = service.connect();
    answer(service.post().body(ones(2))).await;
    service.terminate();
    assert_eq!(service.exit().await.code(), Some(0));
}

#[actix_web::test]
async fn what_is_not_finished_in_the_grace_time_is_counted_and_the_exit_is_1() {
    let mut service = Process::start(&["--grace-seconds", "0.4", "--body-timeout-seconds", "600"]);
    let mut stream = service.connect();
    stream.write_all(b"POST /multiply HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{").unwrap();
    service.counts("matrix_service_requests_in_flight 1").await;
    service.terminate();
    assert_eq!(service.exit().await.code(), Some(1));
}

#[test]
fn a_wrong_configuration_is_named_at_the_start() {
    let results = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (case, env, code, says) in [
        ("POD_NAME with _", vec![("POD_NAME", "a_b")], 2, "'_' ends the pod's name"),
        ("no RESULTS_DIR", vec![("RESULTS_DIR", "")], 1, "RESULTS_DIR is not set"),
        ("RECORDS that are none", vec![("RECORDS", "folder")], 2, "[possible values: file, segment, none]"),
        ("quota of 2", vec![("EMULATED_CPU_QUOTA", "2")], 2, "\"2\" is not a number from 0.0001 to 1"),
        ("service time of 0", vec![("EMULATED_SERVICE_TIME", "0")], 2, "\"0\" is not a number of seconds above 0"),
        ("port taken", vec![("LISTEN_ADDR", taken.as_str())], 1, "cannot listen on"),
        ("HOSTNAME with _", vec![("POD_NAME", ""), ("HOSTNAME", "a_b")], 1, "HOSTNAME cannot stand in for it"),
        ("no name at all", vec![("POD_NAME", "")], 1, "POD_NAME is not set, nor is HOSTNAME"),
    ] {
        let mut command = command(results.path(), &[]);
        for (name, value) in env {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{case}: {stderr}");
        assert!(stderr.contains(says), "{case}: {stderr}");
        assert!(output.stdout.is_empty(), "{case}");
    }
}
