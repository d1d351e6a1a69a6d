"""What ingress-test puts around the proxy: a DNS server, pods, clients."""
import http.client, json, socket, struct, threading, time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ZONE = "matrix-service.autoscaler.svc.cluster.local"
PROXY = ("127.0.0.1", 8080)


class Dns(threading.Thread):
    """Answers SRV and A of the headless Service, as CoreDNS does: ready pods only, addresses in the additional section."""

    def __init__(self):
        super().__init__(daemon=True)
        self.pods, self.silent = [], False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))

    def run(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            if not self.silent:
                self.socket.sendto(self.answer(query), client)

    def answer(self, query):
        end = query.index(b"\0", 12) + 5
        question, kind = query[12:end], struct.unpack("!H", query[end - 4:end - 2])[0]
        name = b".".join(labels(question)).decode()
        pods = list(self.pods)
        if kind == 33 and name == "_http._tcp." + ZONE:
            answers = [b"\xc0\x0c" + record(33, struct.pack("!HHH", 0, 100 // len(pods), p.port) + p.dns_name) for p in pods]
            extra = [p.dns_name + record(1, socket.inet_aton(p.address)) for p in pods]
        else:
            answers = [b"\xc0\x0c" + record(1, socket.inet_aton(p.address)) for p in pods if kind == 1 and name == p.host]
            extra = []
        extra.append(b"\0" + struct.pack("!HHIH", 41, 8192, 0, 0))
        head = query[:2] + struct.pack("!HHHHH", 0x8500 if answers else 0x8503, 1, len(answers), 0, len(extra))
        return head + question + b"".join(answers + extra)


def labels(wire):
    while wire[0]:
        yield wire[1:1 + wire[0]]
        wire = wire[1 + wire[0]:]


def record(kind, data):
    return struct.pack("!HHIH", kind, 1, 5, len(data)) + data


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


class Pod:
    """A stand-in for a pod of the matrix service: answers 200 and remembers, or misbehaves as `mode` says."""

    def __init__(self, number):
        self.address, self.port = f"127.0.1.{number}", 9000
        self.host = f"10-0-0-{number}.{ZONE}"
        self.dns_name = b"".join(bytes([len(part)]) + part.encode() for part in self.host.split(".")) + b"\0"
        self.mode, self.probe_delay, self.seen, self.refused = "ok", 0.0, [], []
        pod = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                time.sleep(pod.probe_delay)
                self.reply(503 if pod.mode == "draining" else 200)

            def do_POST(self):
                headers = [(name.lower(), value) for name, value in self.headers.items()]
                if pod.mode in ("draining", "full"):
                    pod.refused.append(time.time())
                    self.close_connection = True
                    self.reply(503)
                    # As the service does: closing with a body unread would reset the connection, the answer with it.
                    self.connection.shutdown(socket.SHUT_WR)
                    while self.connection.recv(1 << 16):
                        pass
                    return
                left = int(self.headers["Content-Length"])
                while left:
                    left -= len(self.rfile.read(min(left, 1 << 16)))
                pod.seen.append((time.time(), dict(headers), headers))
                if pod.mode == "vanishes":
                    return self.connection.close()
                if pod.mode == "slow":
                    time.sleep(2)
                return self.reply(200)

            def reply(self, status):
                body = json.dumps({"pod": pod.address} if status == 200 else {"error": "this pod is shutting down"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass

        self.server = Server((self.address, self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def die(self):
        self.server.socket.shutdown(socket.SHUT_RDWR)  # from here on connections are refused
        self.server.server_close()


class Connection:
    """A client that keeps its connection, as load generators do."""

    def __init__(self, address=PROXY):
        self.http = http.client.HTTPConnection(*address, timeout=20)

    def post(self, body=b"{}", headers=()):
        return self.ask("POST", "/multiply", body, headers)

    def ask(self, method, path, body=None, headers=()):
        self.http.putrequest(method, path)
        for name, value in [*headers, ("Content-Length", str(len(body or b"")))]:
            self.http.putheader(name, value)
        self.http.endheaders(body)
        response = self.http.getresponse()
        return response.status, response.read(), response.headers


class Load:
    """Requests without a pause from three clients for as long as the block lasts; every answer must be 200."""

    def __init__(self, body=b"{}"):
        self.body, self.stop, self.answers = body, threading.Event(), Counter()

    def client(self):
        connection = Connection()
        while not self.stop.is_set():
            try:
                self.answers[connection.post(self.body)[0]] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[type(error).__name__] += 1
                connection = Connection()
            time.sleep(0.005)

    def __enter__(self):
        self.threads = [threading.Thread(target=self.client) for _ in range(3)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def lost(self):
        return sum(count for answer, count in self.answers.items() if answer != 200)
