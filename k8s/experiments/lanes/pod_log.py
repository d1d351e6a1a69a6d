"""When each pod of the service was made, ready, told to end, and gone."""
import csv, json, subprocess, threading, time
from datetime import datetime

HEADER = ["pod", "created", "ready", "deleted", "gone"]


class PodLog:
    """Watches from its making to `stop`; times are epoch seconds, of this machine's clock where the API has whole seconds only."""

    def __init__(self, namespace, app="matrix-service"):
        self.pods, self.namespace = {}, namespace
        self.command = ("kubectl", "-n", namespace, "get", "pods", "-l", f"app.kubernetes.io/name={app}", "--watch",
                        "--output-watch-events", "-o", "json")
        self.ended, self.process = False, None
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        """A watch ends by itself now and then: what passed meanwhile is in the next one's first events, but for pods that went."""
        while not self.ended:
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            seen, began = set(), time.time()
            for event in events(self.process.stdout):
                self.take(event, seen, time.time())
                # The list comes at once; whoever is not in it went while nobody watched.
                if time.time() - began < 2:
                    continue
                self.forget(seen)
            self.process.wait()
            if not self.ended:
                time.sleep(0.5)

    def take(self, event, seen, now):
        pod = event["object"]
        if pod.get("kind") != "Pod":
            return
        name, meta = pod["metadata"]["name"], pod["metadata"]
        seen.add(name)
        known = self.pods.setdefault(name, dict.fromkeys(HEADER[1:]))
        made = epoch(meta["creationTimestamp"])
        # The API's second, unless this saw it being made.
        known["created"] = known["created"] or (now if event["type"] == "ADDED" and now - made < 1.5 else made)
        if not known["ready"]:
            known["ready"] = ready_since(pod)
        if "deletionTimestamp" in meta and not known["deleted"]:
            known["deleted"] = now
        if event["type"] == "DELETED":
            known["gone"] = now

    def forget(self, seen):
        for name, known in self.pods.items():
            if name not in seen and not known["gone"]:
                known["gone"] = time.time()

    def stop(self):
        self.ended = True
        if self.process:
            self.process.terminate()
        self.thread.join(10)

    def write(self, path):
        with open(path, "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(HEADER)
            for name, known in sorted(self.pods.items(), key=lambda item: item[1]["created"]):
                rows.writerow([name, *("" if known[key] is None else f"{known[key]:.2f}" for key in HEADER[1:])])


def events(stream):
    """A line each."""
    for line in stream:
        try:
            yield json.loads(line)
        except ValueError:
            # Cut off by the end of the watch.
            continue


def ready_since(pod):
    found = (one for one in pod["status"].get("conditions", []) if one["type"] == "Ready" and one["status"] == "True")
    return next((epoch(one["lastTransitionTime"]) for one in found), None)


def epoch(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
