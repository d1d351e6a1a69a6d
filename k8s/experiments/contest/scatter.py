"""Violating checks against pod-minutes: each run, and each label's mean with the range of its runs."""
import math
from html import escape

from . import bar
from .axis import Axis, rounded_up, step_for, written
from .front import front, point

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 400, 56, 744, 30, 348
SHAPES = {
    "circle": lambda r: f"M{-r} 0a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z",
    "square": lambda r: f"M{-r * .9} {-r * .9}h{1.8 * r}v{1.8 * r}h{-1.8 * r}z",
    "triangle": lambda r: f"M0 {-1.15 * r}L{1.1 * r} {.85 * r}H{-1.1 * r}z",
    "diamond": lambda r: f"M0 {-1.25 * r}L{1.25 * r} 0L0 {1.25 * r}L{-1.25 * r} 0z",
    "down": lambda r: f"M0 {1.15 * r}L{1.1 * r} {-.85 * r}H{-1.1 * r}z",
}
INKS = 7


def glyph(number, radius):
    """The shape of a label: with the colour, 35 that differ."""
    return list(SHAPES.values())[number % len(SHAPES)](radius)


def key(number):
    """The mark of a label, to stand beside its name."""
    return f'<svg class="key ink{number % INKS}" viewBox="-8 -8 16 16" aria-hidden="true"><path class="mark" d="{glyph(number, 6)}"/></svg>'


def picture(experiment):
    shown = [(number, label) for number, label in enumerate(experiment.labels) if any(one.figures["checks"] for one in label.outcomes)]
    if not shown:
        return ""
    corner = bar_corner(experiment)
    points = [point(one.figures) for _, label in shown for one in label.outcomes if one.figures["checks"]] + ([corner] if corner else [])
    x, y = axes(points)
    spots = front_spots(experiment, x, y)
    parts = [frame(x, y), bar_lines(corner, x, y), front_line(spots)]
    taken = []
    for number, label in shown:
        parts += [run_mark(number, one, x, y) for one in label.outcomes if one.figures["checks"]]
        taken += [place(one.figures, x, y) for one in label.outcomes if one.figures["checks"]]
    marked = [(number, label) for number, label in shown if label.counting]
    parts += [mean_mark(number, label, x, y) for number, label in marked]
    boxes = [(px - 8, py - 8, px + 8, py + 8) for px, py in [place(label.means, x, y) for _, label in marked] + taken]
    # The front's own line is no place for a name.
    for (left, upper), (right, lower) in zip(spots, [*spots[1:], (RIGHT, BOTTOM)]):
        boxes += [(left, upper - 1, right, upper + 1), (right - 1, upper, right + 1, lower)]
    if corner:
        boxes.append((LEFT, y.at(corner[0]) - 18, LEFT + 300, y.at(corner[0]) + 1))
    parts += [name(number, label, x, y, boxes) for number, label in marked]
    return (f'<svg class="chart scatter" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="Violating checks against pod-minutes, each run and the mean of each label">{"".join(parts)}</svg>')


def place(figures, x, y):
    violating, minutes = point(figures)
    return x.at(minutes), y.at(violating)


def axes(points):
    least, most = min(p for _, p in points), max(p for _, p in points)
    step = step_for(max(most - least, 0.05 * most, 1.0), 6)
    low, high = step * math.floor(least / step - 0.3), step * math.ceil(most / step + 0.3)
    return Axis(max(0.0, low), high, LEFT, RIGHT), Axis(0.0, max(4.0, rounded_up(max(v for v, _ in points) + 0.6, 6)), BOTTOM, TOP)


def frame(x, y):
    parts = [f'<text class="title" x="{LEFT - 40}" y="{TOP - 14}">violating checks</text>']
    for tick in y.ticks(6):
        if tick == int(tick):
            parts.append(f'<path class="grid" d="M{LEFT} {y.at(tick):.1f}H{RIGHT}"/><text class="y" x="{LEFT - 8}" y="{y.at(tick) + 4:.1f}">{written(tick)}</text>')
    for tick in x.ticks(8):
        parts.append(f'<path class="grid" d="M{x.at(tick):.1f} {TOP}V{BOTTOM}"/><text class="x" x="{x.at(tick):.1f}" y="{BOTTOM + 18}">{written(tick)}</text>')
    parts.append(f'<text class="title mid" x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 40}">billed pod-minutes to the end of the last check with load'
                 f'{"" if x.low == 0 else f" (from {written(x.low)}, not from 0)"}</text>')
    return "".join(parts)


