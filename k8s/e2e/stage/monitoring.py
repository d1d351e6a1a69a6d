"""What watches the system, on the cluster itself: targets, rules, panels; and the pods' CPU against what their cgroups say."""
import json, os, time
from datetime import datetime, timezone
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from .cluster import Forward, demand, until

DASHBOARDS = os.path.join(os.path.dirname(__file__), "../../../dashboards")
# Apps whose pods are scraped, and jobs beside them; Grafana's pod is left out where there is no image of it.
SCRAPED = {"matrix-service", "agent", "ingress", "node-exporter", "blackbox-exporter"}
JOBS = {"cadvisor", "volumes", "pods", "pushgateway", "probe", "prometheus"}
VARIABLES = {"$namespace": None, "$deployment": "matrix-service", "$node": ".*", "$__rate_interval": "1m"}
# Queries with nothing to say while nothing is wrong, and one for what not every volume tells: (title, legend).
MAY_BE_EMPTY = {("Errors survived", "{{name}}"), ("Results volume left", "free"), ("Time headers ignored", "{{header}}: {{reason}}")}
# How far CPU may be from the cgroups' own: as a mean over some moments, seconds before the check, and at one of them. A kubelet
# looks every 10 to 30 s, so few samples lie in an interval, and `rate` goes only so far beyond the first and the last.
APART, ONCE_APART, MOMENTS_S = 0.10, 0.30, (0, 5, 10, 15, 20)
# Where the counter of a container's CPU time is, of either version of cgroups, with what makes seconds of it.
COUNTERS = {"cpu.stat": 1e-6, "cpuacct/cpuacct.usage": 1e-9, "cpu,cpuacct/cpuacct.usage": 1e-9}
PAUSE_S = 5
LOOK = (f"cd /proc/1/root/sys/fs/cgroup; for f in {' '.join(COUNTERS)}; do [ ! -r $f ] || break; done; "
        f"while read -r words <$f; do echo $f $words; sleep {PAUSE_S}; done")
# The INTERVAL_CHECK of ../../settings.
INTERVAL_S = 60


class Prometheus:
    """Its API, through a port-forward."""

    def __init__(self, scene):
        self.forward = Forward(scene.cluster, scene.cluster.ready("prometheus")[0]["metadata"]["name"], 9090)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.forward.__exit__()

    def ask(self, path, **parameters):
        host, port = self.forward.address
        try:
            with urlopen(f"http://{host}:{port}/api/v1/{path}?{urlencode(parameters)}", timeout=20) as answer:
                return json.load(answer)["data"]
        except HTTPError as error:
            raise ValueError(f"{parameters}: {json.load(error).get('error')}") from None

    def samples(self, query, **parameters):
        return self.ask("query", query=query, **parameters)["result"]


def watched(scene):
    """Prometheus scrapes all that is there, its rules work, the Pushgateway has the last check, and every panel has data"""
    if not scene.checks():
        scene.check()
    with Prometheus(scene) as prometheus:
        until(lambda: not unscraped(scene, prometheus), "every target is up", 60, 3)
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        broken = [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]
        demand(rules and not broken, f"{len(rules)} rules; {'; '.join(broken)}")
        pushed = until(lambda: pushes(scene, prometheus), "the last check's number is in Prometheus", 60, 3)
        asked, empty = panels(scene, prometheus)
        demand(not empty, f"{len(empty)} of {asked} queries of panels are empty: {', '.join(empty)}")
        firing = sorted(a["labels"]["alertname"] for a in prometheus.ask("alerts")["alerts"] if a["state"] == "firing")
        targets = len(prometheus.ask("targets", state="active")["activeTargets"])
    return f"{targets} targets up, {len(rules)} rules, check {pushed} pushed, {asked} queries of panels have data; firing: {', '.join(firing) or 'none'}"


def unscraped(scene, prometheus):
    """Targets that are down, pods and jobs that are none."""
    targets = prometheus.ask("targets", state="active")["activeTargets"]
    down = [f"{t['labels'].get('pod') or t['scrapePool']}: {t['lastError']}" for t in targets if t["health"] != "up"]
    pods = {t["labels"].get("pod") for t in targets}
    there = {pod["metadata"]["name"] for app in SCRAPED for pod in scene.cluster.ready(app)}
    return down + sorted(there - pods) + sorted(JOBS - {t["scrapePool"] for t in targets})


def pushes(scene, prometheus):
    """The number of the last check, if Prometheus has it."""
    found = prometheus.samples(f'scaler_checks_total{{job="scaler",namespace="{scene.cluster.namespace}"}}')
    number = len(scene.checks())
    return number if [float(sample["value"][1]) for sample in found] == [number] else None


