//! Loads to train on: recorded ones, formulas, bursts, regimes, noise.

use crate::rng::Stream;
use crate::workload::{Load, Profile, Shape, training_profiles};

/// Bins of the load per check interval.
const BINS_PER_CHECK: f64 = 4.0;

/// A load of so many windows with its highest rate at `peak_rps`; the documentation of [`super::Scenario::randomised`] says
/// how it is drawn.
pub(super) fn random_load(windows: u32, interval_s: f64, peak_rps: f64, stream: &mut Stream) -> Profile {
    let grain = Grain { checks: windows + 1, bin_s: interval_s / BINS_PER_CHECK };
    let load = match stream.uniform() {
        x if x < 0.35 => recorded(grain, stream),
        x if x < 0.5 => bursts(grain, stream),
        x if x < 0.6 => regimes(grain, stream),
        _ => formula(grain, stream),
    };
    let load = if stream.chance(0.2) { load.plus(&formula(grain, stream)) } else { load };
    let load = if stream.chance(0.4) { noisy(load, stream) } else { load };
    let load = load.with_peak(peak_rps);
    if stream.chance(0.3) {
        let index = stream.between(1.0, 4.0);
        load.overdispersed(index, stream)
    } else {
        load
    }
}

#[derive(Clone, Copy)]
struct Grain {
    checks: u32,
    bin_s: f64,
}

impl Grain {
    fn bins(self) -> usize {
        (f64::from(self.checks) * BINS_PER_CHECK) as usize
    }

    fn profile(self, rates: Vec<f64>) -> Profile {
        #[expect(clippy::expect_used, reason = "rates are finite and 0 or more by construction")]
        Profile::new(self.bin_s, rates).expect("a random load is within range")
    }
}

/// A shape with a formula; its highest rate is at most 1 request/s.
fn formula(grain: Grain, stream: &mut Stream) -> Profile {
    let shape = stream.pick(&Shape::FORMULAS).copied().unwrap_or(Shape::Constant);
    let load = Load {
        low_rps: stream.log_uniform(0.02, 0.6),
        high_rps: 1.0,
        periods: f64::from(grain.checks) / stream.log_uniform(6.0, 240.0),
        duration_s: f64::from(grain.checks) * grain.bin_s * BINS_PER_CHECK,
        bin_s: grain.bin_s,
    };
    #[expect(clippy::expect_used, reason = "every figure is drawn within the ranges above")]
    shape.profile(&load, stream).expect("a random load is within range")
}

/// A window of a day that was recorded, played 0.2 to 4 times as fast, or as slow as its bins allow, in a fifth backwards.
///
/// The speed is against one check a minute, whatever the interval: what is a day there is a day's checks here.
fn recorded(grain: Grain, stream: &mut Stream) -> Profile {
    let Some(day) = stream.pick(training_profiles()) else { return formula(grain, stream) };
    // Seconds of the recording that pass in a bin of the load.
    let step_s = 60.0 / BINS_PER_CHECK * stream.log_uniform(0.2, 4.0);
    let step_s = step_s.min(day.duration_s() / grain.bins() as f64);
    let begin_s = stream.between(0.0, (day.duration_s() - step_s * grain.bins() as f64).max(0.0));
    let mut rates: Vec<f64> =
        (0..grain.bins()).map(|bin| day.mean_between(begin_s + bin as f64 * step_s, step_s)).collect();
    if stream.chance(0.2) {
        rates.reverse();
    }
    if rates.iter().all(|rate| *rate <= 0.0) {
        return formula(grain, stream);
    }
    grain.profile(rates)
}

/// A level that wanders slowly, with bursts of 1 to 60 checks at random times, x 1.2 to x 5, of sharp or soft edges.
fn bursts(grain: Grain, stream: &mut Stream) -> Profile {
    let mut rates = formula(grain, stream).rates().to_vec();
    let mean_gap = stream.log_uniform(8.0, 120.0) * BINS_PER_CHECK;
    let (shortest, height) = (stream.log_uniform(1.0, 10.0), stream.log_uniform(1.2, 5.0));
    let mut bin = stream.exponential(mean_gap);
    while (bin as usize) < rates.len() {
        let length = BINS_PER_CHECK * stream.log_uniform(shortest, 6.0 * shortest);
        let factor = 1.0 + (height - 1.0) * stream.uniform();
        let edge = if stream.chance(0.5) { 0.0 } else { length * stream.between(0.1, 0.5) };
        for (at, rate) in rates.iter_mut().enumerate().skip(bin as usize).take(length as usize + 1) {
            let into = at as f64 - bin;
            let ramp = if edge > 0.0 { (into / edge).min((length - into) / edge).clamp(0.0, 1.0) } else { 1.0 };
            *rate *= 1.0 + (factor - 1.0) * ramp;
        }
        bin += length + stream.exponential(mean_gap);
    }
    grain.profile(rates)
}

/// Levels that last for random times: quiet and busy, two to four of them.
fn regimes(grain: Grain, stream: &mut Stream) -> Profile {
    let count = stream.integer(2, 4);
    let levels: Vec<(f64, f64)> =
        (0..count).map(|_| (stream.log_uniform(0.02, 1.0), BINS_PER_CHECK * stream.log_uniform(1.0, 60.0))).collect();
    let mut rates = Vec::with_capacity(grain.bins());
    while rates.len() < grain.bins() {
        let (level, length) = stream.pick(&levels).copied().unwrap_or((1.0, 1.0));
        let bins = 1 + stream.exponential(length) as usize;
        rates.extend(std::iter::repeat_n(level, bins));
    }
    rates.truncate(grain.bins());
    grain.profile(rates)
}

/// The rates times `exp` of an autoregressive noise: deviation 0.03 to 0.4, remembered for 0.3 to 10 checks.
fn noisy(load: Profile, stream: &mut Stream) -> Profile {
    let deviation = stream.log_uniform(0.03, 0.4);
    let kept = (-1.0 / (BINS_PER_CHECK * stream.log_uniform(0.3, 10.0))).exp();
    let fresh = deviation * (1.0 - kept * kept).sqrt();
    let mut noise = deviation * stream.normal();
    let rates = load.rates().iter().map(|rate| {
        noise = kept * noise + fresh * stream.normal();
        rate * noise.exp()
    });
    let rates: Vec<f64> = rates.collect();
    Profile::new(load.bin_s(), rates).unwrap_or(load)
}
