"""CPU from samples as a kubelet takes them, against the truth: whether the recorded figure agrees with what pods really used.

A kubelet measures a container every 10 to 33 s, when it likes, and is scraped every 15 s. Here are two pods of a known, noisy load,
with samples at such times, in the blocks of a real Prometheus.
"""
import json, os, random, subprocess, time, urllib.parse, urllib.request

START, LENGTH_S, WINDOW_S, SCRAPE_S = 1_700_000_000, 3600, 60, 15
MOMENTS = range(200, LENGTH_S - 100, 7)


def pod(rng):
    """CPU seconds used until each second, and the samples that scrapes have seen of them: second by second."""
    used, total = [], 0.0
    for _ in range(LENGTH_S):
        # About ten requests a second, at random.
        total += max(0.0, rng.gauss(0.04, 0.0125))
        used.append(total)
    looks, at = [], 5.0
    while at < LENGTH_S:
        looks.append(int(at))
        # The interval is 10 to 15 s, up to as much again, and some time to do it.
        at += rng.choice((10, 15, 15)) * (1 + rng.random()) + 3 * rng.random()
    scrapes = range(rng.randrange(SCRAPE_S), LENGTH_S, SCRAPE_S)
    seen = sorted({max(look for look in looks if look <= scrape) for scrape in scrapes if scrape >= looks[0]})
    return used, seen


def compare(folder, port, queries):
    """For each query, by name: how far it is from the truth at each moment, as a share of it."""
    rng = random.Random(3)
    pods = {f"service-x-{name}": pod(rng) for name in ("aaaaa", "bbbbb")}
    lines = ["# TYPE container_cpu_usage_seconds counter"]
    for name, (used, seen) in pods.items():
        labels = f'namespace="n",pod="{name}",container="service",node="a"'
        lines += [f"container_cpu_usage_seconds_total{{{labels}}} {used[second]:.6f} {START + second}" for second in seen]
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
        return {name: [told(port, query, moment) / truth(pods, moment) - 1 for moment in MOMENTS] for name, query in queries.items()}
    finally:
        server.terminate()
        server.wait()


def truth(pods, moment):
    return sum(used[moment] - used[moment - WINDOW_S] for used, _ in pods.values()) / WINDOW_S


def told(port, query, moment, patience_s=20):
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query, "time": START + moment})
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
