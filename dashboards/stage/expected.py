"""What each query must say on the stage: a range that its load and settings imply, for every series of it; a third number is the
least that its highest series may say.

Panels that say 0 while nothing is wrong have 0 as their upper bound, so that another number is noticed; what faults make of
them is tested by the alerts. None: the series need not be there, as a fault that did not happen has none.
"""
from .load import AMPLITUDE, BAD_EVERY, MEAN
from .settings import CPU_LIMIT, INTERVAL_S, MAX_REPLICAS, MEMORY_LIMIT, THRESHOLD_S

# A machine that is busy answers late, and then fewer requests a second.
RATE = (0.3 * (MEAN - AMPLITUDE), 1.4 * (MEAN + AMPLITUDE))
TIME_S = (0.0005, 20)
REPLICAS = (1, MAX_REPLICAS)
SHARE = (0, 1.001)
NONE = (0, 0)
YES = (1, 1)
CHECKS_PER_MINUTE = (10, 25)
# Never 0, which a misspelt filter would say.
BYTES = (1 << 20, 1 << 44)
# Of a pod under this load, cores: percent of a core, or thousandths, would be above it, nanoseconds for seconds far above.
CPU = (0.005, 1)
# A pod that comes or goes has used next to nothing of the minute yet; not so the busiest.
CPU_OF_PODS = (0, CPU[1], CPU[0])


def exactly(value):
    return (value * 0.999, value * 1.001)


