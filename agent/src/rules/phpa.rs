//! Predictive Horizontal Pod Autoscaler with its linear model.

use crate::controller::Controller;
use crate::simulator::{ClusterView, CpuSampling};

use super::hpa::{SYNC_S, Scaling, ScalingMemory, on_utilization};

/// The Horizontal Pod Autoscaler's recommendation, and a straight line through the last ones: the larger of the two.
///
/// The line is fitted in the order of time, as documented; upstream's pruned histories seem to be in reverse.
#[derive(Debug, Clone, PartialEq)]
pub struct Phpa {
    /// Average utilization to aim at, percent of the requests, > 0.
    pub target_percent: u32,
    /// `historySize`: points of the line, >= 1.
    pub history: usize,
    /// `lookAhead`, seconds.
    pub look_ahead_s: f64,
    /// Windows and limits.
    pub scaling: Scaling,
    /// How CPU usage is seen.
    pub sampling: CpuSampling,
}

/// What the law remembers between two syncs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PhpaMemory {
    scaling: ScalingMemory,
    /// Recommendations without prediction, oldest first: time in seconds, replicas.
    history: Vec<(f64, u32)>,
}

impl Default for Phpa {
    fn default() -> Self {
        Self {
            target_percent: 80,
            history: 6,
            look_ahead_s: 60.0,
            scaling: Self::default_scaling(300.0),
            sampling: CpuSampling::default(),
        }
    }
}

impl Phpa {
    /// Its own default `behavior`: as the Horizontal Pod Autoscaler's, with periods of 60 s.
    #[must_use]
    pub fn default_scaling(down_stabilization_s: f64) -> Scaling {
        Scaling::limited(60.0, down_stabilization_s)
    }

    /// Replicas after a sync that recommends so many; `None`: no metric, no change.
    pub fn decide(
        &self,
        memory: &mut PhpaMemory,
        now_s: f64,
        replicas: u32,
        recommended: Option<u32>,
        bounds: (u32, u32),
    ) -> u32 {
        let predicted = recommended.map(|recommended| {
            memory.history.push((now_s, recommended));
            let old = memory.history.len().saturating_sub(self.history.max(1));
            memory.history.drain(..old);
            recommended.max(line_at(&memory.history, now_s + self.look_ahead_s))
        });
        self.scaling.next(&mut memory.scaling, now_s, replicas, predicted, bounds)
    }
}

/// Least squares of replicas on time, rounded up; of one point, or several at one time, their mean.
fn line_at(points: &[(f64, u32)], at_s: f64) -> u32 {
    let count = points.len() as f64;
    let (mean_s, mean) = (
        points.iter().map(|point| point.0).sum::<f64>() / count,
        points.iter().map(|point| f64::from(point.1)).sum::<f64>() / count,
    );
    let spread: f64 = points.iter().map(|point| (point.0 - mean_s).powi(2)).sum();
    let covariance: f64 = points.iter().map(|point| (point.0 - mean_s) * (f64::from(point.1) - mean)).sum();
    let slope = if spread > 0.0 { covariance / spread } else { 0.0 };
    // The crumb keeps a sum of rounded terms from asking for a pod more.
    (mean + slope * (at_s - mean_s) - 1e-9).ceil() as u32
}

impl Controller for Phpa {
    fn name(&self) -> String {
        format!("phpa {} %, {} points, {:.0} s ahead", self.target_percent, self.history, self.look_ahead_s)
    }

    fn native_period_s(&self) -> f64 {
        SYNC_S
    }

    fn begin(&self) -> Box<dyn FnMut(&ClusterView<'_>) -> u32 + '_> {
        let mut memory = PhpaMemory::default();
        Box::new(move |view| {
            let recommended = on_utilization(view.replicas, &view.pod_usage(&self.sampling), self.target_percent);
            self.decide(&mut memory, view.now_s, view.replicas, recommended, (view.min, view.max))
        })
    }
}
