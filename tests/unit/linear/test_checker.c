/* test_checker.c -- the judge is judged: histories known to be good or bad, and random ones against
 * the definition itself, every order tried. */
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "lib/unit.h"
#include "linear/checker.h"
#include "linear/model.h"

enum { CONFIGURATIONS_MAX = 1000 * 1000 };

static enum checker_verdict judge_text(const char *text, uint64_t configurations_max)
{
    struct history history = {0};
    uint32_t line = 0;
    enum checker_verdict verdict = CHECKER_INVALID;
    if (history_parse(&history, slice_of_string(text), &line) == RESULT_OK) {
        struct checker_report report;
        checker_check(&history, configurations_max, &report);
        verdict = report.verdict;
        CU_ASSERT_EQUAL(verdict == CHECKER_LINEARIZABLE, buf_size(&report.explanation) == 0);
        buf_deinit(&report.explanation);
    }
    history_deinit(&history);
    return verdict;
}

static void expect(const char *name, const char *text, enum checker_verdict verdict)
{
    enum checker_verdict found = judge_text(text, CONFIGURATIONS_MAX);
    if (found != verdict) {
        printf("history '%s': verdict %d, not %d\n", name, (int)found, (int)verdict);
    }
    CU_ASSERT_EQUAL(found, verdict);
}

static const struct {
    const char *name;
    const char *text;
} good[] = {
    {"empty", ""},
    {"touching operations are concurrent", "1 0 5 SET x 1 => +OK\n2 5 9 GET x => nil\n"},
    {"a read sees a write under way", "1 0 100 SET x 1 => +OK\n2 10 20 GET x => \"1\"\n"},
    {"concurrent reads before and after",
     "1 0 100 SET x 1 => +OK\n2 10 20 GET x => nil\n3 10 30 GET x => \"1\"\n"},
    {"unknown, seen much later", "1 0 ? SET x 1\n2 50 60 GET x => nil\n2 70 80 GET x => \"1\"\n"},
    {"unknown, never seen", "1 0 ? SET x 1\n2 50 60 GET x => nil\n2 70 80 GET x => nil\n"},
    {"unknown and failing at first, done later",
     "1 0 1 SET x 1 => +OK\n2 2 ? SET x 2 NX\n1 3 4 DEL x => :1\n1 5 6 GET x => \"2\"\n"},
    {"two increments in one order", "1 0 10 INCR n => :2\n2 0 10 INCR n => :1\n"},
    {"a write that changes nothing now is needed later",
     "1 15 22 SET b 1 => +OK\n1 0 10 SET a 2 => +OK\n1 8 13 MSET a 1 b 2 => +OK\n"
     "1 17 29 INCR a => :2\n1 13 16 MSET a 1 b 2 => +OK\n1 15 24 INCR a => :2\n"},
    {"an array of several keys", "1 0 9 MSET a 1 b 2 => +OK\n2 3 8 MGET a b => [ \"1\" \"2\" ]\n"},
    {"all string commands",
     "1 0 1 SETNX k a => :1\n1 2 3 SETNX k b => :0\n1 4 5 APPEND k b => :2\n"
     "1 6 7 GETSET k c => \"ab\"\n1 8 9 STRLEN k => :1\n1 10 11 EXISTS k k z => :2\n"
     "1 12 13 SET k d XX GET => \"c\"\n1 14 15 GETDEL k => \"d\"\n1 16 17 DEL k k => :0\n"
     "1 18 19 MSETNX k 1 z 2 => :1\n1 20 21 MSETNX z 3 y 4 => :0\n1 22 23 INCRBY k 5 => :6\n"
     "1 24 25 DECRBY k 2 => :4\n1 26 27 DECR k => :3\n1 28 29 DEL k k z => :2\n"
     "1 30 31 SET k v XX => nil\n"},
    {"all list commands",
     "1 0 1 RPUSH l b c => :2\n1 2 3 LPUSH l a z => :4\n1 4 5 LRANGE l 0 -1 => [ \"z\" \"a\" \"b\" "
     "\"c\" ]\n1 6 7 LPOP l => \"z\"\n1 8 9 RPOP l => \"c\"\n1 10 11 LLEN l => :2\n"
     "1 12 13 DEL l => :1\n1 14 15 LPOP l => nil\n1 16 17 LRANGE l 0 -1 => [ ]\n"},
    {"all set commands",
     "1 0 1 SADD s b a b => :2\n1 2 3 SMEMBERS s => [ \"b\" \"a\" ]\n1 4 5 SISMEMBER s a => :1\n"
     "1 6 7 SREM s a c => :1\n1 8 9 SCARD s => :1\n1 10 11 SISMEMBER s a => :0\n"},
    {"all hash commands",
     "1 0 1 HSET h f 1 => :1\n1 2 3 HSET h f 2 => :0\n1 4 5 HINCRBY h f -3 => :-1\n"
     "1 6 7 HSET h e x => :1\n1 8 9 HGETALL h => [ \"f\" \"-1\" \"e\" \"x\" ]\n"
     "1 10 11 HGET h e => \"x\"\n1 12 13 HDEL h e g => :1\n1 14 15 HLEN h => :1\n"
     "1 16 17 HGET h e => nil\n"},
    {"all sorted set commands",
     "1 0 1 ZADD z 1 a => :1\n1 2 3 ZADD z 2 a => :0\n1 4 5 ZINCRBY z 3 a => \"5\"\n"
     "1 6 7 ZSCORE z a => \"5\"\n1 8 9 ZCARD z => :1\n1 10 11 ZREM z a b => :1\n"
     "1 12 13 ZSCORE z a => nil\n1 14 15 EXISTS z => :0\n"},
    {"a push of unknown outcome, popped later",
     "1 0 ? RPUSH l a\n2 5 6 LLEN l => :0\n2 7 8 LPOP l => \"a\"\n"},
};

