//! Rules without learning: opponents, the behaviour that training starts from, and what an explanation compares with.
//!
//! | rule | order |
//! |---|---|
//! | [`StaticCount`] | always the same |
//! | [`Threshold`] | one more above a pressure, one fewer below another |
//! | [`Reactive`] | `ceil(load / utilization + drain * backlog)` |
//! | [`Trend`] | the same for the load extrapolated by its last rise |
//! | [`Calibrated`] | safety stock on the load, the queue formula inverted, backlog, hold, memory |
//! | [`Hpa`] | Kubernetes' Horizontal Pod Autoscaler v2 on CPU utilization |
//!
//! All are pure functions of the request; what they do without its optional fields is told at [`Reading`].

mod calibrated;
mod hpa;
mod reading;
mod simple;
mod tune;

pub use calibrated::Calibrated;
pub use hpa::Hpa;
pub use reading::{Moment, Reading};
pub use simple::{Reactive, StaticCount, Threshold, Trend};
pub use tune::{Tuned, tune};
