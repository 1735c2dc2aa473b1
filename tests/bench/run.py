#!/usr/bin/env python3
"""run.py -- Quorum beside redis-server and etcd, on this machine, in one run.

    tests/bench/run.py BUILD OUT [--quick] [--only PHASE,...]

BUILD is the directory with quorum, bench and bare-http; results go to OUT/bench.txt, bench.csv and
bench.svg, anew after every phase. The same work is given to each server in turn, round after round,
so that what else the machine does meets all alike. Figures are no tests: nothing here fails for
being slow. Data is kept under OUT while it runs, so on the disk of the checkout.
"""
import argparse
import os
import platform
import shutil
import sys
import tempfile
import time

import loads
import servers
from report import Row, write_csv, write_svg, write_text

MILLION = 1000000
BARE_BODY = '{"ok":true,"value":"%s"}' % ("v" * loads.VALUE_BYTES)


class Plan:
    """How long everything takes."""

    def __init__(self, is_quick):
        self.rounds = 3 if is_quick else 5
        self.run_seconds = 0.5 if is_quick else 2
        self.http_seconds = 1 if is_quick else 3
        self.resp_limit_s = 60 if is_quick else 400
        self.http_limit_s = 25 if is_quick else 150
        self.restarts = 1 if is_quick else 5
        self.kills = 8 if is_quick else 100
        self.latency_rates = (2000,) if is_quick else (1000, 5000, 20000)
        self.latency_seconds = 3 if is_quick else 10
        self.phases = ["resp", "http", "latency", "keys", "failover"]
        if not is_quick:
            self.phases += ["types", "growth", "nodes", "values", "snapshots"]


