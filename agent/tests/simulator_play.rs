//! Episodes at other periods than their own, and what the cluster's autoscalers see of them.

use std::sync::{Arc, Mutex};

use agent::controller::Controller;
use agent::policy::Policy;
use agent::rng::Stream;
use agent::rules::{Calibrated, HpaController, Kpa, Reactive, RuleFamily, StaticCount};
use agent::simulator::{
    ClusterView, CpuSampling, Episode, Player, PodUsage, Routing, Scenario, Served, Simulation, play, play_with, run,
};
use agent::workload::Profile;
use scaler_core::ActionRequest;

/// Checks every 60 s for 10 minutes, threshold 2 s, up to 4 pods of 1 s a request that start in 10 s.
fn scenario() -> Scenario {
    let silence = Profile::new(600.0, vec![0.0]).expect("an empty load");
    Scenario { startup_s: 10.0, ..Scenario::plain(silence, 60.0, 2.0, 4, 1.0) }
}

fn episode(scenario: Scenario, requests: &[(f64, f64)]) -> Arc<Episode> {
    let (arrivals, services) = requests.iter().copied().unzip();
    Arc::new(Episode::of_requests(scenario, arrivals, services, 1).expect("valid requests"))
}

fn random_episode(seed: u64) -> Arc<Episode> {
    let scenario = Scenario::randomised(40, &mut Stream::new(seed, "play", 0));
    Arc::new(Episode::draw(scenario, seed).expect("a valid scenario"))
}

#[test]
fn at_its_own_interval_an_episode_is_judged_as_a_run_is() {
    for seed in 0..40 {
        let episode = random_episode(seed);
        let interval_s = episode.scenario().interval_s;
        for policy in [&Calibrated::default() as &dyn Policy, &StaticCount(3), &Reactive::default()] {
            let played = play(&episode, Player::Policy(policy), interval_s).expect("a valid period");
            let (judged, ran) = (played.totals, run(Arc::clone(&episode), policy));
            let whole = |totals: &agent::simulator::RunTotals| {
                let &agent::simulator::RunTotals { checks, violating_checks, requests, late_requests, .. } = totals;
                (checks, violating_checks, requests, late_requests, totals.actions, totals.changes)
            };
            assert_eq!(whole(&judged), whole(&ran), "seed {seed}, {}", policy.name());
            for (name, a, b) in [
                ("smooth violation", judged.smooth_violation, ran.smooth_violation),
                ("pod-minutes", judged.pod_minutes, ran.pod_minutes),
                ("pod share", judged.pod_share, ran.pod_share),
            ] {
                assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{name}: {a} and {b}, seed {seed}, {}", policy.name());
            }
        }
    }
}

#[test]
fn whatever_the_period_a_static_count_has_the_same_requests_bill_and_verdict() {
    for seed in 0..12 {
        let episode = random_episode(seed);
        let interval_s = episode.scenario().interval_s;
        let initial = StaticCount(episode.scenario().initial_replicas);
        let at = |period_s: f64| play(&episode, Player::Policy(&initial), period_s).expect("a valid period");
        let own = at(interval_s);
        assert_eq!(own.windows.len(), episode.decisions());
        for part in [1.0 / 30.0, 0.25, 0.7, 2.0] {
            let other = at(part * interval_s);
            assert_eq!(other.windows.len(), own.windows.len());
            for (a, b) in own.windows.iter().zip(&other.windows) {
                let (mut a, mut b) = (*a, *b);
                assert!((a.pod_seconds - b.pod_seconds).abs() < 1e-6, "{a:?} and {b:?} at {part} intervals");
                (a.pod_seconds, b.pod_seconds) = (0.0, 0.0);
                assert_eq!(a, b, "at {part} intervals, seed {seed}");
            }
        }
    }
}

/// Says what it was asked, orders what it is told.
struct Script<F>(F, Mutex<Vec<ActionRequest>>);

impl<F: Fn(usize) -> u32 + Send + Sync> Policy for Script<F> {
    fn name(&self) -> String {
        "script".to_owned()
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        let mut asked = self.1.lock().expect("no panic");
        asked.push(request.clone());
        (self.0)(asked.len() - 1)
    }
}

