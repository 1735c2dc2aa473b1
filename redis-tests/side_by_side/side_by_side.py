#!/usr/bin/env python3
"""side_by_side.py -- the same random commands to a real redis-server and to a target, reply by reply.

Starts its own redis-server on a free port in a temporary directory. Replies must be equal byte for
byte, but for what cannot be: sets in some order, random picks, and times, which may differ by the
moment between the two. At a difference it looks for a short sequence that still shows it, prints
that, and exits 1. Everything follows from --seed.

    ./side_by_side.py --target-port 6379 --count 200000 --seed 1
"""

import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import generate
import resp

EPISODE_STEPS = 400
CHUNK_COMMANDS = 50
TIME_TOLERANCE_MS = 5000
TIME_COMMANDS = {b"TTL": 1000, b"EXPIRETIME": 1000, b"PTTL": 1, b"PEXPIRETIME": 1}


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Reference:
    """A redis-server of our own."""

    def __init__(self, program):
        self.directory = tempfile.mkdtemp(prefix="side-by-side-")
        self.port = free_port()
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.directory,
             "--save", "", "--appendonly", "no", "--logfile", os.path.join(self.directory, "log")])
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("redis-server did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory)


def near(a, b, tolerance):
    """Two answers about a time: equal, or both a time and close to each other."""
    if not isinstance(a, int) or not isinstance(b, int) or a < 0 or b < 0:
        return a == b
    return abs(a - b) <= tolerance


def same(command, ours, theirs):
    """Whether two raw replies to a command mean the same."""
    if ours == theirs:
        return True
    name = command[0].upper()
    a, b = resp.parse(ours), resp.parse(theirs)
    if isinstance(a, resp.ReplyError) or isinstance(b, resp.ReplyError):
        return False
    if name == b"KEYS":
        return sorted(a) == sorted(b)
    if name == b"SCAN":
        return a[0] == b[0] and sorted(a[1]) == sorted(b[1])
    if name in TIME_COMMANDS:
        return near(a, b, TIME_TOLERANCE_MS / TIME_COMMANDS[name])
    if name == b"RANDOMKEY":
        return a is not None and b is not None
    if name == b"OBJECT" and len(command) > 1:
        word = command[1].upper()
        # Redis counts references to its shared small integers, which a copy is not.
        if word in (b"REFCOUNT", b"IDLETIME"):
            return isinstance(a, int) and isinstance(b, int) and (word == b"REFCOUNT" or
                                                                  near(a, b, TIME_TOLERANCE_MS))
    return False


class Pair:
    """The two servers, driven alike."""

    def __init__(self, ports, protocol):
        self.connections = [resp.Connection(port, protocol) for port in ports]

    def run(self, commands):
        """Runs commands from empty databases; returns the first difference or None."""
        prefix = [[b"SELECT", b"0"], [b"FLUSHALL"]]
        for connection in self.connections:
            connection.ask(prefix)
        at = 0
        while at < len(commands):
            if isinstance(commands[at][0], float):
                time.sleep(commands[at][0])
                at += 1
                continue
            end = at
            while (end < len(commands) and end - at < CHUNK_COMMANDS and
                   not isinstance(commands[end][0], float)):
                end += 1
            chunk = commands[at:end]
            replies = [connection.ask(chunk) for connection in self.connections]
            for command, theirs, ours in zip(chunk, *replies):
                if not same(command, ours, theirs):
                    return command, theirs, ours
            at = end
        return None


def look_around():
    """Commands that show all that is in the databases used."""
    commands = []
    for database in (b"0", b"1", b"2", b"15"):
        commands += [[b"SELECT", database], [b"KEYS", b"*"], [b"DBSIZE"]]
        for key in generate.KEYS:
            commands += [[b"GET", key], [b"OBJECT", b"ENCODING", key], [b"PTTL", key],
                         [b"PEXPIRETIME", key]]
    return commands


def flatten(steps):
    return [command for step in steps for command in step]


def shrink(pair, steps, tail):
    """Leaves steps out, many at first, as long as there still is a difference."""
    size = len(steps) // 2
    while size > 0:
        at = 0
        while at < len(steps):
            fewer = steps[:at] + steps[at + size :]
            if pair.run(flatten(fewer) + tail) is not None:
                steps = fewer
            else:
                at += size
        size //= 2
    return steps


def show(command):
    """A command as text; long arguments are cut, since the seed brings them back."""
    if isinstance(command[0], float):
        return "(wait %g s)" % command[0]
    words = []
    for argument in command:
        word = repr(argument[:120])[1:]
        words.append(word if len(argument) <= 120 else word + "... (%d bytes)" % len(argument))
    return " ".join(words)


def show_difference(difference):
    command, theirs, ours = difference
    print("  command  " + show(command))
    print("  redis    %r" % theirs[:2000])
    print("  target   %r" % ours[:2000])


def report(pair, steps, tail, difference):
    """Prints the difference and a short sequence that shows it."""
    if pair.run(flatten(steps) + tail) is None:
        print("DIFFERENCE, but not a second time: it depends on timing, or somebody else is writing")
        show_difference(difference)
        return
    steps = shrink(pair, steps, tail)
    commands = flatten(steps)
    print("DIFFERENCE after, from empty databases:")
    for command in commands:
        print("    " + show(command))
    show_difference(pair.run(commands) or pair.run(commands + tail) or difference)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--target-port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20000, help="commands, at least")
    parser.add_argument("--protocol", type=int, choices=(2, 3), default=2)
    parser.add_argument("--redis-server", default="redis-server", help="the program to compare with")
    return parser.parse_args()


def main():
    options = arguments()
    print("SEED=%d protocol=%d" % (options.seed, options.protocol), flush=True)
    reference = Reference(options.redis_server)
    try:
        pair = Pair((reference.port, options.target_port), options.protocol)
        generator = generate.Generator(random.Random(options.seed))
        tail = look_around()
        done = 0
        while done < options.count:
            steps = [generator.step() for _ in range(EPISODE_STEPS)]
            commands = flatten(steps)
            difference = pair.run(commands + tail)
            if difference is not None:
                report(pair, steps, tail, difference)
                return 1
            done += len(commands)
        print("%d commands, 0 differences" % done)
        return 0
    finally:
        reference.stop()


if __name__ == "__main__":
    sys.exit(main())
