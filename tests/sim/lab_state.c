/* lab_state.c -- a node's simulated state.db: see lab_state.h. */
#include "sim/lab_state.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "replica/replica_internal.h"
#include "sim/lab.h"

enum { ROWS_AT_ONCE = 16 };

/* ---- Images ---- */

void lab_image_deinit(struct lab_image *image)
{
    for (uint32_t i = 0; i < image->rows_count; i++) {
        blob_release(image->rows[i]);
    }
    mem_free(image->rows);
    blob_release(image->replica_state);
    *image = (struct lab_image){0};
}

void lab_image_copy(const struct lab_image *image, struct lab_image *out)
{
    *out = *image;
    out->rows = mem_alloc(((size_t)image->rows_count + 1) * sizeof(*out->rows));
    out->rows_capacity = image->rows_count;
    for (uint32_t i = 0; i < image->rows_count; i++) {
        out->rows[i] = image->rows[i];
        (void)blob_retain(out->rows[i]);
    }
    if (image->replica_state != NULL) {
        (void)blob_retain(out->replica_state);
    }
}

static void image_set_meta(struct lab_image *image, const struct replica_state_meta *meta)
{
    struct blob *replica_state = blob_copy(meta->replica_state);
    blob_release(image->replica_state);
    image->meta = *meta;
    image->replica_state = replica_state;
    image->meta.replica_state = blob_slice(replica_state);
}

static struct state_row decode_row(struct slice bytes)
{
    struct bytes_reader reader = bytes_reader_of(bytes);
    struct state_row row;
    enum result result = state_row_decode(&reader, &row);
    ASSERT(result == RESULT_OK);
    return row;
}

static void image_remove(struct lab_image *image, uint32_t at)
{
    blob_release(image->rows[at]);
    image->rows_count--;
    memmove(image->rows + at, image->rows + at + 1,
            (image->rows_count - at) * sizeof(*image->rows));
}

/* Where a row is, or belongs. */
static uint32_t image_find(const struct lab_image *image, const struct state_row *row, bool *found)
{
    uint32_t first = 0;
    uint32_t end = image->rows_count;
    *found = false;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        struct state_row present = decode_row(blob_slice(image->rows[middle]));
        int order = state_row_compare(&present, row);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

static void image_remove_slot(struct lab_image *image, uint32_t slot)
{
    struct state_row first = {.slot = slot};
    bool found = false;
    uint32_t at = image_find(image, &first, &found);
    while (at < image->rows_count && decode_row(blob_slice(image->rows[at])).slot == slot) {
        image_remove(image, at);
    }
}

static void image_put(struct lab_image *image, struct slice bytes)
{
    struct state_row row = decode_row(bytes);
    if (row.type == STATE_ROW_SLOT_REMOVED) {
        image_remove_slot(image, row.slot);
        return;
    }
    bool found = false;
    uint32_t at = image_find(image, &row, &found);
    if (found) {
        image_remove(image, at);
    }
    if (row.type == STATE_ROW_REMOVED) {
        return;
    }
    if (image->rows_count == image->rows_capacity) {
        image->rows_capacity = image->rows_capacity * 2 + 64;
        image->rows = mem_realloc(image->rows, image->rows_capacity * sizeof(*image->rows));
    }
    memmove(image->rows + at + 1, image->rows + at,
            (image->rows_count - at) * sizeof(*image->rows));
    image->rows[at] = blob_copy(bytes);
    image->rows_count++;
}

static void image_put_all(struct lab_image *image, struct slice bytes)
{
    struct bytes_reader reader = bytes_reader_of(bytes);
    while (bytes_left(&reader) > 0) {
        const uint8_t *at = reader.at;
        struct state_row row;
        enum result result = state_row_decode(&reader, &row);
        ASSERT(result == RESULT_OK);
        image_put(image, slice_of(at, (size_t)(reader.at - at)));
    }
}

/* Drops the rows of slots that no database has. */
static void image_sweep(struct lab_image *image)
{
    for (uint32_t i = image->rows_count; i > 0; i--) {
        uint32_t slot = decode_row(blob_slice(image->rows[i - 1])).slot;
        uint32_t number = 0;
        while (number < LIMIT_DATABASES && image->meta.slots[number] != slot) {
            number++;
        }
        if (number == LIMIT_DATABASES && slot < STATE_ROW_PARTS_SLOT_MIN) {
            image_remove(image, i - 1);
        }
    }
}

/* Every node's file of the same state is another file. */
static void image_encode(const struct lab_image *image, uint64_t salt, uint64_t padding_bytes,
                         struct buf *out)
{
    struct buf part = {0};
    bytes_put_u64(out, salt);
    for (uint64_t i = 0; i < padding_bytes; i++) {
        bytes_put_u8(&part, (uint8_t)(i * 7));
    }
    bytes_put_slice(out, buf_slice(&part));
    const struct replica_state_meta *meta = &image->meta;
    bytes_put_u64(out, meta->index);
    bytes_put_u64(out, meta->term);
    buf_clear(&part);
    raft_configuration_encode(&meta->configuration, &part);
    bytes_put_slice(out, buf_slice(&part));
    bytes_put_u64(out, (uint64_t)meta->clock_ms);
    bytes_put_u64(out, meta->state_hash);
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        bytes_put_u32(out, meta->slots[i]);
    }
    bytes_put_u32(out, meta->next_slot);
    bytes_put_slice(out, meta->replica_state);
    bytes_put_u64(out, image->content_hash);
    bytes_put_u8(out, (uint8_t)image->alteration);
    for (uint32_t i = 0; i < image->rows_count; i++) {
        bytes_put_slice(out, blob_slice(image->rows[i]));
    }
    buf_deinit(&part);
}

