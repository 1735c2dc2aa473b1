/* lab_client.h -- clients in the lab: they do what a Redis connection in net does.
 *
 * Commands are offered in order; one that stalls, and all behind it, wait until the session is
 * touched. Replies are cut out of the session's output one by one.
 */
#ifndef QUORUM_TESTS_SIM_LAB_CLIENT_H
#define QUORUM_TESTS_SIM_LAB_CLIENT_H

#include "base/buf.h"
#include "base/list.h"
#include "sim/lab.h"

struct lab_client;

/* What the test is told; each may be NULL. Calls come in the order of the commands. */
struct lab_client_hooks {
    void (*on_taken)(struct lab_client *client); /* the executor has the oldest waiting command */
    void (*on_reply)(struct lab_client *client, struct slice reply);
    void (*on_closed)(struct lab_client *client); /* by the server, or the node crashed */
};

struct lab_client {
    struct list link;
    struct lab_node *node;
    struct session *session; /* NULL: not connected */
    struct buf waiting;      /* commands not taken, as batch_put_command */
    bool is_stalled;
    struct buf replies; /* all replies, when there is no on_reply */
    struct buf heard;   /* what lab_client_hear returned last */
    uint32_t replies_count;
    struct lab_client_hooks hooks;
    void *context; /* the test's own */
};

/* Connects to a node that is up. hooks may be NULL. The lab closes what is left at its end. */
void lab_client_open(struct lab_client *client, struct lab_node *node,
                     const struct lab_client_hooks *hooks);

/* The client breaks the connection, whatever is under way. */
void lab_client_close(struct lab_client *client);

/* Frees what the client holds. */
void lab_client_deinit(struct lab_client *client);

/* Sends one command: by arguments, or as words separated by single spaces ('' is an empty one). */
void lab_client_send(struct lab_client *client, const struct slice *arguments,
                     uint32_t arguments_count);
void lab_client_say(struct lab_client *client, const char *words);

/* Runs the lab for ms and returns everything replied since the last call, NUL-terminated. */
const char *lab_client_hear(struct lab_client *client, uint64_t ms);

/* For the lab: what happens to a node's clients after a turn, when it ran again
 * after a pause, at a crash, at the end. */
void lab_clients_serve(struct lab_node *node);
void lab_clients_offer(struct lab_node *node);
void lab_clients_lose(struct lab_node *node);
void lab_clients_close(struct lab *lab);

#endif
