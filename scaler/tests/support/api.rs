//! What an API server says about one Deployment and its pods.

use serde_json::{Value, json};

use super::peer::{Answer, Peer, Sent};

pub const NAMESPACE: &str = "shop";
pub const DEPLOYMENT: &str = "matrix-service";
pub const GET_DEPLOYMENT: &str = "GET /apis/apps/v1/namespaces/shop/deployments/matrix-service";
pub const PATCH_SCALE: &str = "PATCH /apis/apps/v1/namespaces/shop/deployments/matrix-service/scale?";
pub const HASH: &str = "7d4b9c6f5d";

pub fn deployment(replicas: u32) -> Answer {
    ok(json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": DEPLOYMENT, "namespace": NAMESPACE },
        "spec": {
            "replicas": replicas,
            "selector": {
                "matchLabels": { "app": DEPLOYMENT },
                "matchExpressions": [{ "key": "track", "operator": "NotIn", "values": ["canary"] }],
            },
            "template": { "metadata": { "labels": { "app": DEPLOYMENT } }, "spec": { "containers": [] } },
        },
        "status": { "replicas": replicas },
    }))
}

/// A pod of the Deployment, as the API server lists it while it runs and is ready.
pub fn pod(suffix: &str) -> Value {
    json!({
        "metadata": {
            "name": format!("{DEPLOYMENT}-{HASH}-{suffix}"), "namespace": NAMESPACE,
            "labels": { "app": DEPLOYMENT, "pod-template-hash": HASH },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{DEPLOYMENT}-{HASH}"),
                "uid": "0a", "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": { "containers": [] },
        "status": {
            "phase": "Running",
            "conditions": [{ "type": "PodScheduled", "status": "True" }, { "type": "Ready", "status": "True" }],
        },
    })
}

/// The same pod with one value changed.
pub fn changed(mut pod: Value, pointer: &str, value: Value) -> Value {
    *pod.pointer_mut(pointer).unwrap() = value;
    pod
}

/// The same pod while it is being deleted.
pub fn deleted(mut pod: Value) -> Value {
    pod["metadata"]["deletionTimestamp"] = json!("2026-02-01T00:00:00Z");
    pod
}

pub fn page(pods: &[Value], next: Option<&str>) -> Answer {
    let metadata = json!({ "resourceVersion": "7", "continue": next.unwrap_or_default() });
    ok(json!({ "apiVersion": "v1", "kind": "PodList", "metadata": metadata, "items": pods }))
}

pub fn scaled(replicas: u32) -> Answer {
    ok(json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": { "name": DEPLOYMENT, "namespace": NAMESPACE },
        "spec": { "replicas": replicas }, "status": { "replicas": 1 },
    }))
}

pub fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message,
    });
    Answer::Json(code, status.to_string())
}

fn ok(body: Value) -> Answer {
    Answer::Json(200, body.to_string())
}

/// The list request for a page of pods.
pub fn get_pods(next: Option<&str>) -> String {
    let next = next.map_or_else(String::new, |token| format!("&continue={token}"));
    format!(
        "GET /api/v1/namespaces/shop/pods?&labelSelector=app%3Dmatrix-service%2Ctrack+notin+%28canary%29&limit=500{next}"
    )
}

/// An API server that says `deployment`, then the pages of pods, then `patched`; anything else is 418.
pub fn server(deployment: Answer, pages: Vec<(Option<&'static str>, Answer)>, patched: Answer) -> Peer {
    Peer::start(move |Sent { line, .. }| match line.as_str() {
        GET_DEPLOYMENT => deployment.clone(),
        PATCH_SCALE => patched.clone(),
        list => pages.iter().find(|(token, _)| get_pods(*token) == list).map_or_else(
            || refusal(418, "Teapot", &format!("not in the script: {list}")),
            |(_, answer)| answer.clone(),
        ),
    })
}
