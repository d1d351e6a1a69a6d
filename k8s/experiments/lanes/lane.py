"""One policy under the load: a namespace of its own, from its making to its removal."""
import contextlib, http.client, json, os, socket, statistics, subprocess, sys, threading, time
from concurrent.futures import ThreadPoolExecutor

from contest.service import ENOUGH, told_apart
from loadtest import records as join_records, samples, verdict
from stage.cluster import Check, Cluster, demand, kubectl, until
from stage.load import ask, body_of
from stage.volume import Volume

from . import records, snapshot
from .experiment import SIZE
from .manifests import CLUSTER_WIDE, objects
from .pod_log import PodLog

JMETER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "jmeter")
# What must be ready before a load; the service itself comes with the first of them, the proxy.
DEPLOYMENTS = ["matrix-service", "agent", "ingress", "prometheus", "pushgateway"]

# Clients a pod where turns are measured; requests of each that are not counted, as what was just made becomes calm, and that are.
WAITING, WARM_UP, COUNTED = 3, 10, 30
# For an answer, seconds.
PATIENCE_S = 60
# Requests that a client gave up, or that nobody answered, are what a policy came to: the run counts, with them as lost.
ANY = 10**9
# For JMeter to end when it is told to, with its report, before it is killed.
JMETER_END_S = 60