EXPECTED = {
    "overview": {
        "Last check": {"age": (0, 4)},
        "Check": {"check": (8, 200)},
        "Replicas": {"ready": REPLICAS, "ordered": REPLICAS, "fewest": YES, "MAX_REPLICAS": exactly(MAX_REPLICAS)},
        "Pressure": {"pressure": (0.01, 80), "threshold": YES},
        "Checks over the threshold": {"share": SHARE},
        "Probe": {"probe": YES},
        "Workload": {"answered, 1 min": RATE, "recorded, check": RATE},
        "Response time": {"mean, 1 min": TIME_S, "95 %, 1 min": TIME_S, "mean, check": TIME_S, "threshold": exactly(THRESHOLD_S)},
        "Service time": {"mean, 1 min": TIME_S, "mean, check": TIME_S},
        "Utilization and CPU": {"utilization": (0.01, 1.2), "CPU, of one core": CPU},
        "Queue on the dominant pod": {"requests": (0, 300)},
        "Decisions": {"{{reason}}": (0, 1)},
        "What others would do": {"agent": REPLICAS, "rule": REPLICAS, "HPA": (1, 50), "ordered": REPLICAS},
        "Answers by status": {"{{status}}": (0, RATE[1])},
        "Failed requests": {"5xx": (0, 0.05)},
    },
    "resources": {
        "Node CPU": {"{{node}}": (0.01, 1.001)},
        "Node memory": {"{{node}} used": BYTES, "{{node}} total": BYTES},
        "Node load": {"{{node}}": (0.01, 500), "{{node}} cores": (1, 1024)},
        "Disk traffic": {"{{node}} read": (0, 1e10), "{{node}} written": (1, 1e10)},
        "Disk space left": {"{{node}}": (0.0001, 1)},
        "Node network": {"{{node}} received": (1e5, 1e9), "{{node}} sent": (1e5, 1e9)},
        "CPU of each replica": {"{{pod}}": CPU_OF_PODS, "limit": exactly(CPU_LIMIT)},
        "Memory of each replica": {"{{pod}}": (1 << 20, MEMORY_LIMIT), "limit": exactly(MEMORY_LIMIT)},
        "Throttled": {"{{pod}}": (0.05, 0.2)},
        "Requests in flight": {"{{pod}}": (0, 200)},
        "Requests of each replica": {"{{pod}}": (0, RATE[1])},
        "CPU of the loop": {"{{pod}}": (0.0001, 1)},
        "Memory of the loop": {"{{pod}}": BYTES},
    },
    "health": {
        "Alerts": {"{{alertname}}": (0, 1)},
        "Targets down": {"down": NONE},
        "Model": {"{{model}} at {{risk}}": YES},
        "Age of the last check": {"age": (0, 4 * INTERVAL_S), "3 intervals": exactly(3 * INTERVAL_S)},
        "Window": {"window": (0.5 * INTERVAL_S, 2.5 * INTERVAL_S), "interval": exactly(INTERVAL_S)},
        "Records of a check": {"read": (1, 400), "refused": NONE},
        "Age of the newest record": {"age": (0, 2 * INTERVAL_S)},
        "Errors survived": {"all": (0, 1), "{{name}}": None},
        "Pods that come and go": {"starting": (0, MAX_REPLICAS), "terminating": (0, MAX_REPLICAS)},
        "Questions to the agent": {"{{outcome}}": (0, CHECKS_PER_MINUTE[1])},
        "Time to an answer": {"mean": (1e-5, 5), "99 %": (1e-5, 5)},
        "Directions": {"{{direction}}": (0, CHECKS_PER_MINUTE[1])},
        "Answers that a guard changed": {"overrides": (0, CHECKS_PER_MINUTE[1])},
        "Out of the model's range": {"{{feature}}": (0, 100)},
        "Replicas answered": {"mean": (1, 50)},
        "Pods known to the proxy": {"proxy": REPLICAS, "ready, check": REPLICAS},
        "Proxy": {"requests": RATE, "retries": (0, RATE[1]), "broken off": (0, 1)},
        "Probe": {"{{phase}}": (0, 5)},
        "Records": {"written": RATE, "failed": NONE},
        "Time headers ignored": {"{{header}}: {{reason}}": NONE},
        "Results volume left": {"free": (0.5, 0.9999)},
        "Prometheus": {"blocks": (0, 1e9)},
        "Series": {"series": (300, 30000)},
    },
}
# Series by a label's value that must be among those of a query.
MEMBERS = {
    ("overview", "Answers by status"): ("status", {"200": RATE, "400": (RATE[0] / BAD_EVERY / 3, RATE[1] / BAD_EVERY * 3), "405": (0.3, 1.5)}),
    ("overview", "Decisions"): ("reason", dict.fromkeys(["scale_out", "scale_in", "unchanged", "agent_declined", "agent_silent", "shadow", "apply_failed"], (0, 1))),
    ("health", "Questions to the agent"): ("outcome", {"answered": CHECKS_PER_MINUTE, "refused": NONE}),
    ("health", "Probe"): ("phase", dict.fromkeys(["connect", "processing", "resolve", "transfer"], (0, 5))),
    ("resources", "CPU of the loop"): ("pod", dict.fromkeys(["agent-5c9d7f8b6-aaaaa", "ingress-6b7c8d9f4-aaaaa", "prometheus-7f6d5c4b3-aaaaa"], (0.0001, 1))),
}
# What holds on any deployment with these limits and this threshold, whatever its load: for the cluster of k8s/e2e.
USED = (0, 1.5 * CPU_LIMIT)
ANYWHERE = {
    "overview": {
        "Pressure": {"threshold": YES},
        "Checks over the threshold": {"share": SHARE},
        "Probe": {"probe": YES},
        "Response time": {"threshold": exactly(THRESHOLD_S)},
        "Utilization and CPU": {"utilization": (0, 1.2), "CPU, of one core": USED},
        "Decisions": {"{{reason}}": (0, 1)},
        "Failed requests": {"5xx": SHARE},
    },
    "resources": {
        "Node CPU": {"{{node}}": SHARE},
        "Node memory": {"{{node}} used": BYTES, "{{node}} total": BYTES},
        "Node load": {"{{node}} cores": (1, 1024)},
        "Disk space left": {"{{node}}": SHARE},
        "CPU of each replica": {"{{pod}}": USED},
        "Memory of each replica": {"{{pod}}": (1 << 20, MEMORY_LIMIT)},
        "Throttled": {"{{pod}}": SHARE},
    },
    "health": {
        "Model": {"{{model}} at {{risk}}": YES},
        "Probe": {"{{phase}}": (0, 5)},
        "Results volume left": {"free": SHARE},
        "Series": {"series": (300, 300000)},
    },
}
