/* batch.c -- gathering this node's writes into batches. */
#include "replica/batch.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "replica/session_internal.h"
#include "wire/entry_payload.h"

enum { BATCH_KEEP_BYTES = 4 * 1024 * 1024, BATCH_SESSIONS_MIN = 64 };

void batches_init(struct batches *batches)
{
    *batches = (struct batches){.next_sequence = 1};
    list_init(&batches->sent);
    list_init(&batches->queued);
}

static void batch_free(struct batch *batch)
{
    if (batch != NULL) {
        buf_deinit(&batch->commands);
        mem_free(batch->sessions);
        mem_free(batch);
    }
}

/* At the end of the node: nobody is answered any more. */
static void drop(struct batch *batch)
{
    for (uint32_t i = 0; batch != NULL && i < batch->commands_count; i++) {
        if (batch->sessions[i] != NULL) {
            session_release(batch->sessions[i]);
        }
    }
    batch_free(batch);
}

static void drop_list(struct list *list)
{
    struct list *link;
    while ((link = list_pop_front(list)) != NULL) {
        drop(LIST_MEMBER(link, struct batch, link));
    }
}

void batches_deinit(struct batches *batches)
{
    drop_list(&batches->sent);
    drop_list(&batches->queued);
    drop(batches->open);
    batch_free(batches->spare);
    batches->open = NULL;
    batches->spare = NULL;
}

static struct batch *open_batch(struct batches *batches)
{
    if (batches->open != NULL) {
        return batches->open;
    }
    struct batch *batch = batches->spare;
    batches->spare = NULL;
    if (batch == NULL) {
        batch = mem_alloc_zeroed(1, sizeof(*batch));
        list_init(&batch->link);
    }
    batch->generation = ++batches->generations;
    batch->opened_ms = batches->now_ms;
    batches->open = batch;
    return batch;
}

void batches_close_open(struct batches *batches)
{
    if (batches->open != NULL) {
        list_push_back(&batches->queued, &batches->open->link);
        batches->open = NULL;
    }
}

uint64_t batches_add(struct batches *batches, struct session *session, uint32_t database,
                     const struct slice *arguments, uint32_t arguments_count)
{
    struct batch *batch = open_batch(batches);
    uint64_t generation = batch->generation;
    if (batch->commands_count == batch->sessions_capacity) {
        uint32_t capacity = batch->sessions_capacity * 2;
        batch->sessions_capacity = capacity < BATCH_SESSIONS_MIN ? BATCH_SESSIONS_MIN : capacity;
        batch->sessions =
            mem_realloc(batch->sessions, batch->sessions_capacity * sizeof(*batch->sessions));
    }
    size_t before = buf_size(&batch->commands);
    batch_put_command(&batch->commands, database, arguments, arguments_count);
    batch->sessions[batch->commands_count++] = session;
    batches->bytes += buf_size(&batch->commands) - before;
    if (buf_size(&batch->commands) >= LIMIT_ENTRY_BYTES_SOFT) {
        batches_close_open(batches);
    }
    return generation;
}

void batches_add_owed(struct batches *batches, uint32_t database, const struct slice *arguments,
                      uint32_t arguments_count)
{
    open_batch(batches)->is_owed = true;
    (void)batches_add(batches, NULL, database, arguments, arguments_count);
}

struct batch *batches_first_unsent(struct batches *batches)
{
    if (list_is_empty(&batches->queued)) {
        batches_close_open(batches);
    }
    if (list_is_empty(&batches->queued)) {
        return NULL;
    }
    return LIST_MEMBER(batches->queued.next, struct batch, link);
}

const struct batch *batches_peek_unsent(const struct batches *batches)
{
    return list_is_empty(&batches->queued) ? batches->open
                                           : LIST_MEMBER(batches->queued.next, struct batch, link);
}

struct batch *batches_next_unsent(const struct batches *batches, const struct batch *batch)
{
    return batch->link.next == &batches->queued ? NULL
                                                : LIST_MEMBER(batch->link.next, struct batch, link);
}

void batches_mark_sent(struct batches *batches, struct batch *batch)
{
    ASSERT(batch->sequence == 0);
    ASSERT(batches->queued.next == &batch->link);
    list_remove(&batch->link);
    list_push_back(&batches->sent, &batch->link);
    batch->sequence = batches->next_sequence++;
    batches->generation_sent = batch->generation;
    batches->sent_count++;
}

struct batch *batches_first_sent(const struct batches *batches)
{
    return list_is_empty(&batches->sent) ? NULL
                                         : LIST_MEMBER(batches->sent.next, struct batch, link);
}

struct batch *batches_next_sent(const struct batches *batches, const struct batch *batch)
{
    return batch->link.next == &batches->sent ? NULL
                                              : LIST_MEMBER(batch->link.next, struct batch, link);
}

void batches_remove(struct batches *batches, struct batch *batch)
{
    for (uint32_t i = 0; i < batch->commands_count; i++) {
        DEBUG_ASSERT(batch->sessions[i] == NULL);
    }
    list_remove(&batch->link);
    if (batch->sequence != 0) {
        batches->sent_count--;
    }
    ASSERT(batches->bytes >= buf_size(&batch->commands));
    batches->bytes -= buf_size(&batch->commands);
    if (batches->open == batch) {
        batches->open = NULL;
    }
    if (batches->spare != NULL || batch->commands.capacity > BATCH_KEEP_BYTES) {
        batch_free(batch);
        return;
    }
    buf_clear(&batch->commands);
    batch->sequence = 0;
    batch->commands_count = 0;
    batch->is_given_up = false;
    batch->is_owed = false;
    batches->spare = batch;
}

void batches_renumber(struct batches *batches)
{
    batches->next_sequence = 1;
    struct batch *batch = batches_first_sent(batches);
    while (batch != NULL) {
        struct batch *next = batches_next_sent(batches, batch);
        if (batch->is_given_up && !batch->is_owed) {
            batches_remove(batches, batch);
        } else {
            batch->sequence = batches->next_sequence++;
        }
        batch = next;
    }
}

bool batches_are_stuck(const struct batches *batches)
{
    const struct batch *first = batches_first_sent(batches);
    return first != NULL && first->is_given_up;
}
