/* cluster.h -- a few raft cores, their disks and the mail between them, for the tests here.
 *
 * Nothing moves by itself: a test says which mail arrives, which persist completes and whose
 * deadline comes. A node keeps two things apart: its core (lost in a crash) and its disk, which
 * holds only what was reported durable.
 */
#ifndef QUORUM_TESTS_UNIT_RAFT_CLUSTER_H
#define QUORUM_TESTS_UNIT_RAFT_CLUSTER_H

#include "base/prng.h"
#include "raft/raft.h"

enum { CLUSTER_NODES_MAX = 7, CLUSTER_READS_MAX = 64 };

/* A raft_persist with entries of its own. */
struct cluster_persist {
    struct raft_persist persist;
    struct raft_entry *entries;
    uint64_t due_ms; /* for tests that draw delays */
};

/* Two files, as in a data directory: the log, and a snapshot, which may be ahead of what the log
 * has or had to drop. */
struct cluster_disk {
    struct raft_hard_state hard_state;
    struct raft_configuration configuration; /* as of state_index */
    uint64_t state_index;                    /* of the snapshot; 0: none */
    uint64_t state_term;
    uint64_t snapshot_index; /* the log begins behind it */
    uint64_t snapshot_term;
    struct raft_entry *entries;
    uint64_t entries_count;
    uint64_t entries_capacity;
};

struct cluster_node {
    uint64_t id;
    uint64_t disk_id;
    struct raft *raft; /* NULL: down */
    bool persists_by_hand;
    struct cluster_disk disk;
    struct cluster_disk image; /* an earlier state of it */
    bool has_image;
    struct cluster_persist *persists; /* on their way to the disk, oldest first */
    uint32_t persists_count;
    uint32_t persists_capacity;
    uint64_t deadline_ms;
    uint64_t commit_index;
    struct raft_read_result reads[CLUSTER_READS_MAX]; /* results so far, kept by the test */
    uint32_t reads_count;
};

struct cluster_mail {
    struct raft_message message; /* entries point at the copy */
    struct raft_entry *entries;
    uint64_t due_ms;
};

struct cluster;

/* Sees each ready right after its step, before anything in it was done. */
typedef void cluster_observer(struct cluster *cluster, struct cluster_node *node,
                              const struct raft_ready *ready, void *context);

struct cluster {
    uint64_t now_ms;
    uint64_t seed;
    struct raft_configuration configuration; /* bootstrap */
    struct raft_timers timers;
    uint32_t withhold_ms;                             /* of nodes started from now on */
    struct cluster_node nodes[CLUSTER_NODES_MAX + 1]; /* by id, from 1 */
    uint32_t nodes_count;
    struct cluster_mail *mails; /* in flight, oldest first */
    uint32_t mails_count;
    uint32_t mails_capacity;
    bool cut[CLUSTER_NODES_MAX + 1][CLUSTER_NODES_MAX + 1]; /* from, to */
    cluster_observer *observer;
    void *observer_context;
};

/* Prepares voters 1 .. voters_count and learners behind them; no node runs yet. */
void cluster_init(struct cluster *cluster, uint32_t voters_count, uint32_t learners_count,
                  uint64_t seed);
void cluster_deinit(struct cluster *cluster);

/* Forgets the disks that the bootstrap configuration records, as a real one does. Before nodes run.
 */
void cluster_forget_disks(struct cluster *cluster);

/* Adds a blank node that knows of no member, up to CLUSTER_NODES_MAX; returns its id. */
uint64_t cluster_add_node(struct cluster *cluster);

/* Crashes a node that is up and puts an empty disk in, which knows the cluster's id and members if
 * it is to wait for a leader. */
void cluster_wipe(struct cluster *cluster, uint64_t id);

/* Takes the last count entries from the disk of a node that is down, as if it were an older image.
 */
void cluster_lose(struct cluster *cluster, uint64_t id, uint32_t count);

