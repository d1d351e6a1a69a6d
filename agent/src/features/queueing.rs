//! How this deployment queues: what a formula says, and how far it is off.

use super::Situation;

/// Utilization above which the steady state of the formula is meaningless.
const SATURATED: f64 = 0.98;
/// Waits above so many service times are backlogs of an overload, which no steady state explains.
const LONGEST_WAIT: f64 = 5.0;
/// Keeps ratios of waits finite where nobody waits, service times.
const SMALL_WAIT: f64 = 0.02;
/// How far off the formula may be.
const FACTORS: std::ops::RangeInclusive<f64> = 0.05..=4.0;

/// Mean wait in service times of a steady load on `pods` servers with exponential times.
///
/// Sakasegawa, An approximation formula `L_q = alpha rho^beta / (1 - rho)`, Ann. Inst. Statist. Math. 29 (1977):
/// `W / D = rho^(sqrt(2 (n + 1)) - 1) / (n (1 - rho))`, at a utilization of at most 0.98.
pub(super) fn expected_wait(utilization: f64, pods: f64) -> f64 {
    let rho = utilization.min(SATURATED);
    rho.powf((2.0 * (pods + 1.0)).sqrt() - 1.0) / (pods * (1.0 - rho))
}

impl Situation {
    /// Waits over those of the formula, summed over so many newest checks: routing and the mixture of service times make
    /// it small or large. 1 when nothing is known.
    pub(super) fn queueing(&self, checks: usize) -> f64 {
        let (mut seen, mut expected) = (SMALL_WAIT, SMALL_WAIT);
        for (moment, observation) in self.reading.moments().iter().zip(&self.seen).take(checks) {
            if moment.load > 0.0 && observation.utilization < SATURATED {
                let wait = observation.pressure * self.reading.slack - 1.0;
                seen += wait.clamp(0.0, LONGEST_WAIT);
                let pods = f64::from(moment.ready.max(1));
                expected += expected_wait(observation.utilization, pods).min(LONGEST_WAIT);
            }
        }
        (seen / expected).clamp(*FACTORS.start(), *FACTORS.end())
    }

    /// The highest utilization of the long window without a violation, and the lowest with one; 0 and 1.5 where there
    /// is none.
    pub(super) fn limits(&self) -> (f64, f64) {
        let mut limits = (0.0_f64, 1.5_f64);
        for seen in self.seen.iter().filter(|seen| seen.workload > 0.0) {
            if seen.pressure > 1.0 {
                limits.1 = limits.1.min(seen.utilization);
            } else {
                limits.0 = limits.0.max(seen.utilization);
            }
        }
        limits
    }

    /// `ln(R / threshold)` of a steady load on `pods`, within [-2, 3], with waits so many times those of the formula. Near
    /// saturation and above the queue grows by `(rho - 0.98) interval` in a check, half of that in the mean.
    pub(super) fn expected_log_pressure(&self, load: f64, pods: f64, queueing: f64) -> f64 {
        let rho = load / pods;
        let wait = queueing * expected_wait(rho, pods);
        // The grain is 0 when there never were requests: then there is nothing to grow.
        let intervals = if self.reading.grain > 0.0 { 1.0 / self.reading.grain } else { 0.0 };
        let growth = 0.5 * (rho - SATURATED).max(0.0) * intervals;
        ((1.0 + wait + growth) / self.reading.slack).ln().clamp(-2.0, 3.0)
    }

    /// Fewest pods, not rounded, for which [`Self::expected_log_pressure`] of this load is at most 0; at most 4 times the
    /// load and 4.
    pub(super) fn formula_pods(&self, load: f64) -> f64 {
        let (mut short, mut enough) = (0.25 * load, 4.0 * load + 4.0);
        // 2^-20 of the range is far below what a pod is.
        for _ in 0..20 {
            let middle = 0.5 * (short + enough);
            if self.expected_log_pressure(load, middle.max(1e-3), self.queueing) > 0.0 {
                short = middle;
            } else {
                enough = middle;
            }
        }
        enough
    }

    /// Pods that serve in the mean over the next check when `n` are ordered: new ones start late.
    pub(super) fn serving(&self, n: f64) -> f64 {
        let ready = f64::from(self.now().ready.max(1));
        let late = self.startup.unwrap_or(super::USUAL_STARTUP).min(1.0);
        if n > ready { ready + (n - ready) * (1.0 - late) } else { n }
    }
}
