use scaler_core::{ActionRequest, Observation, PastObservation, Recent};

use super::*;
use crate::serve::parse_request;

const RECORDED: &[u8] = include_bytes!("../../tests/golden/request.json");
const FEATURES: &str = include_str!("../../tests/golden/features.json");

fn recorded() -> ActionRequest {
    parse_request(RECORDED).unwrap()
}

fn close(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + b.abs()))
}

#[test]
fn a_recorded_request_has_the_features_that_the_shipped_networks_were_trained_on() {
    let situation = Situation::new(&recorded());
    let actions: Vec<_> = situation.candidates().into_iter().map(|n| (n, situation.action(n))).collect();
    let found = serde_json::json!({
        "version": FEATURES_VERSION,
        "state": situation.state().to_vec(),
        "candidates": actions.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
        "actions": actions.iter().map(|(_, action)| action.to_vec()).collect::<Vec<_>>(),
    });
    let golden: serde_json::Value = serde_json::from_str(FEATURES).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f32> {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
    };
    assert_eq!(found["version"], golden["version"], "other features need another version, and a new checkpoint");
    assert_eq!(found["candidates"], golden["candidates"], "{found}");
    assert!(close(&numbers(&found["state"]), &numbers(&golden["state"])), "{found}");
    for (found, golden) in found["actions"].as_array().unwrap().iter().zip(golden["actions"].as_array().unwrap()) {
        assert!(close(&numbers(found), &numbers(golden)), "{found}");
    }
}

#[test]
fn no_feature_has_a_unit() {
    // The same deployment with a clock of another unit: every time times 7, every rate over 7.
    let request = recorded();
    let mut other = request.clone();
    let slower = |seen: &mut Observation| seen.workload /= 7.0;
    slower(&mut other.observation);
    for past in &mut other.history {
        past.age_s *= 7.0;
        slower(&mut past.observation);
    }
    let times = [&mut other.threshold_s, &mut other.interval_s, &mut other.avg_service_time_s, &mut other.startup_s];
    for time in times {
        *time = time.map(|seconds| 7.0 * seconds);
    }
    other.recent = other.recent.map(|recent| Recent { window_s: 7.0 * recent.window_s, ..recent });
    let (a, b) = (Situation::new(&request), Situation::new(&other));
    assert!(close(a.state(), b.state()));
    assert_eq!(a.candidates(), b.candidates());
    for n in a.candidates() {
        assert!(close(&a.action(n), &b.action(n)), "{n} replicas");
    }
}

#[test]
fn a_gap_cuts_the_history_and_what_is_not_there_is_marked_invalid() {
    let names: Vec<String> = (0..STATE_FEATURES).map(state_feature_name).collect();
    let valid: Vec<usize> = (0..STATE_FEATURES).filter(|&i| names[i].starts_with("valid")).collect();
    assert_eq!(valid.len(), WINDOW);
    let seen =
        Observation { n_instances: 2, pressure: 0.5, queue_length_dominant: 0.1, utilization: 0.4, workload: 8.0 };
    let past = |age_s| PastObservation { age_s, replicas_ordered: 2, observation: seen };
    let table: [(&str, &[f64], f32); 4] = [
        ("alone", &[], 1.0),
        ("all within 2.5 intervals of each other", &[240.0, 180.0, 60.0], 4.0),
        ("a gap behind the first", &[400.0, 340.0, 60.0], 2.0),
        ("a gap at once", &[151.0], 1.0),
    ];
    for (case, ages, count) in table {
        let mut request = ActionRequest::bare(seen);
        request.interval_s = Some(60.0);
        request.history = ages.iter().copied().map(past).collect();
        let state = *Situation::new(&request).state();
        assert_eq!(valid.iter().map(|&i| state[i]).sum::<f32>(), count, "{case}");
    }
}

