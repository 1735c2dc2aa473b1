"""containers.py -- random commands on hashes, lists, sets and sorted sets.

A random pick is a step of its own: what is in the key, the pick, which must be of that, and where it
took something away, the end of the key, for the two servers have picked differently.
"""

from arguments import FLOATS, HASH_KEYS, INTEGERS, LEX_KEYS, LIST_KEYS, SET_KEYS, TYPED_KEYS, ZSET_KEYS

MEMBERS = [b"a", b"b", b"c", b"d", b"1", b"2", b"3", b"-1", b"007", b"", b"\x00\xff", b"m" * 64, b"m" * 65,
           b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"40000"]
SCORES = [b"0", b"-0", b"1", b"1", b"2", b"-1", b"1.5", b"inf", b"-inf", b"+inf", b"3.0", b"1e17",
          b"0.1", b"2.3e-308", b"12345678901234567890", b"1.7976931348623157e308", b"3.3333333333333335"]
LEXICAL = [b"-", b"+", b"[a", b"(a", b"[b", b"(c", b"[", b"(", b"[m", b"(\x00", b"[\xff", b"a", b"", b"-x"]


def random_lexical(random):
    return [random.choice(LEXICAL), random.choice(LEXICAL)]


class Containers:
    """The rows of the four types."""

    def member(self):
        if self.random.random() < 0.8:
            return self.random.choice(MEMBERS)
        return self.value()

    def members(self, most=4):
        if self.random.random() < 0.01:
            # Enough to change the encoding.
            first = self.random.randint(-100, 100)
            return [b"%d" % (first + i) for i in range(self.random.choice([100, 130, 520]))]
        return [self.member() for _ in range(self.random.randint(1, most))]

    def of(self, keys):
        """One of the keys, or now and then a key that may have any type."""
        return self.random.choice(keys if self.random.random() < 0.94 else TYPED_KEYS + [b"a"])

    def index(self):
        if self.random.random() < 0.9:
            return b"%d" % self.random.randint(-8, 8)
        return self.random.choice(INTEGERS)

    def count(self):
        if self.random.random() < 0.9:
            return b"%d" % self.random.randint(0, 5)
        return self.random.choice(INTEGERS)

    def score(self):
        way = self.random.random()
        if way < 0.6:
            return self.random.choice(SCORES)
        if way < 0.9:
            return b"%d" % self.random.randint(-20, 20)
        return self.random.choice(FLOATS)

    def bound(self):
        return self.random.choice([b"", b"", b"("]) + self.score()

    def numkeys(self, keys, most=3):
        """A number of keys and the keys; the number is wrong now and then."""
        names = [self.of(keys) for _ in range(self.random.randint(1, most))]
        number = b"%d" % len(names)
        if self.random.random() < 0.04:
            number = self.random.choice([b"0", b"-1", b"7", b"abc", b"9223372036854775807"])
        return [number] + names

    def limit(self):
        return [self.option(b"LIMIT"), self.index(), self.index()]

    def scan_options(self):
        command = [self.random.choice([b"0"] * 8 + [b"x", b""]), b"COUNT", b"100000"]
        if self.random.random() < 0.4:
            command += [b"MATCH", self.random.choice([b"*", b"a*", b"[0-9]*", b"?", b""])]
        if self.random.random() < 0.05:
            command.append(self.option(b"FOO", b"COUNT", b"MATCH", b"TYPE"))
        return command

    def pick(self, look, command, keeps):
        """The step of a random pick."""
        return [look, command] + ([] if keeps else [[b"DEL", command[1]]])

    def pick_count(self):
        return self.random.choice([b"0", b"1", b"2", b"5", b"-1", b"-3", b"-7", b"600", b"abc", b"",
                                   b"9223372036854775808"])

    # Hashes.

    def row_hset(self):
        command = [self.random.choice([b"HSET", b"HSET", b"HMSET"]), self.of(HASH_KEYS)]
        for field in self.members():
            command += [field, self.value() if len(command) < 20 else b"1"]
        return command

    def row_hget(self):
        name = self.random.choice([b"HGET", b"HEXISTS", b"HSTRLEN"])
        return [name, self.of(HASH_KEYS), self.member()]

    def row_hmget(self):
        return [self.random.choice([b"HMGET", b"HDEL"]), self.of(HASH_KEYS)] + self.members()

    def row_hsetnx(self):
        return [b"HSETNX", self.of(HASH_KEYS), self.member(), self.value()]

    def row_hgetall(self):
        return [self.random.choice([b"HGETALL", b"HKEYS", b"HVALS", b"HLEN"]), self.of(HASH_KEYS)]

    def row_hincrby(self):
        if self.random.random() < 0.5:
            return [b"HINCRBY", self.of(HASH_KEYS), self.member(), self.number()]
        step = self.random.choice(FLOATS + [self.number()])
        return [b"HINCRBYFLOAT", self.of(HASH_KEYS), self.member(), step]

    def row_hscan(self):
        name, keys = self.random.choice(
            [(b"HSCAN", HASH_KEYS), (b"SSCAN", SET_KEYS), (b"ZSCAN", ZSET_KEYS)])
        return [name, self.of(keys)] + self.scan_options()

    def row_hrandfield(self):
        key = self.of(HASH_KEYS)
        command = [b"HRANDFIELD", key]
        if self.random.random() < 0.7:
            command.append(self.pick_count())
            if self.random.random() < 0.4:
                command.append(self.option(b"WITHVALUES", b"WITHVALUES", b"WITHSCORES"))
        return self.pick([b"HGETALL", key], command, True)

    # Lists.

    def row_push(self):
        name = self.random.choice([b"LPUSH", b"RPUSH", b"RPUSH", b"LPUSHX", b"RPUSHX"])
        return [name, self.of(LIST_KEYS)] + self.members()

    def row_pop(self):
        command = [self.random.choice([b"LPOP", b"RPOP"]), self.of(LIST_KEYS)]
        if self.random.random() < 0.5:
            command.append(self.count())
        return command

    def row_lrange(self):
        name = self.random.choice([b"LRANGE", b"LRANGE", b"LRANGE", b"LTRIM"])
        return [name, self.of(LIST_KEYS), self.index(), self.index()]

    def row_lindex(self):
        if self.random.random() < 0.3:
            return [b"LLEN", self.of(LIST_KEYS)]
        return [b"LINDEX", self.of(LIST_KEYS), self.index()]

    def row_lset(self):
        return [self.random.choice([b"LSET", b"LREM"]), self.of(LIST_KEYS), self.index(), self.member()]

    def row_linsert(self):
        where = self.option(b"BEFORE", b"AFTER", b"BEFORE", b"AFTER", b"FOO")
        return [b"LINSERT", self.of(LIST_KEYS), where, self.member(), self.member()]

    def row_lpos(self):
        command = [b"LPOS", self.of(LIST_KEYS), self.member()]
        for _ in range(self.random.choice([0, 1, 1, 2, 3])):
            command += [self.option(b"RANK", b"COUNT", b"MAXLEN", b"RANK", b"COUNT", b"FOO"), self.index()]
        return command

    def row_lmove(self):
        side = (b"LEFT", b"RIGHT", b"LEFT", b"RIGHT", b"LEFT", b"RIGHT", b"UP")
        if self.random.random() < 0.3:
            return [b"RPOPLPUSH", self.of(LIST_KEYS), self.of(LIST_KEYS)]
        return [b"LMOVE", self.of(LIST_KEYS), self.of(LIST_KEYS), self.option(*side), self.option(*side)]

    def row_lmpop(self):
        command = [b"LMPOP"] + self.numkeys(LIST_KEYS) + [self.option(b"LEFT", b"RIGHT", b"LEFT", b"MIN")]
        if self.random.random() < 0.5:
            command += [self.option(b"COUNT", b"COUNT", b"COUNT", b"FOO"), self.count()]
        return command

    # Sets.

    def row_sadd(self):
        name = self.random.choice([b"SADD", b"SADD", b"SADD", b"SREM"])
        return [name, self.of(SET_KEYS)] + self.members()

    def row_smembers(self):
        return [self.random.choice([b"SMEMBERS", b"SCARD"]), self.of(SET_KEYS)]

    def row_sismember(self):
        if self.random.random() < 0.5:
            return [b"SISMEMBER", self.of(SET_KEYS), self.member()]
        return [b"SMISMEMBER", self.of(SET_KEYS)] + self.members()

    def row_smove(self):
        return [b"SMOVE", self.of(SET_KEYS), self.of(SET_KEYS), self.member()]

    def row_salgebra(self):
        name = self.random.choice([b"SINTER", b"SUNION", b"SDIFF"])
        keys = [self.of(SET_KEYS) for _ in range(self.random.randint(1, 3))]
        if self.random.random() < 0.5:
            return [name + b"STORE", self.of(SET_KEYS)] + keys
        return [name] + keys

    def row_sintercard(self):
        name, keys = self.random.choice([(b"SINTERCARD", SET_KEYS), (b"ZINTERCARD", ZSET_KEYS)])
        command = [name] + self.numkeys(keys)
        if self.random.random() < 0.4:
            command += [self.option(b"LIMIT", b"LIMIT", b"FOO"), self.index()]
        return command

    def row_spop(self):
        key = self.of(SET_KEYS)
        command = [self.random.choice([b"SPOP", b"SRANDMEMBER"]), key]
        if self.random.random() < 0.7:
            command.append(self.pick_count())
        return self.pick([b"SMEMBERS", key], command, command[0] != b"SPOP")

    # Sorted sets.

    def row_zadd(self):
        command = [b"ZADD", self.of(ZSET_KEYS)]
        if self.random.random() < 0.5:
            command += [self.option(b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR", b"FOO")
                        for _ in range(self.random.choice([1, 1, 2, 3]))]
        for member in self.members():
            command += [self.score(), member]
        return command

    def row_zincrby(self):
        return [b"ZINCRBY", self.of(ZSET_KEYS), self.score(), self.member()]

    def row_zrem(self):
        return [self.random.choice([b"ZREM", b"ZMSCORE"]), self.of(ZSET_KEYS)] + self.members()

    def row_zscore(self):
        name = self.random.choice([b"ZSCORE", b"ZRANK", b"ZREVRANK"])
        return [name, self.of(ZSET_KEYS), self.member()]

    def row_zcard(self):
        if self.random.random() < 0.3:
            return [b"ZCARD", self.of(ZSET_KEYS)]
        return [b"ZCOUNT", self.of(ZSET_KEYS), self.bound(), self.bound()]

    def row_lex(self):
        """Ranges by member, of sorted sets that have one score only: else they mean nothing."""
        random, key, ends = self.random, self.random.choice(LEX_KEYS), random_lexical(self.random)
        way = random.random()
        if way < 0.3:
            return [b"ZADD", key] + [word for member in self.members() for word in (b"0", member)]
        if way < 0.4:
            return [b"ZREM", key] + self.members()
        if way < 0.5:
            return [random.choice([b"ZLEXCOUNT", b"ZREMRANGEBYLEX"]), key] + ends
        if way < 0.7:
            command = [random.choice([b"ZRANGEBYLEX", b"ZREVRANGEBYLEX"]), key] + ends
        else:
            command = [b"ZRANGE", key] + ends + [self.option(b"BYLEX")]
            if random.random() < 0.5:
                command.append(self.option(b"REV", b"REV", b"BYSCORE", b"WITHSCORES"))
        return command + (self.limit() if random.random() < 0.4 else [])

    def range_words(self):
        """The two ends of a range, and the word that says what they are."""
        return self.random.choice([
            lambda: [self.index(), self.index()], lambda: [self.bound(), self.bound(), b"BYSCORE"]])()

    def row_zrange(self):
        command = [b"ZRANGE", self.of(ZSET_KEYS)] + self.range_words()
        if self.random.random() < 0.2:
            command = [b"ZRANGESTORE", self.of(ZSET_KEYS)] + command[1:]
        for _ in range(self.random.choice([0, 0, 1, 1, 2])):
            command += self.random.choice([[self.option(b"WITHSCORES", b"REV")], self.limit(),
                                           [self.option(b"REV", b"BYSCORE", b"FOO")]])
        return command

    def row_zrangeby(self):
        random = self.random
        way = random.random()
        if way < 0.3:
            command = [b"ZREVRANGE", self.of(ZSET_KEYS), self.index(), self.index()]
        else:
            name = random.choice([b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE"])
            command = [name, self.of(ZSET_KEYS), self.bound(), self.bound()]
        for _ in range(random.choice([0, 0, 1, 2])):
            command += random.choice([[self.option(b"WITHSCORES", b"FOO", b"WITHSCORES")], self.limit()])
        return command

    def row_zremrange(self):
        words = self.range_words()
        kind = b"SCORE" if words[-1] == b"BYSCORE" else b"RANK"
        return [b"ZREMRANGEBY" + kind, self.of(ZSET_KEYS)] + words[:2]

    def row_zpop(self):
        if self.random.random() < 0.4:
            command = [b"ZMPOP"] + self.numkeys(ZSET_KEYS) + [self.option(b"MIN", b"MAX", b"MIN", b"LEFT")]
            if self.random.random() < 0.5:
                command += [self.option(b"COUNT", b"COUNT", b"COUNT", b"FOO"), self.count()]
            return command
        command = [self.random.choice([b"ZPOPMIN", b"ZPOPMAX"]), self.of(ZSET_KEYS)]
        if self.random.random() < 0.5:
            command.append(self.count())
        return command

    def row_zalgebra(self):
        random = self.random
        name = random.choice([b"ZUNION", b"ZINTER", b"ZDIFF"])
        sources = self.numkeys(ZSET_KEYS + SET_KEYS[:1])
        if random.random() < 0.5:
            command = [name + b"STORE", self.of(ZSET_KEYS)] + sources
        else:
            command = [name] + sources
        for _ in range(random.choice([0, 1, 1, 2])):
            way = random.random()
            if way < 0.4:
                command += [self.option(b"WEIGHTS")] + [self.score() for _ in sources[1:]]
            elif way < 0.7:
                command += [self.option(b"AGGREGATE"), self.option(b"SUM", b"MIN", b"MAX", b"FOO")]
            else:
                command.append(self.option(b"WITHSCORES", b"WITHSCORES", b"WEIGHTS", b"FOO"))
        return command

    def row_zrandmember(self):
        key = self.of(ZSET_KEYS)
        command = [b"ZRANDMEMBER", key]
        if self.random.random() < 0.7:
            command.append(self.pick_count())
            if self.random.random() < 0.4:
                command.append(self.option(b"WITHSCORES", b"WITHSCORES", b"WITHVALUES"))
        return self.pick([b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"], command, True)
