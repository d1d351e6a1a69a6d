"""What JMeter saw: its result file (JTL), read while it is written or afterwards."""
import csv, math, os
from typing import NamedTuple

from .problem import Problem

LABEL = "multiply"
# Columns that a plan adds to JMeter's own: -Jsample_variables.
VARIABLES = ["rid", "size", "svc_S", "svc_R"]


class Sample(NamedTuple):
    """One request. Times in seconds; the service's own are NaN when its answer does not have them."""
    start_s: float
    client_s: float
    ok: bool
    code: str
    message: str
    label: str
    in_flight: int
    rid: str
    size: str
    service_s: float
    response_s: float

    @property
    def number(self):
        """The how manieth request of the run it is, warm-up included, from 1."""
        tail = self.rid.rpartition("-")[2]
        return int(tail) if tail.isdigit() else 0


class Samples:
    """The samples of a file so far; `more` reads what was written since."""

    def __init__(self, path):
        self.path, self.at, self.header, self.warmup, self.counted, self.torn = path, 0, None, 0, [], 0

    def more(self):
        """Whole lines only: the last one may be on its way. (A message with a line break, which a failed request may have, can
        be cut in two that way, and counts as torn.)"""
        if not os.path.exists(self.path):
            return self
        with open(self.path, "rb") as file:
            file.seek(self.at)
            text = file.read()
        end = text.rfind(b"\n") + 1
        self.at += end
        for row in csv.reader(text[:end].decode("utf-8", "replace").splitlines()):
            if self.header is None:
                self.header = row
            elif len(row) != len(self.header):
                self.torn += 1
            else:
                self.take(sample(dict(zip(self.header, row))))
        return self

    def take(self, one):
        if one is None:
            self.torn += 1
        elif one.label == LABEL:
            self.counted.append(one)
        else:
            self.warmup += 1


def read_samples(path):
    """All samples of a file that is complete."""
    if not os.path.exists(path):
        raise Problem(f"there is no result file {path}: JMeter wrote none")
    samples = Samples(path).more()
    if samples.header is None or not {"timeStamp", "elapsed", "success", *VARIABLES} <= set(samples.header):
        raise Problem(f"{path} is no result file of these plans: its first line is {','.join(samples.header or [])!r}")
    if os.path.getsize(path) > samples.at:
        samples.torn += 1
    return samples


def sample(row):
    """A row as a sample; None for one that is none."""
    try:
        return Sample(int(row["timeStamp"]) / 1000, int(row["elapsed"]) / 1000, row["success"] == "true", row["responseCode"],
                      row["responseMessage"], row["label"], int(row["allThreads"]), row["rid"], row["size"],
                      number(row["svc_S"]), number(row["svc_R"]))
    except (KeyError, ValueError):
        return None


def number(text):
    try:
        return float(text)
    except ValueError:
        return math.nan


def lateness(samples, due_s, warmup):
    """How late each sample started, seconds, in order of due time; and the moment that due time 0 was, epoch seconds.

    The clock of the schedule is not in the results, so time 0 is where the most punctual start puts it: a delay that all
    share moves the load as a whole and is no lateness. Request number n is arrival n; two that start together may have
    taken their numbers in the other order, so that both lists are sorted before they are paired.
    """
    known = [one for one in samples if 0 < one.number - warmup <= len(due_s)]
    due = [due_s[number] for number in sorted(one.number - warmup - 1 for one in known)]
    offsets = [start - time for time, start in zip(due, sorted(one.start_s for one in known))]
    zero_s = min(offsets, default=0.0)
    return [offset - zero_s for offset in offsets], zero_s
