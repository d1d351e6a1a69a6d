//! Rules without learning: opponents, the behaviour that training starts from, and what an explanation compares with.
//!
//! Asked by the scaler, pure functions of the request; what they do without its optional fields is told at [`Reading`]:
//!
//! | rule | order |
//! |---|---|
//! | [`StaticCount`] | always the same |
//! | [`Threshold`] | one more above a pressure, one fewer below another |
//! | [`Reactive`] | `ceil(load / utilization + drain * backlog)` |
//! | [`Trend`] | the same for the load extrapolated by its last rise |
//! | [`Calibrated`] | safety stock on the load, the queue formula inverted, backlog, hold, memory |
//! | [`Hpa`] | what the Horizontal Pod Autoscaler would have done, as far as the request tells |
//!
//! In loops of their own, with the cluster's gauges and a memory ([`crate::controller::Controller`]):
//!
//! | law | period | order |
//! |---|---|---|
//! | [`HpaController`] | 15 s | CPU utilization of ready pods against their requests, without or with `behavior` |
//! | [`Keda`] | 15 s | the same law on requests per second, and a switch between 0 and 1 |
//! | [`Kpa`] | 2 s | Knative: concurrency over a stable window, and over a short one in panic |
//! | [`Phpa`] | 15 s | the larger of the Horizontal Pod Autoscaler's and a straight line through its last ones |
//!
//! # Tuning
//!
//! [`tune`] searches the settings of a [`RuleFamily`] for the objective `J = pod share + B x violating share`:
//!
//! | family | settings and ranges |
//! |---|---|
//! | static | `share` of the most replicas 0.02..1 |
//! | threshold | `low` 0..0.9, `gap` up to the high mark 0.02..0.8 |
//! | reactive | `utilization` 0.2..1, `drain` 0..2 |
//! | trend | `utilization` 0.2..1, `rises` 0..3, `drain` 0..2 |
//! | calibrated | `level_checks` 1..5, `trend` 0..2, `spread` 0..5, `residual` 0..1.5, `variation` 0.1..1.5, `utilization` 0.6..1, `backlog` 0..1.5, `growth` 0..1, `hold_checks` 1..8 |
//! | cal-long | the same, but `hold_checks` 1..30; `floor` 0..1, `floor_checks` 16..64 |
//! | hpa | `target_percent` 20..100, `down_stabilization_s` 0..600 |
//! | hpa-behavior | the same; `up_stabilization_s` 0..60, `up_percent` 10..300, `up_pods` 1..10, `down_percent` 5..100, `down_period_s` 15..180 |
//! | keda | `utilization` 0.2..1 of what a pod can serve, `down_stabilization_s` 0..600, `rate_window_s` 30..180 (two scrapes of 15 s at least) |
//! | kpa | `target` 0.2..1.5, `stable_window_s` 6..300, `panic_window_share` 0.02..0.5, `panic_threshold` 1.1..4, `down_delay_s` 0..900 |
//! | phpa-linear | `target_percent` 20..100, `history` 2..40, `look_ahead_s` 0..240, `down_stabilization_s` 0..600 |
//!
//! The same as data: [`RuleFamily::settings`].

mod calibrated;
mod family;
mod hpa;
mod keda;
mod kpa;
mod phpa;
mod reading;
mod simple;
mod tune;

pub use calibrated::Calibrated;
pub use family::{Rule, RuleFamily, Scale, Setting};
pub use hpa::{
    Amount, Direction, Hpa, HpaController, RatePolicy, Scaling, ScalingMemory, Select, on_average_value, on_utilization,
};
pub use keda::{Fallback, FallbackBehavior, Keda, KedaMemory};
pub use kpa::{Kpa, KpaMemory};
pub use phpa::{Phpa, PhpaMemory};
pub use reading::{Moment, Reading};
pub use simple::{Reactive, StaticCount, Threshold, Trend};
pub use tune::{Search, Tuned, tune};
