"""The page: each experiment with its table, front, runs over time and decisions; nothing is loaded from elsewhere, no script."""
import os
from html import escape

from . import pairs, scatter, timeline
from .column import bar_sentences, columns
from .figures import counted_checks
from .front import sentences
from .group import PAIRED, SAME

with open(os.path.join(os.path.dirname(__file__), "page.css"), encoding="utf-8") as file:
    STYLE = file.read()


def page(experiments, now):
    title = "Autoscaling policies compared: " + ", ".join(experiment.name for experiment in experiments)
    runs = [outcome for experiment in experiments for outcome in experiment.outcomes]
    out = sum(not outcome.counts for outcome in runs)
    policies = len(dict.fromkeys(outcome.label for outcome in runs))
    return "".join([
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n',
        f"<h1>{escape(title)}</h1>\n<p class='sub'>{len(runs)} runs on a cluster, {policies} labels{f', {out} left out of the means' if out else ''}; "
        f"page made {now:%Y-%m-%d %H:%M} UTC by <code>k8s/experiments/compare</code>. Clock times are UTC.</p>\n",
        *(section(experiment, at) for at, experiment in enumerate(experiments)),
        "</main>\n</body>\n</html>\n"])


def section(experiment, at):
    scale = timeline.scales(experiment.outcomes)
    shown = columns(experiment)
    return "".join([
        f'<section><h2 id="e{at}">Experiment {escape(experiment.name)}</h2>\n', facts(experiment),
        block("warn", "Not the same for all runs", experiment.warnings),
        '<div class="panel"><h3>Figures</h3><p class="sub">A row a run; below each label the mean of its runs that count, and '
        '[least, most]. What is counted is said below the table. A red figure: look at the notes.</p>', table(experiment, shown),
        block("left", "Left out of means and front",
              [f"{outcome.name}: {fault}" for outcome in experiment.outcomes for fault in outcome.faults]),
        block("notes", "Notes on runs", [f"{outcome.name}: {note}" for outcome in experiment.outcomes for note in outcome.notes]),
        definitions(shown, at), "</div>\n",
        '<div class="panel"><h3>Violating checks against pod-minutes</h3><p class="sub">Better is down and left. Large: mean of a label, with the '
        'range of its runs; small: a run, hollow when it is left out; line: the front.</p>', legend(experiment), scatter.picture(experiment),
        "".join(f"<p>{escape(one)}</p>" for one in sentences(experiment.labels) + pairs.sentences(experiment.labels)), "</div>\n",
        block("panel", "Reference bar", bar_sentences(experiment)),
        f'<h3 class="over" id="e{at}-runs">Runs over time</h3><p class="sub">All on the same scales. The response time of a check is drawn over '
        'its window, billed and ready pods as pods.csv has them: billed until the pod is gone, ready until it is told to end.</p>', KEYS,
        '<div class="grid">', *(run(outcome, scale) for outcome in experiment.outcomes), "</div></section>\n"])


def facts(experiment):
    """What was played, on what; a value that differs is given as often as it does."""
    runs = [outcome.run for outcome in experiment.outcomes]
    told = {
        "load": lambda run: f"{len(run.arrivals_s)} requests in {run.card.load_s / 60:.4g} min, scale {run.card.scale:g}, arrivals {run.arrivals_hash}",
        "threshold": lambda run: f"{PAIRED['threshold'](run)} mean response time of a check",
        "checks": lambda run: f"every {run.card.interval_s:g} s",
        "replicas": PAIRED["bounds of the replicas"],
        "a request": lambda run: f"aims at {run.card.target_turn_s:g} s of a pod at its limit (repeat {run.card.repeat:g})",
        "a pod": lambda run: f"{run.card.pod_cpu_millicores:g} m CPU",
        "machine": lambda run: f"{run.card.machine}, Kubernetes {run.card.kubernetes}",
        "commit": SAME["commit"],
        "played": lambda run: run.card.started_at[:10],
    }
    items = []
    for what, of in told.items():
        values = list(dict.fromkeys(of(run) for run in runs))
        items.append(f"<dt>{what}</dt><dd>{'<br>'.join(map(escape, values))}</dd>")
    return f'<dl class="facts">{"".join(items)}</dl>\n'


def block(kind, title, lines):
    if not lines:
        return ""
    return f'<div class="{kind}"><h3>{title}</h3><ul>{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul></div>\n'


def table(experiment, shown):
    head = "".join(f'<th scope="col">{escape(column.title)}<small>{escape(column.unit)}</small></th>' for column in shown)
    rows = []
    for number, label in enumerate(experiment.labels):
        for outcome in label.outcomes:
            cells = "".join(f'<td{" class=bad" if column.flagged(outcome.figures) else ""}>{escape(column.cell(outcome.figures))}</td>' for column in shown)
            mark = "" if outcome.counts else ' <span class="pill">left out</span>'
            rows.append(f'<tr{"" if outcome.counts else " class=out"}><th scope="row"><a href="#{anchor(outcome)}">{escape(outcome.label)}</a> '
                        f'<small>round {outcome.run.card.round}{mark}</small></th>{cells}</tr>')
        rows.append(mean_row(number, label, shown))
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="Figures"><table><thead><tr><th scope="col">run</th>{head}</tr></thead>'
            f'<tbody>{"".join(rows)}</tbody></table></div>\n')


