//! Service times as of a smaller machine, on one that is not.

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use crate::config::CpuQuota;

/// How much longer than its work a multiplication takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Share of a core: the work takes at least its CPU time divided by this, as in a container that is stopped at its limit.
    pub quota: CpuQuota,
    /// What it takes at least, whatever its CPU time was. Where a quota of a thousandth would make a cache that happens to
    /// be cold last a tenth longer, this does not.
    pub at_least: Duration,
}

impl Pace {
    /// As long as the work takes.
    pub const FREE: Self = Self { quota: CpuQuota::FULL, at_least: Duration::ZERO };

    /// Does `work` on this thread and returns what it gave with the time that it took, sleep included. On a contended
    /// processor that may be more than was asked for, as it would be on the smaller machine.
    pub fn take<T>(self, work: impl FnOnce() -> T) -> (T, Duration) {
        let started = Instant::now();
        // No reading where the platform has no thread clock: then no quota is emulated.
        let cpu_started = ThreadTime::try_now().ok();
        let done = work();
        if self != Self::FREE {
            let cpu = cpu_started.and_then(|started| started.try_elapsed().ok());
            std::thread::sleep(self.rest(cpu.unwrap_or_default(), started.elapsed()));
        }
        // A service takes time, however coarse the clock is: records demand more than 0.
        (done, started.elapsed().max(Duration::from_nanos(1)))
    }

    /// What is left to sleep after `elapsed`.
    fn rest(self, cpu: Duration, elapsed: Duration) -> Duration {
        cpu.div_f64(self.quota.get()).max(self.at_least).saturating_sub(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pace(quota: &str, at_least: Duration) -> Pace {
        Pace { quota: quota.parse().unwrap(), at_least }
    }

    #[test]
    fn the_rest_is_the_cpu_time_over_the_quota_less_what_has_passed() {
        for (case, quota, cpu, elapsed, expected) in [
            ("alone on its core", "0.25", 10 * MS, 10 * MS, 30 * MS),
            ("no limit", "1", 10 * MS, 10 * MS, Duration::ZERO),
            ("others on the core took half of it", "0.5", 10 * MS, 15 * MS, 5 * MS),
            ("others on the core took it all", "0.5", 10 * MS, 50 * MS, Duration::ZERO),
        ] {
            assert_eq!(pace(quota, Duration::ZERO).rest(cpu, elapsed), expected, "{case}");
        }
    }

    #[test]
    fn the_least_time_does_not_hang_on_the_cpu_time() {
        for (case, quota, cpu, elapsed, expected) in [
            ("quick", "1", MS, MS, 99 * MS),
            ("a cold cache", "1", 2 * MS, 3 * MS, 97 * MS),
            ("longer than that anyway", "1", 101 * MS, 101 * MS, Duration::ZERO),
            ("a quota that asks for more", "0.01", 2 * MS, 2 * MS, 198 * MS),
            ("a quota that asks for less", "0.5", 2 * MS, 2 * MS, 98 * MS),
        ] {
            assert_eq!(pace(quota, 100 * MS).rest(cpu, elapsed), expected, "{case}");
        }
    }

    #[test]
    fn work_takes_its_cpu_time_over_the_quota_and_the_least_time() {
        let work = || {
            let started = ThreadTime::now();
            while started.elapsed() < 5 * MS {}
            started.elapsed()
        };
        let (cpu, took) = pace("0.2", Duration::ZERO).take(work);
        assert!(took >= cpu.div_f64(0.2), "{took:?} for {cpu:?}");
        let (_, took) = pace("1", 20 * MS).take(work);
        assert!(took >= 20 * MS, "{took:?}");
    }
}
