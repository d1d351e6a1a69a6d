"""Pods, and the time that they are billed for: from the making of the pod object until it is gone."""
import math
from typing import NamedTuple, Optional

from loadtest.problem import Problem

from .sheet import name, number, number_or_none, read_sheet


class Pod(NamedTuple):
    """Epoch seconds; `gone_s` is infinite while it is there."""
    name: str
    created_s: float
    ready_s: Optional[float]
    deleted_s: Optional[float]
    gone_s: float


def read_pods(path):
    rows = read_sheet(path, {"pod": name, "created": number, "ready": number_or_none, "deleted": number_or_none, "gone": number_or_none})
    pods = [Pod(*row[:4], math.inf if row[4] is None else row[4]) for row in rows]
    for line, pod in enumerate(pods, 2):
        if pod.gone_s < pod.created_s:
            raise Problem(f"{path}, line {line}: gone: {pod.gone_s:g} is before created, {pod.created_s:g}")
    if len({pod.name for pod in pods}) < len(pods):
        raise Problem(f"{path}: pod: a name is there twice")
    return pods


def pod_minutes(pods, begin_s, end_s):
    return sum(max(0.0, min(pod.gone_s, end_s) - max(pod.created_s, begin_s)) for pod in pods) / 60


def billed_steps(pods, begin_s, end_s):
    """(time, pods billed from then on), from the beginning to the end."""
    return steps([(pod.created_s, pod.gone_s) for pod in pods], begin_s, end_s)


def ready_steps(pods, begin_s, end_s):
    """(time, pods from then on that are ready and not being deleted)."""
    return steps([(pod.ready_s, pod.gone_s if pod.deleted_s is None else pod.deleted_s) for pod in pods if pod.ready_s is not None],
                 begin_s, end_s)


def steps(spans, begin_s, end_s):
    changes = {begin_s: 0}
    for since, until in spans:
        if until > begin_s and since < end_s and since < until:
            at = max(since, begin_s)
            changes[at] = changes.get(at, 0) + 1
            if until < end_s:
                changes[until] = changes.get(until, 0) - 1
    found, count = [], 0
    for at, change in sorted(changes.items()):
        count += change
        found.append((at, count))
    return found
