"""The results volume, read as users read it: by the pod of k8s/reader.yaml."""
import io, json, os, subprocess, tarfile
from collections import Counter, namedtuple

from .cluster import Failed

# Where: the check that counted it, or `incoming`.
Record = namedtuple("Record", "name pod where service_s response_s")

# Two blocks of zeros end an archive.
END_OF_TAR = bytes(1024)
TRIES = 5

READER = os.path.join(os.path.dirname(__file__), "../../reader.yaml")
CONFINED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
SMALL = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}


def helper_pod(name, command, user=65532, labels=None, claim=None, read_only=True):
    """A pod of this test: what the restricted Pod Security Standard allows, and the results volume if `claim` is given."""
    container = {"name": "main", "image": "docker.io/library/busybox:1.37.0", "command": command,
                 "securityContext": CONFINED, "resources": SMALL}
    spec = {"restartPolicy": "Never", "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": user,
                                "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container]}
    if claim:
        container["volumeMounts"] = [{"name": "results", "mountPath": "/results", "readOnly": read_only}]
        spec["volumes"] = [{"name": "results", "persistentVolumeClaim": {"claimName": claim, "readOnly": read_only}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"e2e": "yes"} | (labels or {})}, "spec": spec}


class Volume:
    def __init__(self, cluster):
        self.cluster = cluster

    def open(self):
        self.cluster.run("apply", "-f", READER)
        self.cluster.run("wait", "--for=condition=Ready", "pod/reader", "--timeout=60s")

    def status(self):
        """podStatus.json; empty before the first check."""
        text = self.cluster.run("exec", "reader", "--", "sh", "-c", "cat /results/podStatus.json 2>/dev/null || echo {}")
        return json.loads(text)

    def archive(self):
        """All files, as a tar: as often as it takes until its end is there, since `kubectl exec` may lose the end of a long output and
        tell nobody. No load and no check may be under way."""
        for _ in range(TRIES):
            done = subprocess.run(("kubectl", "-n", self.cluster.namespace, "exec", "reader", "--", "tar", "-C", "/results",
                                   "-cf", "-", "."), capture_output=True, timeout=300)
            if done.returncode == 0 and done.stdout.endswith(END_OF_TAR):
                return done.stdout
        raise Failed(f"tar of the results: exit {done.returncode}, {len(done.stdout)} bytes without an end: {done.stderr.decode().strip()}")

    def records(self):
        """Every record file there is."""
        found = []
        with tarfile.open(fileobj=io.BytesIO(self.archive())) as archive:
            for member in archive:
                parts = member.name.removeprefix("./").split("/")
                if member.isfile() and len(parts) > 1 and not parts[-1].startswith("."):
                    record = json.load(archive.extractfile(member))
                    where = parts[1] if parts[0] == "AnalyzedPods" else parts[0]
                    found.append(Record(record.get("Request ID"), parts[-1].split("_")[0], where, record["Service Time"],
                                        record["Response Time"]))
        return found


def account(load, records, status):
    """What must hold of every request and every record in the end, whatever happened; a list of what does not."""
    copies = Counter(record.name for record in records)
    problems = [f"{name} was answered and has {copies[name]} records" for name, answer in load.answers.items()
                if answer.status == 200 and copies[name] != 1]
    problems += [f"{name} has {n} records" for name, n in copies.items() if n > 1 and name is not None]
    kept = Counter(record.where for record in records)
    for key, check in status.items():
        read = check["decision"]["recordsRead"]
        if key in kept and kept[key] != read:
            problems.append(f"{key} says {read} records, its folder has {kept[key]}")
    unknown = set(kept) - set(status) - {"incoming"}
    problems += [f"{kept[where]} records lie in {where}, which no check counted" for where in sorted(unknown)]
    return problems
