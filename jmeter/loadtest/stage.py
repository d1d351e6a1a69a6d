"""The service behind its ingress on one machine: matrix-service processes, a DNS server that names them, and HAProxy with
k8s/base/ingress/haproxy.cfg, unchanged. All in a network of its own, so that the file's ports are free and nothing is
reached from outside; everything ends with the script that made it."""
import fcntl, os, shutil, signal, socket, struct, subprocess, sys, time, urllib.request

from .problem import Problem

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(REPOSITORY, "k8s", "e2e"))
from ingress_stage import ZONE, Dns  # noqa: E402

CONFIG = os.path.join(REPOSITORY, "k8s", "base", "ingress", "haproxy.cfg")
PORT = 8080


def enter(marker):
    """Begins the script again in namespaces of its own, where `marker` is its first argument; returns there."""
    if sys.argv[1:2] == [marker]:
        del sys.argv[1]
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        fcntl.ioctl(link, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running
        return
    user = [] if os.getuid() == 0 else ["--map-root-user"]
    os.execvp("unshare", ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "--mount", "--net", *user,
                          sys.executable, os.path.abspath(sys.argv[0]), marker, *sys.argv[1:]])


def program(name, environment):
    """A program of this repository's build, or HAProxy; the variable names another one."""
    builds = [os.path.join(REPOSITORY, "target", profile, name) for profile in ("release", "debug")]
    builds = sorted((build for build in builds if os.access(build, os.X_OK)), key=os.path.getmtime, reverse=True)
    places = [os.environ.get(environment), *builds, shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")]
    for place in filter(None, places):
        return place
    raise Problem(f"there is no {name}: build or install it, or name it by {environment}")


class Replica:
    """A process of the matrix service at an address of its own, with the names that the DNS server gives it."""

    def __init__(self, number, results, quota):
        self.address, self.port = f"127.0.1.{number}", 9000
        self.host = f"10-0-0-{number}.{ZONE}"
        self.dns_name = b"".join(bytes([len(part)]) + part.encode() for part in self.host.split(".")) + b"\0"
        self.process = subprocess.Popen(
            [program("matrix-service", "MATRIX_SERVICE"), "--listen-addr", f"{self.address}:{self.port}", "--pod-name", f"pod-{number}",
             "--results-dir", results, "--emulated-cpu-quota", str(quota)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def signal(self, sign):
        self.process.send_signal(sign)


class Stage:
    """The replicas and their proxy on port 8080, from entering the block to leaving it."""

    def __init__(self, folder, replicas=2, quota=1.0):
        self.folder, self.results = folder, os.path.join(folder, "results")
        self.wanted, self.quota, self.replicas, self.proxy = replicas, quota, [], None

    def __enter__(self):
        os.makedirs(self.results, exist_ok=True)
        resolv = os.path.join(self.folder, "resolv.conf")
        with open(resolv, "w", encoding="ascii") as file:
            file.write("nameserver 127.0.0.1\n")
        subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
        dns = Dns()
        dns.start()
        self.replicas = [Replica(number, self.results, self.quota) for number in range(1, self.wanted + 1)]
        dns.pods = self.replicas
        environment = {"NAMESPACE": "autoscaler", "CLUSTER_DOMAIN": "cluster.local", "MAX_BODY_BYTES": str(16 << 20)}
        with open(os.path.join(self.folder, "haproxy.log"), "wb") as log:
            self.proxy = subprocess.Popen([program("haproxy", "HAPROXY"), "-db", "-f", CONFIG], env=environment, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while not self.ready():
            if time.monotonic() > end:
                raise Problem(f"the proxy knew no replica after 30 s, see {self.folder}/haproxy.log")
            time.sleep(0.2)
        return self

    @staticmethod
    def ready():
        try:
            return urllib.request.urlopen("http://127.0.0.1:8404/readyz", timeout=2).status == 200
        except OSError:
            return False

    def stall(self, seconds):
        """Nothing of the service runs for a while; the proxy keeps what comes."""
        for replica in self.replicas:
            replica.signal(signal.SIGSTOP)
        time.sleep(seconds)
        for replica in self.replicas:
            replica.signal(signal.SIGCONT)

    def __exit__(self, *_):
        for process in [self.proxy, *(replica.process for replica in self.replicas)]:
            process.kill()
            process.wait()
        subprocess.run(["umount", "/etc/resolv.conf"], check=True)
