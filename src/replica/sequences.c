/* sequences.c -- exactly once, by taking only the next sequence of an origin.
 *
 * After the thesis, section 6.3 (client sessions), with a node in the place of a client: nodes
 * number their batches without gaps, so one number an origin is all there is to remember.
 */
#include "replica/sequences.h"

#include "base/assert.h"

static const struct sequence_row *find(const struct sequences *sequences, uint64_t origin)
{
    for (uint32_t i = 0; i < sequences->count; i++) {
        if (sequences->rows[i].origin == origin) {
            return &sequences->rows[i];
        }
    }
    return NULL;
}

/* A row whose every incarnation so far is over. */
static struct sequence_row closed_row(uint64_t origin, uint64_t incarnation)
{
    return (struct sequence_row){origin, incarnation, UINT64_MAX};
}

void sequences_set_members(struct sequences *sequences,
                           const struct raft_configuration *configuration)
{
    struct sequences renewed = {.incarnation_floor = sequences->incarnation_floor};
    for (uint32_t i = 0; i < sequences->count; i++) {
        const struct sequence_row *row = &sequences->rows[i];
        if (raft_configuration_find(configuration, row->origin) == NULL &&
            row->incarnation > renewed.incarnation_floor) {
            renewed.incarnation_floor = row->incarnation;
        }
    }
    for (uint32_t i = 0; i < configuration->members_count; i++) {
        uint64_t id = configuration->members[i].id;
        const struct sequence_row *row = find(sequences, id);
        renewed.rows[renewed.count++] =
            row == NULL ? closed_row(id, renewed.incarnation_floor) : *row;
    }
    *sequences = renewed;
}

uint64_t sequences_usable_incarnation(const struct sequences *sequences, uint64_t origin,
                                      uint64_t incarnation)
{
    const struct sequence_row *row = find(sequences, origin);
    if (row == NULL || incarnation > row->incarnation) {
        return incarnation;
    }
    bool is_present = incarnation == row->incarnation && row->sequence != UINT64_MAX;
    return is_present ? incarnation : row->incarnation + 1;
}

static enum sequence_verdict judge(const struct sequence_row *row, uint64_t incarnation,
                                   uint64_t sequence)
{
    if (row == NULL) {
        return SEQUENCE_STRANGER;
    }
    if (incarnation < row->incarnation) {
        return SEQUENCE_REPEAT;
    }
    /* A node's new start counts from 1 again, and nothing of its old start is owed to anyone. */
    uint64_t last = incarnation > row->incarnation ? 0 : row->sequence;
    if (sequence <= last) {
        return SEQUENCE_REPEAT;
    }
    return sequence == last + 1 ? SEQUENCE_NEXT : SEQUENCE_GAP;
}

enum sequence_verdict sequences_take(struct sequences *sequences, uint64_t origin,
                                     uint64_t incarnation, uint64_t sequence)
{
    const struct sequence_row *found = find(sequences, origin);
    enum sequence_verdict verdict = judge(found, incarnation, sequence);
    if (verdict == SEQUENCE_NEXT) {
        struct sequence_row *row = &sequences->rows[found - sequences->rows];
        row->incarnation = incarnation;
        row->sequence = sequence;
    }
    return verdict;
}

void sequences_raise(struct sequences *sequences, const struct sequences *other)
{
    struct sequences raised = *other;
    for (uint32_t i = 0; i < raised.count; i++) {
        struct sequence_row *row = &raised.rows[i];
        const struct sequence_row *own = find(sequences, row->origin);
        bool is_ahead = own != NULL &&
                        (own->incarnation > row->incarnation ||
                         (own->incarnation == row->incarnation && own->sequence > row->sequence));
        if (is_ahead) {
            *row = *own;
        }
    }
    *sequences = raised;
}
