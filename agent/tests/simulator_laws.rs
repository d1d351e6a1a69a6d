//! Laws that hold in every run: random scenarios under random orders, each request looked at.

use std::sync::Arc;

use agent::rng::Stream;
use agent::simulator::{Episode, Outcome, Routing, Scenario, Served, Simulation};
use proptest::prelude::*;
use scaler_core::observation::RECENT_INTERVALS;
use scaler_core::{ActionRequest, PodSums, Recent, WindowMetrics, observe, window_length};

/// A random scenario, small enough to look at each of its requests.
fn scenario(seed: u64) -> Scenario {
    let mut stream = Stream::new(seed, "law", 0);
    let mut scenario = Scenario::randomised(12, &mut stream);
    scenario.min_replicas = stream.integer(1, scenario.max_replicas);
    scenario.initial_replicas = stream.integer(scenario.min_replicas, scenario.max_replicas);
    scenario.initial_ready = stream.chance(0.7);
    if stream.chance(0.2) {
        scenario.routing = Routing::LeastConnections;
    }
    scenario.missed_checks = if stream.chance(0.5) { 0.2 } else { 0.0 };
    scenario
}

fn orders(seed: u64, checks: usize, max: u32) -> Vec<u32> {
    let mut stream = Stream::new(seed, "orders", 0);
    (0..checks).map(|_| stream.integer(0, max + 2)).collect()
}

struct Played {
    served: Vec<Vec<Served>>,
    outcomes: Vec<Outcome>,
    metrics: Vec<WindowMetrics>,
    requests: Vec<ActionRequest>,
}

fn assert_near(what: &str, a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs())), "{what}: {a} and {b}");
}

