/* latency.c -- what took long, and how often: see latency.h. */
#include "replica/latency.h"

#include <inttypes.h>

#include "base/number.h"
#include "replica/node_commands.h"
#include "replica/replica_internal.h"

enum { TURN_LONG_US = 5000, GRAPH_LEVELS = 4 };

static const char *const event_names[LATENCY_EVENTS] = {"command", "fast-command", "loop-turn"};

/* ---- Noting ---- */

static void add_sample(struct executor *executor, enum latency_event event, uint64_t us)
{
    struct latency *latency = &executor->latency;
    uint64_t ms = us / 1000;
    if (latency->threshold_ms == 0 || ms < latency->threshold_ms) {
        return;
    }
    const struct replica_host *host = &executor->replica->host;
    int64_t time_s = host->wall_us(host->context) / 1000000;
    struct latency_series *series = &latency->series[event];
    series->max_ms = ms > series->max_ms ? ms : series->max_ms;
    uint32_t last = (series->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES;
    if (series->count > 0 && series->samples[last].time_s == time_s) {
        struct latency_sample *sample = &series->samples[last];
        sample->ms = ms > sample->ms ? ms : sample->ms;
        return;
    }
    series->samples[series->next] = (struct latency_sample){time_s, ms};
    series->next = (series->next + 1) % LATENCY_SAMPLES;
    series->count += series->count < LATENCY_SAMPLES;
}

/* What HDR histograms of two digits call the end of a power of two, as Redis shows it. */
static uint64_t bucket_end_us(uint32_t bucket)
{
    uint64_t nanoseconds = UINT64_C(1024) << bucket;
    return (nanoseconds + nanoseconds / 128) / 1000;
}

void latency_note_command(struct executor *executor, const struct command *command, uint64_t us)
{
    uint32_t bucket = 0;
    while (bucket < LATENCY_BUCKETS - 1 && us > bucket_end_us(bucket)) {
        bucket++;
    }
    executor->histograms[command->id].buckets[bucket]++;
    bool is_fast = (command->flags & COMMAND_FLAG_FAST) != 0;
    add_sample(executor, is_fast ? LATENCY_FAST_COMMAND : LATENCY_COMMAND, us);
}

void latency_note_turn(struct executor *executor, uint64_t us)
{
    struct latency *latency = &executor->latency;
    latency->turns++;
    latency->turns_over_5ms += us > TURN_LONG_US;
    latency->longest_turn_us = us > latency->longest_turn_us ? us : latency->longest_turn_us;
    add_sample(executor, LATENCY_LOOP_TURN, us);
}

/* ---- LATENCY ---- */

/* The event of a name, or LATENCY_EVENTS. */
static uint32_t find_event(struct slice name)
{
    uint32_t event = 0;
    while (event < LATENCY_EVENTS && !slice_is_word(name, event_names[event])) {
        event++;
    }
    return event;
}

/* The sample at a position from the oldest on. */
static const struct latency_sample *sample_at(const struct latency_series *series, uint32_t at)
{
    return &series
                ->samples[(series->next + LATENCY_SAMPLES - series->count + at) % LATENCY_SAMPLES];
}

enum execute_result node_latency_latest(struct session *session, const struct slice *arguments,
                                        uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    size_t begin = reply_deferred_begin(&session->reply);
    uint64_t count = 0;
    for (uint32_t event = 0; event < LATENCY_EVENTS; event++) {
        const struct latency_series *series = &session->executor->latency.series[event];
        if (series->count == 0) {
            continue;
        }
        const struct latency_sample *last = sample_at(series, series->count - 1);
        reply_array(&session->reply, 4);
        reply_bulk_string(&session->reply, event_names[event]);
        reply_integer(&session->reply, last->time_s);
        reply_integer(&session->reply, (int64_t)last->ms);
        reply_integer(&session->reply, (int64_t)series->max_ms);
        count++;
    }
    reply_deferred_array(&session->reply, begin, count);
    return EXECUTE_TAKEN;
}

enum execute_result node_latency_history(struct session *session, const struct slice *arguments,
                                         uint32_t arguments_count)
{
    (void)arguments_count;
    uint32_t event = find_event(arguments[2]);
    const struct latency_series *series =
        event == LATENCY_EVENTS ? NULL : &session->executor->latency.series[event];
    reply_array(&session->reply, series == NULL ? 0 : series->count);
    for (uint32_t i = 0; series != NULL && i < series->count; i++) {
        reply_array(&session->reply, 2);
        reply_integer(&session->reply, sample_at(series, i)->time_s);
        reply_integer(&session->reply, (int64_t)sample_at(series, i)->ms);
    }
    return EXECUTE_TAKEN;
}

enum execute_result node_latency_reset(struct session *session, const struct slice *arguments,
                                       uint32_t arguments_count)
{
    int64_t reset = 0;
    for (uint32_t event = 0; event < LATENCY_EVENTS; event++) {
        struct latency_series *series = &session->executor->latency.series[event];
        bool is_named = arguments_count == 2;
        for (uint32_t i = 2; i < arguments_count; i++) {
            is_named = is_named || find_event(arguments[i]) == event;
        }
        if (is_named && series->count > 0) {
            *series = (struct latency_series){.count = 0};
            reset++;
        }
    }
    reply_integer(&session->reply, reset);
    return EXECUTE_TAKEN;
}

/* Each sample a column of a height that goes by its part of the longest. */
static void draw(const struct latency_series *series, struct buf *out)
{
    static const char levels[GRAPH_LEVELS] = {'_', 'o', 'O', '#'};
    uint64_t longest = 1;
    for (uint32_t i = 0; i < series->count; i++) {
        longest = sample_at(series, i)->ms > longest ? sample_at(series, i)->ms : longest;
    }
    for (uint32_t row = GRAPH_LEVELS; row > 0; row--) {
        for (uint32_t i = 0; i < series->count; i++) {
            uint64_t level = (sample_at(series, i)->ms * GRAPH_LEVELS - 1) / longest;
            buf_append_byte(out, (uint8_t)(level == row - 1 ? levels[level]
                                           : level >= row   ? '|'
                                                            : ' '));
        }
        buf_append_byte(out, '\n');
    }
}

enum execute_result node_latency_graph(struct session *session, const struct slice *arguments,
                                       uint32_t arguments_count)
{
    (void)arguments_count;
    uint32_t event = find_event(arguments[2]);
    const struct latency_series *series =
        event == LATENCY_EVENTS ? NULL : &session->executor->latency.series[event];
    if (series == NULL || series->count == 0) {
        reply_error_format(&session->reply, "ERR No samples available for event '%.*s'",
                           (int)(arguments[2].size < 128 ? arguments[2].size : 128),
                           (const char *)arguments[2].bytes);
        return EXECUTE_TAKEN;
    }
    struct buf text = {0};
    const struct latency_sample *last = sample_at(series, series->count - 1);
    buf_append_format(&text,
                      "%s: %u samples, the longest of all time %" PRIu64
                      " ms, the last one %" PRIu64 " ms\n",
                      event_names[event], series->count, series->max_ms, last->ms);
    draw(series, &text);
    reply_verbatim(&session->reply, "txt", buf_slice(&text));
    buf_deinit(&text);
    return EXECUTE_TAKEN;
}

enum execute_result node_latency_doctor(struct session *session, const struct slice *arguments,
                                        uint32_t arguments_count)
{
    (void)arguments;
    (void)arguments_count;
    static const char *const advice[LATENCY_EVENTS] = {
        "look with SLOWLOG for commands on large values, and ask for parts of them",
        "the machine is short of processor time, or the process was paused",
        "look at what else happened then: large values, a machine that swaps or is busy"};
    const struct latency *latency = &session->executor->latency;
    struct buf text = {0};
    if (latency->threshold_ms == 0) {
        buf_append_format(&text, "Latency is not monitored: CONFIG SET latency-monitor-threshold "
                                 "to milliseconds.\n");
    }
    for (uint32_t event = 0; event < LATENCY_EVENTS; event++) {
        const struct latency_series *series = &latency->series[event];
        if (series->count > 0) {
            buf_append_format(&text,
                              "%s: %u times over %" PRIu64 " ms, at most %" PRIu64 " ms: %s.\n",
                              event_names[event], series->count, latency->threshold_ms,
                              series->max_ms, advice[event]);
        }
    }
    if (buf_size(&text) == 0) {
        buf_append_format(&text, "Nothing took %" PRIu64 " ms or more so far.\n",
                          latency->threshold_ms);
    }
    reply_verbatim(&session->reply, "txt", buf_slice(&text));
    buf_deinit(&text);
    return EXECUTE_TAKEN;
}

/* ---- LATENCY HISTOGRAM ---- */

/* Replies with one command's distribution; false: it was never called. */
static bool reply_histogram(struct session *session, uint32_t id)
{
    struct reply *reply = &session->reply;
    const struct command_stats *stats = &session->executor->stats[id];
    const struct latency_histogram *histogram = &session->executor->histograms[id];
    if (stats->calls == 0) {
        return false;
    }
    reply_bulk_string(reply, command_by_id((enum command_id)id)->name);
    reply_map(reply, 2);
    reply_bulk_string(reply, "calls");
    reply_integer(reply, (int64_t)stats->calls);
    reply_bulk_string(reply, "histogram_usec");
    size_t begin = reply_deferred_begin(reply);
    uint64_t rows = 0;
    uint64_t cumulative = 0;
    for (uint32_t bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
        cumulative += histogram->buckets[bucket];
        if (histogram->buckets[bucket] > 0) {
            reply_integer(reply, (int64_t)bucket_end_us(bucket));
            reply_integer(reply, (int64_t)cumulative);
            rows++;
        }
    }
    reply_deferred_map(reply, begin, rows);
    return true;
}

/* Whether a word names a command, or its container. */
static bool names(struct slice word, const struct command *command)
{
    return slice_is_word(word, command->name) ||
           (command->container != NULL && slice_is_word(word, command->container));
}

enum execute_result node_latency_histogram(struct session *session, const struct slice *arguments,
                                           uint32_t arguments_count)
{
    size_t begin = reply_deferred_begin(&session->reply);
    uint64_t count = 0;
    for (uint32_t id = 0; id < COMMAND_ID_COUNT; id++) {
        bool is_named = arguments_count == 2;
        for (uint32_t i = 2; i < arguments_count; i++) {
            is_named = is_named || names(arguments[i], command_by_id((enum command_id)id));
        }
        count += is_named && reply_histogram(session, id);
    }
    reply_deferred_map(&session->reply, begin, count);
    return EXECUTE_TAKEN;
}
