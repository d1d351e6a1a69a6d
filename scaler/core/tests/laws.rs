//! The formulas against hand-worked numbers, and the laws that hold for every input.

use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use scaler_core::request_time::{RequestTimeError, format_request_time, parse_request_time};
use scaler_core::{
    Bounds, Limit, Mode, Observation, PodSums, Reason, RecordName, RequestRecord, WindowLength, WindowMetrics, Wish,
    observe, plan, window_length,
};

fn at(seconds: f64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros((seconds * 1e6).round() as i64).expect("a time in range")
}

fn pod(requests: &[(f64, f64)]) -> PodSums {
    let mut sums = PodSums::default();
    for &(service, response) in requests {
        sums.add_times(service, response);
    }
    sums
}

fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("positive")
}

fn bounds(min: u32, max: u32) -> Bounds {
    Bounds::new(count(min), count(max)).expect("min <= max")
}

#[test]
fn the_figures_of_a_window_are_those_worked_by_hand() {
    // Pod a: S 0.1 and 0.3, R 0.2 and 0.6: mean R 0.4, waits (1 + 1) / 2 = 1.
    // Pod b: S 0.2, R 0.9: mean R 0.9, the dominant one, wait 3.5.
    let metrics = WindowMetrics::from_pods(&[pod(&[(0.1, 0.2), (0.3, 0.6)]), pod(&[(0.2, 0.9)])], 10.0);
    assert_eq!(metrics.requests, 3);
    assert!((metrics.avg_response_time_s - 1.7 / 3.0).abs() < 1e-12);
    assert!((metrics.avg_service_time_s - 0.2).abs() < 1e-12);
    assert!((metrics.queue_length_dominant - 3.5).abs() < 1e-12);
    assert!((metrics.workload - 0.3).abs() < 1e-12);

    let observation = observe(&metrics, 2, 0.5);
    assert!((observation.pressure - 1.7 / 1.5).abs() < 1e-12);
    assert!((observation.utilization - 0.03).abs() < 1e-12, "(0.2 * 0.2 + 0.1 * 0.2) / 2");
    assert!((observation.offered_load() - 0.06).abs() < 1e-12);
}

#[test]
fn a_window_without_records_is_all_zero() {
    for pods in [vec![], vec![PodSums::default(); 3]] {
        let observation = observe(&WindowMetrics::from_pods(&pods, 60.0), 3, 0.5);
        let zero =
            Observation { n_instances: 3, pressure: 0.0, queue_length_dominant: 0.0, utilization: 0.0, workload: 0.0 };
        assert_eq!(observation, zero);
    }
}

#[test]
fn a_window_is_believed_between_half_and_two_and_a_half_intervals() {
    let cases = [
        ("no check before", None, (60.0, WindowLength::NoPreviousClaim)),
        ("as planned", Some(59.2), (59.2, WindowLength::PreviousClaim)),
        ("half an interval", Some(30.0), (30.0, WindowLength::PreviousClaim)),
        ("below half", Some(29.9), (60.0, WindowLength::OutOfRange)),
        ("one missed", Some(120.0), (120.0, WindowLength::PreviousClaim)),
        ("two and a half", Some(150.0), (150.0, WindowLength::PreviousClaim)),
        ("a night", Some(30_000.0), (60.0, WindowLength::OutOfRange)),
        ("the clock was set back", Some(-5.0), (60.0, WindowLength::OutOfRange)),
        ("no number", Some(f64::NAN), (60.0, WindowLength::OutOfRange)),
    ];
    for (case, since, expected) in cases {
        assert_eq!(window_length(since, 60.0), expected, "{case}");
    }
}

