"""Requests at a rate that does not wait for answers, each with a name of its own."""
import asyncio, json, random, resource, threading, time
from collections import namedtuple

# status: of HTTP, or None when the connection ended without an answer; error: why.
Answer = namedtuple("Answer", "stage start end status error pod service_s response_s")

PATIENCE_S = 120


def body_of(size, seed=1):
    draw = random.Random(seed)
    rows = [[[draw.randrange(100) for _ in range(size)] for _ in range(size)] for _ in range(2)]
    return json.dumps({"matrix_a": rows[0], "matrix_b": rows[1]}, separators=(",", ":")).encode()


class Load:
    """Exponential gaps, a connection for each request: what is lost is lost by the system, not by a connection's reuse."""

    def __init__(self, address, body, seed=1):
        self.address, self.body, self.draw = address, body, random.Random(seed)
        self.rate, self.stage, self.answers, self.sent = 0.0, None, {}, 0
        self.held = 0
        # A connection each, and in overload many wait: the usual 1024 are too few.
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.loop = asyncio.new_event_loop()
        self.ended = False
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self.arrive(),), daemon=True)
        self.thread.start()

    async def arrive(self):
        due, tasks = time.time(), set()
        while not self.ended or tasks:
            if self.ended or self.rate <= 0:
                due = time.time()
                await asyncio.sleep(0.02)
            elif due > time.time():
                await asyncio.sleep(min(due - time.time(), 0.02))
            else:
                due += self.draw.expovariate(self.rate)
                task = asyncio.ensure_future(self.next())
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    def next(self):
        self.sent += 1
        return self.request(f"{self.stage}-{self.sent}", self.stage)

    async def request(self, name, stage):
        start, status, error, answer = time.time(), None, None, {}
        self.held += 1
        try:
            status, answer = await asyncio.wait_for(self.exchange(name), PATIENCE_S)
        except (OSError, ValueError, EOFError, asyncio.TimeoutError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        self.held -= 1
        self.answers[name] = Answer(stage, start, time.time(), status, error or answer.get("error"), None,
                                    answer.get("Service Time"), answer.get("Response Time"))

    async def exchange(self, name):
        reader, writer = await asyncio.open_connection(*self.address)
        try:
            writer.write(head(self.address, name, len(self.body)) + self.body)
            await writer.drain()
            return await reply(reader)
        finally:
            writer.close()

    def at(self, stage, rate):
        """From now on this rate, counted under this stage."""
        self.stage, self.rate = stage, rate

    def saturate(self, stage, clients, seconds):
        """That many clients, each with one request after the other; answers a second."""
        self.at(stage, 0.0)
        start = time.time()

        async def client():
            while time.time() < start + seconds:
                await self.next()

        async def crowd():
            await asyncio.gather(*(client() for _ in range(clients)))

        asyncio.run_coroutine_threadsafe(crowd(), self.loop).result()
        return sum(a.status == 200 for a in self.of(stage).values()) / (time.time() - start)

    def quiet(self, patience=PATIENCE_S):
        """No more requests, and all answered."""
        self.rate = 0.0
        end = time.time() + patience
        time.sleep(0.1)
        while self.held and time.time() < end:
            time.sleep(0.05)

    def stop(self):
        self.quiet()
        self.ended = True
        self.thread.join()

    def of(self, stage):
        # Of a copy, which is made at once: answers come meanwhile.
        return {name: answer for name, answer in self.answers.copy().items() if answer.stage == stage}


def head(address, name, length, headers=()):
    lines = ["POST /multiply HTTP/1.1", f"Host: {address[0]}:{address[1]}", "Content-Type: application/json",
             f"Content-Length: {length}", "Connection: close", f"X-Request-ID: {name}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def reply(reader):
    """Status and answer. Not up to the connection's end, which a port-forward tells late."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        return int(head.split()[1]), json.loads(await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        raise EOFError("the connection ended without an answer") from None


def ask(address, name, body, headers=()):
    """One request, outside of any load: status and answer."""
    async def once():
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(head(address, name, len(body), headers) + body)
            await writer.drain()
            return await reply(reader)
        finally:
            writer.close()
    return asyncio.run(asyncio.wait_for(once(), PATIENCE_S))