class Bench:
    def __init__(self, build, out, plan):
        self.plan, self.build, self.out = plan, build, out
        self.directory = tempfile.mkdtemp(prefix="data-", dir=out)
        self.own = loads.OwnBench(f"{build}/bench", self.directory)
        self.rows, self.figures, self.texts = [], [], []
        self.running = []
        self.is_whole = True
        self.began = time.monotonic()

    # ---- Servers and results ----

    def place(self, name):
        return tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory)

    def keep(self, server):
        self.running.append(server)
        return server

    def redis(self, is_durable, options=()):
        return self.keep(servers.Redis(self.place("redis"), is_durable, options))

    def quorum(self, nodes_count=3):
        return self.keep(servers.Quorum(self.place("quorum"), f"{self.build}/quorum", nodes_count))

    def end_phase(self):
        for server in self.running:
            server.kill()
        self.running = []
        shutil.rmtree(self.directory)
        os.mkdir(self.directory)

    def row(self, *arguments, **options):
        self.rows.append(Row(*arguments, **options))
        return self.rows[-1]

    def write(self):
        facts = [f"Quorum bench, {time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} cores, "
                 f"{platform.system()} {platform.release()}, load average "
                 f"{os.getloadavg()[0]:.1f}, {time.monotonic() - self.began:.0f} s"]
        write_text(f"{self.out}/bench.txt", facts, self.rows, self.figures, self.texts)
        write_csv(f"{self.out}/bench.csv", self.rows, self.figures)
        write_svg(f"{self.out}/bench.svg", self.rows)

    # ---- Rounds ----

    def on(self, quorum, is_leader, measure):
        """Measures at the leader or at a follower, again if leadership moved meanwhile."""
        for _ in range(3):
            leader = quorum.leader()
            value = measure(leader if is_leader else quorum.follower())
            if quorum.leader() == leader:
                break
        return value

    def rounds(self, works, limit_s, count=None):
        """Works are lists of (row, column, measure): in each round, each once, in turning order."""
        end = time.monotonic() + limit_s
        for number in range(count or self.plan.rounds):
            if number > 0 and time.monotonic() > end:
                break
            for work in works:
                turn = number % len(work)
                # A round counts as a whole, so that ratios are of neighbours.
                for row, column, measure in work[turn:] + work[:turn]:
                    row.add(column, measure())

    # ---- Phases ----

    def phase_resp(self):
        """Redis's protocol: lone servers, the leader, a follower."""
        self.compare_with_redis(RESP_WORKS)

    def phase_types(self):
        """Values with elements."""
        self.compare_with_redis(TYPE_WORKS)

    def compare_with_redis(self, resp_works):
        a, b, quorum = self.redis(False), self.redis(True), self.quorum()
        for port in (a.port, b.port, quorum.redis[quorum.leader()]):
            self.own.load(port)
        benchmark = loads.RedisBenchmark(self.plan.run_seconds)
        works = []
        for test, connections, pipeline, bars, follower_bars in resp_works:
            work = (test, connections, pipeline, loads.VALUE_BYTES, loads.KEYS)
            name = f"{test.upper()} c={connections}" + (f" P={pipeline}" if pipeline > 1 else "")
            row = self.row(name, "/s", "redis b", *bars)
            works.append([
                (row, "redis a", lambda w=work: benchmark.measure("a", a.port, w)),
                (row, "redis b", lambda w=work: benchmark.measure("b", b.port, w)),
                (row, "quorum", lambda w=work: self.on(quorum, True, lambda node: benchmark.measure(
                    "leader", quorum.redis[node], w)))])
            if follower_bars:
                row = self.row(f"{name} through a follower", "/s", "redis b", *follower_bars)
                works.append([
                    (row, "redis b", lambda w=work: benchmark.measure("b", b.port, w)),
                    (row, "quorum", lambda w=work: self.on(
                        quorum, False, lambda node: benchmark.measure(
                            "follower", quorum.redis[node], w)))])
        self.rounds(works, self.plan.resp_limit_s)

    def phase_http(self):
        """The HTTP API beside etcd's, and beside a loop that does nothing."""
        etcd, quorum = self.keep(servers.Etcd(self.place("etcd"))), self.quorum()
        bare = self.keep(servers.BareHttp(self.place("bare"), f"{self.build}/bare-http", BARE_BODY))
        self.own.load(quorum.redis[quorum.leader()])
        etcd_port = etcd.leader_port()
        works = []
        for kind, other, other_port, name, bars in (
                ("quorum-put", "etcd-put", etcd_port, "POST /put c=50, to etcd's put", (3, 5)),
                ("quorum-get", "etcd-get", etcd_port, "GET /get c=50, to etcd's range", (4, 6)),
                ("quorum-get-local", "quorum-get-local", bare.port,
                 "GET /get local c=50, to a bare evhttp", (0.7, 0.9))):
            row = self.row(name, "/s", "other", *bars)
            works.append([
                (row, "other", lambda k=other, p=other_port: loads.wrk(
                    p, k, self.plan.http_seconds)),
                (row, "quorum", lambda k=kind: self.on(quorum, True, lambda node: loads.wrk(
                    quorum.http[node], k, self.plan.http_seconds)))])
        self.rounds(works, self.plan.http_limit_s)

    def phase_latency(self):
        """Requests at a fixed rate, whatever became of those before."""
        b, quorum = self.redis(True), self.quorum()
        leader = quorum.leader()
        ports = {"redis (b)": b.port, "leader": quorum.redis[leader],
                 "follower": quorum.redis[quorum.follower()]}
        self.own.load(b.port)
        self.own.load(ports["leader"])
        for rate in self.plan.latency_rates:
            for test, is_reading in (("SET", 0), ("GET", 1)):
                for name, port in ports.items():
                    figures = self.own.figures(
                        "latency", self.plan.latency_seconds, PORT=port, RATE=rate,
                        SECONDS=self.plan.latency_seconds, READ=is_reading)
                    self.figures += [(f"{test} at {rate}/s, {name}: {what}", value, unit)
                                     for what, (value, unit) in figures.items()
                                     if what != "errors" or value > 0]

    def phase_keys(self):
        """Memory and restart with a million keys; Redis reads its plain log of commands."""
        b, quorum = self.redis(True, ("--auto-aof-rewrite-percentage", "0")), self.quorum()
        leader = quorum.leader()
        sides = (("redis b", b.port, [b.process]), ("quorum", quorum.redis[leader],
                                                    quorum.processes))
        memory = self.row("memory a key, 10^6 keys", "bytes", "redis b", 1, 0.8, is_cost=True)
        for column, port, processes in sides:
            before = sum(p.resident_bytes() for p in processes)
            used = int(servers.redis_info(port)["used_memory"])
            self.own.load(port, MILLION)
            after = sum(p.resident_bytes() for p in processes)
            memory.add(column, (after - before) / len(processes) / MILLION)
            used = (int(servers.redis_info(port)["used_memory"]) - used) / MILLION
            self.figures.append((f"used_memory a key, 10^6 keys, {column}", used, "bytes"))
        restart = self.row("restart, 10^6 keys", "s", "redis b", 1, 0.3, is_cost=True)
        for _ in range(self.plan.restarts):
            restart.add("redis b", restarted(b.process, b.wait_served))
            node = quorum.follower()
            restart.add("quorum", restarted(quorum.processes[node],
                                            lambda n=node: quorum.wait_served(n, LAST_KEY)))

    def phase_failover(self):
        figures = self.own.figures("failover", 5 * self.plan.kills, f"{self.build}/quorum",
                                   KILLS=self.plan.kills)
        self.figures += [(name, *figure) for name, figure in figures.items()]

    def phase_growth(self):
        """Throughput with ten million keys beside that with a thousand."""
        small, large = self.quorum(), self.quorum()
        self.own.load(small.redis[small.leader()], 1000)
        began = time.monotonic()
        self.own.load(large.redis[large.leader()], 10 * MILLION, seconds=900)
        self.figures.append(("loading 10^7 keys", time.monotonic() - began, "s"))
        self.figures.append(("memory a key, 10^7 keys",
                             sum(p.resident_bytes() for p in large.processes) / 30 / MILLION,
                             "bytes"))
        benchmark = loads.RedisBenchmark(self.plan.run_seconds)
        works = []
        for test, pipeline in (("set", 32), ("get", 32), ("set", 1), ("get", 1)):
            name = f"{test.upper()} c=50" + (f" P={pipeline}" if pipeline > 1 else "")
            row = self.row(f"{name}, 10^7 keys, to 10^3", "/s", "other", 0.7, 0.9)
            works.append([(row, column, lambda s=server, k=keys, t=test, p=pipeline: self.on(
                s, True, lambda node: benchmark.measure(
                    str(k), s.redis[node], (t, 50, p, loads.VALUE_BYTES, k))))
                for column, server, keys in (("other", small, 1000),
                                             ("quorum", large, 10 * MILLION))])
        self.rounds(works, 120)

    def phase_nodes(self):
        """Five and seven nodes beside three."""
        clusters = {count: self.quorum(count) for count in (3, 5, 7)}
        benchmark = loads.RedisBenchmark(self.plan.run_seconds)
        works = []
        for test, pipeline in (("set", 32), ("set", 1), ("get", 1)):
            work = (test, 50, pipeline, loads.VALUE_BYTES, loads.KEYS)
            for count in (5, 7):
                row = self.row(f"{test.upper()} c=50 P={pipeline}, {count} nodes, to 3", "/s",
                               "other")
                works.append([(row, column, lambda s=clusters[n], n=n, w=work: self.on(
                    s, True, lambda node: benchmark.measure(str(n), s.redis[node], w)))
                    for column, n in (("other", 3), ("quorum", count))])
        self.rounds(works, 120, 3)

    def phase_values(self):
        """Values of 16 bytes to 1 MB, a hundred keys."""
        b, quorum = self.redis(True), self.quorum()
        benchmark = loads.RedisBenchmark(self.plan.run_seconds)
        works = []
        for size, connections in ((16, 50), (1000, 50), (16000, 50), (128000, 10), (MILLION, 5)):
            for test in ("set", "get"):
                work = (test, connections, 1, size, 100)
                row = self.row(f"{test.upper()} c={connections}, {size} bytes", "/s", "redis b")
                works.append([
                    (row, "redis b", lambda w=work: benchmark.measure("b", b.port, w)),
                    (row, "quorum", lambda w=work: self.on(quorum, True, lambda node:
                     benchmark.measure("leader", quorum.redis[node], w)))])
        self.rounds(works, 150, 3)

    def phase_snapshots(self):
        self.texts.append(self.own.text("snapshots", 400, f"{self.build}/quorum", SECONDS=30,
                                        KEYS=MILLION, RATE=20000))

    def run(self, phases):
        try:
            for phase in phases:
                print(f"bench: {phase}, after {time.monotonic() - self.began:.0f} s", flush=True)
                try:
                    getattr(self, f"phase_{phase}")()
                except (servers.ServerError, loads.LoadError, OSError) as error:
                    self.texts.append(f"phase {phase} broke off: {error}")
                    self.is_whole = False
                finally:
                    self.end_phase()
                self.write()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


