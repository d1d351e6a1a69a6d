"""Who may do what: the scaler's account, tokens, the network, the volume; each with what must work beside what must not."""
import json
from concurrent.futures import ThreadPoolExecutor

from .cluster import demand, kubectl, until
from .volume import helper_pod

# What the scaler's account must be refused, whoever got hold of its token: names and arguments of kubectl.
REFUSED = {
    "read a Secret": ("get", "secrets"),
    "read settings": ("get", "configmaps"),
    "change what the pods run": ("patch", "deployment", "matrix-service", "-p", '{"metadata":{"labels":{"a":"b"}}}'),
    "scale another Deployment": ("patch", "deployment", "agent", "--subresource=scale", "-p", '{"spec":{"replicas":0}}'),
    "delete the Deployment": ("delete", "deployment", "matrix-service", "--dry-run=server"),
    "list the Deployments": ("get", "deployments"),
    "delete a pod": ("delete", "pods", "-l", "app.kubernetes.io/name=agent", "--dry-run=server"),
    "start a pod": ("create", "--dry-run=server", "-f", "-"),
    "run a command in a pod": ("exec", "deployment/agent", "--", "true"),
    "change its own schedule": ("patch", "cronjob", "scaler", "-p", '{"spec":{"suspend":true}}'),
    "give itself rights": ("patch", "role", "scaler", "--type=json", "-p", '[{"op":"remove","path":"/rules/0"}]'),
    "make a token": ("create", "token", "prometheus"),
    "list pods of another namespace": ("-n", "kube-system", "get", "pods"),
    "list nodes": ("get", "nodes"),
}
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
    return f"works: {', '.join(ALLOWED)}. Refused: {', '.join(REFUSED)}"


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
    """A stranger's pod, inside the namespace or outside of it, reaches the proxy's port at most; the scaler reaches the agent"""
    outside = f"{cluster.namespace}-e2e"
    kubectl("create", "namespace", outside)
    probes = {
        "stranger outside": (outside, None),
        "stranger inside": (cluster.namespace, None),
        "scaler": (cluster.namespace, {"app.kubernetes.io/name": "scaler"}),
    }
    try:
        for name, (namespace, labels) in probes.items():
            pod = json.dumps(helper_pod(pod_name(name), ["sleep", "600"], labels=labels))
            # A new namespace has no service account yet.
            until(lambda: kubectl("-n", namespace, "apply", "-f", "-", text=pod)[0] == 0, f"{name}'s pod is made", 20)
        for name, (namespace, _) in probes.items():
            ready = kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{pod_name(name)}", "--timeout=60s")
            demand(ready[0] == 0, ready[2])
        return judge(probes, targets(cluster))
    finally:
        for name, (namespace, _) in probes.items():
            kubectl("-n", namespace, "delete", "pod", pod_name(name), "--ignore-not-found", "--wait=false")
        kubectl("delete", "namespace", outside, "--wait=false")


def pod_name(probe):
    return "e2e-" + probe.replace(" ", "-")


def targets(cluster):
    """Address and who of the probes may reach it; pods by their own addresses."""
    address = {name: cluster.ready(name)[0]["status"]["podIP"] for name in ("agent", "matrix-service", "ingress", "prometheus")}
    return {
        "agent": (f"{address['agent']}:8000", {"scaler"}),
        "matrix-service": (f"{address['matrix-service']}:8080", set()),
        "ingress": (f"{address['ingress']}:8080", {"stranger outside"}),
        "ingress metrics": (f"{address['ingress']}:8404", set()),
        "prometheus": (f"{address['prometheus']}:9090", {"scaler"}),
    }


def judge(probes, wanted):
    pairs = [(probe, target) for probe in probes for target in wanted]
    with ThreadPoolExecutor(5) as pool:
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
    code, _, error = kubectl("-n", namespace, "exec", pod_name(probe), "--", "wget", "-q", "-T", "3", "-O", "/dev/null",
                             f"http://{address}/healthz")
    return code == 0 or "server returned error" in error


def files(cluster):
    """The scaler's files: a pod of another namespace cannot mount them, one of another user in the same cannot write them"""
    script = ("id -u; stat -c %a /results; cd /results; there=$(ls -d podStatus.json .lock incoming AnalyzedPods AnalyzedPods/* 2>/dev/null); "
              "for f in $there; do [ ! -w $f ] || echo writable: $f; done; rm -rf AnalyzedPods/* incoming/* 2>/dev/null; "
              "for f in $there; do [ -e $f ] || echo removed: $f; done")
    pod = helper_pod("e2e-other-user", ["sh", "-c", script], user=12345, claim="results", read_only=False)
    cluster.run("apply", "-f", "-", text=json.dumps(pod))
    try:
        until(lambda: cluster.get("pod", "e2e-other-user")["status"]["phase"] in ("Succeeded", "Failed"), "it ends", 60)
        user, mode, *problems = cluster.run("logs", "e2e-other-user").strip().split("\n")
    finally:
        cluster.remove("pod", "e2e-other-user")
    demand(user == "12345", f"it ran as {user}")
    demand(not problems, "as user 12345: " + "; ".join(problems))
    outside = mounted_outside(cluster)
    demand("not found" in outside, outside)
    # What the volume's driver made of its root is not ours to change.
    root = "kept from others" if mode[-1] in "0145" else "open to all: its driver ignores fsGroup, see k8s/README.md"
    return f"user 12345 could write nothing below the volume's root (mode {mode}, {root}); outside: {outside}"


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
