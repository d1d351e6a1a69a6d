"""One run over time: response times, pods and workload in three panels over the same minutes; scales are the experiment's."""
import bisect
from html import escape
from typing import NamedTuple

from loadtest.verdict import summary

from .axis import Axis, response_axis, rounded_up, written
from .figures import counted_checks
from .pods import billed_steps, ready_steps

WIDTH, LEFT, RIGHT = 600, 44, 590
# Top and bottom of each panel.
RESPONSE, PODS, WORKLOAD, BOTTOM = (24, 184), (222, 322), (360, 440), 456


class Scales(NamedTuple):
    minutes: Axis
    response: Axis
    pods: Axis
    workload: Axis


def window(outcome):
    """The checks that are drawn: those of the load, one before it and two after; the picture ends with the load or after it."""
    card = outcome.run.card
    counted = counted_checks(outcome.run)
    end_s = max([card.ended_s, *(check.claimed_s for check in counted[-1:])])
    return [check for check in outcome.run.checks if card.began_s - card.interval_s <= check.claimed_s <= end_s + 2 * card.interval_s], end_s


def scales(outcomes):
    """The same for all runs of an experiment."""
    ends, responses, pods, rates = [], [], [], []
    for one in outcomes:
        card, (checks, end_s) = one.run.card, window(one)
        ends.append((end_s - card.began_s) / 60)
        responses += [check.response_s for check in checks] + list(late_ends(one, checks).values())
        pods += [card.most, *(check.ready for check in checks), *(count for _, count in billed_steps(one.run.pods, card.began_s, end_s))]
        rates += [check.workload for check in checks] + [rate for _, _, rate in due(one, checks)]
    threshold_s = max(one.run.card.threshold_s for one in outcomes)
    return Scales(Axis(0.0, max(ends), LEFT, RIGHT), response_axis(responses, threshold_s, RESPONSE[1], RESPONSE[0]),
                  Axis(0, max(pods) + 0.4, PODS[1], PODS[0]), Axis(0.0, rounded_up(max([*rates, 0.1])), WORKLOAD[1], WORKLOAD[0]))


def late_ends(outcome, checks):
    """The 95th percentile of the response times of each check's records, by its number."""
    by_check = {}
    for record in outcome.run.records:
        by_check.setdefault(record.check, []).append(record.response_s)
    return {check.number: summary(by_check[check.number])["p95"] for check in checks if check.number in by_check}


def due(outcome, checks):
    """(from, to, requests due a second) of each check's window, seconds after the beginning of the load."""
    began_s, arrivals = outcome.run.card.began_s, outcome.run.arrivals_s
    for check in checks:
        begin, end = check.opened_s - began_s, check.claimed_s - began_s
        if end > 0:
            count = bisect.bisect_left(arrivals, end) - bisect.bisect_left(arrivals, max(begin, 0.0))
            yield begin, end, count / (end - begin)


def picture(outcome, scale):
    run, card = outcome.run, outcome.run.card
    checks, end_s = window(outcome)
    minute = lambda at: (at - card.began_s) / 60  # noqa: E731
    spans = [(minute(check.opened_s), minute(check.claimed_s), check) for check in checks]
    p95 = late_ends(outcome, checks)
    parts = [frame(scale, card), *panel_lines(scale, card)]
    parts.append(steps("p95", scale.minutes, scale.response, [(a, b, p95[check.number]) for a, b, check in spans if check.number in p95]))
    loaded = [(a, b, check) for a, b, check in spans if check.response_s > 0]
    parts.append(steps("mean", scale.minutes, scale.response, [(a, b, check.response_s) for a, b, check in loaded]))
    counted = {check.number for check in counted_checks(run)}
    parts += [dot(scale, a, b, check) for a, b, check in loaded if check.violates and check.number in counted]
    for draw, name, found in ((area, "billed", billed_steps), (steps, "ready", ready_steps)):
        counts = found(run.pods, card.began_s, end_s)
        ends = [minute(at) for at, _ in counts[1:]] + [minute(end_s)]
        parts.append(draw(name, scale.minutes, scale.pods, [(minute(at), end, count) for (at, count), end in zip(counts, ends)]))
    parts += [seen(scale, a, check) for _, a, check in spans if card.began_s <= check.claimed_s <= end_s]
    parts += [order(scale, a, check) for _, a, check in spans if check.order is not None and check.number in counted]
    parts.append(area("due", scale.minutes, scale.workload, [(a / 60, b / 60, rate) for a, b, rate in due(outcome, checks)]))
    parts.append(steps("workload", scale.minutes, scale.workload, [(a, b, check.workload) for a, b, check in spans]))
    said = f"{outcome.name}: response times, pods and workload over the minutes of the load"
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {BOTTOM + 22}" role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'


