//! The world a policy learns in: a request-level simulator of one deployment.
//!
//! ```text
//! Scenario --seed--> Episode (arrivals, service times, delays: drawn once) --> Simulation
//! Simulation::request() -> ActionRequest -> policy -> Simulation::step(replicas) -> Outcome
//! ```
//!
//! Every pod serves one request at a time, first come first served: `done = max(free, t) + s`. Everything random is drawn
//! once per [`Episode`] and indexed by request, so that every policy, and every clone of a [`Simulation`] that tries
//! another count, meets the same future (common random numbers).
//!
//! Two accounts are kept of the same requests, on purpose:
//! - the **wire** sees completions: [`Simulation::request`] is what the scaler would send, made by the same
//!   [`scaler_core`] functions;
//! - the **credit** goes to the check in which a request *arrived*: a response time is known when the request is routed,
//!   so [`Outcome`] charges a late request to the order that made it late.
//!
//! [`play`] lets a policy, or a law of the cluster's own ([`crate::controller::Controller`]), decide at any period and
//! judges it on the episode's windows:
//!
//! ```text
//! Episode --at_period--> Episode (same requests, other checks) --> Simulation --requests, bills--> Judge --> Played
//! ```

mod cluster_view;
mod episode;
mod fleet;
mod judge;
mod occupancy;
mod outcome;
mod play;
mod pod;
mod random_load;
mod randomised;
mod scenario;
mod service;
mod simulation;
mod totals;

pub use cluster_view::{ClusterView, CpuSampling, Meters, PodUsage};
pub use episode::Episode;
pub use judge::{Change, JudgedWindow, Played};
pub use occupancy::Occupancy;
pub use outcome::{Outcome, smooth_violation};
pub use play::{Player, Watch, play, play_watched, play_with};
pub use scenario::{Contention, Routing, Scenario, ScenarioError};
pub use service::{ServiceShift, ServiceTimes};
pub use simulation::{ReadyPod, Served, Simulation};
pub use totals::{RunTotals, run};
