"""JMeter as a process: assembled when it is missing, started, watched, stopped."""
import os, re, shutil, signal, socket, subprocess, time

from .problem import Problem
from .samples import VARIABLES, Samples, lateness

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Where JMeter lies in the image.
HOME = os.environ.get("JMETER_HOME") or os.path.join(FOLDER, "target", "jmeter")
LAUNCHER = os.path.join("bin", "ApacheJMeter.jar")


def assemble():
    """Assembles JMeter with Maven unless it is there: about 100 MB the first time."""
    if not os.path.exists(os.path.join(HOME, LAUNCHER)):
        run_maven()
    # JMeter looks into it and complains when it is not there.
    os.makedirs(os.path.join(HOME, "lib", "junit"), exist_ok=True)


def run_maven():
    if not shutil.which("mvn"):
        raise Problem(f"there is no JMeter in {HOME} and no Maven (mvn) to assemble it with")
    print("assembling JMeter with Maven, once", flush=True)
    done = subprocess.run(["mvn", "-B", "-ntp", "-f", os.path.join(FOLDER, "pom.xml"), "package"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Problem("Maven could not assemble JMeter:\n" + "\n".join(done.stdout.splitlines()[-20:]))


def java(heap, *arguments):
    if not shutil.which("java"):
        raise Problem("there is no Java (java): 17 or newer is needed")
    return ["java", "-Xms256m", f"-Xmx{heap}", "-Djava.awt.headless=true", "-jar", os.path.join(HOME, LAUNCHER), *arguments]


class Player:
    """One run of one plan; its files are in `folder`: samples.jtl, jmeter.log, jmeter.out."""

    def __init__(self, plan, folder, properties, heap):
        self.folder, self.jtl = folder, os.path.join(folder, "samples.jtl")
        # Written at once, so that the progress is true and a killed run leaves what it had. The JVM would else stay for a
        # minute after an open plan. One line a schedule step would be the log.
        properties = {"jmeter.save.saveservice.autoflush": "true", "jmeterengine.force.system.exit": "true",
                      "summariser.name": "", "sample_variables": ",".join(VARIABLES), **properties}
        command = java(heap, "-n", "-t", plan, "-l", self.jtl, "-j", os.path.join(folder, "jmeter.log"),
                       *[f"-J{name}={value}" for name, value in properties.items()], "-Lorg.apache.jmeter.threads.openmodel=WARN")
        self.output = os.path.join(folder, "jmeter.out")
        with open(self.output, "wb") as output:
            # A group of its own: Ctrl-C is for the caller, who ends it in order.
            self.process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=folder, start_new_session=True)
        self.finished_at = None

    def running(self):
        return self.process.poll() is None

    def finish(self):
        """Ends it by its own port when every answer is in: the open plan would else wait for its schedule's end."""
        if self.finished_at is not None:
            return
        self.finished_at = time.monotonic()
        with open(self.output, encoding="utf-8", errors="replace") as file:
            port = re.search(r"message on port (\d+)", file.read())
        if port:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
                # Not "Shutdown", which waits for the schedule.
                link.sendto(b"StopTestNow", ("127.0.0.1", int(port[1])))

    def finished(self, after_s):
        """It was asked to end that long ago, with every answer in: whatever holds it does not matter."""
        return self.finished_at is not None and time.monotonic() - self.finished_at > after_s

    def stop(self):
        """Ends it now; SIGTERM has it write what it has."""
        for sign, patience_s in [(signal.SIGTERM, 20), (signal.SIGKILL, 5)]:
            if self.running():
                self.process.send_signal(sign)
                try:
                    self.process.wait(patience_s)
                except subprocess.TimeoutExpired:
                    pass


class Progress:
    """A line every few seconds of how the run goes."""

    def __init__(self, jtl, due_s, expected, late_after_s, every_s):
        self.samples, self.due_s, self.expected = Samples(jtl), due_s, expected
        self.late_after_s, self.every_s, self.last, self.shown = late_after_s, every_s, time.monotonic(), 0
        print(f"{'time':>7} {'sent':>7} {'of':>7} {'answered':>9} {'rate/s':>7} {'errors':>7} {'late':>6} {'mean ms':>8} {'p95 ms':>8}")

    def done(self):
        """Every arrival that is due in the whole run was answered."""
        return self.due_s is not None and len(self.samples.more().counted) >= len(self.due_s)

    def show(self, force=False):
        now = time.monotonic()
        if not force and now - self.last < self.every_s:
            return
        counted = self.samples.more().counted
        new = counted[self.shown:]
        if counted:
            late = "-"
            if self.due_s is not None:
                late = sum(l > self.late_after_s for l in lateness(counted, self.due_s, self.samples.warmup)[0])
            times = sorted(one.client_s for one in new) or [float("nan")]
            began = min(one.start_s for one in counted)
            print(f"{max(0.0, time.time() - began):5.0f} s {len(counted) + self.open_threads():7d} {self.expected:7.0f} {len(counted):9d} "
                  f"{len(new) / (now - self.last):7.1f} {sum(not one.ok for one in counted):7d} {late:>6} "
                  f"{1000 * sum(times) / len(times):8.0f} {1000 * times[int(0.95 * (len(times) - 1))]:8.0f}", flush=True)
        else:
            print(f"{'-':>7} no answer yet (warm-up: {self.samples.warmup} answered)", flush=True)
        self.last, self.shown = now, len(counted)

    def open_threads(self):
        """Requests in flight at the last answer; the classic plan's threads are there whether they send or not."""
        return max(0, self.samples.counted[-1].in_flight - 1) if self.due_s is not None else 0


def play(player, progress, limit_s):
    """Runs to the end; why not, if it did not get there."""
    start, ended = time.monotonic(), None
    try:
        while player.running() and not player.finished(after_s=20):
            time.sleep(0.5)
            progress.show()
            if progress.done():
                player.finish()
            if time.monotonic() - start > limit_s:
                ended = f"JMeter hung: ended {limit_s:.0f} s after its start, when it should long have been through"
                break
        # Told to stop by its port, it ends with a status of 1.
        if player.finished_at is None and player.process.returncode:
            ended = f"JMeter ended with status {player.process.returncode}, see {player.output}"
    except KeyboardInterrupt:
        ended = "interrupted"
    finally:
        player.stop()
    progress.show(force=True)
    return ended


def write_report(jtl, folder, log, heap):
    """JMeter's own HTML report; why there is none, if there is none."""
    done = subprocess.run(java(heap, "-g", jtl, "-o", folder, "-j", log), cwd=os.path.dirname(jtl), capture_output=True, text=True)
    if os.path.exists(os.path.join(folder, "index.html")):
        return None
    return "no HTML report was made: " + " ".join((done.stdout + done.stderr).split())[-300:]
