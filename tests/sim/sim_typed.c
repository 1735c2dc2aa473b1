/* sim_typed.c -- a client of the simulation that uses every type of value. */
#include "sim/sim_typed.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    HANG_UP_ONE_IN = 200,
    PIPELINE_MAX = 6,
    TRANSACTION_MAX = 6,
    /* What a transaction brings besides: WATCH, MULTI, EXEC. */
    TRANSACTION_FRAME = 3,
    ECHO_ONE_IN = 4,
    ECHO_BYTES = 32,
    NO_ECHO = 0, /* a tag */
};

static uint64_t below(struct sim_typed *typed, uint64_t bound)
{
    return prng_below(&typed->line.sim->prng, bound);
}

/* ---- Replies ---- */

/* What a command may say of the values that it finds, as Redis does. */
static bool is_refusal_of_values(struct slice reply)
{
    static const char *const begins[] = {
        "-WRONGTYPE ",
        "-ERR no such key",
        "-ERR index out of range",
        "-ERR value is ",
        "-ERR hash value is not ",
        "-ERR increment or decrement would overflow",
        "-ERR source and destination objects are the same",
        "-ERR could not decode requested zset member",
        "-ERR One or more scores can't be converted into double",
        "-INVALIDOBJ ", /* a HyperLogLog that others wrote into */
    };
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        if (sim_line_begins(reply, begins[i])) {
            return true;
        }
    }
    return false;
}

/* What ECHO with that tag is answered; it shows when a command before it had no reply, or two. */
static void check_echo(struct sim_line *line, uint32_t tag, struct slice reply)
{
    char expected[ECHO_BYTES];
    (void)snprintf(expected, sizeof(expected), "$8\r\n%08" PRIx32 "\r\n", tag);
    if (!slice_equals(reply, slice_of_string(expected))) {
        lab_fail(&line->sim->lab, "%s %u: ECHO %08" PRIx32 " is answered %.*s", line->name,
                 line->number, tag, (int)reply.size, (const char *)reply.bytes);
    }
}

static void on_reply(struct sim_line *line, uint32_t tag, struct slice reply)
{
    struct sim_typed *typed = line->context;
    if (tag != NO_ECHO) {
        check_echo(line, tag, reply);
    } else if (reply.bytes[0] == '-' && !is_refusal_of_values(reply)) {
        (void)sim_line_take_error(line, reply);
    } else {
        typed->done++;
    }
}

static void on_lost(struct sim_line *line, uint32_t tag, bool was_taken)
{
    (void)tag;
    line->sim->unknowns += was_taken;
}

/* ---- Acting ---- */

static void send_command(struct sim_typed *typed)
{
    static struct slice arguments[SIM_DRAWN_MAX];
    sim_draw_command(typed->draw, &typed->drawn);
    uint32_t count = sim_drawn_slices(&typed->drawn, arguments);
    sim_line_send(&typed->line, NO_ECHO, arguments, count);
}

static void send_transaction(struct sim_typed *typed)
{
    uint64_t count = 1 + below(typed, TRANSACTION_MAX);
    if (below(typed, 3) == 0) {
        sim_line_say(&typed->line, NO_ECHO, "WATCH %c0 %c0", "hlszt"[below(typed, 5)],
                     "hlszt"[below(typed, 5)]);
    }
    sim_line_say(&typed->line, NO_ECHO, "MULTI");
    for (uint64_t i = 0; i < count; i++) {
        send_command(typed);
    }
    sim_line_say(&typed->line, NO_ECHO, below(typed, 20) == 0 ? "DISCARD" : "EXEC");
}

void sim_typed_init(struct sim_typed *typed, struct sim *sim, uint32_t number,
                    const struct sim_draw *draw)
{
    static const struct sim_line_hooks hooks = {on_reply, on_lost};
    *typed = (struct sim_typed){.draw = draw};
    typed->line = (struct sim_line){
        .sim = sim, .name = "typed client", .number = number, .hooks = &hooks, .context = typed};
    typed->pace_ms = 5 + below(typed, 100);
}

void sim_typed_act(struct sim_typed *typed)
{
    struct sim_line *line = &typed->line;
    typed->next_ms = line->sim->lab.now_ms + 1 + below(typed, typed->pace_ms);
    if (line->client.session == NULL) {
        typed->is_fresh = true;
    }
    if (!sim_line_connect(line)) {
        return;
    }
    if (below(typed, HANG_UP_ONE_IN) == 0) {
        sim_line_hang_up(line);
        return;
    }
    if (line->commands_count + TRANSACTION_MAX + TRANSACTION_FRAME + 2 > SIM_LINE_COMMANDS_MAX) {
        return;
    }
    if (typed->is_fresh) { /* these databases are emptied and exchanged, too */
        sim_line_say(line, NO_ECHO, "SELECT %d", 1 + (int)below(typed, 2));
        typed->is_fresh = false;
    }
    uint64_t dice = below(typed, 6);
    uint64_t count = dice == 0 ? 1 + below(typed, PIPELINE_MAX) : 1;
    if (dice == 1) {
        send_transaction(typed);
    } else {
        for (uint64_t i = 0; i < count; i++) {
            send_command(typed);
        }
    }
    if (below(typed, ECHO_ONE_IN) == 0) {
        uint32_t tag = 1 + (uint32_t)below(typed, UINT32_MAX);
        sim_line_say(line, tag, "ECHO %08" PRIx32, tag);
    }
}

void sim_typed_close(struct sim_typed *typed)
{
    lab_client_deinit(&typed->line.client);
    sim_drawn_deinit(&typed->drawn);
}
