/* remember.c -- disks that went back: who remembers what they acknowledged, and what follows.
 *
 * A disk can come back as it was some time ago: an old image restored, a log without its end. Its
 * id is the same, its log well formed, and a majority that counts on it may lack what it had
 * acknowledged. Whoever led then knows better, in office or not. So every node keeps, for each
 * peer, the furthest that it was told as a leader, {term, index}, and tells the peer whenever a
 * link to it comes up. The peer compares that with what it started from:
 *
 *   it acknowledged entries of a term by a disk that held the term, and within a term no log is cut
 *   below what was acknowledged: so a start of a lower term, or of the same and a shorter log, has
 *   lost something. A start of a higher term is newer than the acknowledgement, however long its
 *   log is: a later leader may have cut it.
 *
 * What it acknowledged since it started is in its log, and proves nothing: so a memory of a term in
 * which, or after which, it has acknowledged something is not compared. A leader's memory comes in
 * before its appends do, over the same link.
 *
 * A node that has lost something has no vote, until it knows an entry as committed that is of the
 * term in question and no less far, or of a later term: the log of a later leader has everything
 * that was committed before (Leader Completeness), and so has one that matches it.
 *
 * To be told in time, a node with a disk that is not blank withholds its votes after a start until
 * it has heard from every other voter, or for so long as raft_start says.
 */
#include "raft/raft_internal.h"

#include <inttypes.h>

#include "base/logger.h"

static bool is_further(const struct raft_memory *memory, uint64_t term, uint64_t index)
{
    return memory->term > term || (memory->term == term && memory->index > index);
}

/* ---- Of others ---- */

/* Returns memories_count when there is none. */
static uint32_t find_row(const struct raft *raft, uint64_t peer)
{
    uint32_t at = 0;
    while (at < raft->memories_count && raft->memories[at].peer != peer) {
        at++;
    }
    return at;
}

/* Makes room for one more; there is always one that is no member any more, if it has to go. */
static uint32_t add_row(struct raft *raft, uint64_t peer)
{
    uint32_t at = 0;
    if (raft->memories_count < RAFT_PEERS_MAX) {
        at = raft->memories_count++;
    } else {
        while (raft_is_member(raft, raft->memories[at].peer)) {
            at++;
        }
    }
    raft->memories[at] = (struct raft_memory_row){.peer = peer};
    return at;
}

/* What a leader of that term knows now, if that is further than what is remembered of the disk. */
static struct raft_memory furthest(struct raft_memory memory, const struct raft_peer *peer,
                                   uint64_t term)
{
    struct raft_memory now = {peer->disk_id, term, peer->match_index};
    bool is_known = peer->match_index > 0 && peer->disk_id != 0;
    bool is_news = memory.disk_id != now.disk_id || is_further(&now, memory.term, memory.index);
    return is_known && is_news ? now : memory;
}

void raft_remember(struct raft *raft, const struct raft_peer *peer)
{
    uint32_t at = find_row(raft, peer->id);
    if (at == raft->memories_count) {
        at = add_row(raft, peer->id);
    }
    struct raft_memory *memory = &raft->memories[at].memory;
    *memory = furthest(*memory, peer, raft->hard_state.term);
}

void raft_remember_all(struct raft *raft)
{
    for (uint32_t i = 0; i < raft->peers_count; i++) {
        raft_remember(raft, &raft->peers[i]);
    }
}

struct raft_memory raft_get_memory(const struct raft *raft, uint64_t peer)
{
    struct raft_memory memory = {0};
    uint32_t at = find_row(raft, peer);
    if (at < raft->memories_count) {
        memory = raft->memories[at].memory;
    }
    for (uint32_t i = 0; i < raft->peers_count; i++) { /* a leader's only */
        if (raft->peers[i].id == peer) {
            memory = furthest(memory, &raft->peers[i], raft->hard_state.term);
        }
    }
    return memory;
}

/* ---- Of this node ---- */

bool raft_has_lost(const struct raft *raft)
{
    return is_further(&raft->lost, raft_log_term_at(&raft->log, raft->commit_index),
                      raft->commit_index);
}

static bool was_heard(const struct raft *raft, uint64_t peer)
{
    for (uint32_t i = 0; i < raft->heard_count; i++) {
        if (raft->heard[i] == peer) {
            return true;
        }
    }
    return false;
}

bool raft_withholds_votes(const struct raft *raft)
{
    if (raft->now_ms >= raft->withhold_until_ms) {
        return false;
    }
    const struct raft_configuration *configuration = &raft->membership.latest;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        const struct raft_member *member = &configuration->members[i];
        if (member->role == RAFT_VOTER && member->id != raft->id && !was_heard(raft, member->id)) {
            return true;
        }
    }
    return false;
}

void raft_remember_start(struct raft *raft, uint32_t withhold_ms)
{
    raft->start_term = raft->hard_state.term;
    raft->start_index = raft_log_last_index(&raft->log);
    if (raft->start_term > 0 || raft->start_index > 0) {
        raft->withhold_until_ms = raft->now_ms + withhold_ms;
    }
}

void raft_handle_remembered(struct raft *raft, uint64_t peer, const struct raft_memory *memory)
{
    if (!was_heard(raft, peer) && raft->heard_count < RAFT_PEERS_MAX) {
        raft->heard[raft->heard_count++] = peer;
    }
    bool is_of_before = raft->first_acked_term == 0 || memory->term < raft->first_acked_term;
    if (memory->disk_id != raft->disk_id || !is_of_before ||
        !is_further(memory, raft->start_term, raft->start_index) ||
        !is_further(memory, raft->lost.term, raft->lost.index)) {
        return;
    }
    raft->lost = *memory;
    if (!raft_has_lost(raft)) {
        return;
    }
    logger_log(LOGGER_WARNING,
               "raft: this disk has gone back: it acknowledged entry %" PRIu64 " in term %" PRIu64
               " to member %" PRIu64 ", but started from entry %" PRIu64 " and term %" PRIu64
               ": no vote until it is brought up to date",
               memory->index, memory->term, peer, raft->start_index, raft->start_term);
    raft_drop_held(raft); /* a vote that it gave before it knew may be among them */
    if (raft->role != RAFT_FOLLOWER) {
        raft_become_follower(raft, raft->hard_state.term, RAFT_ID_NONE);
    }
}
