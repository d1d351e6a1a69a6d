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
    faults = run.card.faults + ([] if found["checks"] else ["no check with load"]) + slowed(found["nodeCpuMax"])
    # What `run` has found itself is said once.
    return Outcome(run, {**found, **at_bar(found)}, list(dict.fromkeys(faults)), notes(run, found))


def slowed(busy):
    """Whether the machine, not the pods' limits, may have made requests wait; `busy` is the node's share in its busiest minute, None where not known."""
    busy = busy or 0
    return [f"the node was {busy:.0%} busy in its busiest minute ({BUSY:.0%} or more): the machine may have slowed the pods"] if busy >= BUSY else []
