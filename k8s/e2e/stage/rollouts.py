"""The loop at work, and pods that come and go: no request may be lost."""
import json

from .cluster import demand, kubectl, until
from .scene import LIMITS, POD_CPU, SIZE


def settings_changed(scene):
    """A setting changed and applied (CPU limit of the pods): a rolling update under load"""
    scene.pause_checks(True)
    before = scene.cluster.ordered()
    scene.apply(LIMITS)
    scene.cluster.rolled_out("matrix-service")
    scene.cluster.settled("matrix-service", before, 120)
    demand(scene.cluster.ordered() == before, f"{scene.cluster.ordered()} replicas, {before} before")
    limit = scene.cluster.ready("matrix-service")[0]["spec"]["containers"][0]["resources"]["limits"]["cpu"]
    demand(limit == POD_CPU, limit)
    return f"limits.cpu {limit}; {before} replicas before and after"


def saturated(scene):
    """As much as the pods can do, for eight seconds: what one of them does a second"""
    pods = len(scene.cluster.ready("matrix-service"))
    scene.load.quiet()
    scene.capacity = scene.load.saturate("saturated", 8 * pods, 8) / pods
    return f"{scene.capacity:.0f} requests of two {SIZE}x{SIZE} matrices a second and pod of {POD_CPU} CPU"


def grows(scene):
    """Load beyond one pod: the CronJob's check sees it, the agent decides, the Deployment grows, podStatus.json says so"""
    before = scene.cluster.ordered()
    scene.pause_checks(False)
    scene.load.at("grows", 1.3 * before * scene.capacity)
    story = [told(check) for check in until_ordered(scene, lambda n: n > before, "more replicas")]
    replicas = scene.cluster.ordered()
    scene.cluster.rolled_out("matrix-service")
    scene.load.at("grows", 0.5 * replicas * scene.capacity)
    check = scene.next_check()
    cpu = check["CPUUsage (Prometheus)"]
    demand(cpu is not None and 0.002 < cpu < 0.075, f"CPU {cpu} cores of a pod limited to {POD_CPU}")
    demand(check["nInstances"] > before, f"{check['nInstances']} instances")
    return "; ".join([*story, told(check)])


def shrinks(scene):
    """Load falls: the checks after it take replicas away, under load"""
    # How far `grows` went is the moment's; two pods the agent may well keep, so shortly after too few were ordered.
    before = max(scene.cluster.ordered(), 4)
    scene.pause_checks(True)
    scene.with_pods(before)
    scene.load.at("shrinks", 0.25 * scene.capacity)
    scene.pause_checks(False)
    story = [told(check) for check in until_ordered(scene, lambda n: n < before, "fewer replicas")]
    scene.cluster.settled("matrix-service", scene.cluster.ordered(), 120)
    return "; ".join(story)


def until_ordered(scene, wanted, what, most=4):
    """The CronJob's checks up to the first that orders what is wanted."""
    found = []
    while not found or not wanted(scene.cluster.ordered()):
        demand(len(found) < most, f"no order of {what} in {most} checks: {'; '.join(map(told, found))}")
        found.append(scene.next_check())
        demand(found[-1]["decision"]["rawAction"] is not None, f"no decision: {found[-1]['decision'].get('errors')}")
    return found


def told(check):
    action = check["action"].removeprefix("The number of pod will be set to ").removesuffix("!")
    cpu = check["CPUUsage (Prometheus)"]
    return (f"{check['workload']:.0f}/s on {check['nInstances']}, pressure {check['pressure']:.2f}, "
            f"CPU {'null' if cpu is None else format(cpu, '.2f')} -> {action}")


def spreads(scene):
    """Four pods: the proxy's spread is within 5 % of even"""
    scene.load.quiet()
    scene.with_pods(4)
    scene.load.at("spreads", 1.6 * scene.capacity)
    until(lambda: len(scene.load.of("spreads")) >= 480, "480 answers", 60)
    scene.load.quiet()
    return "see below"


def rolls(scene):
    """Rolling update of four pods under load"""
    before = {pod["metadata"]["uid"] for pod in scene.cluster.ready("matrix-service")}
    scene.cluster.run("rollout", "restart", "deployment/matrix-service")
    scene.cluster.rolled_out("matrix-service")
    scene.cluster.settled("matrix-service", len(before), 120)
    after = {pod["metadata"]["uid"] for pod in scene.cluster.ready("matrix-service")}
    demand(not before & after, "a pod was not replaced")
    return f"{len(after)} pods replaced"


def proxy_rolls(scene):
    """Rolling update of the proxy itself under load"""
    scene.cluster.run("rollout", "restart", "deployment/ingress")
    scene.cluster.rolled_out("ingress")
    return f"{len(scene.cluster.ready('ingress'))} proxies replaced"


def evicted(scene):
    """A pod evicted under load, as when a node is drained: nothing is lost; a second one at once is refused"""
    first, second, *_ = scene.cluster.ready("matrix-service")
    demand(evict(scene.cluster, first)[0] == 0, "the first eviction was refused")
    code, _, error = evict(scene.cluster, second)
    demand(code != 0 and "disruption budget" in error, f"the second eviction: {error.strip() or 'not refused'}")
    scene.cluster.settled("matrix-service", scene.cluster.ordered(), 120)
    return f"one evicted, the second refused: {error.strip().splitlines()[0][:100]}"


def evict(cluster, pod):
    name = pod["metadata"]["name"]
    order = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": cluster.namespace}}
    return kubectl("create", "--raw", f"/api/v1/namespaces/{cluster.namespace}/pods/{name}/eviction", "-f", "-", text=json.dumps(order))


def scales_in(scene):
    """Scale-in from four pods to one under load: each drains"""
    scene.cluster.scale("matrix-service", 1)
    scene.cluster.settled("matrix-service", 1, 120)
    return "4 -> 1"
