"""compare.py -- whether two raw replies to a command mean the same.

Equal bytes always do. What else does: the elements of a set in another order, a random pick that is of
what was there, times and what moves with them, and payloads.
"""

import resp

TIME_TOLERANCE_MS = 5000
TIME_COMMANDS = {b"TTL": 1000, b"EXPIRETIME": 1000, b"PTTL": 1, b"PEXPIRETIME": 1}
SET_LIKE = {b"KEYS", b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"HKEYS", b"HVALS"}
# The step looks at the key, picks, and ends the key if something was taken.
LCS_TOO_LARGE = b"ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
BIT_WRITERS = {b"SETBIT", b"BITFIELD"}
PICKS = {b"SPOP", b"SRANDMEMBER", b"HRANDFIELD", b"ZRANDMEMBER"}


def is_error(tree):
    return tree[0] == b"-"


def near(a, b, tolerance):
    """Two answers about a time: equal, or both a time and close to each other."""
    if a[0] != b":" or b[0] != b":" or a[1] < 0 or b[1] < 0:
        return a == b
    return abs(a[1] - b[1]) <= tolerance


def any_order(a, b):
    return a[0] == b[0] and isinstance(a[1], list) and isinstance(b[1], list) and sorted(
        map(repr, a[1])) == sorted(map(repr, b[1]))


def in_pairs(tree):
    """Pairs laid flat, with each pair made one element."""
    kind, values = tree
    return (kind, list(zip(values[0::2], values[1::2]))) if isinstance(values, list) else tree


def same_scan(name, a, b):
    if a[0] != b"*" or b[0] != b"*" or a[1][0] != b[1][0]:
        return False
    if name in (b"HSCAN", b"ZSCAN"):
        return any_order(in_pairs(a[1][1]), in_pairs(b[1][1]))
    return any_order(a[1][1], b[1][1])


def leaves(tree):
    """The values in a reply, at any depth."""
    if not isinstance(tree[1], list):
        return [tree[1]]
    return [leaf for element in tree[1] for leaf in leaves(element)]


def shape(tree):
    """The kinds of a reply, without its values."""
    return (tree[0], [shape(each) for each in tree[1]]) if isinstance(tree[1], list) else tree[0]


def same_pick(command, a, b, before):
    """Two random picks are alike in shape; ours is of what was there, and once only if counted so."""
    picked = leaves(a)
    if shape(a) != shape(b) or (before is None and picked):
        return False
    if not isinstance(a[1], list):
        return picked[0] is None or picked[0] in leaves(before)
    distinct = not command[2].startswith(b"-") and len(command) == 3
    return set(picked) <= set(leaves(before)) and (not distinct or len(set(picked)) == len(picked))


def same_object(command, a, b, has_bits):
    word = command[1].upper() if len(command) > 1 else b""
    # A SETBIT or BITFIELD that changes no bit makes a string raw in Redis, though WATCH sees no
    # change; here what changes nothing changes nothing.
    if word == b"ENCODING":
        return has_bits and b[1] == b"raw" and a[1] in (b"embstr", b"int")
    # Redis counts references to its shared small integers, which a copy is not.
    if word == b"REFCOUNT":
        return a[0] == b[0] == b":"
    return word == b"IDLETIME" and near(a, b, TIME_TOLERANCE_MS)


def without_minus_zero(tree):
    """Quorum has one zero among scores; Redis has it in small sorted sets only."""
    kind, value = tree
    if isinstance(value, list):
        return kind, [without_minus_zero(each) for each in value]
    return kind, b"0" if value == b"-0" else value


def cut_at_nul(tree):
    """What SORT ALPHA compares by: of equal ones, any may come first."""
    return tree[0], [value and value.split(b"\0")[0] for _, value in tree[1]]


def same_trees(command, a, b, before=None, has_bits=False):
    """As same(), of replies already parsed and not equal."""
    name = command[0].upper()
    if is_error(a) or is_error(b):
        # The default of proto-max-bulk-len is lower than Redis's, and bounds what LCS may take.
        return name == b"LCS" and a == (b"-", LCS_TOO_LARGE)
    if name in PICKS:
        return same_pick(command, a, b, before)
    if name.startswith((b"Z", b"BZ")):
        a, b = without_minus_zero(a), without_minus_zero(b)
        if a == b:
            return True
    if name.startswith(b"SORT"):
        return shape(a) == shape(b) and isinstance(a[1], list) and cut_at_nul(a) == cut_at_nul(b)
    if name in SET_LIKE:
        return any_order(a, b)
    if name == b"HGETALL":
        return any_order(in_pairs(a), in_pairs(b))
    if name.endswith(b"SCAN"):
        return same_scan(name, a, b)
    if name in TIME_COMMANDS:
        return near(a, b, TIME_TOLERANCE_MS / TIME_COMMANDS[name])
    if name == b"RANDOMKEY":
        return a[0] == b[0] and a[1] is not None and b[1] is not None
    if name == b"OBJECT":
        return same_object(command, a, b, has_bits)
    return name == b"DUMP" and a[0] == b[0] and a[1] is not None and b[1] is not None


class Comparison:
    """Follows one pair of connections, since what a reply means may depend on what was before it."""

    def __init__(self):
        self.queued = []
        self.before = None
        self.has_bits = False

    def same(self, command, ours, theirs):
        """Whether two raw replies to the next command mean the same."""
        alike = ours == theirs or self._same(command, ours, theirs)
        self.has_bits = self.has_bits or command[0].upper() in BIT_WRITERS
        self.before = ours
        if ours == b"+QUEUED\r\n":
            self.queued.append(command)
        elif command[0].upper() in (b"EXEC", b"DISCARD"):
            self.queued = []
        return alike

    def _same(self, command, ours, theirs):
        a, b = resp.parse(ours), resp.parse(theirs)
        if command[0].upper() == b"EXEC":
            return (a[0] == b[0] == b"*" and bool(a[1]) and bool(b[1]) and len(a[1]) == len(b[1]) and
                    all(x == y or same_trees(queued, x, y, has_bits=self.has_bits)
                        for queued, x, y in zip(self.queued, a[1], b[1])))
        # Only a pick asks.
        is_pick = command[0].upper() in PICKS and self.before is not None
        return same_trees(command, a, b, resp.parse(self.before) if is_pick else None, self.has_bits)
