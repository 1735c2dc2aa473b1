#!/usr/bin/env python3
"""conversations.py -- fixed bytes to a real redis-server and to a target, answers compared.

    ./conversations.py --target-port 6379

For what random well-formed commands do not reach: commands in line and their quotes, broken
framing, limits of the protocol, when a connection is closed, and refusals of commands about
connections and options. Each conversation has connections of its own and keys of its own, and all
go on at once. The last line is "N passed, N failed".
"""

import argparse
import re
import select
import socket
import sys
import time

from side_by_side import Reference

# How long an answer may take, and how long to listen for more after all are equal.
PATIENCE_S = 20.0
SETTLE_S = 0.5

FRAMING = [
    b"PING\r\n", b"ping\n", b"\r\n\r\nPING\r\n", b"*0\r\nPING\r\n", b"*-1\r\nPING\r\n", b"*x\r\n",
    b"*1\r\n+PING\r\n", b"*1\r\n$x\r\n", b"*1\r\n$-1\r\n", b"*2147483648\r\n",
    b"*1\r\n$536870913\r\n", b"x" * 70000, b"*" + b"1" * 70000, b"*1\r\n$" + b"1" * 70000,
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", b"*1\r\n$0\r\n\r\nPING\r\n",
    b"$4\r\nPING\r\n", b"*1 \r\n",
    b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$0\r\n\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET c1\r\nHost: x\r\nPING\r\n",
    b"*2\r\n$5\r\nhost:\r\n$1\r\nx\r\nPING\r\n", b"QUIT\r\nPING\r\n", b"quit now\r\nPING\r\n",
]
# Not whole yet, so there is no answer and the connection stays open. A NUL hides the line's end.
UNFINISHED = [
    b"*1\r\n$4\r\nPI", b"*2\r\n$4\r\nECHO\r\n$1\r\n", b"PING", b"*2\r\n$4\r\nPING\r\n",
    b"\x00\x01\r\n", b"SET u1 \x00b\r\nGET u1\r\n",
]
IN_LINE = [
    b'SET i1 "b c"\r\nGET i1\r\n', b"SET i2 'b\\'c'\r\nGET i2\r\n", b'SET i3 "unbalanced\r\n',
    b'SET i4 "x"y\r\n', b'SET i5 "\\x41\\n\\q"\r\nGET i5\r\n',
    b'PING "" \r\n', b'"" PING\r\n', b"  SET\ti7   v \r\n GET  i7\r\n", b"PING 'a''b'\r\n",
]
CONNECTION = [
    b"HELLO\r\n", b"HELLO 2\r\n", b"HELLO 3\r\nGET h1\r\nMGET h1\r\nCONFIG GET nosuch\r\n",
    b"HELLO 4\r\n", b"HELLO x\r\n", b"HELLO 3 AUTH a b\r\n", b'HELLO 3 SETNAME "a b"\r\n',
    b"HELLO 2 SETNAME\r\n", b"HELLO 3 FOO\r\n", b"HELLO 3\r\nRESET\r\nGET h2\r\n", b"AUTH x\r\n",
    b"AUTH default x\r\n", b"AUTH a b c\r\n", b"RESET\r\n", b"SELECT 16\r\n", b"SELECT x\r\n",
    b"CLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nPING\r\n",
    b"CLIENT REPLY SKIP\r\nPING\r\nPING\r\n",
    b"CLIENT REPLY OFF\r\nMULTI\r\nSELECT 1\r\nEXEC\r\nCLIENT REPLY ON\r\nSET h3 1\r\n"
    b"SELECT 0\r\nEXISTS h3\r\n",
    b"MULTI\r\nMONITOR\r\nEXEC\r\nPING\r\n", b"MONITOR x\r\n", b"CLIENT REPLY x\r\n",
    b"CLIENT SETNAME ab\r\nCLIENT GETNAME\r\nRESET\r\nCLIENT GETNAME\r\n",
    b'CLIENT SETNAME "a b"\r\n', b'CLIENT SETNAME ""\r\nCLIENT GETNAME\r\n',
    b"CLIENT KILL 1.2.3.4:5\r\n", b"CLIENT KILL ID x\r\n", b"CLIENT KILL TYPE foo\r\n",
    b"CLIENT KILL SKIPME x\r\n", b"CLIENT KILL ID 99999999\r\n", b"CLIENT LIST TYPE foo\r\n",
    b"CLIENT LIST ID 99999999\r\n", b"CLIENT LIST ID x\r\n", b"CLIENT PAUSE x\r\n",
    b"CLIENT PAUSE 10 FOO\r\n", b"CLIENT UNPAUSE\r\n", b"CLIENT NO-EVICT x\r\n", b"CLIENT\r\n",
    b"CLIENT FOO\r\n", b"PING a b\r\n", b"ECHO\r\n", b"ECHO a b\r\n",
]
TRANSACTIONS = [
    b"EXEC x\r\nMULTI\r\nEXEC x\r\nDISCARD\r\n", b"MULTI\r\nDISCARD x\r\nGET t1\r\nEXEC\r\n",
    b"MULTI\r\nSELECT 5\r\nEXEC\r\nSET t2 five\r\nGET t2\r\nSELECT 0\r\nGET t2\r\n",
    b"MULTI\r\nHELLO 3\r\nEXEC\r\nGET t3\r\nHELLO 2\r\nGET t3\r\n",
    # All in one go, and so in one log entry if nothing held it back.
    b"SET t4 1\r\nWATCH t4\r\nSET t4 2\r\nMULTI\r\nSET t4 3\r\nEXEC\r\nGET t4\r\n",
    b"SET t5 1\r\nWATCH t5\r\nGET t5\r\nMULTI\r\nSET t5 3\r\nEXEC\r\nGET t5\r\n",
    b"MULTI\r\nMULTI\r\nWATCH t1\r\nGET t1\r\nEXEC\r\n", b"MULTI\r\nNOSUCH\r\nEXEC\r\nEXEC\r\n",
]
NODE = [
    b"CONFIG\r\n", b"CONFIG FOO\r\n", b"CONFIG GET\r\n", b"CONFIG GET nosuch\r\n",
    b"CONFIG SET maxclients\r\n", b"CONFIG SET nosuch x\r\n", b"CONFIG SET maxclients x\r\n",
    b"CONFIG SET maxclients 10000 maxclients 9000\r\n",
    b"CONFIG GET maxmemory-policy\r\n", b"INFO nosuch\r\n", b"LASTSAVE x\r\n", b"TIME x\r\n",
    b"ROLE x\r\n", b"READONLY x\r\n", b"SHUTDOWN FOO\r\n", b"SHUTDOWN ABORT\r\n", b"WAIT x 1\r\n",
    b"WAIT 0 -1\r\n", b"WAIT 0 x\r\n", b"SWAPDB 0 99\r\n", b"COMMAND FOO\r\n",
    b"COMMAND INFO nosuch\r\n", b"COMMAND LIST FILTERBY foo bar\r\n", b"COMMAND LIST FILTERBY\r\n",
    b"COMMAND LIST FILTERBY PATTERN getr*\r\n", b"COMMAND LIST FILTERBY ACLCAT nosuch\r\n",
    b"COMMAND LIST FILTERBY MODULE x\r\n", b"COMMAND DOCS nosuch\r\n", b"COMMAND COUNT x\r\n",
    b"SCAN 0 COUNT 99999999999999999999\r\n", b"DEBUG\r\n", b"OBJECT\r\n",
]


