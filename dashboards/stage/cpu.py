"""CPU from samples as a kubelet takes them, against the truth: whether the figures agree with what pods really used.

A kubelet measures a container every 10 to 33 s, when it likes, and is scraped every 15 s. Here are two pods of a known, noisy load,
with samples at such times, in the blocks of a real Prometheus: an hour without a restart, and two in which the first pod's
container is restarted time and again, with an id for each life of it or without.
"""
import json, os, random, subprocess, time, urllib.parse, urllib.request

START, LENGTH_S, WINDOW_S, SCRAPE_S = 1_700_000_000, 3600, 60, 15
MOMENTS = range(200, LENGTH_S - 100, 7)
# Restarts, and whether series have an id. A container is away for DOWN_S.
RESTARTS, DOWN_S = (600, 1200, 1850, 2507, 3011), 3
STORIES = {"steady": ((), True), "restarted, new id": (RESTARTS, True), "restarted, no id": (RESTARTS, False)}
# No figure reaches into the hour before.
APART_S = LENGTH_S + 1200
# As in scaler/tests/golden/cpu.promql, which asks for these.
NAMESPACE, PODS = "shop", ("matrix-service-7d4b9c6f5d-bbbbb", "matrix-service-7d4b9c6f5d-ccccc")


def pod(rng, restarts):
    """CPU seconds used until each second, and for each life of its container what scrapes have seen: (second, its own seconds)."""
    ends = [*restarts, LENGTH_S]
    lives = list(zip([0, *(end + DOWN_S for end in restarts)], ends))
    used, total = [], 0.0
    for second in range(LENGTH_S):
        if any(begin <= second < end for begin, end in lives):
            # About ten requests a second, at random.
            total += max(0.0, rng.gauss(0.04, 0.0125))
        used.append(total)
    phase = rng.randrange(SCRAPE_S)
    return used, [samples(rng, used, begin, end, phase) for begin, end in lives]


def samples(rng, used, begin, end, phase):
    looks, at = [], begin + 5.0
    while at < end:
        looks.append(int(at))
        # The interval is 10 to 15 s, up to as much again, and some time to do it.
        at += rng.choice((10, 15, 15)) * (1 + rng.random()) + 3 * rng.random()
    scrapes = (scrape for scrape in range(phase, end, SCRAPE_S) if scrape >= looks[0])
    seen = sorted({max(look for look in looks if look <= scrape) for scrape in scrapes})
    before = used[begin - 1] if begin else 0.0
    return [(look, used[look] - before) for look in seen]


def compare(folder, port, queries):
    """For each story and query, by name: how far it is from the truth at each moment, as a share of it."""
    lines, stories = ["# TYPE container_cpu_usage_seconds counter"], {}
    for number, (story, (restarts, has_id)) in enumerate(STORIES.items()):
        rng = random.Random(3)
        begin = START + number * APART_S
        pods = [pod(rng, restarts), pod(rng, ())]
        stories[story] = begin, [used for used, _ in pods]
        for name, (_, lives) in zip(PODS, pods):
            for life, seen in enumerate(lives):
                labels = f'namespace="{NAMESPACE}",pod="{name}",container="matrix-service",node="a"' + (f',id="/{name}/{number}.{life}"' if has_id else "")
                lines += [f"container_cpu_usage_seconds_total{{{labels}}} {value:.6f} {begin + second}" for second, value in seen]
    text, data = os.path.join(folder, "samples.txt"), os.path.join(folder, "data")
    with open(text, "w") as file:
        file.write("\n".join([*lines, "# EOF", ""]))
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", text, data], check=True, capture_output=True)
    config = os.path.join(folder, "empty.yml")
    open(config, "w").close()
    with open(os.path.join(folder, "prometheus.log"), "w") as log:
        server = subprocess.Popen(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}", "--storage.tsdb.retention.time=100y",
                                   f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        return {story: {name: [told(port, query, begin + moment) / truth(used, moment) - 1 for moment in MOMENTS] for name, query in queries.items()}
                for story, (begin, used) in stories.items()}
    finally:
        server.terminate()
        server.wait()


def truth(pods, moment):
    return sum(used[moment] - used[moment - WINDOW_S] for used in pods) / WINDOW_S


def told(port, query, moment, patience_s=20):
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query, "time": moment})
    end = time.monotonic() + patience_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return float(json.load(answer)["data"]["result"][0]["value"][1])
        except OSError:
            # Not up yet.
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
