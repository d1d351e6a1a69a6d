//! One check against a scripted API server, a scripted agent and a scripted Prometheus: real HTTP, exact requests, and
//! nothing else sent.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use chrono::Utc;
use scaler::check::{CheckConfig, CheckError, CheckOutcome, UtilizationSource, check};
use scaler::cluster::{Cluster, Pods};
use scaler::cpu::Prometheus;
use scaler::decider::HttpAgent;
use scaler::kubernetes::Kubernetes;
use scaler_core::status::UtilizationSent;
use scaler_core::{ActionText, Bounds, Check, Limit, Mode, Reason};
use serde_json::{Value, json};
use support::api::{self, DEPLOYMENT, GET_DEPLOYMENT, NAMESPACE, PATCH_SCALE, get_pods, refusal};
use support::folder::{self, RECORD, noon, write_record};
use support::golden::assert_golden;
use support::memory::config;
use support::peer::{Answer, Peer, Sent};

const DEADLINE: Duration = Duration::from_millis(400);

fn kubernetes(api: &Peer) -> Kubernetes {
    let config = kube::Config::new(api.url().parse().unwrap());
    Kubernetes::new(config, NAMESPACE, DEPLOYMENT, DEADLINE).unwrap()
}

fn agent(answer: Answer) -> Peer {
    Peer::start(move |_| answer.clone())
}

fn action(n: i64) -> Answer {
    Answer::Json(200, json!({ "action": n }).to_string())
}

fn two_pods() -> Vec<(Option<&'static str>, Answer)> {
    vec![(None, api::page(&[api::pod("ccccc"), api::pod("bbbbb")], None))]
}

/// A check of six requests on the scripted cluster.
async fn check_with(
    api: &Peer,
    agent: &Peer,
    prometheus: Option<&Peer>,
    adapt: impl FnOnce(&mut CheckConfig),
) -> Result<Check, CheckError> {
    let (_guard, results) = folder::fresh();
    for i in 0..6 {
        write_record(&results, "matrix-service-7d4b9c6f5d-bbbbb", noon(i), RECORD);
    }
    let mut config = config(&results);
    config.bounds = Bounds::new(2.try_into().unwrap(), 8.try_into().unwrap()).unwrap();
    adapt(&mut config);
    let decider = HttpAgent::new(&agent.authority(), DEADLINE).unwrap();
    let meter = prometheus.map(|peer| Prometheus::new(&peer.url(), NAMESPACE, DEPLOYMENT, DEADLINE).unwrap());
    match check(&config, &kubernetes(api), &decider, meter.as_ref(), Utc::now).await? {
        CheckOutcome::Recorded { check, .. } => {
            assert_eq!(folder::status(&results).last().map(|(_, last)| last), Some(&*check), "it is what is on disk");
            Ok(*check)
        }
        CheckOutcome::LockHeld => panic!("nobody else is here"),
    }
}

fn lines(peer: &Peer) -> Vec<String> {
    peer.sent().into_iter().map(|sent| sent.line).collect()
}

/// The queries that a Prometheus was asked.
fn queries(peer: &Peer) -> Vec<String> {
    let asked = |line: String| {
        let url = format!("http://prometheus{}", line.strip_prefix("GET ").unwrap());
        let url = reqwest::Url::parse(&url).unwrap();
        assert_eq!(url.path(), "/api/v1/query");
        url.query_pairs()
            .map(|(key, value)| format!("{}{value}", key.strip_prefix("query").unwrap()))
            .collect::<String>()
    };
    lines(peer).into_iter().map(asked).collect()
}

fn errors(check: &Check) -> Vec<&str> {
    check.decision.as_ref().unwrap().errors.iter().map(|error| error.name.as_str()).collect()
}

fn reason(check: &Check) -> Reason {
    check.decision.as_ref().unwrap().reason
}

