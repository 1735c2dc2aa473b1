#!/usr/bin/env python3
"""events.py -- keyspace notifications and messages, beside a real redis-server.

    ./events.py --target-port 6379 --listen-port 6380

Every command below goes to redis-server and to a node of the target. Subscribers in both protocols,
of the target on any node, must hear the same, byte for byte and in the same order. The last line
is "N passed, N failed".
"""

import argparse
import socket
import sys
import time

from resp import Connection
from side_by_side import Reference

PATIENCE_S = 10.0

# Words as they are sent; a key is used again, so what it holds by then is part of what is tested.
COMMANDS = """
SET s v | SET s v EX 100 | SET s v PX 100000 GET | SETNX s x | SETNX s2 x | SETEX s 100 v
PSETEX s 100000 v | GETSET s 1 | INCR s | DECR s | INCRBY s 5 | DECRBY s 2 | INCRBYFLOAT s 0.5
APPEND s x | APPEND new1 x | SETRANGE s 3 abc | SETRANGE s 3 "" | GETDEL s | GETDEL s | MSET a 1 b 2
MSETNX a 1 c 2 | MSETNX c 1 d 2 | GETEX a EX 100 | GETEX a PERSIST | GETEX a PERSIST | GETEX a PXAT 1
SETBIT bits 7 1 | SETBIT bits 7 1 | BITOP AND bits2 bits | BITOP AND bits2 none | BITFIELD bits SET u8 0 5
BITFIELD bits GET u8 0 | BITFIELD bits INCRBY u8 0 1 INCRBY u8 8 1
EXPIRE b 100 | PEXPIRE b 100000 NX | PERSIST b | PERSIST b | EXPIRE b -1 | EXPIREAT c 1 | PEXPIREAT d 99999999999999
DEL d none | UNLINK none | SET x 1 | RENAME x y | RENAMENX y z | COPY z z2 | COPY z z2 REPLACE | COPY z z2
MOVE z2 2 | MOVE none 2 | TOUCH z | EXISTS z
LPUSH l a b | RPUSH l c | LPUSHX l d | LPUSHX none d | LSET l 0 e | LINSERT l BEFORE e f | LINSERT l BEFORE nope f
LREM l 1 f | LREM l 1 f | LTRIM l 0 1 | LPOP l | LPOP l | RPUSH l a b c d | RPOP l 2 | LMOVE l l2 LEFT RIGHT
LMOVE l l LEFT RIGHT | RPOPLPUSH l l3 | LMPOP 2 none l2 LEFT COUNT 5 | LMPOP 1 none LEFT | LTRIM l3 5 6
RPUSH l x | BLPOP l 0 | RPUSH l x | BLMOVE l l2 LEFT LEFT 0 | BRPOPLPUSH l2 l 0 | BLMPOP 0 1 l LEFT
SADD s1 a b c | SADD s1 a | SREM s1 a | SREM s1 nope | SPOP s1 | SPOP s1 5 | SADD s1 a | SADD s3 a b
SMOVE s1 s3 a | SMOVE s3 s1 a | SINTERSTORE s4 s3 s3 | SINTERSTORE s4 s3 none | SUNIONSTORE s4 s3 s1 | SDIFFSTORE s4 s4 s4
HSET h f v g w | HSET h f v2 | HSETNX h f x | HSETNX h new x | HMSET h a 1 | HINCRBY h a 2 | HINCRBYFLOAT h a 0.5
HDEL h a nope | HDEL h nope | HDEL h f g new
ZADD z1 1 a 2 b 3 c | ZADD z1 1 a | ZADD z1 XX 5 a | ZADD z1 INCR 1 a | ZINCRBY z1 2 b | ZREM z1 a nope | ZREM z1 nope
ZADD z1 1 a 2 b 3 c 4 d 5 e | ZREMRANGEBYRANK z1 0 0 | ZREMRANGEBYSCORE z1 0 2 | ZREMRANGEBYLEX z1 [x [y | ZPOPMIN z1
ZPOPMAX z1 | ZMPOP 1 z1 MIN | ZADD z1 1 a 2 b | ZRANGESTORE z2 z1 0 -1 | ZRANGESTORE z2 z1 5 6 | ZUNIONSTORE z2 2 z1 z1
ZINTERSTORE z2 2 z1 none | ZDIFFSTORE z2 1 z1 | ZADD z3 1 a | BZPOPMIN z3 0 | ZADD z3 1 a | BZMPOP 0 1 z3 MAX
GEOADD geo 13.36 38.11 P 15.08 37.50 C | GEOSEARCHSTORE geo2 geo FROMMEMBER P BYRADIUS 200 km
GEOSEARCHSTORE geo2 geo FROMLONLAT 0 0 BYRADIUS 1 m | GEORADIUS geo 15 37 200 km STORE geo3
PFADD hll a b | PFADD hll a | PFMERGE hll2 hll | RPUSH sl 3 1 2 | SORT sl STORE sorted | SORT none STORE sorted
PUBLISH channel hello | SPUBLISH shard hello | PUBLISH pattern:x hi | PUBLISH nobody hi
MULTI | SET m 1 | PUBLISH channel inner | DEL m | EXEC
SET e v PX 30 | WAIT-MS 150 | GET e | SET e2 v PX 1 | WAIT-MS 20 | SET e2 w
FLUSHDB
"""

