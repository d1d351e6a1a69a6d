//! The law of the window of counters: who is counted from when to when, and that windows join.

use std::collections::BTreeMap;

use proptest::prelude::*;
use scaler_core::scrape::{
    Coverage, Figure, PodError, PodWindow, Sample, Series, Since, pod_windows, recent_windows, window_seconds,
};
use scaler_core::{PodSums, WindowMetrics};

const POD: &str = "pod-a";

/// Of each request S = 0.1 s, R = 0.3 s, (R - S) / S = 2.
const TIMES: [(Figure, f64); 3] =
    [(Figure::ServiceTime, 0.1), (Figure::ResponseTime, 0.3), (Figure::RelativeWait, 2.0)];

fn series(figure: Figure, pod: &str, samples: &[(i64, f64)]) -> Series {
    let samples = samples.iter().map(|&(s, value)| Sample { at_ms: s * 1000, value }).collect();
    Series { figure, pod: pod.to_owned(), job: "pods".to_owned(), samples }
}

/// The series of a pod whose requests are counted at these seconds.
fn pod(name: &str, counts: &[(i64, f64)], start_s: Option<f64>) -> Vec<Series> {
    let scaled = |factor: f64| counts.iter().map(|&(s, count)| (s, count * factor)).collect::<Vec<_>>();
    let mut all = vec![series(Figure::Requests, name, counts)];
    all.extend(TIMES.map(|(figure, each)| series(figure, name, &scaled(each))));
    all.extend(
        start_s.map(|start| series(Figure::Start, name, &counts.iter().map(|&(s, _)| (s, start)).collect::<Vec<_>>())),
    );
    all
}

fn only(windows: &BTreeMap<String, Result<PodWindow, PodError>>) -> Result<PodWindow, PodError> {
    let [(_, window)] = windows.iter().collect::<Vec<_>>().try_into().expect("one pod");
    window.clone()
}

/// The check before was at 100 s; it had seen the pod up to 98 s, or not at all.
const AT_S: i64 = 100;
const SEEN: Option<i64> = Some(98);

struct Case {
    what: &'static str,
    counts: &'static [(i64, f64)],
    start_s: Option<f64>,
    seen_s: Option<i64>,
    count: u64,
    coverage: Coverage,
}

#[test]
fn each_pod_is_counted_from_where_the_check_before_stopped() {
    use Coverage::{Nothing, Seconds, SinceItsStart};
    let case = |what, counts, start_s, seen_s, count, coverage| Case { what, counts, start_s, seen_s, count, coverage };
    let cases = [
        case("from sample to sample", &[(83, 5.0), (98, 7.0), (113, 9.0), (158, 20.0)], None, SEEN, 13, Seconds(60.0)),
        case("no requests: known, and none", &[(98, 7.0), (113, 7.0), (158, 7.0)], None, SEEN, 0, Seconds(60.0)),
        case("no new sample: not known", &[(83, 5.0), (98, 7.0)], None, SEEN, 0, Nothing),
        case("a sample came in late", &[(83, 5.0), (98, 7.0), (99, 9.0), (158, 20.0)], None, SEEN, 13, Seconds(60.0)),
        case("other samples than before", &[(80, 5.0), (95, 7.0), (155, 20.0)], None, SEEN, 13, Seconds(60.0)),
        case("new in the window", &[(128, 4.0), (158, 20.0)], Some(120.0), None, 20, SinceItsStart),
        case("new, and scraped once", &[(158, 4.0)], Some(150.0), None, 4, SinceItsStart),
        case("began before the last check, unseen", &[(104, 6.0), (158, 20.0)], Some(95.0), None, 20, SinceItsStart),
        case("old and never seen", &[(104, 600.0), (158, 620.0)], Some(10.0), None, 20, Seconds(54.0)),
        case("old, never seen, one sample", &[(104, 600.0)], Some(10.0), None, 0, Nothing),
        case("seen first, its start unknown", &[(104, 6.0), (158, 20.0)], None, None, 14, Seconds(54.0)),
        case("young, seen, samples lost", &[(140, 9.0), (158, 20.0)], Some(95.0), SEEN, 11, Seconds(18.0)),
        case("ended in the window", &[(98, 7.0), (113, 9.0), (128, 12.0)], None, SEEN, 5, Seconds(30.0)),
        case("restarted", &[(98, 70.0), (113, 75.0), (128, 2.0), (158, 6.0)], None, SEEN, 11, Seconds(60.0)),
        case("restarted twice", &[(98, 70.0), (113, 3.0), (128, 2.0), (158, 6.0)], None, SEEN, 9, Seconds(60.0)),
        case("restarted before", &[(83, 90.0), (98, 7.0), (158, 20.0)], None, SEEN, 13, Seconds(60.0)),
        case("came back to 0", &[(98, 7.0), (158, 0.0)], None, SEEN, 0, Seconds(60.0)),
    ];
    println!("{:<38} {:>6}  covers", "a pod", "counts");
    for Case { what, counts, start_s, seen_s, count, coverage } in cases {
        let until: BTreeMap<String, i64> = seen_s.map(|s| (POD.to_owned(), s * 1000)).into_iter().collect();
        let since = Since { at_ms: AT_S * 1000, until: Some(&until), unseen_ms: 60_000 };
        let window = only(&pod_windows(&pod(POD, counts, start_s), &since)).expect(what);
        println!("{what:<38} {count:>6}  {coverage:?}");
        assert_eq!((window.sums.count(), window.coverage), (count, coverage), "{what}");
        assert_eq!(Some(window.until_ms), counts.last().map(|(s, _)| s * 1000), "{what}");
        let expected = (0..count).fold(PodSums::default(), |mut sums, _| {
            sums.add_times(0.1, 0.3);
            sums
        });
        let figures = |sums: &PodSums| {
            let metrics = WindowMetrics::from_pods([sums], 60.0);
            [metrics.avg_service_time_s, metrics.avg_response_time_s, metrics.queue_length_dominant, metrics.workload]
        };
        for (found, expected) in figures(&window.sums).into_iter().zip(figures(&expected)) {
            assert!((found - expected).abs() < 1e-9, "{what}: {found}, not {expected}");
        }
    }
}

