//! Windows of recorded checks: which are kept, and what comes of one that cannot be put away or dropped.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;

use scaler::check::{CheckConfig, CheckError, CheckOutcome, check};
use scaler::decider::{Decider, DeciderError};
use scaler_core::{ActionReply, ActionRequest, Check};
use support::folder::{self, RECORD, archive, names, noon, status, write_record};
use support::memory::{MemoryCluster, Says, Shows, config};

const NAME: &str = "pod-a_2026.02.01_11:59:59.000001.json";

/// A check of 2 pods, so many microseconds past noon.
async fn check_at(config: &CheckConfig, at_us: i64) -> Check {
    check_with(config, &Says::action(2), at_us).await
}

async fn check_with(config: &CheckConfig, agent: &impl Decider, at_us: i64) -> Check {
    match check(config, &MemoryCluster::with(2), agent, None::<&Shows>, || noon(at_us)).await.unwrap() {
        CheckOutcome::Recorded { check, .. } => *check,
        CheckOutcome::LockHeld => panic!("nobody else is here"),
    }
}

#[tokio::test]
async fn old_windows_are_dropped_whole_and_numbers_go_on() {
    for (keep, kept) in
        [(2, vec!["check_4", "check_5"]), (0, vec![]), (9, vec!["check_1", "check_2", "check_3", "check_4", "check_5"])]
    {
        let (_guard, results) = folder::fresh();
        let mut config = config(&results);
        config.analyzed_retention = keep;
        for i in 0..5 {
            write_record(&results, "pod-a", noon(i), RECORD);
            check_at(&config, i * 60_000_000).await;
        }
        assert_eq!(names(&results.join("AnalyzedPods")), kept, "keeping {keep}");
        assert_eq!(status(&results).checks().len(), 5, "keeping {keep}");
    }
}

#[tokio::test]
async fn old_windows_are_dropped_where_recovery_fails_as_on_a_full_volume() {
    let (_guard, results) = folder::fresh();
    let analyzed = results.join("AnalyzedPods");
    for window in ["check_1", "check_2", "check_3", ".check_4", ".dropped_1"] {
        fs::create_dir_all(analyzed.join(window)).unwrap();
        fs::write(analyzed.join(window).join(NAME), RECORD).unwrap();
    }
    // The window of check 4 cannot be given back: there is no folder for it, and none can be made.
    fs::write(results.join("incoming"), "").unwrap();
    let config = CheckConfig { analyzed_retention: 1, ..config(&results) };
    let (cluster, decider) = (MemoryCluster::with(2), Says::action(2));
    let error = check(&config, &cluster, &decider, None::<&Shows>, || noon(0)).await.unwrap_err();
    assert!(matches!(error, CheckError::Results(_)), "{error:?}");
    assert_eq!(names(&analyzed), [".check_4", "check_3"], "and never a window that is not recorded");
    assert_eq!(names(&analyzed.join(".check_4")), [NAME]);
}

#[tokio::test]
async fn what_cannot_be_dropped_stays_and_stops_no_check() {
    type Disturb = fn(&Path);
    let cases: [(&str, Disturb, &[&str]); 3] = [
        (
            "the name for what is dropped is taken",
            |analyzed| fs::write(analyzed.join(".dropped_1"), "").unwrap(),
            &[".dropped_1", "check_1", "check_4"],
        ),
        (
            "what is left of an old window cannot be removed",
            |analyzed| fs::write(analyzed.join(".dropped_7"), "").unwrap(),
            &[".dropped_7", "check_4"],
        ),
        (
            "a number that is written in another way",
            |analyzed| fs::create_dir_all(analyzed.join("check_007/mine")).unwrap(),
            &["check_007", "check_4"],
        ),
    ];
    for (case, disturb, left) in cases {
        let (_guard, results) = folder::fresh();
        let mut config = config(&results);
        check_at(&config, 0).await;
        check_at(&config, 60_000_000).await;
        disturb(&results.join("AnalyzedPods"));
        config.analyzed_retention = 1;
        check_at(&config, 120_000_000).await;
        check_at(&config, 180_000_000).await;
        let keys: Vec<u64> = status(&results).checks().map(|(key, _)| key.0).collect();
        assert_eq!(keys, [1, 2, 3, 4], "{case}");
        assert_eq!(names(&results.join("AnalyzedPods")), left, "{case}");
    }
}

/// An agent that does something before it wants 2 pods.
struct Meanwhile<F>(F);

impl<F: Fn() + Sync> Decider for Meanwhile<F> {
    async fn action(&self, _request: &ActionRequest) -> Result<ActionReply, DeciderError> {
        (self.0)();
        Ok(ActionReply { action: 2, error: None, explanation: None })
    }
}

#[tokio::test]
async fn a_window_that_cannot_be_archived_is_recorded_and_archived_by_a_later_check() {
    let (_guard, results) = folder::fresh();
    let config = config(&results);
    let record = write_record(&results, "pod-a", noon(0), RECORD);
    let taken = results.join("AnalyzedPods/check_1");
    let agent = Meanwhile(|| fs::create_dir_all(taken.join("in the way")).unwrap());
    assert_eq!(check_with(&config, &agent, 1_000_000).await.decision.unwrap().records_read, 1);
    check_at(&config, 61_000_000).await;
    assert_eq!(names(&results.join("AnalyzedPods")), [".check_1", "check_1", "check_2"]);
    fs::remove_dir_all(&taken).unwrap();
    check_at(&config, 121_000_000).await;
    assert_eq!(names(&results.join("AnalyzedPods")), ["check_1", "check_2", "check_3"]);
    assert_eq!(archive(&results)["check_1"], [record]);
    let status = status(&results);
    let read: Vec<_> = status.checks().map(|(_, check)| check.decision.as_ref().unwrap().records_read).collect();
    assert_eq!(read, [1, 0, 0], "once");
}