#[test]
fn the_end_of_the_window_is_told_against_the_whole_and_is_like_it_where_it_was_not_sent() {
    let mut request = one_pod(0.5, 0.8);
    let told = |request: &ActionRequest| {
        let state = *Situation::new(request).state();
        let numbers: [f32; 5] = std::array::from_fn(|i| state[STATE_FEATURES - 5 + i]);
        let formula =
            (0..STATE_FEATURES).find(|&i| state_feature_name(i).starts_with("ln(pods by formula at load + trend"));
        (numbers, state[formula.unwrap()])
    };
    request.recent = None;
    let ([known, load, pressure, backlog, ahead], with_rise) = told(&request);
    assert_eq!([known, load], [0.0, 0.0]);
    // R is 0.2 s, D 0.1 s: half an erlang keeps 0.5 * 0.1 / 60 pods busy for a check.
    assert!((pressure - 1.8_f32.ln()).abs() < 1e-6 && (backlog - (0.05_f32 / 60.0).ln_1p()).abs() < 1e-6);
    assert!((ahead - with_rise).abs() < 1e-6, "a load that has not changed: {ahead}, {with_rise}");
    // 0.9 erlangs in the last quarter, 0.5 in the whole: 0.9 + 5/3 * 0.4 in the middle of the next window, on a straight line.
    request.recent = Some(Recent { window_s: 15.0, pressure: 2.4, utilization: 0.9 });
    let ([known, load, pressure, backlog, ahead], _) = told(&request);
    assert_eq!(known, 1.0);
    assert!((load - (1.0_f32 / 0.6).ln()).abs() < 1e-6 && (pressure - 3.4_f32.ln()).abs() < 1e-6, "{load} {pressure}");
    assert!((backlog - (0.9_f32 * 0.5 / 60.0).ln_1p()).abs() < 1e-6, "R is 0.6 s now: {backlog}");
    let pods = 0.8 * ahead.exp();
    assert!(pods > 0.9 + 0.4 * 5.0 / 3.0 && pods < 3.0, "{pods}");
    // One of half an interval is no end: as if it had not been sent.
    request.recent = Some(Recent { window_s: 30.0, pressure: 2.4, utilization: 0.9 });
    let ([known, load, ..], again) = told(&request);
    assert_eq!((known, load, again), (0.0, 0.0, with_rise));
    // A load that falls is not taken to fall on.
    request.recent = Some(Recent { window_s: 15.0, pressure: 0.4, utilization: 0.1 });
    let ([_, load, _, backlog, ahead], _) = told(&request);
    assert!(load < -1.0 && backlog == 0.0 && 0.8 * ahead.exp() > 0.1 && ahead < with_rise, "{load} {backlog} {ahead}");
}

#[test]
fn features_and_candidates_stay_finite_and_within_bounds_at_the_edges() {
    let seen = |n_instances, pressure, queue_length_dominant, utilization, workload| Observation {
        n_instances,
        pressure,
        queue_length_dominant,
        utilization,
        workload,
    };
    let table = [
        ("nothing at all", seen(0, 0.0, 0.0, 0.0, 0.0)),
        ("idle", seen(3, 0.0, 0.0, 0.0, 0.0)),
        ("drowning", seen(1, 1e6, 1e6, 1.0, 1e6)),
        ("more pods than may be", seen(10_000, 0.1, 0.0, 1e-9, 1e-9)),
        ("work without requests", seen(2, 0.0, 0.0, 0.5, 0.0)),
    ];
    for (case, observation) in table {
        for (min, max) in [(None, None), (Some(1), Some(1)), (Some(3), Some(7)), (None, Some(10_000))] {
            for threshold_s in [None, Some(1e-9), Some(1e6)] {
                let recent = Recent { window_s: 15.0, pressure: observation.pressure, utilization: 100.0 };
                let request = ActionRequest {
                    recent: threshold_s.map(|_| recent),
                    min_replicas: min,
                    max_replicas: max,
                    threshold_s,
                    ..ActionRequest::bare(observation)
                };
                let situation = Situation::new(&request);
                let candidates = situation.candidates();
                assert!((1..=MAX_CANDIDATES).contains(&candidates.len()), "{case}: {candidates:?}");
                assert!(candidates.is_sorted_by(|a, b| a < b), "{case}: {candidates:?}");
                let (low, high) = (min.unwrap_or(1), max.unwrap_or(u32::MAX));
                assert!(candidates.iter().all(|n| (low..=high).contains(n)), "{case}: {candidates:?}");
                let all = candidates.iter().flat_map(|n| situation.action(*n)).chain(*situation.state());
                for feature in all {
                    assert!(feature.is_finite() && feature.abs() < 30.0, "{case}: {feature}");
                }
            }
        }
    }
}

