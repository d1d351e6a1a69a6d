"""Who scales."""
import re
from typing import NamedTuple

# The calibrated rule of long memory as it was tuned for these experiments' deployment, and as it was played:
# agent tune --policy cal-long --service-time 0.2 --threshold 0.5 --max 6 --start-up 7
TUNED_RULE = (
    "cal-long:"
    "level_checks=1,trend=1.823385770264906,spread=2.8523957868531196,"
    "residual=0.17558361582358595,variation=0.36575353330324234,utilization=0.9452907409823659,"
    "backlog=1.286715207756467,growth=1,hold_checks=2,"
    "floor=0.054154280482977546,floor_checks=38")
HPA_TARGET_PERCENT = 70


class PolicyError(ValueError):
    """Not a policy."""


class Policy(NamedTuple):
    """`kind` is agent, rule, hpa or static; `setting` is the agent's price, the rule as `agent serve --policy` has it, the HPA's
    target in percent of a pod's CPU request, or a number of replicas."""
    kind: str
    setting: str
    name: str = ""

    @property
    def label(self):
        """For tables."""
        if self.name:
            return self.name
        what = {"agent": f"agent (risk {self.setting})", "rule": self.setting.partition(":")[0],
                "hpa": f"HPA {self.setting} %", "static": f"static {self.setting}"}
        return what[self.kind]

    @property
    def slug(self):
        """For names: letters, digits and dashes."""
        name = self.name or self.kind + ("" if self.kind == "rule" else "-" + self.setting)
        return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")

    @property
    def is_asked(self):
        """Whether the scaler orders what the agent's service answers; else it only records, and something else scales."""
        return self.kind in ("agent", "rule")


def parse_policy(text):
    """agent[:PRICE], rule[:FAMILY[:name=value,...]], hpa[:PERCENT], static:REPLICAS; NAME= before it names it otherwise."""
    named = re.fullmatch(r"([A-Za-z0-9 .%-]{1,30})=(.*)", text)
    if named and not re.search("[A-Za-z0-9]", named[1]):
        raise PolicyError(f"{text!r}: the name {named[1]!r} has no letter and no digit")
    name, text = named.groups() if named else ("", text)
    kind, _, setting = text.partition(":")
    if kind == "agent":
        return Policy(kind, within(text, setting or "3", 0.3, 40), name)
    if kind == "rule":
        return Policy(kind, setting or TUNED_RULE, name)
    if kind == "hpa":
        return Policy(kind, within(text, setting or str(HPA_TARGET_PERCENT), 1, 1000, whole=True), name)
    if kind == "static":
        return Policy(kind, within(text, setting, 1, 40, whole=True), name)
    raise PolicyError(f"{text!r}: a policy is agent[:PRICE], rule[:FAMILY[:name=value,...]], hpa[:PERCENT] or static:REPLICAS")


def within(text, value, low, high, whole=False):
    try:
        found = int(value) if whole else float(value)
    except ValueError:
        found = None
    if found is None or not low <= found <= high:
        raise PolicyError(f"{text!r}: {value!r} is not a {'whole ' if whole else ''}number from {low} to {high}")
    return f"{found:g}"