#[test]
fn orders_of_a_faster_loop_are_billed_from_order_to_removal_on_the_same_windows() {
    // At 60, 75, 90, ... s. Ordered at 75 s, removed at 105 s: 30 s of one pod more, in the window from 60 to 120 s.
    let script = Script(|asked| if (1..3).contains(&asked) { 2 } else { 1 }, Mutex::default());
    let played = play(&episode(scenario(), &[]), Player::Policy(&script), 15.0).expect("a valid period");
    let billed: Vec<f64> = played.windows.iter().map(|window| window.pod_seconds).collect();
    assert_eq!(billed, [90.0, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0, 60.0]);
    assert_eq!((played.totals.actions, played.totals.changes, played.totals.checks), (2, 2, 9));
    assert!((played.totals.pod_minutes - 9.5).abs() < 1e-12);
    let asked = script.1.into_inner().expect("no panic");
    assert_eq!(asked.len(), 36, "from 60 s on, every 15 s until 585 s");
    assert_eq!(asked[0].history.len(), 3, "the warm-up was observed");
    assert!(asked.iter().all(|request| request.interval_s == Some(15.0)));
}

#[test]
fn the_windows_share_out_exactly_what_the_steps_are_billed() {
    for seed in 0..20 {
        let episode = random_episode(seed);
        let period_s = episode.scenario().interval_s * Stream::new(seed, "period", 0).log_uniform(0.1, 2.0);
        let orders = |asked: usize| Stream::new(seed, "orders", asked as u64).integer(0, 32);
        let script = Script(orders, Mutex::default());
        let played = play(&episode, Player::Policy(&script), period_s).expect("a valid period");
        let looped = Arc::new(episode.at_period(period_s, false).expect("a valid period"));
        let mut simulation = Simulation::new(Arc::clone(&looped));
        while simulation.warms_up() {
            let initial = simulation.ordered();
            simulation.step(initial);
        }
        let billed: f64 = (0..looped.decisions()).map(|asked| simulation.step(orders(asked)).pod_seconds).sum();
        let shared: f64 = played.windows.iter().map(|window| window.pod_seconds).sum();
        assert!(simulation.is_done() && (billed - shared).abs() < 1e-6 * billed, "{billed} and {shared}, seed {seed}");
    }
}

#[test]
fn a_removed_pod_is_billed_in_the_window_in_which_it_still_works() {
    // The second pod gets 40 s of work at 70 s and is removed at 75 s: billed until 110 s; of the third window nothing.
    let scenario = Scenario { initial_replicas: 2, ..scenario() };
    let script = Script(|asked| if asked == 0 { 2 } else { 1 }, Mutex::default());
    let played = play(&episode(scenario, &[(65.0, 0.1), (70.0, 60.0)]), Player::Policy(&script), 15.0);
    let played = played.expect("a valid period");
    let billed: Vec<f64> = played.windows.iter().map(|window| window.pod_seconds).collect();
    assert_eq!(billed[..3], [120.0, 70.0, 60.0], "until 130 s");
    assert_eq!((played.windows[0].completed, played.windows[1].completed), (1, 1));
    assert!(played.windows[1].violated(2.0) && !played.windows[0].violated(2.0), "charged where it completes");
    assert_eq!((played.windows[0].arrived, played.windows[0].late), (2, 1), "late where it arrived");
}

#[test]
fn checks_of_another_period_pass_through_the_first_decision_and_end_with_the_episode() {
    let episode = episode(scenario(), &[]);
    // (period, first checks, number of decisions)
    let table: [(f64, &[f64], usize); 6] = [
        (60.0, &[0.0, 60.0, 120.0], 9),
        (15.0, &[0.0, 15.0, 30.0, 45.0, 60.0, 75.0], 36),
        (25.0, &[0.0, 35.0, 60.0, 85.0], 22),
        (40.0, &[0.0, 60.0, 100.0], 14),
        (120.0, &[0.0, 60.0, 180.0], 5),
        (2.0, &[0.0, 2.0, 4.0], 270),
    ];
    for (period_s, first, decisions) in table {
        let looped = episode.at_period(period_s, true).expect("a valid period");
        let checks = looped.check_times();
        assert_eq!(&checks[..first.len()], first, "every {period_s} s");
        assert_eq!((looped.decisions(), checks.last()), (decisions, Some(&600.0)), "every {period_s} s");
    }
    for period_s in [0.0, -1.0, f64::NAN, 541.0] {
        let error = episode.at_period(period_s, true).expect_err("out of range").to_string();
        assert!(error.starts_with("scenario: period_s must be above 0 s"), "{error}");
    }
}

