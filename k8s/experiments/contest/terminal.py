"""The table on the terminal: a row a run; of each label the mean of its runs and, when there are several, least and most."""
from . import pairs
from .column import bar_sentences, columns
from .front import sentences

# Left to the page and the JSON, so that the rows fit a wide terminal (a sample that is not joined is a note).
LEFT_OUT = {"joined", "responseP99Seconds", "podMinutesPerCheck", "responseP50Seconds", "meanReady", "nodeCpuMean", "podMinutesOfLoad",
            "serviceMeanSeconds"}


def lines(experiment):
    shown = [column for column in columns(experiment) if column.key not in LEFT_OUT]
    rows = [["", *(column.title for column in shown)], *units(shown)]
    for label in experiment.labels:
        rows += [run_row(outcome, shown) for outcome in label.outcomes] + label_rows(label, shown)
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    table = [" ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]).rstrip() for row in rows]
    said = [f"warning: {warning}" for warning in experiment.warnings]
    said += [f"{outcome.name}: left out of means and front: {fault}" for outcome in experiment.outcomes for fault in outcome.faults]
    said += [f"{outcome.name}: {note}" for outcome in experiment.outcomes for note in outcome.notes]
    return [f"experiment {experiment.name}: {played(experiment)}", "", *table, "", *said, *sentences(experiment.labels),
            *pairs.sentences(experiment.labels), *bar_sentences(experiment), ""]


def played(experiment):
    """With what, on what, when; a value that differs is given as often as it does."""
    cards = [outcome.run.card for outcome in experiment.outcomes]
    told = [lambda card: f"scale {card.scale:g}", lambda card: card.machine, lambda card: f"Kubernetes {card.kubernetes}", lambda card: card.started_at[:10]]
    return ", ".join(" and ".join(dict.fromkeys(map(one, cards))) for one in told)


def units(shown):
    """A line a word of the units, so that they make no column wide."""
    words = [column.unit.replace("pod-minutes", "pod-min").split() for column in shown]
    return [["", *(one[at] if at < len(one) else "" for one in words)] for at in range(max(map(len, words)))]


def run_row(outcome, shown):
    cells = [column.cell(outcome.figures) + ("!" if column.flagged(outcome.figures) else "") for column in shown]
    return [f"{outcome.name}{'' if outcome.counts else ' (left out)'}", *cells]


def label_rows(label, shown):
    count = len(label.counting)
    if not count:
        return [[f"= {label.name}: no run counts", *("" for _ in shown)]]
    rows = {f"= {label.name}, mean of {count}": "mean"} | ({"    least": "least", "    most": "most"} if count > 1 else {})
    spans = [label.spans[column.key] for column in shown]
    return [[head, *(column.write(getattr(span, which)) if span else "-" for column, span in zip(shown, spans))] for head, which in rows.items()]