/* Copies a disk as it is now; and puts the last copy in place of what a node that is down has. */
void cluster_take_image(struct cluster *cluster, uint64_t id);
void cluster_restore_image(struct cluster *cluster, uint64_t id);

/* Crashes two nodes and puts each other's disk in. */
void cluster_swap_disks(struct cluster *cluster, uint64_t a, uint64_t b);

/* Starts a node from its disk; a node that runs is crashed first. */
void cluster_start(struct cluster *cluster, uint64_t id);
void cluster_start_all(struct cluster *cluster);
/* Loses the core and every persist on its way. */
void cluster_crash(struct cluster *cluster, uint64_t id);

/* Writes a disk by hand, for a node that is down: entry i + 1 has term terms[i]. */
void cluster_write_disk(struct cluster *cluster, uint64_t id, struct raft_hard_state hard_state,
                        const uint64_t *terms, uint32_t terms_count);

struct raft_status cluster_status(const struct cluster *cluster, uint64_t id);
/* The node that leads in the highest term, or RAFT_ID_NONE. */
uint64_t cluster_leader(const struct cluster *cluster);

/* Steps a node, puts its messages in the mail and its persist on the way; unless the node persists
 * by hand, the persist completes at once. */
enum result cluster_step(struct cluster *cluster, uint64_t id, const struct raft_event *event);
enum result cluster_receive(struct cluster *cluster, const struct raft_message *message);
enum result cluster_propose(struct cluster *cluster, uint64_t id, const char *text);
void cluster_read(struct cluster *cluster, uint64_t id, uint64_t context);
enum result cluster_change(struct cluster *cluster, uint64_t id, enum raft_change_kind kind,
                           uint64_t who, bool force);
enum result cluster_add(struct cluster *cluster, uint64_t id, uint64_t who,
                        enum raft_member_role role);
enum result cluster_transfer(struct cluster *cluster, uint64_t id, uint64_t to);
/* Moves the clock to the node's deadline, if that is ahead, and steps it. */
void cluster_expire(struct cluster *cluster, uint64_t id);
/* Completes the oldest persists of a node; returns how many there were. */
uint32_t cluster_persist(struct cluster *cluster, uint64_t id, uint32_t count);
/* Saves a snapshot of what is committed up to index and compacts the log. */
void cluster_compact(struct cluster *cluster, uint64_t id, uint64_t index);

/* Copies a snapshot, as of what node from has committed, or of an earlier index, to node to. */
enum result cluster_install(struct cluster *cluster, uint64_t from, uint64_t to, uint64_t index);

/* Delivers one piece of mail, if its link is whole and its receiver runs. */
enum result cluster_deliver_at(struct cluster *cluster, uint32_t at);
/* Delivers, in order, until no mail is left. */
void cluster_deliver_all(struct cluster *cluster);
void cluster_drop_at(struct cluster *cluster, uint32_t at);
void cluster_drop_all(struct cluster *cluster);
/* Of all mail, what is from a node or to it. */
void cluster_drop_mail_of(struct cluster *cluster, uint64_t id);
/* A link comes up: to hears at once what from remembers of it, if both run and it is not cut. */
void cluster_link(struct cluster *cluster, uint64_t from, uint64_t to);
/* Puts a copy of a piece of mail at the end. */
void cluster_repeat_at(struct cluster *cluster, uint32_t at);
/* The first mail of a type from one node to another (RAFT_ID_NONE: any), or NULL. */
const struct cluster_mail *cluster_find_mail(const struct cluster *cluster,
                                             enum raft_message_type type, uint64_t from,
                                             uint64_t to);
void cluster_cut(struct cluster *cluster, uint64_t a, uint64_t b, bool cut);
void cluster_isolate(struct cluster *cluster, uint64_t id, bool cut);
/* Lets ms pass: deadlines come in order, mail arrives at once. */
void cluster_run(struct cluster *cluster, uint64_t ms);
/* Makes node id the leader of a cluster at rest, by its deadline and all mail. */
void cluster_elect(struct cluster *cluster, uint64_t id);

#endif