#[tokio::test]
async fn a_wish_for_more_pods_is_one_patch_of_the_scale_subresource() {
    let api = api::server(api::deployment(2), two_pods(), api::scaled(4));
    let check = check_with(&api, &agent(action(4)), None, |_| {}).await.unwrap();
    let get = |line: String| Sent { line, content_type: String::new(), body: String::new() };
    let patch = Sent {
        line: PATCH_SCALE.to_owned(),
        content_type: "application/merge-patch+json".to_owned(),
        body: r#"{"spec":{"replicas":4}}"#.to_owned(),
    };
    assert_eq!(api.sent(), [get(GET_DEPLOYMENT.to_owned()), get(get_pods(None)), patch]);
    assert_eq!((check.action, reason(&check)), (ActionText::Set(4), Reason::ScaleOut));
    assert_eq!(check.active, ["matrix-service-7d4b9c6f5d-bbbbb", "matrix-service-7d4b9c6f5d-ccccc"]);
    assert_eq!(errors(&check), [""; 0]);
}

#[tokio::test]
async fn the_agent_is_sent_the_state_and_nothing_else_is_sent() {
    let (api, agent) = (api::server(api::deployment(2), two_pods(), api::scaled(4)), agent(action(2)));
    check_with(&api, &agent, None, |_| {}).await.unwrap();
    let [sent] = agent.sent().try_into().expect("one question");
    assert_eq!((sent.line.as_str(), sent.content_type.as_str()), ("POST /action", "application/json"));
    let expected = json!({
        // 6 requests in 60 s, S = 0.1 s, R = 0.25 s, 2 pods, threshold 0.5 s.
        "observation": {
            "n_instances": 2, "pressure": 0.5, "queue_length_dominant": 1.5, "utilization": 0.005, "workload": 0.1,
        },
        "min_replicas": 2, "max_replicas": 8, "threshold_s": 0.5, "interval_s": 60.0,
        "avg_service_time_s": 0.1, "starting": 0, "terminating": 0,
    });
    let mut body: Value = serde_json::from_str(&sent.body).unwrap();
    // Sums of tenths are not exact.
    for (key, value) in body["observation"].as_object_mut().unwrap() {
        let expected = expected["observation"][key].as_f64().unwrap();
        assert!((value.as_f64().unwrap() - expected).abs() < 1e-12, "{key}: {value}, not {expected}");
    }
    assert!((body["avg_service_time_s"].as_f64().unwrap() - 0.1).abs() < 1e-12);
    body["observation"] = expected["observation"].clone();
    body["avg_service_time_s"] = expected["avg_service_time_s"].clone();
    assert_eq!(body, expected);
}

