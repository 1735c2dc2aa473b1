/* membership.h -- private: requests to change the members or the leader, from asking to answer.
 *
 * DESIGN. A request comes from a client of this node (node_membership.c) and is asked of the
 * leader, which may be this node. The leader makes raft append the change, remembers who asked for
 * the entry at that index and term, and answers when that entry is applied: committed, or
 * overwritten by another leader's and so provably not done.
 *
 *   WAITS -> ASKED      a leader is known: membership_turn
 *   ASKED -> WAITS      it refused for a reason that passes (not the leader, busy)
 *   ASKED -> MOVING     a transfer has begun; -> WAITS when nothing came of it
 *   any   -> DONE       answered, seen done in the log, or out of time
 *
 * A number names one asking, never a request: each asking has a greater one, and a leader handles
 * only numbers greater than the last of that asker, so a message that comes twice changes nothing
 * the second time. A request that was asked is asked again only after a refusal.
 */
#ifndef QUORUM_REPLICA_MEMBERSHIP_H
#define QUORUM_REPLICA_MEMBERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "wire/peer_message.h"

struct replica;

enum change_stage { CHANGE_FREE, CHANGE_WAITS, CHANGE_ASKED, CHANGE_MOVING, CHANGE_DONE };

/* Of a client of this node's. */
struct change_request {
    enum change_stage stage;
    bool is_abandoned; /* its client is gone */
    uint64_t ticket;   /* what its session holds */
    struct peer_change change;
    uint64_t opened_ms;
    uint64_t ask_at_ms;       /* WAITS: not before this */
    uint64_t busy_since_ms;   /* when a leader was busy first; 0: none was */
    uint64_t moving_since_ms; /* when a transfer began last; 0: none did */
    uint64_t asked;           /* the leader asked last */
    enum result result;       /* DONE: as peer_change_reply has it */
    uint64_t index;
};

/* An entry in this node's log that somebody waits for. */
struct change_pending {
    uint64_t asker;
    uint64_t number;
    uint64_t index;
    uint64_t term;
};

struct membership {
    struct change_request requests[LIMIT_CHANGES_PENDING];
    uint32_t requests_count; /* not CHANGE_FREE */
    uint64_t last_ticket;
    uint64_t last_number;
    struct change_pending pending[LIMIT_CHANGES_PENDING];
    uint32_t pending_count;
    /* The last number that this node handled as a leader, of the askers heard from last. */
    struct {
        uint64_t asker;
        uint64_t number;
    } seen[LIMIT_MEMBERS];
    uint32_t seen_next; /* the row given to the next new asker */
    /* The joiner that was refused last, and why. */
    uint64_t refused_joiner;
    enum result refused_why;
    /* replica_join. */
    uint64_t join_via; /* RAFT_ID_NONE: nothing is asked for */
    uint64_t join_at_ms;
};

/* Numbers of a later start are greater: incarnation grows. */
void membership_init(struct membership *membership, uint64_t incarnation);

/* The node goes on under a greater incarnation. */
void membership_renumber(struct membership *membership, uint64_t incarnation);

/* ---- membership.c: requests of this node's clients ---- */

/* Takes a request and returns its ticket; 0: LIMIT_CHANGES_PENDING are under way. */
uint64_t membership_request(struct replica *replica, const struct peer_change *change);

/* True when the request is done; it is forgotten then. result is RESULT_OK or why not:
 * RESULT_NOT_LEADER: no leader took it in time; RESULT_CLOSED: the outcome is not known;
 * RESULT_CONFLICT of a transfer: leadership did not move in time; else as of raft_step. */
bool membership_take(struct replica *replica, uint64_t ticket, enum result *result,
                     uint64_t *index);

/* Nobody waits for the request any more; what was asked for may still be done. */
void membership_abandon(struct replica *replica, uint64_t ticket);

/* Once a turn: asks what waits, ends what is out of time, asks to join. */
void membership_turn(struct replica *replica);
uint64_t membership_deadline_ms(const struct replica *replica);

/* A leader's answer to one asking of this node's. */
void membership_answered(struct replica *replica, uint64_t from,
                         const struct peer_change_reply *reply);

/* ---- membership_serve.c: what a leader does with them ---- */

/* Has raft append the change, or begin the transfer; RESULT_OK: the answer goes to the asker by
 * itself. Else as of raft_step, and nothing was done. */
MUST_CHECK enum result membership_accept(struct replica *replica, uint64_t asker,
                                         const struct peer_change *change);

/* PEER_MESSAGE_CHANGE. */
void membership_receive(struct replica *replica, uint64_t from, const struct peer_change *change);

/* An entry was applied: answers whoever waits for its index. */
void membership_applied(struct replica *replica, const struct raft_entry *entry);

/* Answers those whose entry was passed over by a snapshot: unknown. */
void membership_passed_over(struct replica *replica);

/* ---- membership_self.c: this node as a member ---- */

/* A configuration was applied in the place of another: says in the log what changed, and ends
 * requests of ours that it fulfils. */
void membership_configuration_applied(struct replica *replica,
                                      const struct raft_configuration *before, uint64_t index);

/* Asks to be added while replica_join is in force. */
void membership_join(struct replica *replica);

/* "Leader", "Follower", "Candidate", "Learner" or "Removed". */
const char *membership_role_text(const struct replica *replica);

#endif