static enum result image_decode(struct slice bytes, struct lab_image *out)
{
    struct bytes_reader reader = bytes_reader_of(bytes);
    (void)bytes_get_u64(&reader);
    (void)bytes_get_slice(&reader);
    struct replica_state_meta meta = {.index = bytes_get_u64(&reader)};
    meta.term = bytes_get_u64(&reader);
    struct slice configuration = bytes_get_slice(&reader);
    if (raft_configuration_decode(configuration, &meta.configuration) != RESULT_OK) {
        return RESULT_CORRUPT;
    }
    meta.clock_ms = (int64_t)bytes_get_u64(&reader);
    meta.state_hash = bytes_get_u64(&reader);
    for (uint32_t i = 0; i < LIMIT_DATABASES; i++) {
        meta.slots[i] = bytes_get_u32(&reader);
    }
    meta.next_slot = bytes_get_u32(&reader);
    meta.replica_state = bytes_get_slice(&reader);
    out->content_hash = bytes_get_u64(&reader);
    out->alteration = (enum lab_alteration)bytes_get_u8(&reader);
    image_set_meta(out, &meta);
    while (!reader.bad && bytes_left(&reader) > 0) {
        image_put(out, bytes_get_slice(&reader));
    }
    return reader.bad ? RESULT_CORRUPT : RESULT_OK;
}

/* ---- Life ---- */

static void operation_deinit(struct lab_operation *operation)
{
    blob_release(operation->bytes);
    mem_free(operation->meta);
}

void lab_state_crash(struct lab_state *state)
{
    for (uint32_t i = 0; i < state->operations_count; i++) {
        operation_deinit(&state->operations[i]);
    }
    state->operations_count = 0;
    buf_deinit(&state->staged);
    buf_deinit(&state->copy);
    buf_deinit(&state->received);
    lab_image_deinit(&state->loading);
    state->is_begun = false;
    state->has_crashed = false;
}

void lab_state_deinit(struct lab_state *state)
{
    lab_state_crash(state);
    lab_image_deinit(&state->saved);
    mem_free(state->operations);
    *state = (struct lab_state){0};
}

static uint64_t content_hash(struct lab_node *node)
{
    return keyspace_content_hash(node->replica->keyspace);
}