/// What the API server does, what that is called, whether the check is recorded, and what it was sent last.
#[tokio::test]
async fn an_api_server_that_refuses_is_named_and_never_asked_twice() {
    let dead = || {
        let peer = Peer::start(|_| Answer::Silence);
        peer.url()
    };
    let refused_patch = [
        ("403 on the patch", refusal(403, "Forbidden", "may not patch deployments/scale"), "ClusterForbidden"),
        ("404 on the patch", refusal(404, "NotFound", "deployment is gone"), "ClusterNotFound"),
        ("409 on the patch", refusal(409, "Conflict", "changed meanwhile"), "ClusterConflict"),
        ("422 on the patch", refusal(422, "Invalid", "too many"), "ClusterRefused"),
        ("500 on the patch", refusal(500, "InternalError", "etcd is down"), "ClusterServerError"),
        ("503 on the patch", refusal(503, "ServiceUnavailable", "try again"), "ClusterServerError"),
        ("500 without a Status", Answer::Json(500, "\"oh\"".to_owned()), "ClusterServerError"),
        ("silence on the patch", Answer::Silence, "ClusterDeadline"),
        ("garbage on the patch", Answer::Json(200, "[1".to_owned()), "ClusterAnswer"),
    ];
    println!("{:<28} {:<20} {:<14} last request", "the API server", "named", "recorded as");
    for (case, patched, name) in refused_patch {
        let api = api::server(api::deployment(2), two_pods(), patched);
        let check = check_with(&api, &agent(action(4)), None, |_| {}).await.unwrap();
        println!("{case:<28} {name:<20} {:<14} {PATCH_SCALE}", "apply_failed");
        assert_eq!((reason(&check), check.action), (Reason::ApplyFailed, ActionText::NoAction), "{case}");
        assert_eq!(errors(&check), [name], "{case}");
        let decision = check.decision.unwrap();
        assert_eq!((decision.applied_replicas, decision.raw_action), (2, Some(4)), "{case}");
        assert_eq!(lines(&api), [GET_DEPLOYMENT.to_owned(), get_pods(None), PATCH_SCALE.to_owned()], "{case}");
    }
    let missing = refusal(404, "NotFound", "deployments.apps \"matrix-service\" not found");
    let forbidden = refusal(403, "Forbidden", "may not list pods");
    let pods = |answer| vec![(None, answer)];
    let unread = [
        ("404 on the deployment", api::server(missing, two_pods(), api::scaled(4)), "ClusterNotFound", 1),
        ("silence on the deployment", api::server(Answer::Silence, two_pods(), api::scaled(4)), "ClusterDeadline", 1),
        ("403 on the pods", api::server(api::deployment(2), pods(forbidden), api::scaled(4)), "ClusterForbidden", 2),
        (
            "silence on the pods",
            api::server(api::deployment(2), pods(Answer::Silence), api::scaled(4)),
            "ClusterDeadline",
            2,
        ),
    ];
    for (case, api, name, calls) in unread {
        let agent = agent(action(4));
        let error = check_with(&api, &agent, None, |_| {}).await.unwrap_err();
        let CheckError::Pods(error) = error else { panic!("{case}: {error}") };
        println!("{case:<28} {name:<20} {:<14} {}", "not at all", lines(&api).last().unwrap());
        assert_eq!(error.name(), name, "{case}");
        assert_eq!(lines(&api).len(), calls, "{case}: nothing is sent after a refusal, and nothing twice");
        assert_eq!(agent.sent(), [], "{case}: without pods there is nothing to ask");
    }
    let gone = Kubernetes::new(kube::Config::new(dead().parse().unwrap()), NAMESPACE, DEPLOYMENT, DEADLINE).unwrap();
    assert_eq!(gone.pods().await.unwrap_err().name(), "ClusterUnreachable");
}

