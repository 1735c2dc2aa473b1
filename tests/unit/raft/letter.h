/* letter.h -- messages written by hand, from a member that the test plays itself. */
#ifndef QUORUM_TESTS_UNIT_RAFT_LETTER_H
#define QUORUM_TESTS_UNIT_RAFT_LETTER_H

#include "unit/raft/cluster.h"

/* All return what raft_step returned. Earlier mail is thrown away, so that what a test finds
 * afterwards is the answer. */
enum result letter_vote(struct cluster *cluster, uint64_t from, uint64_t to, uint64_t term,
                        struct raft_vote vote);
enum result letter_pre_vote(struct cluster *cluster, uint64_t from, uint64_t to, uint64_t term,
                            struct raft_vote vote);
enum result letter_heartbeat(struct cluster *cluster, uint64_t from, uint64_t to, uint64_t term,
                             struct raft_heartbeat heartbeat);
/* Entries previous_index + 1 .. with terms[i], and the payload that cluster_write_disk gives. */
struct letter_append {
    uint64_t term;
    uint64_t previous_index;
    uint64_t previous_term;
    uint64_t commit_index;
    uint64_t terms[8];
    uint32_t count;
};
enum result letter_append(struct cluster *cluster, uint64_t from, uint64_t to,
                          struct letter_append append);
/* An accepted append reply. */
enum result letter_ack(struct cluster *cluster, uint64_t from, uint64_t to, uint64_t term,
                       uint64_t match_index);

/* The append reply in the mail; NULL: none. */
const struct raft_append_reply *letter_append_reply(const struct cluster *cluster);
/* 1: granted, 0: refused, -1: no vote reply (or pre-vote reply) in the mail. */
int letter_vote_reply(const struct cluster *cluster);

/* Whether the log of a node has exactly these terms, from index 1. */
bool letter_log_is(const struct cluster *cluster, uint64_t id, const uint64_t *terms,
                   uint32_t count);

#endif
