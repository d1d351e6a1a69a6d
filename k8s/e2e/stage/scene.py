"""What every scenario has at hand."""
import json, os, re, tempfile, time
from contextlib import contextmanager
from urllib.request import urlopen

from .cluster import Check, Cluster, Forward, changed, demand, until
from .load import Load, body_of
from .volume import Volume, helper_pod

# Pods with a twentieth of a core make a small node large: four of them saturate before the node does.
POD_CPU = "50m"
SIZE = 200
LIMITS = ({"kind": "Deployment", "name": "matrix-service"},
          [{"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/cpu", "value": POD_CPU},
           {"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/cpu", "value": POD_CPU}])


class Scene:
    def __init__(self, namespace, overlay, address):
        self.cluster = Cluster(namespace)
        self.overlay, self.scratch = overlay, tempfile.mkdtemp(prefix="e2e-")
        self.patches, self.capacity, self.applied_at = [], None, None
        self.load = Load(address, body_of(SIZE))
        self.volume = Volume(self.cluster)
        # Requests outside of the load, by name, and the response time that each was answered with.
        self.extra = {}
        self.jobs = 0

    def close(self):
        self.load.stop()
        self.cluster.run("delete", "jobs,pods", "-l", "e2e=yes", "--ignore-not-found", "--wait=false")
        self.cluster.remove("pod", "reader")
        for file in os.listdir(self.scratch):
            os.remove(os.path.join(self.scratch, file))
        os.rmdir(self.scratch)

    def apply(self, *patches):
        """The user's command, with all patches so far and these."""
        self.patches += patches
        folder = changed(self.overlay, self.scratch, self.patches) if self.patches else self.overlay
        return self.cluster.run("apply", "-k", folder)

    def start_check(self):
        self.jobs += 1
        return Check(self.cluster, f"e2e-check-{self.jobs}")

    def check(self):
        """One check as a Job: exit code, log, and the newest entry of podStatus.json."""
        code, log = self.start_check().end()
        return code, log, self.last()

    def checks(self):
        return list(self.volume.status().values())

    def last(self):
        checks = self.checks()
        return checks[-1] if checks else None

    def next_check(self, patience=190):
        """The next check that the CronJob records; on a busy machine it may miss its minute."""
        before = len(self.checks())
        return until(lambda: (self.checks()[before:] or [None])[0], "the CronJob's next check is recorded", patience, 1.0)

    def pause_checks(self, paused):
        """The CronJob's; one that runs is waited for."""
        self.cluster.run("patch", "cronjob", "scaler", "-p", json.dumps({"spec": {"suspend": paused}}))
        if paused:
            ended = ("Complete", "Failed")
            until(lambda: all(any(c["type"] in ended and c["status"] == "True" for c in job["status"].get("conditions", []))
                              for job in self.cluster.get("jobs")["items"]), "no check runs", 90)

    @contextmanager
    def without(self, name):
        """No pod of that Deployment."""
        before = self.cluster.ordered(name)
        self.cluster.scale(name, 0)
        until(lambda: not self.cluster.pods(name), f"no {name}, nor one that ends", 90)
        time.sleep(1.5)  # for kube-proxy to know
        try:
            yield
        finally:
            self.cluster.scale(name, before)
            self.cluster.rolled_out(name)
            time.sleep(1.5)

    @contextmanager
    def silent_agent(self):
        """In the agent's place a pod that takes connections and never answers."""
        # One of the two, as busybox was built.
        listen = "nc -lk -p 8000 -e sleep 600 || nc -ll -p 8000 -e sleep 600"
        pod = helper_pod("e2e-silent", ["sh", "-c", listen], labels={"app.kubernetes.io/name": "agent"})
        pod["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 8000}]
        with self.without("agent"):
            self.cluster.run("apply", "-f", "-", text=json.dumps(pod))
            self.cluster.run("wait", "--for=condition=Ready", "pod/e2e-silent", "--timeout=60s")
            time.sleep(1.5)
            try:
                yield
            finally:
                self.cluster.run("delete", "pod", "e2e-silent")

    def proxied(self, pods):
        """Waits until each proxy knows exactly so many pods that are up: DNS is asked once a second, and may be late."""
        def known(proxy):
            with Forward(self.cluster, proxy["metadata"]["name"], 8404) as (host, port):
                page = urlopen(f"http://{host}:{port}/metrics", timeout=10).read().decode()
            up = r'haproxy_server_status\{proxy="pods",server="pod\d+",state="UP"\} 1'
            return len(re.findall(up, page)) == pods
        until(lambda: all(known(proxy) for proxy in self.cluster.ready("ingress")), f"the proxies know {pods} pods", 60)

    def with_pods(self, pods):
        """So many pods of the service, ready and known to the proxies, and no others."""
        self.cluster.scale("matrix-service", pods)
        self.cluster.settled("matrix-service", pods, 150)
        self.proxied(pods)

    def unchanged(self, check, count, reason, error):
        """That check ordered nothing, for that reason, and names that error."""
        names = [e["name"] for e in check["decision"].get("errors", [])]
        demand(check["decision"]["reason"] == reason, f"reason {check['decision']['reason']}")
        demand(check["action"] == "No Action", check["action"])
        demand(error in names, f"errors {names}")
        demand(self.cluster.ordered() == count, f"{self.cluster.ordered()} replicas, not {count}")
