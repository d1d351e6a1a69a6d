//! Service times as under a CPU limit, on a machine that has none.

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use crate::config::CpuQuota;

/// Does `work` on this thread and returns what it gave with the time that it took, sleep included.
///
/// Under a quota `q` the work takes at least its CPU time divided by `q`: what is left of that is slept, as a
/// container at its CPU limit is stopped. On a contended processor it may take longer still, as it would there.
pub fn at_quota<T>(quota: CpuQuota, work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    // No reading where the platform has no thread clock: then nothing is emulated.
    let cpu_started = ThreadTime::try_now().ok();
    let done = work();
    if quota != CpuQuota::FULL
        && let Some(cpu) = cpu_started.and_then(|started| started.try_elapsed().ok())
    {
        std::thread::sleep(rest(quota, cpu, started.elapsed()));
    }
    // A service takes time, however coarse the clock is: records demand more than 0.
    (done, started.elapsed().max(Duration::from_nanos(1)))
}

/// What is left to sleep after `elapsed`.
fn rest(quota: CpuQuota, cpu: Duration, elapsed: Duration) -> Duration {
    cpu.div_f64(quota.get()).saturating_sub(elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_rest_is_the_cpu_time_over_the_quota_less_what_has_passed() {
        for (case, quota, cpu, elapsed, expected) in [
            ("alone on its core", "0.25", 10 * MS, 10 * MS, 30 * MS),
            ("no limit", "1", 10 * MS, 10 * MS, Duration::ZERO),
            ("others on the core took half of it", "0.5", 10 * MS, 15 * MS, 5 * MS),
            ("others on the core took it all", "0.5", 10 * MS, 50 * MS, Duration::ZERO),
        ] {
            assert_eq!(rest(quota.parse().unwrap(), cpu, elapsed), expected, "{case}");
        }
    }

    #[test]
    fn work_takes_its_cpu_time_over_the_quota() {
        let quota: CpuQuota = "0.2".parse().unwrap();
        let (cpu, took) = at_quota(quota, || {
            let started = ThreadTime::now();
            while started.elapsed() < 5 * MS {}
            started.elapsed()
        });
        assert!(took >= cpu.div_f64(0.2), "{took:?} for {cpu:?}");
    }
}
