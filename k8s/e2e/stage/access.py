"""Who may do what: the scaler's account, tokens, the network, the volume; each with what must work beside what must not."""
import json
from concurrent.futures import ThreadPoolExecutor

from .cluster import demand, kubectl, until
from .manifests import listed
from .volume import helper_pod

# What the scaler's account must be refused, whoever got hold of its token: names and arguments of kubectl.
REFUSED = {
    "read a Secret": ("get", "secrets"),
    "read settings": ("get", "configmaps"),
    "change what the pods run": ("patch", "deployment", "matrix-service", "-p", '{"metadata":{"labels":{"a":"b"}}}'),
    "scale another Deployment": ("patch", "deployment", "agent", "--subresource=scale", "-p", '{"spec":{"replicas":0}}'),
    "delete the Deployment": ("delete", "deployment", "matrix-service", "--dry-run=server"),
    "list the Deployments": ("get", "deployments"),
    "delete a pod": ("delete", "pods", "-l", "app.kubernetes.io/name=matrix-service", "--dry-run=server"),
    "start a pod": ("create", "--dry-run=server", "-f", "-"),
    "run a command in a pod": ("exec", "deployment/agent", "--", "true"),
    "change its own schedule": ("patch", "cronjob", "scaler", "-p", '{"spec":{"suspend":true}}'),
    "give itself rights": ("patch", "role", "scaler", "--type=json", "-p", '[{"op":"remove","path":"/rules/0"}]'),
    "make a token": ("create", "token", "prometheus"),
    "list pods of another namespace": ("-n", "kube-system", "get", "pods"),
    "list nodes": ("get", "nodes"),
}
# And all that it may.
LISTED = ["get deployments.apps matrix-service", "get deployments.apps/scale matrix-service", "list pods",
          "patch deployments.apps/scale matrix-service"]
ALLOWED = {
    "get the Deployment": ("get", "deployment", "matrix-service"),
    "get its scale": ("get", "deployment", "matrix-service", "--subresource=scale"),
    "set its scale": ("patch", "deployment", "matrix-service", "--subresource=scale", "--type=merge", "-p", "{}"),
    "list pods": ("get", "pods"),
}


def account(cluster):
    """The scaler's account: 4 calls work, 14 are refused, each for want of a right"""
    me = ("-n", cluster.namespace, f"--as=system:serviceaccount:{cluster.namespace}:scaler")
    pod = json.dumps(helper_pod("e2e-refused", ["true"]))

    def attempt(call):
        return kubectl(*me, *call, text=pod if "-f" in call else None)

    with ThreadPoolExecutor(4) as pool:
        refused = dict(zip(REFUSED, pool.map(attempt, REFUSED.values())))
        allowed = dict(zip(ALLOWED, pool.map(attempt, ALLOWED.values())))
    for what, (code, _, error) in allowed.items():
        demand(code == 0, f"may not {what}: {error.strip()}")
    for what, (code, _, error) in refused.items():
        demand(code != 0 and "orbidden" in error, f"may {what}: {error.strip() or 'it worked'}")
    own = sorted(listed(cluster.namespace, "scaler") - listed(cluster.namespace, "nobody"))
    demand(own == LISTED, f"the API server lists {own}")
    return f"listed: {'; '.join(own)}. Refused: {', '.join(REFUSED)}"


def tokens(cluster):
    """Only scaler and prometheus have a token in their pods"""
    having = set()
    for pod in cluster.get("pods")["items"]:
        sources = [s for v in pod["spec"].get("volumes", []) for s in v.get("projected", {}).get("sources", [])]
        if any("serviceAccountToken" in s for s in sources):
            having.add(pod["metadata"]["labels"].get("app.kubernetes.io/name"))
    demand(having <= {"scaler", "prometheus"}, f"tokens in pods of {having}")
    return f"tokens in: {', '.join(sorted(having))}"


def network(cluster):
    """A stranger's pod, inside the namespace or outside, reaches the proxy's port at most; the agent answers the scaler alone"""
    outside = f"{cluster.namespace}-e2e"
    kubectl("create", "namespace", outside)
    probes = {
        "stranger outside": (outside, None),
        "stranger inside": (cluster.namespace, None),
        "scaler": (cluster.namespace, {"app.kubernetes.io/name": "scaler"}),
        # The other two, so that every target is reached by one who may.
        "ingress": (cluster.namespace, {"app.kubernetes.io/name": "ingress"}),
        "prometheus": (cluster.namespace, {"app.kubernetes.io/name": "prometheus"}),
    }
    try:
        for name, (namespace, labels) in probes.items():
            pod = helper_pod(pod_name(name), ["sleep", "600"], labels=labels)
            # Never ready: no Service is to send anything there.
            pod["spec"]["containers"][0]["readinessProbe"] = {"exec": {"command": ["false"]}}
            # A new namespace has no service account yet.
            apply = ("-n", namespace, "apply", "-f", "-")
            until(lambda: kubectl(*apply, text=json.dumps(pod))[0] == 0, f"{name}'s pod is made", 20)
        for name, (namespace, _) in probes.items():
            wait = ("wait", "--for=jsonpath={.status.phase}=Running", f"pod/{pod_name(name)}", "--timeout=60s")
            code, _, error = kubectl("-n", namespace, *wait)
            demand(code == 0, error)
        return judge(probes, targets(cluster))
    finally:
        for name, (namespace, _) in probes.items():
            kubectl("-n", namespace, "delete", "pod", pod_name(name), "--ignore-not-found", "--wait=false")
        kubectl("delete", "namespace", outside, "--wait=false")


