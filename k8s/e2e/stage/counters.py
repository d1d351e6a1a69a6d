"""A deployment whose pods keep no records: the state is that of their counters, as Prometheus scraped them."""
import statistics, time

from .cluster import Failed, demand, until
from .measure import moment
from .rollouts import told

# Of steady load, between the same samples of the counters in the mean of the pods.
RATE_WITHIN = 0.10
# From a request's end to its client, and from the time of a sample to its counters, on a busy machine.
JITTER_S = 0.3
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
    check, begins, ends = steady_window(scene, time.time())
    answers = [answer for answer in scene.load.answers.copy().values() if answer.status == 200]

    def between(begin_s, end_s):
        return [answer.response_s for answer in answers if begin_s <= answer.end < end_s]

    # Which pod answered a client does not know: what lies between the samples of all of them is in the window, what lies
    # outside of those of every one is not.
    least = sum(between(max(begins) + JITTER_S, min(ends) - JITTER_S))
    most = sum(between(min(begins) - JITTER_S, max(ends) + JITTER_S))
    begin_s, end_s = statistics.fmean(begins), statistics.fmean(ends)
    rate = len(between(begin_s, end_s)) / (end_s - begin_s)
    counted = check["avgResponseTime"] * check["decision"]["recordsRead"]
    found = (f"{check['workload']:.2f}/s counted, {rate:.2f}/s answered; {counted:.3f} s of response times counted, {least:.3f} to {most:.3f} s answered "
             f"between the samples of {len(begins)} pods; {told(check)}")
    demand(least > 0 and abs(check["workload"] / rate - 1) <= RATE_WITHIN, found)
    demand(least <= counted <= most, found)
    return found


def steady_window(scene, since_s, most=5):
    """The first check whose window begins after that time for each pod, with the same pods up to its end; where it begins and ends for each."""
    found, moved, before = [], True, {}
    while len(found) < most:
        found.append(scene.next_check())
        until_s = {pod: moment(at).timestamp() for pod, at in found[-1]["decision"]["scrapedUntil"].items()}
        windows = [(before.get(pod, 0.0), end_s) for pod, end_s in until_s.items() if end_s > before.get(pod, 0.0)]
        if windows and min(windows)[0] >= since_s and not moved:
            return found[-1], *zip(*windows)
        moved, before = found[-1]["action"] != "No Action", until_s
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
