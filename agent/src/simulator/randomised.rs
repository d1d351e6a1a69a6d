//! Scenarios to train on: everything that differs between deployments is drawn.

use crate::rng::Stream;
use crate::workload::{Profile, WorkloadError};

use super::random_load::random_load;
use super::service::{ServiceShift, ServiceTimes};
use super::{Contention, Routing, Scenario};
impl Scenario {
    /// Draws a deployment and its load for an episode of so many windows (at least 2).
    ///
    /// All figures are ratios to the check interval or the service time, so that 3 s and 0.1 s are as likely as 60 s and
    /// 0.2 s. Log-uniform unless said:
    ///
    /// | what | range |
    /// |---|---|
    /// | interval | 3 .. 60 s |
    /// | interval / service time | 6 .. 400, in 15 % 400 .. 2000 |
    /// | threshold / service time | 1.4 .. 10, exactly 2.5 in 30 % |
    /// | replicas | 1 .. 2..31 (..11 with more than 400 intervals a service time), initial uniform |
    /// | service times | variation 0.03, 0.3, 1 (lognormal) or a mixture of three sizes, evenly |
    /// | ... their shift | x 0.5 .. 2 at a uniform time in 10 % |
    /// | start-up / interval | 0.5/60 .. 8 (90 s at a loop of 11 s), jitter uniform 0 .. 50 % |
    /// | routing | round robin 40 %, random 30 %, least work 30 % |
    /// | node contention | in 15 %: from half of the replicas on, up to + 60 % |
    /// | metric lag / interval | in 20 %: uniform 0 .. 0.3 |
    /// | missed checks | 2 % of them in 20 % of the episodes |
    /// | check jitter | uniform 0 .. 9 % of the interval in half |
    /// | peak load | uniform 25 .. 120 % of 0.75 of all replicas' capacity |
    /// | shape | recorded 35 %, a formula with random bursts 15 %, random regimes 10 %, a formula 40 %; in 20 % plus a formula |
    /// | ... recorded | a window of a built-in day that is never tested on, 0.2 to 4 times as fast, in 20 % backwards |
    /// | ... formula | each alike; periods of 6 .. 240 checks; low 2 .. 60 % of the peak |
    /// | ... bursts | every 8 .. 120 checks, 1 .. 60 checks long, up to x 1.2 .. 5 |
    /// | ... regimes | 2 to 4 levels of 2 .. 100 %, each for 1 .. 60 checks in the mean |
    /// | ... noise | in 40 %: a factor `exp` of an autoregression, deviation 0.03 .. 0.4, memory 0.3 .. 10 checks |
    /// | over-dispersion | in 30 %: 1 .. 4 per bin of a quarter of a check |
    #[must_use]
    pub fn randomised(windows: u32, stream: &mut Stream) -> Self {
        let windows = windows.max(2);
        let interval_s = stream.log_uniform(3.0, 60.0);
        let requests =
            if stream.chance(0.15) { stream.log_uniform(400.0, 2000.0) } else { stream.log_uniform(6.0, 400.0) };
        let service_time_s = interval_s / requests;
        let slack = if stream.chance(0.3) { 2.5 } else { stream.log_uniform(1.4, 10.0) };
        let most = if requests > 400.0 { 12.0 } else { 32.0 };
        let max_replicas = stream.log_uniform(2.0, most) as u32;
        let peak_rps = stream.between(0.25, 1.2) * 0.75 * f64::from(max_replicas) / service_time_s;
        let load = random_load(windows, interval_s, peak_rps, stream);
        let length_s = f64::from(windows) * interval_s;
        Self {
            initial_replicas: stream.integer(1, max_replicas),
            startup_s: interval_s * stream.log_uniform(0.5 / 60.0, 8.0),
            startup_jitter: stream.between(0.0, 0.5),
            service_times: random_service_times(stream),
            service_shifts: stream
                .chance(0.1)
                .then(|| ServiceShift { at_s: stream.between(0.0, length_s), factor: stream.log_uniform(0.5, 2.0) })
                .into_iter()
                .collect(),
            contention: stream.chance(0.15).then(|| Contention {
                cores: f64::from(max_replicas) * stream.between(0.5, 1.0),
                growth: stream.between(0.0, 0.6),
            }),
            routing: match stream.uniform() {
                x if x < 0.4 => Routing::RoundRobin,
                x if x < 0.7 => Routing::Random,
                _ => Routing::LeastWork,
            },
            metric_lag_s: if stream.chance(0.2) { interval_s * stream.between(0.0, 0.3) } else { 0.0 },
            missed_checks: if stream.chance(0.2) { 0.02 } else { 0.0 },
            check_jitter: if stream.chance(0.5) { stream.between(0.0, 0.09) } else { 0.0 },
            windows,
            ..Self::plain(load, interval_s, slack * service_time_s, max_replicas, service_time_s)
        }
    }
}

impl Scenario {
    /// The same deployment with checks of this length, seconds: every time is stretched, and rates shrink alike.
    ///
    /// Nothing that is without dimension changes; only laws with periods of their own notice.
    ///
    /// # Errors
    /// [`WorkloadError`] when the length is not above 0.
    pub fn stretched(self, interval_s: f64) -> Result<Self, WorkloadError> {
        let factor = interval_s / self.interval_s;
        let rates = self.load.rates().iter().map(|rate| rate / factor).collect();
        let stretched = |shift: ServiceShift| ServiceShift { at_s: shift.at_s * factor, ..shift };
        Ok(Self {
            load: Profile::new(self.load.bin_s() * factor, rates)?,
            interval_s,
            threshold_s: self.threshold_s * factor,
            startup_s: self.startup_s * factor,
            drain_s: self.drain_s * factor,
            rested_s: self.rested_s * factor,
            overhead_s: self.overhead_s * factor,
            service_time_s: self.service_time_s * factor,
            service_shifts: self.service_shifts.into_iter().map(stretched).collect(),
            metric_lag_s: self.metric_lag_s * factor,
            ..self
        })
    }
}

fn random_service_times(stream: &mut Stream) -> ServiceTimes {
    match stream.integer(0, 3) {
        0 => ServiceTimes::Lognormal { cv: 0.03 },
        1 => ServiceTimes::Lognormal { cv: 0.3 },
        2 => ServiceTimes::Lognormal { cv: 1.0 },
        _ => ServiceTimes::Mixture((0..3).map(|_| (stream.between(0.1, 1.0), stream.log_uniform(0.3, 5.0))).collect()),
    }
}
