"""The table of the end: per scenario what was sent, answered, recorded, lost."""
from collections import Counter, namedtuple

from .cluster import demand

Row = namedtuple("Row", "name seconds verdict finding")
# Stages in which a pod is killed: what it held is lost and counted apart.
KILLING = {"pod_killed"}
EVEN = 0.05


class Counts:
    """Of one stage's requests."""

    def __init__(self, stage, load, copies):
        answers = load.of(stage)
        self.sent = len(answers)
        self.answered = sum(a.status == 200 for a in answers.values())
        ended = sum(a.status == 502 for a in answers.values()) if stage in KILLING else 0
        self.killed = ended
        self.lost = self.sent - self.answered - ended
        self.recorded = sum(copies[name] > 0 for name in answers)
        self.twice = sum(copies[name] > 1 for name in answers)
        self.errors = Counter(f"{a.status}: {a.error}" for a in answers.values() if a.status != 200)

    def cells(self):
        return self.sent, self.answered, self.killed, self.lost, self.recorded, self.twice


def spread(records, stage):
    """Requests of each pod in that stage; the largest distance from even, as a share."""
    pods = Counter(r.pod for r in records if r.name and r.name.startswith(stage + "-"))
    demand(pods, f"no records of {stage}")
    mean = sum(pods.values()) / len(pods)
    return sorted(pods.values()), max(abs(n / mean - 1) for n in pods.values())


def printed(rows, load, records):
    """Prints the table; the sum of requests lost and of records that are there twice."""
    copies = Counter(record.name for record in records)
    head = ("seconds", "sent", "answered", "in flight", "lost", "recorded", "twice")
    print(f"\n{'scenario':<20}" + "".join(f"{h:>10}" for h in head) + "  verdict")
    total = [0] * 6
    for row in rows:
        counts = Counts(row.name, load, copies)
        total = [a + b for a, b in zip(total, counts.cells())]
        cells = "".join(f"{n:>10}" for n in counts.cells())
        print(f"{row.name:<20}{row.seconds:>10.1f}{cells}  {row.verdict}")
        for error, n in counts.errors.most_common(3):
            print(f"{'':<20}{n} x {error}")
    print(f"{'in all':<20}{sum(row.seconds for row in rows):>10.1f}" + "".join(f"{n:>10}" for n in total))
    print("(in flight: held by a pod that was killed, and told so by 502)")
    return total[3] + total[5]
