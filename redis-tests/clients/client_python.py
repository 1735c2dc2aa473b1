#!/usr/bin/python3
"""client_python.py -- Quorum as a user of redis-py sees it.

    client_python.py PORT [PORT...]

Works through the node on the first port, best a follower; the others are looked at where it is said
that every node answers alike. The last line is "N passed, N failed".
"""

import sys
import threading
import time
import traceback

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

TIMEOUT_S = 10


class Checks:
    """Counts what held and what did not, and goes on."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def equal(self, what, answer, expected):
        """One check: an answer is exactly as expected."""
        if answer == expected and type(answer) is type(expected):
            self.passed += 1
        else:
            self.failed += 1
            print("  FAILED: %s\n    answered %r\n    expected %r" % (what, answer, expected))

    def holds(self, what, condition):
        """One check: something is true."""
        self.equal(what, bool(condition), True)

    def raises(self, what, error, words, call):
        """One check: a call raises an error with these words."""
        try:
            answer = call()
        except error as raised:
            self.holds("%s: %s in %s" % (what, words, raised), words in str(raised))
        else:
            self.equal(what, answer, error)


def connect(port, **options):
    """A client of one node that gives up rather than wait for ever."""
    return redis.Redis(host="127.0.0.1", port=port, socket_timeout=TIMEOUT_S, **options)


def strings(checks, client, _ports):
    """Strings, with bytes as they are."""
    every_byte = bytes(range(256))
    checks.equal("SET", client.set("py:bytes", every_byte), True)
    checks.equal("GET", client.get("py:bytes"), every_byte)
    checks.equal("GET of no key", client.get("py:none"), None)
    checks.equal("SET NX of a key", client.set("py:bytes", "x", nx=True), None)
    checks.equal("SET XX of no key", client.set("py:none", "x", xx=True), None)
    checks.equal("SET GET", client.set("py:bytes", "new", get=True), every_byte)
    checks.equal("APPEND", client.append("py:bytes", "er"), 5)
    checks.equal("GETRANGE", client.getrange("py:bytes", 1, -2), b"ewe")
    checks.equal("SETRANGE", client.setrange("py:bytes", 3, "est"), 6)
    checks.equal("STRLEN", client.strlen("py:bytes"), 6)
    checks.equal("GETDEL", client.getdel("py:bytes"), b"newest")
    checks.equal("EXISTS", client.exists("py:bytes", "py:none"), 0)
    checks.equal("SET of 1 MB", client.set("py:large", b"x" * 10**6), True)
    checks.equal("GET of 1 MB", client.get("py:large"), b"x" * 10**6)
    checks.equal("DEL", client.delete("py:large", "py:none"), 1)
    checks.equal("LCS", client.mset({"py:a": "ohmytext", "py:b": "mynewtext"}), True)
    checks.equal("LCS", client.lcs("py:a", "py:b"), b"mytext")
    checks.equal("RENAME", client.rename("py:a", "py:c"), True)
    checks.equal("COPY", client.copy("py:c", "py:a"), True)
    checks.equal("TYPE", client.type("py:a"), b"string")
    checks.equal("OBJECT ENCODING", client.object("encoding", "py:a"), b"embstr")


def numbers(checks, client, _ports):
    """Counters."""
    checks.equal("INCR", client.incr("py:n"), 1)
    checks.equal("INCRBY", client.incr("py:n", 41), 42)
    checks.equal("DECRBY", client.decr("py:n", 2), 40)
    checks.equal("INCRBYFLOAT", client.incrbyfloat("py:f", 0.5), 0.5)
    client.set("py:text", "abc")
    checks.raises("INCR of text", redis.ResponseError, "not an integer",
                  lambda: client.incr("py:text"))
    checks.raises("an unknown command", redis.ResponseError, "unknown command",
                  lambda: client.execute_command("NOSUCH"))
    checks.equal("after errors the connection is in step", client.get("py:n"), b"40")


def several(checks, client, _ports):
    """MSET, MGET and pipelines."""
    pairs = {"py:m:%d" % i: "value %d" % i for i in range(500)}
    checks.equal("MSET", client.mset(pairs), True)
    checks.equal("MGET", client.mget(list(pairs) + ["py:none"]),
                 [value.encode() for value in pairs.values()] + [None])
    checks.equal("MSETNX", client.msetnx({"py:m:0": "x", "py:m:new": "x"}), False)
    pipeline = client.pipeline(transaction=False)
    for key in pairs:
        pipeline.append(key, "!").get(key).strlen(key)
    expected = []
    for value in pairs.values():
        expected += [len(value) + 1, value.encode() + b"!", len(value) + 1]
    checks.equal("a pipeline of writes and reads answers in order", pipeline.execute(), expected)
    pipeline.set("py:p", "abc").incr("py:p").get("py:p")
    answers = pipeline.execute(raise_on_error=False)
    checks.equal("an error within a pipeline", [type(answer) for answer in answers],
                 [bool, redis.ResponseError, bytes])


def containers(checks, client, ports):
    """Hashes, lists, sets, sorted sets and places, as redis-py parses them."""
    checks.equal("HSET", client.hset("py:hash", mapping={"a": 1, "b": "x"}), 2)
    checks.equal("HGETALL", client.hgetall("py:hash"), {b"a": b"1", b"b": b"x"})
    checks.equal("HINCRBYFLOAT", client.hincrbyfloat("py:hash", "a", 0.5), 1.5)
    checks.equal("RPUSH", client.rpush("py:list", "a", "b", "c"), 3)
    checks.equal("LRANGE", client.lrange("py:list", 0, -1), [b"a", b"b", b"c"])
    checks.equal("LPOS", client.lpos("py:list", "c"), 2)
    checks.equal("LMPOP", client.lmpop(1, "py:list", direction="LEFT"), [b"py:list", [b"a"]])
    checks.equal("BLPOP", client.blpop(["py:none", "py:list"], timeout=5), (b"py:list", b"b"))
    checks.equal("BLPOP of nothing", client.blpop("py:none", timeout=0.1), None)
    waiting = []
    thread = threading.Thread(
        target=lambda: waiting.append(connect(ports[0]).brpop("py:queue", timeout=5)))
    thread.start()
    time.sleep(0.2)
    connect(ports[-1]).lpush("py:queue", "job")
    thread.join()
    checks.equal("BRPOP of what another node was given", waiting, [(b"py:queue", b"job")])
    checks.equal("SADD", client.sadd("py:set", "a", "b", "c"), 3)
    checks.equal("SMEMBERS", client.smembers("py:set"), {b"a", b"b", b"c"})
    checks.equal("SINTERCARD", client.sintercard(1, ["py:set"]), 3)
    checks.holds("SPOP", client.spop("py:set") in (b"a", b"b", b"c"))
    checks.equal("ZADD", client.zadd("py:zset", {"a": 1.5, "b": 2, "c": float("inf")}), 3)
    checks.equal("ZRANGE", client.zrange("py:zset", 0, -1, withscores=True),
                 [(b"a", 1.5), (b"b", 2.0), (b"c", float("inf"))])
    checks.equal("ZRANGE by score", client.zrange("py:zset", "(1.5", 3, byscore=True), [b"b"])
    checks.equal("ZRANK", client.zrank("py:zset", "c"), 2)
    checks.equal("GEOADD", client.geoadd("py:geo", (13.361389, 38.115556, "Palermo")), 1)
    checks.equal("GEOSEARCH", client.geosearch("py:geo", longitude=15, latitude=37, radius=200,
                                               unit="km"), [b"Palermo"])
    checks.equal("PFADD", client.pfadd("py:hll", "a", "b"), 1)
    checks.equal("SORT", client.sort("py:zset", alpha=True, desc=True), [b"c", b"b", b"a"])


def transactions(checks, client, ports):
    """MULTI, and WATCH of what another node changes."""
    with client.pipeline() as pipeline:
        pipeline.set("py:multi", 1).incr("py:multi").get("py:multi")
        checks.equal("MULTI", pipeline.execute(), [True, 2, b"2"])
        pipeline.watch("py:multi")
        connect(ports[-1]).set("py:multi", 5)
        pipeline.multi()
        pipeline.set("py:multi", 6)
        checks.raises("WATCH", redis.WatchError, "Watched variable changed", pipeline.execute)
    checks.equal("what the other has set stays", client.get("py:multi"), b"5")


def expiry(checks, client, _ports):
    """Keys with a time to live."""
    checks.equal("SET EX", client.set("py:ttl", "x", ex=1000), True)
    checks.holds("TTL", 990 <= client.ttl("py:ttl") <= 1000)
    checks.holds("EXPIRETIME", abs(client.expiretime("py:ttl") - time.time() - 1000) < 20)
    checks.equal("EXPIRE NX", client.expire("py:ttl", 5, nx=True), False)
    checks.equal("GETEX", client.getex("py:ttl", px=500000), b"x")
    checks.holds("PTTL", 490000 <= client.pttl("py:ttl") <= 500000)
    checks.equal("PERSIST", client.persist("py:ttl"), True)
    checks.equal("TTL of a key without", client.ttl("py:ttl"), -1)
    checks.equal("TTL of no key", client.ttl("py:none"), -2)
    checks.equal("SETEX", client.setex("py:ttl", 100, "y"), True)
    checks.equal("PSETEX", client.psetex("py:short", 50, "x"), True)
    end = time.monotonic() + TIMEOUT_S
    while client.exists("py:short") and time.monotonic() < end:
        time.sleep(0.02)
    checks.equal("a key is gone when its time is over", client.get("py:short"), None)


def scanning(checks, client, ports):
    """SCAN, also when its cursor goes from node to node."""
    wanted = {b"py:scan:%d" % i for i in range(1000)}
    client.mset({key: "x" for key in wanted})
    found = list(client.scan_iter(match="py:scan:*", count=50))
    checks.equal("scan_iter finds every key", set(found), wanted)
    checks.equal("scan_iter finds none twice", len(found), len(set(found)))
    checks.equal("scan_iter by type", list(client.scan_iter(match="py:scan:*", _type="list")), [])
    checks.equal("KEYS", set(client.keys("py:scan:*")), wanted)
    clients = [connect(port) for port in ports]
    cursor, found, turns = 0, set(), 0
    while turns == 0 or cursor != 0:
        cursor, keys = clients[turns % len(clients)].scan(cursor, match="py:scan:*", count=25)
        found |= set(keys)
        turns += 1
        # Other keys that come and go meanwhile must not hide any.
        client.set("py:passing:%d" % turns, "x")
        client.delete("py:passing:%d" % (turns - 20))
    checks.equal("a cursor handed on from node to node finds every key", found, wanted)
    checks.holds("it took several turns on each node", turns >= 3 * len(clients))


def text(checks, _client, ports):
    """decode_responses, and databases."""
    client = connect(ports[0], decode_responses=True, db=3)
    checks.equal("SET of text", client.set("py:té", "größe"), True)
    checks.equal("GET of text", client.get("py:té"), "größe")
    checks.equal("keys as text", client.keys(), ["py:té"])
    checks.equal("DBSIZE", client.dbsize(), 1)
    checks.equal("MOVE", client.move("py:té", 4), True)
    checks.equal("SWAPDB", client.swapdb(3, 4), True)
    checks.equal("GET after both", client.get("py:té"), "größe")
    checks.equal("FLUSHDB", client.flushdb(), True)
    checks.equal("DBSIZE of nothing", client.dbsize(), 0)


def pools(checks, _client, ports):
    """Many threads on one pool."""
    pool = redis.BlockingConnectionPool(host="127.0.0.1", port=ports[0], max_connections=10,
                                        timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S)
    client = redis.Redis(connection_pool=pool)
    errors = []

    def count():
        try:
            for _ in range(50):
                client.incr("py:pool")
        except redis.RedisError as error:
            errors.append(error)

    threads = [threading.Thread(target=count) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    checks.equal("20 threads on 10 connections have no errors", errors, [])
    checks.equal("and none of their writes is lost", client.get("py:pool"), b"1000")
    pool.disconnect()
    checks.equal("a pool connects again", client.get("py:pool"), b"1000")


def connections(checks, client, ports):
    """Names, lists of clients, being killed and trying again."""
    named = connect(ports[0], client_name="py-named", single_connection_client=True)
    checks.equal("PING", named.ping(), True)
    checks.equal("ECHO", named.echo("x"), b"x")
    checks.equal("CLIENT GETNAME", named.client_getname(), "py-named")
    checks.equal("CLIENT SETNAME", named.client_setname("py-renamed"), True)
    listed = [one for one in client.client_list() if one["name"] == "py-renamed"]
    checks.equal("CLIENT LIST has the name once", len(listed), 1)
    checks.equal("CLIENT LIST has the command", listed[0]["cmd"], "client|setname")
    checks.equal("CLIENT LIST has the id", listed[0]["id"], str(named.client_id()))
    checks.equal("CLIENT INFO", named.client_info()["name"], "py-renamed")
    retrying = connect(ports[0], client_name="py-retrying", retry=Retry(ConstantBackoff(0.05), 5),
                       retry_on_error=[redis.ConnectionError], single_connection_client=True)
    retrying.set("py:retry", "before")
    checks.equal("CLIENT KILL", client.client_kill_filter(_id=retrying.client_id()), 1)
    checks.equal("a client that tries again gets its answer", retrying.get("py:retry"), b"before")
    checks.equal("and has told its name again", retrying.client_getname(), "py-retrying")
    checks.equal("CLIENT NO-EVICT", client.client_no_evict("ON"), b"OK")
    checks.raises("AUTH while no password is set", redis.ResponseError,
                  "called without any password configured",
                  lambda: connect(ports[0], password="wrong").ping())


# What tools read: redis-py's own users, RedisInsight, redis_exporter, ioredis.
INFO_FIELDS = {
    "redis_version": str, "redis_mode": str, "redis_build_id": int, "os": str, "process_id": int,
    "run_id": str, "tcp_port": int, "uptime_in_seconds": int, "uptime_in_days": int,
    "connected_clients": int, "blocked_clients": int, "used_memory": int, "used_memory_human": str,
    "used_memory_rss": int, "used_memory_peak": int, "maxmemory": int, "maxmemory_policy": str,
    "mem_fragmentation_ratio": float, "number_of_cached_scripts": int, "loading": int,
    "rdb_changes_since_last_save": int, "rdb_last_save_time": int, "aof_enabled": int,
    "aof_rewrite_in_progress": int, "total_connections_received": int,
    "total_commands_processed": int, "instantaneous_ops_per_sec": int, "rejected_connections": int,
    "expired_keys": int, "evicted_keys": int, "keyspace_hits": int, "keyspace_misses": int,
    "pubsub_channels": int, "latest_fork_usec": int, "role": str, "connected_slaves": int,
    "master_repl_offset": int, "master_replid": str, "used_cpu_sys": float, "used_cpu_user": float,
    "cluster_enabled": int, "raft_node_id": str, "raft_role": str, "raft_applied_index": int,
}


def information(checks, client, ports):
    """INFO, CONFIG, COMMAND, ROLE and TIME, as redis-py parses them."""
    info = client.info()
    for field, kind in INFO_FIELDS.items():
        # A number without a fraction is an int to redis-py, and a hash may be all digits.
        checks.holds("INFO has %s, a %s" % (field, kind.__name__), field in info and
                     (isinstance(info[field], kind) or isinstance(info[field], int)))
    checks.equal("INFO keyspace", sorted(info["db0"]), ["avg_ttl", "expires", "keys"])
    checks.holds("INFO commandstats", client.info("commandstats")["cmdstat_get"]["calls"] > 0)
    checks.holds("INFO errorstats", client.info("errorstats")["errorstat_ERR"].startswith("count="))
    masters = 0
    for port in ports:
        replication = connect(port).info("replication")
        if replication["role"] == "master":
            masters += 1
            first = replication["slave0"]
            checks.equal("slave0 of INFO", sorted(first), ["ip", "lag", "offset", "port", "state"])
        else:
            checks.equal("master_link_status", replication["master_link_status"], "up")
            checks.holds("master_port", replication["master_port"] in ports)
    checks.equal("one master among all", masters, 1 if len(ports) > 1 else masters)
    options = client.config_get("*")
    checks.holds("CONFIG GET * is a flat map of text", len(options) > 20 and all(
        isinstance(name, str) and isinstance(value, str) for name, value in options.items()))
    checks.equal("CONFIG GET of one", client.config_get("databases"), {"databases": "16"})
    checks.raises("CONFIG SET of none", redis.ResponseError, "nosuch",
                  lambda: client.config_set("nosuch", 1))
    commands = client.command()
    checks.equal("COMMAND has as many as COMMAND COUNT", len(commands), client.command_count())
    checks.equal("COMMAND about GET", commands["get"]["first_key_pos"], 1)
    checks.equal("COMMAND GETKEYS", client.command_getkeys("MSET", "a", 1, "b", 2), ["a", "b"])
    checks.holds("TIME", abs(client.time()[0] - time.time()) < 60)
    checks.holds("ROLE", client.execute_command("ROLE")[0] in (b"master", b"slave"))
    checks.holds("WAIT", client.wait(1, 1000) >= 1)


def everywhere(checks, client, ports):
    """A write here is seen there, at once."""
    for turn in range(20):
        client.set("py:everywhere", turn)
        for port in ports:
            checks.equal("read on %d" % port, connect(port).get("py:everywhere"), b"%d" % turn)


def cleaning(checks, client, _ports):
    """Leaves nothing behind."""
    keys = client.keys("py:*")
    checks.equal("all is removed at the end", client.delete(*keys), len(keys))


def main():
    """Runs all; a broken part is one failure and the others go on."""
    ports = [int(argument) for argument in sys.argv[1:]]
    checks = Checks()
    client = connect(ports[0])
    for part in (strings, numbers, several, containers, transactions, expiry, scanning, text, pools,
                 connections, information, everywhere, cleaning):
        try:
            part(checks, client, ports)
        except Exception:
            checks.failed += 1
            print("  FAILED: %s ended early" % part.__name__)
            traceback.print_exc(file=sys.stdout)
    print("  redis-py %s" % redis.__version__)
    print("%d passed, %d failed" % (checks.passed, checks.failed))
    return 1 if checks.failed or not checks.passed else 0


if __name__ == "__main__":
    sys.exit(main())
