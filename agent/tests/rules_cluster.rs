//! The cluster's own autoscalers against worked examples of their laws.

use agent::rules::{
    Amount, Direction, Fallback, FallbackBehavior, Keda, KedaMemory, Kpa, KpaMemory, Phpa, PhpaMemory, RatePolicy,
    Scaling, ScalingMemory, Select, on_average_value, on_utilization,
};
use agent::simulator::PodUsage;

fn pods(usage: f64, request: f64, ready: u32) -> PodUsage {
    PodUsage { usage, request, ready, unready: 0, missing: 0 }
}

#[test]
fn hpa_recommends_by_a_ratio_of_sums_in_whole_percents() {
    let ten = |percent: f64| pods(10.0 * percent / 100.0, 1.0, 10);
    // (case, replicas, pods, target %, recommendation)
    let table = [
        ("4000m of 1000m: u 400, rho 5", 1, pods(4000.0, 1000.0, 1), 80, Some(5)),
        ("u 88: rho 1.1 is tolerated", 10, ten(88.0), 80, Some(10)),
        ("u 89", 10, ten(89.0), 80, Some(12)),
        ("u 72: rho 0.9 is tolerated", 10, ten(72.0), 80, Some(10)),
        ("u 71", 10, ten(71.0), 80, Some(9)),
        ("5599m in all: u 55, not 55.99", 10, pods(5599.0, 1000.0, 10), 50, Some(10)),
        ("5600m in all: u 56, rho 1.12", 10, pods(5600.0, 1000.0, 10), 50, Some(12)),
        ("a request of half of what is used doubles the utilization", 4, pods(3.0, 0.5, 4), 75, Some(8)),
        ("idle", 10, ten(0.0), 80, Some(0)),
        ("no sample of a ready pod: no metric", 3, pods(0.0, 1.0, 0), 80, None),
        ("ready pods count, not replicas: 5 x 1.5", 7, pods(6.0, 1.0, 5), 80, Some(8)),
    ];
    for (case, replicas, pods, target, expected) in table {
        assert_eq!(on_utilization(replicas, &pods, target), expected, "{case}");
    }
}

#[test]
fn hpa_lets_missing_and_unready_pods_dampen_and_never_turn_around() {
    // (case, replicas, ready's usage in pods, ready, unready, missing, target %, recommendation)
    let table = [
        ("unready count as idle on the way up: 400 / 5 = 80", 5, 4.0, 4, 1, 0, 80, 5),
        ("and dampen: 400 / 5 = 80 of 50, 1.6 x 5", 5, 4.0, 4, 1, 0, 50, 8),
        ("but turn nothing around: 400 / 8 = 50 of 80", 8, 4.0, 4, 4, 0, 80, 8),
        ("unready do not matter on the way down: 50 of 80, 0.625 x 4", 6, 2.0, 4, 2, 0, 80, 3),
        ("missing count as idle on the way up: 400 / 5 = 80", 5, 4.0, 4, 0, 1, 50, 8),
        ("missing count as 100 % on the way down: (1 + 2) / 6 = 50 of 80, 0.625 x 6", 6, 1.0, 4, 0, 2, 80, 4),
        ("or as the target above it: (1 + 2 x 1.5) / 6 = 66 of 150, 0.44 x 6", 6, 1.0, 4, 0, 2, 150, 3),
        ("which may keep everything: (2 + 3) / 6 = 83 of 80", 6, 2.0, 3, 0, 3, 80, 6),
        ("with both: 300 / 6 = 50 of 40, 1.25 x 6", 6, 3.0, 3, 2, 1, 40, 8),
        ("on target with one missing, which then does not count: 320 / 4 = 80", 5, 3.2, 4, 0, 1, 80, 5),
        ("a rise that would be fewer than there are: 1.5 x 4", 9, 4.8, 4, 0, 0, 80, 6),
        ("not when dampened: 480 / 5 = 96 of 80, 1.2 x 5", 9, 4.8, 4, 1, 0, 80, 9),
    ];
    for (case, replicas, usage, ready, unready, missing, target, expected) in table {
        let pods = PodUsage { usage, request: 1.0, ready, unready, missing };
        assert_eq!(on_utilization(replicas, &pods, target), Some(expected), "{case}");
    }
}

