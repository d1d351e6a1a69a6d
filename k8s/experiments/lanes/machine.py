"""Where and of what a run was."""
import json, os, subprocess

from stage.cluster import kubectl

HERE = os.path.dirname(os.path.abspath(__file__))


def machine():
    """The cluster's first node, and the processor of this machine, which on a cluster of one node is the same."""
    _, text, _ = kubectl("get", "nodes", "-o", "json")
    node = json.loads(text)["items"][0]
    capacity = node["status"]["capacity"]
    return {"cpu": processor(), "cores": int(capacity["cpu"]), "memoryGiB": round(int(capacity["memory"].rstrip("Ki")) / 2**20, 1),
            "nodes": len(json.loads(text)["items"]), "kubernetes": node["status"]["nodeInfo"]["kubeletVersion"]}


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")


def commit():
    """The tree's commit, with a mark when files differ from it."""
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=10"], cwd=HERE, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
