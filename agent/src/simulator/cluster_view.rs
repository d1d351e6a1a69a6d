//! What the cluster's own autoscalers see: counts of pods, and gauges with their delay.

use super::occupancy::Occupancy;
use super::{ReadyPod, Served};

/// Gauges of a run, second by second: what Prometheus, metrics-server and queue proxies are fed with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Meters {
    /// Requests that arrived in each second.
    arrivals: Vec<u32>,
    /// Requests inside, those that wait included.
    inside: Occupancy,
    /// CPU seconds of each pod, by its number.
    busy: Vec<Occupancy>,
}

impl Meters {
    /// Counts a request; in order of arrival.
    pub fn add(&mut self, served: &Served) {
        let Served { pod, arrival_s, service_s: _, response_s, work_s, free_s } = *served;
        let second = arrival_s as usize;
        if self.arrivals.len() <= second {
            self.arrivals.resize(second + 1, 0);
        }
        self.arrivals[second] += 1;
        self.inside.add(arrival_s, arrival_s + response_s);
        let pod = pod as usize;
        if self.busy.len() <= pod {
            self.busy.resize_with(pod + 1, || Occupancy::new(free_s - work_s));
        }
        // A pod that has rested does in its service time what it did not use before: the work began as much earlier.
        self.busy[pod].add(free_s - work_s, free_s);
    }

    /// Closes the seconds that have passed, of these pods: nobody asks for those of others.
    pub fn settle(&mut self, now_s: f64, ready: &[ReadyPod]) {
        self.inside.settle(now_s);
        for ready in ready {
            if let Some(busy) = self.busy.get_mut(ready.pod as usize) {
                busy.settle(now_s);
            }
        }
    }
}

/// How CPU usage reaches the metrics API.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuSampling {
    /// A sample is the mean usage over so many seconds, >= 1.
    pub window_s: f64,
    /// Age of its end when it is read, seconds, >= 0.
    pub age_s: f64,
    /// CPU request of a pod, over what it uses while it works: a limit that throttles is the latter.
    pub request: f64,
}

impl Default for CpuSampling {
    /// 15 s old means over 15 s; with a sync every 15 s a change is seen after 30 s on average, as a maintainer estimates
    /// it (27.5 s, kubernetes/kubernetes#110317). A pod requests what it uses when busy.
    fn default() -> Self {
        Self { window_s: 15.0, age_s: 15.0, request: 1.0 }
    }
}

/// CPU usage of a deployment's pods, in the classes of the Horizontal Pod Autoscaler.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PodUsage {
    /// Sum over the ready pods, in units of the request's.
    pub usage: f64,
    /// Request of each pod, > 0.
    pub request: f64,
    /// Pods with a usable sample.
    pub ready: u32,
    /// Pods that are pending, or so young that their sample began before they were ready.
    pub unready: u32,
    /// Pods without a sample.
    pub missing: u32,
}

/// A deployment at one moment.
#[derive(Debug, Clone, Copy)]
pub struct ClusterView<'a> {
    /// Time, seconds since the beginning.
    pub now_s: f64,
    /// `spec.replicas`.
    pub replicas: u32,
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// Pods ordered and not ready.
    pub starting: u32,
    /// Pods that are given requests.
    pub ready: &'a [ReadyPod],
    /// The gauges.
    pub meters: &'a Meters,
}

impl ClusterView<'_> {
    /// Ready pods.
    #[must_use]
    pub fn ready_count(&self) -> u32 {
        self.ready.len() as u32
    }

    /// CPU usage as the metrics API tells it now.
    ///
    /// A pod counts as ready once a whole sample lies behind its readiness: `sample end >= ready + window`. The upstream
    /// rule ends 300 s after a pod's start, which only start-ups above 270 s would notice. No pod is without a sample.
    #[must_use]
    pub fn pod_usage(&self, sampling: &CpuSampling) -> PodUsage {
        let end_s = (self.now_s - sampling.age_s).floor();
        let window_s = sampling.window_s.round().max(1.0);
        let begin_s = end_s - window_s;
        let mut pods = PodUsage { request: sampling.request, unready: self.starting, ..PodUsage::default() };
        for ready in self.ready {
            if begin_s < ready.ready_s {
                pods.unready += 1;
                continue;
            }
            pods.ready += 1;
            let busy = self.meters.busy.get(ready.pod as usize);
            pods.usage += busy.map_or(0.0, |busy| busy.between(begin_s as usize, end_s as usize)) / window_s;
        }
        pods
    }

    /// Mean number of requests inside over the last whole seconds, as many as there are; `None`: there was none yet.
    #[must_use]
    pub fn concurrency(&self, window_s: f64) -> Option<f64> {
        let (from, to) = self.last_seconds(window_s, 0.0)?;
        Some(self.meters.inside.between(from, to) / (to - from) as f64)
    }

    /// Requests per second that arrived within a window whose end is so old; `None`: there was no such second yet.
    #[must_use]
    pub fn arrival_rate(&self, window_s: f64, age_s: f64) -> Option<f64> {
        let (from, to) = self.last_seconds(window_s, age_s)?;
        let known = self.meters.arrivals.len();
        let arrivals: u32 = self.meters.arrivals[from.min(known)..to.min(known)].iter().sum();
        Some(f64::from(arrivals) / (to - from) as f64)
    }

    fn last_seconds(&self, window_s: f64, age_s: f64) -> Option<(usize, usize)> {
        let to = (self.now_s - age_s).max(0.0) as usize;
        let from = to.saturating_sub(window_s.round().max(1.0) as usize);
        (from < to).then_some((from, to))
    }
}
