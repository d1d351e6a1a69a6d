"""Faults, each a scenario: what is broken, and what must come of it. Load runs throughout."""
import hashlib, json, os, re, struct, tempfile, time

from .cluster import demand, until
from .volume import helper_pod

CHECKPOINT = os.path.join(os.path.dirname(__file__), "../../../agent/checkpoints/default")


def agent_down(scene):
    """Agent down: no action, replicas unchanged, the error named"""
    before = scene.cluster.ordered()
    with scene.without("agent"):
        code, _, check = scene.check()
    demand(code == 0, f"exit {code}")
    scene.unchanged(check, before, "agent_silent", error_of(check))
    return f"No Action, {error_of(check)}; {before} replicas before and after"


def error_of(check):
    names = [e["name"] for e in check["decision"].get("errors", []) if e["name"].startswith("Agent")]
    demand(names, f"no error of the agent in {check['decision'].get('errors')}")
    return names[0]


def agent_silent(scene):
    """Agent silent past the deadline of 10 s: no action. Two scalers at once: one checks, the other says so and leaves"""
    before = scene.cluster.ordered()
    with scene.silent_agent():
        both = [scene.start_check(), scene.start_check()]
        ends = [check.end() for check in both]
    demand([code for code, _ in ends] == [0, 0], f"exits and logs: {ends}")
    leaving = [log for _, log in ends if "another scaler holds the lock" in log]
    demand(len(leaving) == 1, f"{len(leaving)} of two scalers left: {ends}")
    check = scene.last()
    scene.unchanged(check, before, "agent_silent", error_of(check))
    message = next(e["message"] for e in check["decision"]["errors"] if e["name"] == error_of(check))
    demand("within" in message, message)
    return f"No Action, {error_of(check)}; the other scaler exited 0"


def scaler_killed(scene):
    """Scaler killed in mid-check, with its window claimed: the next check finishes it, every record counted once"""
    with scene.silent_agent():
        before = len(scene.checks())
        doomed = scene.start_check()
        pod = doomed.running()["metadata"]["name"]
        hidden = ("exec", "reader", "--", "sh", "-c", "ls -d /results/AnalyzedPods/.check_* 2>/dev/null || true")
        claimed = until(lambda: scene.cluster.run(*hidden).strip(), "a claimed window", 20, 0.2)
        scene.cluster.run("delete", "pod", pod, "--grace-period=0", "--force")
        until(lambda: doomed.pod() is None, "the pod is gone", 20)
        time.sleep(3)  # the kubelet's own end of it
        demand(len(scene.checks()) == before, "the killed check was recorded")
    code, log, check = scene.check()
    demand(code == 0, f"exit {code}: {log}")
    demand(check["decision"]["recordsRead"] > 0, "the next check read no records")
    return f"killed holding {claimed.split('/')[-1]}; the next check recorded {check['decision']['recordsRead']} records"


def prometheus_down(scene):
    """Prometheus down: CPU null, the error named, the agent asked all the same"""
    with scene.without("prometheus"):
        code, log, check = scene.check()
    demand(code == 0, f"exit {code}: {log}")
    names = [e["name"] for e in check["decision"].get("errors", [])]
    demand(check["CPUUsage (Prometheus)"] is None, f"CPU {check['CPUUsage (Prometheus)']}")
    demand("PrometheusDown" in names, f"errors {names}")
    demand(check["decision"]["rawAction"] is not None, "the agent was not asked")
    return f"CPU null, {', '.join(names)}; the agent answered {check['decision']['rawAction']}"


def rights_removed(scene):
    """RBAC removed: 403 named, nothing recorded, the window kept; given back, it is counted"""
    before = len(scene.checks())
    scene.cluster.run("delete", "rolebinding", "scaler")
    try:
        code, log, _ = scene.check()
        demand(code == 1, f"exit {code}: {log}")
        demand("forbidden" in log, log)
        demand(len(scene.checks()) == before, "a check was recorded")
        said = next(line for line in log.splitlines() if "forbidden" in line)
    finally:
        scene.apply()
    code, log, check = scene.check()
    demand(code == 0 and check["decision"]["recordsRead"] > 0, f"exit {code}: {log}")
    return f"exit 1: {said.strip()[:110]}; then {check['decision']['recordsRead']} records counted"


