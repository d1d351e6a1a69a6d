//! The Horizontal Pod Autoscaler in its own loop.

use crate::controller::Controller;
use crate::simulator::{ClusterView, CpuSampling};

use super::{Scaling, ScalingMemory, on_utilization};

/// Time between two syncs of the controller manager, seconds.
pub(in crate::rules) const SYNC_S: f64 = 15.0;

/// Horizontal Pod Autoscaler v2 on CPU utilization, with the metrics API's delay and its memory.
#[derive(Debug, Clone, PartialEq)]
pub struct HpaController {
    /// `averageUtilization`, percent of the requests, > 0.
    pub target_percent: u32,
    /// Windows and limits.
    pub scaling: Scaling,
    /// How CPU usage is seen.
    pub sampling: CpuSampling,
}

impl Default for HpaController {
    fn default() -> Self {
        Self { target_percent: 80, scaling: Scaling::plain(), sampling: CpuSampling::default() }
    }
}

impl HpaController {
    /// Replicas after a sync.
    pub fn decide(&self, memory: &mut ScalingMemory, view: &ClusterView<'_>) -> u32 {
        let recommended = on_utilization(view.replicas, &view.pod_usage(&self.sampling), self.target_percent);
        self.scaling.next(memory, view.now_s, view.replicas, recommended, (view.min, view.max))
    }
}

impl Controller for HpaController {
    fn name(&self) -> String {
        match &self.scaling {
            Scaling::Plain { stabilization_s } => format!("hpa {} %, {stabilization_s:.0} s", self.target_percent),
            Scaling::Behavior { down, .. } => {
                format!("hpa {} %, behavior, {:.0} s", self.target_percent, down.stabilization_s)
            }
        }
    }

    fn native_period_s(&self) -> f64 {
        SYNC_S
    }

    fn begin(&self) -> Box<dyn FnMut(&ClusterView<'_>) -> u32 + '_> {
        let mut memory = ScalingMemory::default();
        Box::new(move |view| self.decide(&mut memory, view))
    }
}