struct replica_restore *lab_state_restore(struct lab_node *node)
{
    const struct lab_image *saved = &node->state.saved;
    struct replica_restore *restore = NULL;
    if (saved->meta.index == 0) {
        return NULL;
    }
    enum result result = replica_restore_begin(&saved->meta, &restore);
    ASSERT(result == RESULT_OK);
    for (uint32_t i = 0; i < saved->rows_count; i++) {
        result = replica_restore_rows(restore, blob_slice(saved->rows[i]));
        ASSERT(result == RESULT_OK);
    }
    result = replica_restore_end(restore);
    ASSERT(result == RESULT_OK);
    if (keyspace_content_hash(restore->keyspace) != saved->content_hash &&
        saved->alteration == LAB_SOUND) {
        lab_fail(node->lab, "node %u has saved something else than it had at index %llu",
                 node->number + 1, (unsigned long long)saved->meta.index);
    }
    return restore;
}

/* ---- Orders ---- */

void lab_state_submit(struct lab_node *node, const struct replica_order *order)
{
    struct lab_state *state = &node->state;
    if (order->type == REPLICA_ORDER_LOG_COMPACT) {
        lab_disk_compact(&node->disk, order->index);
        return;
    }
    if (state->operations_count == state->operations_capacity) {
        state->operations_capacity = state->operations_capacity * 2 + 16;
        state->operations =
            mem_realloc(state->operations, state->operations_capacity * sizeof(*state->operations));
    }
    struct lab_operation operation = {.type = order->type};
    operation.due_ms = node->lab->now_ms + prng_below(&node->lab->prng, state->delay_ms_max + 1);
    if (state->operations_count > 0) {
        uint64_t last_ms = state->operations[state->operations_count - 1].due_ms;
        operation.due_ms = operation.due_ms < last_ms ? last_ms : operation.due_ms;
    }
    if (order->type == REPLICA_ORDER_STATE_BEGIN) {
        operation.content_hash = content_hash(node);
        operation.alteration = node->alteration;
    } else if (order->type == REPLICA_ORDER_STATE_PUT) {
        operation.bytes = blob_copy(blob_slice(order->rows));
        state->put_bytes += operation.bytes->size;
    } else if (order->type == REPLICA_ORDER_STATE_COMMIT) {
        operation.bytes = blob_copy(order->meta->replica_state);
        operation.meta = mem_alloc(sizeof(*operation.meta));
        *operation.meta = *order->meta;
        operation.meta->replica_state = blob_slice(operation.bytes);
    } else if (order->type == REPLICA_ORDER_COPY_READ) {
        operation.number = order->read.number;
        operation.offset = order->read.offset;
        operation.count = order->read.bytes;
    } else if (order->type == REPLICA_ORDER_RECEIVE_WRITE) {
        operation.bytes = blob_copy(order->bytes);
    } else if (order->type == REPLICA_ORDER_RECEIVE_VERIFY) {
        operation.snapshot = order->snapshot;
    }
    state->operations[state->operations_count++] = operation;
}

uint64_t lab_state_due_ms(const struct lab_state *state)
{
    return state->operations_count == 0 ? UINT64_MAX : state->operations[0].due_ms;
}

uint64_t lab_state_backlog(const struct lab_state *state, enum replica_order_type type)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < state->operations_count; i++) {
        if (state->operations[i].type == type) {
            bytes += state->operations[i].bytes->size;
        }
    }
    return bytes;
}

/* What an operation came to, to be told. */
struct outcome {
    enum result result;
    struct slice bytes;
};

static enum result draw_result(struct lab_node *node)
{
    bool fails = prng_below(&node->lab->prng, 1000) < node->state.fails_per_mille;
    node->lab->faults.counts[LAB_DISK_FULL] += fails;
    return fails ? RESULT_FULL : RESULT_OK;
}

static enum result commit(struct lab_node *node, const struct lab_operation *operation)
{
    struct lab_state *state = &node->state;
    enum result result = draw_result(node);
    ASSERT(state->is_begun);
    state->is_begun = false;
    if (result == RESULT_OK) {
        ASSERT(operation->meta->index > state->saved.meta.index);
        image_set_meta(&state->saved, operation->meta);
        image_put_all(&state->saved, buf_slice(&state->staged));
        image_sweep(&state->saved);
        state->saved.content_hash = state->staged_content_hash;
        state->saved.alteration = state->staged_alteration;
        state->commits++;
    }
    buf_clear(&state->staged);
    return result;
}

