"""Keeps this machine's processors from sleeping.

A processor that slept is slow at first: on a shared host a pod at its limit took up to 1.7 times as long for a request while the machine
had little to do, which is when a policy has few pods. A process that wants each processor whenever nobody else does keeps them awake,
and gets none of their time that a pod could use: SCHED_IDLE. Its time is of nobody's work (`nice` in /proc/stat), and not counted as busy.
"""
import os, subprocess, sys

# Ends with the process that started it, however that ends.
SPIN = """
import os, sys
parent = int(sys.argv[1])
os.nice(19)
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == parent:
    for _ in range(1000000):
        pass
"""


class Awake:
    def __enter__(self):
        self.spins = [subprocess.Popen([sys.executable, "-c", SPIN, str(os.getpid())], stdin=subprocess.DEVNULL)
                      for _ in os.sched_getaffinity(0)]
        return self

    def __exit__(self, *_):
        for spin in self.spins:
            spin.kill()
            spin.wait()
