//! Checks without records: a scripted Prometheus with the counters of pods, and what comes of what it says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use clap::ValueEnum;
use scaler::check::{CheckError, CheckOutcome, check};
use scaler::counters::PodCounters;
use scaler::cpu::Prometheus;
use scaler::decider::HttpAgent;
use scaler::kubernetes::Kubernetes;
use scaler::state::StateSource;
use scaler::step::Step;
use scaler_core::scrape::Figure;
use scaler_core::{ActionText, Check, Limit, Reason, WindowLength};
use serde_json::{Value, json};
use support::api::{self, DEPLOYMENT, HASH, NAMESPACE, PATCH_SCALE};
use support::folder::{self, RECORD, noon, status, write_record};
use support::golden::assert_golden;
use support::memory::config;
use support::peer::{Answer, Peer, Sent};
use support::process::{Running, Stage};

const DEADLINE: Duration = Duration::from_millis(400);

/// Samples of a pod: seconds past noon, requests counted. Of each request S = 0.1 s, R = 0.25 s.
type Pod<'a> = (&'static str, &'a [(f64, f64)]);

fn name(suffix: &str) -> String {
    format!("{DEPLOYMENT}-{HASH}-{suffix}")
}

fn series(figure: Figure, suffix: &str, values: &[(f64, f64)]) -> Value {
    let noon_s = noon(0).timestamp() as f64;
    let values: Vec<Value> = values.iter().map(|(s, value)| json!([noon_s + s, value.to_string()])).collect();
    let labels = json!({ "__name__": figure.metric(), "namespace": NAMESPACE, "pod": name(suffix), "job": "pods", "instance": "10.0.0.1:8080" });
    json!({ "metric": labels, "values": values })
}

fn series_of(&(suffix, counts): &Pod, start_s: f64) -> Vec<Value> {
    let each =
        |figure, factor: f64| series(figure, suffix, &counts.iter().map(|(s, n)| (*s, n * factor)).collect::<Vec<_>>());
    let start = counts.iter().map(|(s, _)| (*s, noon(0).timestamp() as f64 + start_s)).collect::<Vec<_>>();
    vec![
        each(Figure::Requests, 1.0),
        each(Figure::ServiceTime, 0.1),
        each(Figure::ResponseTime, 0.25),
        each(Figure::RelativeWait, 1.5),
        series(Figure::Start, suffix, &start),
    ]
}

fn matrix(series: &[Value]) -> Answer {
    let body = json!({ "status": "success", "data": { "resultType": "matrix", "result": series } });
    Answer::Json(200, body.to_string())
}

fn counters(pods: &[Pod<'_>]) -> Answer {
    matrix(&pods.iter().flat_map(|pod| series_of(pod, -3600.0)).collect::<Vec<_>>())
}

/// A deployment whose pods are ready, a Prometheus, an agent, and a results folder.
struct Scene {
    api: Peer,
    agent: Peer,
    prometheus: Peer,
    says: Arc<Mutex<Answer>>,
    _guard: tempfile::TempDir,
    results: std::path::PathBuf,
}

impl Scene {
    fn new(ready: &'static [&'static str], action: i64) -> Self {
        let (guard, results) = folder::fresh();
        Self::on(guard, results, ready, action)
    }

    /// The same results folder, once other pods are ready.
    fn with(self, ready: &'static [&'static str], action: i64) -> Self {
        Self::on(self._guard, self.results, ready, action)
    }

    fn on(guard: tempfile::TempDir, results: std::path::PathBuf, ready: &'static [&'static str], action: i64) -> Self {
        let pods = ready.iter().map(|suffix| api::pod(suffix)).collect::<Vec<_>>();
        let api =
            api::server(api::deployment(ready.len() as u32), vec![(None, api::page(&pods, None))], api::scaled(4));
        let agent = Peer::start(move |_| Answer::Json(200, json!({ "action": action }).to_string()));
        let says = Arc::new(Mutex::new(matrix(&[])));
        let script = Arc::clone(&says);
        let prometheus = Peer::start(move |_| script.lock().unwrap().clone());
        Self { api, agent, prometheus, says, _guard: guard, results }
    }

    /// A check at this second past noon, when Prometheus says this.
    async fn check(&self, at_s: f64, says: Answer) -> Result<Check, CheckError> {
        *self.says.lock().unwrap() = says;
        let mut config = config(&self.results);
        let counters = PodCounters::new(&self.prometheus.url(), NAMESPACE, DEPLOYMENT, DEADLINE).unwrap();
        config.state_source = StateSource::Prometheus(counters);
        let kube = kube::Config::new(self.api.url().parse().unwrap());
        let cluster = Kubernetes::new(kube, NAMESPACE, DEPLOYMENT, DEADLINE).unwrap();
        let agent = HttpAgent::new(&self.agent.authority(), DEADLINE).unwrap();
        let now = noon((at_s * 1e6) as i64);
        match check(&config, &cluster, &agent, None::<&Prometheus>, || now).await? {
            CheckOutcome::Recorded { check, .. } => Ok(*check),
            CheckOutcome::LockHeld => panic!("nobody else is here"),
        }
    }

    fn orders(&self) -> usize {
        self.api.sent().iter().filter(|sent| sent.line == PATCH_SCALE).count()
    }
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-9
}

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
async fn the_end_of_the_window_is_what_the_last_scrapes_of_all_pods_show() {
    let scene = Scene::new(&["aaaaa", "bbbbb"], 1);
    // In the last 15 s 30 and 60 requests of 0.1 s, 0.25 s with their waits, where in the whole minute it was 60 each.
    let pods: [Pod<'_>; 2] = [
        ("aaaaa", &[(-8.0, 100.0), (37.0, 130.0), (52.0, 160.0)]),
        ("bbbbb", &[(-5.0, 100.0), (40.0, 100.0), (55.0, 160.0)]),
    ];
    let check = scene.check(60.0, counters(&pods)).await.unwrap();
    let recent = check.decision.unwrap().request.recent.unwrap();
    assert!((recent.window_s - 15.0).abs() < 1e-9, "{recent:?}");
    assert!((recent.utilization - 90.0 * 0.1 / 15.0 / 2.0).abs() < 1e-9, "{recent:?}");
    assert!((recent.pressure - 0.25 / check.threshold).abs() < 1e-9, "{recent:?}");
    assert!((check.utilization - 120.0 * 0.1 / 60.0 / 2.0).abs() < 1e-9, "the whole: {}", check.utilization);
}