# What is looked for in vain is told by the node that looked, and only there.
MISSES = """
CONFIG SET notify-keyspace-events AKEnm | GET missed | LRANGE missed 0 -1 | GET m | SET e v PX 30 | WAIT-MS 150 | GET e
FLUSHDB
"""


def commands(has_misses):
    """The commands, each a list of words."""
    lines = (COMMANDS + (MISSES if has_misses else "")).splitlines()
    texts = [text.strip() for line in lines if line for text in line.split("|")]
    return [[b"" if word == '""' else word.encode() for word in text.split()] for text in texts]


class Side:
    """A server: one connection that sends, and subscribers in both protocols."""

    def __init__(self, port, listen_port):
        for each in {port, listen_port}:
            setup = Connection(each, 2)
            setup.ask([[b"CONFIG", b"SET", b"notify-keyspace-events", b"AKEn"], [b"FLUSHALL"]])
            setup.close()
        self.sender = Connection(port, 2)
        self.listeners = []
        for protocol in (2, 3):
            listener = Connection(listen_port, protocol)
            self.ask(listener, [b"PSUBSCRIBE", b"__key*", b"pattern:*"], 2)
            self.ask(listener, [b"SUBSCRIBE", b"channel"], 1)
            self.ask(listener, [b"SSUBSCRIBE", b"shard"], 1)
            listener.socket.setblocking(False)
            self.listeners.append(listener)
        self.heard = [b"" for _ in self.listeners]

    @staticmethod
    def ask(listener, command, confirmations):
        listener.ask([command])
        for _ in range(confirmations - 1):
            listener._read()

    def listen(self):
        for i, listener in enumerate(self.listeners):
            try:
                self.heard[i] += listener.socket.recv(1 << 16)
            except BlockingIOError:
                pass

    def take(self):
        heard, self.heard = self.heard, [b"" for _ in self.listeners]
        return heard

    def close(self):
        for each in self.listeners + [self.sender]:
            each.close()


def run_one(command, sides):
    """Runs one command on both; what they heard until it was the same, or patience ended."""
    if command[0] == b"WAIT-MS":
        time.sleep(int(command[1]) / 1000)
    else:
        for side in sides:
            side.sender.ask([command])
    start = time.monotonic()
    settled = None
    while time.monotonic() < start + PATIENCE_S:
        before = [list(side.heard) for side in sides]
        for side in sides:
            side.listen()
        is_quiet = before == [side.heard for side in sides]
        if is_quiet and sides[0].heard == sides[1].heard:
            settled = settled or time.monotonic()
            if time.monotonic() > settled + 0.02:
                break
        else:
            settled = None
        time.sleep(0.002)
    return sides[0].take(), sides[1].take()


def main():
    """Runs all commands and says which told something else."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--target-port", type=int, required=True)
    parser.add_argument("--listen-port", type=int, required=True, help="the subscribers' node")
    parser.add_argument("--redis-server", default="redis-server", help="the program to compare with")
    options = parser.parse_args()
    failed = 0
    total = 0
    reference = Reference(options.redis_server)
    try:
        sides = [Side(reference.port, reference.port),
                 Side(options.target_port, options.listen_port)]
        for command in commands(options.target_port == options.listen_port):
            theirs, ours = run_one(command, sides)
            total += 1
            if theirs != ours:
                failed += 1
                print("  FAILED: %s" % b" ".join(command).decode())
                for name, heard in (("redis", theirs), ("target", ours)):
                    print("    %-7s %r" % (name, heard[0][:600]))
        for side in sides:
            side.close()
    finally:
        reference.stop()
    print("%d passed, %d failed" % (total - failed, failed))
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