#[tokio::test]
async fn pods_are_counted_by_owner_and_state() {
    let foreign = |pointer, value| api::changed(api::pod("zzzzz"), pointer, value);
    let pending = api::changed(api::pod("ppppp"), "/status/phase", json!("Pending"));
    let not_ready = api::changed(api::pod("nnnnn"), "/status/conditions/1/status", json!("False"));
    let of_sibling = foreign("/metadata/ownerReferences/0/name", json!("matrix-service-canary-7d4b9c6f5d"));
    type Case = (&'static str, Vec<Value>, (usize, u32, u32));
    let cases: [Case; 12] = [
        ("a ready pod", vec![api::pod("aaaaa")], (1, 0, 0)),
        ("a pod of another Deployment with the same labels", vec![of_sibling], (0, 0, 0)),
        ("a pod of a Job", vec![foreign("/metadata/ownerReferences/0/kind", json!("Job"))], (0, 0, 0)),
        (
            "a pod of another API's ReplicaSet",
            vec![foreign("/metadata/ownerReferences/0/apiVersion", json!("x/v1"))],
            (0, 0, 0),
        ),
        (
            "a pod that its owner does not control",
            vec![foreign("/metadata/ownerReferences/0/controller", json!(false))],
            (0, 0, 0),
        ),
        ("a pod without owner", vec![foreign("/metadata/ownerReferences", json!([]))], (0, 0, 0)),
        (
            "a pod whose hash is not its owner's",
            vec![foreign("/metadata/labels/pod-template-hash", json!("x"))],
            (0, 0, 0),
        ),
        ("a pending pod", vec![pending.clone()], (0, 1, 0)),
        ("a running pod that is not ready", vec![not_ready], (0, 1, 0)),
        ("a ready pod that is being deleted", vec![api::deleted(api::pod("ddddd"))], (0, 0, 1)),
        ("a pending pod that is being deleted", vec![api::deleted(pending)], (0, 0, 1)),
        ("an evicted pod", vec![api::changed(api::pod("eeeee"), "/status/phase", json!("Failed"))], (0, 0, 0)),
    ];
    let mut all = (Vec::new(), (0, 0, 0));
    for (case, pods, expected) in cases {
        let api = api::server(api::deployment(3), vec![(None, api::page(&pods, None))], api::scaled(1));
        let Pods { ordered, ready, starting, terminating, startup: _ } = kubernetes(&api).pods().await.unwrap();
        println!("{case:<50} {expected:?}");
        assert_eq!((ready.len(), starting, terminating), expected, "{case}");
        assert_eq!(ordered, 3, "{case}");
        all.0.extend(pods);
        all.1 = (all.1.0 + expected.0, all.1.1 + expected.1, all.1.2 + expected.2);
    }
    let api = api::server(api::deployment(3), vec![(None, api::page(&all.0, None))], api::scaled(1));
    let pods = kubernetes(&api).pods().await.unwrap();
    assert_eq!((pods.ready.len(), pods.starting, pods.terminating), all.1, "all together");
}

#[tokio::test]
async fn the_start_up_is_the_shortest_of_the_ready_pods_and_unknown_when_nothing_tells_it() {
    let timed = |suffix, created: &str, ready: &str| {
        let mut pod = api::pod(suffix);
        pod["metadata"]["creationTimestamp"] = json!(created);
        pod["status"]["conditions"][1]["lastTransitionTime"] = json!(ready);
        pod
    };
    let quick = timed("qqqqq", "2026-02-01T00:00:00Z", "2026-02-01T00:00:07Z");
    let flapped = timed("fffff", "2026-02-01T00:00:00Z", "2026-02-01T09:00:00Z");
    let before_it_was = timed("bbbbb", "2026-02-01T00:00:09Z", "2026-02-01T00:00:00Z");
    let starting =
        api::changed(timed("sssss", "2026-02-01T00:00:00Z", "2026-02-01T00:00:01Z"), "/status/phase", json!("Pending"));
    let cases = [
        ("one pod", vec![quick.clone()], Some(7)),
        ("one that was unready for a while beside it", vec![flapped, quick.clone()], Some(7)),
        ("one that is not ready does not count", vec![starting, quick], Some(7)),
        ("no times", vec![api::pod("aaaaa")], None),
        ("ready before it was created", vec![before_it_was], None),
        ("no pod", vec![], None),
    ];
    for (case, pods, seconds) in cases {
        let api = api::server(api::deployment(3), vec![(None, api::page(&pods, None))], api::scaled(1));
        let found = kubernetes(&api).pods().await.unwrap().startup;
        assert_eq!(found, seconds.map(Duration::from_secs), "{case}");
    }
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page() {
    let pages = vec![
        (None, api::page(&[api::pod("ccccc")], Some("p2"))),
        (Some("p2"), api::page(&[api::pod("aaaaa")], Some("p3"))),
        (Some("p3"), api::page(&[api::pod("bbbbb")], None)),
    ];
    let api = api::server(api::deployment(3), pages, api::scaled(4));
    let pods = kubernetes(&api).pods().await.unwrap();
    assert_eq!(pods.ready, ["aaaaa", "bbbbb", "ccccc"].map(|suffix| format!("{DEPLOYMENT}-{}-{suffix}", api::HASH)));
    assert_eq!(lines(&api)[1..], [get_pods(None), get_pods(Some("p2")), get_pods(Some("p3"))]);
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let again = api::page(&[], Some("again"));
    let api = api::server(api::deployment(3), vec![(None, again.clone()), (Some("again"), again)], api::scaled(4));
    assert_eq!(kubernetes(&api).pods().await.unwrap_err().name(), "ClusterEndlessList");
}

/// What the agent answers, what comes of it on 2 replicas within 2 to 8, and the order that is sent.
#[tokio::test]
async fn every_answer_of_the_agent_is_a_value() {
    let refused = |status| Answer::Json(status, r#"{"action": -1, "error": "pressure must be finite"}"#.to_owned());
    let text = |status, body: &str| Answer::Json(status, body.to_owned());
    let (min, max) = (Some(Limit::MinReplicas), Some(Limit::MaxReplicas));
    type Case = (&'static str, Answer, Reason, Option<Limit>, Option<i64>, &'static str, Option<u32>);
    let warned = text(200, r#"{"action": 3, "error": "no history"}"#);
    let cases: [Case; 17] = [
        ("3 and a warning", warned, Reason::ScaleOut, None, Some(3), "AgentWarned", Some(3)),
        ("3", action(3), Reason::ScaleOut, None, Some(3), "", Some(3)),
        ("2, as ordered", action(2), Reason::Unchanged, None, Some(2), "", None),
        ("1, below the minimum", action(1), Reason::Unchanged, min, Some(1), "", None),
        ("1e9", action(1_000_000_000), Reason::ScaleOut, max, Some(1_000_000_000), "", Some(8)),
        ("-1", refused(200), Reason::AgentDeclined, None, Some(-1), "AgentDeclined", None),
        ("-1 with status 400", refused(400), Reason::AgentDeclined, None, Some(-1), "AgentDeclined", None),
        ("-1 with status 500", refused(500), Reason::AgentSilent, None, None, "AgentStatus", None),
        ("0", action(0), Reason::AgentSilent, None, None, "AgentAction", None),
        ("-7", action(-7), Reason::AgentSilent, None, None, "AgentAction", None),
        ("2^40", action(1 << 40), Reason::AgentSilent, None, None, "AgentAction", None),
        ("2.5", text(200, r#"{"action": 2.5}"#), Reason::AgentSilent, None, None, "AgentAnswer", None),
        ("garbage", text(200, "<html>"), Reason::AgentSilent, None, None, "AgentAnswer", None),
        ("3 with status 500", text(500, r#"{"action": 3}"#), Reason::AgentSilent, None, None, "AgentStatus", None),
        ("500 and a page", text(500, "<html>"), Reason::AgentSilent, None, None, "AgentStatus", None),
        ("2 MiB", text(200, &" ".repeat(2 << 20)), Reason::AgentSilent, None, None, "AgentTooLong", None),
        ("nothing at all", Answer::Silence, Reason::AgentSilent, None, None, "AgentDeadline", None),
    ];
    println!("{:<22} {:<14} {:<14} order", "the agent answers", "reason", "named");
    for (case, answer, expected, limit, raw, name, order) in cases {
        let api = api::server(api::deployment(2), two_pods(), api::scaled(4));
        let check = check_with(&api, &agent(answer), None, |_| {}).await.unwrap();
        println!("{case:<22} {:<14} {name:<14} {order:?}", format!("{expected:?}"));
        let decision = check.decision.as_ref().unwrap();
        assert_eq!((decision.reason, decision.limit, decision.raw_action), (expected, limit, raw), "{case}");
        assert_eq!(errors(&check).join(","), name, "{case}");
        let patches: Vec<String> = api.sent().into_iter().skip(2).map(|sent| sent.body).collect();
        let wanted: Vec<String> = order.iter().map(|n| format!(r#"{{"spec":{{"replicas":{n}}}}}"#)).collect();
        assert_eq!(patches, wanted, "{case}");
    }
}

#[tokio::test]
async fn a_shadow_says_what_is_due_and_sends_no_order() {
    let api = api::server(api::deployment(2), two_pods(), api::scaled(4));
    let check = check_with(&api, &agent(action(4)), None, |config| config.mode = Mode::Shadow).await.unwrap();
    assert_eq!((reason(&check), check.action), (Reason::Shadow, ActionText::NoAction));
    assert_eq!(lines(&api), [GET_DEPLOYMENT.to_owned(), get_pods(None)]);
}

#[tokio::test]
async fn a_deployment_without_ready_pods_is_checked_too() {
    let api = api::server(api::deployment(2), vec![(None, api::page(&[], None))], api::scaled(4));
    let check = check_with(&api, &agent(action(4)), None, |_| {}).await.unwrap();
    assert_eq!((check.n_instances, check.action), (0, ActionText::Set(4)));
    assert!(check.utilization.is_finite());
}

/// What Prometheus answers, the CPU of each of 2 pods, and what a failure is called.
#[tokio::test]
async fn cpu_is_a_figure_of_prometheus_or_null_and_never_zero_instead() {
    let sample = |value: &str| {
        let result = json!([{ "metric": {}, "value": [1_769_947_200.25, value] }]);
        let data = json!({ "resultType": "vector", "result": result });
        Answer::Json(200, json!({ "status": "success", "data": data }).to_string())
    };
    let empty = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    let bad = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    let text = |status, body: &str| Answer::Json(status, body.to_owned());
    let cases = [
        ("0.5 cores", sample("0.5"), Some(0.25), ""),
        ("no CPU used", sample("0"), Some(0.0), ""),
        ("NaN", sample("NaN"), None, "PrometheusValue"),
        ("+Inf", sample("+Inf"), None, "PrometheusValue"),
        ("-1", sample("-1"), None, "PrometheusValue"),
        ("no such series", text(200, empty), None, "PrometheusEmpty"),
        ("a bad query", text(400, bad), None, "PrometheusStatus"),
        ("503", text(503, "starting"), None, "PrometheusStatus"),
        ("another service's page", text(200, "<html>"), None, "PrometheusAnswer"),
        ("nothing at all", Answer::Silence, None, "PrometheusDown"),
    ];
    println!("{:<24} {:<12} named", "Prometheus answers", "CPU");
    for (case, answer, cores, name) in cases {
        for source in [UtilizationSource::Theory, UtilizationSource::Prometheus] {
            let api = api::server(api::deployment(2), two_pods(), api::scaled(4));
            let (prometheus, agent) = (agent(answer.clone()), agent(action(2)));
            let adapt = |config: &mut CheckConfig| config.utilization_source = source;
            let check = check_with(&api, &agent, Some(&prometheus), adapt).await.unwrap();
            assert_eq!((check.cpu_usage, errors(&check).join(",").as_str()), (cores, name), "{case}");
            // dashboards/test asks this file of a real Prometheus: what it says there, the scaler says.
            assert_golden("cpu.promql", &format!("{}\n", queries(&prometheus).join("\n")));
            let decision = check.decision.as_ref().unwrap();
            let sent = decision.request.observation.utilization;
            let (expected, label) = match (source, cores) {
                (UtilizationSource::Theory, _) => (check.utilization, UtilizationSent::Theory),
                (UtilizationSource::Prometheus, Some(cores)) => (cores, UtilizationSent::Prometheus),
                (UtilizationSource::Prometheus, None) => (check.utilization, UtilizationSent::TheoryPrometheusMissing),
            };
            assert_eq!((sent, decision.utilization_source), (expected, label), "{case}");
        }
        println!("{case:<24} {:<12} {name}", format!("{cores:?}"));
    }
    let down = {
        let peer = agent(Answer::Silence);
        peer.url()
    };
    let meter = Prometheus::new(&down, NAMESPACE, DEPLOYMENT, DEADLINE).unwrap();
    let error = scaler::cpu::CpuMeter::cores(&meter, Duration::from_secs(60), &[]).await.unwrap_err();
    assert_eq!(error.name(), "PrometheusDown", "nobody listens");
}

#[tokio::test]
async fn cpu_is_asked_for_a_minute_at_least_as_a_kubelet_looks_less_often_than_some_check() {
    for (interval_s, window) in [(3, "60000ms"), (60, "60000ms"), (90, "90000ms")] {
        let prometheus = agent(Answer::Json(200, "{}".to_owned()));
        let meter = Prometheus::new(&prometheus.url(), NAMESPACE, DEPLOYMENT, DEADLINE).unwrap();
        let answer = scaler::cpu::CpuMeter::cores(&meter, Duration::from_secs(interval_s), &["a.b-1".to_owned()]).await;
        assert_eq!(answer.unwrap_err().name(), "PrometheusAnswer");
        let asked = queries(&prometheus).concat();
        let windows =
            (asked.matches(&format!("offset {window}")).count(), asked.matches(&format!("[{window}]")).count());
        assert_eq!(windows, (3, 1), "{interval_s} s: {asked}");
        assert!(asked.contains(r#"pod=~"a\\.b-1""#), "a dot is a dot: {asked}");
    }
}
