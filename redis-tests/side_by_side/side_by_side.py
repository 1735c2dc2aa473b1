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

import arguments
import compare
import generate
import resp

EPISODE_STEPS = 1000
CHUNK_COMMANDS = 100


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


class Pair:
    """The two servers, driven alike."""

    def __init__(self, ports, protocol):
        self.connections = [resp.Connection(port, protocol) for port in ports]

    def run(self, commands):
        """Runs commands from empty databases; returns the first difference (where, the command,
        redis-server's reply, the target's) or None."""
        prefix = [[b"SELECT", b"0"], [b"FLUSHALL"]]
        for connection in self.connections:
            connection.ask(prefix)
        comparison = compare.Comparison()
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
            for i, (command, theirs, ours) in enumerate(zip(chunk, *replies)):
                if not comparison.same(command, ours, theirs):
                    return at + i, command, theirs, ours
            at = end
        return None


    def names(self):
        """The names of the commands of both, in upper case."""
        return [{leaf.upper() for leaf in compare.leaves(resp.parse(reply))}
                for connection in self.connections
                for reply in connection.ask([[b"COMMAND", b"LIST"]])]


def look_around():
    """Commands that show all that is in the databases used."""
    commands = []
    for database in (b"0", b"1", b"2", b"15"):
        commands += [[b"SELECT", database], [b"KEYS", b"*"], [b"DBSIZE"]]
        for key in arguments.KEYS + arguments.TYPED_KEYS + arguments.LEX_KEYS:
            commands += [[b"OBJECT", b"ENCODING", key], [b"PTTL", key], [b"PEXPIRETIME", key]]
            # One of these fits; the others compare errors.
            commands += [[b"GET", key], [b"LRANGE", key, b"0", b"-1"], [b"HGETALL", key],
                         [b"SMEMBERS", key], [b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]]
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


def quoted(text, in_play):
    """Bytes as a word of a play, or as a line of a reply in one."""
    escapes = {0x5c: "\\\\"}
    if in_play:
        escapes.update({0x22: "\\\"", 0x0d: "\\r", 0x0a: "\\n"})
    return "".join(escapes.get(byte) or (chr(byte) if 32 <= byte < 127 else "\\x%02x" % byte)
                   for byte in text)


def show(command):
    """A command as a line of a play."""
    if isinstance(command[0], float):
        return "# (wait %g s)" % command[0]
    words = []
    for argument in command:
        word = quoted(argument, True)
        words.append(word if word and " " not in word and '"' not in word else '"%s"' % word)
    return "> " + " ".join(words)


def show_reply(raw):
    """A raw reply as a play has it."""
    return "\n".join(quoted(line, False) or '""' for line in raw.split(b"\r\n")[:-1])


def show_difference(difference):
    _, command, theirs, ours = difference
    print(show(command))
    print(show_reply(theirs))
    print("# That is redis-server's answer. The target's is:")
    print("# " + show_reply(ours).replace("\n", "\n# "))


def report(pair, steps, tail, difference):
    """Prints the difference and a short sequence that shows it."""
    if pair.run(flatten(steps) + tail) is None:
        print("DIFFERENCE, but not a second time: it depends on timing, or somebody else is writing")
        show_difference(difference)
        return
    steps = shrink(pair, steps, tail)
    commands = flatten(steps) + tail
    print("DIFFERENCE; as a play, from empty databases:")
    difference = pair.run(commands) or difference
    shown = len(flatten(steps))
    for command in commands[: min(difference[0], shown)]:
        print(show(command))
    show_difference(difference)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--target-port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20000, help="commands, at least")
    parser.add_argument("--protocol", type=int, choices=(2, 3), default=2)
    parser.add_argument("--redis-server", default="redis-server", help="the program to compare with")
    return parser.parse_args()


def main():
    options = parse_arguments()
    print("SEED=%d protocol=%d" % (options.seed, options.protocol), flush=True)
    reference = Reference(options.redis_server)
    try:
        pair = Pair((reference.port, options.target_port), options.protocol)
        theirs, ours = pair.names()
        missing = theirs - ours
        if missing:
            print("left out, for the target does not have them: " +
                  " ".join(sorted(name.decode().lower() for name in missing if b"|" not in name)))
        generator = generate.Generator(random.Random(options.seed), missing)
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