#[test]
fn a_first_check_begins_one_interval_ago_with_what_was_counted_then() {
    let since = Since { at_ms: 100_000, until: None, unseen_ms: 60_000 };
    let window = |counts: &[(i64, f64)], start| only(&pod_windows(&pod(POD, counts, start), &since)).expect("good");
    let old = window(&[(83, 5.0), (98, 7.0), (158, 20.0)], Some(10.0));
    assert_eq!((old.sums.count(), old.coverage), (13, Coverage::Seconds(60.0)));
    let new = window(&[(113, 5.0), (158, 20.0)], Some(101.0));
    assert_eq!((new.sums.count(), new.coverage), (20, Coverage::SinceItsStart));
    let began_before = window(&[(113, 5.0), (158, 20.0)], Some(99.0));
    assert_eq!((began_before.sums.count(), began_before.coverage), (15, Coverage::Seconds(45.0)));
}

#[test]
fn the_end_of_a_window_is_what_a_pod_did_before_its_newest_sample() {
    use Coverage::{Seconds, SinceItsStart};
    /// Requests counted, and what they cover.
    type End = Option<(u64, Coverage)>;
    /// What it is, its scrapes, its start, where the check before stopped, and the end of its window.
    type Row = (&'static str, &'static [(i64, f64)], Option<f64>, Option<i64>, End);
    let table: [Row; 11] = [
        (
            "scraped every 15 s",
            &[(98, 7.0), (128, 12.0), (143, 15.0), (158, 20.0)],
            None,
            SEEN,
            Some((5, Seconds(15.0))),
        ),
        (
            "... every 5 s",
            &[(98, 7.0), (143, 12.0), (148, 15.0), (153, 16.0), (158, 20.0)],
            None,
            SEEN,
            Some((8, Seconds(15.0))),
        ),
        ("... every 60 s", &[(98, 7.0), (158, 20.0)], None, SEEN, Some((13, Seconds(60.0)))),
        ("restarted at the end", &[(98, 7.0), (143, 15.0), (158, 4.0)], None, SEEN, Some((4, Seconds(15.0)))),
        ("new, and scraped once", &[(158, 4.0)], Some(150.0), None, Some((4, SinceItsStart))),
        ("old, never seen, one sample", &[(158, 600.0)], Some(10.0), None, None),
        ("old, seen, one sample of it left", &[(158, 600.0)], Some(10.0), SEEN, None),
        (
            "its start is 18 s old",
            &[(148, 9.0), (153, 12.0), (158, 20.0)],
            Some(140.0),
            None,
            Some((20, Seconds(18.0))),
        ),
        ("... and unknown", &[(148, 9.0), (153, 12.0), (158, 20.0)], None, None, Some((11, Seconds(10.0)))),
        ("scraped once in 50 s", &[(158, 50.0)], Some(108.0), None, None),
        ("ended before", &[(98, 7.0), (113, 9.0), (128, 12.0)], None, SEEN, Some((3, Seconds(15.0)))),
    ];
    println!("{:<34} the end", "a pod");
    for (what, counts, start_s, seen_s, expected) in table {
        let until: BTreeMap<String, i64> = seen_s.map(|s| (POD.to_owned(), s * 1000)).into_iter().collect();
        let since = Since { at_ms: AT_S * 1000, until: Some(&until), unseen_ms: 60_000 };
        let ends = recent_windows(&pod(POD, counts, start_s), &since, 15.0);
        let end = ends.get(POD).map(|end| (end.sums.count(), end.coverage));
        println!("{what:<34} {end:?}");
        assert_eq!(end, expected, "{what}");
    }
}

