"""The checks of podStatus.json."""
import datetime, re
from typing import NamedTuple, Optional

from .document import Document

ORDER = re.compile(r"The number of pod will be set to (\d+)!")


class Check(NamedTuple):
    """One check: what its window held, seconds, and what it ordered."""
    number: int
    # When its window was claimed, epoch seconds, and how long that was.
    claimed_s: float
    window_s: float
    ready: int
    pressure: float
    response_s: float
    service_s: float
    threshold_s: float
    workload: float
    # None where the file does not count them.
    records: Optional[int]
    # Replicas that it ordered; None: no action.
    order: Optional[int]
    # Replicas ordered when it ended.
    ordered: Optional[int]
    reason: str
    shadow: bool
    errors: list

    @property
    def opened_s(self):
        return self.claimed_s - self.window_s

    @property
    def violates(self):
        return self.pressure > 1


def read_checks(path, interval_s):
    """In order; a window that the file does not tell begins at the check before, or one interval earlier."""
    status, checks = Document.read(path), []
    for key in status.value:
        number = re.fullmatch(r"check_(\d+)", key)
        if not number:
            status.refuse(key, "is no check_N")
        check = read_check(status.part(key), int(number[1]), checks[-1].claimed_s if checks else None, interval_s)
        if checks and (check.number <= checks[-1].number or check.claimed_s < checks[-1].claimed_s):
            status.refuse(key, "is not after the check before it")
        checks.append(check)
    return checks


def read_check(one, number, before_s, interval_s):
    decision = one.part("decision") if one.has("decision") else None
    action = one.text("action")
    order = ORDER.fullmatch(action)
    if action != "No Action" and not order:
        one.refuse("action", f"{action!r} is neither `No Action` nor an order")
    if decision:
        claimed_s = moment(decision, "claimedAt", None)
        window_s, records = decision.positive("windowSeconds"), decision.whole("recordsRead")
        reason, limit = decision.text("reason"), decision.value.get("limit")
        shadow, ordered = decision.text("mode") == "shadow", decision.whole("appliedReplicas")
        errors = [str(error.get("name")) for error in decision.value.get("errors") or [] if isinstance(error, dict)]
    else:
        claimed_s = moment(one, "timestamp", "%d.%m.%Y_%H:%M:%S")
        gap_s = claimed_s - before_s if before_s is not None else interval_s
        window_s = gap_s if interval_s / 2 <= gap_s <= 2.5 * interval_s else interval_s
        records, reason, limit, shadow, ordered, errors = None, "", None, False, None, []
    return Check(
        number=number, claimed_s=claimed_s, window_s=window_s, ready=one.whole("nInstances"), pressure=one.number("pressure"),
        response_s=one.number("avgResponseTime"), service_s=one.number("avgServiceTime"), threshold_s=one.positive("Threshold"),
        workload=one.number("workload"), records=records, order=int(order[1]) if order else None, ordered=ordered,
        reason=reason + (f", {limit}" if limit else ""), shadow=shadow, errors=errors)


def moment(document, name, form):
    """UTC, as epoch seconds."""
    text = document.text(name)
    try:
        if form:
            return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc).timestamp()
        whole, fraction = re.fullmatch(r"(.{19})(\.\d+)?(?:Z|\+00:00)", text).groups()
        return datetime.datetime.fromisoformat(whole + "+00:00").timestamp() + float(fraction or 0)
    except (ValueError, AttributeError):
        return document.refuse(name, f"{text!r} is no time")


def changes(checks):
    """Orders of more and of fewer replicas, of each check, as (out, in).

    A scaler in shadow mode orders nothing: then it is what others had changed from one check to the next.
    """
    for before, check in zip([None, *checks], checks):
        if check.shadow:
            was, now = (before.ordered, check.ordered) if before else (0, 0)
        elif check.reason:
            was, now = (int(check.reason.startswith("scale_in")), int(check.reason.startswith("scale_out")))
        else:
            was, now = check.ready, check.ready if check.order is None else check.order
        yield int(now > was), int(now < was)
