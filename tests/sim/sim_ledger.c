/* sim_ledger.c -- a client of the simulation that enters numbers into a value of every type. */
#include "sim/sim_ledger.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/number.h"
#include "wire/reply_reader.h"

#define TALLY_KEY "L:tally"

enum {
    TYPES = 6,
    HANG_UP_ONE_IN = 200,
    END_WAIT_MS = 300,
};

enum tag {
    TAG_PART, /* of a transaction */
    TAG_WATCH,
    TAG_WATCHED,
    TAG_ENTRY,
    TAG_AUDIT,
    TAG_SET,
    TAG_DRAWN, /* SRANDMEMBER */
};

static uint64_t below(struct sim_ledger *ledger, uint64_t bound)
{
    return prng_below(&ledger->line.sim->prng, bound);
}

static void fail(struct sim_ledger *ledger, const char *what, struct slice reply)
{
    lab_fail(&ledger->line.sim->lab,
             "ledger %u: %s (%" PRIu64 " entered, %" PRIu64 " unknown, %" PRIu64
             " of them seen): %.*s",
             ledger->line.number, what, ledger->done, ledger->unknown, ledger->extra,
             (int)reply.size, (const char *)reply.bytes);
}

/* ---- Replies ---- */

static bool take_element(struct slice *reply, struct reply_element *out)
{
    size_t size = 0;
    if (reply_read(*reply, out, &size) != PARSE_DONE) {
        return false;
    }
    *reply = slice_of(reply->bytes + size, reply->size - size);
    return true;
}

/* Reads an array of six numbers; GET's comes as text, or as nothing. */
static bool take_sizes(struct slice reply, int64_t *out)
{
    struct reply_element element;
    bool is_good = take_element(&reply, &element) && element.kind == REPLY_KIND_ARRAY &&
                   element.count == TYPES;
    for (uint32_t i = 0; is_good && i < TYPES; i++) {
        is_good = take_element(&reply, &element);
        out[i] = element.integer;
        if (is_good && element.kind == REPLY_KIND_NULL) {
            out[i] = 0;
        } else if (is_good && element.kind == REPLY_KIND_BULK) {
            is_good = number_parse_int64(element.text, &out[i]);
        } else {
            is_good = is_good && element.kind == REPLY_KIND_INTEGER;
        }
    }
    return is_good;
}

/* The counter of entries as it was found. */
static void check_count(struct sim_ledger *ledger, int64_t count, struct slice reply)
{
    int64_t extra = count - (int64_t)ledger->done;
    if (extra < (int64_t)ledger->extra || extra > (int64_t)ledger->unknown) {
        fail(ledger, "the counter is wrong", reply);
        return;
    }
    ledger->extra = (uint64_t)extra;
}

static void check_entry(struct sim_ledger *ledger, struct slice reply)
{
    /* RPUSH, SADD, HSET, ZADD, SETBIT, INCR */
    int64_t sizes[TYPES] = {0};
    ledger->tokens[ledger->entered] = SIM_TOKEN_DONE;
    ledger->done++;
    if (!take_sizes(reply, sizes) || sizes[0] != sizes[5] || sizes[1] != 1 || sizes[2] != 1 ||
        sizes[3] != 1 || sizes[4] != 0) {
        fail(ledger, "an entry was not made once in each key", reply);
        return;
    }
    check_count(ledger, sizes[5], reply);
}

static void check_audit(struct sim_ledger *ledger, struct slice reply)
{
    int64_t sizes[TYPES] = {0};
    bool is_good = take_sizes(reply, sizes);
    for (uint32_t i = 1; i < TYPES; i++) {
        is_good = is_good && sizes[i] == sizes[0];
    }
    if (!is_good) {
        fail(ledger, "the keys are not of one size", reply);
        return;
    }
    check_count(ledger, sizes[0], reply);
}

static void check_set(struct sim_ledger *ledger, struct slice reply)
{
    struct reply_element element = {0};
    uint64_t found = 0;
    ledger->tally->done++;
    struct slice rest = reply;
    bool is_good = take_element(&rest, &element) && element.kind == REPLY_KIND_ARRAY &&
                   take_element(&rest, &element) &&
                   (element.kind == REPLY_KIND_NULL || number_parse_uint64(element.text, &found));
    if (!is_good || found != ledger->watched) {
        fail(ledger, "EXEC finds another value than was read behind WATCH", reply);
    }
}

