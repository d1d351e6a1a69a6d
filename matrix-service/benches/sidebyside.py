"""What the side-by-side scripts share: processes, load, figures, and the list of what must hold.

Python's standard library and `wrk` are all it needs. Every process it starts is its own, listens on 127.0.0.1, and is ended by its id.
"""
import argparse, datetime, http.client, json, os, platform, shutil, signal, socket, statistics, subprocess, sys, tempfile, time
from contextlib import contextmanager

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Long enough for the slowest peer's longest queue: a request that wrk gives up on would spoil the run.
WRK_TIMEOUT_S = 60
START_DEADLINE_S = 30
STOP_DEADLINE_S = 10
# Load average of a machine that is left to the benchmark.
IDLE_LOAD = 0.5


class Problem(Exception):
    """Why nothing can be said; the message is for whoever started the script."""


# --- The command line -------------------------------------------------------------------------------------------------------------


def parser(description, binary):
    """A parser with the options that all scripts have; `binary` is the name of what cargo builds."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--binary", default=os.path.join(REPOSITORY, "target", "release", binary), help=f"what is measured [target/release/{binary}]")
    made.add_argument("--rounds", type=int, default=5, help="rounds; figures are their medians [5]")
    made.add_argument("--scratch", default=os.path.join(REPOSITORY, "target"), metavar="DIR", help="a temporary folder is made here [target]")
    made.add_argument("--json", metavar="FILE", help="writes every round's figures here")
    made.add_argument("--no-gate", action="store_true", help="ends with 0 even when something is missed")
    return made


def numbers(text):
    return [int(number) for number in text.split(",")]


def main(run, options):
    """Runs `run(options, scratch, musts)`; the exit code is 0, 1 when a must is missed, 2 when nothing could be measured."""
    # SIGTERM unwinds like Ctrl-C does, so that no server is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options.binary = os.path.abspath(options.binary)
    musts = Musts()
    try:
        if not os.access(options.binary, os.X_OK):
            raise Problem(f"there is no {options.binary}: build it with `cargo build --release`, or name another with --binary")
        with scratch_folder(options.scratch) as scratch:
            about = machine(options.binary)
            print_facts(about)
            figures = run(options, scratch, musts)
            about["load at the end"] = load_average()
            print(f"\nload at the end: {about['load at the end']}")
            musts.print()
            if options.json:
                with open(options.json, "w") as file:
                    json.dump({"machine": about, "figures": figures, "musts": musts.lines}, file, indent=1)
    except Problem as problem:
        print(f"{os.path.basename(sys.argv[0])}: {problem}", file=sys.stderr)
        return 2
    return 1 if musts.missed() and not options.no_gate else 0


@contextmanager
def scratch_folder(parent):
    os.makedirs(parent, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="side-by-side-", dir=parent)
    try:
        yield folder
    finally:
        say("removing what was written")
        # Not by Python, which takes files in the order of the folder: rm takes them as they lie on the disk, far sooner for many.
        subprocess.run(["rm", "-rf", "--", folder])


def say(text):
    """Progress, apart from the results."""
    print(text, file=sys.stderr, flush=True)


# --- The machine ------------------------------------------------------------------------------------------------------------------


def machine(binary):
    return {
        "date": minute(time.time()),
        "commit": commit(),
        "binary": f"{os.path.relpath(binary, REPOSITORY)}, built {minute(os.path.getmtime(binary))}",
        "processor": f"{len(os.sched_getaffinity(0))} cores of {processor()}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load at the beginning": load_average(),
    }


def minute(seconds):
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def commit():
    def git(*arguments):
        done = subprocess.run(["git", "-C", REPOSITORY, *arguments], capture_output=True, text=True)
        return done.stdout.strip()
    head = git("rev-parse", "--short", "HEAD") or "unknown"
    return f"{head} with changes" if git("status", "--porcelain", "--untracked-files=no") else head


def load_average():
    """Processes that wanted a core over the last minute."""
    return round(os.getloadavg()[0], 2)


def print_facts(facts):
    for name, value in facts.items():
        print(f"{name + ':':<24}{value}")
    if facts["load at the beginning"] > IDLE_LOAD:
        print("Others use this machine too: figures are lower than they could be, and what is beside each other is not equally so.")


# --- Figures ----------------------------------------------------------------------------------------------------------------------


class Spread:
    """Median, least and most of the rounds."""

    def __init__(self, values):
        self.median, self.least, self.most = statistics.median(values), min(values), max(values)

    def show(self, digits=1, scale=1.0):
        median, least, most = (f"{value * scale:,.{digits}f}" for value in (self.median, self.least, self.most))
        return f"{median} [{least}, {most}]"


def ratios(over, under):
    """Of rounds in pairs: what slows the machine down for a while slows both of a pair down."""
    return Spread([a / b for a, b in zip(over, under, strict=True)])


def turns(field, rounds):
    """Who is measured next: in each round everyone, and each round begins with another, as who comes first may have it easier."""
    for number in range(rounds):
        turn = number % len(field)
        yield from field[turn:] + field[:turn]


def print_table(title, heads, rows):
    """The first column to the left, the others to the right."""
    texts = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in texts) for column in range(len(heads))]
    print(f"\n{title}\n")
    for row in texts:
        cells = [f"{cell:<{width}}" if column == 0 else f"{cell:>{width}}" for column, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())


class Musts:
    """What was promised, and whether it holds."""

    def __init__(self):
        self.lines = []

    def at_least(self, name, value, bound, unit=""):
        self._add(name, value, ">=", bound, unit, value >= bound)

    def at_most(self, name, value, bound, unit=""):
        self._add(name, value, "<=", bound, unit, value <= bound)

    def not_measured(self, name, why):
        """Neither held nor missed, and not passed over in silence."""
        self.lines.append({"must": name, "is": why, "holds": None})

    def _add(self, name, value, relation, bound, unit, holds):
        self.lines.append({"must": f"{name} {relation} {bound:,}{unit}", "is": f"{value:,.1f}{unit}", "holds": holds})

    def missed(self):
        return [line for line in self.lines if line["holds"] is False]

    def print(self):
        words = {True: "ok", False: "MISSED", None: "not measured"}
        rows = [[line["must"], line["is"], words[line["holds"]]] for line in self.lines]
        print_table(f"Must show ({len(self.missed())} of {len(self.lines)} missed)", ["must", "is", ""], rows)


# --- Processes --------------------------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Server:
    """A server that is started on a free port, with an environment of its own and nothing else of ours."""

    def __init__(self, command, environment, log, cwd=None):
        """In `command` and `environment`, `{port}` becomes the port."""
        self.port = free_port()
        fill = lambda text: text.replace("{port}", str(self.port))
        environment = {"PATH": os.environ.get("PATH", os.defpath), **{name: fill(value) for name, value in environment.items()}}
        self.log = log
        with open(log, "ab") as output:
            self.started_at = time.perf_counter()
            # A session of its own: Ctrl-C is for this script, which ends its servers in order.
            self.process = subprocess.Popen([fill(part) for part in command], env=environment, cwd=cwd, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output, start_new_session=True)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def wait_ready(self):
        """Seconds from the start to the first 200 of /readyz, asked for every millisecond."""
        while time.perf_counter() - self.started_at < START_DEADLINE_S:
            if self._is_ready():
                return time.perf_counter() - self.started_at
            if self.process.poll() is not None:
                break
            time.sleep(0.001)
        raise Problem(f"{self.process.args[0]} did not get ready:\n{tail(self.log)}")

    def _is_ready(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return connection.recv(64).split(b" ")[1:2] == [b"200"]
        except OSError:
            return False

    def post(self, path, body):
        """One request, for a look at the answer: status and JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_DEADLINE_S)
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text)

    def processes(self):
        """Its id and those of its descendants: gunicorn works in children."""
        found = [self.process.pid]
        for pid in found:
            found.extend(children(pid))
        return found

    def cpu_s(self):
        return sum(cpu_s(pid) for pid in self.processes())

    def memory_mb(self, field):
        """`VmRSS` or `VmHWM`, summed over its processes, MB (10^6 bytes)."""
        return sum(memory_mb(pid, field) for pid in self.processes())

    def settle(self):
        """Waits until it uses no CPU: requests that wrk gave up on at its end are still served."""
        deadline = time.monotonic() + WRK_TIMEOUT_S
        before = None
        while (now := self.cpu_s()) != before and time.monotonic() < deadline:
            before = now
            time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            for pid in reversed(self.processes()):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def serving(*arguments, **keywords):
    """A server that is ready, and stopped however it ends."""
    server = Server(*arguments, **keywords)
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


