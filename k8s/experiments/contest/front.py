"""The Pareto front of an experiment: labels that no other label beats in violating checks and pod-minutes."""
from typing import NamedTuple

from .pairs import kind, together


class Front(NamedTuple):
    """Names on it by pod-minutes; those that are beaten, each with its (better, how); those without a run that counts."""
    on: list
    dominated: dict
    without: list


def point(figures):
    return figures["violatingChecks"], figures["podMinutes"]


def beats(one, other):
    """As few violating checks at as few pod-minutes, and one of both fewer."""
    return one[0] <= other[0] and one[1] <= other[1] and one != other


def front(labels):
    known = [label for label in labels if label.counting]
    dominated = {}
    for label in known:
        better = [(other.name, how) for other in known if other is not label and (how := better_by(other, label))]
        if better:
            dominated[label.name] = better
    on = sorted((label for label in known if label.name not in dominated), key=lambda label: label.means["podMinutes"])
    return Front([label.name for label in on], dominated, [label.name for label in labels if not label.counting])


def better_by(one, other):
    """How the one beats the other, by the rounds that both have: other arrivals would be another contest. Where they have none in
    common, by all that there are; None when it does not."""
    met = together(one, other)
    if not met:
        return "by the means, of different rounds" if beats(point(one.means), point(other.means)) else None
    points = [(point(a.figures), point(b.figures)) for a, b in met]
    if not beats(mean([a for a, _ in points]), mean([b for _, b in points])):
        return None
    if len(met) == 1:
        return f"in the one round of both, {met[0][0].run.card.round}"
    return f"{'in each' if all(beats(a, b) for a, b in points) else 'by the mean'} of the {len(met)} rounds of both"


def mean(points):
    return tuple(sum(values) / len(points) for values in zip(*points))


def best_settings(labels):
    """Of each policy with several settings, these by their J, the least first."""
    known = [label for label in labels if label.counting]
    kinds = {name: [label for label in known if kind(label) == name] for name in dict.fromkeys(map(kind, known))}
    return {name: sorted(ours, key=lambda label: label.means["objective"]) for name, ours in kinds.items() if len(ours) > 1}


def sentences(labels):
    found = front(labels)
    if not found.on:
        return ["No run counts: there is no front."]
    said = [f"On the front, which no other label beats in both violating checks and pod-minutes: {', '.join(found.on)}."]
    if len(found.on) == 1 and not found.dominated:
        said = [f"{found.on[0]} alone has runs that count: there is nothing to compare it with."]
    for name, better in found.dominated.items():
        said.append(f"{name} is dominated by {', '.join(f'{other} ({how})' for other, how in better)}.")
    for settings in best_settings(labels).values():
        said.append("By J, the settings of one policy: " + ", ".join(f"{label.name} {label.means['objective']:.3f} ({count(label)})" for label in settings) + ".")
    return said + [f"{name} has no run that counts, and is not compared." for name in found.without]


def count(label):
    runs = len(label.counting)
    return f"{runs} run{'s' if runs > 1 else ''}"
