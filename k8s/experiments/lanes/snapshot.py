"""What Prometheus has of a run: every sample, as it was scraped, and the node's CPU out of it."""
import csv, gzip, json
from urllib.parse import urlencode
from urllib.request import urlopen

from stage.cluster import Forward, demand


def taken(cluster, begin_s, end_s):
    """All series of the run with their raw samples: a list of {"metric": labels, "values": [[time, text], ...]}."""
    pod = cluster.ready("prometheus")
    demand(pod, f"Prometheus of {cluster.namespace} is not ready")
    query = urlencode({"query": '{__name__=~".+"}[%ds]' % max(60, end_s - begin_s), "time": f"{end_s:.3f}"})
    with Forward(cluster, pod[0]["metadata"]["name"], 9090) as (host, port):
        reply = json.load(urlopen(f"http://{host}:{port}/api/v1/query?{query}", timeout=120))
    demand(reply["status"] == "success", f"Prometheus: {reply}")
    return reply["data"]["result"]


def write(path, series):
    with gzip.open(path, "wt", encoding="utf-8") as file:
        json.dump(series, file)


def node_cpu(series):
    """(time s, busy share of all cores) between two scrapes of a node exporter: those of the busiest node. What only `Awake` wanted is idle."""
    nodes = {}
    for one in series:
        labels = one["metric"]
        if labels.get("__name__") == "node_cpu_seconds_total" and labels.get("mode") in ("idle", "iowait", "nice"):
            idle, cores = nodes.setdefault(labels.get("instance"), ({}, set()))
            cores.add(labels["cpu"])
            for time_s, value in one["values"]:
                idle[time_s] = idle.get(time_s, 0.0) + float(value)
    shares = [busy(idle, len(cores)) for idle, cores in nodes.values()]
    return max(shares, key=lambda found: max(minutes(found), default=0.0), default=[])


def busy(idle, cores):
    """Of one node, from its idle seconds at each time."""
    times = sorted(idle)
    return [(now, min(1.0, max(0.0, 1 - (idle[now] - idle[before]) / ((now - before) * cores)))) for before, now in zip(times, times[1:])]


def write_node_cpu(path, busy):
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["time", "busy"])
        out.writerows([f"{time_s:.3f}", f"{share:.4f}"] for time_s, share in busy)


def minutes(busy):
    """Mean of each minute, from the first sample on."""
    found = {}
    for time_s, share in busy:
        found.setdefault(int((time_s - busy[0][0]) // 60), []).append(share)
    return [sum(shares) / len(shares) for shares in found.values()]
