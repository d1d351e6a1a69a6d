"""The reference bar of the experiment `high`: at most 3 violating checks at at most 104 pod-minutes of 41 checks.

Ten of the reference run's 41 checks had no load, and a pod each: a run that is played under load alone is the dearer for it when its
pod-minutes are scaled to 41 checks. Beside those is what it would have had with these ten.
"""
EXPERIMENT = "high"
CHECKS, VIOLATING, POD_MINUTES = 41, 3, 104.0
SAID = f"at most {VIOLATING} violating checks at at most {POD_MINUTES:g} pod-minutes of {CHECKS} checks"


def at_bar(figures):
    """Violating checks and pod-minutes as they would be at the bar's number of checks, were the rest like these."""
    factor = CHECKS / figures["checks"] if figures["checks"] else None
    return {"violatingAtBar": factor and figures["violatingChecks"] * factor, "podMinutesAtBar": factor and figures["podMinutes"] * factor,
            "podMinutesWithIdle": factor and figures["podMinutes"] + max(0, CHECKS - figures["checks"])}


def verdict(figures):
    """`reached`, `not reached`, or that it hangs on how violating checks are counted; None without figures."""
    if figures["podMinutesAtBar"] is None:
        return None
    if figures["podMinutesAtBar"] > POD_MINUTES or figures["violatingChecks"] > VIOLATING:
        return "not reached"
    if figures["violatingAtBar"] > VIOLATING:
        return f"reached as counted, but {figures['violatingChecks']:.3g} of {figures['checks']:.3g} checks are " \
               f"{figures['violatingAtBar']:.1f} of {CHECKS}"
    return "reached"