/// Plays random orders; the observation of every check is made again from the requests that were shown.
fn play(episode: &Arc<Episode>, seed: u64) -> Played {
    let scenario = episode.scenario();
    let mut simulation = Simulation::new(Arc::clone(episode));
    let mut played = Played {
        served: Vec::new(),
        outcomes: Vec::new(),
        metrics: vec![*simulation.metrics()],
        requests: vec![simulation.request()],
    };
    for replicas in orders(seed, episode.decisions(), scenario.max_replicas) {
        let mut served = Vec::new();
        played.outcomes.push(simulation.step_with(replicas, |request| served.push(request)));
        played.served.push(served);
        played.metrics.push(*simulation.metrics());
        let request = simulation.request();
        request.observation.validate().expect("an observation that the agent accepts");
        let again = observe(simulation.metrics(), request.observation.n_instances, scenario.threshold_s);
        assert_eq!(request.observation, again, "the wire's figures come from scaler_core");
        played.requests.push(request);
    }
    assert!(simulation.is_done());
    played
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_request_is_served_once_by_a_queue_that_is_first_come_first_served(seed in any::<u64>()) {
        let episode = Arc::new(Episode::draw(scenario(seed), seed).expect("a valid scenario"));
        let played = play(&episode, seed);
        let first_s = episode.check_times()[1];
        let arrivals: Vec<f64> = played.served.iter().flatten().map(|served| served.arrival_s).collect();
        let expected: Vec<f64> = episode.arrivals().iter().copied().filter(|&time| time >= first_s).collect();
        prop_assert_eq!(arrivals, expected, "all of them, in order");
        let mut free = std::collections::HashMap::new();
        for served in played.served.iter().flatten() {
            let done = served.arrival_s + served.response_s;
            let began = done - served.service_s;
            let free_s: f64 = free.insert(served.pod, done).unwrap_or(0.0);
            prop_assert!(began >= served.arrival_s.max(free_s) - 1e-9, "pod {} serves one at a time", served.pod);
        }
    }

    #[test]
    fn what_arrives_is_counted_by_one_check_or_is_still_held(seed in any::<u64>()) {
        let mut scenario = scenario(seed);
        scenario.check_jitter = 0.0;
        let episode = Arc::new(Episode::draw(scenario, seed).expect("a valid scenario"));
        // The window before the first decision is not shown: begin with requests behind it.
        let first_s = episode.check_times()[1];
        let skip = episode.arrivals().partition_point(|&time| time < first_s);
        let episode = Arc::new(Episode::of_requests(
            episode.scenario().clone(), episode.arrivals()[skip..].to_vec(), episode.services()[skip..].to_vec(), seed,
        ).expect("requests of a valid episode"));
        let played = play(&episode, seed);
        let (checks, lag_s) = (episode.check_times(), episode.scenario().metric_lag_s);
        for (window, metrics) in played.metrics.iter().enumerate() {
            let mut pods = std::collections::BTreeMap::<u32, PodSums>::new();
            let mut last = PodSums::default();
            for served in played.served.iter().flatten() {
                let done = served.arrival_s + served.response_s;
                let seen = |check: usize| checks[check] - lag_s;
                if done < seen(window + 1) && (window == 0 || done >= seen(window)) {
                    pods.entry(served.pod).or_default().add_times(served.service_s, served.response_s);
                    if done >= seen(window + 1) - RECENT_INTERVALS * episode.scenario().interval_s {
                        last.add_times(served.service_s, served.response_s);
                    }
                }
            }
            let since = (window > 0).then(|| checks[window + 1] - checks[window]);
            let (window_s, _) = window_length(since, episode.scenario().interval_s);
            let again = WindowMetrics::from_pods(pods.values(), window_s);
            prop_assert_eq!(metrics.requests, again.requests, "window {}", window);
            assert_near("mean response", metrics.avg_response_time_s, again.avg_response_time_s);
            assert_near("mean service", metrics.avg_service_time_s, again.avg_service_time_s);
            assert_near("queue", metrics.queue_length_dominant, again.queue_length_dominant);
            assert_near("busy slots", metrics.busy_slots, again.busy_slots);
            let told = &played.requests[window];
            let (ready, threshold_s) = (told.observation.n_instances, episode.scenario().threshold_s);
            let found = told.recent.expect("the simulator knows it");
            let again = Recent::of(&last, RECENT_INTERVALS * episode.scenario().interval_s, ready, threshold_s);
            assert_near("recent pressure", found.pressure, again.pressure);
            assert_near("recent utilization", found.utilization, again.utilization);
        }
        let end_s = checks[checks.len() - 1] - lag_s;
        let held = played.served.iter().flatten().filter(|served| served.arrival_s + served.response_s >= end_s).count();
        let counted: u64 = played.metrics.iter().map(|metrics| metrics.requests).sum();
        prop_assert_eq!(counted + held as u64, episode.arrivals().partition_point(|&t| t < checks[checks.len() - 1]) as u64);
    }

    #[test]
    fn credit_is_the_arrivals_and_billing_is_bounded_by_what_was_ordered(seed in any::<u64>()) {
        let episode = Arc::new(Episode::draw(scenario(seed), seed).expect("a valid scenario"));
        let played = play(&episode, seed);
        let threshold_s = episode.scenario().threshold_s;
        for (outcome, served) in played.outcomes.iter().zip(&played.served) {
            prop_assert_eq!(outcome.requests, served.len() as u64);
            let late = served.iter().filter(|served| served.response_s > threshold_s).count();
            prop_assert_eq!(outcome.late_requests, late as u64);
            let sum: f64 = served.iter().map(|served| served.response_s).sum();
            assert_near("mean", outcome.mean_response_s * served.len() as f64, sum);
            let kept = f64::from(outcome.replicas) * outcome.window_s;
            prop_assert!(outcome.pod_seconds >= kept - 1e-9, "what is ordered is billed: {:?}", outcome);
            let all = played.outcomes.iter().map(|outcome| outcome.change).sum::<u32>() + outcome.replicas;
            prop_assert!(outcome.pod_seconds <= f64::from(all) * outcome.window_s + 1e-9, "{:?}", outcome);
        }
    }

    #[test]
    fn clones_and_equal_seeds_have_the_same_future(seed in any::<u64>()) {
        let draw = || Arc::new(Episode::draw(scenario(seed), seed).expect("a valid scenario"));
        let episode = draw();
        let orders = orders(seed, episode.decisions(), episode.scenario().max_replicas);
        let (begin, rest) = orders.split_at(orders.len() / 2);
        let mut simulation = Simulation::new(episode);
        for &replicas in begin {
            simulation.step(replicas);
        }
        let mut clone = simulation.clone();
        let mut overwritten = Simulation::new(draw());
        overwritten.clone_from(&simulation);
        let mut again = Simulation::new(draw());
        for &replicas in begin {
            again.step(replicas);
        }
        for &replicas in rest {
            let outcome = simulation.step(replicas);
            for (who, other) in [("clone", &mut clone), ("clone_from", &mut overwritten), ("same seed", &mut again)] {
                prop_assert_eq!(other.step(replicas), outcome, "{}", who);
                prop_assert_eq!(other.request(), simulation.request(), "{}", who);
            }
        }
    }
}
