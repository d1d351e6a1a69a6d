"""An agent's runs beside those of others in the same round, which had the same arrivals: differences, run by run."""
from typing import NamedTuple

OURS = "agent"
# Figures that are compared; each is better when it is less.
COMPARED = ("violatingChecks", "podMinutes", "objective")


class Pair(NamedTuple):
    """`rounds`: by round, our figures less the other's, in the order of [`COMPARED`]."""
    ours: str
    other: str
    rounds: dict

    def mean(self, figure):
        place = COMPARED.index(figure)
        return sum(differences[place] for differences in self.rounds.values()) / len(self.rounds)


def kind(label):
    return label.outcomes[0].run.card.policy.partition(":")[0]


def together(one, other):
    """Runs of both in the same round, as pairs; of a round that was repeated, the last."""
    by_round = {outcome.run.card.round: outcome for outcome in other.counting}
    return [(outcome, by_round[outcome.run.card.round]) for outcome in one.counting if outcome.run.card.round in by_round]


def pairs(labels):
    """Each label of the agent with each of another policy that it met."""
    met = [(ours, other, together(ours, other)) for ours in labels if kind(ours) == OURS for other in labels if kind(other) != OURS]
    return [Pair(ours.name, other.name, {one.run.card.round: difference(one, two) for one, two in runs}) for ours, other, runs in met if runs]


def difference(one, other):
    return tuple(one.figures[figure] - other.figures[figure] for figure in COMPARED)


def sentences(labels):
    return [sentence(pair) for pair in pairs(labels)]


def sentence(pair):
    rounds = "; ".join(f"round {number}: {violating:+d}, {minutes:+.1f}, {objective:+.3f}"
                       for number, (violating, minutes, objective) in sorted(pair.rounds.items()))
    mean = f"{pair.mean('violatingChecks'):+.1f}, {pair.mean('podMinutes'):+.1f}, {pair.mean('objective'):+.3f}"
    return f"{pair.ours} less {pair.other}, violating checks, pod-minutes, J: {mean} in the mean of {len(pair.rounds)} ({rounds})."
