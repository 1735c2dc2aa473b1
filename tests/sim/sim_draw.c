/* sim_draw.c -- commands of every type, by chance.
 *
 * Templates: words, in which a sign stands for something that is drawn:
 *   $h $l $s $z $t  a key of that letter (one in 40 times: of any)
 *   $k  a key of any letter            $m  a member, a field     $v  a value
 *   $n  a small number, of any sign    $c  a count from 1        $i  an offset
 *   $e  milliseconds until it expires  $x  a score
 * A part in ( ) is repeated 1 to 4 times, or thousands of times.
 */
#include "sim/sim_draw.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"

enum {
    LETTERS = 5,
    OTHER_KEY_ONE_IN = 40,
    OFFSETS = 200,
    NUMBERS = 10,
    COUNTS = 4,
    EXPIRY_MS_MAX = 1500,
    REPEATED_MAX = 4,
};

static const char letters[LETTERS + 1] = "hlszt";

/* Writes and reads by type; what is drawn more often stands twice. */
static const char *const templates[] = {
    /* Hashes. */
    "HSET $h ($m $v)",
    "HSET $h ($m $v)",
    "HSETNX $h $m $v",
    "HDEL $h ($m)",
    "HINCRBY $h $m $n",
    "HINCRBYFLOAT $h $m 0.25",
    "HMSET $h ($m $v)",
    "HGETALL $h",
    "HRANDFIELD $h $n",
    "HRANDFIELD $h $n WITHVALUES",
    "HLEN $h",
    "HGET $h $m",
    "HMGET $h $m $m",
    "HSCAN $h 0",
    /* Lists. */
    "RPUSH $l ($v)",
    "LPUSH $l ($v)",
    "RPUSHX $l $v",
    "LPUSHX $l $v",
    "LPOP $l",
    "RPOP $l $c",
    "LSET $l $n $v",
    "LREM $l $n $v",
    "LTRIM $l $n -2",
    "LTRIM $l 0 1500",
    "LINSERT $l BEFORE $v $v",
    "LINSERT $l AFTER $v $v",
    "LMOVE $l $l LEFT RIGHT",
    "LMOVE $l $l RIGHT LEFT",
    "RPOPLPUSH $l $l",
    "LMPOP 2 $l $l LEFT COUNT $c",
    "BLPOP $l $l 0.2",
    "BRPOP $l 0.5",
    "BLMOVE $l $l LEFT RIGHT 0.3",
    "BLMPOP 0.4 2 $l $l RIGHT COUNT $c",
    "LRANGE $l 0 $n",
    "LINDEX $l $n",
    "LPOS $l $v",
    "LLEN $l",
    /* Sets. */
    "SADD $s ($m)",
    "SADD $s ($m)",
    "SREM $s ($m)",
    "SPOP $s",
    "SPOP $s $c",
    "SPOP $s 1500",
    "SMOVE $s $s $m",
    "SUNIONSTORE $s $s $s",
    "SINTERSTORE $s $s $s",
    "SDIFFSTORE $s $s $s",
    "SRANDMEMBER $s",
    "SRANDMEMBER $s $n",
    "SMEMBERS $s",
    "SISMEMBER $s $m",
    "SINTERCARD 2 $s $s",
    "SADD $s ($n)",
    "SSCAN $s 0",
    /* Sorted sets. */
    "ZADD $z ($x $m)",
    "ZADD $z ($x $m)",
    "ZADD $z GT CH ($x $m)",
    "ZADD $z NX $x $m",
    "ZINCRBY $z $x $m",
    "ZREM $z ($m)",
    "ZPOPMIN $z",
    "ZPOPMAX $z $c",
    "ZMPOP 2 $z $z MIN COUNT $c",
    "BZPOPMIN $z $z 0.2",
    "ZREMRANGEBYRANK $z 0 $n",
    "ZREMRANGEBYSCORE $z $n 20",
    "ZREMRANGEBYLEX $z [m1 [m2",
    "ZRANGESTORE $z $z 0 $n",
    "ZUNIONSTORE $z 2 $z $s WEIGHTS 1 2",
    "ZINTERSTORE $z 2 $z $z",
    "ZDIFFSTORE $z 2 $z $z",
    "ZRANGE $z 0 -1 WITHSCORES",
    "ZRANDMEMBER $z",
    "ZRANDMEMBER $z $n WITHSCORES",
    "ZRANK $z $m",
    "ZSCORE $z $m",
    "ZCOUNT $z -inf $x",
    "GEOADD $z $n $n $m $n $n $m",
    "GEOSEARCHSTORE $z $z FROMLONLAT 1 1 BYBOX 900 900 km STOREDIST",
    "GEORADIUS $z 1 1 700 km ASC COUNT 3 STORE $z",
    "GEOSEARCH $z FROMMEMBER $m BYRADIUS 700 km WITHDIST",
    /* Sorted into lists. */
    "SORT $l ALPHA STORE $l",
    "SORT $s BY nosort GET # GET $t STORE $l",
    "SORT $z BY $t* DESC LIMIT 0 9 STORE $l",
    "SORT $l ALPHA DESC",
    /* Strings, counters, bitmaps, HyperLogLogs. */
    "SET $t $v",
    "SET $t $n",
    "SET $t $v PX $e",
    "SETNX $t $v",
    "GETSET $t $v",
    "GETDEL $t",
    "GETEX $t PX $e",
    "APPEND $t $v",
    "SETRANGE $t $i $v",
    "INCR $t",
    "DECRBY $t $c",
    "INCRBYFLOAT $t 0.5",
    "MSET $t $v $t $v",
    "MSETNX $t $v $t $v",
    "GET $t",
    "GETRANGE $t 0 $n",
    "SETBIT $t $i 1",
    "SETBIT $t $i 0",
    "BITOP XOR $t $t $t",
    "BITOP NOT $t $t",
    "BITCOUNT $t",
    "BITPOS $t 1",
    "BITFIELD $t SET u8 $i $c INCRBY i5 $i $n OVERFLOW SAT",
    "GETBIT $t $i",
    "PFADD $t ($m)",
    "PFADD $t ($m)",
    "PFMERGE $t $t $t",
    "PFCOUNT $t",
    "PFCOUNT $t $t",
    /* Of other kinds. */
    "PFADD $t ($m)",
    "PFMERGE $t $t $t",
    "PFCOUNT $t",
    "GEOADD $z ($n $n $m)",
    "GEOSEARCHSTORE $z $z FROMLONLAT 0 0 BYRADIUS 900 km ASC COUNT $c",
    "SORT $l ALPHA LIMIT 0 9 STORE $l",
    "SORT $s ALPHA DESC STORE $l",
    "SORT_RO $l ALPHA",
    /* Any key. */
    "DEL $k $k",
    "UNLINK $k",
    "RENAME $k $k",
    "RENAME $k $k",
    "RENAMENX $k $k",
    "COPY $k $k",
    "COPY $k $k REPLACE",
    "COPY $k $k DB 2 REPLACE",
    "MOVE $k 2",
    "PEXPIRE $k $e",
    "PEXPIRE $k $e NX",
    "PEXPIRE $k $e",
    "EXPIRE $k 1",
    "PERSIST $k",
    "PTTL $k",
    "TYPE $k",
    "EXISTS $k $k",
    "RANDOMKEY",
    "DBSIZE",
    "TOUCH $k",
    "OBJECT ENCODING $k",
    "SCAN 0",
};

