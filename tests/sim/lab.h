/* lab.h -- a cluster of real replicas in one thread: simulated clocks, disks, network and clients.
 *
 * Everything is decided by one seed. Time is simulated milliseconds and skips to the next event.
 * Messages travel as the bytes that peer_frame_encode writes; a disk keeps what was reported
 * durable; a node that crashes loses the rest and starts again from its disk. Snapshots go to a
 * simulated state.db (lab_state.h).
 *
 *   lab_run_until   lets everything happen that is due until a time
 *   between calls   the test sends commands, cuts links, crashes nodes, steps clocks
 *
 * After every turn of a node the oracle looks at it (lab_oracle.h), and its state hash is compared
 * with what any node had at the same applied index; a difference, or a node that cannot stop taking
 * turns, is a failure of the lab.
 */
#ifndef QUORUM_TESTS_SIM_LAB_H
#define QUORUM_TESTS_SIM_LAB_H

#include "base/list.h"
#include "replica/replica.h"
#include "sim/lab_damage.h"
#include "sim/lab_disk.h"
#include "sim/lab_network.h"
#include "sim/lab_oracle.h"
#include "sim/lab_state.h"

#define LAB_EPOCH_WALL_MS INT64_C(1700000000000)

struct lab;

struct lab_node {
    struct lab *lab;
    uint32_t number;         /* its name is node-(number + 1), its id lab_id(number) */
    struct replica *replica; /* NULL: down */
    bool is_paused;          /* as by SIGSTOP */
    bool has_diverged;       /* it said so, and was stopped */
    bool has_work;           /* another turn at once */
    bool crashes_in_turn;    /* at the end of the next one, with part of it carried out */
    bool is_in_turn;
    uint64_t deadline_ms;
    uint64_t monotonic_base_ms; /* its monotonic clock is this ahead of the lab's, */
    uint64_t clock_per_mille;   /* and so fast; set before anything happens, 1,000 at first */
    int64_t wall_offset_ms;     /* its wall clock is this ahead of the lab's */
    uint64_t paused_ms;         /* in all */
    uint64_t paused_since_ms;
    uint64_t turns;
    uint64_t turns_at; /* turns taken at turns_at_ms */
    uint64_t turns_at_ms;
    uint64_t slept_us; /* DEBUG SLEEP */
    uint32_t shutdowns;
    struct lab_disk disk;
    struct lab_state state;
    bool is_state_missing;          /* the next start says so; until a snapshot was installed */
    enum lab_alteration alteration; /* its state may differ from the others' */
    struct lab_backup backup;
    uint64_t gone_index; /* the end of its log, and that entry's term, when it was put back */
    uint64_t gone_term;
    struct peer_frame_scratch scratch;
};

struct lab_options {
    uint32_t nodes_count;
    uint32_t members_count; /* of the nodes, at first; the others are down. 0: all */
    uint64_t seed;
    uint32_t request_timeout_ms; /* 0: the replica's own */
    const char *password;
    bool clocks_drift; /* monotonic clocks run from half as fast to half as fast again */
    struct raft_timers timers;
    uint64_t incarnation_step_max; /* of a start over the one before, by chance; 0: one */
    uint32_t withhold_ms;          /* as in struct raft_start */
    struct replica_snapshot_options snapshot;
};

struct lab {
    struct lab_options options;
    uint64_t now_ms;
    struct prng prng;
    uint32_t nodes_count;
    struct lab_node nodes[LAB_NODES_MAX];
    struct lab_network network;
    struct list clients;    /* lab_client.h */
    uint64_t *state_hashes; /* by applied index; 0: not known yet */
    uint64_t hashes_capacity;
    bool allows_divergence; /* state hashes are not compared */
    struct lab_oracle oracle;
    struct lab_faults faults;
    uint64_t trace;   /* a hash of every turn */
    uint64_t replays; /* checked */
    uint32_t failures;
};

/* The id of a node, as the server would give it. */
uint64_t lab_id(uint32_t number);

/* The number of a node, or nodes_count: there is nobody at its address. */
uint32_t lab_number_of(const struct lab *lab, uint64_t id);

/* Opens a cluster whose nodes are all up, with a fast network and disks. */
void lab_open(struct lab *lab, const struct lab_options *options);
/* Closes clients and nodes. */
void lab_close(struct lab *lab);

/* Prints a failure with the seed and counts it. */
void lab_fail(struct lab *lab, const char *format, ...) PRINTF_LIKE(2, 3);

/* Lets everything happen that is due until that time, which is then the time. */
void lab_run_until(struct lab *lab, uint64_t until_ms);
void lab_run_for(struct lab *lab, uint64_t ms);

/* Runs until a leader is there and has committed in its term, at most max_ms; NULL: none came. */
struct lab_node *lab_run_to_leader(struct lab *lab, uint64_t max_ms);

/* The live leader of the highest term, or NULL. */
struct lab_node *lab_leader(struct lab *lab);
/* A live node that does not lead, or NULL. */
struct lab_node *lab_follower(struct lab *lab);

/* Begins a turn of a node that is up; it ends the next time the lab runs. */
void lab_begin_turn(struct lab_node *node);

/* Faults. A crashed node's clients lose their connections. */
void lab_crash(struct lab_node *node);
void lab_start(struct lab_node *node);
/* A node that is down loses its disk, and has another one. */
void lab_wipe(struct lab_node *node);
/* The disk of a node that is down is found damaged when it starts: it is set aside, and the node
 * has a blank one and knows the members. False: nothing readable tells of the cluster; it stays. */
bool lab_rot(struct lab_node *node);
void lab_pause(struct lab_node *node);
void lab_resume(struct lab_node *node);
/* Cuts both directions between a node and all others. */
void lab_isolate(struct lab_node *node);

/* A snapshot and the log behind it give the state that the node has: checked with a second replica
 * that is made from the disks of one that is up. */
void lab_check_replay(struct lab_node *node);

/* The node's monotonic clock; and how long a time of the lab is by it. */
uint64_t lab_node_ms(const struct lab_node *node);
static inline uint64_t lab_by_clock_of(const struct lab_node *node, uint64_t ms)
{
    return ms * node->clock_per_mille / 1000;
}

/* Whether that node is up and runs. */
static inline bool lab_is_live(const struct lab_node *node)
{
    return node->replica != NULL && !node->is_paused;
}

#endif
