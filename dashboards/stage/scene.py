"""The system on one machine: real services and exporters, scraped by a real Prometheus, with the component's own files.

Everything listens on 127.0.0.1 at ports that are free, and ends with `close`. What the stage puts in a cluster's place is
in kubernetes.py; how the component's files are changed is in `configured`.
"""
import json, os, random, re, signal, socket, subprocess, time, urllib.error, urllib.parse, urllib.request

import yaml

from .kubernetes import DEPLOYMENT, HASH, NAMESPACE, NODE, Cluster, Kubelet
from .load import Load
from .settings import CPU_LIMIT, INTERVAL_S, MAX_REPLICAS, MEMORY_LIMIT, QUOTA, THRESHOLD_S

HERE = os.path.dirname(os.path.abspath(__file__))
K8S = os.path.join(HERE, "../../k8s")
MONITORING = os.path.join(K8S, "components/monitoring")
RULES = os.path.join(HERE, "../rules")
# The shortest `for` that is not 0: minutes of it become this many seconds.
SECONDS_PER_MINUTE = 2


def ports():
    """Ports that nobody listens on, each once, below those that the kernel gives to connections: still free when they are used."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        end = int(file.read().split()[0])
    begin = min(10_000, end // 2)
    for port in random.sample(range(begin, end), end - begin):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


FREE_PORTS = ports()


def free_port():
    return next(FREE_PORTS)


def get(url, patience=5):
    with urllib.request.urlopen(url, timeout=patience) as response:
        return response.read().decode()


def until(condition, what, patience=30.0):
    end = time.monotonic() + patience
    while True:
        try:
            found = condition()
            if found:
                return found
        except (OSError, KeyError, ValueError):
            pass
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {patience:.0f} s")
        time.sleep(0.1)


def arguments(manifest):
    """The arguments that a manifest gives to its only container."""
    with open(os.path.join(MONITORING, manifest)) as file:
        pod = next(o for o in yaml.safe_load_all(file) if o["kind"] in ("Deployment", "DaemonSet"))
    return pod["spec"]["template"]["spec"]["containers"][0]["args"]


class Scene:
    def __init__(self, folder, binaries, amplitude):
        self.folder, self.binaries, self.processes = folder, binaries, {}
        self.ports = {name: free_port() for name in ("agent", "agent metrics", "proxy", "proxy metrics", "prometheus", "pushgateway", "blackbox", "node")}
        self.slots = [free_port() for _ in range(MAX_REPLICAS)]
        self.results = os.path.join(folder, "results")
        self.base = f"http://127.0.0.1:{self.ports['prometheus']}"
        os.makedirs(self.results)
        self.kubelet = Kubelet(self.pids, CPU_LIMIT, MEMORY_LIMIT, self.results)
        self.cluster = Cluster(self.start_pod, self.is_ready, self.name_targets)
        self.load = Load(self.ports["proxy"], amplitude)

    # ---- Processes

    def start(self, name, *command, **environment):
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        self.processes[name] = subprocess.Popen(command, env={"PATH": os.environ["PATH"], **environment}, stdin=subprocess.DEVNULL,
                                                stdout=log, stderr=subprocess.STDOUT)
        return self.processes[name]

    def stop(self, name):
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def must_run(self, name):
        """AssertionError with the last of its log when it has ended."""
        code = self.processes[name].poll()
        if code is not None:
            raise AssertionError(f"{name} has ended with {code}; {self.told(name)}")

    def told(self, name):
        with open(os.path.join(self.folder, name + ".log"), errors="replace") as file:
            return f"the last of the log of {name}:\n{file.read()[-2000:]}"

    def own(self, program):
        return os.path.join(self.binaries, program)

    def start_pod(self, name):
        used = {p.slot for p in self.cluster.pods.values()}
        slot = next(port for port in self.slots if port not in used)
        process = self.start(name, self.own("matrix-service"), LISTEN_ADDR=f"127.0.0.1:{slot}", RESULTS_DIR=self.results, POD_NAME=name,
                             EMULATED_CPU_QUOTA=str(QUOTA), GRACE_SECONDS="5")
        process.slot = slot
        return process

    def is_ready(self, process):
        try:
            return bool(get(f"http://127.0.0.1:{process.slot}/readyz", 1))
        except OSError:
            return False

    def pids(self):
        names = {"agent": "agent-5c9d7f8b6-aaaaa", "proxy": "ingress-6b7c8d9f4-aaaaa", "prometheus": "prometheus-7f6d5c4b3-aaaaa"}
        running = [(name, process.pid) for name, process in list(self.processes.items()) if process.poll() is None]
        return [(names.get(name, name), pid) for name, pid in running if name in names or HASH in name]

    def start_agent(self):
        self.start("agent", self.own("agent"), "serve", AGENT_LISTEN_ADDR=f"127.0.0.1:{self.ports['agent']}",
                   AGENT_METRICS_ADDR=f"127.0.0.1:{self.ports['agent metrics']}", RISK="3")
        until(lambda: get(f"http://127.0.0.1:{self.ports['agent']}/readyz"), "the agent is ready")

    def start_proxy(self):
        """The proxy's own file, but for addresses, and for pods that are known beforehand instead of from DNS."""
        with open(os.path.join(K8S, "base/ingress/haproxy.cfg")) as file:
            text = file.read()
        servers = "\n".join(f"    server pod{i} 127.0.0.1:{port} check inter 500ms fall 1 rise 1 maxconn 500" for i, port in enumerate(self.slots))
        text, changed = re.subn(r"    server-template .*", servers, text)
        assert changed == 1, "haproxy.cfg has no server-template"
        text = text.replace("bind :8080", f"bind 127.0.0.1:{self.ports['proxy']}").replace("bind :8404", f"bind 127.0.0.1:{self.ports['proxy metrics']}")
        path = self.written("haproxy.cfg", text)
        self.start("proxy", "haproxy", "-db", "-f", path, NAMESPACE=NAMESPACE, CLUSTER_DOMAIN="cluster.local", MAX_BODY_BYTES="16777216")
        until(lambda: get(f"http://127.0.0.1:{self.ports['proxy metrics']}/readyz"), "the proxy knows a pod")

    def start_scaler(self, name="scaler", **others):
        """One of them, or one more beside it with other settings."""
        server = f"http://127.0.0.1:{self.cluster.port}"
        kubeconfig = {"apiVersion": "v1", "kind": "Config", "current-context": "stage", "clusters": [{"name": "stage", "cluster": {"server": server}}],
                      "users": [{"name": "nobody", "user": {}}], "contexts": [{"name": "stage", "context": {"cluster": "stage", "user": "nobody"}}]}
        # A file of its own: one that starts must not find that of the other half written.
        settings = {"KUBECONFIG": self.written(name + ".kubeconfig", json.dumps(kubeconfig)), "NAMESPACE": NAMESPACE, "DEPLOYMENT_NAME": DEPLOYMENT,
                    "PRESSURE_THRESHOLD": str(THRESHOLD_S), "INTERVAL_CHECK": str(INTERVAL_S), "AGENT_HOST": "127.0.0.1",
                    "AGENT_PORT": str(self.ports["agent"]), "RESULTS_DIR": self.results, "MAX_REPLICAS": str(MAX_REPLICAS), "PROMETHEUS_URL": self.base,
                    "PUSHGATEWAY_URL": f"http://127.0.0.1:{self.ports['pushgateway']}"}
        return self.start(name, self.own("scaler"), "run", **{**settings, **others})

    def start_exporters(self):
        self.start("pushgateway", "prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{self.ports['pushgateway']}")
        self.start("blackbox", "prometheus-blackbox-exporter", f"--web.listen-address=127.0.0.1:{self.ports['blackbox']}",
                   f"--config.file={os.path.join(MONITORING, 'blackbox-exporter/blackbox.yml')}")
        # The manifest's own flags, but for the disk: here it is the machine's root, there the pod's volume.
        flags = [a for a in arguments("node-exporter/node-exporter.yaml") if "listen-address" not in a and "mount-points" not in a]
        self.start("node", "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{self.ports['node']}",
                   *[flag.replace("|tmpfs", "") for flag in flags], "--collector.filesystem.mount-points-exclude=^/.+")

    # ---- Prometheus

    def start_prometheus(self):
        path = self.written("prometheus.yml", yaml.safe_dump(self.configured()))
        self.start("prometheus", "prometheus", f"--config.file={path}", f"--storage.tsdb.path={os.path.join(self.folder, 'data')}",
                   f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}")
        until(lambda: get(self.base + "/-/ready"), "Prometheus is ready")

    def configured(self):
        """The component's prometheus.yml, relabelling and all; changed are intervals, and where targets come from."""
        with open(os.path.join(MONITORING, "prometheus/prometheus.yml")) as file:
            config = yaml.safe_load(file)
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [self.hastened(name) for name in sorted(os.listdir(RULES)) if name.endswith(".yml")]
        addresses = {"pushgateway:9091": "pushgateway", "localhost:9090": "prometheus", "blackbox-exporter:9115": "blackbox"}
        for job in config["scrape_configs"]:
            if job.pop("kubernetes_sd_configs", None):
                job["file_sd_configs"] = [{"files": [os.path.join(self.folder, "pods.json")], "refresh_interval": "1s"}]
            # Kubelets: by plain HTTP, and on a port that is free.
            if job.pop("authorization", None):
                job["scheme"] = "http"
                del job["tls_config"]
                for rule in job["relabel_configs"]:
                    rule |= {"replacement": rule["replacement"].replace("10250", str(self.kubelet.port))} if "replacement" in rule else {}
            for static in job.get("static_configs", []):
                static["targets"] = [f"127.0.0.1:{self.ports[addresses[t]]}" if t in addresses else
                                     t.replace("//ingress/", f"//127.0.0.1:{self.ports['proxy']}/") for t in static["targets"]]
            for rule in job.get("relabel_configs", []):
                if rule.get("replacement") in addresses:
                    rule["replacement"] = f"127.0.0.1:{self.ports[addresses[rule['replacement']]]}"
        return config

    def hastened(self, name):
        with open(os.path.join(RULES, name)) as file:
            text = re.sub(r"\bfor: (\d+)m$", lambda m: f"for: {int(m[1]) * SECONDS_PER_MINUTE}s", file.read(), flags=re.MULTILINE)
        return self.written(name, text)

    def name_targets(self, pods):
        """The pods, with what Kubernetes' discovery says of them."""
        programs = [("agent", "agent-5c9d7f8b6-aaaaa", self.ports["agent metrics"]), ("ingress", "ingress-6b7c8d9f4-aaaaa", self.ports["proxy metrics"]),
                    ("node-exporter", "node-exporter-aaaaa", self.ports["node"]), ("blackbox-exporter", "blackbox-exporter-aaaaa", self.ports["blackbox"])]
        programs += [(DEPLOYMENT, name, pod.slot) for name, pod in pods.items()]
        meta = "__meta_kubernetes_"
        found = [{"targets": ["127.0.0.1:1"], "labels": {
            meta + "pod_annotation_prometheus_io_scrape": "true", meta + "pod_annotation_prometheus_io_port": str(port), meta + "pod_ip": "127.0.0.1",
            meta + "pod_host_ip": "127.0.0.1", meta + "pod_phase": "Running", meta + "namespace": NAMESPACE, meta + "pod_name": pod, meta + "pod_node_name": NODE,
            meta + "pod_label_app_kubernetes_io_name": app}} for app, pod, port in programs]
        # A pod that does not ask for it.
        found.append({"targets": ["127.0.0.1:2"], "labels": {meta + "pod_ip": "127.0.0.1", meta + "pod_phase": "Running", meta + "namespace": NAMESPACE,
                                                            meta + "pod_host_ip": "127.0.0.1", meta + "pod_node_name": NODE, meta + "pod_name": "silent"}})
        path = os.path.join(self.folder, "pods.json")
        with open(path + ".new", "w") as file:
            json.dump(found, file)
        os.rename(path + ".new", path)

    def ask(self, path, **parameters):
        """Prometheus' API: what is under `data`; AssertionError with its words when it refuses."""
        try:
            return json.loads(get(f"{self.base}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.loads(error.read()).get("error", "no reason")) from None

    def alerts(self):
        return {(a["labels"]["alertname"], a["state"]) for a in self.ask("alerts")["alerts"]}

    # ---- All of it

    def written(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def open(self):
        self.start_agent()
        self.cluster.order(1)
        until(lambda: all(self.is_ready(pod) for pod in self.cluster.pods.values()), "a pod is ready")
        self.start_proxy()
        self.start_exporters()
        self.start_prometheus()
        self.load.start()
        self.start_scaler()

    def close(self):
        self.load.stop()
        for name in list(self.processes):
            self.processes[name].send_signal(signal.SIGTERM)
        for name in list(self.processes):
            self.stop(name)
