"""generate.py -- random commands with many edge cases, from a seeded generator.

A step is a list of commands that belong together and are never taken apart; a command is a list of
bytes, or a float: seconds to wait. Relative times are far away or already over, so that a step
means the same on a slower server.
"""

from arguments import (DATABASES, FLOATS, INTEGERS, KEYS, OFFSETS, PATTERNS, TYPED_KEYS, Arguments,
                       mixed_case)
from containers import Containers
from others import Others

COMMAND_NAMES = [
    b"append", b"copy", b"dbsize", b"decr", b"decrby", b"del", b"echo", b"exists", b"expire",
    b"expireat", b"expiretime", b"flushall", b"flushdb", b"get", b"getdel", b"getrange", b"getset",
    b"incr", b"incrby", b"incrbyfloat", b"keys", b"lcs", b"mget", b"move", b"mset", b"msetnx",
    b"object|encoding", b"object|freq", b"object|idletime", b"object|refcount", b"persist",
    b"pexpire", b"pexpireat", b"pexpiretime", b"psetex", b"pttl", b"randomkey", b"rename",
    b"renamenx", b"scan", b"select", b"setex", b"setnx", b"setrange", b"strlen", b"substr",
    b"swapdb", b"touch", b"ttl", b"type", b"unlink", b"ping", b"auth", b"hello", b"reset",
    b"client|id", b"client|list", b"client|kill", b"client|no-evict", b"client|reply",
    b"client|pause", b"config|get", b"config|set", b"config|resetstat", b"debug", b"info", b"role",
    b"wait", b"shutdown", b"time", b"lastsave", b"readonly", b"quit", b"nosuch", b"client|nosuch",
]