/* One in so many commands is one of these. */
enum { RARE_ONE_IN = 300 };
static const char *const rare_templates[] = {"FLUSHDB", "SWAPDB 1 2", "KEYS *"};

static uint64_t below(const struct sim_draw *draw, uint64_t bound)
{
    return prng_below(draw->prng, bound);
}

void sim_drawn_deinit(struct sim_drawn *drawn)
{
    buf_deinit(&drawn->text);
    drawn->count = 0;
}

uint32_t sim_drawn_slices(const struct sim_drawn *drawn, struct slice *out)
{
    const uint8_t *text = buf_slice(&drawn->text).bytes;
    uint32_t from = 0;
    for (uint32_t i = 0; i < drawn->count; i++) {
        out[i] = slice_of(text + from, drawn->ends[i] - from);
        from = drawn->ends[i];
    }
    return drawn->count;
}

/* ---- Words ---- */

static void end_word(struct sim_drawn *out)
{
    ASSERT(out->count < SIM_DRAWN_MAX);
    out->ends[out->count++] = (uint32_t)buf_size(&out->text);
}

static void put_key(const struct sim_draw *draw, char letter, struct sim_drawn *out)
{
    if (letter == 'k' || below(draw, OTHER_KEY_ONE_IN) == 0) {
        letter = letters[below(draw, LETTERS)];
    }
    buf_append_format(&out->text, "%c%" PRIu64, letter, below(draw, draw->keys_count));
}

