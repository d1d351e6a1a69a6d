//! The clairvoyant bound against everything that can be ordered.

use std::sync::Arc;

use agent::bound::{Bound, Point, Programme, achieve};
use agent::policy::Policy;
use agent::rng::Stream;
use agent::rules::{Calibrated, Hpa, Reactive, StaticCount, Threshold, Trend};
use agent::simulator::{Episode, Routing, Scenario, ServiceTimes, Simulation};
use agent::workload::Profile;
use proptest::prelude::*;

/// Violations by arrivals and the bill, of whatever orders come.
fn play(episode: &Arc<Episode>, mut order: impl FnMut(&Simulation) -> u32) -> Point {
    let threshold_s = episode.scenario().threshold_s;
    let mut simulation = Simulation::new(Arc::clone(episode));
    let mut point = Point::default();
    while !simulation.is_done() {
        let order = order(&simulation);
        let outcome = simulation.step(order);
        point.violations += f64::from(outcome.mean_response_s > threshold_s);
        point.pod_seconds += outcome.pod_seconds;
    }
    point
}

fn every_order(decisions: u32, max: u32) -> impl Iterator<Item = Vec<u32>> {
    (0..max.pow(decisions)).map(move |code| (0..decisions).map(|k| 1 + code / max.pow(k) % max).collect())
}

fn play_orders(episode: &Arc<Episode>, orders: &[u32]) -> Point {
    let mut next = orders.iter();
    play(episode, |_| *next.next().expect("an order for every check"))
}

/// Six windows of 20 s, three pods of 1 s a request, threshold 2.5 s.
fn small(rates: &[f64], change: impl FnOnce(&mut Scenario)) -> Scenario {
    let profile = Profile::new(20.0, rates.to_vec()).expect("a load");
    let mut scenario = Scenario::plain(profile, 20.0, 2.5, 3, 1.0);
    change(&mut scenario);
    scenario
}

#[test]
fn on_small_cases_no_sequence_of_orders_is_below_the_bound_and_the_best_are_near_it() {
    let up = [0.4, 0.5, 1.4, 2.2, 1.0, 0.3];
    let cases: [(&str, Scenario, f64); 6] = [
        ("pods that start at once, least work", small(&up, |s| s.routing = Routing::LeastWork), 0.1),
        ("round robin", small(&up, |_| ()), 0.2),
        ("a start-up of 8 s", small(&up, |s| (s.startup_s, s.routing) = (8.0, Routing::LeastWork)), 0.2),
        ("a start-up of 30 s", small(&up, |s| s.startup_s = 30.0), 0.3),
        ("random routing", small(&up, |s| s.routing = Routing::Random), 0.4),
        ("sizes that differ", small(&up, |s| s.service_times = ServiceTimes::Lognormal { cv: 0.3 }), 0.2),
    ];
    let mut found = Vec::new();
    for (case, scenario, slack) in cases {
        let mut ratios = Vec::new();
        for seed in 0..4 {
            let episode = Arc::new(Episode::draw(scenario.clone(), seed).expect("a valid scenario"));
            let programme = Programme::new(&episode, |_| true);
            let bound = programme.bound();
            let all: Vec<Point> = every_order(5, 3).map(|orders| play_orders(&episode, &orders)).collect();
            for point in &all {
                assert!(!bound.is_beaten_by(*point), "{case}, seed {seed}: {point:?} is below {bound:?}");
            }
            let best = Bound::new(all.iter().copied());
            // What was played is among what can be played, so it is not below the best.
            for price in [0.0, 30.0, 100.0] {
                let achieved = achieve(&episode, &programme.solve(price).orders, price, |_| true);
                assert!(!best.is_beaten_by(achieved.point), "{case}, seed {seed}: {achieved:?}");
                assert_eq!(achieved.point, play_orders(&episode, &achieved.orders), "{case}: it is what it says");
                ratios.push(best.least_cost(price) / bound.least_cost(price));
                let above = achieved.point.at(price) / best.least_cost(price);
                assert!(above <= 1.3, "{case}, seed {seed}, price {price}: played {above} of the best");
            }
        }
        println!("{case}: best / bound {ratios:.3?}");
        ratios.sort_by(f64::total_cmp);
        found.push((case, slack, ratios[ratios.len() / 2], ratios[ratios.len() - 1]));
    }
    for (case, slack, median, worst) in found {
        assert!(median <= 1.0 + slack / 4.0 && worst <= 1.0 + slack, "{case}: median {median}, worst {worst}");
    }
}

/// A random deployment, small enough to be quick.
fn scenario(seed: u64) -> Scenario {
    let mut stream = Stream::new(seed, "bound", 0);
    let mut scenario = Scenario::randomised(16, &mut stream);
    scenario.min_replicas = stream.integer(1, scenario.max_replicas.min(3));
    scenario.initial_replicas = stream.integer(scenario.min_replicas, scenario.max_replicas);
    scenario.initial_ready = stream.chance(0.7);
    if stream.chance(0.3) {
        scenario.service_times = ServiceTimes::Constant;
    }
    scenario
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_policy_beats_the_bound_in_any_world(seed in any::<u64>()) {
        let episode = Arc::new(Episode::draw(scenario(seed), seed).expect("a valid scenario"));
        let max = episode.scenario().max_replicas;
        let bound = Programme::new(&episode, |_| true).bound();
        let rules: [&dyn Policy; 8] = [
            &StaticCount(max), &StaticCount(max.div_ceil(2)), &StaticCount(1), &Threshold { low: 0.5, high: 0.8 },
            &Reactive { utilization: 0.9, ..Reactive::default() }, &Trend::default(),
            &Calibrated { spread: 0.0, ..Calibrated::default() }, &Hpa::default(),
        ];
        for rule in rules {
            let point = play(&episode, |simulation| rule.order(&simulation.request()));
            prop_assert!(!bound.is_beaten_by(point), "{}: {:?} is below {:?}", rule.name(), point, bound);
        }
        let mut stream = Stream::new(seed, "orders", 0);
        for _ in 0..8 {
            let (low, high) = (stream.integer(1, max), stream.integer(1, max));
            let point = play(&episode, |_| stream.integer(low, high));
            prop_assert!(!bound.is_beaten_by(point), "random orders: {:?} is below {:?}", point, bound);
        }
        for price in [0.0, 1.0, 100.0] {
            let price = price * episode.scenario().interval_s;
            let plan = Programme::new(&episode, |_| true).solve(price);
            let achieved = achieve(&episode, &plan.orders, price, |_| true);
            prop_assert!(!bound.is_beaten_by(achieved.point), "a plan: {:?} is below {:?}", achieved.point, bound);
        }
    }

    #[test]
    fn windows_that_are_not_counted_cost_the_fewest_pods(seed in any::<u64>()) {
        let episode = Arc::new(Episode::draw(scenario(seed), seed).expect("a valid scenario"));
        let bound = Programme::new(&episode, |_| false).bound();
        let times = episode.check_times();
        let length_s = times[times.len() - 1] - times[1];
        let least = f64::from(episode.scenario().min_replicas) * length_s;
        prop_assert_eq!(bound.points().len(), 1);
        prop_assert_eq!(bound.points()[0].violations, 0.0);
        prop_assert!((bound.points()[0].pod_seconds / least - 1.0).abs() < 1e-9);
    }
}
