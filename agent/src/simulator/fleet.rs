//! The pods of a deployment, and the requests that they are given.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use scaler_core::PodSums;

use super::pod::{Later, Pod};
use super::{Episode, ReadyPod, Routing, Served};

/// All pods that are not gone.
#[derive(Debug)]
pub(super) struct Fleet {
    /// Pods that are given requests, the oldest first.
    ready: Vec<Pod>,
    /// Pods ordered and not ready yet, the first to be ready first.
    starting: Vec<Pod>,
    /// Pods removed: some hold requests still, or have completions that no check counted yet.
    leaving: Vec<Pod>,
    later: Vec<Later>,
    /// Completions at the end of this window and of later ones, of all pods: number of the window, sums.
    recent: Vec<(usize, PodSums)>,
    /// When each request that is held will be done, as the bits of its seconds, and in which pod: their order is that of
    /// the times, which are positive. Kept with [`Routing::LeastConnections`] alone.
    held: BinaryHeap<Reverse<(u64, u32)>>,
    /// Pods ever created.
    created: u32,
    /// The next request.
    request: usize,
    /// The ready pod whose turn it is.
    turn: usize,
}

impl Clone for Fleet {
    fn clone(&self) -> Self {
        Self {
            ready: self.ready.clone(),
            starting: self.starting.clone(),
            leaving: self.leaving.clone(),
            later: self.later.clone(),
            recent: self.recent.clone(),
            held: self.held.clone(),
            created: self.created,
            request: self.request,
            turn: self.turn,
        }
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { ready, starting, leaving, later, recent, held, created, request, turn } = source;
        self.ready.clone_from(ready);
        self.starting.clone_from(starting);
        self.leaving.clone_from(leaving);
        self.later.clone_from(later);
        self.recent.clone_from(recent);
        self.held.clone_from(held);
        self.created = *created;
        self.request = *request;
        self.turn = *turn;
    }
}

impl Fleet {
    /// The initial pods, ready at time 0 or ordered then.
    pub(super) fn new(episode: &Episode) -> Self {
        let scenario = episode.scenario();
        let mut fleet = Self {
            ready: Vec::new(),
            starting: Vec::new(),
            leaving: Vec::new(),
            later: Vec::new(),
            recent: Vec::new(),
            held: BinaryHeap::new(),
            created: 0,
            request: 0,
            turn: 0,
        };
        fleet.scale(episode, 0, scenario.initial_replicas);
        if scenario.initial_ready {
            fleet.ready = std::mem::take(&mut fleet.starting);
            fleet.ready.iter_mut().for_each(|pod| (pod.ready_s, pod.free_s) = (0.0, 0.0));
        }
        fleet
    }

    /// Goes on with the requests of another episode.
    pub(super) fn meet(&mut self, other: &Episode, now_s: f64) {
        self.request = other.requests.arrivals.partition_point(|arrival_s| *arrival_s <= now_s);
    }

    pub(super) fn ready(&self) -> u32 {
        self.ready.len() as u32
    }

    pub(super) fn starting(&self) -> u32 {
        self.starting.len() as u32
    }

    /// Shortest start-up of the ready pods, seconds; `None` when no pod is ready.
    pub(super) fn startup_s(&self) -> Option<f64> {
        self.ready.iter().map(|pod| pod.startup_s).reduce(f64::min)
    }

    /// Number of each pod that is given requests, and since when, seconds.
    pub(super) fn ready_pods(&self) -> impl Iterator<Item = ReadyPod> {
        self.ready.iter().map(|pod| ReadyPod { pod: pod.id, ready_s: pod.ready_s })
    }

    /// Pods that were removed and are not gone.
    pub(super) fn terminating(&self, now_s: f64) -> u32 {
        self.leaving.iter().filter(|pod| pod.gone_s() > now_s).count() as u32
    }