#[test]
fn a_plan_clamps_and_says_why() {
    use Reason::{AgentDeclined, AgentSilent, ScaleIn, ScaleOut, Shadow, Unchanged};
    let wish = |n| Wish::Replicas(count(n));
    let cases = [
        ("more", 2, wish(4), Mode::Auto, (Some(4), ScaleOut, None)),
        ("fewer", 5, wish(4), Mode::Auto, (Some(4), ScaleIn, None)),
        ("the same", 4, wish(4), Mode::Auto, (None, Unchanged, None)),
        ("above the maximum", 2, wish(99), Mode::Auto, (Some(6), ScaleOut, Some(Limit::MaxReplicas))),
        ("below the minimum", 4, wish(1), Mode::Auto, (Some(2), ScaleIn, Some(Limit::MinReplicas))),
        ("clamped to what is there", 6, wish(99), Mode::Auto, (None, Unchanged, Some(Limit::MaxReplicas))),
        ("only watching", 2, wish(4), Mode::Shadow, (None, Shadow, None)),
        ("only watching, no change", 4, wish(4), Mode::Shadow, (None, Unchanged, None)),
        ("declined", 2, Wish::Declined, Mode::Auto, (None, AgentDeclined, None)),
        ("silent", 2, Wish::NoAnswer, Mode::Auto, (None, AgentSilent, None)),
    ];
    for (case, ordered, wish, mode, expected) in cases {
        let plan = plan(ordered, wish, bounds(2, 6), mode);
        assert_eq!((plan.order.map(NonZeroU32::get), plan.reason, plan.limit), expected, "{case}");
    }
}

#[test]
fn bounds_that_contradict_are_refused_with_both_values() {
    let error = Bounds::new(count(7), count(6)).expect_err("7 > 6").to_string();
    assert_eq!(error, "MIN_REPLICAS (7) is above MAX_REPLICAS (6)");
}

#[test]
fn a_record_name_splits_at_the_first_underscore() {
    let name: RecordName = "matrix-multiply-d847c46c7-kqbdg_2026.01.31_23:59:59.000001.json".parse().expect("good");
    assert_eq!(name.pod(), "matrix-multiply-d847c46c7-kqbdg");
    assert_eq!(name.arrival().to_rfc3339(), "2026-01-31T23:59:59.000001+00:00");
    let whole_seconds: RecordName =
        "pod_2026.01.31_23:59:59.json".parse().expect("another writer's, without a fraction");
    assert_eq!(whole_seconds.arrival().timestamp_subsec_micros(), 0);
    let cases = [
        ("no extension", "pod_2026.01.31_23:59:59.000001"),
        ("half written", ".pod_2026.01.31_23:59:59.000001.json.tmp"),
        ("no pod", "_2026.01.31_23:59:59.000001.json"),
        ("no underscore", "pod.json"),
        ("no time", "pod_.json"),
        ("no such day", "pod_2026.02.30_23:59:59.000001.json"),
        ("a folder in the pod", "../pod_2026.01.31_23:59:59.000001.json"),
    ];
    for (case, text) in cases {
        assert!(text.parse::<RecordName>().is_err(), "{case}: {text:?} is taken for a record");
    }
}

#[test]
fn records_with_times_that_no_formula_takes_are_refused() {
    let cases = [
        ("served in no time", 0.0, 1.0, "\"Service Time\""),
        ("served before it came", -0.1, 1.0, "\"Service Time\""),
        ("served for ever", f64::INFINITY, 1.0, "\"Service Time\""),
        ("no service time", f64::NAN, 1.0, "\"Service Time\""),
        ("answered before it came", 0.1, -1.0, "\"Response Time\""),
        ("answered never", 0.1, f64::INFINITY, "\"Response Time\""),
    ];
    for (case, service_time_s, response_time_s, field) in cases {
        let error = RequestRecord { service_time_s, response_time_s, request_id: None }.validate().expect_err(case);
        assert!(error.to_string().contains(field), "{case}: {error}");
    }
}

