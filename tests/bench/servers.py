"""servers.py -- the servers that are measured: started, asked, stopped.

All listen on loopback, at ports that were free, with their data under one directory. A server dies
with the process that started it. Nothing is killed but what was started here.
"""
import ctypes
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

PATIENCE_S = 60
STOP_S = 10
POLL_S = 0.002
PR_SET_PDEATHSIG = 1
NOISE = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}


class ServerError(Exception):
    """A server does not do what it must; the bench ends."""


def free_port():
    """A port on which nobody listens, below the kernel's range for outgoing connections."""
    while True:
        port = random.SystemRandom().randrange(10000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One server process; its output goes to a file beside its data."""

    def __init__(self, directory, arguments):
        os.makedirs(directory, exist_ok=True)
        self.arguments = arguments
        self.log = os.path.join(directory, "output.log")
        self.process = None
        self.start()

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("QUORUM_", "ETCD_"))}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdout=log, env=environment,
                                            preexec_fn=die_with_parent, **NOISE)

    def check(self):
        if self.process.poll() is not None:
            with open(self.log, errors="replace") as log:
                tail = "".join(log.readlines()[-5:])
            raise ServerError(f"{self.arguments[0]} has ended by itself:\n{tail}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM, and kill -9 when that is not enough."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise ServerError("a process without VmRSS")


# ---- Talking to them ----


def redis_call(port, *arguments):
    """Sends one command; returns its reply's text, or None for nil. OSError: nobody answers."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        request = f"*{len(arguments)}\r\n" + "".join(f"${len(a)}\r\n{a}\r\n" for a in arguments)
        client.sendall(request.encode())
        reply = client.makefile("rb")
        line = reply.readline().decode().rstrip("\r\n")
        if not line:
            raise ConnectionError("closed")
        if line[0] == "$":
            size = int(line[1:])
            return None if size < 0 else reply.read(size).decode(errors="replace")
        return line


def redis_info(port):
    lines = redis_call(port, "INFO", "everything").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def post_json(port, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
        return json.load(reply)


def wait_until(question, what, processes):
    """Asks until the answer is true, and returns it; OSError counts as no."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            answer = question()
            if answer:
                return answer
        except (OSError, ValueError):
            pass
        for process in processes:
            process.check()
        if time.monotonic() > end:
            raise ServerError(f"waited {PATIENCE_S} s until {what}")
        time.sleep(POLL_S)


# ---- The servers ----


class Redis:
    """redis-server; durable: every write is in its log, on disk, when it is answered."""

    def __init__(self, directory, is_durable, options=()):
        self.port = free_port()
        self.directory = directory
        self.process = Process(directory, [
            shutil.which("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1",
            "--dir", directory, "--save", "", "--appendonly", "yes" if is_durable else "no",
            "--appendfsync", "always", *options])
        self.wait_served()

    def wait_served(self, key="any"):
        def is_served():
            answer = redis_call(self.port, "GET", key)
            return answer is None or not answer.startswith("-LOADING")
        wait_until(is_served, "redis-server answers", [self.process])

    def kill(self):
        self.process.kill()


class Quorum:
    """A cluster of nodes."""

    def __init__(self, directory, binary, nodes_count=3):
        self.raft = [free_port() for _ in range(nodes_count)]
        self.http = [free_port() for _ in range(nodes_count)]
        self.redis = [free_port() for _ in range(nodes_count)]
        peers = ",".join(f"node-{i + 1}=127.0.0.1:{port}" for i, port in enumerate(self.raft))
        self.processes = [Process(f"{directory}/node-{i + 1}", [
            binary, f"--id=node-{i + 1}", f"--port={self.raft[i]}", f"--http={self.http[i]}",
            f"--redis={self.redis[i]}", f"--data={directory}/node-{i + 1}/data",
            f"--peers={peers}"]) for i in range(nodes_count)]
        self.leader()

    def leader(self):
        """The number of the node that all call the leader."""
        def agreed():
            names = {redis_info(port).get("raft_leader_id") for port in self.redis}
            return len(names) == 1 and names.pop()
        return int(wait_until(agreed, "the nodes agree on a leader", self.processes)[5:]) - 1

    def follower(self):
        return (self.leader() + 1) % len(self.redis)

    def wait_served(self, node, key="any"):
        """Until a node answers a read that it confirmed, so from all that was committed."""
        def is_served():
            answer = redis_call(self.redis[node], "GET", key)
            return answer is None or not answer.startswith("-")
        wait_until(is_served, "a node answers a read", self.processes)

    def kill(self):
        for process in self.processes:
            process.kill()


class Etcd:
    """Three etcd nodes."""

    def __init__(self, directory):
        clients = [free_port() for _ in range(3)]
        peers = [free_port() for _ in range(3)]
        cluster = ",".join(f"etcd-{i}=http://127.0.0.1:{port}" for i, port in enumerate(peers))
        self.processes = [Process(f"{directory}/etcd-{i}", [
            shutil.which("etcd"), "--name", f"etcd-{i}", "--data-dir", f"{directory}/etcd-{i}/data",
            "--listen-client-urls", f"http://127.0.0.1:{clients[i]}",
            "--advertise-client-urls", f"http://127.0.0.1:{clients[i]}",
            "--listen-peer-urls", f"http://127.0.0.1:{peers[i]}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peers[i]}",
            "--initial-cluster", cluster, "--logger", "zap", "--log-level", "error"])
            for i in range(3)]
        self.clients = clients

    def leader_port(self):
        def led():
            for port in self.clients:
                status = post_json(port, "/v3/maintenance/status", {})
                if status.get("leader") == status["header"]["member_id"]:
                    return port
            return None
        return wait_until(led, "etcd has a leader", self.processes)

    def kill(self):
        for process in self.processes:
            process.kill()


class BareHttp:
    """An evhttp loop that answers every request with the same bytes."""

    def __init__(self, directory, binary, body):
        self.port = free_port()
        self.process = Process(directory, [binary, str(self.port), body])

        def is_listening():
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S):
                return True
        wait_until(is_listening, "bare-http listens", [self.process])

    def kill(self):
        self.process.kill()