#[test]
fn a_restart_whose_counter_overtook_the_old_one_shows_in_the_start() {
    let until = BTreeMap::from([(POD.to_owned(), 98_000)]);
    let since = Since { at_ms: 100_000, until: Some(&until), unseen_ms: 60_000 };
    let mut all = pod(POD, &[(98, 7.0), (113, 9.0), (158, 20.0)], None);
    all.push(series(Figure::Start, POD, &[(98, 10.0), (113, 10.4), (158, 140.0)]));
    assert_eq!(
        only(&pod_windows(&all, &since)).expect("good").sums.count(),
        2 + 20,
        "0.4 s are rounding, 130 s are not"
    );
}

#[test]
fn a_counter_in_parts_is_their_sum_and_a_part_that_appears_counts_from_0() {
    let until = BTreeMap::from([(POD.to_owned(), 98_000)]);
    let since = Since { at_ms: 100_000, until: Some(&until), unseen_ms: 60_000 };
    let mut all = pod(POD, &[(98, 7.0), (158, 20.0)], Some(10.0));
    all.extend(pod(POD, &[(128, 3.0), (158, 4.0)], None));
    assert_eq!(only(&pod_windows(&all, &since)).expect("good").sums.count(), 13 + 4);
}

#[test]
fn a_scrape_of_which_a_series_is_still_to_come_belongs_to_the_next_window() {
    let mut until = BTreeMap::from([(POD.to_owned(), 98_000)]);
    let whole = pod(POD, &[(98, 7.0), (113, 9.0), (158, 20.0), (173, 21.0)], Some(10.0));
    let mut counted = 0;
    for missing in [Some(Figure::ResponseTime), Some(Figure::Requests), None] {
        let mut seen = whole.clone();
        for one in seen.iter_mut().filter(|one| Some(one.figure) == missing) {
            one.samples.truncate(2);
        }
        let since = Since { at_ms: 100_000, until: Some(&until), unseen_ms: 60_000 };
        let window = only(&pod_windows(&seen, &since)).expect("good");
        assert_eq!(window.until_ms, if missing.is_some() { 113_000 } else { 173_000 }, "{missing:?}");
        counted += window.sums.count();
        until.insert(POD.to_owned(), window.until_ms);
    }
    assert_eq!(counted, 14);
}

#[test]
fn what_two_jobs_scrape_counts_once() {
    let since = Since { at_ms: 100_000, until: None, unseen_ms: 60_000 };
    let mut all = pod(POD, &[(99, 7.0), (159, 21.0)], None);
    let gone = pod(POD, &[(60, 7.0), (75, 7.0)], None);
    for (job, twin) in [("also", pod(POD, &[(98, 7.0), (158, 20.0)], None)), ("abandoned", gone)] {
        all.extend(twin.into_iter().map(|one| Series { job: job.to_owned(), ..one }));
    }
    assert_eq!(only(&pod_windows(&all, &since)).expect("good").sums.count(), 13, "the first by name that still does");
}

#[test]
fn a_pod_with_a_bad_counter_or_without_one_is_refused_and_the_others_count() {
    let since = Since { at_ms: 100_000, until: None, unseen_ms: 60_000 };
    for value in [f64::NAN, f64::INFINITY, -1.0] {
        let mut all = pod("pod-b", &[(98, 7.0), (158, 20.0)], None);
        let mut bad = pod(POD, &[(98, 7.0), (158, 20.0)], None);
        bad[2].samples[1].value = value;
        all.extend(bad);
        let windows = pod_windows(&all, &since);
        let Err(PodError::Value { figure: Figure::ResponseTime, value: found }) = &windows[POD] else {
            panic!("{value}: {:?}", windows[POD])
        };
        assert_eq!(found.to_bits(), value.to_bits());
        assert_eq!(windows["pod-b"].as_ref().map(|window| window.sums.count()), Ok(13));
    }
    for missing in [Figure::Requests, Figure::ServiceTime, Figure::ResponseTime, Figure::RelativeWait] {
        let mut all = pod(POD, &[(98, 7.0), (158, 20.0)], Some(10.0));
        all.retain(|one| one.figure != missing);
        let error = only(&pod_windows(&all, &since)).unwrap_err();
        assert_eq!(error.to_string(), format!("it has no {}", missing.metric()));
    }
    assert_eq!(pod_windows(&[], &since), BTreeMap::new());
    assert_eq!(pod_windows(&pod(POD, &[], None), &since), BTreeMap::new(), "a series without samples is none");
}

