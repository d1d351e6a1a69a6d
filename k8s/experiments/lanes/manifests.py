"""The objects of a lane: the system as `kubectl apply -k k8s/` has it, with the policy and the sizes of the experiment."""
import json, os, tempfile

from stage.manifests import rendered

K8S = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Not in a namespace: each lane has its own, as its name is in them.
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "PriorityClass"}
# Time that a pod which ends serves on, seconds: a DNS answer lives for 5 s where CoreDNS has its defaults, the proxy asks once a second,
# and one more for the endpoints. Where a DNS keeps answers longer, the proxy sends a request again that such a pod refuses (`SIZE`).
PRE_STOP_S = 7
# Of what is not measured, so that six pods of each lane find room on a small node. Not the proxy: a busy node gives CPU by the
# requests, and a proxy that waits for it would be measured as response time.
SMALL_REQUESTS = ["agent", "prometheus", "pushgateway", "blackbox-exporter"]


def objects(namespace, policy, experiment, sizing, interval_s=60):
    """Everything to apply. Kustomize does what it can; the names that no kustomization can give are given here."""
    with tempfile.TemporaryDirectory(prefix="experiment-") as scratch:
        with open(os.path.join(scratch, "kustomization.yaml"), "w", encoding="utf-8") as file:
            json.dump(kustomization(scratch, namespace, policy, experiment, sizing, interval_s), file)  # JSON is YAML
        found = rendered(scratch)[1]
    found = [placed(one, namespace) for one in found]
    return found + ([autoscaler(namespace, policy, experiment)] if policy.kind == "hpa" else [])


def kustomization(scratch, namespace, policy, experiment, sizing, interval_s):
    base = os.path.relpath(os.path.realpath(K8S), os.path.realpath(scratch))
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": namespace,
            "resources": [f"{base}/base"], "components": [f"{base}/components/monitoring", f"{base}/settings"],
            "patches": [{"target": {"kind": kind, "name": name}, "patch": json.dumps(patch)}
                        for kind, name, patch in patches(policy, experiment, sizing, interval_s)]}


def patches(policy, experiment, sizing, interval_s):
    """(kind, name, patch): what differs from the settings that are shipped."""
    cpu = f"{sizing.millicores}m"
    scaler = {"PRESSURE_THRESHOLD": f"{experiment.threshold_s:g}", "INTERVAL_CHECK": f"{interval_s:g}",
              "MAX_REPLICAS": str(experiment.max_replicas), "MODE": "auto" if policy.is_asked else "shadow",
              "ANALYZED_RETENTION": "1000"}
    agent = {"RISK": policy.setting} if policy.kind == "agent" else {"POLICY": policy.setting} if policy.kind == "rule" else {}
    pod = "/spec/template/spec/containers/0"
    yield "ConfigMap", "scaler-settings", [settings(name, value) for name, value in scaler.items()]
    yield "ConfigMap", "matrix-service-settings", [settings("REPEAT", str(sizing.repeat))]
    if agent:
        yield "ConfigMap", "agent-settings", [settings(name, value) for name, value in agent.items()]
    yield "Deployment", "matrix-service", [
        {"op": "replace", "path": f"{pod}/resources/limits/cpu", "value": cpu},
        {"op": "replace", "path": f"{pod}/resources/requests/cpu", "value": cpu},
        {"op": "replace", "path": f"{pod}/resources/requests/memory", "value": "16Mi"},
        {"op": "replace", "path": f"{pod}/lifecycle/preStop/sleep/seconds", "value": PRE_STOP_S},
    ]
    # One proxy: round robin over the pods, as the simulator has it, and not over two proxies that do not know of one another.
    yield "Deployment", "ingress", [{"op": "replace", "path": "/spec/replicas", "value": 1}]
    yield "Deployment", "grafana", [{"op": "replace", "path": "/spec/replicas", "value": 0}]
    for name in SMALL_REQUESTS:
        yield "Deployment", name, [{"op": "replace", "path": f"{pod}/resources/requests/cpu", "value": "5m"}]
    if not policy.is_asked:
        # Not only told not to: it may not.
        yield "Role", "scaler", [{"op": "test", "path": "/rules/1/resources/0", "value": "deployments/scale"},
                                 {"op": "remove", "path": "/rules/1"}]
    if policy.kind == "static":
        yield "Deployment", "matrix-service", [{"op": "add", "path": "/spec/replicas", "value": int(policy.setting)}]


def settings(name, value):
    """`add` replaces what is there."""
    return {"op": "add", "path": f"/data/{name}", "value": value}


def placed(one, namespace):
    """With names of its own where they are the cluster's, and without the label that `rendered` left."""
    meta = one["metadata"]
    meta.get("labels", {}).pop("read", None)
    if one["kind"] in CLUSTER_WIDE:
        meta["name"] = own(meta["name"], namespace)
        meta.setdefault("labels", {})["experiment"] = namespace
    if one["kind"] == "Namespace":
        meta.setdefault("labels", {})["experiment"] = "yes"
    if one["kind"] == "ClusterRoleBinding":
        one["roleRef"]["name"] = own(one["roleRef"]["name"], namespace)
    for subject in one.get("subjects", []):
        subject["namespace"] = namespace
    if one["kind"] == "CronJob":
        # Until the load begins: all lanes begin with one replica, and their first check is of the first minute.
        one["spec"]["suspend"] = True
        pod = one["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        pod["priorityClassName"] = own(pod["priorityClassName"], namespace)
    return one


def own(name, namespace):
    return f"{namespace}-{name}"


def autoscaler(namespace, policy, experiment):
    """autoscaling/v2 with its default behaviour; the target is a share of the pods' request, which is their limit here."""
    target = {"type": "Utilization", "averageUtilization": int(policy.setting)}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "matrix-service", "namespace": namespace},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "matrix-service"},
                     "minReplicas": 1, "maxReplicas": experiment.max_replicas,
                     "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]}}