#[test]
fn an_ingress_stamp_is_read_in_every_unit_and_refused_when_no_request_can_have_it() {
    let now = at(1_770_000_000.5);
    let good = [
        ("ours", "t=1770000000.123", 1_770_000_000.123),
        ("without t=", "1770000000.123", 1_770_000_000.123),
        ("leading zeros of the milliseconds", "t=1770000000.007", 1_770_000_000.007),
        ("milliseconds", "t=1770000000123", 1_770_000_000.123),
        ("microseconds", "t=1770000000123456", 1_770_000_000.123_456),
        ("just now", "t=1770000000.500", 1_770_000_000.5),
        ("an hour ago", "t=1769996400.5", 1_769_996_400.5),
    ];
    for (case, header, expected) in good {
        assert_eq!(parse_request_time(header, now), Ok(at(expected)), "{case}");
    }
    type Kind = fn(String) -> RequestTimeError;
    let bad: [(&str, &str, Kind); 9] = [
        ("empty", "", RequestTimeError::Unparsable),
        ("words", "t=yesterday", RequestTimeError::Unparsable),
        ("negative", "t=-1770000000.1", RequestTimeError::Unparsable),
        ("not a number", "t=NaN", RequestTimeError::Unparsable),
        ("exponent", "t=1.77e9", RequestTimeError::Unparsable),
        ("two points", "t=1770000000.1.2", RequestTimeError::Unparsable),
        ("in the future", "t=1770000000.501", RequestTimeError::Future),
        ("more than an hour old", "t=1769996400.499", RequestTimeError::TooOld),
        ("1970", "t=0", RequestTimeError::TooOld),
    ];
    for (case, header, kind) in bad {
        assert_eq!(parse_request_time(header, now), Err(kind(header.to_owned())), "{case}");
    }
}

fn records() -> impl Strategy<Value = Vec<(usize, f64, f64)>> {
    prop::collection::vec((0..4_usize, 1e-4..10.0, 0.0..100.0), 1..200)
}

fn metrics_of(records: &[(usize, f64, f64)]) -> WindowMetrics {
    let mut pods = [PodSums::default(); 4];
    for &(pod, service, wait) in records {
        pods[pod].add_times(service, service + wait);
    }
    WindowMetrics::from_pods(&pods, 60.0)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

proptest! {
    #[test]
    fn the_order_of_records_is_irrelevant(mut list in records(), seed in any::<u64>()) {
        let before = metrics_of(&list);
        let len = list.len() as u64;
        for i in (1..list.len()).rev() {
            list.swap(i, (seed.wrapping_mul(i as u64 + len) % (i as u64 + 1)) as usize);
        }
        let after = metrics_of(&list);
        prop_assert_eq!(before.requests, after.requests);
        prop_assert!(close(before.avg_response_time_s, after.avg_response_time_s));
        prop_assert!(close(before.queue_length_dominant, after.queue_length_dominant));
        prop_assert!(close(before.busy_slots, after.busy_slots));
    }

    #[test]
    fn offered_load_is_workload_times_mean_service(list in records(), n in 1..50_u32) {
        let metrics = metrics_of(&list);
        let observation = observe(&metrics, n, 0.5);
        prop_assert!(close(observation.offered_load(), metrics.workload * metrics.avg_service_time_s));
        prop_assert!(observation.validate().is_ok());
    }

    #[test]
    fn a_plan_is_within_its_bounds_and_orders_only_changes(
        ordered in 0..100_u32, wish in 1..u32::MAX, min in 1..50_u32, more in 0..50_u32,
    ) {
        let bounds = bounds(min, min + more);
        let plan = plan(ordered, Wish::Replicas(count(wish)), bounds, Mode::Auto);
        if let Some(order) = plan.order {
            prop_assert!((bounds.min()..=bounds.max()).contains(&order.get()));
            prop_assert_ne!(order.get(), ordered);
        } else {
            prop_assert_eq!(wish.clamp(bounds.min(), bounds.max()), ordered);
        }
    }

    #[test]
    fn a_record_name_round_trips(micros in 0..4_000_000_000_000_000_i64, pod in "[a-z][a-z0-9-]{0,40}") {
        let name = RecordName::new(&pod, at(0.0) + TimeDelta::microseconds(micros)).expect("a good pod name");
        prop_assert_eq!(name.to_string().parse::<RecordName>(), Ok(name));
    }

    #[test]
    fn an_ingress_stamp_round_trips_to_the_millisecond(millis in 1_000_000_000_000..4_000_000_000_000_i64) {
        let time = DateTime::from_timestamp_millis(millis).expect("in range");
        prop_assert_eq!(parse_request_time(&format_request_time(time), time), Ok(time));
    }

    #[test]
    fn a_record_round_trips_bit_for_bit(service in 1e-9..1e6_f64, response in 0.0..1e6_f64) {
        let record = RequestRecord { service_time_s: service, response_time_s: response, request_id: None };
        let text = serde_json::to_string(&record).expect("finite");
        prop_assert_eq!(serde_json::from_str::<RequestRecord>(&text).expect("our own"), record);
    }
}
