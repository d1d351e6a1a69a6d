"""The figures of one run. Times in seconds, shares from 0 to 1; None is what the run cannot tell."""
import bisect, math

from loadtest.verdict import summary

from .check import changes
from .pods import pod_minutes
from .service import service_times

# What a violating check costs, in full clusters for one check: what the shipped policy is trained with (RISK).
PRICE = 3.0
# A node that is busier than that for a minute may have slowed down the pods, whatever the policy.
BUSY = 0.85
# The service time of pods at their limit is the experiment's within this share.
NEAR = 0.1
# A mean response time of a check and that of its records agree within this share.
AGREE = 0.01


def figures(run):
    card, counted = run.card, counted_checks(run)
    end_s = counted[-1].claimed_s if counted else None
    ours = [record for record in run.records if card.began_s <= record.arrival_s]
    response = known(summary([record.response_s for record in ours]))
    cpu_mean, cpu_max = node_cpu(run)
    busy, _, turns = service_times(ours)
    found = {
        "checks": len(counted),
        "violatingChecks": sum(check.violates for check in counted) if counted else None,
        "violatingShare": share(sum(check.violates for check in counted), len(counted)),
        "requests": len(ours),
        "lateShare": share(sum(record.response_s > card.threshold_s for record in ours), len(ours)),
        **{f"response{name.capitalize()}Seconds": response[name] for name in ("mean", "p50", "p95", "p99")},
        "serviceMeanSeconds": known(summary([record.service_s for record in ours]))["mean"],
        "serviceAtLimitSeconds": known(summary(busy))["mean"],
        "turnAtLimitSeconds": known(summary(turns))["mean"],
        "countedSeconds": end_s and end_s - card.began_s,
        "podMinutes": end_s and pod_minutes(run.pods, card.began_s, end_s),
        "podMinutesOfLoad": pod_minutes(run.pods, card.began_s, card.ended_s),
        "meanReady": share(sum(check.ready for check in counted), len(counted)),
        **orders(run, end_s),
        "lost": None if card.scheduled is None or run.answered is None else card.scheduled - run.answered,
        "joined": card.joined, "samples": card.samples,
        "nodeCpuMean": cpu_mean, "nodeCpuMax": cpu_max,
        "missedChecks": missed(run),
        "stalledChecks": stalled(run),
    }
    found["podMinutesPerCheck"] = end_s and found["podMinutes"] / len(counted)
    found["meanBilled"] = end_s and found["podMinutes"] * 60 / found["countedSeconds"]
    found["objective"] = end_s and found["meanBilled"] / card.most + PRICE * found["violatingShare"]
    return found


def counted_checks(run):
    """Checks with load: claimed after it began, with requests, and with some that arrived before it ended."""
    due = {record.check for record in run.records if run.card.began_s <= record.arrival_s < run.card.ended_s}
    by_check = {record.check for record in run.records}
    return [check for check in run.checks
            if check.claimed_s > run.card.began_s and (check.records or (check.records is None and check.number in by_check))
            and (check.opened_s < run.card.ended_s or check.number in due)]


def share(part, whole):
    return part / whole if whole else None


def known(values):
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def orders(run, end_s):
    """Orders of more and of fewer replicas from the beginning of the load to the last check that counts."""
    found = [change for check, change in zip(run.checks, changes(run.checks))
             if end_s and run.card.began_s < check.claimed_s <= end_s]
    return {"scaleOuts": sum(out for out, _ in found), "scaleIns": sum(back for _, back in found)}


def node_cpu(run):
    """Mean, and the highest mean of a minute, during the load."""
    began_s, minutes = run.card.began_s, {}
    for at, busy in run.node_cpu or []:
        if began_s <= at < run.card.ended_s:
            minutes.setdefault(int((at - began_s) // 60), []).append(busy)
    if not minutes:
        return run.card.cpu or (None, None)
    values = [busy for minute in minutes.values() for busy in minute]
    return sum(values) / len(values), max(sum(minute) / len(minute) for minute in minutes.values())


def missed(run):
    """Checks that are not there: how many would fit into each gap of more than 1.5 intervals, from the beginning of the load
    until the first check after it."""
    card, times = run.card, [check.claimed_s for check in run.checks]
    before = max([time for time in times if time <= card.began_s][-1:] + [card.began_s - card.interval_s])
    during = [time for time in times if card.began_s < time < card.ended_s]
    after = min([time for time in times if time >= card.ended_s][:1] + [card.ended_s + card.interval_s])
    marks = [before, *during, after]
    gaps = [(b - a) / card.interval_s for a, b in zip(marks, marks[1:])]
    return sum(round(gap) - 1 for gap in gaps if gap > 1.5)


def stalled(run):
    """Checks in the load without one completed request, although some were due: their pressure is 0, and no violation."""
    began_s, due, half_s = run.card.began_s, run.arrivals_s, run.card.interval_s / 2
    # The load must have begun half an interval before: a check right after the first request has nothing to see yet.
    return sum(check.records == 0 and began_s + half_s <= check.claimed_s <= run.card.ended_s
               and bisect.bisect_left(due, check.claimed_s - began_s) > bisect.bisect_left(due, max(0.0, check.opened_s - began_s))
               for check in run.checks)


def notes(run, found):
    """What a reader must know before believing the figures; none of it keeps the run from counting."""
    card = run.card
    told = [
        found["nodeCpuMax"] is None and "the node's CPU is not known",
        found["missedChecks"] and f"checks missed: {found['missedChecks']}; their requests are in the check after",
        found["stalledChecks"] and f"checks that completed no request although some were due: {found['stalledChecks']}; by the formula they do not "
                                   "violate, and they are not counted",
        found["lost"] and f"requests without a good answer: {found['lost']}; those that the service answered when the client had given up are in the "
                         "response times",
        abs((found["turnAtLimitSeconds"] or card.target_turn_s) / card.target_turn_s - 1) > NEAR and
        f"pods at their limit took {found['turnAtLimitSeconds']:.3f} s for a request, the experiment wants {card.target_turn_s:g} s",
        found["joined"] != found["samples"] and f"{found['joined']} of {found['samples']} samples were joined with a record",
        *disagreeing(run), *run.oddities,
    ]
    return [one for one in told if one]


def disagreeing(run):
    """Checks that say otherwise than their records, or were made for another threshold."""
    by_check = {}
    for record in run.records:
        by_check.setdefault(record.check, []).append(record.response_s)
    for check in counted_checks(run):
        values = by_check.get(check.number, [])
        mean_s = sum(values) / len(values) if values else 0.0
        if check.records is not None and check.records != len(values):
            yield f"check {check.number} read {check.records} records, records.csv has {len(values)}"
        elif abs(mean_s - check.response_s) > AGREE * check.response_s:
            yield f"check {check.number} has a mean response time of {check.response_s:.3f} s, its records {mean_s:.3f} s"
    other = sorted({check.threshold_s for check in counted_checks(run)} - {run.card.threshold_s})
    if other:
        yield f"checks have a threshold of {', '.join(f'{value:g}' for value in other)} s, run.json {run.card.threshold_s:g} s"
