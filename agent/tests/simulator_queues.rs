//! The simulator against queueing theory, within 1 %.

use std::sync::Arc;

use agent::simulator::{Episode, Routing, Scenario, Served, ServiceTimes, Simulation};
use agent::workload::Profile;

const TOLERANCE: f64 = 0.01;
/// Enough for a standard error of well below the tolerance at the utilizations used.
const REQUESTS: f64 = 3e6;

/// A steady load on pods of mean service time 1 s; every request is shown to `show`.
fn play(pods: u32, utilization: f64, service_times: ServiceTimes, routing: Routing, mut show: impl FnMut(Served)) {
    let rate = utilization * f64::from(pods);
    let duration_s = REQUESTS / rate;
    let load = Profile::new(duration_s, vec![rate]).expect("a constant load");
    let scenario = Scenario {
        service_times,
        routing,
        windows: 200,
        initial_replicas: pods,
        ..Scenario::plain(load, duration_s / 200.0, 10.0, pods, 1.0)
    };
    let mut simulation = Simulation::new(Arc::new(Episode::draw(scenario, 20).expect("a valid scenario")));
    while !simulation.is_done() {
        simulation.step_with(pods, &mut show);
    }
}

fn mean_wait(pods: u32, utilization: f64, service_times: ServiceTimes, routing: Routing) -> f64 {
    let (mut wait, mut count) = (0.0, 0.0);
    play(pods, utilization, service_times, routing, |served| {
        wait += served.response_s - served.service_s;
        count += 1.0;
    });
    wait / count
}

fn assert_close(case: &str, simulated: f64, theory: f64) {
    let error = simulated / theory - 1.0;
    println!("{case}: simulated {simulated:.4}, theory {theory:.4}, off by {:.2} %", 100.0 * error);
    assert!(error.abs() < TOLERANCE, "{case}: simulated {simulated}, theory {theory}, off by {:.2} %", 100.0 * error);
}

/// Pollaczek-Khinchine's mean wait at a service time of 1.
fn pollaczek_khinchine(utilization: f64, squared_variation: f64) -> f64 {
    utilization * (1.0 + squared_variation) / (2.0 * (1.0 - utilization))
}

#[test]
fn one_pod_waits_as_pollaczek_and_khinchine_say() {
    let sizes = vec![(5.0, 1.0), (3.0, 2.0), (1.0, 6.0)];
    let table = [
        ("M/D/1", 0.8, ServiceTimes::Constant),
        ("M/M/1", 0.5, ServiceTimes::Exponential),
        ("M/M/1", 0.75, ServiceTimes::Exponential),
        ("M/G/1 lognormal 0.3", 0.8, ServiceTimes::Lognormal { cv: 0.3 }),
        ("M/G/1 lognormal 1", 0.6, ServiceTimes::Lognormal { cv: 1.0 }),
        ("M/G/1 three sizes", 0.7, ServiceTimes::Mixture(sizes)),
    ];
    for (case, utilization, times) in table {
        let theory = pollaczek_khinchine(utilization, times.squared_variation());
        let simulated = mean_wait(1, utilization, times, Routing::RoundRobin);
        assert_close(&format!("{case} at {utilization}"), simulated, theory);
    }
}

#[test]
fn random_routing_makes_each_pod_a_queue_of_its_own() {
    let simulated = mean_wait(5, 0.7, ServiceTimes::Exponential, Routing::Random);
    assert_close("5 x M/M/1", simulated, pollaczek_khinchine(0.7, 1.0));
}

/// Mean wait of M/M/c by Erlang's C formula, mean service time 1.
fn erlang_c_wait(pods: u32, utilization: f64) -> f64 {
    let (c, a) = (f64::from(pods), utilization * f64::from(pods));
    let blocked = (1..=pods).fold(1.0, |b, k| a * b / (f64::from(k) + a * b));
    let waits = blocked / (1.0 - utilization * (1.0 - blocked));
    waits / (c - a)
}

#[test]
fn least_work_routing_waits_as_one_central_queue() {
    for (pods, utilization) in [(2, 0.7), (4, 0.8), (10, 0.85)] {
        let simulated = mean_wait(pods, utilization, ServiceTimes::Exponential, Routing::LeastWork);
        assert_close(&format!("M/M/{pods} at {utilization}"), simulated, erlang_c_wait(pods, utilization));
    }
}

#[test]
fn round_robin_gives_each_pod_erlang_arrivals() {
    // Each of c pods sees every c-th arrival of a Poisson stream: E_c/M/1, wait = s / (1 - s) with s = A*(1 - s).
    for (pods, utilization) in [(2, 0.7), (6, 0.8)] {
        let c = f64::from(pods);
        let mut s: f64 = 0.5;
        for _ in 0..500 {
            s = (c * utilization / (c * utilization + 1.0 - s)).powf(c);
        }
        let simulated = mean_wait(pods, utilization, ServiceTimes::Exponential, Routing::RoundRobin);
        assert_close(&format!("E_{pods}/M/1 at {utilization}"), simulated, s / (1.0 - s));
    }
}

#[test]
fn arrivals_find_as_many_requests_as_little_says_there_are() {
    // Poisson arrivals see time averages, so what they find is L; Little: L = lambda W. The two sides are measured apart:
    // one by counting heads, one by response times.
    for routing in [Routing::RoundRobin, Routing::Random, Routing::LeastWork] {
        let mut inside = std::collections::BinaryHeap::new();
        let (mut found, mut response, mut count) = (0.0, 0.0, 0.0);
        play(3, 0.75, ServiceTimes::Exponential, routing, |served| {
            // Times as their bits: the order is the same for positive numbers.
            let done = (served.arrival_s + served.response_s).to_bits();
            while inside.peek().is_some_and(|&std::cmp::Reverse(first)| first <= served.arrival_s.to_bits()) {
                inside.pop();
            }
            found += inside.len() as f64;
            inside.push(std::cmp::Reverse(done));
            response += served.response_s;
            count += 1.0;
        });
        let rate = 3.0 * 0.75;
        assert_close(&format!("{routing:?}"), found / count, rate * response / count);
    }
}
