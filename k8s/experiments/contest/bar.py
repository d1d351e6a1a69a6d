"""The reference bar of the experiment `high`: at most 3 violating checks at at most 104 pod-minutes of the reference run's 41 checks.

Ten of these had no load, and a pod each; the published run had 106 of its 116 pod-minutes in the 31 others. A run here is under load from
its first check to its last: its figures are brought to 31 checks, and get ten pod-minutes for the ten checks that it does not have.
Beside those is what it would have in 41 checks of load, which the reference run did not have: it would have had 140 then.
"""
EXPERIMENT = "high"
CHECKS, LOADED, VIOLATING, POD_MINUTES = 41, 31, 3, 104.0
IDLE = CHECKS - LOADED
SAID = f"at most {VIOLATING} violating checks at at most {POD_MINUTES:g} pod-minutes of {CHECKS} checks, {LOADED} of them with load"


def at_bar(figures):
    """Violating checks and pod-minutes of a run with as many checks of either kind as the reference run."""
    factor = LOADED / figures["checks"] if figures["checks"] else None
    return {"violatingAtBar": factor and figures["violatingChecks"] * factor, "podMinutesAtBar": factor and figures["podMinutes"] * factor + IDLE,
            "podMinutesInProportion": factor and figures["podMinutes"] * CHECKS / figures["checks"]}


def verdict(figures):
    """`reached` or `not reached`; None without figures."""
    if figures["podMinutesAtBar"] is None:
        return None
    return "reached" if figures["podMinutesAtBar"] <= POD_MINUTES and figures["violatingAtBar"] <= VIOLATING else "not reached"