#[test]
fn an_average_value_is_divided_among_the_replicas() {
    for (metric, expected) in [(105.0, 10), (110.0, 10), (111.0, 12), (91.0, 10), (90.0, 10), (89.0, 9), (0.0, 0)] {
        assert_eq!(on_average_value(10, metric, 10.0), expected, "{metric} for 10 a replica, 10 replicas");
    }
}

/// Replicas after each sync of a loop whose orders take effect at once.
fn loop_of(scaling: &Scaling, begin: u32, period_s: f64, max: u32, raw: &[u32]) -> Vec<u32> {
    let (mut memory, mut replicas) = (ScalingMemory::default(), begin);
    let step = |(sync, raw): (usize, &u32)| {
        replicas = scaling.next(&mut memory, period_s * sync as f64, replicas, Some(*raw), (1, max));
        replicas
    };
    raw.iter().enumerate().map(step).collect()
}

#[test]
fn hpa_scales_out_as_fast_as_its_limits_allow() {
    assert_eq!(loop_of(&Scaling::plain(), 1, 15.0, 100, &[40; 6]), [4, 8, 16, 32, 40, 40], "no behavior");
    assert_eq!(loop_of(&Scaling::behavior(), 1, 15.0, 100, &[40; 6]), [5, 10, 20, 40, 40, 40], "behavior");
    assert_eq!(loop_of(&Scaling::behavior(), 1, 15.0, 12, &[40; 3]), [5, 10, 12], "not above the maximum");
    // At 5 s a sync the 4 pods added at 0 s are in the period until 15 s.
    assert_eq!(loop_of(&Scaling::behavior(), 1, 5.0, 100, &[40; 5]), [5, 5, 5, 10, 10], "events are remembered");
}

#[test]
fn hpa_scales_in_when_the_whole_window_agrees() {
    for (scaling, held_until_s) in [(Scaling::plain(), 315), (Scaling::behavior(), 300)] {
        let orders = loop_of(&scaling, 10, 15.0, 100, &[3; 30]);
        let held = orders.iter().take_while(|replicas| **replicas == 10).count();
        assert_eq!(15 * held, held_until_s, "{scaling:?}: {orders:?}");
        assert!(orders[held..].iter().all(|replicas| *replicas == 3), "in one step: {orders:?}");
    }
    let mut raw = [3; 30];
    raw[10] = 8;
    let orders = loop_of(&Scaling::plain(), 10, 15.0, 100, &raw);
    assert_eq!(orders[21..], [8, 8, 8, 8, 8, 8, 8, 8, 8], "a recommendation of 150 s counts until 450 s: {orders:?}");
}

fn direction(select: Select, stabilization_s: f64, policies: &[(Amount, f64)]) -> Direction {
    let policies = policies.iter().map(|&(amount, period_s)| RatePolicy { amount, period_s }).collect();
    Direction { stabilization_s, select, policies }
}

