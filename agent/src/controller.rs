//! What the cluster's own autoscalers are: laws with a memory and a clock of their own.

use crate::simulator::ClusterView;

/// A control law that is fed by the cluster's gauges instead of the scaler's observation.
///
/// Unlike a [`crate::policy::Policy`] it remembers: stabilisation windows, past recommendations, a panic. The law itself
/// is a pure function of what it sees and of that memory, which its types spell out; [`Self::begin`] only ties the two.
pub trait Controller: Send + Sync {
    /// Name with its settings, for tables.
    fn name(&self) -> String;

    /// Time between two decisions that it has in a cluster, seconds.
    fn native_period_s(&self) -> f64;

    /// A decision function with an empty memory, to be asked with ascending times; it answers replicas within the bounds.
    fn begin(&self) -> Box<dyn FnMut(&ClusterView<'_>) -> u32 + '_>;
}
