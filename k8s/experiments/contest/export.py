"""The comparison as JSON: unrounded figures, in the units of their names; shares from 0 to 1."""
from . import bar
from .front import front
from .pairs import COMPARED, pairs


def exported(experiments):
    return {"experiments": [exported_experiment(experiment) for experiment in experiments]}


def exported_experiment(experiment):
    found = front(experiment.labels)
    at_bar = experiment.name == bar.EXPERIMENT
    return {
        "experiment": experiment.name,
        "warnings": experiment.warnings,
        "runs": [exported_run(outcome, at_bar) for outcome in experiment.outcomes],
        "labels": [exported_label(label, at_bar) for label in experiment.labels],
        "front": {"on": found.on, "dominated": {name: [other for other, _ in better] for name, better in found.dominated.items()},
                  "withoutRun": found.without},
        # Ours less the other's, of the same round.
        "pairs": [{"label": one.ours, "against": one.other, "mean": {figure: one.mean(figure) for figure in COMPARED},
                   "rounds": [{"round": number, **dict(zip(COMPARED, values))} for number, values in sorted(one.rounds.items())]}
                  for one in pairs(experiment.labels)],
    }


def exported_run(outcome, at_bar):
    run = outcome.run
    return {"folder": run.path, "label": outcome.label, "policy": run.card.policy, "round": run.card.round, "startedAt": run.card.started_at,
            "commit": run.card.commit, "machine": run.card.machine, "kubernetes": run.card.kubernetes, "arrivalsHash": run.arrivals_hash,
            "counts": outcome.counts, "leftOutFor": outcome.faults, "notes": outcome.notes, "figures": outcome.figures,
            **({"bar": bar.verdict(outcome.figures)} if at_bar else {})}


def exported_label(label, at_bar):
    spans = {key: span and {"mean": span.mean, "min": span.least, "max": span.most} for key, span in label.spans.items()}
    return {"label": label.name, "runs": len(label.counting), "leftOut": len(label.outcomes) - len(label.counting), "figures": spans,
            **({"bar": bar.verdict(label.means) if label.counting else None} if at_bar else {})}