#[test]
fn hpa_behavior_limits_rates_in_both_directions() {
    use Amount::{Percent, Pods};
    let free = || direction(Select::Max, 0.0, &[]);
    // (case, up, down, begin, recommendations every 15 s, replicas)
    let table = [
        (
            "10 % of 72 and of what is left: removals are rounded up",
            free(),
            direction(Select::Max, 0.0, &[(Percent(10), 15.0)]),
            72,
            vec![1; 3],
            vec![64, 57, 51],
        ),
        (
            "5 pods in 60 s",
            free(),
            direction(Select::Max, 0.0, &[(Pods(5), 60.0)]),
            20,
            vec![1; 6],
            vec![15, 15, 15, 15, 10, 10],
        ),
        (
            "the larger removal",
            free(),
            direction(Select::Max, 0.0, &[(Pods(5), 15.0), (Percent(50), 15.0)]),
            20,
            vec![1; 3],
            vec![10, 5, 1],
        ),
        (
            "the smaller removal",
            free(),
            direction(Select::Min, 0.0, &[(Pods(5), 15.0), (Percent(50), 15.0)]),
            20,
            vec![1; 4],
            vec![15, 10, 5, 2],
        ),
        ("no scale-in", free(), direction(Select::Disabled, 0.0, &[]), 20, vec![1, 30, 1], vec![20, 30, 30]),
        ("no scale-out", direction(Select::Disabled, 0.0, &[]), free(), 20, vec![30, 1, 30], vec![20, 1, 1]),
        (
            "the smaller addition",
            direction(Select::Min, 0.0, &[(Pods(4), 15.0), (Percent(100), 15.0)]),
            free(),
            2,
            vec![50; 3],
            vec![4, 8, 12],
        ),
        (
            "up only to what the last 45 s agree on",
            direction(Select::Max, 45.0, &[]),
            free(),
            2,
            vec![9, 7, 8, 9, 9],
            vec![2, 2, 2, 7, 8],
        ),
        (
            "pods removed in the period may come back",
            direction(Select::Max, 0.0, &[(Pods(2), 60.0)]),
            free(),
            10,
            vec![4, 20, 20],
            vec![4, 12, 12],
        ),
    ];
    for (case, up, down, begin, raw, expected) in table {
        assert_eq!(loop_of(&Scaling::Behavior { up, down }, begin, 15.0, 100, &raw), expected, "{case}");
    }
}

#[test]
fn hpa_is_off_at_zero_and_returns_into_its_bounds_without_a_metric() {
    for scaling in [Scaling::plain(), Scaling::behavior()] {
        for (case, replicas, recommended, expected) in [
            ("off", 0, Some(9), 0),
            ("above", 50, Some(50), 20),
            ("above, without a metric", 50, None, 20),
            ("below", 1, None, 2),
            ("no metric, no change", 7, None, 7),
            ("at least the minimum", 2, Some(0), 2),
        ] {
            let next = scaling.next(&mut ScalingMemory::default(), 0.0, replicas, recommended, (2, 20));
            assert_eq!(next, expected, "{case}: {scaling:?}");
        }
    }
}

#[test]
fn phpa_limits_by_the_minute_and_orders_ahead_of_a_line() {
    let phpa = Phpa { look_ahead_s: 0.0, ..Phpa::default() };
    let mut memory = PhpaMemory::default();
    let mut replicas = 1;
    let mut order = |memory: &mut PhpaMemory, phpa: &Phpa, now_s: f64, raw: u32| {
        replicas = phpa.decide(memory, now_s, replicas, Some(raw), (1, 100));
        replicas
    };
    let orders: Vec<u32> = (0..13).map(|sync| order(&mut memory, &phpa, 15.0 * f64::from(sync), 40)).collect();
    assert_eq!(orders, [5, 5, 5, 5, 10, 10, 10, 10, 20, 20, 20, 20, 40]);

    let scaling = Scaling::Behavior { up: direction(Select::Max, 0.0, &[]), down: direction(Select::Max, 0.0, &[]) };
    let phpa = Phpa { look_ahead_s: 30.0, history: 3, scaling, ..Phpa::default() };
    // (case, recommendations every 15 s, last order)
    let table = [
        ("one point is itself", vec![4], 4),
        ("2, 4, 6 goes on to 10", vec![2, 4, 6], 10),
        ("older points are forgotten", vec![50, 2, 4, 6], 10),
        ("2, 2, 3: 7/3 + 1/2 x 3 = 3.83", vec![2, 2, 3], 4),
        ("a fall is not followed ahead of the recommendation", vec![6, 4, 2], 2),
    ];
    for (case, raw, expected) in table {
        let mut memory = PhpaMemory::default();
        let orders = (0..)
            .zip(&raw)
            .map(|(sync, &raw)| phpa.decide(&mut memory, 15.0 * f64::from(sync), 3, Some(raw), (1, 100)));
        assert_eq!(orders.last(), Some(expected), "{case}");
    }
    assert_eq!(phpa.decide(&mut PhpaMemory::default(), 0.0, 3, None, (1, 100)), 3, "no metric, no change");
}

