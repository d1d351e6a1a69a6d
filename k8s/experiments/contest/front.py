"""The Pareto front of an experiment: labels that no other label beats in violating checks and pod-minutes, by their means."""
from typing import NamedTuple


class Front(NamedTuple):
    """Names on it by pod-minutes; those that are beaten, each with its (better, in each run); those without a run that counts."""
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
        better = [(other.name, in_each_run(other, label)) for other in known if beats(point(other.means), point(label.means))]
        if better:
            dominated[label.name] = better
    on = sorted((label for label in known if label.name not in dominated), key=lambda label: label.means["podMinutes"])
    return Front([label.name for label in on], dominated, [label.name for label in labels if not label.counting])


def in_each_run(one, other):
    """Whether each run of the one beats each of the other, so that it does not hang on a mean."""
    return all(beats(point(a.figures), point(b.figures)) for a in one.counting for b in other.counting)


def sentences(found):
    if not found.on:
        return ["No run counts: there is no front."]
    said = [f"On the front, which no other label beats in both violating checks and pod-minutes (means): {', '.join(found.on)}."]
    if len(found.on) == 1 and not found.dominated:
        said = [f"{found.on[0]} alone has runs that count: there is nothing to compare it with."]
    for name, better in found.dominated.items():
        by = ", ".join(f"{other} ({'in each run' if always else 'by the means, not in each run'})" for other, always in better)
        said.append(f"{name} is dominated by {by}.")
    return said + [f"{name} has no run that counts, and is not compared." for name in found.without]
