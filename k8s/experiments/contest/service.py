"""How long requests take a pod: one at its limit, and one that has rested."""

# A pod without a request for so long has rested, seconds.
RESTED_AFTER_S = 0.3
# Requests to measure either by.
ENOUGH = 100


def service_times(records):
    """Service times of requests that waited for the one before, and of those whose pod had rested; and the turns of the former, from that
    one's answer to their own: service time and all that a pod has to do beside it. All service times where there are not enough of these.

    A kubelet stops a pod when it has used up its CPU, and not before: one that has rested is faster than one at its limit.
    """
    busy, rested, turns, pods = [], [], [], {}
    for record in records:
        pods.setdefault(record.pod, []).append((record.arrival_s + record.response_s, record.arrival_s, record.service_s))
    for answers in pods.values():
        answers.sort()
        for (before_s, *_), (end_s, arrival_s, service_s) in zip(answers, answers[1:]):
            if arrival_s < before_s:
                busy.append(service_s)
                turns.append(end_s - before_s)
            elif arrival_s > before_s + RESTED_AFTER_S:
                rested.append(service_s)
    if min(len(busy), len(rested)) < ENOUGH:
        busy = rested = turns = [record.service_s for record in records]
    return busy, rested, turns
