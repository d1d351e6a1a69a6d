"""Requests through the proxy: a sinusoid of seeded, exponential gaps, open loop."""
import http.client, json, math, random, threading, time
from concurrent.futures import ThreadPoolExecutor

# Requests per second: mean, amplitude; seconds of a period.
MEAN, AMPLITUDE, PERIOD_S = 12.0, 8.0, 50.0
# Rows and columns; every so many requests one is not a request at all, and gets 400.
SIZE, BAD_EVERY = 200, 25


class Load(threading.Thread):
    def __init__(self, port, amplitude=AMPLITUDE):
        super().__init__(daemon=True)
        self.port, self.amplitude, self.ends, self.random = port, amplitude, threading.Event(), random.Random(7)
        matrix = [[self.random.randint(0, 9) for _ in range(SIZE)] for _ in range(SIZE)]
        self.body = json.dumps({"matrix_a": matrix, "matrix_b": matrix}, separators=(",", ":"))
        self.statuses, self.lock = {}, threading.Lock()

    def run(self):
        start, number, due = time.monotonic(), 0, time.monotonic()
        with ThreadPoolExecutor(64) as pool:
            while not self.ends.is_set():
                rate = MEAN + self.amplitude * math.sin(2 * math.pi * (due - start) / PERIOD_S)
                due += self.random.expovariate(rate)
                if self.ends.wait(max(0.0, due - time.monotonic())):
                    break
                number += 1
                pool.submit(self.send, "{" if number % BAD_EVERY == 0 else self.body)

    def send(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/multiply", body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        except OSError as error:
            status = type(error).__name__
        finally:
            connection.close()
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1

    def stop(self):
        self.ends.set()
        if self.is_alive():
            self.join()