static const struct {
    const char *name;
    const char *text;
} bad[] = {
    {"a lost write", "1 0 10 SET x 1 => +OK\n2 11 15 GET x => nil\n"},
    {"a stale read", "1 0 1 SET x 1 => +OK\n1 2 3 SET x 2 => +OK\n2 4 5 GET x => \"1\"\n"},
    {"a value that nobody wrote", "1 0 10 GET x => \"7\"\n"},
    {"reads that go back",
     "1 0 100 SET x 1 => +OK\n2 10 20 GET x => \"1\"\n2 30 40 GET x => nil\n"},
    {"unknown, done twice", "1 0 ? INCR n\n2 10 20 GET n => \"1\"\n2 30 40 GET n => \"2\"\n"},
    {"unknown, seen before its begin", "1 50 ? SET x 1\n2 10 20 GET x => \"1\"\n"},
    {"unknown, undone", "1 0 ? SET x 1\n2 10 20 GET x => \"1\"\n2 30 40 GET x => nil\n"},
    {"an increment given twice", "1 0 10 INCR n => :1\n2 0 10 INCR n => :1\n"},
    {"an increment lost", "1 0 10 INCR n => :1\n2 20 30 GET n => nil\n"},
    {"an element popped twice",
     "1 0 1 RPUSH l a b => :2\n1 2 9 LPOP l => \"a\"\n2 2 9 LPOP l => \"a\"\n"},
    {"a push done twice", "1 0 1 RPUSH l a => :1\n1 2 3 LRANGE l 0 -1 => [ \"a\" \"a\" ]\n"},
    {"a list in another order",
     "1 0 1 RPUSH l a b => :2\n1 2 3 LRANGE l 0 -1 => [ \"b\" \"a\" ]\n"},
    {"a member twice for another", "1 0 1 SADD s a b => :2\n1 2 3 SMEMBERS s => [ \"a\" \"a\" ]\n"},
    {"a member that was removed",
     "1 0 1 SADD s a => :1\n1 2 3 SREM s a => :1\n2 4 5 SISMEMBER s a => :1\n"},
    {"a field of an older value",
     "1 0 1 HSET h f 1 => :1\n1 2 3 HSET h f 2 => :0\n2 4 5 HGETALL h => [ \"f\" \"1\" ]\n"},
    {"a score counted up once for two",
     "1 0 9 ZINCRBY z 1 a => \"1\"\n2 0 9 ZINCRBY z 1 a => \"1\"\n"},
    {"a list read as a set", "1 0 1 RPUSH l a => :1\n1 2 3 SCARD l => :1\n"},
    {"half of an MSET", "1 0 9 MSET a 1 b 2 => +OK\n2 3 8 MGET a b => [ \"1\" nil ]\n"
                        "2 10 11 GET a => \"1\"\n3 3 8 MGET a b => [ nil \"2\" ]\n"},
    {"two keys, each alone in order, not together",
     "1 0 10 SET a 1 => +OK\n2 0 10 SET b 1 => +OK\n"
     "3 0 10 MGET a b => [ \"1\" nil ]\n4 0 10 MGET a b => [ nil \"1\" ]\n"},
    {"a deleted key is back", "1 0 1 SET x 1 => +OK\n1 2 3 DEL x => :1\n2 4 5 GET x => \"1\"\n"},
    {"SETNX won twice", "1 0 10 SETNX lock a => :1\n2 0 10 SETNX lock b => :1\n"},
    {"an append out of order",
     "1 0 1 APPEND l a => :1\n1 2 3 APPEND l b => :2\n2 4 5 GET l => \"ba\"\n"},
    {"a wrong length", "1 0 1 APPEND l a => :2\n"},
    {"a reply of the wrong kind", "1 0 1 SET x 1 => nil\n"},
};

