"""What a run came to: its figures, why it may not count, and what a reader must know."""
from typing import NamedTuple

from .bar import at_bar
from .figures import BUSY, figures, notes
from .folder import Run, read_run


class Outcome(NamedTuple):
    run: Run
    figures: dict
    # Why it is left out of means and front; empty when it counts.
    faults: list
    notes: list

    @property
    def label(self):
        return self.run.card.label

    @property
    def counts(self):
        return not self.faults

    @property
    def name(self):
        return f"{self.label}, round {self.run.card.round}"


def read_outcome(path):
    run = read_run(path)
    found = figures(run)
    faults = run.card.faults + ([] if found["checks"] else ["no check with load"]) + slowed(found, run.card.faults)
    return Outcome(run, {**found, **at_bar(found)}, faults, notes(run, found))


def slowed(found, told):
    """Whether the machine, not the pods' limits, may have made requests wait, unless the run says so itself."""
    busy = 0 if any("bottleneck" in fault for fault in told) else found["nodeCpuMax"] or 0
    return [f"the node was {busy:.0%} busy in its busiest minute ({BUSY:.0%} or more): the machine may have slowed the pods"] if busy >= BUSY else []