def order_refused(scene):
    """The right to scale alone removed: the check is recorded, the refused order named, exit 2"""
    role = {"op": "remove", "path": "/rules/1"}
    test = {"op": "test", "path": "/rules/1/resources/0", "value": "deployments/scale"}
    scene.cluster.run("patch", "role", "scaler", "--type=json", "-p", json.dumps([test, role]))
    wanted = scene.last()["decision"]["appliedReplicas"]
    try:
        # A count that the agent will want to change.
        away = 6 if wanted < 4 else 1
        scene.cluster.scale("matrix-service", away)
        scene.cluster.settled("matrix-service", away)
        # A check less than half an interval after another withholds what is asked of this one.
        time.sleep(31)
        code, log, check = scene.check()
    finally:
        scene.apply()
        scene.cluster.scale("matrix-service", wanted)
    names = [e["name"] for e in check["decision"].get("errors", [])]
    demand(code == 2, f"exit {code}: {log}")
    demand(check["decision"]["reason"] == "apply_failed", check["decision"]["reason"])
    demand("ClusterForbidden" in names, f"errors {names}")
    return f"exit 2, apply_failed, {', '.join(names)}"


def pod_killed(scene):
    """A matrix pod killed with requests waiting in it: those are told so, no other is lost"""
    victim = scene.cluster.ready("matrix-service")[0]["metadata"]["name"]
    replicas, begin = scene.cluster.ordered(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    # A queue that takes longer than the few seconds that a kubelet grants even then, far below the pods' and proxy's bounds.
    scene.load.at("pod_killed", replicas * (scene.capacity + 50))
    time.sleep(6)
    scene.cluster.run("delete", "pod", victim, "--grace-period=0", "--force")
    scene.load.quiet()
    scene.cluster.settled("matrix-service", replicas)
    answers = scene.load.of("pod_killed").values()
    told, logged = sum(a.status == 502 for a in answers), 0
    demand(0 < told <= 0.6 * len(answers), f"{told} of {len(answers)} requests to {replicas} pods were told so")
    for proxy in scene.cluster.ready("ingress"):
        log = scene.cluster.run("logs", proxy["metadata"]["name"], f"--since-time={begin}")
        servers = re.findall(r" pods/(pod\d+) \S+ 502 ", log)
        demand(len(set(servers)) <= 1, f"502 from {sorted(set(servers))}, but one pod was killed")
        logged += len(servers)
    # A line that finds the pipe of the log full is left out: a proxy does not wait for its log.
    demand(0.8 * told <= logged <= told, f"the proxies logged {logged} of {told} such answers")
    return f"{victim} killed, {told} requests told so, of no other pod; {replicas} ready again"


def applied_again(scene):
    """`kubectl apply` again while scaled out: replicas stay, no pod is touched"""
    before = scene.cluster.ordered()
    pods = {pod["metadata"]["uid"] for pod in scene.cluster.pods("matrix-service")}
    demand(before > 1, "not scaled out")
    scene.apply()
    time.sleep(3)
    demand(scene.cluster.ordered() == before, f"{scene.cluster.ordered()} replicas, {before} before")
    demand({pod["metadata"]["uid"] for pod in scene.cluster.pods("matrix-service")} == pods, "pods were replaced")
    return f"{before} replicas before and after, the same pods"


def another_checkpoint(scene):
    """Agent rolled to another checkpoint: no check without an answer, the new model's hash in the decision"""
    code, _, before = scene.check()
    with tempfile.TemporaryDirectory() as folder:
        write_another(folder)
        scene.cluster.run("create", "configmap", "agent-checkpoint", f"--from-file={folder}/other.safetensors",
                          f"--from-file={folder}/other.json")
    scene.apply(({"kind": "ConfigMap", "name": "agent-settings"},
                 [{"op": "add", "path": "/data/CHECKPOINT", "value": "/checkpoint/other.safetensors"}]))
    old, seen = before["decision"]["explanation"]["model"], []
    while not seen or seen[-1] == old:
        demand(len(seen) < 12, f"still model {old} after {len(seen)} checks")
        code, log, check = scene.check()
        demand(code == 0 and check["decision"]["rawAction"] is not None, f"exit {code}: {log}")
        seen.append(check["decision"]["explanation"]["model"])
    return f"{old} -> {seen[-1]}, {len(seen)} checks meanwhile, all answered"


def write_another(folder):
    """The shipped weights but for the last bit of one: another hash, the same policy."""
    with open(CHECKPOINT + ".safetensors", "rb") as file:
        weights = bytearray(file.read())
    start = 8 + struct.unpack("<Q", weights[:8])[0]
    weights[start] ^= 1
    with open(CHECKPOINT + ".json") as file:
        card = json.load(file)
    card["sha256"] = hashlib.sha256(weights).hexdigest()
    with open(os.path.join(folder, "other.safetensors"), "wb") as file:
        file.write(weights)
    with open(os.path.join(folder, "other.json"), "w") as file:
        json.dump(card, file)


def node_full(scene):
    """No CPU left on any node: the check displaces a pod without a class, and is recorded"""
    cluster = scene.cluster
    nodes = cluster.get("nodes")["items"]
    portion = sum(millicores(node["status"]["allocatable"]["cpu"]) for node in nodes) // 20
    crowds = []
    try:
        # Smaller and smaller, until not even the least has a place.
        while not crowds or portion > LEAST_MILLICORES:
            portion = max(portion // 10 if crowds else portion, LEAST_MILLICORES)
            crowds.append(f"e2e-crowd-{portion}")
            cluster.run("apply", "-f", "-", text=json.dumps(crowd(crowds[-1], 24 if len(crowds) == 1 else 12 * len(nodes), portion)))
            until(lambda: unscheduled(cluster, crowds[-1]), f"a pod of {portion}m without a place", 60)
        code, log, check = scene.check()
    finally:
        for name in crowds:
            cluster.run("delete", "deployment", name, "--wait=false")
    demand(code == 0 and check["decision"]["rawAction"] is not None, f"exit {code}: {log}")
    events = cluster.get("events", "--field-selector=reason=Preempted")["items"]
    victims = {event["involvedObject"]["name"] for event in events}
    demand(victims, "nothing was displaced: was there no place?")
    demand(all(name.startswith(("matrix-service-", "e2e-crowd-")) for name in victims), f"displaced: {sorted(victims)}")
    return f"{', '.join(sorted(victims))} displaced; {check['decision']['recordsRead']} records counted"


# At most what the scaler asks for.
LEAST_MILLICORES = 10


def millicores(text):
    return int(text[:-1]) if text.endswith("m") else 1000 * int(text)


def unscheduled(cluster, name):
    pods = cluster.get("pods", "-l", f"app={name}")["items"]
    return [pod for pod in pods for c in pod["status"].get("conditions", [])
            if c["type"] == "PodScheduled" and c["status"] == "False" and c.get("reason") == "Unschedulable"]


def crowd(name, replicas, millicores_each):
    """Pods that do nothing and ask for CPU."""
    pod = helper_pod("crowd", ["sleep", "600"], labels={"app": name})
    pod["spec"]["restartPolicy"] = "Always"
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": f"{millicores_each}m", "memory": "1Mi"},
                                                 "limits": {"cpu": f"{millicores_each}m", "memory": "16Mi"}}
    template = {"metadata": {"labels": pod["metadata"]["labels"]}, "spec": pod["spec"]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}}


def kept_by_the_cluster(scene):
    """No container of the system was restarted, or killed for its memory"""
    bad, pods = [], scene.cluster.get("pods")["items"]
    for pod in pods:
        for status in pod["status"].get("containerStatuses", []):
            ends = [s["terminated"] for s in (status["state"], status.get("lastState", {})) if "terminated" in s]
            if status["restartCount"] or any(end.get("reason") == "OOMKilled" for end in ends):
                bad.append(f"{pod['metadata']['name']}: {status['restartCount']} restarts, {[e.get('reason') for e in ends]}")
    demand(not bad, "; ".join(bad))
    return f"{len(pods)} pods looked at"
