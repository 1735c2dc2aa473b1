/* hyperloglog.c -- the two forms of a HyperLogLog and its estimate: see hyperloglog.h. */
#include "command/hyperloglog.h"

#include <math.h>

#include "base/assert.h"
#include "base/bytes.h"

enum {
    INDEX_BITS = 14,             /* of the hash choose the register */
    RANK_BITS = 64 - INDEX_BITS, /* are left for the rank */
    VALUE_BITS = 6,              /* of a register in the dense form */
    VALUES = 1 << VALUE_BITS,    /* that it can hold */
    HEADER_BYTES = 16,
    NOTED_AT = 8, /* the offset of the noted estimate */
    DENSE_BYTES = HEADER_BYTES + HYPERLOGLOG_REGISTERS * VALUE_BITS / 8,
    ZEROS_MAX = 64, /* registers in a run of each kind */
    LONG_ZEROS_MAX = 16384,
    VALUES_MAX = 4,
    SPARSE_VALUE_MAX = 32,
    RUN_BYTES_MAX = 2,
    MERGED_RUNS = 5, /* are looked at after a change: that many can have become alike */
};

static const uint8_t magic[] = {'H', 'Y', 'L', 'L'};
enum { ENCODING_AT = sizeof(magic), DENSE = 0, SPARSE = 1 };

/* ---- Header ---- */

bool hyperloglog_is_valid(struct slice bytes)
{
    return bytes.size >= HEADER_BYTES && memcmp(bytes.bytes, magic, sizeof(magic)) == 0 &&
           bytes.bytes[ENCODING_AT] <= SPARSE &&
           (bytes.bytes[ENCODING_AT] == SPARSE || bytes.size == DENSE_BYTES);
}

bool hyperloglog_is_dense(struct slice bytes)
{
    return bytes.bytes[ENCODING_AT] == DENSE;
}

static uint8_t *bytes_of(struct buf *buf)
{
    return buf->bytes + buf->head;
}

bool hyperloglog_noted(struct slice bytes, uint64_t *out)
{
    uint64_t noted = bytes_read_u64(bytes.bytes + NOTED_AT);
    if (noted >> 63 != 0) {
        return false;
    }
    *out = noted;
    return true;
}

void hyperloglog_note(struct buf *buf, uint64_t estimate)
{
    bytes_set_u64(bytes_of(buf) + NOTED_AT, estimate);
}

void hyperloglog_forget_noted(struct buf *buf)
{
    bytes_of(buf)[HEADER_BYTES - 1] |= 0x80;
}

/* ---- Runs ---- */

/* Writes a run of at most LONG_ZEROS_MAX zeros, or VALUES_MAX values; returns its size. */
static size_t put_run(uint8_t *out, uint32_t length, uint8_t value)
{
    if (length == 0) {
        return 0;
    }
    if (value > 0) {
        out[0] = (uint8_t)(0x80u | (value - 1u) << 2 | (length - 1));
        return 1;
    }
    if (length <= ZEROS_MAX) {
        out[0] = (uint8_t)(length - 1);
        return 1;
    }
    out[0] = (uint8_t)(0x40 | (length - 1) >> 8);
    out[1] = (uint8_t)(length - 1);
    return 2;
}

struct slice hyperloglog_runs(struct slice bytes)
{
    return slice_of(bytes.bytes + HEADER_BYTES, bytes.size - HEADER_BYTES);
}

bool hyperloglog_next_run(struct slice *rest, struct hyperloglog_run *out)
{
    if (rest->size == 0) {
        return false;
    }
    uint8_t first = rest->bytes[0];
    bool is_value = (first & 0x80) != 0;
    bool is_long = !is_value && (first & 0x40) != 0;
    size_t size = is_long && rest->size > 1 ? 2 : 1;
    out->is_long = is_long;
    out->value = is_value ? (uint8_t)((first >> 2 & 0x1f) + 1) : 0;
    if (is_value) {
        out->length = (first & 3u) + 1;
    } else if (is_long) {
        out->length = ((first & 0x3fu) << 8 | (size == 2 ? rest->bytes[1] : 0u)) + 1;
    } else {
        out->length = first + 1u;
    }
    *rest = slice_of(rest->bytes + size, rest->size - size);
    return true;
}

