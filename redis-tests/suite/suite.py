#!/usr/bin/env python3
"""suite.py -- Redis's own test suite, unmodified, against Quorum and beside redis-server.

    redis-tests/suite/suite.py BUILD SUITE [--targets T,...] [--units U,...] [--quick]

BUILD is the directory with quorum, SUITE that of fetch.sh. Targets: redis (redis-server itself, always
run), one (a cluster of one), leader and follower (of three nodes). Each unit meets a fresh server, for
the suite leaves settings behind. Every test that passes on redis-server has to pass here, but for
those in exceptions.txt, each with its reason. Ends in "N passed, N failed", each test of each target
counted; exits 1 if any failed or an exception is not needed any more.
"""
import argparse
import collections
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# Units with tests that can run on a server which the suite has not started itself.
UNITS = """unit/dump unit/protocol unit/keyspace unit/scan unit/info-command unit/type/string
unit/type/incr unit/type/list unit/type/list-3 unit/type/set unit/type/zset unit/type/hash unit/sort
unit/expire unit/other unit/multi unit/quit unit/latency-monitor integration/replication-buffer
unit/pubsub unit/slowlog unit/introspection unit/introspection-2 unit/bitops unit/bitfield unit/geo
unit/hyperloglog unit/lazyfree unit/pause unit/violations unit/replybufsize""".split()

# For make test: a few seconds each.
QUICK_UNITS = ["unit/type/incr", "unit/type/hash", "unit/type/string", "unit/bitops", "unit/scan"]

# Profile B2: what needs more than a server someone else runs is left out.
TAGS = ("-slow -needs:debug -needs:pfdebug -needs:repl -needs:save -needs:config-maxmemory "
        "-needs:config-resetstat")
UNIT_SECONDS = 600
START_SECONDS = 20

ANSI = re.compile(r"\x1b\[[0-9;]*m")
LINE = re.compile(r"^\[(ok|err|exception|ignore)\]: (.*)$")
TIME = re.compile(r" \(\d+ ms\)$")
PLACE = re.compile(r" in tests/\S+\.tcl$")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def command(port, *words):
    """Sends one command and returns the first line of its reply, and what follows of a bulk."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"*%d\r\n" % len(words) +
                           b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
        reply = connection.makefile("rb")
        line = reply.readline().decode()
        return reply.read(int(line[1:])).decode() if line.startswith("$") else line


class Servers:
    """Processes of one target, in a directory of their own."""

    def __init__(self, target, build):
        self.directory = tempfile.mkdtemp(prefix="quorum-suite-")
        self.processes = []
        self.port = {"redis": self.start_redis, "one": self.start_one, "leader": self.start_three,
                     "follower": self.start_three}[target](target, build)

    def run(self, name, words):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("QUORUM_")}
        with open(f"{self.directory}/{name}.log", "wb") as log:
            self.processes.append(subprocess.Popen(words, stdout=log, stderr=log, env=environment,
                                                   stdin=subprocess.DEVNULL, cwd=self.directory))

    def wait_until(self, what):
        limit = time.monotonic() + START_SECONDS
        while True:
            try:
                port = what()
                if port:
                    return port
            except OSError:
                pass
            if time.monotonic() > limit:
                raise RuntimeError(f"no server answers; see {self.directory}")
            time.sleep(0.05)

    def start_redis(self, _target, _build):
        port, = free_ports(1)
        self.run("redis", ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                           "--dir", self.directory])
        return self.wait_until(lambda: command(port, "PING").startswith("+PONG") and port)

    def start_node(self, build, name, ports, peers):
        self.run(name, [f"{build}/quorum", f"--id={name}", f"--port={ports[0]}",
                        f"--http={ports[1]}", f"--redis={ports[2]}",
                        f"--data={self.directory}/{name}", f"--peers={peers}"])

    def find_role(self, ports, role):
        for port in ports:
            if f"raft_role:{role}\r" in command(port, "INFO", "raft"):
                return port
        return None

    def start_one(self, _target, build):
        ports = free_ports(3)
        self.start_node(build, "node-1", ports, "")
        return self.wait_until(lambda: self.find_role([ports[2]], "leader"))

    def start_three(self, target, build):
        ports = free_ports(9)
        peers = ",".join(f"node-{i + 1}=127.0.0.1:{ports[i]}" for i in range(3))
        for i in range(3):
            self.start_node(build, f"node-{i + 1}", ports[i::3], peers)
        self.wait_until(lambda: self.find_role(ports[6:], "leader"))
        return self.wait_until(lambda: self.find_role(ports[6:], target))

    def stop(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Outcome:
    """What became of one unit on one target: tests by how they ended."""

    def __init__(self, text):
        self.tests = collections.defaultdict(collections.Counter)
        self.notes = {}
        for line in ANSI.sub("", text).splitlines():
            match = LINE.match(line)
            if match:
                name = PLACE.sub("", TIME.sub("", match.group(2)))
                self.tests[match.group(1)][name] += 1
            elif not self.tests["exception"] and "exception" in line.lower():
                self.tests["exception"][line.strip()[:120]] += 1

    def count(self, how):
        return sum(self.tests[how].values())


def run_suite(port, unit, root):
    """The output of one unit's run against a server."""
    # Where the suite's own processes meet: others may run beside this one.
    base = random.randrange(22000, 50000, 100)
    words = ["./runtest", "--host", "127.0.0.1", "--port", str(port), "--baseport", str(base),
             "--durable", "--timeout", "60", "--single", unit, "--ignore-encoding",
             "--ignore-digest", "--tags", TAGS]
    try:
        process = subprocess.run(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 stdin=subprocess.DEVNULL, timeout=UNIT_SECONDS, check=False)
        return process.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as error:
        text = (error.stdout or b"").decode(errors="replace")
        return text + f"\n[exception]: not through after {UNIT_SECONDS} s\n"