#[test]
fn keda_follows_the_rate_as_an_external_metric() {
    let keda = Keda { threshold_rps: 10.0, scaling: Scaling::plain(), ..Keda::default() };
    for (rate, expected) in [(105.0, 10), (111.0, 12), (400.0, 20), (91.0, 10)] {
        let next = keda.decide(&mut KedaMemory::default(), 0.0, 10, Some(rate), (1, 100));
        assert_eq!(next, expected, "{rate} requests/s, at most twice as many");
    }
    let mut memory = KedaMemory::default();
    let orders: Vec<u32> =
        (0..22).map(|sync| keda.decide(&mut memory, 15.0 * f64::from(sync), 10, Some(89.0), (1, 100))).collect();
    assert_eq!((orders[20], orders[21]), (10, 9), "scale-in waits for the window");
}

#[test]
fn keda_switches_between_none_and_one_by_its_own_poll_and_cooldown() {
    let keda = Keda { activation_rps: 2.0, ..Keda::default() };
    let mut memory = KedaMemory::default();
    // (seconds, replicas, requests/s, next)
    let script = [
        (0.0, 0, Some(2.0), 0, "not above the activation threshold"),
        (15.0, 0, Some(9.0), 0, "active between two polls"),
        (30.0, 0, Some(9.0), 1, "active at a poll"),
        (60.0, 5, Some(0.0), 5, "idle, cooling down"),
        (330.0, 5, Some(1.0), 5, "300 s after the last activity, not more; scale-in waits too"),
        (345.0, 5, Some(1.0), 5, "between two polls"),
        (360.0, 5, Some(1.0), 0, "from 5 to 0, past all policies"),
        (390.0, 0, None, 0, "a query that fails wakes nobody"),
        (420.0, 0, Some(3.0), 1, "active again"),
    ];
    for (now_s, replicas, rate, expected, case) in script {
        assert_eq!(keda.decide(&mut memory, now_s, replicas, rate, (0, 10)), expected, "{case} at {now_s} s");
    }
    let kept = keda.decide(&mut KedaMemory::default(), 0.0, 1, Some(0.0), (1, 10));
    assert_eq!(kept, 1, "a minimum of 1 is kept");
}

#[test]
fn keda_falls_back_after_failures_in_a_row() {
    use FallbackBehavior::{CurrentReplicas, CurrentReplicasIfHigher, CurrentReplicasIfLower, Static};
    for (behavior, replicas, expected) in [
        (Static, 4, 8),
        (Static, 10, 8),
        (CurrentReplicas, 4, 4),
        (CurrentReplicasIfHigher, 4, 8),
        (CurrentReplicasIfHigher, 10, 10),
        (CurrentReplicasIfLower, 4, 4),
        (CurrentReplicasIfLower, 10, 8),
    ] {
        let fallback = Some(Fallback { failure_threshold: 2, replicas: 8, behavior });
        let scaling =
            Scaling::Behavior { up: direction(Select::Max, 0.0, &[]), down: direction(Select::Max, 0.0, &[]) };
        let keda = Keda { fallback, scaling, ..Keda::default() };
        let mut memory = KedaMemory::default();
        let mut next = |sync: u32, rate| keda.decide(&mut memory, 15.0 * f64::from(sync), replicas, rate, (1, 100));
        assert_eq!((next(0, None), next(1, None)), (replicas, replicas), "{behavior:?}: two failures change nothing");
        assert_eq!(next(2, None), expected, "{behavior:?}: the third falls back from {replicas}");
        assert_eq!(next(3, Some(30.0)), 3, "an answer ends it");
        assert_eq!(next(4, None), replicas, "and the failures count anew");
    }
}