def pod_name(probe):
    return "e2e-" + probe.replace(" ", "-")


def targets(cluster):
    """Address and who of the probes may reach it; pods by their own addresses."""
    apps = ("agent", "matrix-service", "ingress", "prometheus", "pushgateway", "blackbox-exporter", "node-exporter")
    address = {name: cluster.ready(name)[0]["status"]["podIP"] for name in apps}
    return {
        "agent": (f"{address['agent']}:8000", {"scaler"}),
        "agent metrics": (f"{address['agent']}:8001", {"prometheus"}),
        "matrix-service": (f"{address['matrix-service']}:8080", {"ingress", "prometheus"}),
        "proxy": (f"{address['ingress']}:8080", {"stranger outside"}),
        "proxy metrics": (f"{address['ingress']}:8404", {"prometheus"}),
        "prometheus": (f"{address['prometheus']}:9090", {"scaler"}),
        "pushgateway": (f"{address['pushgateway']}:9091", {"scaler", "prometheus"}),
        "blackbox exporter": (f"{address['blackbox-exporter']}:9115", {"prometheus"}),
        "node exporter": (f"{address['node-exporter']}:9100", {"prometheus"}),
    }


def judge(probes, wanted):
    pairs = [(probe, target) for probe in probes for target in wanted]
    with ThreadPoolExecutor(10) as pool:
        found = dict(zip(pairs, pool.map(lambda pair: tried(probes, wanted, *pair), pairs)))
    for (probe, target), reached in found.items():
        demand(reached == (probe in wanted[target][1]), f"{probe} {'reaches' if reached else 'does not reach'} {target}")
    return f"{len(pairs)} ways tried: open {sum(found.values())}, closed {len(pairs) - sum(found.values())}, all as meant"


def tried(probes, wanted, probe, target):
    """Whether the target is reached; what should be is tried again, as a busy machine may answer late."""
    address, may = wanted[target]
    return any(reaches(probes[probe][0], probe, address) for _ in range(4 if probe in may else 1))


def reaches(namespace, probe, address):
    """Whether anything at all answers, be it an error of HTTP."""
    fetch = ("wget", "-q", "-T", "3", "-O", "/dev/null", f"http://{address}/healthz")
    code, _, error = kubectl("-n", namespace, "exec", pod_name(probe), "--", *fetch)
    demand(code == 0 or "wget" in error, f"{probe} could not try {address}: {error.strip()}")
    return code == 0 or "server returned error" in error


# As another user: what can be written, and what of the volume's root can be moved (and is moved back).
INTRUDE = """id -u; stat -c %a /results; cd /results
there=$(ls -d podStatus.json .lock incoming AnalyzedPods AnalyzedPods/* 2>/dev/null)
for f in $there; do [ ! -w $f ] || echo writable: $f; done
rm -rf AnalyzedPods/* incoming/* 2>/dev/null
for f in $there; do [ -e $f ] || echo removed: $f; done
for f in podStatus.json incoming; do mv $f moved 2>/dev/null && mv moved $f && echo replaceable: $f; done; true
"""


def files(cluster):
    """The scaler's files: a pod of another namespace cannot mount them, one of another user in the same cannot write them"""
    pod = helper_pod("e2e-other-user", ["sh", "-c", INTRUDE], user=12345, claim="results", read_only=False)
    cluster.run("apply", "-f", "-", text=json.dumps(pod))
    try:
        until(lambda: cluster.get("pod", "e2e-other-user")["status"]["phase"] in ("Succeeded", "Failed"), "it ends", 60)
        user, mode, *found = cluster.run("logs", "e2e-other-user").strip().split("\n")
    finally:
        cluster.remove("pod", "e2e-other-user")
    demand(user == "12345", f"it ran as {user}")
    # What the volume's driver makes of its root is not ours to change; what follows from it is said.
    open_root = mode[-1] in "2367"
    problems = [line for line in found if not (open_root and line.startswith("replaceable"))]
    demand(not problems, "as user 12345: " + "; ".join(problems))
    outside = mounted_outside(cluster)
    demand("not found" in outside, outside)
    root = "OPEN to all, as its driver ignores fsGroup: its entries can be replaced" if open_root else "closed"
    return f"user 12345 could write no file; the volume's root, mode {mode}, is {root}; outside: {outside}"


def mounted_outside(cluster):
    """Why a pod of another namespace that names the claim does not start."""
    outside = f"{cluster.namespace}-e2e-files"
    kubectl("create", "namespace", outside)
    try:
        pod = json.dumps(helper_pod("thief", ["sleep", "60"], claim="results"))
        until(lambda: kubectl("-n", outside, "apply", "-f", "-", text=pod)[0] == 0, "the pod is made", 20)
        why = ("-n", outside, "get", "pod", "thief", "-o", "jsonpath={.status.conditions[*].message}")
        return until(lambda: kubectl(*why)[1].strip(), "the scheduler's word", 30)
    finally:
        kubectl("delete", "namespace", outside, "--wait=false")
