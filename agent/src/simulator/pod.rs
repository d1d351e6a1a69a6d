//! One pod: a first-come-first-served queue with one slot.

use scaler_core::PodSums;

/// A pod from its order until its last request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pod {
    /// Its number, in order of creation.
    pub(super) id: u32,
    /// When it can take a first request, seconds.
    pub(super) ready_s: f64,
    /// How long that takes from its order, seconds.
    pub(super) startup_s: f64,
    /// When all that it holds is done, and all that is beside it, seconds.
    pub(super) free_s: f64,
    /// When its drain is over, seconds; 0 until it is removed.
    pub(super) drained_s: f64,
    /// Its completions that the check at the end of this window counts.
    pub(super) counted: PodSums,
    /// Where its latest completions after this window are gathered: an index into the list of [`Later`].
    pub(super) later: Option<u32>,
    /// Requests that it holds; counted with [`super::Routing::LeastConnections`] alone.
    pub(super) connections: u32,
}

/// Completions of one pod that the check at the end of a later window counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Later {
    /// The pod's number.
    pub(super) pod: u32,
    /// The window; the number of windows for what no check of the episode sees.
    pub(super) window: u32,
    /// Their sums.
    pub(super) sums: PodSums,
}

impl Pod {
    pub(super) fn new(id: u32, ordered_s: f64, startup_s: f64) -> Self {
        let ready_s = ordered_s + startup_s;
        Self {
            id,
            ready_s,
            startup_s,
            free_s: ready_s,
            drained_s: 0.0,
            counted: PodSums::default(),
            later: None,
            connections: 0,
        }
    }

    /// When a removed pod is gone, seconds: it finishes what it holds, and exists as long as its drain.
    pub(super) fn gone_s(&self) -> f64 {
        self.free_s.max(self.drained_s)
    }

    /// Takes a request that arrives now; the time at which it is done.
    pub(super) fn serve(&mut self, arrival_s: f64, service_s: f64) -> f64 {
        self.free_s = self.free_s.max(arrival_s) + service_s;
        self.free_s
    }

    /// What a request that arrives now takes, when a pod that has rested is so much faster.
    pub(super) fn rested(&self, arrival_s: f64, service_s: f64, rested_s: f64) -> f64 {
        let idle_s = (arrival_s - self.free_s).max(0.0);
        service_s - rested_s.min(idle_s).min(service_s / 2.0)
    }
}