static void check_drawn(struct sim_ledger *ledger, struct slice reply)
{
    struct reply_element element = {0};
    uint64_t number = 0;
    bool is_good = take_element(&reply, &element);
    if (is_good && element.kind != REPLY_KIND_NULL) {
        is_good = number_parse_uint64(element.text, &number) && number < ledger->tokens_count &&
                  ledger->tokens[number] != SIM_TOKEN_NEVER;
    }
    if (!is_good) {
        fail(ledger, "a member that was not entered is drawn", element.text);
    }
}

static void settle_unknown(struct sim_ledger *ledger, enum tag tag)
{
    if (tag == TAG_ENTRY) {
        ledger->tokens[ledger->entered] = SIM_TOKEN_MAYBE;
        ledger->unknown++;
    } else if (tag == TAG_SET) {
        ledger->tally->unknown++;
    }
}

static void on_watched(struct sim_ledger *ledger, struct slice reply)
{
    struct reply_element element = {0};
    ledger->watched = 0;
    ledger->is_watching =
        ledger->has_watch && take_element(&reply, &element) &&
        (element.kind == REPLY_KIND_NULL || number_parse_uint64(element.text, &ledger->watched));
}

static void on_reply(struct sim_line *line, uint32_t tag, struct slice reply)
{
    struct sim_ledger *ledger = line->context;
    bool ends = tag == TAG_ENTRY || tag == TAG_AUDIT || tag == TAG_SET;
    bool had_watch = ledger->has_watch;
    ledger->has_watch = had_watch && !ends;
    struct reply_element element = {0};
    struct slice rest = reply;
    if (reply.bytes[0] == '-') {
        if (sim_line_take_error(line, reply)) {
            settle_unknown(ledger, (enum tag)tag);
        }
        return;
    }
    if (ends && take_element(&rest, &element) && element.kind == REPLY_KIND_NULL) {
        if (!had_watch) {
            fail(ledger, "EXEC gave up, though nothing was watched", reply);
        }
        return;
    }
    switch ((enum tag)tag) {
    case TAG_PART:
        break;
    case TAG_WATCH:
        ledger->has_watch = true;
        break;
    case TAG_WATCHED:
        on_watched(ledger, reply);
        break;
    case TAG_ENTRY:
        check_entry(ledger, reply);
        break;
    case TAG_AUDIT:
        check_audit(ledger, reply);
        break;
    case TAG_SET:
        check_set(ledger, reply);
        break;
    case TAG_DRAWN:
        check_drawn(ledger, reply);
        break;
    }
}

static void on_lost(struct sim_line *line, uint32_t tag, bool was_taken)
{
    struct sim_ledger *ledger = line->context;
    if (was_taken) {
        line->sim->unknowns++;
        settle_unknown(ledger, (enum tag)tag);
    }
}

/* ---- Acting ---- */

static void enter(struct sim_ledger *ledger)
{
    struct sim_line *line = &ledger->line;
    uint32_t own = line->number;
    uint64_t number = ledger->tokens_count++;
    ledger->entered = number;
    sim_line_say(line, TAG_PART, "MULTI");
    sim_line_say(line, TAG_PART, "RPUSH Ll:%u %" PRIu64, own, number);
    sim_line_say(line, TAG_PART, "SADD Ls:%u %" PRIu64, own, number);
    sim_line_say(line, TAG_PART, "HSET Lh:%u %" PRIu64 " x", own, number);
    sim_line_say(line, TAG_PART, "ZADD Lz:%u %" PRIu64 " %" PRIu64, own, number % 7, number);
    sim_line_say(line, TAG_PART, "SETBIT Lb:%u %" PRIu64 " 1", own, number);
    sim_line_say(line, TAG_PART, "INCR Lc:%u", own);
    sim_line_say(line, TAG_ENTRY, "EXEC");
}

static void audit(struct sim_ledger *ledger)
{
    static const char *const reads[TYPES] = {"LLEN Ll:%u",  "SCARD Ls:%u",    "HLEN Lh:%u",
                                             "ZCARD Lz:%u", "BITCOUNT Lb:%u", "GET Lc:%u"};
    struct sim_line *line = &ledger->line;
    sim_line_say(line, TAG_PART, "MULTI");
    for (uint32_t i = 0; i < TYPES; i++) {
        char command[32];
        (void)snprintf(command, sizeof(command), "%.*s%u", (int)strlen(reads[i]) - 2, reads[i],
                       line->number);
        sim_line_say(line, TAG_PART, "%s", command);
    }
    sim_line_say(line, TAG_AUDIT, "EXEC");
}

