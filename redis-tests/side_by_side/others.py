"""others.py -- random commands on bitmaps, HyperLogLogs and places, SORT, transactions, blocking
commands, publishing, and payloads of keys."""

from arguments import BIT_KEYS, GEO_KEYS, HASH_KEYS, HLL_KEYS, LIST_KEYS, SET_KEYS, ZSET_KEYS

BIT_OFFSETS = [b"0", b"1", b"7", b"8", b"9", b"63", b"64", b"1000", b"-1", b"4294967296", b"abc", b"",
               b"#1", b"#0", b"9223372036854775808"]
FIELD_TYPES = [b"u8", b"i8", b"u1", b"i1", b"u63", b"u64", b"i64", b"i65", b"u0", b"i16", b"u5", b"x8",
               b"", b"u", b"i-1", b"U8"]
# 0 would wait for ever.
TIMEOUTS = [b"0.01", b"0.01", b"0.001", b"abc", b"-1", b"", b"1e400", b"nan", b"-0.5"]


class Others:
    """The rows of what is no container."""

    # Bitmaps.

    def bit_offset(self):
        if self.random.random() < 0.85:
            return b"%d" % self.random.randint(0, 100)
        return self.random.choice(BIT_OFFSETS)

    def row_bit(self):
        if self.random.random() < 0.3:
            return [b"GETBIT", self.of(BIT_KEYS), self.bit_offset()]
        bit = self.random.choice([b"1", b"1", b"1", b"0", b"2", b"x"])
        return [b"SETBIT", self.of(BIT_KEYS), self.bit_offset(), bit]

    def row_bitcount(self):
        command = [b"BITCOUNT", self.of(BIT_KEYS)]
        if self.random.random() < 0.4:
            command = [b"BITPOS", self.of(BIT_KEYS), self.random.choice([b"0", b"1", b"1", b"2"])]
        for _ in range(self.random.choice([0, 1, 2, 2])):
            command.append(self.index())
        if self.random.random() < 0.4:
            command.append(self.option(b"BIT", b"BYTE", b"BIT", b"FOO"))
        return command

    def row_bitop(self):
        word = self.option(b"AND", b"OR", b"XOR", b"NOT", b"FOO")
        keys = [self.of(BIT_KEYS) for _ in range(1 if word.upper() == b"NOT" else 2)]
        return [b"BITOP", word, self.of(BIT_KEYS)] + keys

    def row_bitfield(self):
        command = [self.random.choice([b"BITFIELD", b"BITFIELD", b"BITFIELD_RO"]), self.of(BIT_KEYS)]
        for _ in range(self.random.randint(1, 4)):
            word = self.option(b"GET", b"GET", b"SET", b"INCRBY", b"OVERFLOW", b"FOO")
            kind = self.random.choice(FIELD_TYPES[:8] if self.random.random() < 0.9 else FIELD_TYPES)
            command.append(word)
            if word.upper() == b"OVERFLOW":
                command.append(self.option(b"WRAP", b"SAT", b"FAIL", b"FOO"))
                continue
            command += [kind, self.bit_offset()]
            if word.upper() != b"GET":
                command.append(self.number())
        return command

    # HyperLogLogs: their bytes are a string's, and equal too.

    def row_hll(self):
        way = self.random.random()
        if way < 0.5:
            return [b"PFADD", self.of(HLL_KEYS)] + self.members()[: self.random.choice([0, 1, 3, 200])]
        keys = [self.of(HLL_KEYS) for _ in range(self.random.randint(1, 3))]
        return [self.random.choice([b"PFCOUNT", b"PFMERGE"])] + keys

    # Places.

    def place(self):
        return [b"%.6f" % self.random.uniform(-181, 181), b"%.6f" % self.random.uniform(-86, 86)]

    def row_geoadd(self):
        command = [b"GEOADD", self.of(GEO_KEYS)]
        if self.random.random() < 0.2:
            command.append(self.option(b"NX", b"XX", b"CH", b"FOO"))
        for member in self.members()[:4]:
            command += self.place() + [member]
        return command

    def row_geo(self):
        name = self.random.choice([b"GEOPOS", b"GEOHASH", b"GEODIST"])
        if name != b"GEODIST":
            return [name, self.of(GEO_KEYS)] + self.members()[:4]
        unit = [self.option(b"m", b"km", b"mi", b"ft", b"FOO")] if self.random.random() < 0.5 else []
        return [name, self.of(GEO_KEYS), self.member(), self.member()] + unit

    def row_geosearch(self):
        command = [b"GEOSEARCH", self.of(GEO_KEYS)]
        if self.random.random() < 0.3:
            command = [b"GEOSEARCHSTORE", self.of(GEO_KEYS), self.of(GEO_KEYS)]
        if self.random.random() < 0.5:
            command += [self.option(b"FROMMEMBER"), self.member()]
        else:
            command += [self.option(b"FROMLONLAT")] + self.place()
        size = b"%d" % self.random.choice([0, 1, 100, 5000, 20000, -1])
        unit = self.option(b"km", b"m", b"mi", b"FOO") if self.random.random() < 0.3 else b"km"
        if self.random.random() < 0.5:
            command += [self.option(b"BYRADIUS"), size, unit]
        else:
            command += [self.option(b"BYBOX"), size, size, unit]
        # In one order, since the order without any is that of memory.
        command.append(self.option(b"ASC", b"DESC"))
        for _ in range(self.random.choice([0, 1, 2])):
            command += self.random.choice(
                [[self.option(b"WITHCOORD", b"WITHDIST", b"WITHHASH")], [b"COUNT", self.count()],
                 [self.option(b"STOREDIST", b"ANY", b"FOO")]])
        return command

    # SORT.

    def row_sort(self):
        random = self.random
        keys = random.choice([LIST_KEYS, SET_KEYS, ZSET_KEYS])
        # A copy: Redis makes a sorted set that it sorts a skiplist for good, a reading side effect
        # that no other node would share.
        copy = b"to sort"
        command = [random.choice([b"SORT", b"SORT", b"SORT_RO"]), copy]
        alpha = random.random() < 0.6
        if alpha:
            command.append(self.option(b"ALPHA"))
        # Equal weights leave the order open, and to ALPHA a text ends at its first NUL.
        unsorted = random.random() < 0.2
        make = [b"COPY", self.of(keys), copy, b"REPLACE"]
        if unsorted:
            command += [self.option(b"BY"), b"nosort"]
            # Not of a set, which has no order.
            make = [b"RPUSH", copy] + self.members()
            if random.random() < 0.5:
                make = [b"ZADD", copy] + [word for each in self.members() for word in (b"1", each)]
        if random.random() < 0.3:
            command += self.limit()
        if random.random() < 0.3:
            command.append(self.option(b"DESC", b"ASC"))
        if alpha and not unsorted:
            return self.sort_of_copy(make, command)
        if random.random() < 0.3:
            pattern = random.choice([b"#", b"h1->*", b"*", b"none*", b"*->a", b"", b"#x", b"h*->a"])
            command += [self.option(b"GET"), pattern]
        if random.random() < 0.2:
            command += [self.option(b"STORE", b"STORE", b"FOO"), self.of(LIST_KEYS)]
        return self.sort_of_copy(make, command)

    def sort_of_copy(self, make, command):
        """The step of a SORT of a key that is made for it."""
        # The ZADD parses a number: Redis's SORT takes an errno left from earlier for its own.
        return [[b"DEL", command[1]], make, [b"ZADD", b"none", b"XX", b"0", b"a"],
                command, [b"DEL", command[1]]]

    # Transactions.

    def row_multi(self):
        steps = [[b"MULTI"]]
        if self.random.random() < 0.3:
            steps = [[b"WATCH", self.any_key(), self.any_key()]] + steps
            if self.random.random() < 0.5:
                steps.insert(1, self.single())
            if self.random.random() < 0.2:
                steps.insert(2, [b"UNWATCH"])
        for _ in range(self.random.randint(0, 5)):
            steps.append(self.single())
        if self.random.random() < 0.1:
            steps.append(self.random.choice([[b"MULTI"], [b"WATCH", b"a"], [b"NOSUCH"], [b"GET"],
                                             [b"UNWATCH"], [b"EXEC", b"x"], [b"DISCARD", b"x"]]))
        steps.append(self.random.choice([[b"EXEC"], [b"EXEC"], [b"EXEC"], [b"EXEC"], [b"DISCARD"]]))
        return steps

    def row_no_multi(self):
        return [self.random.choice([b"EXEC", b"DISCARD", b"UNWATCH"])]

    # Commands that wait: here for a moment only, or within a transaction, where they never do.

    def blocking(self):
        random = self.random
        timeout = random.choice(TIMEOUTS)
        way = random.random()
        if way < 0.3:
            keys = [self.of(LIST_KEYS) for _ in range(random.randint(1, 3))]
            return [random.choice([b"BLPOP", b"BRPOP"])] + keys + [timeout]
        if way < 0.5:
            keys = [self.of(ZSET_KEYS) for _ in range(random.randint(1, 3))]
            return [random.choice([b"BZPOPMIN", b"BZPOPMAX"])] + keys + [timeout]
        if way < 0.6:
            return [b"BRPOPLPUSH", self.of(LIST_KEYS), self.of(LIST_KEYS), timeout]
        if way < 0.75:
            return [b"BLMOVE"] + self.move_words() + [timeout]
        if way < 0.9:
            return [b"BLMPOP", timeout] + self.row_lmpop()[1:]
        return [b"BZMPOP", timeout] + self.numkeys(ZSET_KEYS) + [self.option(b"MIN", b"MAX", b"FOO")]

    def move_words(self):
        return [self.of(LIST_KEYS), self.of(LIST_KEYS), self.option(b"LEFT", b"RIGHT"),
                self.option(b"LEFT", b"RIGHT", b"LEFT", b"FOO")]

    def row_blocking(self):
        if self.random.random() < 0.3:
            # Two commands, so that no argument is spoiled.
            return [self.blocking(), [b"PING"]]
        return [[b"MULTI"], self.blocking(), self.blocking(), [b"EXEC"]]

    # Publishing, to nobody; subscribing for a moment.

    def row_subscribe(self):
        kind = self.random.choice([b"", b"P", b"S"])
        channel = self.random.choice([b"c", b"", b"c*", b"\x00"])
        return [[kind + b"SUBSCRIBE", channel], [kind + b"UNSUBSCRIBE", channel]]

    def row_publish(self):
        channel = self.random.choice([b"c", b"", b"\x00"])
        return self.random.choice([
            [b"PUBLISH", channel, self.value()], [b"SPUBLISH", channel, self.value()],
            [b"PUBSUB", b"NUMSUB", channel], [b"PUBSUB", b"NUMPAT"], [b"PUBSUB", b"CHANNELS"],
            [b"PUBSUB", b"NOSUCH"], [b"PUBSUB", b"SHARDNUMSUB", channel]])

    # Payloads.

    def row_restore(self):
        if self.random.random() < 0.3:
            return [b"DUMP", self.any_key()]
        command = [b"RESTORE", self.any_key(), self.random.choice([b"0", b"0", b"-1", b"x", b"100000"]),
                   self.value()]
        if self.random.random() < 0.3:
            command.append(self.option(b"REPLACE", b"ABSTTL", b"IDLETIME", b"FREQ", b"FOO"))
        return command

    def row_look(self):
        """A random look at one key, by the command that fits."""
        keys, look = self.random.choice([
            (HASH_KEYS, [b"HGETALL"]), (LIST_KEYS, [b"LRANGE", b"0", b"-1"]), (SET_KEYS, [b"SMEMBERS"]),
            (ZSET_KEYS, [b"ZRANGE", b"0", b"-1", b"WITHSCORES"]), (BIT_KEYS, [b"GET"]),
            (HLL_KEYS, [b"GET"]), (GEO_KEYS, [b"ZRANGE", b"0", b"-1"])])
        return [look[0], self.random.choice(keys)] + look[1:]
