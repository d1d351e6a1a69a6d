//! The simulator by hand: short episodes whose every figure can be worked out on paper.

use std::sync::Arc;

use agent::rng::Stream;
use agent::rules::{Reactive, StaticCount};
use agent::simulator::{
    Contention, Episode, Outcome, Routing, Scenario, Served, ServiceShift, ServiceTimes, Simulation, run,
    smooth_violation,
};
use agent::workload::{Profile, arrivals};

/// Checks every 10 s, threshold 2 s, up to 3 pods of 1 s a request, one pod at first.
fn scenario() -> Scenario {
    let silence = Profile::new(60.0, vec![0.0]).expect("an empty load");
    Scenario::plain(silence, 10.0, 2.0, 3, 1.0)
}

fn simulation(scenario: Scenario, requests: &[(f64, f64)]) -> Simulation {
    let (arrivals, services) = requests.iter().copied().unzip();
    Simulation::new(Arc::new(Episode::of_requests(scenario, arrivals, services, 1).expect("valid requests")))
}

fn step(simulation: &mut Simulation, replicas: u32) -> (Outcome, Vec<Served>) {
    let mut served = Vec::new();
    let outcome = simulation.step_with(replicas, |request| served.push(request));
    (outcome, served)
}

#[test]
fn a_late_request_is_charged_to_the_check_in_which_it_arrived_and_seen_when_it_completes() {
    // One long request at 12 s holds up the two behind it until 21, 22 and 23 s, in the next window.
    let mut simulation = simulation(scenario(), &[(11.0, 1.0), (12.0, 9.0), (13.0, 1.0), (14.0, 1.0)]);
    let outcome = simulation.step(1);
    assert_eq!((outcome.requests, outcome.late_requests), (4, 3), "responses are 1, 9, 9 and 9 s");
    assert_eq!(outcome.mean_response_s, 7.0);
    assert!(!outcome.violated, "the wire saw one completion of 1 s");
    assert_eq!(simulation.observation().pressure, 0.5);
    assert_eq!(simulation.observation().workload, 0.1);
    assert_eq!(simulation.observation().utilization, 0.1);
    assert!((outcome.smooth_violation - smooth_violation(3.5)).abs() < 1e-12);

    let outcome = simulation.step(2);
    assert_eq!((outcome.requests, outcome.late_requests, outcome.mean_response_s), (0, 0, 0.0), "nothing arrived");
    assert_eq!(outcome.smooth_violation, 0.0);
    assert!(outcome.violated, "the wire saw completions of 9 s");
    let seen = simulation.observation();
    assert_eq!((seen.pressure, seen.workload), (4.5, 0.3));
    assert!((seen.queue_length_dominant - (0.0 + 8.0 + 8.0) / 3.0).abs() < 1e-12, "waiting over service");
    assert!((seen.utilization - 1.1 / 2.0).abs() < 1e-12, "11 s of work in 10 s, on two pods");
}

#[test]
fn a_smooth_violation_has_a_slope_on_both_sides_of_the_threshold() {
    for (pressure, expected) in [(0.0, 0.0), (0.85, 0.0), (1.0, 0.5), (1.15, 1.0 + 0.1 * 1.15_f64.ln())] {
        assert!((smooth_violation(pressure) - expected).abs() < 1e-9, "at pressure {pressure}");
    }
    assert!(smooth_violation(20.0) > smooth_violation(10.0), "overload of 20 is worse than of 10");
}

#[test]
fn a_pod_gets_no_request_before_it_is_ready() {
    let requests: Vec<_> = (0..8).map(|i| (11.0 + f64::from(i), 0.5)).collect();
    let mut simulation = simulation(Scenario { startup_s: 4.0, ..scenario() }, &requests);
    let (outcome, served) = step(&mut simulation, 2);
    let pods: Vec<u32> = served.iter().map(|served| served.pod).collect();
    assert_eq!(pods, [0, 0, 0, 1, 0, 1, 0, 1], "ready at 14 s, then in turn");
    assert_eq!(outcome.pod_seconds, 20.0, "billed from the order on");
    assert_eq!(simulation.observation().n_instances, 2);
}