class Talk:
    """One connection that has said all it will say, and what came back."""

    def __init__(self, port, said):
        self.heard = b""
        self.is_closed = False
        self.is_answered = said in UNFINISHED
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        try:
            self.socket.sendall(said)
        except OSError:
            # Closed before all was sent; how far that got is a matter of buffers.
            pass
        self.socket.setblocking(False)

    def listen(self):
        """Takes what has come."""
        try:
            more = self.socket.recv(1 << 16)
            self.heard += more
            self.is_answered = True
            self.is_closed = not more
        except BlockingIOError:
            pass
        except OSError:
            self.is_closed = True

    def outcome(self):
        """What can be compared: connection ids are not the same on two servers."""
        heard = re.sub(rb"(\$2\r\nid\r\n):\d+", rb"\1:N", self.heard)
        return heard, "closed" if self.is_closed else "open"


def listen_until_equal(pairs):
    """Listens to all until all pairs are equal and stay so for a moment, or patience ends."""
    start = time.monotonic()
    settled = None
    while time.monotonic() < start + PATIENCE_S:
        waiting = {talk.socket: talk for pair in pairs for talk in pair if not talk.is_closed}
        for ready in select.select(list(waiting), [], [], 0.1)[0]:
            waiting[ready].listen()
            settled = None
        if all(one.is_answered and one.outcome() == other.outcome() for one, other in pairs):
            settled = settled or time.monotonic()
            if time.monotonic() > settled + SETTLE_S:
                return
        else:
            settled = None


def main():
    """Holds all conversations and says which went another way."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--target-port", type=int, required=True, help="best the leader's")
    parser.add_argument("--redis-server", default="redis-server", help="the program to compare with")
    options = parser.parse_args()
    conversations = FRAMING + UNFINISHED + IN_LINE + CONNECTION + TRANSACTIONS + NODE
    failed = 0
    reference = Reference(options.redis_server)
    try:
        pairs = [(Talk(reference.port, said), Talk(options.target_port, said))
                 for said in conversations]
        listen_until_equal(pairs)
        for said, (theirs, ours) in zip(conversations, pairs):
            if theirs.outcome() != ours.outcome() or not theirs.is_answered:
                failed += 1
                print("  FAILED: %r (%d bytes)" % (said[:100], len(said)))
                print("    redis   %r %s" % (theirs.outcome()[0][:500], theirs.outcome()[1]))
                print("    target  %r %s" % (ours.outcome()[0][:500], ours.outcome()[1]))
    finally:
        reference.stop()
    print("%d passed, %d failed" % (len(conversations) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
