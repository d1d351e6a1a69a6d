"""The results volume full: a pod of the service and a scaler on a volume of 1 MiB that a third container fills and frees."""
import copy, json, time

from .cluster import Forward, demand, until
from .load import ask, body_of
from .volume import helper_pod

NAME = "e2e-full"
BODY = body_of(20)
# As long as there is a file `fill`: what others free is taken at once.
FILL = "while :; do [ ! -e /results/fill ] || dd if=/dev/zero bs=4096 >>/results/filler 2>/dev/null; sleep 0.1; done"


def volume_full(scene):
    """Volume full: requests are refused by name and the pod is unready, the scaler says so; freed, all 200s are counted once"""
    cluster, told = scene.cluster, []
    cluster.run("apply", "-f", "-", text=json.dumps(pod_on_small_volume(cluster)))
    try:
        until(lambda: state(cluster, "matrix-service")["ready"], f"{NAME} is ready", 60)
        with Forward(cluster, NAME, 8080) as address:
            answered = sum(ask(address, f"full-before-{n}", BODY)[0] == 200 for n in range(20))
            demand(answered == 20, f"{answered} of 20 answered before")
            until(lambda: counted(cluster) == 20, "20 records counted", 30)
            tell(cluster, "touch /results/fill")
            until(lambda: not state(cluster, "matrix-service")["ready"] or ask_full(address, told), "requests are refused", 30)
            for _ in range(20):
                ask_full(address, told)
            refused = [answer["error"] for status, answer in told if status >= 500]
            demand(len(refused) >= 15, f"answers {[status for status, _ in told]}")
            answered += sum(status == 200 for status, _ in told)
            before = answered
            until(lambda: not state(cluster, "matrix-service")["ready"], "the full pod is unready", 30)
            said = until(lambda: complaint(cluster), "the scaler names the full volume", 40)
            tell(cluster, "rm /results/fill; sleep 1; rm -f /results/filler")
            until(lambda: state(cluster, "matrix-service")["ready"], "ready again", 30)
            answered += sum(ask(address, f"full-after-{n}", BODY)[0] == 200 for n in range(20))
            until(lambda: counted(cluster) >= answered, f"{answered} records counted", 40)
            time.sleep(6)
            demand(counted(cluster) == answered == before + 20, f"{counted(cluster)} counted of {answered} answered")
        return f"{len(refused)} refused ({refused[0][:90]}); scaler: {said.partition(': ')[2][:110]}; {answered} answered, {answered} counted"
    finally:
        cluster.remove("pod", NAME)


def ask_full(address, told):
    """One request, noted; whether it was refused."""
    told.append(ask(address, f"full-{len(told)}", BODY))
    return told[-1][0] >= 500


def tell(cluster, script):
    return cluster.run("exec", NAME, "-c", "filler", "--", "sh", "-c", script)


def pod_on_small_volume(cluster):
    """The containers of the real Deployment and CronJob, but for the volume, the interval and the orders."""
    service = copy.deepcopy(cluster.get("deployment", "matrix-service")["spec"]["template"]["spec"]["containers"][0])
    job = cluster.get("cronjob", "scaler")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    scaler = copy.deepcopy(job["containers"][0])
    scaler["args"] = ["run"]
    scaler["env"] += [{"name": "INTERVAL_CHECK", "value": "3"}, {"name": "MODE", "value": "shadow"}]
    service.pop("lifecycle")
    pod = helper_pod(NAME, ["sh", "-c", FILL], labels={"app.kubernetes.io/name": "scaler"})
    spec = pod["spec"]
    filler = spec["containers"][0] | {"name": "filler", "volumeMounts": [{"name": "results", "mountPath": "/results"}]}
    spec |= {"containers": [service, scaler, filler], "serviceAccountName": "scaler", "automountServiceAccountToken": True,
             "volumes": [{"name": "results", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}]}
    spec["securityContext"]["fsGroup"] = 65532
    return pod


def state(cluster, container):
    statuses = cluster.get("pod", NAME)["status"].get("containerStatuses", [])
    return next((s for s in statuses if s["name"] == container), {"ready": False})


def counted(cluster):
    text = tell(cluster, "cat /results/podStatus.json 2>/dev/null || echo {}")
    return sum(check["decision"]["recordsRead"] for check in json.loads(text).values())


def complaint(cluster):
    log = cluster.run("logs", NAME, "-c", "scaler")
    return next((line for line in log.splitlines() if "o space left" in line), None)