#[tokio::test]
async fn the_end_of_the_window_is_known_of_all_pods_that_serve_or_of_none() {
    // Both serve one request of 0.1 s a second, and in their last 15 s two.
    let every = |seconds: f64, newest: f64| -> Vec<(f64, f64)> {
        let count = |at: f64| at + 30.0 + (at - (newest - 15.0)).max(0.0);
        let samples = (0..).map(|i| newest - seconds * f64::from(i)).take_while(|at| *at >= -20.0);
        let mut samples: Vec<_> = samples.map(|at| (at, count(at))).collect();
        samples.reverse();
        samples
    };
    let without_last = |mut samples: Vec<(f64, f64)>| {
        samples.pop();
        samples
    };
    let table = [
        ("at the same time", every(15.0, 58.0), every(15.0, 58.0), Some(0.2)),
        ("in turn", every(15.0, 58.0), every(15.0, 46.0), Some(0.2)),
        ("one has missed a scrape", every(15.0, 58.0), without_last(every(15.0, 58.0)), Some(0.15)),
        ("one has missed two and more", every(15.0, 58.0), every(15.0, 27.0), None),
        ("every 20 s, in turn", every(20.0, 58.0), every(20.0, 46.0), Some(0.175)),
        ("every 30 s: too seldom", every(30.0, 58.0), every(30.0, 40.0), None),
    ];
    println!("{:<28} utilization of the end", "two pods, scraped");
    for (what, a, b, expected) in table {
        let scene = Scene::new(&["aaaaa", "bbbbb"], 1);
        let check = scene.check(60.0, counters(&[("aaaaa", a.as_slice()), ("bbbbb", b.as_slice())])).await.unwrap();
        let recent = check.decision.unwrap().request.recent.map(|recent| recent.utilization);
        println!("{what:<28} {recent:?}");
        assert!(
            recent.zip(expected).map_or(recent == expected, |(found, wanted)| (found - wanted).abs() < 1e-9),
            "{what}"
        );
    }
    // One that is gone has no part in it, but for just now.
    for (newest, expected) in [(40.0, 0.2), (50.0, 0.4)] {
        let scene = Scene::new(&["aaaaa"], 1);
        let gone = every(15.0, newest);
        let pods: [Pod<'_>; 2] = [("aaaaa", &every(15.0, 58.0)), ("zzzzz", &gone)];
        let recent = scene.check(60.0, counters(&pods)).await.unwrap().decision.unwrap().request.recent.unwrap();
        assert!((recent.utilization - expected).abs() < 1e-9, "gone since second {newest}: {recent:?}");
    }
}

#[tokio::test]
async fn of_a_pod_that_was_scraped_once_the_end_of_the_window_is_known_when_it_has_just_started() {
    let old: [f64; 6] = [43.0, 58.0, 73.0, 88.0, 103.0, 118.0];
    let old: Vec<_> = old.iter().map(|at| (*at, at + 30.0)).collect();
    let share = 15.0 * 0.1 / 15.0 / 2.0;
    // One request a second at the old pod; of 0.1 s at the new one: 20 since its start, which is all that its first scrape can say.
    let table = [
        ("started 10 s before its scrape", 108.0, Some((15.0 + 20.0 * 15.0 / 15.0) * 0.1 / 15.0 / 2.0)),
        ("started 25 s before its scrape", 93.0, Some((15.0 + 20.0 * 15.0 / 25.0) * 0.1 / 15.0 / 2.0)),
        ("started 50 s before its scrape", 68.0, None),
        ("not scraped yet", f64::NAN, Some(share)),
    ];
    for (what, start_s, expected) in table {
        let scene = Scene::new(&["aaaaa"], 1);
        scene.check(60.0, counters(&[("aaaaa", &old[..2])])).await.unwrap();
        let scene = scene.with(&["aaaaa", "bbbbb"], 1);
        let mut says = series_of(&("aaaaa", &old), -3600.0);
        if start_s.is_finite() {
            says.extend(series_of(&("bbbbb", &[(118.0, 20.0)]), start_s));
        }
        let recent = scene.check(120.0, matrix(&says)).await.unwrap().decision.unwrap().request.recent;
        let utilization = recent.map(|recent| recent.utilization);
        println!("{what:<32} {utilization:?}");
        assert!(
            utilization.zip(expected).map_or(utilization == expected, |(found, wanted)| close(found, wanted)),
            "{what}"
        );
    }
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
