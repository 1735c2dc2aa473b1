/* sim_line.h -- a client's connection in the simulation: commands in a pipeline, each with a tag of
 * the client's own, and how long each waits for its answer.
 */
#ifndef QUORUM_TESTS_SIM_SIM_LINE_H
#define QUORUM_TESTS_SIM_SIM_LINE_H

#include "sim/sim_client.h"

enum { SIM_LINE_COMMANDS_MAX = 24 };

struct sim_line;

struct sim_line_hooks {
    void (*on_reply)(struct sim_line *line, uint32_t tag, struct slice reply);
    /* The connection broke; the node may carry out what it had taken. */
    void (*on_lost)(struct sim_line *line, uint32_t tag, bool was_taken);
};

struct sim_line_command {
    uint32_t tag;
    bool is_taken;
    bool may_block; /* waits for elements, and for the try under way when its time is over */
    uint64_t taken_ms;
    uint64_t paused_ms; /* of its node, in all, when it was taken */
};

struct sim_line {
    struct sim *sim;
    const char *name; /* for messages, with number */
    uint32_t number;
    const struct sim_line_hooks *hooks;
    void *context; /* the client's own */
    struct lab_client client;
    struct sim_line_command commands[SIM_LINE_COMMANDS_MAX]; /* oldest first */
    uint32_t commands_count;
};

/* Whether there is a connection; one is made to a node drawn by chance, if that is up. */
bool sim_line_connect(struct sim_line *line);

/* At most SIM_LINE_COMMANDS_MAX are under way. */
void sim_line_send(struct sim_line *line, uint32_t tag, const struct slice *arguments,
                   uint32_t arguments_count);
/* The same, of words separated by single spaces. */
void sim_line_say(struct sim_line *line, uint32_t tag, const char *format, ...) PRINTF_LIKE(3, 4);

/* The client breaks the connection, whatever is under way. */
void sim_line_hang_up(struct sim_line *line);

/* Fails when a command taken has waited for too long. */
void sim_line_check_waits(struct sim_line *line);

/* At the end of a run that has calmed down: fails when something is not answered. */
void sim_line_check_end(struct sim_line *line);

/* Counts an error reply that any command may be given: refused, not done; or, true, unknown. Fails
 * when it is another one. */
bool sim_line_take_error(struct sim_line *line, struct slice reply);

/* Whether a reply begins like that. */
bool sim_line_begins(struct slice reply, const char *begin);

#endif
