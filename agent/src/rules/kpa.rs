//! Knative's pod autoscaler on concurrency: a stable window, and a short one for panic.

use crate::controller::Controller;
use crate::simulator::ClusterView;

/// `autoscaler.go` with concurrency as metric; the default is for `containerConcurrency` 1, a pod of one slot.
///
/// Its limits are of *ready* pods. Scale to zero is not in it: a deployment here keeps at least one pod.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kpa {
    /// Requests that a pod may hold: `containerConcurrency`, or the default of 100 when that is unlimited.
    pub total: f64,
    /// Share of them to aim at, above 0; Knative takes 1 at most, tuning tries more.
    pub utilization: f64,
    /// Stable window, seconds, 6..3600.
    pub stable_window_s: f64,
    /// Panic window, share of the stable one.
    pub panic_window_share: f64,
    /// Panic when this many times the ready pods are needed, 1.1..10.
    pub panic_threshold: f64,
    /// At most so many times the ready pods in one decision, > 1.
    pub max_up_rate: f64,
    /// At least the ready pods over this in one decision, > 1.
    pub max_down_rate: f64,
    /// `scale-down-delay`, seconds: the highest wish of it counts.
    pub down_delay_s: f64,
}

/// `target-burst-capacity`, requests.
const BURST_CAPACITY: f64 = 211.0;
/// Lowest target, requests a pod.
const MIN_TARGET: f64 = 0.01;

/// What the law remembers between two decisions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KpaMemory {
    /// Whether there was a decision yet.
    began: bool,
    /// When the need was last over the panic threshold in this panic, seconds.
    panic_s: Option<f64>,
    /// Highest wish of this panic.
    panic_pods: u32,
    /// Wishes of the delay, oldest first: time in seconds, pods.
    wishes: Vec<(f64, u32)>,
}

impl Default for Kpa {
    fn default() -> Self {
        Self {
            total: 1.0,
            utilization: 0.7,
            stable_window_s: 60.0,
            panic_window_share: 0.1,
            panic_threshold: 2.0,
            max_up_rate: 1000.0,
            max_down_rate: 2.0,
            down_delay_s: 0.0,
        }
    }
}

impl Kpa {
    /// Requests that a pod should hold.
    #[must_use]
    pub fn target(&self) -> f64 {
        (self.total * self.utilization).max(MIN_TARGET)
    }

    /// Pods for mean concurrencies over the stable and the panic window, before the bounds.
    pub fn decide(&self, memory: &mut KpaMemory, now_s: f64, ready: u32, stable: f64, panic: f64) -> u32 {
        if !memory.began {
            memory.began = true;
            if ready > 1 {
                // After a restart the present size is kept for a while.
                (memory.panic_s, memory.panic_pods) = (Some(now_s), ready);
            }
        }
        let pods = f64::from(ready.max(1));
        let (up, down) = ((self.max_up_rate * pods).ceil(), (pods / self.max_down_rate).floor());
        let need = |concurrency: f64| (concurrency / self.target()).ceil();
        let stable_pods = need(stable).clamp(down, up) as u32;
        let panic_pods = need(panic).clamp(down, up) as u32;
        if need(panic) / pods >= self.panic_threshold {
            memory.panic_s = Some(now_s);
        } else if memory.panic_s.is_some_and(|over_s| now_s - over_s > self.stable_window_s) {
            (memory.panic_s, memory.panic_pods) = (None, 0);
        }
        let mut wished = stable_pods;
        if memory.panic_s.is_some() {
            memory.panic_pods = memory.panic_pods.max(wished.max(panic_pods));
            wished = memory.panic_pods;
        }
        if self.down_delay_s > 0.0 {
            memory.wishes.retain(|(at_s, _)| now_s - at_s < self.down_delay_s);
            memory.wishes.push((now_s, wished));
            wished = memory.wishes.iter().map(|(_, pods)| *pods).fold(wished, u32::max);
        }
        wished
    }

    /// Requests that the ready pods could take on top; negative puts the buffering activator in the request path.
    #[must_use]
    pub fn excess_burst_capacity(&self, ready: u32, panic: f64) -> f64 {
        (f64::from(ready) * self.total - BURST_CAPACITY - panic).floor()
    }
}

impl Controller for Kpa {
    fn name(&self) -> String {
        format!("kpa {:.2}, {:.0} s, delay {:.0} s", self.target(), self.stable_window_s, self.down_delay_s)
    }

    fn native_period_s(&self) -> f64 {
        2.0
    }

    fn begin(&self) -> Box<dyn FnMut(&ClusterView<'_>) -> u32 + '_> {
        let mut memory = KpaMemory::default();
        Box::new(move |view| {
            let stable = view.concurrency(self.stable_window_s);
            let panic = view.concurrency(self.stable_window_s * self.panic_window_share);
            // Without data there is no decision.
            let (Some(stable), Some(panic)) = (stable, panic) else { return view.replicas };
            self.decide(&mut memory, view.now_s, view.ready_count(), stable, panic).clamp(view.min, view.max)
        })
    }
}
