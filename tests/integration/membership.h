/* membership.h -- nodes that come and go by the HTTP API, as an operator with curl would do it.
 *
 * A change that is answered "another one is under way" is asked for again; any other refusal fails
 * the test.
 */
#ifndef QUORUM_TESTS_INTEGRATION_MEMBERSHIP_H
#define QUORUM_TESTS_INTEGRATION_MEMBERSHIP_H

#include <stdbool.h>

#include "lib/cluster.h"

enum { MEMBER_ROLE_BYTES = 32 };

/* POST /cluster/add and /cluster/remove at node through. A removed node is outside from then on. */
void member_add(struct cluster *cluster, uint32_t through, uint32_t node);
void member_remove(struct cluster *cluster, uint32_t through, uint32_t node);

/* Waits until a node says that it votes, and the node through lists it so; it is inside then. */
void member_wait_voter(struct cluster *cluster, uint32_t through, uint32_t node);

/* Waits until every member has acknowledged to the leader what is committed by now. */
void member_wait_acknowledged(struct cluster *cluster, uint32_t leader);

/* Waits until the leader has noticed that it does not hear from a member. */
void member_wait_unreachable(const struct cluster *cluster, uint32_t leader, uint32_t node);

/* Waits until a node says that it is no member any more. */
void member_wait_removed(struct cluster *cluster, uint32_t node);

/* A member's role in QUORUM MEMBERS of node through; "" when it is not listed. */
void member_role(const struct cluster *cluster, uint32_t through, uint32_t node,
                 char role[MEMBER_ROLE_BYTES]);

/* Adds a new node, by curl or by its own asking, and waits until it votes; returns its number. */
uint32_t member_grow(struct cluster *cluster, uint32_t through, bool asks_itself);

#endif
