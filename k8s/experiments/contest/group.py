"""Runs of one experiment, and of one label in it: repeats, their means, and what keeps them from being compared."""
from typing import NamedTuple

from loadtest.problem import Problem


class Span(NamedTuple):
    mean: float
    least: float
    most: float

    @classmethod
    def of(cls, values):
        """None when one of them is not known: a mean of the rest would be of other runs."""
        return cls(sum(values) / len(values), min(values), max(values)) if values and None not in values else None


class Label(NamedTuple):
    """The repeats of a label; `spans` are of those that count, None where a figure is not known of each."""
    name: str
    outcomes: list
    spans: dict

    @property
    def counting(self):
        return [outcome for outcome in self.outcomes if outcome.counts]

    @property
    def means(self):
        return {key: span and span.mean for key, span in self.spans.items()}


class Experiment(NamedTuple):
    name: str
    labels: list
    warnings: list

    @property
    def outcomes(self):
        return [outcome for label in self.labels for outcome in label.outcomes]


def experiments(outcomes):
    """By experiment and label, both in the order in which they were given; repeats by their round."""
    names = list(dict.fromkeys(outcome.run.card.experiment for outcome in outcomes))
    return [experiment(name, [one for one in outcomes if one.run.card.experiment == name]) for name in names]


def experiment(name, outcomes):
    labels = []
    for label in dict.fromkeys(one.label for one in outcomes):
        of_it = sorted((one for one in outcomes if one.label == label), key=lambda one: one.run.card.round)
        counting = [one.figures for one in of_it if one.counts]
        labels.append(Label(label, of_it, {key: Span.of([found[key] for found in counting]) for key in of_it[0].figures}))
    return Experiment(name, labels, list(warnings(outcomes, labels)))


# What must be the same for the runs of a round to be paired, as a reader would call it, and how it is written: each may have arrivals of
# its own.
PAIRED_IN_ROUND = {
    "arrivals (hash of arrivals.csv)": lambda run: run.arrivals_hash,
    "repeat": lambda run: f"{run.card.repeat:g}",
}
# And of all.
PAIRED = {
    "scale": lambda run: f"{run.card.scale:g}",
    "threshold": lambda run: f"{run.card.threshold_s:g} s",
    "length of the load": lambda run: f"{run.card.load_s:g} s",
    "interval of the checks": lambda run: f"{run.card.interval_s:g} s",
    "patience of the clients": lambda run: f"{run.card.patience_s:g} s",
    "bounds of the replicas": lambda run: f"{run.card.least} to {run.card.most}",
    "time of a pod at its limit aimed at": lambda run: f"{run.card.target_turn_s:g} s",
    "CPU of a pod": lambda run: f"{run.card.pod_cpu_millicores:g} m",
}
# What should be, and may be told apart from the policies' doing only by knowing it.
SAME = {
    "machine": lambda run: run.card.machine,
    "Kubernetes": lambda run: run.card.kubernetes,
    "commit": lambda run: run.card.commit,
    "images (hash of run.json's)": lambda run: run.card.images or "unknown",
    "repeat": lambda run: f"{run.card.repeat:g}",
}
# Runs of a round that began further apart than that, seconds, met another state of a machine that others share.
AT_ONCE_S = 60


NOT_PAIRED = "these runs are not paired: compare them with nothing but care"


def warnings(outcomes, labels):
    for round_ in sorted({one.run.card.round for one in outcomes}):
        of_it = [one for one in outcomes if one.run.card.round == round_]
        yield from different(of_it, PAIRED_IN_ROUND, NOT_PAIRED)
        yield from at_other_times(round_, of_it)
    yield from different(outcomes, PAIRED, NOT_PAIRED)
    yield from different(outcomes, SAME, "not of one make")
    for label in labels:
        yield from different(label.outcomes, {"policy": lambda run: run.card.policy}, f"all of them are called {label.name}")
        rounds = [one.run.card.round for one in label.outcomes]
        if len(set(rounds)) < len(rounds):
            yield f"{label.name} has a round more than once"
    counting = [label for label in labels if label.counting]
    rounds = {label.name: tuple(sorted({one.run.card.round for one in label.counting})) for label in counting}
    if len(set(rounds.values())) > 1:
        listed = "; ".join(f"{name}: {', '.join(map(str, those))}" for name, those in rounds.items())
        yield f"means are of different rounds ({listed})"
    checks = [one.figures["checks"] for label in counting for one in label.counting]
    if checks and max(checks) - min(checks) > 1:
        yield f"runs have {min(checks)} to {max(checks)} checks with load: compare pod-minutes per check, and shares"


def different(outcomes, rules, so):
    for what, told in rules.items():
        having = {}
        for one in outcomes:
            having.setdefault(told(one.run), []).append(one.name)
        if len(having) > 1:
            listed = "; ".join(f"{value}: {shortened(names)}" for value, names in having.items())
            yield f"different {what} ({listed}): {so}"


def at_other_times(round_, outcomes):
    began = sorted((one.run.card.began_s, one.name) for one in outcomes)
    if began[-1][0] - began[0][0] > AT_ONCE_S:
        yield (f"round {round_} was not played at one time: {began[-1][1]} began {(began[-1][0] - began[0][0]) / 60:.0f} minutes after {began[0][1]}; "
               "a machine that others share may have been another")


def shortened(names, count=3):
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")


def refuse_twice(paths, resolved):
    """A run given twice would be its own repeat."""
    for at, path in enumerate(resolved):
        if path in resolved[:at]:
            raise Problem(f"{paths[at]} is given twice")
