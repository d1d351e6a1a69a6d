"""What a run was: its figures, and every reason why it does not count."""
import math

from .samples import lateness


def summary(values):
    """Mean, nearest-rank percentiles and maximum, as given; NaN for none."""
    values = sorted(values)
    if not values:
        return dict.fromkeys(["mean", "p50", "p95", "p99", "max"], math.nan)
    rank = {f"p{p}": values[max(0, math.ceil(p / 100 * len(values)) - 1)] for p in (50, 95, 99)}
    return {"mean": sum(values) / len(values), **rank, "max": values[-1]}


def named(ids, count=5):
    return ", ".join(ids[:count]) + (f" and {len(ids) - count} more" if len(ids) > count else "")


def check_samples(samples, limits):
    """Torn lines, errors, answers that do not tell the service's times."""
    problems, counted = [], samples.counted
    if samples.torn:
        problems.append(f"{samples.torn} lines of the result file are torn")
    if not counted:
        problems.append("the result file holds no sample: nothing was sent")
    bad = [one for one in counted if not one.ok]
    if len(bad) > limits.max_errors:
        kinds = {}
        for one in bad:
            kind = f"{one.code} {one.message}"[:240]
            kinds[kind] = kinds.get(kind, 0) + 1
        most = "; ".join(f"{n} times {kind}" for kind, n in sorted(kinds.items(), key=lambda k: -k[1])[:3])
        problems.append(f"{len(bad)} of {len(counted)} requests failed (at most {limits.max_errors}): {most}")
    silent = [one.rid for one in counted if one.ok and not math.isfinite(one.response_s)]
    if silent:
        problems.append(f"{len(silent)} answers do not say their Response Time: {named(silent)}")
    numbers = [one.number for one in counted]
    if len(set(numbers)) < len(numbers):
        problems.append(f"{len(numbers) - len(set(numbers))} request ids were used twice")
    return problems


def check_open(samples, due_s, limits):
    """Of the open plan: what was due was sent, and in time. Figures and problems."""
    counted, problems = samples.counted, []
    late_s, zero_s = lateness(counted, due_s, samples.warmup)
    late = sum(value > limits.late_after_s for value in late_s)
    if len(counted) != len(due_s):
        problems.append(f"{len(due_s)} requests were scheduled and {len(counted)} sent: {len(due_s) - len(counted)} samples are missing"
                        if len(counted) < len(due_s) else f"{len(due_s)} requests were scheduled, but {len(counted)} sent")
    if late > limits.max_late_share * len(late_s):
        problems.append(f"{late} of {len(late_s)} requests started more than {1000 * limits.late_after_s:.0f} ms late (at most "
                        f"{limits.max_late_share:.1%}), the latest {max(late_s):.3f} s: this machine could not keep to the schedule")
    figures = {"scheduled": len(due_s), "sent": len(counted), "late": late, "lateness_s": summary(late_s)}
    by_number = sorted((one for one in counted if one.ok), key=lambda one: one.number)
    waits = [one.start_s + one.client_s - zero_s - due_s[one.number - samples.warmup - 1] for one in by_number
             if 0 < one.number - samples.warmup <= len(due_s)]
    return {**figures, "since_due_s": summary(waits)}, problems


def check_classic(counted, expected, limits):
    """Of the classic plan, which has no times to be late for: whether it sent what its rows say."""
    missing = expected - len(counted)
    figures = {"scheduled": expected, "sent": len(counted)}
    if missing > limits.max_missing_share * expected:
        return figures, [f"{expected:.0f} requests were scheduled and {len(counted)} sent: {missing:.0f} are missing (at most "
                         f"{limits.max_missing_share:.0%}); this plan sends nothing while its clients wait, for answers or for one another"]
    return figures, []


def check_join(joined):
    """Samples and records that have no counterpart, or not one."""
    problems = []
    for ids, what in [(joined.without_record, "answered requests have no record"),
                      (joined.without_sample, "records of this run have no sample"),
                      (joined.recorded_twice, "requests are recorded more than once"),
                      (joined.disagree, "answers tell another Response Time than their record")]:
        if ids:
            problems.append(f"{len(ids)} {what}: {named(ids)}")
    return problems


def compare(rows):
    """Client against service, of (size, client s, response s, service s): lines of a table in ms, and the figures."""
    sides = {"client": [c for _, c, _, _ in rows], "service, Response Time": [r for _, _, r, _ in rows],
             "client - Response Time": [c - r for _, c, r, _ in rows], "service, Service Time": [s for _, _, _, s in rows]}
    lines = [f"{'ms':<24} {'requests':>8} {'mean':>9} {'p50':>9} {'p95':>9} {'p99':>9} {'max':>9}"]
    figures = {name: summary(values) for name, values in sides.items()}
    lines += [line(name, len(rows), values) for name, values in figures.items()]
    sizes = sorted({size for size, *_ in rows}, key=lambda size: (len(size), size))
    if len(sizes) > 1:
        for size in sizes:
            some = [c - r for one, c, r, _ in rows if one == size]
            lines.append(line(f"  difference at size {size}", len(some), summary(some)))
    return lines, figures


def line(name, count, values):
    return f"{name:<24} {count:>8} " + " ".join(f"{1000 * value:9.1f}" for value in values.values())