#[test]
fn the_workload_is_the_sum_of_the_pods_own_rates() {
    let window = |count: u32, coverage| {
        let sums = PodSums::of_counters(count.into(), 0.1 * f64::from(count), 0.3, 0.0);
        PodWindow { sums, coverage, until_ms: 0 }
    };
    let windows = BTreeMap::from([
        // Its scrapes are such that this window holds five of them, and the next one three.
        ("a", window(75, Coverage::Seconds(75.0))),
        ("b", window(90, Coverage::Seconds(45.0))),
        // Began, and ended: at rest for the remainder of the window.
        ("began", window(30, Coverage::SinceItsStart)),
        ("ended", window(60, Coverage::Seconds(20.0))),
        ("unknown", window(0, Coverage::Nothing)),
    ]);
    let all = || windows.iter().map(|(pod, window)| (*pod, window));
    let window_s = window_seconds(all(), |pod| pod != "ended", 60.0);
    let metrics = WindowMetrics::from_pods(windows.values().map(|window| &window.sums), window_s);
    assert!((metrics.workload - (1.0 + 2.0 + 0.5 + 1.0)).abs() < 1e-12, "{}", metrics.workload);
    assert!((metrics.busy_slots - 0.45).abs() < 1e-12, "one service time: exact as well");
    let idle = BTreeMap::from([("a", window(0, Coverage::Seconds(45.0))), ("b", window(0, Coverage::Seconds(75.0)))]);
    assert_eq!(window_seconds(idle.iter().map(|(pod, window)| (*pod, window)), |_| true, 50.0), 60.0);
    assert_eq!(window_seconds([], |_| true, 50.0), 50.0);
}

proptest! {
    /// Whatever the scrapes, the checks, the delays of samples and the restarts: windows join.
    #[test]
    fn no_request_that_was_scraped_is_lost_or_counted_twice(
        // No process starts again within a second of its start.
        steps in prop::collection::vec((2_i64..40, 0_u32..50, prop::bool::weighted(0.1)), 2..60),
        checks in prop::collection::vec((1_i64..90, 0_i64..12), 1..20),
    ) {
        let (mut at_s, mut count, mut start_s, mut truth) = (0, 0.0, 0.0, 0.0);
        let (mut counts, mut starts) = (vec![], vec![]);
        for (gap_s, requests, restarts) in steps {
            if restarts {
                (count, start_s) = (0.0, at_s as f64 + 0.5);
            }
            at_s += gap_s;
            count += f64::from(requests);
            truth += f64::from(requests);
            counts.push((at_s, count));
            starts.push((at_s, start_s));
        }
        let last_s = at_s;
        let mut until: BTreeMap<String, i64> = BTreeMap::new();
        let (mut counted, mut check_s) = (0, 0);
        let checks = checks.into_iter().chain([(last_s + 1, 0)]);
        for (gap_s, delay_s) in checks {
            let since = Since { at_ms: check_s * 1000, until: Some(&until), unseen_ms: 3_600_000 };
            check_s += gap_s;
            // Samples are seen some time after the scrape that they are of began.
            let seen = |all: &[(i64, f64)]| all.iter().copied().filter(|(s, _)| s + delay_s <= check_s).collect::<Vec<_>>();
            let mut all = pod(POD, &seen(&counts), None);
            all.push(series(Figure::Start, POD, &seen(&starts)));
            for (pod, window) in pod_windows(&all, &since) {
                let window = window.expect("good");
                counted += window.sums.count();
                let stopped = until.get(&pod).copied();
                // A delay that shrinks and grows never takes back what was seen.
                prop_assert!(stopped.is_none_or(|stopped| window.until_ms >= stopped) || window.sums.count() == 0);
                until.insert(pod, window.until_ms.max(stopped.unwrap_or(window.until_ms)));
            }
        }
        prop_assert_eq!(counted as f64, truth);
    }
}
