//! What the network sees: a state and a candidate as dimensionless numbers.
//!
//! One function for trainer and server: [`Situation::new`] reads a request, [`Situation::state`] and
//! [`Situation::action`] turn it into numbers. No absolute time, no raw requests per second, no raw seconds: every
//! feature is a ratio, a logarithm of one, a share or a flag, so that one network serves deployments of any service
//! time, threshold, interval and size within the ranges it was trained on (table in the crate's documentation).

mod action;
mod candidates;
mod queueing;
mod situation;
mod state;

pub use action::{ACTION_FEATURE_NAMES, ACTION_FEATURES};
pub use candidates::MAX_CANDIDATES;
pub use situation::Situation;
pub use state::{STATE_FEATURES, state_feature_name};

/// Version of the meaning of the features: a checkpoint of another version is refused.
pub const FEATURES_VERSION: u32 = 3;
/// Checks seen one by one, the current one included.
pub const WINDOW: usize = 8;
/// Checks summed up, the current one included.
pub const LONG_WINDOW: usize = 64;

/// Start-up of a pod when it was not sent, in check intervals: 10 s of a minute.
const USUAL_STARTUP: f64 = 10.0 / 60.0;
/// Keeps logarithms of loads and ratios finite when the load is zero, erlangs.
const SMALL_LOAD: f64 = 0.1;

/// `ln(x / y)` of two loads in erlangs, within +-4.
fn log_ratio(x: f64, y: f64) -> f64 {
    ((x + SMALL_LOAD) / (y + SMALL_LOAD)).ln().clamp(-4.0, 4.0)
}

#[cfg(test)]
mod tests;
