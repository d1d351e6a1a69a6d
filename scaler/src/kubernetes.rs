//! The Deployment in a cluster.
//!
//! | call | right that the Role must grant |
//! |---|---|
//! | `GET deployments/<name>` | `get` on `deployments` |
//! | `GET pods?labelSelector=...` | `list` on `pods` |
//! | `PATCH deployments/<name>/scale` with `{"spec":{"replicas":N}}` | `patch` on `deployments/scale` |
//!
//! No call is repeated: the next check is the repetition.
//!
//! A label selector alone may match the pods of another owner. A pod of the Deployment belongs to a ReplicaSet of the
//! Deployment; as the Role grants no access to ReplicaSets, the owner is known by its name, which Kubernetes builds as
//! `<deployment>-<value of the pod's label pod-template-hash>`.

use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::core::{ObjectList, Selector};
use kube::{Client, Config, ResourceExt};
use serde_json::json;

use crate::cluster::{Cluster, ClusterError, Pods};
use crate::http;

/// Time that the API server has for one answer.
pub const API_DEADLINE: Duration = Duration::from_secs(10);
/// Pods in one page of the list; kubectl's page.
const PAGE: u32 = 500;
/// Pages that are read at most: more pods than any cluster has.
const MAX_PAGES: usize = 1000;
/// The label by which ReplicaSets tell their pods from those of their siblings.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// One Deployment of one namespace.
#[derive(Clone)]
pub struct Kubernetes {
    deployments: Api<Deployment>,
    pods: Api<Pod>,
    namespace: String,
    deployment: String,
    deadline: Duration,
}

impl Kubernetes {
    /// The Deployment in the cluster of the kubeconfig file, or else of the pod's own service account.
    ///
    /// # Errors
    /// [`ClusterError::Configuration`] when there is neither.
    pub async fn infer(namespace: &str, deployment: &str, deadline: Duration) -> Result<Self, ClusterError> {
        http::install_crypto();
        let config =
            Config::infer().await.map_err(|source| ClusterError::Configuration { source: Box::new(source) })?;
        Self::new(config, namespace, deployment, deadline)
    }

    /// The Deployment behind the API server of `config`; each call has `deadline`.
    ///
    /// # Errors
    /// [`ClusterError::Configuration`] when the configuration contradicts itself.
    pub fn new(
        mut config: Config,
        namespace: &str,
        deployment: &str,
        deadline: Duration,
    ) -> Result<Self, ClusterError> {
        http::install_crypto();
        config.default_retry = false;
        // Without any named, the client would read those that the machine trusts.
        if http::is_plain(&config.cluster_url.to_string()) {
            config.root_cert.get_or_insert_default();
        }
        let client =
            Client::try_from(config).map_err(|source| ClusterError::Configuration { source: Box::new(source) })?;
        Ok(Self {
            deployments: Api::namespaced(client.clone(), namespace),
            pods: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            deployment: deployment.to_owned(),
            deadline,
        })
    }

    async fn timed<T>(&self, call: &str, answer: impl Future<Output = kube::Result<T>>) -> Result<T, ClusterError> {
        match tokio::time::timeout(self.deadline, answer).await {
            Ok(answer) => answer.map_err(|error| refusal(call, error)),
            Err(_) => Err(ClusterError::Deadline { call: call.to_owned(), deadline: self.deadline }),
        }
    }

    async fn deployment(&self) -> Result<Deployment, ClusterError> {
        let call = format!("GET deployment {}/{}", self.namespace, self.deployment);
        self.timed(&call, self.deployments.get(&self.deployment)).await
    }

    async fn selected_pods(&self, selector: &Selector) -> Result<Vec<Pod>, ClusterError> {
        let call = format!("GET pods of {}/{}", self.namespace, self.deployment);
        let mut pods = Vec::new();
        let mut params = ListParams::default().labels_from(selector).limit(PAGE);
        for _ in 0..MAX_PAGES {
            let ObjectList { items, metadata, .. } = self.timed(&call, self.pods.list(&params)).await?;
            pods.extend(items);
            match metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(pods),
            }
        }
        Err(ClusterError::EndlessList { call, pages: MAX_PAGES })
    }
}

