//! The checkpoint that is shipped: what it is, and what it must win.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use agent::checkpoint::{Card, Checkpoint};
use agent::evaluate::{Comparison, Frontier, demo, tally, validation_cases};
use agent::features::{FEATURES_VERSION, Situation};
use agent::learned::{DEFAULT_PRICE, Learned, candidates};
use agent::network::{Query, Value};
use agent::policy::Policy;
use agent::required::RequiredPods;
use agent::serve::{Agent, parse_request};
use scaler_core::{ActionRequest, Observation};

const RECORDED: &[u8] = include_bytes!("golden/request.json");

#[test]
fn the_card_describes_the_shipped_weights() {
    let card: Card = serde_json::from_str(include_str!("../checkpoints/default.json")).unwrap();
    let shipped = Checkpoint::shipped().unwrap();
    assert_eq!(card.sha256, shipped.sha256);
    assert_eq!(card.features_version, FEATURES_VERSION);
    assert_eq!(card.network.networks, shipped.ensemble.networks().len() as u64);
    let files: [&[u8]; 2] =
        [include_bytes!("../checkpoints/default.safetensors"), include_bytes!("../checkpoints/default.json")];
    // Both together are rolled out as a ConfigMap (k8s/settings), which holds 1 MiB.
    assert!(files.iter().map(|file| file.len()).sum::<usize>() < 1024 * 1024);
}

#[test]
fn a_recorded_request_has_the_same_scores_in_the_server_and_in_the_trainer() {
    let shipped = Checkpoint::shipped().unwrap();
    let request = parse_request(RECORDED).unwrap();
    let situation = Situation::new(&request);
    let quantiles = shipped.ensemble.required().quantiles(std::slice::from_ref(&situation));
    let mut counts = candidates(&situation, &quantiles[0]);
    // The server weighs what the forecast alone would order as well.
    counts.push(RequiredPods::count(&situation, &quantiles[0], DEFAULT_PRICE));
    counts.sort_unstable();
    counts.dedup();
    // As rollouts ask: many states in one pass, of different lengths.
    let query = Query::new(&situation, &quantiles[0], &counts, DEFAULT_PRICE);
    let other = Query::new(&situation, &quantiles[0], &counts[..2], 2.0);
    let in_training = shipped.ensemble.values(&[other.clone(), query.clone(), query, other]);
    assert_eq!(in_training[1], in_training[2]);
    let reply = Agent::new(&shipped, DEFAULT_PRICE).unwrap().answer(&request);
    let served = reply.explanation.unwrap().candidates;
    assert_eq!(served.iter().map(|candidate| candidate.replicas).collect::<Vec<_>>(), counts);
    for (served, Value { cost, violation }) in served.iter().zip(&in_training[1]) {
        assert_eq!((served.cost, served.violation), (*cost, *violation), "bit for bit: {served:?}");
    }
}

/// On arrival seeds that nothing was chosen on.
#[test]
fn on_the_demos_sinusoid_it_has_at_most_half_the_violations_of_the_best_static_count_and_beats_the_reactive_rule() {
    let comparison = Comparison { price: DEFAULT_PRICE, bounded: false, ..demo(0..8) };
    let report = comparison.report(&[Checkpoint::shipped().unwrap()]).unwrap();
    let fronts = &report.total.fronts;
    let ours = fronts[0].runs.iter().find(|run| run.knob == DEFAULT_PRICE).unwrap();
    let at_equal_pods = |name: &str| {
        let family = fronts.iter().find(|front| front.policy == name).unwrap();
        let front = Frontier::new(family.runs.iter().map(|run| (run.pod_minutes, run.violating)));
        front.violating_at(ours.pod_minutes).unwrap_or(f64::INFINITY)
    };
    let fixed = at_equal_pods("static");
    assert!(ours.violating <= 0.5 * fixed, "{} of 49, a static count {fixed}", ours.violating);
    for rule in ["reactive", "trend", "threshold", "hpa at ours"] {
        let violating = at_equal_pods(rule);
        assert!(ours.violating < violating, "{} of 49, {rule} {violating}", ours.violating);
    }
}

#[test]
fn the_price_is_a_dial_between_pods_and_violations() {
    let shipped = Checkpoint::shipped().unwrap();
    let cases = validation_cases(0..1);
    let at = |price| tally(&Learned::of(&shipped, price), &cases).unwrap();
    let (cheap, safe) = (at(2.0), at(40.0));
    assert!(safe.pod_share > cheap.pod_share, "{safe:?} {cheap:?}");
    assert!(safe.violating < cheap.violating, "{safe:?} {cheap:?}");
}

#[test]
fn requests_that_wait_get_more_pods_whatever_the_utilization_says() {
    // Behind a CPU limit a short service time leaves pods idle between requests that wait: only the pressure tells.
    let learned = Learned::of(&Checkpoint::shipped().unwrap(), DEFAULT_PRICE);
    for service_time_s in [0.002, 0.01, 0.02, 0.05, 0.2] {
        for pressure in [15.0, 60.0, 105.0] {
            let seen = Observation {
                n_instances: 1,
                pressure,
                queue_length_dominant: 0.5 * pressure / service_time_s,
                utilization: f64::min(15.0 * service_time_s, 1.0),
                workload: 15.0,
            };
            let request = ActionRequest {
                min_replicas: Some(1),
                max_replicas: Some(4),
                threshold_s: Some(0.5),
                interval_s: Some(60.0),
                avg_service_time_s: Some(service_time_s),
                starting: Some(0),
                startup_s: Some(3.0),
                ..ActionRequest::bare(seen)
            };
            let order = learned.order(&request);
            assert!(order > 1, "{service_time_s} s, pressure {pressure}: {order}");
        }
    }
}
