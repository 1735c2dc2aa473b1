/* notify.h -- what applying a command gives beside its reply: gathered while it runs, and then told
 * to waiting clients and subscribers of this node.
 *
 * Published messages and the events of commands come by the tape of command_events.h; keys that
 * expire, come to be or are missed by what the keyspace tells (kv/keyspace.h).
 */
#ifndef QUORUM_REPLICA_NOTIFY_H
#define QUORUM_REPLICA_NOTIFY_H

#include <stdint.h>

#include "command/command_events.h"

struct executor;
struct replica;

/* Where handlers, and the keyspace, are to tell their events from now on; NULL: nobody on this node
 * listens. */
struct command_events *notify_listen(struct executor *executor);

/* notify-keyspace-events: NOTIFY_ classes. */
void notify_set_classes(struct executor *executor, uint32_t classes);

/* Tells subscribers what was gathered, and empties the tape. */
void notify_hand_out(struct replica *replica);

#endif