static enum result make_copy(struct lab_node *node)
{
    struct lab_state *state = &node->state;
    enum result result = draw_result(node);
    ASSERT(state->saved.meta.index > 0);
    ASSERT(buf_size(&state->copy) == 0);
    if (result == RESULT_OK) {
        image_encode(&state->saved, node->number, state->padding_bytes, &state->copy);
        state->copy_snapshot =
            (struct peer_snapshot){state->saved.meta.index, state->saved.meta.term,
                                   buf_size(&state->copy), hash_bytes(0, buf_slice(&state->copy))};
        state->copy_snapshot.index += state->misnames_copy;
        state->copies++;
    }
    return result;
}

static enum result verify(struct lab_node *node, const struct lab_operation *operation)
{
    struct lab_state *state = &node->state;
    struct slice file = buf_slice(&state->received);
    lab_image_deinit(&state->loading);
    state->loaded = 0;
    if (file.size != operation->snapshot.bytes || hash_bytes(0, file) != operation->snapshot.hash) {
        return RESULT_CORRUPT;
    }
    enum result result = image_decode(file, &state->loading);
    ASSERT(result == RESULT_OK);
    return draw_result(node);
}

static enum result install(struct lab_node *node)
{
    struct lab_state *state = &node->state;
    state->is_begun = false; /* what was begun is given up */
    buf_clear(&state->staged);
    enum result result = draw_result(node);
    if (result == RESULT_OK) {
        lab_image_deinit(&state->saved);
        state->saved = state->loading;
        state->loading = (struct lab_image){0};
        state->installs++;
        node->is_state_missing = false;
    }
    return result;
}

static struct slice read_copy(struct lab_state *state, const struct lab_operation *operation,
                              struct lab_faults *faults)
{
    struct slice file = buf_slice(&state->copy);
    if (operation->offset + operation->count > file.size) {
        return slice_of(NULL, 0);
    }
    if (state->corrupts_copy) {
        state->copy.bytes[state->copy.head + operation->offset] ^= 1;
        faults->counts[LAB_COPY_DAMAGED]++;
    }
    return slice_of(file.bytes + operation->offset, operation->count);
}

/* What the operation does to the disk. */
static struct outcome carry_out(struct lab_node *node, const struct lab_operation *operation)
{
    struct lab_state *state = &node->state;
    struct outcome outcome = {.result = RESULT_OK};
    switch (operation->type) {
    case REPLICA_ORDER_STATE_BEGIN:
        buf_clear(&state->staged);
        state->staged_content_hash = operation->content_hash;
        state->staged_alteration = operation->alteration;
        state->is_begun = true;
        break;
    case REPLICA_ORDER_STATE_PUT:
        ASSERT(state->is_begun);
        buf_append_slice(&state->staged, blob_slice(operation->bytes));
        break;
    case REPLICA_ORDER_STATE_COMMIT:
        outcome.result = commit(node, operation);
        break;
    case REPLICA_ORDER_COPY_MAKE:
        outcome.result = make_copy(node);
        break;
    case REPLICA_ORDER_COPY_READ:
        outcome.bytes = read_copy(state, operation, &node->lab->faults);
        break;
    case REPLICA_ORDER_COPY_DROP:
        buf_deinit(&state->copy);
        break;
    case REPLICA_ORDER_RECEIVE_BEGIN:
    case REPLICA_ORDER_RECEIVE_DROP:
        buf_clear(&state->received);
        lab_image_deinit(&state->loading);
        break;
    case REPLICA_ORDER_RECEIVE_WRITE:
        buf_append_slice(&state->received, blob_slice(operation->bytes));
        break;
    case REPLICA_ORDER_RECEIVE_VERIFY:
        outcome.result = verify(node, operation);
        break;
    case REPLICA_ORDER_RECEIVE_INSTALL:
        outcome.result = install(node);
        break;
    case REPLICA_ORDER_RECEIVE_LOAD:
    case REPLICA_ORDER_LOG_COMPACT:
        break;
    }
    return outcome;
}

