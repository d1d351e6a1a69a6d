"""A run of the cluster once more in the simulator: the same arrivals and policy, with what the cluster's pods were measured to be."""
import json, math, os, statistics, subprocess, tempfile
from typing import NamedTuple

from contest.service import service_times, stretches
from loadtest.problem import Problem

# From a pod's readiness to its first request, seconds: the endpoints, the DNS, and the proxy, which asks that once a second. Not
# measured in a run: nothing there tells when a proxy knew.
KNOWN_AFTER_S = 1.5
# Start and end of a pod where no pod of the run came or went, seconds.
USUAL_S = 5.0


class Measured(NamedTuple):
    """Times in seconds: the service time in a pod that has others waiting, with its coefficient of variation, how its mean changed (second
    and factor), and how much less it is in one that has rested; what a pod does beside it; from a pod's making to its first request, from
    its order to go until it is gone, and from the first arrival to the first check after it."""
    service_s: float
    service_cv: float
    shifts: list
    rested_s: float
    overhead_s: float
    startup_s: float
    drain_s: float
    first_check_s: float
    initial: int


def measured(run, checks):
    """Of the pods that came and went under the load, and of all its requests."""
    card = run.card
    records, first_s = [record for record in run.records if record.arrival_s >= card.began_s], card.began_s + run.arrivals_s[0]
    busy, rested, turns = service_times(records)
    startup = [pod.ready_s - pod.created_s for pod in run.pods if pod.ready_s and pod.created_s > card.began_s]
    drain = [pod.gone_s - pod.deleted_s for pod in run.pods if pod.deleted_s and math.isfinite(pod.gone_s) and pod.deleted_s < card.ended_s]
    there = sum(pod.created_s <= card.began_s < pod.gone_s and not (pod.deleted_s and pod.deleted_s < card.began_s) for pod in run.pods)
    mean = statistics.fmean(busy)
    return Measured(mean, statistics.pstdev(busy) / mean, stretches(records, first_s), max(0.0, mean - statistics.fmean(rested)),
                    max(0.0, statistics.fmean(turns) - mean), KNOWN_AFTER_S + mean_or_usual(startup),
                    mean_or_usual(drain), checks[0].claimed_s - first_s, max(1, there))


def mean_or_usual(values):
    return statistics.fmean(values) if values else USUAL_S


def simulated(agent, run, found, checks, seed):
    """What `agent simulate` says of the run's counterpart, told what was measured, in as many checks."""
    card = run.card
    shifts = [part for at_s, factor in found.shifts for part in ("--service-shift", f"{at_s}:{factor:.4f}")]
    with tempfile.TemporaryDirectory() as scratch:
        output = os.path.join(scratch, "simulated.json")
        command = [agent, "simulate", "--arrivals", os.path.join(run.path, "arrivals.csv"), *policy(card.policy),
                   "--service-time", f"{found.service_s:.6f}", "--service-cv", f"{found.service_cv:.4f}",
                   "--rested", f"{found.rested_s:.6f}", "--overhead", f"{found.overhead_s:.6f}", "--threshold", f"{card.threshold_s:g}",
                   "--min", str(card.least), "--max", str(card.most), "--initial", str(found.initial), "--period", f"{card.interval_s:g}",
                   "--window", f"{card.interval_s:g}", "--start-up", f"{found.startup_s:.3f}", "--drain", f"{found.drain_s:.3f}",
                   "--first-check", f"{found.first_check_s:.3f}", "--windows", str(checks), "--seed", str(seed), "--output", output, *shifts]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Problem(f"{run.path}: `agent simulate` failed: {done.stderr.strip()}")
        with open(output, encoding="utf-8") as file:
            return json.load(file)


def policy(text):
    """The policy of run.json as `agent simulate` takes it."""
    kind, _, setting = text.partition(":")
    return {"agent": ["--policy", "learned", "--risk", setting], "rule": ["--policy", setting],
            "hpa": ["--policy", f"hpa:target_percent={setting}"], "static": ["--policy", f"static:replicas={setting}"]}[kind]