#[test]
fn a_start_up_longer_than_a_check_is_reported_as_starting() {
    let mut simulation = simulation(Scenario { startup_s: 15.0, ..scenario() }, &[]);
    simulation.step(3);
    let request = simulation.request();
    assert_eq!((request.observation.n_instances, request.starting), (1, Some(2)));
    simulation.step(2);
    let request = simulation.request();
    assert_eq!(
        (request.observation.n_instances, request.starting),
        (2, Some(0)),
        "one of the starting ones was removed"
    );
}

#[test]
fn with_no_pod_ready_requests_wait_for_the_first() {
    let scenario = Scenario { startup_s: 14.0, initial_ready: false, ..scenario() };
    let mut simulation = simulation(scenario, &[(3.0, 1.0), (12.0, 1.0), (16.0, 1.0)]);
    assert_eq!(simulation.observation().n_instances, 0);
    let (_, served) = step(&mut simulation, 1);
    // The one of 3 s begins at 14, the one of 12 s behind it at 15.
    let done: Vec<f64> = served.iter().map(|served| served.arrival_s + served.response_s).collect();
    assert_eq!(done, [16.0, 17.0]);
    assert!((simulation.metrics().avg_response_time_s - (12.0 + 4.0 + 1.0) / 3.0).abs() < 1e-12);
}

#[test]
fn scale_in_takes_the_newest_pod_which_finishes_what_it_holds_and_is_billed_until_then() {
    // At 15 s each pod takes a request of 12 s, done at 27 s; at 20 s the newer is removed.
    let scenario = Scenario { initial_replicas: 2, ..scenario() };
    let mut simulation = simulation(scenario, &[(15.0, 12.0), (15.0, 12.0), (21.0, 1.0), (22.0, 1.0)]);
    simulation.step(2);
    let (outcome, served) = step(&mut simulation, 1);
    assert_eq!(outcome.pod_seconds, 10.0 + 7.0);
    assert_eq!(outcome.change, 1);
    assert!(served.iter().all(|served| served.pod == 0), "a removed pod gets nothing new");
    assert_eq!(simulation.metrics().requests, 4, "its last request is counted");
    assert_eq!(simulation.observation().n_instances, 1);
    let outcome = simulation.step(1);
    assert_eq!(outcome.pod_seconds, 10.0);
}

#[test]
fn a_pod_that_drains_past_the_check_is_reported_as_terminating() {
    let scenario = Scenario { initial_replicas: 2, ..scenario() };
    let mut simulation = simulation(scenario, &[(15.0, 1.0), (15.0, 20.0)]);
    simulation.step(2);
    simulation.step(1);
    let request = simulation.request();
    assert_eq!((request.observation.n_instances, request.terminating), (1, Some(1)));
    let outcome = simulation.step(1);
    assert_eq!(outcome.pod_seconds, 15.0, "until 35 s");
    assert_eq!((simulation.request().terminating, simulation.metrics().requests), (Some(0), 1));
}

#[test]
fn a_request_that_finds_its_pod_idle_is_done_sooner_by_what_the_pod_has_rested() {
    // Rested for seconds; busy; rested for 0.02 s; rested, of a request that is shorter than twice the rest.
    let requests = [(11.0, 0.5), (11.2, 0.5), (11.97, 0.5), (15.0, 0.06)];
    for (rested_s, services_s) in [(0.0, [0.5, 0.5, 0.5, 0.06]), (0.05, [0.45, 0.5, 0.48, 0.03])] {
        let scenario = Scenario { rested_s, initial_replicas: 1, ..scenario() };
        let (_, served) = step(&mut simulation(scenario, &requests), 1);
        for (served, service_s) in served.iter().zip(services_s) {
            assert!(
                (served.service_s - service_s).abs() < 1e-9,
                "rested for {rested_s} s: {served:?}, not {service_s}"
            );
        }
        let work: Vec<f64> = served.iter().map(|served| served.work_s).collect();
        assert_eq!(work, [0.5, 0.5, 0.5, 0.06], "the CPU has the same to do");
        assert_eq!(served.len(), requests.len());
    }
}

#[test]
fn the_next_request_waits_for_what_a_pod_does_beside_the_one_before() {
    // At once after another, and in a pod that has been idle for long enough.
    let requests = [(11.0, 0.5), (11.2, 0.5), (13.0, 0.5)];
    let scenario = Scenario { overhead_s: 0.1, initial_replicas: 1, ..scenario() };
    let (_, served) = step(&mut simulation(scenario, &requests), 1);
    let expected = [(0.5, 11.6), (0.9, 12.2), (0.5, 13.6)];
    for (served, (response_s, free_s)) in served.iter().zip(expected) {
        assert!((served.response_s - response_s).abs() < 1e-9 && (served.free_s - free_s).abs() < 1e-9, "{served:?}");
        assert_eq!((served.service_s, served.work_s), (0.5, 0.6));
    }
    assert_eq!(served.len(), requests.len());
}