def bar_corner(experiment):
    """The reference bar at these runs' mean number of checks; None when they differ in it by more than one, or the bar is not
    this experiment's."""
    checks = [one.figures["checks"] for one in experiment.outcomes if one.counts]
    if experiment.name != bar.EXPERIMENT or not checks or max(checks) - min(checks) > 1:
        return None
    seconds = [one.figures["countedSeconds"] for one in experiment.outcomes if one.counts]
    return (bar.VIOLATING * sum(checks) / len(checks) / bar.LOADED,
            (bar.POD_MINUTES - bar.IDLE) * sum(seconds) / len(seconds) / (bar.LOADED * bar.CHECK_S))


def bar_lines(corner, x, y):
    if corner is None:
        return ""
    right, top = x.at(corner[1]), y.at(corner[0])
    return (f'<path class="bar" d="M{LEFT} {top:.1f}H{right:.1f}V{BOTTOM}"/>'
            f'<text class="small" x="{LEFT + 6}" y="{top - 6:.1f}">reference bar in these checks: {corner[0]:.3g} violating, {corner[1]:.1f} pod-minutes</text>')


def front_spots(experiment, x, y):
    on = front(experiment.labels).on
    return sorted(place(label.means, x, y) for label in experiment.labels if label.name in on)


def front_line(spots):
    """Down and right from mean to mean: what lies above and right of it is dominated."""
    if not spots:
        return ""
    path = f"M{spots[0][0]:.1f} {TOP}V{spots[0][1]:.1f}" + "".join(f"H{px:.1f}V{py:.1f}" for px, py in spots[1:]) + f"H{RIGHT}"
    return f'<path class="front" d="{path}"/>'


def run_mark(number, outcome, x, y):
    px, py = place(outcome.figures, x, y)
    violating, minutes = point(outcome.figures)
    return (f'<g class="ink{number % INKS}" transform="translate({px:.1f} {py:.1f})"><path class="{"run" if outcome.counts else "run out"}" '
            f'd="{glyph(number, 4)}"><title>{escape(outcome.name)}{"" if outcome.counts else " (left out)"}: {violating} violating checks, '
            f'{minutes:.1f} pod-minutes</title></path></g>')


def mean_mark(number, label, x, y):
    px, py = place(label.means, x, y)
    minutes, violating = label.spans["podMinutes"], label.spans["violatingChecks"]
    reach = ""
    if len(label.counting) > 1:
        reach = (f'<path class="reach" d="M{x.at(minutes.least):.1f} {py:.1f}H{x.at(minutes.most):.1f}'
                 f'M{px:.1f} {y.at(violating.least):.1f}V{y.at(violating.most):.1f}"/>')
    return (f'<g class="ink{number % INKS}">{reach}<g transform="translate({px:.1f} {py:.1f})"><path class="mark" d="{glyph(number, 8)}">'
            f'<title>{escape(label.name)}, mean of {len(label.counting)}: {violating.mean:.1f} violating checks, {minutes.mean:.1f} pod-minutes'
            f'</title></path></g></g>')


def name(number, label, x, y, boxes):
    """Beside the mean, at the first of some places that is free; else nowhere: the legend has it."""
    px, py = place(label.means, x, y)
    width = 6.6 * len(label.name)
    for dx, dy, anchor in [(13, 4, "start"), (-13, 4, "end"), (0, -14, "middle"), (0, 23, "middle"), (13, -14, "start"), (13, 22, "start"),
                           (-13, -14, "end"), (-13, 22, "end")]:
        left = px + dx - {"start": 0, "middle": width / 2, "end": width}[anchor]
        box = (left, py + dy - 11, left + width, py + dy + 3)
        if box[0] >= LEFT and box[2] <= RIGHT and box[1] >= TOP - 12 and box[3] <= BOTTOM and not any(overlap(box, other) for other in boxes):
            boxes.append(box)
            return f'<text class="name ink{number % INKS}" style="text-anchor:{anchor}" x="{px + dx:.1f}" y="{py + dy:.1f}">{escape(label.name)}</text>'
    return ""


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
