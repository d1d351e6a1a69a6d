"""The reference bar of the experiment `high`: at most 3 violating checks at at most 104 pod-minutes of the reference run's 41 checks.

Ten of these had no load, and a pod each, which leaves 94 pod-minutes to the 31 minutes of the others. A run here is under load from its
first check to its last: its figures are brought to 31 checks, a minute each, and get ten pod-minutes for the ten checks that it
does not have, as if all scaled in at once. Beside those is what it would have in 41 minutes of load, where the bar would be 94 x 41 / 31.
"""
EXPERIMENT = "high"
CHECKS, LOADED, VIOLATING, POD_MINUTES, CHECK_S = 41, 31, 3, 104.0, 60.0
IDLE = CHECKS - LOADED
IN_PROPORTION = (POD_MINUTES - IDLE) * CHECKS / LOADED
SAID = f"at most {VIOLATING} violating checks at at most {POD_MINUTES:g} pod-minutes of {CHECKS} checks, {LOADED} of them with load"
# A run of a few checks more or fewer is another run: its figures are brought to the bar's, and it is not judged by it.
NEARLY = 1


def at_bar(figures):
    """Violating checks and pod-minutes of a run with as many checks of either kind as the reference run."""
    if not figures["checks"]:
        return dict.fromkeys(("violatingAtBar", "podMinutesAtBar", "podMinutesInProportion"))
    minute = figures["podMinutes"] * CHECK_S / figures["countedSeconds"]
    return {"violatingAtBar": figures["violatingChecks"] * LOADED / figures["checks"], "podMinutesAtBar": minute * LOADED + IDLE,
            "podMinutesInProportion": minute * CHECKS}


def verdict(figures):
    """`reached` or `not reached`; None without figures, and of a run of another length."""
    if figures["podMinutesAtBar"] is None or abs(figures["checks"] - LOADED) > NEARLY:
        return None
    return "reached" if figures["podMinutesAtBar"] <= POD_MINUTES and figures["violatingAtBar"] <= VIOLATING else "not reached"