# test, connections, pipeline, bars at the leader, bars through a follower
RESP_WORKS = (
    ("set", 50, 32, (1.0, 1.3), None),
    ("set", 50, 1, (0.65, 0.9), (0.55, 0.8)),
    ("set", 1, 1, (0.55, 0.7), None),
    ("get", 50, 32, (1.1, 1.5), None),
    ("get", 50, 1, (0.9, 1.0), (0.8, 1.0)),
    ("get", 1, 1, (0.75, 0.9), None),
)
TYPE_WORKS = tuple((test, 50, 1, (0.8, 1.0), None) for test in (
    "lpush", "sadd", "hset", "zadd", "spop", "lrange_100", "mset"))
LAST_KEY = f"key:{MILLION - 1:012d}"


def restarted(process, wait_served):
    """Seconds from the start to the first answer, after a kill -9."""
    process.kill()
    began = time.monotonic()
    process.start()
    wait_served()
    return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description="Quorum beside redis-server and etcd")
    parser.add_argument("build")
    parser.add_argument("out")
    parser.add_argument("--quick", action="store_true", help="the main table, in under 3 minutes")
    parser.add_argument("--only", help="phases, with commas between")
    options = parser.parse_args()
    plan = Plan(options.quick)
    os.makedirs(options.out, exist_ok=True)
    bench = Bench(options.build, os.path.abspath(options.out), plan)
    bench.run(options.only.split(",") if options.only else plan.phases)
    with open(f"{options.out}/bench.txt") as text:
        print(text.read(), end="")
    sys.exit(0 if bench.is_whole else 1)


if __name__ == "__main__":
    main()