    /// Orders pods, or removes some: first those that are not ready, then the newest.
    pub(super) fn scale(&mut self, episode: &Episode, check: usize, replicas: u32) {
        let now_s = episode.checks[check];
        let replicas = replicas as usize;
        let before = self.ready.len() + self.starting.len();
        for ordinal in 0..replicas.saturating_sub(before) {
            let pod = Pod::new(self.created, now_s, episode.startup_s(check, ordinal));
            self.created += 1;
            let at = self.starting.partition_point(|other| other.ready_s <= pod.ready_s);
            self.starting.insert(at, pod);
        }
        for _ in replicas..before {
            // A pod that is not ready holds nothing, but for the first of them when none is ready: that one is removed
            // last, so it stays.
            if self.starting.pop().is_none() {
                let drained_s = now_s + episode.scenario().drain_s;
                self.leaving.extend(self.ready.pop().map(|pod| Pod { drained_s, ..pod }));
            }
        }
    }

    /// Gives the window's requests to the pods.
    pub(super) fn play(&mut self, episode: &Episode, window: usize, show: &mut impl FnMut(Served)) {
        let end_s = episode.checks[window + 1];
        while let Some(first) = self.starting.first().filter(|pod| pod.ready_s <= end_s).copied() {
            // Before it is ready, since requests that come earlier must not see it, or may wait in it (see `pick`).
            self.route_until(episode, window, first.ready_s, show);
            let pod = self.starting.remove(0);
            self.ready.push(pod);
        }
        self.route_until(episode, window, end_s, show);
    }

    fn route_until(&mut self, episode: &Episode, window: usize, until_s: f64, show: &mut impl FnMut(Served)) {
        let scenario = episode.scenario();
        let slowdown = scenario.contention.map_or(1.0, |contention| contention.slowdown(self.ready.len()));
        let counted_until_s = episode.checks[window + 1] - scenario.metric_lag_s;
        // Asked once, as no training has it.
        let throttled = scenario.rested_s > 0.0 || scenario.overhead_s > 0.0;
        let requests = &*episode.requests;
        while let Some(&arrival_s) = requests.arrivals.get(self.request).filter(|arrival| **arrival < until_s) {
            let mut work_s = requests.services[self.request] * slowdown;
            let picked = self.pick(scenario.routing, &requests.routes, arrival_s);
            self.request += 1;
            // With no pod ready, requests wait for the first to become so.
            let Some(pod) = self.ready.get_mut(picked).or(self.starting.first_mut()) else { continue };
            let service_s = if throttled { pod.rested(arrival_s, work_s, scenario.rested_s) } else { work_s };
            let done_s = pod.serve(arrival_s, service_s);
            if throttled {
                pod.free_s += scenario.overhead_s;
                work_s += scenario.overhead_s;
            }
            let response_s = done_s - arrival_s;
            if scenario.routing == Routing::LeastConnections {
                pod.connections += 1;
                self.held.push(Reverse((done_s.to_bits(), pod.id)));
            }
            let counted_by = if done_s < counted_until_s {
                pod.counted.add_times(service_s, response_s);
                window
            } else {
                let later = defer(&mut self.later, pod, episode, window, done_s);
                later.sums.add_times(service_s, response_s);
                later.window as usize
            };
            if episode.is_recent(counted_by, done_s) {
                recent_of(&mut self.recent, counted_by).add_times(service_s, response_s);
            }
            show(Served { pod: pod.id, arrival_s, service_s, response_s, work_s, free_s: pod.free_s });
        }
    }

    /// Index of the ready pod that gets the next request.
    fn pick(&mut self, routing: Routing, routes: &[u32], now_s: f64) -> usize {
        let pods = self.ready.len();
        match routing {
            Routing::RoundRobin => {
                let picked = if self.turn < pods { self.turn } else { 0 };
                self.turn = picked + 1;
                picked
            }
            Routing::Random => ((u64::from(routes[self.request]) * pods as u64) >> 32) as usize,
            Routing::LeastConnections => {
                self.close_done(now_s);
                let picked = fewest_connections(&self.ready, self.turn);
                self.turn = picked + 1;
                picked
            }
            Routing::LeastWork => {
                let mut least = (0, f64::INFINITY);
                for (index, pod) in self.ready.iter().enumerate() {
                    if pod.free_s < least.1 {
                        least = (index, pod.free_s);
                    }
                }
                least.0
            }
        }
    }

    /// Ends the connections of requests that are done.
    fn close_done(&mut self, now_s: f64) {
        while let Some(Reverse((_, id))) = self.held.peek().filter(|held| f64::from_bits(held.0.0) <= now_s).copied() {
            self.held.pop();
            // A pod that was removed gets no more requests: its connections do not matter.
            if let Some(pod) = self.ready.iter_mut().chain(&mut self.starting).find(|pod| pod.id == id) {
                pod.connections -= 1;
            }
        }
    }

