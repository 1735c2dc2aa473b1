/* divergence.c -- nodes whose states have come apart notice it while they run. */
#include "replica/divergence.h"

#include "base/logger.h"
#include "replica/replica_internal.h"

enum {
    CHECK_ENTRIES = 1024,
    CHECK_MS = 1000,
    /* One that could not be appended (a transfer is under way) is tried again after this. */
    CHECK_RETRY_MS = 20,
};

typedef unsigned long long u64; /* what %llu takes */

/* ---- Comparing ---- */

struct tally {
    uint32_t voters;
    uint32_t agreeing; /* voters with the most frequent hash */
    uint64_t hash;     /* that hash */
    bool is_split;     /* two voters reported different ones */
};

static bool is_voter(const struct replica *replica, uint64_t id)
{
    const struct raft_member *member = raft_configuration_find(&replica->applied_configuration, id);
    return member != NULL && member->role == RAFT_VOTER;
}

static uint32_t count_agreeing(const struct replica *replica, const struct entry_check *check,
                               uint64_t hash)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < check->rows_count; i++) {
        count += check->rows[i].hash == hash && is_voter(replica, check->rows[i].member);
    }
    return count;
}

static struct tally count(const struct replica *replica, const struct entry_check *check)
{
    struct tally tally = {0};
    const struct raft_configuration *configuration = &replica->applied_configuration;
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        tally.voters += configuration->members[i].role == RAFT_VOTER;
    }
    for (uint32_t i = 0; i < check->rows_count; i++) {
        if (!is_voter(replica, check->rows[i].member)) {
            continue;
        }
        uint64_t hash = check->rows[i].hash;
        uint32_t agreeing = count_agreeing(replica, check, hash);
        tally.is_split = tally.is_split || (tally.agreeing > 0 && hash != tally.hash);
        if (agreeing > tally.agreeing) {
            tally.agreeing = agreeing;
            tally.hash = hash;
        }
    }
    return tally;
}

static void compare(struct replica *replica, const struct entry_check *check)
{
    struct divergence *divergence = &replica->divergence;
    if (check->index == 0 || check->index != divergence->check_index) {
        return; /* nobody could, or this node's state is younger than that */
    }
    struct tally tally = count(replica, check);
    if (tally.agreeing * 2 > tally.voters) {
        if (tally.hash != divergence->check_hash) {
            divergence->has_diverged = true;
            logger_log(LOGGER_ERROR,
                       "this node's state has come apart from the others': at entry %llu its hash "
                       "is %016llx here and %016llx on %u of %u voters; this node stops, and "
                       "fetches a snapshot when it starts again",
                       (u64)check->index, (u64)divergence->check_hash, (u64)tally.hash,
                       tally.agreeing, tally.voters);
        }
    } else if (tally.is_split) {
        logger_log(LOGGER_ERROR,
                   "states of nodes have come apart, and no majority of the voters agrees: at "
                   "entry %llu the hash is %016llx here; compare the nodes (DEBUG DIGEST), and "
                   "give those that are wrong an empty data directory",
                   (u64)check->index, (u64)divergence->check_hash);
    }
}

/* ---- At apply ---- */

void divergence_note_change(struct replica *replica)
{
    struct divergence *divergence = &replica->divergence;
    if (divergence->changes++ == 0) {
        divergence->changed_ms = replica->now_ms;
    }
}

static void report(struct replica *replica, const struct peer_state_hash *state)
{
    uint64_t leader = replica->status.leader;
    divergence_reported(replica, replica->self, state);
    if (!replica->has_started || leader == RAFT_ID_NONE || leader == replica->self) {
        return;
    }
    struct peer_message message = {
        .type = PEER_MESSAGE_STATE_HASH, .from = replica->self, .to = leader};
    message.state_hash = *state;
    outbox_add_message(&replica->outbox, &message);
}

void divergence_check(struct replica *replica, uint64_t index, const struct entry_check *check)
{
    struct divergence *divergence = &replica->divergence;
    compare(replica, check);
    divergence->check_index = index;
    divergence->check_hash = keyspace_state_hash(replica->keyspace);
    divergence->changes = 0;
    struct peer_state_hash state = {index, divergence->check_hash};
    report(replica, &state);
}

/* ---- The leader ---- */

void divergence_reported(struct replica *replica, uint64_t from,
                         const struct peer_state_hash *state)
{
    struct entry_check *reports = &replica->divergence.reports;
    bool is_member = raft_configuration_find(replica_configuration(replica), from) != NULL;
    if (!is_member || state->index < reports->index || state->index > replica->status.last_index) {
        return;
    }
    if (state->index > reports->index) {
        *reports = (struct entry_check){.index = state->index};
    }
    uint32_t at = 0;
    while (at < reports->rows_count && reports->rows[at].member < from) {
        at++;
    }
    bool is_there = at < reports->rows_count && reports->rows[at].member == from;
    if (is_there || reports->rows_count == LIMIT_MEMBERS) {
        return;
    }
    memmove(&reports->rows[at + 1], &reports->rows[at],
            (reports->rows_count - at) * sizeof(reports->rows[0]));
    reports->rows[at].member = from;
    reports->rows[at].hash = state->hash;
    reports->rows_count++;
}

static bool is_under_way(const struct replica *replica)
{
    const struct divergence *divergence = &replica->divergence;
    return divergence->proposed_term == replica->status.term &&
           divergence->proposed_index > replica->applied_index;
}

bool divergence_is_due(const struct replica *replica)
{
    const struct divergence *divergence = &replica->divergence;
    bool is_time = divergence->changes >= CHECK_ENTRIES ||
                   replica->now_ms >= divergence->changed_ms + CHECK_MS;
    return replica->status.role == RAFT_LEADER && divergence->changes > 0 && is_time &&
           !is_under_way(replica);
}

uint64_t divergence_deadline_ms(const struct replica *replica)
{
    const struct divergence *divergence = &replica->divergence;
    if (replica->status.role != RAFT_LEADER || divergence->changes == 0 || is_under_way(replica)) {
        return UINT64_MAX;
    }
    uint64_t due_ms = divergence->changed_ms + CHECK_MS;
    return due_ms > replica->now_ms ? due_ms : replica->now_ms + CHECK_RETRY_MS;
}

void divergence_fill(const struct replica *replica, struct entry_check *out)
{
    const struct divergence *divergence = &replica->divergence;
    *out = (struct entry_check){0};
    if (divergence->check_index != 0 && divergence->reports.index == divergence->check_index) {
        *out = divergence->reports;
    }
}

void divergence_proposed(struct replica *replica, uint64_t index)
{
    replica->divergence.proposed_index = index;
    replica->divergence.proposed_term = replica->status.term;
}
