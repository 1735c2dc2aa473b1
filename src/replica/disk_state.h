/* disk_state.h -- private: what a node does while its disk, or the leader's, has little room. */
#ifndef QUORUM_REPLICA_DISK_STATE_H
#define QUORUM_REPLICA_DISK_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct replica;

enum { DISK_REFUSAL_BYTES = 512 };

/* Whether a command has to be refused, and then why, as the text of an error reply. */
bool disk_state_refuses(const struct replica *replica, const struct command *command,
                        char text[DISK_REFUSAL_BYTES]);

/* Once a turn: a leader whose disk is low hands over to a voter whose disk is not. */
void disk_state_turn(struct replica *replica);
uint64_t disk_state_deadline_ms(const struct replica *replica);

/* A peer's link came up: what it was told of this node with its hello may be out of date. */
void disk_state_tell(struct replica *replica, uint64_t peer);

#endif
