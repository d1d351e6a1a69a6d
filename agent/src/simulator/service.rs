//! How long a pod works on a request.

use serde::Serialize;

use crate::rng::Stream;

/// Distribution of the service time. All have the mean that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ServiceTimes {
    /// Always the mean.
    Constant,
    /// Lognormal with this coefficient of variation, >= 0.
    Lognormal {
        /// Standard deviation over mean.
        cv: f64,
    },
    /// Exponential: coefficient of variation 1, without memory.
    Exponential,
    /// A few sizes of request, each with its weight (> 0) and relative length (> 0).
    Mixture(Vec<(f64, f64)>),
}

/// A lasting change of the mean service time: a new version, or bigger matrices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceShift {
    /// Arrivals from here on are affected, up to the next shift, seconds.
    pub at_s: f64,
    /// Their service times are this many times the scenario's mean, > 0.
    pub factor: f64,
}

impl ServiceShift {
    /// The factor at a time, 1 before the first of these, which are in order of time.
    pub(super) fn factor_at(shifts: &[Self], time_s: f64) -> f64 {
        let begun = shifts.partition_point(|shift| shift.at_s <= time_s);
        begun.checked_sub(1).map_or(1.0, |last| shifts[last].factor)
    }

    /// Whether each is by a factor above 0, at a time after the one before it.
    pub(super) fn are_valid(shifts: &[Self]) -> bool {
        let valid = |shift: &Self| shift.at_s.is_finite() && shift.factor.is_finite() && shift.factor > 0.0;
        shifts.iter().all(valid) && shifts.windows(2).all(|pair| pair[0].at_s < pair[1].at_s)
    }
}

impl ServiceTimes {
    /// Whether every figure is one that times can be drawn from.
    pub(super) fn is_valid(&self) -> bool {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        match self {
            Self::Constant | Self::Exponential => true,
            Self::Lognormal { cv } => cv.is_finite() && *cv >= 0.0,
            Self::Mixture(sizes) => !sizes.is_empty() && sizes.iter().all(|&(w, x)| positive(w) && positive(x)),
        }
    }

    /// Draws a time relative to the mean for each request.
    pub(super) fn draw(&self, requests: usize, stream: &mut Stream) -> Vec<f64> {
        match self {
            Self::Constant => vec![1.0; requests],
            Self::Exponential => (0..requests).map(|_| stream.exponential(1.0)).collect(),
            Self::Lognormal { cv } => {
                // Mean exp(mu + sigma^2 / 2) = 1, variance exp(sigma^2) - 1 = cv^2.
                let variance = (cv * cv).ln_1p();
                (0..requests).map(|_| (variance.sqrt() * stream.normal() - variance / 2.0).exp()).collect()
            }
            Self::Mixture(sizes) => {
                let moment = |power: i32| sizes.iter().map(|&(w, x)| w * x.powi(power)).sum::<f64>();
                let (weights, mean) = (moment(0), moment(1) / moment(0));
                (0..requests).map(|_| pick(sizes, weights * stream.uniform()) / mean).collect()
            }
        }
    }

    /// Variance over squared mean, `c^2`.
    #[must_use]
    pub fn squared_variation(&self) -> f64 {
        match self {
            Self::Constant => 0.0,
            Self::Lognormal { cv } => cv * cv,
            Self::Exponential => 1.0,
            Self::Mixture(sizes) => {
                let moment = |power: i32| sizes.iter().map(|&(w, x)| w * x.powi(power)).sum::<f64>();
                moment(2) * moment(0) / (moment(1) * moment(1)) - 1.0
            }
        }
    }
}

/// The size at this place on the axis of the weights; the last one where rounding left a crumb behind it.
fn pick(sizes: &[(f64, f64)], mut at: f64) -> f64 {
    let found = sizes.iter().find(|size| {
        at -= size.0;
        at < 0.0
    });
    found.or(sizes.last()).map_or(1.0, |size| size.1)
}
