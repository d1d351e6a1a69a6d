//! The rules by hand.

use agent::policy::Policy;
use agent::rng::Stream;
use agent::rules::{Calibrated, Hpa, Moment, Reactive, Reading, StaticCount, Threshold, Trend};
use scaler_core::{ActionRequest, Observation, PastObservation};

fn observation(n_instances: u32, load: f64) -> Observation {
    let utilization = load / f64::from(n_instances);
    Observation { n_instances, pressure: 0.4, queue_length_dominant: 0.0, utilization, workload: load / 0.2 }
}

/// Threshold 0.5 s, service time 0.2 s, a check a minute, up to 20 replicas.
fn request(now: Observation) -> ActionRequest {
    ActionRequest {
        min_replicas: Some(1),
        max_replicas: Some(20),
        threshold_s: Some(0.5),
        interval_s: Some(60.0),
        avg_service_time_s: Some(0.2),
        starting: Some(0),
        terminating: Some(0),
        ..ActionRequest::bare(now)
    }
}

/// With the loads of past checks, the newest first, on as many pods as now.
fn with_past(now: Observation, loads: &[f64]) -> ActionRequest {
    let mut request = request(now);
    request.history = (1..)
        .zip(loads)
        .map(|(checks, &load)| PastObservation {
            age_s: 60.0 * f64::from(checks),
            replicas_ordered: now.n_instances,
            observation: observation(now.n_instances, load),
        })
        .collect();
    request.history.reverse();
    request
}

#[test]
fn simple_rules_order_what_their_formula_says() {
    let overloaded = Observation { pressure: 6.0, ..observation(3, 3.0) };
    let starting = ActionRequest { starting: Some(2), ..request(overloaded) };
    let table: [(&str, &dyn Policy, ActionRequest, u32); 13] = [
        ("a static count", &StaticCount(4), request(observation(2, 1.0)), 4),
        ("within the bounds", &StaticCount(99), request(observation(2, 1.0)), 20),
        ("never none", &StaticCount(0), request(observation(2, 1.0)), 1),
        ("between the marks nothing changes", &Threshold { low: 0.3, high: 0.5 }, request(observation(3, 1.0)), 3),
        ("one more", &Threshold { low: 0.1, high: 0.3 }, request(observation(3, 1.0)), 4),
        ("one more than ordered, not than ready", &Threshold { low: 0.1, high: 0.3 }, starting, 6),
        ("one fewer", &Threshold { low: 0.5, high: 0.9 }, request(observation(3, 1.0)), 2),
        (
            "ceil(2.4 / 0.8) is 3, whatever the rounding",
            &Reactive { utilization: 0.8, drain: 1.0 },
            request(observation(4, 2.4)),
            3,
        ),
        // R - D = 6 * 0.5 - 0.2 = 2.8 s; backlog = 3 * 2.8 / 60 = 0.14 pods; 3 / 0.75 = 4.
        ("the backlog counts", &Reactive { utilization: 0.75, drain: 1.0 }, request(overloaded), 5),
        ("unless told not to", &Reactive { utilization: 0.75, drain: 0.0 }, request(overloaded), 4),
        (
            "a rise goes on",
            &Trend { utilization: 0.75, rises: 1.0, drain: 1.0 },
            with_past(observation(4, 3.0), &[1.5]),
            6,
        ),
        (
            "a fall does not",
            &Trend { utilization: 0.75, rises: 1.0, drain: 1.0 },
            with_past(observation(4, 3.0), &[5.0]),
            4,
        ),
        ("no past, no trend", &Trend { utilization: 0.75, rises: 1.0, drain: 1.0 }, request(observation(4, 3.0)), 4),
    ];
    for (case, policy, request, expected) in table {
        assert_eq!(policy.order(&request), expected, "{case}: {}", policy.name());
    }
}

/// Load alone: every term off.
const BARE: Calibrated = Calibrated {
    level_checks: 1,
    trend: 0.0,
    spread: 0.0,
    residual: 0.0,
    variation: 0.5,
    utilization: 1.0,
    backlog: 0.0,
    growth: 0.0,
    floor: 0.0,
    floor_checks: 64,
    hold_checks: 1,
};

