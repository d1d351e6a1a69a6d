"""How long requests take a pod: one at its limit, and one that has rested."""
import statistics
from typing import NamedTuple

# A pod without a request for so long has rested, seconds.
RESTED_AFTER_S = 0.3
# Requests to measure either by.
ENOUGH = 100
# A machine has more to do at one time than at another; means are taken of stretches of so many seconds that have so many requests.
STRETCH_S, ENOUGH_OF_STRETCH = 300, 50


class Busy(NamedTuple):
    """A request that waited for the one before: its arrival, its service time, and its turn, from that one's answer to its own, which is
    the service time and all that a pod has to do beside it; seconds."""
    arrival_s: float
    service_s: float
    turn_s: float


def service_times(records):
    """Service times of requests that waited for the one before, and of those whose pod had rested; and the turns of the former. All service
    times where there are not enough of these.

    A kubelet stops a pod when it has used up its CPU, and not before: one that has rested is faster than one at its limit.
    """
    busy, rested = told_apart(records)
    if min(len(busy), len(rested)) < ENOUGH:
        every = [record.service_s for record in records]
        return every, every, every
    return [one.service_s for one in busy], rested, [one.turn_s for one in busy]


def stretches(records, began_s):
    """How the service time of pods at their limit changed: for each stretch from `began_s` on its second and its mean over that of all.
    A stretch with too few that waited is as the last one before it with enough, or the first one after. None where `service_times` does not
    tell them apart."""
    busy, rested = told_apart(records)
    if min(len(busy), len(rested)) < ENOUGH:
        return []
    found = {}
    for one in busy:
        found.setdefault(max(0, int((one.arrival_s - began_s) // STRETCH_S)), []).append(one.service_s)
    mean = statistics.fmean(one.service_s for one in busy)
    known = {at: statistics.fmean(times) / mean for at, times in sorted(found.items()) if len(times) >= ENOUGH_OF_STRETCH}
    if not known:
        return []
    factor, told = next(iter(known.values())), []
    for at in range(max(found) + 1):
        factor = known.get(at, factor)
        told.append((at * STRETCH_S, factor))
    return told


def told_apart(records):
    """The [`Busy`], and the service times of those whose pod had rested."""
    busy, rested, pods = [], [], {}
    for record in records:
        pods.setdefault(record.pod, []).append((record.arrival_s + record.response_s, record.arrival_s, record.service_s))
    for answers in pods.values():
        answers.sort()
        for (before_s, *_), (end_s, arrival_s, service_s) in zip(answers, answers[1:]):
            if arrival_s < before_s:
                busy.append(Busy(arrival_s, service_s, end_s - before_s))
            elif arrival_s > before_s + RESTED_AFTER_S:
                rested.append(service_s)
    return busy, rested