def frame(scale, card):
    parts = []
    for axis, (top, bottom), title, count in [
            (scale.response, RESPONSE, f"response time, s{' (logarithmic)' if scale.response.logarithmic else ''}; threshold {card.threshold_s:g}", 5),
            (scale.pods, PODS, "pods", 5), (scale.workload, WORKLOAD, "workload, requests/s", 3)]:
        parts.append(f'<text class="title" x="{LEFT}" y="{top - 8}">{title}</text>')
        for tick in axis.ticks(count):
            y = axis.at(tick)
            if axis is scale.pods and tick != int(tick):
                continue
            parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/><text class="y" x="{LEFT - 6}" y="{y + 4:.1f}">{written(tick)}</text>')
        for tick in scale.minutes.ticks(8):
            parts.append(f'<path class="grid" d="M{scale.minutes.at(tick):.1f} {top}V{bottom}"/>')
    parts += [f'<text class="x" x="{scale.minutes.at(tick):.1f}" y="{BOTTOM}">{written(tick)}</text>' for tick in scale.minutes.ticks(8)]
    parts.append(f'<text class="title mid" x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 16}">minutes since the load began</text>')
    return "".join(parts)


def panel_lines(scale, card):
    """Threshold, largest count, end of the load."""
    y = scale.response.at(card.threshold_s)
    yield f'<path class="threshold" d="M{LEFT} {y:.1f}H{RIGHT}"><title>threshold: {card.threshold_s:g} s</title></path>'
    y = scale.pods.at(card.most)
    yield f'<path class="bound" d="M{LEFT} {y:.1f}H{RIGHT}"><title>at most {card.most} replicas</title></path>'
    x = scale.minutes.at(card.load_s / 60)
    if card.load_s / 60 < scale.minutes.high:
        for top, bottom in (RESPONSE, PODS, WORKLOAD):
            yield f'<path class="end" d="M{x:.1f} {top}V{bottom}"><title>the load ends</title></path>'


def steps(name, minutes, axis, spans):
    """A level line from and to, joined where one begins at the other's end."""
    path, last = "", None
    for begin, end, value in spans:
        if end <= minutes.low or begin >= minutes.high:
            continue
        joined = last is not None and abs(begin - last) < 0.1
        path += f"{'L' if joined else 'M'}{minutes.at(begin):.1f} {axis.at(value):.1f}H{minutes.at(end):.1f}"
        last = end
    return f'<path class="{name}" d="{path}"/>' if path else ""


def area(name, minutes, axis, spans):
    zero, path = axis.at(axis.low), ""
    for begin, end, value in spans:
        if end > minutes.low and begin < minutes.high and value > 0:
            path += f"M{minutes.at(begin):.1f} {zero:.1f}V{axis.at(value):.1f}H{minutes.at(end):.1f}V{zero:.1f}Z"
    return f'<path class="{name}" d="{path}"/>' if path else ""


def dot(scale, begin, end, check):
    x, y = scale.minutes.at((max(begin, 0.0) + end) / 2), scale.response.at(check.response_s)
    return (f'<circle class="violating" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>check {check.number}: mean response time '
            f'{check.response_s:.3f} s, pressure {check.pressure:.2f}</title></circle>')


def seen(scale, at, check):
    """The ready pods that the check saw."""
    x, y = scale.minutes.at(at), scale.pods.at(check.ready)
    return f'<circle class="seen" cx="{x:.1f}" cy="{y:.1f}" r="2.3"><title>check {check.number} sees {check.ready} ready pods</title></circle>'


def order(scale, at, check):
    """A mark at the count that was ordered, when it was."""
    x, y = scale.minutes.at(at), scale.pods.at(check.order)
    return (f'<path class="order" d="M{x:.1f} {y - 4:.1f}l4 4l-4 4l-4 -4z"><title>check {check.number} orders {check.order} pods: '
            f'{escape(check.reason)}</title></path>')
