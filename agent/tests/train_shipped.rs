//! The checkpoint that is shipped: what it is, and what it must win.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use agent::checkpoint::{Card, Checkpoint};
use agent::evaluate::{demo_episodes, evaluate, validation_episodes};
use agent::features::{FEATURES_VERSION, Situation};
use agent::learned::{DEFAULT_PRICE, Learned};
use agent::network::{Query, Value};
use agent::serve::{Agent, parse_request};

const RECORDED: &[u8] = include_bytes!("golden/request.json");

#[test]
fn the_card_describes_the_shipped_weights() {
    let card: Card = serde_json::from_str(include_str!("../checkpoints/default.json")).unwrap();
    let shipped = Checkpoint::shipped().unwrap();
    assert_eq!(card.sha256, shipped.sha256);
    assert_eq!(card.features_version, FEATURES_VERSION);
    assert_eq!(card.network.networks, shipped.ensemble.networks().len() as u64);
    assert!(include_bytes!("../checkpoints/default.safetensors").len() < 1024 * 1024);
}

#[test]
fn a_recorded_request_has_the_same_scores_in_the_server_and_in_the_trainer() {
    let shipped = Checkpoint::shipped().unwrap();
    let request = parse_request(RECORDED).unwrap();
    let situation = Situation::new(&request);
    let counts = situation.candidates();
    // As rollouts ask: many states in one pass, of different lengths.
    let query = Query::new(&situation, &counts, DEFAULT_PRICE);
    let other = Query::new(&situation, &counts[..2], 2.0);
    let in_training = shipped.ensemble.values(&[other.clone(), query.clone(), query, other]).unwrap();
    assert_eq!(in_training[1], in_training[2]);
    let reply = Agent::new(&shipped, DEFAULT_PRICE).unwrap().answer(&request).unwrap();
    let served = reply.explanation.unwrap().candidates;
    assert_eq!(served.iter().map(|candidate| candidate.replicas).collect::<Vec<_>>(), counts);
    for (served, Value { cost, violation }) in served.iter().zip(&in_training[1]) {
        assert!((served.cost - cost).abs() < 1e-4 && (served.violation - violation).abs() < 1e-4, "{served:?}");
    }
}

/// On arrival seeds that nothing was chosen on.
#[test]
fn on_the_demos_sinusoid_it_has_at_most_half_the_violations_of_the_best_static_count_and_beats_the_reactive_rule() {
    let learned = Learned::of(&Checkpoint::shipped().unwrap(), DEFAULT_PRICE);
    let evaluation =
        evaluate("demo", &demo_episodes(0..8).unwrap(), &demo_episodes(100..101).unwrap(), &learned).unwrap();
    let ours = &evaluation.learned;
    let family = |name| evaluation.rules.iter().find(|family| family.family == name).unwrap();
    let fixed = family("static").violating_at_equal_pods.unwrap();
    assert!(ours.violating_checks <= 0.5 * fixed, "{} of 49, a static count {fixed}", ours.violating_checks);
    for rule in ["reactive", "trend", "threshold", "hpa"] {
        let violating = family(rule).violating_at_equal_pods.unwrap_or(f64::INFINITY);
        assert!(ours.violating_checks < violating, "{} of 49, {rule} {violating}", ours.violating_checks);
    }
}

#[test]
fn the_price_is_a_dial_between_pods_and_violations() {
    let shipped = Checkpoint::shipped().unwrap();
    let episodes = validation_episodes(0..1).unwrap();
    let at = |price| agent::evaluate::measure(&Learned::of(&shipped, price), &episodes, price);
    let (cheap, safe) = (at(2.0), at(40.0));
    assert!(safe.pod_percent > cheap.pod_percent, "{safe:?} {cheap:?}");
    assert!(safe.violating_percent < cheap.violating_percent, "{safe:?} {cheap:?}");
}
