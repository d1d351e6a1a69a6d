"""What containers take: time until ready, memory under load."""
import json, threading
from datetime import datetime

from .cluster import kubectl


class Memory:
    """The highest working set of each container of a namespace, as the kubelets say it, sampled every two seconds."""

    def __init__(self, namespace):
        self.namespace, self.most, self.ended = namespace, {}, threading.Event()
        names = kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.name}")[1].split()
        self.thread = threading.Thread(target=self.watch, args=(names,), daemon=True)
        self.thread.start()

    def watch(self, nodes):
        while not self.ended.wait(2):
            for node in nodes:
                code, text, _ = kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary", patience=20)
                for pod in json.loads(text).get("pods", []) if code == 0 else []:
                    if pod["podRef"]["namespace"] == self.namespace:
                        self.note(pod)

    def note(self, pod):
        for container in pod.get("containers", []):
            used = container.get("memory", {}).get("workingSetBytes", 0)
            self.most[container["name"]] = max(self.most.get(container["name"], 0), used)

    def stop(self):
        self.ended.set()
        self.thread.join(30)
        return self.most


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def until_ready(cluster):
    """Seconds from a pod's making until it is ready, by app; the slowest pod counts. Kubernetes tells whole seconds."""
    found = {}
    for pod in cluster.get("pods")["items"]:
        ready = [c for c in pod["status"].get("conditions", []) if c["type"] == "Ready" and c["status"] == "True"]
        if ready:
            app = pod["metadata"]["labels"].get("app.kubernetes.io/name", pod["metadata"]["name"])
            seconds = (moment(ready[0]["lastTransitionTime"]) - moment(pod["metadata"]["creationTimestamp"])).total_seconds()
            found[app] = max(found.get(app, 0), seconds)
    return found
