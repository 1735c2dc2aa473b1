/* outbox.c -- a turn's messages and persists. */
#include "replica/outbox.h"

#include "base/mem.h"

enum { OUTBOX_CAPACITY_MIN = 16 };

static uint32_t grown(uint32_t capacity)
{
    return capacity < OUTBOX_CAPACITY_MIN ? OUTBOX_CAPACITY_MIN : capacity * 2;
}

void outbox_clear(struct outbox *outbox)
{
    for (uint32_t i = 0; i < outbox->entries_arrays; i++) {
        for (uint32_t j = 0; j < outbox->entries_counts[i]; j++) {
            blob_release(outbox->entries[i][j].payload);
        }
        mem_free(outbox->entries[i]);
    }
    outbox->entries_arrays = 0;
    outbox->messages_count = 0;
    outbox->persists_count = 0;
}

void outbox_deinit(struct outbox *outbox)
{
    outbox_clear(outbox);
    mem_free(outbox->messages);
    mem_free(outbox->persists);
    mem_free(outbox->entries);
    mem_free(outbox->entries_counts);
    *outbox = (struct outbox){0};
}

static const struct raft_entry *copy_entries(struct outbox *outbox,
                                             const struct raft_entry *entries, uint32_t count)
{
    if (count == 0) {
        return NULL;
    }
    if (outbox->entries_arrays == outbox->entries_arrays_capacity) {
        uint32_t capacity = grown(outbox->entries_arrays_capacity);
        outbox->entries = mem_realloc(outbox->entries, capacity * sizeof(struct raft_entry *));
        outbox->entries_counts = mem_realloc(outbox->entries_counts, capacity * sizeof(uint32_t));
        outbox->entries_arrays_capacity = capacity;
    }
    struct raft_entry *copies = mem_alloc(count * sizeof(*copies));
    for (uint32_t i = 0; i < count; i++) {
        copies[i] = entries[i];
        (void)blob_retain(copies[i].payload);
    }
    outbox->entries[outbox->entries_arrays] = copies;
    outbox->entries_counts[outbox->entries_arrays++] = count;
    return copies;
}

void outbox_add_message(struct outbox *outbox, const struct peer_message *message)
{
    if (outbox->messages_count == outbox->messages_capacity) {
        outbox->messages_capacity = grown(outbox->messages_capacity);
        outbox->messages =
            mem_realloc(outbox->messages, outbox->messages_capacity * sizeof(*outbox->messages));
    }
    outbox->messages[outbox->messages_count++] = *message;
}

static void add_persist(struct outbox *outbox, const struct raft_persist *persist)
{
    if (outbox->persists_count == outbox->persists_capacity) {
        outbox->persists_capacity = grown(outbox->persists_capacity);
        outbox->persists =
            mem_realloc(outbox->persists, outbox->persists_capacity * sizeof(*outbox->persists));
    }
    struct raft_persist *copy = &outbox->persists[outbox->persists_count++];
    *copy = *persist;
    copy->entries = copy_entries(outbox, persist->entries, persist->entries_count);
}

void outbox_take_raft(struct outbox *outbox, const struct raft_ready *ready)
{
    if (ready->persist.id != 0) {
        add_persist(outbox, &ready->persist);
    }
    for (uint32_t i = 0; i < ready->messages_count; i++) {
        const struct raft_message *raft = &ready->messages[i];
        /* peer_message is large (it can hold a node's addresses): only what is used is set. */
        struct peer_message message;
        message.type = PEER_MESSAGE_RAFT;
        message.from = raft->from;
        message.to = raft->to;
        message.raft = *raft;
        if (raft->type == RAFT_MESSAGE_APPEND) {
            message.raft.append.entries =
                copy_entries(outbox, raft->append.entries, raft->append.entries_count);
        }
        outbox_add_message(outbox, &message);
    }
}