def run_unit(target, unit, build, root):
    try:
        servers = Servers(target, build)
    except RuntimeError as error:
        return Outcome(f"[exception]: {error}")
    text = ""
    for _ in range(3):
        text = run_suite(servers.port, unit, root)
        if "address already in use" not in text:
            break
    servers.stop()
    return Outcome(text)


def read_exceptions():
    """{(unit, test): reason}; columns are separated by bars."""
    found = {}
    with open(f"{HERE}/exceptions.txt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                unit, test, reason = (word.strip() for word in line.split("|", 2))
                found[unit, test] = reason
    return found


def copy_suite(suite, target):
    """The suite keeps files below its own directory: one for each target."""
    root = f"{suite}/run-{target}"
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(f"{root}/src")
    shutil.copytree(f"{suite}/redis/tests", f"{root}/tests")
    shutil.copy(f"{suite}/redis/runtest", f"{root}/runtest")
    return root


class Report:
    def __init__(self, exceptions):
        self.exceptions = exceptions
        self.needed = set()
        self.judged = collections.Counter()
        self.totals = collections.defaultdict(collections.Counter)
        self.failed = []

    def add(self, unit, target, own, redis):
        for how in ("ok", "err", "exception", "ignore"):
            self.totals[target][how] += own.count(how)
        if target == "redis":
            return
        for test, count in redis.tests["ok"].items():
            passed = min(count, own.tests["ok"][test])
            self.judged[target, "passed"] += passed
            missing = count - passed
            if missing == 0:
                continue
            self.judged[target, "missing"] += missing
            if (unit, test) in self.exceptions:
                self.needed.add((unit, test))
            else:
                self.failed.append((target, unit, test, missing))


def show_row(name, outcomes, targets):
    cells = "  ".join(f"{outcomes[t].count('ok'):5} {outcomes[t].count('err'):4} "
                      f"{outcomes[t].count('exception'):4} {outcomes[t].count('ignore'):4}"
                      for t in targets)
    print(f"{name:32} {cells}", flush=True)


def finish(report, targets, is_whole):
    print(f"{'total':32} " + "  ".join(
        " ".join(f"{report.totals[t][how]:{width}}" for how, width in
                 (("ok", 5), ("err", 4), ("exception", 4), ("ignore", 4))) for t in targets))
    for target in targets[1:]:
        passed, missing = report.judged[target, "passed"], report.judged[target, "missing"]
        share = 100 * passed / max(1, passed + missing)
        print(f"{target}: {passed} of the {passed + missing} tests that pass on redis-server "
              f"pass here, {share:.1f} %")
    for unit, test in sorted(report.needed):
        print(f"excepted: {unit}: {test}: {report.exceptions[unit, test]}")
    for target, unit, test, count in report.failed:
        print(f"FAILED on {target}: {unit}: {test}" + (f" ({count} times)" if count > 1 else ""))
    stale = sorted(set(report.exceptions) - report.needed) if is_whole else []
    for unit, test in stale:
        print(f"FAILED: the exception of {unit}: {test} is not needed any more")
    failed = sum(count for *_, count in report.failed) + len(stale)
    passed = sum(count for (_, how), count in report.judged.items() if how == "passed")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("suite")
    parser.add_argument("--targets", default="one,leader,follower")
    parser.add_argument("--units", default="")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    build, suite = os.path.abspath(arguments.build), os.path.abspath(arguments.suite)
    units = arguments.units.split(",") if arguments.units else []
    units = units or (QUICK_UNITS if arguments.quick else UNITS)
    targets = ["redis"] + [t for t in arguments.targets.split(",") if t]
    roots = {target: copy_suite(suite, target) for target in targets}
    report = Report(read_exceptions())
    print(f"{'':32} " + "  ".join(f"{t:^20}" for t in targets))
    print(f"{'unit':32} " + "  ".join(["   ok  err  exc  ign"] * len(targets)), flush=True)
    for unit in units:
        outcomes = {}
        for target in targets:
            outcomes[target] = run_unit(target, unit, build, roots[target])
            report.add(unit, target, outcomes[target], outcomes["redis"])
        show_row(unit, outcomes, targets)
    is_whole = units == UNITS and len(targets) == 4
    return finish(report, targets, is_whole)


if __name__ == "__main__":
    sys.exit(main())
