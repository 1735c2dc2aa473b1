"""loads.py -- the programs that make the load, and the one figure that each run yields."""
import csv
import os
import re
import subprocess

KEYS = 100000
VALUE_BYTES = 32
HTTP_CONNECTIONS = 50
HERE = os.path.dirname(os.path.abspath(__file__))
# What a run may take beyond the time it was planned for.
GRACE_S = 120


class LoadError(Exception):
    """A load was answered with errors, or not at all; the bench ends."""


def run(arguments, seconds, environment=None):
    """Runs a program to its end; returns what it printed."""
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, check=False,
                              timeout=seconds + GRACE_S, stdin=subprocess.DEVNULL,
                              env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{' '.join(arguments)} does not end") from error
    if done.returncode != 0 or "Error from server" in done.stderr:
        raise LoadError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def is_row_of(name, test):
    """Whether redis-benchmark calls a test so: "MSET (10 keys)"; it also tells of the LPUSHes that
    "LRANGE_100 (first 100 elements)" needs."""
    return name.split(" ")[0] == test.upper() and "needed" not in name


class RedisBenchmark:
    """redis-benchmark for about so many seconds: the count follows from the last run's rate."""

    FIRST_BYTES = 64000  # of values; and a request a connection at least

    def __init__(self, seconds):
        self.seconds = seconds
        self.rates = {}

    def measure(self, target, port, work):
        """Requests a second; work is (test, connections, pipeline, value bytes, keys)."""
        test, connections, pipeline, value_bytes, keys = work
        if (target, work) not in self.rates:
            first = max(self.FIRST_BYTES // value_bytes * pipeline, connections)
            first = first if connections > 1 else 200
            self.rates[target, work] = self.run_once(port, work, first)
        requests = max(int(self.rates[target, work] * self.seconds), connections * pipeline)
        rate = self.run_once(port, work, requests)
        self.rates[target, work] = rate
        return rate

    def run_once(self, port, work, requests):
        test, connections, pipeline, value_bytes, keys = work
        output = run(["redis-benchmark", "-p", str(port), "-t", test, "-c", str(connections),
                      "-P", str(pipeline), "-d", str(value_bytes), "-r", str(keys),
                      "-n", str(requests), "--csv"], self.seconds)
        rows = [row for row in csv.reader(output.splitlines()) if row and is_row_of(row[0], test)]
        if len(rows) != 1 or float(rows[0][1]) <= 0:
            raise LoadError(f"redis-benchmark says: {output}")
        return float(rows[0][1])


def wrk(port, kind, seconds):
    """Requests a second over HTTP; kinds are those of http.lua."""
    output = run(["wrk", "-t1", f"-c{HTTP_CONNECTIONS}", f"-d{seconds}s",
                  "-s", f"{HERE}/http.lua", f"http://127.0.0.1:{port}", "--",
                  kind, str(KEYS), "v" * VALUE_BYTES], seconds)
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", output)
    if rate is None or "Non-2xx" in output:
        raise LoadError(f"wrk says of {kind}: {output}")
    return float(rate.group(1))


class OwnBench:
    """The bench over hiredis (main.c)."""

    def __init__(self, binary, directory):
        self.binary = binary
        self.directory = directory

    def load(self, port, keys=KEYS, seconds=60):
        run([self.binary, "load"], seconds,
            {"PORT": str(port), "KEYS": str(keys), "BYTES": str(VALUE_BYTES)})

    def figures(self, part, seconds, *arguments, **choices):
        """Runs a part; returns its lines as {name: (value, unit)}."""
        environment = {name: str(value) for name, value in choices.items()}
        output = run([self.binary, part, *arguments], seconds,
                     {"TMPDIR": self.directory, **environment})
        rows = csv.reader(output.splitlines())
        return {name: (float(value), unit) for name, value, unit in rows}

    def text(self, part, seconds, *arguments, **choices):
        """Runs a part that prints tables."""
        environment = {name: str(value) for name, value in choices.items()}
        return run([self.binary, part, *arguments], seconds,
                   {"TMPDIR": self.directory, **environment})