#[test]
fn a_removed_pod_exists_for_its_drain_idle_or_until_it_has_finished_and_gets_no_request() {
    for (drain_s, gone_s, terminating) in [(0.0, 0.0, 0), (4.0, 4.0, 0), (13.0, 10.0, 1)] {
        let scenario = Scenario { drain_s, initial_replicas: 2, ..scenario() };
        let interval_s = scenario.interval_s;
        assert_eq!(interval_s, 10.0);
        let mut simulation = simulation(scenario, &[(11.0, 0.5), (12.0, 0.5)]);
        let (outcome, served) = step(&mut simulation, 1);
        assert_eq!(outcome.pod_seconds, interval_s + gone_s, "a drain of {drain_s} s");
        assert!(served.iter().all(|served| served.pod == 0), "{served:?}");
        assert_eq!(simulation.request().terminating, Some(terminating), "a drain of {drain_s} s");
        let (outcome, _) = step(&mut simulation, 1);
        assert_eq!(outcome.pod_seconds, interval_s + (drain_s - interval_s).max(0.0), "a drain of {drain_s} s");
        assert_eq!(simulation.request().terminating, Some(0));
    }
}

#[test]
fn completions_are_seen_after_the_metric_lag() {
    let mut simulation = simulation(Scenario { metric_lag_s: 3.0, ..scenario() }, &[(11.0, 1.0), (17.5, 1.0)]);
    simulation.step(1);
    assert_eq!(simulation.metrics().requests, 1, "done at 12 s, seen at 15 s");
    simulation.step(1);
    assert_eq!(simulation.metrics().requests, 1, "done at 18.5 s, seen at 21.5 s");
}

#[test]
fn pods_that_share_a_node_slow_down() {
    let contention = Some(Contention { cores: 1.0, growth: 0.6 });
    let mut simulation =
        simulation(Scenario { contention, initial_replicas: 3, ..scenario() }, &[(11.0, 1.0), (21.0, 1.0)]);
    let (_, served) = step(&mut simulation, 3);
    assert!((served[0].response_s - 1.4).abs() < 1e-12, "1 + 0.6 (1 - 1/3)");
    let (_, served) = step(&mut simulation, 1);
    assert_eq!(served[0].response_s, 1.0);
}

#[test]
fn a_missed_check_joins_its_window_to_the_next() {
    let load = Profile::new(1000.0, vec![2.0]).expect("a load");
    let scenario = Scenario { missed_checks: 0.3, check_jitter: 0.0, ..Scenario::plain(load, 10.0, 2.0, 3, 0.1) };
    let episode = Arc::new(Episode::draw(scenario, 5).expect("a valid scenario"));
    assert!(episode.decisions() < 90 && episode.decisions() > 50, "{}", episode.decisions());
    let mut simulation = Simulation::new(Arc::clone(&episode));
    let mut longest: f64 = 0.0;
    while !simulation.is_done() {
        let outcome = simulation.step(1);
        longest = longest.max(outcome.window_s);
        let workload = simulation.observation().workload;
        if outcome.window_s <= 25.0 {
            assert!((workload - 2.0).abs() < 1.5, "{workload} requests/s in {} s", outcome.window_s);
        }
    }
    assert!(longest >= 20.0);
}

#[test]
fn a_request_holds_what_the_scaler_would_send() {
    let load = Profile::new(1000.0, vec![3.0]).expect("a load");
    let scenario = Scenario { initial_replicas: 2, ..Scenario::plain(load, 10.0, 0.5, 4, 0.2) };
    let mut simulation = Simulation::new(Arc::new(Episode::draw(scenario, 3).expect("a valid scenario")));
    let first = simulation.request();
    assert!(first.history.is_empty());
    assert!(first.observation.workload > 0.0, "the first window passed with the initial replicas");
    for replicas in 0..80 {
        simulation.step(replicas);
    }
    let request = simulation.request();
    assert_eq!((request.min_replicas, request.max_replicas), (Some(1), Some(4)));
    assert_eq!((request.threshold_s, request.interval_s), (Some(0.5), Some(10.0)));
    assert!((request.avg_service_time_s.expect("requests in the window") - 0.2).abs() < 1e-9);
    assert_eq!(request.history.len(), 64);
    let (oldest, newest) = (&request.history[0], &request.history[63]);
    assert!((oldest.age_s - 640.0).abs() < 1e-6 && (newest.age_s - 10.0).abs() < 1e-6, "oldest first");
    assert_eq!(newest.replicas_ordered, 4, "an order of 79 was held to the bounds");
    let mut reused = first;
    simulation.write_request(&mut reused);
    assert_eq!(reused, request);
}