void hyperloglog_init(struct buf *buf)
{
    static const uint8_t zeros[HEADER_BYTES];
    uint8_t run[RUN_BYTES_MAX];
    buf_append(buf, zeros, sizeof(zeros));
    memcpy(bytes_of(buf), magic, sizeof(magic));
    bytes_of(buf)[ENCODING_AT] = SPARSE;
    buf_append(buf, run, put_run(run, LONG_ZEROS_MAX, 0));
}

/* ---- Dense ---- */

/* A register is in one byte, or in the highest bits of one and the lowest of the next; the last one
 * ends with its byte. */
static uint8_t dense_get(const uint8_t *registers, uint32_t index)
{
    uint32_t bit = index * VALUE_BITS;
    uint32_t pair = registers[bit / 8];
    if (bit % 8 > 8 - VALUE_BITS) {
        pair |= (uint32_t)registers[bit / 8 + 1] << 8;
    }
    return (uint8_t)(pair >> (bit % 8) & (VALUES - 1));
}

static void dense_set(uint8_t *registers, uint32_t index, uint8_t value)
{
    uint32_t bit = index * VALUE_BITS;
    uint32_t shift = bit % 8;
    uint32_t mask = (VALUES - 1u) << shift;
    uint32_t bits = (uint32_t)value << shift;
    registers[bit / 8] = (uint8_t)((registers[bit / 8] & ~mask) | bits);
    if (shift > 8 - VALUE_BITS) {
        registers[bit / 8 + 1] = (uint8_t)((registers[bit / 8 + 1] & ~(mask >> 8)) | bits >> 8);
    }
}

static bool dense_raise(struct buf *buf, uint32_t index, uint8_t value)
{
    uint8_t *registers = bytes_of(buf) + HEADER_BYTES;
    if (dense_get(registers, index) >= value) {
        return false;
    }
    dense_set(registers, index, value);
    hyperloglog_forget_noted(buf);
    return true;
}

enum result hyperloglog_make_dense(struct buf *buf)
{
    struct slice bytes = buf_slice(buf);
    if (hyperloglog_is_dense(bytes)) {
        return RESULT_OK;
    }
    uint8_t dense[DENSE_BYTES] = {0};
    memcpy(dense, bytes.bytes, HEADER_BYTES);
    dense[ENCODING_AT] = DENSE;
    struct slice rest = hyperloglog_runs(bytes);
    struct hyperloglog_run run;
    uint32_t index = 0;
    while (index < HYPERLOGLOG_REGISTERS && hyperloglog_next_run(&rest, &run)) {
        if (run.length > HYPERLOGLOG_REGISTERS - index) {
            return RESULT_CORRUPT;
        }
        for (uint32_t i = 0; i < run.length && run.value > 0; i++) {
            dense_set(dense + HEADER_BYTES, index + i, run.value);
        }
        index += run.length;
    }
    if (index != HYPERLOGLOG_REGISTERS || rest.size > 0) {
        return RESULT_CORRUPT;
    }
    buf_clear(buf);
    buf_append(buf, dense, sizeof(dense));
    return RESULT_OK;
}

/* ---- Sparse ---- */

/* Puts bytes in the place of old_size bytes at an offset. */
static void replace(struct buf *buf, size_t offset, size_t old_size, struct slice bytes)
{
    size_t behind = buf_size(buf) - offset - old_size;
    (void)buf_reserve(buf, bytes.size);
    uint8_t *at = bytes_of(buf) + offset;
    memmove(at + bytes.size, at + old_size, behind);
    memcpy(at, bytes.bytes, bytes.size);
    buf->tail = buf->tail - old_size + bytes.size;
}