def cold_start_s(start, times):
    """Times from the start of a process to its first 200; `start` makes a `Server`."""
    found = []
    for _ in range(times):
        server = start()
        try:
            found.append(server.wait_ready())
        finally:
            server.stop()
    return found


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:
        return []


def cpu_s(pid):
    """User and system time, threads that ended included; the kernel counts in ticks."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def memory_mb(pid, field):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024 / 1e6
    raise Problem(f"process {pid} has no {field}")


def tail(log):
    with open(log, errors="replace") as file:
        return "".join(file.readlines()[-15:])


# Starts a command, waits for its end, and prints what it took. A small process of its own: the kernel counts the memory of the process
# that starts another as memory of that other, and this script's is larger than what it measures.
LAUNCHER = """
import os, sys, time
outputs = [(os.POSIX_SPAWN_OPEN, fd, sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) for fd in (1, 2)]
begun = time.perf_counter()
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=outputs)
_, status, used = os.wait4(pid, 0)
print(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


def run_to_end(command, environment, log):
    """Wall and CPU time, seconds, and peak memory, MB, of a command that must end well."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), **environment}
    done = subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCHER, log, *command], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise Problem(f"{command[0]} could not be started:\n{done.stderr}")
    wall_s, cpu_s, peak_kib, code = done.stdout.split()
    if code != "0":
        raise Problem(f"{command[0]} ended with {code}:\n{tail(log)}")
    return {"wall_s": float(wall_s), "cpu_s": float(cpu_s), "peak_mb": int(peak_kib) * 1024 / 1e6}


# --- Load -------------------------------------------------------------------------------------------------------------------------

WRK_SCRIPT = """
if os.getenv("BODY") then
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  local file = assert(io.open(os.getenv("BODY"), "rb"))
  wrk.body = file:read("*a")
  file:close()
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format('RESULT {"requests": %d, "us": %d, "errors": %d, "p50_us": %d, "p99_us": %d}', summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""


class Load:
    """`wrk` with one thread, which posts the same body over and over, or gets where there is none."""

    def __init__(self, scratch):
        self.wrk = shutil.which("wrk")
        if not self.wrk:
            raise Problem("there is no wrk, which makes the load: apt-get install wrk")
        self.script = os.path.join(scratch, "post.lua")
        with open(self.script, "w") as file:
            file.write(WRK_SCRIPT)

    def run(self, url, body_file, connections, seconds):
        """Any answer but a 2xx, and any broken connection, is a `Problem`."""
        command = [self.wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{WRK_TIMEOUT_S}s", "--latency", "-s", self.script, url]
        done = subprocess.run(command, env={"BODY": body_file} if body_file else {}, capture_output=True, text=True)
        results = [line.removeprefix("RESULT ") for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        if done.returncode or not results:
            raise Problem(f"wrk failed:\n{done.stdout}{done.stderr}")
        result = json.loads(results[0])
        if result["errors"] or not result["requests"]:
            raise Problem(f"{url} did not answer every request well:\n{done.stdout}")
        return {"requests": result["requests"], "per_s": result["requests"] / result["us"] * 1e6,
                "p50_ms": result["p50_us"] / 1e3, "p99_ms": result["p99_us"] / 1e3}