#[test]
fn an_idle_deployment_shows_zeros_and_no_service_time() {
    let mut simulation = simulation(scenario(), &[]);
    let outcome = simulation.step(0);
    assert_eq!(outcome.replicas, 1, "not below the minimum");
    let request = simulation.request();
    assert_eq!(request.avg_service_time_s, None);
    assert_eq!((request.observation.pressure, request.observation.utilization), (0.0, 0.0));
    assert!(!outcome.violated);
}

#[test]
fn a_shift_changes_the_service_times_from_its_moment_to_the_next() {
    let load = Profile::new(1000.0, vec![2.0]).expect("a load");
    let service_shifts = vec![ServiceShift { at_s: 500.0, factor: 2.0 }, ServiceShift { at_s: 800.0, factor: 0.5 }];
    let scenario = Scenario { service_shifts, ..Scenario::plain(load, 10.0, 2.0, 3, 0.1) };
    let episode = Episode::draw(scenario, 1).expect("a valid scenario");
    for (&arrival_s, &service_s) in episode.arrivals().iter().zip(episode.services()) {
        let expected = match arrival_s {
            ..500.0 => 0.1,
            500.0..800.0 => 0.2,
            _ => 0.05,
        };
        assert_eq!(service_s, expected, "at {arrival_s} s");
    }
}

#[test]
fn what_a_scenario_cannot_be_is_refused_by_name() {
    type Spoil = fn(&mut Scenario);
    let table: [(&str, Spoil); 15] = [
        ("windows must be 2 or more, it is 1", |s| s.windows = 1),
        ("interval_s must be above 0, it is 0.0", |s| s.interval_s = 0.0),
        ("threshold_s must be above 0, it is NaN", |s| s.threshold_s = f64::NAN),
        ("min_replicas must be 1 or more, it is 0", |s| s.min_replicas = 0),
        ("max_replicas must be min_replicas or more, it is 0", |s| s.max_replicas = 0),
        ("initial_replicas must be within the bounds, it is 9", |s| s.initial_replicas = 9),
        ("startup_s must be 0 or more, it is inf", |s| s.startup_s = f64::INFINITY),
        ("service_time_s must be above 0, it is -1.0", |s| s.service_time_s = -1.0),
        ("service_times must be of finite positive figures", |s| s.service_times = ServiceTimes::Mixture(vec![])),
        ("drain_s must be 0 or more, it is NaN", |s| s.drain_s = f64::NAN),
        ("rested_s must be 0 or more, it is -1.0", |s| s.rested_s = -1.0),
        ("overhead_s must be 0 or more, it is -1.0", |s| s.overhead_s = -1.0),
        ("metric_lag_s must be 0 or more, it is -1.0", |s| s.metric_lag_s = -1.0),
        ("missed_checks must be in [0, 0.5], it is 0.9", |s| s.missed_checks = 0.9),
        ("check_jitter must be in [0, 0.5], it is 0.6", |s| s.check_jitter = 0.6),
    ];
    for (message, spoil) in table {
        let mut scenario = scenario();
        spoil(&mut scenario);
        let error = Episode::draw(scenario, 1).expect_err(message).to_string();
        assert!(error.starts_with("scenario: ") && error.contains(message), "{error} instead of {message}");
    }
    for (message, requests) in [
        ("arrivals must be ascending", vec![(2.0, 1.0), (1.0, 1.0)]),
        ("arrivals must be 0 or more", vec![(-1.0, 1.0)]),
        ("service times must be above 0", vec![(1.0, 0.0)]),
    ] {
        let (arrivals, services) = requests.into_iter().unzip();
        let error = Episode::of_requests(scenario(), arrivals, services, 1).expect_err(message).to_string();
        assert!(error.contains(message), "{error} instead of {message}");
    }
}

