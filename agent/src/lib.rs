//! The agent: a deep reinforcement learning policy that answers a replica count.

pub mod policy;