static void tell_installed(struct lab_node *node, enum result result)
{
    const struct lab_image *saved = &node->state.saved;
    replica_on_received_installed(node->replica, result);
    if (result == RESULT_OK) {
        node->alteration = saved->alteration;
    }
    if (result == RESULT_OK && content_hash(node) != saved->content_hash &&
        saved->alteration == LAB_SOUND) {
        lab_fail(node->lab, "node %u took over something else than was sent", node->number + 1);
    }
}

static void tell(struct lab_node *node, const struct lab_operation *operation,
                 const struct outcome *outcome)
{
    struct lab_state *state = &node->state;
    switch (operation->type) {
    case REPLICA_ORDER_STATE_COMMIT:
        if (outcome->result == RESULT_OK) {
            replica_on_state_saved(node->replica, operation->meta->index);
        } else {
            state->given_up++;
            replica_on_state_given_up(node->replica);
        }
        break;
    case REPLICA_ORDER_COPY_MAKE:
        replica_on_copy_made(node->replica, outcome->result, &state->copy_snapshot);
        break;
    case REPLICA_ORDER_COPY_READ:
        replica_on_copy_read(node->replica, operation->number, outcome->bytes);
        break;
    case REPLICA_ORDER_RECEIVE_VERIFY:
        replica_on_received_verified(node->replica, outcome->result, &state->loading.meta);
        break;
    case REPLICA_ORDER_RECEIVE_INSTALL:
        tell_installed(node, outcome->result);
        break;
    case REPLICA_ORDER_STATE_BEGIN:
    case REPLICA_ORDER_STATE_PUT:
    case REPLICA_ORDER_LOG_COMPACT:
    case REPLICA_ORDER_COPY_DROP:
    case REPLICA_ORDER_RECEIVE_BEGIN:
    case REPLICA_ORDER_RECEIVE_WRITE:
    case REPLICA_ORDER_RECEIVE_LOAD:
    case REPLICA_ORDER_RECEIVE_DROP:
        break;
    }
}

/* Hands over rows until the replica has enough for this turn; true when it has them all. */
static bool load(struct lab_node *node)
{
    struct lab_state *state = &node->state;
    struct buf rows = {0};
    bool is_last = false;
    bool takes_more = true;
    while (!is_last && takes_more) {
        buf_clear(&rows);
        for (uint32_t i = 0; i < ROWS_AT_ONCE && state->loaded < state->loading.rows_count; i++) {
            buf_append_slice(&rows, blob_slice(state->loading.rows[state->loaded++]));
        }
        is_last = state->loaded == state->loading.rows_count;
        enum result result = is_last ? draw_result(node) : RESULT_OK;
        takes_more = replica_on_received_rows(node->replica, buf_slice(&rows), is_last, result);
    }
    state->loads += is_last;
    buf_deinit(&rows);
    return is_last;
}

/* Whether the node crashes here, and not just now carries the operation out, or tells of it. */
static bool crashes(struct lab_state *state, bool is_after)
{
    if (state->operations_done + 1 != state->crash_at || state->is_crash_after != is_after) {
        return false;
    }
    state->has_crashed = true;
    return true;
}

void lab_state_complete(struct lab_node *node)
{
    struct lab_state *state = &node->state;
    while (!state->has_crashed && lab_state_due_ms(state) <= node->lab->now_ms) {
        struct lab_operation operation = state->operations[0];
        if (crashes(state, false)) {
            return;
        }
        if (operation.type == REPLICA_ORDER_RECEIVE_LOAD && !load(node)) {
            return;
        }
        struct outcome outcome = carry_out(node, &operation);
        if (crashes(state, true)) {
            return;
        }
        state->operations_done++;
        state->operations_count--;
        memmove(&state->operations[0], &state->operations[1],
                state->operations_count * sizeof(state->operations[0]));
        tell(node, &operation, &outcome);
        operation_deinit(&operation);
    }
}