#[test]
fn each_term_of_the_calibrated_rule_adds_what_its_formula_says() {
    // Slack s = 0.5 / 0.2 - 1 = 1.5; rho = 1.5 / (1.5 + 0.5) = 0.75.
    let loads = [2.0, 6.0, 1.0, 9.0];
    let now = observation(4, 3.0);
    // R - D = 20 * 0.5 - 0.2 = 9.8 s; backlog = 3 * 9.8 / 60 = 0.49 pods; before (pressure 0.4, R = D) none.
    let overloaded = with_past(Observation { pressure: 20.0, ..now }, &loads);
    let request = with_past(now, &loads);
    let table = [
        ("load / rho = 4", BARE, &request, 4),
        ("half of the utilization", Calibrated { utilization: 0.5, ..BARE }, &request, 8),
        ("c^2 = 1: rho = 0.6", Calibrated { variation: 1.0, ..BARE }, &request, 5),
        ("the highest of three loads is 6", Calibrated { level_checks: 3, ..BARE }, &request, 8),
        ("the last rise of 1, thrice", Calibrated { trend: 3.0, ..BARE }, &request, 8),
        // 2 * 0.5 * 3 * 0.2 / 60 = 0.01, root 0.1, 10 of them are 1 erlang: 4 / 0.75 = 5.3.
        ("Poisson noise", Calibrated { spread: 10.0, ..BARE }, &request, 6),
        // Jumps 1, 4, 5, 8: mean square 26.5, root 5.15; (3 + 5.15) / 0.75 = 10.9.
        ("residual noise", Calibrated { spread: 1.0, residual: 1.0, ..BARE }, &request, 11),
        ("backlog", Calibrated { backlog: 4.0, ..BARE }, &overloaded, 6),
        ("its growth", Calibrated { growth: 4.0, ..BARE }, &overloaded, 6),
        ("half of the highest load, 9, is 6 pods", Calibrated { floor: 0.5, ..BARE }, &request, 6),
        ("the floor forgets", Calibrated { floor: 0.5, floor_checks: 4, ..BARE }, &request, 4),
        ("the wish of two checks ago, 6 / 0.75, holds", Calibrated { hold_checks: 3, ..BARE }, &request, 8),
        ("and lets go", Calibrated { hold_checks: 2, ..BARE }, &request, 4),
    ];
    for (case, rule, request, expected) in table {
        assert_eq!(rule.order(request), expected, "{case}");
    }
}

#[test]
fn what_the_request_lacks_is_filled_as_documented() {
    let now = Observation { pressure: 0.5, queue_length_dominant: 0.25, ..observation(3, 1.5) };
    let bare = Reading::of(&ActionRequest::bare(now));
    assert_eq!((bare.min, bare.max, bare.interval_s), (1, 6, 60.0), "twice what is ordered");
    assert_eq!(Reading::of(&ActionRequest::bare(observation(1, 0.5))).max, 4, "at least 4");
    assert!((bare.slack - 2.5).abs() < 1e-12, "(1 + 0.25) / 0.5");
    assert!((bare.grain - 0.2 / 60.0).abs() < 1e-12, "D = utilization n / workload = 0.2 s");

    let mut told =
        ActionRequest { interval_s: None, starting: None, avg_service_time_s: None, ..with_past(now, &[2.0, 1.0]) };
    told.history[1].replicas_ordered = 5;
    let reading = Reading::of(&told);
    assert_eq!((reading.interval_s, reading.now().ordered), (60.0, 5), "from the last check and its order");
    assert!((reading.slack - 2.5).abs() < 1e-12, "0.5 s over 0.2 s");

    let idle =
        Observation { n_instances: 2, pressure: 0.0, queue_length_dominant: 0.0, utilization: 0.0, workload: 0.0 };
    let reading = Reading::of(&ActionRequest::bare(idle));
    assert_eq!((reading.slack, reading.grain, reading.now().backlog), (2.5, 0.0, 0.0));
    let after_traffic = ActionRequest { avg_service_time_s: None, ..with_past(idle, &[2.0]) };
    assert!((Reading::of(&after_traffic).grain - 0.2 / 60.0).abs() < 1e-12, "the service time is remembered");
    for policy in
        [&Calibrated::default() as &dyn Policy, &Reactive::default(), &Trend::default(), &Threshold::default()]
    {
        assert_eq!(policy.order(&ActionRequest::bare(idle)), 1, "{} lets an idle deployment shrink", policy.name());
    }
}

#[test]
fn a_gap_cuts_the_history() {
    let mut request = with_past(observation(4, 3.0), &[2.0, 6.0, 7.0]);
    request.history[0].age_s = 120.0 + 151.0;
    let loads: Vec<f64> = Reading::of(&request).moments().iter().map(|moment| moment.load.round()).collect();
    assert_eq!(loads, [3.0, 2.0, 6.0], "more than 2.5 intervals before the next");
}

#[test]
fn every_rule_answers_within_the_bounds_whatever_it_is_told() {
    let mut stream = Stream::new(1, "requests", 0);
    let rules: [&dyn Policy; 6] = [
        &StaticCount(7),
        &Threshold::default(),
        &Reactive::default(),
        &Trend::default(),
        &Calibrated::default(),
        &Hpa::default(),
    ];
    for _ in 0..2000 {
        let mut any = |low: f64, high: f64| if stream.chance(0.2) { 0.0 } else { stream.log_uniform(low, high) };
        let now = Observation {
            n_instances: any(1.0, 60.0) as u32,
            pressure: any(1e-3, 1e3),
            queue_length_dominant: any(1e-3, 1e3),
            utilization: any(1e-3, 1.0),
            workload: any(1e-3, 1e5),
        };
        let mut request = ActionRequest::bare(now);
        let (min, max) = (any(1.0, 5.0) as u32 + 1, any(6.0, 50.0) as u32 + 6);
        request.threshold_s = Some(any(1e-3, 1e3));
        request.avg_service_time_s = Some(any(1e-3, 1e3));
        request.min_replicas = Some(min);
        request.max_replicas = Some(max);
        for rule in rules {
            let order = rule.order(&request);
            assert!((min..=max).contains(&order), "{} orders {order} of {min}..={max}: {request:?}", rule.name());
        }
        assert!(rules.iter().all(|rule| rule.order(&ActionRequest::bare(now)) >= 1), "{now:?}");
    }
}