/* Makes one of neighbouring runs of the same value near an offset, where they fit in one. */
static void merge_runs(struct buf *buf, size_t offset)
{
    for (uint32_t i = 0; i < MERGED_RUNS && offset < buf_size(buf); i++) {
        struct slice rest = slice_of(bytes_of(buf) + offset, buf_size(buf) - offset);
        struct hyperloglog_run run = {0};
        struct hyperloglog_run next = {0};
        size_t size = rest.size;
        if (!hyperloglog_next_run(&rest, &run)) {
            return;
        }
        size -= rest.size;
        if (run.value > 0 && hyperloglog_next_run(&rest, &next) && next.value == run.value &&
            run.length + next.length <= VALUES_MAX) {
            uint8_t merged[RUN_BYTES_MAX];
            replace(buf, offset, 2,
                    slice_of(merged, put_run(merged, run.length + next.length, run.value)));
        } else {
            offset += size;
        }
    }
}

/* Where a register is in the sparse form. */
struct place {
    struct hyperloglog_run run;
    uint32_t first;  /* register of the run */
    size_t offset;   /* of the run */
    size_t size;     /* of the run in bytes */
    size_t previous; /* the offset of the run before, or of the first one */
};

static bool find_place(struct slice bytes, uint32_t index, struct place *out)
{
    struct slice rest = hyperloglog_runs(bytes);
    *out = (struct place){.offset = HEADER_BYTES, .previous = HEADER_BYTES};
    while (hyperloglog_next_run(&rest, &out->run)) {
        out->size = bytes.size - rest.size - out->offset;
        if (index < out->first + out->run.length) {
            return true;
        }
        out->first += out->run.length;
        out->previous = out->offset;
        out->offset += out->size;
    }
    return false;
}

static enum result sparse_raise(struct buf *buf, uint32_t index, uint8_t value, bool *changed)
{
    struct place place;
    *changed = false;
    if (value > SPARSE_VALUE_MAX) {
        enum result result = hyperloglog_make_dense(buf);
        *changed = result == RESULT_OK && dense_raise(buf, index, value);
        return result;
    }
    if (!find_place(buf_slice(buf), index, &place)) {
        return RESULT_CORRUPT;
    }
    if (place.run.value >= value) {
        return RESULT_OK;
    }
    uint8_t runs[3 * RUN_BYTES_MAX];
    size_t size = put_run(runs, index - place.first, place.run.value);
    size += put_run(runs + size, 1, value);
    size += put_run(runs + size, place.first + place.run.length - 1 - index, place.run.value);
    if (size > place.size && buf_size(buf) + size - place.size > HYPERLOGLOG_SPARSE_MAX) {
        enum result result = hyperloglog_make_dense(buf);
        *changed = result == RESULT_OK && dense_raise(buf, index, value);
        return result;
    }
    replace(buf, place.offset, place.size, slice_of(runs, size));
    merge_runs(buf, place.previous);
    hyperloglog_forget_noted(buf);
    *changed = true;
    return RESULT_OK;
}

/* ---- Elements ---- */

/* MurmurHash64A (A. Appleby's, public domain), of little-endian words. */
static uint64_t hash_element(struct slice element)
{
    const uint64_t multiplier = 0xc6a4a7935bd1e995;
    const uint64_t seed = 0xadc83b19;
    const int shift = 47;
    uint64_t hash = seed ^ element.size * multiplier;
    size_t at = 0;
    for (; element.size - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word = bytes_read_u64(element.bytes + at) * multiplier;
        word = (word ^ word >> shift) * multiplier;
        hash = (hash ^ word) * multiplier;
    }
    if (at < element.size) {
        uint64_t word = 0;
        for (size_t i = element.size; i > at; i--) {
            word = word << 8 | element.bytes[i - 1];
        }
        hash = (hash ^ word) * multiplier;
    }
    hash = (hash ^ hash >> shift) * multiplier;
    return hash ^ hash >> shift;
}

