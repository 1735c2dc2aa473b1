/* lab_disk.h -- a node's simulated disk: units become durable later, in order; a crash loses the
 * rest.
 *
 * A unit counts as durable when its delay is over. At a crash, of those under way the first few may
 * have reached the disk all the same, without anybody having been told.
 */
#ifndef QUORUM_TESTS_SIM_LAB_DISK_H
#define QUORUM_TESTS_SIM_LAB_DISK_H

#include "base/prng.h"
#include "raft/raft.h"
#include "sim/lab_fault.h"

/* A raft_persist with entries of its own. */
struct lab_unit {
    struct raft_persist persist;
    struct raft_entry *entries; /* payloads are copies, so that no node shares memory */
    uint64_t due_ms;
};

struct lab_disk {
    uint64_t disk_id;
    bool was_wiped;      /* its node had another one before */
    uint64_t lost_index; /* and had so much of the log on that */
    /* Found rotten at the start: what was known of the cluster by then; no members: nothing. */
    struct raft_configuration known;
    struct lab_faults *faults; /* counted there */
    const char *violation;     /* what was written against the rules; NULL: nothing */
    struct raft_hard_state hard_state;
    uint64_t incarnation;
    uint64_t commit_index; /* the hint of the last durable unit */
    uint64_t base_index;   /* the entries begin behind it */
    uint64_t base_term;
    struct raft_entry *entries;
    uint64_t entries_count;
    uint64_t entries_capacity;
    struct lab_unit *units; /* under way, oldest first */
    uint32_t units_count;
    uint32_t units_capacity;
    uint64_t delay_ms_max;    /* a unit takes 0 to this */
    uint64_t stalls_until_ms; /* and none is done before this */
    bool fails_next;          /* the next fsync fails: the node stops */
};

void lab_disk_deinit(struct lab_disk *disk);

/* Takes a unit over the present ones; it is durable some time after now_ms. */
void lab_disk_submit(struct lab_disk *disk, const struct raft_persist *persist, uint64_t now_ms,
                     struct prng *prng);

/* The entries up to index are not needed any more. */
void lab_disk_compact(struct lab_disk *disk, uint64_t index);

/* Drops every entry: the log goes on behind index. */
void lab_disk_reset(struct lab_disk *disk, uint64_t index, uint64_t term);

/* Loses the entries from index on, behind the base: a log without its end. */
void lab_disk_cut(struct lab_disk *disk, uint64_t index);

/* When the first unit under way is durable, or UINT64_MAX. */
uint64_t lab_disk_due_ms(const struct lab_disk *disk);

/* Adds the next entry, taking its payload over. */
void lab_disk_append(struct lab_disk *disk, const struct raft_entry *entry);

/* Of the last durable entry, or of the base. */
uint64_t lab_disk_last_index(const struct lab_disk *disk);
uint64_t lab_disk_last_term(const struct lab_disk *disk);

/* Whether the log has that entry durably, in it or behind its base. */
bool lab_disk_has(const struct lab_disk *disk, uint64_t index, uint64_t term);

/* Makes durable what is due; returns the id of the last unit, or 0 when nothing was. */
uint64_t lab_disk_complete(struct lab_disk *disk, uint64_t now_ms);

/* The newest configuration in the log, decoded; false when there is none. */
bool lab_disk_configuration(const struct lab_disk *disk, struct raft_configuration *out);

/* Power is lost: units under way are gone, but for some at the front, by chance. */
void lab_disk_crash(struct lab_disk *disk, struct prng *prng);

#endif
