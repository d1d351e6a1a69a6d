//! Simulated requests per second on one core (`thrpt`, in requests), and the price of a clone.

use std::hint::black_box;
use std::sync::Arc;

use agent::rng::Stream;
use agent::rules::{Calibrated, RuleFamily, StaticCount};
use agent::simulator::{Episode, Player, Routing, Scenario, ServiceTimes, Simulation, play, run};
use agent::workload::{Load, Shape};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// 200 checks of 60 s, 10 pods at most, 0.2 s a request, up to 60 % of what they can do.
fn scenario(routing: Routing) -> Scenario {
    let load = Load { low_rps: 5.0, high_rps: 30.0, periods: 4.0, duration_s: 12_000.0, bin_s: 15.0 };
    let load = Shape::Sinusoid.profile(&load, &mut Stream::new(1, "shape", 0)).expect("the load is within range");
    let service_times = ServiceTimes::Lognormal { cv: 0.3 };
    Scenario { routing, service_times, startup_s: 10.0, ..Scenario::plain(load, 60.0, 0.5, 10, 0.2) }
}

fn episode(routing: Routing) -> Arc<Episode> {
    Arc::new(Episode::draw(scenario(routing), 1).expect("the scenario is within range"))
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("requests");
    for routing in [Routing::RoundRobin, Routing::Random, Routing::LeastConnections, Routing::LeastWork] {
        let episode = episode(routing);
        group.throughput(Throughput::Elements(episode.arrivals().len() as u64));
        group.bench_with_input(BenchmarkId::new("static", format!("{routing:?}")), &episode, |bencher, episode| {
            bencher.iter(|| run(Arc::clone(episode), &StaticCount(8)));
        });
        group.bench_with_input(BenchmarkId::new("calibrated", format!("{routing:?}")), &episode, |bencher, episode| {
            bencher.iter(|| run(Arc::clone(episode), &Calibrated::default()));
        });
        group.bench_function(BenchmarkId::new("draw", format!("{routing:?}")), |bencher| {
            bencher.iter(|| Episode::draw(scenario(routing), 1));
        });
    }
    group.finish();
}

/// Opponents in loops of their own, judged on the windows of the checks.
fn periods(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("periods");
    let episode = episode(Routing::RoundRobin);
    group.throughput(Throughput::Elements(episode.arrivals().len() as u64));
    for family in [RuleFamily::CalLong, RuleFamily::HpaBehavior, RuleFamily::Keda, RuleFamily::Kpa] {
        let rule = family.rule(&family.start(), episode.scenario());
        let native_s = rule.native_period_s(episode.scenario().interval_s);
        for period_s in [2.0, 15.0, 60.0].into_iter().filter(|period_s| *period_s >= native_s.min(15.0)) {
            group.bench_function(BenchmarkId::new(family.name(), format!("{period_s} s")), |bencher| {
                bencher.iter(|| play(&episode, rule.player(), period_s));
            });
        }
    }
    // The law alone does not matter: this is the price of the judge.
    group.bench_function(BenchmarkId::new("static", "15 s"), |bencher| {
        bencher.iter(|| play(&episode, Player::Policy(&StaticCount(8)), 15.0));
    });
    group.finish();
}

fn clones(criterion: &mut Criterion) {
    let mut simulation = Simulation::new(episode(Routing::RoundRobin));
    for _ in 0..100 {
        simulation.step(8);
    }
    let mut scratch = simulation.clone();
    criterion.bench_function("clone_from", |bencher| bencher.iter(|| black_box(&mut scratch).clone_from(&simulation)));
    let mut request = simulation.request();
    criterion.bench_function("write_request", |bencher| {
        bencher.iter(|| simulation.write_request(black_box(&mut request)));
    });
}

criterion_group!(benches, requests, periods, clones);
criterion_main!(benches);