#[test]
fn a_steady_clock_neither_jitters_nor_misses() {
    let scenario = Scenario { check_jitter: 0.09, missed_checks: 0.3, ..scenario() };
    let episode = episode(scenario, &[]);
    let begin_s = episode.check_times()[1];
    let gaps = |steady: bool| -> Vec<f64> {
        let looped = episode.at_period(15.0, steady).expect("a valid period");
        let times = looped.check_times().iter().copied().filter(|time| *time >= begin_s).collect::<Vec<_>>();
        let last = times.len() - 1;
        times[..last].windows(2).map(|pair| pair[1] - pair[0]).collect()
    };
    assert!(gaps(true).iter().all(|gap| (gap - 15.0).abs() < 1e-9));
    let loose = gaps(false);
    assert!(loose.iter().any(|gap| *gap > 28.0) && loose.iter().any(|gap| (gap - 15.0).abs() > 1e-3), "{loose:?}");
}

#[test]
fn every_request_is_shown_once_and_counted_where_it_arrived() {
    let load = Profile::new(600.0, vec![3.0]).expect("a load");
    let scenario = Scenario { initial_replicas: 2, metric_lag_s: 7.0, ..Scenario::plain(load, 60.0, 2.0, 4, 0.5) };
    let episode = Arc::new(Episode::draw(scenario, 3).expect("a valid scenario"));
    let controller = HpaController::default();
    let mut served: Vec<Served> = Vec::new();
    let played = play_with(&episode, Player::Controller(&controller), 15.0, |request| served.push(request));
    let played = played.expect("a valid period");
    let arrivals: Vec<f64> = served.iter().map(|served| served.arrival_s).collect();
    assert_eq!(arrivals, episode.arrivals());
    for window in &played.windows {
        let within = |at_s: f64| window.begin_s <= at_s && at_s < window.end_s;
        let arrived = served.iter().filter(|served| within(served.arrival_s));
        assert_eq!(window.arrived, arrived.clone().count() as u64);
        assert_eq!(window.late, arrived.filter(|served| served.response_s > 2.0).count() as u64);
        let completed = served.iter().filter(|served| within(served.arrival_s + served.response_s + 7.0));
        assert_eq!(window.completed, completed.clone().count() as u64, "{window:?}");
        let response_s: f64 = completed.map(|served| served.response_s).sum();
        assert!((window.completed_response_s - response_s).abs() < 1e-9);
    }
}

/// Asks a view at each decision, orders what it is told.
struct Watch<F>(f64, F);

