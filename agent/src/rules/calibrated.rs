//! The calibrated rule: the opponent that a learned policy has to beat.

use scaler_core::ActionRequest;

use crate::policy::Policy;

use super::Reading;

/// Jumps of the load that its noise is measured on, checks.
const JUMP_CHECKS: usize = 8;

/// Forecast with a safety stock, queue formula inverted, drain, hold, and a memory of up to 64 checks.
///
/// With the loads `a_0` (now), `a_1`, ... in erlangs, `D` the service time and `s = threshold / D - 1`:
///
/// ```text
/// level  = max(a_0 .. a_(level_checks - 1))
/// noise2 = 2 variation level D / interval + (residual * rms jump over 8 checks)^2      Poisson counts, and the rest
/// need   = level + trend max(0, a_0 - a_1) + spread sqrt(noise2)
/// rho    = utilization * s / (s + variation)              where Pollaczek-Khinchine's mean response is the threshold
/// wish   = need / rho + backlog * backlog_0 + growth * max(0, backlog_0 - backlog_1)
/// order  = ceil(max(wish of the last hold_checks, floor * max(a over floor_checks) / rho))
/// ```
///
/// The defaults are what [`super::tune`] found in 10 rounds of 40 settings on 240 randomised scenarios of 150 windows, at a
/// price of 10 full clusters a violating check, rounded. A lower price asks for less `spread`, a higher one for more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibrated {
    /// The level is the highest of so many newest loads, >= 1.
    pub level_checks: u32,
    /// How many times the last rise is added.
    pub trend: f64,
    /// Safety stock in standard deviations: the dial between cost and violations.
    pub spread: f64,
    /// Weight of the jumps against the Poisson noise.
    pub residual: f64,
    /// `(1 + c^2) / 2` of the queue formula, c the coefficient of variation; lower for routing better than random.
    pub variation: f64,
    /// Share of the utilization that the queue formula allows, in (0, 1].
    pub utilization: f64,
    /// Share of the backlog to drain within a check.
    pub backlog: f64,
    /// Weight of the backlog's growth.
    pub growth: f64,
    /// Share of the highest remembered load that is always provided for.
    pub floor: f64,
    /// Checks that the floor remembers, up to 64.
    pub floor_checks: u32,
    /// Scale in only when so many checks in a row wish it, >= 1.
    pub hold_checks: u32,
}

impl Default for Calibrated {
    fn default() -> Self {
        Self {
            level_checks: 2,
            trend: 1.15,
            spread: 1.4,
            residual: 0.88,
            variation: 0.65,
            utilization: 0.9,
            backlog: 0.73,
            growth: 0.39,
            floor: 0.74,
            floor_checks: 45,
            hold_checks: 1,
        }
    }
}

impl Calibrated {
    /// The rule for a price of a violation, in full clusters for one check: the dearer, the larger its safety stock.
    #[must_use]
    pub fn at_price(price: f64) -> Self {
        Self { spread: 0.5 + 0.5 * price.ln_1p(), ..Self::default() }
    }

    /// Replicas to order, within the reading's bounds.
    #[must_use]
    pub fn replicas(&self, reading: &Reading) -> u32 {
        reading.replicas(self.pods(reading))
    }

    /// Pods wished for by a reading, before rounding and bounds.
    fn pods(&self, reading: &Reading) -> f64 {
        let moments = reading.moments();
        let slack = reading.slack - 1.0;
        let rho = self.utilization * slack / (slack + self.variation);
        let wishes = (0..(self.hold_checks.max(1) as usize).min(moments.len())).map(|at| self.wish(reading, at, rho));
        let remembered = moments.iter().take(self.floor_checks as usize).map(|moment| moment.load).fold(0.0, f64::max);
        wishes.fold(self.floor * remembered / rho, f64::max)
    }

    /// What the check so many checks ago wished for.
    fn wish(&self, reading: &Reading, at: usize, rho: f64) -> f64 {
        let recent = &reading.moments()[at..];
        let (now, before) = (&recent[0], recent.get(1).unwrap_or(&recent[0]));
        let level = recent.iter().take(self.level_checks.max(1) as usize).map(|moment| moment.load).fold(0.0, f64::max);
        let jumps = recent.windows(2).take(JUMP_CHECKS);
        let count = jumps.len().max(1) as f64;
        let jumps2 = jumps.map(|pair| (pair[0].load - pair[1].load).powi(2)).sum::<f64>() / count;
        let noise2 = 2.0 * self.variation * level * reading.grain + self.residual * self.residual * jumps2;
        let need = level + self.trend * (now.load - before.load).max(0.0) + self.spread * noise2.sqrt();
        need / rho + self.backlog * now.backlog + self.growth * (now.backlog - before.backlog).max(0.0)
    }
}

impl Policy for Calibrated {
    fn name(&self) -> String {
        format!("calibrated (spread {:.2})", self.spread)
    }

    fn order(&self, request: &ActionRequest) -> u32 {
        self.replicas(&Reading::of(request))
    }
}
