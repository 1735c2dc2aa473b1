"""arguments.py -- what random commands are made of: keys, numbers, values, options, times."""

KEYS = [b"a", b"b", b"c", b"k1", b"k2", b"counter", b"", b"with space", b"\x00\xff\r\n", b"key:" * 30]
# A few keys for each type, so that commands mostly meet what they are for.
HASH_KEYS = [b"h1", b"h2", b"h\xff"]
LIST_KEYS = [b"l1", b"l2", b"l3"]
SET_KEYS = [b"s1", b"s2", b"s3", b"s4"]
ZSET_KEYS = [b"z1", b"z2", b"z3"]
BIT_KEYS = [b"bits1", b"bits2", b"bits3"]
HLL_KEYS = [b"hll1", b"hll2", b"hll3"]
GEO_KEYS = [b"geo1", b"geo2"]
LEX_KEYS = [b"lex1", b"lex2"]
TYPED_KEYS = (HASH_KEYS + LIST_KEYS + SET_KEYS + ZSET_KEYS + BIT_KEYS + HLL_KEYS + GEO_KEYS +
              [b"none"])
INTEGERS = [
    b"0", b"1", b"-1", b"2", b"10", b"9999", b"10000", b"-100", b"9223372036854775807",
    b"-9223372036854775808", b"9223372036854775806", b"9223372036854775808",
    b"-9223372036854775809", b"18446744073709551615", b"9223372036854775", b"9223372036854776",
    b"+5", b" 5", b"5 ", b"05", b"-0", b"", b"0x10", b"1e3", b"1.0", b"abc", b"1\x00",
]
FLOATS = [
    b"0", b"1.5", b"-0.1", b"3.0e3", b"1e-5", b"0.1", b"-2.25", b"1e17", b"1e300", b"1e400",
    b"1e4932", b"inf", b"-inf", b"nan", b"infinity", b"0x1p3", b"", b" 1", b"1 ", b"abc", b"5.",
    b".5", b"1e", b"-0", b"00012", b"+7", b"123456789.123456789", b"1" * 40,
]
OFFSETS = [
    b"0", b"1", b"5", b"43", b"44", b"45", b"100", b"191", b"192", b"-1", b"-5", b"1000",
    b"536870912", b"600000000", b"4294967296", b"9223372036854775807", b"9223372036854775808",
    b"-9223372036854775808", b"abc", b"",
]
PATTERNS = [
    b"*", b"**", b"a", b"?", b"k?", b"k[12]", b"k[^1]", b"[a-c]", b"[c-a]", b"*e*", b"key:*", b"\\a",
    b"[", b"[a", b"[^", b"", b"*\x00*", b"k[1-", b"\\", b"*" * 20 + b"z", b"[]a]", b"[a-]",
]
DATABASES = [b"0", b"1", b"2", b"15", b"16", b"-1", b"abc", b"99999999999", b"2147483648", b""]


def mixed_case(random, word):
    """Spells a word in some case: commands and options do not mind."""
    way = random.random()
    if way < 0.7:
        return word
    if way < 0.85:
        return word.lower()
    return bytes(random.choice([byte, ord(chr(byte).lower())]) for byte in word)


class Arguments:
    """Arguments from one generator of random numbers, self.random."""

    def key(self):
        return self.random.choice(KEYS)

    def any_key(self):
        """A key that may have any type."""
        return self.random.choice(KEYS if self.random.random() < 0.4 else TYPED_KEYS)

    def number(self):
        if self.random.random() < 0.6:
            return b"%d" % self.random.randint(-1000, 1000)
        return self.random.choice(INTEGERS)

    def value(self):
        random = self.random
        way = random.random()
        if way < 0.35:
            return self.number()
        if way < 0.45:
            return random.choice(FLOATS)
        if way < 0.998:
            size = random.choice([0, 1, 5, 12, 20, 43, 44, 45, 60, 150, 191, 192, 193, 200, 1000])
        else:
            size = random.choice([5000, 70000])
        alphabet = random.choice([b"ab", b"abcdefgh", bytes(range(256))])
        return bytes(random.choice(alphabet) for _ in range(min(size, 300))) * (size // 300 or 1)

    def option(self, *words):
        return mixed_case(self.random, self.random.choice(words))

    def far(self, unit_ms):
        """A relative time that is far away, never twice the same within reason."""
        return b"%d" % (self.random.randint(10**6, 10**12) // unit_ms)

    def bad_time(self):
        return self.random.choice(
            [b"0", b"-1", b"abc", b"", b"9223372036854775808", b"-9223372036854775808", b"1.5"]
        )

    def lifetime(self, *words):
        """EX or one of its kin, mostly valid."""
        random = self.random
        word = self.option(*words)
        kind = word.upper()
        if random.random() < 0.12:
            if kind in (b"EX", b"EXAT") and random.random() < 0.5:
                return [word, b"9223372036854776"]
            return [word, self.bad_time()]
        if kind in (b"EX", b"PX"):
            return [word, self.far(1000 if kind == b"EX" else 1)]
        future_ms = random.randint(4 * 10**12, 8 * 10**12)
        return [word, b"%d" % (future_ms // (1000 if kind == b"EXAT" else 1))]
