//! Shapes of load.

use std::f64::consts::TAU;

use clap::ValueEnum;

use crate::rng::Stream;

use super::{Profile, WorkloadError};

/// How a load moves between its low and its high rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Shape {
    /// The high rate throughout.
    Constant,
    /// Low in the first half, high in the second.
    Step,
    /// A straight line from low to high.
    Ramp,
    /// Starts low; each period goes up and down once.
    Sinusoid,
    /// Two humps a period, the second lower, as of a working day.
    Bimodal,
    /// Low in the first half of each period, high in the second.
    Square,
    /// A straight line from low to high in each period, then a fall.
    Sawtooth,
    /// Low, with one burst a period: up within 2 % of the period, then an exponential decay.
    FlashCrowd,
    /// A seeded random walk between low and high.
    RandomWalk,
    /// What a file recorded.
    Trace,
}

/// Where a shape plays: its rates, its length, its grain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Lowest rate, requests/s, >= 0.
    pub low_rps: f64,
    /// Highest rate, requests/s, >= `low_rps`.
    pub high_rps: f64,
    /// How often the shape repeats, > 0; constant, step, ramp and random walk do not repeat.
    pub periods: f64,
    /// Length, seconds, > 0.
    pub duration_s: f64,
    /// Grain of the profile, seconds, > 0.
    pub bin_s: f64,
}

impl Load {
    fn validate(&self) -> Result<(), WorkloadError> {
        let Self { low_rps, high_rps, periods, duration_s, bin_s } = *self;
        let bins = duration_s / bin_s;
        let checks = [
            ("low rate", "0 or more requests/s", low_rps, low_rps >= 0.0),
            ("high rate", "at least the low rate", high_rps, high_rps >= low_rps),
            ("periods", "above 0", periods, periods > 0.0),
            ("duration", "above 0 s", duration_s, duration_s > 0.0),
            ("bin length", "above 0 s", bin_s, bin_s > 0.0),
            ("bins", "at most 50000000", bins, bins <= 5e7),
        ];
        match checks.into_iter().find(|&(_, _, value, ok)| !(ok && value.is_finite())) {
            Some((name, range, value, _)) => Err(WorkloadError::Parameter { name, range, value }),
            None => Ok(()),
        }
    }
}

impl Shape {
    /// Every shape that has a formula.
    pub const FORMULAS: [Self; 9] = [
        Self::Constant,
        Self::Step,
        Self::Ramp,
        Self::Sinusoid,
        Self::Bimodal,
        Self::Square,
        Self::Sawtooth,
        Self::FlashCrowd,
        Self::RandomWalk,
    ];

    /// The rate over time. Only the random walk draws from the stream.
    ///
    /// # Errors
    /// [`WorkloadError::Parameter`] names a figure out of range; [`WorkloadError::NoFormula`] for [`Shape::Trace`].
    pub fn profile(self, load: &Load, stream: &mut Stream) -> Result<Profile, WorkloadError> {
        load.validate()?;
        let bins = (load.duration_s / load.bin_s).ceil() as usize;
        let levels: Vec<f64> = match self {
            Self::Trace => return Err(WorkloadError::NoFormula),
            Self::RandomWalk => random_walk(bins, stream),
            // The rate in the middle stands for the bin.
            _ => (0..bins).map(|bin| self.level((bin as f64 + 0.5) / bins as f64, load.periods)).collect(),
        };
        let rates = levels.into_iter().map(|level| load.low_rps + (load.high_rps - load.low_rps) * level).collect();
        Profile::new(load.bin_s, rates)
    }

    /// Between low (0) and high (1), at a share `x` of the whole length.
    fn level(self, x: f64, periods: f64) -> f64 {
        let phase = (x * periods).fract();
        match self {
            Self::Constant | Self::RandomWalk | Self::Trace => 1.0,
            Self::Step => f64::from(x >= 0.5),
            Self::Ramp => x,
            Self::Sinusoid => (1.0 - (TAU * phase).cos()) / 2.0,
            Self::Bimodal => hump(phase, 0.3) + 0.7 * hump(phase, 0.7),
            Self::Square => f64::from(phase >= 0.5),
            Self::Sawtooth => phase,
            Self::FlashCrowd => flash_crowd(phase),
        }
    }
}

fn hump(phase: f64, at: f64) -> f64 {
    (-((phase - at) / 0.1).powi(2)).exp()
}

fn flash_crowd(phase: f64) -> f64 {
    const START: f64 = 0.4;
    const RISE: f64 = 0.02;
    const DECAY: f64 = 0.12;
    let since = phase - START;
    if since < 0.0 {
        0.0
    } else if since < RISE {
        since / RISE
    } else {
        (-(since - RISE) / DECAY).exp()
    }
}

/// Reflected at 0 and 1; over the whole length it wanders about as far as the range is wide.
fn random_walk(bins: usize, stream: &mut Stream) -> Vec<f64> {
    let step = 1.5 / (bins as f64).sqrt();
    let mut level = stream.uniform();
    (0..bins)
        .map(|_| {
            level = (level + step * stream.normal()).rem_euclid(2.0);
            level = if level > 1.0 { 2.0 - level } else { level };
            level
        })
        .collect()
}
