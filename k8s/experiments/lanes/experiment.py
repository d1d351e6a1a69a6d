"""What is played: a load, and the deployment that it is played on."""
import json, os
from typing import NamedTuple

FILE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "experiments.json")
# Rows and columns of the matrices. Their bodies fit a buffer of the proxy (16 KiB), which can so send a request again that meets
# a pod which ends.
SIZE = 36


class Experiment(NamedTuple):
    """Times in seconds. Replicas are of one request at a time, `turn_s` each at their CPU limit, from one answer to the next: its
    service time and what a pod does beside it."""
    name: str
    about: str
    workload: str
    seconds: float
    threshold_s: float
    turn_s: float
    max_replicas: int
    # How long a client waits for an answer. One that gives up is lost, though the service answers and records it all the same.
    patience_s: int


def known():
    """The experiments of experiments.json by name."""
    with open(FILE, encoding="utf-8") as file:
        return {name: Experiment(name, **values) for name, values in json.load(file).items()}


class Sizing(NamedTuple):
    """How a pod of one core becomes one that a small machine has room for."""
    scale: float
    # Times that each pair is multiplied.
    repeat: int
    # What it was found by: (REPEAT, seconds from one answer to the next of a pod at its limit); None where nobody measured.
    tries: list | None

    @property
    def millicores(self):
        """CPU limit of a pod."""
        return max(1, round(1000 / self.scale))
