"""killers.py -- who can notice a mutant: the unit tests of each directory, and the simulators.

A stage is one program run in one way. The unit tests of a directory are run in one go, without
their simulations; a simulation is run seed by seed, so that the first seed that fails is the number
of seeds that a mutant needs. To add a simulator, add a row to stages().
"""

import glob
import os
import re
import select
import signal
import subprocess
import time

SLOWER = 6  # a mutant may take this many times as long as the code before it counts as endless
SECONDS_MIN = 20


class Finding:
    """What failed: a test, or a simulation at its how-many-th seed; hint runs that alone again."""

    def __init__(self, name, hint, seeds=None):
        self.name = name
        self.hint = hint
        self.seeds = seeds


def _lines_of(process, deadline):
    """The lines of a program's output until it ends; None as the last if the deadline passed."""
    pending = b""
    descriptor = process.stdout.fileno()
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            yield None
            return
        piece = os.read(descriptor, 65536)
        if not piece:
            if pending:
                yield pending.decode("utf-8", "replace")
            return
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")


def _end(process):
    """Ends a program and what it started, all in one group, and returns its status."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return process.wait()


def _await(process):
    """Waits for a program that has closed its output, and returns its status."""
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # its number stays its own
    return _end(process)


class Stage:
    """One way to run one program. run() takes the hint of an earlier finding, or runs everything."""

    def __init__(self, killer, kind, program):
        self.killer = killer
        self.kind = kind
        self.name = f"{killer}-{kind}"
        self.program = program
        self.seconds_max = 600.0

    def took(self, seconds):
        self.seconds_max = max(SECONDS_MIN, SLOWER * seconds)

    @staticmethod
    def start(directory, command, environment):
        return subprocess.Popen(["stdbuf", "-o0"] + command, cwd=directory,
                                env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                start_new_session=True)


class UnitTests(Stage):
    """The unit tests of a directory, but for some suites, up to the first that fails."""

    def __init__(self, killer, program, root, without):
        super().__init__(killer, "tests", program)
        suites = set()
        for path in glob.glob(os.path.join(root, "tests", "unit", killer, "*.c")):
            with open(path, encoding="utf-8") as file:
                suites.update(re.findall(r"^UNIT_TEST\((\w+),", file.read(), re.MULTILINE))
        self.suites = sorted(suites - set(without))

    def run(self, directory, hint=None):
        chosen = [hint] if hint else self.suites
        process = self.start(directory, [self.program] + chosen, {"UNIT_VERBOSE": "1"})
        suite = test = ""
        is_open = False  # a test has begun and not ended
        try:
            for line in _lines_of(process, time.monotonic() + self.seconds_max):
                if line is None:
                    return Finding(f"{suite}.{test} (endless)", f"{suite}.{test}")
                if line.startswith("Suite: "):
                    suite = line[len("Suite: "):].strip()
                elif line.startswith("  Test: "):
                    test = line[len("  Test: "):].split(" ")[0]
                    is_open = True
                if is_open and line.endswith("FAILED"):
                    return Finding(f"{suite}.{test}", f"{suite}.{test}")
                if line.endswith("passed"):
                    is_open = False
            status = _await(process)
        finally:
            if process.returncode is None:
                _end(process)
        if status == 0 or (hint and not test):  # a test of that name is no more
            return None
        return Finding(f"{suite}.{test} (crash)", f"{suite}.{test}")


class Seeds(Stage):
    """A simulation in a unit test, seed by seed. A line that matches says that a seed failed."""

    def __init__(self, killer, program, *, suite, variable, failure, count):
        super().__init__(killer, "seeds", program)
        self.suite = suite
        self.variable = variable
        self.failure = re.compile(failure)
        self.count = count

    def run(self, directory, hint=None):
        begin = time.monotonic()
        for seed in [int(hint)] if hint else range(1, self.count + 1):
            if self._fails(directory, seed) or time.monotonic() - begin > self.seconds_max:
                return Finding(f"{self.killer} simulation", str(seed), seed)
        return None

    def _fails(self, directory, seed):
        process = self.start(directory, [self.program, self.suite], {self.variable: str(seed)})
        try:
            for line in _lines_of(process, time.monotonic() + SECONDS_MIN):
                if line is None or self.failure.search(line):
                    return True
            return _await(process) < 0
        finally:
            if process.returncode is None:
                _end(process)


class Simulator(Stage):
    """The simulator, whose seeds follow each other in one run that ends at the first that fails."""

    def __init__(self, killer, program, *, count):
        super().__init__(killer, "seeds", program)
        self.count = count

    def run(self, directory, hint=None):
        environment = {"SEED": hint or "1", "SEEDS": "1" if hint else str(self.count)}
        process = self.start(directory, [self.program], environment)
        seed = int(hint) if hint else self.count
        try:
            for line in _lines_of(process, time.monotonic() + self.seconds_max):
                if line is None:
                    return Finding("simulator (endless)", str(seed), seed)
                named = re.search(r"replay: make sim SEED=(\d+)", line)
                seed = int(named.group(1)) if named else seed
            return Finding("simulator", str(seed), seed) if _await(process) != 0 else None
        finally:
            if process.returncode is None:
                _end(process)


def stages(root, mode):
    """All stages, the cheap ones first."""

    def unit(name):
        return f"build/{mode}/unit-{name}"

    return [
        UnitTests("wire", unit("wire"), root, []),
        UnitTests("raft", unit("raft"), root, ["raft_simulation"]),
        Seeds("raft", unit("raft"), suite="raft_simulation", variable="RAFT_SEED",
              failure=r"RAFT_SEED=\d+: ", count=400),
        UnitTests("kv", unit("kv"), root, []),
        UnitTests("command", unit("command"), root, []),
        UnitTests("storage", unit("storage"), root, []),
        Simulator("sim", f"build/{mode}/simulator", count=400),  # below 500 it asks for no floors
        UnitTests("replica", unit("replica"), root, []),
    ]
