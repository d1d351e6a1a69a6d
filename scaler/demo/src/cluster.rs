//! The local backend of [`scaler::cluster::Cluster`]: replicas are child processes.
//!
//! What a Deployment and its Service are in the cluster: it keeps as many pods as were ordered, replaces those that die,
//! gives ready ones to the ingress ([`Routes`]), and ends others without losing a request. One task a pod (`cluster/pod.rs`).
//!
//! ```text
//! order -> Starting (start-up delay, process, /readyz) -> Ready (in the routes) -> Terminating (drains) -> gone
//! ```

mod pod;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use agent::rng::Stream;
use scaler::cluster::{Cluster, ClusterError, Pods};
use thiserror::Error;
use tokio::sync::watch;

use crate::child::Launch;
use crate::routes::{Backend, Routes};

/// Letters of the random part of pod names: those of Kubernetes, without vowels and without look-alikes.
const NAME_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Letters of it.
const NAME_LENGTH: usize = 5;
/// So many pods in a row that die before they are ready: they never will be.
const HOPELESS: u32 = 5;

/// How pods are made, and ended.
#[derive(Debug, Clone)]
pub struct PodTemplate {
    /// The process; each pod adds its `POD_NAME`.
    pub launch: Launch,
    /// Emulated: from the order to the start of the process. Image, volume and scheduling take that in the cluster.
    pub start_up: Duration,
    /// How long a pod that drains has before it is killed.
    pub grace: Duration,
}

/// Where a pod is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Starting,
    Ready { url: String, startup: Duration },
    Terminating,
}

/// What a pod's task is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Live,
    Drain,
    /// Drain within this time.
    Hurry(Duration),
}

#[derive(Debug)]
struct Pod {
    name: String,
    created: Instant,
    phase: Phase,
    pid: Option<u32>,
    order: watch::Sender<Order>,
}

#[derive(Debug)]
struct State {
    ordered: u32,
    /// In order of creation.
    pods: Vec<Pod>,
    names: Stream,
    ended: Ended,
    /// Pods that died before they were ready, since one last got ready.
    stillborn: u32,
    failure: Option<String>,
}

/// Pods that are gone, by how they went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// Ended when asked, all requests answered.
    pub drained: u32,
    /// Did not drain in time and were killed.
    pub killed: u32,
    /// Died by themselves, and were replaced.
    pub died: u32,
}

/// A pod with a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodProcess {
    /// Its name.
    pub pod: String,
    /// Its process id.
    pub pid: u32,
}

/// Why there are not the pods that were ordered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LocalError {
    /// Pods die one after the other.
    #[error("{HOPELESS} pods in a row died before they were ready; the last: {0}")]
    Hopeless(String),
    /// It takes too long.
    #[error("of {ordered} pods {ready} were ready after {deadline:?}")]
    NotReady {
        /// Pods ordered.
        ordered: u32,
        /// Pods ready.
        ready: usize,
        /// How long they had.
        deadline: Duration,
    },
}

/// The pods of one lane.
#[derive(Debug, Clone)]
pub struct LocalCluster {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    template: PodTemplate,
    client: reqwest::Client,
    routes: Arc<Routes>,
    state: Mutex<State>,
    /// Ticks on every change of the state.
    changes: watch::Sender<()>,
}

impl LocalCluster {
    /// A cluster without pods. `client` asks them whether they are ready; `names` names them.
    #[must_use]
    pub fn new(template: PodTemplate, client: reqwest::Client, routes: Arc<Routes>, names: Stream) -> Self {
        let state = State { ordered: 0, pods: Vec::new(), names, ended: Ended::default(), stillborn: 0, failure: None };
        let state = Mutex::new(state);
        Self { shared: Arc::new(Shared { template, client, routes, state, changes: watch::Sender::new(()) }) }
    }

    /// Orders so many pods. Needs a Tokio runtime, as their tasks run on it.
    pub fn scale(&self, replicas: u32) {
        self.shared.change(|state| {
            state.ordered = replicas;
            self.shared.reconcile(state);
        });
    }

    /// The pods now.
    ///
    /// # Errors
    /// [`LocalError::Hopeless`].
    pub fn census(&self) -> Result<Pods, LocalError> {
        let state = self.shared.lock();
        if let Some(failure) = &state.failure {
            return Err(LocalError::Hopeless(failure.clone()));
        }
        let count = |phase: &Phase| state.pods.iter().filter(|pod| pod.phase == *phase).count();
        let ready = state.pods.iter().filter(|pod| matches!(pod.phase, Phase::Ready { .. }));
        let mut ready: Vec<String> = ready.map(|pod| pod.name.clone()).collect();
        ready.sort();
        let starting = u32::try_from(count(&Phase::Starting)).unwrap_or(u32::MAX);
        let terminating = u32::try_from(count(&Phase::Terminating)).unwrap_or(u32::MAX);
        let startups = state.pods.iter().filter_map(|pod| match pod.phase {
            Phase::Ready { startup, .. } => Some(startup),
            Phase::Starting | Phase::Terminating => None,
        });
        Ok(Pods { ordered: state.ordered, ready, starting, terminating, startup: startups.min() })
    }

