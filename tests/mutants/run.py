#!/usr/bin/env python3
"""run.py -- puts known bugs into the code, one at a time, and sees that the tests notice each.

The bugs are data: tests/mutants/*.mutants, whose format mutants.py describes. Each is applied to a
copy of the tree, built in debug mode, and shown to the tests that its entry names, cheapest first,
until one fails. A failed assertion, a crash and a run that does not end all count as noticed: the
mutant is killed. One that survives means that a test is missing; one that does not build or does
not apply any more is a fault of its table. Before anything else all tests must pass without a
mutant; how long they take then decides when a run counts as endless.

    tests/mutants/run.py [--only NAME[,NAME]...] [--by tests|seeds|all] [--workers N]
    tests/mutants/run.py --check        only that every mutant still applies, in a second

--by seeds shows which mutants the simulators find by themselves. Prints a row a mutant as it is
done, and ends in "N passed, N failed", counting killed mutants as passed.
"""

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # before the next two: the sources stay as they are

import killers
import mutants

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODE = "debug"
WORKERS_MAX = 2
BUILD_SECONDS_MAX = 600
ROW = "%-38s %-9s %-74s %5s %4s s"


def build(tree, targets, *, quiet_warnings):
    """Builds targets in a tree; returns what make said when it failed, and None when it did not."""
    command = ["make", "--no-print-directory", "-j2", "MODE=" + MODE]
    if quiet_warnings:
        command.append("WARN=-w")  # a mutant may leave something unused behind
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    try:
        done = subprocess.run(command + targets, cwd=tree, env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=BUILD_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return "make did not end"
    return None if done.returncode == 0 else done.stdout


class Tree:
    """A copy of the built tree that one worker at a time changes."""

    def __init__(self, directory, needed):
        self.directory = directory
        os.makedirs(os.path.join(directory, "build"))
        for name in ("Makefile", "src", "tests", "deps"):
            self._copy(name)
        self._copy("build/deps.stamp")
        objects = os.path.join("build", MODE)
        os.makedirs(os.path.join(directory, objects))
        for name in os.listdir(os.path.join(ROOT, objects)):
            is_program = "." not in name and name not in ("src", "tests")
            if not is_program or os.path.join(objects, name) in needed:
                self._copy(os.path.join(objects, name))

    def _copy(self, name):
        subprocess.run(["cp", "-a", os.path.join(ROOT, name), os.path.join(self.directory, name)],
                       check=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def object_of(self, source):
        return self.path(os.path.join("build", MODE, source[:-2] + ".o"))

    def apply(self, mutant):
        """Applies a mutant; returns what undo() needs. Headers are not changed, only sources."""
        kept = []
        for name in mutant.files():
            with open(self.path(name), encoding="utf-8") as file:
                text = file.read()
            with open(self.object_of(name), "rb") as file:
                kept.append((name, text, os.stat(self.path(name)), file.read()))
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(mutant.apply_to(name, text))
        return kept

    def undo(self, kept):
        """As it was; the objects of the sources are put back, newer than these, not built again."""
        for name, text, status, compiled in kept:
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)
            os.utime(self.path(name), ns=(status.st_atime_ns, status.st_mtime_ns))
            with open(self.object_of(name), "wb") as file:
                file.write(compiled)


class Verdict:
    """What became of a mutant."""

    def __init__(self, mutant, by, *, seeds=None, is_killed=False, details=""):
        self.mutant = mutant
        self.by = by
        self.seeds = seeds
        self.is_killed = is_killed
        self.details = details
        self.seconds = 0.0


class Memory:
    """What noticed each mutant the last time, which is tried first; kept beside the builds."""

    def __init__(self):
        self.path = os.path.join(ROOT, "build", "mutants.memory")
        self.rows = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                self.rows = {row[0]: row[1:] for row in map(str.split, file) if len(row) == 3}

    def hint(self, mutant, stage):
        name, hint = self.rows.get(mutant.name, (None, None))
        return hint if name == stage.name else None

    def keep(self, mutant, stage, finding):
        self.rows[mutant.name] = (stage.name, finding.hint)

    def save(self):
        with open(self.path, "w", encoding="utf-8") as file:
            for name, (stage, hint) in sorted(self.rows.items()):
                file.write(f"{name} {stage} {hint}\n")


def try_mutant(tree, mutant, stages, memory):
    """Builds a mutant and shows it to what noticed it last, then to all stages, in order, until one
    notices."""
    tries = [(stage, memory.hint(mutant, stage)) for stage in stages
             if memory.hint(mutant, stage)] + [(stage, None) for stage in stages]
    for stage, hint in tries:
        output = build(tree.directory, [stage.program], quiet_warnings=True)
        if output is not None:
            return Verdict(mutant, "DOES NOT BUILD", details=output)
        finding = stage.run(tree.directory, hint)
        if finding is not None:
            memory.keep(mutant, stage, finding)
            return Verdict(mutant, finding.name, seeds=finding.seeds, is_killed=True)
    return Verdict(mutant, "SURVIVED " + " ".join(stage.name for stage in stages))


def work(tree, waiting, attempt, report):
    while True:
        try:
            mutant = waiting.get_nowait()
        except queue.Empty:
            return
        begin = time.monotonic()
        kept = tree.apply(mutant)
        try:
            verdict = attempt(tree, mutant)
        finally:
            tree.undo(kept)
        verdict.seconds = time.monotonic() - begin
        report(verdict)


class Table:
    """The rows, as they come in."""

    def __init__(self):
        self.lock = threading.Lock()
        self.verdicts = []

    @staticmethod
    def head():
        print(ROW % ("mutant", "fault", "killed by", "seeds", "took"), flush=True)

    def add(self, verdict):
        with self.lock:
            self.verdicts.append(verdict)
            print(ROW % (verdict.mutant.name, " ".join(verdict.mutant.faults), verdict.by,
                         "-" if verdict.seeds is None else verdict.seeds,
                         round(verdict.seconds)), flush=True)
            if verdict.details:
                print(verdict.details, flush=True)

    def counts(self):
        killed = sum(verdict.is_killed for verdict in self.verdicts)
        return killed, len(self.verdicts) - killed


def check_original(tree, stages):
    """All stages without a mutant; each learns how long it takes. Returns whether all pass."""
    is_sound = True
    for stage in stages:
        begin = time.monotonic()
        finding = stage.run(tree.directory)
        stage.took(time.monotonic() - begin)
        if finding is not None:
            print(f"without any mutant, {finding.name} fails"
                  + (f" at seed {finding.seeds}" if finding.seeds else ""))
            is_sound = False
    return is_sound


def run(chosen, how, workers):
    needed = {name for mutant in chosen for name in mutant.killers}
    stages = [stage for stage in killers.stages(ROOT, MODE)
              if stage.killer in needed and how in ("all", stage.kind)]
    programs = sorted({stage.program for stage in stages})
    output = build(ROOT, programs, quiet_warnings=False)
    if output is not None:
        print(output + "without any mutant, the tests do not build")
        return 0, len(chosen)
    scratch = tempfile.mkdtemp(prefix="quorum-mutants-")
    try:
        trees = [Tree(os.path.join(scratch, str(i)), programs) for i in range(workers)]
        if not check_original(trees[0], stages):
            return 0, len(chosen)
        table = Table()
        table.head()
        waiting = queue.Queue()
        for mutant in chosen:
            waiting.put(mutant)

        memory = Memory()

        def attempt(tree, mutant):
            able = [stage for stage in stages if stage.killer in mutant.killers]
            return try_mutant(tree, mutant, able, memory)

        threads = [threading.Thread(target=work, args=(tree, waiting, attempt, table.add))
                   for tree in trees]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        memory.save()
        killed, alive = table.counts()
        return killed, len(chosen) - killed if alive == 0 else alive
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="names of mutants, with commas between")
    parser.add_argument("--by", choices=("all", "tests", "seeds"), default="all")
    parser.add_argument("--workers", type=int, default=WORKERS_MAX)
    parser.add_argument("--check", action="store_true", help="only that every mutant applies")
    options = parser.parse_args()
    table, faults = mutants.load(ROOT)
    for fault in faults:
        print(fault)
    if options.check:
        print(f"{len(table) - len({f.mutant for f in faults})} passed, {len(faults)} failed")
        return 1 if faults or not table else 0
    if faults:
        print(f"0 passed, {len(faults)} failed")
        return 1
    wanted = [name for name in options.only.split(",") if name]
    chosen = [mutant for mutant in table if not wanted or mutant.name in wanted]
    missing = set(wanted) - {mutant.name for mutant in chosen}
    if missing or not chosen:
        print("no such mutant: " + " ".join(sorted(missing)))
        print(f"0 passed, {max(1, len(missing))} failed")
        return 1
    os.nice(10)
    workers = max(1, min(options.workers, WORKERS_MAX, len(chosen)))
    passed, failed = run(chosen, options.by, workers)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
