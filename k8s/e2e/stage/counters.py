"""A deployment whose pods keep no records: the state is that of their counters, as Prometheus scraped them."""
import statistics, time
from datetime import datetime

from .cluster import Failed, demand, until
from .rollouts import told

# Counters are scraped every few seconds, so that a window has a few requests of the seconds beside it.
RATE_WITHIN, RESPONSE_WITHIN = 0.10, 0.20
# Share of what the pods can do: queues stay short, and the agent has little to take away.
STEADY = 0.4
# What a pod did after it was last scraped nobody counts.
COUNTED_WITHIN = 0.02
# Long enough for each pod to be scraped once more, seconds.
SCRAPED_S = 12


def are_the_source(objects):
    """Whether the scaler of these manifests takes its state from them."""
    settings = [o["data"] for o in objects if o["kind"] == "ConfigMap" and o["metadata"]["name"].startswith("scaler-settings")]
    return any(one.get("STATE_SOURCE") == "prometheus" for one in settings)


def first_answer(scene):
    """No pod of the service has a volume; the first check with a decision of the agent"""
    for pod in scene.cluster.ready("matrix-service"):
        claims = [volume for volume in pod["spec"].get("volumes", []) if "persistentVolumeClaim" in volume]
        demand(not claims, f"{pod['metadata']['name']} has {claims}")
    # What no pod was scraped for twice is not known.
    check = until(lambda: next((one for one in scene.checks() if one["decision"]["rawAction"] is not None), None),
                  "a check with a decision", 250, 0.5)
    return f"{time.monotonic() - scene.applied_at:.0f} s after `kubectl apply`: {told(check)}"


def agree(scene):
    """Steady load: the rate and the response time of a check are those that the clients saw"""
    # A crowd that still waits at one pod takes minutes, and its answers, seconds old each, fall into one window or the next.
    scene.load.quiet()
    demand(not scene.load.held, f"{scene.load.held} requests still wait")
    scene.load.at("agree", STEADY * scene.cluster.ordered() * scene.capacity)
    check, begin_s, end_s = steady_window(scene, time.time())
    seen = [answer for answer in scene.load.answers.copy().values() if answer.status == 200 and begin_s <= answer.end < end_s]
    demand(seen, f"nothing was answered in the window of the check: {told(check)}")
    rate, response_s = len(seen) / (end_s - begin_s), statistics.fmean(answer.response_s for answer in seen)
    found = (f"{check['workload']:.2f}/s counted, {rate:.2f}/s answered; response time {check['avgResponseTime']:.4f} s counted, "
             f"{response_s:.4f} s answered")
    demand(abs(check["workload"] / rate - 1) <= RATE_WITHIN, found)
    demand(abs(check["avgResponseTime"] / response_s - 1) <= RESPONSE_WITHIN, found)
    return found


def steady_window(scene, since_s, most=5):
    """The first check whose window begins after that time, with the same pods up to its end; its window."""
    found, moved = [], True
    while len(found) < most:
        found.append(scene.next_check())
        end_s = datetime.fromisoformat(found[-1]["decision"]["claimedAt"].replace("Z", "+00:00")).timestamp()
        begin_s = end_s - found[-1]["decision"]["windowSeconds"]
        if begin_s >= since_s and not moved:
            return found[-1], begin_s, end_s
        moved = found[-1]["action"] != "No Action"
    raise Failed(f"no steady window in {most} checks: {'; '.join(map(told, found))}")


def account(load, records, status):
    """What does not hold of all requests together, once the load is over and each pod was scraped again."""
    answered = sum(answer.status == 200 for answer in load.answers.values())
    counted = sum(check["decision"]["recordsRead"] for check in status.values())
    print(f"\n{answered} requests answered, {counted} counted in {len(status)} checks, {len(records)} records kept")
    problems = [f"{len(records)} records were kept"] if records else []
    if abs(counted - answered) > COUNTED_WITHIN * answered:
        problems.append(f"{counted} counted of {answered} answered, allowed {COUNTED_WITHIN:.0%}")
    return problems
