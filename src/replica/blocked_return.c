/* blocked_return.c -- what was popped for a client that is gone goes back to where it was.
 *
 * A node knows that its client is gone before or after an entry is applied, the other nodes do not:
 * so it cannot change what the entry does, and follows it up with another one instead. Between the
 * two, others see the key without the element, as if it had been popped and pushed again; a key
 * that ran empty comes back without its expiry. Only if this node dies between the two is the
 * element gone, as in Redis when the server dies.
 */
#include "base/mem.h"
#include "command/command_wait.h"
#include "replica/replica_internal.h"
#include "wire/reply_reader.h"

/* The bulk strings of a reply: the key, then what was popped. */
struct popped {
    struct slice *slices;
    uint32_t count;
    uint32_t capacity;
};

static void read_popped(struct slice reply, struct popped *popped)
{
    struct reply_element element;
    size_t consumed = 0;
    while (reply_read(reply, &element, &consumed) == PARSE_DONE) {
        reply = slice_of(reply.bytes + consumed, reply.size - consumed);
        if (element.kind != REPLY_KIND_BULK) {
            continue;
        }
        if (popped->count == popped->capacity) {
            popped->capacity = popped->capacity == 0 ? 16 : popped->capacity * 2;
            popped->slices =
                mem_realloc(popped->slices, popped->capacity * sizeof(*popped->slices));
        }
        popped->slices[popped->count++] = element.text;
    }
}

/* Pushed back one by one, the last that was popped goes first. */
static void return_elements(struct replica *replica, const struct popped *popped, bool at_head)
{
    uint32_t left = popped->count - 1;
    struct slice *arguments = mem_alloc((left + (size_t)2) * sizeof(*arguments));
    arguments[0] = slice_of_string(at_head ? "LPUSH" : "RPUSH");
    arguments[1] = popped->slices[0];
    while (left > 0) {
        uint32_t count = 2;
        for (size_t bytes = 0; left > 0 && bytes < LIMIT_ENTRY_BYTES_SOFT; left--) {
            arguments[count++] = popped->slices[left];
            bytes += popped->slices[left].size;
        }
        batches_add_owed(&replica->batches, replica->arguments.database, arguments, count);
    }
    mem_free(arguments);
}

/* Members with their scores; one that was added anew meanwhile keeps its new score. */
static void return_members(struct replica *replica, const struct popped *popped)
{
    for (uint32_t i = 1; i + 1 < popped->count; i += 2) {
        struct slice arguments[] = {SLICE_LITERAL("ZADD"), popped->slices[0], SLICE_LITERAL("NX"),
                                    popped->slices[i + 1], popped->slices[i]};
        batches_add_owed(&replica->batches, replica->arguments.database, arguments,
                         sizeof(arguments) / sizeof(arguments[0]));
    }
}

void blocked_give_back(struct replica *replica, const struct command *command, struct slice reply)
{
    const struct command_arguments *arguments = &replica->arguments;
    struct popped popped = {.count = 0};
    read_popped(reply, &popped);
    if (popped.count < 2) { /* an error, or what BLMOVE moved */
        mem_free(popped.slices);
        return;
    }
    switch (command_wait_undo(command, arguments->slices, arguments->count)) {
    case COMMAND_UNDO_HEAD:
        return_elements(replica, &popped, true);
        break;
    case COMMAND_UNDO_TAIL:
        return_elements(replica, &popped, false);
        break;
    case COMMAND_UNDO_MEMBERS:
        return_members(replica, &popped);
        break;
    }
    mem_free(popped.slices);
}
