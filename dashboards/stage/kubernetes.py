"""Stand-ins for what only a cluster has: the API server that the scaler asks, and a kubelet's metrics.

The pods are real processes of the matrix service. The scaler's orders start and end them; CPU and memory are the processes'
own, from /proc, under the names and labels that a kubelet gives them.
"""
import json, os, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAMESPACE, DEPLOYMENT, NODE, HASH = "autoscaler", "matrix-service", "node-1", "7d4b9c6f5d"
# Of the results volume.
VOLUME_BYTES = 64 << 20
TICKS_PER_S, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


def serve(answer):
    """A server on a port of its own; `answer(method, path, body)` gives status, media type, text."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, media, text = answer(self.command, self.path, body)
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = do_POST = reply

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class Cluster:
    """One Deployment, whose pods `start(name)` starts and returns as processes with an `address`."""

    def __init__(self, start, ready, changed):
        self.start, self.ready, self.changed = start, ready, changed
        self.pods, self.ordered, self.number, self.lock = {}, 0, 0, threading.Lock()
        self.port = serve(self.answer)

    def order(self, replicas):
        with self.lock:
            self.ordered = replicas
            while len(self.pods) < replicas:
                # Of the alphabet of generated names, which has no 0, 1 and 3.
                name = f"{DEPLOYMENT}-{HASH}-{self.number:05d}".translate(str.maketrans("013", "bcd"))
                self.number += 1
                self.pods[name] = self.start(name)
            for name in list(self.pods)[replicas:]:
                self.pods.pop(name).terminate()
            self.changed(self.pods)

    def answer(self, method, path, body):
        path = path.split("?")[0]
        if path.endswith(f"/deployments/{DEPLOYMENT}/scale") and method == "PATCH":
            self.order(json.loads(body)["spec"]["replicas"])
            found = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": self.meta(DEPLOYMENT), "spec": {"replicas": self.ordered}}
        elif path.endswith(f"/deployments/{DEPLOYMENT}"):
            template = {"metadata": {"labels": {"app": DEPLOYMENT}}, "spec": {"containers": []}}
            found = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": self.meta(DEPLOYMENT),
                     "spec": {"replicas": self.ordered, "selector": {"matchLabels": {"app": DEPLOYMENT}}, "template": template}}
        elif path.endswith("/pods"):
            found = {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [self.pod(*pod) for pod in list(self.pods.items())]}
        else:
            return 404, "application/json", '{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}'
        return 200, "application/json", json.dumps(found)

    def pod(self, name, process):
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{DEPLOYMENT}-{HASH}", "uid": "1", "controller": True}
        labels = {"app": DEPLOYMENT, "pod-template-hash": HASH}
        ready = {"type": "Ready", "status": "True" if self.ready(process) else "False"}
        return {"metadata": {**self.meta(name), "labels": labels, "ownerReferences": [owner]}, "spec": {"containers": []},
                "status": {"phase": "Running", "conditions": [ready]}}

    def meta(self, name):
        return {"name": name, "namespace": NAMESPACE}


class Kubelet:
    """`/metrics/cadvisor` and `/metrics` of a node with these processes; `processes()` gives pod names and pids."""

    def __init__(self, processes, quota_cores, memory_limit, volume):
        self.processes, self.quota, self.memory_limit, self.volume = processes, quota_cores, memory_limit, volume
        self.port = serve(self.answer)

    def answer(self, method, path, body):
        lines = self.cadvisor() if path == "/metrics/cadvisor" else self.volumes()
        return 200, "text/plain; version=0.0.4", "\n".join(lines) + "\n"

    def cadvisor(self):
        now_ms = int(time.time() * 1000)
        for pod, pid in self.processes():
            try:
                fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
                resident = int(open(f"/proc/{pid}/statm").read().split()[1]) * PAGE
            except OSError:
                continue
            cpu_s = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
            program = pod[:pod.index(HASH) - 1] if HASH in pod else pod.rsplit("-", 2)[0]
            limited = program == DEPLOYMENT
            # The sum over the pod's containers has no container; counting it too would double everything.
            for container in (program, ""):
                labels = f'container="{container}",id="/kubepods/{pod}/{container}",namespace="{NAMESPACE}",pod="{pod}"'
                figures = {"container_cpu_usage_seconds_total": cpu_s, "container_memory_working_set_bytes": resident,
                           "container_not_asked_for_total": 1}
                if limited:
                    figures |= {"container_spec_cpu_quota": self.quota * 1e5, "container_spec_cpu_period": 1e5,
                                "container_spec_memory_limit_bytes": self.memory_limit, "container_cpu_cfs_periods_total": cpu_s * 10,
                                "container_cpu_cfs_throttled_periods_total": cpu_s}
                for name, value in figures.items():
                    yield f"{name}{{{labels}}} {value} {now_ms}"
        yield f'container_cpu_usage_seconds_total{{container="",id="/kubepods/other",namespace="other",pod="stranger-1"}} 1 {now_ms}'
        for line in open("/proc/net/dev").readlines()[2:]:
            interface, figures = line.split(":")
            figures = figures.split()
            # All traffic of the stage is the loopback's: it plays the node's wire, and once more, much more, a pod's end of one.
            for name, times in (("eth0", 1), ("veth1", 1000)) if interface.strip() == "lo" else ():
                labels = f'{{container="",id="/",interface="{name}",namespace="",pod=""}}'
                yield f"container_network_receive_bytes_total{labels} {int(figures[0]) * times} {now_ms}"
                yield f"container_network_transmit_bytes_total{labels} {int(figures[8]) * times} {now_ms}"

    def volumes(self):
        """A claim of its own size, whatever the machine's disk has left."""
        used = sum(taken(os.path.join(folder, file)) for folder, _, files in os.walk(self.volume) for file in files)
        labels = f'{{namespace="{NAMESPACE}",persistentvolumeclaim="results"}}'
        yield f"kubelet_volume_stats_capacity_bytes{labels} {VOLUME_BYTES}"
        yield f"kubelet_volume_stats_available_bytes{labels} {max(0, VOLUME_BYTES - used)}"
        yield 'kubelet_volume_stats_available_bytes{namespace="other",persistentvolumeclaim="results"} 1'
        yield f'kubelet_volume_stats_available_bytes{{namespace="{NAMESPACE}",persistentvolumeclaim="another"}} 1'


def taken(path):
    """In blocks of 4 KiB; nothing, if it was moved meanwhile."""
    try:
        return -(-os.lstat(path).st_size // 4096) * 4096
    except OSError:
        return 0