fn moment(load: f64, ready: u32, ordered: u32) -> Moment {
    Moment { age_s: 0.0, load, backlog: 0.0, ready, ordered }
}

#[test]
fn hpa_recommends_by_whole_percents_with_an_inclusive_tolerance() {
    // (case, target %, busy cores, ready, ordered, recommendation)
    let table = [
        ("u 400 of 80, rho 5", 80, 4.0, 1, 1, 5),
        ("u 88: rho 1.1, tolerated", 80, 8.8, 10, 10, 10),
        ("u 89", 80, 8.9, 10, 10, 12),
        ("u 72: rho 0.9, tolerated", 80, 7.2, 10, 10, 10),
        ("u 71", 80, 7.1, 10, 10, 9),
        ("u 55, not 55.99: tolerated", 50, 5.599, 10, 10, 10),
        ("idle", 80, 0.0, 10, 10, 0),
        ("no pod ready: no metric, no change", 80, 0.0, 0, 3, 3),
        ("an unready pod is idle on scale-out: 4 x 100 / 5 is 80", 80, 4.0, 4, 5, 5),
        ("and dampens", 50, 4.0, 4, 5, 8),
        ("but turns nothing around", 80, 4.0, 4, 8, 8),
        ("scale-in is for the ready ones", 80, 2.0, 4, 6, 3),
    ];
    for (case, target_percent, load, ready, ordered, expected) in table {
        let hpa = Hpa { target_percent, ..Hpa::default() };
        assert_eq!(hpa.raw_recommendation(&moment(load, ready, ordered)), expected, "{case}");
    }
}

/// The loop of an HPA every 15 s: `load(k)` busy cores at sync k; ordered pods are ready at once.
fn hpa_orders(hpa: Hpa, begin: u32, syncs: usize, load: impl Fn(usize) -> f64) -> Vec<u32> {
    let (mut history, mut orders, mut ordered): (Vec<PastObservation>, _, _) = (Vec::new(), Vec::new(), begin);
    for sync in 0..syncs {
        let now = observation(ordered, load(sync));
        let mut request = ActionRequest { max_replicas: Some(100), interval_s: Some(15.0), ..request(now) };
        request.history = history.clone();
        ordered = hpa.order(&request);
        orders.push(ordered);
        history.iter_mut().for_each(|past| past.age_s += 15.0);
        history.push(PastObservation { age_s: 15.0, replicas_ordered: ordered, observation: now });
        history.drain(..history.len().saturating_sub(64));
    }
    orders
}

#[test]
fn hpa_scales_out_as_fast_as_its_limits_allow() {
    let limits = [(false, [4, 8, 16, 32, 40, 40]), (true, [5, 10, 20, 40, 40, 40])];
    for (behavior, expected) in limits {
        let hpa = Hpa { behavior, ..Hpa::default() };
        assert_eq!(hpa_orders(hpa, 1, 6, |_| 32.0), expected, "32 cores at 80 % are 40 pods; behavior {behavior}");
    }
}

#[test]
fn hpa_scales_in_when_the_whole_window_agrees() {
    for (behavior, last_held_s) in [(false, 300), (true, 285)] {
        let hpa = Hpa { behavior, ..Hpa::default() };
        let orders = hpa_orders(hpa, 10, 25, |_| 2.4);
        let held = orders.iter().take_while(|&&replicas| replicas == 10).count();
        assert_eq!(15 * (held - 1), last_held_s, "behavior {behavior}: {orders:?}");
        assert!(orders[held..].iter().all(|&replicas| replicas == 3), "in one step: {orders:?}");
    }
}

#[test]
fn hpa_counts_changes_within_a_period_against_its_limit() {
    // At 5 s a sync: 1 -> 5 at 0 s; 5 and 10 s see 4 added within 15 s, so start is still 1; at 15 s the event is out.
    let mut request = request(observation(5, 32.0));
    request.max_replicas = Some(100);
    request.interval_s = Some(5.0);
    let past = |age_s, before, replicas_ordered| PastObservation {
        age_s,
        replicas_ordered,
        observation: observation(before, 32.0),
    };
    for (ages, expected) in [([10.0, 5.0], 5), ([15.0, 10.0], 10)] {
        request.history = vec![past(ages[0], 1, 5), past(ages[1], 5, 5)];
        assert_eq!(Hpa::default().order(&request), expected, "the first order was {} s ago", ages[0]);
    }
}