    /// Completions of each pod that the check at the end of this window counts.
    pub(super) fn counted(&self) -> impl Iterator<Item = &PodSums> {
        self.ready.iter().chain(&self.starting).chain(&self.leaving).map(|pod| &pod.counted)
    }

    /// Sums over all pods of what was completed at the end of this window.
    pub(super) fn recent(&self, window: usize) -> PodSums {
        self.recent.iter().find(|(of, _)| *of == window).map_or_else(PodSums::default, |(_, sums)| *sums)
    }

    /// What was billed from `begin_s` to `end_s`, within the last window, pods times seconds: a removed pod until it is
    /// gone.
    pub(super) fn billed(&self, begin_s: f64, end_s: f64) -> f64 {
        let leaving = self.leaving.iter().map(|pod| (pod.gone_s().min(end_s) - begin_s).max(0.0)).sum::<f64>();
        (self.ready.len() + self.starting.len()) as f64 * (end_s - begin_s) + leaving
    }

    /// Starts counting anew, with the completions that were put off until this window.
    pub(super) fn open_window(&mut self, window: usize) {
        self.recent.retain(|(of, _)| *of >= window);
        let Self { ready, starting, leaving, later, .. } = self;
        for pod in ready.iter_mut().chain(starting.iter_mut()).chain(leaving.iter_mut()) {
            pod.counted = PodSums::default();
            pod.later = None;
        }
        let mut kept = 0;
        for at in 0..later.len() {
            let entry = later[at];
            let due = entry.window as usize == window;
            let mut pods = ready.iter_mut().chain(starting.iter_mut()).chain(leaving.iter_mut());
            if let Some(pod) = pods.find(|pod| pod.id == entry.pod) {
                if due {
                    pod.counted = entry.sums;
                } else {
                    pod.later = Some(kept as u32);
                }
            }
            if !due {
                later[kept] = entry;
                kept += 1;
            }
        }
        later.truncate(kept);
    }

    /// Drops removed pods that are gone and whose completions are all counted.
    pub(super) fn forget_gone(&mut self, now_s: f64) {
        self.leaving.retain(|pod| pod.gone_s() > now_s || pod.counted.count() > 0 || pod.later.is_some());
    }
}

/// Index of the pod that holds the fewest requests; of several the first from `turn` on, around.
fn fewest_connections(pods: &[Pod], turn: usize) -> usize {
    let (before, after) = pods.split_at(turn.min(pods.len()));
    let mut fewest = (0, u32::MAX);
    for (index, pod) in (before.len()..).zip(after).chain((0..).zip(before)) {
        if pod.connections < fewest.1 {
            fewest = (index, pod.connections);
            if pod.connections == 0 {
                break;
            }
        }
    }
    fewest.0
}

/// Where a completion after this window is counted. A pod's completions ascend, so its last entry is the first to try.
fn defer<'a>(later: &'a mut Vec<Later>, pod: &mut Pod, episode: &Episode, window: usize, done_s: f64) -> &'a mut Later {
    let last = pod.later.map(|at| at as usize);
    let mut due = last.map_or(window + 1, |at| later[at].window as usize);
    let windows = episode.checks.len() - 1;
    while due < windows && done_s >= episode.checks[due + 1] - episode.scenario().metric_lag_s {
        due += 1;
    }
    let at = match last.filter(|&at| later[at].window as usize == due) {
        Some(at) => at,
        None => {
            later.push(Later { pod: pod.id, window: due as u32, sums: PodSums::default() });
            pod.later = Some((later.len() - 1) as u32);
            later.len() - 1
        }
    };
    &mut later[at]
}

/// The sums of a window, of which there are two or three: the next to be counted, and what waits longer.
fn recent_of(recent: &mut Vec<(usize, PodSums)>, window: usize) -> &mut PodSums {
    let at = recent.iter().position(|(of, _)| *of == window).unwrap_or(recent.len());
    if at == recent.len() {
        recent.push((window, PodSums::default()));
    }
    &mut recent[at].1
}
