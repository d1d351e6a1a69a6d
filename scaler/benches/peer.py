"""The peer: a round of the scaler as a plain Python script: read each record, move it, write the observation.

    python3 peer.py RESULTS_DIR THRESHOLD_S WINDOW_S INSTANCES

Prints the seconds that it took, without those of starting Python.
"""
import json
import os
import sys
import time
from collections import defaultdict


def round_of(results, threshold_s, window_s, instances):
    incoming, analyzed = os.path.join(results, "incoming"), os.path.join(results, "AnalyzedPods")
    os.makedirs(analyzed, exist_ok=True)
    check = os.path.join(analyzed, f"check_{len(os.listdir(analyzed)) + 1}")
    os.mkdir(check)
    pods = defaultdict(lambda: [0, 0.0, 0.0, 0.0])
    for name in os.listdir(incoming):
        if name.startswith(".") or not name.endswith(".json"):
            continue
        path = os.path.join(incoming, name)
        with open(path) as file:
            record = json.load(file)
        service, response = record["Service Time"], record["Response Time"]
        sums = pods[name.split("_", 1)[0]]
        sums[0] += 1
        sums[1] += service
        sums[2] += response
        sums[3] += max(response - service, 0.0) / service
        os.rename(path, os.path.join(check, name))
    observation = observe(pods.values(), threshold_s, window_s, instances)
    with open(os.path.join(results, "podStatus.json"), "w") as file:
        json.dump({os.path.basename(check): observation}, file, indent=4)


def observe(pods, threshold_s, window_s, instances):
    count, service, response = (sum(sums[column] for sums in pods) for column in range(3))
    dominant = max(pods, key=lambda sums: sums[2] / sums[0], default=(1, 0.0, 0.0, 0.0))
    return {
        "nInstances": instances,
        "pressure": response / count / threshold_s if count else 0.0,
        "queueLengthDominant": dominant[3] / dominant[0],
        "utilization": service / window_s / instances,
        "workload": count / window_s,
    }


if __name__ == "__main__":
    begun = time.perf_counter()
    round_of(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
    print(time.perf_counter() - begun)