#[test]
fn candidates_are_multiples_of_need_the_neighbours_and_the_bounds() {
    // 2 erlangs and no backlog: 1.05 * 2 = 2.1 is 3 pods, 1.5 * 2 is 3, 2.2 * 2 = 4.4 is 5; 12 are ordered.
    let seen = Observation {
        n_instances: 12,
        pressure: 0.1,
        queue_length_dominant: 0.0,
        utilization: 2.0 / 12.0,
        workload: 20.0,
    };
    let request = ActionRequest { max_replicas: Some(20), starting: Some(0), ..ActionRequest::bare(seen) };
    assert_eq!(Situation::new(&request).candidates(), [1, 3, 5, 11, 12, 13, 20]);
}

#[test]
fn every_feature_has_a_name_of_its_own() {
    let mut names: Vec<String> = (0..STATE_FEATURES).map(state_feature_name).collect();
    names.extend(ACTION_FEATURE_NAMES.map(str::to_owned));
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// A service time of 0.1 s against 0.25 s a minute, one pod.
fn one_pod(utilization: f64, pressure: f64) -> ActionRequest {
    let waits = (pressure * 2.5 - 1.0_f64).max(0.0);
    let seen = Observation {
        n_instances: 1,
        pressure,
        queue_length_dominant: waits,
        utilization,
        workload: 10.0 * utilization,
    };
    ActionRequest {
        threshold_s: Some(0.25),
        interval_s: Some(60.0),
        avg_service_time_s: Some(0.1),
        max_replicas: Some(9),
        ..ActionRequest::bare(seen)
    }
}

#[test]
fn queues_are_compared_with_the_formula_and_the_formula_is_inverted() {
    // One server, exponential times: W / D = rho / (1 - rho), 1 at one half. R = 2 D is a pressure of 0.8: as expected.
    let as_expected = Situation::new(&one_pod(0.5, 0.8));
    assert!((as_expected.queueing(LONG_WINDOW) - 1.0).abs() < 1e-9, "{}", as_expected.queueing(LONG_WINDOW));
    // Nobody waits (R = D): (0 + 0.02) / (1 + 0.02) is below what a factor may be.
    assert_eq!(Situation::new(&one_pod(0.5, 0.4)).queueing(LONG_WINDOW), 0.05);
    // R = 2.5 D at W / D = 1.5: rho / (1 - rho) = 1.5 at 0.6, so 0.5 erlangs need more than 0.5 / 0.6 pods of one server.
    let pods = as_expected.formula_pods(0.6);
    assert!((pods - 1.0).abs() < 1e-3, "0.6 erlangs need exactly one pod, not {pods}");
    let (safe, violated) = Situation::new(&one_pod(0.7, 1.2)).limits();
    assert_eq!((safe, violated), (0.0, 0.7));
}

#[test]
fn new_pods_serve_from_their_start_up_on() {
    let mut request = one_pod(0.5, 0.8);
    request.startup_s = Some(15.0);
    let situation = Situation::new(&request);
    assert_eq!(situation.serving(5.0), 4.0, "four new pods serve three quarters of the minute");
    assert_eq!(situation.serving(1.0), 1.0);
    request.startup_s = Some(600.0);
    assert_eq!(Situation::new(&request).serving(5.0), 1.0, "none serves within the check");
}
