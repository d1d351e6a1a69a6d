"""What watches the system, on the cluster itself: targets, rules, panels; and the pods' CPU against what their cgroups say."""
import importlib, importlib.util, json, os, sys, time
from datetime import datetime, timezone
from statistics import mean
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
# How far CPU may be from the cgroups' own, for a check and at some moments before it, seconds.
APART, MOMENTS_S = 0.10, (0, 5, 10, 15, 20)
# How old a kubelet's newest figure of a container may be: it looks every 10 to 33 s, and is asked every 15 s.
LAG_S = 48
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
        # Two looks of the kubelet at pods that are new, and some requests.
        time.sleep(LAG_S)
        scene.check()
    with Prometheus(scene) as prometheus:
        until(lambda: not unscraped(scene, prometheus), "every target is up", 60, 3)
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        broken = [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]
        demand(rules and not broken, f"{len(rules)} rules; {'; '.join(broken)}")
        pushed = until(lambda: pushes(scene, prometheus), "the last check's number is in Prometheus", 60, 3)
        # A subquery has steps of 15 s: of what was first pushed a moment ago it has nothing.
        end = time.monotonic() + 20
        while (found := panels(scene, prometheus)) and wrong(found) and time.monotonic() < end:
            time.sleep(3)
        print(*(f"    {'ok' if good else 'FAILED':<6} {panel:<60} {said:<34} {wanted}" for good, panel, said, wanted in found), sep="\n", flush=True)
        demand(not wrong(found), f"{len(wrong(found))} of {len(found)} queries of panels are empty or out of range: {', '.join(wrong(found))}")
        firing = sorted(a["labels"]["alertname"] for a in prometheus.ask("alerts")["alerts"] if a["state"] == "firing")
        targets = len(prometheus.ask("targets", state="active")["activeTargets"])
    return f"{targets} targets up, {len(rules)} rules, check {pushed} pushed, {len(found)} queries of panels have data, {sum('..' in row[3] for row in found)} in a range; firing: {', '.join(firing) or 'none'}"


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


def anywhere():
    """The ranges that hold on any deployment, of dashboards/stage/expected.py: a package of this one's name, so read under another."""
    folder = os.path.join(DASHBOARDS, "stage")
    spec = importlib.util.spec_from_file_location("dashboards_stage", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder])
    sys.modules["dashboards_stage"] = importlib.util.module_from_spec(spec)
    return importlib.import_module("dashboards_stage.expected").ANYWHERE


def panels(scene, prometheus):
    """Each query of each panel: whether it is as it must be, its name, what it says, and its range if it has one on any cluster."""
    found, ranges = [], anywhere()
    for name in ("overview", "resources", "health"):
        with open(os.path.join(DASHBOARDS, name + ".json")) as file:
            queries = [(panel["title"], query) for panel in json.load(file)["panels"] for query in panel.get("targets", [])]
        for title, query in queries:
            expr = query["expr"]
            for variable, value in VARIABLES.items():
                expr = expr.replace(variable, value or scene.cluster.namespace)
            values = [float(sample["value"][1]) for sample in prometheus.samples(expr)]
            range_ = ranges[name].get(title, {}).get(query["legendFormat"])
            good = all(range_[0] <= value <= range_[1] for value in values) if range_ else True
            good = good and (bool(values) or (title, query["legendFormat"]) in MAY_BE_EMPTY)
            said = f"{len(values)}: {min(values):.4g} .. {max(values):.4g}" if values else "empty"
            found.append((good, f"{name} / {title} / {query['legendFormat']}", said, f"{range_[0]:.4g} .. {range_[1]:.4g}" if range_ else "any"))
    return found


def wrong(found):
    return [f"{panel} ({said})" for good, panel, said, _ in found if not good]


def cpu_agrees(scene):
    """CPU in podStatus.json comes from Prometheus, and agrees within 10 % with what the pods' own cgroups count"""
    cluster = scene.cluster
    pods = [pod["metadata"]["name"] for pod in cluster.ready("matrix-service")]
    counters = {pod: Counter(cluster, pod) for pod in pods}
    # The cgroups must have been read when the kubelet's first sample that counts was taken.
    time.sleep(INTERVAL_S + LAG_S + MOMENTS_S[-1])
    # The check may order others.
    demand(sorted(pods) == sorted(pod["metadata"]["name"] for pod in cluster.pods("matrix-service")), "the pods changed meanwhile")
    code, log, check = scene.check()
    time.sleep(PAUSE_S)
    for counter in counters.values():
        counter.read()
    demand(code == 0 and check["nInstances"] == len(pods), f"exit {code}: {log}; {check['nInstances']} instances")
    told, at = check["CPUUsage (Prometheus)"], datetime.strptime(check["timestamp"], "%d.%m.%Y_%H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
    demand(told is not None, f"no CPU: {check['decision'].get('errors')}")
    with Prometheus(scene) as prometheus:
        moments = [Moment(scene, prometheus, counters, at - before) for before in MOMENTS_S]
    limit = cluster.ready("matrix-service")[0]["spec"]["containers"][0]["resources"]["limits"]["cpu"]
    of_samples, of_interval = (told / own - 1 for own in (moments[0].of_samples, moments[0].of_interval))
    text = (f"{told:.4f} cores a pod in podStatus.json; {moments[0].of_samples:.4f} in the cgroups of {len(pods)} pods between the samples that it is made of "
            f"({of_samples:+.1%}), {moments[0].of_interval:.4f} in the {INTERVAL_S} s before the check ({of_interval:+.1%}); the same query at {len(moments)} moments: "
            f"{', '.join(f'{m.told / m.of_samples - 1:+.1%}' for m in moments)}, and {', '.join(f'{m.told / m.of_interval - 1:+.1%}' for m in moments)}; limit {limit}")
    apart = [of_samples, of_interval, *(m.told / m.of_samples - 1 for m in moments)]
    demand(all(abs(one) <= APART for one in apart), text)
    return text


class Moment:
    """The CPU of a pod at some moment as the scaler's query gives it, and as the cgroups counted it: over the time between the
    samples that the query goes by, and over the interval that ends at the moment."""

    def __init__(self, scene, prometheus, counters, moment):
        series = f'container_cpu_usage_seconds_total{{namespace="{scene.cluster.namespace}",pod=~"{"|".join(counters)}",container="matrix-service"}}'
        before = f"{series} offset {INTERVAL_S}s"

        def by_pod(query):
            return {sample["metric"]["pod"]: float(sample["value"][1]) for sample in prometheus.samples(query, time=moment)}
        told = by_pod(f"({series} - {before}) / (timestamp({series}) - timestamp({before}))")
        first, last = by_pod(f"timestamp({before})"), by_pod(f"timestamp({series})")
        demand(set(told) == set(counters), f"Prometheus knows the CPU of {sorted(told)} at {moment:.0f}")
        self.told = mean(told.values())
        self.of_samples = mean(counter.cores(first[pod], last[pod]) for pod, counter in counters.items())
        self.of_interval = mean(counter.cores(moment - INTERVAL_S, moment) for counter in counters.values())


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
        demand(self.readings[0][0] <= moment, f"the cgroup of {self.pod} was first read {self.readings[0][0] - moment:.0f} s too late")
        pairs = zip(self.readings, self.readings[1:])
        (t0, v0), (t1, v1) = next(pair for pair in pairs if pair[1][0] >= moment or pair[1] is self.readings[-1])
        return v0 + (v1 - v0) * (moment - t0) / (t1 - t0)