    /// Waits until as many pods are ready as are ordered.
    ///
    /// # Errors
    /// [`LocalError`].
    pub async fn ready(&self, deadline: Duration) -> Result<(), LocalError> {
        let done = |state: &State| {
            let ready = state.pods.iter().filter(|pod| matches!(pod.phase, Phase::Ready { .. }));
            state.failure.is_some() || ready.count() >= state.ordered as usize
        };
        let in_time = self.shared.wait_until(done, deadline).await;
        let Pods { ordered, ready, .. } = self.census()?;
        if in_time { Ok(()) } else { Err(LocalError::NotReady { ordered, ready: ready.len(), deadline }) }
    }

    /// Pods with a process, in order of creation; terminating ones too.
    #[must_use]
    pub fn processes(&self) -> Vec<PodProcess> {
        let state = self.shared.lock();
        let process = |pod: &Pod| Some(PodProcess { pod: pod.name.clone(), pid: pod.pid? });
        state.pods.iter().filter_map(process).collect()
    }

    /// Pods that are gone so far.
    #[must_use]
    pub fn ended(&self) -> Ended {
        self.shared.lock().ended
    }

    /// Ends all pods; those that hold requests have `grace` to answer them. Returns when no process is left.
    pub async fn shut_down(&self, grace: Duration) {
        self.scale(0);
        let all_gone = |state: &State| state.pods.is_empty();
        self.shared.change(|state| {
            for pod in &state.pods {
                pod.order.send_replace(Order::Hurry(grace));
            }
        });
        // A killed process is gone at once; the second more is for a machine that is busy.
        self.shared.wait_until(all_gone, grace + Duration::from_secs(10)).await;
    }
}

impl Cluster for LocalCluster {
    async fn pods(&self) -> Result<Pods, ClusterError> {
        self.census().map_err(|error| ClusterError::Backend { source: Box::new(error) })
    }

    async fn order(&self, replicas: NonZeroU32) -> Result<(), ClusterError> {
        self.scale(replicas.get());
        Ok(())
    }
}

impl Shared {
    /// Starts and ends pods until as many live as are ordered.
    fn reconcile(self: &Arc<Self>, state: &mut State) {
        let living = |state: &State| state.pods.iter().filter(|pod| pod.phase != Phase::Terminating).count();
        while living(state) < state.ordered as usize && state.failure.is_none() {
            let name = format!("matrix-multiply-{}", name_suffix(&mut state.names));
            let (order, orders) = watch::channel(Order::Live);
            let created = Instant::now();
            state.pods.push(Pod { name: name.clone(), created, phase: Phase::Starting, pid: None, order });
            tokio::spawn(pod::live(self.clone(), name, orders));
        }
        while living(state) > state.ordered as usize {
            // Newest first, and those first that serve nobody yet.
            let newest = |starting: bool| {
                state.pods.iter().rposition(|pod| match pod.phase {
                    Phase::Starting => starting,
                    Phase::Ready { .. } => !starting,
                    Phase::Terminating => false,
                })
            };
            let Some(pod) = newest(true).or(newest(false)).and_then(|index| state.pods.get_mut(index)) else { break };
            pod.phase = Phase::Terminating;
            pod.order.send_replace(Order::Drain);
        }
    }

    /// Changes the state, then tells the ingress and whoever waits.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        let ready = state.pods.iter().filter_map(|pod| match &pod.phase {
            Phase::Ready { url, .. } => Some(Backend { pod: pod.name.clone(), url: url.clone() }),
            Phase::Starting | Phase::Terminating => None,
        });
        // Under the lock: a later state must not be overtaken by an earlier one.
        self.routes.set(ready.collect());
        drop(state);
        self.changes.send_replace(());
        result
    }

    /// `false` when it is not so by the deadline.
    async fn wait_until(&self, condition: impl Fn(&State) -> bool, deadline: Duration) -> bool {
        let mut changes = self.changes.subscribe();
        let reached = async {
            while !condition(&self.lock()) {
                if changes.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(deadline, reached).await.is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere while it held the lock would be worse hidden; the state itself stays usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name_suffix(names: &mut Stream) -> String {
    (0..NAME_LENGTH).map(|_| char::from(names.pick(NAME_LETTERS).copied().unwrap_or(b'x'))).collect()
}
