//! What every policy is, learned or not: a pure function of what the agent is told.

mod choice;

use scaler_core::ActionRequest;

pub use choice::{ChoiceError, PolicyChoice};

/// From a state to a replica count.
///
/// Policies keep no state: all memory is in [`ActionRequest::history`], so that any replica of the agent answers alike,
/// a restart forgets nothing, and every past decision can be recomputed.
pub trait Policy: Send + Sync {
    /// Name with its settings, for tables.
    fn name(&self) -> String;

    /// Replicas to order, within the request's bounds.
    fn order(&self, request: &ActionRequest) -> u32;
}