UNIT_TEST(checker, known_good_histories_pass)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        expect(good[i].name, good[i].text, CHECKER_LINEARIZABLE);
    }
}

UNIT_TEST(checker, known_bad_histories_fail)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect(bad[i].name, bad[i].text, CHECKER_NOT_LINEARIZABLE);
    }
}

UNIT_TEST(checker, what_the_model_does_not_know_is_not_passed_over)
{
    expect("unknown command", "1 0 1 XADD l a => :1\n", CHECKER_INVALID);
    expect("unknown option", "1 0 1 SET k v EX => +OK\n", CHECKER_INVALID);
    expect("too many arguments", "1 0 1 GET a b => nil\n", CHECKER_INVALID);
    expect("odd pairs", "1 0 1 MSET a 1 b => +OK\n", CHECKER_INVALID);
}

UNIT_TEST(checker, an_exhausted_budget_is_no_pass)
{
    struct buf text = {0};
    for (int i = 0; i < 12; i++) {
        buf_append_format(&text, "%d 0 100 SET x %d => +OK\n", i, i);
    }
    buf_append_format(&text, "99 200 201 GET x => \"none\"\n");
    buf_append_byte(&text, '\0');
    CU_ASSERT_EQUAL(judge_text((const char *)buf_slice(&text).bytes, 100), CHECKER_UNDECIDED);
    CU_ASSERT_EQUAL(judge_text((const char *)buf_slice(&text).bytes, CONFIGURATIONS_MAX),
                    CHECKER_NOT_LINEARIZABLE);
    buf_deinit(&text);
}

/* A cluster without a majority: everybody asks, hears nothing, and asks the same twice again. */
static enum checker_verdict judge_retries(const char *last, uint64_t configurations_max)
{
    static const char *const commands[] = {"DEL x", "APPEND x 23", "SET x 24 XX", "INCR x",
                                           "DECR x"};
    enum { COMMANDS = 5, TIMES = 3 };
    struct buf text = {0};
    buf_append_format(&text, "1 0 1 SET x 22 => +OK\n");
    for (unsigned i = 0; i < TIMES * COMMANDS; i++) {
        buf_append_format(&text, "%u %u ? %s\n", i % COMMANDS, 10 + i, commands[i % COMMANDS]);
    }
    buf_append_format(&text, "9 90 91 GET x => \"%s\"\n", last);
    buf_append_byte(&text, '\0');
    enum checker_verdict verdict =
        judge_text((const char *)buf_slice(&text).bytes, configurations_max);
    buf_deinit(&text);
    return verdict;
}

UNIT_TEST(checker, requests_sent_again_do_not_use_up_the_budget)
{
    enum { BUDGET = 200 * 1000 };
    CU_ASSERT_EQUAL(judge_retries("22", BUDGET), CHECKER_LINEARIZABLE);
    CU_ASSERT_EQUAL(judge_retries("3", BUDGET), CHECKER_LINEARIZABLE);
    CU_ASSERT_EQUAL(judge_retries("4", BUDGET), CHECKER_NOT_LINEARIZABLE);
}

/* ---- Random histories against the definition ---- */

enum { OPERATIONS = 6, KEYS = 2 };

struct brute {
    struct model_operation operations[OPERATIONS];
    struct values keys, values;
    uint32_t places[KEYS + 1];
    uint32_t count;
};

/* Whether the operations not in done, a set of bits, can follow in some order. */
static bool can_follow(struct brute *brute, uint32_t done, const uint32_t *state)
{
    bool is_complete = true;
    uint64_t first_end = UINT64_MAX;
    for (uint32_t i = 0; i < brute->count; i++) {
        const struct history_operation *source = brute->operations[i].source;
        if ((done >> i & 1) == 0 && source->reply_count > 0) {
            is_complete = false;
            first_end = source->end < first_end ? source->end : first_end;
        }
    }
    for (uint32_t i = 0; !is_complete && i < brute->count; i++) {
        const struct history_operation *source = brute->operations[i].source;
        if ((done >> i & 1) != 0 || source->begin > first_end) {
            continue;
        }
        uint32_t next[KEYS];
        memcpy(next, state, sizeof(next));
        if (model_run(&brute->operations[i], &brute->values, brute->places, next) &&
            can_follow(brute, done | 1u << i, next)) {
            return true;
        }
    }
    return is_complete;
}

static bool is_linearizable_by_definition(const struct history *history)
{
    struct brute brute = {.count = history->count};
    uint32_t state[KEYS] = {0};
    values_init(&brute.keys);
    values_init(&brute.values);
    for (uint32_t i = 0; i < KEYS; i++) {
        brute.places[i + 1] = i;
    }
    for (uint32_t i = 0; i < history->count; i++) {
        enum result result = model_compile(&history->operations[i], &brute.keys, &brute.values,
                                           &brute.operations[i]);
        CU_ASSERT_EQUAL_FATAL(result, RESULT_OK);
    }
    bool is_linearizable = can_follow(&brute, 0, state);
    for (uint32_t i = 0; i < history->count; i++) {
        model_operation_deinit(&brute.operations[i]);
    }
    values_deinit(&brute.keys);
    values_deinit(&brute.values);
    return is_linearizable;
}