class Generator(Arguments, Containers, Others):
    """Steps from one seed."""

    def __init__(self, random, left_out=frozenset()):
        """left_out: upper-case names of commands that are never to be made."""
        self.random = random
        self.left_out = left_out
        rows = [(name[4:], getattr(self, name)) for name in dir(type(self)) if name.startswith("row_")]
        self.rows = [row for name, row in rows for _ in range(self.WEIGHTS.get(name, 4))]

    WEIGHTS = {
        "set": 24, "get": 8, "incr": 12, "append": 8, "setrange": 6, "flush": 1, "swapdb": 1,
        "short_life": 0, "past_life": 3, "unknown": 2, "getkeys": 2, "command_info": 1, "lcs": 2,
        "select": 2, "expire": 10, "no_multi": 1, "blocking": 1, "multi": 6, "publish": 2, "subscribe": 1,
        "restore": 2, "look": 12, "hset": 10, "push": 10, "sadd": 12, "zadd": 12, "zrange": 8,
        "zrangeby": 8, "geosearch": 2, "zalgebra": 6, "salgebra": 6,
    }
    NOT_SINGLE = (b"EXEC", b"DISCARD", b"UNWATCH")

    def step(self):
        """One step."""
        while True:
            step = self.any_step()
            if not self.left_out or not any(
                    isinstance(word, bytes) and word.upper() in self.left_out
                    for command in step for word in (command[:1] + command[2:3])):
                return step

    def single(self):
        """A command that stands for itself."""
        while True:
            made = self.random.choice(self.rows)()
            if not isinstance(made[0], list) and made[0] not in self.NOT_SINGLE:
                return made

    def any_step(self):
        if self.random.random() < 0.0002:
            return self.short_life()
        made = self.random.choice(self.rows)()
        steps = made if isinstance(made[0], list) else [made]
        if len(steps) == 1 and self.random.random() < 0.04:
            # The EXISTS: it may have become a SET of a key that has expired already.
            spoiled = self.spoil(steps[0])
            steps = [spoiled, [b"EXISTS"] + (spoiled[1:2] or [b"a"])]
        return [[mixed_case(self.random, command[0])] + command[1:] for command in steps]

    def spoil(self, command):
        """Takes an argument away, adds one or replaces one."""
        if command[0] in (b"COMMAND", b"SELECT") or command[0].endswith(b"SCAN"):
            return command
        command = list(command)
        way = self.random.randrange(3)
        at = self.random.randrange(1, len(command)) if len(command) > 1 else 1
        if way == 0 and len(command) > 1:
            del command[at]
        elif way == 1:
            command.insert(at, self.value())
        elif len(command) > 1:
            value = self.value()
            # A small number could be taken for a time and make a key expire while we look on.
            command[at] = b"abc" if value.strip().isdigit() else value
        return command

    # Commands, a method each; the name behind row_ is the one in WEIGHTS.

    def row_set(self):
        random = self.random
        command = [b"SET", self.key(), self.value()]
        if random.random() < 0.5:
            return command
        for _ in range(random.choice([1, 1, 1, 2, 3])):
            way = random.random()
            if way < 0.5:
                command.append(self.option(b"NX", b"XX", b"GET", b"KEEPTTL", b"NX", b"XX", b"GET"))
            elif way < 0.97:
                command += self.lifetime(b"EX", b"PX", b"EXAT", b"PXAT")
            else:
                command.append(self.option(b"EX", b"PERSIST", b"FOO", b"", b"PX"))
        return command

    def row_past_life(self):
        """Set to have expired already: the EXISTS makes Redis notice at once."""
        key = self.key()
        moment = self.option(b"EXAT", b"PXAT")
        return [[b"SET", key, self.value(), moment, b"%d" % self.random.randint(1, 10**6)],
                [b"EXISTS", key]]

    def short_life(self):
        """A key that expires while nobody looks; the wait is long for machines that are busy."""
        key = self.key()
        first = self.random.choice([
            [[b"SET", key, self.value(), b"PX", b"30"]],
            [[b"SET", key, self.value()], [b"PEXPIRE", key, b"30"]],
            [[b"PSETEX", key, b"30", self.value()]],
        ])
        return first + [[0.25], self.random.choice([
            [b"GET", key], [b"INCR", key], [b"SET", key, b"1", b"NX"], [b"RENAME", key, b"new"],
            [b"APPEND", key, b"x"], [b"DEL", key], [b"PTTL", key], [b"COPY", key, b"new"],
            [b"KEYS", b"*"], [b"SCAN", b"0", b"COUNT", b"1000"], [b"RENAMENX", b"a", key],
            [b"GETDEL", key], [b"GETEX", key, b"PERSIST"], [b"PERSIST", key], [b"TYPE", key],
        ]), [b"EXISTS", key]]

    def row_get(self):
        return [self.random.choice([b"GET", b"GET", b"STRLEN", b"GETDEL"]), self.key()]

    def row_getset(self):
        return [b"GETSET", self.key(), self.value()]

    def row_getex(self):
        command = [b"GETEX", self.key()]
        way = self.random.random()
        if way < 0.3:
            command.append(self.option(b"PERSIST"))
        elif way < 0.9:
            command += self.lifetime(b"EX", b"PX", b"EXAT", b"PXAT")
        if self.random.random() < 0.1:
            command.append(self.option(b"PERSIST", b"NX", b"EX", b"KEEPTTL"))
        if self.random.random() < 0.1:
            command[2:] = [b"PXAT", b"%d" % self.random.randint(1, 10**6)]
        return command

    def row_setnx(self):
        return [b"SETNX", self.key(), self.value()]

    def row_setex(self):
        name = self.random.choice([b"SETEX", b"PSETEX"])
        time = self.far(1000) if self.random.random() < 0.8 else self.bad_time()
        return [name, self.key(), time, self.value()]

    def row_mget(self):
        return [b"MGET"] + [self.key() for _ in range(self.random.randint(1, 6))]

    def row_mset(self):
        command = [self.random.choice([b"MSET", b"MSETNX"])]
        for _ in range(self.random.randint(1, 4)):
            command += [self.key(), self.value()]
        return command

    def row_append(self):
        return [b"APPEND", self.key(), self.value()]

    def row_incr(self):
        name = self.random.choice([b"INCR", b"DECR", b"INCRBY", b"DECRBY", b"INCRBYFLOAT"])
        command = [name, self.key()]
        if name == b"INCRBYFLOAT":
            command.append(self.random.choice(FLOATS + [self.number()]))
        elif name.endswith(b"BY"):
            command.append(self.number())
        return command

    def row_getrange(self):
        offsets = [self.random.choice(OFFSETS + [b"%d" % self.random.randint(-60, 60)] * 20)
                   for _ in range(2)]
        return [self.random.choice([b"GETRANGE", b"SUBSTR"]), self.key()] + offsets

    def row_setrange(self):
        offset = self.random.choice(OFFSETS + [b"%d" % self.random.randint(0, 250)] * 20)
        return [b"SETRANGE", self.key(), offset, self.value()]

    def row_lcs(self):
        command = [b"LCS", self.key(), self.key()]
        for _ in range(self.random.choice([0, 1, 1, 2, 3])):
            word = self.option(b"LEN", b"IDX", b"IDX", b"WITHMATCHLEN", b"MINMATCHLEN", b"FOO")
            command.append(word)
            if word.upper() == b"MINMATCHLEN":
                command.append(self.random.choice([b"1", b"2", b"4", b"-1", b"x", b"0"]))
        return command

    def row_del(self):
        name = self.random.choice([b"DEL", b"UNLINK", b"EXISTS", b"TOUCH"])
        return [name] + [self.any_key() for _ in range(self.random.randint(1, 4))]

    def row_type(self):
        return [b"TYPE", self.any_key()]

    def row_keys(self):
        return [b"KEYS", self.random.choice(PATTERNS)]

    def row_scan(self):
        random = self.random
        if random.random() < 0.2:
            # Only the error texts can be compared here.
            cursor = random.choice([b"abc", b" 0", b"-", b"99999999999999999999", b"1x", b"0 "])
            return [b"SCAN", cursor]
        command = [b"SCAN", random.choice([b"0", b"0", b"0", b"+0", b"-0", b"00", b""])]
        command += [self.option(b"COUNT"), b"10000"]
        if random.random() < 0.5:
            command += [self.option(b"MATCH"), random.choice(PATTERNS)]
        if random.random() < 0.3:
            command += [self.option(b"TYPE"), random.choice([b"string", b"STRING", b"list", b"x"])]
        if random.random() < 0.1:
            command += random.choice([[b"COUNT", b"0"], [b"COUNT", b"x"], [b"FOO"], [b"MATCH"]])
        return command

    def row_randomkey(self):
        return [b"RANDOMKEY"]

    def row_rename(self):
        return [self.random.choice([b"RENAME", b"RENAMENX"]), self.any_key(), self.any_key()]

    def row_copy(self):
        command = [b"COPY", self.any_key(), self.any_key()]
        for _ in range(self.random.choice([0, 0, 1, 2])):
            if self.random.random() < 0.5:
                command.append(self.option(b"REPLACE", b"REPLACE", b"DB", b"FOO"))
            else:
                command += [self.option(b"DB"), self.random.choice(DATABASES)]
        return command

    def row_move(self):
        return [b"MOVE", self.any_key(), self.random.choice(DATABASES)]

    def row_swapdb(self):
        return [b"SWAPDB", self.random.choice(DATABASES), self.random.choice(DATABASES)]

    def row_select(self):
        return [b"SELECT", self.random.choice([b"0", b"0", b"1", b"2", b"15"])]

    def row_dbsize(self):
        return [b"DBSIZE"]

    def row_flush(self):
        command = [self.random.choice([b"FLUSHDB", b"FLUSHDB", b"FLUSHALL"])]
        if self.random.random() < 0.5:
            command.append(self.option(b"ASYNC", b"SYNC", b"FOO"))
        return command

    def row_expire(self):
        random = self.random
        name = random.choice([b"EXPIRE", b"PEXPIRE", b"EXPIREAT", b"PEXPIREAT"])
        way = random.random()
        if way < 0.7:
            time = self.lifetime({b"EXPIRE": b"EX", b"PEXPIRE": b"PX", b"EXPIREAT": b"EXAT",
                                  b"PEXPIREAT": b"PXAT"}[name])[1]
        else:
            time = random.choice(INTEGERS[:1] + INTEGERS[7:8] + INTEGERS[11:] + [b"-1", b"-99999"])
        if name == b"PEXPIREAT" and time.startswith(b"9223372"):
            time = b"7"
        command = [name, self.any_key(), time]
        for _ in range(random.choice([0, 0, 1, 1, 2])):
            command.append(self.option(b"NX", b"XX", b"GT", b"LT", b"XX", b"GT", b"LT", b"FOO"))
        return command

    def row_ttl(self):
        return [self.random.choice([b"TTL", b"PTTL", b"EXPIRETIME", b"PEXPIRETIME"]), self.any_key()]

    def row_persist(self):
        return [b"PERSIST", self.any_key()]

    def row_object(self):
        word = self.option(b"ENCODING", b"ENCODING", b"REFCOUNT", b"IDLETIME", b"FREQ", b"FOO")
        return [b"OBJECT", word, self.any_key()]

    def row_echo(self):
        return [b"ECHO", self.value()]

    def row_getkeys(self):
        inner = self.single()
        command = [b"COMMAND", self.option(b"GETKEYS", b"GETKEYSANDFLAGS")] + inner
        if self.random.random() < 0.1:
            command[2] = b"nosuch"
        return command if len(command) >= 4 else [b"ECHO", b"x"]

    def row_command_info(self):
        return [b"COMMAND", b"INFO", self.random.choice(COMMAND_NAMES)]

    def row_unknown(self):
        random = self.random
        name = random.choice([b"FOO", b"getx", b"a" * 200, b"with\r\nbreak", b"nul\x00byte", b"get ",
                              b"OBJECT", b"CLIENT", b"CONFIG", b"\xff", b"object|encoding", b"%s%n"])
        count = random.randint(0, 5)
        if name in (b"CLIENT", b"CONFIG"):
            return [name, b"nosuch" + random.choice([b"", b"\r\n", b"\x00x"])] + [self.value()] * count
        return [name] + [self.value() for _ in range(count)]