static void put_value(const struct sim_draw *draw, struct sim_drawn *out)
{
    uint64_t size = below(draw, 8) == 0 ? below(draw, 100) : below(draw, 5);
    buf_append_format(&out->text, "%" PRIu64, below(draw, 20));
    for (uint64_t i = 0; i < size; i++) {
        buf_append_byte(&out->text, (uint8_t)below(draw, 256));
    }
}

static void put_sign(const struct sim_draw *draw, char sign, uint64_t members,
                     struct sim_drawn *out)
{
    switch (sign) {
    case 'm':
        buf_append_format(&out->text, "m%" PRIu64, below(draw, members));
        break;
    case 'v':
        put_value(draw, out);
        break;
    case 'n':
        buf_append_format(&out->text, "%" PRId64, (int64_t)below(draw, 2 * NUMBERS) - NUMBERS);
        break;
    case 'c':
        buf_append_format(&out->text, "%" PRIu64, 1 + below(draw, COUNTS));
        break;
    case 'i':
        buf_append_format(&out->text, "%" PRIu64, below(draw, OFFSETS));
        break;
    case 'e':
        buf_append_format(&out->text, "%" PRIu64, 1 + below(draw, EXPIRY_MS_MAX));
        break;
    case 'x':
        buf_append_format(&out->text, "%" PRId64 ".%" PRIu64, (int64_t)below(draw, 40) - 20,
                          below(draw, 4) * 25);
        break;
    default:
        put_key(draw, sign, out);
        break;
    }
}

/* Appends a template's words up to its end or the ')', which is returned. */
static const char *put_words(const struct sim_draw *draw, const char *at, uint64_t members,
                             struct sim_drawn *out)
{
    bool is_in_word = false;
    for (; *at != '\0' && *at != ')' && *at != '('; at++) {
        if (*at == ' ') {
            if (is_in_word) {
                end_word(out);
            }
            is_in_word = false;
            continue;
        }
        is_in_word = true;
        if (*at == '$') {
            put_sign(draw, *++at, members, out);
        } else {
            buf_append_byte(&out->text, (uint8_t)*at);
        }
    }
    if (is_in_word) {
        end_word(out);
    }
    return at;
}

void sim_draw_words(const struct sim_draw *draw, const char *template, struct sim_drawn *out)
{
    const char *at = put_words(draw, template, SIM_DRAW_FEW_MEMBERS, out);
    if (*at != '(') {
        return;
    }
    uint64_t count = 1 + below(draw, REPEATED_MAX);
    uint64_t members = SIM_DRAW_FEW_MEMBERS;
    if (below(draw, 1000) < draw->many_per_mille) {
        count = 1 + below(draw, SIM_DRAW_MANY_ELEMENTS);
        members = SIM_DRAW_MANY_ELEMENTS;
    }
    const char *part = at + 1;
    for (uint64_t i = 0; i < count; i++) {
        at = put_words(draw, part, members, out);
    }
    ASSERT(at[0] == ')' && at[1] == '\0');
}

void sim_draw_command(const struct sim_draw *draw, struct sim_drawn *out)
{
    buf_clear(&out->text);
    out->count = 0;
    if (below(draw, RARE_ONE_IN) == 0) {
        size_t count = sizeof(rare_templates) / sizeof(rare_templates[0]);
        sim_draw_words(draw, rare_templates[below(draw, count)], out);
    } else {
        size_t count = sizeof(templates) / sizeof(templates[0]);
        sim_draw_words(draw, templates[below(draw, count)], out);
    }
}
