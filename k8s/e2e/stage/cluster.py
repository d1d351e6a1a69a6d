"""The cluster that kubectl's current context points at, and the one namespace of the system in it."""
import json, os, re, subprocess, time


class Failed(AssertionError):
    """What was demanded does not hold."""


def demand(holds, what):
    if not holds:
        raise Failed(what)


def until(condition, what, patience, pause=0.3):
    """The first true answer of `condition`; Failed when there is none within `patience` seconds."""
    end = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        demand(time.monotonic() < end, f"not within {patience} s: {what}")
        time.sleep(pause)


def kubectl(*arguments, text=None, patience=120):
    """Exit code, output, errors."""
    try:
        done = subprocess.run(("kubectl", *arguments), input=text, capture_output=True, text=True, timeout=patience)
    except subprocess.TimeoutExpired:
        return 124, "", f"kubectl {' '.join(arguments)}: no end within {patience} s"
    return done.returncode, done.stdout, done.stderr


class Cluster:
    def __init__(self, namespace):
        self.namespace = namespace

    def run(self, *arguments, text=None, patience=120):
        code, output, error = kubectl("-n", self.namespace, *arguments, text=text, patience=patience)
        demand(code == 0, f"kubectl {' '.join(arguments)}: {error.strip()}")
        return output

    def get(self, *what):
        return json.loads(self.run("get", *what, "-o", "json"))

    def pods(self, name):
        """Pods of that app, those that end included, oldest first."""
        found = self.get("pods", "-l", f"app.kubernetes.io/name={name}")["items"]
        return sorted(found, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def ready(self, name):
        return [pod for pod in self.pods(name) if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]

    def scale(self, name, replicas):
        self.run("scale", f"deployment/{name}", f"--replicas={replicas}")

    def settled(self, name, replicas, patience=90):
        """Exactly so many pods of that app, all ready, none that ends."""
        def as_wanted():
            pods = self.pods(name)
            return len(pods) == replicas and all(is_ready(pod) for pod in pods)
        until(as_wanted, f"{replicas} pods of {name}, all ready, none that ends", patience)

    def ordered(self, name="matrix-service"):
        return self.get("deployment", name)["spec"].get("replicas", 1)

    def rolled_out(self, name, patience=180):
        self.run("rollout", "status", f"deployment/{name}", f"--timeout={patience}s", patience=patience + 10)

    def remove(self, *what):
        self.run("delete", "--ignore-not-found", "--wait=false", *what)


class Check:
    """One run of the scaler, as a Job made from the CronJob."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        job = json.loads(cluster.run("create", "job", name, "--from=cronjob/scaler", "--dry-run=client", "-o", "json"))
        # Not the CronJob's own: its history would remove it, and its log, while it is read.
        del job["metadata"]["ownerReferences"]
        job["metadata"]["labels"] = {"e2e": "yes"}
        cluster.run("create", "-f", "-", text=json.dumps(job))

    def pod(self):
        found = self.cluster.get("pods", "-l", f"job-name={self.name}")["items"]
        return found[0] if found else None

    def running(self):
        def runs():
            pod = self.pod()
            return pod and any("running" in s["state"] for s in pod["status"].get("containerStatuses", [])) and pod
        return until(runs, f"the pod of {self.name} runs", 30, 0.1)

    def end(self, patience=60):
        """Exit code and log."""
        def ended():
            pod = self.pod()
            states = pod["status"].get("containerStatuses", []) if pod else []
            return [s["state"]["terminated"] for s in states if "terminated" in s["state"]]
        code = until(ended, f"{self.name} ends", patience)[0]["exitCode"]
        return code, self.cluster.run("logs", f"job/{self.name}")


class Forward:
    """`kubectl port-forward` to one pod, for what must go past the proxy."""

    def __init__(self, cluster, pod, port):
        self.process = subprocess.Popen(
            ("kubectl", "-n", cluster.namespace, "port-forward", f"pod/{pod}", f":{port}"),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        found = re.search(r"127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        demand(found, f"no port-forward to {pod}")
        self.address = ("127.0.0.1", int(found[1]))

    def __enter__(self):
        return self.address

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def changed(folder, scratch, patches):
    """A kustomization in `scratch` that is `folder` with these patches, as a user's own overlay would be."""
    where = os.path.relpath(os.path.realpath(folder), os.path.realpath(scratch))
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": [where],
                     "patches": [{"target": target, "patch": json.dumps(patch)} for target, patch in patches]}
    with open(os.path.join(scratch, "kustomization.yaml"), "w") as file:
        json.dump(kustomization, file)  # JSON is YAML
    return scratch
