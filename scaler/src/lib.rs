//! Turns request records and CPU figures into a state, asks the agent, scales the Deployment.

pub mod check;
pub mod cluster;
pub mod cpu;
pub mod decider;
mod http;
