"""The columns of the table: the figure, its heading, unit and meaning, and how it is written."""
from typing import Callable, NamedTuple

from . import bar
from .figures import BUSY, PRICE


class Column(NamedTuple):
    """`key` is the figure; `write` makes a text of a value of it; `of`, when given, of all figures of a run."""
    key: str
    title: str
    unit: str
    meaning: str
    write: Callable
    # A run with such a value is flagged there.
    alarming: Callable = lambda value: False
    of: Callable = None

    def cell(self, figures):
        if figures[self.key] is None:
            return "-"
        return self.of(figures) if self.of else self.write(figures[self.key])

    def flagged(self, figures):
        return figures[self.key] is not None and self.alarming(figures[self.key])


def trimmed(digits):
    """So many digits, without zeros at the end: 3 and 3.5."""
    def write(value):
        text = f"{value:.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return write


def fixed(digits, factor=1):
    return lambda value: f"{factor * value:.{digits}f}"


# What decides comes first.
COLUMNS = [
    Column("checks", "checks", "with load", "Checks claimed after the load began that hold requests, some of which arrived before it ended. "
           "The others are not counted anywhere.", trimmed(1)),
    Column("violatingChecks", "violating", "checks", "Of these, checks with a pressure above 1: the mean response time of the requests that "
           "completed in the check is above the threshold.", trimmed(1)),
    Column("podMinutes", "billed", "pod-minutes", "Billed pod time from the beginning of the load to the end of the last check with load. A pod is "
           "billed from when its object was made until the object was gone: starting, ready and draining alike.", fixed(1)),
    Column("podMinutesPerCheck", "per check", "pod-minutes", "Billed pod-minutes over checks.", fixed(2)),
    Column("meanBilled", "billed", "mean pods", "Billed pod time over the time from the beginning of the load to the end of the last check with load.",
           fixed(2)),
    Column("objective", "J", "lower: better", f"Mean billed pods / largest count allowed + {PRICE:g} x share of violating checks.", fixed(3)),
    Column("lateShare", "late", "% of requests", "Requests, of all that the service recorded after the load began, whose own response time is "
           "above the threshold. Those that a client gave up and the service answered are among them, unanswered ones are not: see lost.", fixed(1, 100)),
    Column("responseMeanSeconds", "mean", "response, s", "Response time as the service counts it, from the stamp of the ingress to the reply: "
           "mean over requests. Percentiles are nearest-rank.", fixed(3)),
    Column("responseP50Seconds", "p50", "response, s", "", fixed(3)),
    Column("responseP95Seconds", "p95", "response, s", "", fixed(3)),
    Column("responseP99Seconds", "p99", "response, s", "", fixed(3)),
    Column("serviceMeanSeconds", "service", "mean, s", "Time of a request from when a pod began it until it was done.", fixed(3)),
    Column("serviceAtLimitSeconds", "service", "at limit, s", "The same of requests that waited for the one before: of pods at their CPU limit, which "
           "one that has rested is not.", fixed(3)),
    Column("turnAtLimitSeconds", "turn", "at limit, s", "From one answer of such a pod to the next: the service time and what it does beside it.", fixed(3)),
    Column("meanReady", "ready", "mean pods", "Mean of nInstances, the ready pods that each check saw.", fixed(2)),
    Column("scaleOuts", "out", "orders", "Checks that ordered more replicas; where the scaler only watches (shadow), changes of the ordered "
           "replicas from check to check, which hides what was taken back within a check. Likewise in: fewer.", trimmed(1)),
    Column("scaleIns", "in", "orders", "", trimmed(1)),
    Column("lost", "lost", "requests", "Scheduled requests that the client got no 200 for.", trimmed(1), lambda value: value > 0),
    Column("joined", "joined", "of samples", "Samples of the client that were joined with exactly one record of the service, of all samples.",
           trimmed(1), of=lambda found: f"{found['joined']}/{found['samples']}"),
    Column("missedChecks", "missed", "checks", "Checks that would fit into gaps of more than 1.5 intervals.", trimmed(1), lambda value: value > 0),
    Column("nodeCpuMean", "CPU", "node mean, %", "Share of the node's CPU that was busy during the load; everything on the machine counts.",
           fixed(0, 100)),
    Column("nodeCpuMax", "CPU", "busiest min, %", f"The highest mean of a minute; flagged from {BUSY:.0%}: then the machine may have slowed the "
           "pods, whatever the policy.", fixed(0, 100), lambda value: value >= BUSY),
    Column("podMinutesOfLoad", "in load", "pod-minutes", "Billed pod time from the beginning of the load to its end.", fixed(1)),
]
AT_BAR = [
    Column("violatingAtBar", "violating", f"of {bar.LOADED} checks", f"Violating checks x {bar.LOADED} / checks.", fixed(1)),
    Column("podMinutesAtBar", "pod-min", "with idle checks", f"Billed pod-minutes of {bar.LOADED} minutes of load, and {bar.IDLE}: the reference run had "
           f"{bar.LOADED} checks with load, and {bar.IDLE} without, at one pod.", fixed(1)),
    Column("podMinutesInProportion", "pod-min", f"{bar.CHECKS} of load", f"Billed pod-minutes of {bar.CHECKS} minutes of load, of which the bar would "
           f"allow {bar.IN_PROPORTION:.1f}.", fixed(1)),
]


def columns(experiment):
    """The bar is that of one experiment; its columns stand beside what decides."""
    return COLUMNS[:6] + (AT_BAR if experiment.name == bar.EXPERIMENT else []) + COLUMNS[6:]


def bar_sentences(experiment):
    """Label by label: whether its mean is at the bar, and each of its runs."""
    if experiment.name != bar.EXPERIMENT:
        return []
    said = [f"Reference bar: {bar.SAID}."]
    for label in experiment.labels:
        if label.counting:
            mean = label.means
            runs = [bar.verdict(one.figures) for one in label.counting]
            reached = sum(one == "reached" for one in runs)
            said.append(f"{label.name}: {bar.verdict(mean) or f'not judged, as the bar is of {bar.LOADED} checks with load'}. Mean of {len(runs)}: {mean['violatingChecks']:.3g} violating checks and "
                        f"{mean['podMinutes']:.1f} pod-minutes in {mean['checks']:.3g} checks with load, which is {mean['violatingAtBar']:.1f} and "
                        f"{mean['podMinutesAtBar']:.1f} of {bar.LOADED} and {bar.IDLE} idle ones at a pod each (or {mean['podMinutesInProportion']:.1f} "
                        f"in proportion, of {bar.CHECKS} with load, where the bar would be {bar.IN_PROPORTION:.1f}); {reached} of {len(runs)} runs reach it.")
    return said
