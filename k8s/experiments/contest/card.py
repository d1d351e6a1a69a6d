"""run.json: what was played, with what, and whether it went as it should."""
import hashlib, json
from typing import NamedTuple, Optional

from .document import Document

# Of runs of the time when it was no setting.
UNTOLD_PATIENCE_S = 60


class Card(NamedTuple):
    """Times in seconds, `began_s` since the epoch: when the first request could be due."""
    experiment: str
    policy: str
    label: str
    round: int
    scale: float
    started_at: str
    began_s: float
    load_s: float
    interval_s: float
    threshold_s: float
    least: int
    most: int
    # How long a client waits for an answer.
    patience_s: float
    target_turn_s: float
    pod_cpu_millicores: float
    repeat: float
    commit: str
    machine: str
    kubernetes: str
    # Of the names and digests of all that ran, short; None when the run did not get to them.
    images: Optional[str]
    scheduled: Optional[int]
    samples: Optional[int]
    joined: Optional[int]
    # Of the node, 0 to 1: mean and maximum as the run says, where there is no nodecpu.csv.
    cpu: Optional[tuple]
    # Why the run does not count; empty when it does.
    faults: list

    @property
    def ended_s(self):
        return self.began_s + self.load_s


def read_card(path):
    run = Document.read(path)
    complete, problems = run.flag("complete"), run.texts("problems")
    machine = run.part("machine")
    # A run that broke off may not have got to these.
    there = [complete or run.has(name) for name in ("jmeter", "join")]
    jmeter, join = (run.part(name) if is_there else None for name, is_there in zip(("jmeter", "join"), there))
    node = run.part("nodeCpu") if run.has("nodeCpu") else None
    card = Card(
        experiment=run.text("experiment"), policy=run.text("policy"), label=run.text("label"), round=run.whole("round"),
        scale=run.positive("scale"), started_at=run.text("startedAt"), began_s=run.positive("loadBegan"),
        load_s=run.positive("loadSeconds"), interval_s=run.positive("checkInterval"), threshold_s=run.positive("thresholdSeconds"),
        least=run.whole("minReplicas"), most=run.whole("maxReplicas", least=1),
        patience_s=run.positive("clientPatienceSeconds") if run.has("clientPatienceSeconds") else UNTOLD_PATIENCE_S, target_turn_s=run.positive("targetTurnSeconds"), pod_cpu_millicores=run.positive("podCpuMillicores"),
        repeat=run.positive("repeat"), commit=run.text("commit"),
        machine=f"{machine.text('cpu')}, {machine.whole('cores', least=1)} cores, {machine.positive('memoryGiB'):.1f} GiB{', kept awake' if machine.has('awake') and machine.flag('awake') else ''}",
        kubernetes=machine.text("kubernetes"),
        images=hashlib.sha256(json.dumps(run.part("images").value, sort_keys=True).encode()).hexdigest()[:12] if run.has("images") else None,
        scheduled=jmeter and jmeter.whole("scheduled"), samples=join and join.whole("samples"), joined=join and join.whole("joined"),
        cpu=(node.number("mean"), node.number("max")) if node and node.has("mean") and node.has("max") else None,
        faults=(problems or ([] if complete else ["it is not complete"])) + (join.texts("problems") if join else []))
    if card.least > card.most:
        run.refuse("minReplicas", f"{card.least} is above maxReplicas, {card.most}")
    if card.joined is not None and card.joined > card.samples:
        run.refuse("join.joined", f"{card.joined} is above join.samples, {card.samples}")
    return card._replace(faults=list(dict.fromkeys(card.faults)))
