//! The agent: a deep reinforcement learning policy that answers a replica count.

pub mod policy;
pub mod rng;
pub mod rules;
pub mod simulator;
pub mod workload;