impl Cluster for Kubernetes {
    async fn pods(&self) -> Result<Pods, ClusterError> {
        let spec = self.deployment().await?.spec.unwrap_or_default();
        let selector = Selector::try_from(spec.selector).map_err(|source| ClusterError::Answer {
            call: format!("selector of deployment {}/{}", self.namespace, self.deployment),
            source: Box::new(source),
        })?;
        let listed = self.selected_pods(&selector).await?;
        // A Deployment without a count has one; the API server fills that in.
        let ordered = spec.replicas.map_or(1, |replicas| u32::try_from(replicas).unwrap_or(0));
        Ok(sort_pods(ordered, &self.deployment, &listed))
    }

    async fn order(&self, replicas: NonZeroU32) -> Result<(), ClusterError> {
        let call = format!("PATCH deployment {}/{} scale", self.namespace, self.deployment);
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        let params = PatchParams::default();
        self.timed(&call, self.deployments.patch_scale(&self.deployment, &params, &patch)).await.map(drop)
    }
}

/// Counts the pods that are the Deployment's by their state.
fn sort_pods(ordered: u32, deployment: &str, listed: &[Pod]) -> Pods {
    let mut pods = Pods { ordered, ready: Vec::new(), starting: 0, terminating: 0, startup: None };
    for pod in listed.iter().filter(|pod| belongs(pod, deployment)) {
        match state(pod) {
            State::Ready => {
                pods.ready.push(pod.name_any());
                pods.startup = pods.startup.into_iter().chain(startup(pod)).min();
            }
            State::Starting => pods.starting += 1,
            State::Terminating => pods.terminating += 1,
            State::Ended => {}
        }
    }
    pods.ready.sort();
    pods
}

fn belongs(pod: &Pod, deployment: &str) -> bool {
    let Some(hash) = pod.labels().get(TEMPLATE_HASH) else { return false };
    let replica_set = format!("{deployment}-{hash}");
    pod.owner_references().iter().any(|owner| {
        owner.kind == "ReplicaSet"
            && owner.api_version.starts_with("apps/")
            && owner.controller == Some(true)
            && owner.name == replica_set
    })
}

/// From the pod's creation until it last became ready; `None` when the API server does not tell, or tells nonsense.
fn startup(pod: &Pod) -> Option<Duration> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready")?;
    let (created, ready) = (pod.metadata.creation_timestamp.as_ref()?, ready.last_transition_time.as_ref()?);
    Duration::try_from(ready.0.duration_since(created.0)).ok()
}

enum State {
    Ready,
    Starting,
    Terminating,
    Ended,
}

fn state(pod: &Pod) -> State {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    match phase {
        // Evicted and finished pods stay listed; their replacements are listed too.
        Some("Succeeded" | "Failed") => State::Ended,
        _ if pod.metadata.deletion_timestamp.is_some() => State::Terminating,
        Some("Running") if ready => State::Ready,
        _ => State::Starting,
    }
}

fn refusal(call: &str, error: kube::Error) -> ClusterError {
    let call = call.to_owned();
    let status = match &error {
        kube::Error::Api(status) => Some(status.code),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => None,
        _ => return ClusterError::Unreachable { call, source: Box::new(error) },
    };
    let source = Box::new(error);
    match status {
        None => ClusterError::Answer { call, source },
        Some(401 | 403) => ClusterError::Forbidden { call, source },
        Some(404) => ClusterError::NotFound { call, source },
        Some(409) => ClusterError::Conflict { call, source },
        Some(status @ 400..500) => ClusterError::Refused { call, status, source },
        Some(status) => ClusterError::ServerError { call, status, source },
    }
}