impl<F: Fn(&ClusterView<'_>) -> u32 + Send + Sync> Controller for Watch<F> {
    fn name(&self) -> String {
        "watch".to_owned()
    }

    fn native_period_s(&self) -> f64 {
        self.0
    }

    fn begin(&self) -> Box<dyn FnMut(&ClusterView<'_>) -> u32 + '_> {
        Box::new(&self.1)
    }
}

/// What a question to the view is answered at each decision.
fn watched<T: Send>(
    episode: &Arc<Episode>,
    period_s: f64,
    order: impl Fn(f64) -> u32 + Send + Sync,
    question: impl Fn(&ClusterView<'_>) -> T + Send + Sync,
) -> Vec<(f64, T)> {
    let answers = Mutex::new(Vec::new());
    let watch = Watch(period_s, |view: &ClusterView<'_>| {
        answers.lock().expect("no panic").push((view.now_s, question(view)));
        order(view.now_s)
    });
    play(episode, Player::Controller(&watch), period_s).expect("a valid period");
    answers.into_inner().expect("no panic")
}

#[test]
fn cpu_usage_is_seen_late_and_of_pods_that_were_ready_for_a_whole_sample() {
    // One request of 30 s at 100 s; a second pod is ordered at 60 s and ready at 70 s.
    let episode = episode(scenario(), &[(100.0, 30.0)]);
    let sampling = CpuSampling { window_s: 15.0, age_s: 15.0, request: 0.5 };
    let order = |now_s: f64| if now_s < 180.0 { 2 } else { 1 };
    let seen = watched(&episode, 15.0, order, |view| view.pod_usage(&sampling));
    let at = |second: f64| seen.iter().find(|(now_s, _)| *now_s == second).map(|(_, usage)| *usage).expect("a sync");
    let usage = |usage, ready, unready| PodUsage { usage, request: 0.5, ready, unready, missing: 0 };
    assert_eq!(at(60.0), usage(0.0, 1, 0));
    assert_eq!(at(75.0), usage(0.0, 1, 1), "ready at 70 s, without a sample");
    assert_eq!(at(90.0), usage(0.0, 1, 1), "its sample began at 60 s");
    assert_eq!(at(105.0), usage(0.0, 2, 0), "75 to 90 s");
    assert_eq!(at(120.0), usage(5.0 / 15.0, 2, 0), "100 to 105 s of 90 to 105 s");
    assert_eq!(at(135.0), usage(1.0, 2, 0), "105 to 120 s");
    assert_eq!(at(150.0), usage(10.0 / 15.0, 2, 0), "120 to 130 s of 120 to 135 s");
    assert_eq!(at(195.0), usage(0.0, 1, 0), "a removed pod is ignored");
}

#[test]
fn a_rested_pod_uses_as_much_cpu_in_less_time() {
    let requests: Vec<(f64, f64)> = (60..180).map(|second| (f64::from(second) + 0.5, 0.4)).collect();
    for rested_s in [0.0, 0.1] {
        let episode = episode(Scenario { rested_s, ..scenario() }, &requests);
        let seen = watched(&episode, 15.0, |_| 1, |view| view.pod_usage(&CpuSampling::default()).usage);
        let (_, usage) = seen.iter().find(|(now_s, _)| *now_s == 135.0).expect("a sync");
        assert!((usage - 0.4).abs() < 1e-9, "rested for {rested_s} s: {usage}");
    }
}

#[test]
fn concurrency_counts_requests_that_wait_and_rates_count_arrivals() {
    // Three at once on one pod of 1 s: inside are 3, 2, 1 in the seconds after 60.
    let episode = episode(scenario(), &[(60.0, 1.0), (60.0, 1.0), (60.0, 1.0)]);
    let seen = watched(&episode, 2.0, |_| 1, |view| (view.concurrency(4.0), view.arrival_rate(5.0, 1.0)));
    let at = |second: f64| seen.iter().find(|(now_s, _)| *now_s == second).map(|(_, seen)| *seen).expect("a decision");
    assert_eq!(at(60.0), (Some(0.0), Some(0.0)));
    assert_eq!(at(62.0), (Some(5.0 / 4.0), Some(3.0 / 5.0)), "seconds 58 to 62; 56 to 61");
    assert_eq!(at(64.0), (Some(6.0 / 4.0), Some(3.0 / 5.0)));
    assert_eq!(at(66.0), (Some(1.0 / 4.0), Some(3.0 / 5.0)), "second 62 alone");
    assert_eq!(at(68.0), (Some(0.0), Some(0.0)), "62 to 67");
}

#[test]
fn a_view_shows_what_is_ordered_starting_and_ready() {
    let episode = episode(scenario(), &[]);
    let order = |now_s: f64| if now_s < 90.0 { 3 } else { 2 };
    let seen = watched(&episode, 5.0, order, |view| (view.replicas, view.ready_count(), view.starting));
    let at = |second: f64| seen.iter().find(|(now_s, _)| *now_s == second).map(|(_, seen)| *seen).expect("a decision");
    assert_eq!((at(60.0), at(65.0), at(70.0), at(95.0)), ((1, 1, 0), (3, 1, 2), (3, 3, 0), (2, 2, 0)));
}

#[test]
fn least_connections_take_turns_among_the_idle_and_avoid_the_busy() {
    let scenario = Scenario { routing: Routing::LeastConnections, initial_replicas: 3, ..scenario() };
    // In turn 0, 1, 2. At 62 s pod 0, busy until 70 s, is passed over; at 63.7 s all hold one: 2's turn.
    let requests =
        [(60.0, 10.0), (60.1, 1.0), (60.2, 1.0), (62.0, 1.0), (63.5, 1.0), (63.6, 1.0), (63.7, 1.0), (75.0, 1.0)];
    let mut simulation = Simulation::new(episode(scenario, &requests));
    let mut served = Vec::new();
    simulation.step_with(3, |request| served.push(request.pod));
    assert_eq!(served, [0, 1, 2, 1, 2, 1, 2, 0]);
}

#[test]
fn least_connections_wait_less_than_round_robin_and_more_than_least_work() {
    let load = Profile::new(60_000.0, vec![14.0]).expect("a load");
    let wait = |routing| {
        let scenario = Scenario {
            routing,
            service_times: agent::simulator::ServiceTimes::Exponential,
            initial_replicas: 10,
            ..Scenario::plain(load.clone(), 600.0, 1.0, 10, 0.5)
        };
        let mut simulation = Simulation::new(Arc::new(Episode::draw(scenario, 1).expect("a valid scenario")));
        let (mut wait_s, mut count) = (0.0, 0.0);
        while !simulation.is_done() {
            simulation.step_with(10, |served| {
                wait_s += served.response_s - served.service_s;
                count += 1.0;
            });
        }
        wait_s / count
    };
    let (least_work, least_connections, round_robin, random) =
        (wait(Routing::LeastWork), wait(Routing::LeastConnections), wait(Routing::RoundRobin), wait(Routing::Random));
    println!("{least_work} < {least_connections} < {round_robin} < {random}");
    assert!(1.1 * least_work < least_connections, "{least_work} and {least_connections}");
    assert!(1.1 * least_connections < round_robin, "{least_connections} and {round_robin}");
    assert!(1.1 * round_robin < random, "{round_robin} and {random}");
}

/// Four hours of waves of 40 minutes, 12 to 36 requests/s, on up to 10 pods of 0.2 s that start in 10 s.
fn day(seed: u64) -> Arc<Episode> {
    let rates = (0..240).map(|minute| 24.0 + 12.0 * (f64::from(minute) / 40.0 * std::f64::consts::TAU).sin()).collect();
    let load = Profile::new(60.0, rates).expect("a load");
    let scenario = Scenario { startup_s: 10.0, initial_replicas: 5, ..Scenario::plain(load, 60.0, 0.5, 10, 0.2) };
    Arc::new(Episode::draw(scenario, seed).expect("a valid scenario"))
}

#[test]
fn every_law_serves_a_day_at_its_own_period_for_fewer_pods_than_all() {
    let episode = day(1);
    for family in RuleFamily::ALL.into_iter().filter(|family| *family != RuleFamily::Static) {
        let rule = family.rule(&family.start(), episode.scenario());
        let period_s = rule.native_period_s(60.0);
        let totals = play(&episode, rule.player(), period_s).expect("a valid period").totals;
        let share = totals.pod_share / totals.checks as f64;
        println!(
            "{:14} every {period_s:2} s: {:.1} % violate, {:.1} % of the pods, {} actions",
            family.name(),
            100.0 * totals.violation_share(),
            100.0 * share,
            totals.actions
        );
        assert_eq!(
            (totals.checks, totals.requests),
            (239, day(1).arrivals().iter().filter(|t| **t >= 60.0).count() as u64)
        );
        assert!(share < 0.95 && totals.violation_share() < 0.15, "{}: {totals:?}", family.name());
    }
}

#[test]
fn a_faster_loop_of_the_same_law_violates_less() {
    let totals = |period_s: f64| {
        let kpa = Kpa { utilization: 0.95, ..Kpa::default() };
        let played = (0..3).map(|seed| play(&day(seed), Player::Controller(&kpa), period_s).expect("a valid period"));
        played.map(|played| played.totals.smooth_violation).sum::<f64>()
    };
    let (two, sixty) = (totals(2.0), totals(60.0));
    assert!(two < 0.8 * sixty, "every 2 s {two}, every 60 s {sixty}");
}