def panels(scene, prometheus):
    """How many queries all panels have, and those without data."""
    asked, empty = 0, []
    for name in ("overview", "resources", "health"):
        with open(os.path.join(DASHBOARDS, name + ".json")) as file:
            queries = [(panel["title"], query) for panel in json.load(file)["panels"] for query in panel.get("targets", [])]
        for title, query in queries:
            expr = query["expr"]
            for variable, value in VARIABLES.items():
                expr = expr.replace(variable, value or scene.cluster.namespace)
            asked += 1
            if not prometheus.samples(expr) and (title, query["legendFormat"]) not in MAY_BE_EMPTY:
                empty.append(f"{name} / {title} / {query['legendFormat']}")
    return asked, empty


def cpu_agrees(scene):
    """CPU in podStatus.json comes from Prometheus, which agrees within 10 % with what the pods' own cgroups count"""
    cluster = scene.cluster
    pods = [pod["metadata"]["name"] for pod in cluster.ready("matrix-service")]
    counters = [Counter(cluster, pod) for pod in pods]
    # An interval, what the kubelet's own look and a scrape may lag behind, and the moments that are compared.
    time.sleep(INTERVAL_S + 20 + MOMENTS_S[-1])
    # The check may order others.
    demand(sorted(pods) == sorted(pod["metadata"]["name"] for pod in cluster.pods("matrix-service")), "the pods changed meanwhile")
    code, log, check = scene.check()
    time.sleep(PAUSE_S)
    for counter in counters:
        counter.read()
    demand(code == 0 and check["nInstances"] == len(pods), f"exit {code}: {log}; {check['nInstances']} instances")
    told, at = check["CPUUsage (Prometheus)"], datetime.strptime(check["timestamp"], "%d.%m.%Y_%H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
    demand(told is not None, f"no CPU: {check['decision'].get('errors')}")

    def own(moment):
        return sum(counter.cores(moment - INTERVAL_S, moment) for counter in counters) / len(pods)
    with Prometheus(scene) as prometheus:
        apart = [cores_of(scene, prometheus, at - before) / len(pods) / own(at - before) - 1 for before in MOMENTS_S]
    mean = sum(apart) / len(apart)
    limit = cluster.ready("matrix-service")[0]["spec"]["containers"][0]["resources"]["limits"]["cpu"]
    text = (f"{told:.4f} cores a pod in podStatus.json, {own(at):.4f} in the cgroups of {len(pods)} pods over the same {INTERVAL_S} s ({told / own(at) - 1:+.1%}); "
            f"Prometheus at {len(apart)} moments {', '.join(f'{one:+.1%}' for one in apart)}, mean {mean:+.1%}; limit {limit}")
    demand(abs(mean) <= APART and abs(told / own(at) - 1) <= ONCE_APART, text)
    return text


def cores_of(scene, prometheus, moment):
    """The scaler's query, at that moment."""
    pods = f'namespace="{scene.cluster.namespace}",pod=~"matrix-service-[0-9a-z]+-[0-9a-z]{{5}}",container!=""'
    (sample, ) = prometheus.samples(f"sum(rate(container_cpu_usage_seconds_total{{{pods}}}[{INTERVAL_S}s]))", time=moment)
    return float(sample["value"][1])


class Counter:
    """The CPU time of a pod's container as its cgroup counts it, seen from a container beside it that shares its processes."""

    def __init__(self, cluster, pod):
        self.cluster, self.pod, self.name, self.readings = cluster, pod, f"look-{time.time():.0f}", []
        # No shell in the pod's own image. What the container beside it uses is counted by Prometheus too: it must be little, so
        # it reads with the shell alone, and tells through its log.
        cluster.run("debug", pod, "--image=docker.io/library/busybox:1.37.0", "--profile=restricted", "--target=matrix-service",
                    f"--container={self.name}", "--quiet", "--", "sh", "-c", LOOK)

    def read(self):
        for line in self.cluster.run("logs", self.pod, "-c", self.name, "--timestamps").splitlines():
            moment, file, *words = line.split()
            seconds = int(words[-1]) * COUNTERS[file]
            self.readings.append((datetime.fromisoformat(moment[:26].rstrip("Z") + "+00:00").timestamp(), seconds))
        demand(len(self.readings) > INTERVAL_S / PAUSE_S, f"the cgroup of {self.pod} could not be read: {self.readings}")

    def cores(self, begin, end):
        return (self.at(end) - self.at(begin)) / (end - begin)

    def at(self, moment):
        """Between two readings a straight line."""
        pairs = zip(self.readings, self.readings[1:])
        (t0, v0), (t1, v1) = next(pair for pair in pairs if pair[1][0] >= moment or pair[1] is self.readings[-1])
        return v0 + (v1 - v0) * (moment - t0) / (t1 - t0)
