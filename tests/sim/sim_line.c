/* sim_line.c -- a client's connection in the simulation. */
#include "sim/sim_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "command/command.h"

enum {
    ANSWER_SLACK_MS = 50,
    BLOCK_MS_MAX = 500, /* the longest in sim_draw.c */
    WORDS_MAX = 32,
    TEXT_BYTES = 256,
};

bool sim_line_begins(struct slice reply, const char *begin)
{
    size_t size = strlen(begin);
    return reply.size >= size && memcmp(reply.bytes, begin, size) == 0;
}

static void check_wait(struct sim_line *line, const struct sim_line_command *command)
{
    const struct lab_node *node = line->client.node;
    uint64_t waited_ms = line->sim->lab.now_ms - command->taken_ms;
    waited_ms = lab_by_clock_of(node, waited_ms - (node->paused_ms - command->paused_ms));
    uint64_t limit_ms = line->sim->request_timeout_ms + ANSWER_SLACK_MS;
    limit_ms += command->may_block ? BLOCK_MS_MAX : 0;
    if (waited_ms > limit_ms) {
        lab_fail(&line->sim->lab, "%s %u on node %u: a command has waited for %" PRIu64 " ms",
                 line->name, line->number, node->number + 1, waited_ms);
    }
}

static void on_taken(struct lab_client *client)
{
    struct sim_line *line = client->context;
    for (uint32_t i = 0; i < line->commands_count; i++) {
        struct sim_line_command *command = &line->commands[i];
        if (!command->is_taken) {
            command->is_taken = true;
            command->taken_ms = line->sim->lab.now_ms;
            command->paused_ms = client->node->paused_ms;
            return;
        }
    }
    lab_fail(&line->sim->lab, "%s %u: more taken than sent", line->name, line->number);
}

static void on_reply(struct lab_client *client, struct slice reply)
{
    struct sim_line *line = client->context;
    if (line->commands_count == 0) {
        lab_fail(&line->sim->lab, "%s %u: a reply that nothing asked for", line->name,
                 line->number);
        return;
    }
    struct sim_line_command command = line->commands[0];
    line->commands_count--;
    memmove(&line->commands[0], &line->commands[1], line->commands_count * sizeof(command));
    if (command.is_taken) {
        check_wait(line, &command);
    }
    line->sim->replies++;
    line->hooks->on_reply(line, command.tag, reply);
}

static void on_closed(struct lab_client *client)
{
    struct sim_line *line = client->context;
    uint32_t count = line->commands_count;
    line->commands_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        line->hooks->on_lost(line, line->commands[i].tag, line->commands[i].is_taken);
    }
    line->sim->lab.faults.counts[LAB_CLIENT_LOST]++;
}

bool sim_line_connect(struct sim_line *line)
{
    static const struct lab_client_hooks hooks = {on_taken, on_reply, on_closed};
    struct lab *lab = &line->sim->lab;
    if (line->client.session == NULL) {
        struct lab_node *node = &lab->nodes[prng_below(&line->sim->prng, lab->nodes_count)];
        if (!lab_is_live(node)) {
            return false;
        }
        line->client.context = line;
        lab_client_deinit(&line->client);
        lab_client_open(&line->client, node, &hooks);
    }
    return true;
}

void sim_line_send(struct sim_line *line, uint32_t tag, const struct slice *arguments,
                   uint32_t arguments_count)
{
    ASSERT(line->commands_count < SIM_LINE_COMMANDS_MAX);
    const struct command *command = command_lookup(arguments[0]);
    bool may_block = command != NULL && (command->flags & COMMAND_FLAG_BLOCKING) != 0;
    line->commands[line->commands_count++] =
        (struct sim_line_command){.tag = tag, .may_block = may_block};
    lab_client_send(&line->client, arguments, arguments_count);
}

void sim_line_say(struct sim_line *line, uint32_t tag, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    ASSERT(size > 0 && (size_t)size < sizeof(text));
    struct slice arguments[WORDS_MAX];
    uint32_t count = 0;
    const char *at = text;
    while (*at != '\0') {
        size_t word = strcspn(at, " ");
        ASSERT(count < WORDS_MAX);
        arguments[count++] = slice_of(at, word);
        at += word + (at[word] == ' ');
    }
    sim_line_send(line, tag, arguments, count);
}

void sim_line_hang_up(struct sim_line *line)
{
    if (line->client.session != NULL) {
        lab_client_close(&line->client);
        on_closed(&line->client);
    }
}

void sim_line_check_waits(struct sim_line *line)
{
    if (line->client.session == NULL || line->client.node->is_paused) {
        return;
    }
    for (uint32_t i = 0; i < line->commands_count; i++) {
        if (line->commands[i].is_taken) {
            check_wait(line, &line->commands[i]);
        }
    }
}

void sim_line_check_end(struct sim_line *line)
{
    if (line->commands_count > 0) {
        lab_fail(&line->sim->lab, "%s %u: %u commands were never answered", line->name,
                 line->number, line->commands_count);
    }
}

bool sim_line_take_error(struct sim_line *line, struct slice reply)
{
    if (sim_line_begins(reply, "-UNKNOWN ")) {
        line->sim->unknowns++;
        return true;
    }
    if (!sim_line_begins(reply, "-CLUSTERDOWN ") && !sim_line_begins(reply, "-DISKFULL ") &&
        !sim_line_begins(reply, "-EXECABORT ")) {
        lab_fail(&line->sim->lab, "%s %u: a command is answered %.*s", line->name, line->number,
                 (int)reply.size, (const char *)reply.bytes);
    }
    line->sim->refusals++;
    return false;
}
