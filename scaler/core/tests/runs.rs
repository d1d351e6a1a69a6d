//! History and summary over whole files.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use scaler_core::observation::MAX_HISTORY;
use scaler_core::{ActionText, Check, CheckKey, PodStatus, history, summarize};

fn start() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 1, 31).and_then(|day| day.and_hms_opt(23, 0, 0)).expect("a good time")
}

fn check(minute: i64, n_instances: u32, pressure: f64, action: ActionText) -> Check {
    Check {
        timestamp: start() + TimeDelta::minutes(minute),
        n_instances,
        pressure,
        avg_response_time: pressure * 0.5,
        avg_service_time: 0.2,
        threshold: 0.5,
        queue_length_dominant: 0.5,
        utilization: 0.4,
        cpu_usage: None,
        workload: 2.0,
        action,
        active: (0..n_instances).map(|i| format!("pod-{i}")).collect(),
        started_previous_check: vec![],
        shutdown_previous_check: vec![],
        decision: None,
    }
}

fn status(checks: impl IntoIterator<Item = Check>) -> PodStatus {
    let mut status = PodStatus::default();
    for check in checks {
        assert!(status.append(status.next_key(), check));
    }
    status
}

fn now(minute: i64) -> DateTime<Utc> {
    (start() + TimeDelta::minutes(minute)).and_utc()
}

#[test]
fn history_is_the_last_64_checks_oldest_first_with_age_and_order() {
    let status = status((0..100).map(|i| check(i, 2, 0.5, ActionText::NoAction)));
    let past = history(&status, now(100));
    assert_eq!(past.len(), MAX_HISTORY);
    assert_eq!(past.first().map(|p| p.age_s), Some(64.0 * 60.0));
    assert_eq!(past.last().map(|p| p.age_s), Some(60.0));
    assert!(past.iter().all(|p| p.replicas_ordered == 2 && p.observation.workload == 2.0));
}

#[test]
fn history_knows_the_order_of_a_check_that_scaled() {
    let status = status([check(0, 2, 1.5, ActionText::Set(4))]);
    assert_eq!(history(&status, now(1))[0].replicas_ordered, 4);
}

#[test]
fn history_leaves_out_checks_that_a_clock_put_into_the_future() {
    let status = status([check(0, 1, 0.5, ActionText::NoAction), check(9, 2, 0.5, ActionText::NoAction)]);
    assert_eq!(history(&status, now(5)).len(), 1);
}

#[test]
fn history_ends_where_the_clock_was_set_back() {
    // Eleven minutes, then five of them once more: what the last of the first eleven says it saw was later than the first of the others.
    let status = status((0..=10).chain(6..9).map(|minute| check(minute, 2, 0.5, ActionText::NoAction)));
    let ages: Vec<f64> = history(&status, now(9)).iter().map(|past| past.age_s / 60.0).collect();
    assert_eq!(ages, [3.0, 2.0, 1.0], "and ascending, as the agent wants them");
}

#[test]
fn the_status_file_takes_ascending_numbers_only() {
    let mut status = status([check(0, 1, 0.5, ActionText::NoAction)]);
    assert!(!status.append(CheckKey(1), check(1, 1, 0.5, ActionText::NoAction)));
    assert!(status.append(CheckKey(7), check(1, 1, 0.5, ActionText::NoAction)));
    assert_eq!(status.next_key(), CheckKey(8));
}

#[test]
fn pods_that_came_and_went_are_told_from_the_last_check() {
    let status = status([check(0, 2, 0.5, ActionText::NoAction)]);
    let (started, gone) = status.changes(&["pod-1".to_owned(), "pod-2".to_owned()]);
    assert_eq!((started, gone), (vec!["pod-2".to_owned()], vec!["pod-0".to_owned()]));
}

#[test]
fn a_run_is_summed_up_as_by_hand() {
    let run = status([
        check(0, 1, 0.5, ActionText::NoAction),
        check(1, 1, 1.5, ActionText::Set(3)),
        check(2, 3, 1.0, ActionText::Set(2)),
        check(4, 2, 0.4, ActionText::Set(2)),
    ]);
    let summary = summarize(&run);
    assert_eq!((summary.checks, summary.checks_with_load, summary.violating_checks), (4, 4, 1), "1.0 is not above 1");
    assert_eq!((summary.actions, summary.reversals), (2, 1), "an order of what is there is no action");
    assert!((summary.mean_pods - 7.0 / 4.0).abs() < 1e-12);
    assert!((summary.pod_minutes - (1.0 + 1.0 + 3.0 + 2.0 * 2.0)).abs() < 1e-12, "the last window has two minutes");
    assert!((summary.requests - 2.0 * 60.0 * 5.0).abs() < 1e-9);
    assert!((summary.max_pressure - 1.5).abs() < 1e-12);
}

#[test]
fn an_opposite_change_after_more_than_five_checks_is_no_reversal() {
    let steady = |minute| check(minute, 3, 0.5, ActionText::NoAction);
    let run = |pause: i64| {
        let mut checks = vec![check(0, 1, 0.5, ActionText::Set(3))];
        checks.extend((1..pause).map(steady));
        checks.push(check(pause, 3, 0.1, ActionText::Set(1)));
        summarize(&status(checks)).reversals
    };
    assert_eq!((run(5), run(6)), (1, 0));
}

#[test]
fn a_clock_that_was_set_back_makes_no_negative_pod_minutes() {
    let run = status([check(5, 2, 0.5, ActionText::NoAction), check(0, 2, 0.5, ActionText::NoAction)]);
    assert!((summarize(&run).pod_minutes - 4.0).abs() < 1e-12);
}

#[test]
fn a_run_without_checks_sums_up_to_nothing() {
    assert_eq!(summarize(&PodStatus::default()), scaler_core::RunSummary::default());
}