def mean_row(number, label, shown):
    count = len(label.counting)
    name = f'<th scope="row">{scatter.key(number)}{escape(label.name)} <small>{f"mean of {count}" if count else "no run counts"}</small></th>'
    cells = []
    for column in shown:
        span = label.spans[column.key]
        reach = f"<small>[{column.write(span.least)}, {column.write(span.most)}]</small>" if span and count > 1 else ""
        cells.append(f"<td>{column.write(span.mean) + reach if span else '-'}</td>")
    return f'<tr class="mean">{name}{"".join(cells)}</tr>'


def definitions(shown, at):
    terms = "".join(f"<dt>{escape(column.title)}, {escape(column.unit)}</dt><dd>{escape(column.meaning)}</dd>" for column in shown if column.meaning)
    return f'<details{"" if at else " open"}><summary>What is counted</summary><dl>{terms}</dl></details>\n'


def legend(experiment):
    return '<ul class="legend">' + "".join(f"<li>{scatter.key(number)}{escape(label.name)}</li>"
                                           for number, label in enumerate(experiment.labels)) + "</ul>"


def line_key(name, text, body='<path class="{0}" d="M0 6h24"/>'):
    return f'<li><svg class="key wide" viewBox="0 0 24 12" aria-hidden="true">{body.format(name)}</svg>{text}</li>'


KEYS = '<ul class="legend">' + "".join([
    line_key("mean", "mean response time of a check"), line_key("p95", "95th percentile of its records"),
    line_key("violating", "violating check", '<circle class="{0}" cx="12" cy="6" r="3.5"/>'),
    line_key("threshold", "threshold"), line_key("ready", "ready pods"),
    line_key("seen", "ready pods that a check saw (nInstances)", '<circle class="{0}" cx="12" cy="6" r="2.6"/>'),
    line_key("billed", "pods billed", '<path class="{0}" d="M0 1h24v10h-24z"/>'),
    line_key("order", "replicas ordered", '<path class="{0}" d="M12 2l4 4l-4 4l-4 -4z"/>'), line_key("bound", "most replicas"),
    line_key("workload", "requests completed"), line_key("due", "requests due", '<path class="{0}" d="M0 1h24v10h-24z"/>'),
    line_key("end", "end of the load", '<path class="{0}" d="M12 0v12"/>')]) + "</ul>\n"


def anchor(outcome):
    # By its whole path: folders of one name may hold runs of one round.
    words = f"{outcome.run.card.experiment}-{outcome.name}-{os.path.realpath(outcome.run.path)}"
    return "run-" + "".join(c if c.isascii() and c.isalnum() else "-" for c in words)


def run(outcome, scale):
    card, found = outcome.run.card, outcome.figures
    said = "no check with load"
    if found["checks"]:
        said = (f"{found['violatingChecks']} of {found['checks']} checks violating, {found['podMinutes']:.1f} pod-minutes, "
                f"J {found['objective']:.3f}; service {found['serviceMeanSeconds'] or 0:.3f} s; a pod at its limit {found['turnAtLimitSeconds'] or 0:.3f} s of {card.target_turn_s:g} s aimed at")
    out = "" if outcome.counts else '<p class="left">Left out: ' + escape("; ".join(outcome.faults)) + "</p>"
    return (f'<figure class="panel" id="{anchor(outcome)}"><figcaption><h3>{escape(outcome.name)}</h3><p class="sub">{said}</p>{out}'
            f'<p class="sub small">{escape(card.started_at)}, commit {escape(card.commit)}, {escape(outcome.run.path)}</p></figcaption>'
            f"{timeline.picture(outcome, scale)}{decisions(outcome)}</figure>\n")


def decisions(outcome):
    checks, _ = timeline.window(outcome)
    counted = {check.number for check in counted_checks(outcome.run)}
    rows = []
    for check in checks:
        since = check.claimed_s - outcome.run.card.began_s
        action = "none" if check.order is None else f"set to {check.order}"
        cells = [str(check.number), f"{'-' if since < 0 else ''}{int(abs(since) // 60)}:{int(abs(since) % 60):02d}", str(check.ready), action,
                 f"{check.pressure:.2f}", f"{check.response_s:.3f}", f"{check.workload:.2f}", "-" if check.records is None else str(check.records)]
        kind = " class=v" if check.violates and check.number in counted else "" if check.number in counted else " class=out"
        reason = ", ".join([check.reason or "-", *check.errors])
        rows.append(f"<tr{kind}>{''.join(f'<td>{cell}</td>' for cell in cells)}<td class=l>{escape(reason)}</td></tr>")
    heads = [("check", ""), ("at", "min:s"), ("ready", "pods"), ("action", "replicas"), ("pressure", "mean / threshold"), ("response", "mean, s"),
             ("workload", "requests/s"), ("records", "")]
    head = "".join(f'<th scope="col">{name}<small>{unit}</small></th>' for name, unit in heads) + '<th scope="col" class=l>reason</th>'
    return (f'<details><summary>Decisions ({len(rows)} checks; grey: not counted)</summary><div class="scroll" tabindex="0" role="region" '
            f'aria-label="Decisions"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div></details>')