static void count_up(struct sim_ledger *ledger)
{
    struct sim_line *line = &ledger->line;
    if (!ledger->is_watching) {
        sim_line_say(line, TAG_WATCH, "WATCH " TALLY_KEY);
        sim_line_say(line, TAG_WATCHED, "GET " TALLY_KEY);
        return;
    }
    ledger->is_watching = false;
    sim_line_say(line, TAG_PART, "MULTI");
    sim_line_say(line, TAG_PART, "GET " TALLY_KEY);
    sim_line_say(line, TAG_PART, "SET " TALLY_KEY " %" PRIu64, ledger->watched + 1);
    sim_line_say(line, TAG_SET, "EXEC");
}

void sim_ledger_init(struct sim_ledger *ledger, struct sim *sim, uint32_t number,
                     struct sim_tally *tally)
{
    static const struct sim_line_hooks hooks = {on_reply, on_lost};
    *ledger = (struct sim_ledger){.tally = tally};
    ledger->line = (struct sim_line){
        .sim = sim, .name = "ledger", .number = number, .hooks = &hooks, .context = ledger};
    ledger->pace_ms = 10 + below(ledger, 150);
}

void sim_ledger_act(struct sim_ledger *ledger)
{
    struct sim_line *line = &ledger->line;
    ledger->next_ms = line->sim->lab.now_ms + 1 + below(ledger, ledger->pace_ms);
    if (line->client.session == NULL) {
        ledger->has_watch = false;
        ledger->is_watching = false;
    }
    if (!sim_line_connect(line)) {
        return;
    }
    if (below(ledger, HANG_UP_ONE_IN) == 0) {
        sim_line_hang_up(line);
        return;
    }
    if (line->commands_count > 0) {
        return; /* what a WATCH has read is known only when it is answered */
    }
    uint64_t dice = ledger->is_watching ? 0 : below(ledger, 8);
    if (dice < 2) {
        count_up(ledger);
    } else if (dice == 2) {
        audit(ledger);
    } else if (dice == 3) {
        sim_line_say(line, TAG_DRAWN, "SRANDMEMBER Ls:%u", line->number);
    } else if (ledger->tokens_count < SIM_TOKENS_MAX) {
        enter(ledger);
    }
}

/* ---- The end ---- */

static void check_list(struct sim_ledger *ledger, struct slice reply)
{
    uint32_t seen[SIM_TOKENS_MAX] = {0};
    struct reply_element element = {0};
    uint64_t newest_done = 0;
    struct slice rest = reply;
    bool is_good = take_element(&rest, &element) && element.kind == REPLY_KIND_ARRAY;
    uint64_t count = element.count;
    for (uint64_t i = 0; is_good && i < count; i++) {
        uint64_t number = 0;
        is_good = take_element(&rest, &element) && number_parse_uint64(element.text, &number) &&
                  number < ledger->tokens_count && ++seen[number] == 1 &&
                  ledger->tokens[number] != SIM_TOKEN_NEVER;
        if (is_good && ledger->tokens[number] == SIM_TOKEN_DONE) {
            is_good = number >= newest_done;
            newest_done = number;
        }
    }
    for (uint64_t i = 0; is_good && i < ledger->tokens_count; i++) {
        is_good = seen[i] == 1 || ledger->tokens[i] != SIM_TOKEN_DONE;
    }
    if (!is_good) {
        fail(ledger, "the list ends wrong", reply);
    }
}

static struct slice ask(struct lab_client *asker, const char *words)
{
    lab_client_say(asker, words);
    return slice_of_string(lab_client_hear(asker, END_WAIT_MS));
}

void sim_ledger_check_end(struct sim_ledger *ledger, struct lab_node *node)
{
    sim_line_check_end(&ledger->line);
    struct lab_client asker = {0};
    char words[32];
    lab_client_open(&asker, node, NULL);
    (void)snprintf(words, sizeof(words), "LRANGE Ll:%u 0 -1", ledger->line.number);
    check_list(ledger, ask(&asker, words));
    lab_client_deinit(&asker);
}

void sim_tally_check_end(const struct sim_tally *tally, struct lab_node *node)
{
    struct lab_client asker = {0};
    struct reply_element element = {0};
    uint64_t value = 0;
    lab_client_open(&asker, node, NULL);
    struct slice reply = ask(&asker, "GET " TALLY_KEY);
    bool is_good = take_element(&reply, &element) &&
                   (element.kind == REPLY_KIND_NULL || number_parse_uint64(element.text, &value));
    if (!is_good || value < tally->done || value > tally->done + tally->unknown) {
        lab_fail(node->lab,
                 "the tally ends at %" PRIu64 ", not in %" PRIu64 "..%" PRIu64
                 ": an update that was watched is lost",
                 value, tally->done, tally->done + tally->unknown);
    }
    lab_client_deinit(&asker);
}