#[test]
fn arrivals_that_were_given_meet_the_services_that_drawn_ones_do() {
    let scenario = Scenario { service_times: Scenario::demo_sinusoid().service_times, ..scenario() };
    let drawn = Episode::draw(scenario.clone(), 5).expect("a valid scenario");
    let given = Episode::with_arrivals(scenario, drawn.arrivals().to_vec(), 5).expect("valid arrivals");
    assert_eq!((given.arrivals(), given.services()), (drawn.arrivals(), drawn.services()));
    assert_eq!(given.check_times(), drawn.check_times());
}

#[test]
fn the_demo_plays_two_periods_from_ten_to_seventy_five_percent_of_eight_pods() {
    let scenario = Scenario::demo_sinusoid();
    assert_eq!(scenario.validate(), Ok(()));
    assert_eq!((scenario.windows, scenario.max_replicas, scenario.interval_s), (50, 8, 3.0));
    let rates = scenario.load.rates();
    let lowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    assert!((lowest - 8.0).abs() < 0.1 && (scenario.load.peak() - 60.0).abs() < 0.1);
    for (second, rate) in [(0.0, 8.0), (37.5, 60.0), (75.0, 8.0), (112.5, 60.0)] {
        assert!((scenario.load.rate_at(second) - rate).abs() < 1.0, "at {second} s");
    }
    let episode = Episode::draw(scenario.clone(), 1).expect("a valid scenario");
    assert_eq!(episode.arrivals(), arrivals(&scenario.load, 150.0, 1), "what the demo plays is what is simulated");
}

#[test]
fn reacting_to_the_load_serves_the_demo_for_fewer_pods_than_a_static_count() {
    let episode = Arc::new(Episode::draw(Scenario::demo_sinusoid(), 1).expect("a valid scenario"));
    let full = run(Arc::clone(&episode), &StaticCount(8));
    let one = run(Arc::clone(&episode), &StaticCount(1));
    let reactive = run(episode, &Reactive { utilization: 0.5, drain: 1.0 });
    assert_eq!((full.checks, full.violating_checks, full.actions), (49, 0, 1));
    assert!(one.violation_share() > 0.8, "one pod is hopeless: {one:?}");
    assert!(reactive.pod_minutes < 0.8 * full.pod_minutes, "{reactive:?} against {full:?}");
    assert!(reactive.violation_share() < 0.5 * one.violation_share(), "{reactive:?}");
    assert_eq!((full.requests, one.requests), (reactive.requests, reactive.requests), "common random numbers");
    assert!((full.pod_share - 49.0).abs() < 1e-9 && (full.objective(3.0) - 1.0).abs() < 1e-9);
}

#[test]
fn random_scenarios_are_valid_and_cover_what_they_promise() {
    let mut stream = Stream::new(1, "scenarios", 0);
    let scenarios: Vec<Scenario> = (0..400).map(|_| Scenario::randomised(60, &mut stream)).collect();
    type Range = (&'static str, fn(&Scenario) -> f64, f64, f64);
    let ranges: [Range; 6] = [
        ("interval", |s| s.interval_s, 3.0, 60.0),
        ("interval / service time", |s| s.interval_s / s.service_time_s, 6.0, 2000.0),
        ("threshold / service time", |s| s.threshold_s / s.service_time_s, 1.4, 10.0),
        ("replicas", |s| f64::from(s.max_replicas), 2.0, 31.0),
        ("start-up / interval", |s| s.startup_s / s.interval_s, 0.5 / 60.0, 8.0),
        ("peak", |s| s.load.peak() * s.service_time_s / f64::from(s.max_replicas), 0.15, 6.0),
    ];
    for (name, figure, low, high) in ranges {
        let figures: Vec<f64> = scenarios.iter().map(figure).collect();
        let (least, most) = figures.iter().fold((f64::INFINITY, 0.0_f64), |(l, m), &x| (l.min(x), m.max(x)));
        assert!(least >= low * 0.999 && most <= high * 1.001, "{name}: {least} .. {most}");
        assert!(most / least > (high / low).sqrt(), "{name}: only {least} .. {most}");
    }
    for routing in [Routing::RoundRobin, Routing::Random, Routing::LeastWork] {
        assert!(scenarios.iter().any(|scenario| scenario.routing == routing), "{routing:?}");
    }
    for scenario in scenarios {
        assert_eq!(scenario.validate(), Ok(()), "{scenario:?}");
    }
}