static void draw_line(struct prng *prng, struct buf *text)
{
    static const char *const commands[] = {
        "SET a 1",   "SET a 2", "GET a",    "INCR a",     "DEL a",        "SET b 1",
        "SETNX a 3", "GET b",   "MGET a b", "GETSET a 2", "MSET a 1 b 2", "APPEND a 1",
    };
    static const char *const replies[] = {
        "+OK", "+OK", "\"1\"", ":1", ":0", "+OK", ":1", "nil", "[ \"1\" nil ]", "nil", "+OK", ":2",
    };
    static const char *const others[] = {
        "+OK",   "+OK", "nil", ":2", ":1", "+OK", ":0", "\"1\"", "[ \"1\" \"2\" ]",
        "\"1\"", "+OK", ":1",
    };
    uint64_t i = prng_below(prng, sizeof(commands) / sizeof(commands[0]));
    unsigned begin = (unsigned)prng_below(prng, 20);
    unsigned end = begin + 1 + (unsigned)prng_below(prng, 12);
    if (prng_below(prng, 5) == 0) {
        buf_append_format(text, "1 %u ? %s\n", begin, commands[i]);
    } else {
        buf_append_format(text, "1 %u %u %s => %s\n", begin, end, commands[i],
                          prng_below(prng, 2) == 0 ? replies[i] : others[i]);
    }
}

/* Few words, mostly of unknown outcome, so that the same is often asked several times. */
static void draw_line_of_retries(struct prng *prng, struct buf *text)
{
    static const char *const unknown[] = {"INCR a", "INCR a", "DEL a", "APPEND a 1", "SETNX a 3"};
    static const char *const heard[] = {"GET a => \"1\"", "GET a => \"2\"", "GET a => \"11\"",
                                        "GET a => nil",   "INCR a => :2",   "DEL a => :1",
                                        "SET a 1 => +OK", "GET a => \"3\""};
    unsigned begin = (unsigned)prng_below(prng, 20);
    if (prng_below(prng, 5) < 3) {
        buf_append_format(text, "1 %u ? %s\n", begin,
                          unknown[prng_below(prng, sizeof(unknown) / sizeof(unknown[0]))]);
    } else {
        buf_append_format(text, "1 %u %u %s\n", begin, begin + 1 + (unsigned)prng_below(prng, 6),
                          heard[prng_below(prng, sizeof(heard) / sizeof(heard[0]))]);
    }
}

/* Judges one history by both; notes in verdicts what it is by the definition. */
static bool agree(struct slice text, uint32_t verdicts[2])
{
    struct history history = {0};
    struct checker_report report;
    uint32_t line = 0;
    CU_ASSERT_EQUAL_FATAL(history_parse(&history, text, &line), RESULT_OK);
    checker_check(&history, CONFIGURATIONS_MAX, &report);
    bool is_linearizable = is_linearizable_by_definition(&history);
    verdicts[is_linearizable]++;
    bool do_agree = is_linearizable == (report.verdict == CHECKER_LINEARIZABLE);
    if (!do_agree) {
        printf("by the definition %d, judged %d:\n%.*s", is_linearizable, (int)report.verdict,
               (int)text.size, (const char *)text.bytes);
    }
    buf_deinit(&report.explanation);
    history_deinit(&history);
    return do_agree;
}

static void compare_with_definition(void (*draw)(struct prng *, struct buf *), uint64_t least)
{
    struct prng prng;
    uint32_t verdicts[2] = {0};
    bool do_agree = true;
    prng_init(&prng, 20140611);
    for (uint32_t round = 0; round < 20000 && do_agree; round++) {
        struct buf text = {0};
        uint64_t count = least + prng_below(&prng, OPERATIONS + 1 - least);
        for (uint64_t i = 0; i < count; i++) {
            draw(&prng, &text);
        }
        do_agree = agree(buf_slice(&text), verdicts);
        buf_deinit(&text);
    }
    CU_ASSERT(do_agree);
    /* Both kinds must have been there in number, or nothing was compared. */
    CU_ASSERT(verdicts[0] > 2000);
    CU_ASSERT(verdicts[1] > 2000);
}

UNIT_TEST(checker, agrees_with_the_definition_on_random_histories)
{
    compare_with_definition(draw_line, 1);
}

UNIT_TEST(checker, agrees_with_the_definition_on_requests_sent_again)
{
    compare_with_definition(draw_line_of_retries, 4);
}