/// One decision of a loop that was not panicking.
fn kpa_decision(kpa: &Kpa, ready: u32, stable: f64, panic: f64) -> (u32, bool) {
    let mut memory = KpaMemory::default();
    // The first decision, of one pod, ends any panic of a restart.
    kpa.decide(&mut memory, 0.0, 1, 0.0, 0.0);
    let pods = kpa.decide(&mut memory, 100.0, ready, stable, panic);
    // In panic a quiet moment later nothing is given up.
    (pods, kpa.decide(&mut memory, 102.0, pods, 0.0, 0.0) == pods)
}

#[test]
fn kpa_decides_as_in_the_worked_examples() {
    let hundred = Kpa { total: 100.0, ..Kpa::default() };
    let slow = Kpa { total: 1.0, utilization: 1.0, max_up_rate: 1.1, ..Kpa::default() };
    assert_eq!((hundred.target(), Kpa::default().target()), (70.0, 0.7));
    // (case, kpa, ready, S, P, pods, panics)
    let table = [
        ("S 100, P 350: 5 / 2 >= 2", hundred, 2, 100.0, 350.0, 5, true),
        ("wants 1 of 10: floor(10 / 2)", hundred, 10, 70.0, 70.0, 5, false),
        ("the ceil guarantees one step", slow, 2, 3.0, 3.0, 3, false),
        ("one slot a pod: 2 / 0.7", Kpa::default(), 2, 2.0, 2.0, 3, false),
        ("the bound is of ready pods: 2.2 of them", slow, 2, 20.0, 20.0, 3, true),
    ];
    for (case, kpa, ready, stable, panic, pods, panics) in table {
        assert_eq!(kpa_decision(&kpa, ready, stable, panic), (pods, panics), "{case}");
    }
    assert_eq!((hundred.excess_burst_capacity(3, 50.0), hundred.excess_burst_capacity(2, 50.0)), (39.0, -61.0));
}

#[test]
fn kpa_gives_up_nothing_in_panic_and_ends_it_a_stable_window_after_the_last_need() {
    let kpa = Kpa::default();
    let mut memory = KpaMemory::default();
    let mut at = |now_s: f64, ready, stable, panic| kpa.decide(&mut memory, now_s, ready, stable, panic);
    assert_eq!(at(0.0, 1, 0.7, 0.7), 1);
    assert_eq!(at(2.0, 1, 1.4, 2.8), 4, "4 of 1 is panic: the short window counts");
    assert_eq!(at(4.0, 4, 2.0, 2.0), 4, "not over any more, nothing is given up");
    assert_eq!(at(6.0, 4, 3.4, 4.1), 6, "more is taken");
    assert_eq!(at(62.0, 6, 0.7, 0.7), 6, "60 s after the last need, not more");
    assert_eq!(at(64.0, 6, 0.7, 0.7), 3, "over: at most halved");
}

#[test]
fn kpa_restarts_in_panic_at_its_size_and_delays_scale_in_when_told_to() {
    let mut memory = KpaMemory::default();
    let mut at = |now_s: f64| Kpa::default().decide(&mut memory, now_s, 5, 0.7, 0.7);
    assert_eq!((at(0.0), at(60.0), at(62.0)), (5, 5, 2));
    let kpa = Kpa { down_delay_s: 30.0, ..Kpa::default() };
    let mut memory = KpaMemory::default();
    let mut at = |now_s: f64, stable| kpa.decide(&mut memory, now_s, 3, stable, stable);
    at(0.0, 2.0);
    assert_eq!((at(100.0, 2.0), at(128.0, 1.4), at(130.0, 1.4)), (3, 3, 2), "the highest wish of 30 s");
}