enum result hyperloglog_raise(struct buf *buf, uint32_t index, uint8_t value, bool *changed)
{
    ASSERT(index < HYPERLOGLOG_REGISTERS);
    ASSERT(value > 0);
    if (!hyperloglog_is_dense(buf_slice(buf))) {
        return sparse_raise(buf, index, value, changed);
    }
    *changed = dense_raise(buf, index, value);
    return RESULT_OK;
}

enum result hyperloglog_add(struct buf *buf, struct slice element, bool *changed)
{
    uint64_t hash = hash_element(element);
    uint32_t index = (uint32_t)(hash & (HYPERLOGLOG_REGISTERS - 1));
    /* A bit behind the last one: there is always a first. */
    uint64_t rest = hash >> INDEX_BITS | (uint64_t)1 << RANK_BITS;
    return hyperloglog_raise(buf, index, (uint8_t)(__builtin_ctzll(rest) + 1), changed);
}

/* ---- Counting ---- */

static void raise_to(uint8_t *at, uint8_t value)
{
    *at = *at > value ? *at : value;
}

enum result hyperloglog_merge(struct slice bytes, uint8_t registers[HYPERLOGLOG_REGISTERS])
{
    uint32_t index = 0;
    if (hyperloglog_is_dense(bytes)) {
        for (; index < HYPERLOGLOG_REGISTERS; index++) {
            raise_to(&registers[index], dense_get(bytes.bytes + HEADER_BYTES, index));
        }
        return RESULT_OK;
    }
    struct slice rest = hyperloglog_runs(bytes);
    struct hyperloglog_run run;
    while (hyperloglog_next_run(&rest, &run)) {
        if (run.length > HYPERLOGLOG_REGISTERS - index) {
            return RESULT_CORRUPT;
        }
        for (uint32_t i = 0; i < run.length && run.value > 0; i++) {
            raise_to(&registers[index + i], run.value);
        }
        index += run.length;
    }
    return index == HYPERLOGLOG_REGISTERS && rest.size == 0 ? RESULT_OK : RESULT_CORRUPT;
}

/* Ertl's sigma: x + the sum over k from 1 of x^(2^k) * 2^(k-1); infinite at 1. */
static double sigma(double x)
{
    if (x == 1.0) {
        return INFINITY;
    }
    double sum = x;
    double before;
    double factor = 1.0;
    do {
        x *= x;
        before = sum;
        sum += x * factor;
        factor += factor;
    } while (sum != before);
    return sum;
}

/* Ertl's tau: a third of (1 - x - the sum over k from 1 of (1 - x^(2^-k))^2 * 2^-k). */
static double tau(double x)
{
    if (x == 0.0 || x == 1.0) {
        return 0.0;
    }
    double sum = 1.0 - x;
    double before;
    double factor = 1.0;
    do {
        x = sqrt(x);
        before = sum;
        factor *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * factor;
    } while (sum != before);
    return sum / 3.0;
}

/* Ertl 2017, algorithm 6. */
uint64_t hyperloglog_estimate(const uint8_t registers[HYPERLOGLOG_REGISTERS])
{
    const double half_by_ln2 = 0.721347520444481703680;
    const double count = HYPERLOGLOG_REGISTERS;
    uint32_t with_value[VALUES] = {0};
    for (uint32_t i = 0; i < HYPERLOGLOG_REGISTERS; i++) {
        with_value[registers[i] & (VALUES - 1)]++;
    }
    double sum = count * tau((count - with_value[RANK_BITS + 1]) / count);
    for (uint32_t value = RANK_BITS; value >= 1; value--) {
        sum = (sum + with_value[value]) * 0.5;
    }
    sum += count * sigma(with_value[0] / count);
    double estimate = half_by_ln2 * count * count / sum;
    /* Infinite if all registers are at their highest: then what x86-64 makes of that. */
    return estimate < 0x1p63 ? (uint64_t)llround(estimate) : (uint64_t)1 << 63;
}
