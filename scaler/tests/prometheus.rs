//! Checks without records: a scripted Prometheus with the counters of pods, and what comes of what it says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use clap::ValueEnum;
use scaler::check::CheckError;
use scaler::step::Step;
use scaler_core::scrape::Figure;
use scaler_core::{ActionText, Limit, Reason, WindowLength};
use serde_json::{Value, json};
use support::api::{self, NAMESPACE};
use support::folder::{self, RECORD, noon, status, write_record};
use support::golden::assert_golden;
use support::peer::{Answer, Peer, Sent};
use support::process::{Running, Stage};
use support::scrapes::{Pod, Scene, close, counters, matrix, name, series_of};

fn past_noon(s: f64) -> DateTime<Utc> {
    noon((s * 1e6) as i64)
}

#[tokio::test]
async fn windows_of_counters_join_and_no_record_is_touched() {
    let scene = Scene::new(&["aaaaa", "bbbbb"], 2);
    let record = write_record(&scene.results, "pod-a", noon(0), RECORD);
    // The first check: the last interval, from -8 s and -2 s on.
    let pods: [Pod<'_>; 2] = [("aaaaa", &[(-8.0, 100.0), (52.0, 160.0)]), ("bbbbb", &[(-2.0, 10.0), (58.0, 70.0)])];
    let first = scene.check(60.0, counters(&pods)).await.unwrap();
    let decision = first.decision.as_ref().unwrap();
    assert_eq!((decision.records_read, decision.window_length), (120, WindowLength::NoPreviousClaim));
    assert!(close(first.workload, 2.0) && close(first.avg_response_time, 0.25) && close(first.avg_service_time, 0.1));
    assert!(close(first.queue_length_dominant, 1.5) && close(first.utilization, 0.1), "{first:?}");
    let until: Vec<_> = decision.scraped_until.iter().map(|(pod, at)| (pod.clone(), *at)).collect();
    assert_eq!(until, [(name("aaaaa"), past_noon(52.0)), (name("bbbbb"), past_noon(58.0))]);
    // A sample of 59 s that was not there yet at 60 s belongs to the second check; of the first pod it holds 75 s of samples.
    let pods: [Pod<'_>; 2] = [
        ("aaaaa", &[(-8.0, 100.0), (52.0, 160.0), (59.0, 167.0), (127.0, 235.0)]),
        ("bbbbb", &[(58.0, 70.0), (118.0, 130.0)]),
    ];
    let second = scene.check(120.0, counters(&pods)).await.unwrap();
    let decision = second.decision.as_ref().unwrap();
    assert_eq!((decision.records_read, decision.window_length), (135, WindowLength::PreviousClaim));
    assert!(close(second.workload, 2.0), "each pod by its own time: {}", second.workload);
    assert!(decision.errors.is_empty(), "{:?}", decision.errors);
    assert_eq!(status(&scene.results).last().unwrap().1, &second, "it is what is on disk");
    assert_eq!(folder::records(&scene.results.join("incoming")), [record], "no record is claimed");
    assert_eq!(folder::names(&scene.results), [".lock", "incoming", "podStatus.json"]);
}

#[tokio::test]
async fn prometheus_is_asked_once_for_samples_of_this_deployment_as_they_are() {
    let scene = Scene::new(&["aaaaa"], 1);
    let pods: [Pod<'_>; 1] = [("aaaaa", &[(-8.0, 100.0), (52.0, 160.0)])];
    scene.check(60.0, counters(&pods)).await.unwrap();
    let [Sent { line, body, .. }] = scene.prometheus.sent().try_into().expect("one question");
    let url = reqwest::Url::parse(&format!("http://prometheus{}", line.strip_prefix("GET ").unwrap())).unwrap();
    assert_eq!((url.path(), body.as_str()), ("/api/v1/query", ""));
    let pairs: Vec<_> = url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    assert_eq!(pairs.len(), 1, "no time: samples and their end are by one clock");
    assert_eq!(pairs[0].0, "query");
    assert_golden("counters.promql", &format!("{}\n", pairs[0].1));
}

#[tokio::test]
async fn pods_without_requests_are_a_load_of_0() {
    let scene = Scene::new(&["aaaaa"], 1);
    let pods: [Pod<'_>; 1] = [("aaaaa", &[(-8.0, 100.0), (52.0, 100.0)])];
    let idle = scene.check(60.0, counters(&pods)).await.unwrap();
    assert_eq!((idle.workload, idle.pressure, idle.utilization, idle.queue_length_dominant), (0.0, 0.0, 0.0, 0.0));
    let request = idle.decision.unwrap().request;
    // Scraped 60 s apart: so long would the end of the window be too, which then says nothing that the whole of it does not.
    assert_eq!((request.avg_service_time_s, request.recent), (None, None));
}

#[tokio::test]
async fn what_is_not_known_is_neither_asked_nor_ordered_nor_recorded() {
    let good: [Pod<'_>; 2] = [("aaaaa", &[(-8.0, 100.0), (52.0, 160.0)]), ("bbbbb", &[(-8.0, 100.0), (52.0, 160.0)])];
    let without = |figure: Figure| {
        let all = good.iter().flat_map(|pod| series_of(pod, -3600.0));
        matrix(&all.filter(|one| one["metric"]["__name__"] != figure.metric()).collect::<Vec<_>>())
    };
    let mut nan: Vec<Value> = good.iter().flat_map(|pod| series_of(pod, -3600.0)).collect();
    for one in &mut nan {
        one["values"][1][1] = json!("NaN");
    }
    let start_alone = matrix(&good.iter().map(|pod| series_of(pod, 0.0).remove(4)).collect::<Vec<_>>());
    let old: [Pod<'_>; 2] = [("aaaaa", &[(-30.0, 90.0), (-8.0, 100.0)]), ("bbbbb", &[(-8.0, 100.0)])];
    let cases = [
        ("it is silent", Answer::Silence, "PrometheusDown"),
        ("500", Answer::Json(500, "{}".to_owned()), "PrometheusStatus"),
        ("422, a query that is refused", Answer::Json(422, "{\"status\":\"error\"}".to_owned()), "PrometheusStatus"),
        ("another program", Answer::Json(200, "<html>".to_owned()), "PrometheusAnswer"),
        ("no series", matrix(&[]), "PrometheusEmpty"),
        ("processes without counters", start_alone, "PrometheusEmpty"),
        ("no new sample", counters(&old), "PrometheusUnseen"),
        ("of other pods alone", counters(&[("zzzzz", good[0].1)]), "PrometheusUnseen"),
        ("a metric is missing", without(Figure::RelativeWait), "PrometheusUnseen"),
        ("NaN", matrix(&nan), "PrometheusUnseen"),
    ];
    println!("{:<32} {:<20} message", "Prometheus", "named");
    for (case, says, named) in cases {
        let scene = Scene::new(&["aaaaa", "bbbbb"], 4);
        let CheckError::Counters(error) = scene.check(60.0, says).await.unwrap_err() else { panic!("{case}") };
        println!("{case:<32} {named:<20} {}", error.to_string().replace(&scene.prometheus.url(), "URL"));
        assert_eq!(error.name(), named, "{case}");
        assert_eq!((scene.agent.sent().len(), scene.orders()), (0, 0), "{case}");
        assert_eq!(folder::names(&scene.results), [".lock"], "{case}");
    }
}

#[tokio::test]
async fn what_prometheus_says_of_a_question_that_it_refuses_is_kept_up_to_a_bound() {
    let refusal =
        json!({ "status": "error", "errorType": "execution", "error": "query processing would load too many samples" });
    let long = "x".repeat(1 << 20);
    for (case, says, told) in [
        ("an explanation", refusal.to_string(), "query processing would load too many samples"),
        ("a page", long, "answered with status 422: \"xxx"),
        ("nothing", String::new(), "answered with status 422: \"\""),
    ] {
        let scene = Scene::new(&["aaaaa"], 4);
        let error = scene.check(60.0, Answer::Json(422, says)).await.unwrap_err();
        let CheckError::Counters(error) = error else { panic!("{case}: {error}") };
        let message = error.to_string();
        println!("{case:<16} {message}");
        assert!(message.contains(told), "{case}: {message}");
        assert!(message.len() < 400, "{case}: {} characters", message.len());
    }
}

#[tokio::test]
async fn after_a_check_that_knew_nothing_the_next_one_counts_both_windows() {
    let scene = Scene::new(&["aaaaa"], 1);
    let at = |samples| -> [Pod<'_>; 1] { [("aaaaa", samples)] };
    scene.check(60.0, counters(&at(&[(-8.0, 100.0), (52.0, 160.0)]))).await.unwrap();
    scene.check(120.0, Answer::Json(503, String::new())).await.unwrap_err();
    let both = counters(&at(&[(52.0, 160.0), (112.0, 200.0), (172.0, 310.0)]));
    let check = scene.check(180.0, both).await.unwrap();
    let decision = check.decision.unwrap();
    assert_eq!((decision.records_read, decision.window_seconds), (150, 120.0));
    // Three intervals without a check: the state is that of the last one.
    let late = counters(&at(&[(172.0, 310.0), (292.0, 500.0), (352.0, 530.0)]));
    let check = scene.check(360.0, late).await.unwrap();
    let decision = check.decision.unwrap();
    assert_eq!((decision.records_read, decision.window_length), (30, WindowLength::OutOfRange));
    assert!(close(check.workload, 0.5));
}

#[tokio::test]
async fn pods_that_are_not_seen_are_named_and_nothing_is_scaled_in() {
    let (seen, unseen): (&[(f64, f64)], _) = (&[(52.0, 160.0), (112.0, 220.0)], &[(52.0, 160.0)]);
    let all: [Pod<'_>; 3] = [
        ("aaaaa", &[(-8.0, 0.0), (52.0, 160.0)]),
        ("bbbbb", &[(-8.0, 0.0), (52.0, 160.0)]),
        ("ccccc", &[(-8.0, 0.0), (52.0, 160.0)]),
    ];
    for (wish, ordered, limit) in [(1, None, Some(Limit::MinReplicas)), (3, None, None), (4, Some(4), None)] {
        let scene = Scene::new(&["aaaaa", "bbbbb", "ccccc"], wish);
        let first = scene.check(60.0, counters(&all)).await.unwrap();
        let orders = scene.orders();
        assert_eq!(first.action == ActionText::NoAction, wish == 3, "with all pods seen the agent has its way");
        let some: [Pod<'_>; 3] = [("aaaaa", seen), ("bbbbb", seen), ("ccccc", unseen)];
        let check = scene.check(120.0, counters(&some)).await.unwrap();
        let decision = check.decision.as_ref().unwrap();
        assert_eq!(check.action, ordered.map_or(ActionText::NoAction, ActionText::Set), "{wish}");
        assert_eq!((scene.orders() - orders, decision.limit), (usize::from(ordered.is_some()), limit), "{wish}");
        assert_eq!(decision.reason, ordered.map_or(Reason::Unchanged, |_| Reason::ScaleOut));
        assert_eq!(decision.request.min_replicas, Some(3), "the agent is told");
        let [error] = decision.errors.as_slice() else { panic!("{:?}", decision.errors) };
        let message = format!("{}: its newest sample is of 2026-02-01T12:00:52.000Z", name("ccccc"));
        assert_eq!((error.name.as_str(), &error.message), ("PodUnseen", &message));
        assert_eq!(decision.scraped_until[&name("ccccc")], past_noon(52.0), "the next window gets all of it");
    }
}

#[tokio::test]
async fn a_pod_that_has_just_become_ready_may_be_unseen() {
    let scene = Scene::new(&["aaaaa", "bbbbb", "ccccc"], 1);
    // Written by the check before, which saw one pod.
    let before = Scene::new(&["aaaaa"], 1);
    before.check(60.0, counters(&[("aaaaa", &[(-8.0, 0.0), (52.0, 160.0)])])).await.unwrap();
    fs::copy(before.results.join("podStatus.json"), scene.results.join("podStatus.json")).unwrap();
    let check = scene.check(120.0, counters(&[("aaaaa", &[(52.0, 160.0), (112.0, 220.0)])])).await.unwrap();
    assert_eq!(check.decision.as_ref().unwrap().errors, []);
    assert!(close(check.workload, 1.0));
}

#[tokio::test]
async fn the_cost_of_a_check_is_that_of_its_pods_whatever_the_rate() {
    println!("{:>5} {:>16} {:>12} {:>9}", "pods", "requests/s", "answer", "check");
    let mut bytes = Vec::new();
    for (pods, rate) in [(8, 1_u32), (8, 100_000), (40, 1), (40, 100_000)] {
        let scene = Scene::new(&["aaaaa"], 1);
        // As k8s/ scrapes them: each 15 s, of which a window of 60 s and 300 s before it are asked for.
        let counts: Vec<_> =
            (-20..=4).map(|i| (f64::from(i) * 15.0, f64::from(i + 20) * 15.0 * f64::from(rate))).collect();
        let samples: &'static [(f64, f64)] = counts.leak();
        let suffixes = (0..pods).map(|i| if i == 0 { "aaaaa".to_owned() } else { format!("b{i:04}") });
        let all = suffixes.flat_map(|suffix| series_of(&(String::leak(suffix), samples), -3600.0)).collect::<Vec<_>>();
        let Answer::Json(_, body) = matrix(&all) else { unreachable!() };
        bytes.push(body.len());
        let start = Instant::now();
        let check = scene.check(60.5, Answer::Json(200, body)).await.unwrap();
        let took = start.elapsed();
        println!("{pods:>5} {:>16} {:>9} kB {:>6} ms", pods * rate, bytes[bytes.len() - 1] / 1000, took.as_millis());
        assert_eq!(check.decision.unwrap().records_read, u64::from(pods * rate * 60));
    }
    assert!(bytes[1] < 2 * bytes[0] && bytes[3] < 2 * bytes[2], "more digits, no more samples: {bytes:?}");
}

/// A Prometheus that scrapes a pod of one request every 10 ms as often, from now on.
fn live() -> (Peer, DateTime<Utc>) {
    let (start, at) = (Instant::now(), Utc::now());
    let samples = move |figure: Figure| {
        let n = start.elapsed().as_millis() / 10;
        let sample = |i: u128| {
            let value = match figure {
                Figure::Start => at.timestamp_millis() as f64 / 1e3,
                _ => i as f64,
            };
            json!([(at + TimeDelta::milliseconds(i as i64 * 10)).timestamp_millis() as f64 / 1e3, value.to_string()])
        };
        let labels =
            json!({ "__name__": figure.metric(), "namespace": NAMESPACE, "pod": name("aaaaa"), "job": "pods" });
        json!({ "metric": labels, "values": (0..=n).map(sample).collect::<Vec<_>>() })
    };
    (Peer::start(move |_| matrix(&Figure::ALL.map(samples))), at)
}

fn counted(results: &Path) -> (u64, Option<DateTime<Utc>>) {
    let status = status(results);
    let read = status.checks().map(|(_, check)| check.decision.as_ref().unwrap().records_read).sum();
    let last = status.last().map(|(_, check)| check.decision.as_ref().unwrap().scraped_until[&name("aaaaa")]);
    (read, last)
}

#[test]
fn a_scaler_killed_anywhere_counts_every_request_once() {
    let api = api::server(api::deployment(2), vec![(None, api::page(&[api::pod("aaaaa")], None))], api::scaled(3));
    let agent = Peer::start(|_| Answer::Json(200, r#"{"action": 3}"#.to_owned()));
    let (prometheus, began) = live();
    let stage = Stage::new(&api, &agent);
    let command = |arguments: &[&str]| {
        let mut command = stage.command(arguments);
        command.env("STATE_SOURCE", "prometheus").env("PROMETHEUS_URL", prometheus.url()).env("INTERVAL_CHECK", "60");
        command
    };
    let of_records = [Step::GaveBackOne, Step::Gathered, Step::Claimed, Step::Renewed, Step::ReadOne, Step::Read];
    let elsewhere = [Step::Archived, Step::Dropped, Step::Rolled];
    let mut kills = 0;
    for step in Step::value_variants().iter().filter(|step| !of_records.contains(step) && !elsewhere.contains(step)) {
        let name = step.to_possible_value().unwrap().get_name().to_owned();
        let mut scaler = Running::start(command(&["check", "--pause-at", &name]));
        assert!(scaler.wait_for(&format!("paused at {name}")), "{name} is never reached");
        scaler.kill();
        kills += 1;
        let output = command(&["check"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let (read, last) = counted(&stage.results);
        // One request, one sample: the time of the newest says how many there were.
        let truth = (last.unwrap().timestamp_millis() - began.timestamp_millis()) / 10;
        println!("{name:<12} {read:>5} requests counted up to {}", last.unwrap());
        assert_eq!(read as i64, truth, "{name}");
    }
    assert!(kills >= 10, "{kills}");
    assert_eq!(folder::names(&stage.results.join("AnalyzedPods")), [""; 0]);
}

#[test]
fn a_check_that_knows_nothing_ends_with_1_and_says_why() {
    let api = api::server(api::deployment(2), vec![(None, api::page(&[api::pod("aaaaa")], None))], api::scaled(3));
    let agent = Peer::start(|_| Answer::Json(200, r#"{"action": 3}"#.to_owned()));
    let prometheus = Peer::start(|_| matrix(&[]));
    let stage = Stage::new(&api, &agent);
    let mut command = stage.command(&["check"]);
    let output = command.env("STATE_SOURCE", "prometheus").env("PROMETHEUS_URL", prometheus.url()).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("error: what the pods did is not known: ") && log.contains("no sample for"), "{log}");
    assert_eq!(agent.sent(), []);
}