class Lane:
    def __init__(self, namespace, policy, experiment, folder):
        self.namespace, self.policy, self.experiment, self.folder = namespace, policy, experiment, folder
        self.cluster, self.volume = Cluster(namespace), Volume(Cluster(namespace))
        self.sizing = self.pod_log = self.load = self.forward = None
        self.applied = self.closing = False
        # What is being made while the end begins must be there before it is removed.
        self.making = threading.Lock()

    def apply(self, sizing):
        """All of it, at this size; again to change the size."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects(self.namespace, self.policy, self.experiment, sizing)})
        with self.making:
            demand(not self.closing, f"{self.namespace}: the run ends")
            if not self.applied:
                demand(kubectl("get", "namespace", self.namespace)[0], f"there is a namespace {self.namespace} already: a run makes its own")
            self.sizing, self.applied = sizing, True
            code, _, error = kubectl("apply", "-f", "-", text=text)
        demand(code == 0, f"{self.namespace}: {error}")

    def ready(self):
        for name in DEPLOYMENTS:
            self.cluster.rolled_out(name, 300)
        self.cluster.run("rollout", "status", "daemonset/node-exporter", "--timeout=120s", patience=130)
        replicas = int(self.policy.setting) if self.policy.kind == "static" else 1
        # Those of an earlier size drain for a while.
        self.cluster.settled("matrix-service", replicas, 120)
        self.volume.open()
        until(lambda: self.answers(), f"an answer of the proxy of {self.namespace}", 60)

    def address(self):
        """Where the proxy answers: its cluster address where this machine has a route to it, else a forwarded port."""
        if not self.forward:
            service = self.cluster.get("service", "ingress")["spec"]
            direct = service["clusterIP"], service["ports"][0]["port"]
            self.forward = Direct(direct) if reaches(direct) else Forwarded(self.namespace)
        return self.forward.address

    def answers(self):
        try:
            return ask(self.address(), "first", body_of(SIZE))[0] == 200
        except (OSError, EOFError, ValueError):
            return False

    def turn_s(self):
        """Mean seconds from one answer to the next of pods at their CPU limit: they never rest, as others wait. The connections last, as
        JMeter's."""
        clients, begun_s = WAITING * int(self.policy.setting), time.time()
        with ThreadPoolExecutor(clients) as pool:
            counted = {name for one in pool.map(self.asked, range(clients)) for name in one[WARM_UP:]}
        rows = [row for row in records.rows(self.volume) if row.arrival_s >= begun_s]
        found = sum(row.request_id in counted for row in rows)
        demand(found == len(counted), f"{len(counted)} requests to measure a pod by were answered, {found} of them have a record")
        turns = [one.turn_s for one in told_apart([row for row in rows if row.request_id in counted])[0]]
        demand(len(turns) >= ENOUGH, f"{len(turns)} requests waited for the one before, at least {ENOUGH} are needed to measure a pod by")
        return statistics.fmean(turns)

    def asked(self, client):
        """The names of one client's requests, one after the other."""
        body, names = body_of(SIZE), []
        with contextlib.closing(http.client.HTTPConnection(*self.address(), timeout=PATIENCE_S)) as connection:
            for number in range(WARM_UP + COUNTED):
                names.append(f"calibration-{self.sizing.repeat}-{client}-{number}")
                connection.request("POST", "/multiply", body, {"Content-Type": "application/json", "X-Request-ID": names[-1]})
                reply = connection.getresponse()
                reply.read()
                demand(reply.status == 200, f"a request to measure a pod by was answered with {reply.status}")
        return names

    def watch(self):
        self.pod_log = PodLog(self.namespace)

    def play(self, arrivals, matrices):
        """Starts the load; `jmeter/run` prints into load.log."""
        host, port = self.address()
        command = [sys.executable, os.path.join(JMETER, "run"), "--arrivals", arrivals, "--target", f"{host}:{port}", "--matrices", matrices,
                   "--out", os.path.join(self.folder, "jmeter"), "--heap", "512m", "--max-errors", str(ANY),
                   "--response-timeout-s", str(self.experiment.patience_s)]
        with open(os.path.join(self.folder, "load.log"), "w", encoding="utf-8") as log:
            self.load = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def checks(self):
        return self.volume.status()

    def suspend_checks(self, suspended):
        self.cluster.run("patch", "cronjob", "scaler", "-p", json.dumps({"spec": {"suspend": suspended}}))

    def last_check(self):
        """Claims what is left, so that every record is in a check. The CronJob is suspended."""
        self.suspend_checks(True)
        ended = ("Complete", "Failed")
        until(lambda: all(any(c["type"] in ended and c["status"] == "True" for c in job["status"].get("conditions", []))
                          for job in self.cluster.get("jobs")["items"]), "no check runs", 90)
        code, log = Check(self.cluster, "last-check").end()
        demand(code == 0, f"the last check of {self.namespace}: exit {code}: {log}")

    def collect(self, begin_s, load_end_s, end_s):
        """Copies everything into the folder: (what run.json says of it, problems). The node's CPU is that under the load: what comes
        after it, such as JMeter's reports, slows nobody."""
        status, rows = records.copied(self.volume)
        with open(self.path("podStatus.json"), "w", encoding="utf-8") as file:
            file.write(status)
        records.write(self.path("records.csv"), rows)
        self.pod_log.write(self.path("pods.csv"))
        series = snapshot.taken(self.cluster, begin_s, end_s)
        snapshot.write(self.path("prometheus.json.gz"), series)
        busy = [(time_s, share) for time_s, share in snapshot.node_cpu(series) if begin_s <= time_s <= load_end_s]
        snapshot.write_node_cpu(self.path("nodecpu.csv"), busy)
        node = {"mean": sum(share for _, share in busy) / len(busy), "max": max(snapshot.minutes(busy))} if busy else None
        joined, problems = self.join(rows)
        return {"nodeCpu": node, "join": joined, "images": self.images()}, problems

    def images(self):
        """The images that ran, by name, with what the node calls them: a name may be given to another image tomorrow."""
        pods = self.cluster.get("pods")["items"]
        return {one["image"]: one["imageID"] for pod in pods for one in pod["status"].get("containerStatuses", [])}

    def join(self, rows):
        """Every sample with its record."""
        result = json.load(open(self.path("jmeter", "result.json"), encoding="utf-8"))
        found = samples.read_samples(self.path("jmeter", "samples.jtl"))
        joined = join_records.join(found.counted, records.joinable(rows), result["run"], found.warmup)
        problems = verdict.check_join(joined) + result["problems"]
        return {"samples": len(found.counted), "joined": len(joined.pairs), "problems": problems}, problems

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def stop(self):
        """Ends what runs on this machine, and leaves the namespace: nothing that could go wrong."""
        with self.making:
            self.closing = True
        if self.load and self.load.poll() is None:
            self.load.terminate()
            try:
                self.load.wait(JMETER_END_S)
            except subprocess.TimeoutExpired:
                self.load.kill()
        if self.pod_log:
            self.pod_log.stop()
        if self.forward:
            self.forward.close()
        return []

    def remove(self):
        """Workloads first: a namespace whose pods take their time to end looks again at long intervals only. What could not be
        removed."""
        self.stop()
        if not self.applied:
            return []
        done = [
            kubectl("-n", self.namespace, "delete", "cronjob,job,hpa,daemonset,deployment,pod", "--all", "--grace-period=1", patience=300),
            kubectl("delete", "namespace", self.namespace, "--ignore-not-found", patience=300),
            kubectl("delete", ",".join(sorted(CLUSTER_WIDE)).lower(), "-l", f"experiment={self.namespace}", patience=60),
        ]
        return [f"{self.namespace} is not removed whole: {error.strip()}" for code, _, error in done if code]


class Direct:
    def __init__(self, address):
        self.address = address

    def close(self):
        pass


class Forwarded:
    """`kubectl port-forward` to the proxy's Service."""

    def __init__(self, namespace):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = free.getsockname()
        self.process = subprocess.Popen(("kubectl", "-n", namespace, "port-forward", "service/ingress", f"{self.address[1]}:80"),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        self.process.terminate()
        self.process.wait()


def reaches(address):
    try:
        socket.create_connection(address, 3).close()
        return True
    except OSError:
        return False
