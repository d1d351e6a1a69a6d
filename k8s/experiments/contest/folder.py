"""The folder of one run, read whole: what is missing or malformed is a Problem that names it."""
import hashlib, os
from typing import NamedTuple, Optional

from loadtest import samples, workload
from loadtest.problem import Problem

from .card import Card, read_card
from .check import read_checks
from .pods import read_pods
from .sheet import name, number, read_sheet


class Record(NamedTuple):
    """One request as the service saw it, seconds; `check` 0: no check has claimed it."""
    check: int
    pod: str
    arrival_s: float
    service_s: float
    response_s: float
    id: str


class Run(NamedTuple):
    path: str
    card: Card
    checks: list
    records: list
    pods: list
    # Seconds after the beginning of the load.
    arrivals_s: list
    arrivals_hash: str
    # Requests that the client got a 200 for; None when the run broke off before.
    answered: Optional[int]
    # (epoch s, share of the node's CPU that was busy); None: not measured.
    node_cpu: Optional[list]
    # What else is odd about its files.
    oddities: list


def read_run(path):
    if not os.path.isdir(path):
        raise Problem(f"{path}: there is no such folder")
    card = read_card(os.path.join(path, "run.json"))
    records = read_sheet(os.path.join(path, "records.csv"),
                         {"check": int, "pod": name, "arrival": number, "service": number, "response": number, "id": str})
    arrivals = os.path.join(path, "arrivals.csv")
    arrivals_s = workload.read_arrivals(arrivals)
    with open(arrivals, "rb") as file:
        arrivals_hash = hashlib.sha256(file.read()).hexdigest()[:12]
    answered, oddities = read_answers(os.path.join(path, "jmeter", "samples.jtl"), card)
    if card.scheduled is not None and card.scheduled != len(arrivals_s):
        oddities.append(f"{card.scheduled} requests were scheduled, arrivals.csv has {len(arrivals_s)}")
    node_cpu = os.path.join(path, "nodecpu.csv")
    return Run(path, card, read_checks(os.path.join(path, "podStatus.json"), card.interval_s), [Record(*row) for row in records],
               read_pods(os.path.join(path, "pods.csv")), arrivals_s, arrivals_hash, answered,
               read_sheet(node_cpu, {"time": number, "busy": number}) if os.path.exists(node_cpu) else None, oddities)


def read_answers(path, card):
    """Requests answered with 200, the warm-up's apart, and what is odd about the file."""
    if card.scheduled is None and not os.path.exists(path):
        return None, []
    found = samples.read_samples(path)
    return (sum(one.ok and one.code == "200" for one in found.counted),
            [f"{found.torn} lines of samples.jtl are torn"] if found.torn else [])
