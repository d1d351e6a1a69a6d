"""The time that a response is counted from, by the request's header."""
import time

from .cluster import Forward, demand
from .load import ask, body_of

SMALL = body_of(20)
AGE_S = 2.5


def response_times(scene):
    """No header, a wrong one, a true one and the proxy's: the response time that each gets recorded with"""
    pod = scene.cluster.ready("matrix-service")[0]["metadata"]["name"]
    direct = {
        "none": lambda now: (),
        "garbage": lambda now: ("requestTime: t=yesterday",),
        "in the future": lambda now: (f"requestTime: t={now + 60:.3f}",),
        "over an hour old": lambda now: (f"requestTime: t={now - 3700:.3f}",),
        f"{AGE_S} s old": lambda now: (f"requestTime: t={now - AGE_S:.3f}",),
        f"X-Request-Start, {AGE_S} s old": lambda now: (f"X-Request-Start: t={(now - AGE_S) * 1e6:.0f}",),
    }
    with Forward(scene.cluster, pod, 8080) as address:
        answers = {name: ask(address, f"header-{n}", SMALL, of(time.time())) for n, (name, of) in enumerate(direct.items())}
    forged = (f"requestTime: t={time.time() - 1000:.3f}",)
    answers["through the proxy"] = ask(scene.load.address, "header-proxy", SMALL)
    answers["forged, through the proxy"] = ask(scene.load.address, "header-forged", SMALL, forged)
    found = {}
    for name, (status, answer) in answers.items():
        demand(status == 200, f"{name}: {status} {answer}")
        found[name] = answer["Response Time"]
        # Nobody is hurried: a busy machine may take its time, but less than what a wrong time of arrival would add.
        aged = AGE_S <= found[name] < 30 if "2.5" in name else found[name] < AGE_S
        demand(aged, f"{name}: response time {found[name]} s")
    scene.extra |= {f"header-{n}": found[name] for n, name in enumerate(direct)}
    scene.extra |= {"header-proxy": found["through the proxy"], "header-forged": found["forged, through the proxy"]}
    return ", ".join(f"{name}: {value:.3f} s" for name, value in found.items())
